/*
 * golang-migrate and sqlx: N_name.up.sql with N_name.down.sql; sqlx has N_name.sql too, and runs a
 * script outside a transaction when its first line is `-- no-transaction`.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

constexpr std::string_view no_transaction = "-- no-transaction"; // where the file begins

std::optional<script_file> parse(const file &candidate) {
    std::string_view stem = candidate.path;
    if (!strip_suffix(stem, ".sql"))
        return {};
    const bool down = strip_suffix(stem, ".down");
    if (!down)
        strip_suffix(stem, ".up");
    const std::optional<numbered_name> found = parse_numbered(stem);
    if (!found)
        return {};
    return script_file{down ? script_kind::down : script_kind::up, std::string(found->version),
                       std::string(found->name), &candidate,
                       !candidate.content.starts_with(no_transaction)};
}

/* Further down it is a comment to sqlx too. */
bool understands(int, std::string_view text) { return text.starts_with(no_transaction); }

/* Only when every script fits: a folder that has more to it is for the plain layout to explain. */
bool recognises(const std::vector<file> &files) {
    const auto at_top = [](const file &candidate) { return folder_name(candidate.path).empty(); };
    const auto fits = [](const file &candidate) {
        return parse(candidate) && !candidate.path.ends_with(".verify.sql");
    };
    return any_script(files, at_top) && !any_script(files, [&](const file &candidate) {
               return at_top(candidate) && !fits(candidate);
           });
}

std::vector<source> read_as(const layout &reader, const std::vector<file> &files) {
    std::vector<script_file> scripts;
    for (const file *candidate : scripts_at_top(files, reader)) {
        std::optional<script_file> script = parse(*candidate);
        if (!script)
            refuse_unplaced(*candidate, reader);
        scripts.push_back(std::move(*script));
    }
    return assemble(scripts);
}

} // namespace

const layout golang_migrate{
    "golang-migrate", "N_name.up.sql, N_name.down.sql", recognises,
    [](const std::vector<file> &files) { return read_as(golang_migrate, files); }, understands};

const layout sqlx{"sqlx", "N_name.sql, or N_name.up.sql and N_name.down.sql", recognises,
                  [](const std::vector<file> &files) { return read_as(sqlx, files); }, understands};

} // namespace confiture::migration::readers
