#include "apply/session_objects.hpp"

#include "pg/error.hpp"
#include "pg/locks.hpp"
#include "pg/query.hpp"
#include "pg/transaction.hpp"
#include "running/advisory_locks.hpp"

namespace confiture::apply {

namespace {

constexpr const char *in_temporary_schema = R"(
SELECT 'temporary ' || CASE c.relkind WHEN 'i' THEN 'index' WHEN 'I' THEN 'index'
                                      WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view'
                                      WHEN 'c' THEN 'type' ELSE 'table' END
       || ' "' || c.relname || '"',
       c.oid::text,
       EXISTS (SELECT FROM pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace
               WHERE p.relname = c.relname AND p.relpersistence <> 't' AND
                     n.nspname <> 'information_schema' AND n.nspname !~ '^pg_t')
FROM pg_class c
WHERE c.relnamespace = pg_my_temp_schema()
UNION ALL
SELECT 'temporary type "' || t.typname || '"', t.oid::text,
       EXISTS (SELECT FROM pg_type p JOIN pg_namespace n ON n.oid = p.typnamespace
               WHERE p.typname = t.typname AND p.oid <> t.oid AND n.nspname !~ '^pg_t')
FROM pg_type t
WHERE t.typnamespace = pg_my_temp_schema() AND t.typrelid = 0 AND t.typelem = 0
UNION ALL
SELECT 'temporary function ' || p.oid::regprocedure, p.oid::text, false
FROM pg_proc p
WHERE p.pronamespace = pg_my_temp_schema())";

constexpr const char *without_schema = R"(
SELECT 'prepared statement "' || s.name || '"', s.prepare_time::text, false
FROM pg_prepared_statement() s
WHERE s.from_sql
UNION ALL
SELECT 'cursor "' || c.name || '"', c.creation_time::text, false
FROM pg_cursor() c
WHERE c.is_holdable AND c.name <> '')";

/* pg_temp is not looked up where the session has none: pg_class can be large. */
bool has_temporary_schema() { return pg::query("SELECT pg_my_temp_schema() <> 0")[0][0] == "t"; }

/* Those of ON COMMIT DROP go.  One that an open cursor reads goes only after the cursor. */
void drop_what_commit_drops() {
    try {
        pg::in_subtransaction([] { pg::on_commit_actions(false); });
    } catch (const pg::error &raised) {
        if (raised.is_intervention())
            throw;
    }
}

void add(const char *query, session_objects &found) {
    for (const pg::record &row : pg::query(query))
        found.insert_or_assign(*row[0], session_object{row[1].value_or(""), row[2] == "t"});
}

} // namespace

session_objects session_objects_now() {
    session_objects found;
    if (has_temporary_schema()) {
        drop_what_commit_drops();
        add(in_temporary_schema, found);
    }
    add(without_schema, found);
    for (const running::advisory_hold &hold : running::advisory_holds(pg::held_locks()))
        found.insert_or_assign("advisory lock (" + std::to_string(hold.tag.field2) + ", " +
                                   std::to_string(hold.tag.field3) + ")",
                               session_object{});
    return found;
}

} // namespace confiture::apply
