#include "running/advisory_locks.hpp"

#include <string_view>

namespace confiture::running {

std::vector<advisory_hold> advisory_holds(const std::vector<pg::held_lock> &held) {
    constexpr int strongest_mode = 8;
    std::vector<advisory_hold> holds;
    for (const pg::held_lock &lock : held) {
        if (std::string_view(pg::lock_type_name(lock.tag)) != "advisory")
            continue;
        for (int mode = 1; mode <= strongest_mode; mode++)
            if (lock.modes & (1 << mode))
                if (const std::int64_t times = pg::times_held(lock.tag, mode).session; times > 0)
                    holds.push_back({lock.tag, mode, times});
    }
    return holds;
}

std::vector<advisory_hold> release_taken_since(const std::vector<advisory_hold> &before) {
    std::vector<advisory_hold> released;
    for (const advisory_hold &now : advisory_holds(pg::held_locks())) {
        std::int64_t more = now.times;
        for (const advisory_hold &hold : before)
            if (hold.tag == now.tag && hold.mode == now.mode)
                more -= hold.times;
        for (std::int64_t i = 0; i < more; i++)
            pg::release_session_lock(now.tag, now.mode);
        if (more > 0)
            released.push_back(now);
    }
    return released;
}

} // namespace confiture::running
