#include "hooks/registry.hpp"

#include "hooks/acceptance.hpp"
#include "pg/catalog.hpp"
#include "pg/error.hpp"
#include "pg/jsonb.hpp"
#include "pg/read_only.hpp"
#include "pg/session.hpp"
#include "pg/transaction.hpp"
#include "trust/trust.hpp"

#include <algorithm>

namespace confiture::hooks {

namespace {

/* Counts what this session changed: a list that was read before is read again. */
constinit std::uint64_t changes = 1;

constexpr std::size_t longest_name = 200, longest_statement = 1024 * 1024;

std::string empty_object() { return pg::jsonb_image(std::string("{}")); }

/* What most of them leave at its default is read as null, which costs nothing. */
constexpr const char *columns =
    "name, phase::text, function, statement, library, symbol, nullif(migrations, '*'), "
    "nullif(priority, 100), ceil(extract(epoch FROM timeout)::numeric * 1000)::bigint, "
    "nullif(on_failure, 'abort'), nullif(config, '{}'), registered_by, extension, "
    "nullif(direction, 'forward')";

constexpr const char *registrar_of = "SELECT registered_by FROM confiture.hook WHERE name = $1";

constexpr const char *store = R"(
INSERT INTO confiture.hook AS h
       (name, phase, function, statement, library, symbol, migrations, priority, timeout,
        on_failure, config, extension, registered_by, direction)
VALUES ($1, $2::confiture.hook_phase, $3, $4, $5, $6, $7, $8::integer, $9::interval, $10,
        $11::jsonb, $12, $13, $15)
ON CONFLICT (name) DO UPDATE
SET phase = excluded.phase, function = excluded.function, statement = excluded.statement,
    library = excluded.library, symbol = excluded.symbol, migrations = excluded.migrations,
    priority = excluded.priority, timeout = excluded.timeout, on_failure = excluded.on_failure,
    config = excluded.config, direction = excluded.direction, extension = excluded.extension,
    registered_at = clock_timestamp(), registered_by = excluded.registered_by
WHERE h.registered_by = $13 OR h.registered_by = $14)";

constexpr const char *unchanged = R"(
SELECT FROM confiture.hook h
WHERE h.name = $1 AND
      (h.phase::text, h.function, h.statement, h.library, h.symbol, h.migrations, h.priority,
       h.timeout, h.on_failure, h.config, h.direction)
      IS NOT DISTINCT FROM
      ($2, $3, $4, $5, $6, $7, $8::integer, $9::interval, $10, $11::jsonb, $12))";

[[noreturn]] void not_registered(const std::string &name) {
    throw failure{configuration_invalid, "hook \"" + name + "\" is not registered", "",
                  "SELECT * FROM confiture.hooks lists those that are."};
}

/* The role that registered it, nothing where there is none; throws where it is another's. */
pg::field managed_registrar(const std::string &name, const std::string &role) {
    const auto found = pg::query(registrar_of, {name});
    if (found.empty())
        return std::nullopt;
    trust::refuse_change_by_others(role, *found[0][0], "hook \"" + name + "\"",
                                   "choose another name");
    return found[0][0];
}

/* Another session may have registered or removed it since the registrar was looked at. */
void refuse_other_registrar(const std::string &name, std::uint64_t written) {
    if (written == 0)
        throw failure{configuration_invalid,
                      "hook \"" + name + "\" was changed by another session meanwhile", "",
                      "Look at confiture.hooks, then try again."};
}

/* An install script brings back what a dump leaves out, once: the restored registration of somebody
 * else would meet it there. */
void refuse_other_extension(const std::string &name, const pg::field &extension) {
    const auto found = pg::query("SELECT extension FROM confiture.hook WHERE name = $1", {name});
    if (found.empty() || found[0][0] == extension)
        return;
    const pg::field &there = found[0][0];
    if (!there)
        throw failure{configuration_invalid,
                      "hook \"" + name + "\" is no hook of extension \"" + *extension + "\"",
                      "It was registered before, and by no extension.",
                      "SELECT confiture.unregister_hook(" + pg::sql_literal(name) + ")."};
    if (pg::extension_is_there(*there))
        throw failure{configuration_invalid,
                      "hook \"" + name + "\" belongs to extension \"" + *there + "\"",
                      "It is replaced by the scripts of that extension alone.",
                      "Choose another name; confiture.enable_hook() turns this one off."};
}

std::shared_ptr<const pg::script> parse(const std::string &statement) {
    auto script = std::make_shared<pg::script>(pg::parse_script(statement, ""));
    if (script->statements.empty())
        throw failure{migration_invalid, "the hook has no statement", "",
                      "Give it at least one SQL statement."};
    for (const pg::directive_comment &comment : script->directives)
        throw failure{migration_invalid, "a directive has no meaning in a hook",
                      "Line " + std::to_string(comment.line) + ".",
                      "Directives stand in the scripts of migrations."};
    for (const pg::statement &each : script->statements)
        if (each.kind != pg::statement_kind::plain)
            throw failure{migration_invalid,
                          std::string(pg::tag_name(each.tag)) + " cannot run in a hook",
                          "Line " + std::to_string(each.line) + ".",
                          "A hook runs in a savepoint of its own, which it neither ends nor "
                          "leaves."};
    return script;
}

/* How a text is parsed is up to the settings of the session, standard_conforming_strings for one: a
 * hook that cannot be read here fails when its turn comes, as any other. */
void read_statements(hook &read, const std::string &text) {
    try {
        read.script = parse(text);
        read.statements = read.script->statements;
    } catch (const failure &refused) {
        read.script = std::make_shared<const pg::script>(pg::script{"", text, {}, {}});
        read.unreadable = std::make_shared<const failure>(refused);
    }
}

hook read_row(const pg::record &row, const std::string &empty_config) {
    hook read;
    read.name = *row[0];
    read.when = phase_named(*row[1]);
    read.function = row[2].value_or("");
    if (row[3])
        read_statements(read, *row[3]);
    read.library = row[4].value_or("");
    read.symbol = row[5].value_or("");
    if (row[6])
        read.migrations = *row[6];
    if (row[7])
        read.priority = std::stoi(*row[7]);
    if (row[8])
        read.timeout_ms = static_cast<int>(std::stoll(*row[8]));
    read.continues = row[9].has_value();
    read.config = row[10] ? pg::jsonb_image(*row[10]) : empty_config;
    read.registrar = *row[11];
    read.extension = row[12].value_or("");
    if (row[13])
        read.goes = way_named(*row[13]);
    return read;
}

[[noreturn]] void invalid(const std::string &what, const std::string &value,
                          const std::string &takes) {
    throw failure{configuration_invalid, "invalid " + what + " of a hook: \"" + value + "\"",
                  takes};
}

/* '001,,002': one was left out, and nobody knows which. */
bool has_empty_version(const std::string &list) {
    for (std::size_t begin = 0; begin <= list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        if (list.find_first_not_of(" \t\r\n", begin) >= end)
            return true;
        begin = end + 1;
    }
    return false;
}

void check(const registration &given) {
    if (given.name.empty() || given.name.size() > longest_name)
        throw failure{configuration_invalid, "invalid name of a hook",
                      "It has " + std::to_string(given.name.size()) + " bytes; a name has 1 to " +
                          std::to_string(longest_name) + "."};
    if (given.name == "*") // trust(): all that are registered
        invalid("name", given.name, "A name is not * alone.");
    if (given.on_failure != "abort" && given.on_failure != "continue")
        invalid("on_failure", given.on_failure, "It is abort or continue.");
    way_named(given.direction);
    if (has_empty_version(given.migrations))
        invalid("migrations", given.migrations,
                "They are * for all, or versions with commas between them.");
    if (given.statement && given.statement->size() > longest_statement)
        throw failure{configuration_invalid, "the statement of a hook is too long",
                      "It has " + std::to_string(given.statement->size()) +
                          " bytes; the limit is " + std::to_string(longest_statement) + ".",
                      "Put it into a function."};
    if (given.timeout) {
        const auto limit =
            pg::query("SELECT $1::interval < '0' OR $1::interval > '24 days'", {given.timeout});
        if (limit[0][0] == "t")
            invalid("timeout", *given.timeout, "It is 0 for none, or up to 24 days.");
    }
    if (given.statement)
        parse(*given.statement);
    if (given.function)
        pg::hook_functions().find(*given.function);
}

/* Who registers what another role has registered already has it in his hands: he trusts it. */
bool pin_unchanged(const registration &given) {
    const std::string role = pg::current_role_name();
    {
        const pg::as_owner owner;
        const auto registrar = pg::query(registrar_of, {given.name});
        if (registrar.empty() || pg::stands_for(role, *registrar[0][0]) ||
            pg::query(unchanged, {given.name, given.phase, given.function, given.statement,
                                  given.library, given.symbol, given.migrations, given.priority,
                                  given.timeout, given.on_failure, given.config, given.direction})
                .empty())
            return false;
    }
    const hook found = find(given.name);
    pg::hook_functions functions;
    if (!acceptance().accepts(found, functions))
        trust::pin("hook", found.name, definition_hash(found, functions));
    return true;
}

} // namespace

void register_hook(const registration &given) {
    check(given);
    if (pin_unchanged(given))
        return;
    pg::refuse_where_read_only("register hooks");
    const std::string role = pg::current_role_name();
    const pg::as_owner owner;
    const pg::field extension = pg::extension_being_created();
    const pg::field registrar = managed_registrar(given.name, role);
    if (registrar)
        refuse_other_extension(given.name, extension);
    refuse_other_registrar(
        given.name,
        pg::execute(store,
                    {given.name, given.phase, given.function, given.statement, given.library,
                     given.symbol, given.migrations, given.priority, given.timeout,
                     given.on_failure, given.config, extension, role, registrar, given.direction}));
    changes++;
}

void unregister(const std::string &name) {
    pg::refuse_where_read_only("unregister hooks");
    const std::string role = pg::current_role_name();
    const pg::as_owner owner;
    const pg::field registrar = managed_registrar(name, role);
    if (!registrar)
        not_registered(name);
    refuse_other_registrar(
        name, pg::execute("DELETE FROM confiture.hook WHERE name = $1 AND registered_by = $2",
                          {name, registrar}));
    changes++;
}

void enable(const std::string &name, bool enabled) {
    pg::refuse_where_read_only("change hooks");
    const std::string role = pg::current_role_name();
    const pg::as_owner owner;
    const pg::field registrar = managed_registrar(name, role);
    if (!registrar)
        not_registered(name);
    refuse_other_registrar(name, pg::execute("UPDATE confiture.hook SET enabled = $2::boolean "
                                             "WHERE name = $1 AND registered_by = $3",
                                             {name, enabled ? "true" : "false", registrar}));
    changes++;
}

hook find(const std::string &name) {
    const pg::as_owner owner;
    const auto found = pg::query(
        std::string("SELECT ") + columns + " FROM confiture.hook WHERE name = $1", {name});
    if (found.empty())
        not_registered(name);
    return read_row(found[0], empty_object());
}

std::vector<std::string> all_names() {
    const pg::as_owner owner;
    std::vector<std::string> names;
    for (const pg::record &row : pg::query("SELECT name FROM confiture.hook ORDER BY name"))
        names.push_back(*row[0]);
    return names;
}

void forget_registered() { changes++; }

std::uint64_t registered_hooks::revision() const { return changes; }

const hook_list &registered_hooks::of(phase which) {
    phase_hooks &known = phases_[static_cast<std::size_t>(which)];
    if (known.revision == changes)
        return known.hooks;
    known.hooks.clear();
    const std::string empty_config = empty_object();
    const pg::as_owner owner;
    pg::for_each_row(std::string("SELECT ") + columns +
                         " FROM confiture.hook WHERE enabled AND phase = $1::confiture.hook_phase",
                     {name_of(which)}, [&](const pg::record &row) {
                         known.hooks.push_back(
                             std::make_shared<const hook>(read_row(row, empty_config)));
                     });
    known.revision = changes;
    return known.hooks;
}

void registered_hooks::read_all() {
    for (std::size_t i = 0; i < phase_count; i++)
        of(static_cast<phase>(i));
}

const hook_list &hook_book::of(phase which) {
    phase_hooks &known = phases_[static_cast<std::size_t>(which)];
    if (known.revision == registered_.revision())
        return known.hooks;
    known.hooks.clear();
    for (const auto &each : own_)
        if (each->when == which)
            known.hooks.push_back(each);
    for (const auto &each : registered_.of(which))
        if (names_version(each->migrations, version_) && runs_in(*each, direction_))
            known.hooks.push_back(each);
    std::sort(known.hooks.begin(), known.hooks.end(),
              [](const auto &left, const auto &right) { return runs_before(*left, *right); });
    known.revision = registered_.revision();
    return known.hooks;
}

} // namespace confiture::hooks
