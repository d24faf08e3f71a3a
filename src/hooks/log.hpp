#pragma once
/* Every run of a hook as one line of JSON in the server log, at confiture.log_level. */
#include "pg/plain.hpp"

#include "hooks/executor.hpp"

namespace confiture::hooks {

void log_run(const migration_run &run, phase which, const hook &ran, const hook_outcome &outcome);

} // namespace confiture::hooks
