#include "apply/step_runner.hpp"

#include "apply/step_stop.hpp"
#include "migration/failure_hint.hpp"
#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/self_cancel.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"
#include "running/lock_limit.hpp"

#include <exception>

namespace confiture::apply {

namespace {

using migration::failure_record;

failure_record placed(failure_record failed, const pg::script &script, const pg::statement &where) {
    failed.statement = static_cast<std::int32_t>(&where - script.statements.data()) + 1;
    failed.file = script.file;
    if (failed.line == 0) {
        failed.line = where.line;
        failed.column = where.column;
    }
    return failed;
}

struct cause {
    std::string message;
    bool is_intervention = false;
};

cause cause_of(const std::exception_ptr &raised) {
    try {
        std::rethrow_exception(raised);
    } catch (const step_failed &inside) {
        return {inside.error.message};
    } catch (const pg::error &inside) {
        return {inside.what(), inside.is_intervention()};
    } catch (const failure &inside) {
        return {inside.message};
    } catch (...) {
        return {"an error of the program"};
    }
}

} // namespace

step_runner::step_runner(const hooks::prepared_migration &migration,
                         hooks::registered_hooks &registered, board &shown, bool several,
                         transactions &whose)
    : migration_(migration), board_(shown),
      book_(registered, migration.version, migration.direction, migration.hooks),
      run_(migration.version, migration.name, migration.direction, false), several_(several),
      lock_limit_ms_(running::lock_limit(migration.lock_timeout, pg::lock_timeout())),
      sessions_lock_ms_(pg::lock_timeout_in_force()), transactions_(whose) {}

void step_runner::begins(const hooks::hook &which) {
    run_.progress(rows_.so_far(), elapsed_ms_);
    board_.now.hook = which.name;
    board_.publish(pg::activity::running_hooks);
}

bool step_runner::ended(const hooks::hook &which, const hooks::hook_outcome &outcome) {
    board_.now.hook = "";
    board_.publish();
    rows_.count();
    elapsed_ms_ += outcome.elapsed_ms;
    hook_runs_.add(phase_, which, outcome);
    return true;
}

void step_runner::interrupted(const hooks::hook &which, const hooks::hook_outcome &outcome) {
    hook_runs_.add(phase_, which, outcome);
    interrupted_ = which.name;
}

void step_runner::name_interrupted(failure_record &stopped) const {
    if (interrupted_.empty())
        return;
    stopped.hook = interrupted_;
    stopped.phase = hooks::name_of(phase_);
}

void step_runner::run_phases(const std::vector<hooks::phase> &phases) {
    for (const hooks::phase which : phases) {
        phase_ = which;
        if (has(which))
            board_.publish(pg::activity::running_hooks);
        if (auto failed = hooks::run_hooks(run_, which, book_.of(which), *this))
            throw step_failed{std::move(*failed)};
    }
    transactions_.keep_lock();
}

void step_runner::limit_lock_waits(pg::settings_scope &settings) const {
    settings.set("lock_timeout", std::to_string(lock_ms()).c_str());
}

/* A step is the whole transaction where that can be: there is much that the server does at top
 * level alone. */
template <typename Work> auto step_runner::in_step(Work &&work) {
    std::optional<pg::subtransaction> step;
    if (!transactions_.are_whole_steps())
        step.emplace();
    try {
        auto result = work();
        if (step)
            step->release();
        return result;
    } catch (...) {
        locks_.look_after_error();
        statements_.forget_savepoints();
        hook_runs_.roll_back();
        roll_back(step);
        throw;
    }
}

/* While the error of the step is handled. */
void step_runner::roll_back(std::optional<pg::subtransaction> &step) {
    if (step)
        return step->roll_back();
    const cause why = cause_of(std::current_exception());
    if (why.is_intervention)
        pg::drop_second_cancel();
    try {
        transactions_.roll_back();
    } catch (failure &lost) {
        lost.detail += " What ran was rolled back, since it had failed: " + why.message + ".";
        throw;
    }
}

/* Nothing stops what follows it, the rollback above all. */
void step_runner::run_within_limits(const step_work &work, pg::session_watch &watch,
                                    const std::function<void()> &note) {
    try {
        std::optional<pg::observation> observed(locks_);
        pg::settings_scope settings;
        limit_lock_waits(settings);
        run_phases(work.before);
        if (work.statements)
            for (std::size_t i = work.statements->first; i <= work.statements->last; i++)
                run_statement(i, watch);
        statements_.release_savepoints();
        run_phases(work.after);
        run_deferred(work);
        locks_.look(true);
        observed.reset();
        if (several_) {
            settings.commit();
            keep_lock_timeout();
        }
        hook_runs_.write(run_);
        locks_.end_step(watch.waits());
        note();
        watch.lift_limits();
    } catch (const pg::error &raised) {
        auto stopped = stop_of(watch, raised);
        watch.lift_limits();
        if (stopped)
            throw step_failed{std::move(*stopped)};
        throw;
    } catch (...) {
        watch.lift_limits();
        throw;
    }
}

void step_runner::run(const step_work &work, pg::session_watch &watch,
                      const std::function<void()> &note) {
    rows_before_ = rows_.remember();
    rows_.begin_transaction();
    locks_.begin_step(watch);
    try {
        in_step([&] {
            run_within_limits(work, watch, note);
            return true;
        });
    } catch (...) {
        rows_.go_back(rows_before_);
        locks_.end_step(watch.waits());
        throw;
    }
}

/* As the commit does first of all, but within the lock policy and where the place of a failure is
 * known.  In a transaction of the caller it is he who commits. */
void step_runner::run_deferred() {
    if (transactions_.are_whole_steps()) {
        const pg::memory_scope scope(memory_);
        pg::fire_deferred_triggers();
    } else if (transactions_.are_ours())
        pg::set_constraints_immediate(memory_);
}

void step_runner::run_deferred(const step_work &work) {
    try {
        run_deferred();
    } catch (const pg::error &raised) {
        if (!work.statements || raised.is_intervention())
            throw;
        const auto &statements = migration_.script.statements;
        failure_record failed = failure_in(statements[work.statements->last], raised);
        failed.detail += (failed.detail.empty() ? "" : " ") +
                         std::string("A deferred constraint was checked at the end of what began "
                                     "in line ") +
                         std::to_string(statements[work.statements->first].line) + ".";
        throw step_failed{std::move(failed)};
    }
}

std::optional<failure_record>
step_runner::run_last(hooks::phase which,
                      const std::function<bool(const failure_record &)> &again) {
    phase_ = which;
    board_.publish(pg::activity::running_hooks);
    rows_before_ = rows_.remember();
    rows_.begin_transaction();
    try {
        return in_step([&] {
            pg::settings_scope settings;
            limit_lock_waits(settings);
            auto failed = hooks::run_hooks(run_, which, book_.of(which), *this);
            if (failed && again(*failed))
                throw step_failed{std::move(*failed)};
            run_deferred();
            hook_runs_.write(run_);
            return failed;
        });
    } catch (const step_failed &rolled_back) {
        rows_.go_back(rows_before_);
        return rolled_back.error;
    } catch (const pg::error &raised) {
        rows_.go_back(rows_before_);
        if (raised.is_intervention())
            throw;
        return migration::failure_of(raised);
    }
}

void step_runner::run_statement(std::size_t index, pg::session_watch &watch) {
    const pg::statement &where = migration_.script.statements[index];
    board_.now.statement = static_cast<std::int32_t>(index + 1);
    board_.now.line = where.line;
    board_.now.command = pg::tag_name(where.tag);
    board_.now.statement_began_at = pg::timestamp_now();
    board_.now.hook = ""; // one that has failed has not ended
    board_.publish(pg::activity::migrating);
    beat_.tell(board_.now);
    const double started = pg::now_ms();
    running_as_ = pg::current_role_name();
    try {
        pg::check_for_interrupts();
        pg::observation::begin_statement();
        statements_.run(where, migration_.script.text_of(where), false, watch, memory_);
        transactions_.keep_lock();
        locks_.look(true);
        rows_.count();
    } catch (const pg::error &raised) {
        if (auto stopped = stop_of(watch, raised))
            throw step_failed{placed(std::move(*stopped), migration_.script, where)};
        if (raised.is_intervention())
            throw;
        failure_record failed = failure_in(where, raised);
        if (failed.sqlstate == "2D000" || failed.sqlstate == not_transactional.code)
            failed.hint = "A script whose statements commit by themselves has the directive "
                          "\"-- confiture: no-transaction\".";
        throw step_failed{std::move(failed)};
    } catch (const failure &refused) {
        throw step_failed{failure_in(where, refused)};
    }
    watch.forget_statement();
    look_at_lock_timeout(where);
    elapsed_ms_ += pg::now_ms() - started;
    run_.progress(rows_.so_far(), elapsed_ms_);
}

/* pg_dump's files begin with SET lock_timeout = 0. */
void step_runner::look_at_lock_timeout(const pg::statement &after) {
    if (told_of_lock_timeout_)
        return;
    const std::string warning = running::lock_timeout_warning(lock_limit_ms_, after.line);
    told_of_lock_timeout_ = !warning.empty();
    if (told_of_lock_timeout_)
        pg::warn(warning, "", running::lock_timeout_hint);
}

/* SET goes on in the steps that follow. */
void step_runner::keep_lock_timeout() {
    const int now = pg::lock_timeout_in_force();
    const bool is_less = now > 0 && (lock_limit_ms_ == 0 || now < lock_limit_ms_);
    if (now != sessions_lock_ms_)
        script_lock_ms_ = is_less ? now : 0;
}

failure_record step_runner::failure_in(const pg::statement &where, const pg::error &raised) const {
    failure_record failed =
        placed(migration::failure_in(migration_.script, where, raised), migration_.script, where);
    migration::add_hint(failed, {migration_.version, migration_.direction == "forward",
                                 pg::tag_name(where.tag), running_as_});
    return failed;
}

failure_record step_runner::failure_in(const pg::statement &where, const failure &raised) const {
    return placed(migration::failure_of(raised), migration_.script, where);
}

} // namespace confiture::apply
