#pragma once
/* Which migrations a call runs, and which way. */
#include "pg/plain.hpp"

#include "migration/registry.hpp"

#include <optional>
#include <string>
#include <vector>

namespace confiture::apply {

/* How far: to a version, or over a number of migrations; neither for as far as it goes. */
struct reach {
    std::optional<std::string> target;
    std::optional<int> steps;
};

/* Throws failure{out_of_order} where a later one is applied and confiture.out_of_order refuses it.
 */
void look_at_order(const migration::registered &next);

/* Throws failure{migration_invalid} where its script of this direction does not parse any more or
 * says of transactions what it may not: nothing has run yet. */
void refuse_unreadable(const migration::stored &each, const std::string &direction);

/* What is pending, in order, up to the target.  Throws failure{out_of_order, checksum_mismatch,
 * migration_not_found} for what confiture.out_of_order refuses, which else is a WARNING;
 * failure{not_trusted}. */
std::vector<migration::stored> to_apply(const reach &how_far);

/* What is applied, the last first: as many as said, or all after the target; one where nothing is
 * said.  Throws failure{not_reversible} where one of them has no way back. */
std::vector<migration::stored> to_revert(const reach &how_far);

/* The last that is applied; nothing where none is. */
std::optional<std::string> current_version();

} // namespace confiture::apply
