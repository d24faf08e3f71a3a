#pragma once
/* The migrations that are registered in this database. */
#include "pg/plain.hpp"

#include "migration/source.hpp"

#include <string>
#include <vector>

namespace confiture::migration {

struct registration {
    std::string version, name;
    std::string action; // added, replaced, unchanged
};

/* Registers all, or throws and registers none.  What is there already and differs is replaced where
 * `replace` says so, it is not applied and the current role may change it.  Throws
 * failure{migration_invalid, checksum_mismatch, configuration_invalid}. */
std::vector<registration> register_all(const std::vector<source> &sources, bool replace,
                                       const std::optional<std::string> &folder = {});

/* Throws failure{migration_not_found, migration_invalid, configuration_invalid}. */
void unregister(const std::string &version);

/* What is registered of a migration beside its scripts. */
struct registered {
    std::string version, name;
    std::string options; // JSON
    bool repeatable = false;
    std::string checksum;
    std::string registered_by;
};

/* May this role replace or unregister it?  Throws failure{configuration_invalid} where it may not.
 */
void refuse_change_by_others(const std::string &role, const registered &known);

/* A migration on its way to be run. */
struct stored : registered {
    std::string source, backward_source; // files; empty for none
    std::string forward;
    std::optional<std::string> backward, verify;
    std::string lock_timeout; // of its options; empty for none
    bool transactional = true;
    std::vector<std::string> depends; // versions, of its options
};

/* Finds a version exactly, then by the one version that is equal to it in version order.  Throws
 * failure{migration_not_found}. */
stored find(const std::string &version);

/* Of one that is registered. */
bool is_repeatable(const std::string &version);

/* Throws failure{not_reversible}: it has no backward script. */
[[noreturn]] void refuse_irreversible(const std::string &version);

/* Throws failure{configuration_invalid} for what is neither forward nor backward. */
void check_direction(const std::string &direction);

/* All of them, in version order. */
std::vector<registered> all_registered();

bool is_applied(const std::string &version);

/* Takes the changed text of an applied migration for the one that was applied; where what is
 * registered is what was applied, the next text that is registered: false.  For whoever may replace
 * it.  Throws failure{configuration_invalid, out_of_order}. */
bool accept_change(const stored &known);

/* What is to be applied, in order. */
std::vector<stored> pending();

} // namespace confiture::migration
