#pragma once
/* Natural version order: 2 before 10, 1.9 before 1.10, timestamps as numbers of any length. */
#include "pg/plain.hpp"

#include <compare>
#include <string>
#include <string_view>

namespace confiture::migration {

/* Runs of digits compare as numbers, everything else by byte; separators (. _ -) are equal to each
 * other and trailing zero parts count ('1' < '1.0').  '1' and '001' are equal. */
std::weak_ordering compare_versions(std::string_view left, std::string_view right);

/* A text whose byte order (collation "C") is the version order, for SQL's ORDER BY and for unique
 * indexes: each run of digits without its leading zeros, preceded by its length. */
std::string version_sort_key(std::string_view version);

} // namespace confiture::migration
