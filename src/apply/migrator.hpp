#pragma once
/* Runs one migration for real: its steps, each committed together with what the journal and the
 * history say of it, and its hooks. */
#include "pg/plain.hpp"

#include "apply/board.hpp"
#include "apply/journal.hpp"
#include "apply/lock_policy.hpp"
#include "apply/session_state.hpp"
#include "apply/settlement.hpp"
#include "apply/step_runner.hpp"
#include "apply/transactions.hpp"
#include "hooks/prepared_migration.hpp"
#include "hooks/registry.hpp"
#include "migration/history.hpp"
#include "migration/registry.hpp"
#include "migration/steps.hpp"
#include "pg/locks.hpp"
#include "pg/worker.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace confiture::apply {

/* How long one migration took, and what it did. */
struct migration_outcome {
    double elapsed_ms = 0;
    std::int32_t statements = 0;
};

class migrator {
public:
    explicit migrator(transactions &whose);

    /* For those who watch: how many it is going to run. */
    void expect(std::size_t migrations);

    /* From its first step, or from where `begun` left it.  Throws failure with the migration, file,
     * line and statement where it fails: then it is rolled back to its last step, and the history
     * says so.  What belongs to the server, a cancel for one, is thrown as it is. */
    migration_outcome run(const migration::stored &migration, const std::string &direction,
                          const journal *begun);

private:
    using failure_record = migration::failure_record;

    void show_migration();
    void refuse_dependent() const;
    void look_at_dry_run() const;
    void refuse_several_transactions() const;
    bool is_one_transaction() const;
    void go_on_from(const journal &begun);
    void run_steps();
    void run_hooks_before();
    /* False, and nothing is done, where its one statement commits by itself. */
    bool run_transactional();
    void run_at_top_level();
    std::optional<failed_attempt> attempt_at_top_level();
    journal_entry begin_at_top_level(const pg::statement &where);
    void work_at_top_level(const pg::statement &where, const journal_entry &entry,
                           pg::worker_watch &watch);
    settlement look_again(const journal_entry &entry);

    /* `note` writes what is committed together with the work.  False where the work is a statement
     * that commits by itself, which is not possible here. */
    bool retry(const step_work &work, const std::function<void()> &note);
    std::optional<failed_attempt> attempt(const step_work &work, const std::function<void()> &note);
    void pause_before_retry(lock_policy &policy);
    void commit();
    std::optional<failure_record> run_last_hooks(hooks::phase which);
    [[noreturn]] void fail_after_all(failure_record failed);

    journal_entry entry_of(std::size_t index) const;
    void write(journal_entry entry);
    void note_hooks_before();
    void note_step(bool done);
    void note_end(const std::optional<failure_record> &error);
    [[noreturn]] void fail(const failure_record &error);
    void note_failure(const failure_record &error);
    void note_cancel(const pg::error &raised);
    failure told(const failure_record &error) const;
    bool forward() const { return prepared_->direction == "forward"; }
    std::string subject() const { return "migration \"" + migration_->version + "\""; }

    transactions &transactions_;
    const std::string role_;   // whatever the scripts make of it
    const pg::lock_tag queue_; // what others are meant to queue for
    hooks::registered_hooks registered_;
    board board_;

    const migration::stored *migration_ = nullptr;
    std::optional<hooks::prepared_migration> prepared_;
    std::vector<migration::step> steps_;
    std::optional<step_runner> runner_;
    std::optional<session_state> session_; // of a migration that is more than one transaction
    pg::value began_at_;
    std::size_t next_ = 0; // the step that runs, or is to be run
    std::int32_t statements_done_ = 0;
    bool before_hooks_done_ = false, finished_ = false;
    bool in_journal_ = false; // something of it may be
};

} // namespace confiture::apply
