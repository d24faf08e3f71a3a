#include "apply/settlement.hpp"

#include "apply/lock_policy.hpp"
#include "migration/version.hpp"
#include "pg/committing.hpp"
#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/memory.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/self_cancel.hpp"
#include "pg/session.hpp"
#include "pg/session_watch.hpp"
#include "pg/settings.hpp"
#include "pg/top_level_statement.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"
#include "pg/worker.hpp"

namespace confiture::apply {

namespace {

/* A worker that lost its leader is soon gone. */
constexpr int looks_at_busy = 20, pause_while_busy_ms = 250;

finding of_another_database() {
    finding found;
    found.sentence = "it was begun in another database, of which this one is a copy";
    return found;
}

/* In a worker of its own.  It waits for transactions as for locks: somebody waits for its end. */
void clean_up_at_top_level(const std::string &statement, transactions &whose,
                           failed_attempt &failed) {
    constexpr int default_limit_ms = 2000;
    pg::worker_watch watch;
    watch.lock_ms = pg::lock_timeout() > 0 ? pg::lock_timeout() : default_limit_ms;
    whose.commit();
    try {
        pg::run_at_top_level({statement, "", 0, !whose.are_ours()}, watch);
    } catch (...) {
        failed.waits = watch.waits;
        throw;
    }
}

void clean_up_in_transaction(const std::string &statement, failed_attempt &failed) {
    const pg::session_watch watch({0, 0, 0, pg::migrators_queue()});
    pg::memory_context memory("confiture cleanup");
    try {
        pg::in_subtransaction([&] {
            pg::settings_scope settings;
            settings.set("lock_timeout", std::to_string(pg::lock_timeout()).c_str());
            pg::run_statement(statement, false, memory);
        });
    } catch (...) {
        failed.waits = watch.waits();
        throw;
    }
}

/* What failed of it, if anything did. */
std::optional<failed_attempt> clean_up(const std::string &statement, transactions &whose) {
    failed_attempt failed;
    try {
        if (pg::read_top_level_statement(statement).kind == pg::top_level_kind::drop_index)
            clean_up_at_top_level(statement, whose, failed);
        else
            clean_up_in_transaction(statement, failed);
        return std::nullopt;
    } catch (const pg::error &raised) {
        if (raised.is_intervention())
            throw;
        failed.error = migration::failure_of(raised);
    } catch (const failure &refused) { // no worker, or lost, or a lock
        failed.error = migration::failure_of(refused);
    }
    failed.ended_ms = pg::now_ms();
    failed.began_ms = failed.ended_ms; // to wait is no work that is done in vain
    if (!failed.waits.empty())
        failed.began_ms = failed.waits.back().began_ms;
    return failed;
}

settlement settle(const std::string &version, const journal_entry &entry, transactions &whose,
                  bool in_haste) {
    lock_policy policy("the cleanup of migration \"" + version + "\"");
    int looks = 0;
    for (;;) {
        const finding found =
            entry.is_restored ? of_another_database() : look_after(entry.statement, entry.before);
        if (found.busy != 0 && ++looks < looks_at_busy && whose.are_ours()) {
            whose.commit();
            pg::pause(pause_while_busy_ms);
            continue;
        }
        std::optional<failed_attempt> failed;
        for (auto next = found.cleanup.begin(); next != found.cleanup.end() && !failed; ++next) {
            failed = clean_up(*next, whose);
            if (!failed)
                continue;
            failed->is_final = in_haste || !whose.are_ours();
            if (!policy.goes_on(*failed)) {
                whose.commit();
                return {found.what, found.sentence, *next, policy.give_up(*failed)};
            }
        }
        if (failed) {
            whose.commit();
            pg::pause(policy.pause_ms());
            continue;
        }
        if (found.what != outcome::unknown || found.harmless_twice)
            settle_entry(migration::version_sort_key(version), entry.step,
                         found.what == outcome::done);
        whose.commit();
        const bool may_run_again = found.what == outcome::unknown && found.harmless_twice;
        return {may_run_again ? outcome::not_done : found.what, found.sentence, {}, {}};
    }
}

} // namespace

settlement settle(const std::string &version, const journal_entry &entry, transactions &whose) {
    return settle(version, entry, whose, false);
}

settlement settle_as(outcome known, const std::string &version, const journal_entry &entry,
                     transactions &whose) {
    settle_entry(migration::version_sort_key(version), entry.step, known == outcome::done);
    whose.commit();
    return {known, {}, {}, {}};
}

settlement settle_in_haste(const std::string &version, const journal_entry &entry,
                           transactions &whose) {
    pg::drop_second_cancel();
    return settle(version, entry, whose, true);
}

void refuse_leftover(const std::string &version, const settlement &settled) {
    if (settled.leftover.empty())
        return;
    const std::string &detail = settled.hindrance.detail;
    throw failure{repair_needed,
                  "what is left of a statement of migration \"" + version +
                      "\" cannot be removed: " + settled.hindrance.message,
                  "Left over: " + settled.sentence + "." + (detail.empty() ? "" : " ") + detail,
                  "Run it yourself, then resume: " + settled.leftover};
}

void warn_of_leftover(const std::string &version, const settlement &settled) {
    if (settled.leftover.empty())
        return;
    const std::string &detail = settled.hindrance.detail;
    pg::warn("what is left of a statement of migration \"" + version +
                 "\" could not be removed: " + settled.hindrance.message,
             "Left over: " + settled.sentence + "." + (detail.empty() ? "" : " ") + detail,
             "The next CALL confiture.up() or down() that resumes the migration removes it, and so "
             "does confiture.repair(); or run it yourself: " +
                 settled.leftover);
}

} // namespace confiture::apply
