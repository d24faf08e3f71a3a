-- Who may do what: EXECUTE on the functions, rights on the tables of the migration, none on confiture's own.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY);
CREATE TABLE s.theirs (id int PRIMARY KEY);
CREATE ROLE roles_migrator;
CREATE ROLE roles_nobody;
ALTER TABLE s.theirs OWNER TO roles_migrator;
GRANT USAGE, CREATE ON SCHEMA s TO roles_migrator;
GRANT USAGE ON SCHEMA confiture TO roles_migrator, roles_nobody;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO roles_migrator;
SELECT confiture.register_migration('1', 'one', 'ALTER TABLE s.t ADD b int') \g /dev/null
SELECT confiture.register_migration('2', 'two', 'ALTER TABLE s.theirs ADD b int; CREATE TABLE s.made ()') \g /dev/null

-- Without EXECUTE.
SET ROLE roles_nobody;
SELECT throws_ok(call, '42501', NULL, 'without EXECUTE: ' || call)
  FROM unnest(ARRAY['SELECT confiture.dry_run(''1'')', 'SELECT confiture.dry_run_sql(''SELECT 1'')', 'SELECT confiture.dry_run_pending()',
                    'SELECT confiture.register_migration(''3'', ''x'', ''SELECT 1'')', 'SELECT confiture.unregister_migration(''1'')',
                    'SELECT confiture.load_migrations(''/tmp'')', 'SELECT confiture.load_files(''pg_class'')',
                    'SELECT * FROM confiture.migration', 'SELECT * FROM confiture.history', 'SELECT * FROM confiture.status',
                    'LOCK TABLE confiture.journal IN ACCESS SHARE MODE']) AS call;
RESET ROLE;

-- With EXECUTE a script has the rights of the role that runs it, no more and no less.
SET ROLE roles_migrator;
SELECT results_eq($$SELECT success, stats->'error'->>'sqlstate', stats->'error'->>'message' FROM confiture.dry_run('1')$$,
                  $$VALUES (false, '42501', 'must be owner of table t')$$, 'a role without rights on the table');
SELECT is((confiture.dry_run('2')).success, true, 'one with rights');
SELECT is((confiture.dry_run_sql('SELECT FROM s.t')).stats->'error'->>'sqlstate', '42501', 'reading needs rights too');
SELECT is((confiture.dry_run_sql(script)).stats->'error'->>'sqlstate', '42501', 'out of reach for a script: ' || script)
  FROM unnest(ARRAY['SELECT FROM confiture.migration', 'DELETE FROM confiture.history', 'UPDATE confiture.migration SET registered_by = ''x''',
                    'INSERT INTO confiture.history (version) VALUES (''1'')', 'LOCK TABLE confiture.journal', 'DROP TABLE confiture.migration',
                    'ALTER EXTENSION confiture DROP TABLE confiture.history', 'COPY (SELECT 1) TO PROGRAM ''id''',
                    'CREATE FUNCTION s.f() RETURNS int LANGUAGE c AS ''x''', 'ALTER ROLE roles_migrator SUPERUSER',
                    'CREATE RULE r AS ON SELECT TO confiture.journal DO INSTEAD SELECT 1']) AS script;
SELECT throws_ok('SELECT FROM confiture.migration', '42501', NULL, 'and outside of one');
SELECT is(confiture.register_migration('3', 'three', 'SELECT 1'), 'added', 'registering needs no rights on the table');
SELECT lives_ok($$SELECT confiture.unregister_migration('3')$$, 'nor does unregistering');
SELECT is(count(*), 2::bigint, 'a chain') FROM confiture.dry_run_pending();
RESET ROLE;
SELECT is(registered_by, current_user::text COLLATE "default", 'the registrar is whoever registered') FROM confiture.migration WHERE version = '1';

-- Code of others runs as whoever runs the dry run, never as the owner of confiture.
SET ROLE roles_migrator;
CREATE FUNCTION s.whoami() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
CREATE TABLE s.log (who text);
CREATE FUNCTION s.on_theirs() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = current_user; END $$;
CREATE TRIGGER t BEFORE INSERT ON s.theirs FOR EACH ROW EXECUTE FUNCTION s.on_theirs();
SELECT is((confiture.dry_run_sql('INSERT INTO s.theirs VALUES (1)')).stats->'error'->>'message', 'roles_migrator', 'a trigger runs as the role');
CREATE FUNCTION s.files_content() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'as ' || current_user; END $$;
CREATE VIEW s.files AS SELECT '1_one.up.sql' AS path, s.files_content()::bytea AS content;
SELECT throws_ok($$SELECT confiture.load_files('s.files')$$, 'P0001', 'as roles_migrator', 'a table of files is read as the role');
RESET ROLE;
GRANT CREATE ON DATABASE :"DBNAME" TO roles_migrator;
SET ROLE roles_migrator;
CREATE SCHEMA roles_trap;
CREATE FUNCTION roles_trap.trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'trapped ' || current_user; END $$;
CREATE FUNCTION roles_trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT roles_trap.trap() = 1';
CREATE OPERATOR roles_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = roles_trap.eq);
CREATE FUNCTION roles_trap.count(text) RETURNS bigint LANGUAGE sql AS 'SELECT roles_trap.trap()::bigint';
CREATE FUNCTION roles_trap.encode(bytea, text) RETURNS text LANGUAGE sql AS 'SELECT roles_trap.trap()::text';
CREATE FUNCTION roles_trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT roles_trap.trap()::text::bytea';
CREATE TABLE roles_trap.status (version text);
SET search_path = roles_trap, public, pg_catalog;
SELECT confiture.register_migration('4', 'four', 'SELECT 1') AS action \gset
SELECT success FROM confiture.dry_run('2') \gset
SELECT pg_catalog.bool_and(success OR migration_version OPERATOR(pg_catalog.=) '1') AS chain FROM confiture.dry_run_pending() \gset
SELECT confiture.unregister_migration('4') \gset
RESET search_path;
SELECT is(:'action'::text, 'added', 'operators and functions in the search_path do not reach confiture''s own queries');
SELECT is(:'success'::boolean, true, 'nor those of a dry run');
SELECT is(:'chain'::boolean, true, 'nor those of a chain');
RESET ROLE;

-- After all of this.
SELECT is((SELECT count(*) FROM confiture.migration), 2::bigint, 'the owner reads');
DROP OWNED BY roles_migrator, roles_nobody CASCADE;
DROP ROLE roles_migrator, roles_nobody;
SELECT * FROM finish();
