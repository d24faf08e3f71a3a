/*
 * Prisma: a folder a migration, <version>_<name>/migration.sql.  Prisma itself has no way back, but
 * its manual tells teams to keep the output of `migrate diff` as down.sql there.
 */
#include "migration/layouts/migration_folder.hpp"
#include "migration/layouts/readers.hpp"

namespace confiture::migration::readers {

namespace {

bool recognises(const std::vector<file> &files) {
    return has_migration_folder(files, "migration.sql");
}

source read_one(const migration_folder &folder) {
    const std::optional<numbered_name> named = parse_numbered(folder.path);
    if (!named)
        refuse("folder " + quoted(folder.path) + " has no version that Prisma gives",
               "Its first file is " + quoted(folder.files.begin()->second->path) + ".",
               "Name the folder <version>_<name>.");
    const file *up = folder.find("migration.sql");
    if (!up)
        refuse("folder " + quoted(folder.path) + " has no migration.sql",
               "Its first file is " + quoted(folder.files.begin()->second->path) + ".",
               "Add the forward script or remove the folder.");
    source migration;
    migration.version = named->version;
    migration.name = named->name;
    migration.up = forward_script(*up);
    migration.up_file = up->path;
    if (const file *down = folder.find("down.sql"))
        set_down(migration, *down);
    return migration;
}

std::vector<source> read(const std::vector<file> &files) {
    std::vector<source> migrations;
    for (const migration_folder &folder :
         migration_folders(files, {"migration.sql", "down.sql"}, prisma))
        migrations.push_back(read_one(folder));
    return migrations;
}

} // namespace

const layout prisma{"prisma", "<version>_<name>/migration.sql", recognises, read};

} // namespace confiture::migration::readers
