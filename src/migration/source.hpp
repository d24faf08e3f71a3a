#pragma once
/* What a folder of migrations is made of, before and after a layout reader has understood it. */
#include "pg/plain.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace confiture::migration {

/* A file as it was found: its path below the folder, '/' between the parts, and its bytes. */
struct file {
    std::string path;
    std::string content;
};

/* One migration as a reader hands it on.  Where a script is a part of a file, the lines before it
 * are left empty, so that line 7 of the script is line 7 of the file. */
struct source {
    std::string version;
    std::string name;
    std::string up;
    std::optional<std::string> down;
    std::optional<std::string> verify;
    std::string up_file; // for messages: the file the forward script came from
    std::string down_file;
    std::string verify_file;
    bool transactional = true;
    bool repeatable = false;
    std::string lock_timeout; // '2s'; empty for none
    std::vector<std::string> depends;
};

} // namespace confiture::migration
