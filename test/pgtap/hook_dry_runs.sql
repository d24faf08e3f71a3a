-- Hooks in dry runs: which run and when, what they are told, what the result tells of them, and that nothing of them stays.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY);
CREATE TABLE s.parent (id int PRIMARY KEY);
CREATE TABLE s.child (id int, parent int CONSTRAINT of_parent REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION s.look(context confiture.hook_context) RETURNS jsonb LANGUAGE sql AS 'SELECT to_jsonb(context)';
CREATE FUNCTION s.look(context jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT context';
-- One hook in each phase, and what runs of them: name, status and SQLSTATE.
CREATE FUNCTION s.six(function text DEFAULT 's.look(jsonb)') RETURNS void LANGUAGE sql AS $$
    SELECT confiture.unregister_hook(name) FROM confiture.hooks;
    SELECT confiture.register_hook(phase::text, phase, function::regprocedure) FROM unnest(enum_range(NULL::confiture.hook_phase)) phase;
$$;
CREATE FUNCTION s.ran(r confiture.dry_run_result) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(concat_ws(' ', hook_name, nullif(status, 'succeeded'), error->>'sqlstate'), ', ' ORDER BY n), '')
      FROM confiture.dry_run_hooks(r) WITH ORDINALITY h(phase, hook_name, rows, stats, ms, status, error, n)
$$;
CREATE FUNCTION s.error(r confiture.dry_run_result) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', r.stats->>'status', r.stats->'error'->>'sqlstate', r.stats->'error'->>'message', r.stats->>'reason')
$$;
CREATE TYPE s.mood AS ENUM ('old');
CREATE FUNCTION s.registered() RETURNS text LANGUAGE sql AS $$ SELECT md5(string_agg(h::text, ',' ORDER BY name)) FROM confiture.hook h $$;

-- A run that succeeds.
SELECT confiture.register_migration('001', 'one', E'CREATE TABLE s.made (id int);\nINSERT INTO s.made SELECT generate_series(1, 10);\n-- confiture: phase=AFTER_DDL name=own priority=200\nDELETE FROM s.made WHERE id > 7',
                                    'DROP TABLE IF EXISTS s.made') \g /dev/null
SELECT s.six() \g /dev/null
SELECT confiture.register_hook('row', 'AFTER_DDL', 's.look(confiture.hook_context)', priority => 101) \g /dev/null
CREATE TEMPORARY TABLE result AS SELECT r FROM confiture.dry_run('1') r;
SELECT is(s.error(r), 'complete', 'a migration with hooks is dry-run') FROM result;
SELECT is(s.ran(r), 'BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, row, own, AFTER_VALIDATION, CLEANUP', 'all phases in their order, but ON_ERROR') FROM result;
SELECT is((r).rows_affected, 13::bigint, 'what hooks write counts') FROM result;
SELECT is(array_agg(concat_ws(' ', stats->>'phase', stats->>'rows_affected', stats->>'dry_run', stats->>'migration_version', stats->>'direction')),
          '{BEFORE_VALIDATION 0 true 001 forward,BEFORE_DDL 0 true 001 forward,AFTER_DDL 10 true 001 forward,AFTER_DDL 10 true 001 forward,AFTER_VALIDATION 13 true 001 forward,CLEANUP 13 true 001 forward}',
          'each is told that it is one, and what was done so far') FROM result, confiture.dry_run_hooks(r) WHERE stats IS NOT NULL;
SELECT ok(bool_and((stats->>'execution_time_ms')::float8 > 0) AND count(*) = 4, 'and how long that took') FROM result, confiture.dry_run_hooks(r) WHERE phase > 'BEFORE_DDL' AND stats IS NOT NULL;
SELECT is((SELECT h.stats - 'execution_time_ms' FROM confiture.dry_run_hooks(r) h WHERE hook_name = 'row'), (SELECT h.stats - 'execution_time_ms' FROM confiture.dry_run_hooks(r) h WHERE hook_name = 'AFTER_DDL'),
          'a row says what a document does') FROM result;
SELECT is(h - '{execution_time_ms,started_ms}'::text[], '{"phase": "AFTER_DDL", "hook_name": "own", "status": "succeeded", "rows_affected": 3, "waited_ms": 0, "inserted": 0, "updated": 0, "deleted": 3, "line": 3}',
          'what is told of a hook') FROM result, jsonb_array_elements((r).stats->'hooks') h WHERE h->>'hook_name' = 'own';
SELECT is((r).stats->'hooks_left_out', '0', 'none is left out') FROM result;
SELECT is(to_regclass('s.made'), NULL, 'nothing stays');
SELECT is_empty('SELECT * FROM confiture.hook_run', 'nor is it recorded');
UPDATE confiture.hook SET direction = 'both';
SELECT is(s.ran(r), 'BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, row, AFTER_VALIDATION, CLEANUP', 'backward: the hooks that are registered') FROM confiture.dry_run('1', 'backward') r;
SELECT is(array_agg(DISTINCT concat_ws(' ', h.stats->>'migration_version', h.stats->>'direction')), '{001 backward}', 'and they know') FROM confiture.dry_run('1', 'backward') r, confiture.dry_run_hooks(r) h;
SELECT confiture.register_hook('AFTER_DDL', 'AFTER_DDL', 's.look(jsonb)', '001') \g /dev/null
SELECT is(s.ran(r), 'BEFORE_VALIDATION, BEFORE_DDL, row, AFTER_VALIDATION, CLEANUP', 'a script without a version: the hooks for all') FROM confiture.dry_run_sql('SELECT 1') r;
SELECT is((SELECT array_agg(DISTINCT coalesce(h.stats->>'migration_version', 'none')) FROM confiture.dry_run_hooks(r) h), '{none}', 'which are told of none') FROM confiture.dry_run_sql('SELECT 1') r;

-- What hooks write, lock, register and set is undone.
SELECT s.six() \g /dev/null
SELECT confiture.register_hook_sql('writes', 'BEFORE_DDL', $$
    INSERT INTO s.t VALUES (1); UPDATE s.t SET id = 2; LOCK s.parent IN EXCLUSIVE MODE; CREATE TABLE s.of_hook (); SET search_path = s; SET ROLE pg_monitor; SET my.setting = 'x'$$),
       confiture.register_hook_sql('writes hooks', 'BEFORE_DDL', $$
    SELECT confiture.register_hook_sql('new', 'AFTER_DDL', 'SELECT 1'), confiture.unregister_hook('AFTER_VALIDATION'), confiture.enable_hook('CLEANUP', false);
    SELECT confiture.run_phase('CLEANUP', '001')$$) \g /dev/null
SELECT s.registered() AS before, current_user AS me, current_setting('search_path') AS path, coalesce(current_setting('my.setting', true), '') AS setting \gset
CREATE TEMPORARY TABLE undone AS SELECT r FROM confiture.dry_run_sql('CREATE TABLE pg_temp.where_am_i AS SELECT current_user, current_setting(''search_path'') AS path, current_setting(''my.setting'', true) AS setting;
    DO $$ BEGIN IF EXISTS (SELECT FROM pg_temp.where_am_i w WHERE (w.current_user, w.path, coalesce(w.setting, '''')) IS DISTINCT FROM (' || quote_literal(:'me') || ', ' || quote_literal(:'path') || ', '''')) THEN RAISE ''leaked''; END IF; END $$') r;
SELECT is(s.error(r) || ': ' || s.ran(r), 'complete: BEFORE_VALIDATION, BEFORE_DDL, writes, writes hooks, AFTER_DDL, new', 'what a hook does to hooks counts from the next phase on; what it sets does not reach the script') FROM undone;
SELECT is(ARRAY[s.registered(), current_user, current_setting('search_path'), coalesce(current_setting('my.setting', true), '')], ARRAY[:'before', :'me', :'path', :'setting'], 'registrations and settings are as they were');
SELECT ok(to_regclass('s.of_hook') IS NULL AND NOT EXISTS (SELECT FROM s.t) AND NOT EXISTS (SELECT FROM confiture.hook_run), 'what it wrote and ran is undone');
SELECT is(array_agg(DISTINCT concat_ws(' ', l->>'object', l->>'mode', l->>'hook')), '{"s.parent ExclusiveLock writes"}', 'its locks are those of the hook')
  FROM undone, jsonb_array_elements((r).stats->'locks') l WHERE l->>'object' = 's.parent' AND l->>'mode' = 'ExclusiveLock';
SELECT is(concat_ws(' ', h->'inserted', h->'updated'), '1 1', 'and its rows') FROM undone, jsonb_array_elements((r).stats->'hooks') h WHERE h->>'hook_name' = 'writes';
SELECT ok('s.parent' = ANY ((r).locked_tables), 'which the summary has') FROM undone;

-- A statement fails.
SELECT s.six() \g /dev/null
SELECT confiture.register_hook_sql('before', 'BEFORE_DDL', $$INSERT INTO s.t VALUES (1); SELECT confiture.set_stat('lost', '1')$$) \g /dev/null
CREATE FUNCTION s.after_rollback(c jsonb) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object('rows', (SELECT count(*) FROM s.t), 'made', to_regclass('s.made') IS NOT NULL, 'stats', c->'stats', 'error', (c->'error') - '{context,violating_rows}'::text[]) $$;
SELECT confiture.register_hook('cleanup', 'CLEANUP', 's.after_rollback(jsonb)'), confiture.register_hook('on_error', 'ON_ERROR', 's.after_rollback(jsonb)') \g /dev/null
CREATE TEMPORARY TABLE failed AS SELECT r FROM confiture.dry_run_sql(E'CREATE TABLE s.made ();\n  INSERT INTO s.t VALUES (1)') r;
SELECT is(s.error(r), 'failed 23505 duplicate key value violates unique constraint "t_pkey"', 'a statement fails') FROM failed;
SELECT is(s.ran(r), 'BEFORE_VALIDATION, BEFORE_DDL, before, CLEANUP, cleanup, ON_ERROR, on_error', 'CLEANUP and ON_ERROR run') FROM failed;
SELECT is(h.stats, '{"rows": 0, "made": false, "stats": {}, "error": {"sqlstate": "23505", "message": "duplicate key value violates unique constraint \"t_pkey\"", "detail": "Key (id)=(1) already exists.",
          "schema": "s", "table": "t", "constraint": "t_pkey", "sql": "INSERT INTO s.t VALUES (1)", "line": 2, "column": 3, "statement": 2}}', hook_name || ' runs after the rollback and sees the error whole')
  FROM failed, confiture.dry_run_hooks(r) h WHERE hook_name IN ('cleanup', 'on_error');

-- A constraint that only COMMIT would check.
SELECT is(s.error(r) || ': ' || s.ran(r), 'failed 23503 insert or update on table "child" violates foreign key constraint "of_parent": '
          'BEFORE_VALIDATION, BEFORE_DDL, before, AFTER_DDL, AFTER_VALIDATION, CLEANUP, cleanup, ON_ERROR, on_error', 'the check at the end fails')
  FROM confiture.dry_run_sql('INSERT INTO s.child VALUES (1, 7)') r;

-- A hook fails.
CREATE FUNCTION s.failing(jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'failed in %', $1->>'phase' USING ERRCODE = 'X1234', DETAIL = 'Its detail.', HINT = 'Its hint.'; END$$;
CREATE FUNCTION s.fail(phase confiture.hook_phase, more text DEFAULT 'SELECT 1', on_failure text DEFAULT 'abort') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM s.six();
    PERFORM confiture.register_hook('failing', phase, 's.failing(jsonb)', priority => 50, on_failure => on_failure);
    RETURN (SELECT s.error(r) || ': ' || s.ran(r) FROM confiture.dry_run_sql(more) r);
END
$$;
SELECT is(s.fail('BEFORE_VALIDATION'), 'failed MG002 hook "failing" failed in phase BEFORE_VALIDATION: failed in BEFORE_VALIDATION: failing failed X1234, CLEANUP, ON_ERROR', 'BEFORE_VALIDATION: nothing else runs');
SELECT is(s.fail('BEFORE_DDL', 'SELECT 1/0'), 'failed MG002 hook "failing" failed in phase BEFORE_DDL: failed in BEFORE_DDL: BEFORE_VALIDATION, failing failed X1234, CLEANUP, ON_ERROR', 'BEFORE_DDL: no statement runs');
SELECT is(s.fail('AFTER_DDL'), 'failed MG002 hook "failing" failed in phase AFTER_DDL: failed in AFTER_DDL: BEFORE_VALIDATION, BEFORE_DDL, failing failed X1234, CLEANUP, ON_ERROR', 'AFTER_DDL');
SELECT is(s.fail('AFTER_VALIDATION'), 'failed MG002 hook "failing" failed in phase AFTER_VALIDATION: failed in AFTER_VALIDATION: BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, failing failed X1234, CLEANUP, ON_ERROR', 'AFTER_VALIDATION');
SELECT is(s.fail('CLEANUP'), 'failed MG002 hook "failing" failed in phase CLEANUP: failed in CLEANUP: BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, failing failed X1234, CLEANUP, ON_ERROR',
          'CLEANUP: the others clean up all the same');
SELECT is(s.fail('ON_ERROR'), 'complete: BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, CLEANUP', 'ON_ERROR does not run where nothing fails');
SELECT is(s.fail('CLEANUP', 'SELECT 1/0'), 'failed 22012 division by zero: BEFORE_VALIDATION, BEFORE_DDL, failing failed X1234, CLEANUP, ON_ERROR', 'a failing CLEANUP hides no error');
SELECT is(s.fail('ON_ERROR', 'SELECT 1/0'), 'failed 22012 division by zero: BEFORE_VALIDATION, BEFORE_DDL, CLEANUP, failing failed X1234, ON_ERROR', 'nor does a failing ON_ERROR, and the others run');
SELECT matches(array_to_string((r).warnings, E'\n'), 'After that, hook "failing" failed in phase ON_ERROR: failed in ON_ERROR', 'it is warned of') FROM confiture.dry_run_sql('SELECT 1/0') r;
SELECT confiture.register_hook('failing too', 'CLEANUP', 's.failing(jsonb)') \g /dev/null
SELECT is(s.error(r) || ': ' || s.ran(r), 'failed 22012 division by zero: BEFORE_VALIDATION, BEFORE_DDL, CLEANUP, failing too failed X1234, failing failed X1234, ON_ERROR', 'nor do both')
  FROM confiture.dry_run_sql('SELECT 1/0') r;
SELECT is(s.error(r) || ': ' || s.ran(r), 'failed MG002 hook "failing too" failed in phase CLEANUP: failed in CLEANUP: BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, CLEANUP, failing too failed X1234, failing failed X1234, ON_ERROR',
          'ON_ERROR does not hide a failing CLEANUP') FROM confiture.dry_run_sql('SELECT 1') r;
SELECT is(h.stats->'error'->>'message', 'hook "failing too" failed in phase CLEANUP: failed in CLEANUP', 'but is told of it') FROM confiture.dry_run_sql('SELECT 1') r, confiture.dry_run_hooks(r) h WHERE hook_name = 'ON_ERROR';
SELECT is(s.fail('BEFORE_DDL', on_failure => 'continue'), 'complete: BEFORE_VALIDATION, failing failed X1234, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, CLEANUP', 'continue: all goes on');
SELECT matches(array_to_string((r).warnings, E'\n'), 'Hook "failing" failed and was passed over: failed in BEFORE_DDL', 'with a warning') FROM confiture.dry_run_sql('SELECT 1') r;
SELECT s.fail('BEFORE_DDL') \g /dev/null
SELECT is(((r).stats->'error') - '{context,line,column,statement,violating_rows}'::text[], '{"sqlstate": "MG002", "message": "hook \"failing\" failed in phase BEFORE_DDL: failed in BEFORE_DDL",
          "detail": "SQLSTATE X1234: Its detail.", "hint": "Its hint.", "hook": "failing", "phase": "BEFORE_DDL"}', 'the error of the run names hook, phase and the original SQLSTATE') FROM confiture.dry_run_sql('SELECT 1') r;
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1', options => '{"raise": true}')$$, 'MG001', 'dry run of the script failed', 'which may be raised');

-- What belongs to the server.
CREATE FUNCTION s.raise_state(jsonb) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'as the server' USING ERRCODE = $1->'config'->>'state'; END$$;
SELECT s.six() \g /dev/null
SELECT confiture.register_hook('server', 'BEFORE_DDL', 's.raise_state(jsonb)', on_failure => 'continue', config => '{"state": "40P01"}') \g /dev/null
SELECT is(s.error(r) || ': ' || s.ran(r), 'failed 40P01 as the server: BEFORE_VALIDATION, BEFORE_DDL, server failed 40P01, CLEANUP, ON_ERROR', 'a deadlock keeps its SQLSTATE, whatever on_failure says')
  FROM confiture.dry_run_sql('SELECT 1') r;
SELECT confiture.register_hook('server', 'BEFORE_DDL', 's.raise_state(jsonb)', on_failure => 'continue', config => '{"state": "40001"}') \g /dev/null
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1')$$, '40001', 'as the server', 'a serialization failure ends the dry run');
SELECT confiture.register_hook('server', 'CLEANUP', 's.raise_state(jsonb)', on_failure => 'continue', config => '{"state": "40P01"}') \g /dev/null
SELECT is(s.error(r), 'failed 22012 division by zero', 'a deadlock in CLEANUP does not hide the first error') FROM confiture.dry_run_sql('SELECT 1/0') r;
SELECT is(s.error(r) || ': ' || s.ran(r), 'failed 40P01 as the server: BEFORE_VALIDATION, BEFORE_DDL, AFTER_DDL, AFTER_VALIDATION, CLEANUP, server failed 40P01, ON_ERROR', 'and is one itself')
  FROM confiture.dry_run_sql('SELECT 1') r;

-- Stopped, or to be committed in between: others wait, or nothing is known; no hook cleans up.
SELECT s.six() \g /dev/null
SELECT is(s.error(r) ~ '^stopped ' AND s.ran(r) = 'BEFORE_VALIDATION, BEFORE_DDL', true, 'a dry run that was stopped runs no more hooks')
  FROM confiture.dry_run_sql('DO $$ BEGIN FOR i IN 1..1500 LOOP EXECUTE ''CREATE TABLE s.t'' || i || '' ()''; END LOOP; END $$', options => '{"max_locks": 1000}') r;
CREATE TABLE s.of_mood (mood s.mood PRIMARY KEY);
SELECT is(s.error(r) ~ '^needs_commit ' AND s.ran(r) = 'BEFORE_VALIDATION, BEFORE_DDL', true, 'nor does one that needs a commit in between')
  FROM confiture.dry_run_sql('ALTER TYPE s.mood ADD VALUE ''new''; COMMIT; SELECT ''new''::s.mood') r;


-- Chains.
DELETE FROM confiture.migration;
SELECT confiture.register_migration('1', 'one', 'CREATE TABLE s.one ()'), confiture.register_migration('2', 'two', E'CREATE TABLE s.two ();\nSELECT 1/0'), confiture.register_migration('3', 'three', 'SELECT 1') \g /dev/null
SELECT s.six() \g /dev/null
SELECT confiture.unregister_hook(name) FROM confiture.hooks WHERE phase IN ('BEFORE_VALIDATION', 'AFTER_DDL') \g /dev/null
SELECT confiture.register_hook_sql('share', 'BEFORE_DDL', $$SELECT confiture.set_stat('of', to_jsonb((confiture.current_context()).migration_version)) WHERE (confiture.current_context()).stats = '{}'$$, priority => 1) \g /dev/null
CREATE TEMPORARY TABLE chain AS SELECT r FROM confiture.dry_run_pending() r;
SELECT is(array_agg(concat_ws(' ', (r).migration_version, s.error(r) || ':', s.ran(r)) ORDER BY (r).migration_version),
          ARRAY['1 complete: share, BEFORE_DDL, AFTER_VALIDATION, CLEANUP', '2 failed 22012 division by zero: share, BEFORE_DDL, CLEANUP, ON_ERROR', '3 not_run: '],
          'a chain ends with the first that fails; each has its own hooks') FROM chain;
SELECT is(array_agg(DISTINCT concat_ws(' ', h.stats->>'migration_version', h.stats->'stats'->>'of')), '{"1 1",2,"2 2"}', 'and its own stats, which are undone with its step') FROM chain, confiture.dry_run_hooks(r) h WHERE stats IS NOT NULL;

-- Registrations that are rolled back are not seen any more.
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT confiture.register_hook_sql('a', 'BEFORE_VALIDATION', $$SELECT confiture.register_hook_sql('late', 'CLEANUP', 'SELECT 1'), confiture.register_hook_sql('next', 'BEFORE_DDL', 'SELECT 1')$$) \g /dev/null
SELECT is(s.ran(r), 'a, next, late', 'hooks that a hook registered') FROM confiture.dry_run('1') r;
SELECT is(s.ran(r), 'a, next', 'are gone with the step that is rolled back') FROM confiture.dry_run('2') r;
SELECT confiture.register_hook_sql('a', 'BEFORE_DDL', $$SELECT confiture.register_hook_sql('again', 'BEFORE_VALIDATION', 'SELECT 1')$$) \g /dev/null
SELECT is(s.ran(r), 'a', 'and with an iteration') FROM confiture.dry_run('1', iterations => 3) r;
SELECT is(array_agg(s.ran(r)), '{a,"again, a",""}', 'one migration registers for the next') FROM confiture.dry_run_pending() r;

-- Iterations run them each time.
CREATE SEQUENCE s.ran;
SELECT confiture.register_hook_sql('a', 'BEFORE_DDL', $$SELECT nextval('s.ran')$$) \g /dev/null
SELECT is(s.ran(r), 'a', 'the hooks of the last iteration are told') FROM confiture.dry_run('1', iterations => 5) r;
SELECT is(last_value, 5::bigint, 'and ran in each') FROM s.ran;

-- What cannot run in a transaction.
SELECT confiture.register_migration('4', 'four', E'-- confiture: no-transaction\nCREATE INDEX CONCURRENTLY ON s.t (id);\nSELECT 1;\n-- confiture: phase=BEFORE_DDL name=before\nINSERT INTO s.child VALUES (1, 7);\nDELETE FROM s.child;\n'
       '-- confiture: phase=AFTER_DDL name=after\nINSERT INTO s.t VALUES (1);\n-- confiture: phase=CLEANUP name=cleanup\nSELECT 1') \g /dev/null
SELECT is(s.error(r) || ': ' || s.ran(r), 'complete: a, before, after, cleanup', 'hooks of a migration without a transaction have their own') FROM confiture.dry_run('4') r;

-- Runs inside of runs.
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT confiture.register_hook_sql('outer', 'BEFORE_DDL', $$SELECT * FROM confiture.run_phase('CLEANUP', '2')$$), confiture.register_hook_sql('inner', 'CLEANUP', $$SELECT 1/(confiture.current_context()).dry_run::int$$) \g /dev/null
SELECT is(s.error(r) || ': ' || s.ran(r), 'complete: outer, inner', 'a phase that a hook of a dry run runs is one, too') FROM confiture.dry_run('1') r;
SELECT confiture.register_hook_sql('outer', 'BEFORE_DDL', $$SELECT confiture.dry_run('3')$$) \g /dev/null
SELECT is(s.error(r), 'failed MG002 hook "outer" failed in phase BEFORE_DDL: cannot dry-run inside a dry run', 'but a dry run inside of one is none') FROM confiture.dry_run('1') r;
SELECT confiture.register_hook_sql('outer', 'BEFORE_DDL', $$SELECT * FROM confiture.run_phase('BEFORE_DDL', '1')$$) \g /dev/null
SELECT is(s.error(r), 'failed MG002 hook "outer" failed in phase BEFORE_DDL: phase BEFORE_DDL of migration "1" runs already', 'nor does a phase run in itself') FROM confiture.dry_run('1') r;

-- Very many.
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT confiture.register_hook_sql(format('hook with a rather long name, number %s', n), 'AFTER_DDL', CASE WHEN n = 1000 THEN 'SELECT pg_sleep(0.2)' WHEN n = 1500 THEN 'SELECT 1/0' ELSE 'SELECT 1' END, on_failure => 'continue')
  FROM generate_series(1, 2000) n \g /dev/null
CREATE TEMPORARY TABLE many AS SELECT r FROM confiture.dry_run('1') r;
SELECT is((r).success, true, 'two thousand hooks') FROM many;
SELECT ok(pg_column_size((r).stats::text::jsonb) < 1000000 AND length((r).stats::text) < 1000000, 'leave the stats under a megabyte') FROM many;
SELECT is((r).stats->'hooks_left_out', to_jsonb(2000 - count(*)), 'which say how many were left out') FROM many, confiture.dry_run_hooks(r) GROUP BY r;
SELECT is(array_agg(right(hook_name, 4) || ' ' || status ORDER BY execution_time_ms > 100 DESC), '{"1000 succeeded","1500 failed"}', 'and have the costliest and those that failed')
  FROM many, confiture.dry_run_hooks(r) WHERE execution_time_ms > 100 OR status <> 'succeeded';
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
CREATE FUNCTION s.large(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(repeat('x', 2000000))$$;
SELECT confiture.register_hook('large', 'AFTER_DDL', 's.large(jsonb)') \g /dev/null
SELECT ok(length((r).stats::text) < 50000 AND (r).stats->'hooks'->0->'stats_left_out_bytes' > '2000000', 'what a hook returns is left out where it is large') FROM confiture.dry_run('1') r;

SELECT * FROM finish();
