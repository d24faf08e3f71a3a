/* The SQL functions of trusting.sql. */
#include "hooks/acceptance.hpp"
#include "hooks/registry.hpp"
#include "migration/acceptance.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "trust/trust.hpp"

namespace confiture::hooks {

namespace {

/* Something that is registered, as far as trust is concerned. */
struct code {
    std::string name, definition_hash;
    bool accepted; // by the current role, with or without a pin
};

struct kind_of_code {
    const char *name;
    code (*find)(const std::string &name); // throws where there is none
    std::vector<code> (*all)();
};

code code_of(const migration::registered &one) {
    return {one.version, migration::definition_hash(one), migration::is_accepted(one)};
}

code find_migration(const std::string &version) { return code_of(migration::find(version)); }

std::vector<code> all_migrations() {
    std::vector<code> all;
    for (const migration::registered &one : migration::all_registered())
        all.push_back(code_of(one));
    return all;
}

code code_of(const hook &one) {
    if (!one.library.empty())
        throw failure{configuration_invalid,
                      "hook \"" + one.name +
                          "\" is a C function, which no role can trust for itself",
                      "It runs where the role that registered it is a superuser."};
    pg::hook_functions functions;
    return {one.name, definition_hash(one, functions), acceptance().accepts(one, functions)};
}

code find_hook(const std::string &name) { return code_of(find(name)); }

/* What cannot be trusted is left out: hooks that are missing, and C functions. */
std::vector<code> all_hooks() {
    std::vector<code> all;
    for (const std::string &name : all_names())
        try {
            all.push_back(find_hook(name));
        } catch (const failure &) {
            continue;
        }
    return all;
}

constexpr kind_of_code kinds[] = {
    {"hook", find_hook, all_hooks},
    {"migration", find_migration, all_migrations},
};

const kind_of_code &find_kind(const std::string &name) {
    std::string known;
    for (const kind_of_code &kind : kinds) {
        if (name == kind.name)
            return kind;
        known += (known.empty() ? "" : " or ") + std::string(kind.name);
    }
    throw failure{configuration_invalid, "unknown kind of code \"" + name + "\"",
                  "What is trusted is of kind " + known + "."};
}

int pin(const kind_of_code &kind, const code &one) {
    trust::pin(kind.name, one.name, one.definition_hash);
    return 1;
}

} // namespace

CONFITURE_FUNCTION(confiture_trust) {
    arguments.refuse_null({"kind", "name"});
    const std::string kind_name = arguments.text(0);
    const kind_of_code &kind = find_kind(kind_name);
    const std::string name = arguments.text(1);
    if (name != "*")
        return pg::integer(pin(kind, kind.find(name)));
    int count = 0;
    for (const code &one : kind.all())
        if (!one.accepted)
            count += pin(kind, one);
    return pg::integer(count);
}

CONFITURE_FUNCTION(confiture_untrust) {
    arguments.refuse_null({"kind", "name"});
    const std::string kind_name = arguments.text(0);
    const kind_of_code &kind = find_kind(kind_name);
    const std::string name = arguments.text(1);
    if (name == "*")
        return pg::integer(trust::unpin_all(kind.name));
    // What is registered no more has pins all the same; every other name must be one that is there.
    const int count = trust::unpin(kind.name, name);
    return pg::integer(count ? count : trust::unpin(kind.name, kind.find(name).name));
}

} // namespace confiture::hooks
