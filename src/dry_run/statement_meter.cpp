#include "dry_run/statement_meter.hpp"

#include "dry_run/concurrently.hpp"
#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/refused_forms.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"
#include "pg/worker_names.hpp"
#include "running/lock_limit.hpp"

#include <iterator>

namespace confiture::dry_run {

namespace {

/* Memory of a statement is looked at where it had time to use some. */
constexpr double worth_a_look_ms = 5;

/* Such a statement names no index, and a column may have the name of one. */
bool reads_or_writes_rows(std::string_view tag) {
    return tag == "SELECT" || tag == "INSERT" || tag == "UPDATE" || tag == "DELETE" ||
           tag == "MERGE" || tag == "COPY";
}

} // namespace

statement_meter::statement_meter(const options &chosen, const session_snapshot &before,
                                 pg::memory_context &statement_memory, chain_record &record,
                                 pg::session_watch &watch, statement_observer &observer,
                                 ending &ending)
    : chosen_(chosen), before_(before), statement_memory_(statement_memory), record_(record),
      watch_(watch), observer_(observer), ending_(ending) {}

void statement_meter::begin(migration_record &migration, const migration_input &input,
                            std::int32_t index) {
    migration_ = &migration;
    input_ = &input;
    told_of_lock_timeout_ = false;
    place_ = {index, 0, 0, false};
}

void statement_meter::between_statements() {
    place_.statement = 0;
    place_.line = 0;
    record_.ledger.move_to(place_);
}

bool statement_meter::run(const pg::statement &where, std::int32_t ordinal,
                          statement_store &store) {
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
    ending_.running_as(pg::current_role_name());
    try {
        pg::check_for_interrupts();
        goes_on = dispatch(record);
    } catch (const pg::error &raised) {
        record.elapsed_ms = pg::now_ms() - started;
        goes_on = false;
        ending_.note_error(raised, record);
        observer_.look_after_error();
    } catch (const failure &refused) {
        goes_on = false;
        ending_.fail(record, refused);
    }
    record.spent = pg::resources_spent() - before;
    record.waited_ms = watch_.waited_ms() - waited_before;
    migration_->waited_ms += record.waited_ms;
    if (goes_on)
        goes_on = settle(record, store);
    if (goes_on)
        look_at_lock_timeout(where);
    std::move(record.side_effects.begin(), record.side_effects.end(),
              std::back_inserter(migration_->side_effects));
    observer_.note_waits();
    watch_.forget_statement();
    observer_.end();
    migration_->execution_ms += record.elapsed_ms;
    if (record.status != statement_status::not_run)
        store.count(pg::tag_name(where.tag), record.elapsed_ms, record.written);
    record.importance = importance_of(record, locks_strongly());
    if (store.wants(record.importance, record.elapsed_ms)) {
        record.text = shorten(input_->script.text_of(where), 500);
        store.add(std::move(record));
    }
    return goes_on;
}

/* Against writers at least, of a table that others know. */
bool statement_meter::locks_strongly() const {
    for (const auto &[relation, mode] : record_.ledger.taken_since_mark()) {
        const relation_info *known = record_.relations.find(relation);
        if (mode >= running::share_lock && known && !known->name.empty() && !known->created_here)
            return true;
    }
    return false;
}

void statement_meter::look_at_lock_timeout(const pg::statement &after) {
    if (told_of_lock_timeout_)
        return;
    const std::string warning = running::lock_timeout_warning(
        running::lock_limit(input_->lock_timeout, chosen_.lock_timeout_ms), after.line);
    told_of_lock_timeout_ = !warning.empty();
    if (told_of_lock_timeout_)
        migration_->warnings.push_back(warning + ". " + running::lock_timeout_hint);
}

/* Everything that is read off after a statement that worked. */
bool statement_meter::settle(statement_record &record, const statement_store &store) {
    observer_.look(true);
    record_.ledger.note_taken_again(now());
    record_.relations.settle(record);
    record.written = record_.rows.count();
    if (record.where.kind == pg::statement_kind::plain && record.status == statement_status::done)
        plan_.compare(record, record_.ledger, record_.relations, migration_->plan);
    record.importance = importance_of(record, locks_strongly());
    if (store.wants(record.importance, record.elapsed_ms))
        observer_.describe_objects();
    migration_->written += record.written;
    if (record.status == statement_status::done || record.status == statement_status::emulated)
        migration_->statements_run++;
    return !ending_.stops(record, observer_.shared_lock_count());
}

bool statement_meter::dispatch(statement_record &record) {
    using kind = pg::statement_kind;
    const std::string_view text = input_->script.text_of(record.where);
    switch (record.where.kind) {
    case kind::begin:
    case kind::commit:
        return true;
    case kind::rollback:
    case kind::savepoint:
    case kind::release:
    case kind::rollback_to:
        runner_.run(record.where, text, false, watch_, statement_memory_);
        if (record.where.kind == kind::rollback_to)
            record_.relations.look_again();
        return true;
    case kind::top_level_only:
    case kind::concurrently:
        if (pg::mentions(text, ending_.missing().names())) {
            tell_step_alone(record);
            leave_out(record, text, "it depends on what was not run");
            return true;
        }
        {
            const pg::unobserved by_the_ledger; // the blocks that it rolls back are our own
            pg::refuse_temporary_names(text);
            pg::check_form(text); // whatever its plain form may do
        }
        tell_step_alone(record);
        if (record.where.kind == kind::concurrently)
            return run_concurrently(record, text);
        leave_out(record, text, "it cannot run inside the subtransaction of a dry run");
        return true;
    case kind::plain:
        break;
    }
    if (!reads_or_writes_rows(pg::tag_name(record.where.tag)) &&
        pg::mentions(text, ending_.missing().names())) {
        leave_out(record, text, "it depends on what was not run");
    } else if (before_.loses_by(pg::tag_name(record.where.tag), text)) {
        drop_prepared_since(before_); // as far as it is the script that made them
        leave_out(record, text, "what the session has prepared or opened would not come back");
    } else {
        plan_.begin(static_cast<std::size_t>(place_.migration),
                    static_cast<std::size_t>(record.ordinal), record_.relations);
        run_plain(record, text);
    }
    return true;
}

void statement_meter::execute(statement_record &record, std::string_view text, bool plain_form) {
    pg::observation::begin_statement();
    if (long_before_)
        pg::reset_peak_memory();
    const double started = pg::now_ms();
    const pg::completion done =
        runner_.run(record.where, text, plain_form, watch_, statement_memory_);
    record.elapsed_ms = pg::now_ms() - started;
    record.rows = done.rows;
    long_before_ = record.elapsed_ms >= worth_a_look_ms;
    if (long_before_)
        record.peak_memory = pg::peak_memory();
    const std::string_view tag = done.tag;
    if (tag == "ALTER TYPE" || tag == "CREATE TYPE")
        ending_.enum_changed(pg::facts_of(text));
}

/* What fails for want of something that was not run is undone alone, and the rest goes on.  Not so
 * COPY: FREEZE wants the table to be made in the same subtransaction. */
void statement_meter::run_plain(statement_record &record, std::string_view text) {
    if (!ending_.missing().any() || std::string_view(pg::tag_name(record.where.tag)) == "COPY")
        return execute(record, text, false);
    pg::subtransaction attempt;
    try {
        execute(record, text, false);
    } catch (const pg::error &raised) {
        observer_.look_after_error();
        if (watch_.caused(raised) || !ending_.missing().explains(raised, text))
            throw;
        attempt.roll_back();
        record_.relations.look_again();
        return leave_out(record, text, needs_what_was_not_run + std::string(raised.what()));
    }
    attempt.release();
}

void statement_meter::leave_out(statement_record &record, std::string_view text,
                                const std::string &reason) {
    record.status = statement_status::not_run;
    record.reason = reason;
    ending_.missing().add(pg::facts_of(text), pg::tag_name(record.where.tag));
    migration_->not_run.push_back(std::string(pg::tag_name(record.where.tag)) + " in line " +
                                  std::to_string(record.where.line) + " was not run: " + reason);
}

/* Where the migration is one transaction otherwise, the statement is a surprise. */
void statement_meter::tell_step_alone(const statement_record &record) {
    if (input_->transactional && migration_->statement_count > 1)
        migration_->warnings.push_back(
            std::string(pg::tag_name(record.where.tag)) + " in line " +
            std::to_string(record.where.line) +
            " cannot run in a transaction: it is a step of its own, and what stands before it is "
            "committed first");
}

bool statement_meter::run_concurrently(statement_record &record, std::string_view text) {
    const pg::statement_facts facts = pg::facts_of(text);
    const concurrent_choice choice = [&] {
        const pg::unobserved by_the_ledger; // the blocks that it rolls back are our own
        return choose_form(facts, chosen_.concurrently, record_.relations);
    }();
    const auto note_real_locks = [&] {
        for (const real_lock &lock : choice.locks) {
            record_.relations.meet(lock.tag.relation());
            record_.ledger.note_predicted(lock.tag, lock.mode, now());
        }
    };
    refuse_passed_over(facts);
    if (!choice.emulate) {
        leave_out(record, text, choice.reason + sentence_on_duplicates(text, facts));
        note_real_locks();
        return true;
    }
    place_.emulating = true;
    record_.ledger.move_to(place_);
    execute(record, text, true);
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

} // namespace confiture::dry_run
