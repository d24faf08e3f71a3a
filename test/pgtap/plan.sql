-- plan() says what a migration will lock, rewrite and scan, and neither runs nor locks anything for it.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY, name text);
CREATE TABLE s.child (id int PRIMARY KEY, parent_id int REFERENCES s.parent ON DELETE CASCADE, note varchar(20));
CREATE INDEX child_note ON s.child (note);
CREATE TABLE s.plain (a int, b text);
CREATE TABLE s.counted (id serial);
CREATE TABLE s.part (id int, note text) PARTITION BY RANGE (id);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.part_2 PARTITION OF s.part FOR VALUES FROM (10) TO (20);
CREATE VIEW s.view AS SELECT a FROM s.plain;
CREATE MATERIALIZED VIEW s.mat AS SELECT a FROM s.view;
CREATE TABLE s."Odd ""Name"", 63 …" ("a b" int);
CREATE FUNCTION s.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''it ran''; END';
CREATE TABLE s.triggered (a int);
CREATE FUNCTION s.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''it ran''; END';
CREATE TRIGGER on_row BEFORE INSERT ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.on_row();
INSERT INTO s.plain SELECT n, n FROM generate_series(1, 5) n;

-- The plan of one script, a line a relation; what is certain is not said to be.
CREATE FUNCTION pg_temp.plan_of(script text, back text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    PERFORM confiture.register_migration('p', 'p', coalesce(back, script), CASE WHEN back IS NOT NULL THEN script END);
    SELECT string_agg(concat_ws(' ', ordinal || ':', object, mode, CASE WHEN rewrites THEN 'rewrites' END, CASE WHEN scans THEN 'scans' END,
                                nullif(certainty, 'certain'), CASE WHEN certainty = 'unknown' THEN '(' || reason || ')' END), E'\n'
                      ORDER BY ordinal, object, mode)
      INTO answer FROM confiture.plan('p', CASE WHEN back IS NULL THEN 'forward' ELSE 'backward' END);
    PERFORM confiture.unregister_migration('p');
    RETURN coalesce(answer, '');
END
$$;
CREATE FUNCTION pg_temp.planned(script text, expected text, name text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT is(pg_temp.plan_of(script), expected, coalesce(name, script));
$$;

-- Locks.
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c int', '1: s.plain AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain SET (fillfactor = 70)', '1: s.plain ShareUpdateExclusiveLock');
SELECT pg_temp.planned('LOCK TABLE s.plain IN SHARE MODE', '1: s.plain ShareLock');
SELECT pg_temp.planned('LOCK TABLE s.view IN SHARE MODE', E'1: s.plain ShareLock\n1: s.view ShareLock');
SELECT pg_temp.planned('COMMENT ON COLUMN s.plain.a IS ''x''', '1: s.plain ShareUpdateExclusiveLock');
SELECT pg_temp.planned('CREATE TRIGGER t AFTER INSERT ON s.plain FOR EACH ROW EXECUTE FUNCTION s.on_row()', '1: s.plain ShareRowExclusiveLock');
SELECT pg_temp.planned('CREATE TABLE s.made (a int REFERENCES s.parent)', '1: s.parent ShareRowExclusiveLock');
SELECT pg_temp.planned('CREATE TABLE s.made PARTITION OF s.part FOR VALUES FROM (30) TO (40)', '1: s.part AccessExclusiveLock');
SELECT pg_temp.planned('CREATE VIEW s.made AS SELECT a FROM s.plain', '1: s.plain AccessShareLock');
SELECT pg_temp.planned('CREATE OR REPLACE VIEW s.view AS SELECT a FROM s.plain', E'1: s.plain AccessShareLock\n1: s.view AccessExclusiveLock');
SELECT pg_temp.planned('DROP VIEW s.view CASCADE', E'1: s.mat AccessExclusiveLock\n1: s.view AccessExclusiveLock', 'what goes with a dropped view');
SELECT pg_temp.planned('DROP TABLE s.child', E'1: s.child AccessExclusiveLock\n1: s.child_note AccessExclusiveLock\n1: s.child_pkey AccessExclusiveLock\n'
                       '1: s.parent AccessExclusiveLock', 'a dropped table takes its foreign keys from the tables they refer to');
SELECT pg_temp.planned('DROP TABLE s.parent CASCADE', E'1: s.child AccessExclusiveLock\n1: s.parent AccessExclusiveLock\n'
                       '1: s.parent_pkey AccessExclusiveLock', 'CASCADE');
SELECT pg_temp.planned('DROP INDEX s.child_note', E'1: s.child AccessExclusiveLock\n1: s.child_note AccessExclusiveLock');
SELECT pg_temp.planned('DROP INDEX CONCURRENTLY s.child_note', E'1: s.child ShareUpdateExclusiveLock\n1: s.child_note AccessExclusiveLock likely');
SELECT pg_temp.planned('TRUNCATE s.parent CASCADE', E'1: s.child AccessExclusiveLock\n1: s.parent AccessExclusiveLock');
SELECT pg_temp.planned('SELECT FROM s.view', E'1: s.plain AccessShareLock\n1: s.view AccessShareLock');
SELECT pg_temp.planned('SELECT FROM s.plain FOR UPDATE', '1: s.plain RowShareLock');
SELECT pg_temp.planned('WITH plain AS (SELECT 1) SELECT FROM plain', '', 'a common table is no table');
SELECT pg_temp.planned('INSERT INTO s.child VALUES (1, 1)', E'1: s.child RowExclusiveLock\n1: s.parent RowShareLock likely');
SELECT pg_temp.planned('UPDATE s.child SET note = 1', '1: s.child RowExclusiveLock', 'a column that refers to nothing');
SELECT pg_temp.planned('DELETE FROM s.parent', E'1: s.child RowExclusiveLock likely\n1: s.parent RowExclusiveLock', 'ON DELETE CASCADE');
SELECT pg_temp.planned('UPDATE s.part SET note = 1', E'1: s.part RowExclusiveLock\n1: s.part_1 RowExclusiveLock likely\n1: s.part_2 RowExclusiveLock likely',
                       'partitions may be left out by the planner');
SELECT pg_temp.planned('ALTER TABLE s.part ADD c int', E'1: s.part AccessExclusiveLock\n1: s.part_1 AccessExclusiveLock\n1: s.part_2 AccessExclusiveLock');
SELECT pg_temp.planned('CREATE TABLE s.made (a int); SET work_mem = ''4MB''; SELECT 1; NOTIFY x', '', 'nothing that others see');

-- Rewrites and scans.
SELECT pg_temp.planned('ALTER TABLE s.plain ALTER a TYPE bigint',
                       E'1: s.plain AccessExclusiveLock rewrites scans\n1: unknown (as things are, the server refuses it: a view, trigger or policy uses the column)',
                       'a column that a view uses');
SELECT pg_temp.planned('ALTER TABLE s.child ALTER parent_id TYPE bigint',
                       E'1: s.child AccessExclusiveLock rewrites scans\n1: s.parent AccessExclusiveLock scans likely');
SELECT pg_temp.planned('ALTER TABLE s.child ALTER note TYPE varchar(30)', '1: s.child AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c int DEFAULT 1 NOT NULL', '1: s.plain AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c float DEFAULT random()', '1: s.plain AccessExclusiveLock rewrites scans');
SELECT pg_temp.planned('ALTER TABLE s.plain ALTER a SET NOT NULL', '1: s.plain AccessExclusiveLock scans');
SELECT pg_temp.planned('ALTER TABLE s.child ALTER id SET NOT NULL', '1: s.child AccessExclusiveLock', 'NOT NULL already');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD CHECK (a > 0)', '1: s.plain AccessExclusiveLock scans');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD CHECK (a > 0) NOT VALID', '1: s.plain AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD FOREIGN KEY (a) REFERENCES s.parent NOT VALID',
                       E'1: s.parent ShareRowExclusiveLock\n1: s.plain ShareRowExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD FOREIGN KEY (a) REFERENCES s.parent',
                       E'1: s.parent ShareRowExclusiveLock scans likely\n1: s.plain ShareRowExclusiveLock scans likely', 'the planner chooses how it checks');
SELECT pg_temp.planned('CREATE INDEX ON s.plain (a)', '1: s.plain ShareLock scans');
SELECT pg_temp.planned('CREATE INDEX CONCURRENTLY ON s.plain (a)', '1: s.plain ShareUpdateExclusiveLock scans', 'a form that does not run in a transaction');
SELECT pg_temp.planned('REINDEX TABLE s.child', E'1: s.child ShareLock scans\n1: s.child_note AccessExclusiveLock\n1: s.child_pkey AccessExclusiveLock',
                       'who reads waits for the indexes');
SELECT pg_temp.planned('REINDEX TABLE CONCURRENTLY s.child', E'1: s.child ShareUpdateExclusiveLock scans\n1: s.child_note ShareUpdateExclusiveLock\n'
                       '1: s.child_pkey ShareUpdateExclusiveLock');
SELECT pg_temp.planned('CLUSTER s.child USING child_note', '1: s.child AccessExclusiveLock rewrites scans');
SELECT pg_temp.planned('VACUUM FULL s.plain', '1: s.plain AccessExclusiveLock rewrites scans');
SELECT pg_temp.planned('VACUUM s.plain', '1: s.plain ShareUpdateExclusiveLock');
SELECT pg_temp.planned('REFRESH MATERIALIZED VIEW s.mat', E'1: s.mat AccessExclusiveLock rewrites\n1: s.plain AccessShareLock scans likely\n1: s.view AccessShareLock');

-- ONLY, partitions and what a foreign key adds.
CREATE TABLE s.base (id int, n int CONSTRAINT n_there CHECK (n > 0));
CREATE TABLE s.heir () INHERITS (s.base);
SELECT pg_temp.planned('ALTER TABLE ONLY s.base DROP COLUMN n', E'1: s.base AccessExclusiveLock\n1: s.heir AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE ONLY s.base DROP CONSTRAINT n_there', E'1: s.base AccessExclusiveLock\n1: s.heir AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE ONLY s.base ALTER id SET NOT NULL', '1: s.base AccessExclusiveLock scans')
 WHERE current_setting('server_version_num')::int < 180000;
SELECT pg_temp.planned('ALTER TABLE ONLY s.part ADD UNIQUE (id)', '1: s.part AccessExclusiveLock');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD e int DEFAULT NULL REFERENCES s.parent',
                       E'1: s.parent ShareRowExclusiveLock scans likely\n1: s.plain AccessExclusiveLock scans likely', 'a default of NULL is a default');
SELECT pg_temp.planned('ALTER TABLE s.part DETACH PARTITION s.part_1 CONCURRENTLY', E'1: s.part ShareUpdateExclusiveLock\n1: s.part_1 AccessExclusiveLock')
 WHERE current_setting('server_version_num')::int >= 140000;
SELECT pg_temp.planned('CREATE FUNCTION s.made() RETURNS bigint RETURN (SELECT count(*) FROM s.plain)', '1: s.plain AccessShareLock')
 WHERE current_setting('server_version_num')::int >= 140000;
SELECT pg_temp.planned('TRUNCATE s.counted RESTART IDENTITY', E'1: s.counted AccessExclusiveLock\n1: s.counted_id_seq AccessExclusiveLock likely')
  FROM (SELECT 1) one;

-- Event triggers run code, whatever the statement is.
CREATE FUNCTION s.on_event() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER on_event ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION s.on_event();
SELECT pg_temp.planned('CREATE INDEX ON s.plain (a)', E'1: s.plain ShareLock scans\n1: unknown (the event trigger on_event runs code)');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c int', '1: s.plain AccessExclusiveLock', 'a statement that no event trigger is for');
DROP EVENT TRIGGER on_event;

-- Row security reads what its policies name.
CREATE TABLE s.secured (id int);
CREATE POLICY own ON s.secured USING (id IN (SELECT id FROM s.parent));
ALTER TABLE s.secured ENABLE ROW LEVEL SECURITY;
ALTER TABLE s.secured FORCE ROW LEVEL SECURITY;
CREATE ROLE plan_secured;
GRANT USAGE ON SCHEMA confiture, s TO plan_secured;
ALTER TABLE s.secured OWNER TO plan_secured;
SELECT confiture.register_migration('rows', 'rows', 'SELECT FROM s.secured') \g /dev/null
GRANT EXECUTE ON FUNCTION confiture.plan(text, text) TO plan_secured;
SET ROLE plan_secured;
SELECT is(string_agg(object || ' ' || mode, ', ' ORDER BY object), 's.parent AccessShareLock, s.secured AccessShareLock', 'a policy') FROM confiture.plan('rows');
RESET ROLE;

-- What cannot be told.
SELECT pg_temp.planned('DO $x$ BEGIN RAISE EXCEPTION ''it ran''; END $x$', '1: unknown (a DO block runs code)');
SELECT pg_temp.planned('CALL s.nowhere()', '1: unknown (a procedure runs code)');
SELECT pg_temp.planned('EXECUTE nowhere', '1: unknown (a prepared statement is run)');
SELECT pg_temp.planned('SELECT s.code()', '1: unknown (the function code runs code)');
SELECT pg_temp.planned('INSERT INTO s.triggered VALUES (1)', E'1: s.triggered RowExclusiveLock\n1: unknown (the trigger on_row runs code)');
SELECT pg_temp.planned('ALTER TABLE s.nowhere ADD a int', '1: nowhere AccessExclusiveLock unknown (it does not exist now)');
SELECT pg_temp.planned('ALTER TABLE IF EXISTS s.nowhere ADD a int', '');
SELECT pg_temp.planned('DROP TABLE IF EXISTS s.nowhere', '');
SELECT pg_temp.planned('ALTER TABLE s.plain ALTER b TYPE int USING nowhere(b)',
                       E'1: s.plain AccessExclusiveLock\n1: unknown (function nowhere(text) does not exist)', 'what the server does not understand');

-- Statements that lean on earlier ones.
SELECT pg_temp.planned('CREATE TABLE s.made (a int); CREATE INDEX ON s.made (a); INSERT INTO s.made SELECT a FROM s.plain; DROP TABLE s.made',
                       '3: s.plain AccessShareLock', 'nobody waits for what the script makes');
SELECT pg_temp.planned('CREATE TABLE s.made AS SELECT a FROM s.plain; ALTER TABLE s.made ADD b int', '1: s.plain AccessShareLock scans likely', 'a table AS');
SELECT pg_temp.planned('SELECT a INTO s.made FROM s.plain; ALTER TABLE s.made ADD b int', '1: s.plain AccessShareLock scans likely', 'and INTO');
SELECT pg_temp.planned('CREATE TABLE public.plain (a int); ALTER TABLE s.plain ADD c int', '2: s.plain AccessExclusiveLock',
                       'a table of the same name in another schema');
SELECT pg_temp.planned('ALTER TABLE s.plain RENAME TO other; ALTER TABLE s.other ADD c int; UPDATE s.other SET c = 1',
                       E'1: s.plain AccessExclusiveLock\n2: s.plain AccessExclusiveLock likely\n3: s.plain RowExclusiveLock likely', 'a table that was renamed');
SELECT pg_temp.planned('ALTER TABLE s.plain SET SCHEMA public; DROP TABLE public.plain CASCADE',
                       E'1: s.plain AccessExclusiveLock\n2: s.mat AccessExclusiveLock likely\n2: s.plain AccessExclusiveLock likely\n2: s.view AccessExclusiveLock likely',
                       'one that was moved');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c int; ALTER TABLE s.plain ALTER c SET NOT NULL',
                       E'1: s.plain AccessExclusiveLock\n2: s.plain AccessExclusiveLock scans likely', 'a column that is not there yet');
SELECT pg_temp.planned('ALTER TABLE s.plain ADD c int; ALTER TABLE s.plain ALTER c TYPE bigint',
                       E'1: s.plain AccessExclusiveLock\n2: s.plain AccessExclusiveLock rewrites scans likely');
SELECT pg_temp.planned(format('ALTER TABLE %s ADD c int', 's."Odd ""Name"", 63 …"'::regclass), '1: s."Odd ""Name"", 63 …" AccessExclusiveLock', 'names are quoted');
SELECT is(pg_temp.plan_of('DROP TABLE s.plain', 'SELECT 1'), '1: s.plain AccessExclusiveLock', 'backward');

-- The other columns.
SELECT confiture.register_migration('1', 'one', E'SELECT 1;\n\nALTER TABLE s.plain ADD c int;\nALTER TABLE s.plain VALIDATE CONSTRAINT c;') \g /dev/null
SELECT results_eq($$SELECT ordinal, line, tag, object, mode, rewrites, scans, certainty, reason FROM confiture.plan('1')$$,
                  $$VALUES (2, 3, 'ALTER TABLE', 's.plain', 'AccessExclusiveLock', false, false, 'certain', NULL),
                           (3, 4, 'ALTER TABLE', 's.plain', 'ShareUpdateExclusiveLock', false, true, 'likely', 'the statement in line 3 changes s.plain')$$, 'every column');
SELECT is(blocks @> ARRAY['SELECT', 'INSERT'], ordinal = 2, 'what an ' || mode || ' blocks') FROM confiture.plan('1');
SELECT isnt(reason, NULL, 'what is not certain has a reason: ' || certainty)
  FROM (SELECT confiture.register_migration('2', 'two', 'DELETE FROM s.parent; ALTER TABLE s.nowhere ADD a int; DO ''BEGIN END''')) made,
       LATERAL (SELECT * FROM confiture.plan('2')) p
 WHERE certainty <> 'certain';

-- Errors.
SELECT throws_ok($$SELECT confiture.plan('nowhere')$$, 'MG004', NULL, 'an unknown version');
SELECT throws_ok($$SELECT confiture.plan('1', 'backward')$$, 'MG014', NULL, 'no way back');
SELECT throws_ok($$SELECT confiture.plan('1', 'sideways')$$, 'MG016', NULL, 'an unknown direction');
SELECT throws_ok($$SELECT confiture.plan(NULL)$$, 'MG016', 'version must not be null', 'no version');

-- It runs nothing and leaves no lock on what it looks at.
SELECT confiture.register_migration('3', 'three', $$
    ALTER TABLE s.plain ALTER b TYPE int USING length(b); INSERT INTO s.triggered VALUES (s.code()); TRUNCATE s.parent CASCADE;
    SELECT pg_advisory_lock(1); SELECT nextval('s.counter'); DROP SCHEMA s CASCADE; ALTER TABLE s.part ATTACH PARTITION s.plain DEFAULT$$) \g /dev/null
CREATE SEQUENCE s.counter;
BEGIN;
SELECT count(*) AS lines FROM confiture.plan('3') \gset
SELECT coalesce(string_agg(DISTINCT concat_ws(' ', l.locktype, l.relation::regclass, l.mode), ', '), '') AS others
  FROM pg_locks l
 WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'
   AND (locktype <> 'relation' OR relation >= 16384
        AND relation <> ALL (SELECT oid FROM pg_class WHERE relnamespace = 'confiture'::regnamespace)) \gset
SELECT coalesce(string_agg(DISTINCT l.mode, ', '), '') AS modes FROM pg_locks l WHERE pid = pg_backend_pid() AND locktype = 'relation' \gset
SELECT pg_current_xact_id_if_assigned() IS NULL AS unwritten \gset
COMMIT;
SELECT cmp_ok(:lines, '>', 20, 'a plan with many lines');
SELECT is(:'others'::text, '', 'locks no object of the user');
SELECT is(:'modes'::text, 'AccessShareLock', 'and others with AccessShareLock only');
SELECT is(:'unwritten'::boolean, true, 'and needs no transaction id');
SELECT is(last_value, 1::bigint, 'no sequence advances') FROM s.counter;
SELECT is(count(*), 5::bigint, 'no row is touched') FROM s.plain;
BEGIN TRANSACTION READ ONLY;
SELECT lives_ok($$SELECT confiture.plan('3')$$, 'in a read-only transaction');
COMMIT;

-- The caller's own locks are no hindrance.
BEGIN;
LOCK TABLE s.plain;
SELECT mode AS planned FROM confiture.plan('1') WHERE ordinal = 2 \gset
SELECT count(*) AS migrator FROM pg_locks WHERE pid = pg_backend_pid() AND (relation = 'confiture.migrator'::regclass OR locktype = 'advisory') \gset
SELECT is(:'planned'::text, 'AccessExclusiveLock', 'within a transaction that has locks');
SELECT is(:migrator, 0, 'it takes no migrator lock');
ROLLBACK;

-- A role needs no rights on the tables to read a plan, but on the schema that they are found in.
CREATE ROLE plan_reader;
GRANT USAGE ON SCHEMA confiture TO plan_reader;
SET ROLE plan_reader;
SELECT throws_ok($$SELECT confiture.plan('1')$$, '42501', NULL, 'without EXECUTE');
RESET ROLE;
GRANT EXECUTE ON FUNCTION confiture.plan(text, text) TO plan_reader;
SET ROLE plan_reader;
SELECT is(string_agg(DISTINCT certainty || ': ' || reason, ', '), 'unknown: permission denied for schema s', 'without rights on the schema')
  FROM confiture.plan('1');
RESET ROLE;
GRANT USAGE ON SCHEMA s TO plan_reader;
SET ROLE plan_reader;
SELECT is(string_agg(object || ' ' || mode, ', ' ORDER BY ordinal), 's.plain AccessExclusiveLock, s.plain ShareUpdateExclusiveLock', 'with them')
  FROM confiture.plan('1');
RESET ROLE;

SELECT * FROM finish();
DROP OWNED BY plan_reader;
DROP ROLE plan_reader;
