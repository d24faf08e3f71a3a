#include "dry_run/run.hpp"

#include "dry_run/commit_point.hpp"
#include "dry_run/concurrently.hpp"
#include "dry_run/plan_check.hpp"
#include "dry_run/savepoints.hpp"
#include "dry_run/statement_observer.hpp"
#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

/* Memory of a statement is looked at where it had time to use some. */
constexpr double worth_a_look_ms = 5;

class chain_runner {
public:
    chain_runner(const options &chosen, pg::memory_context &statement_memory, chain_record &record)
        : chosen_(chosen), record_(record),
          most_locks_(chosen.max_locks < 0 ? pg::lock_table_capacity() / 2
                                           : static_cast<std::size_t>(chosen.max_locks)),
          watch_({chosen.max_wait_caused_ms, chosen.max_lock_hold_ms, most_locks_,
                  pg::find_relation("confiture.migrator")}),
          observer_(record, watch_), statement_memory_(statement_memory) {}

    void run(const std::vector<migration_input> &inputs) {
        for (const migration_input &input : inputs) {
            migration_record migration;
            migration.version = input.version;
            migration.name = input.name;
            migration.file = input.script.file;
            migration.warnings = input.warnings;
            record_.migrations.push_back(std::move(migration));
        }
        save_constraint_modes();
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
        place_ = {index, 0, 0, false};
        labels_added_.clear();
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
                goes_on = run_statement(input.script.statements[static_cast<std::size_t>(i)], i + 1,
                                        store);
                if (!input.transactional)
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

    bool run_statement(const pg::statement &where, std::int32_t ordinal, statement_store &store) {
        const pg::memory_scope scope(statement_memory_); // what is asked of the server goes with it
        statement_record record;
        record.ordinal = ordinal;
        record.where = where;
        record.started_ms = now();
        place_.statement = ordinal;
        place_.line = where.line;
        record_.ledger.move_to(place_);
        record_.ledger.mark();
        const double waited_before = watch_.waited_ms();
        const pg::resources before = pg::resources_spent();
        bool goes_on = true;
        observer_.begin(record);
        const double started = pg::now_ms();
        try {
            pg::check_for_interrupts();
            goes_on = dispatch(record);
        } catch (const pg::error &raised) {
            record.elapsed_ms = pg::now_ms() - started;
            goes_on = note_error(raised, record);
            observer_.look_after_error();
        }
        record.spent = pg::resources_spent() - before;
        record.waited_ms = watch_.waited_ms() - waited_before;
        migration_->waited_ms += record.waited_ms;
        if (goes_on)
            goes_on = settle(record, store);
        observer_.end();
        migration_->execution_ms += record.elapsed_ms;
        if (record.status != statement_status::not_run)
            store.count(pg::tag_name(where.tag), record.elapsed_ms, record.written);
        if (store.wants(record.elapsed_ms)) {
            record.text = shorten(input_->script.text_of(where), 500);
            store.add(std::move(record));
        }
        return goes_on;
    }

    /* Everything that is read off after a statement that worked. */
    bool settle(statement_record &record, const statement_store &store) {
        observer_.look(true);
        record_.ledger.note_taken_again(now());
        record_.relations.settle(record);
        if (record.where.kind == pg::statement_kind::plain &&
            record.status == statement_status::done)
            plan_.compare(record, record_.ledger, record_.relations, migration_->plan);
        if (store.wants(record.elapsed_ms))
            observer_.describe_objects();
        migration_->written += record.written;
        if (record.status == statement_status::done || record.status == statement_status::emulated)
            migration_->statements_run++;
        if (watch_.stopped() != pg::stop_reason::none)
            return stop(record, sentence(watch_.stopped()));
        if (most_locks_ && observer_.shared_lock_count() > most_locks_) // too short for the timer
            return stop(record, sentence(pg::stop_reason::too_many_locks));
        return true;
    }

    bool dispatch(statement_record &record) {
        using kind = pg::statement_kind;
        if (!step_is_open_ && record.where.kind != kind::begin &&
            record.where.kind != kind::commit) {
            step_is_open_ = true;
            migration_->steps++;
        }
        const std::string_view text = input_->script.text_of(record.where);
        switch (record.where.kind) {
        case kind::begin:
            return true;
        case kind::commit:
            return end_step();
        case kind::rollback:
            fail(record, "0A000",
                 "a migration cannot end its transaction by " +
                     std::string(pg::tag_name(record.where.tag)),
                 "Undo parts of a script with SAVEPOINT and ROLLBACK TO.");
            return false;
        case kind::savepoint:
            savepoints_.open(pg::facts_of(text).savepoint);
            return true;
        case kind::rollback_to:
        case kind::release:
            return end_savepoint(record, pg::facts_of(text).savepoint);
        case kind::top_level_only:
            return leave_out(record, text, "it cannot run inside a transaction");
        case kind::concurrently:
            return run_concurrently(record, text);
        case kind::plain:
            break;
        }
        if (pg::mentions(text, names_not_made_))
            return leave_out(record, text, "it depends on what was not run");
        if (record_.left_behind.takes_the_callers(pg::tag_name(record.where.tag), text)) {
            record_.left_behind.drop_prepared();
            return leave_out(record, text,
                             "what the session has prepared or opened would not come back");
        }
        plan_.predict(text);
        run(record, text, false);
        return true;
    }

    void run(statement_record &record, std::string_view text, bool plain_form) {
        pg::observation::begin_statement();
        if (long_before_)
            pg::reset_peak_memory();
        const double started = pg::now_ms();
        const pg::completion done = pg::run_statement(text, plain_form, statement_memory_);
        record.elapsed_ms = pg::now_ms() - started;
        record.rows = done.rows;
        long_before_ = record.elapsed_ms >= worth_a_look_ms;
        if (long_before_)
            record.peak_memory = pg::peak_memory();
        if (std::string_view(done.tag) == "ALTER TYPE")
            if (std::string label = pg::facts_of(text).enum_label; !label.empty())
                labels_added_.push_back(std::move(label));
        record_.left_behind.note(done.tag, text);
    }

    bool end_savepoint(statement_record &record, const std::string &name) {
        const bool releases = record.where.kind == pg::statement_kind::release;
        if (releases ? savepoints_.release(name) : savepoints_.roll_back_to(name)) {
            if (!releases)
                record_.relations.look_again();
            return true;
        }
        fail(record, "3B001", "savepoint \"" + name + "\" does not exist", "");
        return false;
    }

    bool leave_out(statement_record &record, std::string_view text, const std::string &reason) {
        record.status = statement_status::not_run;
        record.reason = reason;
        const pg::statement_facts facts = pg::facts_of(text);
        names_not_made_.insert(names_not_made_.end(), facts.makes.begin(), facts.makes.end());
        migration_->not_run.push_back(std::string(pg::tag_name(record.where.tag)) + " in line " +
                                      std::to_string(record.where.line) +
                                      " was not run: " + reason);
        return true;
    }

    bool run_concurrently(statement_record &record, std::string_view text) {
        const pg::statement_facts facts = pg::facts_of(text);
        const concurrent_choice choice =
            choose_form(facts, chosen_.concurrently, record_.relations);
        const auto note_real_locks = [&] {
            for (const real_lock &lock : choice.locks) {
                record_.relations.meet(lock.tag.relation());
                record_.ledger.note_predicted(lock.tag, lock.mode, now());
            }
        };
        if (!choice.emulate) {
            leave_out(record, text, choice.reason);
            note_real_locks();
            return true;
        }
        place_.emulating = true;
        record_.ledger.move_to(place_);
        run(record, text, true);
        observer_.look(true);
        place_.emulating = false;
        record_.ledger.move_to(place_);
        note_real_locks();
        record.status = statement_status::emulated;
        record.reason = "run in its plain form, without CONCURRENTLY";
        migration_->emulated.push_back(
            std::string(pg::tag_name(record.where.tag)) + " CONCURRENTLY in line " +
            std::to_string(record.where.line) +
            " ran in its plain form, which locks out writers; the real form does not");
        return true;
    }

    /* What COMMIT does at the end of a step. */
    bool end_step() {
        if (!step_is_open_)
            return true;
        step_is_open_ = false;
        place_.statement = 0;
        place_.line = 0;
        record_.ledger.move_to(place_);
        savepoints_.release_all();
        const double started = pg::now_ms();
        std::optional<failure_record> violation;
        try {
            violation = check_deferred_constraints();
        } catch (const pg::error &raised) {
            statement_record check;
            const bool known = note_error(raised, check);
            migration_->execution_ms += pg::now_ms() - started;
            return known;
        }
        migration_->execution_ms += pg::now_ms() - started;
        if (violation) {
            violation->file = migration_->file;
            migration_->error = std::move(*violation);
            migration_->status = run_status::failed;
            return false;
        }
        observer_.look(true);
        record_.ledger.end_step(now());
        step_settings_->commit();
        set_lock_timeout();
        labels_before_.insert(labels_before_.end(), labels_added_.begin(), labels_added_.end());
        labels_added_.clear();
        return true;
    }

    void fail(statement_record &record, const char *sqlstate, std::string message,
              std::string hint) {
        failure_record failed;
        failed.sqlstate = sqlstate;
        failed.message = std::move(message);
        failed.hint = std::move(hint);
        failed.line = record.where.line;
        failed.column = record.where.column;
        file(record, std::move(failed));
    }

    void file(statement_record &record, failure_record &&failed) {
        failed.file = migration_->file;
        failed.statement = record.ordinal;
        record.status = statement_status::failed;
        record.reason = failed.message;
        migration_->error = std::move(failed);
        migration_->status = run_status::failed;
    }

    bool stop(statement_record &record, std::string reason) {
        record.status = statement_status::stopped;
        record.reason = reason;
        migration_->status = run_status::stopped;
        migration_->reason = std::move(reason);
        return false;
    }

    std::string sentence(pg::stop_reason reason) const {
        const auto limit = [](int milliseconds) { return std::to_string(milliseconds) + " ms"; };
        switch (reason) {
        case pg::stop_reason::wait_caused:
            return "another session has waited for a lock of this dry run longer than "
                   "max_wait_caused (" +
                   limit(chosen_.max_wait_caused_ms) + ")";
        case pg::stop_reason::lock_hold:
            return "a lock that blocks writers was held longer than max_lock_hold (" +
                   limit(chosen_.max_lock_hold_ms) + ")";
        case pg::stop_reason::too_many_locks:
            return "more locks were taken than max_locks allows, of a shared lock table with room "
                   "for " +
                   std::to_string(pg::lock_table_capacity());
        case pg::stop_reason::none:
            break;
        }
        return "";
    }

    bool label_was_added_before(const std::string &message) const {
        const auto named = [&](const std::string &label) {
            return message.find(label) != std::string::npos;
        };
        return std::any_of(labels_before_.begin(), labels_before_.end(), named) &&
               std::none_of(labels_added_.begin(), labels_added_.end(), named);
    }

    /* Files an ERROR; what belongs to the server or the user is thrown on.  Always false. */
    bool note_error(const pg::error &raised, statement_record &record) {
        const std::string state = raised.sqlstate();
        if (watch_.caused(raised))
            return stop(record, sentence(watch_.stopped()));
        if (state == "57014" || state.rfind("57P", 0) == 0 || state == "40001")
            throw raised;
        if (state == "55P03" && record.ordinal > 0 && lock_timeout_passed())
            return stop(record, "a lock was not to be had within lock_timeout");
        if (state == "55P04" && label_was_added_before(raised.what())) {
            record.status = statement_status::needs_commit;
            record.reason = raised.what();
            migration_->status = run_status::needs_commit;
            migration_->reason = raised.what();
            return false;
        }
        failure_record failed = failure_of(raised);
        failed.line = record.where.line;
        failed.column = record.where.column;
        if (raised.position() > 0 && record.ordinal > 0) {
            const std::string_view text = input_->script.text_of(record.where);
            const pg::place place = pg::place_of(
                input_->script.text, static_cast<std::size_t>(record.where.offset) +
                                         pg::offset_of_character(text, raised.position()));
            failed.line = place.line;
            failed.column = place.column;
        }
        file(record, std::move(failed));
        return false;
    }

    /* NOWAIT raises the same SQLSTATE without having waited. */
    bool lock_timeout_passed() const {
        const std::vector<pg::lock_wait> waits = watch_.waits();
        return !waits.empty() && pg::now_ms() - waits.back().ended_ms < 100;
    }

    const options &chosen_;
    chain_record &record_;
    const std::size_t most_locks_;
    pg::session_watch watch_;
    statement_observer observer_;
    pg::memory_context &statement_memory_;
    pg::observation observation_{observer_};

    migration_record *migration_ = nullptr;
    const migration_input *input_ = nullptr;
    pg::settings_scope *step_settings_ = nullptr;
    ledger_place place_;
    plan_checker plan_;
    bool step_is_open_ = false;
    savepoints savepoints_;
    std::vector<std::string> names_not_made_;
    std::vector<std::string> labels_added_, labels_before_; // of enums: in this step, before it
    bool long_before_ = true;
};

} // namespace

void run_chain(const std::vector<migration_input> &inputs, const options &chosen,
               const std::vector<pg::held_lock> &held_before, pg::memory_context &statement_memory,
               chain_record &record) {
    record.began_ms = pg::now_ms();
    record.ledger.begin(held_before);
    chain_runner(chosen, statement_memory, record).run(inputs);
}

} // namespace confiture::dry_run
