#include "running/script_savepoints.hpp"

#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::running {

/* Of two savepoints with one name the newer one is meant. */
std::vector<script_savepoints::savepoint>::iterator
script_savepoints::find(const std::string &name) {
    const auto found = std::find_if(open_.rbegin(), open_.rend(), [&](const savepoint &candidate) {
        return candidate.name == name;
    });
    return found == open_.rend() ? open_.end() : found.base() - 1;
}

void script_savepoints::open(const std::string &name) {
    open_.push_back({name, pg::transaction_nesting_level()});
    pg::script_savepoint(name.c_str());
}

bool script_savepoints::roll_back_to(const std::string &name) {
    const auto found = find(name);
    if (found == open_.end())
        return false;
    const int floor = found->floor;
    open_.erase(found + 1, open_.end());
    pg::script_rollback_to(name.c_str(), floor);
    return true;
}

bool script_savepoints::release(const std::string &name) {
    const auto found = find(name);
    if (found == open_.end())
        return false;
    const int floor = found->floor;
    open_.erase(found, open_.end());
    pg::script_release(floor);
    return true;
}

void script_savepoints::release_all() {
    if (open_.empty())
        return;
    pg::script_release(open_.front().floor);
    open_.clear();
}

} // namespace confiture::running
