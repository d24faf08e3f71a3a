-- confiture.backfill() and backfill_sql(): keys of all kinds, hostile names and texts, what is refused.
-- The calls commit, so they stand at top level: what they raise is read from psql's variables.
SET client_min_messages = error;
SELECT * FROM no_plan();
\set ON_ERROR_STOP off

CREATE TABLE person (id integer PRIMARY KEY, email text, folded text, changes integer NOT NULL DEFAULT 0,
                     twice integer GENERATED ALWAYS AS (id * 2) STORED);
INSERT INTO person SELECT n, 'User' || n || '@example.org' FROM generate_series(1, 1000) AS n;

-- What it does.
CALL confiture.backfill('person', 'folded = lower(email), changes = changes + 1', batch_size => 100, max_batch_size => 100) \gset
SELECT is(:rows_updated, 1000, 'every row');
SELECT is(:batches, 11, 'in batches of that size, the last one empty');
SELECT ok(:execution_time_ms > 0, 'with its time');
SELECT is(count(*), 1000::bigint, 'each once') FROM person WHERE folded = lower(email) AND changes = 1;
SELECT is(count(DISTINCT xmin::text), 10::bigint, 'each batch in a transaction of its own') FROM person;
SELECT ok(name ~ '^public\.person:[0-9a-f]{12}$' AND table_name = 'public.person' AND key_columns = '{id}' AND last_key = '{1000}'
          AND rows_updated = 1000 AND batches = 11 AND finished_at >= started_at AND executed_by = current_user,
          'it is recorded')
  FROM confiture.backfill_run;
CALL confiture.backfill('person', 'folded = lower(email), changes = changes + 1') \gset
SELECT is(:rows_updated, 0, 'what is finished is not repeated');
CALL confiture.backfill('person', 'folded = lower(email), changes = changes + 1', restart => true) \gset
SELECT is(:rows_updated, 1000, 'but with restart');
SELECT is(min(changes), 2, 'which does it again') FROM person;
CALL confiture.backfill('person', 'folded = NULL', 'id % 10 = 0', 'some') \gset
SELECT is(:rows_updated, 100, 'a condition');
SELECT is(count(*), 100::bigint, 'leaves the others alone') FROM person WHERE folded IS NULL;
CALL confiture.backfill('person', 'folded = ''''', name => 'some') \gset
SELECT is(:'SQLSTATE'::text, 'MG016', 'another one of the same name is refused');
CALL confiture.backfill('person', 'folded = lower(email)', 'folded IS NULL', name => 'some', restart => true) \gset
SELECT is(:rows_updated, 100, 'but with restart');
SELECT is(count(*), 0::bigint, 'each batch sees what was committed') FROM person WHERE folded IS NULL;
CREATE TABLE nobody (id integer PRIMARY KEY, v integer);
CALL confiture.backfill('nobody', 'v = 1') \gset
SELECT is(:rows_updated, 0, 'an empty table');

-- Sizes.
CREATE TABLE fired (at timestamptz);
CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO fired VALUES (now()); RETURN NULL; END $$;
CREATE TRIGGER fired AFTER UPDATE ON person FOR EACH STATEMENT EXECUTE FUNCTION fired();
CALL confiture.backfill('person', 'changes = 0', batch_size => 1, batch_time => '10s') \gset
SELECT is(:batches, 6, 'quick batches grow: 1, 4, 16, 64, 256 and the rest');
SELECT is(count(DISTINCT at), 6::bigint, 'triggers fire for each, and now() goes on') FROM fired;
CALL confiture.backfill('person', 'changes = 0 + (pg_sleep(0.001) IS NULL)::int', 'id <= 500', batch_time => '20ms') \gset
SELECT ok(:batches > 1, 'slow ones shrink') AS shrunk;
DROP TRIGGER fired ON person;

-- Texts that would reach beyond their place.
CREATE TABLE attempt (place integer GENERATED ALWAYS AS IDENTITY, assignments text, condition text);
INSERT INTO attempt (assignments, condition) VALUES
    ('changes = 9 WHERE true --', NULL), ('changes = 9; DELETE FROM person', NULL), ('changes = 9 RETURNING 1', NULL),
    ('changes = 9 FROM fired', NULL), ('changes = 9 /*', NULL), ('changes = (9', NULL), ('', NULL), ('changes = $1', NULL),
    ('changes = 9 WHERE true; UPDATE person SET changes = 9', NULL), ('changes = ''9', NULL), ('changes = 9 WHERE CURRENT OF c', NULL),
    ('changes = 9', 'true) OR (true'), ('changes = 9', 'true; DELETE FROM person'), ('changes = 9', 'true ORDER BY 1'),
    ('changes = 9', 'true RETURNING 1'), ('changes = 9', 'true) RETURNING (1'), ('changes = 9', ''), ('changes = 9', '--'),
    ('changes = 9', 'true UNION SELECT'), ('changes = 9', '/* true'), ('changes = 9', 'id = $2'), ('changes = 9', 'true) --'),
    ('id = id + 1', NULL), ('(changes, id) = (SELECT 1, 2)', NULL), ('"id" = 5', NULL), ('changes = 9', 'GROUP BY 1');
\set script `mktemp`
SELECT format(E'CALL confiture.backfill(''person'', %L, %L);\nSELECT is(:''SQLSTATE''::text, ''MG016'', %L);', assignments, condition,
              concat_ws(' if ', 'refused: ' || assignments, condition))
  FROM attempt ORDER BY place \g :script
\i :script
SELECT is(count(*), 500::bigint, 'and nothing was done') FROM person WHERE changes = 0 AND id > 500;
CALL confiture.backfill('person', E'changes = 1 -- no more\n;', E'id = 1 -- no more') \gset
SELECT is(:rows_updated, 1, 'comments and a semicolon at the end');
CALL confiture.backfill('person', 'email = $$;$$ || ''$1'', folded = ''--''', 'id = 2 OR id = 3') \gset
SELECT is(:rows_updated, 2, 'what looks like more in strings');
SELECT is(count(*), 2::bigint, 'is taken to the letter') FROM person WHERE email = ';$1' AND folded = '--';
CALL confiture.backfill('person', 'absent = 1') \gset
SELECT is(:'SQLSTATE'::text, '42703', 'a column that is not there is an error of the server');
CALL confiture.backfill('person', 'twice = 1') \gset
SELECT is(:'SQLSTATE'::text, CASE WHEN current_setting('server_version_num')::int < 140000 THEN '42601' ELSE '428C9' END, 'and so is a generated one');
CALL confiture.backfill('person', 'changes = changes / (id - 500)', batch_size => 10) \gset
SELECT is(:'SQLSTATE'::text, '22012', 'an error of a row');
SELECT ok(rows_updated BETWEEN 1 AND 499 AND finished_at IS NULL, 'leaves what was committed')
  FROM confiture.backfill_run WHERE statement LIKE '%(id - 500)';
CALL confiture.backfill('person', 'changes = absent_function(id)') \gset
SELECT is(count(*), 0::bigint, 'what cannot begin is not recorded') FROM confiture.backfill_run WHERE statement ~ 'absent|twice = 1';

-- Arguments.
CREATE VIEW people AS TABLE person;
CREATE SEQUENCE counter;
CREATE TABLE wrong (place integer GENERATED ALWAYS AS IDENTITY, arguments text);
INSERT INTO wrong (arguments) VALUES
    ($$NULL, 'changes = 1'$$), ($$'person', NULL$$), ($$'people', 'changes = 1'$$), ($$'counter', 'last_value = 1'$$),
    ($$1, 'changes = 1'$$), ($$'person', 'changes = 1', name => ''$$), ($$'person', 'changes = 1', batch_size => 0$$),
    ($$'person', 'changes = 1', max_batch_size => -1$$), ($$'person', 'changes = 1', batch_size => NULL$$),
    ($$'person', 'changes = 1', batch_time => '0'$$), ($$'person', 'changes = 1', pause => '-1s'$$),
    ($$'person', 'changes = 1', max_lag => '-1 day'$$), ($$'person', 'changes = 1', restart => NULL$$),
    ($$'person', 'changes = 1', max_wait_caused => NULL$$);
SELECT format(E'CALL confiture.backfill(%s);\nSELECT is(:''SQLSTATE''::text, ''MG016'', %L);', arguments, 'refused: ' || arguments)
  FROM wrong ORDER BY place \g :script
\i :script
BEGIN;
CALL confiture.backfill('person', 'changes = 1') \gset
\set state :SQLSTATE
ROLLBACK;
SELECT is(:'state'::text, 'MG010', 'not in a transaction');
CREATE FUNCTION pg_temp.within() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'CALL confiture.backfill(''person'', ''changes = 2'')'; END $$;
SELECT throws_ok('SELECT pg_temp.within()', 'MG010', NULL, 'not in a function');
SET default_transaction_read_only = on;
CALL confiture.backfill('person', 'changes = 1') \gset
SELECT is(:'SQLSTATE'::text, 'MG010', 'not in a read-only transaction');
RESET default_transaction_read_only;
SET default_transaction_isolation = 'serializable';
CALL confiture.backfill('person', 'changes = 3', batch_size => 300, max_batch_size => 300) \gset
SELECT is(:rows_updated, 1000, 'in serializable transactions');
RESET default_transaction_isolation;

-- Tables without a key to go along.
CREATE TABLE keyless (a integer, b integer NOT NULL, c text NOT NULL, d integer NOT NULL, v integer);
CREATE UNIQUE INDEX ON keyless (a);
CREATE UNIQUE INDEX ON keyless (b) WHERE b < 0;
CREATE UNIQUE INDEX ON keyless (lower(c));
CREATE UNIQUE INDEX ON keyless (c text_pattern_ops);
CREATE UNIQUE INDEX ON keyless (c COLLATE "C");
CREATE UNIQUE INDEX ON keyless (b, d DESC);
CREATE INDEX ON keyless (b);
CALL confiture.backfill('keyless', 'v = 1') \gset
SELECT is(:'SQLSTATE'::text, 'MG016', 'none of these indexes will do');
CREATE UNIQUE INDEX ON keyless (b DESC, d DESC) INCLUDE (v);
INSERT INTO keyless (b, d, c) SELECT n / 10, n, n::text FROM generate_series(1, 100) AS n;
CALL confiture.backfill('keyless', 'v = coalesce(v, 0) + 1', batch_size => 7, max_batch_size => 7) \gset
SELECT is(:rows_updated, 100, 'but this one');
SELECT is(min(v) || ' ' || max(v), '1 1', 'each row once') FROM keyless;

-- Keys of all sorts of types, in a table with hostile names, by a session that prints them its own way; each is read again
-- from its text in every batch.
CREATE SCHEMA "ext ra";
CREATE EXTENSION citext SCHEMA "ext ra";
CREATE TYPE mood AS ENUM ('sad', 'o''k', 'NULL', 'a,b');
CREATE DOMAIN code AS varchar(10) CHECK (VALUE <> 'x');
CREATE DOMAIN folded AS "ext ra".citext;
CREATE TYPE pair AS (a integer, b text);
CREATE SCHEMA "s %I";
SET datestyle = 'SQL, DMY';
SET intervalstyle = 'sql_standard';
SET bytea_output = 'escape';
SET extra_float_digits = 0;
CREATE TABLE key_type (place integer GENERATED ALWAYS AS IDENTITY, type text, keys text[]);
INSERT INTO key_type (type, keys) VALUES
    ('bigint', '{-9223372036854775808,-1,0,1,7,8,9223372036854775807}'), ('smallint', '{-3,0,1,2,3}'),
    ('numeric', '{-1.50,0,1.5,1e50,NaN}'), ('real', '{0.1,0.2,0.30000001,1e-30,3e8}'),
    ('float8', '{0.1,0.30000000000000004,0.3,Infinity,1e-300}'),
    ('text', ARRAY['', 'a', 'it''s', '"', '\', '{}', ',', 'NULL', '  x ', E'\n', 'é', '%s $1']), ('text COLLATE "C"', '{B,a,"b ",Z,é}'),
    ('varchar(5)', '{a,b,"c d",dddd,e}'), ('char(5)', '{a,b,"c d",dddd,e}'), ('name', '{a,b,c,"D e"}'), ('"char"', '{a,b,c,d}'),
    ('uuid', '{00000000-0000-0000-0000-000000000000,6ecd8c99-4036-403d-bf84-cf8400f67836,ffffffff-ffff-ffff-ffff-ffffffffffff}'),
    ('date', '{13/01/2020,02/03/2020,03/02/2020,infinity,-infinity}'),
    ('timestamp', '{02/03/2020 10:00:00.000001,03/02/2020 10:00,04/05/0044 00:00:00 BC,infinity}'),
    ('timestamptz', '{02/03/2020 10:00:00.000001+03,03/02/2020 10:00+00,04/05/2021 12:00-08,infinity}'),
    ('time', '{10:00:00.000001,10:00,24:00}'), ('interval', '{1 day,-1 day,1 day -02:00:00,1 year -1 day,00:00:00.000001}'),
    ('boolean', '{t,f}'), ('bytea', ARRAY['', '\x00', '\xff00', '\x5c5c', '\x6162']),
    ('inet', '{10.0.0.1,10.0.0.0/8,10.0.0.2,::1,10.0.0.1/24}'), ('macaddr', '{00:00:00:00:00:01,00:00:00:00:00:02,ff:00:00:00:00:00}'),
    ('mood', ARRAY['sad', 'o''k', 'NULL', 'a,b']), ('code', '{a,b,"c d",é}'), ('folded', '{a,B,c,D}'),
    ('"ext ra".citext', '{a,B,c,D,"e "}'), ('integer[]', ARRAY['{}', '{1,2}', '{NULL}', '{1,10}', '{2}']),
    ('text[]', ARRAY['{}', '{"a,b"}', '{NULL}', '{"NULL"}', '{"\\"}']), ('int4range', ARRAY['empty', '[1,2)', '[1,5)', '(,0)']),
    ('jsonb', ARRAY['1', '"a"', '[1, 2]', '{"a": null}']), ('pair', ARRAY['(1,a)', '(1,"b c")', '(2,)', '(,x)']),
    ('oid', '{0,1,4294967295}'), ('bit varying(8)', '{0,1,01,11}'), ('pg_lsn', '{0/0,0/A,1/0,A/0}'), ('money', '{1,2,10,-1}');
SELECT format($script$CREATE TABLE "s %%I"."r "" %%I $1" ("k ""; DROP" %1$s PRIMARY KEY, v integer NOT NULL DEFAULT 0);
INSERT INTO "s %%I"."r "" %%I $1" SELECT unnest(%2$L::text[])::%3$s;
CALL confiture.backfill('"s %%I"."r "" %%I $1"', 'v = v + 1', batch_size => 1, max_batch_size => 1, name => 'name '' " \') \gset
SET search_path = public, "ext ra";
SELECT is(concat_ws(' ', :rows_updated, :batches, min(v), max(v), count(*)), %4$L, %5$L) FROM "s %%I"."r "" %%I $1";
CALL confiture.backfill_sql('"s %%I"."r "" %%I $1"', 'UPDATE "s %%I"."r "" %%I $1" SET v = v + 1 WHERE "k ""; DROP" BETWEEN $1 AND $2', batch_size => 2, max_batch_size => 2) \gset
RESET search_path;
SELECT is(min(v) || ' ' || max(v), '2 2', %5$L || ', between') FROM "s %%I"."r "" %%I $1";
DROP TABLE "s %%I"."r "" %%I $1";
DELETE FROM confiture.backfill_run WHERE name LIKE 'name%%' OR name LIKE '"s %%';
$script$, type, keys, split_part(type, ' COLLATE', 1), format('%s %s 1 1 %1$s', count, count + 1), 'key of type ' || type)
  FROM (SELECT *, cardinality(keys) AS count FROM key_type) AS k ORDER BY place \g :script
\i :script
RESET datestyle;
RESET intervalstyle;
RESET bytea_output;
RESET extra_float_digits;

-- Keys of several columns, of one operator and of several.
CREATE TABLE line (tenant integer, "Name" text, at date, v integer NOT NULL DEFAULT 0, PRIMARY KEY (tenant, "Name", at));
INSERT INTO line SELECT n % 3, repeat('x', n % 4), date '2020-01-01' + n / 12 FROM generate_series(0, 499) AS n;
CREATE TABLE mixed (tenant integer, email "ext ra".citext, n integer, v integer NOT NULL DEFAULT 0, PRIMARY KEY (tenant, email, n));
INSERT INTO mixed SELECT n % 3, chr(65 + n % 5 + n % 2 * 32), n FROM generate_series(0, 499) AS n;
CREATE TABLE nested (a integer, b integer, v integer NOT NULL DEFAULT 0, PRIMARY KEY (b, a));
INSERT INTO nested SELECT n, n % 2 FROM generate_series(1, 500) AS n;
SELECT format($script$CALL confiture.backfill('%1$s', 'v = v + 1', batch_size => %2$s, max_batch_size => %2$s, restart => true) \gset
SELECT is(:rows_updated || ' ' || min(v) || ' ' || max(v), '500 ' || %3$s || ' ' || %3$s, '%1$s, %2$s rows at a time') FROM %1$s;
$script$, relation, size, row_number() OVER (PARTITION BY relation ORDER BY size))
  FROM (VALUES ('line'), ('mixed'), ('nested')) AS r (relation), (VALUES (1), (7), (100), (500), (501)) AS s (size)
 ORDER BY relation, size \g :script
\i :script
CALL confiture.backfill_sql('line', 'UPDATE line SET v = 0 WHERE (tenant, "Name", at) BETWEEN ($1, $2, $3) AND ($4, $5, $6)', batch_size => 7, max_batch_size => 7) \gset
SELECT is(:rows_updated || ' ' || max(v), '500 0', 'several columns as parameters') FROM line;

-- Partitions, children, temporary tables.
CREATE TABLE measure (day date, id integer, v integer NOT NULL DEFAULT 0, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE measure_1 PARTITION OF measure FOR VALUES FROM ('2020-01-01') TO ('2020-02-01');
CREATE TABLE measure_2 PARTITION OF measure FOR VALUES FROM ('2020-02-01') TO ('2020-03-01') PARTITION BY RANGE (id);
CREATE TABLE measure_2a PARTITION OF measure_2 FOR VALUES FROM (0) TO (200);
CREATE TABLE measure_2b PARTITION OF measure_2 DEFAULT;
INSERT INTO measure SELECT date '2020-01-01' + n % 60, n FROM generate_series(1, 400) AS n;
CALL confiture.backfill('measure', 'v = v + 1', batch_size => 30, max_batch_size => 30) \gset
SELECT is(:rows_updated || ' ' || min(v) || ' ' || max(v), '400 1 1', 'a partitioned table') FROM measure;
CREATE TABLE base (id integer PRIMARY KEY, v integer NOT NULL DEFAULT 0);
CREATE TABLE child () INHERITS (base);
INSERT INTO base SELECT generate_series(1, 50);
INSERT INTO child SELECT generate_series(20, 80);
CALL confiture.backfill('base', 'v = v + 1', batch_size => 10, max_batch_size => 10) \gset
SELECT is(:rows_updated || ' ' || min(v) || ' ' || max(v), '111 1 1', 'children, which share keys') FROM base;
CREATE TEMPORARY TABLE passing (id integer PRIMARY KEY, v integer);
INSERT INTO passing SELECT generate_series(1, 10);
CALL confiture.backfill('passing', 'v = 1') \gset
SELECT is(:rows_updated, 10, 'a temporary table');

-- Whole statements.
CREATE TABLE r_person (id integer PRIMARY KEY, email text);
CALL confiture.backfill_sql('person', 'INSERT INTO r_person SELECT id, email FROM person WHERE id BETWEEN $1 AND $2;', batch_size => 90, max_batch_size => 90) \gset
SELECT is(:rows_updated || ' ' || :batches, '1000 12', 'a read model');
SELECT results_eq('TABLE r_person ORDER BY id', 'SELECT id, email FROM person ORDER BY id', 'with its rows');
CALL confiture.backfill_sql('person', 'SELECT pg_temp.sum_of($1, $2)') \gset
SELECT is(:'SQLSTATE'::text, '42883', 'a function that is not there');
CREATE FUNCTION pg_temp.sum_of(low integer, high integer) RETURNS integer LANGUAGE sql AS 'INSERT INTO fired VALUES (now()); SELECT low + high';
CALL confiture.backfill_sql('person', 'SELECT pg_temp.sum_of($1, $2)') \gset
SELECT is(:rows_updated, 1, 'a function');
TRUNCATE wrong;
INSERT INTO wrong (arguments) VALUES ('DELETE FROM r_person'), ('DELETE FROM r_person WHERE id > $1'), ('DELETE FROM r_person WHERE id < $2'),
    ('DELETE FROM r_person WHERE ''$1'' < ''$2'' -- $1 $2');
SELECT format(E'CALL confiture.backfill_sql(''person'', %L);\nSELECT is(:''SQLSTATE''::text, ''MG016'', %L);', arguments, 'refused: ' || arguments)
  FROM wrong ORDER BY place \g :script
\i :script
CALL confiture.backfill_sql('person', 'DELETE FROM r_person WHERE id BETWEEN $1 AND $2; DELETE FROM r_person WHERE id BETWEEN $1 AND $2') \gset
SELECT is(:'SQLSTATE'::text, '42601', 'refused: two statements');
CALL confiture.backfill_sql('person', 'DELETE FROM r_person WHERE id BETWEEN $1 AND $2 OR id = $3') \gset
SELECT is(:'SQLSTATE'::text, '42P02', 'refused: a third parameter');
SELECT is(count(*), 1000::bigint, 'nothing was deleted') FROM r_person;

-- Names are found as the caller finds them, in every batch.
CREATE SCHEMA shop;
CREATE FUNCTION shop.price(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1 * 100';
CREATE TABLE shop.item (id integer PRIMARY KEY, cents integer);
INSERT INTO shop.item SELECT generate_series(1, 30);
SET search_path = shop, public;
CALL confiture.backfill('item', 'cents = price(id)', batch_size => 10, max_batch_size => 10) \gset
SELECT is(:rows_updated || ' ' || sum(cents), '30 46500', 'the search_path of the caller') FROM item;
RESET search_path;

-- Rights.
SELECT is_empty($$SELECT proname FROM pg_proc WHERE pronamespace = 'confiture'::regnamespace AND has_function_privilege('public', oid, 'EXECUTE')$$,
                'PUBLIC may call nothing');
CREATE ROLE backfill_worker;
GRANT USAGE ON SCHEMA confiture TO backfill_worker;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO backfill_worker;
GRANT USAGE ON SCHEMA shop TO backfill_worker;
GRANT SELECT ON shop.item TO backfill_worker;
SET ROLE backfill_worker;
CALL confiture.backfill('shop.item', 'cents = 0', name => 'mine') \gset
SELECT is(:'SQLSTATE'::text, '42501', 'the caller needs UPDATE');
SELECT is(:'LAST_ERROR_MESSAGE'::text, 'permission denied for table item', 'as the server says');
RESET ROLE;
SELECT is(count(*), 0::bigint, 'nothing is recorded') FROM confiture.backfill_run WHERE name = 'mine';
GRANT UPDATE ON shop.item TO backfill_worker;
ALTER TABLE shop.item ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON shop.item USING (id % 2 = 0);
SET ROLE backfill_worker;
CALL confiture.backfill('shop.item', 'cents = 0', name => 'mine') \gset
SELECT is(:'SQLSTATE'::text, '42501', 'rows that a policy hides are not left out in silence');
RESET ROLE;
ALTER TABLE shop.item DISABLE ROW LEVEL SECURITY;
SET ROLE backfill_worker;
CALL confiture.backfill('shop.item', 'cents = 0', name => 'mine') \gset
SELECT is(:rows_updated, 30, 'without rights on the tables of confiture');
SELECT throws_ok('UPDATE confiture.backfill_run SET last_key = NULL', '42501', NULL, 'which nobody else writes');
CALL confiture.backfill('shop.item', 'cents = 0', name => 'some', restart => true) \gset
SELECT is(:'SQLSTATE'::text, 'MG016', 'a backfill of another role cannot be begun again');
CALL confiture.backfill('person', 'folded = lower(email)', 'folded IS NULL', name => 'some') \gset
SELECT is(:'SQLSTATE'::text, 'MG016', 'nor gone on with');
SELECT matches(:'LAST_ERROR_MESSAGE'::text, '^backfill "some" is that of role ', 'and whose it is is told');
RESET ROLE;
SELECT is(executed_by, 'backfill_worker', 'whose it is is recorded') FROM confiture.backfill_run WHERE name = 'mine';
SELECT is(count(*), 1::bigint, 'what is recorded of others is there') FROM confiture.backfill_run WHERE name = 'some';
CALL confiture.backfill('shop.item', 'cents = 0', name => 'mine', restart => true) \gset
SELECT is(:rows_updated, 30, 'a superuser may');
DROP OWNED BY backfill_worker;
DROP ROLE backfill_worker;

-- A key that is not what it was.
CALL confiture.backfill('keyless', 'v = v / (b - 5)', name => 'key', batch_size => 5, max_batch_size => 5) \gset
ALTER TABLE keyless ADD PRIMARY KEY (d);
CALL confiture.backfill('keyless', 'v = v / (b - 5)', name => 'key') \gset
SELECT is(:'SQLSTATE'::text, 'MG016', 'a key that has changed since is refused');
SELECT matches(:'LAST_ERROR_MESSAGE'::text, 'begun as another one', 'and told');
SELECT is(count(*), 0::bigint, 'no lock is left') FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object';
\setenv script :script
\! rm -f "$script"
SELECT * FROM finish();
