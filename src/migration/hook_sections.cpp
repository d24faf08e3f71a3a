#include "migration/hook_sections.hpp"

#include "migration/script_line.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace confiture::migration {

namespace {

using kind = pg::statement_kind;

class separator {
public:
    separator(pg::script &script, const std::vector<hook_directive> &directives,
              const std::string &version)
        : script(script), directives(directives), version(version) {}

    std::vector<shipped_hook> separate() {
        refuse_inside_statements();
        drop_pair_around();
        for (const hook_directive &each : directives) {
            take_statements_before(each.offset);
            if (each.is_section())
                close_section();
            if (!each.phase.empty())
                add(each);
        }
        take_statements_before(static_cast<std::int32_t>(script.text.size()));
        close_section();
        script.statements = std::move(own);
        refuse_equal_names();
        return std::move(hooks);
    }

private:
    [[noreturn]] void refuse(std::int32_t line, const std::string &what, std::string detail,
                             std::string hint) const {
        refuse_line({script.file, line}, what, std::move(detail), std::move(hint));
    }

    /* To which side would the rest of the statement belong? */
    void refuse_inside_statements() const {
        auto statement = script.statements.begin();
        for (const hook_directive &each : directives) {
            while (statement != script.statements.end() &&
                   statement->offset + statement->length <= each.offset)
                ++statement;
            if (statement != script.statements.end() && statement->offset < each.offset)
                refuse(each.line, "directive of a hook inside a statement",
                       std::string("The ") + pg::tag_name(statement->tag) + " of line " +
                           std::to_string(statement->line) + " is not at its end there.",
                       "Write it before the statement or after its semicolon; is a semicolon "
                       "missing?");
        }
    }

    /* Without transaction modes, which must be seen. */
    static bool is_plain_begin(std::string_view text) {
        std::string words;
        for (const char letter : text)
            if (letter >= 'a' && letter <= 'z')
                words += static_cast<char>(letter - 'a' + 'A');
            else if (letter > ' ')
                words += letter;
        return words == "BEGIN" || words == "BEGINWORK" || words == "BEGINTRANSACTION" ||
               words == "STARTTRANSACTION";
    }

    /* A file that brackets itself is one transaction as it stands.  Its COMMIT may come after a
     * hook without a return to the script; a BEGIN in a hook is the hook's. */
    void drop_pair_around() {
        std::vector<pg::statement> &statements = script.statements;
        const auto ends = [](const pg::statement &one) {
            return one.kind == kind::begin || one.kind == kind::commit ||
                   one.kind == kind::rollback;
        };
        if (statements.size() < 2 || statements.front().kind != kind::begin ||
            statements.back().kind != kind::commit ||
            std::count_if(statements.begin(), statements.end(), ends) != 2 ||
            !is_plain_begin(script.text_of(statements.front())))
            return;
        const auto first_section =
            std::find_if(directives.begin(), directives.end(), [](const hook_directive &each) {
                return each.is_section() && !each.phase.empty();
            });
        if (first_section != directives.end() && first_section->offset < statements.front().offset)
            return;
        statements.erase(statements.begin());
        statements.pop_back();
    }

    void take_statements_before(std::int32_t offset) {
        for (; taken < script.statements.size() && script.statements[taken].offset < offset;
             taken++) {
            const pg::statement &next = script.statements[taken];
            if (in_section)
                check(next, hooks[section]);
            (in_section ? hooks[section].statements : own).push_back(next);
        }
    }

    void check(const pg::statement &statement, const shipped_hook &hook) const {
        if (statement.kind == kind::plain)
            return;
        const bool outside_transactions =
            statement.kind == kind::concurrently || statement.kind == kind::top_level_only;
        refuse(statement.line,
               "hook \"" + hook.name + "\" cannot run " + pg::tag_name(statement.tag),
               outside_transactions
                   ? "The statement does not run inside a transaction, and a hook does."
                   : "A hook runs in a savepoint of its own, inside the migration's transaction.",
               std::string(statement.kind == kind::concurrently
                               ? "Write the form without CONCURRENTLY, or make it"
                               : "Remove it, or make it") +
                   " a statement of the migration itself, below a line \"-- confiture: "
                   "phase=DDL\".");
    }

    void add(const hook_directive &each) {
        shipped_hook hook;
        hook.name = each.name.empty() ? name_of_line(each.line) : each.name;
        hook.phase = each.phase;
        hook.built_in = each.built_in;
        hook.config = each.config;
        hook.timeout = each.timeout;
        hook.continues = each.continues;
        hook.priority = each.priority;
        hook.line = each.line;
        hooks.push_back(std::move(hook));
        if (each.is_section()) {
            in_section = true;
            section = hooks.size() - 1;
        }
    }

    std::string name_of_line(std::int32_t line) const {
        std::string number = std::to_string(line);
        number.insert(0, 4 - std::min<std::size_t>(4, number.size()), '0'); // sorts by line
        return version + (version.empty() ? "line-" : ":line-") + number;
    }

    void close_section() {
        if (in_section && hooks[section].statements.empty())
            refuse(hooks[section].line, "hook \"" + hooks[section].name + "\" has no statements",
                   "Its statements are those up to the next line phase=..., or to the end of the "
                   "script.",
                   "Write them, or remove the directive; hook=<built-in> names a hook that needs "
                   "none.");
        in_section = false;
    }

    void refuse_equal_names() const {
        std::map<std::string_view, std::int32_t> line_of;
        for (const shipped_hook &hook : hooks) {
            const auto [known, is_new] = line_of.emplace(hook.name, hook.line);
            if (!is_new)
                refuse(hook.line, "second hook \"" + hook.name + "\"",
                       "The first one is in line " + std::to_string(known->second) + ".",
                       "Give each hook a name of its own.");
        }
    }

    pg::script &script;
    const std::vector<hook_directive> &directives;
    const std::string &version;
    std::vector<shipped_hook> hooks;
    std::vector<pg::statement> own; // of the migration itself
    std::size_t taken = 0;
    std::size_t section = 0; // the hook that the statements belong to
    bool in_section = false;
};

} // namespace

std::vector<shipped_hook> take_hooks(pg::script &script,
                                     const std::vector<hook_directive> &directives,
                                     const std::string &version) {
    return separator(script, directives, version).separate();
}

} // namespace confiture::migration
