#pragma once
/* A script cut into steps: the runs of statements that are committed together. */
#include "pg/plain.hpp"

#include "pg/parse.hpp"

#include <cstddef>
#include <vector>

namespace confiture::migration {

struct step {
    std::size_t first = 0, last = 0; // of the script's statements, both within
    bool at_top_level = false;       // its one statement cannot run in a transaction
    bool may_commit = false;         // it is a CALL or DO, of which nobody knows before it runs
};

/* Without BEGIN and COMMIT, which begin and end steps.  Where the script is not transactional,
 * every statement outside of such a pair is a step of its own. */
std::vector<step> steps_of(const pg::script &script, bool transactional);

} // namespace confiture::migration
