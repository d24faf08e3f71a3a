/* The SQL function of progress.sql. */
#include "pg/function.hpp"
#include "pg/progress.hpp"

namespace confiture::apply {

namespace {

pg::value known_text(std::string_view text) { return text.empty() ? pg::value{} : pg::text(text); }

pg::value known(std::int32_t number) { return number > 0 ? pg::integer(number) : pg::value{}; }

pg::value known_time(std::int64_t microseconds) {
    return microseconds != 0 ? pg::timestamp(microseconds) : pg::value{};
}

std::vector<pg::value> columns_of(const pg::published_progress &published) {
    const pg::progress &now = published.now;
    const bool counts_rows = now.rows_total > 0;
    return {
        pg::integer(published.process_id),
        known(now.worker),
        pg::object_id(published.role),
        known_text(now.version.view()),
        known_text(now.name.view()),
        known_text(now.direction.view()),
        pg::text(pg::activity_name(now.doing)),
        known(now.migration),
        known(now.migrations),
        known(now.step),
        known(now.steps),
        known(now.statement),
        known(now.statements),
        known(now.line),
        known_text(now.command.view()),
        known(now.attempt),
        known_text(now.hook.view()),
        known_time(now.run_began_at),
        known_time(now.began_at),
        known_time(now.statement_began_at),
        counts_rows ? pg::bigint(now.rows_done) : pg::value{},
        counts_rows ? pg::bigint(now.rows_total) : pg::value{},
        now.estimated_ms > 0 ? pg::real(now.estimated_ms) : pg::value{},
        pg::integer_array({now.blockers, now.blockers + now.blocker_count}),
    };
}

} // namespace

} // namespace confiture::apply

CONFITURE_FUNCTION(confiture_read_progress) {
    confiture::pg::row_set rows(arguments);
    for (const auto &published : confiture::pg::read_progress())
        rows.add(confiture::apply::columns_of(published));
    return {};
}
