#include "dry_run/hook_runner.hpp"

#include "pg/error.hpp"
#include "pg/tracer.hpp"

namespace confiture::dry_run {

/* In brackets, for a sentence that ends with the message. */
static std::string detail_of(const failure_record &failed) {
    constexpr std::size_t most = 200;
    return failed.detail.empty() ? "" : " (" + shorten(failed.detail, most) + ")";
}

hook_runner::hook_runner(hooks::registered_hooks &registered, chain_record &record,
                         const pg::session_watch &watch, statement_observer &observer,
                         ending &ending, migration_record &migration, const migration_input &input,
                         std::int32_t index)
    : record_(record), watch_(watch), observer_(observer), ending_(ending), migration_(migration),
      book_(registered, input.version, input.direction, input.hooks),
      run_(input.version, input.name, input.direction, true) {
    place_.migration = index;
}

bool hook_runner::run(hooks::phase which) {
    phase_ = which;
    try {
        auto failed = hooks::run_hooks(run_, which, book_.of(which), *this);
        if (failed && migration_.status != run_status::stopped)
            ending_.hook_failed(std::move(*failed));
    } catch (const pg::error &raised) {
        note_stop(raised);
    }
    return migration_.status == run_status::complete;
}

void hook_runner::run_after_all(hooks::phase which) {
    phase_ = which;
    if (migration_.error)
        run_.failed(*migration_.error);
    const std::optional<failure_record> first = migration_.error;
    run(which);
    if (!first)
        return;
    if (migration_.error->message != first->message)
        migration_.warnings.push_back("After that, " + migration_.error->message);
    migration_.error = first;
}

/* In a hook, or between two of them. */
void hook_runner::note_stop(const pg::error &raised) {
    observer_.end();
    if (place_.hook >= 0) { // it may also come before the first hook, or between two
        migration_.hooks.back().status = hooks::hook_status::failed;
        migration_.hooks.back().error = migration::failure_of(raised);
        leave_hook();
    }
    ending_.note_error(raised, measured_);
}

void hook_runner::begins(const hooks::hook &which) {
    place_.hook = static_cast<std::int32_t>(migration_.hooks.size());
    place_.line = which.line;
    record_.ledger.move_to(place_);
    record_.ledger.mark();
    hook_record hook;
    hook.phase = hooks::name_of(phase_);
    hook.name = which.name;
    hook.line = which.line;
    hook.started_ms = pg::now_ms() - record_.began_ms;
    migration_.hooks.push_back(std::move(hook));
    run_.progress(record_.rows.so_far(), migration_.execution_ms);
    measured_ = {};
    measured_.where.line = which.line;
    waited_before_ = watch_.waited_ms();
    pg::observation::begin_statement();
    observer_.begin(measured_);
}

void hook_runner::fails() { observer_.look_after_error(); }

bool hook_runner::ended(const hooks::hook &which, const hooks::hook_outcome &outcome) {
    observer_.look(true);
    record_.ledger.note_taken_again(pg::now_ms() - record_.began_ms);
    if (outcome.error) {
        record_.relations.look_again(); // what it wrote was undone
    } else {
        record_.relations.settle(measured_);
        measured_.written = record_.rows.count();
    }
    observer_.end();
    migration_.side_effects.insert(migration_.side_effects.end(), measured_.side_effects.begin(),
                                   measured_.side_effects.end());
    hook_record &hook = migration_.hooks.back();
    hook.status = outcome.status;
    hook.rows = outcome.rows;
    hook.stats = outcome.stats;
    hook.elapsed_ms = outcome.elapsed_ms;
    hook.waited_ms = watch_.waited_ms() - waited_before_;
    hook.written = measured_.written;
    hook.error = outcome.error;
    migration_.written += measured_.written;
    migration_.execution_ms += hook.elapsed_ms;
    migration_.waited_ms += hook.waited_ms;
    if (outcome.status == hooks::hook_status::skipped)
        migration_.warnings.push_back("Hook \"" + which.name + "\" was skipped: " +
                                      outcome.error->message + detail_of(*outcome.error));
    else if (outcome.error && which.continues)
        migration_.warnings.push_back("Hook \"" + which.name + "\" failed and was passed over: " +
                                      outcome.error->message + detail_of(*outcome.error));
    leave_hook();
    if (outcome.error && outcome.status != hooks::hook_status::skipped && !which.continues &&
        ending_.stops_without_lock(outcome.error->sqlstate, measured_))
        return false;
    return !ending_.stops(measured_, observer_.shared_lock_count());
}

void hook_runner::leave_hook() {
    observer_.note_waits();
    place_.hook = -1;
    place_.line = 0;
    record_.ledger.move_to(place_);
}

} // namespace confiture::dry_run
