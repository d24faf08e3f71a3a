/* Databases, tablespaces, subscriptions: what each statement does to them is one row of a catalog,
 * which is written last. */
#include "apply/outcome_readers.hpp"

#include "pg/query.hpp"

namespace confiture::apply {

namespace {

using kind = pg::top_level_kind;

/* Of a database, by its name; an interrupted DROP DATABASE leaves -2, see
 * DATCONNLIMIT_INVALID_DB. */
constexpr const char *database = R"(
SELECT jsonb_build_object('oid', d.oid, 'half_dropped', d.datconnlimit = -2,
                          'tablespace', t.spcname)
FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace
WHERE d.datname = $1)";

constexpr const char *tablespace =
    "SELECT jsonb_build_object('oid', t.oid) FROM pg_tablespace t WHERE t.spcname = $1";

/* Only those columns that everybody may read. */
constexpr const char *subscription = R"(
SELECT jsonb_build_object('publications', s.subpublications)
FROM pg_subscription s
WHERE s.subname = $1 AND
      s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))";

const char *query_of(kind which) {
    switch (which) {
    case kind::create_database:
    case kind::drop_database:
    case kind::move_database:
        return database;
    case kind::create_tablespace:
    case kind::drop_tablespace:
        return tablespace;
    default:
        return subscription;
    }
}

const char *word_for(kind which) {
    const char *query = query_of(which);
    return query == database ? "database" : query == tablespace ? "tablespace" : "subscription";
}

/* As it is now, empty for none, and as it was. */
struct states {
    std::string subject, before, now;
    bool same; // the very object that was there before
};

constexpr const char *as_before = R"(
SELECT nullif($1::jsonb->'object', 'null'),
       nullif($2, '')::jsonb->>'oid' IS NOT DISTINCT FROM $1::jsonb->'object'->>'oid')";

states states_of(const outcome_question &question) {
    const std::string now = one_text(query_of(question.facts.kind), {question.facts.name});
    const pg::record seen = pg::query(as_before, {question.before, now})[0];
    return {told(word_for(question.facts.kind), question.facts.name), seen[0].value_or(""), now,
            seen[1] == "t"};
}

finding after_creation(const outcome_question &question, const states &seen) {
    finding found;
    found.what = outcome::not_done;
    if (seen.now.empty()) {
        found.sentence = seen.subject + " is not there";
        if (question.facts.kind == kind::create_subscription)
            found.sentence += "; its replication slot may be on the publisher";
    } else if (!seen.before.empty()) {
        found.sentence = seen.subject + " was there before";
    } else {
        found.what = outcome::done;
        found.sentence = seen.subject + " is there";
    }
    return found;
}

finding after_removal(const outcome_question &question, const states &seen) {
    finding found;
    found.what = outcome::not_done;
    if (seen.now.empty() && seen.before.empty()) {
        found.what = question.facts.tolerant ? outcome::done : outcome::not_done;
        found.sentence = seen.subject + " was not there before";
    } else if (seen.now.empty()) {
        found.what = outcome::done;
        found.sentence = seen.subject + " is gone";
    } else if (!seen.same) {
        found.what = outcome::unknown;
        found.sentence = seen.subject + " is another one now";
    } else if (one_text("SELECT $1::jsonb->>'half_dropped'", {seen.now}) == "true") {
        found.sentence = seen.subject + " is half dropped, and can but be dropped";
    } else {
        found.sentence = seen.subject + " is there";
    }
    return found;
}

finding after_move(const outcome_question &question, const states &seen) {
    finding found;
    found.what = outcome::not_done;
    const std::string place = one_text("SELECT nullif($1, '')::jsonb->>'tablespace'", {seen.now});
    if (seen.now.empty())
        found.sentence = seen.subject + " is not there";
    else
        found.sentence = seen.subject + " is in tablespace \"" + place + "\"";
    if (place == question.facts.new_tablespace)
        found.what = outcome::done;
    return found;
}

/* How many of the publications it has. */
finding after_publications(const outcome_question &question, const states &seen) {
    finding found;
    found.what = outcome::not_done;
    if (seen.now.empty()) {
        found.sentence = seen.subject + " is not there";
        return found;
    }
    const bool adding = question.facts.kind == kind::add_publication;
    bool done = true, changed = false;
    for (const std::string &publication : question.facts.publications) {
        constexpr const char *has =
            "SELECT coalesce(nullif($1, '')::jsonb->'publications' ? $2, false)";
        const bool now = one_text(has, {seen.now, publication}) == "t";
        done = done && now == adding;
        changed = changed || now != (one_text(has, {seen.before, publication}) == "t");
    }
    if (done && changed)
        found.what = outcome::done;
    found.sentence = seen.subject + " has " + (done == adding ? "the" : "not all the") +
                     " publications that the statement " + (adding ? "adds" : "drops");
    return found;
}

} // namespace

std::string before_shared_object(const outcome_question &question) {
    return one_text("SELECT jsonb_build_object('object', nullif($1, '')::jsonb)",
                    {one_text(query_of(question.facts.kind), {question.facts.name})});
}

finding after_shared_object(const outcome_question &question) {
    const states seen = states_of(question);
    switch (question.facts.kind) {
    case kind::create_database:
    case kind::create_tablespace:
    case kind::create_subscription:
        return after_creation(question, seen);
    case kind::drop_database:
    case kind::drop_tablespace:
    case kind::drop_subscription:
        return after_removal(question, seen);
    case kind::move_database:
        return after_move(question, seen);
    default:
        return after_publications(question, seen);
    }
}

} // namespace confiture::apply
