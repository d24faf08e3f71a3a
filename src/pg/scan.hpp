#pragma once
/* The server's scanner, token by token. */
#include "pg/postgres.hpp"

#include "pg/memory.hpp"

namespace confiture::pg {

struct token {
    int code; // 0 at the end, the character itself for a single one, else the grammar's number
    std::size_t offset;
    std::size_t length;
    const char *name; // of an identifier (folded, unquoted) or a keyword; valid until next()
};

/* Tokens of one text.  Throws pg::error for what is no token, such as an unterminated string; its
 * position() counts in the text given here. */
class scanner {
public:
    explicit scanner(std::string_view text);
    scanner(const scanner &) = delete;
    scanner &operator=(const scanner &) = delete;

    token next();

private:
    memory_context buffers_;
    memory_context tokens_;
    core_yy_extra_type extra_{};
    core_yyscan_t state_;
    int until_reset_ = 0;
};

} // namespace confiture::pg
