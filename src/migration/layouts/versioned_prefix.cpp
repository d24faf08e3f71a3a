#include "migration/layouts/versioned_prefix.hpp"

#include "migration/layouts/reading.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

/* Numbers with one dot between each two of them. */
bool is_dotted(std::string_view version) {
    while (true) {
        const std::size_t dot = version.find('.');
        if (!is_number(version.substr(0, dot)))
            return false;
        if (dot == std::string_view::npos)
            return true;
        version.remove_prefix(dot + 1);
    }
}

} // namespace

std::optional<prefixed_name> parse_prefixed(std::string_view base_name) {
    if (!strip_suffix(base_name, ".sql") || base_name.empty())
        return {};
    const char prefix = base_name.front();
    if (prefix != 'V' && prefix != 'U' && prefix != 'R')
        return {};
    base_name.remove_prefix(1);

    const std::size_t separator = base_name.find("__");
    std::string version(base_name.substr(0, separator));
    std::string name;
    if (separator != std::string_view::npos)
        name = base_name.substr(separator + 2);
    if (prefix == 'R')
        return version.empty() && !name.empty()
                   ? std::optional(prefixed_name{prefix, std::move(version), std::move(name)})
                   : std::nullopt;

    std::replace(version.begin(), version.end(), '_', '.');
    if (!is_dotted(version))
        return {};
    return prefixed_name{prefix, std::move(version), std::move(name)};
}

} // namespace confiture::migration::readers
