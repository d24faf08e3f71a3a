#include "migration/hook_directives.hpp"

#include "migration/directive_words.hpp"
#include "migration/directives.hpp"

#include <algorithm>
#include <charconv>

namespace confiture::migration {

namespace {

/* In their order; a hook's are those of the type confiture.hook_phase. */
constexpr std::string_view phases[] = {"BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL",
                                       "AFTER_VALIDATION",  "CLEANUP",    "ON_ERROR"};

constexpr std::string_view built_in_hooks[] = {"backfill_read_model",
                                               "capture_statistics",
                                               "validate_constraints",
                                               "verify_consistency",
                                               "require_columns",
                                               "rebuild_indexes",
                                               "refresh_materialized_views",
                                               "analyze_tables",
                                               "drop_temporary_tables",
                                               "check_queries",
                                               "notify",
                                               "guard_long_transactions"};

/* In bytes; what is in every list, log line and message stays readable. */
constexpr std::size_t longest_name = 200;

template <std::size_t size>
bool contains(const std::string_view (&list)[size], std::string_view wanted) {
    return std::find(std::begin(list), std::end(list), wanted) != std::end(list);
}

/* 'a, b and c' */
template <std::size_t size> std::string enumerate(const std::string_view (&list)[size]) {
    std::string all;
    for (std::size_t i = 0; i < size; i++) {
        all += i == 0 ? "" : i + 1 == size ? " and " : ", ";
        all += list[i];
    }
    return all;
}

std::string upper(std::string_view text) {
    std::string result(text);
    for (char &character : result)
        if (character >= 'a' && character <= 'z')
            character = static_cast<char>(character - 'a' + 'A');
    return result;
}

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

} // namespace

const std::array<std::string_view, hook_words::count> hook_words::keys{
    "phase", "hook", "name", "timeout", "on_failure", "priority", "config"};

bool hook_words::take(std::string_view &text) {
    for (std::size_t i = 0; i < count; i++) {
        const std::string_view key = keys[i];
        if (!text.starts_with(key) || text.substr(key.size(), 1) != "=")
            continue;
        if (given[i])
            refuse_line(at, "directive " + quoted(key) + " is given twice", {},
                        "A line tells of one hook, and of each of its options once.");
        text.remove_prefix(key.size() + 1);
        if (i == config) { // JSON holds blanks and quotes of its own
            given[i] = without_trailing_blanks(text);
            text = {};
        } else {
            given[i] = take_value(text, key);
        }
        return true;
    }
    return false;
}

std::string_view hook_words::take_value(std::string_view &text, std::string_view key) const {
    if (!text.starts_with('"'))
        return take_word(text);
    const std::size_t end = text.find('"', 1);
    if (end == std::string_view::npos)
        refuse_line(at, "value of directive " + quoted(key) + " lacks its closing quote", {},
                    "Write " + std::string(key) + "=\"two words\".");
    const std::string_view value = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && blanks.find(text.front()) == std::string_view::npos)
        refuse_line(at, "value of directive " + quoted(key) + " goes on after its closing quote",
                    {}, "A quoted value holds no double quotes, and a blank comes after it.");
    return value;
}

bool hook_words::empty() const {
    return std::none_of(given.begin(), given.end(), [](const auto &value) { return !!value; });
}

hook_directive hook_words::finish() const {
    check_presence();
    if (!given[hook] && upper(*given[phase]) == "DDL")
        return read_return();
    hook_directive found;
    found.line = at.line;
    read_phase(found);
    read_built_in(found);
    read_name(found);
    read_options(found);
    return found;
}

void hook_words::check_presence() const {
    if (given[phase])
        return;
    if (given[hook])
        refuse_line(at, "hook " + quoted(*given[hook]) + " lacks a phase", {},
                    "Write hook=<built-in> phase=<phase>; the phases are " + enumerate(phases) +
                        ".");
    const auto option =
        std::find_if(given.begin(), given.end(), [](auto &value) { return !!value; });
    refuse_line(at,
                "directive " + quoted(keys[static_cast<std::size_t>(option - given.begin())]) +
                    " stands without a phase",
                {},
                "It is an option of a hook and belongs on the line of its phase=<phase>, after "
                "it or before it.");
}

hook_directive hook_words::read_return() const {
    for (std::size_t i = 0; i < count; i++)
        if (i != phase && given[i])
            refuse_line(at, "directive \"phase=DDL\" takes no options",
                        "It has " + quoted(keys[i]) + ".",
                        "It returns from a hook to the statements of the migration itself.");
    hook_directive found;
    found.line = at.line;
    return found;
}

void hook_words::read_phase(hook_directive &found) const {
    found.phase = upper(*given[phase]);
    if (!contains(phases, found.phase))
        refuse_line(at, "unknown phase " + quoted(*given[phase]), {},
                    "The phases are " + enumerate(phases) +
                        (given[hook] ? "." : "; DDL returns to the script."));
}

void hook_words::read_built_in(hook_directive &found) const {
    if (given[hook]) {
        if (!contains(built_in_hooks, *given[hook]))
            refuse_line(at, "unknown built-in hook " + quoted(*given[hook]), {},
                        "The built-in hooks are " + enumerate(built_in_hooks) + ".");
        found.built_in = *given[hook];
    } else if (given[config]) {
        refuse_line(at, "directive \"config\" stands on the line of a phase",
                    "The statements below it are the hook, and they take no configuration.",
                    "Give it to a built-in hook: hook=<built-in> phase=<phase> config={...}.");
    }
    if (given[config])
        found.config = *given[config];
}

void hook_words::read_name(hook_directive &found) const {
    if (!given[name])
        return;
    found.name = *given[name];
    if (without_trailing_blanks(found.name).empty())
        refuse_line(at, "name of a hook is empty", {},
                    "Leave \"name\" out, and the hook is called by its version and line.");
    if (found.name.size() > longest_name)
        refuse_line(at, "name of a hook is too long",
                    "It has " + std::to_string(found.name.size()) + " bytes; the limit is " +
                        std::to_string(longest_name) + ".",
                    "Give it a shorter one.");
}

void hook_words::read_options(hook_directive &found) const {
    if (given[timeout]) {
        if (!is_timeout(*given[timeout]))
            refuse_value(timeout, "Give a number with a unit of us, ms, s, min, h or d, for "
                                  "example timeout=30s; 0 is no limit.");
        found.timeout = *given[timeout];
    }
    if (given[on_failure]) {
        found.continues = *given[on_failure] == "continue";
        if (!found.continues && *given[on_failure] != "abort")
            refuse_value(on_failure, "It is abort or continue.");
    }
    if (given[priority]) {
        const std::string_view text = *given[priority];
        const char *const end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data(), end, found.priority);
        if (error != std::errc() || stop != end)
            refuse_value(priority, "Give an integer; lower ones run first, and 100 is usual.");
    }
}

void hook_words::refuse_value(key which, const char *hint) const {
    refuse_line(at,
                "invalid value for directive " + quoted(keys[which]) + ": " + quoted(*given[which]),
                {}, hint);
}

} // namespace confiture::migration
