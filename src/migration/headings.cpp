#include "migration/headings.hpp"

#include "migration/sql_text.hpp"

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <vector>

namespace confiture::migration {

namespace {

/* What a script is made of on its highest level. */
struct part {
    bool is_comment; // else the beginning of a statement
    std::size_t start, end;
};

/* Comments between statements, and the beginnings of statements. */
class outline {
public:
    explicit outline(std::string_view text) : text(text) {}

    std::vector<part> read() {
        while (at < text.size())
            read_next();
        return std::move(parts);
    }

private:
    void read_next() {
        if (const std::size_t end = end_of_comment(text, at); end > at) {
            if (!in_statement)
                parts.push_back({true, at, end});
            at = end;
        } else if (text[at] == ';') {
            ++at;
            in_statement = false;
        } else if (std::string_view(" \t\r\n\f\v").find(text[at]) != std::string_view::npos) {
            ++at;
        } else {
            if (!in_statement)
                parts.push_back({false, at, at});
            in_statement = true;
            at = std::max(at + 1, end_of_quoted(text, at));
        }
    }

    std::string_view text;
    std::size_t at = 0;
    bool in_statement = false;
    std::vector<part> parts;
};

enum class way { none, forward, backward };

struct reading {
    way direction = way::none;
    bool alone = true; // the comment says nothing else
};

bool is_among(std::initializer_list<std::string_view> words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

way direction_of(std::string_view word) {
    if (is_among({"up", "ups", "upgrade", "forward", "forwards"}, word))
        return way::forward;
    if (is_among({"down", "downs", "downgrade", "undo", "undoing", "rollback", "revert",
                  "reverting", "reverse", "backward", "backwards"},
                 word))
        return way::backward;
    return way::none;
}

bool is_filler(std::string_view word) {
    return is_among({"migrate",    "migration", "migrations",  "sql",    "section",   "script",
                     "scripts",    "part",      "begin",       "begins", "start",     "end",
                     "of",         "the",       "name",        "step",   "steps",     "statement",
                     "statements", "code",      "this",        "for",    "to",        "way",
                     "how",        "run",       "execute",     "use",    "following", "below",
                     "changes",    "it",        "instructions"},
                    word);
}

struct words_of_comment {
    std::vector<std::string> words;
    std::size_t before_colon = 0; // 2 of 'To revert: drop the table', 'To revert - drop the table'
};

/* 'roll back' is 'rollback', and so is 'the way back'. */
void join_two_words(std::vector<std::string> &words) {
    if (words.size() >= 2 && words.back() == "back" &&
        is_among({"roll", "rolling", "way", "going"}, words[words.size() - 2])) {
        words.pop_back();
        words.back() = "rollback";
    }
}

words_of_comment split(std::string_view comment) {
    words_of_comment found;
    const std::string shown = in_plain_letters(comment);
    for (std::size_t at = 0; at < shown.size();) {
        if (!is_name_character(shown[at])) {
            ++at;
            continue;
        }
        const std::size_t start = at;
        while (at < shown.size() && is_name_character(shown[at]) && shown[at] != '_')
            ++at;
        if (at == start) {
            ++at;
            continue;
        }
        found.words.push_back(shown.substr(start, at - start));
        join_two_words(found.words);
        const std::string_view rest = std::string_view(shown).substr(at);
        if (found.before_colon == 0 && (rest.starts_with(':') || rest.starts_with(" - ") ||
                                        rest.starts_with(" -- ") || rest.starts_with(" :")))
            found.before_colon = found.words.size();
    }
    return found;
}

/* Headings that tools write by themselves. */
way direction_of_generated(const std::vector<std::string> &words) {
    if (words.size() >= 2 && words[0] == "running") // Alembic
        return direction_of(words[1]);
    const bool of_sqitch = words.size() >= 4 && words.back() == "pg" && words[0] == "revert" &&
                           words[words.size() - 2] == "from";
    return of_sqitch ? way::backward : way::none;
}

reading read(std::string_view comment) {
    const words_of_comment found = split(comment);
    if (found.words.empty())
        return {};
    if (const way generated = direction_of_generated(found.words); generated != way::none)
        return {generated, true};
    reading result;
    // 'To revert' may as well tell what somebody would do, above the script of the other direction.
    result.alone = !is_among({"to", "how"}, found.words.front());
    for (std::size_t at = 0; at < found.words.size(); ++at) {
        const std::string &word = found.words[at];
        const way direction = direction_of(word);
        if (direction == way::none && !is_filler(word)) {
            const bool is_told = found.before_colon > 0 && at >= found.before_colon;
            return {is_told ? result.direction : way::none, false};
        }
        if (result.direction == way::none)
            result.direction = direction;
        else if (direction != way::none && direction != result.direction)
            return {}; // 'up and down'
    }
    return result;
}

std::int32_t line_of(std::string_view text, std::size_t offset) {
    std::int32_t line = 1;
    for (std::size_t at = 0; at < offset; ++at)
        if (text[at] == '\n' || (text[at] == '\r' && text.substr(at, 2) != "\r\n"))
            ++line;
    return line;
}

} // namespace

std::string in_plain_letters(std::string_view text) {
    std::string shown;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte >= 'A' && byte <= 'Z')
            shown += static_cast<char>(byte - 'A' + 'a');
        else if (byte == 0xE2 || text.substr(at, 2) == "\xE3\x80" ||
                 text.substr(at, 3) == "\xEF\xBB\xBF")
            shown += ' ', at += 2;
        else if (text.substr(at, 2) == "\xC2\xA0")
            shown += ' ', at += 1;
        else
            shown += text[at];
    }
    return shown;
}

std::optional<heading> opposite_heading(std::string_view script, bool forward) {
    const std::vector<part> parts = outline(script).read();
    const way opposite = forward ? way::backward : way::forward;
    std::vector<reading> readings;
    readings.reserve(parts.size());
    for (const part &each : parts)
        readings.push_back(each.is_comment ? read(script.substr(each.start, each.end - each.start))
                                           : reading{});
    bool has_own = false; // a heading of the script's own direction, or a statement before this one
    for (const reading &each : readings)
        has_own =
            has_own || (each.alone && each.direction != way::none && each.direction != opposite);

    for (std::size_t i = 0; i < parts.size(); i++) {
        has_own = has_own || !parts[i].is_comment;
        if (readings[i].direction != opposite || (!readings[i].alone && !has_own))
            continue;
        for (std::size_t next = i + 1; next < parts.size(); next++) {
            if (parts[next].is_comment && readings[next].direction != way::none &&
                readings[next].direction != opposite)
                break;
            if (!parts[next].is_comment)
                return heading{
                    std::string(script.substr(parts[i].start, parts[i].end - parts[i].start)),
                    line_of(script, parts[i].start)};
        }
    }
    return {};
}

} // namespace confiture::migration
