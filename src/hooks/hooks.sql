CREATE FUNCTION confiture.register_hook(name text, phase confiture.hook_phase, function regprocedure, migrations text DEFAULT '*', priority integer DEFAULT 100, timeout interval DEFAULT NULL, on_failure text DEFAULT 'abort', config jsonb DEFAULT '{}', direction text DEFAULT 'forward')
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_register_hook';
COMMENT ON FUNCTION confiture.register_hook(text, confiture.hook_phase, regprocedure, text, integer, interval, text, jsonb, text) IS 'Registers a function as a hook, or replaces a hook of that name that the caller may change, an extension''s by its own scripts alone. The function takes one confiture.hook_context, or the same as one jsonb, and returns confiture.hook_result, bigint (rows), jsonb (stats) or void; it is kept by its signature and looked up when it runs. migrations: * for all, or versions with commas between them, each with * for any text. Lower priorities run first, then by name. timeout: null for confiture.hook_timeout, 0 for none. on_failure: abort (the migration fails) or continue (a warning). direction: forward, backward or both. Errors: MG016.';

CREATE FUNCTION confiture.register_hook_sql(name text, phase confiture.hook_phase, statement text, migrations text DEFAULT '*', priority integer DEFAULT 100, timeout interval DEFAULT NULL, on_failure text DEFAULT 'abort', config jsonb DEFAULT '{}', direction text DEFAULT 'forward')
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_register_hook_sql';
COMMENT ON FUNCTION confiture.register_hook_sql(text, confiture.hook_phase, text, text, integer, interval, text, jsonb, text) IS 'Registers one or more SQL statements as a hook; the rest is as for register_hook(). They see their context by confiture.current_context(). Errors: MG005 for what does not parse or cannot run in a savepoint, MG016.';

CREATE FUNCTION confiture.register_hook_library(name text, phase confiture.hook_phase, library text, symbol text, migrations text DEFAULT '*', priority integer DEFAULT 100, timeout interval DEFAULT NULL, on_failure text DEFAULT 'abort', config jsonb DEFAULT '{}', direction text DEFAULT 'forward')
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_register_hook_library';
COMMENT ON FUNCTION confiture.register_hook_library(text, confiture.hook_phase, text, text, text, integer, interval, text, jsonb, text) IS 'Registers a C function of a library as a hook, declared with CONFITURE_HOOK() of confiture_hook.h; the rest is as for register_hook(). For superusers. The library is loaded when it is registered and in each session when the hook runs first. Errors: MG016, and those of LOAD.';

CREATE FUNCTION confiture.unregister_hook(name text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_unregister_hook';
COMMENT ON FUNCTION confiture.unregister_hook(text) IS 'Removes a hook. For the role that registered it, its members and superusers. Errors: MG016.';

CREATE FUNCTION confiture.enable_hook(name text, enabled boolean)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_enable_hook';
COMMENT ON FUNCTION confiture.enable_hook(text, boolean) IS 'Says whether a hook runs. For the role that registered it, its members and superusers. Errors: MG016.';

CREATE FUNCTION confiture.get_hook(name text)
RETURNS confiture.hook
LANGUAGE sql STABLE STRICT SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS 'SELECT h FROM confiture.hook h WHERE h.name = $1';
COMMENT ON FUNCTION confiture.get_hook(text) IS 'A hook as it is registered, with its statement and config; null where there is none.';

CREATE FUNCTION confiture.hook_state(name text)
RETURNS text
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_hook_state';
COMMENT ON FUNCTION confiture.hook_state(text) IS 'Whether the current role could run a hook: ready, missing (its function or its extension is gone), untrusted (see trust()) or forbidden (the role may not execute its function). Errors: MG016 where there is none.';

CREATE VIEW confiture.hooks AS
SELECT h.name, h.phase,
       CASE WHEN h.function IS NOT NULL THEN 'function' WHEN h.statement IS NOT NULL THEN 'statement' ELSE 'library' END AS kind,
       coalesce(h.function, h.library OPERATOR(pg_catalog.||) ':' OPERATOR(pg_catalog.||) h.symbol) AS function,
       h.migrations, h.direction, h.priority, h.timeout, h.on_failure, h.enabled,
       confiture.hook_state(h.name) AS state,
       h.extension, h.registered_at, h.registered_by
FROM confiture.hook h
ORDER BY h.phase, h.priority, h.name;
COMMENT ON VIEW confiture.hooks IS 'The hooks that are registered, in the order in which they run; get_hook() has their statements and configs too.';
COMMENT ON COLUMN confiture.hooks.name IS 'Name of the hook.';
COMMENT ON COLUMN confiture.hooks.phase IS 'The phase that it runs in.';
COMMENT ON COLUMN confiture.hooks.kind IS 'function, statement or library.';
COMMENT ON COLUMN confiture.hooks.function IS 'Signature of its function, or its library and symbol; null for a statement.';
COMMENT ON COLUMN confiture.hooks.migrations IS 'The migrations that it runs in.';
COMMENT ON COLUMN confiture.hooks.direction IS 'forward, backward or both: the way that a migration goes in which it runs.';
COMMENT ON COLUMN confiture.hooks.priority IS 'Lower ones run first; of equal ones the first by name.';
COMMENT ON COLUMN confiture.hooks.timeout IS 'How long it may run; null for confiture.hook_timeout, 0 for no limit.';
COMMENT ON COLUMN confiture.hooks.on_failure IS 'abort or continue.';
COMMENT ON COLUMN confiture.hooks.enabled IS 'Whether it runs.';
COMMENT ON COLUMN confiture.hooks.state IS 'Whether the current role could run it: ready, missing, untrusted or forbidden.';
COMMENT ON COLUMN confiture.hooks.extension IS 'The extension that it came with.';
COMMENT ON COLUMN confiture.hooks.registered_at IS 'When it was registered, or replaced last.';
COMMENT ON COLUMN confiture.hooks.registered_by IS 'Role that registered it.';

CREATE VIEW confiture.available_hooks AS
SELECT p.oid::pg_catalog.regprocedure AS function,
       p.proargtypes[0]::pg_catalog.regtype AS takes,
       p.prorettype::pg_catalog.regtype AS returns,
       l.lanname::text AS language,
       e.extname::text AS extension,
       pg_catalog.pg_get_userbyid(p.proowner)::text AS owner,
       pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AS executable,
       pg_catalog.obj_description(p.oid, 'pg_proc') AS description
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_language l ON l.oid OPERATOR(pg_catalog.=) p.prolang
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
LEFT JOIN pg_catalog.pg_depend d ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_proc'::pg_catalog.regclass
      AND d.objid OPERATOR(pg_catalog.=) p.oid AND d.deptype OPERATOR(pg_catalog.=) 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid OPERATOR(pg_catalog.=) d.refobjid
WHERE p.prokind OPERATOR(pg_catalog.=) 'f' AND NOT p.proretset AND p.pronargs OPERATOR(pg_catalog.=) 1 AND p.provariadic OPERATOR(pg_catalog.=) 0
  AND (p.proargtypes[0] OPERATOR(pg_catalog.=) 'confiture.hook_context'::pg_catalog.regtype OR p.proargtypes[0] OPERATOR(pg_catalog.=) 'pg_catalog.jsonb'::pg_catalog.regtype)
  AND (p.prorettype OPERATOR(pg_catalog.=) 'confiture.hook_result'::pg_catalog.regtype
       OR p.prorettype OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.int8', 'pg_catalog.jsonb', 'pg_catalog.void']::pg_catalog.regtype[]))
  AND n.nspname OPERATOR(pg_catalog.<>) 'pg_catalog'
ORDER BY n.nspname, p.proname, p.oid;
COMMENT ON VIEW confiture.available_hooks IS 'Every function in this database that has the signature of a hook, but for those of pg_catalog, and the extension that it came with.';
COMMENT ON COLUMN confiture.available_hooks.function IS 'The function, for register_hook().';
COMMENT ON COLUMN confiture.available_hooks.takes IS 'confiture.hook_context or jsonb.';
COMMENT ON COLUMN confiture.available_hooks.returns IS 'confiture.hook_result, bigint (rows), jsonb (stats) or void.';
COMMENT ON COLUMN confiture.available_hooks.language IS 'Language that it is written in.';
COMMENT ON COLUMN confiture.available_hooks.extension IS 'The extension that it belongs to; null for none.';
COMMENT ON COLUMN confiture.available_hooks.owner IS 'Role that owns it.';
COMMENT ON COLUMN confiture.available_hooks.executable IS 'Whether the current role may execute it.';
COMMENT ON COLUMN confiture.available_hooks.description IS 'Its comment.';

CREATE FUNCTION confiture.run_phase(phase confiture.hook_phase, version text, direction text DEFAULT 'forward')
RETURNS SETOF confiture.hook_result
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_run_phase';
COMMENT ON FUNCTION confiture.run_phase(confiture.hook_phase, text, text) IS 'Runs the hooks of one phase of a migration for real, each in a savepoint, in the transaction of the caller; one row a hook. Holds the migrator lock until that transaction ends. What ran is kept in confiture.hook_run if and only if it commits. Errors: MG002 and MG003 for a hook that fails with on_failure abort, MG004, MG005, MG008, MG016, MG017; those of the server that no hook may swallow (57014, 57P01, 40001, 40P01) as they are.';

CREATE FUNCTION confiture.set_stat(key text, value jsonb)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_set_stat';
COMMENT ON FUNCTION confiture.set_stat(text, jsonb) IS 'Shares a value with the hooks that run later in this run of the migration; undone with the savepoint that it was set in. At most 1 MB in all. Errors: MG002 where no migration runs, MG016 for what is too large.';

CREATE FUNCTION confiture.get_stat(key text)
RETURNS jsonb
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_get_stat';
COMMENT ON FUNCTION confiture.get_stat(text) IS 'What was shared under a key by set_stat() in this run of the migration; null where nothing was, or no migration runs.';

CREATE FUNCTION confiture.current_context()
RETURNS confiture.hook_context
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_current_context';
COMMENT ON FUNCTION confiture.current_context() IS 'The context of the hook that runs; null where no migration runs, with a null phase in the script of a migration.';

CREATE FUNCTION confiture.hook_relation(name text)
RETURNS regclass
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_hook_relation';
COMMENT ON FUNCTION confiture.hook_relation(text) IS 'A relation by its name, as the role that runs the migration would find it: for hooks that pin their own search_path. Errors: MG016 where there is none.';

CREATE FUNCTION confiture.hook_execute(statement text, key text DEFAULT NULL, key_type regtype DEFAULT NULL)
RETURNS bigint
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_hook_execute';
COMMENT ON FUNCTION confiture.hook_execute(text, text, regtype) IS 'Runs one statement with the search_path of the role that runs the migration: for hooks that pin their own. $1 is the key as a value of key_type. Returns the number of its rows. Errors: those of the statement.';

CREATE FUNCTION confiture.hook_alter(relation regclass, change text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_hook_alter';
COMMENT ON FUNCTION confiture.hook_alter(regclass, text) IS 'For hooks: ALTER TABLE with the rights of the owner of the table, where the caller has them, so that functions in its constraints have no others. Errors: those of the statement.';
