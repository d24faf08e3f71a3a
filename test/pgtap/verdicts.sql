-- success: true where everything ran, false where something failed, null where something was not run and nothing failed.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE TABLE t (a int, b text);
INSERT INTO t SELECT n, 'x' FROM generate_series(1, 1000) n;
INSERT INTO t VALUES (NULL, NULL), (NULL, NULL);
CREATE TABLE big (a int PRIMARY KEY, b int);
INSERT INTO big SELECT n FROM generate_series(1, 100) n;
CREATE MATERIALIZED VIEW seen AS SELECT a FROM big;

-- Verdict, SQLSTATE, and what became of the statements.
CREATE FUNCTION pg_temp.verdict(script text, options jsonb DEFAULT '{"concurrently": "predict"}') RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', coalesce(success::text, 'null'), stats #>> '{error,sqlstate}',
                     (SELECT string_agg(s->>'status', ',' ORDER BY (s->>'ordinal')::int) FROM jsonb_array_elements(stats->'statements') s))
      FROM confiture.dry_run_sql(script, options => options)
$$;

-- A unique index that is not built, and what leans on it.
SELECT is(pg_temp.verdict('CREATE UNIQUE INDEX CONCURRENTLY x ON t (a)' || leaning), expected, coalesce(nullif(leaning, ''), 'alone')) FROM (VALUES
    ('', 'null not_run'),
    ('; SELECT 1', 'null not_run,done'),
    ('; SELECT 1/0', 'false 22012 not_run,failed'),
    ('; SELECT * FROM nosuch', 'false 42P01 not_run,failed'),
    ('; INSERT INTO t VALUES (1, 2) ON CONFLICT (a) DO NOTHING; SELECT 1', 'null not_run,not_run,done'),
    ('; INSERT INTO big VALUES (1, 2) ON CONFLICT (b) DO NOTHING', 'false 42P10 not_run,failed'),
    ('; ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX x; INSERT INTO t VALUES (1, 2) ON CONFLICT ON CONSTRAINT c DO NOTHING', 'null not_run,not_run,not_run'),
    ('; CREATE TABLE f (a int REFERENCES t (a)); INSERT INTO f VALUES (1); CREATE INDEX ON f (a)', 'null not_run,not_run,not_run,not_run'),
    ('; ALTER INDEX x RENAME TO y; ALTER INDEX y RENAME TO z; SELECT ''z''::regclass', 'null not_run,not_run,not_run,not_run'),
    ('; SELECT ''public.x''::regclass', 'null not_run,not_run'),
    ('; DO $d$ BEGIN ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX X; END $d$; SELECT 1', 'null not_run,not_run,done'),
    ('; DO $d$ BEGIN INSERT INTO t VALUES (1, 2) ON CONFLICT (a) DO NOTHING; END $d$', 'null not_run,not_run'),
    ('; DO $d$ BEGIN IF to_regclass(''x'') IS NULL THEN RAISE ''no index''; END IF; END $d$', 'null not_run,not_run'),
    ('; DO $d$ BEGIN CREATE TABLE made (); ALTER INDEX x RENAME TO y; END $d$; INSERT INTO made DEFAULT VALUES', 'null not_run,not_run,not_run'),
    ('; SAVEPOINT s; INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING; ROLLBACK TO s; UPDATE t SET b = 1', 'null not_run,done,not_run,done,done')
) AS tried (leaning, expected);
SELECT is((SELECT stats->'error' FROM confiture.dry_run_sql('VACUUM t; CREATE TABLE made (a int); COPY made FROM PROGRAM ''echo 1'' (FREEZE)')), NULL, 'COPY FREEZE works as before');
SELECT is(pg_temp.verdict('CREATE UNIQUE INDEX CONCURRENTLY x ON seen (a); REFRESH MATERIALIZED VIEW CONCURRENTLY seen'), 'null not_run,not_run', 'REFRESH CONCURRENTLY');
SELECT is(pg_temp.verdict('CREATE UNIQUE INDEX CONCURRENTLY x ON t (a); INSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING', '{}'), 'true emulated,done', 'what is emulated has run');
SELECT is(pg_temp.verdict(E'CREATE UNIQUE INDEX CONCURRENTLY x ON t (a);\n-- confiture: phase=AFTER_DDL\nINSERT INTO t VALUES (1) ON CONFLICT (a) DO NOTHING'),
          'null not_run', 'a hook that leans on it');
SELECT is(pg_temp.verdict('DROP INDEX CONCURRENTLY seen_key; CREATE INDEX seen_key ON seen (a)'), 'false 42704 failed', 'an index that is not there');
SELECT is(pg_temp.verdict('VACUUM t'), 'null not_run', 'VACUUM');
SELECT is(pg_temp.verdict('SELECT 1; VACUUM t; SELECT 1/0'), 'false 22012 done,not_run,failed', 'what fails later fails');
SELECT is(pg_temp.verdict('SELECT 1'), 'true done', 'and where everything ran');
SELECT results_eq($$SELECT success, confidence_percent FROM confiture.dry_run_sql('VACUUM t')$$, $$VALUES (NULL::boolean, 0)$$, 'no confidence in a time without it');
SELECT lives_ok($$SELECT confiture.dry_run_sql('VACUUM t', options => '{"raise": true}')$$, 'null raises nothing');

-- Duplicates of a unique index that is not built.
SELECT is(pg_temp.verdict('CREATE UNIQUE INDEX CONCURRENTLY x ON t ' || keys), expected, 'duplicates: ' || keys) FROM (VALUES
    ('(b)', 'false 23505 failed'), ('(lower(b))', 'false 23505 failed'), ('(a, b)', 'null not_run'), ('(b) WHERE a = 1', 'null not_run'),
    ('(b) WHERE a < 3', 'false 23505 failed'), ('(b COLLATE "C" DESC)', 'false 23505 failed'), ('(b text_pattern_ops, (a % 2))', 'false 23505 failed'),
    ('((a + 0)) INCLUDE (b)', 'null not_run')) AS tried (keys, expected);
SELECT is(pg_temp.verdict('DELETE FROM t WHERE a > 1; CREATE UNIQUE INDEX CONCURRENTLY x ON t (b) WHERE a = 1'), 'null done,not_run', 'as the script has left the rows');
SELECT results_eq($$SELECT stats #>> '{error,message}', stats #>> '{error,detail}'
                      FROM confiture.dry_run_sql('CREATE UNIQUE INDEX CONCURRENTLY x ON t (b)', options => '{"concurrently": "predict"}')$$,
                  $$VALUES ('could not create unique index "x"', 'Key (b)=(x) is duplicated.')$$, 'told as the server would');
SELECT is(pg_temp.verdict('CREATE UNIQUE INDEX CONCURRENTLY x ON t (b)', '{}'), 'false 23505 failed', 'which is what the emulated one says');

-- IF NOT EXISTS.
CREATE TABLE "not an index" ();
SELECT is(pg_temp.verdict('CREATE INDEX CONCURRENTLY IF NOT EXISTS "not an index" ON t (a)', options), 'false MG015 failed', 'what is no index is no index: ' || options::text)
  FROM unnest(ARRAY['{}', '{"concurrently": "predict"}']::jsonb[]) options;
CREATE INDEX there ON t (a);
SELECT is(pg_temp.verdict('CREATE INDEX CONCURRENTLY IF NOT EXISTS there ON t (a)', '{}'), 'true emulated', 'one that is there is passed over');

-- Procedures that commit.
SELECT is(pg_temp.verdict(script), expected, script) FROM (VALUES
    (E'-- confiture: no-transaction\nCALL confiture.backfill(''big'', ''b = 1'');\nSELECT 1', 'null needs_commit'),
    (E'-- confiture: no-transaction\nSELECT 1;\nCALL confiture.backfill(''big'', ''b = 1'')', 'null done,needs_commit'),
    (E'-- confiture: no-transaction\nCALL confiture.backfill_sql(''big'', ''UPDATE big SET b = 1 WHERE a BETWEEN $1 AND $2'')', 'null needs_commit'),
    (E'-- confiture: no-transaction\nDO ''BEGIN COMMIT; END''', 'null needs_commit'),
    (E'CALL confiture.backfill(''big'', ''b = 1'');\nSELECT 1', 'false MG010 failed'),
    (E'-- confiture: no-transaction\nSELECT 1; BEGIN; CALL confiture.backfill(''big'', ''b = 1''); COMMIT; SELECT 1', 'false MG010 done,done,failed'),
    (E'-- confiture: no-transaction\nCALL confiture.backfill(''nosuch'', ''b = 1'')', 'false 42P01 failed'),
    (E'-- confiture: no-transaction\nCALL confiture.backfill(''big'', ''a = 1'')', 'false MG016 failed')
) AS tried (script, expected);

-- Stopped before the first statement has ended: nothing is known of its time.
SELECT results_eq($$SELECT success, estimated_production_time_ms, confidence_percent, stats->'estimate' ? 'low'
                      FROM confiture.dry_run_sql('DO ''BEGIN LOCK t; PERFORM pg_sleep(10); END''', options => '{"max_lock_hold": "50ms"}')$$,
                  $$VALUES (false, NULL::float8, 5, false)$$, 'stopped in its first statement');
SELECT collect_tap(is(confidence_percent, 5, 'confidence 5'), cmp_ok(estimated_production_time_ms, '>', execution_time_ms, 'and the rest is estimated'))
  FROM confiture.dry_run_sql('LOCK t; SELECT pg_sleep(10)', options => '{"max_lock_hold": "50ms"}');

-- What is applied, or is not the next one.
SELECT confiture.register_migration('1', 'a', 'CREATE TABLE one ()', down => 'DROP TABLE one'), confiture.register_migration('2', 'b', 'CREATE TABLE two ()'),
       confiture.register_migration('3', 'c', 'CREATE TABLE three ()') \g /dev/null
SELECT is((SELECT warnings[1] FROM confiture.dry_run('3')), 'Pending before it and not run: 1, 2; dry_run_pending() runs all.', 'pending before it');
SELECT is((SELECT warnings[1] FROM confiture.dry_run('1', 'backward')), 'Migration 1 is not applied: its backward script was tried without it.', 'backward');
SELECT is((SELECT bool_or(w ~ 'applied|pending') FROM confiture.dry_run('1'), unnest(warnings) w), NULL, 'the next one has nothing to say');
SELECT confiture.apply('1') \g /dev/null
SELECT is((SELECT warnings[1] FROM confiture.dry_run('1')), 'Migration 1 is applied: it was tried once more, on top of itself.', 'applied');
SELECT is((SELECT bool_or(w ~ 'applied|pending') FROM confiture.dry_run('2'), unnest(warnings) w), NULL, 'and then the one after it');
SELECT is((SELECT bool_or(w ~ 'applied|pending') FROM confiture.dry_run_pending(), unnest(warnings) w), NULL, 'nor has the chain');

-- Names in a chain, and statements that are never left out.
CREATE TABLE old_name (a int);
INSERT INTO old_name SELECT generate_series(1, 10);
SELECT results_eq($$SELECT s->'rewrites'->0->>'relation' FROM confiture.dry_run_sql('ALTER TABLE old_name RENAME TO new_name; CREATE TABLE old_name (a int); ALTER TABLE new_name ADD b float DEFAULT random()') r,
                           jsonb_array_elements(r.stats->'statements') s WHERE s->'rewrites' <> '[]'$$, $$VALUES ('public.new_name')$$, 'a rewrite has the name of its time');
SELECT collect_tap(isnt_empty(format('SELECT FROM jsonb_array_elements(%L) s WHERE s->''rewrites'' <> ''[]''', stats->'statements'), 'a cheap rewrite in a long script stands in the rows'),
                   ok('The statement in line 1 rewrites public.old_name (0 MB).' = ANY (warnings), 'and in the warnings'))
  FROM confiture.dry_run_sql('ALTER TABLE old_name ADD b float DEFAULT random();' ||
                             (SELECT string_agg(E'\nSELECT count(*) FROM generate_series(1, 20000);', '') FROM generate_series(1, 300)));

SELECT * FROM finish();
