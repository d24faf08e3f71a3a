#pragma once
/* A migration's script, parsed: statements, directives, and the pair of BEGIN and COMMIT that a
 * file may carry around the whole. */
#include "pg/plain.hpp"

#include "migration/directives.hpp"
#include "pg/parse.hpp"

#include <string>

namespace confiture::migration {

struct parsed_script {
    pg::script script; // without a pair of BEGIN and COMMIT around the whole
    directives marks;
};

/* Throws failure{migration_invalid}. */
parsed_script parse(const std::string &text, const std::string &file);

/* The same for the error alone; also refuses text that is not in the server's encoding. */
void check_script(const std::string &text, const std::string &file);

} // namespace confiture::migration
