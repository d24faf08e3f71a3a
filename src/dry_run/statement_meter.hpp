#pragma once
/* Runs one statement of a script and measures it. */
#include "pg/plain.hpp"

#include "dry_run/ending.hpp"
#include "dry_run/plan_check.hpp"
#include "dry_run/run.hpp"
#include "dry_run/statement_observer.hpp"
#include "running/statement_runner.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::dry_run {

class statement_meter {
public:
    statement_meter(const options &chosen, const session_snapshot &before,
                    pg::memory_context &statement_memory, chain_record &record,
                    pg::session_watch &watch, statement_observer &observer, ending &ending);

    /* Before the chain begins. */
    void plan(const std::vector<migration_input> &chain, hooks::registered_hooks &registered) {
        plan_.plan(chain, registered);
    }
    void begin(migration_record &migration, const migration_input &input, std::int32_t index);

    /* False where the migration ends with this statement.  BEGIN and COMMIT do nothing: the caller
     * ends the step. */
    bool run(const pg::statement &where, std::int32_t ordinal, statement_store &store);

    /* What is done from here on belongs to no statement. */
    void between_statements();
    void release_savepoints() { runner_.release_savepoints(); }
    void forget_savepoints() { runner_.forget_savepoints(); }

private:
    double now() const { return pg::now_ms() - record_.began_ms; }
    bool settle(statement_record &record, const statement_store &store);
    bool dispatch(statement_record &record);
    void execute(statement_record &record, std::string_view text, bool plain_form);
    void run_plain(statement_record &record, std::string_view text);
    void leave_out(statement_record &record, std::string_view text, const std::string &reason);
    bool locks_strongly() const;
    void look_at_lock_timeout(const pg::statement &after);
    void tell_step_alone(const statement_record &record);
    bool run_concurrently(statement_record &record, std::string_view text);

    const options &chosen_;
    const session_snapshot &before_;
    pg::memory_context &statement_memory_;
    chain_record &record_;
    pg::session_watch &watch_;
    statement_observer &observer_;
    ending &ending_;
    migration_record *migration_ = nullptr;
    const migration_input *input_ = nullptr;
    running::ledger_place place_;
    plan_checker plan_;
    running::statement_runner runner_;
    bool long_before_ = true;
    bool told_of_lock_timeout_ = false; // of this migration
};

} // namespace confiture::dry_run
