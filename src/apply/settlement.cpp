#include "apply/settlement.hpp"

#include "apply/lock_policy.hpp"
#include "migration/version.hpp"
#include "pg/committing.hpp"
#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/memory.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/self_cancel.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

namespace confiture::apply {

namespace {

/* A worker that lost its leader is soon gone. */
constexpr int looks_at_busy = 20, pause_while_busy_ms = 250;

finding of_another_database() {
    finding found;
    found.sentence = "it was begun in another database, of which this one is a copy";
    return found;
}

std::optional<failed_attempt> clean_up(const std::vector<std::string> &statements) {
    failed_attempt failed;
    failed.began_ms = pg::now_ms();
    pg::session_watch watch({0, 0, 0, pg::migrators_queue()});
    pg::memory_context memory("confiture cleanup");
    try {
        pg::in_subtransaction([&] {
            pg::settings_scope settings;
            settings.set("lock_timeout", std::to_string(pg::lock_timeout()).c_str());
            for (const std::string &statement : statements)
                pg::run_statement(statement, false, memory);
        });
        return std::nullopt;
    } catch (const pg::error &raised) {
        if (raised.is_intervention())
            throw;
        failed.error = migration::failure_of(raised);
    }
    failed.waits = watch.waits();
    failed.ended_ms = pg::now_ms();
    return failed;
}

[[noreturn]] void refuse(const std::string &version, const finding &found,
                         const migration::failure_record &error) {
    throw failure{repair_needed,
                  "what is left of a statement of migration \"" + version +
                      "\" cannot be taken away: " + error.message,
                  "It was left by a statement that was cut off: " + found.sentence + "." +
                      (error.detail.empty() ? "" : " ") + error.detail,
                  "Run it yourself, then go on: " + found.cleanup.front()};
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
        if (!found.cleanup.empty())
            if (const auto failed = clean_up(found.cleanup)) {
                if (in_haste) {
                    whose.commit();
                    return {outcome::unknown, found.sentence};
                }
                if (!whose.are_ours() || !policy.goes_on(*failed))
                    refuse(version, found, policy.give_up(*failed));
                whose.commit();
                pg::pause(policy.pause_ms());
                continue;
            }
        if (found.what != outcome::unknown || found.harmless_twice)
            settle_entry(migration::version_sort_key(version), entry.step,
                         found.what == outcome::done);
        whose.commit();
        const bool may_run_again = found.what == outcome::unknown && found.harmless_twice;
        return {may_run_again ? outcome::not_done : found.what, found.sentence};
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
    return {known, ""};
}

void settle_in_haste(const std::string &version, const journal_entry &entry, transactions &whose) {
    pg::drop_second_cancel();
    settle(version, entry, whose, true);
}

} // namespace confiture::apply
