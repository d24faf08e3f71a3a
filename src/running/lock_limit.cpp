#include "running/lock_limit.hpp"

#include "pg/settings.hpp"

namespace confiture::running {

int lock_limit(const std::string &directive, int otherwise_ms) {
    int milliseconds = otherwise_ms;
    if (!directive.empty())
        pg::parse_milliseconds(directive, milliseconds);
    return milliseconds;
}

std::string lock_timeout_warning(int limit_ms, int line) {
    const int in_force = pg::lock_timeout_in_force();
    if (limit_ms == 0 || (in_force > 0 && in_force <= limit_ms))
        return {};
    return "lock_timeout = " + std::to_string(in_force) + ", as set in line " +
           std::to_string(line) + ", does not lift the limit of " + std::to_string(limit_ms) +
           " ms for a lock";
}

} // namespace confiture::running
