#include "migration/directives.hpp"

#include "migration/directive_words.hpp"
#include "migration/script_line.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace confiture::migration {

namespace {

/* What follows `-- confiture:`, or nothing where the comment is somebody else's.  The name is taken
 * in any case: a directive that is passed over because of a capital letter would be worse. */
std::optional<std::string_view> after_name(std::string_view comment) {
    constexpr std::string_view name = "confiture";
    if (!comment.starts_with("--"))
        return {};
    comment.remove_prefix(2);
    skip_blanks(comment);
    if (comment.size() < name.size())
        return {};
    const bool ours =
        std::equal(name.begin(), name.end(), comment.begin(), [](char expected, char its) {
            return expected ==
                   (its >= 'A' && its <= 'Z' ? static_cast<char>(its - 'A' + 'a') : its);
        });
    if (!ours)
        return {};
    comment.remove_prefix(name.size());
    skip_blanks(comment);
    return comment;
}

std::optional<std::string_view> directive_text(std::string_view comment) {
    const std::optional<std::string_view> rest = after_name(comment);
    if (!rest || !rest->starts_with(':'))
        return {};
    return rest->substr(1);
}

/* A directive but for its colon, which would be passed over as somebody's remark. */
bool lacks_colon(std::string_view comment) {
    constexpr std::string_view words[] = {
        "phase=", "hook=", "lock_timeout=", "depends=", "ignore=", "no-transaction"};
    const std::optional<std::string_view> rest = after_name(comment);
    return rest && std::any_of(std::begin(words), std::end(words),
                               [&](std::string_view word) { return rest->starts_with(word); });
}

/* Takes a number such as '2' or '1.5' from the front of `text`, nothing where there is none. */
std::optional<double> take_number(std::string_view &text) {
    double number = 0, scale = 1;
    bool after_point = false, last_is_digit = false;
    for (; !text.empty(); text.remove_prefix(1)) {
        const char character = text.front();
        if (character >= '0' && character <= '9') {
            number = number * 10 + (character - '0');
            scale *= after_point ? 10 : 1;
            last_is_digit = true;
        } else if (character == '.' && last_is_digit && !after_point) {
            after_point = true;
            last_is_digit = false;
        } else {
            break;
        }
    }
    return last_is_digit ? std::optional(number / scale) : std::nullopt;
}

} // namespace

bool is_directive(std::string_view comment) { return directive_text(comment).has_value(); }

bool is_timeout(std::string_view value) {
    struct unit {
        std::string_view name;
        double milliseconds;
    };
    constexpr unit units[] = {{"", 1},      {"us", 1e-3}, {"ms", 1},    {"s", 1e3},
                              {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};

    const std::optional<double> number = take_number(value);
    return number && std::any_of(std::begin(units), std::end(units), [&](const unit &known) {
               return known.name == value &&
                      *number * known.milliseconds <= std::numeric_limits<std::int32_t>::max();
           });
}

namespace {

class reader {
public:
    explicit reader(std::string_view file) : at{file, 0} {}

    void read(const comment &from, std::string_view text) {
        at.line = from.line;
        skip_blanks(text);
        if (text.empty())
            refuse("directive is missing after \"confiture:\"", known);
        hook_words of_hook(at);
        bool others = false;
        for (; !text.empty(); skip_blanks(text))
            if (!of_hook.take(text)) {
                read_other(text);
                others = true;
            }
        if (of_hook.empty())
            return;
        if (others)
            refuse("directive of a hook beside another one",
                   "Write the directives of a hook on a line of their own.");
        found.hooks.push_back(of_hook.finish());
        found.hooks.back().offset = from.offset;
    }

    directives found;

private:
    static constexpr const char *known =
        "The directives are no-transaction, lock_timeout=<time>, depends=<version>,<version>..., "
        "ignore=<rule> <reason>, and those of hooks: phase=<phase> and hook=<built-in> "
        "phase=<phase>, with name, timeout, on_failure, priority and config.";

    void read_other(std::string_view &text) {
        const std::string_view word = take_word(text);
        if (word.starts_with("ignore=")) { // the reason is the rest of the line
            skip_blanks(text);
            read_ignore(word.substr(7), without_trailing_blanks(text));
            text = {};
        } else if (word == "no-transaction")
            found.no_transaction = true;
        else if (word.starts_with("lock_timeout="))
            read_lock_timeout(word.substr(13));
        else if (word.starts_with("depends="))
            read_depends(word.substr(8));
        else
            refuse("unknown directive \"" + std::string(word) + "\"", known);
    }

    void read_lock_timeout(std::string_view value) {
        if (!is_timeout(value))
            refuse("invalid value for directive \"lock_timeout\": \"" + std::string(value) + "\"",
                   "Give a number with a unit of us, ms, s, min, h or d, for example "
                   "lock_timeout=2s.");
        if (found.lock_timeout && *found.lock_timeout != value)
            refuse("directive \"lock_timeout\" has two values: \"" + *found.lock_timeout +
                       "\" and \"" + std::string(value) + "\"",
                   "One lock_timeout holds for the whole script.");
        found.lock_timeout = value;
    }

    void read_depends(std::string_view list) {
        while (true) {
            const std::size_t comma = list.find(',');
            std::string version(list.substr(0, comma));
            if (version.empty())
                refuse(
                    "directive \"depends\" lacks a version",
                    "Give versions with commas and without spaces, for example depends=002,003.");
            if (std::find(found.depends.begin(), found.depends.end(), version) ==
                found.depends.end())
                found.depends.push_back(std::move(version));
            if (comma == std::string_view::npos)
                return;
            list.remove_prefix(comma + 1);
        }
    }

    void read_ignore(std::string_view rule, std::string_view reason) {
        if (rule.empty())
            refuse("directive \"ignore\" lacks a rule", "Write ignore=<rule> <reason>.");
        if (reason.empty())
            refuse("directive \"ignore=" + std::string(rule) + "\" lacks a reason",
                   "Write ignore=<rule> <reason>; the reason is the rest of the line.");
        found.ignores.push_back({std::string(rule), std::string(reason), at.line});
    }

    [[noreturn]] void refuse(const std::string &what, const char *hint) const {
        refuse_line(at, what, {}, hint);
    }

    script_line at;
};

} // namespace

directives read_directives(const std::vector<comment> &comments, std::string_view file) {
    reader reading(file);
    for (const comment &each : comments)
        if (const std::optional<std::string_view> text = directive_text(each.text))
            reading.read(each, *text);
        else if (lacks_colon(each.text))
            refuse_line({file, each.line}, "directive lacks its colon", "",
                        "Write -- confiture: and then the directive.");
    return std::move(reading.found);
}

} // namespace confiture::migration
