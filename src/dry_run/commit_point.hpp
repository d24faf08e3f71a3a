#pragma once
/* What only COMMIT would find. */
#include "pg/plain.hpp"

#include "dry_run/record.hpp"

#include <optional>

namespace confiture::dry_run {

/* To be called first in the subtransaction of the run.  AfterTriggerSetState() saves what the
 * caller SET CONSTRAINTS once in each subtransaction, and only what the outermost saved survives
 * the end of the inner ones to be restored by the rollback. */
void save_constraint_modes();

/* Checks the deferred constraints as COMMIT would and sets them back to how they begin a
 * transaction.  Returns the violation, if there is one, with a sample of its rows.  Errors that
 * violate no constraint are thrown on. */
std::optional<failure_record> check_deferred_constraints();

} // namespace confiture::dry_run
