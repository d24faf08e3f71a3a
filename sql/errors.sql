-- The wording of every error, with its DETAIL and HINT.
\set VERBOSITY default
\pset format unaligned
\pset tuples_only on

-- MG004 migration_not_found
SELECT confiture.dry_run('001');
SELECT confiture.register_migration('001', 'one', 'CREATE TABLE one ()');
SELECT confiture.register_migration('002', 'two', E'CREATE TABLE two ();\nINSERT INTO absent VALUES (1);\n');
SELECT confiture.dry_run('03');
SELECT confiture.unregister_migration('03');
\echo :LAST_ERROR_SQLSTATE

-- MG005 migration_invalid: a script
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\n\nCREATE TABEL three ();\n');
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\nCREATE TABLE three (a int\n');
SELECT confiture.register_migration('3', 'three', E'SELECT ''big'', FROM three three three;');
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\nSELECT ''unfinished;\n');
SELECT confiture.register_migration('3', 'three', E'SELECT 1; /* unfinished');
SELECT confiture.register_migration('3', 'three', E'SELECT $a$ unfinished $b$;');
SELECT confiture.register_migration('3', 'three', E'SELECT "unfinished;');
SELECT confiture.register_migration('3', 'three', 'SELECT 1', down => 'SELEC 1');
SELECT confiture.register_migration('3', 'three', 'SELECT 1', verify => 'SELEC 1');
SELECT confiture.register_migration('3', 'three', E'CREATE TABLE three (a int);\nCOPY three FROM stdin;\n1\n\\.\n');
SELECT confiture.register_migration('3', 'three', 'COPY three FROM stdin;');
SELECT confiture.register_migration('3', 'three', 'COPY three TO STDOUT;');
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\n\\i other.sql\n');
SELECT confiture.register_migration('3', 'three', E'\\set ON_ERROR_STOP on\nSELECT 1;');
SELECT confiture.register_migration('3', 'three', E'SELECT 1 \\gset\n');
SELECT confiture.register_migration('3', 'three', E'\\restrict\nSELECT 1;');
SELECT confiture.register_migration('3', 'three', E'-- confiture: nonsense\nSELECT 1;');
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\n-- confiture:\n');
SELECT confiture.register_migration('3', 'three', '-- confiture: lock_timeout=soon');
SELECT confiture.register_migration('3', 'three', '-- confiture: lock_timeout=1s lock_timeout=2s');
SELECT confiture.register_migration('3', 'three', '-- confiture: depends=001,,002');
SELECT confiture.register_migration('3', 'three', '-- confiture: ignore=');
SELECT confiture.register_migration('3', 'three', '-- confiture: ignore=rule');
-- hooks in a script
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER');
SELECT confiture.register_migration('3', 'three', '-- confiture: hook=notify phase=DDL');
SELECT confiture.register_migration('3', 'three', '-- confiture: hook=notify');
SELECT confiture.register_migration('3', 'three', '-- confiture: timeout=2s');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=DDL priority=1');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL phase=CLEANUP');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL no-transaction');
SELECT confiture.register_migration('3', 'three', '-- confiture: hook=absent phase=AFTER_DDL');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL name=""');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL name=' || repeat('n', 201));
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL name="two words');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL name="two"words');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL timeout=soon');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL on_failure=ignore');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL priority=high');
SELECT confiture.register_migration('3', 'three', '-- confiture: phase=AFTER_DDL config={}');
SELECT confiture.register_migration('3', 'three', '-- confiture: hook=notify phase=AFTER_DDL config=[1]');
SELECT confiture.register_migration('3', 'three', '-- confiture: hook=notify phase=AFTER_DDL config={"channel": news}');
SELECT confiture.register_migration('3', 'three', E'SELECT 1;\n-- confiture: phase=AFTER_DDL\n');
SELECT confiture.register_migration('3', 'three', E'-- confiture: phase=AFTER_DDL\nSAVEPOINT s;');
SELECT confiture.register_migration('3', 'three', E'-- confiture: phase=AFTER_DDL\nCREATE INDEX CONCURRENTLY i ON t (a);');
SELECT confiture.register_migration('3', 'three', E'-- confiture: phase=AFTER_DDL\nVACUUM t;');
SELECT confiture.register_migration('3', 'three', E'-- confiture: phase=AFTER_DDL name=a\nSELECT 1;\n-- confiture: hook=notify phase=CLEANUP name=a');
SELECT confiture.register_migration('3', 'three', E'SELECT 1\n-- confiture: phase=AFTER_DDL\n, 2');
SELECT confiture.register_migration('3', 'three', 'SELECT 1', verify => '-- confiture: hook=notify phase=CLEANUP');
SELECT confiture.dry_run_sql(E'SELECT 1;\nSELEC 2');
\echo :LAST_ERROR_SQLSTATE
-- a call
SELECT confiture.register_migration('', 'nameless', 'SELECT 1');
SELECT confiture.register_migration(NULL, 'three', 'SELECT 1');
-- a folder
SELECT confiture.load_migrations('absent');
SELECT confiture.load_migrations('PG_VERSION');
CREATE TABLE files (path text, content bytea);
SELECT confiture.load_files('files');
INSERT INTO files VALUES ('1_one.up.sql', 'SELECT 1'), ('1_two.up.sql', 'SELECT 1');
SELECT confiture.load_files('files');
UPDATE files SET path = '001_two.up.sql' WHERE path = '1_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET path = '2_two.up.sql', content = E'SELECT 1;\nSELEC 2' WHERE path = '001_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET content = '\x0a53454c45435420ff' WHERE path = '2_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET content = '\x0a530a00' WHERE path = '2_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET content = '\xfffe5300' WHERE path = '2_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET content = '' WHERE path = '2_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET content = 'SELECT 2', path = '2_two.down.sql' WHERE path = '2_two.up.sql';
SELECT confiture.load_files('files');
UPDATE files SET path = 'strange.sql';
SELECT confiture.load_files('files');
DELETE FROM files;
INSERT INTO files VALUES ('001_one.up.sql', 'SELECT 1');
SELECT confiture.load_files('files');
\echo :LAST_ERROR_SQLSTATE

-- MG006 checksum_mismatch
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
SELECT version, sort_key, name, 'forward', 'succeeded', checksum, now(), now(), current_user
  FROM confiture.migration WHERE version = '001';
SELECT confiture.register_migration('1', 'one', 'CREATE TABLE other ()');
SELECT confiture.load_files('files', replace => true);
\echo :LAST_ERROR_SQLSTATE
SELECT confiture.unregister_migration('1');
\echo :LAST_ERROR_SQLSTATE

-- MG014 not_reversible
SELECT confiture.dry_run('001', 'backward');
\echo :LAST_ERROR_SQLSTATE

-- MG016 configuration_invalid
SELECT confiture.dry_run('001', 'sideways');
SELECT confiture.dry_run('001', iterations => 0);
SELECT confiture.dry_run('001', options => '{"unknown": 1}');
SELECT confiture.dry_run('001', options => '{"raise": "yes"}');
SELECT confiture.dry_run('001', options => '{"lock_timeout": "soon"}');
SELECT confiture.dry_run('001', options => '{"max_locks": "many"}');
SELECT confiture.dry_run('001', options => '{"concurrently": "maybe"}');
SELECT confiture.dry_run('001', options => '[1]');
SELECT confiture.register_migration('3', 'three', 'SELECT 1', options => '{"fast": true}');
SELECT confiture.load_files('files', 'liquibase');
-- hooks
SELECT confiture.register_hook_sql('', 'AFTER_DDL', 'SELECT 1');
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'SELECT 1', migrations => ' ,');
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'SELECT 1', timeout => '-1 s');
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'SELECT 1', on_failure => 'ignore');
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'SELECT 1', config => '[]');
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', NULL);
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'COMMIT');
SELECT confiture.register_hook('h', 'AFTER_DDL', 'now()');
SELECT confiture.register_hook('h', 'AFTER_DDL', 4000000000::oid);
SELECT confiture.unregister_hook('h');
CREATE ROLE regress_confiture_loader;
GRANT USAGE ON SCHEMA confiture TO regress_confiture_loader;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO regress_confiture_loader;
SET ROLE regress_confiture_loader;
SELECT confiture.load_migrations('.');
SELECT confiture.register_hook_library('h', 'AFTER_DDL', 'plpgsql', 'h');
RESET ROLE;
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'SELECT 1');
SET ROLE regress_confiture_loader;
SELECT confiture.enable_hook('h', false);
RESET ROLE;
SELECT confiture.unregister_hook('h');
DROP OWNED BY regress_confiture_loader;
DROP ROLE regress_confiture_loader;
\echo :LAST_ERROR_SQLSTATE

-- MG017 not_trusted
CREATE ROLE regress_confiture_planter;
CREATE ROLE regress_confiture_runner;
GRANT USAGE ON SCHEMA confiture TO regress_confiture_planter, regress_confiture_runner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO regress_confiture_planter, regress_confiture_runner;
SET ROLE regress_confiture_planter;
SELECT confiture.register_migration('017', 'planted', 'SELECT 1');
SELECT confiture.register_migration('018', 'planted, too', 'SELECT 1');
SELECT confiture.register_migration('it''s 019', 'quoted', 'SELECT 1');
SET ROLE regress_confiture_runner;
SELECT confiture.dry_run('17');
SELECT confiture.dry_run('it''s 019');
SELECT * FROM confiture.dry_run_pending();
SELECT confiture.trust('migration', '17');
SET ROLE regress_confiture_planter;
SELECT confiture.register_migration('017', 'planted', 'SELECT 2');
SET ROLE regress_confiture_runner;
SELECT confiture.dry_run('17');
SELECT confiture.trust('migration', '20');
SELECT confiture.trust('rule', 'x');
RESET ROLE;
DROP OWNED BY regress_confiture_planter;
DROP ROLE regress_confiture_planter;
SET ROLE regress_confiture_runner;
SELECT confiture.dry_run('18');
RESET ROLE;
SELECT confiture.unregister_migration(v) FROM unnest('{017,018,"it''s 019"}'::text[]) v;
DROP OWNED BY regress_confiture_runner;
DROP ROLE regress_confiture_runner;
\echo :LAST_ERROR_SQLSTATE

-- MG001 dry_run_error
SELECT confiture.dry_run('002', options => '{"raise": true}');
SELECT confiture.dry_run_sql('SELECT nextval(''confiture.history_id_seq'')', options => '{"strict": true}');
BEGIN READ ONLY;
SELECT confiture.dry_run('002');
ROLLBACK;
\echo :LAST_ERROR_SQLSTATE

-- MG002 hook_error
CREATE TABLE hooked (id int PRIMARY KEY);
SELECT confiture.register_hook_sql('twice', 'AFTER_DDL', 'INSERT INTO hooked VALUES (1), (1)');
SELECT * FROM confiture.run_phase('AFTER_DDL', '1');
\echo :LAST_ERROR_SQLSTATE
SELECT confiture.dry_run('1', options => '{"raise": true}');
\echo :LAST_ERROR_SQLSTATE
SELECT confiture.register_hook_sql('twice', 'AFTER_DDL', 'INSERT INTO hooked VALUES (1), (1)', on_failure => 'continue');
SELECT hook_name, status FROM confiture.run_phase('AFTER_DDL', '1');
CREATE FUNCTION refusing(context jsonb) RETURNS void LANGUAGE plpgsql AS
    $$BEGIN RAISE EXCEPTION 'not on Fridays' USING DETAIL = 'It is Friday.', HINT = 'Wait for Monday.'; END$$;
SELECT confiture.register_hook('twice', 'AFTER_DDL', 'refusing(jsonb)');
SELECT * FROM confiture.run_phase('AFTER_DDL', '1');
DROP FUNCTION refusing;
SELECT * FROM confiture.run_phase('AFTER_DDL', '1');
SELECT confiture.register_hook_sql('twice', 'AFTER_DDL', 'SELECT * FROM confiture.run_phase(''AFTER_DDL'', ''1'')');
SELECT * FROM confiture.run_phase('AFTER_DDL', '1');
SELECT confiture.set_stat('rows', '1');
\echo :LAST_ERROR_SQLSTATE

-- MG003 hook_timeout
SELECT confiture.register_hook_sql('twice', 'AFTER_DDL', 'SELECT pg_sleep(60)', timeout => '20 ms');
SELECT * FROM confiture.run_phase('AFTER_DDL', '1');
\echo :LAST_ERROR_SQLSTATE
SELECT confiture.register_hook_sql('twice', 'AFTER_DDL', 'SELECT pg_sleep(60)', timeout => '20 ms', on_failure => 'continue');
SELECT hook_name, status, error->>'message' FROM confiture.run_phase('AFTER_DDL', '1');
SELECT confiture.unregister_hook('twice');

-- Errors of a script stand in the result.
CREATE FUNCTION error_of(script text) RETURNS text LANGUAGE sql AS $$
    SELECT jsonb_pretty((stats->'error') - 'context') || E'\n' || warnings[1] FROM confiture.dry_run_sql(script);
$$;
SELECT error_of(E'CREATE TABLE a (b int);\nALTER TABLE a\n    ADD b text;\nSELECT 1');
SELECT error_of('SELECT 1; ROLLBACK');
SELECT error_of('PREPARE TRANSACTION ''x''');
SELECT error_of('ROLLBACK TO nowhere');
SELECT error_of('COMMIT PREPARED ''x''');
SELECT error_of('SELECT confiture.dry_run(''001'')');
SELECT error_of('CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE c (p int REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO c VALUES (7), (8)');
SELECT warnings[1] FROM confiture.dry_run_sql('CREATE TYPE mood AS ENUM (); ALTER TYPE mood ADD VALUE ''x''; COMMIT; VACUUM; SELECT 1');
