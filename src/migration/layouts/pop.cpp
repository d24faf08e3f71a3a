/*
 * pop (gobuffalo, ory): N_name.up.sql for every database, N_name.postgres.up.sql for one of them,
 * `.autocommit` before the direction for scripts without a transaction.  The script for PostgreSQL
 * wins over the generic one, other databases' are left out.  An empty file is how a history of
 * several databases says that there is nothing to do on this one, so it is accepted where the
 * version names a database in any of its files.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/variables.hpp"
#include "migration/version.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace confiture::migration::readers {

namespace {

constexpr std::string_view postgres_names[] = {"postgres", "postgresql"};
constexpr std::string_view other_names[] = {"cockroach", "cockroachdb", "crdb",   "mysql",
                                            "mariadb",   "sqlite",      "sqlite3"};

template <std::size_t size>
bool is_one_of(const std::string_view (&names)[size], std::string_view name) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

enum class database { any, postgres, other };

struct variant {
    database of;
    script_file script;
};

std::optional<variant> parse(const file &candidate) {
    std::string_view stem = candidate.path;
    if (!strip_suffix(stem, ".sql"))
        return {};
    const bool down = strip_suffix(stem, ".down");
    if (!down && !strip_suffix(stem, ".up"))
        return {};
    const bool autocommit = strip_suffix(stem, ".autocommit");

    database of = database::any;
    if (const std::size_t dot = stem.rfind('.'); dot != std::string_view::npos) {
        const std::string_view name = stem.substr(dot + 1);
        if (is_one_of(postgres_names, name))
            of = database::postgres;
        else if (is_one_of(other_names, name))
            of = database::other;
        if (of != database::any)
            stem = stem.substr(0, dot);
    }
    const std::optional<numbered_name> found = parse_numbered(stem);
    if (!found || found->name.find('.') != std::string_view::npos)
        return {};
    return variant{of, script_file{down ? script_kind::down : script_kind::up,
                                   std::string(found->version), std::string(found->name),
                                   &candidate, !autocommit}};
}

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        const std::optional<variant> found = parse(candidate);
        return found && (found->of != database::any || !found->script.transactional);
    });
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<variant> variants;
    for (const file *candidate : scripts_at_top(files, pop)) {
        if (candidate->path == "schema.sql")
            continue; // pop's own dump of the schema, which it writes beside the migrations
        std::optional<variant> found = parse(*candidate);
        if (!found)
            refuse_unplaced(*candidate, pop);
        variants.push_back(std::move(*found));
    }

    std::set<std::string> of_several;                  // versions that name a database
    std::set<std::pair<std::string, script_kind>> own; // scripts that PostgreSQL has for itself
    for (const variant &each : variants) {
        const std::string key = version_sort_key(each.script.version);
        if (each.of != database::any)
            of_several.insert(key);
        if (each.of == database::postgres)
            own.emplace(key, each.script.kind);
    }

    std::vector<script_file> scripts;
    for (variant &each : variants) {
        const std::string key = version_sort_key(each.script.version);
        if (each.of == database::other ||
            (each.of == database::any && own.count({key, each.script.kind}) > 0))
            continue;
        refuse_templates(*each.script.origin, "pop");
        each.script.may_be_blank = of_several.count(key) > 0;
        scripts.push_back(std::move(each.script));
    }
    return assemble(scripts);
}

} // namespace

const layout pop{
    "pop", "N_name.up.sql, N_name.postgres.up.sql, N_name.postgres.autocommit.up.sql, and down",
    recognises, read};

} // namespace confiture::migration::readers
