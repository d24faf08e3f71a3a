#include "migration/encoding.hpp"

#include "migration/layouts/reading.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"

#include <string>

namespace confiture::migration {

namespace {

std::string detail_of(const std::string &text, std::size_t at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        end++;
    return "The character is " + pg::shown_from_utf8(text.substr(at, end - at)) +
           "; the database is in " + pg::database_encoding() + ".";
}

constexpr const char *advice =
    "Write it without the character, or load the folder into a database in UTF8.";

std::string converted_script(const std::string &script, const std::string &path) {
    pg::conversion found = pg::from_utf8(script);
    if (!found.refused_at)
        return std::move(found.text);
    const readers::position where = readers::position_of(script, *found.refused_at);
    throw failure{migration_invalid,
                  "file \"" + pg::shown_from_utf8(path) + "\", line " + std::to_string(where.line) +
                      ", column " + std::to_string(where.column) +
                      ", has a character that this database cannot hold",
                  detail_of(script, *found.refused_at), advice};
}

std::string converted_name(const std::string &name, const std::string &path) {
    pg::conversion found = pg::from_utf8(name);
    if (!found.refused_at)
        return std::move(found.text);
    throw failure{migration_invalid,
                  "name of file \"" + pg::shown_from_utf8(path) +
                      "\" has a character that this database cannot hold",
                  detail_of(name, *found.refused_at),
                  "Rename the file, or load the folder into a database in UTF8."};
}

} // namespace

source in_database_encoding(const source &migration) {
    source converted = migration;
    for (std::string source::*file : {&source::up_file, &source::down_file, &source::verify_file})
        converted.*file = converted_name(migration.*file, migration.*file);
    for (std::string source::*name : {&source::version, &source::name})
        converted.*name = converted_name(migration.*name, migration.up_file);
    for (std::string &version : converted.depends)
        version = converted_name(version, migration.up_file);
    converted.up = converted_script(migration.up, migration.up_file);
    if (migration.down)
        converted.down = converted_script(*migration.down, migration.down_file);
    if (migration.verify)
        converted.verify = converted_script(*migration.verify, migration.verify_file);
    return converted;
}

void in_utf8(const std::function<void()> &work) {
    try {
        work();
    } catch (failure &told) {
        for (std::string failure::*text : {&failure::message, &failure::detail, &failure::hint})
            told.*text = pg::shown_from_utf8(told.*text);
        throw;
    }
}

} // namespace confiture::migration
