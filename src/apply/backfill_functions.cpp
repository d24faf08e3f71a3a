/* The procedures of backfill.sql. */
#include "apply/backfill.hpp"
#include "apply/session_limits.hpp"
#include "pg/function.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/statement_parts.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <climits>
#include <cmath>

namespace confiture::apply {

namespace {

failure invalid(const std::string &argument, const std::string &why) {
    return failure{configuration_invalid, "invalid " + argument + " of a backfill", why};
}

double milliseconds(const pg::arguments &arguments, int index, const char *name) {
    const double ms = arguments.milliseconds(index);
    if (ms < 0)
        throw invalid(name, "It must not be negative.");
    return ms;
}

int whole_milliseconds(const pg::arguments &arguments, int index, const char *name) {
    return static_cast<int>(std::min<double>(milliseconds(arguments, index, name), INT_MAX));
}

/* What both procedures have in common, from batch_size on. */
backfill_options read_options(const pg::arguments &arguments, int first) {
    const char *const names[] = {"batch_size", "max_batch_size",  "batch_time", "pause",
                                 "max_lag",    "max_wait_caused", "restart"};
    for (int i = 0; i < 7; i++)
        if (i != 4 && arguments.null(first + i))
            throw invalid(names[i], "It must not be null; leave it out for what it is by default.");
    backfill_options options{};
    options.batch_size = arguments.integer(first);
    options.max_batch_size = arguments.integer(first + 1);
    if (options.batch_size < 1 || options.max_batch_size < 1)
        throw invalid(options.batch_size < 1 ? "batch_size" : "max_batch_size",
                      "It must be at least 1.");
    options.batch_time_ms = milliseconds(arguments, first + 2, "batch_time");
    if (options.batch_time_ms < 1)
        throw invalid("batch_time", "It must be at least a millisecond.");
    options.pause_ms = whole_milliseconds(arguments, first + 3, "pause");
    if (!arguments.null(first + 4))
        options.max_lag_ms = milliseconds(arguments, first + 4, "max_lag");
    options.max_wait_caused_ms = whole_milliseconds(arguments, first + 5, "max_wait_caused");
    options.restart = arguments.boolean(first + 6);
    return options;
}

std::string table_argument(const pg::arguments &arguments) {
    if (arguments.null(0))
        throw invalid("table_name", "It must not be null.");
    const auto table = pg::name_of_relation(arguments.oid(0));
    if (!table)
        throw invalid("table_name", "There is no table " + std::to_string(arguments.oid(0)) + ".");
    if (table->kind != 'r' && table->kind != 'p')
        throw invalid("table_name", table->name + " is no table.");
    return table->name;
}

std::optional<std::string> name_argument(const pg::arguments &arguments, int index) {
    std::optional<std::string> name = arguments.optional_text(index);
    if (name && name->empty())
        throw invalid("name", "It must not be empty.");
    return name;
}

pg::value run(const pg::arguments &arguments, backfill &work, const char *procedure) {
    pg::refuse_where_read_only("backfill", not_transactional);
    tell_session_limits();
    const double began_ms = pg::now_ms();
    backfill_totals totals;
    {
        pg::committing_call transactions(arguments, procedure);
        totals = work.run(transactions);
    }
    const double elapsed_ms = std::round((pg::now_ms() - began_ms) * 1000) / 1000;
    return arguments.row(
        {pg::bigint(totals.rows), pg::integer(totals.batches), pg::real(elapsed_ms)});
}

/* Each batch would change the rows of all. */
void refuse_without_keys(const std::string &statement, int columns) {
    const std::vector<int> used = pg::parameters_in(statement);
    const auto uses = [&](int from, int to) {
        return std::any_of(used.begin(), used.end(),
                           [&](int number) { return number >= from && number <= to; });
    };
    if (!uses(1, columns) || !uses(columns + 1, 2 * columns))
        throw failure{configuration_invalid,
                      "the statement of a backfill does not use the keys of its batch",
                      columns == 1 ? "They are $1, the first key, and $2, the last one."
                                   : "They are $1 to $" + std::to_string(columns) +
                                         ", the first key, and $" + std::to_string(columns + 1) +
                                         " to $" + std::to_string(2 * columns) + ", the last one.",
                      "Write the rows of a batch as BETWEEN them."};
}

} // namespace

CONFITURE_FUNCTION(confiture_backfill) {
    const std::string table = table_argument(arguments);
    if (arguments.null(1))
        throw invalid("assignments", "They must not be null.");
    const pg::assignment_list assignments = pg::read_assignments(arguments.text(1));
    batch_statement statement;
    statement.text = "UPDATE " + table + " SET\n" + assignments.text;
    if (!arguments.null(2))
        statement.condition = pg::read_condition(arguments.text(2));
    const backfill_key key(arguments.oid(0), table);
    const auto part = std::find_first_of(assignments.columns.begin(), assignments.columns.end(),
                                         key.columns().begin(), key.columns().end());
    if (part != assignments.columns.end())
        throw failure{configuration_invalid,
                      "a backfill of " + table + " cannot change column \"" + *part + "\"",
                      "It is part of the key that the backfill goes along, " + key.index() +
                          ": rows would be missed, or changed twice."};
    backfill work(arguments.oid(0), table, std::move(statement), name_argument(arguments, 3),
                  read_options(arguments, 4));
    return run(arguments, work, "backfill");
}

CONFITURE_FUNCTION(confiture_backfill_sql) {
    const std::string table = table_argument(arguments);
    if (arguments.null(1))
        throw invalid("statement", "It must not be null.");
    batch_statement statement;
    statement.whole = true;
    statement.text = arguments.text(1);
    const backfill_key key(arguments.oid(0), table);
    refuse_without_keys(statement.text, static_cast<int>(key.columns().size()));
    backfill work(arguments.oid(0), table, std::move(statement), name_argument(arguments, 2),
                  read_options(arguments, 3));
    return run(arguments, work, "backfill_sql");
}

} // namespace confiture::apply
