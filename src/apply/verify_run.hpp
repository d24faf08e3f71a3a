#pragma once
/* A verify script as it runs: what it says of transactions holds inside a savepoint of ours. */
#include "pg/plain.hpp"

#include "pg/parse.hpp"

namespace confiture::apply {

/* Rolls back whatever the script did.  Throws pg::error, and failure for a savepoint that is not
 * there. */
void run_verify_script(const pg::script &verify);

} // namespace confiture::apply
