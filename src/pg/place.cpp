#include "pg/parse.hpp"

namespace confiture::pg {

static bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

place place_of(std::string_view text, std::size_t offset) {
    place found{1, 1};
    for (std::size_t i = 0; i < offset && i < text.size(); i++) {
        if (text[i] == '\n')
            found = {found.line + 1, 1};
        else
            found.column += !continues(text[i]);
    }
    return found;
}

std::size_t offset_of_character(std::string_view text, int position) {
    std::size_t offset = 0;
    for (int character = 1; character < position && offset < text.size(); character++)
        do
            offset++;
        while (offset < text.size() && continues(text[offset]));
    return offset;
}

} // namespace confiture::pg
