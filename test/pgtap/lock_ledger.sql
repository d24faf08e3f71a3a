-- What the ledger tells of each lock: by which statement, when, how long, what it blocks, who had it before.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.a (id int PRIMARY KEY);
CREATE TABLE s.b (id int PRIMARY KEY);
CREATE TABLE s.c (id int PRIMARY KEY);

-- Statement, line, times.
CREATE TEMPORARY TABLE lock AS
SELECT l.*, r AS result
  FROM confiture.dry_run_sql(E'LOCK TABLE s.a IN SHARE MODE;\nSELECT pg_sleep(0.05);\n\nLOCK TABLE s.b;\nSELECT pg_sleep(0.05);\n'
                             'LOCK TABLE s.a;\nCREATE TABLE s.made ();\n') r,
       confiture.dry_run_locks(r) l;
SELECT results_eq($$SELECT object, kind, mode, statement, line, new_object, held_before, form FROM lock
                     WHERE object IN ('s.a', 's.b') ORDER BY object, mode$$,
                  $$VALUES ('s.a', 'relation', 'AccessExclusiveLock', 5, 6, false, false, 'real'),
                           ('s.a', 'relation', 'ShareLock', 1, 1, false, false, 'real'),
                           ('s.b', 'relation', 'AccessExclusiveLock', 3, 4, false, false, 'real')$$,
                  'each mode of each object has its statement and line');
SELECT ok(bool_and(not_before_ms <= acquired_ms), 'a lock is acquired after it was seen not to be there') FROM lock;
SELECT ok(bool_and(acquired_ms >= 0 AND held_ms >= 0 AND waited_ms = 0), 'times are times') FROM lock;
SELECT cmp_ok(held_ms, '>=', 100::float8, 'a lock of the beginning is held until the end') FROM lock WHERE mode = 'ShareLock' AND object = 's.a';
SELECT ok(held_ms BETWEEN 50 AND 95, 'one from the middle as long as is left') FROM lock WHERE object = 's.b';
SELECT ok(acquired_ms >= 50, 'and is acquired later') FROM lock WHERE object = 's.b';
SELECT is(DISTINCT_released, '{end}', 'all are released at the end')
  FROM (SELECT array_agg(DISTINCT released) AS DISTINCT_released FROM lock WHERE object LIKE 's.%') released;
SELECT ok(bool_or(new_object), 'new objects are marked') FROM lock WHERE object = 's.made';
SELECT ok((result).locked_tables @> '{s.a,s.b}' AND cardinality((result).locked_tables) = 2, 'each table is named once') FROM lock LIMIT 1;
SELECT results_eq('SELECT mode FROM lock LIMIT 1', ARRAY['AccessExclusiveLock'], 'the strongest lock is the first row');
SELECT ok(((result).stats->'totals'->>'longest_exclusive_hold_ms')::float8 BETWEEN 50 AND 95, 'the longest exclusive hold') FROM lock LIMIT 1;
SELECT ok(((result).stats->'totals'->>'expected_downtime_ms')::float8 >= 100, 'the downtime counts from the first lock that blocks writers')
  FROM lock LIMIT 1;

-- Which kinds of statements a mode blocks.
CREATE FUNCTION pg_temp.blocked(mode text) RETURNS text[] LANGUAGE sql AS $$
    SELECT l.blocks FROM confiture.dry_run_sql(format('LOCK TABLE s.a IN %s MODE', mode)) r, confiture.dry_run_locks(r) l
     WHERE object = 's.a';
$$;
SELECT is(pg_temp.blocked('ACCESS EXCLUSIVE') @> '{SELECT,INSERT,UPDATE,DELETE}', true, 'AccessExclusiveLock blocks all');
SELECT is(pg_temp.blocked('EXCLUSIVE') @> '{INSERT,UPDATE,DELETE}', true, 'ExclusiveLock blocks writers');
SELECT is(pg_temp.blocked('EXCLUSIVE') @> '{SELECT}', false, 'but no readers');
SELECT is(pg_temp.blocked('SHARE ROW EXCLUSIVE') @> '{INSERT,UPDATE,DELETE}', true, 'ShareRowExclusiveLock blocks writers');
SELECT is(pg_temp.blocked('SHARE') @> '{INSERT,UPDATE,DELETE}', true, 'ShareLock blocks writers');
SELECT is(pg_temp.blocked('SHARE UPDATE EXCLUSIVE') && '{SELECT,INSERT,UPDATE,DELETE}', false, 'ShareUpdateExclusiveLock blocks no DML');
SELECT is(pg_temp.blocked('ROW EXCLUSIVE') && '{SELECT,INSERT,UPDATE,DELETE}', false, 'RowExclusiveLock neither');
SELECT is(pg_temp.blocked('ACCESS SHARE') && '{SELECT,INSERT,UPDATE,DELETE}', false, 'AccessShareLock neither');
SELECT ok(bool_and(n = 1), 'kinds are told once')
  FROM (SELECT count(*) AS n FROM unnest(pg_temp.blocked('ACCESS EXCLUSIVE')) kind GROUP BY kind) kinds;

-- Released early.
CREATE TEMPORARY TABLE early AS
SELECT l.*
  FROM confiture.dry_run_sql('SAVEPOINT p; LOCK TABLE s.a; SELECT pg_sleep(0.02); ROLLBACK TO p; LOCK TABLE s.b; SELECT pg_sleep(0.1);
                              DO ''BEGIN BEGIN LOCK TABLE s.c; RAISE ''''no''''; EXCEPTION WHEN OTHERS THEN NULL; END; END''') r,
       confiture.dry_run_locks(r) l
 WHERE object LIKE 's._';
SELECT results_eq('SELECT object, released FROM early ORDER BY object', $$VALUES ('s.a', 'early'), ('s.b', 'end'), ('s.c', 'early')$$,
                  'ROLLBACK TO and an inner block release locks early');
SELECT ok(held_ms BETWEEN 20 AND 95, 'which bounds the time that they are held') FROM early WHERE object = 's.a';
SELECT results_eq($$SELECT mode, released FROM confiture.dry_run_sql('LOCK TABLE s.a IN SHARE MODE; SAVEPOINT p; LOCK TABLE s.a; ROLLBACK TO p') r,
                                            confiture.dry_run_locks(r) WHERE object = 's.a' ORDER BY mode$$,
                  $$VALUES ('AccessExclusiveLock', 'early'), ('ShareLock', 'end')$$, 'the weaker lock from before stays');
SELECT results_eq($$SELECT DISTINCT released FROM confiture.dry_run_sql('SAVEPOINT p; LOCK TABLE s.a; RELEASE p') r, confiture.dry_run_locks(r)
                     WHERE object = 's.a'$$, ARRAY['end'], 'RELEASE releases no locks');
SELECT ok(held_ms < 95, 'the end of a step ends its locks')
  FROM confiture.dry_run_sql('LOCK TABLE s.a; COMMIT; SELECT pg_sleep(0.1)') r, confiture.dry_run_locks(r)
 WHERE object = 's.a' AND mode = 'AccessExclusiveLock';
SELECT results_eq($$SELECT mode, statement, released FROM confiture.dry_run_sql('SELECT FROM s.a; LOCK TABLE s.a; SELECT 1') r, confiture.dry_run_locks(r)
                     WHERE object = 's.a' ORDER BY mode$$,
                  $$VALUES ('AccessExclusiveLock', 2, 'end'), ('AccessShareLock', 1, 'end')$$,
                  'a weak lock that the server moves out of the fast path was not released');

-- What the caller held before.
BEGIN;
LOCK TABLE s.a IN ACCESS EXCLUSIVE MODE;
LOCK TABLE s.b IN ROW SHARE MODE;
SELECT is(r.locked_tables, '{s.b,s.c}', 'tables that the caller had locked as strongly are left out')
  FROM confiture.dry_run_sql('LOCK TABLE s.a; LOCK TABLE s.b; LOCK TABLE s.c IN SHARE MODE') r;
SELECT results_eq($$SELECT object, mode, held_before FROM confiture.dry_run_sql('LOCK TABLE s.a; LOCK TABLE s.b') r, confiture.dry_run_locks(r)
                     WHERE object IN ('s.a', 's.b') ORDER BY 1, 2$$,
                  $$VALUES ('s.a', 'AccessExclusiveLock', true), ('s.b', 'AccessExclusiveLock', false), ('s.b', 'RowShareLock', true)$$,
                  'and marked');
SELECT is(count(*), 1::bigint, 'the lock of the caller is still there') FROM pg_locks
 WHERE pid = pg_backend_pid() AND relation = 's.a'::regclass AND mode = 'AccessExclusiveLock';
COMMIT;

-- Objects that are not there any more.
SELECT results_eq($$SELECT object, mode FROM confiture.dry_run_sql('DROP TABLE s.a') r, confiture.dry_run_locks(r) WHERE object ~ '^s' ORDER BY 1$$,
                  $$VALUES ('s.a', 'AccessExclusiveLock'), ('s.a_pkey', 'AccessExclusiveLock')$$, 'a dropped table and its index have their names');
SELECT results_eq($$SELECT object, new_object FROM confiture.dry_run_sql('CREATE TABLE s.brief (); DROP TABLE s.brief') r, confiture.dry_run_locks(r)
                     WHERE object = 's.brief' AND mode = 'AccessExclusiveLock'$$,
                  $$VALUES ('s.brief', true)$$, 'one that was made and dropped has its name');
SELECT results_eq($$SELECT DISTINCT object FROM confiture.dry_run_sql('ALTER TABLE s.a RENAME TO z; ALTER TABLE s.z ADD x int') r, confiture.dry_run_locks(r)
                     WHERE mode = 'AccessExclusiveLock' AND object LIKE 's.%'$$, ARRAY['s.a'], 'a renamed one has the name from before');

-- More locks than the fast path holds.
DO $$ BEGIN FOR n IN 1..1100 LOOP EXECUTE format('CREATE TABLE s.many_%s ()', n); END LOOP; END $$;
SELECT collect_tap(is(count(*), 100::bigint, 'a hundred weak locks are all seen'), is(count(DISTINCT object), 100::bigint, 'each once'))
  FROM confiture.dry_run_sql((SELECT string_agg(format('SELECT FROM s.many_%s', n), ';') FROM generate_series(1, 100) n)) r, confiture.dry_run_locks(r)
 WHERE object LIKE 's.many%' AND mode = 'AccessShareLock' AND kind = 'relation';
SELECT is(cardinality(r.locked_tables), 100, 'and told') FROM confiture.dry_run_sql((SELECT string_agg(format('SELECT FROM s.many_%s', n), ';') FROM generate_series(1, 100) n)) r;
SELECT is((SELECT count(*) FROM confiture.dry_run_locks(r)) + (r.stats->>'locks_left_out')::bigint, (r.stats->'totals'->>'locks')::bigint,
          'of very many locks the ledger tells the strongest, and how many it leaves out')
  FROM confiture.dry_run_sql((SELECT string_agg(format('LOCK TABLE s.many_%s', n), ';') FROM generate_series(1, 1100) n)) r;
SELECT is((r.stats->'totals'->>'locks')::bigint >= 1100, true, 'none of them is lost')
  FROM confiture.dry_run_sql((SELECT string_agg(format('LOCK TABLE s.many_%s', n), ';') FROM generate_series(1, 1100) n)) r;

-- The ledger against pg_locks, both from within the transaction.
CREATE TABLE s.seen (object text, mode text);
CREATE FUNCTION s.look() RETURNS void LANGUAGE sql AS $$
    INSERT INTO s.seen SELECT relation::regclass::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND database <> 0;
$$;
CREATE FUNCTION s.tell() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM s.look();
    RAISE EXCEPTION 'seen' USING DETAIL = (SELECT jsonb_agg(DISTINCT object || ' ' || mode) FROM s.seen);
END
$$;
CREATE FUNCTION pg_temp.unlike_pg_locks(script text) RETURNS SETOF text LANGUAGE sql AS $$
    WITH caller AS MATERIALIZED (SELECT relation::regclass::text || ' ' || mode AS lock FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'),
    run AS MATERIALIZED (SELECT r FROM confiture.dry_run_sql(script || '; SELECT s.tell()') r),
    told AS (SELECT object || ' ' || mode AS lock FROM run, confiture.dry_run_locks(r) WHERE kind = 'relation' AND NOT held_before),
    seen AS (SELECT jsonb_array_elements_text((((r).stats->'error')->>'detail')::jsonb) AS lock FROM run)
    SELECT 'only in pg_locks: ' || lock FROM seen WHERE lock !~ '^(pg_|confiture\.|s\.seen )' AND lock NOT IN (SELECT lock FROM told)
       AND lock NOT IN (SELECT lock FROM caller)
    UNION ALL
    SELECT 'only in the ledger: ' || lock FROM told WHERE lock !~ '^(pg_|confiture\.|s\.seen )' AND lock NOT IN (SELECT lock FROM seen);
$$;
SELECT is_empty(format('SELECT * FROM pg_temp.unlike_pg_locks(%L)', script), 'as pg_locks has it: ' || script)
  FROM unnest(ARRAY['SELECT 1', 'SELECT FROM s.a', 'ALTER TABLE s.a ADD x int', 'ALTER TABLE s.a ADD FOREIGN KEY (id) REFERENCES s.b',
                    'CREATE INDEX i ON s.a (id)', 'TRUNCATE s.a, s.b', 'INSERT INTO s.a VALUES (1); DELETE FROM s.b',
                    'SELECT FROM s.a JOIN s.b USING (id) JOIN s.c USING (id)']) AS script;

SELECT * FROM finish();
