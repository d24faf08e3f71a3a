-- What history says of the locks of what was applied.
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE TABLE s.a (id int PRIMARY KEY);
CREATE TABLE s.b (a int REFERENCES s.a);
CREATE TABLE s.c (id int);
CREATE TABLE s.d (id int);
CREATE TEMP TABLE passing (id int);
CREATE TABLE s.parted (id int) PARTITION BY RANGE (id);
CREATE TABLE s.part PARTITION OF s.parted DEFAULT;
CREATE VIEW s.locks AS
    SELECT h.version, l."table", l.mode, l.held_ms, l.waited_ms
    FROM confiture.history h, jsonb_to_recordset(h.locks) AS l ("table" text, mode text, held_ms double precision, waited_ms double precision);
CREATE FUNCTION s.locked(version text) RETURNS text LANGUAGE sql
AS $$SELECT string_agg("table" || ' ' || mode, ', ' ORDER BY "table") FROM s.locks l WHERE l.version = locked.version$$;
CREATE FUNCTION s.register(version text, up text) RETURNS text LANGUAGE sql AS $$SELECT confiture.register_migration(version, 'm' || version, up, 'SELECT 1')$$;

SELECT s.register('1', 'ALTER TABLE s.a ADD b int; CREATE TABLE s.made (id int REFERENCES s.a); INSERT INTO s.made SELECT id FROM s.a; DROP TABLE s.c;
  UPDATE passing SET id = 1; DO $$BEGIN LOCK s.d IN SHARE MODE; END$$; SELECT FROM s.parted; CREATE INDEX ON s.made (id)'),
       s.register('2', 'ALTER TABLE s.d ADD e int; SELECT pg_sleep(0.2); COMMIT; LOCK s.d; ALTER TABLE s.d RENAME TO e'),
       s.register('3', 'SELECT 1') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(s.locked('1'), 's.a AccessExclusiveLock, s.c AccessExclusiveLock, s.d ShareLock, s.part AccessShareLock, s.parted AccessShareLock',
          'each table that was there before with its strongest lock');
SELECT is(s.locked('2'), 's.d AccessExclusiveLock', 'by the name that it had before');
SELECT ok(held_ms BETWEEN 200 AND 5000 AND waited_ms = 0, 'the longest hold of its steps') FROM s.locks WHERE version = '2';
SELECT is(locks, '[]', 'nothing locked') FROM confiture.history WHERE version = '3';
SELECT is((SELECT "table" FROM s.locks WHERE version = '1' LIMIT 1), 's.a', 'the strongest and longest comes first');

-- From the beginning of the statement on, and not while it waited.
CREATE FUNCTION s.slowly(int) RETURNS bool LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.3); RETURN true; END$$;
INSERT INTO s.b SELECT NULL;
SELECT s.register('3a', 'ALTER TABLE s.b ADD CHECK (s.slowly(a))'), s.register('3b', 'UPDATE s.b SET a = NULL WHERE s.slowly(a)') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT ok(held_ms BETWEEN 300 AND 5000, 'while rows were checked') FROM s.locks WHERE version = '3a';
SELECT ok(held_ms BETWEEN 300 AND 5000, 'and updated') FROM s.locks WHERE version = '3b' AND mode = 'RowExclusiveLock';

-- One that fails, by apply() and by up().
SELECT s.register('4', 'LOCK s.e IN SHARE MODE; SELECT pg_sleep(0.2); SELECT 1 / 0') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT ok(held_ms BETWEEN 200 AND 5000 AND mode = 'ShareLock', 'what failed had locked it, too') FROM s.locks WHERE version = '4';
SELECT s.register('4', 'DROP TABLE s.e') \g /dev/null
SELECT confiture.apply('4') \g /dev/null
SELECT is(s.locked('4'), 's.e ShareLock, s.e AccessExclusiveLock', 'in the transaction of the caller');
CALL confiture.down() \g /dev/null
SELECT is(locks, '[]', 'backward') FROM confiture.history ORDER BY id DESC LIMIT 1;
SELECT confiture.unregister_migration('4') \g /dev/null

-- A script that calls a dry run.
SELECT s.register('5', 'ALTER TABLE s.a ADD c int; SELECT confiture.dry_run_sql(''DROP TABLE s.b''); ALTER TABLE s.parted ADD c int') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(s.locked('5'), 's.a AccessExclusiveLock, s.part AccessExclusiveLock, s.parted AccessExclusiveLock', 'around a dry run');
SELECT ok(bool_and(stats->'error'->>'message' = 'cannot dry-run inside a dry run'), 'which has none inside of itself')
  FROM confiture.dry_run_sql('SELECT confiture.dry_run_sql(''SELECT 1'')');

-- Many tables: the first fifty.
SELECT s.register('6', 'DO $$BEGIN FOR i IN 1..60 LOOP EXECUTE ''CREATE TABLE s.t'' || i || ''()''; END LOOP; END$$'),
       s.register('7', 'DO $$BEGIN FOR i IN 1..60 LOOP EXECUTE ''LOCK s.t'' || i; END LOOP; END$$') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is((SELECT count(*) FROM s.locks WHERE version = '6'), 0::bigint, 'tables that it made');
SELECT is((SELECT count(*) FROM s.locks WHERE version = '7'), 50::bigint, 'bounded');
SELECT * FROM finish();
