#include "dry_run/lock_summary.hpp"

#include "pg/catalog.hpp"

#include <algorithm>
#include <string_view>

namespace confiture::dry_run {

namespace {

struct statement_lock {
    const char *statement;
    int mode;
};

/* "Table-Level Locks" of PostgreSQL's manual: the mode that each kind of statement asks for. */
constexpr statement_lock asked_for[] = {
    {"SELECT", 1},
    {"SELECT FOR UPDATE", 2},
    {"INSERT", 3},
    {"UPDATE", 3},
    {"DELETE", 3},
    {"VACUUM", 4},
    {"ANALYZE", 4},
    {"CREATE INDEX CONCURRENTLY", 4},
    {"CREATE INDEX", 5},
    {"CREATE TRIGGER", 6},
    {"REFRESH MATERIALIZED VIEW CONCURRENTLY", 7},
    {"ALTER TABLE", 8},
};

const object_note *note_of(const chain_record &chain, const pg::lock_tag &tag) {
    if (std::string_view(pg::lock_type_name(tag)) != "object")
        return nullptr;
    const auto found = chain.objects.find(object_key(tag.field2, tag.field3));
    return found == chain.objects.end() ? nullptr : &found->second;
}

std::string object_name(const chain_record &chain, const running::lock_entry &entry,
                        const relation_info *relation) {
    if (relation && !relation->name.empty())
        return relation->name;
    const pg::lock_tag &tag = entry.tag;
    if (tag.is_relation()) {
        if (tag.relation() < pg::first_user_oid)
            if (const auto known = pg::name_of_relation(tag.relation()))
                return known->name;
        return "relation " + std::to_string(tag.relation());
    }
    const std::string_view kind = pg::lock_type_name(tag);
    if (kind == "object") {
        const object_note *note = note_of(chain, tag);
        if (note && !note->name.empty())
            return note->name;
        const auto known =
            pg::describe(tag.field2, tag.field3, static_cast<std::int32_t>(tag.field4));
        return known ? *known
                     : "object " + std::to_string(tag.field3) + " of catalog " +
                           std::to_string(tag.field2);
    }
    if (kind == "advisory")
        return std::to_string(tag.field2) + "," + std::to_string(tag.field3);
    return std::to_string(tag.field1) + "," + std::to_string(tag.field2);
}

bool belongs(const running::lock_entry &entry, std::size_t migration) {
    if (entry.erased)
        return false;
    const std::string_view kind = pg::lock_type_name(entry.tag);
    if (kind == "transactionid" || kind == "virtualxid" || kind == "spectoken")
        return false;
    return entry.held_before ? migration == 0
                             : entry.migration == static_cast<std::int32_t>(migration);
}

/* What was there before comes first, tables before what belongs to them. */
bool stronger(const lock_line &left, const lock_line &right) {
    const auto rank = [](const lock_line &line) {
        return line.relation && pg::is_table(line.relation->kind) ? 0 : line.relation ? 1 : 2;
    };
    if (left.new_object != right.new_object)
        return right.new_object;
    if (rank(left) != rank(right))
        return rank(left) < rank(right);
    if (left.entry->mode != right.entry->mode)
        return left.entry->mode > right.entry->mode;
    return left.entry->acquired_ms < right.entry->acquired_ms;
}

/* Lines come strongest first. */
void note_hold(std::vector<table_hold> &holds, const lock_line &line) {
    const auto same = [&](const table_hold &hold) { return hold.table == line.relation->name; };
    const auto known = std::find_if(holds.begin(), holds.end(), same);
    if (known == holds.end())
        holds.push_back({line.relation->name, line.entry->mode, line.held_ms});
    else if (known->mode == line.entry->mode)
        known->held_ms = std::max(known->held_ms, line.held_ms);
}

void bound_holds(lock_summary &summary) {
    constexpr std::size_t most = 20;
    std::stable_sort(summary.holds.begin(), summary.holds.end(),
                     [](const table_hold &left, const table_hold &right) {
                         const bool exclusive = left.mode == running::access_exclusive_lock;
                         return exclusive != (right.mode == running::access_exclusive_lock)
                                    ? exclusive
                                    : left.held_ms > right.held_ms;
                     });
    if (summary.holds.size() <= most)
        return;
    summary.holds_left_out = summary.holds.size() - most;
    summary.holds.resize(most);
}

} // namespace

std::vector<std::string> blocked_by(int mode) {
    std::vector<std::string> kinds;
    for (const statement_lock &asked : asked_for)
        if (pg::conflicts(asked.mode, mode))
            kinds.emplace_back(asked.statement);
    return kinds;
}

lock_summary summarise(const chain_record &chain, std::size_t migration, std::size_t most) {
    lock_summary summary;
    const double end_ms = chain.migrations[migration].ended_ms;
    for (const running::lock_entry &entry : chain.ledger.entries()) {
        if (!belongs(entry, migration))
            continue;
        const relation_info *relation =
            entry.tag.is_relation() ? chain.relations.find(entry.tag.relation()) : nullptr;
        if (relation && (relation->transient || (relation->created_here && relation->name.empty())))
            continue;
        double until = entry.step_ended_ms >= 0 ? entry.step_ended_ms : end_ms;
        if (entry.released_ms >= 0)
            until = std::min(entry.released_ms, until);
        const object_note *note = note_of(chain, entry.tag);
        const bool created_here = relation ? relation->created_here : note && note->created_here;
        summary.lines.push_back(
            {&entry, "", relation, std::max(until - entry.acquired_ms, 0.0), created_here});
    }
    std::stable_sort(summary.lines.begin(), summary.lines.end(), stronger);
    summary.total = static_cast<std::int64_t>(summary.lines.size());

    for (const lock_line &line : summary.lines) {
        const bool counts = line.relation && !line.new_object && !line.entry->held_before &&
                            !line.entry->emulation && pg::is_table(line.relation->kind);
        if (!counts)
            continue;
        std::vector<std::string> &tables = summary.locked_tables;
        if (std::find(tables.begin(), tables.end(), line.relation->name) == tables.end())
            tables.push_back(line.relation->name);
        if (line.entry->mode >= running::share_lock) {
            note_hold(summary.holds, line);
            summary.expected_downtime_ms = std::max(summary.expected_downtime_ms, line.held_ms);
        }
        if (line.entry->mode == running::access_exclusive_lock)
            summary.longest_exclusive_hold_ms =
                std::max(summary.longest_exclusive_hold_ms, line.held_ms);
    }
    bound_holds(summary);
    if (summary.lines.size() > most) {
        summary.left_out = static_cast<std::int64_t>(summary.lines.size() - most);
        summary.lines.resize(most);
    }
    for (lock_line &line : summary.lines)
        line.object = object_name(chain, *line.entry, line.relation);
    return summary;
}

} // namespace confiture::dry_run
