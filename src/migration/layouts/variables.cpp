#include "migration/layouts/variables.hpp"

#include "migration/sql_text.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

[[noreturn]] void refuse_variable(const file &script, std::size_t start, std::size_t end,
                                  const char *what, std::string_view tool, std::string hint) {
    const position where = position_of(script.content, start);
    const std::string_view text =
        std::string_view(script.content).substr(start, std::min<std::size_t>(end - start, 100));
    refuse(std::string(what) + " " + quoted(text) + " in " + quoted(script.path) + ", line " +
               std::to_string(where.line) + ", column " + std::to_string(where.column),
           std::string(tool) + " puts a value in its place, and there is none here.",
           std::move(hint));
}

constexpr const char *write_the_value = "Write the value into the script.";

void refuse_between(const file &script, std::string_view opening, std::string_view closing,
                    const char *what, std::string_view tool, const std::string &hint) {
    const std::string_view text = script.content;
    const std::size_t start = text.find(opening);
    if (start == std::string_view::npos)
        return;
    const std::size_t line_end = std::min(text.size(), text.find_first_of("\r\n", start));
    const std::size_t close = text.find(closing, start);
    refuse_variable(script, start, close < line_end ? close + closing.size() : line_end, what, tool,
                    hint);
}

bool is_letter(char character) {
    return is_name_character(character) && !is_number({&character, 1});
}

std::size_t end_of_name(std::string_view text, std::size_t at) {
    while (at < text.size() && is_name_character(text[at]))
        ++at;
    return at;
}

/* Of the psql variable whose colon is at `at`; `at` where there is none. */
std::size_t end_of_psql_variable(std::string_view text, std::size_t at) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.empty())
        return at;
    if (is_letter(rest.front()))
        return end_of_name(text, at + 1);
    if (rest.front() == '\'' || rest.front() == '"') {
        const std::size_t end = end_of_name(text, at + 2);
        return end > at + 2 && end < text.size() && text[end] == rest.front() ? end + 1 : at;
    }
    if (rest.starts_with("{?"))
        return std::min(text.size(), text.find('}', at) + 1);
    return at;
}

bool is_upper(char character) { return character >= 'A' && character <= 'Z'; }

/* ':[A-Z][0-9A-Z_]+', and no part of a cast or of a format such as HH24:MI. */
std::size_t end_of_graphile_placeholder(std::string_view text, std::size_t at) {
    if (at > 0 && (text[at - 1] == ':' || is_name_character(text[at - 1])))
        return at;
    std::size_t end = at + 1;
    while (end < text.size() &&
           (is_upper(text[end]) || text[end] == '_' || is_number(text.substr(end, 1))))
        ++end;
    const bool ends_there = end == text.size() || !is_name_character(text[end]);
    return end > at + 2 && is_upper(text[at + 1]) && ends_there ? end : at;
}

} // namespace

void refuse_placeholders(const file &script, std::string_view tool) {
    refuse_between(script, "${", "}", "placeholder", tool, write_the_value);
}

void refuse_templates(const file &script, std::string_view tool) {
    refuse_between(script, "{{", "}}", "template", tool, write_the_value);
}

void refuse_psql_variables(const file &script) {
    const std::string_view text = script.content;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t skipped = std::max(end_of_comment(text, at), end_of_quoted(text, at));
        if (skipped > at) {
            at = skipped;
        } else if (text[at] != ':') {
            ++at;
        } else if (text.substr(at, 2) == "::" || text.substr(at, 2) == ":=") {
            at += 2;
        } else {
            if (const std::size_t end = end_of_psql_variable(text, at); end > at)
                refuse_variable(script, at, end, "variable", "psql",
                                "Write the value into the script; in a slice of an array, write a "
                                "blank after the colon.");
            ++at;
        }
    }
}

void refuse_graphile_placeholders(const file &script) {
    const std::string_view text = script.content;
    for (std::size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1))
        if (const std::size_t end = end_of_graphile_placeholder(text, at); end > at)
            refuse_variable(script, at, end, "placeholder", "graphile-migrate", write_the_value);
}

} // namespace confiture::migration::readers
