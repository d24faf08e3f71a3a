/*
 * Flyway: V1__name.sql forward, U1__name.sql backward, R__name.sql repeatable, in any folder below.
 * V1_1 is version 1.1.  Without a transaction where V1__name.sql.conf says
 * `executeInTransaction=false`.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/versioned_prefix.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        return parse_prefixed(base_name(candidate.path)).has_value();
    });
}

bool runs_in_transaction(const std::vector<file> &files, const file &script) {
    const auto settings = std::find_if(files.begin(), files.end(), [&](const file &candidate) {
        return candidate.path == script.path + ".conf";
    });
    return settings == files.end() || read_flag(*settings, "executeInTransaction", true);
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<script_file> scripts;
    std::vector<source> repeatable;
    for (const file &candidate : files) {
        if (!is_script(candidate.path))
            continue;
        const std::optional<prefixed_name> found = parse_prefixed(base_name(candidate.path));
        if (!found)
            refuse_unplaced(candidate, flyway);
        const bool transactional = runs_in_transaction(files, candidate);
        if (found->prefix == 'R') {
            source migration;
            migration.version = "R__" + found->name;
            migration.name = found->name;
            migration.up = forward_script(candidate);
            migration.up_file = candidate.path;
            migration.transactional = transactional;
            migration.repeatable = true;
            repeatable.push_back(std::move(migration));
        } else {
            scripts.push_back({found->prefix == 'U' ? script_kind::down : script_kind::up,
                               found->version, found->name, &candidate, transactional});
        }
    }

    std::vector<source> migrations = assemble(scripts);
    std::move(repeatable.begin(), repeatable.end(), std::back_inserter(migrations));
    return migrations;
}

} // namespace

const layout flyway{"flyway", "V1__name.sql, U1__name.sql, R__name.sql", recognises, read};

} // namespace confiture::migration::readers
