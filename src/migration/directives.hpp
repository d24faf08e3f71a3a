#pragma once
/* Script directives: the `-- confiture: …` comments of a migration. */
#include "pg/plain.hpp"

#include "migration/hook_directives.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::migration {

/* A comment of a script as the scanner of the server delimits it: with its marks, without the line
 * end. */
struct comment {
    std::string_view text;
    std::int32_t offset; // bytes from the start of the script
    std::int32_t line;   // from 1
};

/* Is it `-- confiture: …`?  Takes a comment with its marks. */
bool is_directive(std::string_view comment);

/* Would PostgreSQL take this as a value of lock_timeout?  A number with an optional unit, in
 * milliseconds at most what fits its integer. */
bool is_timeout(std::string_view value);

struct lint_exemption {
    std::string rule;
    std::string reason;
    std::int32_t line;
};

struct directives {
    bool no_transaction = false;
    std::optional<std::string> lock_timeout; // a value for the setting, '2s'
    std::vector<std::string> depends;
    std::vector<lint_exemption> ignores;
    std::vector<hook_directive> hooks; // as they stand in the script
};

/* Reads the directives among the comments.  `file` names the script in messages.  Throws
 * failure{migration_invalid} for an unknown or malformed directive, naming file and line. */
directives read_directives(const std::vector<comment> &comments, std::string_view file);

} // namespace confiture::migration
