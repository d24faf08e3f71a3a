#pragma once
/* Whose migrations run: those of roles that the current role trusts, and those that it pinned. */
#include "pg/plain.hpp"

#include "migration/registry.hpp"

#include <span>
#include <string>

namespace confiture::migration {

/* What a pin is bound to. */
std::string definition_hash(const registered &migration);

/* Neither these nor anything else of trust may be called inside pg::as_owner. */
bool is_accepted(const registered &migration);
void pin(const registered &migration);

/* To be called before anything of them runs, with what is going to run.  Throws
 * failure{not_trusted} naming the first. */
void refuse_untrusted(std::span<const stored> migrations);

} // namespace confiture::migration
