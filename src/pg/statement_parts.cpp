#include "pg/statement_parts.hpp"

#include "pg/boundary.hpp"
#include "pg/memory.hpp"
#include "pg/scan.hpp"

#include <cstdlib>

namespace confiture::pg {

static failure refuse(const char *part, const std::string &why) {
    return failure{configuration_invalid,
                   std::string("the ") + part + " of a backfill cannot be used", why,
                   "Give what stands behind SET as assignments, what stands behind WHERE as "
                   "condition; confiture.backfill_sql() takes whole statements."};
}

/* The one statement that the text of a user and ours around it make. */
static RawStmt *parse_with(const std::string &source, const char *part) {
    try {
        List *statements = call([&] { return pg_parse_query(source.c_str()); });
        if (list_length(statements) == 1)
            return linitial_node(RawStmt, statements);
        throw refuse(part, "There is more than one statement in it.");
    } catch (const error &raised) {
        throw refuse(part, std::string(raised.what()) + ".");
    }
}

/* The user's text in `source`, from `head` on and without our line end: up to a semicolon, where
 * the parser found one. */
static std::string text_of(const std::string &source, std::size_t head, const RawStmt *statement) {
    const std::size_t end = statement->stmt_len > 0
                                ? static_cast<std::size_t>(statement->stmt_location) +
                                      static_cast<std::size_t>(statement->stmt_len)
                                : source.size() - 1;
    return source.substr(head, end - head);
}

static void refuse_parameters(const char *part, const std::string &text) {
    if (!parameters_in(text).empty())
        throw refuse(part, "There is a parameter in it, and no value for one.");
}

assignment_list read_assignments(const std::string &text) {
    memory_context memory("confiture assignments");
    memory_scope scope(memory);
    static constexpr char part[] = "assignments";
    const std::string head = "UPDATE t SET\n";
    const std::string source = head + text + "\n";
    const RawStmt *raw = parse_with(source, part);
    const auto *update = castNode(UpdateStmt, raw->stmt);
    if (update->whereClause || update->fromClause)
        throw refuse(part, "There is a FROM or a WHERE in it.");
    assignment_list list{text_of(source, head.size(), raw), {}};
    parse_with(head + list.text + "\nWHERE true", part); // no RETURNING either
    refuse_parameters(part, list.text);
    const ListCell *cell;
    foreach (cell, update->targetList)
        list.columns.emplace_back(lfirst_node(ResTarget, cell)->name);
    return list;
}

/* What parses both bare and in parentheses is one expression: what would close the parenthesis
 * fails bare, and a clause behind it fails in parentheses. */
std::string read_condition(const std::string &text) {
    memory_context memory("confiture condition");
    memory_scope scope(memory);
    static constexpr char part[] = "condition";
    const std::string head = "SELECT WHERE\n";
    const std::string source = head + text + "\n";
    std::string condition = text_of(source, head.size(), parse_with(source, part));
    parse_with("SELECT WHERE (\n" + condition + "\n)", part);
    refuse_parameters(part, condition);
    return condition;
}

std::vector<int> parameters_in(std::string_view statement) {
    std::vector<int> numbers;
    scanner tokens{statement};
    for (token next = tokens.next(); next.code != 0; next = tokens.next()) {
        const std::string_view text = statement.substr(next.offset, next.length);
        if (text.size() > 1 && text[0] == '$' && text[1] >= '0' && text[1] <= '9')
            numbers.push_back(std::atoi(std::string(text.substr(1)).c_str()));
    }
    return numbers;
}

} // namespace confiture::pg
