-- The transactions and sessions that a dry run is called in, and what stops it.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, a int);
INSERT INTO s.t SELECT n, n FROM generate_series(1, 100) n;
SELECT confiture.register_migration('1', 'one', 'ALTER TABLE s.t ADD b int') \g /dev/null

-- Read-only.
BEGIN READ ONLY;
SELECT throws_ok($$SELECT confiture.dry_run('1')$$, 'MG001', 'cannot dry-run in a read-only transaction', 'a read-only transaction');
SELECT throws_ok($$SELECT confiture.run_phase('CLEANUP', '1')$$, 'MG002', 'cannot run hooks in a read-only transaction', 'hooks in one');
COMMIT;
SET default_transaction_read_only = on;
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1')$$, 'MG001', 'cannot dry-run in a read-only transaction', 'a read-only session');
SET default_transaction_read_only = off;
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');

-- Aborted: the server refuses by itself.
\set ON_ERROR_STOP off
BEGIN;
SELECT 1/0;
SELECT confiture.dry_run('1');
\set state :LAST_ERROR_SQLSTATE
ROLLBACK;
\set ON_ERROR_STOP on
SELECT is(:'state'::text, '25P02', 'an aborted transaction');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');

-- Other isolation levels.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT is((confiture.dry_run('1')).success, true, 'a serializable transaction');
SELECT is(r.rows_affected, 100::bigint, 'with rows') FROM confiture.dry_run_sql('UPDATE s.t SET a = 0') r;
COMMIT;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT is((confiture.dry_run('1')).success, true, 'a repeatable-read transaction');
SELECT is((SELECT sum(a) FROM s.t), 5050::bigint, 'which sees its data as before');
COMMIT;

-- Within the work of the caller.
BEGIN;
CREATE TABLE s.mine (a int);
INSERT INTO s.mine VALUES (1);
SAVEPOINT before;
SELECT is(r.rows_affected, 1::bigint, 'a dry run sees the work of its caller') FROM confiture.dry_run_sql('UPDATE s.mine SET a = 2') r;
SELECT is((confiture.dry_run_sql('DROP TABLE s.mine; SELECT 1/0')).success, false, 'a failed one within a transaction');
SELECT is(s.rewrites, '{s.mine}', 'and rewrites what the caller has locked') FROM confiture.dry_run_sql('ALTER TABLE s.mine ALTER a TYPE bigint') r, confiture.dry_run_statements(r) s;
SELECT is(s.scans, '{s.mine}', 'and scans it') FROM confiture.dry_run_sql('SELECT count(*) FROM s.mine') r, confiture.dry_run_statements(r) s;
RELEASE before;
SELECT is(a, 1, 'the work of the caller is as it was') FROM s.mine;
COMMIT;
SELECT is(a, 1, 'and can be committed') FROM s.mine;
SELECT is((confiture.dry_run_sql('ROLLBACK TO before')).stats->'error'->>'sqlstate', '3B001', 'the savepoints of the caller are out of reach');
BEGIN;
SAVEPOINT before;
SELECT is((confiture.dry_run_sql('ROLLBACK TO before')).stats->'error'->>'sqlstate', '3B001', 'even where they are open');
SELECT is((confiture.dry_run_sql('RELEASE before')).stats->'error'->>'sqlstate', '3B001', 'for RELEASE too');
COMMIT;
SELECT is((SELECT count(*) FROM generate_series(1, 20) n, confiture.dry_run('1') r WHERE r.success), 20::bigint, 'many calls in one query');
DO $$
DECLARE
    told confiture.dry_run_result;
BEGIN
    told := confiture.dry_run('1');
    ASSERT told.success;
    BEGIN
        PERFORM confiture.dry_run('nope');
    EXCEPTION WHEN SQLSTATE 'MG004' THEN
        NULL;
    END;
    ASSERT (confiture.dry_run('1')).success;
END
$$;
SELECT pass('from plpgsql, with errors caught');
DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM s.t ORDER BY id;
BEGIN;
DECLARE open CURSOR FOR SELECT id FROM s.t ORDER BY id;
FETCH 10 FROM open \g /dev/null
SELECT confiture.dry_run_sql('INSERT INTO s.t VALUES (0)') \g /dev/null
SELECT throws_ok('DELETE FROM s.t WHERE CURRENT OF nothing', '34000', NULL, 'cursors of the caller');
FETCH open \gset
SELECT is(:id, 11, 'an open cursor goes on');
COMMIT;

-- Nested.
SELECT collect_tap(is(success, false, 'a dry run in a dry run fails'), is(stats->'error'->>'sqlstate', 'MG001', 'with an error of its own'),
       is(stats->'error'->>'message', 'cannot dry-run inside a dry run', 'that says so'))
  FROM confiture.dry_run_sql('SELECT confiture.dry_run_sql(''SELECT 1'')');
SELECT is(stats->'error'->>'message', 'cannot dry-run inside a dry run', 'in a DO block too')
  FROM confiture.dry_run_sql('DO ''BEGIN PERFORM confiture.dry_run_pending(); END''');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');

-- Timeouts and cancels are not the migration's: they come out as themselves.
SET statement_timeout = '200ms';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql('CREATE TABLE s.made (); LOCK TABLE s.t; SELECT pg_sleep(5)');
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'statement_timeout in the middle');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SET statement_timeout = '200ms';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql('DO ''BEGIN LOOP PERFORM 1; END LOOP; END''');
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'statement_timeout in a loop');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SET statement_timeout = '200ms';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql('DO ''BEGIN BEGIN PERFORM pg_sleep(5); EXCEPTION WHEN OTHERS THEN NULL; END; END''');
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'where the script catches what it can');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SET statement_timeout = '200ms';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql('CREATE FUNCTION s.slow(int) RETURNS int IMMUTABLE LANGUAGE sql AS ''SELECT 1 FROM pg_sleep(1)''; CREATE INDEX CONCURRENTLY i ON s.t (s.slow(a))');
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'in the emulation of a non-transactional statement');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SET statement_timeout = '200ms';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql($$
    CREATE FUNCTION s.wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(5); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER wait AFTER INSERT ON s.t DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION s.wait();
    INSERT INTO s.t VALUES (0)$$);
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'in a deferred constraint trigger');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SET statement_timeout = '0';
\set ON_ERROR_STOP off
SELECT confiture.dry_run_sql('SELECT pg_cancel_backend(pg_backend_pid()); SELECT pg_sleep(5)');
\set state :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on
RESET statement_timeout;
SELECT is(:'state'::text, '57014', 'a cancel');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');
SELECT hasnt_table('s', 'made', 'nothing is left');
SELECT is_empty($$SELECT relation::regclass, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode ~ 'Exclusive' AND relation = 's.t'::regclass$$,
                'nor a lock');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');

-- Limits.
SELECT collect_tap(is(success, false, 'max_locks stops it'), is(stats->>'status', 'stopped', 'and says so'), alike(stats->>'reason', 'more locks were taken than max_locks allows%', 'and why'),
       alike(warnings[1], 'The dry run was stopped: more locks%', 'in a warning'), is(stats->'error', NULL, 'which is no error'))
  FROM confiture.dry_run_sql((SELECT string_agg(format('CREATE TABLE s.many_%s (a int PRIMARY KEY, b text)', n), ';') FROM generate_series(1, 100) n), options => '{"max_locks": 50}');
SELECT is(success, true, 'off lets it run')
  FROM confiture.dry_run_sql((SELECT string_agg(format('CREATE TABLE s.many_%s (a int PRIMARY KEY, b text)', n), ';') FROM generate_series(1, 100) n), options => '{"max_locks": "off"}');
SELECT is(stats->>'status', 'stopped', 'in the middle of one statement')
  FROM confiture.dry_run_sql($$DO 'BEGIN FOR n IN 1..200 LOOP EXECUTE format(''CREATE TABLE s.many_%s (a int PRIMARY KEY, b text)'', n); END LOOP; END'$$, options => '{"max_locks": 50}');
SELECT is(stats->>'status', 'stopped', 'by default half of the shared lock table')
  FROM confiture.dry_run_sql($$DO 'BEGIN FOR n IN 1..20000 LOOP EXECUTE format(''CREATE TABLE s.many_%s ()'', n); END LOOP; END'$$);
SELECT collect_tap(is(stats->>'status', 'stopped', 'max_lock_hold'), alike(stats->>'reason', 'a lock that blocks writers was held longer than max_lock_hold (100 ms)', 'its reason'))
  FROM confiture.dry_run_sql('LOCK TABLE s.t; SELECT pg_sleep(2)', options => '{"max_lock_hold": "100ms"}');
SELECT is(success, true, 'a weak lock may be held')
  FROM confiture.dry_run_sql('SELECT FROM s.t; SELECT pg_sleep(0.2)', options => '{"max_lock_hold": "100ms"}');
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT pg_sleep(0.2); LOCK TABLE s.t; SELECT pg_sleep(2)', options => '{"max_lock_hold": 100, "raise": true}')$$, 'MG001', NULL, 'raise');
SELECT is((confiture.dry_run('1')).success, true, 'the session works on');

-- Options.
SELECT throws_ok(format($$SELECT confiture.dry_run_sql('SELECT 1', options => %L)$$, options), 'MG016', NULL, 'refused: ' || options)
  FROM unnest(ARRAY['{"unknown": 1}', '{"raise": "yes"}', '{"raise": 1}', '{"strict": null}', '{"max_locks": -1}', '{"max_locks": "many"}',
                    '{"max_locks": 1.5}', '{"lock_timeout": "soon"}', '{"lock_timeout": -1}', '{"lock_timeout": true}', '{"lock_timeout": {}}',
                    '{"max_wait_caused": "1 parsec"}', '{"max_lock_hold": []}', '{"concurrently": true}', '{"concurrently": "AUTO"}', '[]', '1', '"x"']) AS options;
SELECT lives_ok(format($$SELECT confiture.dry_run_sql('SELECT 1', options => %L)$$, options), 'accepted: ' || options)
  FROM unnest(ARRAY['{}', '{"raise": false, "strict": false}', '{"max_locks": 100000}', '{"max_locks": "off"}', '{"lock_timeout": "1min"}', '{"lock_timeout": 500}',
                    '{"lock_timeout": "off"}', '{"max_wait_caused": "1.5s"}', '{"max_lock_hold": null}', '{"concurrently": "auto"}']) AS options;

SELECT * FROM finish();
