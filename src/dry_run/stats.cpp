/* The document of stats: docs/stats.schema.json describes what is written here. */
#include "dry_run/hook_stats.hpp"
#include "dry_run/plan_check.hpp"
#include "dry_run/result.hpp"

#include "pg/catalog.hpp"
#include "pg/session.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace confiture::dry_run {

namespace {

constexpr int schema_version = 1;

void write_resources(const pg::resources &spent, json_writer &json) {
    json.begin_object();
    json.member("wal_bytes", spent.wal_bytes);
    json.member("wal_records", spent.wal_records);
    json.member("wal_full_page_images", spent.wal_full_page_images);
    json.member("shared_hit", spent.shared_hit);
    json.member("shared_read", spent.shared_read);
    json.member("shared_dirtied", spent.shared_dirtied);
    json.member("shared_written", spent.shared_written);
    json.member("local_hit", spent.local_hit);
    json.member("local_read", spent.local_read);
    json.member("local_dirtied", spent.local_dirtied);
    json.member("local_written", spent.local_written);
    json.member("temp_read", spent.temp_read);
    json.member("temp_written", spent.temp_written);
    json.end_object();
}

/* How much of a statement is told. */
struct detail {
    std::size_t nested, names;
    bool plans;
};

void write_names(const char *key, const std::vector<std::string> &names, const detail &told,
                 json_writer &json) {
    json.key(key);
    json.begin_array();
    for (std::size_t i = 0; i < names.size() && i < told.names; i++)
        json.string(names[i]);
    json.end_array();
}

void write_nested(const nested_record &nested, json_writer &json) {
    json.begin_object();
    json.member("sql", nested.text);
    json.member("tag", nested.tag);
    json.member("depth", nested.depth);
    json.member("calls", nested.calls);
    json.member("rows", nested.rows);
    json.member("execution_time_ms", nested.elapsed_ms);
    json.key("resources");
    write_resources(nested.spent, json);
    json.end_object();
}

void write_relations(const statement_record &statement, const detail &told, json_writer &json) {
    json.key("rewrites");
    json.begin_array();
    for (std::size_t i = 0; i < statement.rewrites.size() && i < told.names; i++) {
        const relation_rewrite &rewrite = statement.rewrites[i];
        json.begin_object();
        json.member("relation", rewrite.relation);
        json.member("bytes", rewrite.bytes);
        json.end_object();
    }
    json.end_array();
    json.key("scans");
    json.begin_array();
    for (std::size_t i = 0; i < statement.scans.size() && i < told.names; i++) {
        const relation_scan &scan = statement.scans[i];
        json.begin_object();
        json.member("relation", scan.relation);
        json.member("index", scan.index);
        json.member("scans", scan.scans);
        json.member("tuples", scan.tuples);
        json.end_object();
    }
    json.end_array();
    write_names("indexes_built", statement.indexes_built, told, json);
    write_names("created", statement.created, told, json);
    write_names("altered", statement.altered, told, json);
    write_names("dropped", statement.dropped, told, json);
    write_names("constraints_validated", statement.constraints_validated, told, json);
}

void write_statement(const statement_record &statement, const detail &told, json_writer &json) {
    json.begin_object();
    json.member("ordinal", statement.ordinal);
    json.member("line", statement.where.line);
    json.member("column", statement.where.column);
    json.member("offset", statement.where.offset);
    json.member("length", statement.where.length);
    json.member("tag", pg::tag_name(statement.where.tag));
    json.member("sql", statement.text);
    json.member("status", name_of(statement.status));
    if (!statement.reason.empty())
        json.member("reason", statement.reason);
    json.member("started_ms", statement.started_ms);
    json.member("execution_time_ms", statement.elapsed_ms);
    json.member("waited_ms", statement.waited_ms);
    json.member("rows", statement.rows);
    json.member("inserted", statement.written.inserted);
    json.member("updated", statement.written.updated);
    json.member("deleted", statement.written.deleted);
    json.key("resources");
    write_resources(statement.spent, json);
    if (statement.peak_memory > 0)
        json.member("peak_memory_bytes", statement.peak_memory);
    write_relations(statement, told, json);
    json.member("objects_created", statement.objects_created);
    json.member("objects_altered", statement.objects_altered);
    json.member("objects_dropped", statement.objects_dropped);
    json.key("nested");
    json.begin_array();
    const std::size_t nested = std::min(told.nested, statement.nested.size());
    for (std::size_t i = 0; i < nested; i++)
        write_nested(statement.nested[i], json);
    json.end_array();
    json.member("nested_left_out", statement.nested_left_out +
                                       static_cast<std::int64_t>(statement.nested.size() - nested));
    json.key("plans");
    json.begin_array();
    for (const std::string &plan : statement.plans)
        if (told.plans)
            json.string(plan);
    json.end_array();
    json.end_object();
}

/* Bytes that the statement takes in the document, about. */
std::size_t size_of(const statement_record &statement, const detail &told) {
    constexpr std::size_t numbers = 900, numbers_of_nested = 450, numbers_of_relation = 80;
    std::size_t bytes = numbers + statement.text.size() + statement.reason.size();
    for (const auto *names : {&statement.indexes_built, &statement.created, &statement.altered,
                              &statement.dropped, &statement.constraints_validated})
        for (std::size_t i = 0; i < names->size() && i < told.names; i++)
            bytes += (*names)[i].size() + 4;
    for (std::size_t i = 0; i < statement.rewrites.size() && i < told.names; i++)
        bytes += statement.rewrites[i].relation.size() + numbers_of_relation;
    for (std::size_t i = 0; i < statement.scans.size() && i < told.names; i++)
        bytes += statement.scans[i].relation.size() + numbers_of_relation;
    for (std::size_t i = 0; i < statement.nested.size() && i < told.nested; i++)
        bytes += statement.nested[i].text.size() + numbers_of_nested;
    for (const std::string &plan : statement.plans)
        bytes += told.plans ? plan.size() : 0;
    return bytes;
}

/* Details are for the costliest: the document must stay within 1 MB.  Nothing is told of what has
 * no room. */
std::vector<std::optional<detail>> details_of(const std::vector<statement_record> &statements) {
    constexpr detail full{25, 30, true}, some{2, 20, true}, brief{0, 3, false};
    constexpr std::size_t room_for_all = 550'000, room_for_details = 400'000, costliest = 15;
    std::vector<std::size_t> by_cost(statements.size());
    std::iota(by_cost.begin(), by_cost.end(), std::size_t{0});
    std::stable_sort(by_cost.begin(), by_cost.end(), [&](std::size_t left, std::size_t right) {
        const statement_record &one = statements[left], &other = statements[right];
        return one.importance != other.importance ? one.importance > other.importance
                                                  : one.elapsed_ms > other.elapsed_ms;
    });
    std::vector<std::optional<detail>> details(statements.size());
    std::size_t bytes = 0;
    for (std::size_t rank = 0; rank < by_cost.size(); rank++) {
        const statement_record &statement = statements[by_cost[rank]];
        detail told = rank < costliest ? full : some;
        if (bytes + size_of(statement, told) > room_for_details)
            told = brief;
        if (bytes + size_of(statement, told) > room_for_all)
            continue;
        bytes += size_of(statement, told);
        details[by_cost[rank]] = told;
    }
    return details;
}

void write_statements(const migration_record &migration, json_writer &json) {
    const std::vector<std::optional<detail>> details = details_of(migration.statements);
    std::int64_t told = 0;
    json.key("statements");
    json.begin_array();
    for (std::size_t i = 0; i < details.size(); i++)
        if (details[i]) {
            write_statement(migration.statements[i], *details[i], json);
            told++;
        }
    json.end_array();
    json.member("statements_left_out", migration.statement_count - told);
}

const std::string &hook_of(const chain_record &chain, const running::lock_entry &entry) {
    return chain.migrations[static_cast<std::size_t>(entry.migration)]
        .hooks[static_cast<std::size_t>(entry.hook)]
        .name;
}

void write_locks(const migration_result &result, json_writer &json) {
    json.key("locks");
    json.begin_array();
    for (const lock_line &line : result.locks.lines) {
        const running::lock_entry &entry = *line.entry;
        json.begin_object();
        json.member("object", line.object);
        json.member("kind", pg::lock_type_name(entry.tag));
        json.member("mode", pg::lock_mode_name(entry.mode));
        json.member("statement", entry.statement);
        if (entry.hook >= 0)
            json.member("hook", hook_of(*result.chain, entry));
        json.member("line", entry.line);
        json.member("not_before_ms", entry.not_before_ms);
        json.member("acquired_ms", entry.acquired_ms);
        json.member("waited_ms", entry.waited_ms);
        json.member("held_ms", line.held_ms);
        json.member("held_is_upper_bound", entry.hold_is_upper_bound());
        json.member("released", entry.released_ms >= 0 ? "early" : "end");
        json.member("blocks",
                    entry.tag.is_relation() ? blocked_by(entry.mode) : std::vector<std::string>());
        json.key("blocked_by");
        json.begin_array();
        for (int process_id : entry.blockers)
            json.integer(process_id);
        json.end_array();
        const bool may_conflict = !line.new_object && entry.tag.is_relation();
        json.member("conflicting_sessions",
                    may_conflict ? static_cast<std::int64_t>(
                                       pg::conflicting_sessions(entry.tag, entry.mode).size())
                                 : 0);
        json.member("new_object", line.new_object);
        json.member("held_before", entry.held_before);
        json.member("form", entry.predicted ? "predicted" : entry.emulation ? "emulation" : "real");
        json.end_object();
    }
    json.end_array();
    json.member("locks_left_out", result.locks.left_out);
}

std::string object_of(const chain_record &chain, const pg::lock_tag &tag) {
    const relation_info *relation =
        tag.is_relation() ? chain.relations.find(tag.relation()) : nullptr;
    if (relation && !relation->name.empty())
        return relation->name;
    if (tag.is_relation())
        if (const auto known = pg::name_of_relation(tag.relation()))
            return known->name;
    return std::string(pg::lock_type_name(tag)) + " " + std::to_string(tag.field1) + "," +
           std::to_string(tag.field2);
}

void write_waits(const migration_result &result, json_writer &json) {
    const chain_record &chain = *result.chain;
    json.key("waits");
    json.begin_array();
    for (const wait_record &record : chain.waits) {
        if (record.place.migration != static_cast<std::int32_t>(result.index))
            continue;
        const pg::lock_wait &wait = record.wait;
        json.begin_object();
        json.member("statement", record.place.statement);
        json.member("line", record.place.line);
        json.member("object", object_of(chain, wait.tag));
        json.member("mode", pg::lock_mode_name(wait.mode));
        json.member("began_ms", wait.began_ms - chain.began_ms);
        json.member("waited_ms", wait.ended_ms - wait.began_ms);
        json.key("blockers");
        json.begin_array();
        for (int process_id : wait.blockers)
            pg::write_session(process_id, json);
        json.end_array();
        json.end_object();
    }
    json.end_array();
    json.key("waits_caused");
    json.begin_array();
    for (const pg::wait_caused &wait : chain.waits_caused) {
        json.begin_object();
        json.member("object", object_of(chain, wait.tag));
        json.member("mode", pg::lock_mode_name(wait.mode));
        json.member("waited_ms", wait.longest_ms);
        json.key("session");
        pg::write_session(wait.process_id, json);
        json.end_object();
    }
    json.end_array();
}

void write_totals(const migration_result &result, json_writer &json) {
    const migration_record &migration = result.migration();
    json.key("totals");
    json.begin_object();
    json.member("inserted", migration.written.inserted);
    json.member("updated", migration.written.updated);
    json.member("deleted", migration.written.deleted);
    json.member("waited_ms", migration.waited_ms);
    json.member("locks", result.locks.total);
    const upper_time &exclusive = result.locks.longest_exclusive_hold;
    json.member("longest_exclusive_hold_ms", exclusive.ms);
    json.member("longest_exclusive_hold_is_upper_bound", exclusive.is_upper_bound);
    const upper_time &downtime = result.locks.expected_downtime;
    json.member("expected_downtime_ms", downtime.ms);
    json.member("expected_downtime_is_upper_bound", downtime.is_upper_bound);
    json.key("resources");
    write_resources(migration.spent, json);
    json.key("by_tag");
    json.begin_object();
    for (const auto &[tag, total] : migration.totals) {
        json.key(tag);
        json.begin_object();
        json.member("statements", total.statements);
        json.member("execution_time_ms", total.elapsed_ms);
        json.member("rows", total.written.all());
        json.end_object();
    }
    json.end_object();
    json.end_object();
}

void write_side_effects(const std::vector<side_effect> &effects, json_writer &json) {
    json.key("side_effects");
    json.begin_array();
    for (std::size_t i = 0; i < effects.size() && i < 100; i++) {
        json.begin_object();
        json.member("kind", effects[i].kind);
        json.member("object", effects[i].object);
        json.member("message", effects[i].message);
        json.member("bytes", effects[i].bytes);
        json.member("line", effects[i].line);
        json.end_object();
    }
    json.end_array();
}

} // namespace

void write_stats(const migration_result &result, json_writer &json) {
    const migration_record &migration = result.migration();
    json.begin_object();
    json.member("schema_version", schema_version);
    json.member("server_version", pg::server_major_version());
    json.member("status", name_of(migration.status));
    if (!migration.reason.empty())
        json.member("reason", migration.reason);
    json.member("statement_count", migration.statement_count);
    json.member("statements_run", migration.statements_run);
    json.member("steps", migration.steps);
    json.key("iterations_ms");
    json.begin_array();
    for (std::size_t i = 0; i < result.times_ms.size() && i < 1000; i++)
        json.number(result.times_ms[i]);
    json.end_array();
    json.key("estimate");
    json.begin_object();
    if (result.expected.known) {
        json.member("low", result.expected.low_ms);
        json.member("high", result.expected.high_ms);
    }
    json.member("basis", result.expected.basis);
    json.end_object();
    write_totals(result, json);
    write_statements(migration, json);
    write_locks(result, json);
    write_waits(result, json);
    write_side_effects(result.side_effects, json);
    write_hooks(migration.hooks, json);
    json.key("plan_check");
    write_plan_check(migration.plan, json);
    if (migration.error) {
        json.key("error");
        migration.error->write(json);
    }
    json.end_object();
}

} // namespace confiture::dry_run
