#pragma once
/* What only COMMIT would find. */
#include "pg/plain.hpp"

#include "dry_run/record.hpp"
#include "pg/memory.hpp"

#include <optional>

namespace confiture::dry_run {

/* Checks the deferred constraints as COMMIT would and sets them back to how they begin a
 * transaction.  Returns the violation, if there is one, with a sample of its rows.  Errors that
 * violate no constraint are thrown on.  `delete_temporary_rows` also does what ON COMMIT DELETE
 * ROWS says, for good: not where tables of the caller may say so.  `memory` as of
 * pg::run_statement(). */
std::optional<failure_record> check_deferred_constraints(bool delete_temporary_rows,
                                                         pg::memory_context &memory);

} // namespace confiture::dry_run
