#pragma once
/* A script as the server's own scanner and parser see it, in plain values. */
#include "pg/plain.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::pg {

enum class statement_kind : std::uint8_t {
    plain, // runs inside a transaction
    begin, // BEGIN, START TRANSACTION
    commit,
    rollback, // and what else would end the transaction in another way
    savepoint,
    rollback_to,
    release,
    concurrently,   // not in a transaction, but there is a plain form
    top_level_only, // not in a transaction, and there is no plain form
};

/* One top-level statement and where it stands. */
struct statement {
    std::int32_t offset; // bytes from the start of the script to its first token
    std::int32_t length; // bytes up to the end of its last token, without the semicolon
    std::int32_t line;   // from 1
    std::int32_t column; // in characters, from 1
    std::int32_t tag;    // see tag_name()
    statement_kind kind;
};

/* A comment of ours: `-- confiture: …`, without the line end. */
struct directive_comment {
    std::int32_t offset;
    std::int32_t length;
    std::int32_t line;
};

struct script {
    std::string file; // for messages; may be empty
    std::string text; // as given, but for pg_dump's \restrict lines, which are blank
    std::vector<statement> statements;
    std::vector<directive_comment> directives;

    std::string_view text_of(const statement &part) const {
        return std::string_view(text).substr(static_cast<std::size_t>(part.offset),
                                             static_cast<std::size_t>(part.length));
    }
};

/* In bytes.  The server's own limit of 1 GB leaves no room for what a script is turned into. */
inline constexpr std::size_t largest_script = std::size_t{256} * 1024 * 1024;

/* Parses a script whole.  `file` names it in messages.  Throws failure{migration_invalid} naming
 * file, line, column and token for what the server does not parse, for psql's meta-commands, for
 * COPY from STDIN or to STDOUT, and for more than largest_script. */
script parse_script(std::string text, std::string file);

/* 'CREATE TABLE' */
const char *tag_name(std::int32_t tag);

/* How a statement of the kinds commit and rollback ends the transaction. */
enum class transaction_ending : std::uint8_t {
    plain,
    chained,  // AND CHAIN
    prepared, // PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED
};

/* What more is known of a statement; reads it again. */
struct statement_facts {
    transaction_ending ending = transaction_ending::plain;
    bool has_transaction_modes = false; // of BEGIN
    std::string savepoint;              // of the savepoint kinds
    std::vector<std::string> makes; // names that later statements may lean on, where it did not run
    std::string enum_type;          // that CREATE TYPE … AS ENUM or ALTER TYPE names, unqualified
    std::string enum_label;         // that ALTER TYPE … ADD VALUE adds
    std::string relation;           // that a CONCURRENTLY works on, quoted, as written
    bool relation_is_index = false; // … and it names the index
    std::string table;              // that CREATE INDEX works on, unqualified and unquoted
    bool tolerant = false;          // CREATE INDEX IF NOT EXISTS
};
statement_facts facts_of(std::string_view statement);

/* A place in a text; columns count characters. */
struct place {
    std::int32_t line, column;
};
place place_of(std::string_view text, std::size_t offset);

/* Bytes from the start of `text` to its character `position` (from 1, as the server counts). */
std::size_t offset_of_character(std::string_view text, int position);

/* The identifiers and keywords of a statement, folded and unquoted, in their order. */
std::vector<std::string> names_in(std::string_view statement);

/* Those that an opening parenthesis follows. */
std::vector<std::string> calls_in(std::string_view statement);

/* Does an identifier of the statement name one of these objects?  By the scanner's tokens, so not
 * in strings, comments or parts of other names. */
bool mentions(std::string_view statement, const std::vector<std::string> &names);

} // namespace confiture::pg
