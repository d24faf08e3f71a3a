/* The SQL functions of dry_run.sql. */
#include "dry_run/plan_check.hpp"
#include "dry_run/result.hpp"
#include "migration/acceptance.hpp"
#include "migration/registry.hpp"
#include "migration/version.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/jsonb.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/prediction.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/tracer.hpp"
#include "pg/transaction.hpp"
#include "running/dry_run_memory.hpp"
#include "trust/trust.hpp"

#include <algorithm>
#include <functional>

namespace confiture::dry_run {

namespace {

using migration::stored;

bool dry_run_at_work = false;
struct at_work {
    at_work() { dry_run_at_work = true; }
    at_work(const at_work &) = delete;
    at_work &operator=(const at_work &) = delete;
    ~at_work() { dry_run_at_work = false; }
};

/* Where nothing can be written, nothing can be tried. */
void refuse_where_impossible() {
    pg::refuse_where_read_only("dry-run", dry_run_error);
    if (dry_run_at_work)
        throw failure{dry_run_error, "cannot dry-run inside a dry run",
                      "A script that is being dry-run called confiture.dry_run().",
                      "Call it from the session."};
}

void check_iterations(int iterations) {
    if (iterations < 1 || iterations > 1000)
        throw failure{configuration_invalid,
                      "invalid number of iterations: " + std::to_string(iterations),
                      "A dry run takes 1 to 1000 iterations."};
}

void refuse_effects(const std::vector<migration_input> &inputs) {
    for (const migration_input &input : inputs)
        for (const side_effect &effect : foresee(input))
            throw refusal_of(effect, input.script.file);
}

/* What a migration depends on is applied, or runs before it in the chain. */
void look_at_dependencies(std::vector<migration_input> &chain) {
    for (auto input = chain.begin(); input != chain.end(); ++input)
        for (const std::string &version : input->depends) {
            const bool runs_before =
                std::any_of(chain.begin(), input, [&](const migration_input &earlier) {
                    return migration::version_sort_key(earlier.version) ==
                           migration::version_sort_key(version);
                });
            if (!runs_before && !migration::is_applied(version))
                input->warnings.push_back("It depends on migration " + version +
                                          ", which is not applied");
        }
}

std::string names_of(const std::vector<std::string> &versions) {
    constexpr std::size_t most_named = 5;
    std::string names;
    for (std::size_t i = 0; i < versions.size() && i < most_named; i++)
        names += (i ? ", " : "") + versions[i];
    return versions.size() > most_named
               ? names + " and " + std::to_string(versions.size() - most_named) + " more"
               : names;
}

/* Who dry-runs one migration may take it for the next one. */
std::string standing_of(const stored &found, const std::string &direction) {
    const bool applied = migration::is_applied(found.version);
    if (direction == "backward")
        return applied ? ""
                       : "Migration " + found.version +
                             " is not applied: its backward script was tried without it.";
    const std::string key = migration::version_sort_key(found.version);
    std::vector<std::string> before;
    for (const stored &next : migration::pending()) {
        if (migration::version_sort_key(next.version) == key)
            return before.empty() ? ""
                                  : "Pending before it and not run: " + names_of(before) +
                                        "; dry_run_pending() runs all.";
        before.push_back(next.version);
    }
    return applied ? "Migration " + found.version +
                         " is applied: it was tried once more, on top of itself."
                   : "";
}

struct run_request {
    std::function<std::vector<migration_input>()> read; // under the migrator lock
    int iterations;
    options chosen;
};

/* All iterations; the record of the last one is kept, the times of all. */
class dry_runner {
public:
    explicit dry_runner(const run_request &request) : request_(request) {
        refuse_where_impossible();
        check_iterations(request.iterations);
        before_ = snapshot_of_session();
        for (int i = 0; i < request.iterations; i++)
            if (!run_or_clean_up())
                break;
        effects_ = clean_up(chain_, before_);
        if (request.chosen.strict)
            refuse_what_was_found();
        remember();
    }

    std::vector<migration_result> results() const {
        std::vector<migration_result> results;
        for (std::size_t i = 0; i < chain_.migrations.size(); i++) {
            migration_result result{&chain_, i, times_[i], {}, {}, {}, {}};
            result.locks = summarise(chain_, i, 500);
            result.expected = estimate_of(times_[i], chain_.migrations[i]);
            result.side_effects = foresee(inputs_[i]);
            add_met(chain_.migrations[i].side_effects, result.side_effects);
            if (i + 1 == chain_.migrations.size()) // the session's belong to the chain as a whole
                result.side_effects.insert(result.side_effects.end(), effects_.begin(),
                                           effects_.end());
            result.warnings = warnings_of(result);
            results.push_back(std::move(result));
        }
        return results;
    }

private:
    /* A cancel leaves the session as it was, too. */
    bool run_or_clean_up() {
        try {
            return run_once();
        } catch (...) {
            clean_up(chain_, before_);
            throw;
        }
    }

    bool run_once() {
        const at_work working;
        chain_ = {};
        pg::memory_context statement_memory("confiture statement");
        const pg::unobserved by_an_apply_around_it;
        pg::subtransaction trial;
        pg::lock_migrator();
        if (times_.empty()) { // every iteration runs what the first one read
            inputs_ = request_.read();
            look_at_dependencies(inputs_);
            times_.resize(inputs_.size());
            if (request_.chosen.strict)
                refuse_effects(inputs_);
        }
        // What is read of confiture's own while the chain runs is locked before the ledger looks.
        hooks::registered_hooks registered;
        registered.read_all();
        trust::was_pinned("hook", "");
        run_chain(inputs_, registered, request_.chosen, before_, statement_memory, chain_);
        trial.roll_back();
        chain_.relations.name_what_is_there();
        if (chain_.refused)
            throw refusal_of(*chain_.refused, "");
        bool complete = true;
        for (std::size_t i = 0; i < inputs_.size(); i++) {
            times_[i].push_back(chain_.migrations[i].execution_ms);
            complete = complete && chain_.migrations[i].status == run_status::complete;
        }
        return complete;
    }

    /* Identity columns and defaults call no function that could be refused before. */
    void refuse_what_was_found() const {
        for (const side_effect &effect : effects_)
            if (effect.kind == "sequence")
                throw refusal_of(effect, "");
    }

    /* For an apply that follows in this session. */
    void remember() const {
        using verdict = running::dry_run_verdict;
        for (std::size_t i = 0; i < inputs_.size(); i++) {
            const run_status status = chain_.migrations[i].status;
            if (!inputs_[i].version.empty())
                running::remember_dry_run(inputs_[i].version, inputs_[i].direction,
                                          inputs_[i].script.text,
                                          status == run_status::failed    ? verdict::failed
                                          : status == run_status::stopped ? verdict::stopped
                                                                          : verdict::passed);
        }
    }

    const run_request &request_;
    session_snapshot before_;
    std::vector<migration_input> inputs_;
    chain_record chain_;
    std::vector<std::vector<double>> times_;
    std::vector<side_effect> effects_;
};

[[noreturn]] void raise(const migration_result &result) {
    const migration_record &migration = result.migration();
    std::string detail, hint;
    if (migration.error) {
        const failure_record &error = *migration.error;
        detail = "SQLSTATE " + error.sqlstate + ": " + error.message;
        if (error.line > 0)
            detail += " (" + (error.file.empty() ? "" : "file \"" + error.file + "\", ") + "line " +
                      std::to_string(error.line) + ", column " + std::to_string(error.column) + ")";
        if (!error.detail.empty())
            detail += "\n" + error.detail;
        if (!error.sql.empty())
            detail += "\nStatement: " + error.sql;
        hint = error.hint;
    } else
        detail = migration.reason;
    throw failure{dry_run_error,
                  (migration.version.empty()
                       ? "dry run of the script "
                       : "dry run of migration \"" + migration.version + "\" ") +
                      (migration.error ? "failed" : "was stopped"),
                  detail, hint};
}

std::vector<pg::value> columns(const migration_result &result) {
    const migration_record &migration = result.migration();
    pg::jsonb_builder stats;
    write_stats(result, stats);
    const auto success = result.success();
    return {pg::text(migration.name),
            migration.version.empty() ? pg::value{} : pg::text(migration.version),
            success ? pg::boolean(*success) : pg::value{},
            pg::real(result.execution_ms()),
            migration.rows_counted ? pg::bigint(migration.written.all()) : pg::value{},
            pg::text_array(result.locks.locked_tables),
            result.expected.known ? pg::real(result.expected.expected_ms) : pg::value{},
            pg::integer(result.expected.confidence_percent),
            pg::text_array(result.warnings),
            stats.finish()};
}

std::vector<migration_result> results_of(const dry_runner &runner, bool raising) {
    std::vector<migration_result> results = runner.results();
    for (const migration_result &result : results)
        if (raising && result.success() == false)
            raise(result);
    return results;
}

pg::value run_one(const pg::arguments &arguments, const run_request &request) {
    const dry_runner runner(request);
    return arguments.row(columns(results_of(runner, request.chosen.raise).front()));
}

options chosen_options(const pg::arguments &arguments, int index) {
    return read_options(arguments.object(index), pg::parse_milliseconds);
}

} // namespace

CONFITURE_FUNCTION(confiture_dry_run) {
    arguments.refuse_null({"version", "direction", "iterations"});
    const std::string version = arguments.text(0), direction = arguments.text(1);
    migration::check_direction(direction);
    return run_one(arguments, {[&] {
                                   const stored found = migration::find(version);
                                   migration::refuse_untrusted({&found, 1});
                                   std::vector chain{hooks::prepare(found, direction)};
                                   chain.front().standing = standing_of(found, direction);
                                   return chain;
                               },
                               arguments.integer(2), chosen_options(arguments, 3)});
}

CONFITURE_FUNCTION(confiture_dry_run_sql) {
    arguments.refuse_null({"sql", "iterations"});
    const std::string text = arguments.text(0);
    return run_one(arguments, {[&] { return std::vector{hooks::prepare_script(text)}; },
                               arguments.integer(1), chosen_options(arguments, 2)});
}

CONFITURE_FUNCTION(confiture_plan) {
    arguments.refuse_null({"version", "direction"});
    const std::string version = arguments.text(0), direction = arguments.text(1);
    migration::check_direction(direction);
    const migration_input input =
        hooks::prepare(migration::find(version), direction); // runs nothing
    hooks::registered_hooks registered;
    pg::planner planner;
    const script_plan plan = plan_of(input, registered, planner);
    pg::row_set rows(arguments);
    for (std::size_t i = 0; i < plan.size(); i++) {
        const pg::statement &statement = input.script.statements[i];
        for (const pg::prediction &one : plan[i])
            rows.add({pg::integer(static_cast<std::int32_t>(i + 1)), pg::integer(statement.line),
                      pg::text(pg::tag_name(statement.tag)),
                      one.object.empty() ? pg::value{} : pg::text(one.object),
                      one.mode ? pg::text(pg::lock_mode_name(one.mode)) : pg::value{},
                      pg::text_array(one.mode ? blocked_by(one.mode) : std::vector<std::string>()),
                      pg::boolean(one.rewrites.expected), pg::boolean(one.scans.expected),
                      pg::text(pg::name_of(one.sure())),
                      one.reason.empty() ? pg::value{} : pg::text(one.reason)});
    }
    return {};
}

CONFITURE_FUNCTION(confiture_dry_run_pending) {
    arguments.refuse_null({"iterations"});
    const run_request request{[] {
                                  const std::vector<stored> pending = migration::pending();
                                  migration::refuse_untrusted(pending);
                                  std::vector<migration_input> chain;
                                  chain.reserve(pending.size());
                                  for (const stored &next : pending)
                                      chain.push_back(hooks::prepare(next, "forward"));
                                  return chain;
                              },
                              arguments.integer(0), chosen_options(arguments, 1)};
    const dry_runner runner(request);
    pg::row_set rows(arguments);
    for (const migration_result &result : results_of(runner, request.chosen.raise))
        rows.add(columns(result));
    return {};
}

} // namespace confiture::dry_run
