-- The view of where every migration stands, in each of its states.
SELECT * FROM no_plan();

CREATE FUNCTION pg_temp.note(version text, action text, status text, checksum text DEFAULT NULL) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO confiture.history
           (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
    SELECT m.version, m.sort_key, m.name, note.action, note.status, coalesce(note.checksum, m.checksum),
           clock_timestamp(), clock_timestamp(), current_user
      FROM confiture.migration m
     WHERE m.version = note.version;
$$;
CREATE FUNCTION pg_temp.states() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(version || ' ' || status, ', ') FROM confiture.status;
$$;

SELECT is_empty('SELECT * FROM confiture.status', 'without migrations there is no status');

SELECT confiture.register_migration(version, 'of ' || version, 'SELECT ' || version)
  FROM unnest(ARRAY['1', '2', '3', '4']) AS version \g /dev/null
SELECT is(pg_temp.states(), '1 pending, 2 pending, 3 pending, 4 pending', 'all are pending at first');

SELECT pg_temp.note('1', 'forward', 'succeeded') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 pending, 3 pending, 4 pending', 'an attempt that succeeded applies');
SELECT isnt((SELECT applied_at FROM confiture.status WHERE version = '1'), NULL, 'an applied one says when');
SELECT is((SELECT applied_at FROM confiture.status WHERE version = '2'), NULL, 'a pending one does not');

SELECT pg_temp.note('2', 'forward', 'failed') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 failed, 3 pending, 4 pending', 'an attempt that failed');
SELECT pg_temp.note('3', 'forward', 'succeeded') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 failed, 3 applied, 4 pending', 'failed stays failed behind an applied one');
SELECT pg_temp.note('2', 'forward', 'succeeded') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 applied, 3 applied, 4 pending', 'a later success settles a failure');

SELECT pg_temp.note('3', 'backward', 'succeeded') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 applied, 3 reverted, 4 pending', 'reverted');
SELECT is((SELECT applied_at FROM confiture.status WHERE version = '3'), NULL, 'a reverted one is not applied');
SELECT pg_temp.note('4', 'baseline', 'succeeded') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 applied, 3 reverted, 4 applied', 'a baseline marks as applied');

SELECT confiture.register_migration('2.5', 'late', 'SELECT 2.5') \g /dev/null
SELECT is(pg_temp.states(), '1 applied, 2 applied, 2.5 out of order, 3 reverted, 4 applied',
          'a new one before an applied one is out of order');

SELECT pg_temp.note('1', 'forward', 'succeeded', 'of other scripts') \g /dev/null
SELECT is(pg_temp.states(), '1 changed, 2 applied, 2.5 out of order, 3 reverted, 4 applied',
          'changed since it was applied');
SELECT throws_ok($$SELECT confiture.unregister_migration('1')$$, 'MG005', NULL, 'a changed one is still applied');

-- Only whoever has rights on the table can make this happen: unregister refuses.
DELETE FROM confiture.migration WHERE version IN ('2', '3');
SELECT is(pg_temp.states(), '1 changed, 2 missing, 2.5 out of order, 3 reverted, 4 applied',
          'applied, but no longer registered, is missing; reverted is no loss');
SELECT is((SELECT name FROM confiture.status WHERE version = '2'), 'of 2', 'a missing one keeps its name');

-- A failed way back leaves it applied in fact, and says that it failed.
SELECT pg_temp.note('4', 'backward', 'failed') \g /dev/null
SELECT results_eq($$SELECT status, applied_at IS NOT NULL FROM confiture.status WHERE version = '4'$$,
                  $$VALUES ('failed', true)$$, 'a failed way back is failed, and still applied');
SELECT throws_ok($$SELECT confiture.unregister_migration('4')$$, 'MG005', NULL, 'so that it cannot be unregistered');
SELECT throws_ok($$SELECT confiture.register_migration('4', 'of 4', 'SELECT 40')$$, 'MG006', NULL,
                 'nor replaced by other scripts');
SELECT is_empty($$SELECT FROM confiture.dry_run_pending() WHERE migration_version = '4'$$,
                'nor is it run forward again as if it were pending');

-- Repeatable ones are pending again as soon as they change, and come last.
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('R__views.sql', 'SELECT 1'), ('R__functions.sql', 'SELECT 2'), ('V9__nine.sql', 'SELECT 9');
SELECT results_eq($$SELECT action FROM confiture.load_files('files', 'flyway')$$, ARRAY['added', 'added', 'added'],
                  'repeatable ones are loaded');
SELECT results_eq($$SELECT name, status FROM confiture.status WHERE repeatable$$,
                  $$VALUES ('functions', 'pending'), ('views', 'pending')$$, 'repeatable ones are pending at first');
SELECT results_eq($$SELECT repeatable FROM confiture.status OFFSET (SELECT count(*) - 2 FROM confiture.status)$$,
                  ARRAY[true, true], 'and last in the order');
SELECT pg_temp.note(version, 'forward', 'succeeded') FROM confiture.migration WHERE name = 'views' \g /dev/null
SELECT results_eq($$SELECT name, status FROM confiture.status WHERE repeatable$$,
                  $$VALUES ('functions', 'pending'), ('views', 'applied')$$, 'a repeatable one is applied');
UPDATE files SET content = 'SELECT 11' WHERE path = 'R__views.sql';
SELECT results_eq($$SELECT name, action FROM confiture.load_files('files', replace => true)$$,
                  $$VALUES ('nine', 'unchanged'), ('functions', 'unchanged'), ('views', 'replaced')$$,
                  'an applied repeatable one may change');
SELECT results_eq($$SELECT name, status FROM confiture.status WHERE repeatable$$,
                  $$VALUES ('functions', 'pending'), ('views', 'pending')$$, 'and is pending again');

SELECT * FROM finish();
