#pragma once
/* A migration's script, parsed: its own statements, its directives and the hooks that it brings
 * along, without the pair of BEGIN and COMMIT that a file may carry around the whole. */
#include "pg/plain.hpp"

#include "migration/directives.hpp"
#include "migration/hook_sections.hpp"
#include "pg/parse.hpp"

#include <string>
#include <vector>

namespace confiture::migration {

struct parsed_script {
    pg::script script; // its statements are those of the migration itself
    directives marks;
    std::vector<shipped_hook> hooks; // in the order of the text
};

/* `version` is for the names of hooks that have none: '001:line-0012', or 'line-0012' where it is
 * empty.  Throws failure{migration_invalid}. */
parsed_script parse(const std::string &text, const std::string &file, const std::string &version);

} // namespace confiture::migration
