-- The built-in hooks that check and refuse: require_columns, validate_constraints, check_queries, guard_long_transactions.
SET client_min_messages = error;
SELECT * FROM no_plan();

\ir shared/trying_built_ins.sql
-- The error as SQLSTATE, message and DETAIL; what it did is undone.
CREATE FUNCTION pg_temp.refusal(hook text, config jsonb)
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
    state text;
    message text;
    detail text;
BEGIN
    PERFORM pg_temp.stats(hook, config);
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(E'\n', state || ': ' || message, nullif(detail, ''));
END
$$;

-- require_columns: the TenantIdValidator.
CREATE TABLE kept (tenant_id integer, created_at timestamptz);
CREATE TABLE parted (tenant_id integer, created_at timestamptz) PARTITION BY LIST (tenant_id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE VIEW seen AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW kept_view AS SELECT 1 AS a;
CREATE TEMPORARY TABLE passing (a integer);
\set tenant '{"columns": ["tenant_id"]}'
SELECT is(pg_temp.stats('require_columns', :'tenant'), '{"tables": 2}', 'all tables have it; views, partitions and temporary tables are not asked');
CREATE TABLE lacking (a integer);
CREATE TABLE "La ""cking.too" (tenant_id integer);
ALTER TABLE "La ""cking.too" DROP COLUMN tenant_id;
CREATE SCHEMA other;
CREATE TABLE other.elsewhere ("Tenant_Id" integer);
SELECT is(pg_temp.refusal('require_columns', :'tenant'), E'23514: 2 tables lack required columns\npublic."La ""cking.too": tenant_id\npublic.lacking: tenant_id', 'those without it are told');
SELECT is(pg_temp.refusal('require_columns', '{"columns": ["tenant_id", "created at", "a"], "except": ["La *"]}'),
          E'23514: 3 tables lack required columns\npublic.kept: "created at", a\npublic.lacking: tenant_id, "created at"\npublic.parted: "created at", a', 'each with all that it lacks');
SELECT is(pg_temp.refusal('require_columns', '{"columns": ["tenant_id"], "schemas": ["other"]}'), E'23514: 1 table lacks required columns\nother.elsewhere: tenant_id', 'another schema; names are taken to the letter');
SELECT is(pg_temp.stats('require_columns', '{"columns": ["tenant_id"], "schemas": []}'), '{"tables": 0}', 'no schema');
SELECT is(pg_temp.refusal('require_columns', jsonb_build_object('columns', '["tenant_id"]'::jsonb, 'except', jsonb_build_array(pattern))) = 'none', excepted, 'except ' || pattern)
  FROM (VALUES ('*', true), ('*king*', true), ('public.*', true), ('other.*', false), ('lacking', false), ('%', false), ('_acking', false), ('l*g', false), ('\*', false)) AS v (pattern, excepted);
SELECT is(pg_temp.refusal('require_columns', '{"columns": ["tenant_id"], "except": ["lacking", "public.La \"cking.too"]}'), 'none', 'names with dots and quotes, as they are');
CREATE EXTENSION hstore SCHEMA other;
CREATE TABLE other.of_extension (a integer);
ALTER EXTENSION hstore ADD TABLE other.of_extension;
SELECT is(pg_temp.refusal('require_columns', '{"columns": ["tenant_id"], "schemas": ["other"], "except": ["elsewhere"]}'), 'none', 'members of extensions are left out');
DO $$ BEGIN FOR n IN 100..170 LOOP EXECUTE format('CREATE TABLE other.t%s ()', n); END LOOP; END $$;
SELECT matches(pg_temp.refusal('require_columns', '{"columns": ["tenant_id"], "schemas": ["other"], "except": ["elsewhere"]}'), E'^23514: 71 tables.*other.t149: tenant_id\nand 21 more$', 'at most fifty are listed');

-- validate_constraints.
CREATE SCHEMA "c s";
SET search_path = "c s", public;
CREATE TABLE parent (id integer PRIMARY KEY, UNIQUE (id));
CREATE TABLE child (id integer, n integer) PARTITION BY LIST (n);
CREATE TABLE "Chi ""ld 1" PARTITION OF child FOR VALUES IN (1);
CREATE TABLE plain (id integer, n integer);
CREATE TABLE heir () INHERITS (plain);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (1, 1);
INSERT INTO plain VALUES (1, 1);
INSERT INTO heir VALUES (1, 1);
ALTER TABLE child ADD CONSTRAINT "id > 0" CHECK (id > 0) NOT VALID;
ALTER TABLE plain ADD CONSTRAINT positive CHECK (n > 0) NOT VALID, ADD CONSTRAINT "to parent" FOREIGN KEY (id) REFERENCES parent NOT VALID;
SELECT is(pg_temp.stats('validate_constraints', '{"tables": []}'), '{"validated": []}', 'no table');
SELECT is(pg_temp.stats('validate_constraints', '{"schemas": ["public"]}'), '{"validated": []}', 'none in that schema');
SELECT is(pg_temp.stats('validate_constraints', '{"tables": ["heir"]}'), '{"validated": ["positive on \"c s\".heir"]}', 'one of a child alone');
SELECT is(pg_temp.stats('validate_constraints', '{}'), '{"validated": ["\"id > 0\" on \"c s\".child", "positive on \"c s\".plain", "\"to parent\" on \"c s\".plain"]}', 'all: those of parents with those of their children');
SELECT is_empty('SELECT conname FROM pg_constraint WHERE NOT convalidated', 'they are valid');
SELECT is(pg_temp.stats('validate_constraints', '{}'), '{"validated": []}', 'nothing is left to do');
ALTER TABLE plain DROP CONSTRAINT "to parent";
INSERT INTO plain VALUES (7, 7), (8, 8);
CREATE FUNCTION small(integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN $1 < (SELECT max(id) + 5 FROM parent); END';
ALTER TABLE plain ADD CONSTRAINT "to parent" FOREIGN KEY (id) REFERENCES parent NOT VALID, ADD CONSTRAINT n_small CHECK (small(n)) NOT VALID, ADD CONSTRAINT n_fine CHECK (n < 9) NOT VALID;
SELECT is(pg_temp.refusal('validate_constraints', '{"schemas": ["c s"]}'),
E'23514: 2 of 4 constraints do not hold for the rows that are there\nn_small on "c s".plain: check constraint "n_small" of relation "plain" is violated by some row\n"to parent" on "c s".plain: insert or update on table "plain" violates foreign key constraint "to parent". Key (id)=(7) is not present in table "parent".',
          'all that do not hold are told; what they call is found as the caller finds it');
SELECT results_eq($$SELECT count(*) FROM pg_constraint WHERE conrelid = 'plain'::regclass AND NOT convalidated$$, 'VALUES (3::bigint)', 'the refusal undoes what it validated');
DROP TABLE plain CASCADE;
SELECT is(pg_temp.refusal('validate_constraints', '{}'), 'none', 'they went with their table');
RESET search_path;

-- Constraints that are not enforced can never be validated.
SELECT current_setting('server_version_num')::integer >= 180000 AS knows_not_enforced \gset
\if :knows_not_enforced
    CREATE TABLE loose (n integer CONSTRAINT idle CHECK (n > 0) NOT ENFORCED);
    ALTER TABLE loose ADD CONSTRAINT filled NOT NULL n NOT VALID;
    SELECT is(pg_temp.stats('validate_constraints', '{}'), '{"validated": ["filled on public.loose"]}', 'not those that are not enforced; NOT NULL too');
\endif

-- check_queries.
CREATE TABLE orders (id integer PRIMARY KEY, cents integer);
INSERT INTO orders VALUES (1, 100);
SELECT is(pg_temp.stats('check_queries', '{"queries": []}'), '{"run": false, "queries": 0}', 'no queries');
SELECT is(pg_temp.stats('check_queries', '{"queries": ["SELECT cents FROM orders;", {"name": "erase", "query": "DELETE FROM orders"}, "SELECT 1 / cents FROM orders"]}'), '{"run": false, "queries": 3}', 'planned');
SELECT is(pg_temp.refusal('check_queries', '{"queries": ["SELECT total FROM orders", "SELECT 1", {"name": "the report", "query": "SELECT FROM\n gone"}, {"query": "SELEKT"}]}'),
E'23514: 3 of 4 queries cannot be planned any more\nquery 1 (SELECT total FROM orders): 42703: column "total" does not exist\nthe report: 42P01: relation "gone" does not exist\nquery 4 (SELEKT): 42601: syntax error at or near "SELEKT"', 'all that fail are told');
SELECT is(pg_temp.refusal('check_queries', jsonb_build_object('queries', jsonb_build_array(query))) ~ '^23514: 1 of 1 queries cannot be planned any more\n.*: 42', true, 'not executed in passing: ' || query)
  FROM unnest(ARRAY['ANALYZE DELETE FROM orders', '(ANALYZE) DELETE FROM orders', 'ANALYZE orders', 'DROP TABLE orders', 'SELECT 1; DELETE FROM orders']) AS query;
SELECT is(count(*), 1::bigint, 'nothing was deleted') FROM orders;
SELECT is(pg_temp.refusal('check_queries', '{"queries": ["DELETE FROM orders", "UPDATE orders SET cents = 1 / (cents - 100)", "INSERT INTO orders VALUES (1)", "DROP TABLE orders", "SELECT FROM orders"], "run": true}'),
E'23514: 2 of 5 queries cannot be run any more\nquery 2 (UPDATE orders SET cents = 1 / (cents - 100)): 22012: division by zero\nquery 3 (INSERT INTO orders VALUES (1)): 23505: duplicate key value violates unique constraint "orders_pkey"', 'run one by one, each undone');
SELECT is(pg_temp.stats('check_queries', '{"queries": ["DELETE FROM orders", "DROP TABLE orders"], "run": true}'), '{"run": true, "queries": 2}', 'run');
SELECT results_eq('SELECT id, cents FROM orders', 'VALUES (1, 100)', 'their effects are undone');
SELECT is(pg_temp.refusal('check_queries', '{"queries": ["SELECT 1", {"name": "x"}]}'), E'MG016: no "query" in the config of query 2 of check_queries\nquery 2 of check_queries needs it.', 'an object without a query');
SELECT is(pg_temp.refusal('check_queries', jsonb_build_object('queries', jsonb_build_array(wrong))) ~ '^MG016', true, 'no query: ' || wrong::text)
  FROM unnest(ARRAY['5', '{"query": "SELECT 1", "run": true}', '{"name": 1, "query": "SELECT 1"}', '[]', 'null', '""']::jsonb[]) AS wrong;
SELECT throws_ok(format($$SELECT pg_temp.stats('check_queries', %L)$$, jsonb_build_object('queries', jsonb_build_array(format('DO %L', format('BEGIN RAISE EXCEPTION SQLSTATE %L; END', state))), 'run', true)),
                 state::char(5), NULL, 'the server''s own errors stay what they are: ' || state)
  FROM unnest(ARRAY['40001', '40P01', '53100', '55P03', 'XX000']) AS state;
-- A cancel is caught by nobody who does not name it.
DO $$
BEGIN
    PERFORM pg_temp.stats('check_queries', '{"queries": ["DO ''BEGIN RAISE query_canceled; END''"], "run": true}');
EXCEPTION WHEN query_canceled THEN
    PERFORM set_config('seen.state', SQLSTATE, false);
END
$$;
SELECT is(current_setting('seen.state', true), '57014', 'a cancel stays one');
SELECT current_setting('server_version_num')::integer >= 160000 AS plans_parameters \gset
\if :plans_parameters
    SELECT is(pg_temp.stats('check_queries', '{"queries": ["SELECT cents FROM orders WHERE id = $1"]}'), '{"run": false, "queries": 1}', 'parameters');
\else
    SELECT is(pg_temp.refusal('check_queries', '{"queries": ["SELECT cents FROM orders WHERE id = $1"]}'),
              E'23514: 1 of 1 queries cannot be planned any more\nquery 1 (SELECT cents FROM orders WHERE id = $1): 42P02: there is no parameter $1', 'parameters');
\endif

-- guard_long_transactions, with another session that sits in a transaction.
CREATE EXTENSION dblink;
SELECT is(pg_temp.stats('guard_long_transactions', '{"older_than": "0"}') - 'hidden', '{"longest": [], "transactions": 0}', 'our own is none');
SELECT dblink_connect('long', format('host=%s port=%s dbname=%s application_name=sleeper', :'HOST', :'PORT', current_database()));
SELECT is(pg_temp.stats('guard_long_transactions', '{"older_than": "0"}') ->> 'transactions', '0', 'a session that is idle is none');
SELECT dblink_exec('long', 'BEGIN'), dblink_exec('long', E'SET LOCAL\n   work_mem = 4096');
SELECT pg_sleep(0.1) \g /dev/null
SELECT is(pg_temp.stats('guard_long_transactions', '{}') ->> 'transactions', '0', 'five minutes are the default');
SELECT matches(pg_temp.refusal('guard_long_transactions', '{"older_than": "50ms"}'),
               E'^23514: 1 transaction has been open for more than 00:00:00.05\npid \\d+, user "[^"]+", application "sleeper", idle in transaction, open for 00:00:\\d+: SET LOCAL work_mem = 4096$', 'one that is open for long is told');
SELECT results_eq($$SELECT stats ->> 'transactions', stats -> 'longest' -> 0 ->> 'application_name', (stats -> 'longest' -> 0 ->> 'age')::interval BETWEEN '50ms' AND '1min'
                      FROM pg_temp.stats('guard_long_transactions', '{"older_than": "50ms", "action": "warn"}') AS stats$$, $$VALUES ('1', 'sleeper', true)$$, 'or only warned of');
-- In one transaction the view of sessions is frozen at its first use.
BEGIN;
SELECT count(*) FROM pg_stat_activity \g /dev/null
SELECT dblink_exec('long', 'COMMIT');
SELECT is(pg_temp.stats('guard_long_transactions', '{"older_than": "0"}') ->> 'transactions', '0', 'one that has ended since this transaction looked first');
COMMIT;
SELECT dblink_exec('long', 'BEGIN'), dblink_exec('long', 'SET LOCAL work_mem = 4096');
CREATE ROLE built_in_checks_low;
GRANT USAGE ON SCHEMA confiture TO built_in_checks_low;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO built_in_checks_low;
SET ROLE built_in_checks_low;
SELECT results_eq($$SELECT stats -> 'transactions', (stats ->> 'hidden')::integer > 0 FROM pg_temp.stats('guard_long_transactions', '{"older_than": "0"}') AS stats$$,
                  $$VALUES ('0'::jsonb, true)$$, 'a role that may not look into sessions is told so');
RESET ROLE;
SELECT dblink_disconnect('long');
DROP OWNED BY built_in_checks_low;
DROP ROLE built_in_checks_low;

SELECT * FROM finish();
