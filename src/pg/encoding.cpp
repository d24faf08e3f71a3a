#include "pg/encoding.hpp"

#include "pg/boundary.hpp"
#include "pg/error.hpp"
#include "pg/transaction.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace confiture::pg {

namespace {

bool needs_no_conversion() {
    const int encoding = GetDatabaseEncoding();
    return encoding == PG_UTF8 || encoding == PG_SQL_ASCII;
}

std::string converted(std::string_view utf8) {
    return call(
        [&] { return pg_any_to_server(utf8.data(), static_cast<int>(utf8.size()), PG_UTF8); });
}

/* Of a view into a longer text no copy with a zero byte at its end is needed: the length counts,
 * and an empty text is never converted. */
std::optional<std::string> converted_if_possible(std::string_view utf8) {
    if (utf8.empty())
        return std::string{};
    try {
        return in_subtransaction([&] { return converted(utf8); });
    } catch (const error &raised) {
        const std::string state = raised.sqlstate();
        // No equivalent, or no conversion between the two at all.
        if (state != "22P05" && state != "22021" && state != "42883")
            throw;
        return std::nullopt;
    }
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::size_t beginning_of_character(std::string_view utf8, std::size_t at) {
    while (at > 0 && !begins_character(utf8[at]))
        at--;
    return at;
}

std::size_t end_of_character(std::string_view utf8, std::size_t at) {
    do
        at++;
    while (at < utf8.size() && !begins_character(utf8[at]));
    return at;
}

/* Which character it is that makes the conversion fail: each is converted by itself. */
std::size_t first_refused(std::string_view utf8) {
    std::size_t first = 0, last = utf8.size(); // one is in between
    while (end_of_character(utf8, first) < last) {
        const std::size_t middle =
            std::max(beginning_of_character(utf8, first + (last - first) / 2),
                     end_of_character(utf8, first));
        if (converted_if_possible(utf8.substr(first, middle - first)))
            first = middle;
        else
            last = middle;
    }
    return first;
}

std::string escaped(std::string_view character) {
    unsigned int code = static_cast<unsigned char>(character.front());
    if (character.size() > 1)
        code &= 0x3FU >> (character.size() - 1);
    for (const char byte : character.substr(1))
        code = (code << 6) | (static_cast<unsigned char>(byte) & 0x3FU);
    char text[16];
    std::snprintf(text, sizeof text, code > 0xFFFF ? "\\U%08X" : "\\u%04X", code);
    return text;
}

} // namespace

std::string database_encoding() { return GetDatabaseEncodingName(); }

conversion from_utf8(const std::string &utf8) {
    if (needs_no_conversion() || utf8.empty())
        return {utf8, {}};
    std::optional<std::string> text = converted_if_possible(utf8);
    if (!text)
        return {{}, first_refused(utf8)};
    const std::string back = to_utf8(*text);
    if (back != utf8) {
        const auto differing =
            std::mismatch(utf8.begin(), utf8.end(), back.begin(), back.end()).first;
        const auto at = static_cast<std::size_t>(differing - utf8.begin());
        return {{}, beginning_of_character(utf8, std::min(at, utf8.size() - 1))};
    }
    return {std::move(*text), {}};
}

std::string to_utf8(const std::string &text) {
    if (needs_no_conversion() || text.empty())
        return text;
    return call(
        [&] { return pg_server_to_any(text.c_str(), static_cast<int>(text.size()), PG_UTF8); });
}

std::size_t character_length(std::string_view text, std::size_t at) {
    if (static_cast<unsigned char>(text[at]) < 0x80)
        return 1;
    const int length = pg_encoding_mblen(GetDatabaseEncoding(), text.data() + at);
    return std::clamp<std::size_t>(static_cast<std::size_t>(length), 1, text.size() - at);
}

std::string shown_from_utf8(const std::string &utf8) {
    std::string shown;
    for (std::string_view rest(utf8); !rest.empty();) {
        const std::string part(rest);
        conversion found = from_utf8(part);
        if (!found.refused_at)
            return shown + found.text;
        const std::size_t end = end_of_character(rest, *found.refused_at);
        shown += from_utf8(part.substr(0, *found.refused_at)).text;
        shown += escaped(rest.substr(*found.refused_at, end - *found.refused_at));
        rest.remove_prefix(end);
    }
    return shown;
}

} // namespace confiture::pg
