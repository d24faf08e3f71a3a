/*
 * graphile-migrate: committed/000001.sql or committed/000001-message.sql, with `--! Name: value`
 * lines at the top that are comments to us but for `--! no-transaction`.  Only what is committed is
 * a migration: current.sql, fixtures and hooks beside that folder are left out.  The folder
 * committed itself may be named too.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/variables.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

constexpr std::string_view committed = "committed/";

std::optional<script_file> parse(const file &candidate) {
    std::string_view stem = base_name(candidate.path);
    if (!strip_suffix(stem, ".sql"))
        return {};
    const std::string_view version = stem.substr(0, stem.find('-'));
    if (version.size() < 6 || !is_number(version))
        return {};
    stem.remove_prefix(version.size());
    if (!stem.empty())
        stem.remove_prefix(1);
    return script_file{script_kind::up, std::string(version), std::string(stem), &candidate};
}

/* Is there a `--! no-transaction` among the lines before the first statement? */
bool wants_no_transaction(std::string_view content) {
    for (const line &each : lines_of(content)) {
        const std::string_view text = trimmed(each.text);
        if (text.starts_with("--!") && trimmed(text.substr(3)) == "no-transaction")
            return true;
        if (!text.empty() && !text.starts_with("--"))
            return false;
    }
    return false;
}

/* What graphile-migrate writes at the head of what it commits. */
bool understands(int, std::string_view text) {
    if (!text.starts_with("--!"))
        return false;
    const std::string_view said = trimmed(text.substr(3));
    constexpr std::string_view keys[] = {"Previous:", "Hash:", "Message:", "AllowInvalidHash"};
    return said == "no-transaction" ||
           std::any_of(std::begin(keys), std::end(keys),
                       [&](std::string_view key) { return said.starts_with(key); });
}

bool is_committed(const file &candidate) {
    return candidate.path.starts_with(committed) &&
           folder_name(candidate.path).size() + 1 == committed.size();
}

/* A script that graphile-migrate itself committed, in the folder that was named. */
bool is_committed_here(const file &candidate) {
    return folder_name(candidate.path).empty() && candidate.content.starts_with("--! Previous:") &&
           parse(candidate);
}

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        return (is_committed(candidate) && parse(candidate)) || is_committed_here(candidate);
    });
}

std::vector<source> read(const std::vector<file> &files) {
    const bool has_folder =
        any_script(files, [](const file &candidate) { return is_committed(candidate); });
    std::vector<script_file> scripts;
    for (const file &candidate : files) {
        const bool in_place = has_folder ? candidate.path.starts_with(committed)
                                         : folder_name(candidate.path).empty();
        if (!is_script(candidate.path) || !in_place)
            continue;
        std::optional<script_file> script = parse(candidate);
        if (!script || (has_folder && !is_committed(candidate)))
            refuse_unplaced(candidate, graphile_migrate);
        refuse_graphile_placeholders(candidate);
        script->transactional = !wants_no_transaction(candidate.content);
        scripts.push_back(std::move(*script));
    }
    return assemble(scripts);
}

} // namespace

const layout graphile_migrate{"graphile-migrate",
                              "committed/NNNNNN.sql, committed/NNNNNN-message.sql", recognises,
                              read, understands};

} // namespace confiture::migration::readers
