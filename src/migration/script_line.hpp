#pragma once
/* Errors that name a line of a script. */
#include "pg/plain.hpp"

#include "pg/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace confiture::migration {

struct script_line {
    std::string_view file; // empty for a script that is no file
    std::int32_t line;     // from 1
};

/* refuse_line(at, "unknown directive \"x\"", …): unknown directive "x" in "001.up.sql", line 7 */
[[noreturn]] inline void refuse_line(const script_line &at, const std::string &what,
                                     std::string detail, std::string hint) {
    throw failure{migration_invalid,
                  what + (at.file.empty() ? " in" : " in \"" + std::string(at.file) + "\",") +
                      " line " + std::to_string(at.line),
                  std::move(detail), std::move(hint)};
}

} // namespace confiture::migration
