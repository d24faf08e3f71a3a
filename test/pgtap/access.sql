-- grant_access() and revoke_access(): what each level may see and call.  The list here says what is meant, the catalog and
-- real calls of each role say what is so.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE ROLE access_nobody;
CREATE ROLE access_reader;
CREATE ROLE access_operator;
CREATE ROLE access_admin;
CREATE ROLE access_table_owner;
CREATE ROLE access_superuser SUPERUSER;
GRANT CREATE ON DATABASE :"DBNAME" TO access_operator, access_table_owner;
SELECT confiture.grant_access('access_' || level, level) FROM unnest(ARRAY['reader', 'operator', 'admin']) AS level \g /dev/null
CREATE SCHEMA s AUTHORIZATION access_table_owner;
CREATE TABLE s.t (id int);
ALTER TABLE s.t OWNER TO access_table_owner;

CREATE TEMPORARY TABLE role (name text, rank int);
INSERT INTO role VALUES ('access_nobody', 0), ('access_table_owner', 0), ('access_reader', 1), ('access_operator', 2), ('access_admin', 3),
                        ('access_superuser', 4);

-- From which level on: reader 1, operator 2, admin 3, owner (and superusers) 4.
CREATE TEMPORARY TABLE expected (object text PRIMARY KEY, level text);
COPY expected FROM stdin DELIMITER ' ';
access_right reader
access_right.columns reader
access_right.kind reader
access_right.level reader
access_right.object reader
analyze_tables operator
apply operator
available_hooks reader
available_hooks.description reader
available_hooks.executable reader
available_hooks.extension reader
available_hooks.function reader
available_hooks.language reader
available_hooks.owner reader
available_hooks.returns reader
available_hooks.takes reader
backfill operator
backfill_read_model operator
backfill_run operator
backfill_run.batches reader
backfill_run.changed_at reader
backfill_run.executed_by reader
backfill_run.finished_at reader
backfill_run.key_columns reader
backfill_run.last_key operator
backfill_run.name reader
backfill_run.rows_passed reader
backfill_run.rows_updated reader
backfill_run.started_at reader
backfill_run.statement operator
backfill_run.table_name reader
backfill_sql operator
baseline operator
capture_statistics operator
check_queries operator
current_context operator
down operator
drop_temporary_tables operator
dry_run operator
dry_run_hooks reader
dry_run_locks reader
dry_run_pending operator
dry_run_sql operator
dry_run_statements reader
enable_hook admin
get_hook operator
get_stat operator
grant_access admin
guard_long_transactions operator
history operator
history.action reader
history.checksum reader
history.error operator
history.executed_by reader
history.finished_at reader
history.id reader
history.locks reader
history.name reader
history.sort_key reader
history.started_at reader
history.statements_done reader
history.status reader
history.version reader
hook operator
hook.config operator
hook.enabled reader
hook.extension reader
hook.function reader
hook.library reader
hook.migrations reader
hook.name reader
hook.on_failure reader
hook.direction reader
hook.phase reader
hook.priority reader
hook.registered_at reader
hook.registered_by reader
hook.statement operator
hook.symbol reader
hook.timeout reader
hook_alter operator
hook_answer operator
hook_config operator
hook_equality operator
hook_execute operator
hook_kind_name operator
hook_leaves operator
hook_lines operator
hook_may_analyze operator
hook_query operator
hook_relation operator
hook_relation_name operator
hook_relations operator
hook_run operator
hook_run.direction reader
hook_run.error operator
hook_run.executed_by reader
hook_run.execution_time_ms reader
hook_run.hook_name reader
hook_run.id reader
hook_run.phase reader
hook_run.recorded_at reader
hook_run.rows_affected reader
hook_run.stats operator
hook_run.status reader
hook_run.version reader
hook_sample operator
hook_state reader
hook_user_relations operator
hooks reader
hooks.enabled reader
hooks.extension reader
hooks.function reader
hooks.kind reader
hooks.migrations reader
hooks.name reader
hooks.on_failure reader
hooks.direction reader
hooks.phase reader
hooks.priority reader
hooks.registered_at reader
hooks.registered_by reader
hooks.state reader
hooks.timeout reader
journal operator
journal.before operator
journal.began_at reader
journal.command reader
journal.content reader
journal.database reader
journal.direction reader
journal.ended_at reader
journal.executed_by reader
journal.line reader
journal.name reader
journal.session operator
journal.sort_key reader
journal.statement operator
journal.statements_done reader
journal.step reader
journal.steps reader
journal.version reader
keep_own_rows owner
load_files operator
load_migrations operator
migration operator
migration.backward operator
migration.backward_source reader
migration.change_accepted reader
migration.checksum reader
migration.folder operator
migration.forward operator
migration.name reader
migration.options operator
migration.registered_at reader
migration.registered_by reader
migration.repeatable reader
migration.sort_key reader
migration.source reader
migration.verify operator
migration.version reader
migrator reader
migrator.application_name reader
migrator.pid reader
migrator.role reader
notify operator
plan operator
progress reader
progress.activity reader
progress.attempt reader
progress.blocked_by reader
progress.command reader
progress.direction reader
progress.elapsed reader
progress.hook reader
progress.line reader
progress.migration_number reader
progress.migrations reader
progress.name reader
progress.percent reader
progress.phase reader
progress.phase_percent reader
progress.pid reader
progress.remaining reader
progress.role reader
progress.rows_done reader
progress.rows_total reader
progress.run_started_at reader
progress.started_at reader
progress.statement reader
progress.statement_started_at reader
progress.statements reader
progress.step reader
progress.steps reader
progress.version reader
progress.worker_pid reader
read_progress reader
rebuild_indexes operator
redo operator
refresh_materialized_views operator
register_hook admin
register_hook_library admin
register_hook_sql admin
register_migration operator
repair operator
require_columns operator
revert operator
revoke_access admin
run_phase operator
set_access owner
set_stat operator
status reader
status.applied_at reader
status.detail reader
status.name reader
status.repeatable reader
status.sort_key reader
status.status reader
status.version reader
trust operator
trusted reader
trusted.definition reader
trusted.kind reader
trusted.name reader
trusted.role reader
trusted.trusted_at reader
unregister_hook admin
unregister_migration operator
untrust operator
up operator
validate_constraints operator
verify operator
verify_consistency operator
\.

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'confiture' AND d.deptype = 'e';

-- A function has the name of no table, so that a name is enough; all functions of a name have one level.
CREATE TEMPORARY VIEW object AS
SELECT p.proname::text AS name, p.oid::regprocedure::text AS what, p.oid AS routine, NULL::oid AS relation, NULL::smallint AS attribute
  FROM member m
  JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
UNION ALL
SELECT c.relname, c.oid::regclass::text, NULL, c.oid, NULL
  FROM member m
  JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('r', 'v', 'm', 'p')
UNION ALL
SELECT c.relname || '.' || a.attname, format('%s.%I', c.oid::regclass, a.attname), NULL, c.oid, a.attnum
  FROM member m
  JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind IN ('r', 'v', 'm', 'p')
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped;

SELECT is_empty(
    $$SELECT format('%s: add a line to src/access/access.sql, unless it is for the owner alone, and one to the list of test/pgtap/access.sql', what)
        FROM object WHERE name NOT IN (SELECT object FROM expected) ORDER BY 1$$,
    'every function, table, view and column says who may use it');
SELECT is_empty($$SELECT format('%s: is no more, take its line out of test/pgtap/access.sql', object)
                    FROM expected WHERE object NOT IN (SELECT name FROM object) ORDER BY 1$$, 'no line is left over here');
SELECT is_empty($$SELECT format('%s: is no more, take it out of src/access/access.sql', listed)
                    FROM (SELECT object || '.' || trim(unnest(string_to_array(columns, ','))) AS listed FROM confiture.access_right
                          UNION SELECT object FROM confiture.access_right) l
                   WHERE listed NOT IN (SELECT name FROM object) ORDER BY 1$$, 'nor there');
SELECT is(count(*), 0::bigint, 'all functions of a name have one level') FROM (SELECT FROM object WHERE relation IS NULL GROUP BY name HAVING count(*) > 1) o;

CREATE TEMPORARY VIEW matrix AS
SELECT o.*, r.name AS role, r.rank >= array_position(ARRAY['reader', 'operator', 'admin', 'owner'], e.level) AS meant
  FROM object o
  JOIN expected e ON e.object = o.name
 CROSS JOIN role r;

-- The catalog's answer.
SELECT is_empty($$SELECT role || ' ' || what || ': ' || CASE WHEN meant THEN 'may not' ELSE 'may' END
                    FROM matrix
                   WHERE meant <> CASE WHEN routine IS NOT NULL THEN has_function_privilege(role, routine, 'EXECUTE')
                                       WHEN attribute IS NULL THEN has_table_privilege(role, relation, 'SELECT')
                                                                   OR meant AND EXISTS (SELECT FROM confiture.access_right a WHERE a.object = name AND a.columns IS NULL)
                                                                   AND has_any_column_privilege(role, relation, 'SELECT')
                                       ELSE has_column_privilege(role, relation, attribute, 'SELECT') END$$,
                'has_*_privilege agrees with the list');
SELECT is_empty($$SELECT r.name, c.oid::regclass FROM role r, member m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
                   WHERE r.rank < 4 AND (c.relkind <> 'S' AND (has_table_privilege(r.name, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                                         OR has_any_column_privilege(r.name, c.oid, 'INSERT, UPDATE, REFERENCES')))$$,
                'nobody writes a table');
SELECT is_empty($$SELECT r.name, c.oid::regclass FROM role r, pg_class c
                   WHERE r.rank < 4 AND c.relkind = 'S' AND c.relnamespace = 'confiture'::regnamespace AND has_sequence_privilege(r.name, c.oid, 'USAGE, SELECT, UPDATE')$$,
                'nor a sequence');
SELECT is_empty($$SELECT name FROM role WHERE rank < 4 AND (has_schema_privilege(name, 'confiture', 'CREATE') OR has_schema_privilege(name, 'confiture', 'USAGE') <> (rank > 0))$$,
                'the schema is open from readers on, and nobody makes objects in it');

-- Real calls, each undone.  A strict function is not even looked at where an argument is the constant NULL.
CREATE FUNCTION pg_temp.refused(role text, call text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    message text;
BEGIN
    BEGIN
        PERFORM set_config('role', role, true);
        EXECUTE call;
        RAISE EXCEPTION 'it ran';
    EXCEPTION WHEN OTHERS THEN
        message := SQLERRM;
        RETURN SQLSTATE = '42501' AND message ~ '^permission denied for (function|procedure|table|view|schema)';
    END;
END $$;
SELECT is_empty($$SELECT role || ' ' || call || ': ' || CASE WHEN meant THEN 'is refused' ELSE 'is not refused' END
                    FROM (SELECT m.*, CASE WHEN routine IS NULL THEN format('SELECT %s FROM %s', coalesce(quote_ident(a.attname), '*'), relation::regclass)
                                           ELSE format('%s confiture.%I(%s)', CASE p.prokind WHEN 'p' THEN 'CALL' ELSE 'SELECT' END, p.proname,
                                                       (SELECT string_agg(format(CASE p.prokind WHEN 'p' THEN 'NULL::%s' ELSE '(SELECT NULL::%s)' END, t::regtype), ', ' ORDER BY place) FROM unnest(p.proargtypes) WITH ORDINALITY u (t, place))) END AS call
                            FROM matrix m
                            LEFT JOIN pg_proc p ON p.oid = m.routine
                            LEFT JOIN pg_attribute a ON a.attrelid = m.relation AND a.attnum = m.attribute) c
                   WHERE pg_temp.refused(role, call) = meant$$,
                'real calls and queries agree with the list');

-- A reader's day and an operator's, in sessions of theirs.
SELECT confiture.register_hook_sql('secret', 'AFTER_DDL', 'SELECT ''password of a service''', config => '{"token": "t"}');
SELECT confiture.register_migration('000', 'of the owner', 'SELECT ''a secret''') \g /dev/null
SET SESSION AUTHORIZATION access_operator;
SELECT is(confiture.register_migration('001', 'one', 'CREATE SCHEMA access_made CREATE TABLE one (id int)', 'DROP SCHEMA access_made CASCADE', 'SELECT id FROM access_made.one'),
          'added', 'an operator registers');
SELECT lives_ok('SELECT * FROM confiture.plan(''001'')', 'plans');
SELECT is((SELECT success FROM confiture.dry_run('001')), true, 'dry-runs');
CALL confiture.up() \g /dev/null
SELECT results_eq('SELECT version, status FROM confiture.status ORDER BY version', $$VALUES ('000', 'applied'), ('001', 'applied')$$, 'applies, the superuser''s too');
SELECT results_eq('SELECT version, state FROM confiture.verify()', $$VALUES ('000', 'unverified'), ('001', 'verified')$$, 'verifies');
CALL confiture.redo() \g /dev/null
CALL confiture.down() \g /dev/null
SELECT is((SELECT status FROM confiture.status WHERE version = '001'), 'reverted', 'reverts');
SELECT is(confiture.register_migration('002', 'two', 'SELECT 1/0'), 'added', 'and finds');
\set ON_ERROR_STOP 0
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP 1
SELECT is((SELECT error->>'message' FROM confiture.history WHERE status = 'failed'), 'division by zero', 'the error of one that failed');
SELECT throws_ok($$SELECT confiture.register_hook_sql('x', 'AFTER_DDL', 'SELECT 1')$$, '42501', NULL, 'but changes no hooks');
SELECT throws_ok($$SELECT confiture.load_migrations('/tmp')$$, 'MG016', NULL, 'nor reads folders of the server without pg_read_server_files');
SELECT throws_ok($$SELECT confiture.grant_access('access_operator', 'admin')$$, '42501', NULL, 'nor raises itself');
SET SESSION AUTHORIZATION access_reader;
SELECT results_eq('SELECT version, status FROM confiture.status ORDER BY version', $$VALUES ('000', 'applied'), ('001', 'applied'), ('002', 'failed')$$,
                  'a reader sees where everything stands');
SELECT results_eq('SELECT name COLLATE "default", state COLLATE "default" FROM confiture.hooks', $$VALUES ('secret', 'ready')$$, 'and the hooks');
SELECT lives_ok('SELECT * FROM confiture.progress', 'and who is at work');
SELECT results_eq('SELECT version, status FROM confiture.history ORDER BY id DESC LIMIT 1', $$VALUES ('002', 'failed')$$, 'and the history');
SELECT throws_ok(query, '42501', NULL, 'but not ' || query)
  FROM unnest(ARRAY['SELECT * FROM confiture.history', 'SELECT error FROM confiture.history', 'SELECT h FROM confiture.history h', 'SELECT to_jsonb(m) FROM confiture.migration m',
                    'SELECT forward FROM confiture.migration', 'SELECT count(*) FROM confiture.migration WHERE forward LIKE ''%secret%''',
                    'SELECT config FROM confiture.hook', 'SELECT confiture.get_hook(''secret'')', 'TABLE confiture.hook_run',
                    'SELECT name FROM confiture.hook ORDER BY statement', 'SELECT confiture.plan(''000'')',
                    'LOCK TABLE confiture.migrator IN EXCLUSIVE MODE', 'LOCK TABLE confiture.history IN ROW EXCLUSIVE MODE']) AS query;
RESET SESSION AUTHORIZATION;

-- An admin gives access, and gets no further by that.
SET SESSION AUTHORIZATION access_admin;
SELECT lives_ok($$SELECT confiture.grant_access('access_nobody', 'operator')$$, 'an admin gives access');
SELECT ok(has_function_privilege('access_nobody', 'confiture.verify()', 'EXECUTE'), 'which is there');
SELECT lives_ok($$SELECT confiture.revoke_access('access_nobody')$$, 'and takes it away');
SELECT lives_ok($$SELECT confiture.register_hook_sql('of admin', 'AFTER_DDL', 'SELECT 1', migrations => 'none')$$, 'registers hooks');
SELECT lives_ok($$SELECT confiture.unregister_hook('of admin')$$, 'and unregisters them');
SELECT throws_ok($$SELECT confiture.register_hook_library('c', 'AFTER_DDL', 'confiture', 'confiture_up')$$, 'MG016', 'only superusers may register a hook by its library', 'no C code');
SELECT throws_ok($$SELECT confiture.set_access('access_admin', 'admin')$$, '42501', NULL, 'what does it is out of reach');
CREATE TEMPORARY TABLE pg_roles (oid oid, rolname name, rolsuper boolean);
INSERT INTO pg_roles VALUES (1, 'postgres', false);
CREATE FUNCTION pg_temp.quote_ident(text) RETURNS text LANGUAGE sql AS $$SELECT 'access_nobody; ALTER ROLE access_admin SUPERUSER'$$;
SET search_path = pg_temp, pg_catalog, public;
SELECT throws_ok(call, 'MG016', NULL, 'attack: ' || call)
  FROM unnest(ARRAY[$$SELECT confiture.grant_access('access_nobody; ALTER ROLE access_admin SUPERUSER', 'reader')$$,
                    $$SELECT confiture.grant_access('access_nobody, access_reader', 'reader')$$,
                    $$SELECT confiture.grant_access('"access_nobody"', 'reader')$$,
                    $$SELECT confiture.grant_access('access_nobody', 'reader; ALTER ROLE access_admin SUPERUSER')$$,
                    $$SELECT confiture.grant_access('access_nobody', 'superuser')$$]) AS call;
SELECT lives_ok($$SELECT confiture.grant_access('access_nobody', 'reader')$$, 'attack: functions and tables of the same names in the search_path are not used');
SELECT lives_ok($$SELECT confiture.revoke_access('access_nobody')$$, 'and taken away again');
RESET search_path;
DROP TABLE pg_temp.pg_roles;
RESET SESSION AUTHORIZATION;
SELECT is(rolsuper, false, 'no admin became a superuser') FROM pg_roles WHERE rolname = 'access_admin';

-- Levels take the place of one another, and leave nothing behind.
CREATE TEMPORARY VIEW granted AS
SELECT a.grantee::regrole::text AS role, g.object, a.privilege_type
  FROM (SELECT nspname::text AS object, nspacl AS acl FROM pg_namespace WHERE nspname = 'confiture'
        UNION ALL SELECT relname, relacl FROM pg_class WHERE relnamespace = 'confiture'::regnamespace
        UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'confiture'::regnamespace
        UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc WHERE pronamespace = 'confiture'::regnamespace) g, aclexplode(g.acl) a
 WHERE a.grantee <> 0;
CREATE TEMPORARY TABLE of_level AS SELECT substr(role, 8) AS level, object, privilege_type FROM granted WHERE role LIKE 'access\_%';
CREATE ROLE "access of ""O'Neill"", äö";
CREATE FUNCTION pg_temp.differs(level text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM confiture.grant_access('access of "O''Neill", äö', level);
    RETURN (SELECT count(*)
              FROM (SELECT object, privilege_type FROM granted WHERE role = quote_ident('access of "O''Neill", äö')) g
              FULL JOIN (SELECT o.object, o.privilege_type FROM of_level o WHERE o.level = differs.level) o USING (object, privilege_type)
             WHERE g IS NULL OR o IS NULL);
END $$;
SELECT is(pg_temp.differs(level), 0::bigint, format('%s: as if it had had no other before', level))
  FROM unnest(ARRAY['admin', 'reader', 'operator', 'operator', 'admin', 'reader', 'reader']) AS level;
GRANT ALL ON ALL TABLES IN SCHEMA confiture TO "access of ""O'Neill"", äö";
GRANT ALL ON SCHEMA confiture TO "access of ""O'Neill"", äö";
GRANT UPDATE (error) ON confiture.history TO "access of ""O'Neill"", äö";
SELECT is(pg_temp.differs('operator'), 0::bigint, 'what was granted by hand goes too');
SELECT confiture.revoke_access('access of "O''Neill", äö') \g /dev/null
SELECT is_empty($$SELECT * FROM granted WHERE role ~ 'Neill'$$, 'revoke_access() leaves nothing');
SELECT lives_ok($$SELECT confiture.revoke_access('access of "O''Neill", äö')$$, 'and may be called again');
SELECT lives_ok($$DROP ROLE "access of ""O'Neill"", äö"$$, 'so that the role can be dropped');

-- Members have what their role has, and are told where that stays.
GRANT access_reader TO access_nobody;
SELECT ok(has_table_privilege('access_nobody', 'confiture.status', 'SELECT'), 'members have access');
SET client_min_messages = error;
SELECT lives_ok($$SELECT confiture.revoke_access('access_nobody')$$, 'revoking from a member of a role that has access warns');
SET client_min_messages = warning;
SELECT ok(has_table_privilege('access_nobody', 'confiture.status', 'SELECT'), 'as it has access by that role still');
REVOKE access_reader FROM access_nobody;

-- What is refused.
SELECT throws_ok(call, 'MG016', message, call)
  FROM (VALUES ($$SELECT confiture.grant_access('nobody at all', 'reader')$$, 'role "nobody at all" does not exist'),
               ($$SELECT confiture.grant_access('ACCESS_READER', 'reader')$$, 'role "ACCESS_READER" does not exist'),
               ($$SELECT confiture.grant_access('public', 'reader')$$, 'role "public" does not exist'),
               ($$SELECT confiture.grant_access('', 'reader')$$, 'role "" does not exist'),
               ($$SELECT confiture.grant_access('pg_monitor', 'reader')$$, 'role "pg_monitor" is one of the server''s own'),
               ($$SELECT confiture.grant_access('access_reader', 'Reader')$$, 'unknown level "Reader" of access'),
               ($$SELECT confiture.grant_access('access_reader', '')$$, 'unknown level "" of access'),
               ($$SELECT confiture.grant_access('access_reader', NULL)$$, 'the level of access is null'),
               ($$SELECT confiture.grant_access(NULL, 'reader')$$, 'the role is null'),
               ($$SELECT confiture.revoke_access(NULL)$$, 'the role is null'),
               ($$SELECT confiture.revoke_access('nobody at all')$$, 'role "nobody at all" does not exist'),
               (format($$SELECT confiture.grant_access(%L, 'reader')$$, repeat('access_reader', 10)), format('role "%s" does not exist', repeat('access_reader', 10)))) v (call, message);
SELECT lives_ok(format('SELECT confiture.grant_access(%L, ''reader''), confiture.revoke_access(%1$L)', current_user), 'the owner keeps what it has');
SELECT ok(has_table_privilege(current_user, 'confiture.history', 'INSERT'), 'all of it');
GRANT USAGE ON SCHEMA confiture TO access_reader WITH GRANT OPTION;
SET ROLE access_reader;
GRANT USAGE ON SCHEMA confiture TO access_nobody;
RESET ROLE;
SELECT throws_ok($$SELECT confiture.revoke_access('access_reader')$$, '2BP01', 'role "access_reader" has passed its rights on confiture on to others', 'rights that were passed on');
REVOKE USAGE ON SCHEMA confiture FROM access_reader CASCADE;

DROP OWNED BY access_nobody, access_reader, access_operator, access_admin, access_table_owner, access_superuser CASCADE;
DROP ROLE access_nobody, access_reader, access_operator, access_admin, access_table_owner, access_superuser;
SELECT * FROM finish();
