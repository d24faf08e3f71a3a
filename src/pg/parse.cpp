#include "pg/parse.hpp"

#include "pg/boundary.hpp"
#include "pg/classify.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

#include <algorithm>

namespace confiture::pg {

namespace {

/* place_of() for offsets that only grow: each byte is counted once. */
class walker {
public:
    explicit walker(std::string_view text) : text_(text) {}

    place at(std::size_t offset) {
        const place step = place_of(text_.substr(offset_), offset - offset_);
        offset_ = offset;
        here_ = step.line == 1 ? place{here_.line, here_.column + step.column - 1}
                               : place{here_.line + step.line - 1, step.column};
        return here_;
    }

private:
    std::string_view text_;
    std::size_t offset_ = 0;
    place here_{1, 1};
};

class script_parser {
public:
    script_parser(std::string text, std::string file) : memory_("confiture parser") {
        script_.file = std::move(file);
        script_.text = std::move(text);
    }

    script parse() {
        if (script_.text.size() > largest_script)
            throw failure{migration_invalid, "script is too large",
                          "It has " + std::to_string(script_.text.size()) +
                              " bytes; the limit is " + std::to_string(largest_script) + ".",
                          "Split it into several migrations."};
        if (script_.text.rfind("\xEF\xBB\xBF", 0) == 0)
            script_.text.erase(0, 3);
        if (const auto zero = script_.text.find('\0'); zero != std::string::npos)
            refuse(zero, "script contains a zero byte", "Save the file as UTF-8 text.");
        for (std::size_t from = 0; !scan_from(from);)
            from = blank_restrict_line();
        return std::move(script_);
    }

private:
    [[noreturn]] void refuse(std::size_t offset, std::string message, std::string hint) const {
        const place found = place_of(script_.text, offset);
        throw failure{migration_invalid, std::move(message),
                      (script_.file.empty() ? "Line " : "File \"" + script_.file + "\", line ") +
                          std::to_string(found.line) + ", column " + std::to_string(found.column) +
                          ".",
                      std::move(hint)};
    }

    /* Scans to the end, or up to a backslash (false). */
    bool scan_from(std::size_t from) {
        const std::string_view text(script_.text);
        scanner tokens{text.substr(from)};
        walker places(text), comment_places(text);
        begin_ = std::string::npos;
        std::size_t end = from; // of the last token
        for (;;) {
            const token next = scan(tokens, from);
            const std::size_t offset = next.code ? from + next.offset : text.size();
            read_comments(end, offset, comment_places);
            if (next.code == '\\') {
                backslash_ = offset;
                return false;
            }
            if (next.code == 0 || next.code == ';') {
                if (begin_ != std::string::npos && add_statement(next.code == 0, places))
                    begin_ = std::string::npos;
                if (next.code == 0)
                    return true;
            } else if (begin_ == std::string::npos)
                begin_ = offset;
            if (next.code != ';')
                statement_end_ = offset + next.length;
            end = offset + next.length;
        }
    }

    token scan(scanner &tokens, std::size_t from) {
        check_for_interrupts(); // millions of tokens take a minute
        try {
            return tokens.next();
        } catch (const error &raised) {
            syntax_error(raised, from);
        }
    }

    /* Between two tokens there is nothing but white space and comments. */
    void read_comments(std::size_t from, std::size_t until, walker &places) {
        static constexpr std::string_view word = "confiture";
        const std::string_view text(script_.text);
        for (std::size_t at = from; at + word.size() < until; at++) {
            if (text.compare(at, 2, "/*") == 0) {
                at = skip_block_comment(at, until);
            } else if (text.compare(at, 2, "--") == 0) {
                const std::size_t end = std::min(text.find_first_of("\r\n", at), until);
                const std::size_t content = text.find_first_not_of(" \t\f\v", at + 2);
                if (content != std::string_view::npos &&
                    pg_strncasecmp(text.data() + content, word.data(), word.size()) == 0)
                    script_.directives.push_back({static_cast<std::int32_t>(at),
                                                  static_cast<std::int32_t>(end - at),
                                                  places.at(at).line});
                at = end;
            }
        }
    }

    /* Block comments nest; returns the offset of the last byte. */
    std::size_t skip_block_comment(std::size_t at, std::size_t until) const {
        const std::string_view text(script_.text);
        int depth = 0;
        for (; at + 1 < until; at++) {
            if (text.compare(at, 2, "/*") == 0)
                depth++, at++;
            else if (text.compare(at, 2, "*/") == 0 && (at++, --depth == 0))
                return at;
        }
        return until;
    }

    /* A semicolon ends a statement where the parser takes what is before it; inside a rule's or a
     * function's body it asks for more.  False: go on to the next semicolon. */
    bool add_statement(bool at_end, walker &places) {
        const std::string_view text =
            std::string_view(script_.text).substr(begin_, statement_end_ - begin_);
        classification found;
        try {
            found = classify(text, memory_);
        } catch (const error &raised) {
            const bool unfinished = offset_of_character(text, raised.position()) >= text.size();
            if (unfinished && !at_end)
                return false;
            syntax_error(raised, begin_);
        }
        if (found.copies_from_client)
            refuse(begin_, "COPY from STDIN is not supported in a migration",
                   "Write the rows as INSERT ... VALUES, or COPY them from a file on the server.");
        if (found.copies_to_client)
            refuse(begin_, "COPY to STDOUT is not supported in a migration",
                   "Remove the statement: a migration has no client to send rows to.");
        const place start = places.at(begin_);
        script_.statements.push_back({static_cast<std::int32_t>(begin_),
                                      static_cast<std::int32_t>(text.size()), start.line,
                                      start.column, found.tag, found.kind});
        return true;
    }

    /* pg_dump's \restrict and \unrestrict stand alone on their lines; any other backslash command
     * is psql's. */
    std::size_t blank_restrict_line() {
        const std::string_view text(script_.text);
        const std::size_t end = std::min(text.find_first_of("\r\n", backslash_), text.size());
        const std::string_view line = text.substr(backslash_, end - backslash_);
        const bool restricting =
            line.rfind("\\restrict ", 0) == 0 || line.rfind("\\unrestrict ", 0) == 0;
        const bool first_in_line = backslash_ == 0 || text[backslash_ - 1] == '\n';
        if (!restricting || !first_in_line || begin_ != std::string::npos)
            refuse(backslash_,
                   "psql meta-command \"" + std::string(line.substr(0, line.find(' '))) +
                       "\" in a migration",
                   "A migration is SQL that the server runs: write what the command does as SQL.");
        std::fill_n(script_.text.begin() + static_cast<std::ptrdiff_t>(backslash_),
                    end - backslash_, ' ');
        return end;
    }

    [[noreturn]] void syntax_error(const error &raised, std::size_t from) const {
        const std::string_view text = std::string_view(script_.text).substr(from);
        const std::size_t offset = from + offset_of_character(text, raised.position());
        std::string hint = raised.hint();
        refuse(offset, raised.what(),
               hint.empty() ? "Fix the statement; nothing of the script was run." : hint);
    }

    memory_context memory_;
    script script_;
    std::size_t begin_ = 0, statement_end_ = 0, backslash_ = 0;
};

} // namespace

script parse_script(std::string text, std::string file) {
    // Names that are too long are told when the statement runs.
    // The setting is taken back with the subtransaction where the parser raises an ERROR.
    return in_subtransaction([&] {
        settings_scope quietly;
        quietly.set("client_min_messages", "error");
        const standard_strings standard; // the same text is the same script in every session
        return script_parser(std::move(text), std::move(file)).parse();
    });
}

std::vector<std::string> names_in(std::string_view statement) {
    std::vector<std::string> names;
    scanner tokens{statement};
    for (token next = tokens.next(); next.code != 0; next = tokens.next())
        if (next.name)
            names.emplace_back(next.name);
    return names;
}

std::vector<std::string> calls_in(std::string_view statement) {
    std::vector<std::string> names;
    std::string last;
    scanner tokens{statement};
    for (token next = tokens.next(); next.code != 0; next = tokens.next()) {
        if (next.code == '(' && !last.empty())
            names.push_back(last);
        last = next.name ? next.name : "";
    }
    return names;
}

bool mentions(std::string_view statement, const std::vector<std::string> &names) {
    if (names.empty())
        return false;
    scanner tokens{statement};
    for (token next = tokens.next(); next.code != 0; next = tokens.next())
        if (next.name && std::find(names.begin(), names.end(), next.name) != names.end())
            return true;
    return false;
}

} // namespace confiture::pg
