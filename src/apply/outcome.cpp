#include "apply/outcome.hpp"

#include "apply/outcome_readers.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"

namespace confiture::apply {

namespace {

using kind = pg::top_level_kind;

struct reader {
    std::string (*before)(const outcome_question &);
    finding (*after)(const outcome_question &);
};

std::string nothing_before(const outcome_question &) { return "{}"; }

finding after_repeatable(const outcome_question &question) {
    finding found;
    found.sentence = question.facts.command + " leaves no trace that tells, and may run again";
    found.harmless_twice = true;
    return found;
}

finding after_other(const outcome_question &question) {
    finding found;
    found.sentence = "the catalog does not tell what became of " + question.facts.command;
    return found;
}

reader reader_of(kind which) {
    switch (which) {
    case kind::create_index:
        return {before_create_index, after_create_index};
    case kind::drop_index:
        return {before_drop_index, after_drop_index};
    case kind::reindex_index:
    case kind::reindex_table:
    case kind::reindex_schema:
    case kind::reindex_database:
        return {before_reindex, after_reindex};
    case kind::detach_partition:
        return {before_detach, after_detach};
    case kind::create_database:
    case kind::drop_database:
    case kind::move_database:
    case kind::create_tablespace:
    case kind::drop_tablespace:
    case kind::create_subscription:
    case kind::drop_subscription:
    case kind::add_publication:
    case kind::drop_publication:
        return {before_shared_object, after_shared_object};
    case kind::repeatable:
        return {nothing_before, after_repeatable};
    case kind::other:
        break;
    }
    return {nothing_before, after_other};
}

/* A concurrent command keeps ShareUpdateExclusiveLock on the table for its session.  The views of
 * progress show everybody the processes, if nothing else; a session may have turned them off. */
constexpr const char *busy_query = R"(
SELECT min(l.pid)
FROM pg_locks l
WHERE l.locktype = 'relation' AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted AND
      l.relation = $1::oid AND
      l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()) AND
      l.pid <> pg_backend_pid() AND
      l.pid NOT IN (SELECT v.pid FROM pg_stat_progress_vacuum v
                    UNION ALL SELECT a.pid FROM pg_stat_progress_analyze a))";

} // namespace

std::string one_text(const std::string &query, const std::vector<std::string> &parameters) {
    const auto rows = pg::query(query, {parameters.begin(), parameters.end()});
    return rows.empty() ? std::string() : rows[0][0].value_or("");
}

std::string relation_now(const std::string &name) {
    return name.empty() ? "0" : std::to_string(pg::find_relation(name));
}

int busy_with(const std::string &table) {
    const std::string process = one_text(busy_query, {table});
    return process.empty() ? 0 : std::stoi(process);
}

std::string told(const char *kind, const std::string &name) {
    return std::string(kind) + " \"" + name + "\"";
}

std::string look_before(std::string_view statement) {
    const outcome_question question{statement, pg::read_top_level_statement(statement), {}};
    const std::string found = reader_of(question.facts.kind).before(question);
    return found.empty() ? "{}" : found;
}

finding look_after(std::string_view statement, const std::string &before) {
    const outcome_question question{statement, pg::read_top_level_statement(statement),
                                    before.empty() ? "{}" : before};
    return reader_of(question.facts.kind).after(question);
}

} // namespace confiture::apply
