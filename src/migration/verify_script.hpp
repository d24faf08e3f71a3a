#pragma once
/* What a verify script may say of transactions. */
#include "pg/plain.hpp"

#include "pg/parse.hpp"

namespace confiture::migration {

/* A verify script runs in a savepoint that is rolled back: its BEGIN, COMMIT and ROLLBACK mean a
 * savepoint inside that one.  Throws failure{migration_invalid} naming the line of what cannot mean
 * that. */
void refuse_unverifiable(const pg::script &verify);

} // namespace confiture::migration
