#pragma once
/*
 * What the layout readers have in common: paths, lines and parts of files, and putting the files of
 * one migration together.
 */
#include "migration/layout.hpp"
#include "pg/error.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::migration::readers {

/* '"001_users.up.sql"', for messages. */
std::string quoted(std::string_view text);

/* Refuses the folder, with failure{migration_invalid}. */
[[noreturn]] void refuse(std::string message, std::string detail = {}, std::string hint = {});

/* Refuses a script that the layout has no place for. */
[[noreturn]] void refuse_unplaced(const file &unplaced, const layout &reader);

/* ---- paths ---- */

std::string_view base_name(std::string_view path);
std::string_view folder_name(std::string_view path); // '' for a file at the top
bool is_script(std::string_view path);               // ends in .sql, in any case
bool starts_with_digit(std::string_view text);
bool is_number(std::string_view text); // digits, at least one
bool strip_suffix(std::string_view &text, std::string_view suffix);

/* A number, `_` and a name ('20240131_users'), as most tools name a migration. */
struct numbered_name {
    std::string_view version;
    std::string_view name;
};
std::optional<numbered_name> parse_numbered(std::string_view stem);

/* The scripts at the top of the folder, for tools that look nowhere else.  A script deeper down is
 * none of theirs and left out (a folder of seeds), unless its name begins with a number as if it
 * were a migration: that is refused rather than silently passed over. */
std::vector<const file *> scripts_at_top(const std::vector<file> &files, const layout &reader);

bool any_script(const std::vector<file> &files, const std::function<bool(const file &)> &telling);

/* ---- contents ---- */

bool is_blank(std::string_view text); // nothing but white space

struct line {
    std::string_view text; // without its end
    std::size_t start;     // bytes from the start of the file
    std::size_t next;      // where the next line starts
    int number;            // from 1
};
std::vector<line> lines_of(std::string_view content);

std::string_view trimmed(std::string_view text);
bool equal_ignoring_case(std::string_view left, std::string_view right);

/* Refuses what would be lost in front of the part that begins with the line `part`: statements and
 * our own directives.  `place` is that line's. */
void refuse_content_before(std::string_view text, std::string_view part, const std::string &place);

/* The bytes from `start` to `end` with each line before them left empty. */
std::string part_of(std::string_view content, std::size_t start, std::size_t end);

/* A file's script, refused when the file is blank. */
const std::string &forward_script(const file &origin);

/* A script that is optional: none where there is neither a statement nor a hook in it. */
std::optional<std::string> optional_script(std::string script);

/* Takes over the backward or the verify script of a file, if there is something in it. */
void set_down(source &migration, const file &origin);
void set_verify(source &migration, const file &origin);

/* A line `key = false` or `key = true` of a TOML or properties file; `fallback` without one. */
bool read_flag(const file &settings, std::string_view key, bool fallback);

/* ---- files that belong together by their version ---- */

enum class script_kind { up, down, verify };

struct script_file {
    script_kind kind;
    std::string version;
    std::string name;
    const file *origin;
    bool transactional = true;
    bool may_be_blank = false;
};

/* One migration for each version.  Refuses two files of one kind for one version, and backward or
 * verify scripts without a forward one. */
std::vector<source> assemble(const std::vector<script_file> &scripts);

/* ---- encoding ---- */

/* A place in UTF-8 text, both from 1; columns count characters. */
struct position {
    int line, column;
};
position position_of(std::string_view text, std::size_t offset);

/* Drops a byte order mark and refuses what is not UTF-8 or has NUL bytes. */
void accept_encoding(file &candidate);

} // namespace confiture::migration::readers
