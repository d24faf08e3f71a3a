#pragma once
/* The hooks that are registered in this database. */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "migration/script.hpp"
#include "pg/query.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace confiture::hooks {

/* What a registration says; the fields are those of confiture.hook, as text. */
struct registration {
    std::string name, phase;
    pg::field function, statement, library, symbol;
    std::string migrations, priority;
    pg::field timeout;
    std::string on_failure, config, direction;
};

/* Adds it, or replaces one of the same name that the current role may manage and that came the same
 * way: by the scripts of the same extension, or of none.  What another role has registered just so
 * the current role declares to trust.  Throws failure{configuration_invalid, migration_invalid}. */
void register_hook(const registration &given);

/* Throw failure{configuration_invalid} where there is none, or it is another role's. */
void unregister(const std::string &name);
void enable(const std::string &name, bool enabled);

/* Throws failure{configuration_invalid} where there is none. */
hook find(const std::string &name);
/* Of those that are registered, in byte order. */
std::vector<std::string> all_names();

/* A list as it was at some revision. */
struct phase_hooks {
    hook_list hooks;
    std::uint64_t revision = 0;
};

/* Those that are registered and enabled: each phase is read once, and again after this session has
 * changed them. */
class registered_hooks {
public:
    const hook_list &of(phase which);
    void read_all();
    /* Goes up with every change; what was read before is out of date. */
    std::uint64_t revision() const;

private:
    std::array<phase_hooks, phase_count> phases_;
};

/* What was read before is out of date: a transaction that may have changed it was rolled back. */
void forget_registered();

/* The hooks of one migration in one direction: those that are registered for it and those of its
 * own script. */
class hook_book {
public:
    /* `version` is empty for a script that is not registered: hooks for all migrations run. */
    hook_book(registered_hooks &registered, std::string version, std::string direction,
              hook_list own)
        : registered_(registered), version_(std::move(version)), direction_(std::move(direction)),
          own_(std::move(own)) {}

    /* In their order.  What hooks register in this session counts from the next phase on. */
    const hook_list &of(phase which);

private:
    registered_hooks &registered_;
    std::string version_, direction_;
    hook_list own_;
    std::array<phase_hooks, phase_count> phases_;
};

} // namespace confiture::hooks
