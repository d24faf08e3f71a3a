#include "apply/chain.hpp"

#include "hooks/prepared_migration.hpp"
#include "migration/acceptance.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::apply {

namespace {

void check(const reach &how_far) {
    if (how_far.steps && *how_far.steps < 1)
        throw failure{configuration_invalid,
                      "invalid number of migrations: " + std::to_string(*how_far.steps),
                      "steps counts migrations, from 1."};
    if (how_far.steps && how_far.target)
        throw failure{configuration_invalid, "target and steps cannot be given both",
                      "Each of them says how far to go."};
}

std::string key_of(const std::optional<std::string> &target) {
    return migration::version_sort_key(migration::find(*target).version);
}

void tell(sqlstate state, const std::string &message, const std::string &detail,
          const std::string &hint) {
    if (pg::refuses_out_of_order())
        throw failure{state, message, detail,
                      hint + "  SET confiture.out_of_order = 'warn' goes on all the same."};
    pg::warn(message, detail, "");
}

constexpr const char *irregular = R"(
SELECT version, status, to_char(applied_at, 'YYYY-MM-DD HH24:MI:SS'),
       (SELECT l.version FROM confiture.status l
        WHERE l.applied_at IS NOT NULL AND NOT l.repeatable ORDER BY l.sort_key DESC LIMIT 1)
FROM confiture.status
WHERE status IN ('out of order', 'changed', 'missing') AND )";

void look_at(const pg::record &row) {
    const std::string migration = "migration \"" + *row[0] + "\" ";
    if (row[1] == "changed")
        tell(checksum_mismatch, migration + "was changed after it was applied",
             "It was applied at " + row[2].value_or("?") + ".",
             "Bring its scripts back as they were, and write the change as a new migration.");
    else if (row[1] == "missing")
        tell(migration_not_found, migration + "is applied and is not registered any more",
             "It was applied at " + row[2].value_or("?") + ".",
             "Register it again: it belongs to the history of this database.");
    else
        tell(out_of_order, migration + "is out of order",
             "It is not applied, and migration \"" + row[3].value_or("?") +
                 "\", which comes after it, is.",
             "Give it a later version; load with prune => true.");
}

std::vector<pg::record> irregular_where(const std::string &condition, const pg::field &parameter) {
    const pg::as_owner owner;
    return pg::query(irregular + condition, {parameter});
}

} // namespace

void refuse_unreadable(const migration::stored &each, const std::string &direction) {
    try {
        hooks::prepare(each, direction);
    } catch (failure &refused) {
        if (!(refused.state == migration_invalid.code))
            throw;
        refused.message = "migration \"" + each.version + "\" cannot be " +
                          (direction == "forward" ? "applied: " : "reverted: ") + refused.message;
        refused.detail += (refused.detail.empty() ? "" : " ") + std::string("Nothing was run.");
        throw;
    }
}

void look_at_order(const migration::registered &next) {
    for (const migration::stored &earlier : migration::pending())
        if (!next.repeatable && !earlier.repeatable &&
            migration::version_sort_key(earlier.version) <
                migration::version_sort_key(next.version))
            tell(out_of_order, "migration \"" + next.version + "\" is out of order",
                 "Migration \"" + earlier.version + "\", which comes before it, is pending.",
                 "Apply that one first.");
    for (const pg::record &row :
         irregular_where("status = 'out of order' AND version = $1", next.version))
        look_at(row);
}

std::vector<migration::stored> to_apply(const reach &how_far) {
    check(how_far);
    std::optional<std::string> up_to;
    if (how_far.target)
        up_to = key_of(how_far.target);
    for (const pg::record &row :
         irregular_where("($1 IS NULL OR sort_key <= $1 COLLATE \"C\")", up_to))
        look_at(row);
    std::vector<migration::stored> chain = migration::pending();
    if (up_to)
        std::erase_if(chain, [&](const migration::stored &each) {
            return each.repeatable || migration::version_sort_key(each.version) > *up_to;
        });
    if (how_far.steps && static_cast<std::size_t>(*how_far.steps) < chain.size())
        chain.resize(static_cast<std::size_t>(*how_far.steps));
    migration::refuse_untrusted(chain);
    return chain;
}

std::vector<migration::stored> to_revert(const reach &how_far) {
    check(how_far);
    std::vector<migration::stored> chain;
    std::vector<pg::record> applied;
    {
        const pg::as_owner owner;
        applied = pg::query("SELECT version, status FROM confiture.status WHERE applied_at IS NOT "
                            "NULL AND NOT coalesce(repeatable, false) AND ($1 IS NULL OR sort_key "
                            "> $1 COLLATE \"C\") ORDER BY sort_key DESC LIMIT $2::bigint",
                            {how_far.target ? pg::field{key_of(how_far.target)} : pg::field{},
                             how_far.steps    ? pg::field{std::to_string(*how_far.steps)}
                             : how_far.target ? pg::field{}
                                              : pg::field{"1"}});
    }
    for (const pg::record &row : applied) {
        if (row[1] == "missing")
            throw failure{migration_not_found,
                          "migration \"" + *row[0] + "\" is applied and is not registered any more",
                          "Its way back is not known.  Nothing was reverted.",
                          "Register it again."};
        chain.push_back(migration::find(*row[0]));
        if (!chain.back().backward)
            migration::refuse_irreversible(*row[0]);
    }
    migration::refuse_untrusted(chain);
    return chain;
}

std::optional<std::string> current_version() {
    const pg::as_owner owner;
    const auto found =
        pg::query("SELECT version FROM confiture.status WHERE applied_at IS NOT NULL AND NOT "
                  "coalesce(repeatable, false) ORDER BY sort_key DESC LIMIT 1");
    return found.empty() ? std::nullopt : found[0][0];
}

} // namespace confiture::apply
