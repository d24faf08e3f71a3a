#include "dry_run/session_objects.hpp"

#include "pg/parse.hpp"
#include "pg/session.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

enum class act { none, prepares, deallocates, declares, closes };

act act_of(std::string_view tag) {
    if (tag == "PREPARE")
        return act::prepares;
    if (tag == "DEALLOCATE" || tag == "DEALLOCATE ALL")
        return act::deallocates;
    if (tag == "DECLARE CURSOR")
        return act::declares;
    if (tag == "CLOSE CURSOR" || tag == "CLOSE CURSOR ALL")
        return act::closes;
    return act::none;
}

/* PREPARE name …, DEALLOCATE [PREPARE] name, DECLARE name …, CLOSE name; empty for ALL. */
std::string name_in(std::string_view tag, std::string_view text) {
    if (tag.ends_with(" ALL"))
        return {};
    const std::vector<std::string> names = pg::names_in(text);
    const std::size_t place = names.size() > 2 && tag == "DEALLOCATE" ? 2 : 1;
    return place < names.size() ? names[place] : std::string();
}

bool has(const std::vector<std::string> &names, const std::string &name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

} // namespace

void session_objects::note(std::string_view tag, std::string_view text) {
    switch (act_of(tag)) {
    case act::prepares:
        prepared_.push_back(name_in(tag, text));
        break;
    case act::declares:
        cursors_.push_back(name_in(tag, text));
        break;
    case act::deallocates:
        lost_prepared_ = lost_prepared_ || takes_the_callers(tag, text);
        break;
    case act::closes:
        lost_cursor_ = lost_cursor_ || takes_the_callers(tag, text);
        break;
    case act::none:
        break;
    }
}

bool session_objects::takes_the_callers(std::string_view tag, std::string_view text) const {
    const act wanted = act_of(tag);
    return (wanted == act::deallocates && !has(prepared_, name_in(tag, text))) ||
           (wanted == act::closes && !has(cursors_, name_in(tag, text)));
}

std::vector<std::string> session_objects::drop_prepared() {
    std::vector<std::string> dropped;
    for (const std::string &name : prepared_)
        if (!name.empty() && pg::drop_prepared_statement(name))
            dropped.push_back(name);
    prepared_.clear();
    return dropped;
}

} // namespace confiture::dry_run
