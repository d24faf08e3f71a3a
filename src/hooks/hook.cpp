#include "hooks/hook.hpp"

#include "migration/version.hpp"
#include "pg/error.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::hooks {

namespace {

constexpr const char *names[] = {"BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL",
                                 "AFTER_VALIDATION",  "CLEANUP",    "ON_ERROR"};

/* Each * of the pattern stands for any text. */
bool matches(std::string_view pattern, std::string_view text) {
    std::size_t at = 0, in_text = 0, star = std::string_view::npos, resume = 0;
    while (in_text < text.size()) {
        if (at < pattern.size() && pattern[at] == '*') {
            star = at++;
            resume = in_text;
        } else if (at < pattern.size() && pattern[at] == text[in_text]) {
            at++;
            in_text++;
        } else if (star != std::string_view::npos) {
            at = star + 1;
            in_text = ++resume;
        } else {
            return false;
        }
    }
    while (at < pattern.size() && pattern[at] == '*')
        at++;
    return at == pattern.size();
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(' ');
    if (begin == std::string_view::npos)
        return {};
    return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

} // namespace

const char *name_of(phase which) { return names[static_cast<std::size_t>(which)]; }

phase phase_named(const std::string &name) {
    const auto found = std::find(std::begin(names), std::end(names), name);
    if (found == std::end(names))
        throw failure{configuration_invalid, "invalid phase \"" + name + "\"",
                      "The phases are BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, "
                      "CLEANUP and ON_ERROR."};
    return static_cast<phase>(found - std::begin(names));
}

static constexpr const char *ways[] = {"forward", "backward", "both"};

way way_named(const std::string &name) {
    const auto found = std::find(std::begin(ways), std::end(ways), name);
    if (found == std::end(ways))
        throw failure{configuration_invalid, "invalid direction of a hook: \"" + name + "\"",
                      "It is forward, backward or both."};
    return static_cast<way>(found - std::begin(ways));
}

const char *name_of(way which) { return ways[static_cast<std::size_t>(which)]; }

bool runs_in(const hook &which, const std::string &direction) {
    return which.goes == way::both || direction == name_of(which.goes);
}

bool runs_before(const hook &left, const hook &right) {
    return left.priority != right.priority ? left.priority < right.priority
                                           : left.name < right.name;
}

bool names_version(const std::string &list, const std::string &version) {
    if (list == "*")
        return true;
    const std::string_view all(list);
    for (std::size_t begin = 0; begin <= all.size();) {
        const std::size_t end = std::min(all.find(',', begin), all.size());
        const std::string_view one = trimmed(all.substr(begin, end - begin));
        if (matches(one, version) ||
            (one.find('*') == std::string_view::npos && !one.empty() &&
             migration::version_sort_key(one) == migration::version_sort_key(version)))
            return true;
        begin = end + 1;
    }
    return false;
}

} // namespace confiture::hooks
