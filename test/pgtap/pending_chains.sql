-- Dry runs of all that is pending, in one subtransaction.
SET client_min_messages = warning;
SELECT * FROM no_plan();

SELECT is_empty('SELECT * FROM confiture.dry_run_pending()', 'nothing is pending, nothing is run');
SELECT confiture.register_migration(version, 'm' || version, script)
  FROM (VALUES ('1', 'CREATE TABLE one (a int); SET search_path = pg_catalog; SET lock_timeout = ''3s''; SET ROLE pg_monitor'),
               ('2', 'INSERT INTO one VALUES (1), (2); ALTER TABLE one ADD b int'),
               ('10', 'DROP TABLE one; CREATE TABLE ten (); CREATE TEMPORARY TABLE t () ON COMMIT DROP'),
               ('11', 'CREATE TABLE one (); DO ''BEGIN ASSERT current_user = session_user; END''')) AS migration (version, script) \g /dev/null
SELECT results_eq('SELECT migration_version, migration_name, success, rows_affected FROM confiture.dry_run_pending()',
                  $$VALUES ('1', 'm1', true, 0::bigint), ('2', 'm2', true, 2), ('10', 'm10', true, 0), ('11', 'm11', true, 0)$$,
                  'each sees what those before did, in order, with settings as a session begins');
SELECT results_eq($$SELECT jsonb_array_length(stats->'iterations_ms') FROM confiture.dry_run_pending(3)$$, ARRAY[3, 3, 3, 3], 'iterations');
SELECT results_eq($$SELECT migration_version, locked_tables FROM confiture.dry_run_pending()$$,
                  $$VALUES ('1', '{}'::text[]), ('2', '{}'), ('10', '{}'), ('11', '{}')$$, 'tables of the chain are new');
SELECT hasnt_table('public', 'one', 'nothing is left');
SELECT hasnt_table('public', 'ten', 'of none');
SELECT results_eq($$SELECT (confiture.dry_run('2')).stats->'error'->>'sqlstate'$$, ARRAY['42P01'], 'alone, the second lacks the first');

-- What is applied is not run again.
CREATE TABLE one (a int);
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
SELECT version, sort_key, name, 'forward', 'succeeded', checksum, now(), now(), current_user FROM confiture.migration WHERE version = '1';
SELECT results_eq('SELECT migration_version, success FROM confiture.dry_run_pending()', $$VALUES ('2', true), ('10', true), ('11', true)$$,
                  'what is applied is not run again');
SELECT results_eq($$SELECT locked_tables FROM confiture.dry_run_pending() WHERE migration_version IN ('2', '10')$$,
                  $$VALUES ('{public.one}'::text[]), ('{public.one}')$$, 'locks are told for each migration');

-- A failure in the middle.
SELECT confiture.register_migration('3', 'fails', E'CREATE TABLE three ();\nSELECT 1/0') \g /dev/null
SELECT results_eq($$SELECT migration_version, success, stats->>'status' FROM confiture.dry_run_pending()$$,
                  $$VALUES ('2', true, 'complete'), ('3', false, 'failed'), ('10', NULL, 'not_run'), ('11', NULL, 'not_run')$$,
                  'the rest is not run');
SELECT alike(warnings[1], 'The migration was not run%', 'and says so') FROM confiture.dry_run_pending() WHERE migration_version = '10';
SELECT throws_ok($$SELECT * FROM confiture.dry_run_pending(options => '{"raise": true}')$$, 'MG001', 'dry run of migration "3" failed', 'raise names the one that failed');
SELECT confiture.unregister_migration('3') \g /dev/null

-- Repeatable ones come last, though their names are less.
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('R__a_view.sql', 'CREATE OR REPLACE VIEW v AS SELECT * FROM ten'), ('V12__twelve.sql', 'SELECT FROM ten');
SELECT confiture.load_files('files', 'flyway') \g /dev/null
SELECT results_eq('SELECT migration_name, success FROM confiture.dry_run_pending()',
                  $$VALUES ('m2', true), ('m10', true), ('m11', true), ('twelve', true), ('a_view', true)$$, 'repeatable ones run last');
SELECT results_eq('SELECT count(*) FROM confiture.history', ARRAY[1::bigint], 'no dry run is history');

-- What a migration depends on.
SELECT confiture.register_migration('020', 'needs', E'-- confiture: depends=11,1\nSELECT 1') \g /dev/null
SELECT confiture.register_migration('21', 'needs more', E'-- confiture: depends=20,99\nSELECT 1') \g /dev/null
CREATE FUNCTION pg_temp.unmet(warnings text[]) RETURNS text LANGUAGE sql AS
    $$SELECT coalesce(string_agg(w, ' ' ORDER BY w), '') FROM unnest(warnings) w WHERE w LIKE 'It depends on%'$$;
SELECT is(pg_temp.unmet((confiture.dry_run('20')).warnings), 'It depends on migration 11, which is not applied.',
          'what it depends on and is not applied is warned of');
SELECT confiture.register_migration('22', 'needs by option', 'SELECT 1', options => '{"depends": ["021", "98"]}') \g /dev/null
SELECT is(pg_temp.unmet((confiture.dry_run('22')).warnings),
          'It depends on migration 021, which is not applied. It depends on migration 98, which is not applied.', 'as an option, too');
SELECT results_eq($$SELECT pg_temp.unmet(warnings) FROM confiture.dry_run_pending() WHERE migration_version IN ('020', '21')$$,
                  ARRAY['', 'It depends on migration 99, which is not applied.'], 'what runs before it in the chain is there');

-- A long chain.
DELETE FROM confiture.history;
DELETE FROM confiture.migration;
DROP TABLE one;
SELECT confiture.register_migration(n::text, n::text, format('CREATE TABLE chain_%s (a int); INSERT INTO chain_%s SELECT 1', n, greatest(n - 1, 1)))
  FROM generate_series(1, 300) n \g /dev/null
SELECT collect_tap(is(count(*), 300::bigint, 'three hundred of them'), is(count(*) FILTER (WHERE success), 300::bigint, 'each leaning on the one before'))
  FROM confiture.dry_run_pending();

SELECT * FROM finish();
