#pragma once
/* What to do about the errors that statements of migrations meet most. */
#include "pg/plain.hpp"

#include "migration/failure_record.hpp"

#include <string>

namespace confiture::migration {

struct failure_scene {
    std::string version; // empty for a script that is not registered
    bool forward = true;
    std::string command; // the tag of the statement
    std::string role;    // that it ran as
};

/* The server's own HINT stays the first.  Reads settings, no catalog: the transaction has failed.
 */
void add_hint(failure_record &failed, const failure_scene &scene);

} // namespace confiture::migration
