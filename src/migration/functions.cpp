/* The SQL functions of migration.sql. */
#include "migration/directives.hpp"
#include "migration/encoding.hpp"
#include "migration/layout.hpp"
#include "migration/layouts/reading.hpp"
#include "migration/markers.hpp"
#include "migration/pruning.hpp"
#include "migration/registry.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/parse.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

#include <filesystem>
#include <fstream>
#include <set>

namespace confiture::migration {

namespace {

void emit(const pg::arguments &arguments, const std::vector<registration> &registrations) {
    pg::row_set rows(arguments);
    for (const registration &done : registrations)
        rows.add({pg::text(done.version), pg::text(done.name), pg::text(done.action)});
}

/* Members of the options of register_migration(). */
void read_options(const std::vector<json_member> &members, source &given) {
    for (const json_member &member : members) {
        if (member.key == "transactional" && member.type == json_member::kind::boolean)
            given.transactional = member.text == "true";
        else if (member.key == "lock_timeout" && member.type == json_member::kind::string &&
                 is_timeout(member.text))
            given.lock_timeout = member.text;
        else if (member.key == "depends" && member.type == json_member::kind::strings)
            given.depends = member.texts;
        else
            throw failure{configuration_invalid,
                          "invalid option \"" + member.key + "\" of a migration",
                          "A migration takes transactional (boolean), lock_timeout (text such as "
                          "\"2s\") and depends (array of versions)."};
    }
}

/* Of whole texts nobody has understood a marker. */
void refuse_parts(const std::optional<std::string> &script) {
    if (script)
        refuse_markers(*script, {}, [](int, std::string_view) { return false; });
}

void hold_to_what_folders_are_held_to(const source &given) {
    if (readers::is_blank(given.up))
        throw failure{migration_invalid, "forward script is empty",
                      "A migration needs a forward script.",
                      "Write the script, or a comment that says why there is nothing to do."};
    refuse_parts(given.up);
    refuse_parts(given.down);
    refuse_parts(given.verify);
    refuse_opposite_headings(given.up, {}, true);
    if (given.down)
        refuse_opposite_headings(*given.down, {}, false);
}

bool is_part_of_a_folder(const std::filesystem::path &path) {
    const std::string extension = path.extension().string();
    return extension == ".sql" || extension == ".toml" || extension == ".conf" ||
           extension == ".plan" || is_program(path.native());
}

/* A folder is in memory whole, several times over while it is compared and stored. */
constexpr std::uintmax_t largest_folder = 2 * pg::largest_script;

void refuse_too_large(const std::string &path, std::uintmax_t size, std::uintmax_t total) {
    if (size > pg::largest_script)
        throw failure{migration_invalid, "file \"" + path + "\" is too large",
                      "It has " + std::to_string(size) + " bytes; the limit is " +
                          std::to_string(pg::largest_script) + ".",
                      "Split it into several migrations."};
    if (total > largest_folder)
        throw failure{migration_invalid, "folder is too large",
                      "Its files have more than " + std::to_string(largest_folder) + " bytes.",
                      "Load it in parts, or keep bulk data out of the migrations."};
}

/* Everything here is UTF-8, the directory and the messages too. */
std::vector<file> read_directory(const std::string &directory) {
    namespace fs = std::filesystem;
    std::error_code status;
    std::vector<file> files;
    std::uintmax_t total = 0;
    const auto refuse = [&](const std::string &path) {
        throw failure{migration_invalid, "could not read \"" + path + "\"", status.message() + ".",
                      "The server reads it, as the operating system's user that it runs as."};
    };
    if (!fs::is_directory(directory, status)) {
        if (!status)
            status = std::make_error_code(std::errc::not_a_directory);
        refuse(directory);
    }
    const std::string root = (fs::path(directory) / "").generic_string();
    std::set<fs::path> visited{fs::canonical(directory, status)}; // links may go round
    constexpr auto links = fs::directory_options::follow_directory_symlink;
    for (fs::recursive_directory_iterator at(directory, links, status), end; at != end;
         at.increment(status)) {
        if (status)
            refuse(directory);
        if (at->path().filename().native().front() == '.') { // hidden, as .git is
            at.disable_recursion_pending();
            continue;
        }
        pg::check_for_interrupts();
        if (at->is_directory(status) && !visited.insert(fs::canonical(at->path(), status)).second)
            at.disable_recursion_pending();
        if (!at->is_regular_file(status) || !is_part_of_a_folder(at->path()))
            continue;
        const std::string path = at->path().generic_string().substr(root.size());
        files.push_back({path, {}});
        if (is_program(path))
            continue;
        const std::uintmax_t size = at->file_size(status);
        if (status)
            refuse(at->path().string());
        total += size;
        refuse_too_large(path, size, total);
        std::string &content = files.back().content;
        content.resize(size + 1); // one more, to see that the file does not go on
        std::ifstream stream(at->path(), std::ios::binary);
        stream.read(content.data(), static_cast<std::streamsize>(content.size()));
        if (!stream.is_open() || stream.bad()) {
            status = std::make_error_code(std::errc::permission_denied);
            refuse(at->path().string());
        }
        content.resize(static_cast<std::size_t>(stream.gcount()));
        if (content.size() != size)
            throw failure{migration_invalid, "file \"" + path + "\" changed while it was read", "",
                          "Load the folder again."};
    }
    if (status)
        refuse(directory);
    return files;
}

void warn_of_programs(const std::vector<file> &files) {
    const std::vector<std::string> programs = programs_among(files);
    if (!programs.empty()) {
        constexpr std::size_t most = 10;
        std::string names;
        for (std::size_t i = 0; i < programs.size() && i < most; i++)
            names += (i ? ", " : "") + pg::shown_from_utf8(programs[i]);
        pg::warn("migrations that are programs were left out",
                 std::to_string(programs.size()) + " of them: " + names +
                     (programs.size() > most ? ", ..." : "") + ".",
                 "The server runs SQL alone: what they do is missing where a later migration "
                 "needs it.");
    }
}

struct loading {
    std::string layout;
    bool replace, prune;
    std::string folder; // its name
};

std::vector<registration> register_folder(std::vector<file> files, const loading &how) {
    warn_of_programs(files);
    std::vector<source> migrations;
    in_utf8([&] { migrations = read_folder(std::move(files), pg::to_utf8(how.layout)); });
    for (source &each : migrations)
        each = in_database_encoding(each);
    std::vector<registration> registrations = register_all(migrations, how.replace, how.folder);
    if (how.prune)
        for (registration &each : prune(migrations, how.folder))
            registrations.push_back(std::move(each));
    return registrations;
}

/* Temporary tables of other sessions have other schemas. */
std::string folder_of_table(const std::string &table) {
    if (!table.starts_with("pg_temp_"))
        return "table " + table;
    return "table pg_temp" + table.substr(std::min(table.size(), table.find('.')));
}

/* Paths are UTF-8 as bytea, or in the encoding of the database. */
std::vector<file> read_table(const std::string &table) {
    const bool has_bytes = pg::query("SELECT pg_typeof((SELECT path FROM " + table +
                                     " LIMIT 1))::text")[0][0] == "bytea";
    const std::string path = has_bytes ? "encode(path, 'escape')" : "path::pg_catalog.text";
    const std::string largest =
        "SELECT " + path + ", octet_length(content), sum(octet_length(content)) OVER () FROM " +
        table + " WHERE content IS NOT NULL ORDER BY 2 DESC LIMIT 1";
    for (const pg::record &row : pg::query(largest))
        refuse_too_large(row[0].value_or(""), std::stoull(row[1].value()),
                         std::stoull(row[2].value()));
    std::vector<file> files;
    for (pg::record &row : pg::query("SELECT " + std::string(has_bytes ? "path" : path.c_str()) +
                                     ", content FROM " + table)) {
        const std::string found = row[0].value_or("");
        files.push_back({has_bytes ? found : pg::to_utf8(found), std::move(row[1]).value_or("")});
    }
    return files;
}

} // namespace

CONFITURE_FUNCTION(confiture_register_migration) {
    for (int required : {0, 1, 2})
        if (arguments.null(required))
            throw failure{migration_invalid, "version, name and up must not be null"};
    source given;
    given.version = arguments.text(0);
    given.name = arguments.text(1);
    given.repeatable = is_repeatable(given.version); // as its folder said
    given.up = arguments.text(2);
    given.down = arguments.optional_text(3);
    given.verify = arguments.optional_text(4);
    hold_to_what_folders_are_held_to(given);
    read_options(arguments.object(5), given);
    return pg::text(register_all({given}, true).front().action);
}

CONFITURE_FUNCTION(confiture_unregister_migration) {
    arguments.refuse_null({"version"});
    unregister(arguments.text(0));
    return pg::value{0, false};
}

CONFITURE_FUNCTION(confiture_load_migrations) {
    arguments.refuse_null({"directory", "layout", "replace", "prune"});
    if (!pg::may_read_server_files())
        throw failure{configuration_invalid, "permission denied to read files of the server",
                      "The role \"" + pg::current_role_name() +
                          "\" is not a member of pg_read_server_files.",
                      "Load the folder from the client with confiture-load instead."};
    std::vector<file> files;
    std::string folder;
    in_utf8([&] {
        const std::string directory = pg::to_utf8(arguments.text(0));
        files = read_directory(directory);
        folder = "directory " + std::filesystem::canonical(directory).generic_string();
    });
    emit(arguments,
         register_folder(std::move(files), {arguments.text(1), arguments.boolean(2),
                                            arguments.boolean(3), pg::shown_from_utf8(folder)}));
    return {};
}

CONFITURE_FUNCTION(confiture_load_files) {
    arguments.refuse_null({"files", "layout", "replace", "prune", "folder"});
    const std::string table = pg::relation_argument(arguments, 0);
    const std::string folder = arguments.text(4);
    emit(arguments, register_folder(read_table(table),
                                    {arguments.text(1), arguments.boolean(2), arguments.boolean(3),
                                     folder.empty() ? folder_of_table(table) : folder}));
    return {};
}

} // namespace confiture::migration
