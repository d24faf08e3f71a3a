-- The built-in hooks that keep house: statistics, indexes, materialized views, temporary tables; and notify.
SET client_min_messages = error;
SELECT * FROM no_plan();

\ir shared/trying_built_ins.sql

CREATE TABLE plain (id integer PRIMARY KEY, n integer);
CREATE INDEX plain_n ON plain (n);
CREATE TABLE "Par ""ted" (id integer, n integer) PARTITION BY RANGE (n);
CREATE TABLE low PARTITION OF "Par ""ted" FOR VALUES FROM (0) TO (500) PARTITION BY RANGE (n);
CREATE TABLE lowest PARTITION OF low FOR VALUES FROM (0) TO (100);
CREATE TABLE lower PARTITION OF low DEFAULT;
CREATE TABLE high PARTITION OF "Par ""ted" DEFAULT;
CREATE INDEX parted_n ON "Par ""ted" (n);
CREATE SCHEMA other;
CREATE TABLE other.plain (id integer);

-- rebuild_indexes.
INSERT INTO plain SELECT n, n FROM generate_series(1, 20000) AS n;
DELETE FROM plain WHERE id > 100;
SELECT relfilenode AS before FROM pg_class WHERE oid = 'plain_n'::regclass \gset
SELECT results_eq($$SELECT one ->> 'table', (one ->> 'bytes')::bigint < (one ->> 'bytes_before')::bigint, (one ->> 'bytes')::bigint = pg_indexes_size('plain')
                      FROM jsonb_array_elements(pg_temp.stats('rebuild_indexes', '{"tables": ["plain", "public.plain"]}') -> 'rebuilt') AS one$$,
                  $$VALUES ('public.plain', true, true)$$, 'the indexes of a table, once, and what that saved');
SELECT isnt(relfilenode, :before::oid, 'they are new') FROM pg_class WHERE oid = 'plain_n'::regclass;
SELECT is(ARRAY(SELECT coalesce(one ->> 'table', one ->> 'index') FROM jsonb_array_elements(stats -> 'rebuilt') AS one),
          '{public.lowest,public.lower,public.high,public.plain_pkey,public.lowest_n_idx,public.lower_n_idx,public.high_n_idx}', 'of partitioned ones the parts')
  FROM pg_temp.stats('rebuild_indexes', '{"tables": ["\"Par \"\"ted\""], "indexes": ["plain_pkey", "parted_n"]}') AS stats;
SELECT is(pg_temp.stats('rebuild_indexes', '{"tables": []}'), '{"rebuilt": []}', 'no table');
SELECT throws_ok($$SELECT pg_temp.stats('rebuild_indexes', '{}')$$, 'MG016', 'neither "tables" nor "indexes" in the config of rebuild_indexes', 'not everything by omission');

-- analyze_tables.
SELECT is(pg_temp.stats('analyze_tables', '{"tables": ["plain", "other.plain", "plain"]}'), '{"skipped": [], "analyzed": ["public.plain", "other.plain"]}', 'tables by name');
SELECT is(reltuples, 100::real, 'they are analyzed') FROM pg_class WHERE oid = 'plain'::regclass;
BEGIN;
SAVEPOINT s;
INSERT INTO other.plain VALUES (1);
ROLLBACK TO s;
CREATE TABLE fresh AS SELECT 1 AS a;
INSERT INTO "Par ""ted" VALUES (1, 1);
UPDATE plain SET n = n WHERE false;
SELECT pg_temp.stats('analyze_tables', '{}') -> 'analyzed' AS analyzed \gset
COMMIT;
SELECT is(:'analyzed'::jsonb ?& '{public.fresh,public.lowest}', true, 'what this transaction wrote: new tables and partitions');
SELECT is(:'analyzed'::jsonb ?| '{public.high,public.lower,other.hidden}', false, 'and not what it did not write');
SELECT is(pg_temp.stats('analyze_tables', '{"tables": []}'), '{"skipped": [], "analyzed": []}', 'no table');

-- refresh_materialized_views: z is read by a through a view, and a by m.
CREATE MATERIALIZED VIEW z AS SELECT count(*) AS n FROM plain;
CREATE VIEW through AS SELECT n FROM z;
CREATE MATERIALIZED VIEW a AS SELECT n FROM through;
CREATE MATERIALIZED VIEW other."m M" AS SELECT a.n, z.n AS m FROM a, z WITH NO DATA;
DELETE FROM plain WHERE id > 10;
SELECT is(pg_temp.stats('refresh_materialized_views', '{}'), '{"refreshed": ["public.z", "public.a", "other.\"m M\""]}', 'those that others read first');
SELECT results_eq('SELECT n, m FROM other."m M"', 'VALUES (10::bigint, 10::bigint)', 'they have the rows of now');
DELETE FROM plain WHERE id > 5;
SELECT is(pg_temp.stats('refresh_materialized_views', '{"views": ["other.\"m M\"", "z"]}'), '{"refreshed": ["public.z", "other.\"m M\""]}', 'some');
SELECT results_eq('SELECT n, m FROM other."m M"', 'VALUES (10::bigint, 5::bigint)', 'and no other');
SELECT throws_ok($$SELECT pg_temp.stats('refresh_materialized_views', '{"views": ["a"], "concurrently": true}')$$, '55000', NULL, 'concurrently needs a unique index');
CREATE UNIQUE INDEX ON a (n);
REFRESH MATERIALIZED VIEW a WITH NO DATA;
SELECT is(pg_temp.stats('refresh_materialized_views', '{"views": ["a"], "concurrently": true}'), '{"refreshed": ["public.a"]}', 'or a view that was never filled');
SELECT relfilenode AS before FROM pg_class WHERE oid = 'a'::regclass \gset
DELETE FROM plain WHERE id > 3;
REFRESH MATERIALIZED VIEW z;
SELECT is(pg_temp.stats('refresh_materialized_views', '{"views": ["a"], "concurrently": true}'), '{"refreshed": ["public.a"]}', 'concurrently');
SELECT results_eq($$SELECT n, relfilenode = $$ || :before || $$ FROM a, pg_class WHERE oid = 'a'::regclass$$, 'VALUES (3::bigint, true)', 'in place');
-- Through a view that was replaced, one can come to read itself.
CREATE OR REPLACE VIEW through AS SELECT n FROM z UNION ALL SELECT n FROM a WHERE false;
SELECT is(pg_temp.stats('refresh_materialized_views', '{}') -> 'refreshed' -> 0, '"public.z"', 'a circle ends');

-- drop_temporary_tables; all is tried where pgTAP's own are given back.
CREATE TEMPORARY TABLE scratch_one (id integer PRIMARY KEY);
CREATE TEMPORARY TABLE "scratch ""Two" (id integer REFERENCES scratch_one);
CREATE TEMPORARY TABLE scratch_parted (id integer) PARTITION BY LIST (id);
CREATE TEMPORARY TABLE scratch_part PARTITION OF scratch_parted DEFAULT;
CREATE TABLE scratch_kept (id integer);
CREATE TEMPORARY TABLE kept (id integer);
SELECT is(pg_temp.stats('drop_temporary_tables', '{"pattern": "scratch%"}') ->> 'dropped', '4', 'by a pattern, foreign keys and partitions among them');
SELECT has_table('public'::name, 'scratch_kept'::name, 'a table that is not temporary stays');
SELECT is(to_regclass('pg_temp.scratch_one'), NULL, 'they are gone');
SELECT isnt(to_regclass('pg_temp.kept'), NULL, 'others are not');
SELECT is(pg_temp.stats('drop_temporary_tables', '{"pattern": "scratch%"}'), '{"tables": [], "dropped": 0}', 'none');
CREATE TEMPORARY VIEW on_kept AS SELECT * FROM kept;
SELECT throws_ok($$SELECT pg_temp.stats('drop_temporary_tables', '{"pattern": "kept"}')$$, '2BP01', NULL, 'nothing goes that something else needs');
DROP VIEW on_kept;
DO $$
DECLARE
    dropped jsonb;
    there bigint := (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r');
    left_over bigint;
BEGIN
    BEGIN
        dropped := pg_temp.stats('drop_temporary_tables', '{}');
        left_over := (SELECT count(*) FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind = 'r');
        RAISE EXCEPTION 'undo';
    EXCEPTION WHEN raise_exception THEN
        PERFORM set_config('seen.dropped', format('%s %s %s', there > 0, there = (dropped ->> 'dropped')::bigint, left_over), false);
    END;
END
$$;
SELECT is(current_setting('seen.dropped'), 't t 0', 'all by default');

-- capture_statistics.
CREATE FUNCTION pg_temp.compared(config jsonb, shared jsonb)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
    stats jsonb;
BEGIN
    PERFORM confiture.register_hook_sql('shared before', 'AFTER_DDL', format('SELECT confiture.set_stat(key, value) FROM jsonb_each(%L)', shared), priority => 1);
    stats := pg_temp.stats('capture_statistics', config);
    PERFORM confiture.unregister_hook('shared before');
    RETURN stats;
END
$$;
TRUNCATE plain, "Par ""ted";
INSERT INTO "Par ""ted" SELECT n, n FROM generate_series(0, 999) AS n;
INSERT INTO plain SELECT n, n FROM generate_series(1, 1000) AS n;
ANALYZE plain, high, lowest, lower;
SELECT is(pg_temp.stats('capture_statistics', '{"tables": []}'), '{"tables": {}, "shared": true}', 'no table');
SELECT is(pg_temp.stats('capture_statistics', '{"tables": ["plain", "high"]}') #- '{tables,public.plain,last_analyze}' #- '{tables,public.high,last_analyze}' #- '{tables,public.plain,dead_rows}' #- '{tables,public.high,dead_rows}',
          jsonb_build_object('shared', true, 'tables', jsonb_build_object('public.plain', jsonb_build_object('rows', 1000, 'bytes', pg_total_relation_size('plain')),
                                                          'public.high', jsonb_build_object('rows', 500, 'bytes', pg_total_relation_size('high')))), 'rows and bytes');
SELECT is((stats -> 'tables' -> 'public."Par ""ted"' ->> 'rows')::bigint, 1000::bigint, 'a partitioned table has the rows of its partitions')
  FROM pg_temp.stats('capture_statistics', '{"tables": ["\"Par \"\"ted\""]}') AS stats;
SELECT is((stats -> 'tables' -> 'public."Par ""ted"' ->> 'bytes')::bigint, pg_total_relation_size('high') + pg_total_relation_size('lowest') + pg_total_relation_size('lower'), 'and their bytes')
  FROM pg_temp.stats('capture_statistics', '{"tables": ["\"Par \"\"ted\""]}') AS stats;
-- A table that was emptied, before the server has counted anew.
BEGIN;
TRUNCATE plain;
INSERT INTO plain VALUES (1, 1);
SELECT cmp_ok((pg_temp.stats('capture_statistics', '{"tables": ["plain"]}') #>> '{tables,public.plain,rows}')::integer, '<', 300, 'no more rows than fit into the pages');
ROLLBACK;
-- Inside of a transaction, before it was analyzed anew.
SELECT pg_temp.stats('capture_statistics', '{}') -> 'tables' AS captured \gset
BEGIN;
INSERT INTO plain SELECT n, n FROM generate_series(1001, 3000) AS n;
DROP TABLE other.plain;
CREATE TABLE other.new AS SELECT n FROM generate_series(1, 7) AS n;
SELECT stats FROM pg_temp.compared('{}', jsonb_build_object('statistics:BEFORE_DDL', :'captured'::jsonb, 'statistics:BEFORE_VALIDATION', '{}', 'statistics:other', 1)) AS stats \gset
COMMIT;
SELECT is(:'stats'::jsonb ->> 'since', 'BEFORE_DDL', 'compared with the last phase that has captured');
SELECT is(ARRAY(SELECT jsonb_object_keys(:'stats'::jsonb -> 'differences') ORDER BY 1), '{other.new,other.plain,public.plain}', 'only what differs is told');
SELECT is((:'stats'::jsonb #>> '{differences,public.plain,rows}')::bigint BETWEEN 1800 AND 2200, true, 'rows more, as estimated');
SELECT is((:'stats'::jsonb #>> '{differences,public.plain,bytes}')::bigint, (:'stats'::jsonb #>> '{tables,public.plain,bytes}')::bigint - (:'captured'::jsonb #>> '{public.plain,bytes}')::bigint, 'bytes more');
SELECT is((:'stats'::jsonb #> '{differences,other.new}') - 'bytes', '{"new": true, "rows": 7}', 'a new table');
SELECT is((:'stats'::jsonb #> '{differences,other.plain}') - 'bytes', '{"gone": true, "rows": 0}', 'one that is gone');
SELECT is(pg_temp.compared('{"tables": []}', '{"statistics:AFTER_DDL": {}}') ->> 'since', 'AFTER_DDL', 'an earlier hook of the same phase');
SELECT confiture.register_hook_sql('large', 'AFTER_DDL', 'SELECT confiture.set_stat(''large'', to_jsonb(repeat(''x'', 1024 * 1024 - 50)))', priority => 1) \g /dev/null
SELECT is(pg_temp.stats('capture_statistics', '{"tables": ["plain"]}') -> 'shared', 'false', 'what cannot be shared fails nothing');
SELECT confiture.unregister_hook('large') \g /dev/null
SELECT confiture.register_hook('first', 'AFTER_DDL', 'confiture.capture_statistics(confiture.hook_context)', config => '{"tables": ["plain"]}', priority => 1) \g /dev/null
SELECT confiture.register_hook_sql('writes', 'AFTER_DDL', 'INSERT INTO plain SELECT generate_series(5001, 9000)', priority => 2) \g /dev/null
SELECT is((stats #>> '{differences,public.plain,rows}')::bigint BETWEEN 3000 AND 5000, true, 'from one hook to the next')
  FROM pg_temp.stats('capture_statistics', '{"tables": ["plain"]}') AS stats;

SELECT * FROM finish();
