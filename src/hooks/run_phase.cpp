/* confiture.run_phase(): one phase on its own, for real. */
#include "hooks/hook_runs.hpp"
#include "hooks/registry.hpp"
#include "hooks/script_hooks.hpp"
#include "migration/acceptance.hpp"
#include "migration/registry.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/hook_function.hpp"
#include "pg/jsonb.hpp"
#include "pg/memory.hpp"
#include "pg/migrator_lock.hpp"
#include "pg/read_only.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::hooks {

namespace {

class result_rows final : public hook_listener {
public:
    result_rows(const pg::arguments &arguments, phase which)
        : rows_(arguments), which_(which), phase_(pg::hook_phase(name_of(which))) {}

    bool ended(const hook &which, const hook_outcome &outcome) override {
        memory_.reset();
        const pg::memory_scope scope(memory_);
        rows_.add({phase_, pg::text(which.name),
                   outcome.rows ? pg::bigint(*outcome.rows) : pg::value{}, pg::jsonb(outcome.stats),
                   pg::real(outcome.elapsed_ms), pg::text(name_of(outcome.status)),
                   error_value(outcome)});
        runs_.add(which_, which, outcome);
        return true;
    }

    void record(const migration_run &run) {
        if (pg::hook_phase(name_of(which_)).datum != phase_.datum)
            throw failure{configuration_invalid, "a hook made the extension confiture anew",
                          "What it ran with is gone.",
                          "Leave DROP EXTENSION confiture out of hooks."};
        runs_.write(run);
    }

private:
    pg::memory_context memory_{"confiture hook result"}; // of one row
    pg::row_set rows_;
    hook_runs runs_;
    const phase which_;
    const pg::value phase_;
};

} // namespace

CONFITURE_FUNCTION(confiture_run_phase) {
    arguments.refuse_null({"phase", "version", "direction"});
    const phase which = phase_named(arguments.enum_label(0));
    const std::string version = arguments.text(1), direction = arguments.text(2);
    migration::check_direction(direction);
    pg::refuse_where_read_only("run hooks", hook_error);
    pg::lock_migrator();
    const migration::stored found = migration::find(version);
    migration::refuse_untrusted({&found, 1});
    hook_list own;
    std::string lock_timeout = found.lock_timeout;
    if (direction == "forward" || found.backward) {
        const migration::parsed_script parsed = migration::parse(
            direction == "forward" ? found.forward : *found.backward, found.source, found.version);
        own = hooks_of(parsed);
        lock_timeout = parsed.marks.lock_timeout.value_or(lock_timeout);
    }
    registered_hooks registered;
    hook_book book(registered, found.version, direction, std::move(own));
    result_rows rows(arguments, which);
    migration_run run(found.version, found.name, direction, false);
    pg::settings_scope settings;
    if (!lock_timeout.empty())
        settings.set("lock_timeout", lock_timeout.c_str());
    if (const auto failed = run_hooks(run, which, book.of(which), rows))
        raise(*failed);
    rows.record(run);
    return {};
}

} // namespace confiture::hooks
