-- Constraints that only COMMIT would check.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY);
CREATE TABLE s.child (id int PRIMARY KEY, parent_id int, CONSTRAINT of_parent FOREIGN KEY (parent_id) REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE s.deferrable (id int PRIMARY KEY, parent_id int, CONSTRAINT may_defer FOREIGN KEY (parent_id) REFERENCES s.parent DEFERRABLE);
CREATE TABLE s."Unique one" ("The id" int, other text, CONSTRAINT "only one" UNIQUE ("The id", other) DEFERRABLE INITIALLY DEFERRED);

SELECT results_eq($$
    SELECT success, rows_affected, stats->>'status', stats->>'statements_run', e->>'sqlstate', e->>'constraint', e->>'schema', e->>'table',
           e->'violating_rows', e->>'hint'
      FROM confiture.dry_run_sql('INSERT INTO s.child SELECT n, 100 + n FROM generate_series(1, 3) n') r, jsonb_extract_path(r.stats, 'error') e
$$, $$VALUES (false, 3::bigint, 'failed', '1', '23503', 'of_parent', 's', 'child', '["101", "102", "103"]'::jsonb,
              'The constraint is deferred: COMMIT would have failed.')$$,
    'a violation that COMMIT would find makes it fail, and says which constraint and rows');
SELECT cmp_ok(jsonb_array_length(stats->'error'->'violating_rows'), '<=', 10, 'the sample is bounded')
  FROM confiture.dry_run_sql('INSERT INTO s.child SELECT n, 100 + n FROM generate_series(1, 500) n');
SELECT is(success, true, 'what is mended in time is fine')
  FROM confiture.dry_run_sql('INSERT INTO s.child VALUES (1, 101); INSERT INTO s.parent VALUES (101)');
SELECT collect_tap(is(stats->'error'->>'constraint', 'only one', 'a unique constraint'), is(stats->'error'->'violating_rows', '["1, x"]'::jsonb, 'and the key'))
  FROM confiture.dry_run_sql('INSERT INTO s."Unique one" VALUES (1, ''x''), (2, ''x''), (1, ''x'')');
SELECT is(stats->'error'->>'constraint', 'may_defer', 'one that the script defers')
  FROM confiture.dry_run_sql('SET CONSTRAINTS s.may_defer DEFERRED; INSERT INTO s.deferrable VALUES (1, 101)');
SELECT is(stats->'error'->>'statement', '1', 'one that is not deferred fails at its statement')
  FROM confiture.dry_run_sql('INSERT INTO s.deferrable VALUES (1, 101)');
SELECT is(stats->'error'->>'message', 'no', 'a deferred constraint trigger')
  FROM confiture.dry_run_sql($$
    CREATE FUNCTION s.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
    CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON s.parent DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION s.refuse();
    INSERT INTO s.parent VALUES (1);
    SELECT 1
$$);
SELECT collect_tap(is(stats->'error'->>'constraint', 'of_parent', 'in the middle, where a step ends'), is(stats->>'statements_run', '1', 'before the next one'))
  FROM confiture.dry_run_sql('INSERT INTO s.child VALUES (1, 101); COMMIT; INSERT INTO s.parent VALUES (101)');
SELECT is((SELECT count(*) FROM s.child), 0::bigint, 'nothing is left');
SELECT throws_ok($$SELECT confiture.dry_run_sql('INSERT INTO s.child VALUES (1, 101)', options => '{"raise": true}')$$, 'MG001', NULL, 'raise');

-- Over a chain.
SELECT confiture.register_migration(version, version, script)
  FROM (VALUES ('1', 'INSERT INTO s.child VALUES (1, 101); INSERT INTO s.parent VALUES (101)'),
               ('2', 'INSERT INTO s.child VALUES (2, 102); INSERT INTO s.parent VALUES (102)'),
               ('3', 'INSERT INTO s.child VALUES (3, 103)'), ('4', 'INSERT INTO s.parent VALUES (103)')) AS migration (version, script) \g /dev/null
SELECT results_eq($$SELECT migration_version, success, stats->>'status' FROM confiture.dry_run_pending()$$,
                  $$VALUES ('1', true, 'complete'), ('2', true, 'complete'), ('3', false, 'failed'), ('4', NULL, 'not_run')$$,
                  'constraints are made immediate between migrations, and deferred again for the next');

-- The caller's own constraints are deferred as before.
BEGIN;
SELECT confiture.dry_run_sql('SET CONSTRAINTS ALL IMMEDIATE') \g /dev/null
INSERT INTO s.child VALUES (7, 107);
SELECT EXISTS (SELECT FROM s.child) AS inserted \gset
ROLLBACK;
SELECT is(:'inserted'::boolean, true, 'constraints that begin deferred are deferred as before');
SELECT false AS inserted \gset
BEGIN;
SET CONSTRAINTS s.may_defer DEFERRED;
SELECT confiture.dry_run_sql('INSERT INTO s.parent VALUES (1)') \g /dev/null
\set ON_ERROR_STOP off
\set QUIET on
INSERT INTO s.deferrable VALUES (7, 107);
SELECT true AS inserted \gset
\set ON_ERROR_STOP on
ROLLBACK;
SELECT is(:'inserted'::boolean, true, 'those that the caller deferred are still deferred');
BEGIN;
INSERT INTO s.child VALUES (7, 107);
SELECT confiture.dry_run_sql('SELECT 1') \g /dev/null
INSERT INTO s.parent VALUES (107);
COMMIT;
SELECT is((SELECT count(*) FROM s.child), 1::bigint, 'what the caller has yet to mend can be mended after a dry run');

-- Constraints of one name, of which one cannot be deferred.
CREATE TABLE s.one (id int, CONSTRAINT twin FOREIGN KEY (id) REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE s.other (id int, CONSTRAINT twin FOREIGN KEY (id) REFERENCES s.parent);
SELECT is(success, true, 'twins are no hindrance') FROM confiture.dry_run_sql('SELECT 1; COMMIT; SELECT 2');
SELECT is(success, true, 'and still deferred in the next step')
  FROM confiture.dry_run_sql('SELECT 1; COMMIT; INSERT INTO s.one VALUES (901); INSERT INTO s.parent VALUES (901)');
SELECT is(stats->'error'->>'constraint', 'twin', 'and checked') FROM confiture.dry_run_sql('INSERT INTO s.one VALUES (902)');

-- Where nothing can be deferred, nothing is immediate afterwards.
DROP SCHEMA s CASCADE;
CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY);
SELECT false AS inserted \gset
BEGIN;
SELECT confiture.dry_run_sql('SELECT 1') \g /dev/null
CREATE TABLE s.child (id int REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
\set ON_ERROR_STOP off
INSERT INTO s.child VALUES (1);
SELECT true AS inserted \gset
\set ON_ERROR_STOP on
ROLLBACK;
SELECT is(:'inserted'::boolean, true, 'what the caller makes afterwards is deferred');

CREATE TABLE s.booked (during int4range, CONSTRAINT apart EXCLUDE USING gist (during WITH &&) DEFERRABLE INITIALLY DEFERRED);
SELECT results_eq($$SELECT stats->'error'->>'sqlstate', stats->'error'->'violating_rows'
                      FROM confiture.dry_run_sql('INSERT INTO s.booked VALUES (''[1,5)''), (''[4,6)''), (''[9,10)'')')$$,
                  $$VALUES ('23P01', '["[1,5)", "[4,6)"]'::jsonb)$$, 'an exclusion constraint, and what excludes each other');

SELECT * FROM finish();
