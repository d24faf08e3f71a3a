#pragma once
/* What a rollback cannot undo: foreseen in the script before it runs, and found afterwards. */
#include "pg/plain.hpp"

#include "dry_run/run.hpp"
#include "pg/locks.hpp"
#include "pg/parse.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace confiture::dry_run {

struct side_effect {
    std::string kind;    // 'sequence', 'file', 'remote', …: see docs/dry-run.md
    std::string object;  // what it concerns
    std::string message; // a sentence
    std::int64_t bytes = 0;
    std::int32_t line = 0; // 0: not of one statement
};

/* What the statements of a script and of its hooks say they will do outside the transaction. */
std::vector<side_effect> foresee(const migration_input &input);

/* Compares the session after the rollback with what it was, and cleans up what can be:
 * session-level advisory locks are held as often as before, prepared statements dropped. */
std::vector<side_effect> clean_up(const chain_record &chain, const session_snapshot &before);

} // namespace confiture::dry_run
