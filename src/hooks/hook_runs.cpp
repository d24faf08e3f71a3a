#include "hooks/hook_runs.hpp"

#include "pg/function.hpp"
#include "pg/hook_function.hpp"
#include "pg/jsonb.hpp"
#include "pg/memory.hpp"
#include "pg/session.hpp"
#include "pg/table_appender.hpp"
#include "pg/transaction.hpp"

namespace confiture::hooks {

pg::value error_value(const hook_outcome &outcome) {
    if (!outcome.error)
        return {};
    pg::jsonb_builder json;
    outcome.error->write(json);
    return json.finish();
}

void hook_runs::add(phase which, const hook &ran, const hook_outcome &outcome) {
    runs_.push_back({which, ran.name, outcome});
}

void hook_runs::roll_back() {
    for (hook_run &run : runs_)
        if (run.outcome.status == hook_status::succeeded)
            run.outcome.status = hook_status::rolled_back;
}

void hook_runs::write(const migration_run &run) const {
    if (runs_.empty())
        return;
    const pg::value version = pg::text(run.version()), direction = pg::text(run.direction()),
                    role = pg::text(pg::current_role_name()), now = pg::clock_timestamp();
    const pg::as_owner owner;
    pg::table_appender rows("hook_run", {"version", "direction", "executed_by", "recorded_at",
                                         "phase", "hook_name", "rows_affected", "stats",
                                         "execution_time_ms", "status", "error"});
    pg::memory_context memory("confiture hook run"); // of one row
    for (const auto &[when, name, outcome] : runs_) {
        memory.reset();
        const pg::memory_scope scope(memory);
        rows.add({version, direction, role, now, pg::hook_phase(name_of(when)), pg::text(name),
                  outcome.rows ? pg::bigint(*outcome.rows) : pg::value{}, pg::jsonb(outcome.stats),
                  pg::real(outcome.elapsed_ms), pg::text(name_of(outcome.status)),
                  error_value(outcome)});
    }
    rows.finish();
}

} // namespace confiture::hooks
