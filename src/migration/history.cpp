#include "migration/history.hpp"

#include "migration/version.hpp"
#include "pg/jsonb.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/table_appender.hpp"
#include "pg/transaction.hpp"

namespace confiture::migration {

void record(const registered &migration, const attempt &made) {
    const pg::value role =
        pg::text(made.executed_by.empty() ? pg::current_role_name() : made.executed_by);
    const pg::as_owner owner;
    pg::table_appender history("history", {"version", "sort_key", "name", "action", "status",
                                           "checksum", "started_at", "finished_at", "executed_by",
                                           "statements_done", "error", "locks"});
    pg::value error;
    if (made.error) {
        pg::jsonb_builder json;
        made.error->write(json);
        error = json.finish();
    }
    history.add({pg::text(migration.version), pg::text(version_sort_key(migration.version)),
                 pg::text(migration.name), pg::text(made.action),
                 pg::text(made.error ? "failed" : "succeeded"), pg::text(migration.checksum),
                 made.began_at, pg::clock_timestamp(), role, pg::integer(made.statements_done),
                 error, made.locks});
    history.finish();
}

double last_duration_ms(const registered &migration, const std::string &action) {
    const pg::as_owner owner;
    const auto rows = pg::query(
        "SELECT 1000 * extract(epoch FROM finished_at - started_at)::double precision "
        "FROM confiture.history WHERE sort_key = $1 AND action = $2 AND checksum = $3 AND "
        "status = 'succeeded' ORDER BY id DESC LIMIT 1",
        {version_sort_key(migration.version), action, migration.checksum});
    return rows.empty() ? 0 : std::stod(rows[0][0].value_or("0"));
}

} // namespace confiture::migration
