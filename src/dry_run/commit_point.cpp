#include "dry_run/commit_point.hpp"

#include "pg/error.hpp"
#include "pg/query.hpp"
#include "pg/transaction.hpp"

namespace confiture::dry_run {

namespace {

/* A query for up to five rows that violate a foreign key, or share a key that must be unique. */
constexpr const char *sample_query_of = R"(
WITH violated AS (
    SELECT c.*,
           (SELECT pg_catalog.string_agg('f.' || pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.n)
            FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k (attnum, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
           (SELECT pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(pg_catalog.=) f.%I', pa.attname, fa.attname), ' AND ')
            FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) k (f, p)
            JOIN pg_catalog.pg_attribute fa ON fa.attrelid = c.conrelid AND fa.attnum = k.f
            JOIN pg_catalog.pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.p) AS matching,
           (SELECT pg_catalog.string_agg(pg_catalog.format('f.%I IS NOT NULL', a.attname), ' AND ')
            FROM pg_catalog.unnest(c.conkey) k (attnum)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS present
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE c.conname = $1::name AND r.relname = $2::name AND n.nspname = $3::name)
SELECT CASE contype
           WHEN 'f' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %s) FROM %s f WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s) LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present, confrelid::pg_catalog.regclass, matching)
           WHEN 'u' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %1$s) FROM %2$s f WHERE %3$s GROUP BY %1$s HAVING pg_catalog.count(*) > 1 LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present)
           WHEN 'p' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %1$s) FROM %2$s f GROUP BY %1$s HAVING pg_catalog.count(*) > 1 LIMIT 5',
                                columns, conrelid::pg_catalog.regclass)
       END
FROM violated)";

/* Constraints that begin a transaction deferred, as SET CONSTRAINTS names them. */
constexpr const char *initially_deferred = R"(
SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname)
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferred AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))";

/* Any one constraint, and how it begins a transaction. */
constexpr const char *one_deferrable = R"(
SELECT pg_catalog.format('SET CONSTRAINTS %I.%I %s', n.nspname, c.conname, CASE WHEN c.condeferred THEN 'DEFERRED' ELSE 'IMMEDIATE' END)
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferrable AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
ORDER BY c.condeferred DESC LIMIT 1)";

std::vector<std::string> sample_rows(const pg::error &violation) {
    std::vector<std::string> rows;
    const auto queries =
        pg::query(sample_query_of, {violation.constraint(), violation.table(), violation.schema()});
    if (queries.empty() || !queries[0][0])
        return rows;
    for (const pg::record &row : pg::query(*queries[0][0]))
        rows.push_back(row[0].value_or("NULL"));
    return rows;
}

/* The sample is a courtesy: where it cannot be had, the violation is told without it. */
std::vector<std::string> sample_rows_or_none(const pg::error &violation) {
    try {
        return pg::in_subtransaction([&] { return sample_rows(violation); });
    } catch (const pg::error &raised) {
        if (raised.sqlstate() == "57014")
            throw;
        return {};
    }
}

void defer_again() {
    std::string names;
    for (const pg::record &row : pg::query(initially_deferred))
        names += (names.empty() ? "" : ", ") + row[0].value();
    if (!names.empty())
        pg::execute("SET CONSTRAINTS " + names + " DEFERRED");
}

} // namespace

void save_constraint_modes() {
    for (const pg::record &row : pg::query(one_deferrable))
        pg::execute(*row[0]);
}

std::optional<failure_record> check_deferred_constraints() {
    try {
        pg::in_subtransaction([] { pg::execute("SET CONSTRAINTS ALL IMMEDIATE"); });
    } catch (const pg::error &raised) {
        if (raised.constraint().empty())
            throw;
        failure_record failed = failure_of(raised);
        failed.hint = "The constraint is deferred: COMMIT would have failed.";
        failed.violating_rows = sample_rows_or_none(raised);
        return failed;
    }
    defer_again();
    return std::nullopt;
}

} // namespace confiture::dry_run
