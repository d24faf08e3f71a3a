#pragma once
/* What confiture.backfill_run knows of a backfill: how far it has come. */
#include "apply/backfill_key.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace confiture::apply {

struct backfill_run {
    std::string name, table, statement, role;
    std::vector<std::string> key_columns;

    std::optional<key_value> last_key; // of the rows that are done
    std::int64_t rows_updated = 0;
    std::int64_t rows_passed = 0; // whether they were updated or not
    std::int64_t batches = 0;
    std::optional<std::string> finished_at;

    /* Takes over what was recorded of this name; false where there is nothing.  Throws
     * failure{configuration_invalid} where that is another backfill, or another role's. */
    bool load();

    /* In the transaction of a batch: kept if and only if that commits. */
    void save(bool finished) const;

    /* What was recorded of this name.  Throws failure{configuration_invalid} where that is another
     * role's. */
    void forget() const;

private:
    void refuse_others() const;
};

} // namespace confiture::apply
