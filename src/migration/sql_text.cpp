#include "migration/sql_text.hpp"

#include <algorithm>

namespace confiture::migration {

bool is_name_character(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_' ||
           static_cast<unsigned char>(character) >= 0x80;
}

/* Block comments nest. */
static std::size_t end_of_block_comment(std::string_view text, std::size_t at) {
    int depth = 0;
    while (at < text.size()) {
        const std::string_view mark = text.substr(at, 2);
        const bool counts = mark == "/*" || mark == "*/";
        at += counts ? 2 : 1;
        if (counts && (depth += mark == "/*" ? 1 : -1) == 0)
            return at;
    }
    return at;
}

std::size_t end_of_comment(std::string_view text, std::size_t at) {
    if (text.substr(at, 2) == "--")
        return std::min(text.size(), text.find_first_of("\r\n", at));
    if (text.substr(at, 2) == "/*")
        return end_of_block_comment(text, at);
    return at;
}

/* A doubled quote is the end of one text and the beginning of the next. */
static std::size_t end_of_quotes(std::string_view text, std::size_t at, char quote,
                                 bool with_escapes) {
    for (++at; at < text.size() && text[at] != quote; ++at)
        if (with_escapes && text[at] == '\\')
            ++at;
    return std::min(at + 1, text.size());
}

static std::size_t end_of_dollar_quoted(std::string_view text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && is_name_character(text[end]))
        ++end;
    if (end >= text.size() || text[end] != '$')
        return at;
    const std::string_view tag = text.substr(at, end + 1 - at);
    const std::size_t close = text.find(tag, end + 1);
    return close == std::string_view::npos ? text.size() : close + tag.size();
}

std::size_t end_of_quoted(std::string_view text, std::size_t at) {
    const char before = at > 0 ? text[at - 1] : ' ';
    switch (text[at]) {
    case '\'':
        return end_of_quotes(text, at, '\'', before == 'e' || before == 'E');
    case '"':
        return end_of_quotes(text, at, '"', false);
    case '$':
        return is_name_character(before) ? at : end_of_dollar_quoted(text, at);
    default:
        return at;
    }
}

} // namespace confiture::migration
