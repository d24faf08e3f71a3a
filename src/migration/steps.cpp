#include "migration/steps.hpp"

namespace confiture::migration {

std::vector<step> steps_of(const pg::script &script, bool transactional) {
    using kind = pg::statement_kind;
    std::vector<step> steps;
    bool open = false, in_pair = false;
    for (std::size_t i = 0; i < script.statements.size(); i++) {
        const kind what = script.statements[i].kind;
        const bool at_top_level = what == kind::concurrently || what == kind::top_level_only;
        if (what == kind::begin || what == kind::commit) {
            in_pair = what == kind::begin;
            open = open && transactional && what == kind::begin;
            continue;
        }
        if (at_top_level || !open)
            steps.push_back({i, i, at_top_level});
        else
            steps.back().last = i;
        open = !at_top_level && (transactional || in_pair);
    }
    return steps;
}

} // namespace confiture::migration
