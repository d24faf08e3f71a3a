#pragma once
/* Which folder a migration belongs to, and what becomes of those whose file is gone. */
#include "pg/plain.hpp"

#include "migration/registry.hpp"

#include <string>
#include <vector>

namespace confiture::migration {

/* Those that are registered as they stand in the folder, and came from one, belong to it from now
 * on, where the current role may change them. */
void note_folder(const std::vector<registered> &unchanged, const std::string &folder);

/* Unregisters the migrations of the folder that are not among `present` and not applied, where the
 * current role may change them.  Action: pruned, missing for one that is applied, interrupted for
 * one that is half done. */
std::vector<registration> prune(const std::vector<source> &present, const std::string &folder);

} // namespace confiture::migration
