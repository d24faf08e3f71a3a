#pragma once
/* Statements that no transaction can hold, and that the server refuses whatever the data: what can
 * be asked of the catalog before they are begun. */
#include "pg/plain.hpp"

#include <string_view>

namespace confiture::pg {

/* Throws pg::error with the server's own SQLSTATE and message where it would refuse the statement
 * as things are, for this role and search_path.  Runs and evaluates nothing of a user's, and waits
 * for no lock.  That nothing is thrown is no promise. */
void check_form(std::string_view text);

} // namespace confiture::pg
