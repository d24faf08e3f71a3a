#include "migration/steps.hpp"

#include <string_view>

namespace confiture::migration {

static bool calls(const pg::script &script, std::size_t index) {
    const std::string_view tag = pg::tag_name(script.statements[index].tag);
    return tag == "CALL" || tag == "DO";
}

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
            steps.push_back({i, i, at_top_level, !transactional && !in_pair && calls(script, i)});
        else
            steps.back().last = i;
        open = !at_top_level && (transactional || in_pair);
    }
    return steps;
}

} // namespace confiture::migration
