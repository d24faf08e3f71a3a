#pragma once
/* Counts the rows that a migration writes, its hooks and all that they run included: the same for a
 * dry run and for good. */
#include "pg/plain.hpp"

#include "pg/written_rows.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace confiture::running {

class row_counter {
public:
    struct total {
        std::int64_t rows = 0;
        bool known = true;
    };

    void begin_migration() { total_ = {}; }
    /* What the transaction that runs has written before is none of ours. */
    void begin_transaction();

    /* What was written since the look before; it is added to the total.  After a rollback it is to
     * be called before anything else is written. */
    pg::row_counts count();

    /* Rows were written that cannot be counted here. */
    void lose_count() { total_.known = false; }

    /* Of the migration so far; nothing where it is not known. */
    std::optional<std::int64_t> so_far() const {
        return total_.known ? std::optional(total_.rows) : std::nullopt;
    }

    /* For the rollback of a step. */
    total remember() const { return total_; }
    void go_back(const total &remembered) { total_ = remembered; }

private:
    /* Calls with each relation that this transaction may have written, and its counts. */
    template <typename F> void for_each_written(F &&take) const;
    bool is_counted(std::uint32_t relation);

    std::unordered_map<std::uint32_t, pg::row_counts> seen_; // of the transaction
    std::unordered_map<std::uint32_t, bool> counted_;        // of the transaction
    total total_;
};

} // namespace confiture::running
