#pragma once
/* Text between UTF-8, which files are, and the encoding of this database. */
#include "pg/plain.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace confiture::pg {

/* 'UTF8', 'LATIN1' … */
std::string database_encoding();

struct conversion {
    std::string text;
    /* Bytes before the first character that the database cannot hold, or that would not come back
     * as it was; nothing where all of it was converted. */
    std::optional<std::size_t> refused_at;
};

/* Valid UTF-8 in the encoding of this database; in SQL_ASCII, which has none, as it is. */
conversion from_utf8(const std::string &utf8);

/* Throws pg::error for what is not valid in the encoding of this database, which there is in
 * SQL_ASCII alone. */
std::string to_utf8(const std::string &text);

/* For messages: what the database cannot hold is shown as \u20AC. */
std::string shown_from_utf8(const std::string &utf8);

/* Bytes of the character at `at`, in the encoding of this database. */
std::size_t character_length(std::string_view text, std::size_t at);

} // namespace confiture::pg
