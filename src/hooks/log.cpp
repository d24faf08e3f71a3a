#include "hooks/log.hpp"

#include "pg/log.hpp"

namespace confiture::hooks {

void log_run(const migration_run &run, phase which, const hook &ran, const hook_outcome &outcome) {
    if (!pg::log_is_wanted())
        return;
    pg::log_line line("hook");
    line.member("migration", run.version());
    line.member("direction", run.direction());
    line.member("phase", name_of(which));
    line.member("hook", ran.name);
    line.member("dry_run", run.dry_run());
    line.member("status", name_of(outcome.status));
    if (outcome.rows)
        line.member("rows_affected", *outcome.rows);
    line.member("execution_time_ms", outcome.elapsed_ms);
    if (outcome.error) {
        line.member("sqlstate", outcome.error->sqlstate);
        line.member("message", outcome.error->message);
    }
    line.write();
}

} // namespace confiture::hooks
