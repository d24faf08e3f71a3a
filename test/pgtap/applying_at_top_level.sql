-- Statements that run in the background worker: those of the whole database, those that commit by themselves.
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE TABLE s.numbers (a int);
INSERT INTO s.numbers SELECT generate_series(1, 10);
CREATE PROCEDURE s.thrice() LANGUAGE plpgsql AS $$BEGIN FOR i IN 1..3 LOOP UPDATE s.numbers SET a = a + 1; COMMIT; END LOOP; END$$;
CREATE FUNCTION s.register(version text, VARIADIC statements text[]) RETURNS text LANGUAGE sql
AS $$SELECT confiture.register_migration(version, 'm' || version, E'-- confiture: no-transaction\n' || array_to_string(statements, E';\n'))$$;
CREATE VIEW s.last AS SELECT status, statements_done, error->>'sqlstate' AS sqlstate, error->>'message' AS message,
       error->>'detail' AS detail, error->>'hint' AS hint, (error->>'line')::int AS line FROM confiture.history ORDER BY id DESC LIMIT 1;

-- Every table of the database, ours among them, while the migrator waits.
SELECT s.register('1', 'VACUUM', 'VACUUM FULL', 'REINDEX DATABASE ' || quote_ident(current_database()),
                  'REINDEX DATABASE CONCURRENTLY ' || quote_ident(current_database()), 'CLUSTER', 'ANALYZE') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT results_eq('SELECT status, statements_done FROM s.last', $$VALUES ('succeeded', 6)$$, 'statements of the whole database');

-- Commits of their own.
SELECT s.register('2', 'CALL s.thrice()', 'DO $$BEGIN UPDATE s.numbers SET a = 0 WHERE a = 4; COMMIT; END$$', 'DO $$BEGIN UPDATE s.numbers SET a = a * 2; END$$',
                  'SET s.x = ''5''', 'DO $$BEGIN UPDATE s.numbers SET a = current_setting(''s.x'')::int WHERE a = 0; COMMIT; END$$') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT results_eq('SELECT status, statements_done FROM s.last', $$VALUES ('succeeded', 5)$$, 'CALL and DO that commit');
SELECT is(sum(a), 2 * (85 - 4) + 5::bigint, 'each was run once, with the settings of the script') FROM s.numbers;
SELECT is_empty('SELECT FROM confiture.journal', 'and nothing of it is left');

-- A backfill of ours.
SELECT s.register('2b', 'ALTER TABLE s.numbers ADD id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ADD b int',
                  'CALL confiture.backfill(''s.numbers'', ''b = a + 1'')', 'ALTER TABLE s.numbers ALTER b SET NOT NULL') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT ok(bool_and(b = a + 1), 'a backfill between two steps') FROM s.numbers;

-- Hooks before such a statement run once.
CREATE TABLE s.seen (what text);
SELECT confiture.register_hook_sql('sees', 'BEFORE_DDL', 'INSERT INTO s.seen VALUES (''before'')') \g /dev/null
SELECT s.register('3', 'CALL s.thrice()') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT results_eq('SELECT status, statements_done FROM s.last', $$VALUES ('succeeded', 1)$$, 'as the first statement, after a hook');
SELECT is(count(*), 1::bigint, 'whose work stands once') FROM s.seen;
SELECT confiture.unregister_hook('sees') \g /dev/null

-- One that fails in its middle.
SELECT s.register('4', 'SELECT 1', 'DO $$BEGIN INSERT INTO s.seen VALUES (''kept''); COMMIT; PERFORM 1 / 0; END$$', 'INSERT INTO s.seen VALUES (''last'')') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP on
SELECT results_eq('SELECT status, statements_done, sqlstate, message, line FROM s.last', $$VALUES ('failed', 1, 'MG015', 'division by zero', 3)$$,
                  'nobody but its author knows what it did');
SELECT is((SELECT detail FROM s.last), 'What it did is not known: what the DO had committed by itself stays.', 'and it is said so');
SELECT throws_ok('SELECT confiture.unregister_migration(''4'')', 'MG005', 'migration "4" is half done and cannot be unregistered', 'it stays registered');
SELECT is((confiture.repair('4', 'done')).state, 'done', 'somebody says that it is done');
CALL confiture.up() \g /dev/null
SELECT is(string_agg(what, ', '), 'before, kept, last', 'then it goes on after it') FROM s.seen;

-- In a migration that is one transaction it cannot commit.
SELECT confiture.register_migration('5', 'five', 'CALL s.thrice()') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP on
SELECT results_eq('SELECT sqlstate, hint FROM s.last',
                  $$VALUES ('2D000', 'A script whose statements commit by themselves has the directive "-- confiture: no-transaction".')$$, 'in one transaction');
SELECT confiture.unregister_migration('5') \g /dev/null

-- The limit of such statements is named.
CREATE FUNCTION s.slowly(int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.5); RETURN $1; END$$;
SELECT s.register('6', 'SELECT 1', 'CREATE INDEX CONCURRENTLY slow ON s.numbers (s.slowly(a))') \g /dev/null
SET confiture.concurrent_timeout = '700ms';
\set ON_ERROR_STOP off
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP on
RESET confiture.concurrent_timeout;
SELECT results_eq('SELECT sqlstate, message, hint, line FROM s.last',
                  $$VALUES ('57014', 'canceling statement due to confiture.concurrent_timeout', 'It is 700 ms: raise it, or set it to 0 for no limit.', 3)$$,
                  'confiture.concurrent_timeout');
SELECT hasnt_index('s', 'numbers', 'slow', 'an index that was not finished is gone');
CREATE OR REPLACE FUNCTION s.slowly(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CALL confiture.up() \g /dev/null
SELECT has_index('s', 'numbers', 'slow', 'it goes on');

-- It has no temporary tables of this session.
CREATE TEMP TABLE passing (a int);
SELECT s.register('7', 'CREATE INDEX CONCURRENTLY i ON passing (a)', 'SELECT 1') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP on
SELECT results_eq('SELECT sqlstate, detail FROM s.last',
                  $$VALUES ('MG010', 'passing is temporary here.  It runs in a background worker, which has no temporary objects of this session.')$$, 'a temporary table');
SELECT confiture.unregister_migration('7') \g /dev/null
DROP TABLE passing;
SELECT is(status, 'failed', 'what failed and is not registered any more') FROM confiture.status WHERE version = '7';

-- Deferred constraints are checked where a step ends, and told with it.
SELECT confiture.register_migration('8', 'eight', 'CREATE TABLE s.unique_later (a int UNIQUE DEFERRABLE INITIALLY DEFERRED);
INSERT INTO s.unique_later VALUES (1),
(1);
SELECT 1') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP on
SELECT results_eq('SELECT sqlstate, detail, line FROM s.last',
                  $$VALUES ('23505', 'Key (a)=(1) already exists. A deferred constraint was checked at the end of what began in line 1.', 4)$$, 'a deferred constraint');
SELECT confiture.unregister_migration('8') \g /dev/null

-- A journal that came with a dump names objects by numbers of another database.
SELECT s.register('9', 'SELECT 1', 'CREATE INDEX CONCURRENTLY other ON s.numbers (a)') \g /dev/null
INSERT INTO confiture.journal (sort_key, step, steps, version, name, direction, content, statement, before, database, statements_done, line, command, executed_by)
SELECT sort_key, 2, 2, '9', 'm9', 'forward', encode(sha256('CREATE INDEX CONCURRENTLY other ON s.numbers (a)'), 'hex'),
       'CREATE INDEX CONCURRENTLY other ON s.numbers (a)', '{}', 'another', 1, 3, 'CREATE INDEX', current_user
  FROM confiture.migration WHERE version = '9';
SELECT results_eq($$SELECT state, detail FROM confiture.repair('9')$$,
                  $$VALUES ('unknown', 'it was begun in another database, of which this one is a copy')$$, 'a restored journal is not believed');
SELECT is((confiture.repair('9', 'not done')).state, 'not done', 'somebody looks, and says');
CALL confiture.up() \g /dev/null
SELECT has_index('s', 'numbers', 'other', 'then it goes on');
SELECT * FROM finish();
