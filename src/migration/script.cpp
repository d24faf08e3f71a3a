#include "migration/script.hpp"

#include <algorithm>

namespace confiture::migration {

/* A file that brackets itself is one transaction as it stands. */
static void drop_pair_around(std::vector<pg::statement> &statements) {
    using kind = pg::statement_kind;
    const auto ends = [](const pg::statement &one) {
        return one.kind == kind::begin || one.kind == kind::commit || one.kind == kind::rollback;
    };
    if (statements.size() < 2 || statements.front().kind != kind::begin ||
        statements.back().kind != kind::commit)
        return;
    if (std::count_if(statements.begin(), statements.end(), ends) != 2)
        return;
    statements.erase(statements.begin());
    statements.pop_back();
}

parsed_script parse(const std::string &text, const std::string &file) {
    parsed_script parsed{pg::parse_script(text, file), {}};
    std::vector<comment> comments;
    for (const pg::directive_comment &found : parsed.script.directives)
        comments.push_back({std::string_view(parsed.script.text)
                                .substr(static_cast<std::size_t>(found.offset),
                                        static_cast<std::size_t>(found.length)),
                            found.offset, found.line});
    parsed.marks = read_directives(comments, file);
    drop_pair_around(parsed.script.statements);
    return parsed;
}

void check_script(const std::string &text, const std::string &file) { parse(text, file); }

} // namespace confiture::migration
