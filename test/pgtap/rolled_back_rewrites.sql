-- A table that is rewritten twice, where the second rewrite is rolled back: the relation cache keeps an entry for its new
-- heap, of which the catalog knows nothing.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE TABLE t (a int PRIMARY KEY, note text);
INSERT INTO t SELECT n, repeat('x', 100) FROM generate_series(1, 1000) n;
CREATE TABLE lone AS SELECT * FROM t;
CREATE MATERIALIZED VIEW seen AS SELECT * FROM t;

CREATE FUNCTION pg_temp.verdict(script text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(success::text, 'null') || coalesce(' ' || (stats #>> '{error,sqlstate}'), '') FROM confiture.dry_run_sql(script);
$$;
SELECT is(pg_temp.verdict(script), expected, script) FROM (VALUES
    ('ALTER TABLE t ADD b float DEFAULT random(); COMMIT; ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0', 'false 22012'),
    ('ALTER TABLE t ADD b float DEFAULT random(); ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0', 'false 22012'),
    ('ALTER TABLE t ADD b float DEFAULT random(); SAVEPOINT s; ALTER TABLE t ADD c float DEFAULT random(); ROLLBACK TO s; UPDATE t SET b = 1', 'true'),
    ('ALTER TABLE t ADD b float DEFAULT random(); SAVEPOINT s; ALTER TABLE t ADD c float DEFAULT random(); ROLLBACK TO s; ALTER TABLE t ADD d float DEFAULT random()', 'true'),
    ('ALTER TABLE t ADD b float DEFAULT random(); DO $d$ BEGIN ALTER TABLE t ADD c float DEFAULT random(); RAISE ''x''; EXCEPTION WHEN OTHERS THEN NULL; END $d$; DROP TABLE t CASCADE', 'true'),
    (E'ALTER TABLE t ADD b float DEFAULT random();\n-- confiture: phase=AFTER_DDL on_failure=continue\nALTER TABLE t ADD c float DEFAULT random();\nSELECT 1/0', 'true'),
    (E'ALTER TABLE t ADD b float DEFAULT random();\n-- confiture: phase=AFTER_DDL\nALTER TABLE t ADD c float DEFAULT random();\nSELECT 1/0;\n-- confiture: phase=ON_ERROR\nSELECT count(*) FROM t', 'false MG002'),
    ('CLUSTER t USING t_pkey; COMMIT; CLUSTER t; SELECT 1/0', 'false 22012'),
    ('ALTER TABLE t SET UNLOGGED; COMMIT; ALTER TABLE t SET LOGGED; SELECT 1/0', 'false 22012'),
    ('REFRESH MATERIALIZED VIEW seen; COMMIT; REFRESH MATERIALIZED VIEW seen; SELECT 1/0', 'false 22012'),
    ('ALTER TABLE lone ALTER a TYPE bigint; COMMIT; ALTER TABLE lone ALTER a TYPE int; SELECT 1/0', 'false 22012'),
    ('TRUNCATE t; COMMIT; ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0', 'false 22012'),
    ('CREATE TYPE e AS ENUM (''a''); ALTER TABLE t ADD b float DEFAULT random(); COMMIT; ALTER TYPE e ADD VALUE ''b''; ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0', 'false 22012')
) AS tried (script, expected);

-- Rewritten in the caller's transaction before.
BEGIN;
ALTER TABLE t ADD b float DEFAULT random();
SELECT is(pg_temp.verdict('ALTER TABLE t ADD c float DEFAULT random()'), 'true', 'after a rewrite of the caller');
SELECT is(pg_temp.verdict('ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0'), 'false 22012', 'and where it fails');
SELECT is((SELECT success FROM confiture.dry_run_sql('ALTER TABLE t ADD c float DEFAULT random()', 3)), true, 'three times');
ROLLBACK;

-- Two migrations.
SELECT confiture.register_migration('1', 'a', 'ALTER TABLE t ADD b float DEFAULT random()'),
       confiture.register_migration('2', 'b', 'ALTER TABLE t ADD c float DEFAULT random(); SELECT 1/0') \g /dev/null
SELECT results_eq('SELECT success, stats #>> ''{error,sqlstate}'' FROM confiture.dry_run_pending()', $$VALUES (true, NULL), (false, '22012')$$, 'two migrations');
SELECT throws_ok('DO ''BEGIN PERFORM confiture.apply(''''1''''); PERFORM confiture.apply(''''2''''); END''', '22012', NULL, 'applied');
SELECT confiture.register_migration('2', 'b', 'ALTER TABLE t ADD c float DEFAULT random()') \g /dev/null
SELECT lives_ok('DO ''BEGIN PERFORM confiture.apply(''''1''''); PERFORM confiture.apply(''''2''''); END''', 'and good');
SELECT is((SELECT count(*) FROM t), 1000::bigint, 'the table is as it was');

SELECT * FROM finish();
