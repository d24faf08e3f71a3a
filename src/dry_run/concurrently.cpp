#include "dry_run/concurrently.hpp"

#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/time_limit.hpp"
#include "pg/transaction.hpp"
#include "pg/unique_keys.hpp"

namespace confiture::dry_run {

namespace {

constexpr std::int64_t small_table = std::int64_t{64} * 1024 * 1024;
constexpr int share_update_exclusive_lock = 4;

constexpr int longest_search_ms = 3000;

/* What has the name in the schema of the table. */
constexpr const char *of_that_name = R"(
SELECT pg_catalog.format('%I.%I', n.nspname, x.relname), i.indrelid IS NOT DISTINCT FROM t.oid,
       coalesce(i.indisvalid AND i.indisready AND i.indislive, false)
FROM pg_catalog.pg_class t
     JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
     JOIN pg_catalog.pg_class x ON x.relnamespace = t.relnamespace AND x.relname = $2
     LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = x.oid
WHERE t.oid = $1::pg_catalog.oid)";

/* With the rights of the table's owner, as the server evaluates what an index brings along. */
std::vector<pg::record> shared_keys(const std::string &query, pg::oid table) {
    return pg::in_subtransaction([&] {
        const pg::as_role owner(pg::owner_to_act_as(table), pg::as_role::operations::restricted);
        return pg::query(query);
    });
}

pg::lock_tag tag_of(pg::oid relation) { return {pg::current_database(), relation, 0, 0, 0, 1}; }

} // namespace

void refuse_passed_over(const pg::statement_facts &facts) {
    const pg::oid table =
        facts.tolerant && !facts.relation.empty() ? pg::find_relation(facts.relation) : 0;
    if (table == 0 || facts.makes.empty())
        return;
    for (const pg::record &row :
         pg::query(of_that_name, {std::to_string(table), facts.makes.front()})) {
        const bool of_the_table = row[1] == "t";
        if (of_the_table && row[2] == "t")
            continue;
        throw failure{repair_needed, "the server passed over the statement",
                      (of_the_table ? "Index \"" + *row[0] + "\" is there and invalid"
                                    : "Relation \"" + *row[0] + "\" is no index of the table") +
                          ": IF NOT EXISTS passes it over.",
                      "Drop it, or give the index another name."};
    }
}

std::string sentence_on_duplicates(std::string_view text, const pg::statement_facts &facts) {
    const pg::oid table = facts.table.empty() ? 0 : pg::find_relation(facts.relation);
    if (table == 0)
        return "";
    const pg::time_limit limit(longest_search_ms);
    std::vector<pg::record> shared;
    pg::unique_keys keys;
    try {
        keys = pg::in_subtransaction([&] { return pg::unique_keys_of(text, table); });
        if (!keys.unique)
            return "";
        if (keys.shared_keys_query.empty())
            return "; whether rows share a key was not looked for";
        shared = shared_keys(keys.shared_keys_query, table);
    } catch (const pg::error &raised) {
        if (limit.caused(raised))
            return "; no two rows with the same key were found in " +
                   std::to_string(longest_search_ms / 1000) + " s, which is not all of the table";
        if (raised.is_intervention())
            throw;
        return std::string("; whether rows share a key is not known: ") + raised.what();
    }
    if (shared.empty())
        return "; no two rows share a key";
    throw failure{
        sqlstate{"23505"}, "could not create unique index \"" + facts.makes.front() + "\"",
        "Key (" + keys.columns + ")=(" + shared.front()[0].value_or("") + ") is duplicated.",
        "The index was not built in the dry run: rows with the same key were looked for."};
}

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
