#pragma once
/* A migration on its way to be run in one direction: parsed, with the hooks that it brings along.
 */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "migration/registry.hpp"
#include "pg/parse.hpp"

#include <string>
#include <vector>

namespace confiture::hooks {

struct prepared_migration {
    std::string version, name, direction;
    pg::script script;
    hook_list hooks;                  // of its own
    std::string lock_timeout;         // of the directive or the options; empty for the default
    bool transactional = true;        // else every statement is a step of its own
    std::vector<std::string> depends; // versions
    std::string standing; // a sentence, where the history says that it is not the next one to run
    std::vector<std::string> warnings; // sentences on what it finds before it runs
};

/* Throws failure{migration_invalid} for a script that does not parse, failure{not_reversible} for
 * backward where there is no way back. */
prepared_migration prepare(const migration::stored &found, const std::string &direction);

/* A script that is not registered. */
prepared_migration prepare_script(const std::string &text);

} // namespace confiture::hooks
