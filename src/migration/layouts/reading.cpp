#include "migration/layouts/reading.hpp"

#include "migration/directives.hpp"
#include "migration/version.hpp"

#include <algorithm>
#include <map>

namespace confiture::migration::readers {

namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

char lower(char character) {
    return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                                : character;
}

} // namespace

std::string quoted(std::string_view text) {
    std::string result = "\"";
    result += text;
    result += '"';
    return result;
}

void refuse(std::string message, std::string detail, std::string hint) {
    throw failure{migration_invalid, std::move(message), std::move(detail), std::move(hint)};
}

void refuse_unplaced(const file &unplaced, const layout &reader) {
    refuse("file " + quoted(unplaced.path) + " is no migration of layout " + quoted(reader.name),
           std::string("The layout is ") + reader.shape + ".",
           "Rename the file, move it out of the folder, or name another layout.");
}

std::string_view base_name(std::string_view path) {
    return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

std::string_view folder_name(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

bool is_script(std::string_view path) {
    return path.size() >= 4 && equal_ignoring_case(path.substr(path.size() - 4), ".sql");
}

bool starts_with_digit(std::string_view text) {
    return !text.empty() && text.front() >= '0' && text.front() <= '9';
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool strip_suffix(std::string_view &text, std::string_view suffix) {
    if (!text.ends_with(suffix))
        return false;
    text.remove_suffix(suffix.size());
    return true;
}

std::optional<numbered_name> parse_numbered(std::string_view stem) {
    const std::size_t separator = stem.find('_');
    if (separator == std::string_view::npos || !is_number(stem.substr(0, separator)))
        return {};
    return numbered_name{stem.substr(0, separator), stem.substr(separator + 1)};
}

std::vector<const file *> scripts_at_top(const std::vector<file> &files, const layout &reader) {
    std::vector<const file *> scripts;
    for (const file &candidate : files) {
        if (!is_script(candidate.path))
            continue;
        if (folder_name(candidate.path).empty())
            scripts.push_back(&candidate);
        else if (starts_with_digit(base_name(candidate.path)))
            refuse_unplaced(candidate, reader);
    }
    return scripts;
}

bool any_script(const std::vector<file> &files, const std::function<bool(const file &)> &telling) {
    return std::any_of(files.begin(), files.end(), [&](const file &candidate) {
        return is_script(candidate.path) && telling(candidate);
    });
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(blanks) == std::string_view::npos;
}

namespace {

struct beginning {
    bool reaches_statement = false;
    std::vector<comment> directives; // before the first statement
};

/* Reads blanks, comments and semicolons, up to the first thing that is something else. */
beginning read_beginning(std::string_view text) {
    beginning found;
    for (std::size_t at = 0; at < text.size();) {
        const std::string_view two = text.substr(at, 2);
        if (two == "--") {
            const std::size_t end = std::min(text.size(), text.find_first_of("\r\n", at));
            if (is_directive(text.substr(at, end - at)))
                found.directives.push_back({text.substr(at, end - at), 0, 0});
            at = end;
        } else if (two == "/*") { // block comments nest in PostgreSQL
            at += 2;
            for (int depth = 1; depth > 0; ++at) {
                if (at >= text.size()) { // an open comment is an error, for the parser to tell
                    found.reaches_statement = true;
                    return found;
                }
                const std::string_view mark = text.substr(at, 2);
                if (mark == "/*" || mark == "*/") {
                    depth += mark == "/*" ? 1 : -1;
                    ++at;
                }
            }
        } else if (text[at] == ';' || blanks.find(text[at]) != std::string_view::npos) {
            ++at;
        } else {
            found.reaches_statement = true;
            return found;
        }
    }
    return found;
}

/* A built-in hook needs no statement. */
bool does_something(std::string_view script) {
    const beginning found = read_beginning(script);
    if (found.reaches_statement)
        return true;
    try {
        const directives read = read_directives(found.directives, {});
        return std::any_of(read.hooks.begin(), read.hooks.end(),
                           [](const hook_directive &each) { return !each.is_section(); });
    } catch (const failure &) {
        return true; // for the registry to tell, with file and line
    }
}

} // namespace

void refuse_content_before(std::string_view text, std::string_view part, const std::string &place) {
    const beginning found = read_beginning(text);
    if (found.reaches_statement || !found.directives.empty())
        refuse((found.reaches_statement ? "statement before " : "directive before ") +
                   quoted(part) + " in " + place,
               {}, "Move it below that line.");
}

std::vector<line> lines_of(std::string_view content) {
    std::vector<line> lines;
    for (std::size_t start = 0; start < content.size();) {
        const std::size_t end = std::min(content.size(), content.find_first_of("\r\n", start));
        std::size_t next = end;
        if (next < content.size())
            next += content.substr(next, 2) == "\r\n" ? 2 : 1;
        lines.push_back(
            {content.substr(start, end - start), start, next, static_cast<int>(lines.size()) + 1});
        start = next;
    }
    return lines;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t start = std::min(text.size(), text.find_first_not_of(blanks));
    return text.substr(start, text.find_last_not_of(blanks) + 1 - start);
}

bool equal_ignoring_case(std::string_view left, std::string_view right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                      [](char one, char other) { return lower(one) == lower(other); });
}

std::string part_of(std::string_view content, std::size_t start, std::size_t end) {
    std::string part;
    for (const line &before : lines_of(content.substr(0, start))) {
        const std::string_view ending = content.substr(
            before.start + before.text.size(), before.next - before.start - before.text.size());
        // The carriage return of one line and the line feed of the next would be one line end.
        part += ending == "\r" ? "\n" : ending;
    }
    part += content.substr(start, end - start);
    return part;
}

const std::string &forward_script(const file &origin) {
    if (is_blank(origin.content))
        refuse("file " + quoted(origin.path) + " is empty", "A migration needs a forward script.",
               "Write the script, or a comment that says why there is nothing to do.");
    return origin.content;
}

std::optional<std::string> optional_script(std::string script) {
    if (!does_something(script))
        return {};
    return script;
}

void set_down(source &migration, const file &origin) {
    migration.down = optional_script(origin.content);
    migration.down_file = migration.down ? origin.path : std::string{};
}

void set_verify(source &migration, const file &origin) {
    migration.verify = optional_script(origin.content);
    migration.verify_file = migration.verify ? origin.path : std::string{};
}

bool read_flag(const file &settings, std::string_view key, bool fallback) {
    for (const line &each : lines_of(settings.content)) {
        const std::string_view text = each.text.substr(0, each.text.find('#'));
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos || trimmed(text.substr(0, equals)) != key)
            continue;
        const std::string_view value = trimmed(text.substr(equals + 1));
        if (value != "true" && value != "false")
            refuse("invalid value for " + quoted(key) + " in " + quoted(settings.path) + ", line " +
                       std::to_string(each.number) + ": " + quoted(value),
                   {}, "The value is true or false.");
        return value == "true";
    }
    return fallback;
}

std::vector<source> assemble(const std::vector<script_file> &scripts) {
    /* Grouped by version order, so that 1_users.up.sql and 001_users.down.sql belong together. */
    struct group {
        const script_file *of_kind[3] = {};
    };
    std::map<std::string, group> groups;
    for (const script_file &script : scripts) {
        const script_file *&place =
            groups[version_sort_key(script.version)].of_kind[static_cast<int>(script.kind)];
        if (place)
            refuse("files " + quoted(place->origin->path) + " and " + quoted(script.origin->path) +
                       " have one version",
                   place->version == script.version
                       ? "Both are version " + quoted(script.version) + "."
                       : quoted(place->version) + " and " + quoted(script.version) +
                             " are equal in version order.",
                   "Give one of them another version.");
        place = &script;
    }

    std::vector<source> migrations;
    for (const auto &[key, found] : groups) {
        const auto &[up, down, verify] = found.of_kind;
        if (!up) {
            const file &lonely = down ? *down->origin : *verify->origin;
            refuse("file " + quoted(lonely.path) + " has no forward script beside it",
                   "There is a " + std::string(down ? "backward" : "verify") +
                       " script of version " + quoted((down ? down : verify)->version) +
                       " and no forward script of that version.",
                   "Add the forward script or remove the file.");
        }
        source migration;
        migration.version = up->version;
        migration.name = up->name;
        migration.up = up->may_be_blank ? up->origin->content : forward_script(*up->origin);
        migration.up_file = up->origin->path;
        migration.transactional = up->transactional;
        if (down)
            set_down(migration, *down->origin);
        if (verify)
            set_verify(migration, *verify->origin);
        migrations.push_back(std::move(migration));
    }
    return migrations;
}

} // namespace confiture::migration::readers
