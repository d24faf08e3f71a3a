/*
 * refinery: V1__name.sql, and U1__name.sql, which is no undo script as Flyway's is but a forward
 * migration that may come out of order.  So `auto` takes a folder for refinery's only where Rust
 * lies beside the scripts.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/layouts/variables.hpp"
#include "migration/layouts/versioned_prefix.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

std::optional<prefixed_name> parse(const file &candidate) {
    std::optional<prefixed_name> found = parse_prefixed(base_name(candidate.path));
    return found && found->prefix != 'R' && !found->name.empty() ? found : std::nullopt;
}

bool recognises(const std::vector<file> &files) {
    const bool has_rust = std::any_of(files.begin(), files.end(), [](const file &candidate) {
        return candidate.path.ends_with(".rs");
    });
    return has_rust &&
           any_script(files, [](const file &candidate) { return parse(candidate).has_value(); });
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<script_file> scripts;
    for (const file &candidate : files) {
        if (!is_script(candidate.path))
            continue;
        const std::optional<prefixed_name> found = parse(candidate);
        if (!found)
            refuse_unplaced(candidate, refinery);
        refuse_placeholders(candidate, "Flyway, whose names these are,");
        scripts.push_back({script_kind::up, found->version, found->name, &candidate});
    }
    return assemble(scripts);
}

} // namespace

const layout refinery{"refinery", "V1__name.sql, U1__name.sql (both forward)", recognises, read};

} // namespace confiture::migration::readers
