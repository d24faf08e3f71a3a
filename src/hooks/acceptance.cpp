#include "hooks/acceptance.hpp"

#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/session.hpp"
#include "trust/trust.hpp"

namespace confiture::hooks {

/* A hook of a migration's own script came with the migration, which is trusted as a whole. */
static bool comes_with_migration(const hook &which) { return which.registrar.empty(); }

/* Whatever it calls may be there still, or again: a library stays loaded until its session ends,
 * and anybody may make a function of that name. */
static void refuse_missing(const hook &which) {
    if (which.extension.empty() || pg::extension_is_there(which.extension))
        return;
    throw failure{configuration_invalid, "extension \"" + which.extension + "\" is not installed",
                  "Hook \"" + which.name + "\" came with it.",
                  "CREATE EXTENSION brings the hook back; confiture.unregister_hook() removes it."};
}

[[noreturn]] static void refuse_library(const hook &which) {
    throw failure{not_trusted,
                  "hook \"" + which.name +
                      "\" is not trusted: its C function would run with the "
                      "rights of the server",
                  "It was registered by " + trust::described(which.registrar) + ".",
                  "Have a superuser register it; trust() does not count for C functions."};
}

std::string definition_hash(const hook &which, pg::hook_functions &functions) {
    std::vector<std::string> parts{which.name,      name_of(which.when), which.function,
                                   which.library,   which.symbol,        which.config,
                                   which.migrations};
    if (!which.function.empty()) {
        const auto &function = functions.find(which.function);
        parts.push_back(pg::hook_functions::definition(function));
        parts.push_back(pg::hook_functions::owner(function));
    }
    if (which.script)
        parts.push_back(which.script->text);
    return trust::hash_of_parts(parts);
}

bool acceptance::is_trusted(const std::string &role) {
    const std::uint64_t revision = pg::hook_functions::revision();
    if (revision_ != revision) { // a hook of the phase may change a role
        roles_.clear();
        revision_ = revision;
    }
    const auto known = roles_.find(role);
    if (known != roles_.end())
        return known->second;
    return roles_[role] = trust::is_trusted_role(role);
}

bool acceptance::accepts(const hook &which, pg::hook_functions &functions) {
    refuse_missing(which);
    if (!which.library.empty()) // its code can do whatever the server can
        return pg::is_superuser(which.registrar).value_or(false);
    const bool owner_is_trusted =
        which.function.empty() ||
        is_trusted(pg::hook_functions::owner(functions.find(which.function)));
    if (owner_is_trusted && (comes_with_migration(which) || is_trusted(which.registrar)))
        return true;
    return trust::is_pinned("hook", which.name, definition_hash(which, functions));
}

void acceptance::check(const hook &which, pg::hook_functions &functions) {
    if (accepts(which, functions))
        return;
    if (!which.library.empty())
        refuse_library(which);
    if (!comes_with_migration(which) && !is_trusted(which.registrar))
        trust::refuse("hook", which.name, "was registered by " + trust::described(which.registrar));
    trust::refuse("hook", which.name,
                  "calls a function owned by " +
                      trust::described(pg::hook_functions::owner(functions.find(which.function))));
}

} // namespace confiture::hooks
