#pragma once
/* The hooks that stand in the script of their migration, told apart from its own statements. */
#include "pg/plain.hpp"

#include "migration/hook_directives.hpp"
#include "pg/parse.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace confiture::migration {

struct shipped_hook {
    std::string name;                   // '001:line-0012' where the script gives none
    std::string phase;                  // 'AFTER_DDL'
    std::string built_in;               // name of a built-in hook; empty for statements
    std::string config = "{}";          // of a built-in one, a JSON object
    std::optional<std::string> timeout; // as is_timeout() accepts it
    bool continues = false;             // on_failure=continue
    std::int32_t priority = 100;
    std::int32_t line = 0;                 // of its directive
    std::vector<pg::statement> statements; // in the text of the script
};

/* Takes the statements of hooks out of script.statements, and a pair of BEGIN and COMMIT around the
 * whole as well.  Both lists are in the order of the text.  `version` is for the names of hooks
 * that have none; it may be empty.  Throws failure{migration_invalid}. */
std::vector<shipped_hook> take_hooks(pg::script &script,
                                     const std::vector<hook_directive> &directives,
                                     const std::string &version);

} // namespace confiture::migration
