/* CREATE INDEX CONCURRENTLY and DROP INDEX CONCURRENTLY. */
#include "apply/outcome_readers.hpp"

#include "pg/index_definition.hpp"
#include "pg/query.hpp"

namespace confiture::apply {

namespace {

constexpr const char *table_before = R"(
SELECT jsonb_build_object(
         'table', c.oid, 'definition', $2,
         'same_name', (SELECT s.oid FROM pg_class s
                       WHERE s.relnamespace = c.relnamespace AND s.relname = $3),
         'indexes', (SELECT coalesce(jsonb_object_agg(x.oid, x.relname), '{}')
                     FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
                     WHERE i.indrelid = c.oid))
FROM pg_class c
WHERE c.oid = $1::oid)";

/* An index that the statement may have made, or what stands in its way. */
struct candidate {
    std::string told, quoted; // its name
    bool here;                // an index of the table
    bool valid;
    bool same_definition;
    bool before, before_by_name; // there before the statement: itself, or another of its name
};

/* $1 before, $2 the name. */
std::string candidates_query(const char *condition) {
    return std::string(R"(
SELECT n.nspname || '.' || x.relname, format('%I.%I', n.nspname, x.relname),
       i.indrelid IS NOT DISTINCT FROM t.oid,
       coalesce(i.indisvalid AND i.indisready AND i.indislive, false),
       coalesce(d.definition = b.facts->>'definition', false),
       x.oid = coalesce((b.facts->>'same_name')::oid, 0) OR b.facts->'indexes' ? x.oid::text,
       b.facts->>'same_name' IS NOT NULL
FROM (SELECT $1::jsonb) b (facts)
     JOIN pg_class t ON t.oid = (b.facts->>'table')::oid
     CROSS JOIN pg_class x
     JOIN pg_namespace n ON n.oid = x.relnamespace
     LEFT JOIN pg_index i ON i.indexrelid = x.oid
     LEFT JOIN LATERAL (SELECT )") +
           pg::index_definition_sql + R"( WHERE i.indrelid = t.oid) d (definition) ON true
WHERE )" + condition +
           " ORDER BY 4 DESC, 1";
}

constexpr const char *of_that_name = "x.relnamespace = t.relnamespace AND x.relname = $2";

/* A name that the server gave ends so, see ChooseIndexName(); a REINDEX CONCURRENTLY of somebody's
 * gives an index that was there before another OID, under the same name. */
constexpr const char *unnamed = R"(
$2 = '' AND i.indrelid = t.oid AND x.relname ~ '_idx[0-9]*$' AND
d.definition = b.facts->>'definition' AND NOT b.facts->'indexes' ? x.oid::text AND
NOT EXISTS (SELECT FROM jsonb_each_text(b.facts->'indexes') k WHERE k.value = x.relname))";

std::vector<candidate> candidates(const outcome_question &question) {
    const std::string &name = question.facts.name;
    std::vector<candidate> found;
    const auto is = [](const pg::field &truth) { return truth == "t"; };
    for (const pg::record &row : pg::query(candidates_query(name.empty() ? unnamed : of_that_name),
                                           {question.before, name}))
        found.push_back(
            {*row[0], *row[1], is(row[2]), is(row[3]), is(row[4]), is(row[5]), is(row[6])});
    return found;
}

finding say(outcome what, std::string sentence) {
    finding found;
    found.what = what;
    found.sentence = std::move(sentence);
    return found;
}

finding being_built(const candidate &index, int process) {
    finding found =
        say(outcome::unknown, told("index", index.told) + " is not valid yet: process " +
                                  std::to_string(process) + " may be building it");
    found.busy = process;
    return found;
}

/* Made since the statement was begun, with its definition. */
finding after_new(const candidate &index, int process) {
    if (index.valid)
        return say(outcome::done, told("index", index.told) + " is there and valid");
    if (process != 0)
        return being_built(index, process);
    finding found = say(outcome::not_done, told("index", index.told) + " is there and invalid");
    found.cleanup.push_back("DROP INDEX CONCURRENTLY " + index.quoted);
    return found;
}

/* What IF NOT EXISTS passes over. */
finding after_tolerated(const candidate &relation, int process) {
    if (!relation.here)
        return say(outcome::not_done,
                   told("relation", relation.told) +
                       " is no index of the table: IF NOT EXISTS passes it over");
    if (!relation.valid && process != 0)
        return being_built(relation, process);
    if (!relation.valid)
        return say(outcome::not_done, told("index", relation.told) +
                                          " is not the statement's and invalid: IF NOT EXISTS "
                                          "passes it over; drop it first");
    return say(outcome::done, told("index", relation.told) + " is there and valid" +
                                  (relation.same_definition ? "" : ", with another definition"));
}

finding after_named(const candidate &relation, bool tolerant, int process) {
    if (!relation.before && !relation.before_by_name && relation.same_definition)
        return after_new(relation, process);
    if (tolerant)
        return after_tolerated(relation, process);
    if (relation.before)
        return say(outcome::not_done, told("relation", relation.told) + " was there before");
    if (relation.before_by_name && relation.same_definition)
        return say(outcome::unknown,
                   told("index", relation.told) + " was there before, and is another one now");
    if (!relation.here)
        return say(outcome::not_done, told("relation", relation.told) + " is not the statement's");
    return say(outcome::unknown,
               told("index", relation.told) + " is there with another definition");
}

/* The valid ones come first. */
finding after_unnamed(const std::vector<candidate> &indexes, int process) {
    finding found = after_new(indexes.front(), process);
    for (const candidate &index : indexes)
        if (!index.valid && process == 0 && &index != &indexes.front())
            found.cleanup.push_back("DROP INDEX CONCURRENTLY " + index.quoted);
    return found;
}

} // namespace

std::string before_create_index(const outcome_question &question) {
    const std::string table = relation_now(question.facts.relation);
    if (table == "0")
        return {};
    const std::string definition =
        pg::index_definition(question.statement, static_cast<std::uint32_t>(std::stoul(table)));
    return one_text(table_before, {table, definition, question.facts.name});
}

finding after_create_index(const outcome_question &question) {
    const std::string table = one_text(
        "SELECT c.oid FROM pg_class c WHERE c.oid = ($1::jsonb->>'table')::oid", {question.before});
    if (table.empty())
        return say(outcome::not_done, told("table", question.facts.relation) + " is not there");
    const auto found = candidates(question);
    if (found.empty())
        return say(outcome::not_done, question.facts.name.empty()
                                          ? told("table", question.facts.relation) +
                                                " has no new index of this definition"
                                          : told("index", question.facts.name) + " is not there");
    const int process = found.back().valid ? 0 : busy_with(table); // the valid ones come first
    return question.facts.name.empty()
               ? after_unnamed(found, process)
               : after_named(found.front(), question.facts.tolerant, process);
}

namespace {

constexpr const char *index_before = R"(
SELECT jsonb_build_object('index', x.oid, 'told', n.nspname || '.' || x.relname,
                          'schema', n.oid, 'name', x.relname, 'table', i.indrelid,
                          'whole', i.indisvalid AND i.indisready AND i.indislive)
FROM pg_class x JOIN pg_namespace n ON n.oid = x.relnamespace
     LEFT JOIN pg_index i ON i.indexrelid = x.oid
WHERE x.oid = $1::oid)";

/* What was there before, whether it is there now, whether something else of its name is, whether it
 * was whole and is. */
constexpr const char *index_after = R"(
SELECT b.facts->>'told', x.oid IS NOT NULL,
       EXISTS (SELECT FROM pg_class s
               WHERE s.relnamespace = (b.facts->>'schema')::oid AND
                     s.relname = b.facts->>'name' AND s.oid <> (b.facts->>'index')::oid),
       coalesce((b.facts->>'whole')::boolean, false),
       coalesce(i.indisvalid AND i.indisready AND i.indislive, false),
       quote_ident(n.nspname) || '.' || quote_ident(x.relname), b.facts->>'table'
FROM (SELECT $1::jsonb) b (facts)
     LEFT JOIN pg_class x ON x.oid = (b.facts->>'index')::oid
     LEFT JOIN pg_namespace n ON n.oid = x.relnamespace
     LEFT JOIN pg_index i ON i.indexrelid = x.oid
WHERE b.facts ? 'index')";

} // namespace

std::string before_drop_index(const outcome_question &question) {
    return one_text(index_before, {relation_now(question.facts.relation)});
}

finding after_drop_index(const outcome_question &question) {
    const auto rows = pg::query(index_after, {question.before});
    if (rows.empty())
        return say(question.facts.tolerant ? outcome::done : outcome::not_done,
                   told("index", question.facts.relation) + " was not there before");
    const pg::record &row = rows[0];
    const auto is = [&](std::size_t column) { return row[column] == "t"; };
    const std::string index = told("index", *row[0]);
    if (!is(1) && is(2)) // rebuilt by REINDEX CONCURRENTLY, or made anew
        return say(outcome::unknown, index + " is another one now");
    if (!is(1))
        return say(outcome::done, index + " is gone");
    if (is(4))
        return say(outcome::not_done, index + " is there and valid");
    if (!is(3))
        return say(outcome::not_done, index + " is there, invalid as it was before");
    if (const int process = busy_with(row[6].value_or("0"))) {
        finding found = say(outcome::unknown, index + " is half dropped: process " +
                                                  std::to_string(process) + " may be dropping it");
        found.busy = process;
        return found;
    }
    finding found = say(outcome::done, index + " is half dropped");
    found.cleanup.push_back("DROP INDEX CONCURRENTLY " + *row[5]);
    return found;
}

} // namespace confiture::apply
