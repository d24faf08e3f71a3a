#include "hooks/acceptance.hpp"

#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "trust/trust.hpp"

#include <string_view>
#include <utility>

namespace confiture::hooks {

static constexpr std::string_view insufficient_privilege = "42501";

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

static failure refusal_of_library(const hook &which) {
    return failure{not_trusted,
                   "hook \"" + which.name +
                       "\" is not trusted: its C function would run with the "
                       "rights of the server",
                   "It was registered by " + trust::described(which.registrar) + ".",
                   "Have a superuser register it; trust() does not count for C functions."};
}

std::string definition_hash(const hook &which, pg::hook_functions &functions) {
    std::vector<std::string> parts{which.name,       name_of(which.when), which.function,
                                   which.library,    which.symbol,        which.config,
                                   which.migrations, name_of(which.goes)};
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

/* As it stands.  A function that is gone or forbidden is no longer what was trusted. */
static bool is_pinned(const hook &which, pg::hook_functions &functions) {
    if (!which.library.empty() || !trust::was_pinned("hook", which.name))
        return false;
    try {
        return pg::in_subtransaction([&] {
            return trust::is_pinned("hook", which.name, definition_hash(which, functions));
        });
    } catch (const failure &) {
        return false;
    } catch (const pg::error &raised) {
        if (raised.sqlstate() != insufficient_privilege)
            throw;
        return false;
    }
}

bool acceptance::trusts_registrar(const hook &which) {
    if (!which.library.empty()) // its code can do whatever the server can
        return pg::is_superuser(which.registrar).value_or(false);
    return comes_with_migration(which) || is_trusted(which.registrar);
}

std::optional<failure> acceptance::refusal_of_registrar(const hook &which,
                                                        pg::hook_functions &functions) {
    if (trusts_registrar(which) || is_pinned(which, functions))
        return std::nullopt;
    if (!which.library.empty())
        return refusal_of_library(which);
    return trust::refusal("hook", which.name,
                          "was registered by " + trust::described(which.registrar));
}

bool acceptance::accepts(const hook &which, pg::hook_functions &functions) {
    if (!trusts_registrar(which))
        return is_pinned(which, functions);
    refuse_missing(which);
    if (which.function.empty() ||
        is_trusted(pg::hook_functions::owner(functions.find(which.function))))
        return true;
    return trust::is_pinned("hook", which.name, definition_hash(which, functions));
}

void acceptance::check(const hook &which, pg::hook_functions &functions) {
    if (accepts(which, functions))
        return;
    if (auto refused = refusal_of_registrar(which, functions))
        throw failure(std::move(*refused));
    throw trust::refusal("hook", which.name,
                         "calls a function owned by " + trust::described(pg::hook_functions::owner(
                                                            functions.find(which.function))));
}

} // namespace confiture::hooks
