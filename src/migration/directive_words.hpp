#pragma once
/* The words that a directive's line is made of. */
#include "pg/plain.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::migration {

inline constexpr std::string_view blanks = " \t\r\n\f\v";

inline void skip_blanks(std::string_view &text) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(blanks)));
}

inline std::string_view without_trailing_blanks(std::string_view text) {
    return text.substr(0, text.find_last_not_of(blanks) + 1); // npos + 1 is 0
}

inline std::string_view take_word(std::string_view &text) {
    const std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    return word;
}

} // namespace confiture::migration
