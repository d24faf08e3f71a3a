#pragma once
/* What a script may say about its transactions: BEGIN and COMMIT in pairs, and COMMIT, which ends a
 * step. */
#include "pg/plain.hpp"

#include "pg/parse.hpp"

namespace confiture::migration {

/* Throws failure{migration_invalid} naming the line and the reason for all else: a migration would
 * commit what psql rolls back, or run in another mode than it asks for. */
void check_transactions(const pg::script &script);

} // namespace confiture::migration
