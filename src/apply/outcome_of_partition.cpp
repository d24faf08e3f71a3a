/* ALTER TABLE … DETACH PARTITION … CONCURRENTLY. */
#include "apply/outcome_readers.hpp"

#include "pg/query.hpp"

namespace confiture::apply {

namespace {

constexpr const char *partition_before = R"(
SELECT jsonb_build_object(
         'parent', t.oid, 'partition', p.oid, 'told', n.nspname || '.' || p.relname,
         'attached', EXISTS (SELECT FROM pg_inherits h
                             WHERE h.inhrelid = p.oid AND h.inhparent = t.oid))
FROM pg_class t, pg_class p JOIN pg_namespace n ON n.oid = p.relnamespace
WHERE t.oid = $1::oid AND p.oid = $2::oid)";

/* Attached before, there, attached now, half detached; PostgreSQL 13 has no such state. */
constexpr const char *partition_after = R"(
SELECT b.facts->>'told', (b.facts->>'attached')::boolean, p.oid IS NOT NULL,
       h.inhrelid IS NOT NULL,
       coalesce((to_jsonb(h)->>'inhdetachpending')::boolean, false),
       'ALTER TABLE ' || quote_ident(tn.nspname) || '.' || quote_ident(t.relname) ||
       ' DETACH PARTITION ' || quote_ident(pn.nspname) || '.' || quote_ident(p.relname) ||
       ' FINALIZE'
FROM (SELECT $1::jsonb) b (facts)
     LEFT JOIN pg_class p ON p.oid = (b.facts->>'partition')::oid
     LEFT JOIN pg_namespace pn ON pn.oid = p.relnamespace
     LEFT JOIN pg_class t ON t.oid = (b.facts->>'parent')::oid
     LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace
     LEFT JOIN pg_inherits h ON h.inhrelid = p.oid AND h.inhparent = t.oid
WHERE b.facts ? 'partition')";

} // namespace

std::string before_detach(const outcome_question &question) {
    return one_text(partition_before, {relation_now(question.facts.relation),
                                       relation_now(question.facts.partition)});
}

finding after_detach(const outcome_question &question) {
    finding found;
    found.what = outcome::not_done;
    const auto rows = pg::query(partition_after, {question.before});
    if (rows.empty() && question.facts.tolerant && relation_now(question.facts.relation) == "0") {
        found.what = outcome::done;
        found.sentence = told("table", question.facts.relation) + " is not there";
        return found;
    }
    if (rows.empty()) {
        found.sentence = told("partition", question.facts.partition) + " was not there before";
        return found;
    }
    const pg::record &row = rows[0];
    const auto is = [&](std::size_t column) { return row[column] == "t"; };
    const std::string partition = told("partition", *row[0]);
    if (!is(1)) {
        found.sentence = partition + " was not attached before";
    } else if (!is(2)) {
        found.what = outcome::unknown;
        found.sentence = partition + " is not there any more";
    } else if (!is(3)) {
        found.what = outcome::done;
        found.sentence = partition + " is detached";
    } else if (is(4)) { // FINALIZE itself waits for whoever may still use it
        found.what = outcome::done;
        found.sentence = partition + " is half detached";
        found.cleanup.push_back(*row[5]);
    } else {
        found.sentence = partition + " is attached";
    }
    return found;
}

} // namespace confiture::apply
