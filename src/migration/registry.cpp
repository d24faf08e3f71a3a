#include "migration/registry.hpp"

#include "migration/acceptance.hpp"
#include "migration/checksum.hpp"
#include "migration/history.hpp"
#include "migration/pruning.hpp"
#include "migration/script.hpp"
#include "migration/script_line.hpp"
#include "migration/transaction_statements.hpp"
#include "migration/verify_script.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "trust/trust.hpp"

#include <algorithm>
#include <functional>

namespace confiture::migration {

namespace {

/* JSON of what the folder said of a migration; names and versions are escaped by the server. */
constexpr const char *compare = R"(
SELECT g.n, m.version, m.checksum = g.checksum, g.checksum,
       s.applied_at IS NOT NULL AND NOT coalesce(m.repeatable, g.repeatable::boolean) AND
       NOT EXISTS (SELECT FROM confiture.journal j WHERE j.sort_key = g.sort_key) AND
       g.checksum <> (SELECT h.checksum FROM confiture.history h
                      WHERE h.sort_key = g.sort_key AND h.status = 'succeeded'
                      ORDER BY h.id DESC LIMIT 1),
       m.version = g.version AND m.name = g.name AND m.options = g.options::jsonb
           AND m.repeatable = g.repeatable::boolean,
       m.options, m.registered_by, m.change_accepted
FROM (SELECT n, version, sort_key COLLATE "C" AS sort_key, name, repeatable, options,
             encode(sha256(convert_to(content, CASE getdatabaseencoding() WHEN 'SQL_ASCII'
                                                       THEN 'SQL_ASCII' ELSE 'UTF8' END)), 'hex')
                 AS checksum
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
           WITH ORDINALITY g (version, sort_key, name, repeatable, options, content, n)) g
LEFT JOIN confiture.migration m ON m.sort_key = g.sort_key
LEFT JOIN confiture.status s ON s.sort_key = g.sort_key
ORDER BY g.n)";

constexpr const char *store = R"(
INSERT INTO confiture.migration AS m
       (version, sort_key, name, repeatable, options, forward, backward, verify, source, checksum,
        registered_by, backward_source, folder)
SELECT version, sort_key, name, repeatable::boolean, options::jsonb, forward, backward, verify,
       source, checksum, registered_by, backward_source, folder
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[])
     g (version, sort_key, name, repeatable, options, forward, backward, verify, source, checksum,
        registered_by, backward_source, folder)
ON CONFLICT (sort_key) DO UPDATE
SET version = excluded.version, name = excluded.name, repeatable = excluded.repeatable,
    options = excluded.options, forward = excluded.forward, backward = excluded.backward,
    verify = excluded.verify, source = excluded.source, checksum = excluded.checksum,
    backward_source = excluded.backward_source, folder = excluded.folder,
    registered_at = clock_timestamp(), registered_by = excluded.registered_by,
    change_accepted = false
WHERE m.registered_by = ANY ($14::text[])
RETURNING 1)";

constexpr const char *registered_columns =
    "m.version, m.name, m.options, m.repeatable, m.checksum, m.registered_by";

constexpr const char *stored_columns =
    ", m.source, m.forward, m.backward, m.verify, m.options ->> 'lock_timeout', "
    "coalesce((m.options ->> 'transactional')::boolean, true), "
    "(SELECT string_agg(d, ',') FROM jsonb_array_elements_text(m.options -> 'depends') d), "
    "m.backward_source";

/* What the checksum is taken over: the scripts with marks between them that no script contains. */
std::string checked_content(const source &given) {
    std::string content = normalise(given.up);
    for (const auto *script : {&given.down, &given.verify})
        content += *script ? '\x01' + normalise(**script) : "\x02";
    return content;
}

std::string options_of(const source &given) {
    std::string options = "{";
    const auto add = [&](const std::string &member) {
        options += (options.size() > 1 ? ", " : "") + member;
    };
    if (!given.transactional)
        add("\"transactional\": false");
    if (!given.lock_timeout.empty())
        add("\"lock_timeout\": " + pg::json_string(given.lock_timeout));
    if (!given.depends.empty()) {
        std::string versions;
        for (const std::string &version : given.depends)
            versions += (versions.empty() ? "" : ", ") + pg::json_string(version);
        add("\"depends\": [" + versions + "]");
    }
    return options + "}";
}

/* In bytes; what is in every list, message and index stays readable. */
constexpr std::size_t longest_version = 200, longest_name = 1000;

void refuse_longer(const char *what, const std::string &text, std::size_t longest) {
    if (text.size() > longest)
        throw failure{migration_invalid, std::string(what) + " of a migration is too long",
                      "It has " + std::to_string(text.size()) + " bytes; the limit is " +
                          std::to_string(longest) + "."};
}

void refuse_hooks(const parsed_script &verify, const std::string &file) {
    if (!verify.hooks.empty())
        refuse_line({file, verify.hooks.front().line}, "verify script has a hook",
                    "Phases run around the forward and the backward script alone.",
                    "Write it into one of those; AFTER_VALIDATION comes after the checks.");
}

/* Old folders hold ways back that nobody ever took: they must not keep the rest out. */
void tolerate_of_files(const std::string &file, const std::function<void()> &check_script) {
    try {
        check_script();
    } catch (const failure &refused) {
        if (file.empty())
            throw;
        pg::warn(refused.message, refused.detail, "The script cannot be run as it stands.");
    }
}

void check(const source &given) {
    if (given.version.empty() || given.version == "*") // trust(): all that are registered
        throw failure{migration_invalid, "invalid version \"" + given.version + "\"",
                      "A version has 1 to " + std::to_string(longest_version) +
                          " bytes and is not * alone."};
    refuse_longer("version", given.version, longest_version);
    refuse_longer("name", given.name, longest_name);
    check_transactions(parse(given.up, given.up_file, given.version).script);
    if (given.down)
        tolerate_of_files(given.down_file, [&] {
            check_transactions(parse(*given.down, given.down_file, given.version).script);
        });
    if (!given.verify)
        return;
    parsed_script verify;
    tolerate_of_files(given.verify_file, [&] {
        verify = parse(*given.verify, given.verify_file, given.version);
        refuse_hooks(verify, given.verify_file);
    });
    refuse_unverifiable(verify.script);
}

using columns = std::vector<std::vector<pg::field>>;

columns compared_columns(const std::vector<source> &sources) {
    columns table(6);
    for (const source &given : sources) {
        table[0].emplace_back(given.version);
        table[1].emplace_back(version_sort_key(given.version));
        table[2].emplace_back(given.name);
        table[3].emplace_back(given.repeatable ? "true" : "false");
        table[4].emplace_back(options_of(given));
        table[5].emplace_back(checked_content(given));
    }
    return table;
}

pg::field text_or_null(const std::string &text) {
    return text.empty() ? pg::field{} : pg::field{text};
}

void add_row(columns &table, const source &given, const std::string &checksum,
             const std::string &role, const pg::field &folder) {
    const pg::field row[] = {given.version,
                             version_sort_key(given.version),
                             given.name,
                             given.repeatable ? "true" : "false",
                             options_of(given),
                             given.up,
                             given.down,
                             given.verify,
                             text_or_null(given.up_file),
                             checksum,
                             role,
                             text_or_null(given.down_file),
                             folder};
    for (std::size_t i = 0; i < std::size(row); i++)
        table[i].push_back(row[i]);
}

[[noreturn]] void refuse_change(const source &given, const std::string &version) {
    throw failure{checksum_mismatch,
                  "migration \"" + version + "\" is applied and cannot be changed",
                  "Its scripts differ from those that were applied" +
                      (given.up_file.empty() ? "." : " (file \"" + given.up_file + "\")."),
                  "Write the change as a new migration, or revert this one first; where you have "
                  "undone it by hand, SELECT confiture.repair(" +
                      pg::sql_literal(version) +
                      ", 'reverted'); where it does the same as before, SELECT confiture.repair(" +
                      pg::sql_literal(version) + ", 'accept') and register it again."};
}

std::vector<std::string> split(const std::string &list) {
    std::vector<std::string> parts;
    for (std::size_t start = 0; start < list.size();) {
        const std::size_t end = std::min(list.find(',', start), list.size());
        parts.push_back(list.substr(start, end - start));
        start = end + 1;
    }
    return parts;
}

registered read_registered(const pg::record &row) {
    return {row[0].value(),        row[1].value(), row[2].value(),
            row[3].value() == "t", row[4].value(), row[5].value()};
}

stored read_stored(const pg::record &row) {
    stored found;
    static_cast<registered &>(found) = read_registered(row);
    found.source = row[6].value_or("");
    found.forward = row[7].value();
    found.backward = row[8];
    found.verify = row[9];
    found.lock_timeout = row[10].value_or("");
    found.transactional = row[11].value() == "t";
    found.depends = split(row[12].value_or(""));
    found.backward_source = row[13].value_or("");
    return found;
}

/* Who registers what is there already has it in his hands: he trusts it. */
void pin_unchanged(const std::vector<registered> &unchanged) {
    for (const registered &migration : unchanged)
        if (!is_accepted(migration))
            pin(migration);
}

[[noreturn]] void refuse_race(const std::string &what) {
    throw failure{configuration_invalid, what + " changed by another session meanwhile", "",
                  "Look at confiture.status, then try again."};
}

} // namespace

void refuse_change_by_others(const std::string &role, const registered &known) {
    trust::refuse_change_by_others(role, known.registered_by, "migration \"" + known.version + "\"",
                                   "register a version of your own");
}

/* Returns what was registered before as it is. */
static std::vector<registered> store_all(const std::vector<source> &sources, bool replace,
                                         const pg::field &folder,
                                         std::vector<registration> &registrations) {
    const std::string role = pg::current_role_name();
    pg::as_owner owner;
    std::vector<registered> unchanged, accepted;
    columns changed(14); // the last one has the roles whose migrations may be replaced
    changed[13].push_back(role);
    const std::vector<pg::record> known = pg::query_arrays(compare, compared_columns(sources));
    for (std::size_t i = 0; i < sources.size(); i++) {
        const source &given = sources[i];
        const pg::record &row = known[i];
        std::string action = "added";
        const bool same_scripts = row[2] == "t"; // as those that are registered
        const bool changes_applied = row[4] == "t" && !same_scripts;
        if (changes_applied && row[8] != "t")
            refuse_change(given, row[1].value_or(given.version));
        if (row[1]) {
            action = same_scripts && row[5] == "t" ? "unchanged" : "replaced";
            const auto &registrar = row[7].value();
            if (action == "replaced") {
                refuse_change_by_others(role, {*row[1], {}, {}, false, {}, registrar});
                changed[13].push_back(registrar);
            }
            if (action == "replaced" && !replace)
                throw failure{migration_invalid,
                              "migration \"" + *row[1] + "\" is registered already and differs",
                              given.up_file.empty() ? "" : "File \"" + given.up_file + "\".",
                              "Give replace => true to take the new one."};
        }
        if (action == "unchanged")
            unchanged.push_back({given.version, given.name, row[6].value(), given.repeatable,
                                 row[3].value(), row[7].value()});
        else {
            add_row(changed, given, row[3].value(), role, folder);
            if (changes_applied)
                accepted.push_back({given.version, given.name, {}, false, row[3].value(), role});
        }
        registrations.push_back({given.version, given.name, action});
    }
    if (!changed[0].empty()) {
        pg::refuse_where_read_only("register migrations");
        if (pg::query_arrays(store, changed).size() != changed[0].size())
            refuse_race("a migration was");
    }
    for (const registered &one : accepted)
        record(one, {"accepted", pg::clock_timestamp(), 0, {}, {}, role});
    return unchanged;
}

std::vector<registration> register_all(const std::vector<source> &sources, bool replace,
                                       const pg::field &folder) {
    for (const source &given : sources)
        check(given);
    std::vector<registration> registrations;
    const std::vector<registered> unchanged = store_all(sources, replace, folder, registrations);
    pin_unchanged(unchanged);
    if (folder)
        note_folder(unchanged, *folder);
    return registrations;
}

bool is_repeatable(const std::string &version) {
    const pg::as_owner owner;
    return !pg::query("SELECT FROM confiture.migration WHERE sort_key = $1 AND repeatable",
                      {version_sort_key(version)})
                .empty();
}

void refuse_irreversible(const std::string &version) {
    throw failure{not_reversible, "migration \"" + version + "\" has no backward script",
                  "It was registered without one, and nothing was run.",
                  "Undo it by hand, then SELECT confiture.repair(" + pg::sql_literal(version) +
                      ", 'reverted'). One that is not applied may be registered again with one."};
}

void check_direction(const std::string &direction) {
    if (direction != "forward" && direction != "backward")
        throw failure{configuration_invalid, "invalid direction \"" + direction + "\"",
                      "A direction is forward or backward."};
}

stored find(const std::string &version) {
    refuse_longer("version", version, longest_version);
    pg::as_owner owner;
    const std::string select = std::string("SELECT ") + registered_columns + stored_columns +
                               " FROM confiture.migration m WHERE ";
    auto found = pg::query(select + "m.version = $1", {version});
    if (found.empty())
        found = pg::query(select + "m.sort_key = $1", {version_sort_key(version)});
    if (!found.empty())
        return read_stored(found[0]);
    const auto known =
        pg::query("SELECT count(*), min(version COLLATE \"C\"), "
                  "(SELECT version FROM confiture.migration ORDER BY sort_key DESC LIMIT 1) "
                  "FROM confiture.migration");
    throw failure{migration_not_found, "migration \"" + version + "\" is not registered",
                  known[0][0] == "0" ? "No migration is registered in this database."
                                     : *known[0][0] + " migrations are registered; the last is \"" +
                                           *known[0][2] + "\".",
                  "SELECT * FROM confiture.status lists them; confiture.load_migrations() reads a "
                  "folder."};
}

std::vector<registered> all_registered() {
    pg::as_owner owner;
    std::vector<registered> migrations;
    for (const pg::record &row : pg::query(std::string("SELECT ") + registered_columns +
                                           " FROM confiture.migration m ORDER BY m.sort_key"))
        migrations.push_back(read_registered(row));
    return migrations;
}

/* By the index of the history alone: asked of each migration of a long chain. */
bool is_applied(const std::string &version) {
    const pg::as_owner owner;
    const auto last = pg::query("SELECT action <> 'backward' FROM confiture.history WHERE sort_key "
                                "= $1 AND status = 'succeeded' ORDER BY id DESC LIMIT 1",
                                {version_sort_key(version)});
    return !last.empty() && last[0][0] == "t";
}

bool accept_change(const stored &known) {
    const std::string role = pg::current_role_name();
    refuse_change_by_others(role, known);
    if (known.repeatable)
        throw failure{configuration_invalid, "migration \"" + known.version + "\" is repeatable",
                      "A change of it needs nobody's word: it runs again."};
    const pg::as_owner owner;
    const auto found = pg::query(
        "SELECT s.applied_at IS NOT NULL, s.status, m.checksum = (SELECT h.checksum FROM "
        "confiture.history h WHERE h.sort_key = m.sort_key AND h.status = 'succeeded' ORDER BY "
        "h.id DESC LIMIT 1) FROM confiture.status s JOIN confiture.migration m USING (sort_key) "
        "WHERE m.version = $1",
        {known.version});
    if (found.empty() || found[0][0] != "t")
        throw failure{out_of_order, "migration \"" + known.version + "\" is not applied",
                      found.empty() ? "" : "Its status is " + found[0][1].value_or("") + ".",
                      "What is not applied is changed by registering it again."};
    const bool differs = found[0][2] == "f";
    if (differs)
        record(known, {"accepted", pg::clock_timestamp(), 0, {}, {}, role});
    else
        pg::execute("UPDATE confiture.migration SET change_accepted = true WHERE version = $1",
                    {known.version});
    return differs;
}

std::vector<stored> pending() {
    pg::as_owner owner;
    std::vector<stored> migrations;
    for (const pg::record &row : pg::query(
             std::string("SELECT ") + registered_columns + stored_columns +
             " FROM confiture.status s JOIN confiture.migration m USING (sort_key)"
             " WHERE s.status IN ('pending', 'reverted', 'out of order')"
             " OR s.status IN ('failed', 'interrupted') AND (s.applied_at IS NULL OR m.repeatable)"
             " ORDER BY m.repeatable, m.sort_key"))
        migrations.push_back(read_stored(row));
    return migrations;
}

void unregister(const std::string &version) {
    pg::refuse_where_read_only("unregister migrations");
    const stored known = find(version);
    refuse_change_by_others(pg::current_role_name(), known);
    pg::as_owner owner;
    const auto removed = pg::execute(
        "DELETE FROM confiture.migration m WHERE m.version = $1 AND m.registered_by = $2 "
        "AND NOT EXISTS (SELECT FROM "
        "confiture.status s WHERE s.version = m.version AND s.applied_at IS NOT NULL) AND NOT "
        "EXISTS (SELECT FROM confiture.journal j WHERE "
        "j.sort_key = m.sort_key)",
        {known.version, known.registered_by});
    if (removed > 0)
        return;
    if (find(known.version).registered_by != known.registered_by)
        refuse_race("migration \"" + known.version + "\" was");
    const auto half_done = pg::query("SELECT detail FROM confiture.status WHERE version = $1 AND "
                                     "applied_at IS NULL",
                                     {known.version});
    if (half_done.empty())
        throw failure{migration_invalid,
                      "migration \"" + known.version + "\" is applied and cannot be unregistered",
                      "SELECT * FROM confiture.status shows where it stands.", "Revert it first."};
    throw failure{migration_invalid,
                  "migration \"" + known.version + "\" is half done and cannot be unregistered",
                  half_done[0][0].value_or(""),
                  "Go on with it, or undo by hand what is done and SELECT confiture.repair(" +
                      pg::sql_literal(known.version) + ", 'abandon')."};
}

} // namespace confiture::migration
