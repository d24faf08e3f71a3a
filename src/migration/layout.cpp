#include "migration/layout.hpp"

#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/markers.hpp"
#include "migration/version.hpp"

#include <algorithm>
#include <set>

namespace confiture::migration {

namespace {

using readers::quoted;
using readers::refuse;

/* Editors and operating systems leave hidden files about ('.#001.sql', '._001.sql', '.git/'). */
bool is_hidden(const file &candidate) {
    return candidate.path.starts_with('.') || candidate.path.find("/.") != std::string::npos;
}

/* The files that a reader reads; what else lies in the folder may have any encoding. */
bool is_read(const file &candidate) {
    const std::string_view name = readers::base_name(candidate.path);
    return readers::is_script(name) || name == "sqitch.plan" || name == "metadata.toml" ||
           name.ends_with(".sql.conf");
}

std::string list_of(std::string (*shown)(const layout &), const char *separator) {
    std::string list;
    for (const layout &each : layouts())
        list += (list.empty() ? "" : separator) + shown(each);
    return list;
}

const layout &choose(const std::vector<file> &files, std::string_view name) {
    for (const layout &each : layouts())
        if (name == "auto" ? each.recognises(files) : name == each.name)
            return each;
    if (name != "auto")
        throw failure{configuration_invalid,
                      "unknown layout " + quoted(name),
                      {},
                      "The layouts are auto, " +
                          list_of([](const layout &each) { return std::string(each.name); }, ", ") +
                          "."};

    const auto script = std::find_if(files.begin(), files.end(), [](const file &candidate) {
        return readers::is_script(candidate.path);
    });
    if (script == files.end())
        refuse("folder has no migrations", "There is no .sql file in it.",
               "Name the folder that holds the migrations themselves.");
    refuse(
        "folder has no layout that is known",
        "Its first script is " + quoted(script->path) + ". The layouts are " +
            list_of([](const layout &each) { return each.name + (": " + std::string(each.shape)); },
                    "; ") +
            ".",
        "Name the folder that holds the migrations themselves, or rename the files.");
}

bool comes_before(const source &left, const source &right) {
    if (left.repeatable != right.repeatable)
        return right.repeatable;
    return left.repeatable ? left.name < right.name
                           : compare_versions(left.version, right.version) < 0;
}

void refuse_equal_versions(const std::vector<source> &sorted) {
    const auto same = std::adjacent_find(
        sorted.begin(), sorted.end(),
        [](const source &left, const source &right) { return !comes_before(left, right); });
    if (same == sorted.end())
        return;
    const source &left = *same, &right = *(same + 1);
    refuse("files " + quoted(left.up_file) + " and " + quoted(right.up_file) + " have one version",
           left.version == right.version ? "Both are version " + quoted(left.version) + "."
                                         : quoted(left.version) + " and " + quoted(right.version) +
                                               " are equal in version order.",
           "Give one of them another version.");
}

/* What a tool marks as a way back must not run forward because another tool's reader took it. */
void refuse_foreign_parts(const std::vector<source> &migrations, const std::vector<file> &files,
                          const layout &reader) {
    std::set<std::string_view> used;
    const bool has_up = std::any_of(files.begin(), files.end(), [](const file &each) {
        return is_named_up(readers::base_name(each.path));
    });
    for (const source &each : migrations) {
        used.insert({each.up_file, each.down_file, each.verify_file});
        if (is_named_backward(readers::base_name(each.up_file), has_up))
            refuse("file " + quoted(each.up_file) + " would run forward",
                   "Its name says that it is a way back.",
                   "Name it as the layout names one: the layout is " + std::string(reader.shape) +
                       ".");
    }
    for (const file &each : files)
        if (used.count(each.path) > 0)
            refuse_markers(each.content, each.path, [&](int line, std::string_view text) {
                return reader.understands && reader.understands(line, text);
            });
    for (const source &each : migrations) {
        refuse_opposite_headings(each.up, each.up_file, true);
        if (each.down)
            refuse_opposite_headings(*each.down, each.down_file, false);
    }
}

} // namespace

const std::vector<layout> &layouts() {
    static const std::vector<layout> in_order{
        readers::sqitch,   readers::prisma,         readers::diesel, readers::graphile_migrate,
        readers::refinery, readers::flyway,         readers::goose,  readers::dbmate,
        readers::pop,      readers::golang_migrate, readers::sqlx,   readers::plain,
    };
    return in_order;
}

bool is_program(std::string_view path) {
    constexpr std::string_view endings[] = {".go", ".rs", ".py", ".js",   ".ts", ".rb",
                                            ".ex", ".cs", ".kt", ".java", ".php"};
    return std::any_of(std::begin(endings), std::end(endings),
                       [&](std::string_view ending) { return path.ends_with(ending); });
}

std::vector<std::string> programs_among(const std::vector<file> &files) {
    std::vector<std::string> programs;
    for (const file &candidate : files) {
        std::string_view name = readers::base_name(candidate.path);
        if (!is_program(name) || is_hidden(candidate))
            continue;
        if (name.front() == 'V' || name.front() == 'U' || name.front() == 'R')
            name.remove_prefix(1);
        if ((name.front() >= '0' && name.front() <= '9') || name.starts_with("__"))
            programs.push_back(candidate.path);
    }
    std::sort(programs.begin(), programs.end());
    return programs;
}

std::vector<source> read_folder(std::vector<file> files, std::string_view layout_name) {
    files.erase(std::remove_if(files.begin(), files.end(), is_hidden), files.end());
    std::sort(files.begin(), files.end(),
              [](const file &left, const file &right) { return left.path < right.path; });
    for (file &candidate : files)
        if (is_read(candidate))
            readers::accept_encoding(candidate);

    const layout &reader = choose(files, layout_name);
    std::vector<source> migrations = reader.read(files);
    refuse_foreign_parts(migrations, files, reader);
    if (migrations.empty())
        refuse("folder has no migrations of layout " + quoted(layout_name), {},
               "Name the folder that holds the migrations themselves.");
    std::stable_sort(migrations.begin(), migrations.end(), comes_before);
    refuse_equal_versions(migrations);
    return migrations;
}

} // namespace confiture::migration
