/* REINDEX, of one table or many: it may always run again, but CONCURRENTLY leaves invalid indexes
 * behind, X_ccnew before the new index takes the place of the old one and X_ccold after. */
#include "apply/outcome_readers.hpp"

#include "pg/query.hpp"

namespace confiture::apply {

namespace {

using kind = pg::top_level_kind;

/* The invalid indexes in reach of the statement whose names end as REINDEX CONCURRENTLY ends them.
 * $1 is an object that says what is in reach: "tables" and their partitions and TOAST tables,
 * "schema" for all tables of it, or neither for the whole database. */
std::string with_remains(const char *begin, const char *end = "") {
    return std::string(begin) + R"(
FROM (SELECT $1::jsonb) b (facts),
     pg_index i
     JOIN pg_class x ON x.oid = i.indexrelid
     JOIN pg_namespace n ON n.oid = x.relnamespace
     JOIN pg_class t ON t.oid = i.indrelid
     LEFT JOIN pg_class o ON t.relkind = 't' AND o.reltoastrelid = t.oid
WHERE NOT i.indisvalid AND x.relname ~ '_cc(new|old)[0-9]*$' AND
      (NOT b.facts ? 'tables' OR b.facts->'tables' ? coalesce(o.oid, t.oid)::text) AND
      (NOT b.facts ? 'schema' OR
       (b.facts->>'schema')::oid = coalesce(o.relnamespace, t.relnamespace))
)" + end;
}

/* $1 an index or a table, $2 whether it is an index, $3 CONCURRENTLY, which passes over some. */
constexpr const char *named_before = R"(
WITH tree (oid) AS (SELECT $1::oid UNION SELECT p.relid::oid FROM pg_partition_tree($1::oid::regclass) p),
     indexes AS (
       SELECT i.indexrelid AS oid, i.indrelid AS relation
       FROM pg_index i
            LEFT JOIN pg_class o ON o.reltoastrelid = i.indrelid
            JOIN tree r ON r.oid = CASE WHEN $2::boolean THEN i.indexrelid
                                        ELSE coalesce(o.oid, i.indrelid) END
       WHERE $2::boolean OR NOT $3::boolean OR i.indisvalid AND NOT i.indisexclusion)
SELECT jsonb_build_object(
         'tables', CASE WHEN $2::boolean
                        THEN (SELECT jsonb_agg(DISTINCT x.relation::text) FROM indexes x)
                        ELSE (SELECT jsonb_agg(r.oid::text) FROM tree r) END,
         'indexes', (SELECT coalesce(jsonb_object_agg(x.oid, jsonb_build_array(
                                       c.relname, pg_relation_filenode(x.oid))), '{}')
                     FROM indexes x JOIN pg_class c ON c.oid = x.oid
                     WHERE c.relkind = 'i'),
         'told', (SELECT n.nspname || '.' || c.relname
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE c.oid = $1::oid))
WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = $1::oid))";

constexpr const char *schema_before =
    "SELECT jsonb_build_object('schema', n.oid) FROM pg_namespace n WHERE n.nspname = $1";

constexpr const char *remains_before =
    "SELECT jsonb_build_object('remains', coalesce(jsonb_agg(x.oid::text), '[]')) || $1::jsonb";

/* Those that were none before: the old index itself becomes an X_ccold.  Of a REINDEX INDEX only
 * those that bear its name, as far as names go. */
constexpr const char *remains_after = R"(
SELECT n.nspname || '.' || x.relname, format('DROP INDEX CONCURRENTLY %I.%I', n.nspname, x.relname), t.oid,
       has_schema_privilege(n.oid, 'USAGE'))";
constexpr const char *ours_of_them = R"(
  AND NOT coalesce(b.facts->'remains' ? x.oid::text, false) AND
  ($2 = '' OR b.facts->'indexes' ? x.oid::text OR
   EXISTS (SELECT FROM jsonb_each(b.facts->'indexes') k
           WHERE starts_with(k.value->>0, regexp_replace(x.relname, '_cc(new|old)[0-9]*$', ''))))
ORDER BY 1)";

/* Were there any, and is none left that has its name and its file still? */
constexpr const char *all_rebuilt = R"(
SELECT count(*) > 0 AND count(x.oid) = 0
FROM jsonb_each(coalesce($1::jsonb->'indexes', '{}')) k
     LEFT JOIN pg_class x ON x.oid = k.key::oid AND x.relname = k.value->>0 AND
                             pg_relation_filenode(x.oid) = (k.value->>1)::oid)";

/* What is rebuilt, for sentences. */
std::string subject_of(const outcome_question &question) {
    const std::string named = one_text("SELECT $1::jsonb->>'told'", {question.before});
    switch (question.facts.kind) {
    case kind::reindex_index:
        return told("index", named.empty() ? question.facts.relation : named);
    case kind::reindex_table:
        return told("table", named.empty() ? question.facts.relation : named);
    case kind::reindex_schema:
        return told("schema", question.facts.name);
    default:
        return told("database", question.facts.name);
    }
}

bool is_named(const pg::top_level_statement &facts) {
    return facts.kind == kind::reindex_index || facts.kind == kind::reindex_table;
}

/* A row of remains_after. */
void add_remain(const pg::record &row, finding &found) {
    const std::string index = told("index", *row[0]);
    if (const int process = busy_with(*row[2])) {
        found.what = outcome::unknown;
        found.busy = process;
        found.sentence += "; process " + std::to_string(process) + " may be working on " + index;
    } else if (row[3] == "t") {
        found.sentence += "; " + index + " is left over, invalid";
        found.cleanup.push_back(*row[1]);
    } else {
        found.sentence += "; " + index + " is left over, invalid, and only a superuser may drop it";
    }
}

} // namespace

std::string before_reindex(const outcome_question &question) {
    const pg::top_level_statement &facts = question.facts;
    std::string reach = "{}";
    if (is_named(facts))
        reach = one_text(named_before, {relation_now(facts.relation),
                                        facts.kind == kind::reindex_index ? "true" : "false",
                                        facts.concurrently ? "true" : "false"});
    else if (facts.kind == kind::reindex_schema)
        reach = one_text(schema_before, {facts.name});
    return reach.empty() ? reach : one_text(with_remains(remains_before), {reach});
}

finding after_reindex(const outcome_question &question) {
    const pg::top_level_statement &facts = question.facts;
    finding found;
    found.harmless_twice = true;
    const std::string subject = subject_of(question);
    if (!is_named(facts)) {
        found.sentence = "nothing tells whether all of " + subject + " was rebuilt";
    } else if (one_text(all_rebuilt, {question.before}) == "t") {
        found.what = outcome::done;
        found.sentence = subject + " was rebuilt";
    } else {
        found.what = outcome::not_done;
        found.sentence = subject + " was not rebuilt";
    }
    if (question.before == "{}") // it named nothing that was there
        return found;
    const std::string one = facts.kind == kind::reindex_index ? "index" : "";
    for (const pg::record &row :
         pg::query(with_remains(remains_after, ours_of_them), {question.before, one}))
        add_remain(row, found);
    return found;
}

} // namespace confiture::apply
