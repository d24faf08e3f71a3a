#include "dry_run/prepared_statements.hpp"

#include "pg/parse.hpp"
#include "pg/session.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

/* PREPARE name …, DEALLOCATE [PREPARE] name; empty for DEALLOCATE ALL. */
std::string name_in(std::string_view tag, std::string_view text) {
    if (tag == "DEALLOCATE ALL")
        return {};
    const std::vector<std::string> names = pg::names_in(text);
    const std::size_t place = names.size() > 2 && tag == "DEALLOCATE" ? 2 : 1;
    return place < names.size() ? names[place] : std::string();
}

bool deallocates(std::string_view tag) { return tag == "DEALLOCATE" || tag == "DEALLOCATE ALL"; }

} // namespace

bool prepared_statements::has(const std::string &name) const {
    return std::find(names_.begin(), names_.end(), name) != names_.end();
}

void prepared_statements::note(std::string_view tag, std::string_view text) {
    if (tag == "PREPARE")
        names_.push_back(name_in(tag, text));
    else if (deallocates(tag) && !has(name_in(tag, text)))
        lost_ = true;
}

bool prepared_statements::takes_the_callers(std::string_view tag, std::string_view text) const {
    return deallocates(tag) && !has(name_in(tag, text));
}

std::vector<std::string> prepared_statements::drop() {
    std::vector<std::string> dropped;
    for (const std::string &name : names_)
        if (!name.empty() && pg::drop_prepared_statement(name))
            dropped.push_back(name);
    names_.clear();
    return dropped;
}

} // namespace confiture::dry_run
