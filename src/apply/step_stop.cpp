#include "apply/step_stop.hpp"

#include "pg/catalog.hpp"
#include "pg/settings.hpp"

#include <algorithm>

namespace confiture::apply {

using migration::failure_record;
using reason = pg::stop_reason;

pg::watch_limits limits_of_step(const pg::lock_tag &queue, int lock_ms) {
    return {pg::max_wait_caused(), pg::max_lock_hold(), 0, queue, lock_ms, false};
}

pg::worker_watch limits_of_worker(int lock_ms, bool transactions_may_last) {
    pg::worker_watch watch;
    watch.lock_ms = lock_ms;
    watch.transactions_may_last = transactions_may_last;
    watch.wait_caused_ms = pg::max_wait_caused();
    watch.lock_hold_ms = pg::max_lock_hold();
    return watch;
}

std::optional<failure_record> stop_of(const pg::session_watch &watch, const pg::error &raised) {
    if (!watch.caused(raised))
        return std::nullopt;
    failure_record stopped = migration::failure_of(raised);
    switch (watch.stopped()) {
    case reason::statement_timeout:
        stopped.message = "canceling statement due to statement timeout";
        return stopped;
    case reason::lock_timeout:
        stopped.sqlstate = pg::lock_timed_out.code;
        stopped.message = "canceling statement due to lock timeout";
        return stopped;
    case reason::wait_caused:
        return migration::failure_of(pg::wait_caused_too_long(pg::max_wait_caused()));
    case reason::lock_hold:
        return migration::failure_of(pg::lock_held_too_long(pg::max_lock_hold()));
    default:
        return std::nullopt;
    }
}

void name_who_waited(const std::vector<pg::wait_caused> &waits, failure_record &stopped) {
    const auto longest =
        std::max_element(waits.begin(), waits.end(), [](const auto &left, const auto &right) {
            return left.longest_ms < right.longest_ms;
        });
    if (longest == waits.end() || !(limit_exceeded == stopped.sqlstate))
        return;
    std::string lock = pg::lock_mode_name(longest->mode);
    if (longest->tag.is_relation())
        if (const auto relation = pg::name_of_relation(longest->tag.relation()))
            lock += " on " + relation->name;
    stopped.detail += (stopped.detail.empty() ? "" : " ") + std::string("Process ") +
                      std::to_string(longest->process_id) + " waited " +
                      std::to_string(static_cast<int>(longest->longest_ms)) + " ms for " + lock +
                      ".";
}

} // namespace confiture::apply
