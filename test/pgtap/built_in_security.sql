-- The built-in hooks, attacked: a hostile schema first in the search_path, hostile names, roles without rights, row-level security.
SET client_min_messages = error;
SELECT * FROM no_plan();

\ir shared/trying_built_ins.sql

CREATE SCHEMA shop;
CREATE TABLE shop.orders (id integer PRIMARY KEY, tenant text, cents integer CONSTRAINT dear CHECK (cents > 0));
INSERT INTO shop.orders SELECT n, 'tenant ' || n % 3, n FROM generate_series(1, 30) AS n;
ALTER TABLE shop.orders ADD CONSTRAINT cheap CHECK (cents < 1000) NOT VALID;
CREATE TABLE shop.r_value (tenant text, cents bigint);
CREATE MATERIALIZED VIEW shop.sums AS SELECT 1 AS one;
CREATE TEMPORARY TABLE scratch (a integer);

-- Functions, operators and tables of the names that the hooks use, each of which raises an error.
CREATE ROLE built_in_low;
GRANT USAGE, CREATE ON SCHEMA shop TO built_in_low;
GRANT CREATE ON DATABASE :"DBNAME" TO built_in_low;
SET ROLE built_in_low;
CREATE SCHEMA trap;
CREATE FUNCTION trap.trap() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'trapped as %', current_user; END $$;
CREATE FUNCTION trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT trap.trap() IS NULL';
CREATE FUNCTION trap.eq(integer, integer) RETURNS boolean LANGUAGE sql AS 'SELECT trap.trap() IS NULL';
CREATE FUNCTION trap.eq(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT trap.trap() IS NULL';
CREATE FUNCTION trap.eq(text, anyelement) RETURNS text LANGUAGE sql AS 'SELECT trap.trap()';
DO $$
DECLARE
    operator text;
    type text;
BEGIN
    FOREACH operator IN ARRAY ARRAY['=', '<>', '<', '>', '~~', '~', '!~', '~*', '||', '->', '->>', '?', '@>', '-'] LOOP
        FOREACH type IN ARRAY ARRAY['text', 'integer', 'jsonb'] LOOP
            EXECUTE format('CREATE OPERATOR trap.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = trap.eq)', operator, type);
        END LOOP;
    END LOOP;
END
$$;
CREATE FUNCTION trap.count(anyelement) RETURNS bigint LANGUAGE sql AS 'SELECT length(trap.trap())::bigint';
CREATE FUNCTION trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT trap.trap()';
CREATE FUNCTION trap.format(text, text) RETURNS text LANGUAGE sql AS 'SELECT trap.trap()';
CREATE FUNCTION trap.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS 'SELECT trap.trap()';
CREATE FUNCTION trap.jsonb_each(jsonb, OUT key text, OUT value jsonb) RETURNS SETOF record LANGUAGE sql AS 'SELECT trap.trap(), NULL::jsonb';
CREATE FUNCTION trap.jsonb_array_elements_text(jsonb) RETURNS SETOF text LANGUAGE sql AS 'SELECT trap.trap()';
CREATE FUNCTION trap.to_jsonb(anyelement) RETURNS jsonb LANGUAGE sql AS 'SELECT trap.trap()::jsonb';
CREATE FUNCTION trap.to_jsonb(text) RETURNS jsonb LANGUAGE sql AS 'SELECT trap.trap()::jsonb';
CREATE FUNCTION trap.quote_ident(text) RETURNS text LANGUAGE sql AS 'SELECT trap.trap()';
CREATE VIEW trap.pg_class AS SELECT 0::oid AS oid, trap.trap() AS relname;
CREATE VIEW trap.pg_constraint AS SELECT 0::oid AS oid, trap.trap() AS conname;
CREATE VIEW trap.pg_stat_activity AS SELECT trap.trap() AS datname;
CREATE VIEW trap.pg_namespace AS SELECT 0::oid AS oid, trap.trap() AS nspname;
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (trap.trap() IS NULL);
CREATE DOMAIN trap.jsonb AS pg_catalog.jsonb CHECK (trap.trap() IS NULL);
RESET ROLE;
CREATE TEMPORARY VIEW pg_class AS SELECT 1 AS one;
CREATE TEMPORARY TABLE hook (name, config) AS
VALUES ('analyze_tables', '{"tables": ["orders"]}'::jsonb), ('capture_statistics', '{}'),
       ('backfill_read_model', '{"target": "r_value", "select": "SELECT tenant, 1 FROM orders WHERE tenant OPERATOR(pg_catalog.=) $1", "columns": ["tenant", "cents"], "batches": "SELECT tenant FROM orders", "batch_column": "tenant"}'),
       ('check_queries', '{"queries": ["SELECT id FROM orders", {"name": "two", "query": "SELECT 2"}]}'), ('check_queries', '{"queries": ["DELETE FROM orders"], "run": true}'),
       ('drop_temporary_tables', '{"pattern": "scratch%"}'), ('guard_long_transactions', '{"older_than": "1 day", "action": "warn"}'),
       ('notify', '{"channel": "c", "payload": {"a": 1}}'), ('rebuild_indexes', '{"tables": ["orders"], "indexes": ["orders_pkey"]}'),
       ('refresh_materialized_views', '{"views": ["sums"], "concurrently": false}'), ('require_columns', '{"columns": ["tenant"], "schemas": ["shop"], "except": ["x_*"]}'),
       ('validate_constraints', '{"tables": ["orders"]}'), ('verify_consistency', '{"source": "SELECT DISTINCT tenant FROM orders", "target": "SELECT DISTINCT tenant FROM r_value", "key": ["tenant"]}');
-- In the order of their names: the read model is filled before it is compared.
SET search_path = trap, shop, pg_catalog, public;
CREATE FUNCTION pg_temp.all_of_them() RETURNS pg_catalog.text LANGUAGE plpgsql AS $$
DECLARE
    name pg_catalog.text;
    config pg_catalog.jsonb;
    ended pg_catalog.text := '';
BEGIN
    FOR name, config IN SELECT h.name, h.config FROM pg_temp.hook AS h ORDER BY h.name LOOP
        PERFORM pg_temp.stats(name, config);
        ended := ended OPERATOR(pg_catalog.||) name OPERATOR(pg_catalog.||) ' ';
    END LOOP;
    RETURN ended;
EXCEPTION WHEN OTHERS THEN
    RETURN pg_catalog.concat(ended, SQLERRM, ' in ', name);
END
$$;
SELECT pg_temp.all_of_them() AS ended \gset
RESET search_path;
SELECT is(:'ended'::text, (SELECT string_agg(name, ' ' ORDER BY name) || ' ' FROM hook), 'functions, operators, types and views of the search_path are out of reach');
SELECT is(count(*), 30::bigint, 'the read model was filled') FROM shop.r_value;

-- Names that would be code, were they not quoted.
CREATE TABLE shop."x""; DROP TABLE orders; --" ("k'; %I $1" integer PRIMARY KEY, v integer CONSTRAINT "c""; --" CHECK (v > 0));
ALTER TABLE shop."x""; DROP TABLE orders; --" ADD CONSTRAINT "d'); --" CHECK (v < 9) NOT VALID;
CREATE MATERIALIZED VIEW shop."m""; --" AS SELECT 1 AS one;
CREATE TEMPORARY TABLE "t""; DROP TABLE shop.orders; --" (a integer);
SELECT to_jsonb('shop."x""; DROP TABLE orders; --"'::text) AS name \gset
SELECT lives_ok(format('SELECT pg_temp.stats(%L, %L)', hook, config), 'a hostile name: ' || hook)
  FROM (VALUES ('analyze_tables', format('{"tables": [%s]}', :'name')), ('capture_statistics', format('{"tables": [%s]}', :'name')), ('rebuild_indexes', format('{"tables": [%s]}', :'name')),
               ('validate_constraints', '{"schemas": ["shop"]}'), ('refresh_materialized_views', '{}'), ('drop_temporary_tables', '{"pattern": "t\"; DROP%"}'),
               ('verify_consistency', format($${"source": %1$s, "target": %1$s, "key": ["k'; %%I $1"]}$$, :'name')), ('require_columns', $${"columns": ["k'; %I $1"], "schemas": ["shop"], "except": ["o*", "r_*"]}$$),
               ('backfill_read_model', format($${"target": %s, "columns": ["k'; %%I $1"], "batches": "VALUES (1)", "batch_column": "k'; %%I $1", "select": "SELECT $1"}$$, :'name'))) AS v (hook, config);
SELECT has_table('shop'::name, 'orders'::name, 'nothing of it ran');
SELECT throws_matching(format($$SELECT pg_temp.stats('analyze_tables', '{"tables": [%s]}')$$, to_jsonb(name)), '^(relation ".*" does not exist|invalid name syntax|improper relation name)', 'no name of a relation: ' || name)
  FROM unnest(ARRAY['orders; DROP TABLE shop.orders', 'a.b.c.d', '"', 'shop.', '(SELECT 1)', '0', '-1', '99999']) AS name;

-- A hook has the rights of the role that runs it, no more and no less.
GRANT USAGE ON SCHEMA confiture TO built_in_low;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO built_in_low;
GRANT ALL ON pg_temp.hook TO built_in_low;
CREATE FUNCTION public.whoami() RETURNS text LANGUAGE sql AS 'SELECT current_user::text';
SET ROLE built_in_low;
SELECT throws_ok(format('SELECT pg_temp.stats(%L, %L)', hook, config), '42501', NULL, 'without rights: ' || hook)
  FROM (VALUES ('analyze_tables', '{"tables": ["shop.orders"]}'), ('backfill_read_model', '{"target": "shop.r_value", "select": "SELECT ''a'', 1"}'), ('rebuild_indexes', '{"tables": ["shop.orders"]}'),
               ('refresh_materialized_views', '{"views": ["shop.sums"]}'),
               ('verify_consistency', '{"source": "shop.orders", "target": "shop.r_value"}')) AS v (hook, config);
RESET ROLE;
ALTER TABLE shop.orders ADD CONSTRAINT cheaper CHECK (cents < 500) NOT VALID;
SET ROLE built_in_low;
SELECT throws_ok($$SELECT pg_temp.stats('validate_constraints', '{"tables": ["shop.orders"]}')$$, '42501', NULL, 'without rights: validate_constraints');
SELECT throws_matching($$SELECT pg_temp.stats('check_queries', '{"queries": ["SELECT FROM shop.orders"]}')$$, '^1 of 1 queries', 'a query that the role may not run does not run');
SELECT is(pg_temp.stats('require_columns', '{"columns": ["tenant"], "schemas": ["shop"], "except": ["x*"]}') ->> 'tables', '2', 'the catalog is everybody''s');
CREATE TABLE shop.theirs (who text);
SELECT lives_ok($$SELECT pg_temp.stats('backfill_read_model', '{"target": "shop.theirs", "select": "SELECT public.whoami()"}')$$, 'one''s own table');
SELECT results_eq('SELECT who FROM shop.theirs', $$VALUES ('built_in_low')$$, 'what a config says runs as the role');
BEGIN;
RESET ROLE;
INSERT INTO shop.orders VALUES (99, 'x', 1);
SET ROLE built_in_low;
SELECT is(ARRAY[stats -> 'analyzed' ? 'shop.orders', stats -> 'skipped' ? 'shop.orders'], '{f,t}', 'a table of others that the transaction wrote is left out, and told of')
  FROM pg_temp.stats('analyze_tables', '{}') AS stats;
ROLLBACK;
RESET ROLE;

-- Row-level security never makes a part look like the whole.
ALTER TABLE shop.theirs FORCE ROW LEVEL SECURITY, ENABLE ROW LEVEL SECURITY;
CREATE POLICY only_a ON shop.theirs USING (who = 'a') WITH CHECK (true);
SET ROLE built_in_low;
SELECT throws_ok(format('SELECT pg_temp.stats(%L, %L)', hook, config), '42501', 'query would be affected by row-level security policy for table "theirs"', 'rows that a policy hides: ' || hook)
  FROM (VALUES ('backfill_read_model', '{"target": "shop.theirs", "select": "SELECT ''a''"}'), ('verify_consistency', '{"source": "SELECT 1", "target": "SELECT * FROM shop.theirs"}')) AS v (hook, config);
RESET ROLE;
SELECT lives_ok($$SELECT pg_temp.stats('verify_consistency', '{"source": "SELECT 1", "target": "SELECT * FROM shop.theirs"}')$$, 'a role that sees all of them');
SELECT is(current_setting('row_security'), 'on', 'the setting is what it was');

SELECT * FROM finish();
DROP OWNED BY built_in_low CASCADE;
DROP ROLE built_in_low;
