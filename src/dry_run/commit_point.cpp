#include "dry_run/commit_point.hpp"

#include "pg/error.hpp"
#include "pg/execute.hpp"
#include "pg/query.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::dry_run {

namespace {

/* A query for up to five rows that violate a foreign key, or share or overlap a key that must be
 * unique.  The last column of a temporal one is a period: that of the referencing row lies within
 * all the periods of the rows that have its key.  pg_constraint has conperiod from PostgreSQL 18
 * on.
 */
constexpr const char *sample_query_of = R"(
WITH violated AS (
    SELECT c.*, coalesce((pg_catalog.to_jsonb(c) ->> 'conperiod')::boolean, false) AS temporal,
           (SELECT pg_catalog.string_agg('f.' || pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.n)
            FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k (attnum, n)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS columns,
           (SELECT pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(pg_catalog.=) f.%I', pa.attname, fa.attname), ' AND ')
            FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) k (f, p)
            JOIN pg_catalog.pg_attribute fa ON fa.attrelid = c.conrelid AND fa.attnum = k.f
            JOIN pg_catalog.pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.p) AS matching,
           (SELECT pg_catalog.string_agg(pg_catalog.format('p.%I OPERATOR(pg_catalog.=) f.%I', pa.attname, fa.attname), ' AND ')
            FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.confkey)) WITH ORDINALITY k (f, p, n)
            JOIN pg_catalog.pg_attribute fa ON fa.attrelid = c.conrelid AND fa.attnum = k.f
            JOIN pg_catalog.pg_attribute pa ON pa.attrelid = c.confrelid AND pa.attnum = k.p
            WHERE k.n < pg_catalog.cardinality(c.conkey)) AS matching_scalars,
           (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[pg_catalog.cardinality(c.conkey)]) AS period,
           (SELECT pg_catalog.quote_ident(a.attname) FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.confrelid AND a.attnum = c.confkey[pg_catalog.cardinality(c.confkey)]) AS period_of_key,
           (SELECT pg_catalog.string_agg(pg_catalog.format('f.%1$I OPERATOR(%2$I.%3$s) o.%1$I', a.attname, os.nspname, op.oprname), ' AND ')
            FROM ROWS FROM (pg_catalog.unnest(c.conkey), pg_catalog.unnest(c.conexclop)) k (attnum, operator)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
            JOIN pg_catalog.pg_operator op ON op.oid = k.operator
            JOIN pg_catalog.pg_namespace os ON os.oid = op.oprnamespace) AS conflicting,
           (SELECT coalesce(' AND ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '')
            FROM pg_catalog.pg_index i WHERE i.indexrelid = c.conindid) AS predicate,
           (SELECT pg_catalog.string_agg(pg_catalog.format('f.%I IS NOT NULL', a.attname), ' AND ')
            FROM pg_catalog.unnest(c.conkey) k (attnum)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum) AS present
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE c.conname = $1::name AND r.relname = $2::name AND n.nspname = $3::name)
SELECT CASE
           WHEN temporal AND contype = 'f' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %s) FROM %s f WHERE %s AND (SELECT pg_catalog.range_agg(p.%s) OPERATOR(pg_catalog.@>) f.%s FROM %s p WHERE %s) IS NOT TRUE LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present, period_of_key, period, confrelid::pg_catalog.regclass, matching_scalars)
           WHEN temporal OR contype = 'x' AND predicate = '' AND NOT 0 = ANY (conkey) THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %1$s) FROM %2$s f WHERE %3$s AND EXISTS (SELECT FROM %2$s o WHERE (o.tableoid, o.ctid) OPERATOR(pg_catalog.<>) (f.tableoid, f.ctid) AND %4$s) LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present, conflicting)
           WHEN contype = 'f' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %s) FROM %s f WHERE %s AND NOT EXISTS (SELECT FROM %s p WHERE %s) LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present, confrelid::pg_catalog.regclass, matching)
           WHEN contype = 'u' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %1$s) FROM %2$s f WHERE %3$s GROUP BY %1$s HAVING pg_catalog.count(*) > 1 LIMIT 5',
                                columns, conrelid::pg_catalog.regclass, present)
           WHEN contype = 'p' THEN pg_catalog.format('SELECT pg_catalog.concat_ws('', '', %1$s) FROM %2$s f GROUP BY %1$s HAVING pg_catalog.count(*) > 1 LIMIT 5',
                                columns, conrelid::pg_catalog.regclass)
       END
FROM violated)";

/* Constraints that begin a transaction deferred, as SET CONSTRAINTS names them: with others of
 * their name in the schema, of which one may not be deferrable. */
constexpr const char *initially_deferred = R"(
SELECT DISTINCT pg_catalog.format('%I.%I', n.nspname, c.conname),
       EXISTS (SELECT FROM pg_catalog.pg_constraint same
               WHERE same.connamespace = c.connamespace AND same.conname = c.conname AND NOT same.condeferred)
FROM pg_catalog.pg_constraint c
JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
WHERE c.condeferred AND NOT pg_catalog.pg_is_other_temp_schema(n.oid)
  AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))";

std::vector<std::string> sample_rows(const pg::error &violation) {
    std::vector<std::string> rows;
    const auto queries =
        pg::query(sample_query_of, {violation.constraint(), violation.table(), violation.schema()});
    if (queries.empty() || !queries[0][0])
        return rows;
    // Its names are qualified, and the policies of the table run as in any query of the session.
    for (const pg::record &row : pg::query_with_path(pg::setting("search_path"), *queries[0][0]))
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

struct deferred_names {
    std::string list;
    bool all = true; // can be named
};

deferred_names constraints_that_begin_deferred() {
    deferred_names names;
    for (const pg::record &row : pg::query(initially_deferred))
        if (row[1] == "t")
            names.all = false;
        else
            names.list += (names.list.empty() ? "" : ", ") + row[0].value();
    return names;
}

} // namespace

std::optional<failure_record> check_deferred_constraints(bool delete_temporary_rows,
                                                         pg::memory_context &memory) {
    const deferred_names names = constraints_that_begin_deferred();
    try {
        pg::subtransaction check;
        pg::set_constraints_immediate(memory);
        if (names.all)
            check.release();
        else
            check.roll_back(); // also the modes; what was checked is checked again at the next one
    } catch (const pg::error &raised) {
        if (raised.constraint().empty())
            throw;
        failure_record failed = migration::failure_of(raised);
        failed.hint = "The constraint is deferred: COMMIT would have failed.";
        failed.violating_rows = sample_rows_or_none(raised);
        return failed;
    }
    if (names.all && !names.list.empty())
        pg::execute("SET CONSTRAINTS " + names.list + " DEFERRED");
    pg::on_commit_actions(delete_temporary_rows);
    return std::nullopt;
}

} // namespace confiture::dry_run
