#include "dry_run/lock_summary.hpp"

#include "pg/catalog.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
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

/* Who reads or writes a table opens its indexes as well. */
std::optional<pg::relation_name> felt_by(const chain_record &chain, std::uint32_t relation) {
    const relation_info *known = chain.relations.find(relation);
    char kind = known ? known->kind : '\0';
    if (kind == 'i' || kind == 'I') {
        relation = pg::table_of_index(relation);
        known = chain.relations.find(relation);
        kind = known ? known->kind : '\0';
    }
    if (known && !known->name.empty())
        return known->created_here ? std::nullopt
                                   : std::optional(pg::relation_name{known->name, kind, false});
    return pg::name_of_relation(relation);
}

bool keeps_others_waiting(char kind) { return pg::is_table(kind) || kind == 'v' || kind == 'S'; }

void note_hold(std::vector<table_hold> &holds, const table_hold &hold) {
    const auto known = std::find_if(holds.begin(), holds.end(), [&](const table_hold &earlier) {
        return earlier.table == hold.table && earlier.exclusive == hold.exclusive;
    });
    if (known == holds.end())
        holds.push_back(hold);
    else if (known->downtime_ms < hold.downtime_ms)
        *known = hold;
}

/* Whoever can neither read nor write as long needs no second sentence; a sequence that is locked
 * along with a table needs none either. */
bool goes_without_saying(const table_hold &hold, const std::vector<table_hold> &holds) {
    return std::any_of(holds.begin(), holds.end(), [&](const table_hold &other) {
        if (hold.kind == 'S')
            return other.kind != 'S' && other.statement == hold.statement &&
                   other.downtime_ms >= 0.9 * hold.downtime_ms;
        return !hold.exclusive && other.exclusive && other.table == hold.table &&
               other.downtime_ms + 1 >= hold.downtime_ms;
    });
}

void bound_holds(lock_summary &summary) {
    constexpr std::size_t most = 20;
    std::vector<table_hold> told;
    std::copy_if(summary.holds.begin(), summary.holds.end(), std::back_inserter(told),
                 [&](const table_hold &hold) { return !goes_without_saying(hold, summary.holds); });
    summary.holds = std::move(told);
    std::stable_sort(summary.holds.begin(), summary.holds.end(),
                     [](const table_hold &left, const table_hold &right) {
                         return left.exclusive != right.exclusive
                                    ? left.exclusive
                                    : left.downtime_ms > right.downtime_ms;
                     });
    if (summary.holds.size() <= most)
        return;
    summary.holds_left_out = summary.holds.size() - most;
    summary.holds.resize(most);
}

/* What a lock that blocks writers means for those who use the table. */
void note_downtime(const chain_record &chain, const lock_line &line, lock_summary &summary) {
    const running::lock_entry &entry = *line.entry;
    if (!line.relation || line.new_object || (entry.held_before && !entry.taken_again) ||
        entry.emulation || entry.mode < running::share_lock)
        return;
    const auto table = felt_by(chain, entry.tag.relation());
    if (!table || !keeps_others_waiting(table->kind))
        return;
    table_hold hold;
    hold.table = table->name;
    hold.kind = table->kind;
    hold.exclusive = entry.mode == running::access_exclusive_lock;
    hold.waited_ms = entry.waited_ms;
    hold.downtime_ms = line.held_ms + entry.not_before_ms - entry.in_the_way_since_ms();
    hold.is_upper_bound = entry.hold_is_upper_bound();
    hold.until_end = entry.released_ms < 0;
    hold.statement = entry.statement;
    note_hold(summary.holds, hold);
    summary.expected_downtime.raise_to(hold.downtime_ms, hold.is_upper_bound);
    if (hold.exclusive)
        summary.longest_exclusive_hold.raise_to(line.held_ms, hold.is_upper_bound);
}

/* Who queued behind a request that was given up could not write either. */
void note_waits_in_vain(const chain_record &chain, std::size_t migration, lock_summary &summary) {
    for (const wait_record &record : chain.waits) {
        const pg::lock_wait &wait = record.wait;
        if (!record.in_vain || record.place.migration != static_cast<std::int32_t>(migration) ||
            !wait.tag.is_relation() || wait.mode < running::share_lock)
            continue;
        const auto table = felt_by(chain, wait.tag.relation());
        if (!table || !keeps_others_waiting(table->kind))
            continue;
        table_hold hold;
        hold.table = table->name;
        hold.kind = table->kind;
        hold.exclusive = wait.mode == running::access_exclusive_lock;
        hold.downtime_ms = hold.waited_ms = wait.ended_ms - wait.began_ms;
        hold.until_end = false;
        hold.statement = record.place.statement;
        note_hold(summary.holds, hold);
        summary.expected_downtime.raise_to(hold.downtime_ms, false);
    }
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
            {&entry, "", relation, std::max(until - entry.not_before_ms, 0.0), created_here});
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
    }
    for (const lock_line &line : summary.lines)
        note_downtime(chain, line, summary);
    note_waits_in_vain(chain, migration, summary);
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
