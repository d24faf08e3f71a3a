#include "pg/clipping.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace confiture::pg {

static std::string cut(std::string_view text, int length) {
    if (static_cast<std::size_t>(length) == text.size())
        return std::string(text);
    return std::string(text.substr(0, static_cast<std::size_t>(length))) +
           (GetDatabaseEncoding() == PG_UTF8 ? "\xE2\x80\xA6" : "...");
}

/* Both walk over what the server has checked to be valid, and raise nothing. */
std::string first_bytes(std::string_view text, std::size_t most) {
    return cut(text,
               pg_mbcliplen(text.data(), static_cast<int>(text.size()), static_cast<int>(most)));
}

std::string first_characters(std::string_view text, std::size_t most) {
    return cut(
        text, pg_mbcharcliplen(text.data(), static_cast<int>(text.size()), static_cast<int>(most)));
}

} // namespace confiture::pg
