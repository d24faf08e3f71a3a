#include "apply/backfill_run.hpp"

#include "pg/error.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::apply {

/* As array_in() reads it. */
static std::string array_literal(const std::vector<std::string> &elements) {
    std::string literal = "{";
    for (const std::string &element : elements) {
        literal += literal.size() > 1 ? ",\"" : "\"";
        for (const char character : element) {
            if (character == '"' || character == '\\')
                literal += '\\';
            literal += character;
        }
        literal += '"';
    }
    return literal + "}";
}

static std::vector<std::string> elements_of(const std::string &name, const char *column) {
    std::vector<std::string> elements;
    for (const pg::record &row :
         pg::query(std::string("SELECT element FROM confiture.backfill_run, unnest(") + column +
                       ") WITH ORDINALITY AS e (element, place) WHERE name = $1 ORDER BY place",
                   {name}))
        elements.push_back(row[0].value_or(""));
    return elements;
}

/* Whoever could begin a backfill of another role again could have its rows changed twice. */
void backfill_run::refuse_others() const {
    const std::vector<pg::record> others = pg::query(
        "SELECT r.executed_by FROM confiture.backfill_run AS r LEFT JOIN pg_roles AS beginner "
        "ON beginner.rolname = r.executed_by, pg_roles AS me WHERE r.name = $1 AND me.rolname = $2 "
        "AND NOT (me.rolsuper OR coalesce(pg_has_role(me.oid, beginner.oid, 'USAGE'), false))",
        {name, role});
    if (!others.empty())
        throw failure{configuration_invalid,
                      "backfill \"" + name + "\" is that of role \"" + *others[0][0] + "\"",
                      "Role \"" + role + "\" does not have its rights.",
                      "Give this one a name of its own, or SET ROLE."};
}

bool backfill_run::load() {
    const pg::as_owner owner;
    const std::vector<pg::record> rows =
        pg::query("SELECT table_name, statement, rows_updated, rows_passed, batches, finished_at, "
                  "last_key IS NOT NULL FROM confiture.backfill_run WHERE name = $1",
                  {name});
    if (rows.empty())
        return false;
    refuse_others();
    const pg::record &row = rows[0];
    const std::vector<std::string> recorded_columns = elements_of(name, "key_columns");
    if (*row[0] != table || *row[1] != statement || recorded_columns != key_columns)
        throw failure{
            configuration_invalid, "backfill \"" + name + "\" was begun as another one",
            *row[0] != table       ? "Its table is " + *row[0] + ", not " + table + "."
            : *row[1] != statement ? "Its statement is: " + *row[1]
                                   : "The key of " + table + " is not what it was.",
            "Give this one a name of its own, or restart => true to begin from the first row "
            "again."};
    rows_updated = std::stoll(*row[2]);
    rows_passed = std::stoll(*row[3]);
    batches = std::stoll(*row[4]);
    finished_at = row[5];
    if (*row[6] == "t")
        last_key = elements_of(name, "last_key");
    else
        last_key.reset();
    return true;
}

void backfill_run::save(bool finished) const {
    const pg::as_owner owner;
    pg::execute(
        "INSERT INTO confiture.backfill_run AS r (name, table_name, statement, key_columns, "
        "last_key, rows_updated, rows_passed, batches, finished_at, executed_by) "
        "VALUES ($1, $2, $3, $4::text[], $5::text[], $6::bigint, $7::bigint, $8::bigint, "
        "CASE WHEN $9::boolean THEN clock_timestamp() END, $10) "
        "ON CONFLICT (name) DO UPDATE SET last_key = excluded.last_key, "
        "rows_updated = excluded.rows_updated, rows_passed = excluded.rows_passed, "
        "batches = excluded.batches, changed_at = clock_timestamp(), "
        "finished_at = excluded.finished_at",
        {name, table, statement, array_literal(key_columns),
         last_key ? std::optional(array_literal(*last_key)) : std::nullopt,
         std::to_string(rows_updated), std::to_string(rows_passed), std::to_string(batches),
         finished ? "true" : "false", role});
}

void backfill_run::forget() const {
    const pg::as_owner owner;
    refuse_others();
    pg::execute("DELETE FROM confiture.backfill_run WHERE name = $1", {name});
}

} // namespace confiture::apply
