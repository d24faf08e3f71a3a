-- backfill_read_model and verify_consistency: a read model filled from the write side, and compared with it.
SET client_min_messages = error;
SELECT * FROM no_plan();

\ir shared/trying_built_ins.sql
CREATE FUNCTION pg_temp.backfill(config jsonb)
RETURNS text
LANGUAGE sql
AS $$SELECT r.rows_affected || ' ' || r.stats FROM pg_temp.run('backfill_read_model', config) AS r$$;
CREATE FUNCTION pg_temp.verify(config jsonb)
RETURNS jsonb
LANGUAGE sql
AS $$SELECT (pg_temp.run('verify_consistency', config)).stats$$;
-- DETAIL of the error.
CREATE FUNCTION pg_temp.detail(config jsonb)
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    told text;
BEGIN
    PERFORM pg_temp.verify(config);
    RETURN 'consistent';
EXCEPTION WHEN check_violation THEN
    GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL;
    RETURN told;
END
$$;

CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer PRIMARY KEY, tenant_id integer, customer_id integer NOT NULL, cents bigint NOT NULL);
INSERT INTO shop.orders SELECT n, n % 4, n % 10, n FROM generate_series(1, 1000) AS n;
CREATE TABLE shop.r_value (tenant_id integer, customer_id integer, orders bigint, cents bigint, note text);
SET search_path = shop, public;

\set per_tenant '{"target": "r_value", "columns": ["tenant_id", "customer_id", "orders", "cents"], "batches": "SELECT tenant_id FROM orders", "batch_column": "tenant_id", "select": "SELECT tenant_id, customer_id, count(*), sum(cents) FROM orders WHERE tenant_id = $1 GROUP BY 1, 2"}'
SELECT is(pg_temp.backfill(:'per_tenant'), '20 {"target": "shop.r_value", "batches": 4, "deleted": 0, "inserted": 20}', 'the first time: each key once');
SELECT is(pg_temp.backfill(:'per_tenant'), '40 {"target": "shop.r_value", "batches": 4, "deleted": 20, "inserted": 20}', 'again: replaced');
SELECT results_eq('SELECT tenant_id, customer_id, orders, cents FROM r_value ORDER BY 1, 2',
                  'SELECT tenant_id, customer_id, count(*), sum(cents)::bigint FROM orders GROUP BY 1, 2 ORDER BY 1, 2', 'the rows are right');
SELECT is(pg_temp.backfill(:'per_tenant'::jsonb || '{"mode": "append"}'), '20 {"target": "shop.r_value", "batches": 4, "deleted": 0, "inserted": 20}', 'append');
SELECT is(pg_temp.backfill(:'per_tenant'::jsonb || '{"batches": "VALUES (3), (1), (3); "}'), '30 {"target": "shop.r_value", "batches": 2, "deleted": 20, "inserted": 10}',
          'rows of other keys are left alone; a semicolon at the end is none');
SELECT is(pg_temp.backfill(:'per_tenant'::jsonb || '{"batches": "SELECT 1 WHERE false"}'), '0 {"target": "shop.r_value", "batches": 0, "deleted": 0, "inserted": 0}', 'no keys');
SELECT is(pg_temp.backfill('{"target": "r_value", "select": "SELECT tenant_id, customer_id, count(*), sum(cents) FROM orders GROUP BY 1, 2"}'),
          '50 {"target": "shop.r_value", "batches": 1, "deleted": 30, "inserted": 20}', 'without batches everything is one');
SELECT is(pg_temp.backfill('{"target": "r_value", "mode": "append", "select": "WITH w AS (SELECT 9) SELECT * FROM w -- all"}'),
          '1 {"target": "shop.r_value", "batches": 1, "deleted": 0, "inserted": 1}', 'a WITH, and a comment at the end');

-- A key that is null is a key.
TRUNCATE r_value;
UPDATE orders SET tenant_id = NULL WHERE tenant_id = 0;
INSERT INTO r_value VALUES (NULL, 77), (1, 77);
SELECT is(pg_temp.backfill('{"target": "r_value", "batches": "SELECT tenant_id FROM orders WHERE tenant_id IS NULL", "batch_column": "tenant_id",
                             "select": "SELECT tenant_id, customer_id FROM orders WHERE tenant_id IS NOT DISTINCT FROM $1"}'),
          '251 {"target": "shop.r_value", "batches": 1, "deleted": 1, "inserted": 250}', 'a null key');

-- The keys keep the order of their query, and are seen as the type of their column.
CREATE TABLE seen (place integer GENERATED ALWAYS AS IDENTITY, key numeric(6, 1));
SELECT is(pg_temp.backfill('{"target": "seen", "columns": ["key"], "batches": "SELECT 10 UNION ALL SELECT 9 UNION ALL SELECT 10 UNION ALL SELECT 11", "batch_column": "key", "select": "SELECT $1 + 0.5"}'),
          '3 {"target": "shop.seen", "batches": 3, "deleted": 0, "inserted": 3}', 'keys of another type');
SELECT results_eq('SELECT key FROM seen ORDER BY place', 'VALUES (10.5), (9.5), (11.5)', 'in their order');

-- Keys of all sorts of types, in a table with hostile names; the index of the batch column is used.
CREATE EXTENSION citext SCHEMA public;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN code AS varchar(10);
CREATE DOMAIN folded AS citext;
CREATE FUNCTION pg_temp.key_of(type text, key text, others text)
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    told text;
BEGIN
    EXECUTE format('CREATE TABLE shop."r "" %%I $1" ("k ""; DROP" %s)', type);
    EXECUTE 'INSERT INTO shop."r "" %I $1" SELECT unnest($1::text[])' || '::' || type USING others;
    told := pg_temp.backfill(jsonb_build_object('target', '"r "" %I $1"', 'columns', '["k \"; DROP"]'::jsonb, 'batch_column', 'k "; DROP',
                                               'batches', format('VALUES (%L::%s)', key, type), 'select', 'SELECT $1'));
    DROP TABLE shop."r "" %I $1";
    RETURN told;
END
$$;
SELECT is(pg_temp.key_of(type, key, others), format('%s {"target": "shop.\"r \"\" %%I $1\"", "batches": 1, "deleted": %s, "inserted": 1}', deleted + 1, deleted), 'a key of type ' || type)
  FROM (VALUES ('integer', '1', '{1,1,2}', 2), ('text', E'a''\\b', E'{"a''\\\\b",a}', 1), ('uuid', '00000000-0000-0000-0000-000000000001', '{00000000-0000-0000-0000-000000000001}', 1),
               ('mood', 'ok', '{ok,sad}', 1), ('code', 'x', '{x,X}', 1), ('citext', 'x', '{x,X,y}', 2), ('folded', 'x', '{X,y}', 1),
               ('integer[]', '{1,2}', '{"{1,2}","{2,1}"}', 1), ('timestamptz', '2024-01-01 00:00:00.000001+00', '{2024-01-01}', 0), ('bytea', '\x00ff', '{"\\x00ff"}', 1),
               ('double precision', '0.1', '{0.1}', 1), ('boolean', 't', '{f,t}', 1), ('char(3)', 'a', '{a,b}', 1)) AS v (type, key, others, deleted);
SELECT is(confiture.hook_equality(type::regtype), operator, 'equality of ' || type)
  FROM (VALUES ('integer', 'OPERATOR(pg_catalog.=)'), ('citext', 'OPERATOR(public.=)'), ('folded', 'OPERATOR(public.=)'), ('mood', 'OPERATOR(pg_catalog.=)')) AS v (type, operator);

-- Partitioned targets, generated columns.
CREATE TABLE r_parted (tenant_id integer, id integer, twice integer GENERATED ALWAYS AS (id * 2) STORED) PARTITION BY LIST (tenant_id);
CREATE TABLE r_parted_1 PARTITION OF r_parted FOR VALUES IN (1);
CREATE TABLE r_parted_other PARTITION OF r_parted DEFAULT;
SELECT is(pg_temp.backfill('{"target": "r_parted", "columns": ["tenant_id", "id"], "batches": "VALUES (1), (2)", "batch_column": "tenant_id", "select": "SELECT tenant_id, id FROM orders WHERE tenant_id = $1"}'),
          '500 {"target": "shop.r_parted", "batches": 2, "deleted": 0, "inserted": 500}', 'a partitioned target');

-- What a config may not say.
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb - 'batches'), 'MG016', '"batches" and "batch_column" go together in the config of backfill_read_model', 'a column without batches');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb - 'batch_column'), 'MG016', '"batches" and "batch_column" go together in the config of backfill_read_model', 'batches without a column');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"batch_column": "absent"}'), 'MG016', 'column "absent" of shop.r_value does not exist', 'a column that is not there');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"batch_column": "ctid"}'), 'MG016', 'column "ctid" of shop.r_value does not exist', 'nor is one of the system');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"select": "SELECT 1"}'), 'MG016', 'the select of backfill_read_model does not use $1, the key of the batch', 'a select of all batches');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"select": "SELECT $1; DROP TABLE shop.orders"}'), NULL, NULL, 'one statement only');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"columns": ["absent"]}'), '42703', NULL, 'an error of the server stays what it is');
SELECT throws_ok(format('SELECT pg_temp.backfill(%L)', :'per_tenant'::jsonb || '{"batches": "VALUES (''x'')"}'), '22P02', NULL, 'a key that does not fit its column');
SELECT is(count(*), 1000::bigint, 'the orders are still there') FROM orders;

-- verify_consistency.
CREATE TABLE target AS SELECT * FROM orders;
SELECT is(pg_temp.verify('{"source": "orders", "target": "target"}'), '{"source": 1000, "target": 1000}', 'counts are equal');
SELECT is(pg_temp.verify('{"source": "orders", "target": "target", "key": ["id"]}'),
          '{"source": 1000, "target": 1000, "missing": 0, "unexpected": 0, "missing_sample": [], "unexpected_sample": []}', 'and keys are');
SELECT is(pg_temp.verify('{"source": "SELECT DISTINCT tenant_id, customer_id FROM orders;", "target": " (TABLE target EXCEPT ALL SELECT * FROM target WHERE false) ", "key": ["tenant_id", "customer_id"], "tolerance": 980}') ->> 'target', '1000', 'queries');
SELECT is(pg_temp.verify(jsonb_build_object('source', query, 'target', 'VALUES (1)')), '{"source": 1, "target": 1}', 'a query: ' || replace(query, E'\n', ' '))
  FROM unnest(ARRAY['select 1', E'\n  WITH w AS (SELECT 1) TABLE w', 'VALUES(1)', 'SELECT 1 -- and a comment', '(SELECT 1)', E'select\n1;;']) AS query;
INSERT INTO target (id, customer_id, cents) SELECT n, 0, 0 FROM generate_series(1001, 1012) AS n;
DELETE FROM target WHERE id <= 3;
SELECT is(pg_temp.detail('{"source": "orders", "target": "target", "key": ["id"]}'),
E'The source has 1000 rows, the target 1009.\nKeys of the source that the target lacks: 3 ({"id": 1}, {"id": 2}, {"id": 3}).\nKeys of the target that the source lacks: 12 ({"id": 1001}, {"id": 1002}, {"id": 1003}, {"id": 1004}, {"id": 1005}, {"id": 1006}, {"id": 1007}, {"id": 1008}, {"id": 1009}, {"id": 1010} ...).', 'the differences are told, with a sample of ten');
SELECT is(pg_temp.detail('{"source": "orders", "target": "target", "key": ["id"], "tolerance": 9}'),
          'Keys of the target that the source lacks: 12 ({"id": 1001}, {"id": 1002}, {"id": 1003}, {"id": 1004}, {"id": 1005}, {"id": 1006}, {"id": 1007}, {"id": 1008}, {"id": 1009}, {"id": 1010} ...).', 'each within its tolerance is not');
SELECT is(pg_temp.verify('{"source": "orders", "target": "target", "key": ["id"], "tolerance": 12}') -> 'unexpected', '12', 'all within it');
SELECT is(pg_temp.detail('{"source": "VALUES (NULL::integer)", "target": "VALUES (NULL::bigint)", "key": ["column1"]}'), 'consistent', 'null equals null, integer bigint');
SELECT is(pg_temp.detail('{"source": "VALUES (1), (1)", "target": "VALUES (1)", "key": ["column1"]}'), 'The source has 2 rows, the target 1.', 'duplicates count');
CREATE TABLE missing AS SELECT 1 AS id;
CREATE TABLE "SELECT" AS SELECT 1 AS "I d";
SELECT is(pg_temp.detail('{"source": "SELECT * FROM missing", "target": "missing", "key": ["id"]}'), 'consistent', 'tables with names such as ours');
SELECT is(pg_temp.detail('{"source": "\"SELECT\"", "target": "SELECT 1 AS \"I d\"", "key": ["I d"]}'), 'consistent', 'names in quotes');
SELECT throws_ok($$SELECT pg_temp.verify('{"source": "orders", "target": "target", "key": ["absent"]}')$$, '42703', NULL, 'a key column that is not there');
SELECT throws_matching($$SELECT pg_temp.verify('{"source": "DELETE FROM orders", "target": "target"}')$$, '^(invalid name syntax|relation ".*" does not exist)', 'neither a query nor a relation');
SELECT throws_ok($$SELECT confiture.hook_answer('VALUES (1), (2)')$$, 'MG016', 'the query of a hook must return one value', 'an answer is one row');
SELECT throws_ok($$SELECT confiture.hook_answer('SELECT 1, 2')$$, 'MG016', 'the query of a hook must return one value', 'of one column');
SELECT throws_ok($$SELECT confiture.hook_answer('SELECT 1 WHERE false')$$, 'MG016', 'the query of a hook must return one value', 'and there is one');
SELECT is(confiture.hook_answer('SELECT NULL'), NULL, 'which may be null');
SELECT is(confiture.hook_answer($$SELECT '{"ü": [1, null]}'::pg_catalog.jsonb$$), '{"ü": [1, null]}', 'or anything that jsonb can be');
SELECT throws_ok(format('SELECT confiture.hook_execute(%L)', statement), '42601', NULL, 'not one statement: ' || statement)
  FROM unnest(ARRAY['SELECT 1; SELECT 2', '', ';', 'EXPLAIN SELECT 1; DROP TABLE orders']) AS statement;

SELECT * FROM finish();
