#include "dry_run/run.hpp"

#include "dry_run/commit_point.hpp"
#include "dry_run/hook_runner.hpp"
#include "dry_run/statement_meter.hpp"
#include "pg/error.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "running/lock_limit.hpp"

#include <initializer_list>

namespace confiture::dry_run {

namespace {

class chain_runner {
public:
    chain_runner(hooks::registered_hooks &registered, const options &chosen,
                 const session_snapshot &before, pg::memory_context &statement_memory,
                 chain_record &record)
        : registered_(registered), chosen_(chosen), before_(before), memory_(statement_memory),
          record_(record), watch_({chosen.max_wait_caused_ms, chosen.max_lock_hold_ms,
                                   most_locks(chosen), pg::migrators_queue()}),
          observer_(record, watch_, chosen.strict), ending_(chosen, watch_),
          statements_(chosen, before, statement_memory, record, watch_, observer_, ending_) {}

    void run(const std::vector<migration_input> &inputs) {
        for (const migration_input &input : inputs) {
            migration_record migration;
            migration.version = input.version;
            migration.name = input.name;
            migration.file = input.script.file;
            migration.standing = input.standing;
            migration.warnings = input.warnings;
            record_.migrations.push_back(std::move(migration));
        }
        pg::save_constraint_modes();
        statements_.plan(inputs, registered_);
        for (std::size_t i = 0; i < inputs.size(); i++)
            if (!run_migration(inputs[i], static_cast<std::int32_t>(i)))
                break;
        observer_.note_waits();
        record_.waits_caused = watch_.waits_caused();
    }

private:
    double now() const { return pg::now_ms() - record_.began_ms; }

    /* False where the chain cannot go on. */
    bool run_migration(const migration_input &input, std::int32_t index) {
        migration_ = &record_.migrations[static_cast<std::size_t>(index)];
        input_ = &input;
        ending_.begin(*migration_, input);
        statements_.begin(*migration_, input, index);
        record_.rows.begin_migration();
        migration_->started_ms = now();
        migration_->status = run_status::complete;
        migration_->statement_count = static_cast<std::int32_t>(input.script.statements.size());
        const pg::resources before = pg::resources_spent();
        hook_runner hooks(registered_, record_, watch_, observer_, ending_, *migration_, input,
                          index);
        bool goes_on = false;
        {
            pg::settings_scope script_settings; // SET inside a script ends with it
            pg::settings_scope step_settings;
            step_settings_ = &step_settings;
            set_lock_timeout();
            goes_on = run_hooks(hooks, {hooks::phase::before_validation, hooks::phase::before_ddl});
            goes_on = goes_on && run_statements();
            goes_on = goes_on &&
                      run_hooks(hooks, {hooks::phase::after_ddl, hooks::phase::after_validation});
            goes_on = goes_on && end_step();
            if (!goes_on)
                abandon_step();
            run_last_hooks(hooks);
        }
        migration_->spent = pg::resources_spent() - before;
        migration_->rows_counted = record_.rows.so_far().has_value();
        migration_->ended_ms = now();
        return goes_on && migration_->status == run_status::complete;
    }

    bool run_statements() {
        statement_store store;
        bool goes_on = true;
        for (std::int32_t i = 0; goes_on && i < migration_->statement_count; i++) {
            const pg::statement &where = input_->script.statements[static_cast<std::size_t>(i)];
            using kind = pg::statement_kind;
            const bool alone = !input_->transactional || where.kind == kind::concurrently ||
                               where.kind == kind::top_level_only;
            if (where.kind == kind::commit || alone)
                goes_on = end_step();
            if (where.kind != kind::commit && where.kind != kind::begin)
                open_step();
            goes_on = goes_on && statements_.run(where, i + 1, store);
            if (alone)
                goes_on = goes_on && end_step();
        }
        migration_->statements = store.take();
        migration_->totals = store.totals();
        return goes_on;
    }

    bool run_hooks(hook_runner &hooks, std::initializer_list<hooks::phase> phases) {
        statements_.between_statements();
        for (const hooks::phase which : phases) {
            if (!hooks.has(which))
                continue;
            open_step();
            if (!hooks.run(which))
                return false;
        }
        return true;
    }

    /* In success and in failure, but not where a dry run was stopped: others wait for it. */
    void run_last_hooks(hook_runner &hooks) {
        using hooks::phase;
        for (const phase which : {phase::cleanup, phase::on_error}) {
            const bool failed = migration_->status == run_status::failed;
            if (!hooks.has(which) || (!failed && (which == phase::on_error ||
                                                  migration_->status != run_status::complete)))
                continue;
            const std::int32_t steps = migration_->steps;
            const std::optional<failure_record> first = migration_->error;
            open_step();
            hooks.run_after_all(which);
            if (!end_step())
                abandon_step();
            if (first)
                migration_->error = first;
            migration_->steps = steps;
        }
    }

    void set_lock_timeout() {
        const int limit = running::lock_limit(input_->lock_timeout, chosen_.lock_timeout_ms);
        step_settings_->set("lock_timeout", std::to_string(limit).c_str());
        watch_.limit_lock_waits(limit);
    }

    void open_step() {
        if (step_)
            return;
        migration_->steps++;
        step_.emplace();
        rows_before_step_ = record_.rows.remember();
    }

    /* What ROLLBACK does after a failure. */
    void abandon_step() {
        if (!step_)
            return;
        statements_.between_statements();
        statements_.forget_savepoints();
        step_->roll_back();
        step_.reset();
        record_.relations.look_again();
        record_.rows.count();
        record_.rows.go_back(rows_before_step_);
    }

    /* What COMMIT does at the end of a step. */
    bool end_step() {
        if (!step_)
            return true;
        statements_.between_statements();
        statements_.release_savepoints();
        const double started = pg::now_ms();
        std::optional<failure_record> violation;
        try {
            violation = check_deferred_constraints(!before_.temporary_rows, memory_);
        } catch (const pg::error &raised) {
            statement_record check;
            ending_.note_error(raised, check);
            observer_.look_after_error();
            observer_.note_waits();
            migration_->execution_ms += pg::now_ms() - started;
            return false;
        }
        migration_->execution_ms += pg::now_ms() - started;
        if (violation) {
            ending_.fail(std::move(*violation));
            return false;
        }
        observer_.look(true);
        observer_.note_waits();
        record_.ledger.end_step(now());
        step_->release();
        step_.reset();
        step_settings_->commit();
        set_lock_timeout();
        ending_.step_ended();
        return true;
    }

    hooks::registered_hooks &registered_;
    const options &chosen_;
    const session_snapshot &before_;
    pg::memory_context &memory_;
    chain_record &record_;
    pg::session_watch watch_;
    statement_observer observer_;
    pg::observation observation_{observer_};
    ending ending_;
    statement_meter statements_;

    migration_record *migration_ = nullptr;
    const migration_input *input_ = nullptr;
    pg::settings_scope *step_settings_ = nullptr;
    std::optional<pg::subtransaction> step_; // as long as one is open
    running::row_counter::total rows_before_step_;
};

} // namespace

void run_chain(const std::vector<migration_input> &inputs, hooks::registered_hooks &registered,
               const options &chosen, const session_snapshot &before,
               pg::memory_context &statement_memory, chain_record &record) {
    record.began_ms = pg::now_ms();
    record.ledger.begin(before.held, record.began_ms, 0);
    record.rows.begin_transaction();
    chain_runner(registered, chosen, before, statement_memory, record).run(inputs);
}

} // namespace confiture::dry_run
