#include "apply/outcome.hpp"

#include "apply/outcome_readers.hpp"
#include "pg/catalog.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"

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
    const std::string &command = question.facts.command;
    found.sentence = command == "CALL" || command == "DO"
                         ? "what the " + command + " had committed by itself stays"
                         : "the catalog does not tell what became of " + command;
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

/* A worker of ours whose migrator is gone and who has not noticed yet: it may still wait for its
 * first lock, and have left no trace.  What it runs is cut off at track_activity_query_size. */
constexpr const char *worker_query = R"(
SELECT min(a.pid)
FROM pg_stat_activity a
WHERE a.backend_type = 'confiture worker' AND a.datname = current_database() AND
      a.state = 'active' AND a.query <> '' AND starts_with($1, a.query))";

int process_in(const std::string &text) { return text.empty() ? 0 : std::stoi(text); }

} // namespace

std::string one_text(const std::string &query, const std::vector<std::string> &parameters) {
    const auto rows = pg::query(query, {parameters.begin(), parameters.end()});
    return rows.empty() ? std::string() : rows[0][0].value_or("");
}

/* The statement runs in another session: temporary tables of ours hide nothing there. */
std::string relation_now(const std::string &name) {
    if (name.empty())
        return "0";
    const std::string path = pg::setting("search_path");
    pg::settings_scope settings;
    settings.set("search_path", path.empty() ? "pg_temp" : (path + ", pg_temp").c_str());
    return std::to_string(pg::find_relation(name));
}

int busy_with(const std::string &table) { return process_in(one_text(busy_query, {table})); }

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
    if (const int process = process_in(one_text(worker_query, {std::string(statement)}))) {
        finding found;
        found.sentence = "process " + std::to_string(process) + " still runs the statement";
        found.busy = process;
        return found;
    }
    return reader_of(question.facts.kind).after(question);
}

} // namespace confiture::apply
