#pragma once
/* Runs the hooks of a migration and measures each. */
#include "pg/plain.hpp"

#include "dry_run/ending.hpp"
#include "dry_run/run.hpp"
#include "dry_run/statement_observer.hpp"
#include "hooks/executor.hpp"
#include "hooks/migration_run.hpp"
#include "hooks/registry.hpp"

namespace confiture::dry_run {

class hook_runner final : public hooks::hook_listener {
public:
    hook_runner(hooks::registered_hooks &registered, chain_record &record,
                const pg::session_watch &watch, statement_observer &observer, ending &ending,
                migration_record &migration, const migration_input &input, std::int32_t index);

    bool has(hooks::phase which) { return !book_.of(which).empty(); }

    /* False where the migration ends with it. */
    bool run(hooks::phase which);

    /* Ends the migration by the failure, or warns of it where it has one already. */
    void run_after_all(hooks::phase which);

    void begins(const hooks::hook &which) override;
    void fails() override;
    bool ended(const hooks::hook &which, const hooks::hook_outcome &outcome) override;

private:
    /* A cancel that is not ours is thrown on. */
    void note_stop(const pg::error &raised);
    void leave_hook();

    chain_record &record_;
    const pg::session_watch &watch_;
    statement_observer &observer_;
    ending &ending_;
    migration_record &migration_;
    hooks::hook_book book_;
    hooks::migration_run run_;
    running::ledger_place place_;
    hooks::phase phase_ = hooks::phase::before_validation;
    statement_record measured_;
    double waited_before_ = 0;
};

} // namespace confiture::dry_run
