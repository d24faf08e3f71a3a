#include "running/dry_run_memory.hpp"

#include "migration/version.hpp"

#include <functional>
#include <unordered_map>

namespace confiture::running {

namespace {

constexpr std::size_t most_remembered = 10'000;

struct memory {
    std::size_t script; // its hash
    dry_run_verdict verdict;
};

/* Never destroyed: a FATAL error runs the destructors of statics. */
std::unordered_map<std::string, memory> &memories() {
    static auto *const of_session = new std::unordered_map<std::string, memory>;
    return *of_session;
}

std::string key_of(const std::string &version, const std::string &direction) {
    return direction + ' ' + migration::version_sort_key(version);
}

} // namespace

void remember_dry_run(const std::string &version, const std::string &direction,
                      std::string_view script, dry_run_verdict verdict) {
    if (memories().size() >= most_remembered)
        memories().clear();
    memories()[key_of(version, direction)] = {std::hash<std::string_view>{}(script), verdict};
}

dry_run_verdict last_dry_run(const std::string &version, const std::string &direction,
                             std::string_view script) {
    const auto found = memories().find(key_of(version, direction));
    return found != memories().end() &&
                   found->second.script == std::hash<std::string_view>{}(script)
               ? found->second.verdict
               : dry_run_verdict::none;
}

} // namespace confiture::running
