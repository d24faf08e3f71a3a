#include "pg/written_rows.hpp"

#include "pg/boundary.hpp"

#if PG_VERSION_NUM >= 160000
extern "C" {
#include "utils/pgstat_internal.h"
}
#endif

namespace confiture::pg {

row_counts &row_counts::operator+=(const row_counts &more) {
    inserted += more.inserted;
    updated += more.updated;
    deleted += more.deleted;
    return *this;
}

/* The counters of a subtransaction go to the one around it where it is released, and out of this
 * chain where it is rolled back: AtEOSubXact_PgStat_Relations(). */
row_counts rows_written_in_transaction(std::uint32_t relation) {
    return call([&]() -> row_counts {
#if PG_VERSION_NUM >= 160000 // find_tabstat_entry() gives a copy, without the chain
        PgStat_EntryRef *entry =
            pgstat_fetch_pending_entry(PGSTAT_KIND_RELATION, MyDatabaseId, relation);
        const auto *status = entry ? static_cast<PgStat_TableStatus *>(entry->pending) : nullptr;
#else
        const PgStat_TableStatus *status = find_tabstat_entry(relation);
#endif
        row_counts written;
        for (const PgStat_TableXactStatus *open = status ? status->trans : nullptr; open;
             open = open->upper)
            written += {open->tuples_inserted, open->tuples_updated, open->tuples_deleted};
        return written;
    });
}

bool rows_are_counted() { return pgstat_track_counts; }

} // namespace confiture::pg
