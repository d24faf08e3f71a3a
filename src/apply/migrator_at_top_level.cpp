/* The part of migrator that runs a statement at top level, in a background worker. */
#include "apply/migrator.hpp"

#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/worker.hpp"

namespace confiture::apply {

using migration::failure_record;

namespace {

constexpr std::string_view undefined_table = "42P01";

bool has_temporary_tables() {
    return !pg::query("SELECT FROM pg_class WHERE relnamespace = pg_my_temp_schema() LIMIT 1")
                .empty();
}

failure passed_over(const settlement &settled) {
    return {repair_needed, "the server passed over the statement", settled.sentence + ".",
            "Drop what is in the way, then go on."};
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

} // namespace

/* It is known before that the statement begins, and the worker writes that it is done: where one of
 * them is cut off in between, the catalog is asked. */
void migrator::run_at_top_level() {
    const pg::statement &where = prepared_->script.statements[steps_[next_].first];
    journal_entry entry = entry_of(next_);
    entry.statement = prepared_->script.text_of(where);
    entry.statements_done = statements_done_ + 1;
    retry({}, [&] {
        try {
            entry.before = look_before(entry.statement);
        } catch (const pg::error &raised) {
            throw step_failed{runner_->failure_in(where, raised)};
        }
        write_entry(*migration_, prepared_->direction, entry);
    });
    in_journal_ = true;
    board_.now.statement = static_cast<std::int32_t>(steps_[next_].first + 1);
    board_.now.line = where.line;
    board_.now.command = entry.command;
    board_.now.statement_began_at = pg::timestamp_now();
    board_.publish(pg::activity::running_at_top_level);
    std::optional<failure_record> error;
    std::optional<outcome> known;
    bool lost = false;
    try {
        work_at_top_level(where, entry);
    } catch (const pg::worker_lost &ended) {
        lost = true;
        error = runner_->failure_in(where, ended);
        if (ended.known != pg::worker_lost::outcome::unknown)
            known =
                ended.known == pg::worker_lost::outcome::done ? outcome::done : outcome::not_done;
    } catch (const step_failed &failed) {
        error = failed.error;
    }
    const settlement settled = known ? settle_as(*known, migration_->version, entry, transactions_)
                               : error ? settle(migration_->version, entry, transactions_)
                                       : look_again(entry);
    if (settled.what == outcome::done) {
        statements_done_++;
        return;
    }
    if (!error)
        error = runner_->failure_in(where, passed_over(settled));
    else if (settled.what == outcome::unknown)
        note_unknown(*error, migration_->version, settled);
    else if (lost && !known)
        note_found(*error, settled);
    fail(*error);
}

/* Throws step_failed for what went wrong with the statement. */
void migrator::work_at_top_level(const pg::statement &where, const journal_entry &entry) {
    const double started = pg::now_ms();
    try {
        pg::run_at_top_level(
            {entry.statement, receipt_of(*migration_, entry), pg::concurrent_timeout()});
    } catch (const pg::error &raised) {
        const bool timed_out =
            pg::concurrent_timeout() > 0 && pg::now_ms() - started >= pg::concurrent_timeout();
        if (raised.is_intervention() && !timed_out) {
            settle_in_haste(migration_->version, entry, transactions_);
            throw;
        }
        failure_record failed = runner_->failure_in(where, raised);
        if (timed_out) {
            failed.message = "canceling statement due to confiture.concurrent_timeout";
            failed.hint = "It is " + std::to_string(pg::concurrent_timeout()) +
                          " ms: raise it, or set it to 0 for no limit.";
        } else if (failed.sqlstate == undefined_table && failed.hint.empty() &&
                   has_temporary_tables())
            failed.hint = "It runs in a session of its own: temporary tables of this one are not "
                          "there.";
        throw step_failed{std::move(failed)};
    } catch (const pg::worker_lost &) {
        throw;
    } catch (const failure &refused) {
        throw step_failed{runner_->failure_in(where, refused)};
    }
}

/* CREATE INDEX CONCURRENTLY IF NOT EXISTS passes over an index that is invalid. */
settlement migrator::look_again(const journal_entry &entry) {
    const finding found = look_after(entry.statement, entry.before);
    const bool passed_over = found.what == outcome::not_done && !found.harmless_twice;
    if (passed_over)
        settle_entry(migration::version_sort_key(migration_->version), entry.step, false);
    transactions_.commit();
    return {passed_over ? outcome::not_done : outcome::done, found.sentence};
}

} // namespace confiture::apply
