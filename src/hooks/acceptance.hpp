#pragma once
/* May this hook run?  Its registrar and the owner of its function must be trusted, or its
 * definition pinned. */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "pg/error.hpp"
#include "pg/hook_function.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>

namespace confiture::hooks {

/* The hash that a pin is bound to: what is registered, and the code of its function with its owner.
 * Throws what hook_functions::find() throws. */
std::string definition_hash(const hook &which, pg::hook_functions &functions);

/* Remembers the roles of one phase. */
class acceptance {
public:
    /* Throws failure{not_trusted}, failure{configuration_invalid} where the hook's extension is
     * gone, and what hook_functions::find() throws. */
    void check(const hook &which, pg::hook_functions &functions);
    /* Throws the same but for not_trusted. */
    bool accepts(const hook &which, pg::hook_functions &functions);

    /* What the current role has against who registered the hook: then the hook does not apply to
     * what that role runs.  Nothing of the hook is looked at but its registration: whoever
     * registers a hook cannot make it fail for those who do not trust it. */
    std::optional<failure> refusal_of_registrar(const hook &which, pg::hook_functions &functions);

private:
    bool is_trusted(const std::string &role);
    bool trusts_registrar(const hook &which);

    std::unordered_map<std::string, bool> roles_;
    std::uint64_t revision_ = 0; // of what roles_ says
};

} // namespace confiture::hooks
