#pragma once
/* Folders written down in a test, and what reading them gives. */
#include "migration/layout.hpp"
#include "pg/error.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace confiture::migration {

inline void PrintTo(const source &migration, std::ostream *out) { *out << migration.version; }

/* The refusal of a folder, empty with a test failure where the folder is accepted. */
inline failure refusal_of(const std::vector<file> &files, std::string_view layout_name = "auto") {
    try {
        read_folder(files, layout_name);
    } catch (const failure &refusal) {
        return refusal;
    }
    ADD_FAILURE() << "the folder was accepted";
    return failure{migration_invalid, ""};
}

inline std::string message_of_refusal(const std::vector<file> &files,
                                      std::string_view layout_name = "auto") {
    return refusal_of(files, layout_name).message;
}

/* The first layout that recognises the folder. */
inline std::string recognised_as(const std::vector<file> &files) {
    for (const layout &each : layouts())
        if (each.recognises(files))
            return each.name;
    return "none";
}

inline std::vector<std::string> versions_of(const std::vector<source> &migrations) {
    std::vector<std::string> versions;
    for (const source &migration : migrations)
        versions.push_back(migration.version);
    return versions;
}

using versions = std::vector<std::string>;

} // namespace confiture::migration
