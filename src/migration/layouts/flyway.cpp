/*
 * Flyway: V1__name.sql forward, U1__name.sql backward, R__name.sql repeatable, in any folder below.
 * V1_1 is version 1.1.  Without a transaction where V1__name.sql.conf says
 * `executeInTransaction=false`.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/variables.hpp"
#include "migration/layouts/versioned_prefix.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        return parse_prefixed(base_name(candidate.path)).has_value();
    });
}

struct script_settings {
    bool transactional = true, fills_placeholders = true;
};

/* What is not read might keep a script from running, or change what runs. */
void refuse_other_settings(const file &settings) {
    constexpr std::string_view known[] = {"executeInTransaction", "placeholderReplacement",
                                          "shouldExecute", "encoding"};
    for (const line &each : lines_of(settings.content)) {
        const std::string_view text = trimmed(each.text);
        const std::string_view key = trimmed(text.substr(0, text.find_first_of("=:")));
        if (text.empty() || text.starts_with('#') || text.starts_with('!') ||
            std::find(std::begin(known), std::end(known), key) != std::end(known))
            continue;
        refuse("unknown setting " + quoted(key) + " in " + quoted(settings.path) + ", line " +
                   std::to_string(each.number),
               {},
               "Read are executeInTransaction and placeholderReplacement; shouldExecute may be "
               "true and encoding UTF-8.");
    }
}

void refuse_other_encodings(const file &settings) {
    for (const line &each : lines_of(settings.content)) {
        const std::size_t equals = each.text.find('=');
        if (equals == std::string_view::npos || trimmed(each.text.substr(0, equals)) != "encoding")
            continue;
        const std::string_view name = trimmed(each.text.substr(equals + 1));
        if (!equal_ignoring_case(name, "UTF-8") && !equal_ignoring_case(name, "UTF8"))
            refuse("encoding " + quoted(name) + " in " + quoted(settings.path) + ", line " +
                       std::to_string(each.number),
                   "Files are read as UTF-8.", "Save the script as UTF-8 and remove the line.");
    }
}

script_settings settings_of(const std::vector<file> &files, const file &script) {
    const auto settings = std::find_if(files.begin(), files.end(), [&](const file &candidate) {
        return candidate.path == script.path + ".conf";
    });
    if (settings == files.end())
        return {};
    refuse_other_settings(*settings);
    refuse_other_encodings(*settings);
    if (!read_flag(*settings, "shouldExecute", true))
        refuse("file " + quoted(script.path) + " is not to be run",
               quoted(settings->path) + " says shouldExecute=false.",
               "Remove the script, or the line.");
    return {read_flag(*settings, "executeInTransaction", true),
            read_flag(*settings, "placeholderReplacement", true)};
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
        const auto [transactional, fills_placeholders] = settings_of(files, candidate);
        if (fills_placeholders)
            refuse_placeholders(candidate, "Flyway");
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
