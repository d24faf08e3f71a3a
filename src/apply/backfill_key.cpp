#include "apply/backfill_key.hpp"

#include "pg/error.hpp"
#include "pg/settings.hpp"

#include <algorithm>

namespace confiture::apply {

/* An index by whose order every row is found once: unique, of the columns themselves, none of them
 * null, in the order that ORDER BY has.  The columns of a NOT NULL that was not validated may hold
 * nulls. */
static constexpr char best_index[] = R"(
WITH key_column AS (
    SELECT i.indexrelid, i.indisprimary, i.indnkeyatts, place, a.attname, a.atttypid, oc.oid AS opclass,
           oc.opcfamily, oc.opcintype,
           a.attnotnull AND oc.opcdefault AND i.indcollation[place] = a.attcollation
           AND i.indoption[place] = i.indoption[0]
           AND NOT EXISTS (SELECT
                             FROM pg_constraint AS n
                            WHERE n.conrelid = i.indrelid AND n.contype = 'n' AND NOT n.convalidated
                              AND n.conkey = ARRAY[a.attnum]) AS usable
      FROM pg_index AS i
      JOIN pg_class AS c ON c.oid = i.indexrelid
      JOIN pg_am AS m ON m.oid = c.relam AND m.amname = 'btree'
     CROSS JOIN generate_series(0, i.indnkeyatts - 1) AS place
      JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place]
      JOIN pg_opclass AS oc ON oc.oid = i.indclass[place]
     WHERE i.indrelid = $1::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL),
best AS (
    SELECT indexrelid
      FROM key_column
     GROUP BY indexrelid, indisprimary, indnkeyatts
    HAVING bool_and(usable) AND count(*) = indnkeyatts
     ORDER BY indisprimary DESC, indnkeyatts, indexrelid
     LIMIT 1)
SELECT k.indexrelid::regclass, k.attname, format('%s.%I', $2, k.attname), k.atttypid,
       max(o.name) FILTER (WHERE strategy = 1), max(o.name) FILTER (WHERE strategy = 2),
       max(o.name) FILTER (WHERE strategy = 3), max(o.name) FILTER (WHERE strategy = 4),
       max(o.name) FILTER (WHERE strategy = 5)
  FROM best
  JOIN key_column AS k ON k.indexrelid = best.indexrelid
 CROSS JOIN LATERAL (
    SELECT s.amopstrategy AS strategy, format('OPERATOR(%I.%s)', n.nspname, p.oprname) AS name
      FROM pg_amop AS s
      JOIN pg_operator AS p ON p.oid = s.amopopr
      JOIN pg_namespace AS n ON n.oid = p.oprnamespace
     WHERE s.amopfamily = k.opcfamily AND s.amoplefttype = k.opcintype AND s.amoprighttype = k.opcintype
       AND s.amoppurpose = 's') AS o
 GROUP BY k.indexrelid, k.place, k.attname, k.atttypid
 ORDER BY k.place)";

backfill_key::backfill_key(pg::oid table, const std::string &table_name) : table_(table_name) {
    for (const pg::record &row : pg::query(best_index, {std::to_string(table), table_name})) {
        index_ = *row[0];
        names_.push_back(*row[1]);
        qualified_.push_back(*row[2]);
        types_.push_back(static_cast<pg::oid>(std::stoul(*row[3])));
        operators_.push_back({*row[4], *row[5], *row[6], *row[7], *row[8]});
    }
    if (names_.empty())
        throw failure{configuration_invalid, "table " + table_name + " has no key to go along",
                      "A backfill needs a primary key, or a unique index on columns that are NOT "
                      "NULL.",
                      "Add one, CREATE UNIQUE INDEX CONCURRENTLY on such columns for one."};
}

static std::string parameter(std::size_t number) { return "$" + std::to_string(number); }

static std::string list(const std::vector<std::string> &items) {
    std::string joined;
    for (const std::string &item : items)
        joined += (joined.empty() ? "" : ", ") + item;
    return joined;
}

/* A row comparison is what an index is searched by, but takes one name of an operator for all its
 * columns.  The planner guesses from its first column alone; told of that one apart, it guesses
 * better. */
std::string backfill_key::compare(bool above, int first) const {
    const operators &used = operators_[0];
    if (names_.size() == 1)
        return qualified_[0] + " " + (above ? used.greater : used.less_equal) + " " +
               parameter(static_cast<std::size_t>(first));
    const std::string bound = qualified_[0] + " " + (above ? used.greater_equal : used.less_equal) +
                              " " + parameter(static_cast<std::size_t>(first)) + " AND ";
    if (std::any_of(operators_.begin(), operators_.end(),
                    [&](const operators &other) { return other != used; }))
        return bound + compare_step_by_step(above, 0, first);
    std::vector<std::string> parameters;
    for (std::size_t i = 0; i < names_.size(); i++)
        parameters.push_back(parameter(static_cast<std::size_t>(first) + i));
    return bound + "(" + list(qualified_) + ") " + (above ? used.greater : used.less_equal) + " (" +
           list(parameters) + ")";
}

/* (a > $1 OR a = $1 AND (b > $2 OR …)) */
std::string backfill_key::compare_step_by_step(bool above, std::size_t column, int first) const {
    const operators &used = operators_[column];
    const std::string &name = qualified_[column];
    const std::string value = " " + parameter(static_cast<std::size_t>(first) + column);
    if (column + 1 == names_.size())
        return name + " " + (above ? used.greater : used.less_equal) + value;
    return "(" + name + " " + (above ? used.greater : used.less) + value + " OR " + name + " " +
           used.equal + value + " AND (" + compare_step_by_step(above, column + 1, first) + "))";
}

/* format() prints by the type's output function, whatever casts there are. */
std::string backfill_key::selected() const {
    std::string columns;
    for (const std::string &column : qualified_)
        columns += (columns.empty() ? "format('%s', " : ", format('%s', ") + column + ")";
    return "SELECT " + columns + " FROM " + table_;
}

std::string backfill_key::order(const char *direction) const {
    std::string columns;
    for (const std::string &column : qualified_)
        columns += (columns.empty() ? "" : ", ") + column + direction;
    return " ORDER BY " + columns;
}

/* The rows are found along the index whatever the planner thinks of it: every other way reads the
 * whole table, batch after batch.  The settings of printing are those that are read again the same
 * by every session. */
std::optional<key_value>
backfill_key::read(const std::string &query,
                   const std::vector<pg::typed_parameter> &parameters) const {
    pg::settings_scope settings;
    for (const char *way : {"enable_seqscan", "enable_bitmapscan", "enable_sort", "jit"})
        settings.set(way, "off");
    settings.set("max_parallel_workers_per_gather", "0");
    settings.set("row_security", "off");
    settings.set("datestyle", "ISO");
    settings.set("intervalstyle", "postgres");
    settings.set("extra_float_digits", "1");
    settings.set("bytea_output", "hex");
    const std::vector<pg::record> rows = pg::query_typed(query, parameters);
    if (rows.empty())
        return std::nullopt;
    key_value key;
    for (const pg::field &column : rows[0])
        key.push_back(column.value_or(""));
    return key;
}

std::optional<key_value> backfill_key::find(const std::optional<key_value> &after,
                                            int offset) const {
    const std::string query = selected() + (after ? " WHERE " + above(1) : "") + order("") +
                              " LIMIT 1 OFFSET " + std::to_string(offset);
    return read(query, after ? parameters(*after) : std::vector<pg::typed_parameter>{});
}

std::optional<key_value> backfill_key::last() const {
    return read(selected() + order(" DESC") + " LIMIT 1", {});
}

std::vector<pg::typed_parameter> backfill_key::parameters(const key_value &key) const {
    std::vector<pg::typed_parameter> values;
    for (std::size_t i = 0; i < key.size(); i++)
        values.push_back({key[i], types_[i]});
    return values;
}

std::string backfill_key::shown(const key_value &key) { return "(" + list(key) + ")"; }

} // namespace confiture::apply
