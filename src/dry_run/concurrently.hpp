#pragma once
/* Statements that cannot run in a transaction but have a plain form: which form a dry run takes,
 * and which locks the real one would. */
#include "pg/plain.hpp"

#include "dry_run/options.hpp"
#include "dry_run/relation_book.hpp"
#include "pg/locks.hpp"
#include "pg/parse.hpp"

#include <string>
#include <string_view>
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

/* CREATE INDEX CONCURRENTLY IF NOT EXISTS passes over whatever has the name: throws
 * failure{repair_needed} as up() does, where that is no valid index of the table. */
void refuse_passed_over(const pg::statement_facts &facts);

/* For a unique index that is not built: whether rows share a key, as far as that can be found in
 * some seconds; begins with "; ", empty for what is no unique index.  Throws failure{23505} where
 * they do. */
std::string sentence_on_duplicates(std::string_view text, const pg::statement_facts &facts);

concurrent_choice choose_form(const pg::statement_facts &facts, concurrently_policy policy,
                              const relation_book &relations);

} // namespace confiture::dry_run
