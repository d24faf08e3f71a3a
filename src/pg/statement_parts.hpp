#pragma once
/* Parts of statements that users write, to be put into a statement of ours: nothing in them can
 * reach beyond their place. */
#include "pg/plain.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

/* What stands behind SET in an UPDATE, and nothing else. */
struct assignment_list {
    std::string text;
    std::vector<std::string> columns;
};
/* Both throw failure{configuration_invalid} for what is none. */
assignment_list read_assignments(const std::string &text);
/* What stands behind WHERE. */
std::string read_condition(const std::string &text);

/* The numbers of the parameters ($1, $2 …) in a statement, in their order. */
std::vector<int> parameters_in(std::string_view statement);

} // namespace confiture::pg
