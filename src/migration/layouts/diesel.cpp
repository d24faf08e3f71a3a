/*
 * diesel: a folder a migration, <version>_<name>/up.sql with down.sql and metadata.toml.  diesel
 * strips the dashes of a version (2014-09-24-113530 is 20140924113530) and sorts what is left as
 * text.  Its newer versions have a fraction after the timestamp (2026-07-30-140000-0000), which
 * gets a dot here: as a number of 18 digits it would come after every timestamp of 14.
 */
#include "migration/layouts/migration_folder.hpp"
#include "migration/layouts/readers.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

bool recognises(const std::vector<file> &files) { return has_migration_folder(files, "up.sql"); }

constexpr std::size_t timestamp_digits = 14;

std::string parse_version(std::string_view text) {
    std::string version(text);
    version.erase(std::remove(version.begin(), version.end(), '-'), version.end());
    if (is_number(version) && version.size() > timestamp_digits)
        version.insert(timestamp_digits, 1, '.');
    return version;
}

source read_one(const migration_folder &folder) {
    const std::string_view path = folder.path;
    const std::size_t separator = path.find('_');
    source migration;
    migration.version = parse_version(path.substr(0, separator));
    if (path.substr(0, separator).find_first_not_of("0123456789-") != std::string_view::npos)
        refuse("folder " + quoted(path) + " has no version that diesel knows",
               quoted(path.substr(0, separator)) + " is not made of digits and dashes.",
               "Name the folder <version>_<name>.");
    if (separator != std::string_view::npos)
        migration.name = path.substr(separator + 1);

    const file *up = folder.find("up.sql");
    if (!up)
        refuse("folder " + quoted(path) + " has no up.sql",
               "Its first file is " + quoted(folder.files.begin()->second->path) + ".",
               "Add the forward script or remove the folder.");
    migration.up = forward_script(*up);
    migration.up_file = up->path;
    if (const file *down = folder.find("down.sql"))
        set_down(migration, *down);
    if (const file *metadata = folder.find("metadata.toml"))
        migration.transactional = read_flag(*metadata, "run_in_transaction", true);
    return migration;
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<source> migrations;
    for (const migration_folder &folder : migration_folders(files, {"up.sql", "down.sql"}, diesel))
        migrations.push_back(read_one(folder));
    return migrations;
}

} // namespace

const layout diesel{"diesel", "<version>_<name>/up.sql, down.sql, metadata.toml", recognises, read};

} // namespace confiture::migration::readers
