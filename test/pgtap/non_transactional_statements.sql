-- Statements that cannot run inside a transaction, and chains that need a commit in between.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, a int);
CREATE INDEX t_a ON s.t (a);
CREATE MATERIALIZED VIEW s.m AS SELECT id FROM s.t;
CREATE UNIQUE INDEX m_id ON s.m (id);
INSERT INTO s.t SELECT n, n FROM generate_series(1, 100) n;
CREATE TYPE s.mood AS ENUM ('good');
CREATE TABLE s.moods (m s.mood);

CREATE FUNCTION pg_temp.states(script text, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
    SELECT r.stats->>'status' || ': ' || string_agg(s.status, ', ' ORDER BY s.ordinal)
      FROM confiture.dry_run_sql(script, options => options) r, confiture.dry_run_statements(r) s
     WHERE s.depth = 0
     GROUP BY r.stats->>'status';
$$;
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (id, a)'), 'complete: emulated', 'auto emulates on small tables');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (id, a)', '{"concurrently": "emulate"}'), 'complete: emulated', 'emulate');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (id, a)', '{"concurrently": "predict"}'), 'complete: not_run', 'predict');
SELECT is(pg_temp.states('DROP INDEX CONCURRENTLY s.t_a'), 'complete: emulated', 'DROP INDEX');
SELECT is(pg_temp.states('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON s.t (a)'), 'complete: emulated', 'UNIQUE, IF NOT EXISTS');
SELECT is(pg_temp.states('REINDEX INDEX CONCURRENTLY s.t_a'), 'complete: emulated', 'REINDEX INDEX');
SELECT is(pg_temp.states('REINDEX TABLE CONCURRENTLY s.t'), 'complete: emulated', 'REINDEX TABLE');
SELECT is(pg_temp.states('REFRESH MATERIALIZED VIEW CONCURRENTLY s.m'), 'complete: done', 'a refresh runs as it is');
SELECT CASE WHEN current_setting('server_version_num')::int < 140000 THEN skip('DETACH CONCURRENTLY came with 14', 1)
            ELSE is(pg_temp.states('CREATE TABLE s.p (a int) PARTITION BY LIST (a); CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES IN (1);
                                    ALTER TABLE s.p DETACH PARTITION s.p1 CONCURRENTLY'), 'complete: done, done, emulated', 'DETACH PARTITION') END;
SELECT is(pg_temp.states('CREATE TABLE s.new (a int); CREATE INDEX CONCURRENTLY i ON s.new (a)'), 'complete: done, emulated', 'on a new table');
SELECT is(pg_temp.states(script), 'complete: not_run', script || ' has no plain form')
  FROM unnest(ARRAY['VACUUM', 'VACUUM s.t', 'VACUUM (FULL, ANALYZE) s.t', 'ALTER SYSTEM SET work_mem = ''8MB''', 'CREATE DATABASE d',
                    'DROP DATABASE IF EXISTS d', 'CREATE TABLESPACE t LOCATION ''/nowhere''', 'DROP TABLESPACE IF EXISTS t',
                    format('REINDEX DATABASE %I', current_database()), 'REINDEX SCHEMA s', 'ALTER DATABASE postgres SET TABLESPACE pg_default']) AS script;
SELECT collect_tap(is(success, NULL, 'what was not run is no success, nor a failure'), alike(warnings::text, '%VACUUM in line 2 was not run: it cannot run inside the subtransaction%', 'and warned of'))
  FROM confiture.dry_run_sql(E'SELECT 1;\nVACUUM s.t');
SELECT alike(warnings::text, '%CREATE INDEX CONCURRENTLY in line 1 ran in its plain form%', 'so is what was emulated')
  FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)');
SELECT alike(warnings::text, '%CREATE INDEX in line 1 was not run%', 'and what was predicted')
  FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)', options => '{"concurrently": "predict"}');
SELECT collect_tap(is(success, false, 'an emulated one that fails is a failure'), is(stats->'error'->>'sqlstate', '23505', 'with its error'))
  FROM confiture.dry_run_sql('UPDATE s.t SET a = 1; CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a)');
SELECT results_eq($$SELECT s.indexes_built FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)') r, confiture.dry_run_statements(r) s$$,
                  $$VALUES ('{s.i}'::text[])$$, 'an emulated one is measured');

-- Locks: those of the form that ran, and those of the real form.
SELECT results_eq($$SELECT DISTINCT mode, form FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)') r, confiture.dry_run_locks(r)
                     WHERE object = 's.t' AND mode <> 'AccessShareLock' ORDER BY 1$$,
                  $$VALUES ('ShareLock', 'emulation'), ('ShareUpdateExclusiveLock', 'predicted')$$, 'the form of each lock is told');
SELECT results_eq($$SELECT DISTINCT mode, form FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)', options => '{"concurrently": "predict"}') r,
                         confiture.dry_run_locks(r) WHERE object = 's.t' AND mode <> 'AccessShareLock' ORDER BY 1$$,
                  $$VALUES ('ShareUpdateExclusiveLock', 'predicted')$$, 'a predicted one has those of the real form');
SELECT results_eq($$SELECT DISTINCT object, mode, form FROM confiture.dry_run_sql('DROP INDEX CONCURRENTLY s.t_a') r, confiture.dry_run_locks(r)
                     WHERE object IN ('s.t', 's.t_a') AND form = 'predicted' ORDER BY 1$$,
                  $$VALUES ('s.t', 'ShareUpdateExclusiveLock', 'predicted'), ('s.t_a', 'ShareUpdateExclusiveLock', 'predicted')$$, 'DROP INDEX: the table and the index');
SELECT collect_tap(is(locked_tables, '{s.t}', 'the table is told as locked'), is((stats->'totals'->>'expected_downtime_ms')::float8, 0::float8, 'but not for writers'))
  FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY i ON s.t (id, a)');

-- What depends on something that was not run.
SELECT is(pg_temp.states('CREATE UNIQUE INDEX CONCURRENTLY i ON s.t (a); ALTER TABLE s.t ADD CONSTRAINT i UNIQUE USING INDEX i; SELECT 1',
                         '{"concurrently": "predict"}'), 'complete: not_run, not_run, done', 'a constraint that uses an index that was not built');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY "I i" ON s.t (a); COMMENT ON INDEX s."I i" IS ''x''', '{"concurrently": "predict"}'),
          'complete: not_run, not_run', 'a comment on it, with a difficult name');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (a); DROP INDEX CONCURRENTLY s.i', '{"concurrently": "predict"}'),
          'complete: not_run, not_run', 'an index that was not built is not missing when it is dropped');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (a); SELECT ''i'' /* i */', '{"concurrently": "predict"}'), 'complete: not_run, done',
          'the name in a string or a comment is no use of it');
SELECT is(pg_temp.states('CREATE INDEX CONCURRENTLY i ON s.t (a); INSERT INTO s.t VALUES (0)', '{"concurrently": "predict"}'), 'complete: not_run, done',
          'what does not depend on it runs');
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1', options => '{"concurrently": "maybe"}')$$, 'MG016',
                 'invalid value for option "concurrently": "maybe"', 'a policy that there is not');

-- What cannot be in a transaction is a step of its own.
SELECT collect_tap(is(stats->>'steps', '3', 'it ends the step before it'), alike(warnings::text, '%CREATE INDEX in line 1 cannot run in a transaction%', 'and that is said'))
  FROM confiture.dry_run_sql('SELECT 1; CREATE INDEX CONCURRENTLY ON s.t (a); SELECT 2');
SELECT is(success, true, 'temporary tables end with the step as they say')
  FROM confiture.dry_run_sql($$CREATE TEMP TABLE x (a int) ON COMMIT DROP; CREATE TEMP TABLE y (a int) ON COMMIT DELETE ROWS; INSERT INTO y VALUES (1); COMMIT;
                               CREATE TEMP TABLE x (a int) ON COMMIT DROP; DO 'BEGIN ASSERT NOT EXISTS (SELECT FROM y); END'$$);
CREATE PROCEDURE s.commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
SELECT is(pg_temp.states('CALL s.commits()'), 'failed: failed', 'a procedure that commits fails in a transaction');
SELECT is(pg_temp.states(E'-- confiture: no-transaction\nCALL s.commits()'), 'needs_commit: needs_commit', 'and cannot be tried where it need not');
CREATE TABLE s.parted (a int) PARTITION BY RANGE (a);
SELECT is(stats->'error'->>'message', 'cannot create index on partitioned table "parted" concurrently', 'what the server refuses in any case fails')
  FROM confiture.dry_run_sql('CREATE INDEX CONCURRENTLY ON s.parted (a)');
CREATE INDEX i ON s.t (a);
SELECT is(pg_temp.states(script, '{"concurrently": "predict"}'), 'complete: not_run, ' || second, what)
  FROM (VALUES ('DROP INDEX CONCURRENTLY s.i; CREATE INDEX i ON s.t (a)', 'not_run', 'what was not dropped is in the way'),
               ('CREATE INDEX CONCURRENTLY ON s.t (id, a); DROP INDEX s.t_id_a_idx', 'not_run', 'a name by default is known'),
               ('CREATE INDEX CONCURRENTLY a ON s.t (a); UPDATE s.t SET a = 1', 'done', 'a column of that name is another thing')) AS predicted (script, second, what);
DROP INDEX s.i;

-- Values that are added to an enum, of which an index has keys.
CREATE TABLE s.of_mood (mood s.mood PRIMARY KEY);
SELECT is(pg_temp.states('ALTER TYPE s.mood ADD VALUE ''bad''; SELECT 1'), 'complete: done, done', 'a value is added');
SELECT is(pg_temp.states('ALTER TYPE s.mood ADD VALUE ''bad''; COMMIT; INSERT INTO s.moods VALUES (''bad''); SELECT 1'),
          'needs_commit: done, done, needs_commit', 'and used in another step: a commit is needed to try that');
SELECT collect_tap(is(success, NULL, 'that is neither success nor failure'), alike(warnings[1], 'A commit is needed in between:%', 'and said'))
  FROM confiture.dry_run_sql('ALTER TYPE s.mood ADD VALUE ''bad''; COMMIT; INSERT INTO s.moods VALUES (''bad''); SELECT 1');
SELECT is(pg_temp.states('ALTER TYPE s.mood ADD VALUE ''bad''; INSERT INTO s.moods VALUES (''bad'')'), 'failed: done, failed',
          'used in the same step it fails, as it would');
SELECT is(stats->'error'->>'sqlstate', '55P04', 'with the server''s error')
  FROM confiture.dry_run_sql('ALTER TYPE s.mood ADD VALUE ''bad''; INSERT INTO s.moods VALUES (''bad'')');
SELECT is(pg_temp.states('CREATE TYPE s.fresh AS ENUM (); ALTER TYPE s.fresh ADD VALUE ''x''; SELECT ''x''::s.fresh'),
          CASE WHEN current_setting('server_version_num')::int < 170000 THEN 'failed: done, done, failed' ELSE 'needs_commit: done, done, needs_commit' END,
          'a value that is added to a new type can be used at once from 17 on, but not in a subtransaction');
SELECT is(pg_temp.states('CREATE TYPE s.fresh AS ENUM (); ALTER TYPE s.mood ADD VALUE ''x''; SELECT ''x''::s.mood'), 'failed: done, done, failed',
          'one of an older type cannot');
SELECT is(pg_temp.states(E'-- confiture: no-transaction\nALTER TYPE s.mood ADD VALUE ''bad'';\nINSERT INTO s.moods VALUES (''bad'')'),
          'needs_commit: done, needs_commit', 'without a transaction each statement is a step');
SELECT confiture.register_migration(version, version, script)
  FROM (VALUES ('1', 'ALTER TYPE s.mood ADD VALUE ''bad'''), ('2', 'INSERT INTO s.moods VALUES (''bad'')'), ('3', 'CREATE TABLE s.three ()'))
       AS migration (version, script) \g /dev/null
SELECT results_eq($$SELECT migration_version, success, stats->>'status' FROM confiture.dry_run_pending()$$,
                  $$VALUES ('1', true, 'complete'), ('2', NULL, 'needs_commit'), ('3', NULL, 'not_run')$$, 'a chain that needs a commit in between');
SELECT lives_ok($$SELECT * FROM confiture.dry_run_pending(options => '{"raise": true}')$$, 'which raise makes no error of');

-- What is taken for transactional is what the server runs in a transaction.  Nothing here gets beyond its refusal.
CREATE TABLE s.pt (a int PRIMARY KEY) PARTITION BY LIST (a);
CREATE TABLE s.pt1 PARTITION OF s.pt FOR VALUES IN (1);
CREATE TABLE s."P T" (a int PRIMARY KEY) PARTITION BY LIST (a);
CREATE FUNCTION pg_temp.refused(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    RAISE 'undo' USING ERRCODE = 'ZZ001';
EXCEPTION
    WHEN active_sql_transaction THEN RETURN true;
    WHEN SQLSTATE 'ZZ001' THEN RETURN false;
END $$;
CREATE FUNCTION pg_temp.kept_out(statement text) RETURNS boolean LANGUAGE sql AS $$
    SELECT s.status IN ('emulated', 'not_run')
      FROM confiture.dry_run_sql(statement, options => '{"concurrently": "predict"}') r, confiture.dry_run_statements(r) s WHERE s.ordinal = 1;
$$;
CREATE TEMP TABLE tried (statement text, since int DEFAULT 13);
INSERT INTO tried VALUES
    ('REINDEX TABLE s.t'), ('REINDEX INDEX s.t_a'), ('REINDEX SCHEMA s'), ('REINDEX TABLE CONCURRENTLY s.t'), ('REINDEX TABLE pt1'),
    ('REINDEX TABLE pt'), ('REINDEX TABLE "P T"'), ('CLUSTER s.t USING t_a'), ('CLUSTER'), ('VACUUM s.t'), ('ANALYZE s.t'),
    ('REFRESH MATERIALIZED VIEW CONCURRENTLY s.m'), ('ALTER TYPE s.mood ADD VALUE ''so so'''),
    ('ALTER DATABASE postgres SET TABLESPACE pg_default'), ('ALTER DATABASE postgres CONNECTION LIMIT 100'),
    ('ALTER DATABASE postgres SET work_mem = ''1MB'''), ('ALTER SYSTEM RESET work_mem'), ('CREATE DATABASE d'), ('DROP DATABASE IF EXISTS d'),
    ('CREATE TABLESPACE t LOCATION ''/nowhere'''), ('DROP TABLESPACE IF EXISTS t'), ('DISCARD PLANS'),
    ('CREATE INDEX CONCURRENTLY ON s.t (a)'), ('DROP INDEX CONCURRENTLY s.t_a'), ('DROP SUBSCRIPTION sub'),
    ('CREATE SUBSCRIPTION more CONNECTION ''host=/nowhere'' PUBLICATION p'),
    ('CREATE SUBSCRIPTION more CONNECTION ''host=/nowhere'' PUBLICATION p WITH (connect = false)'),
    ('ALTER SUBSCRIPTION sub SET PUBLICATION r WITH (refresh = false)'), ('ALTER SUBSCRIPTION sub SET (synchronous_commit = on)'),
    ('ALTER SUBSCRIPTION sub DISABLE'), ('ALTER SUBSCRIPTION sub CONNECTION ''host=/nowhere/else''');
INSERT INTO tried VALUES -- PostgreSQL 13 connects
    ('ALTER SUBSCRIPTION sub REFRESH PUBLICATION', 14), ('ALTER SUBSCRIPTION sub SET PUBLICATION r', 14),
    ('ALTER SUBSCRIPTION sub ADD PUBLICATION r', 14), ('ALTER SUBSCRIPTION sub DROP PUBLICATION q', 14),
    ('ALTER SUBSCRIPTION sub ADD PUBLICATION r WITH (refresh = false)', 14), ('ALTER SUBSCRIPTION sub DROP PUBLICATION q WITH (refresh = off)', 14);
INSERT INTO tried VALUES -- it refuses what is partitioned, and has nothing to detach with
    ('REINDEX INDEX pt_pkey', 14), ('REINDEX TABLE CONCURRENTLY pt', 14), ('CLUSTER pt USING pt_pkey', 15),
    ('ALTER TABLE pt DETACH PARTITION pt1 CONCURRENTLY', 14), ('ALTER TABLE pt DETACH PARTITION pt1', 13);
CREATE TEMP TABLE tried_disabled AS TABLE tried WITH NO DATA; -- what the slot has too is not altered while it is used
INSERT INTO tried_disabled VALUES
    ('ALTER SUBSCRIPTION sub SET (failover = true)', 17), ('ALTER SUBSCRIPTION sub SET (failover = false)', 17),
    ('ALTER SUBSCRIPTION sub SET (two_phase = true)', 18), ('ALTER SUBSCRIPTION sub SET (two_phase = false)', 18),
    ('ALTER SUBSCRIPTION sub SET (slot_name = NONE)', 13);
SET search_path = s, public;
SELECT current_setting('server_version_num')::int / 10000 AS major \gset
SET client_min_messages = error;
BEGIN; -- never committed, so that nobody connects
CREATE SUBSCRIPTION sub CONNECTION 'host=/nowhere' PUBLICATION p, q WITH (connect = false);
ALTER SUBSCRIPTION sub ENABLE;
SELECT json_agg(json_build_object('statement', statement, 'kept_out', pg_temp.kept_out(statement), 'refused', pg_temp.refused(statement))) AS seen
  FROM tried WHERE :major >= since \gset
ALTER SUBSCRIPTION sub DISABLE;
SELECT json_agg(json_build_object('statement', statement, 'kept_out', pg_temp.kept_out(statement), 'refused', pg_temp.refused(statement))) AS seen_disabled
  FROM tried_disabled WHERE :major >= since \gset
ROLLBACK;
SET client_min_messages = warning;
SELECT is(seen.kept_out, seen.refused, seen.statement || CASE WHEN seen.refused THEN ' runs outside of transactions' ELSE ' runs in one' END)
  FROM (SELECT :'seen'::json UNION ALL SELECT :'seen_disabled') list (seen),
       json_to_recordset(list.seen) seen (statement text, kept_out boolean, refused boolean);
RESET search_path;

SELECT * FROM finish();
