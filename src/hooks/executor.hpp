#pragma once
/* Runs the hooks of one phase, each in a savepoint of its own. */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "hooks/migration_run.hpp"
#include "migration/failure_record.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace confiture::hooks {

/* Skipped: who runs the migration does not trust who registered the hook.  Rolled back: it has
 * succeeded, and its step has not. */
enum class hook_status : std::uint8_t { succeeded, failed, timed_out, skipped, rolled_back };
const char *name_of(hook_status status);

struct hook_outcome {
    hook_status status = hook_status::succeeded;
    std::optional<std::int64_t> rows;
    std::string stats; // jsonb image; empty for none
    double elapsed_ms = 0;
    std::optional<migration::failure_record> error; // the original one
};

/* Hears of every hook, of one that is skipped too; outside of its savepoint but for fails(). */
class hook_listener {
public:
    virtual ~hook_listener() = default;
    virtual void begins(const hook &) {}
    /* After an ERROR and before its rollback: nothing can be asked of the server. */
    virtual void fails() {}
    /* An error of the server is about to be thrown, which no hook may swallow. */
    virtual void interrupted(const hook &, const hook_outcome &) {}
    /* False: no other hook shall run. */
    virtual bool ended(const hook &which, const hook_outcome &outcome) = 0;
};

/* Runs them in their order.  Returns the failure that ends the migration, as HookError tells it; in
 * CLEANUP and ON_ERROR the others run all the same, and the first failure is returned.  Throws what
 * belongs to the server, which no hook may swallow: cancels, shutdown, serialization failures,
 * deadlocks. */
std::optional<migration::failure_record> run_hooks(migration_run &run, phase which,
                                                   const hook_list &hooks, hook_listener &listener);

/* Throws the failure as an error. */
[[noreturn]] void raise(const migration::failure_record &failed);

} // namespace confiture::hooks
