#pragma once
/* Where comments and quoted texts of SQL end, by the rules of PostgreSQL's scanner. */
#include "pg/plain.hpp"

#include <cstddef>
#include <string_view>

namespace confiture::migration {

/* May it stand in an identifier that is not quoted? */
bool is_name_character(char character);

/* The end of the comment that begins at `at`, without its line end; `at` where none does. */
std::size_t end_of_comment(std::string_view text, std::size_t at);

/* The end of the literal, quoted identifier or dollar-quoted body that begins at `at`; `at` where
 * none does. */
std::size_t end_of_quoted(std::string_view text, std::size_t at);

} // namespace confiture::migration
