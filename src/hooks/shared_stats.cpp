#include "hooks/shared_stats.hpp"

#include "pg/error.hpp"

#include <utility>

namespace confiture::hooks {

/* Every hook is given all of it. */
static constexpr std::size_t most_bytes = 1024 * 1024;

void shared_stats::set(int level, const std::string &key, std::string value) {
    const auto found = values_.find(key);
    const std::size_t before =
        found == values_.end() ? 0 : found->first.size() + found->second.size();
    const std::size_t after = bytes_ - before + key.size() + value.size();
    if (after > most_bytes)
        throw failure{configuration_invalid, "the stats that hooks share are too large",
                      "With \"" + key.substr(0, 100) + "\" they have " + std::to_string(after) +
                          " bytes; the limit is " + std::to_string(most_bytes) + ".",
                      "Write data to a table, and share a name or a number."};
    changes_.push_back({level, key, std::nullopt});
    revision_++;
    bytes_ = after;
    if (found == values_.end()) {
        values_.emplace(key, std::move(value));
    } else {
        changes_.back().before = std::move(found->second);
        found->second = std::move(value);
    }
}

const std::string *shared_stats::get(const std::string &key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
}

/* What was set inside belongs to the savepoint around it from now on. */
void shared_stats::released(int level) noexcept {
    for (auto change = changes_.rbegin(); change != changes_.rend() && change->level >= level;
         ++change)
        change->level = level - 1;
    while (!changes_.empty() && changes_.back().level <= base_level_)
        changes_.pop_back();
}

void shared_stats::rolled_back(int level) noexcept {
    while (!changes_.empty() && changes_.back().level >= level) {
        restore(changes_.back());
        changes_.pop_back();
    }
}

void shared_stats::restore(change &undone) noexcept {
    revision_++;
    const auto found = values_.find(undone.key);
    if (found == values_.end())
        return;
    bytes_ -= found->first.size() + found->second.size();
    if (!undone.before) {
        values_.erase(found);
        return;
    }
    found->second = std::move(*undone.before);
    bytes_ += found->first.size() + found->second.size();
}

} // namespace confiture::hooks
