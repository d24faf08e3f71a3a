#include "dry_run/session_snapshot.hpp"

#include "pg/catalog.hpp"
#include "pg/parse.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

#include <algorithm>
#include <optional>

namespace confiture::dry_run {

namespace {

std::vector<std::string> names_by(const char *query) {
    std::vector<std::string> names;
    for (const pg::record &row : pg::query(query))
        names.push_back(row[0].value_or(""));
    return names;
}

/* The functions behind pg_prepared_statements and pg_cursors: a view would stay locked. */
std::vector<std::string> prepared_statements() {
    return names_by("SELECT name FROM pg_catalog.pg_prepared_statement()");
}

bool is_sequence(std::uint32_t relation) {
    const std::optional<pg::relation_name> name = pg::name_of_relation(relation);
    return name && name->kind == 'S';
}

/* A sequence that is locked was used.  Catalogs that a query named would stay locked. */
std::vector<std::pair<std::uint32_t, std::string>>
last_values(const std::vector<pg::held_lock> &held) {
    std::string list;
    for (const pg::held_lock &lock : held)
        if (lock.tag.is_relation() && lock.tag.field1 == pg::current_database() &&
            is_sequence(lock.tag.relation()))
            list += (list.empty() ? "" : ",") + std::to_string(lock.tag.relation());
    std::vector<std::pair<std::uint32_t, std::string>> values;
    if (list.empty())
        return values;
    for (const pg::record &row :
         pg::query("SELECT s, CASE WHEN pg_catalog.has_sequence_privilege(s, 'USAGE, SELECT') "
                   "THEN pg_catalog.pg_sequence_last_value(s) END "
                   "FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS s",
                   {"{" + list + "}"}))
        values.emplace_back(static_cast<std::uint32_t>(std::stoul(*row[0])), row[1].value_or(""));
    return values;
}

bool has(const std::vector<std::string> &names, const std::string &name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/* DEALLOCATE and CLOSE name what they take, FETCH and MOVE what they move, last of all. */
const std::vector<std::string> *taken_from(const session_snapshot &session, std::string_view tag) {
    if (tag.starts_with("DEALLOCATE"))
        return &session.prepared;
    if (tag.starts_with("CLOSE CURSOR") || tag == "FETCH" || tag == "MOVE")
        return &session.cursors;
    return nullptr;
}

} // namespace

bool session_snapshot::loses_by(std::string_view tag, std::string_view text) const {
    const std::vector<std::string> *names = taken_from(*this, tag);
    if (!names || names->empty())
        return false;
    if (tag.ends_with(" ALL"))
        return true;
    const std::vector<std::string> words = pg::names_in(text);
    return !words.empty() && has(*names, words.back());
}

session_snapshot snapshot_of_session() {
    session_snapshot snapshot;
    snapshot.temporary_rows = pg::may_have_temporary_rows();
    snapshot.held = pg::held_locks();
    snapshot.sequences = last_values(snapshot.held);
    snapshot.advisory = running::advisory_holds(snapshot.held);
    snapshot.prepared = prepared_statements();
    snapshot.cursors = names_by("SELECT name FROM pg_catalog.pg_cursor()");
    return snapshot;
}

std::vector<std::uint32_t> sequences_advanced_since(const session_snapshot &before) {
    std::vector<std::uint32_t> advanced;
    if (before.sequences.empty())
        return advanced;
    const auto now = last_values(before.held);
    for (const auto &value : before.sequences)
        if (std::find(now.begin(), now.end(), value) == now.end())
            advanced.push_back(value.first);
    return advanced;
}

std::vector<std::string> drop_prepared_since(const session_snapshot &before) {
    std::vector<std::string> dropped;
    for (const std::string &name : prepared_statements())
        if (!has(before.prepared, name) && pg::drop_prepared_statement(name))
            dropped.push_back(name);
    return dropped;
}

} // namespace confiture::dry_run
