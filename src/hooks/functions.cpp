/* The SQL functions of hooks.sql that register hooks and talk to them. */
#include "hooks/acceptance.hpp"
#include "hooks/migration_run.hpp"
#include "hooks/registry.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/hook_library.hpp"
#include "pg/jsonb.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"

namespace confiture::hooks {

namespace {

void refuse_null(const pg::arguments &arguments, int index, const char *what) {
    if (arguments.null(index))
        throw failure{configuration_invalid, std::string(what) + " of a hook must not be null", "",
                      "What has a default is left out to take it."};
}

/* What all forms of register_hook have in common: name, phase, … and from `rest` on migrations,
 * priority, timeout, on_failure, config, direction. */
registration read_registration(const pg::arguments &arguments, int rest) {
    const char *const names[] = {"migrations", "priority", "timeout",
                                 "on_failure", "config",   "direction"};
    refuse_null(arguments, 0, "name");
    refuse_null(arguments, 1, "phase");
    for (int i = 0; i < 6; i++)
        if (i != 2)
            refuse_null(arguments, rest + i, names[i]);
    registration given;
    given.name = arguments.text(0);
    given.phase = arguments.enum_label(1);
    given.migrations = arguments.text(rest);
    given.priority = std::to_string(arguments.integer(rest + 1));
    if (!arguments.null(rest + 2))
        given.timeout = arguments.interval(rest + 2);
    given.on_failure = arguments.text(rest + 3);
    given.config = arguments.jsonb_text(rest + 4);
    given.direction = arguments.text(rest + 5);
    if (given.config.front() != '{')
        throw failure{configuration_invalid, "the config of a hook must be a JSON object", "",
                      "Write it as '{\"name\": value}'."};
    return given;
}

migration_run &running(const char *function) {
    migration_run *run = migration_run::current();
    if (!run)
        throw failure{hook_error, std::string(function) + " is for hooks",
                      "No migration runs in this session.",
                      "Call it from a hook, or from the script of a migration."};
    return *run;
}

} // namespace

CONFITURE_FUNCTION(confiture_register_hook) {
    refuse_null(arguments, 2, "function");
    registration given = read_registration(arguments, 3);
    given.function = pg::function_argument(arguments, 2);
    register_hook(given);
    return {};
}

CONFITURE_FUNCTION(confiture_register_hook_sql) {
    refuse_null(arguments, 2, "statement");
    registration given = read_registration(arguments, 3);
    given.statement = arguments.text(2);
    register_hook(given);
    return {};
}

CONFITURE_FUNCTION(confiture_register_hook_library) {
    refuse_null(arguments, 2, "library");
    refuse_null(arguments, 3, "symbol");
    registration given = read_registration(arguments, 4);
    given.library = arguments.text(2);
    given.symbol = arguments.text(3);
    if (!pg::is_superuser(pg::current_role_name()).value_or(false))
        throw failure{configuration_invalid, "only superusers may register a hook by its library",
                      "The server runs the code of a library as itself.",
                      "Ask a superuser, or register a function."};
    pg::load_library_hook(*given.library, *given.symbol);
    register_hook(given);
    return {};
}

CONFITURE_FUNCTION(confiture_unregister_hook) {
    arguments.refuse_null({"name"});
    unregister(arguments.text(0));
    return {};
}

CONFITURE_FUNCTION(confiture_enable_hook) {
    arguments.refuse_null({"name", "enabled"});
    enable(arguments.text(0), arguments.boolean(1));
    return {};
}

/* What the view confiture.hooks says of a hook, for the current role. */
CONFITURE_FUNCTION(confiture_hook_state) {
    const hook found = find(arguments.text(0));
    pg::hook_functions functions;
    try {
        return pg::in_subtransaction([&] {
            return pg::text(acceptance().accepts(found, functions) ? "ready" : "untrusted");
        });
    } catch (const failure &) { // no such extension or function, or it is no longer a hook's
        return pg::text("missing");
    } catch (const pg::error &raised) {
        if (raised.sqlstate() != "42501")
            throw;
        return pg::text("forbidden");
    }
}

CONFITURE_FUNCTION(confiture_set_stat) {
    if (arguments.null(0))
        throw failure{configuration_invalid, "the key of a stat must not be null"};
    static constexpr std::size_t longest_key = 200;
    const std::string key = arguments.text(0);
    if (key.size() > longest_key)
        throw failure{configuration_invalid, "the key of a stat is too long",
                      "It has " + std::to_string(key.size()) + " bytes; the limit is " +
                          std::to_string(longest_key) + "."};
    running("confiture.set_stat()")
        .set_stat(key,
                  arguments.null(1) ? pg::jsonb_image(std::string("null")) : arguments.jsonb(1));
    return {};
}

CONFITURE_FUNCTION(confiture_get_stat) {
    const migration_run *run = migration_run::current();
    const std::string *image = run ? run->stat(arguments.text(0)) : nullptr;
    return image ? pg::jsonb(*image) : pg::value{};
}

CONFITURE_FUNCTION(confiture_current_context) {
    migration_run *run = migration_run::current();
    return run ? pg::hook_context(run->input()) : pg::value{};
}

} // namespace confiture::hooks
