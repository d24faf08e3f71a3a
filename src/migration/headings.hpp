#pragma once
/* Comments that stand between the statements of a script and say which way those below go. */
#include "pg/plain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace confiture::migration {

struct heading {
    std::string text;
    std::int32_t line; // from 1
};

/* The first heading of the other direction that has statements below it. */
std::optional<heading> opposite_heading(std::string_view script, bool forward);

/* In lower case, and with a blank for each blank, arrow, dash or quotation mark of Unicode. */
std::string in_plain_letters(std::string_view text);

} // namespace confiture::migration
