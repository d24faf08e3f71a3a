#pragma once
/* The hooks that a migration brings along in its own script. */
#include "pg/plain.hpp"

#include "hooks/hook.hpp"
#include "migration/script.hpp"

namespace confiture::hooks {

hook_list hooks_of(const migration::parsed_script &parsed);

} // namespace confiture::hooks
