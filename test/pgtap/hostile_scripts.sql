-- Scripts that change what they stand on: search_path, role, settings, schema confiture, the extension, the session.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY);
SELECT confiture.register_migration('1', 'one', 'ALTER TABLE s.t ADD b int', 'ALTER TABLE s.t DROP b') \g /dev/null
CREATE FUNCTION pg_temp.outcome(script text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(r.stats->'error'->>'sqlstate', r.stats->>'status') FROM confiture.dry_run_sql(script) r;
$$;
CREATE TEMPORARY TABLE script (text text, outcome text);
INSERT INTO script VALUES
('SET search_path = nowhere; CREATE TABLE s.made (a int)', 'complete'),
('SET search_path = pg_temp, s; CREATE TABLE t2 (a int); INSERT INTO t VALUES (1)', 'complete'),
('CREATE SCHEMA evil; CREATE FUNCTION evil.format(text, text, text) RETURNS text LANGUAGE sql AS ''SELECT 1/0::text'';
  CREATE FUNCTION evil.quote_ident(text) RETURNS text LANGUAGE plpgsql AS ''BEGIN RAISE ''''evil''''; END'';
  SET search_path = evil, pg_catalog; CREATE TABLE s.made (a int)', NULL),
('CREATE SCHEMA evil; CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE plpgsql AS ''BEGIN RAISE ''''evil''''; END'';
  CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.eq);
  SET search_path = evil, pg_catalog; CREATE TABLE s.made (a int); SET CONSTRAINTS ALL IMMEDIATE', 'complete'),
('DROP SCHEMA confiture CASCADE', 'complete'),
('DROP EXTENSION confiture', 'complete'),
('DROP EXTENSION confiture; CREATE EXTENSION confiture', 'complete'),
('DROP SCHEMA confiture CASCADE; CREATE TABLE s.made (a int); COMMIT; CREATE TABLE s.made2 (a int)', 'complete'),
('DELETE FROM confiture.migration; DROP VIEW confiture.status CASCADE', NULL),
('ALTER EXTENSION confiture DROP TABLE confiture.migration; DROP TABLE confiture.migration CASCADE', 'complete'),
('ALTER TABLE confiture.journal ADD a int', 'complete'),
('SELECT confiture.register_migration(''2'', ''two'', ''SELECT 1'')', 'complete'),
('SELECT confiture.unregister_migration(''1'')', 'complete'),
('SELECT * FROM confiture.status', 'complete'),
('SELECT confiture.unregister_migration(''nope'')', 'MG004'),
('DO ''BEGIN PERFORM confiture.unregister_migration(''''nope''''); EXCEPTION WHEN SQLSTATE ''''MG004'''' THEN NULL; END''', 'complete'),
('SET ROLE pg_monitor; SELECT current_user', 'complete'),
('SET ROLE pg_monitor; CREATE TABLE s.made ()', '42501'),
('SET SESSION AUTHORIZATION pg_monitor', NULL),
('SET LOCAL ROLE pg_monitor; RESET ROLE', 'complete'),
('SET lock_timeout = ''1ms''; SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 1', 'complete'),
('SET client_encoding = ''LATIN1''; SELECT ''ü''', 'complete'),
('SET standard_conforming_strings = off; SELECT 1', 'complete'),
('SET session_replication_role = replica; INSERT INTO s.t VALUES (1)', 'complete'),
('SET track_counts = off; INSERT INTO s.t VALUES (1)', 'complete'),
('SET client_min_messages = error; SET log_min_messages = fatal', 'complete'),
('SET event_triggers = off', NULL),
('SET plpgsql.extra_errors = ''all''; DO ''BEGIN END''', 'complete'),
('DO ''BEGIN COMMIT; END''', '2D000'),
('CREATE PROCEDURE s.p() LANGUAGE plpgsql AS ''BEGIN COMMIT; END''; CALL s.p()', '2D000'),
('DISCARD ALL', NULL),
('DISCARD TEMP', NULL),
('DISCARD PLANS; DISCARD SEQUENCES', 'complete'),
('UNLISTEN *; LISTEN x', 'complete'),
('LOAD ''plpgsql''', 'complete'),
('CHECKPOINT', 'complete'),
('EXPLAIN ANALYZE INSERT INTO s.t VALUES (1)', 'complete'),
('SHOW ALL', 'complete'),
('CREATE TABLE s."' || repeat('x', 70) || '" ()', 'complete'),
('CREATE TABLE s."It''s ""so""" ("a b" int); INSERT INTO s."It''s ""so""" VALUES (1); ALTER TABLE s."It''s ""so""" ALTER "a b" TYPE bigint', 'complete'),
('SELECT ' || repeat('(', 500) || '1' || repeat(')', 500), 'complete'),
('SELECT 1 UNION ALL SELECT ''x''', '22P02'),
('CREATE FUNCTION s.deep(n int) RETURNS int LANGUAGE plpgsql AS ''BEGIN RETURN s.deep(n + 1); END''; SELECT s.deep(1)', '54001'),
('CREATE EVENT TRIGGER e ON sql_drop EXECUTE FUNCTION s.absent()', '42883'),
('CREATE FUNCTION s.e() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN RAISE ''''evil''''; END'';
  CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION s.e(); CREATE TABLE s.made ()', 'P0001'),
('CREATE TEMPORARY TABLE pg_class (a int); SET search_path = pg_temp, pg_catalog; CREATE TABLE s.made ()', 'complete');
SELECT is(pg_temp.outcome(text), outcome, left(text, 100)) FROM script WHERE outcome IS NOT NULL;
SELECT isnt(pg_temp.outcome(text), NULL, left(text, 100)) FROM script WHERE outcome IS NULL;

-- Each leaves confiture, the session and the data as they were.
SELECT is(extname::text, 'confiture', 'the extension is there') FROM pg_extension WHERE extname = 'confiture';
SELECT results_eq('SELECT version FROM confiture.migration', ARRAY['1'], 'with its migrations');
SELECT is_empty('SELECT FROM s.t', 'the table is empty');
SELECT hasnt_table('s', 'made', 'no table was made');
SELECT is(current_user, session_user, 'the role');
SELECT is(current_setting('search_path'), '"$user", public', 'search_path');
SELECT is(current_setting('client_encoding'), 'UTF8', 'client_encoding');
SELECT is((confiture.dry_run('1')).success, true, 'and dry runs go on');

-- A script that does it outside of a dry run.
BEGIN;
SELECT confiture.dry_run('1') \g /dev/null
DROP EXTENSION confiture CASCADE;
CREATE EXTENSION confiture;
SELECT confiture.register_migration('1', 'one', 'CREATE TABLE s.other ()') \g /dev/null
SELECT (confiture.dry_run('1')).success AS success \gset
ROLLBACK;
SELECT is(:'success'::boolean, true, 'an extension that was dropped and made anew in the same transaction');
SELECT is((confiture.dry_run('1')).success, true, 'and one that is back after a rollback');

SELECT * FROM finish();
