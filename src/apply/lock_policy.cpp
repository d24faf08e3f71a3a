#include "apply/lock_policy.hpp"

#include "apply/session_text.hpp"
#include "pg/awaited_lock.hpp"
#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/locks.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <random>

namespace confiture::apply {

namespace {

constexpr double first_pause_ms = 100, longest_pause_ms = 10'000;

/* Another attempt may end better. */
bool is_worth_a_retry(const std::string &sqlstate) {
    return sqlstate == "55P03" || sqlstate == "40P01" || sqlstate == "40001";
}

/* Of a session whose statistics the role may not see, no more is known than that it was in the way
 * that long: whether it may be ended says the server. */
constexpr const char *end_blocker = R"(
SELECT CASE WHEN $2 = 'cancel' AND coalesce(state, 'active') = 'active'
            THEN pg_cancel_backend(pid) ELSE pg_terminate_backend(pid) END
FROM pg_stat_activity
WHERE pid = $1::integer AND coalesce(backend_type, 'client backend') = 'client backend' AND
      (xact_start < clock_timestamp() - $3::double precision * interval '1 ms' OR state IS NULL))";

std::string seconds(double milliseconds) {
    std::string text = std::to_string(milliseconds / 1000);
    return text.substr(0, text.find('.') + 2) + " s";
}

/* How long it worked before it began to wait. */
double work_before_wait(const failed_attempt &failed) {
    const double waited_since =
        failed.waits.empty() ? failed.ended_ms : failed.waits.back().began_ms;
    return waited_since - failed.began_ms;
}

} // namespace

std::string lock_policy::lock_of(const failed_attempt &failed) const {
    if (failed.waits.empty())
        return "a lock";
    const pg::lock_wait &last = failed.waits.back();
    if (pg::is_transaction(last.tag))
        return "past the end of another transaction";
    std::string lock = pg::lock_mode_name(last.mode);
    if (last.tag.is_relation())
        if (const auto relation = pg::name_of_relation(last.tag.relation()))
            lock += " on " + relation->name;
    return lock;
}

void lock_policy::note_blockers(const failed_attempt &failed) {
    std::map<int, double> now;
    blockers_.clear();
    if (!failed.waits.empty()) {
        const pg::lock_wait &last = failed.waits.back();
        for (const int process_id : last.blockers) {
            const auto known = blocking_since_.find(process_id);
            now[process_id] = known == blocking_since_.end() ? last.began_ms : known->second;
        }
        blockers_ = sessions_text(last.blockers);
    }
    blocking_since_ = std::move(now);
}

/* One whose query was cancelled and who stays in its transaction is terminated the next time. */
void lock_policy::end_blockers(double now) {
    const bool cancels = pg::terminate_blockers() == pg::blocker_policy::cancel;
    for (const auto &blocker : blocking_since_) {
        const int process_id = blocker.first;
        if (now - blocker.second < pg::blocker_grace())
            continue;
        try {
            const auto ended = pg::in_subtransaction([&] {
                return pg::query(end_blocker,
                                 {std::to_string(process_id), cancels ? "cancel" : "terminate",
                                  std::to_string(pg::blocker_grace())});
            });
            if (!ended.empty())
                pg::notice(what_ + " ends what process " + std::to_string(process_id) +
                           " does, which blocks it");
        } catch (const pg::error &refused) {
            pg::warn("process " + std::to_string(process_id) + " cannot be ended", refused.what(),
                     "confiture.terminate_blockers needs the rights of "
                     "pg_signal_backend.");
        }
    }
}

bool lock_policy::would_go_on(const failed_attempt &failed) const {
    return !failed.is_final && is_worth_a_retry(failed.error.cause()) &&
           attempts_ < pg::lock_retries() && work_before_wait(failed) <= pg::retry_work_limit();
}

std::string lock_policy::what_stopped(const failed_attempt &failed) const {
    const std::string &sqlstate = failed.error.cause();
    if (sqlstate == "40001")
        return " met a serialization failure";
    if (sqlstate == "40P01")
        return " was ended by a deadlock";
    return " did not get " + lock_of(failed);
}

bool lock_policy::goes_on(const failed_attempt &failed) {
    if (!is_worth_a_retry(failed.error.cause()))
        return false;
    const bool goes_on = would_go_on(failed);
    attempts_++;
    note_blockers(failed);
    if (failed.is_final)
        return false;
    pg::notice(what_ + what_stopped(failed) + " (attempt " + std::to_string(attempts_) + " of " +
                   std::to_string(pg::lock_retries() + 1) + "): " + failed.error.message,
               blockers_);
    if (goes_on && pg::terminate_blockers() != pg::blocker_policy::off)
        end_blockers(failed.ended_ms);
    return goes_on;
}

std::vector<int> lock_policy::blockers() const {
    std::vector<int> process_ids;
    for (const auto &[process_id, since] : blocking_since_)
        process_ids.push_back(process_id);
    return process_ids;
}

int lock_policy::pause_ms() {
    static std::minstd_rand random{std::random_device{}()};
    double longest = first_pause_ms;
    for (int i = 1; i < attempts_ && longest < longest_pause_ms; i++)
        longest *= 2;
    longest = std::min(longest, longest_pause_ms);
    return static_cast<int>(std::uniform_real_distribution<>(longest / 2, longest)(random));
}

migration::failure_record lock_policy::give_up(const failed_attempt &failed) const {
    if (failed.error.cause() != "55P03")
        return failed.error;
    migration::failure_record told = failed.error;
    told.original = failed.error.cause();
    told.sqlstate = lock_not_available.code;
    const std::string who =
        told.hook.empty() ? "" : "hook \"" + told.hook + "\" in phase " + told.phase + " ";
    told.message = who + "could not get " + lock_of(failed) + " in " + std::to_string(attempts_) +
                   (attempts_ == 1 ? " attempt" : " attempts");
    told.detail = blockers_;
    if (work_before_wait(failed) > pg::retry_work_limit())
        told.detail += (blockers_.empty() ? "It" : "\nIt") + std::string(" had worked for ") +
                       seconds(work_before_wait(failed)) +
                       " before it waited: too much to begin again.";
    told.hint = "Try again when they are done, raise confiture.lock_retries or "
                "confiture.lock_timeout, or set confiture.terminate_blockers.";
    return told;
}

} // namespace confiture::apply
