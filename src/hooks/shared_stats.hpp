#pragma once
/* What the hooks of one run share by set_stat(): follows the savepoints in which it was set. */
#include "pg/plain.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace confiture::hooks {

class shared_stats {
public:
    /* Nothing at or below `base_level` is rolled back while this lives. */
    explicit shared_stats(int base_level) : base_level_(base_level) {}

    /* The value of a key is jsonb, carried as its bytes.  `level` is the nesting level of the
     * savepoint that sets it.  Throws failure{configuration_invalid} for more than 1 MB in all. */
    void set(int level, const std::string &key, std::string value);
    /* Null where there is none. */
    const std::string *get(const std::string &key) const;
    const std::map<std::string, std::string> &all() const { return values_; }
    /* Differs from what it was before every change. */
    std::uint64_t revision() const { return revision_; }

    void released(int level) noexcept;
    void rolled_back(int level) noexcept;

private:
    struct change {
        int level;
        std::string key;
        std::optional<std::string> before;
    };
    void restore(change &undone) noexcept;

    const int base_level_;
    std::map<std::string, std::string> values_;
    std::vector<change> changes_; // of open savepoints, in their order
    std::size_t bytes_ = 0;
    std::uint64_t revision_ = 0;
};

} // namespace confiture::hooks
