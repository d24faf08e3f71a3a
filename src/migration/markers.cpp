#include "migration/markers.hpp"

#include "migration/headings.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/script_line.hpp"

#include <algorithm>

namespace confiture::migration {

namespace {

using readers::line;
using readers::lines_of;

constexpr std::string_view blanks = " \t\f\v";

/* The characters that comments begin, end and are decorated with. */
constexpr std::string_view decoration = " \t\f\v-#/*=~<>[](){}.,;|_";

bool is_word_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') ||
           character == '_' || character == '-';
}

bool begins_with_word(std::string_view text, std::string_view word) {
    return text.starts_with(word) &&
           (text.size() == word.size() || !is_word_character(text[word.size()]));
}

std::string_view after(std::string_view text, std::string_view word) {
    text.remove_prefix(word.size());
    return text.substr(std::min(text.size(), text.find_first_not_of(blanks)));
}

template <std::size_t size>
bool begins_with_one_of(std::string_view text, const std::string_view (&words)[size]) {
    return std::any_of(std::begin(words), std::end(words),
                       [&](std::string_view word) { return begins_with_word(text, word); });
}

constexpr std::string_view directions[] = {"up",     "down",    "ups",     "downs",     "do",
                                           "undo",   "redo",    "upgrade", "downgrade", "rollback",
                                           "revert", "forward", "backward"};

bool begins_comment(std::string_view text) {
    return text.starts_with("--") || text.starts_with("//") || text.starts_with("/*") ||
           text.starts_with('#') || text.starts_with('*');
}

/* 'migrate:up', 'MIGRONDI:DOWN:1586550686936', but not 'note: up'. */
bool has_direction_after_colon(std::string_view said) {
    const std::size_t colon = said.find(':');
    if (colon == std::string_view::npos || colon == 0 ||
        !std::all_of(said.begin(), said.begin() + static_cast<std::ptrdiff_t>(colon),
                     is_word_character))
        return false;
    return begins_with_one_of(said.substr(colon + 1), directions);
}

/* '-- name: up' and '-- :name up', as libraries of named queries are used for migrations. */
bool is_named_direction(std::string_view said) {
    constexpr std::string_view keys[] = {"name", "migrate", "migration", "direction", "section"};
    const bool begins_with_colon = said.starts_with(':');
    if (begins_with_colon)
        said.remove_prefix(1);
    for (const std::string_view key : keys) {
        if (!begins_with_word(said, key))
            continue;
        std::string_view value = after(said, key);
        const bool is_assigned = value.starts_with(':') || value.starts_with('=');
        if (is_assigned)
            value = after(value, value.substr(0, 1));
        return (is_assigned || begins_with_colon) && begins_with_one_of(value, directions) &&
               value.find_first_of(blanks) == std::string_view::npos;
    }
    return false;
}

std::optional<std::string_view> tool_of_plus(std::string_view said) {
    if (said.find("+goose") != std::string_view::npos)
        return "goose";
    if (said.find("+micrate") != std::string_view::npos)
        return "micrate";
    if (said.find("+migrate") != std::string_view::npos)
        return "sql-migrate";
    if (!said.starts_with('+'))
        return {};
    const std::size_t end = std::min(said.size(), said.find_first_of(blanks));
    if (end > 1 && begins_with_one_of(after(said, said.substr(0, end)), directions))
        return "another tool";
    return {};
}

bool is_liquibase_rollback(std::string_view begin, std::string_view said) {
    if (!begins_with_word(said, "rollback"))
        return false;
    if (begin.starts_with("--rollback") && begin.size() > 10)
        return true;
    constexpr std::string_view beginnings[] = {
        "drop",   "alter", "delete", "update",     "insert",         "create",       "truncate",
        "revoke", "grant", "rename", "comment on", "empty",          "not required", "changesetid",
        "select", "set",   "merge",  "changeset",  "changesetauthor"};
    return begins_with_one_of(after(said, "rollback"), beginnings);
}

bool is_liquibase(std::string_view begin, std::string_view said) {
    constexpr std::string_view attributes[] = {"ignorelines",
                                               "validchecksum",
                                               "preconditions",
                                               "precondition-sql-check",
                                               "precondition-table-exists",
                                               "precondition-view-exists",
                                               "changelogpropertydefinition"};
    if (begins_with_word(said, "liquibase")) {
        const std::string_view rest = after(said, "liquibase");
        return rest.starts_with("formatted") || rest.starts_with("rollback");
    }
    if (begins_with_word(said, "changeset")) {
        const std::string_view rest = after(said, "changeset");
        const std::string_view id = rest.substr(0, rest.find_first_of(blanks));
        return begin.starts_with("--changeset") || id.find(':') != std::string_view::npos;
    }
    if (begins_with_word(said, "property") && after(said, "property").starts_with("name:"))
        return true;
    return begins_with_one_of(said, attributes) || is_liquibase_rollback(begin, said);
}

/* Archives of several files in one: '-- down.sql --'. */
bool is_archived_file(std::string_view begin) {
    if (!begin.starts_with("-- ") || !begin.ends_with(" --") || begin.size() < 7)
        return false;
    const std::string_view name = begin.substr(3, begin.size() - 6);
    return name.ends_with(".sql") && name.find_first_of(blanks) == std::string_view::npos;
}

bool is_atlas(std::string_view begin, std::string_view said) {
    if (said.starts_with("atlas:"))
        return !begins_with_word(said.substr(6), "nolint"); // of its linter alone
    return is_archived_file(begin);
}

/* '-- ====  UP  ====' */
bool is_framed_direction(std::string_view begin, std::string_view said) {
    return begin.find("==") != std::string_view::npos && begin.ends_with('=') &&
           begins_with_one_of(said, directions) &&
           said.find_first_of(blanks) == std::string_view::npos;
}

/* What says how a file is run. */
std::optional<std::string_view> tool_of_setting(std::string_view begin, std::string_view said) {
    if (said == "no-transaction" || (begin.starts_with("-- no-transaction")))
        return "sqlx";
    if (said.starts_with("hasura:"))
        return "Hasura";
    if (said.starts_with("tern:"))
        return "tern";
    if (said.starts_with("morph:"))
        return "morph";
    if (said.starts_with("evolve-tx-off") || said.starts_with("evolve-repeat"))
        return "Evolve";
    if (said.starts_with("postgres-migrations "))
        return "postgres-migrations";
    if (said.starts_with("pgmigrate-encoding") && said.find("utf-8") == std::string_view::npos &&
        said.find("utf8") == std::string_view::npos)
        return "pgmigrate";
    if (said.starts_with(":disable-transaction") || said == "disable-transaction")
        return "Migratus";
    if (begins_with_word(said, "depends") && after(said, "depends").starts_with(':'))
        return "yoyo";
    if (begins_with_word(said, "transactional") && after(said, "transactional").starts_with(':'))
        return "yoyo";
    return {};
}

std::optional<std::string_view> tool_of(std::string_view begin, std::string_view said) {
    constexpr std::string_view evolutions[] = {"!ups", "!downs", "!up", "!down"};
    constexpr std::string_view undo[] = {"@undo", "@delimiter"};
    if (begins_with_one_of(said, evolutions))
        return "Play";
    if (begin.starts_with("--!") && begin.size() > 3 && begin[3] != '-' && begin[3] != '=')
        return "graphile-migrate";
    if (begins_with_one_of(said, undo))
        return "MyBatis Migrations";
    if (said.starts_with('@') && begins_with_one_of(said.substr(1), directions))
        return "another tool";
    if (const auto found = tool_of_plus(said))
        return found;
    if (said.starts_with("migrate:"))
        return "dbmate";
    if (begins_with_word(said, "rambler") && begins_with_one_of(after(said, "rambler"), directions))
        return "rambler";
    if (is_liquibase(begin, said))
        return "Liquibase";
    if (is_atlas(begin, said))
        return "Atlas";
    if (is_framed_direction(begin, said))
        return "shmig";
    for (const std::string_view direction : {"up", "down"})
        if (begin.starts_with("--") && begins_with_word(said, direction) &&
            after(said, direction).starts_with("migration"))
            return "node-pg-migrate";
    if (has_direction_after_colon(said) || is_named_direction(said))
        return "another tool";
    return tool_of_setting(begin, said);
}

} // namespace

std::optional<std::string_view> tool_of_marker(std::string_view text) {
    const std::string shown = in_plain_letters(text);
    if (shown.find("create above") != std::string::npos &&
        shown.find("drop below") != std::string::npos)
        return "tern";
    std::string_view begin(shown);
    begin.remove_prefix(std::min(begin.size(), begin.find_first_not_of(blanks)));
    begin = begin.substr(0, begin.find_last_not_of(blanks) + 1);
    if (!begins_comment(begin))
        return {};
    std::string_view said = begin;
    said.remove_prefix(std::min(said.size(), said.find_first_not_of(decoration)));
    said = said.substr(0, said.find_last_not_of(decoration) + 1);
    return tool_of(begin, said);
}

static std::string hint_for(std::string_view tool) {
    for (const layout &each : layouts())
        if (tool == each.name)
            return "Load the folder with layout => '" + std::string(tool) +
                   "' where it is one of that tool, with the line as the tool itself takes it; "
                   "else "
                   "write what goes back into a file of its own and remove the line.";
    return "Write what goes back into a file of its own, such as 001_name.down.sql, and remove the "
           "line.";
}

void refuse_markers(std::string_view text, std::string_view file,
                    const std::function<bool(int, std::string_view)> &understood) {
    for (const line &each : lines_of(text)) {
        const std::optional<std::string_view> tool = tool_of_marker(each.text);
        if (!tool || understood(each.number, each.text))
            continue;
        refuse_line({file, each.number},
                    "line that looks like a marker of " + std::string(*tool) +
                        " and is not understood",
                    "The line is \"" + std::string(readers::trimmed(each.text)) +
                        "\". Statements below it might be meant for another direction.",
                    hint_for(*tool));
    }
}

void refuse_opposite_headings(std::string_view script, std::string_view file, bool forward) {
    const std::optional<heading> found = opposite_heading(script, forward);
    if (!found)
        return;
    refuse_line(
        {file, found->line},
        std::string("statements below a heading of the ") + (forward ? "way back" : "way forward"),
        "The heading is \"" + found->text + "\", in a " + (forward ? "forward" : "backward") +
            " script.",
        "Write them into a script of their own, such as 001_name." +
            std::string(forward ? "down" : "up") + ".sql, or write the comment in other words.");
}

/* The last word of a file's name, in lower case, and what stands before it. */
struct last_word {
    explicit last_word(std::string_view file_name) : shown(in_plain_letters(file_name)) {
        std::string_view stem(shown);
        readers::strip_suffix(stem, ".sql");
        const std::size_t start = stem.find_last_of("._- ") + 1; // 0 where there is none
        word = stem.substr(start);
        before = stem.substr(0, start);
    }
    std::string shown;
    std::string_view word, before;
};

bool is_named_backward(std::string_view file_name, bool folder_has_up) {
    const last_word last(file_name);
    constexpr std::string_view words[] = {"down", "undo",     "rollback",  "revert",
                                          "back", "backward", "downgrade", "reverse"};
    if (last.before.empty() ||
        std::find(std::begin(words), std::end(words), last.word) == std::end(words))
        return false;
    // 'v' of V1__down.sql
    const bool is_all_of_it =
        last.before.find_first_not_of("0123456789._- vr") == std::string::npos;
    return last.before.back() == '.' || is_all_of_it || folder_has_up;
}

bool is_named_up(std::string_view file_name) {
    const last_word last(file_name);
    return !last.before.empty() && last.word == "up";
}

} // namespace confiture::migration
