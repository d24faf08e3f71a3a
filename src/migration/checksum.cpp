#include "migration/checksum.hpp"

namespace confiture::migration {

std::string normalise(std::string_view script) {
    if (script.starts_with("\xEF\xBB\xBF"))
        script.remove_prefix(3);

    std::string result;
    result.reserve(script.size());
    std::size_t kept = 0; // up to the last character that is no trailing space
    for (std::size_t at = 0; at < script.size(); ++at) {
        const char character = script[at];
        if (character == '\n' || character == '\r') {
            if (character == '\r' && at + 1 < script.size() && script[at + 1] == '\n')
                ++at;
            const std::size_t line_start = result.rfind('\n') + 1; // npos + 1 is 0
            result.resize(kept < line_start ? line_start : kept);
            result += '\n';
        } else {
            result += character;
            if (character != ' ' && character != '\t')
                kept = result.size();
        }
    }
    result.resize(kept);
    return result;
}

} // namespace confiture::migration
