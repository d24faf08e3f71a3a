#pragma once
/*
 * Folder layouts: how the tools that teams already use name and mark up their migrations.
 * One reader a file in layouts/; the list of them is in layout.cpp.
 */
#include "migration/source.hpp"

namespace confiture::migration {

struct layout {
    const char *name = nullptr; // as load_migrations(layout => …) takes it
    /* One line for messages and docs: 'V1__name.sql, U1__name.sql, R__name.sql'. */
    const char *shape = nullptr;

    /* Does this look like a folder of ours?  Files are sorted by path. */
    bool (*recognises)(const std::vector<file> &files) = nullptr;

    /* Reads the folder.  Throws failure{migration_invalid} naming file, line and what is wrong. */
    std::vector<source> (*read)(const std::vector<file> &files) = nullptr;

    /* Has the reader acted on this line of a file, from 1, or may it stand as a comment?  Asked of
     * lines that look like a tool's marker; without it none of them is understood. */
    bool (*understands)(int line, std::string_view text) = nullptr;
};

/* The layouts in the order in which `auto` tries them: the most telling marks first. */
const std::vector<layout> &layouts();

/* Reads a folder by the named layout, or by the first that recognises it ('auto'), and refuses it
 * whole where a file is not valid UTF-8 or empty, where two files have one version, or where one
 * version equals another in version order ('1' and '001').  Sorted in version order, repeatable
 * migrations last in name order.  Throws failure{migration_invalid}, or {configuration_invalid}
 * for an unknown layout. */
std::vector<source> read_folder(std::vector<file> files, std::string_view layout_name);

/* Is it a program by its name?  Those are not read, but tell which tool the folder is for. */
bool is_program(std::string_view path);

/* Migrations of the folder that are programs, such as 20240101_backfill.go: the server cannot run
 * them.  Sorted by path. */
std::vector<std::string> programs_among(const std::vector<file> &files);

} // namespace confiture::migration
