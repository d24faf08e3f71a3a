#pragma once
/* How long a migration waits for a lock at a time: the directive of its script, or else a setting
 * or an option, and never what the script SETs beyond it. */
#include "pg/plain.hpp"

#include <string>

namespace confiture::running {

/* Milliseconds, 0 for no limit.  `directive` as in the script; empty for none. */
int lock_limit(const std::string &directive, int otherwise_ms);

/* Says that the lock_timeout that is in force now, after the statement in `line`, is beyond the
 * limit and does not count; empty where it is not. */
std::string lock_timeout_warning(int limit_ms, int line);
inline constexpr const char *lock_timeout_hint =
    "The directive \"-- confiture: lock_timeout=0\" in the script lifts the limit.";

} // namespace confiture::running
