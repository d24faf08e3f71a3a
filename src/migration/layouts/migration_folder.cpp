#include "migration/layouts/migration_folder.hpp"

#include <algorithm>

namespace confiture::migration::readers {

namespace {

/* A folder at the top whose name begins with a digit. */
bool is_migration_folder(std::string_view folder) {
    return starts_with_digit(folder) && folder.find('/') == std::string_view::npos;
}

} // namespace

const file *migration_folder::find(std::string_view name) const {
    const auto found = files.find(name);
    return found == files.end() ? nullptr : found->second;
}

std::vector<migration_folder> migration_folders(const std::vector<file> &files,
                                                const std::vector<std::string_view> &scripts,
                                                const layout &reader) {
    std::vector<migration_folder> folders;
    for (const file &candidate : files) { // sorted by path, so a folder's files are neighbours
        const std::string_view folder = folder_name(candidate.path);
        const std::string_view name = base_name(candidate.path);
        const bool expected = std::find(scripts.begin(), scripts.end(), name) != scripts.end();
        if (!is_migration_folder(folder)) {
            if (is_script(name) &&
                (expected || starts_with_digit(candidate.path) || starts_with_digit(name)))
                refuse_unplaced(candidate, reader);
            continue;
        }
        if (is_script(name) && !expected)
            refuse_unplaced(candidate, reader);
        if (folders.empty() || folders.back().path != folder)
            folders.push_back({std::string(folder), {}});
        folders.back().files.emplace(name, &candidate);
    }
    /* A folder of notes or code that begins with a digit is no migration. */
    folders.erase(std::remove_if(folders.begin(), folders.end(),
                                 [](const migration_folder &folder) {
                                     return std::none_of(
                                         folder.files.begin(), folder.files.end(),
                                         [](const auto &each) { return is_script(each.first); });
                                 }),
                  folders.end());
    return folders;
}

bool has_migration_folder(const std::vector<file> &files, std::string_view script) {
    return std::any_of(files.begin(), files.end(), [&](const file &candidate) {
        return is_migration_folder(folder_name(candidate.path)) &&
               base_name(candidate.path) == script;
    });
}

} // namespace confiture::migration::readers
