/* hook_relation(), hook_execute() and hook_answer(): for hooks that pin their search_path and are
 * told names and statements of the role that runs the migration. */
#include "hooks/migration_run.hpp"
#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/function.hpp"
#include "pg/jsonb.hpp"
#include "pg/query.hpp"
#include "pg/session.hpp"
#include "pg/settings.hpp"
#include "pg/transaction.hpp"

namespace confiture::hooks {

static std::string search_path() {
    const migration_run *run = migration_run::current();
    return run ? run->search_path() : pg::setting("search_path");
}

CONFITURE_FUNCTION(confiture_hook_relation) {
    const std::string name = arguments.text(0);
    pg::settings_scope settings;
    settings.set("search_path", search_path().c_str());
    const pg::oid relation = pg::find_relation(name);
    if (relation == 0)
        throw failure{configuration_invalid, "relation \"" + name + "\" does not exist",
                      "It was looked for in the search_path " + search_path() + ".",
                      "Write its schema with its name."};
    return {relation, false};
}

CONFITURE_FUNCTION(confiture_hook_execute) {
    if (arguments.null(0))
        throw failure{configuration_invalid, "the statement of a hook must not be null"};
    const pg::oid type = arguments.null(2) ? 0 : arguments.oid(2);
    if (type == 0 && !arguments.null(1))
        throw failure{configuration_invalid, "the type of a key must not be null"};
    return pg::bigint(static_cast<std::int64_t>(
        pg::execute_with_path(search_path(), arguments.text(0), arguments.optional_text(1), type)));
}

/* What a table brings along, functions in its constraints for one, is its owner's code. */
CONFITURE_FUNCTION(confiture_hook_alter) {
    arguments.refuse_null({"relation", "change"});
    const pg::as_role owner(pg::owner_to_act_as(arguments.oid(0)),
                            pg::as_role::operations::restricted);
    pg::execute_with_path(
        search_path(),
        "ALTER TABLE " + pg::relation_argument(arguments, 0) + " " + arguments.text(1), {}, 0);
    return {};
}

CONFITURE_FUNCTION(confiture_hook_answer) {
    arguments.refuse_null({"query"});
    const std::vector<pg::record> rows = pg::query_with_path(search_path(), arguments.text(0));
    if (rows.size() != 1 || rows[0].size() != 1)
        throw failure{configuration_invalid, "the query of a hook must return one value"};
    return rows[0][0] ? pg::jsonb(pg::jsonb_image(*rows[0][0])) : pg::value{};
}

} // namespace confiture::hooks
