#pragma once
/* Statements that cannot run in a transaction but have a plain form: which form a dry run takes,
 * and which locks the real one would. */
#include "pg/plain.hpp"

#include "dry_run/options.hpp"
#include "dry_run/relation_book.hpp"
#include "pg/locks.hpp"
#include "pg/parse.hpp"

#include <string>
#include <vector>

namespace confiture::dry_run {

struct real_lock {
    pg::lock_tag tag;
    int mode;
};

struct concurrent_choice {
    bool emulate = true;
    std::string reason; // why not
    std::vector<real_lock> locks;
};

concurrent_choice choose_form(const pg::statement_facts &facts, concurrently_policy policy,
                              const relation_book &relations);

} // namespace confiture::dry_run
