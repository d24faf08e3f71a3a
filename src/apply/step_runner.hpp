#pragma once
/* Runs what one transaction of a migration has: hooks, statements, hooks. */
#include "pg/plain.hpp"

#include "apply/board.hpp"
#include "apply/heartbeat.hpp"
#include "apply/step_locks.hpp"
#include "apply/transactions.hpp"
#include "hooks/executor.hpp"
#include "hooks/hook_runs.hpp"
#include "hooks/migration_run.hpp"
#include "hooks/prepared_migration.hpp"
#include "hooks/registry.hpp"
#include "migration/failure_record.hpp"
#include "migration/steps.hpp"
#include "pg/memory.hpp"
#include "pg/session.hpp"
#include "pg/session_watch.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "running/row_counter.hpp"
#include "running/statement_runner.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace confiture::apply {

struct step_work {
    std::vector<hooks::phase> before;
    const migration::step *statements = nullptr; // null: hooks alone
    std::vector<hooks::phase> after;
};

/* A failure inside that is no ERROR of the server: thrown to unwind to the step's transaction. */
struct step_failed {
    migration::failure_record error;
};

class step_runner final : private hooks::hook_listener {
public:
    /* `several`: the migration has other steps, in which SET goes on. */
    step_runner(const hooks::prepared_migration &migration, hooks::registered_hooks &registered,
                board &shown, bool several, transactions &whose);

    /* In the transaction that runs, or a subtransaction of it, which is rolled back where this
     * throws: step_failed, pg::error, or failure where the migrator lock was lost with it.  `note`
     * writes what is to be committed with it. */
    void run(const step_work &work, pg::session_watch &watch, const std::function<void()> &note);

    /* Hooks of the last phases run all; their failure is returned.  Where `again` says so of it,
     * all of the phase is rolled back, else what the others did stays. */
    std::optional<migration::failure_record>
    run_last(hooks::phase which,
             const std::function<bool(const migration::failure_record &)> &again);

    /* What its steps have locked so far. */
    const step_locks &locks() const { return locks_; }

    /* How long to wait for a lock at a time; 0 for no limit.  A script may SET less than the policy
     * for its later steps, not more. */
    int lock_ms() const { return script_lock_ms_ > 0 ? script_lock_ms_ : lock_limit_ms_; }
    int lock_limit_ms() const { return lock_limit_ms_; }

    bool has(hooks::phase which) { return !book_.of(which).empty(); }
    void failed(const migration::failure_record &error) { run_.failed(error); }
    /* The commit of what ran last has failed. */
    void not_committed() {
        rows_.go_back(rows_before_);
        hook_runs_.roll_back();
    }
    /* The hooks of steps that were rolled back, in the transaction that records the failure. */
    void write_hook_runs() const { hook_runs_.write(run_); }
    void forget_hook_runs() { hook_runs_.forget(); }
    /* What a cancel ended: the hook that ran, and its phase. */
    void name_interrupted(migration::failure_record &stopped) const;
    /* It has written rows in another session. */
    void lose_row_count() { rows_.lose_count(); }
    hooks::migration_run &run_of_hooks() { return run_; }

    /* With the place in the script, of a statement that ran at top level. */
    migration::failure_record failure_in(const pg::statement &where, const pg::error &raised) const;
    migration::failure_record failure_in(const pg::statement &where, const failure &raised) const;

private:
    void begins(const hooks::hook &which) override;
    bool ended(const hooks::hook &which, const hooks::hook_outcome &outcome) override;
    void interrupted(const hooks::hook &which, const hooks::hook_outcome &outcome) override;

    void run_within_limits(const step_work &work, pg::session_watch &watch,
                           const std::function<void()> &note);
    void limit_lock_waits(pg::settings_scope &settings) const;
    void run_phases(const std::vector<hooks::phase> &phases);
    void run_deferred();
    void run_deferred(const step_work &work);
    template <typename Work> auto in_step(Work &&work);
    void roll_back(std::optional<pg::subtransaction> &step);
    void run_statement(std::size_t index, pg::session_watch &watch);
    void look_at_lock_timeout(const pg::statement &after);
    void keep_lock_timeout();

    const hooks::prepared_migration &migration_;
    board &board_;
    hooks::hook_book book_;
    hooks::migration_run run_;
    hooks::hook_runs hook_runs_;
    std::string interrupted_; // the hook that was not to swallow an error
    hooks::phase phase_ = hooks::phase::before_validation;
    running::statement_runner statements_;
    step_locks locks_;
    heartbeat beat_;
    pg::memory_context memory_{"confiture statement"};
    running::row_counter rows_;
    running::row_counter::total rows_before_; // the step that runs
    double elapsed_ms_ = 0;
    std::string running_as_ = pg::current_role_name();
    const bool several_;
    const int lock_limit_ms_, sessions_lock_ms_;
    int script_lock_ms_ = 0; // 0: it has not SET less than the limit
    bool told_of_lock_timeout_ = false;
    transactions &transactions_;
};

} // namespace confiture::apply
