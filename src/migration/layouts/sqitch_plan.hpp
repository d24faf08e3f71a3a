#pragma once
/* The plan file of Sqitch: the changes in their order, what they require, and the tags. */
#include "migration/source.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace confiture::migration::readers {

struct sqitch_change {
    std::string name;
    int line = 0;                              // in the plan, from 1
    std::vector<std::size_t> requires_changes; // positions in the plan
    /* Where a later change reworks this one: the tags that stand between them, the last one first.
     * The scripts of this one then have one of them in their name ('users@v1.sql'). */
    std::vector<std::string> rework_tags;
};

/* Reads sqitch.plan.  Throws failure{migration_invalid} naming the line. */
std::vector<sqitch_change> read_sqitch_plan(const file &plan);

} // namespace confiture::migration::readers
