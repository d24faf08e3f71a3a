#pragma once
/*
 * The names of a statement that runs in a background worker are resolved in the session, which has
 * temporary objects that the worker has not: what the worker finds must be the very same.
 */
#include "pg/plain.hpp"

#include <string>
#include <string_view>

namespace confiture::pg {

/* Throws failure{not_transactional} where a name of the statement finds a temporary object, where
 * code that nobody knows may name one that hides a permanent one, and for DISCARD ALL. */
void refuse_temporary_names(std::string_view statement);

/* What the names of the statement find now, for check_names().  Throws as above, and pg::error
 * where the statement itself would. */
std::string resolve_names(std::string_view statement);

/* In the worker, in the transaction that the statement begins with: keeps what the names find from
 * being renamed or dropped before the statement has locked it.  Throws failure{repair_needed} where
 * they find something else. */
void check_names(std::string_view statement, const std::string &resolved);

} // namespace confiture::pg
