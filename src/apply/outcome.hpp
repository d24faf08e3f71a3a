#pragma once
/*
 * What became of a statement that runs outside of transactions when the answer was lost: a crash, a
 * cancel, a connection that broke.  The catalog is asked, and said what takes the leftovers away.
 *
 * Both run as the role of the migrator, never as the owner of our tables: they resolve names, and
 * look_before() analyses expressions as the statement itself would.
 */
#include "pg/plain.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::apply {

/* What the catalog says before the statement runs, as JSON text for the journal.  Names are
 * resolved with the search_path in force and kept as OIDs.  May take AccessShareLock on the table
 * that is indexed.  Throws pg::error where the statement itself would: a table's column that is not
 * there, a schema that the role may not use. */
std::string look_before(std::string_view statement);

enum class outcome : std::uint8_t { done, not_done, unknown };

struct finding {
    /* With the cleanup run.  `unknown` without `harmless_twice`: somebody has to say. */
    outcome what = outcome::unknown;
    std::string sentence; // 'index "public.a_b" is there and invalid'
    /* What finishes the statement or removes its leftovers: DROP INDEX CONCURRENTLY at top level,
     * all else in a transaction, under the lock policy.  Where one had to wait, look again before
     * the next attempt. */
    std::vector<std::string> cleanup;
    /* The statement may simply run again, whatever became of it. */
    bool harmless_twice = false;
    /* The process that may still be at it, 0 for none: `unknown` until it has ended. */
    int busy = 0;
};

/* `before` is what look_before() said of this statement.  Changes nothing, and may be asked as
 * often as one likes, also after success: a CREATE INDEX CONCURRENTLY IF NOT EXISTS that passed
 * over an invalid index is not_done. */
finding look_after(std::string_view statement, const std::string &before);

} // namespace confiture::apply
