#pragma once
/* What this session's dry runs came to, for an apply that follows.  A dry run writes nothing: what
 * is known of it ends with the session, and no other session knows it. */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace confiture::running {

enum class dry_run_verdict : std::uint8_t { none, passed, stopped, failed };

/* Of a migration one way, with this text; the last one counts. */
void remember_dry_run(const std::string &version, const std::string &direction,
                      std::string_view script, dry_run_verdict verdict);
dry_run_verdict last_dry_run(const std::string &version, const std::string &direction,
                             std::string_view script);

} // namespace confiture::running
