#pragma once
/* Layouts that give each migration a folder of its own, named by its version: diesel and Prisma. */
#include "migration/layouts/reading.hpp"

#include <map>

namespace confiture::migration::readers {

struct migration_folder {
    std::string path;
    std::map<std::string, const file *, std::less<>> files; // by their names

    const file *find(std::string_view name) const;
};

/*
 * The folders that hold migrations: those whose name begins with a digit.  `scripts` are the names
 * of the scripts that such a folder may have; any other script in it is refused, and so is one of
 * these names in another folder.  Scripts elsewhere are none of the tool's and left out, unless
 * their own name begins with a number as if they were migrations: those are refused.
 */
std::vector<migration_folder> migration_folders(const std::vector<file> &files,
                                                const std::vector<std::string_view> &scripts,
                                                const layout &reader);

/* Is there a folder '2024…' with a script of that name in it? */
bool has_migration_folder(const std::vector<file> &files, std::string_view script);

} // namespace confiture::migration::readers
