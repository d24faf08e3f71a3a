#include "pg/scan.hpp"

#include "pg/boundary.hpp"

extern "C" {
#include "common/keywords.h"
}

namespace confiture::pg {

scanner::scanner(std::string_view text)
    : buffers_("confiture scanner"), tokens_("confiture tokens") {
    memory_scope scope(buffers_);
    const std::string terminated(text);
    state_ = call([&] {
        return scanner_init(terminated.c_str(), &extra_, &ScanKeywords, ScanKeywordTokens);
    });
}

/* The number of an identifier is the grammar's secret, its spelling is not. */
static bool is_name(const char *lexeme) {
    const auto first = static_cast<unsigned char>(lexeme[0]);
    if (first == '"')
        return true;
    const bool letter = (first | 0x20) >= 'a' && (first | 0x20) <= 'z';
    return (letter || first == '_' || first >= 0x80) && lexeme[1] != '\'' && lexeme[1] != '&';
}

token scanner::next() {
    if (--until_reset_ < 0) { // the text of each token is a copy in this context
        tokens_.reset();
        until_reset_ = 4096;
    }
    memory_scope scope(tokens_);
    core_YYSTYPE content;
    content.str = nullptr;
    int location = 0;
    const int code = call([&] { return core_yylex(&content, &location, state_); });
    if (code == 0)
        return {0, static_cast<std::size_t>(location), 0, nullptr};
    // flex ends the current token with a zero byte in its buffer; plpgsql's scanner relies on it
    // too.
    const char *lexeme = extra_.scanbuf + location;
    return {code, static_cast<std::size_t>(location), std::strlen(lexeme),
            code > 255 && is_name(lexeme) ? content.str : nullptr};
}

} // namespace confiture::pg
