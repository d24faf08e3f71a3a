/*
 * goose: one file a migration with `-- +goose …` lines.  They are read as goose's sqlparser reads
 * them: without regard to case, NO TRANSACTION anywhere and for both directions, StatementBegin and
 * StatementEnd in pairs.  The pairs only help goose to split a script and stay in it as comments.
 */
#include "migration/layouts/readers.hpp"
#include "migration/layouts/reading.hpp"

namespace confiture::migration::readers {

namespace {

constexpr std::string_view mark = "+goose";

bool is_annotation(std::string_view text) {
    return trimmed(text).starts_with("--") && text.find(mark) != std::string_view::npos;
}

/* The words of an annotation: 'Up', 'NO TRANSACTION'. */
std::string_view annotation_of(std::string_view text) {
    text = text.substr(text.find(mark) + mark.size());
    return trimmed(text);
}

bool recognises(const std::vector<file> &files) {
    return any_script(files, [](const file &candidate) {
        for (const line &each : lines_of(candidate.content))
            if (is_annotation(each.text))
                return true;
        return false;
    });
}

bool understands(int, std::string_view text) { return is_annotation(text); }

class reader {
public:
    explicit reader(const file &origin) : origin(origin) {}

    source read(const numbered_name &named) {
        forward_script(origin); // an empty file has its own message
        source migration;
        migration.version = named.version;
        migration.name = named.name;
        migration.up_file = origin.path;

        for (const line &each : lines_of(origin.content))
            if (is_annotation(each.text))
                read_annotation(each);

        const std::string_view content = origin.content;
        if (!up)
            refuse("file " + quoted(origin.path) + " has no line \"-- +goose Up\"", {},
                   "goose's files mark their parts with lines \"-- +goose Up\" and "
                   "\"-- +goose Down\".");
        if (statement)
            refuse("\"-- +goose StatementBegin\" without \"-- +goose StatementEnd\" in " +
                   place(*statement));
        refuse_content_before(content.substr(0, up->start), "-- +goose Up", place(*up));
        migration.up = part_of(content, up->next, down ? down->start : content.size());
        migration.transactional = transactional;
        if (down) {
            migration.down = optional_script(part_of(content, down->next, content.size()));
            migration.down_file = migration.down ? origin.path : std::string{};
        }
        return migration;
    }

private:
    void read_annotation(const line &at) {
        const std::string_view words = annotation_of(at.text);
        if (!at.text.starts_with("--"))
            refuse("white space before annotation " + quoted(trimmed(at.text)) + " in " + place(at),
                   {}, "goose's annotations stand at the start of a line.");
        if (!trimmed(at.text.substr(2, at.text.find(mark) - 2)).empty())
            refuse_unknown(at);
        if (equal_ignoring_case(words, "up"))
            open_part(at, up, !up && !down);
        else if (equal_ignoring_case(words, "down"))
            open_part(at, down, up && !down);
        else if (equal_ignoring_case(words, "no transaction"))
            transactional = false;
        else if (equal_ignoring_case(words, "statementbegin"))
            begin_statement(at);
        else if (equal_ignoring_case(words, "statementend"))
            end_statement(at);
        else if (equal_ignoring_case(words, "envsub on") ||
                 equal_ignoring_case(words, "envsub off"))
            refuse("annotation " + quoted(trimmed(at.text)) + " is not supported in " + place(at),
                   "The server does not substitute the environment variables of a client.",
                   "Write the values into the script.");
        else
            refuse_unknown(at);
    }

    void open_part(const line &at, std::optional<line> &part, bool in_place) {
        if (statement)
            refuse("annotation " + quoted(trimmed(at.text)) + " in the middle of a statement in " +
                       place(at),
                   "The \"-- +goose StatementBegin\" of line " + std::to_string(statement->number) +
                       " is open.");
        if (!in_place)
            refuse("misplaced annotation " + quoted(trimmed(at.text)) + " in " + place(at), {},
                   "A file has one \"-- +goose Up\" and perhaps one \"-- +goose Down\" after it.");
        part = at;
    }

    void begin_statement(const line &at) {
        if (!up || statement)
            refuse("misplaced annotation " + quoted(trimmed(at.text)) + " in " + place(at),
                   statement ? "The one of line " + std::to_string(statement->number) + " is open."
                             : "There is no \"-- +goose Up\" before it.");
        statement = at;
    }

    void end_statement(const line &at) {
        if (!statement)
            refuse("misplaced annotation " + quoted(trimmed(at.text)) + " in " + place(at),
                   "There is no \"-- +goose StatementBegin\" before it.");
        statement.reset();
    }

    [[noreturn]] void refuse_unknown(const line &at) const {
        refuse("unknown annotation " + quoted(trimmed(at.text)) + " in " + place(at), {},
               "The annotations are Up, Down, StatementBegin, StatementEnd and NO TRANSACTION.");
    }

    std::string place(const line &at) const {
        return quoted(origin.path) + ", line " + std::to_string(at.number);
    }

    const file &origin;
    std::optional<line> up, down;
    std::optional<line> statement; // the StatementBegin that is open
    bool transactional = true;
};

std::vector<source> read(const std::vector<file> &files) {
    std::vector<source> migrations;
    for (const file *candidate : scripts_at_top(files, goose)) {
        std::string_view stem = candidate->path;
        const bool is_sql = strip_suffix(stem, ".sql");
        const std::optional<numbered_name> named = parse_numbered(stem);
        if (!is_sql || !named)
            refuse_unplaced(*candidate, goose);
        migrations.push_back(reader(*candidate).read(*named));
    }
    return migrations;
}

} // namespace

const layout goose{"goose", "N_name.sql with lines '-- +goose Up' and '-- +goose Down'", recognises,
                   read, understands};

} // namespace confiture::migration::readers
