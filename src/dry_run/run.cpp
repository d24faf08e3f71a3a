#include "dry_run/run.hpp"

#include "dry_run/commit_point.hpp"
#include "dry_run/statement_runner.hpp"
#include "pg/error.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::dry_run {

namespace {

class chain_runner {
public:
    chain_runner(const options &chosen, const session_snapshot &before,
                 pg::memory_context &statement_memory, chain_record &record)
        : chosen_(chosen), record_(record),
          watch_({chosen.max_wait_caused_ms, chosen.max_lock_hold_ms, most_locks(chosen),
                  pg::find_relation("confiture.migrator")}),
          observer_(record, watch_), ending_(chosen, watch_),
          statements_(chosen, before, statement_memory, record, watch_, observer_, ending_) {}

    void run(const std::vector<migration_input> &inputs) {
        for (const migration_input &input : inputs) {
            migration_record migration;
            migration.version = input.version;
            migration.name = input.name;
            migration.file = input.script.file;
            migration.warnings = input.warnings;
            record_.migrations.push_back(std::move(migration));
        }
        pg::save_constraint_modes();
        for (std::size_t i = 0; i < inputs.size(); i++)
            if (!run_migration(inputs[i], static_cast<std::int32_t>(i)))
                break;
        record_.waits = watch_.waits();
        record_.waits_caused = watch_.waits_caused();
        for (const pg::lock_wait &wait : record_.waits)
            record_.ledger.note_wait(wait.tag, wait.mode, wait.began_ms - record_.began_ms,
                                     wait.ended_ms - record_.began_ms, wait.blockers);
    }

private:
    double now() const { return pg::now_ms() - record_.began_ms; }

    /* False where the chain cannot go on. */
    bool run_migration(const migration_input &input, std::int32_t index) {
        migration_ = &record_.migrations[static_cast<std::size_t>(index)];
        input_ = &input;
        ending_.begin(*migration_, input);
        statements_.begin(*migration_, input, index);
        migration_->started_ms = now();
        migration_->status = run_status::complete;
        migration_->statement_count = static_cast<std::int32_t>(input.script.statements.size());
        statement_store store;
        const pg::resources before = pg::resources_spent();
        bool goes_on = true;
        {
            pg::settings_scope script_settings; // SET inside a script ends with it
            pg::settings_scope step_settings;
            step_settings_ = &step_settings;
            set_lock_timeout();
            for (std::int32_t i = 0; goes_on && i < migration_->statement_count; i++) {
                const pg::statement &where = input.script.statements[static_cast<std::size_t>(i)];
                using kind = pg::statement_kind;
                const bool alone = !input.transactional || where.kind == kind::concurrently ||
                                   where.kind == kind::top_level_only;
                if (where.kind == kind::commit || alone)
                    goes_on = end_step();
                if (where.kind != kind::commit && where.kind != kind::begin)
                    open_step();
                goes_on = goes_on && statements_.run(where, i + 1, store);
                if (alone)
                    goes_on = goes_on && end_step();
            }
            goes_on = goes_on && end_step();
        }
        migration_->spent = pg::resources_spent() - before;
        migration_->ended_ms = now();
        migration_->statements = store.take();
        migration_->totals = store.totals();
        return goes_on;
    }

    void set_lock_timeout() {
        const std::string timeout = input_->lock_timeout.empty()
                                        ? std::to_string(chosen_.lock_timeout_ms)
                                        : input_->lock_timeout;
        step_settings_->set("lock_timeout", timeout.c_str());
    }

    void open_step() {
        if (!step_is_open_)
            migration_->steps++;
        step_is_open_ = true;
    }

    /* What COMMIT does at the end of a step. */
    bool end_step() {
        if (!step_is_open_)
            return true;
        step_is_open_ = false;
        statements_.between_statements();
        statements_.release_savepoints();
        const double started = pg::now_ms();
        std::optional<failure_record> violation;
        try {
            violation = check_deferred_constraints();
        } catch (const pg::error &raised) {
            statement_record check;
            ending_.note_error(raised, check);
            migration_->execution_ms += pg::now_ms() - started;
            return false;
        }
        migration_->execution_ms += pg::now_ms() - started;
        if (violation) {
            ending_.fail(std::move(*violation));
            return false;
        }
        observer_.look(true);
        record_.ledger.end_step(now());
        step_settings_->commit();
        set_lock_timeout();
        ending_.step_ended();
        return true;
    }

    const options &chosen_;
    chain_record &record_;
    pg::session_watch watch_;
    statement_observer observer_;
    pg::observation observation_{observer_};
    ending ending_;
    statement_runner statements_;

    migration_record *migration_ = nullptr;
    const migration_input *input_ = nullptr;
    pg::settings_scope *step_settings_ = nullptr;
    bool step_is_open_ = false;
};

} // namespace

void run_chain(const std::vector<migration_input> &inputs, const options &chosen,
               const session_snapshot &before, pg::memory_context &statement_memory,
               chain_record &record) {
    record.began_ms = pg::now_ms();
    record.ledger.begin(before.held);
    chain_runner(chosen, before, statement_memory, record).run(inputs);
}

} // namespace confiture::dry_run
