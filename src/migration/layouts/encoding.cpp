/* What a file must be before any layout looks at it: UTF-8 without NUL bytes. */
#include "migration/layouts/reading.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

bool is_continuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/* The length of the UTF-8 character at `at`, 0 where there is none: overlong forms, surrogates and
 * what lies beyond U+10FFFF are none, as in PostgreSQL's pg_utf8_islegal(). */
std::size_t character_length(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t ahead) {
        return at + ahead < text.size() ? static_cast<unsigned char>(text[at + ahead])
                                        : static_cast<unsigned char>(0);
    };
    const unsigned char first = byte(0);
    if (first < 0x80)
        return first == 0 ? 0 : 1;
    if (first >= 0xC2 && first <= 0xDF)
        return is_continuation(byte(1)) ? 2 : 0;
    if (first >= 0xE0 && first <= 0xEF) {
        const unsigned char lowest = first == 0xE0 ? 0xA0 : 0x80;
        const unsigned char highest = first == 0xED ? 0x9F : 0xBF;
        return byte(1) >= lowest && byte(1) <= highest && is_continuation(byte(2)) ? 3 : 0;
    }
    if (first >= 0xF0 && first <= 0xF4) {
        const unsigned char lowest = first == 0xF0 ? 0x90 : 0x80;
        const unsigned char highest = first == 0xF4 ? 0x8F : 0xBF;
        return byte(1) >= lowest && byte(1) <= highest && is_continuation(byte(2)) &&
                       is_continuation(byte(3))
                   ? 4
                   : 0;
    }
    return 0;
}

/* The first byte that begins no character, or the size of the text. */
std::size_t first_invalid(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t length = character_length(text, at);
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

std::string hexadecimal(char byte) {
    constexpr char digits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    return {'0', 'x', digits[value / 16], digits[value % 16]};
}

/* A path that can be shown whatever its bytes are. */
std::string readable(std::string_view path) {
    std::string result;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t length = character_length(path, at);
        if (length == 0)
            result += "\\" + hexadecimal(path[at]).substr(1);
        else
            result += path.substr(at, length);
        at += std::max<std::size_t>(length, 1);
    }
    return result;
}

} // namespace

position position_of(std::string_view text, std::size_t offset) {
    position found{1, 1};
    for (const line &each : lines_of(text)) {
        if (each.start > offset)
            break;
        found = {each.number, 1};
        for (std::size_t at = each.start; at < offset; ++at)
            found.column += !is_continuation(static_cast<unsigned char>(text[at]));
    }
    return found;
}

void accept_encoding(file &candidate) {
    if (first_invalid(candidate.path) != candidate.path.size())
        refuse("name of file " + quoted(readable(candidate.path)) + " is not valid UTF-8", {},
               "Rename the file.");

    std::string &content = candidate.content;
    if (content.starts_with("\xFF\xFE") || content.starts_with("\xFE\xFF"))
        refuse("file " + quoted(candidate.path) + " is UTF-16, not UTF-8",
               "It starts with the byte order mark of UTF-16.", "Save the file as UTF-8.");
    if (content.starts_with("\xEF\xBB\xBF"))
        content.erase(0, 3);

    const std::size_t invalid = first_invalid(content);
    if (invalid == content.size())
        return;
    const std::vector<line> lines = lines_of(std::string_view(content).substr(0, invalid + 1));
    const std::string place =
        quoted(candidate.path) + ", line " + std::to_string(lines.back().number);
    if (content[invalid] == '\0')
        refuse("file " + place + ", has a NUL byte",
               "Byte " + std::to_string(invalid + 1) + " of the file is 0x00.",
               "Save the file as UTF-8; it may be UTF-16.");
    refuse("file " + place + ", is not valid UTF-8",
           "Byte " + std::to_string(invalid + 1) + " of the file is " +
               hexadecimal(content[invalid]) + ".",
           "Save the file as UTF-8.");
}

} // namespace confiture::migration::readers
