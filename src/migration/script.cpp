#include "migration/script.hpp"

#include "migration/script_line.hpp"
#include "pg/query.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace confiture::migration {

namespace {

std::vector<comment> comments_of(const pg::script &script) {
    std::vector<comment> comments;
    for (const pg::directive_comment &found : script.directives)
        comments.push_back({std::string_view(script.text)
                                .substr(static_cast<std::size_t>(found.offset),
                                        static_cast<std::size_t>(found.length)),
                            found.offset, found.line});
    return comments;
}

/* 'object', 'array' …  Throws pg::error for what is no jsonb. */
std::string type_of_json(const std::string &document) {
    return pg::in_subtransaction(
        [&] { return pg::query("SELECT jsonb_typeof($1::jsonb)", {document})[0][0].value(); });
}

void check_config(const shipped_hook &hook, const std::string &file) {
    const auto refuse = [&](std::string detail) {
        refuse_line({file, hook.line}, "config of hook \"" + hook.name + "\" is no JSON object",
                    std::move(detail),
                    "Write config={\"key\": \"value\"} as the last directive of the line; it is "
                    "the rest of it.");
    };
    std::string type;
    try {
        type = type_of_json(hook.config);
    } catch (const pg::error &raised) {
        const std::string state = raised.sqlstate();
        if (!state.starts_with("22") && !state.starts_with("54")) // a cancel, no memory
            throw;
        const std::string detail = raised.detail();
        refuse("The server says: " + std::string(raised.what()) +
               (detail.empty() ? "." : ": " + detail));
    }
    if (type != "object")
        refuse("It is JSON of the type " + type + ".");
}

} // namespace

parsed_script parse(const std::string &text, const std::string &file, const std::string &version) {
    parsed_script parsed{pg::parse_script(text, file), {}, {}};
    parsed.marks = read_directives(comments_of(parsed.script), file);
    parsed.hooks = take_hooks(parsed.script, parsed.marks.hooks, version);
    for (const shipped_hook &hook : parsed.hooks)
        if (hook.config != "{}")
            check_config(hook, file);
    return parsed;
}

} // namespace confiture::migration
