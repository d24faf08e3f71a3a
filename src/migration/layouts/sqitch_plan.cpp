#include "migration/layouts/sqitch_plan.hpp"

#include "migration/layouts/reading.hpp"

#include <algorithm>
#include <map>

namespace confiture::migration::readers {

namespace {

struct tag {
    std::string name;
    std::size_t next_change; // position of the first change after the tag
};

class plan_reader {
public:
    explicit plan_reader(const file &plan) : plan(plan) {}

    std::vector<sqitch_change> read() {
        for (const line &each : lines_of(plan.content)) {
            at = each.number;
            const std::string_view text = trimmed(each.text.substr(0, each.text.find('#')));
            if (text.empty())
                continue;
            if (text.starts_with('%'))
                read_pragma(text.substr(1));
            else if (text.starts_with('@'))
                read_tag(text.substr(1));
            else
                read_change(text);
        }
        return std::move(changes);
    }

private:
    void read_pragma(std::string_view text) {
        const std::size_t equals = text.find('=');
        if (trimmed(text.substr(0, equals)) == "project" && equals != std::string_view::npos)
            project = trimmed(text.substr(equals + 1));
    }

    void read_tag(std::string_view text) {
        const std::string_view name = take_word(text);
        if (name.empty())
            refuse_line("tag without a name");
        if (changes.empty())
            refuse_line("tag " + quoted(name) + " before any change");
        for (const tag &known : tags)
            if (known.name == name)
                refuse_line("second tag " + quoted(name));
        tags.push_back({std::string(name), changes.size()});
    }

    void read_change(std::string_view text) {
        if (text.starts_with('-'))
            refuse_line("change that reverts, " + quoted(take_word(text)) + ", is not supported");
        if (text.starts_with('+'))
            text = trimmed(text.substr(1));
        sqitch_change change;
        change.name = take_word(text, " \t[");
        change.line = at;
        if (change.name.empty() || change.name.find_first_of("@:") != std::string::npos)
            refuse_line("invalid name of a change: " + quoted(change.name));

        text = trimmed(text);
        if (text.starts_with('[')) {
            const std::size_t end = text.find(']');
            if (end == std::string_view::npos)
                refuse_line("list of dependencies without \"]\"");
            read_dependencies(text.substr(1, end - 1), change);
        }
        mark_reworked(change.name);
        positions[change.name].push_back(changes.size());
        changes.push_back(std::move(change));
    }

    void read_dependencies(std::string_view list, sqitch_change &change) {
        for (list = trimmed(list); !list.empty(); list = trimmed(list)) {
            std::string_view wanted = take_word(list);
            const bool conflict = wanted.starts_with('!');
            if (conflict)
                wanted.remove_prefix(1);
            if (const std::size_t colon = wanted.find(':'); colon != std::string_view::npos) {
                /* Another project's changes are in another folder with versions of their own, of
                 * which nothing here can tell whether they were applied. */
                if (wanted.substr(0, colon) != project)
                    continue;
                wanted.remove_prefix(colon + 1);
            }
            const std::optional<std::size_t> position = find(wanted);
            if (conflict && position)
                refuse_line("change " + quoted(change.name) + " conflicts with " + quoted(wanted) +
                            ", which comes before it");
            if (!conflict && !position)
                refuse_line("change " + quoted(change.name) + " requires " + quoted(wanted) +
                            ", which does not come before it");
            std::vector<std::size_t> &required = change.requires_changes;
            if (!conflict &&
                std::find(required.begin(), required.end(), *position) == required.end())
                required.push_back(*position);
        }
    }

    /* The position of 'users', 'users@v1' (as it was at that tag) or '@v1' (the tagged change). */
    std::optional<std::size_t> find(std::string_view wanted) const {
        const std::size_t sign = wanted.find('@');
        std::size_t before = changes.size();
        if (sign != std::string_view::npos) {
            const std::optional<std::size_t> tagged = find_tag(wanted.substr(sign + 1));
            if (!tagged)
                return {};
            before = *tagged;
            if (sign == 0)
                return before - 1; // a tag follows at least one change
        }
        const auto known = positions.find(wanted.substr(0, sign));
        if (known == positions.end())
            return {};
        std::optional<std::size_t> last;
        for (const std::size_t position : known->second)
            if (position < before)
                last = position;
        return last;
    }

    std::optional<std::size_t> find_tag(std::string_view name) const {
        for (const tag &known : tags)
            if (known.name == name)
                return known.next_change;
        return {};
    }

    void mark_reworked(const std::string &name) {
        const auto earlier = positions.find(name);
        if (earlier == positions.end())
            return;
        const std::size_t previous = earlier->second.back();
        for (std::size_t index = tags.size(); index-- > 0;)
            if (tags[index].next_change > previous)
                changes[previous].rework_tags.push_back(tags[index].name);
        if (changes[previous].rework_tags.empty())
            refuse_line("second change " + quoted(name) + " without a tag in between");
    }

    static std::string_view take_word(std::string_view &text, std::string_view ends = " \t") {
        const std::string_view word = text.substr(0, text.find_first_of(ends));
        text.remove_prefix(word.size());
        return word;
    }

    [[noreturn]] void refuse_line(const std::string &what) const {
        refuse(what + " in " + quoted(plan.path) + ", line " + std::to_string(at));
    }

    const file &plan;
    int at = 0;
    std::string project;
    std::vector<sqitch_change> changes;
    std::vector<tag> tags;
    std::map<std::string, std::vector<std::size_t>, std::less<>> positions; // of a change's name
};

} // namespace

std::vector<sqitch_change> read_sqitch_plan(const file &plan) { return plan_reader(plan).read(); }

} // namespace confiture::migration::readers
