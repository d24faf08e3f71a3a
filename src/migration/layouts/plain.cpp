/*
 * Our own layout, and whatever is close to it: a version, perhaps a name after `_` or `-`, perhaps
 * .up, .down or .verify.  A version is numbers with dots between them, or with dashes where a `_`
 * or nothing at all follows or where it is a date ('2024-01-31-users.sql').
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

bool is_date(std::string_view text) {
    const std::string_view shape = "dddd-dd-dd";
    return text.size() >= shape.size() &&
           std::equal(shape.begin(), shape.end(), text.begin(), [](char wanted, char found) {
               return wanted == 'd' ? starts_with_digit({&found, 1}) : wanted == found;
           });
}

/* The numbers at the front of `stem` that are joined by one of `separators`. */
std::string_view leading_numbers(std::string_view stem, std::string_view separators) {
    constexpr std::string_view ends =
        "_-"; // a number that is followed by letters belongs to the name
    std::size_t end = 0;
    for (std::size_t at = 0; starts_with_digit(stem.substr(at)); ++at) {
        at = std::min(stem.size(), stem.find_first_not_of("0123456789", at));
        if (at == stem.size())
            return stem;
        if (separators.find(stem[at]) != std::string_view::npos ||
            ends.find(stem[at]) != std::string_view::npos)
            end = at;
        if (separators.find(stem[at]) == std::string_view::npos)
            break;
    }
    return stem.substr(0, end);
}

struct versioned_name {
    std::string_view version, name;
};

std::optional<versioned_name> parse_stem(std::string_view stem) {
    std::string_view version = leading_numbers(stem, ".-");
    const bool dashes_belong = version.size() == stem.size() ||
                               (!version.empty() && stem[version.size()] == '_') || is_date(stem);
    if (!dashes_belong)
        version = leading_numbers(stem, ".");
    if (version.empty())
        return {};
    if (version.size() == stem.size())
        return versioned_name{version, {}};
    if (stem[version.size()] != '_' && stem[version.size()] != '-')
        return {};
    return versioned_name{version, stem.substr(version.size() + 1)};
}

script_kind take_kind(std::string_view &stem) {
    if (strip_suffix(stem, ".down"))
        return script_kind::down;
    if (strip_suffix(stem, ".verify"))
        return script_kind::verify;
    strip_suffix(stem, ".up");
    return script_kind::up;
}

std::optional<script_file> parse(const file &candidate) {
    std::string_view stem = candidate.path;
    if (!strip_suffix(stem, ".sql"))
        return {};
    const script_kind kind = take_kind(stem);
    const std::optional<versioned_name> found = parse_stem(stem);
    if (!found)
        return {};
    return script_file{kind, std::string(found->version), std::string(found->name), &candidate};
}

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        return folder_name(candidate.path).empty() && parse(candidate).has_value();
    });
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<script_file> scripts;
    for (const file *candidate : scripts_at_top(files, plain)) {
        std::optional<script_file> script = parse(*candidate);
        if (!script)
            refuse_unplaced(*candidate, plain);
        scripts.push_back(std::move(*script));
    }
    return assemble(scripts);
}

} // namespace

const layout plain{"plain", "V.sql, V_name.sql, V_name.up.sql, V_name.down.sql, V_name.verify.sql",
                   recognises, read};

} // namespace confiture::migration::readers
