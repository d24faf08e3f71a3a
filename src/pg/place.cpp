#include "pg/parse.hpp"

#include "pg/encoding.hpp"

namespace confiture::pg {

place place_of(std::string_view text, std::size_t offset) {
    place found{1, 1};
    for (std::size_t i = 0; i < offset && i < text.size(); i += character_length(text, i)) {
        if (text[i] == '\n')
            found = {found.line + 1, 1};
        else
            found.column++;
    }
    return found;
}

std::size_t offset_of_character(std::string_view text, int position) {
    std::size_t offset = 0;
    for (int character = 1; character < position && offset < text.size(); character++)
        offset += character_length(text, offset);
    return offset;
}

} // namespace confiture::pg
