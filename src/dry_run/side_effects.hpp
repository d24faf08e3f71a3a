#pragma once
/* What a rollback cannot undo: foreseen in the script before it runs, and found afterwards. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/error.hpp"
#include "pg/locks.hpp"
#include "pg/parse.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace confiture::dry_run {

/* What the statements of a script and of its hooks say they will do outside the transaction. */
std::vector<side_effect> foresee(const migration_input &input);

/* The error of strict; `file` may be empty. */
failure refusal_of(const side_effect &effect, const std::string &file);

/* Adds those that a script does not say itself. */
void add_met(const std::vector<side_effect> &met, std::vector<side_effect> &found);

/* Compares the session after the rollback with what it was, and cleans up what can be:
 * session-level advisory locks are held as often as before, prepared statements dropped. */
std::vector<side_effect> clean_up(const chain_record &chain, const session_snapshot &before);

} // namespace confiture::dry_run
