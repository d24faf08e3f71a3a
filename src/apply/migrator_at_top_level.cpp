/* The part of migrator that runs a statement at top level, in a background worker. */
#include "apply/migrator.hpp"

#include "apply/session_text.hpp"
#include "apply/step_stop.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/refused_forms.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/top_level_statement.hpp"
#include "pg/tracer.hpp"
#include "pg/worker.hpp"
#include "pg/worker_names.hpp"

namespace confiture::apply {

using migration::failure_record;

namespace {

failure passed_over(const settlement &settled) {
    return {repair_needed, "the server passed over the statement", settled.sentence + ".",
            "Drop what is left over of it, then resume."};
}

void note_unknown(failure_record &error, const std::string &version, const settlement &settled) {
    error.detail += (error.detail.empty() ? "" : "  ") + std::string("What it did is not known: ") +
                    settled.sentence + ".";
    const std::string literal = pg::sql_literal(version);
    error.hint = "Look whether it is done, then say so: SELECT * FROM confiture.repair(" + literal +
                 ", 'done') or confiture.repair(" + literal + ", 'not done').";
    error.sqlstate = repair_needed.code;
}

/* The worker was lost, and the catalog told what became of its statement. */
void note_found(failure_record &error, const settlement &settled) {
    error.message = "the background worker that ran it was lost";
    error.detail += " It is not done: " + settled.sentence + ".";
    error.hint.clear();
}

void note_timeout(failure_record &error, const std::vector<pg::lock_wait> &waits) {
    error.message = "canceling statement due to confiture.concurrent_timeout";
    if (!waits.empty())
        error.detail = sessions_text(waits.back().blockers);
    error.hint = "It is " + std::to_string(pg::concurrent_timeout()) +
                 " ms: raise it, or set it to 0 for no limit.";
}

/* To wait is no work that would be done in vain. */
void note_waits(const std::vector<pg::lock_wait> &waits, failed_attempt &failed) {
    failed.ended_ms = pg::now_ms();
    failed.waits = waits;
    for (std::size_t i = 0; i + 1 < waits.size(); i++)
        failed.began_ms += waits[i].ended_ms - waits[i].began_ms;
}

std::optional<outcome> known_outcome(pg::worker_lost::outcome said) {
    switch (said) {
    case pg::worker_lost::outcome::done:
        return outcome::done;
    case pg::worker_lost::outcome::not_begun:
        return outcome::not_done;
    default:
        return std::nullopt;
    }
}

bool is_call_or_do(const std::string &command) { return command == "CALL" || command == "DO"; }

} // namespace

/* Each attempt has a worker of its own, and what one has left is removed before the next. */
void migrator::run_at_top_level() {
    lock_policy policy(subject());
    while (const auto failed = attempt_at_top_level()) {
        if (!policy.goes_on(*failed))
            fail(policy.give_up(*failed));
        pause_before_retry(policy);
    }
    if (steps_[next_].may_commit) // of the others none writes rows
        runner_->lose_row_count();
    statements_done_++;
}

/* Nothing when it is done. */
std::optional<failed_attempt> migrator::attempt_at_top_level() {
    const pg::statement &where = prepared_->script.statements[steps_[next_].first];
    const journal_entry entry = begin_at_top_level(where);
    pg::worker_watch watch =
        limits_of_worker(runner_->lock_ms(),
                         pg::waits_for_transactions(pg::read_top_level_statement(entry.statement)));
    heartbeat beat;
    watch.look = [&](int process_id, const pg::lock_wait *waits) {
        if (beat.tell_of_worker(board_.now, process_id, waits))
            transactions_.commit();
    };
    failed_attempt failed;
    failed.began_ms = pg::now_ms();
    std::optional<outcome> known;
    bool lost = false;
    try {
        work_at_top_level(where, entry, watch);
    } catch (const step_failed &inside) {
        failed.error = inside.error;
        if (watch.committed_nothing && is_call_or_do(entry.command))
            known = outcome::not_done;
    } catch (const pg::worker_lost &ended) {
        failed.error = runner_->failure_in(where, ended);
        known = known_outcome(ended.known);
        lost = true;
    } catch (const failure &refused) {
        failed.error = runner_->failure_in(where, refused);
        // What this session holds it holds the next time, too.
        failed.is_final = refused.state == pg::deadlock_detected.code;
    }
    note_waits(watch.waits, failed);
    name_who_waited(watch.waits_caused, failed.error);
    const bool ended_well = failed.error.sqlstate.empty();
    const settlement settled = known ? settle_as(*known, migration_->version, entry, transactions_)
                               : ended_well ? look_again(entry)
                                            : settle(migration_->version, entry, transactions_);
    warn_of_leftover(migration_->version, settled);
    if (settled.what == outcome::done && settled.leftover.empty())
        return std::nullopt;
    if (ended_well)
        failed.error = runner_->failure_in(where, passed_over(settled));
    else if (settled.what == outcome::unknown)
        note_unknown(failed.error, migration_->version, settled);
    else if (lost && !known)
        note_found(failed.error, settled);
    failed.is_final = failed.is_final || !settled.leftover.empty();
    return failed;
}

/* It is known before that the statement begins, and the worker writes that it is done: where one of
 * them is cut off in between, the catalog is asked. */
journal_entry migrator::begin_at_top_level(const pg::statement &where) {
    journal_entry entry = entry_of(next_);
    entry.statement = prepared_->script.text_of(where);
    entry.statements_done = statements_done_ + 1;
    retry({}, [&] {
        try {
            entry.names = pg::resolve_names(entry.statement);
            pg::check_form(entry.statement); // what is refused is not begun
            entry.before = look_before(entry.statement);
        } catch (const pg::error &raised) {
            if (raised.is_intervention()) // the step's limits, for one
                throw;
            throw step_failed{runner_->failure_in(where, raised)};
        } catch (const failure &refused) {
            throw step_failed{runner_->failure_in(where, refused)};
        }
        write(entry);
    });
    in_journal_ = true;
    board_.now.statement = static_cast<std::int32_t>(steps_[next_].first + 1);
    board_.now.line = where.line;
    board_.now.command = entry.command;
    board_.now.statement_began_at = pg::timestamp_now();
    board_.publish(pg::activity::running_at_top_level);
    return entry;
}

/* Throws step_failed for the server's error of the statement. */
void migrator::work_at_top_level(const pg::statement &where, const journal_entry &entry,
                                 pg::worker_watch &watch) {
    const double started = pg::now_ms();
    try {
        pg::run_at_top_level({entry.statement, receipt_of(*migration_, entry),
                              pg::concurrent_timeout(), false, entry.names},
                             watch);
    } catch (const pg::error &raised) {
        const bool timed_out =
            pg::concurrent_timeout() > 0 && pg::now_ms() - started >= pg::concurrent_timeout();
        if (raised.is_intervention() && !timed_out) {
            warn_of_leftover(migration_->version,
                             settle_in_haste(migration_->version, entry, transactions_));
            throw;
        }
        failure_record failed = runner_->failure_in(where, raised);
        if (timed_out)
            note_timeout(failed, watch.waits);
        throw step_failed{std::move(failed)};
    }
}

/* CREATE INDEX CONCURRENTLY IF NOT EXISTS passes over an index that is invalid. */
settlement migrator::look_again(const journal_entry &entry) {
    const finding found = look_after(entry.statement, entry.before);
    const bool passed_over = found.what == outcome::not_done && !found.harmless_twice;
    if (passed_over)
        settle_entry(migration::version_sort_key(migration_->version), entry.step, false);
    transactions_.commit();
    return {passed_over ? outcome::not_done : outcome::done, found.sentence, {}, {}};
}

} // namespace confiture::apply
