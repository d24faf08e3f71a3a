#include "dry_run/left_out.hpp"

#include <algorithm>

namespace confiture::dry_run {

namespace {

char folded(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

bool in_a_word(char byte) {
    return byte == '_' || byte == '$' || (byte >= '0' && byte <= '9') ||
           (folded(byte) >= 'a' && folded(byte) <= 'z') || static_cast<unsigned char>(byte) >= 0x80;
}

/* As a whole word, in strings and function bodies too; upper case or not. */
bool has_word(std::string_view text, std::string_view word) {
    const auto same = [](char left, char right) { return folded(left) == folded(right); };
    for (auto at = text.begin(); !word.empty();) {
        at = std::search(at, text.end(), word.begin(), word.end(), same);
        if (at == text.end())
            return false;
        const auto end = at + static_cast<std::ptrdiff_t>(word.size());
        if ((at == text.begin() || !in_a_word(at[-1])) && (end == text.end() || !in_a_word(*end)))
            return true;
        at++;
    }
    return false;
}

bool has_one_of(std::string_view text, const std::vector<std::string> &words) {
    return std::any_of(words.begin(), words.end(),
                       [&](const std::string &word) { return has_word(text, word); });
}

template <typename... States> bool is_one_of(const std::string &sqlstate, States... states) {
    return ((sqlstate == states) || ...);
}

bool runs_code(std::string_view tag) {
    return tag == "DO" || tag == "CALL" || tag == "SELECT" || tag == "EXECUTE";
}

} // namespace

void left_out::add(const pg::statement_facts &facts, std::string_view tag) {
    any_ = true;
    code_left_out_ = code_left_out_ || runs_code(tag);
    names_.insert(names_.end(), facts.makes.begin(), facts.makes.end());
    if (!facts.table.empty())
        tables_.push_back(facts.table);
}

bool left_out::explains(const pg::error &raised, std::string_view text) const {
    return explains(raised.sqlstate(),
                    std::string(raised.what()) + "\n" + raised.detail() + "\n" + raised.context(),
                    text);
}

bool left_out::explains(const migration::failure_record &failed) const {
    return explains(failed.cause(), failed.message + "\n" + failed.detail + "\n" + failed.context,
                    failed.sql);
}

bool left_out::explains(const std::string &sqlstate, const std::string &told,
                        std::string_view text) const {
    const std::string kind = sqlstate.substr(0, 2);
    if (!any_ || is_one_of(kind, "40", "53", "54", "57", "58", "XX") || sqlstate == "55P03")
        return false;
    if (has_one_of(told, names_))
        return true;
    if (!is_one_of(kind, "22", "23") && has_one_of(text, names_))
        return true;
    // Undefined tables, columns, functions, objects and schemas.
    if (code_left_out_ && is_one_of(sqlstate, "42P01", "42703", "42883", "42704", "3F000"))
        return true;
    // ON CONFLICT, REFERENCES, GROUP BY of a primary key, REFRESH CONCURRENTLY: they ask for a
    // unique index.
    return is_one_of(sqlstate, "42P10", "42830", "42803", "55000") &&
           (has_one_of(text, tables_) || has_one_of(told, tables_));
}

} // namespace confiture::dry_run
