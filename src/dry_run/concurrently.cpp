#include "dry_run/concurrently.hpp"

#include "pg/catalog.hpp"

namespace confiture::dry_run {

namespace {

constexpr std::int64_t small_table = std::int64_t{64} * 1024 * 1024;
constexpr int share_update_exclusive_lock = 4;

pg::lock_tag tag_of(pg::oid relation) { return {pg::current_database(), relation, 0, 0, 0, 1}; }

} // namespace

concurrent_choice choose_form(const pg::statement_facts &facts, concurrently_policy policy,
                              const relation_book &relations) {
    concurrent_choice choice;
    const pg::oid named = facts.relation.empty() ? 0 : pg::find_relation(facts.relation);
    const pg::oid table = named && facts.relation_is_index ? pg::table_of_index(named) : named;
    for (pg::oid relation : {table, facts.relation_is_index ? named : 0})
        if (relation)
            choice.locks.push_back({tag_of(relation), share_update_exclusive_lock});

    if (policy == concurrently_policy::predict) {
        choice.emulate = false;
        choice.reason =
            "it cannot run inside a transaction, and the caller asked not to emulate it";
    } else if (policy == concurrently_policy::automatic && table) {
        const relation_info *known = relations.find(table);
        const auto bytes = pg::bytes_of_relation(table).value_or(0);
        if (!(known && known->created_here) && bytes >= small_table) {
            choice.emulate = false;
            choice.reason = "it cannot run inside a transaction, and its plain form would lock out "
                            "writers of a table of " +
                            std::to_string(bytes / (1024 * 1024)) + " MB";
        }
    }
    return choice;
}

} // namespace confiture::dry_run
