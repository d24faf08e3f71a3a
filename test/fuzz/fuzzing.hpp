#pragma once
/* What the fuzz targets have in common. */
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

/* Ends the program where a promise is broken, in every build. */
inline void expect(bool kept) {
    if (!kept)
        std::abort();
}

inline std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t end = text.find(separator);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return parts;
        text.remove_prefix(end + 1);
    }
}
