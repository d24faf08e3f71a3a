#pragma once
/* The rows that this transaction has written, by the server's own count: its statistics, which hear
 * of every row, whether a statement, a function, a trigger or a cascade wrote it. */
#include "pg/plain.hpp"

#include <cstdint>

namespace confiture::pg {

struct row_counts {
    std::int64_t inserted = 0, updated = 0, deleted = 0;
    std::int64_t all() const { return inserted + updated + deleted; }
    row_counts &operator+=(const row_counts &more);
};

/* What the transaction that runs has written of a relation so far.  What was rolled back in a
 * savepoint, or went with TRUNCATE, is not in it. */
row_counts rows_written_in_transaction(std::uint32_t relation);

/* False where track_counts is off: then nothing is counted. */
bool rows_are_counted();

} // namespace confiture::pg
