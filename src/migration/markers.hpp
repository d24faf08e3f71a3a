#pragma once
/*
 * The comments by which migration tools mark the parts of a file.  Where nobody has understood one,
 * the part that it begins would run with the rest: a way back would run forward.
 */
#include "pg/plain.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace confiture::migration {

/* The tool whose marker the line looks like, as that tool may read it: without regard to what is
 * around it.  Lines in strings and in bodies count too, for tools read lines and no SQL. */
std::optional<std::string_view> tool_of_marker(std::string_view text);

/* Refuses a text that has such a line and where `understood` is false of it.  Takes the number of
 * the line, from 1, and its text. */
void refuse_markers(std::string_view text, std::string_view file,
                    const std::function<bool(int, std::string_view)> &understood);

/* Refuses a script that has a heading of the other direction, such as '-- Down' or '-- Rollback',
 * between its statements, and statements below it. */
void refuse_opposite_headings(std::string_view script, std::string_view file, bool forward);

/* Does the name of a script say that it goes back?  '001_users.undo.sql', '001_down.sql', and
 * '001_users_down.sql' where the folder has names that end in '_up' too: else it may be what the
 * migration is about, as in '001_scale_down.sql'. */
bool is_named_backward(std::string_view file_name, bool folder_has_up);

/* '001_users_up.sql' */
bool is_named_up(std::string_view file_name);

} // namespace confiture::migration
