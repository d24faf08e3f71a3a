#include "running/row_counter.hpp"

#include "pg/catalog.hpp"
#include "pg/locks.hpp"

#include <algorithm>

namespace confiture::running {

static constexpr int row_exclusive = 3; // storage/lockdefs.h: nothing is written under less

template <typename F> void row_counter::for_each_written(F &&take) const {
    for (const pg::held_lock &held : pg::held_locks())
        if (held.tag.is_relation() && held.tag.field1 == pg::current_database() &&
            held.tag.relation() >= pg::first_user_oid && held.modes >> row_exclusive)
            take(held.tag.relation(), pg::rows_written_in_transaction(held.tag.relation()));
}

/* Tables of users: what is kept out of line is no row of its own, and what confiture writes down is
 * none of the migration's. */
bool row_counter::is_counted(std::uint32_t relation) {
    const auto known = counted_.find(relation);
    if (known != counted_.end())
        return known->second;
    const auto found = pg::name_of_relation(relation);
    if (!found)
        return false;
    return counted_[relation] = pg::is_table(found->kind) &&
                                pg::schema_of_relation(relation) != pg::extension_schema();
}

void row_counter::begin_transaction() {
    seen_.clear();
    counted_.clear();
    for_each_written([&](std::uint32_t relation, const pg::row_counts &now) {
        if (now.all() > 0)
            seen_[relation] = now;
    });
}

pg::row_counts row_counter::count() {
    if (!pg::rows_are_counted())
        lose_count();
    pg::row_counts written;
    for_each_written([&](std::uint32_t relation, const pg::row_counts &now) {
        const auto known = seen_.find(relation);
        if (known == seen_.end() && now.all() == 0)
            return;
        const pg::row_counts before = known == seen_.end() ? pg::row_counts{} : known->second;
        seen_[relation] = now;
        // TRUNCATE begins to count from 0.
        const pg::row_counts more{std::max<std::int64_t>(0, now.inserted - before.inserted),
                                  std::max<std::int64_t>(0, now.updated - before.updated),
                                  std::max<std::int64_t>(0, now.deleted - before.deleted)};
        if (more.all() > 0 && is_counted(relation))
            written += more;
    });
    total_.rows += written.all();
    return written;
}

} // namespace confiture::running
