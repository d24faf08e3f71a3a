#include "migration/pruning.hpp"

#include "migration/version.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::migration {

namespace {

constexpr const char *absent = R"(
SELECT m.version, m.name, m.registered_by, m.folder,
       coalesce(m.folder = ($1::text[])[1], false), s.applied_at IS NOT NULL,
       EXISTS (SELECT FROM confiture.journal j WHERE j.sort_key = m.sort_key)
FROM confiture.migration m
LEFT JOIN confiture.status s ON s.sort_key = m.sort_key
WHERE m.sort_key <> ALL ($2::text[])
ORDER BY m.repeatable, m.sort_key)";

constexpr const char *remove = R"(
DELETE FROM confiture.migration m
WHERE m.version = $1 AND m.folder = $2 AND m.registered_by = $3
  AND NOT EXISTS (SELECT FROM confiture.status s
                  WHERE s.sort_key = m.sort_key AND s.applied_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM confiture.journal j WHERE j.sort_key = m.sort_key))";

bool may_change(const std::string &role, const std::string &registrar) {
    return role == registrar || pg::stands_for(role, registrar);
}

/* What is pending and not in the folder, and stays: whoever renamed a file looks for it. */
class kept_list {
public:
    void add(const std::string &version, const std::string &why) {
        constexpr std::size_t most = 10;
        if (count_ < most)
            list_ += (count_ ? "; \"" : "\"") + version + "\" " + why;
        else if (count_ == most)
            list_ += "; ...";
        count_++;
    }

    void tell() const {
        if (count_ > 0)
            pg::notice("migrations that are not in the folder stay registered: " +
                           std::to_string(count_),
                       list_ + ".");
    }

private:
    std::string list_;
    std::size_t count_ = 0;
};

std::vector<pg::field> keys_of(const std::vector<source> &migrations) {
    std::vector<pg::field> keys;
    keys.reserve(migrations.size());
    for (const source &each : migrations)
        keys.emplace_back(version_sort_key(each.version));
    return keys;
}

} // namespace

void note_folder(const std::vector<registered> &unchanged, const std::string &folder) {
    const std::string role = pg::current_role_name();
    std::vector<pg::field> keys;
    for (const registered &each : unchanged)
        if (may_change(role, each.registered_by))
            keys.emplace_back(version_sort_key(each.version));
    if (keys.empty())
        return;
    const pg::as_owner owner;
    pg::query_arrays("UPDATE confiture.migration SET folder = ($2::text[])[1] "
                     "WHERE sort_key = ANY ($1::text[]) AND folder <> ($2::text[])[1] RETURNING 1",
                     {keys, {folder}});
}

std::vector<registration> prune(const std::vector<source> &present, const std::string &folder) {
    const std::string role = pg::current_role_name();
    std::vector<registration> done;
    kept_list kept;
    std::vector<pg::record> rows;
    {
        const pg::as_owner owner;
        rows = pg::query_arrays(absent, {{folder}, keys_of(present)});
    }
    for (const pg::record &row : rows) {
        const std::string &version = *row[0], &registrar = *row[2];
        const bool is_of_folder = row[4] == "t", applied = row[5] == "t", half_done = row[6] == "t";
        if (is_of_folder && (applied || half_done)) {
            done.push_back({version, *row[1], half_done ? "interrupted" : "missing"});
        } else if (applied || half_done) {
            continue;
        } else if (!is_of_folder) {
            kept.add(version,
                     row[3] ? "is of the folder \"" + *row[3] + "\"" : "was registered by a call");
        } else if (!may_change(role, registrar)) {
            kept.add(version, "was registered by role \"" + registrar + "\"");
        } else {
            const pg::as_owner owner;
            if (pg::execute(remove, {version, folder, registrar}) > 0)
                done.push_back({version, *row[1], "pruned"});
        }
    }
    kept.tell();
    return done;
}

} // namespace confiture::migration
