/*
 * dbmate: one file a migration, its parts after lines `-- migrate:up` and `-- migrate:down`, each
 * with the option `transaction:false`.  The part that goes back may come first.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/markers.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

struct marker {
    std::string_view direction; // what follows 'migrate:'
    std::string_view options;
};

/* As dbmate takes it: at the start of a line, with any white space after the dashes. */
std::optional<marker> parse_marker(std::string_view text) {
    if (!text.starts_with("--"))
        return {};
    text = trimmed(text.substr(2));
    constexpr std::string_view name = "migrate:";
    if (!text.starts_with(name))
        return {};
    text.remove_prefix(name.size());
    const std::string_view direction = text.substr(0, text.find_first_of(" \t"));
    return marker{direction, trimmed(text.substr(direction.size()))};
}

/* Also by lines that dbmate would pass over, because of a blank before them: the reader says so. */
bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        const std::vector<line> lines = lines_of(candidate.content);
        return std::any_of(lines.begin(), lines.end(),
                           [](const line &each) { return tool_of_marker(each.text) == "dbmate"; });
    });
}

bool understands(int, std::string_view text) { return parse_marker(text).has_value(); }

std::string place(const file &origin, const line &at) {
    return quoted(origin.path) + ", line " + std::to_string(at.number);
}

bool read_transaction(const file &origin, const line &at, std::string_view options) {
    if (options.empty() || options == "transaction:true")
        return true;
    if (options == "transaction:false")
        return false;
    refuse("unknown option " + quoted(options) + " of a dbmate part in " + place(origin, at), {},
           "The one option is transaction:false.");
}

source read_one(const file &origin, const numbered_name &named) {
    forward_script(origin); // an empty file has its own message

    source migration;
    migration.version = named.version;
    migration.name = named.name;
    migration.up_file = origin.path;
    std::optional<line> up, down;
    refuse_markers(origin.content, origin.path, understands);
    for (const line &each : lines_of(origin.content)) {
        const std::optional<marker> found = parse_marker(each.text);
        if (!found)
            continue;
        if (found->direction != "up" && found->direction != "down")
            refuse("unknown part \"migrate:" + std::string(found->direction) + "\" in " +
                       place(origin, each),
                   {}, "The parts are migrate:up and migrate:down.");
        std::optional<line> &part = found->direction == "up" ? up : down;
        if (part)
            refuse("second part \"migrate:" + std::string(found->direction) + "\" in " +
                       place(origin, each),
                   "The first one is in line " + std::to_string(part->number) + ".");
        part = each;
        const bool transactional = read_transaction(origin, each, found->options);
        if (found->direction == "up")
            migration.transactional = transactional;
    }

    const std::string_view content = origin.content;
    if (!up)
        refuse("file " + quoted(origin.path) + " has no part \"-- migrate:up\"", {},
               "dbmate's files mark their parts with lines \"-- migrate:up\" and "
               "\"-- migrate:down\".");
    const bool down_first = down && down->start < up->start;
    const line &first = down_first ? *down : *up;
    refuse_content_before(content.substr(0, first.start),
                          down_first ? "-- migrate:down" : "-- migrate:up", place(origin, first));
    migration.up = part_of(content, up->next, down && !down_first ? down->start : content.size());
    if (down) {
        migration.down =
            optional_script(part_of(content, down->next, down_first ? up->start : content.size()));
        migration.down_file = migration.down ? origin.path : std::string{};
    }
    return migration;
}

/* dbmate's file names are digits and then anything. */
std::optional<numbered_name> parse_name(std::string_view stem) {
    if (!strip_suffix(stem, ".sql") || !starts_with_digit(stem))
        return {};
    const std::string_view version = stem.substr(0, stem.find_first_not_of("0123456789"));
    stem.remove_prefix(version.size());
    if (stem.starts_with('_') || stem.starts_with('-'))
        stem.remove_prefix(1);
    return numbered_name{version, stem};
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<source> migrations;
    for (const file *candidate : scripts_at_top(files, dbmate)) {
        const std::optional<numbered_name> named = parse_name(candidate->path);
        if (!named)
            refuse_unplaced(*candidate, dbmate);
        migrations.push_back(read_one(*candidate, *named));
    }
    return migrations;
}

} // namespace

const layout dbmate{"dbmate", "N_name.sql with lines '-- migrate:up' and '-- migrate:down'",
                    recognises, read, understands};

} // namespace confiture::migration::readers
