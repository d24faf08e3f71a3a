#include "apply/migrator.hpp"

#include "apply/settlement.hpp"
#include "apply/step_stop.hpp"
#include "migration/version.hpp"
#include "pg/committing.hpp"
#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/self_cancel.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"
#include "running/advisory_locks.hpp"
#include "running/dry_run_memory.hpp"

namespace confiture::apply {

using hooks::phase;
using migration::failure_record;

namespace {

const std::vector<phase> hooks_before{phase::before_validation, phase::before_ddl};
const std::vector<phase> hooks_after{phase::after_ddl, phase::after_validation};

/* Of a CALL or DO that commits. */
constexpr std::string_view invalid_transaction_termination = "2D000";

std::int32_t count_of(const migration::step &step) {
    return static_cast<std::int32_t>(step.last - step.first + 1);
}

std::string_view text_of(const pg::script &script, const migration::step &step) {
    const pg::statement &first = script.statements[step.first],
                        &last = script.statements[step.last];
    return std::string_view(script.text)
        .substr(static_cast<std::size_t>(first.offset),
                static_cast<std::size_t>(last.offset + last.length - first.offset));
}

[[noreturn]] void refuse_unknown(const migration::stored &migration, const journal_entry &entry,
                                 const settlement &settled) {
    const std::string version = pg::sql_literal(migration.version);
    throw failure{repair_needed,
                  "migration \"" + migration.version + "\" was cut off, and what its step " +
                      std::to_string(entry.step) + " did is not known",
                  entry.command + " in line " + std::to_string(entry.line) +
                      " was begun: " + settled.sentence + ".",
                  "Look whether it is done, then say so: SELECT * FROM confiture.repair(" +
                      version + ", 'done') or confiture.repair(" + version + ", 'not done')."};
}

std::string words_of(const failure_record &error) {
    std::string words;
    if (!error.file.empty())
        words = "File \"" + error.file + "\"";
    if (error.line > 0)
        words += (words.empty() ? "Line " : ", line ") + std::to_string(error.line);
    if (error.statement > 0)
        words += (words.empty() ? "Statement " : ", statement ") + std::to_string(error.statement);
    return words.empty() ? words : words + ".";
}

} // namespace

migrator::migrator(transactions &whose)
    : transactions_(whose), role_(pg::current_role_name()), queue_(pg::migrators_queue()) {
    board_.now.run_began_at = pg::timestamp_now();
    board_.now.doing = pg::activity::waiting_for_migrator;
    if (whose.are_ours())
        board_.publisher.emplace(board_.now);
}

void migrator::expect(std::size_t migrations) {
    board_.now.migration = 0;
    board_.now.migrations = static_cast<std::int32_t>(migrations);
}

void migrator::show_migration() {
    board_.now.version = migration_->version;
    board_.now.name = migration_->name;
    board_.now.direction = prepared_->direction;
    board_.now.migration++;
    board_.now.steps = static_cast<std::int32_t>(steps_.size());
    board_.now.statements = static_cast<std::int32_t>(prepared_->script.statements.size());
    board_.now.step = board_.now.statement = board_.now.attempt = board_.now.line = 0;
    board_.now.began_at = pg::timestamp_now();
    board_.now.estimated_ms = migration::last_duration_ms(*migration_, prepared_->direction);
    board_.publish(pg::activity::migrating);
}

migration_outcome migrator::run(const migration::stored &migration, const std::string &direction,
                                const journal *begun) {
    migration_ = &migration;
    prepared_ = hooks::prepare(migration, direction);
    steps_ = migration::steps_of(prepared_->script, prepared_->transactional);
    refuse_dependent();
    look_at_dry_run();
    if (!transactions_.are_ours())
        refuse_several_transactions();
    runner_.emplace(*prepared_, registered_, board_, !is_one_transaction(), transactions_);
    began_at_ = pg::clock_timestamp();
    next_ = 0;
    statements_done_ = 0;
    before_hooks_done_ = in_journal_ = finished_ = false;
    show_migration();
    const double started = pg::now_ms();
    session_.reset();
    if (!is_one_transaction())
        session_.emplace();
    const auto restore = [&] { // SET inside a script ends with it
        if (!session_)
            return;
        session_->restore();
        transactions_.commit();
    };
    try {
        if (begun)
            go_on_from(*begun);
        run_steps();
        if (const auto failed = run_last_hooks(phase::cleanup))
            fail_after_all(*failed);
    } catch (const pg::error &raised) {
        note_cancel(raised);
        restore();
        throw;
    } catch (const failure &) {
        restore();
        throw;
    }
    restore();
    return {pg::now_ms() - started, statements_done_};
}

void migrator::refuse_dependent() const {
    for (const std::string &version : prepared_->depends)
        if (!migration::is_applied(version))
            throw failure{out_of_order,
                          subject() + " depends on migration \"" + version +
                              "\", which is not applied",
                          "Nothing of it was run.", "Apply that one first."};
}

/* Nobody knows of the dry runs of other sessions: they write nothing. */
void migrator::look_at_dry_run() const {
    using verdict = running::dry_run_verdict;
    const std::string again = "SELECT * FROM confiture.dry_run(" +
                              pg::sql_literal(migration_->version) +
                              (forward() ? ")" : ", 'backward')") + " tells what it would do.";
    switch (
        running::last_dry_run(migration_->version, prepared_->direction, prepared_->script.text)) {
    case verdict::failed:
        pg::warn("the last dry run of " + subject() + " in this session failed", "", again);
        break;
    case verdict::stopped:
        pg::warn("the last dry run of " + subject() + " in this session was stopped",
                 "It reached one of the limits of its options.", again);
        break;
    case verdict::none:
        if (pg::warns_not_dry_run())
            pg::warn(subject() + " was not dry-run in this session",
                     "What other sessions have dry-run is not known here.", again);
        break;
    case verdict::passed:
        break;
    }
}

void migrator::refuse_several_transactions() const {
    for (const migration::step &step : steps_)
        if (step.at_top_level || steps_.size() > 1) {
            const pg::statement &where = prepared_->script.statements[step.first];
            throw failure{not_transactional, subject() + " is more than one transaction",
                          step.at_top_level
                              ? std::string(pg::tag_name(where.tag)) + " in line " +
                                    std::to_string(where.line) + " cannot run inside a transaction."
                              : "It has " + std::to_string(steps_.size()) +
                                    " steps, each of which is committed.",
                          forward() ? "CALL confiture.up() runs it."
                                    : "CALL confiture.down() runs it."};
        }
}

bool migrator::is_one_transaction() const {
    return steps_.empty() ||
           (steps_.size() == 1 && !steps_[0].at_top_level && !steps_[0].may_commit);
}

/* What is done stays done as long as the script still says so. */
void migrator::go_on_from(const journal &begun) {
    in_journal_ = before_hooks_done_ = true;
    if (session_) {
        session_->resume({migration_->version, begun.direction, begun.entries.back().session},
                         runner_->run_of_hooks());
        transactions_.commit();
    }
    bool same = begun.direction == prepared_->direction;
    for (journal_entry entry : begun.entries) {
        if (entry.step == 0)
            continue;
        if (!entry.done) {
            const settlement settled = settle(migration_->version, entry, transactions_);
            refuse_leftover(migration_->version, settled);
            if (settled.what == outcome::not_done)
                continue;
            if (settled.what == outcome::unknown)
                refuse_unknown(*migration_, entry, settled);
            entry.done = true;
        }
        const auto index = static_cast<std::size_t>(entry.step - 1);
        same =
            same && entry.done && index < steps_.size() && entry.content == entry_of(index).content;
        next_ = index + 1;
        statements_done_ = entry.statements_done;
        runner_->lose_row_count();
    }
    if (same)
        return;
    const std::string backward = begun.direction == "backward" ? " backward" : "";
    throw failure{
        repair_needed, subject() + " was left in the middle and does not fit any more",
        "Of its" + backward + " script " + std::to_string(begun.entries.back().step) + " of " +
            std::to_string(begun.entries.back().steps) + " steps are done" +
            (begun.direction == prepared_->direction ? ", and their text has changed since."
                                                     : ", and now it is to run the other way."),
        "Register the script as it was and resume, or undo by hand what is done and SELECT "
        "confiture.repair(" +
            pg::sql_literal(migration_->version) + ", 'abandon')."};
}

void migrator::run_steps() {
    for (; next_ < steps_.size(); next_++) {
        board_.now.step = static_cast<std::int32_t>(next_ + 1);
        board_.now.attempt = 1;
        board_.now.set_blockers({});
        if (!steps_[next_].at_top_level && run_transactional())
            continue;
        steps_[next_].at_top_level = true;
        run_hooks_before();
        run_at_top_level();
    }
    if (!finished_)
        retry({steps_.empty() ? hooks_before : std::vector<phase>{}, nullptr, hooks_after},
              [&] { note_end(std::nullopt); });
}

/* Of a migration that begins with a statement at top level. */
void migrator::run_hooks_before() {
    if (next_ > 0 || before_hooks_done_ ||
        !(runner_->has(phase::before_validation) || runner_->has(phase::before_ddl)))
        return;
    retry({hooks_before, nullptr, {}}, [&] { note_hooks_before(); });
    before_hooks_done_ = in_journal_ = true;
}

bool migrator::run_transactional() {
    const migration::step &step = steps_[next_];
    const bool first = next_ == 0 && !before_hooks_done_, last = next_ + 1 == steps_.size();
    statements_done_ += count_of(step);
    const bool stayed = retry({first ? hooks_before : std::vector<phase>{}, &step,
                               last ? hooks_after : std::vector<phase>{}},
                              [&] { last ? note_end(std::nullopt) : note_step(true); });
    if (!stayed)
        return false;
    finished_ = last;
    in_journal_ = !last;
    return true;
}

bool migrator::retry(const step_work &work, const std::function<void()> &note) {
    lock_policy policy(subject());
    const bool may_commit = work.statements && work.statements->may_commit;
    std::vector<running::advisory_hold> advisory;
    if (may_commit)
        advisory = running::advisory_holds(pg::held_locks());
    while (auto failed = attempt(work, note)) {
        const bool ours = transactions_.are_ours();
        const bool commits_itself = ours && may_commit &&
                                    (failed->error.sqlstate == invalid_transaction_termination ||
                                     failed->error.sqlstate == not_transactional.code);
        if (ours && !commits_itself && policy.goes_on(*failed)) {
            pause_before_retry(policy);
            continue;
        }
        if (work.statements)
            statements_done_ -= count_of(*work.statements);
        if (!commits_itself)
            fail(ours ? policy.give_up(*failed) : failed->error);
        running::release_taken_since(advisory); // it runs again, in another session
        transactions_.commit();
        return false;
    }
    return true;
}

/* Holds nothing but the migrator's lock. */
void migrator::pause_before_retry(lock_policy &policy) {
    transactions_.commit();
    board_.now.attempt = policy.attempts() + 1;
    board_.now.set_blockers(policy.blockers());
    board_.publish(pg::activity::pausing_before_retry);
    pg::pause(policy.pause_ms());
}

std::optional<failed_attempt> migrator::attempt(const step_work &work,
                                                const std::function<void()> &note) {
    failed_attempt failed;
    failed.began_ms = pg::now_ms();
    pg::session_watch watch(limits_of_step(queue_, runner_->lock_limit_ms()));
    try {
        runner_->run(work, watch, note);
        commit();
        return std::nullopt;
    } catch (const step_failed &inside) {
        failed.error = inside.error;
    } catch (const pg::error &raised) { // of hooks or the bookkeeping, or at the commit
        if (raised.is_intervention())
            throw;
        failed.error = migration::failure_of(raised);
    }
    failed.is_final = !transactions_.kept_lock();
    if (watch.stopped() == pg::stop_reason::wait_caused)
        name_who_waited(watch.waits_caused(), failed.error);
    failed.waits = watch.waits();
    failed.ended_ms = pg::now_ms();
    hooks::forget_registered(); // what hooks registered in that step is gone
    return failed;
}

/* Of what has run. */
void migrator::commit() {
    try {
        transactions_.commit();
    } catch (const pg::error &) {
        runner_->not_committed();
        throw;
    }
    runner_->forget_hook_runs();
}

/* In success and in failure, in a transaction of their own. */
std::optional<failure_record> migrator::run_last_hooks(phase which) {
    if (!runner_->has(which))
        return std::nullopt;
    lock_policy policy("phase " + std::string(hooks::name_of(which)) + " of " + subject());
    for (;;) {
        failed_attempt failed;
        failed.began_ms = pg::now_ms();
        pg::session_watch watch({0, 0, 0, queue_});
        const auto note = [&](const failure_record &error) {
            failed.error = error;
            failed.waits = watch.waits();
            failed.ended_ms = pg::now_ms();
        };
        auto error = runner_->run_last(which, [&](const failure_record &first) {
            note(first);
            return transactions_.are_ours() && policy.would_go_on(failed);
        });
        if (!error || !transactions_.are_ours()) {
            commit();
            return error;
        }
        note(*error);
        if (!policy.goes_on(failed)) {
            commit();
            return policy.attempts() > 0 ? policy.give_up(failed) : *error;
        }
        hooks::forget_registered();
        pause_before_retry(policy);
    }
}

/* A CLEANUP that fails where nothing else did: what is committed stays. */
void migrator::fail_after_all(failure_record failed) {
    runner_->failed(failed);
    if (const auto after = run_last_hooks(phase::on_error))
        pg::warn(after->message, after->detail, after->hint);
    if (transactions_.are_ours())
        failed.message = subject() + (forward() ? " is applied" : " is reverted") + ", and then " +
                         failed.message;
    else
        failed.message =
            subject() + (forward() ? " is not applied: " : " is not reverted: ") + failed.message;
    hooks::raise(failed);
}

void migrator::write(journal_entry entry) {
    entry.session = session_->after_step(runner_->run_of_hooks());
    write_entry(*migration_, prepared_->direction, entry);
}

void migrator::note_hooks_before() {
    journal_entry entry;
    entry.steps = static_cast<std::int32_t>(steps_.size());
    entry.done = true;
    entry.line = 1;
    write(std::move(entry));
}

journal_entry migrator::entry_of(std::size_t index) const {
    const migration::step &step = steps_[index];
    const pg::statement &first = prepared_->script.statements[step.first];
    journal_entry entry;
    entry.step = static_cast<std::int32_t>(index + 1);
    entry.steps = static_cast<std::int32_t>(steps_.size());
    entry.content = pg::sha256(std::string(text_of(prepared_->script, step)));
    entry.line = first.line;
    entry.command = pg::tag_name(first.tag);
    return entry;
}

void migrator::note_step(bool done) {
    journal_entry entry = entry_of(next_);
    entry.done = done;
    entry.statements_done = statements_done_;
    write(std::move(entry));
}

void migrator::note_end(const std::optional<failure_record> &error) {
    pg::jsonb_builder locks;
    runner_->locks().write(locks);
    migration::record(*migration_, {prepared_->direction, began_at_, statements_done_, error,
                                    locks.finish(), role_});
    if (in_journal_ && !error)
        close_journal(migration::version_sort_key(migration_->version));
}

/* The first error is told, whatever hooks do that come after it. */
void migrator::fail(const failure_record &error) {
    runner_->failed(error);
    note_failure(error);
    for (const phase which : {phase::cleanup, phase::on_error})
        if (const auto failed = run_last_hooks(which))
            pg::warn(failed->message, failed->detail, failed->hint);
    throw told(error);
}

void migrator::note_failure(const failure_record &error) {
    if (!transactions_.are_ours())
        return;
    try {
        pg::in_subtransaction([&] {
            note_end(error);
            runner_->write_hook_runs();
        });
        runner_->forget_hook_runs();
    } catch (const pg::error &unnoted) { // a full disk
        if (unnoted.is_intervention())
            throw;
        pg::warn("the history does not have the failure of " + subject(), unnoted.what(),
                 unnoted.hint());
    }
    transactions_.commit();
}

/* There is no time for hooks. */
void migrator::note_cancel(const pg::error &raised) {
    if (!transactions_.are_ours() || !raised.is_intervention() || finished_)
        return;
    pg::drop_second_cancel();
    failure_record stopped = migration::failure_of(raised);
    stopped.file = prepared_->script.file;
    stopped.line = board_.now.line;
    stopped.statement = board_.now.statement;
    runner_->name_interrupted(stopped);
    note_failure(stopped);
}

failure migrator::told(const failure_record &error) const {
    sqlstate state{};
    error.sqlstate.copy(state.code, sizeof state.code - 1);
    std::string detail = error.hook.empty() ? words_of(error) : "";
    if (!error.detail.empty())
        detail += (detail.empty() ? "" : " ") + error.detail;
    std::string hint = error.hint;
    if (transactions_.are_ours() && in_journal_ && next_ > 0) {
        detail += (detail.empty() ? "" : " ") + std::string("Of its ") +
                  std::to_string(steps_.size()) + " steps " + std::to_string(next_) +
                  (next_ == 1 ? " is" : " are") + " done.";
        if (!(repair_needed == error.sqlstate))
            hint += (hint.empty() ? "" : " ") +
                    std::string("Fix what is wrong, then CALL confiture.") +
                    (forward() ? "up" : "down") + "() again: it resumes with step " +
                    std::to_string(next_ + 1) + ".";
    }
    failure thrown{
        state, subject() + (forward() ? " failed: " : " failed on the way back: ") + error.message,
        detail, hint};
    thrown.context = error.context;
    if (!error.sql.empty() && error.hook.empty())
        thrown.context += (error.context.empty() ? "" : "\n") + std::string("SQL statement of ") +
                          subject() + ": " + error.sql;
    thrown.schema = error.schema;
    thrown.table = error.table;
    thrown.column = error.column_name;
    thrown.data_type = error.data_type;
    thrown.constraint = error.constraint;
    return thrown;
}

} // namespace confiture::apply
