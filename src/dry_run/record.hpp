#pragma once
/* What a dry run remembers, bounded: the costliest statements in full, the rest in totals. */
#include "pg/plain.hpp"

#include "hooks/executor.hpp"
#include "migration/failure_record.hpp"
#include "pg/parse.hpp"
#include "pg/tracer.hpp"
#include "pg/written_rows.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace confiture::dry_run {

using migration::failure_record;
using migration::shorten;

using pg::row_counts;

enum class statement_status : std::uint8_t {
    done,
    emulated,     // ran in its plain form
    not_run,      // see reason
    needs_commit, // cannot run before what came before it is committed
    stopped,      // by a limit of ours
    failed,
};
const char *name_of(statement_status status);

struct relation_scan {
    std::string relation;
    bool index;
    std::int64_t scans, tuples;
};

struct relation_rewrite {
    std::string relation;
    std::int64_t bytes;
};

/* What a rollback does not undo. */
struct side_effect {
    std::string kind;    // 'sequence', 'file', 'remote', …: see docs/dry-run.md
    std::string object;  // what it concerns
    std::string message; // a sentence
    std::int64_t bytes = 0;
    std::int32_t line = 0; // 0: not of one statement
};

/* Statements that one top-level statement ran through DO, functions and triggers, of one text. */
struct nested_record {
    std::string text;
    const char *tag = "";
    int depth = 0;
    std::int64_t calls = 0, rows = 0;
    double elapsed_ms = 0;
    pg::resources spent{};
};

struct statement_record {
    std::int32_t ordinal = 0;
    pg::statement where{};
    std::string text; // shortened
    statement_status status = statement_status::done;
    std::string reason;
    double started_ms = 0; // since the run began
    double elapsed_ms = 0, waited_ms = 0;
    std::int64_t rows = 0; // as its command tag says
    row_counts written;
    pg::resources spent{};
    std::int64_t peak_memory = 0; // 0: not looked at, the statement was too short
    std::vector<relation_rewrite> rewrites;
    std::vector<relation_scan> scans;
    std::vector<std::string> indexes_built, created, altered, dropped, constraints_validated;
    std::int64_t objects_created = 0, objects_altered = 0, objects_dropped = 0;
    std::vector<nested_record> nested;
    std::int64_t nested_left_out = 0;
    std::vector<std::string> plans;
    std::vector<side_effect> side_effects;
    /* How badly its line is needed: see importance_of(). */
    int importance = 0;
};

/* A hook that ran. */
struct hook_record {
    const char *phase = "";
    std::string name;
    hooks::hook_status status = hooks::hook_status::succeeded;
    std::optional<std::int64_t> rows; // as the hook says
    std::string stats;                // jsonb image
    double started_ms = 0;            // since the run began
    double elapsed_ms = 0, waited_ms = 0;
    row_counts written;
    std::int32_t line = 0; // of its directive in the script
    std::optional<failure_record> error;
};

struct tag_total {
    std::int64_t statements = 0;
    double elapsed_ms = 0;
    row_counts written;
};

/* Keeps what others may feel, and of the rest the costliest; memory does not grow with the script.
 * By importance: 2 for what rewrites, fails, waits or was not run, 1 for what locks strongly, scans
 * a table, builds an index or checks rows, 0 for the rest. */
int importance_of(const statement_record &record, bool locks_strongly);

class statement_store {
public:
    /* Would a statement of this cost be kept? */
    bool wants(int importance, double elapsed_ms) const {
        const std::vector<statement_record> &kept = kept_[importance];
        return kept.size() < most[importance] || elapsed_ms > kept.front().elapsed_ms;
    }
    void add(statement_record &&record);
    void count(const char *tag, double elapsed_ms, const row_counts &written);

    /* In the order of the script. */
    std::vector<statement_record> take();
    const std::map<std::string, tag_total> &totals() const { return totals_; }
    std::int64_t counted() const { return counted_; }

private:
    static constexpr std::size_t most[] = {200, 2000, 5000};
    std::vector<statement_record> kept_[3]; // heaps: the cheapest in front
    std::map<std::string, tag_total> totals_;
    std::int64_t counted_ = 0;
};

/* How well the plan foresaw what a migration did: see plan_check.hpp. */
struct forecast_count {
    std::int64_t confirmed = 0, missed = 0, surplus = 0;
};
struct plan_accuracy {
    std::int64_t statements = 0;    // checked
    std::int64_t unpredictable = 0; // they run code, or name what was not there
    forecast_count locks, rewrites, scans;
    std::vector<std::string> missed, surplus; // examples
};

enum class run_status : std::uint8_t { complete, failed, stopped, needs_commit, not_run };
const char *name_of(run_status status);

/* One migration of a chain after one iteration. */
struct migration_record {
    std::string version, name, file;
    run_status status = run_status::not_run;
    std::string reason; // of a stop
    double started_ms = 0, ended_ms = 0;
    double execution_ms = 0, waited_ms = 0;
    row_counts written;
    bool rows_counted = true; // else `written` has not all of them
    pg::resources spent{};
    std::vector<statement_record> statements;
    std::map<std::string, tag_total> totals;
    std::int32_t statement_count = 0, statements_run = 0;
    std::int32_t steps = 0;
    std::vector<hook_record> hooks;
    std::optional<failure_record> error;
    std::vector<std::string> emulated, not_run; // sentences for the warnings
    std::vector<side_effect> side_effects;      // met while it ran
    std::string standing;                       // see hooks::prepared_migration
    std::vector<std::string> warnings;
    plan_accuracy plan;
};

} // namespace confiture::dry_run
