#pragma once
/* A hook, ready to run: what it is, when it runs, whose it is. */
#include "pg/plain.hpp"

#include "pg/error.hpp"
#include "pg/parse.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace confiture::hooks {

/* In the order in which they run. */
enum class phase : std::uint8_t {
    before_validation,
    before_ddl,
    after_ddl,
    after_validation,
    cleanup,
    on_error,
};

constexpr std::size_t phase_count = 6;

/* Which way a migration goes in which a registered hook runs. */
enum class way : std::uint8_t { forward, backward, both };

/* Throws failure{configuration_invalid} for what is none. */
way way_named(const std::string &name);
const char *name_of(way which);

/* 'AFTER_DDL' */
const char *name_of(phase which);
/* Throws failure{configuration_invalid} for what is no phase. */
phase phase_named(const std::string &name);

/* Exactly one of function, statements and library is there. */
struct hook {
    std::string name;
    phase when = phase::before_validation;
    std::string function; // its signature, qualified
    std::shared_ptr<const pg::script> script;
    std::vector<pg::statement> statements;     // of the script
    std::shared_ptr<const failure> unreadable; // what is wrong with the script; null for nothing
    std::string library, symbol;
    std::string extension;        // that registered it; empty for none
    std::string config;           // jsonb image
    std::string migrations = "*"; // see names_version()
    way goes = way::forward;      // of a hook in a script: that of the script
    std::int32_t priority = 100;
    std::optional<int> timeout_ms; // nothing: confiture.hook_timeout; 0: none
    bool continues = false;        // after a failure of the hook
    std::string registrar;         // a role; empty for a hook of the migration's own script
    std::int32_t line = 0;         // of its directive in that script
};

using hook_list = std::vector<std::shared_ptr<const hook>>;

/* Priority, then name. */
bool runs_before(const hook &left, const hook &right);

/* Is it a hook for migrations that go in this direction, forward or backward? */
bool runs_in(const hook &which, const std::string &direction);

/* Does a list such as '*', '001,002' or '2024*,2025*' name this version? */
bool names_version(const std::string &list, const std::string &version);

} // namespace confiture::hooks
