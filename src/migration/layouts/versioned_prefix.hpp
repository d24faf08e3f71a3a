#pragma once
/* File names with a letter before the version and two underscores after it, of Flyway and refinery.
 */
#include <optional>
#include <string>
#include <string_view>

namespace confiture::migration::readers {

struct prefixed_name {
    char prefix;         // V, U or R
    std::string version; // with dots between its numbers; '' for R
    std::string name;
};

/* Reads 'V1_1__name.sql', 'V1.1.sql' or 'R__name.sql'; nothing for any other name. */
std::optional<prefixed_name> parse_prefixed(std::string_view base_name);

} // namespace confiture::migration::readers
