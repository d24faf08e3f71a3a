-- What a dry run tells of each statement: what it rewrote, scanned, built, made, checked and cost.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, name varchar(20), born date);
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int, amount int);
CREATE INDEX orders_amount ON shop.orders (amount);
CREATE TABLE shop.part (a int) PARTITION BY RANGE (a);
CREATE TABLE shop.part_low PARTITION OF shop.part FOR VALUES FROM (0) TO (1000);
INSERT INTO shop.customer SELECT n, 'c' || n FROM generate_series(1, 1000) n;
INSERT INTO shop.orders SELECT n, 1 + n % 1000, n FROM generate_series(1, 5000) n;
INSERT INTO shop.part SELECT generate_series(0, 999);
ANALYZE;
CREATE FUNCTION shop.add_order(id int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.orders VALUES (add_order.id, 1, 1);
END
$$;
CREATE FUNCTION shop.on_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shop.customer SET name = 'seen' WHERE id = NEW.customer_id;
    RETURN NEW;
END
$$;

CREATE FUNCTION pg_temp.said(script text, what text, wanted int DEFAULT 1) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    told text[];
BEGIN
    EXECUTE format('SELECT s.%I FROM confiture.dry_run_sql($1) r, confiture.dry_run_statements(r) s
                     WHERE s.depth = 0 AND s.ordinal = $2', what) INTO told USING script, wanted;
    RETURN ARRAY(SELECT t FROM unnest(told) t ORDER BY t);
END
$$;

-- Rewrites.
CREATE TEMPORARY TABLE rewriting (name text, text text, rewrites text[]);
INSERT INTO rewriting VALUES
('a type that is wider on disk', 'ALTER TABLE shop.orders ALTER amount TYPE bigint', '{shop.orders}'),
('a longer varchar', 'ALTER TABLE shop.customer ALTER name TYPE varchar(50)', '{}'),
('varchar to text', 'ALTER TABLE shop.customer ALTER name TYPE text', '{}'),
('a shorter varchar', 'ALTER TABLE shop.customer ALTER name TYPE varchar(15)', '{shop.customer}'),
('a column without a default', 'ALTER TABLE shop.orders ADD x int', '{}'),
('a column with a constant default', 'ALTER TABLE shop.orders ADD x int DEFAULT 5', '{}'),
('a column with a stable default', 'ALTER TABLE shop.orders ADD x timestamptz DEFAULT now()', '{}'),
('a column with a volatile default', 'ALTER TABLE shop.orders ADD x float8 DEFAULT random()', '{shop.orders}'),
('a generated column', 'ALTER TABLE shop.orders ADD x int GENERATED ALWAYS AS (amount + 1) STORED', '{shop.orders}'),
('an identity column', 'ALTER TABLE shop.orders ADD x int GENERATED ALWAYS AS IDENTITY', '{shop.orders}'),
('unlogged', 'ALTER TABLE shop.orders SET UNLOGGED', '{shop.orders}'),
('CLUSTER', 'CLUSTER shop.orders USING orders_pkey', '{shop.orders}'),
('two at once', 'ALTER TABLE shop.orders ALTER amount TYPE bigint, ALTER customer_id TYPE bigint', '{shop.orders}'),
('a partitioned table', 'ALTER TABLE shop.part ADD x float8 DEFAULT random()', '{shop.part_low}'),
('inside DO', 'DO ''BEGIN ALTER TABLE shop.orders ALTER amount TYPE bigint; END''', '{shop.orders}'),
('dropping a column', 'ALTER TABLE shop.orders DROP amount', '{}'),
('SET NOT NULL', 'ALTER TABLE shop.orders ALTER amount SET NOT NULL', '{}'),
('TRUNCATE', 'TRUNCATE shop.orders', '{}'),
('DROP TABLE', 'DROP TABLE shop.orders', '{}'),
('CREATE INDEX', 'CREATE INDEX ON shop.orders (customer_id)', '{}'),
('UPDATE', 'UPDATE shop.orders SET amount = 1', '{}');
SELECT is(pg_temp.said(text, 'rewrites'), rewrites, name || ': rewrites') FROM rewriting;
SELECT is(pg_temp.said('CREATE TABLE shop.made (a int); INSERT INTO shop.made VALUES (1); ALTER TABLE shop.made ALTER a TYPE bigint',
                       'rewrites', 3), '{shop.made}', 'a new table is rewritten too');
SELECT cmp_ok((r.stats->'statements'->0->'rewrites'->0->>'bytes')::bigint, '>=', pg_relation_size('shop.orders') / 2,
              'a rewrite says how many bytes')
  FROM confiture.dry_run_sql('ALTER TABLE shop.orders ALTER amount TYPE bigint') r;
SELECT matches(r.warnings::text, 'rewrites shop.orders', 'and is warned of')
  FROM confiture.dry_run_sql('ALTER TABLE shop.orders ALTER amount TYPE bigint') r;

-- Scans.
SELECT is(pg_temp.said('SELECT count(*) FROM shop.orders', 'scans'), '{shop.orders}', 'a sequential scan');
SELECT is(pg_temp.said('SET enable_seqscan = off; SELECT FROM shop.orders WHERE id = 1', 'scans', 2), '{}',
          'a look into an index is no scan of the table');
SELECT is(pg_temp.said('UPDATE shop.orders SET amount = 1 WHERE amount + 1 = 2', 'scans'), '{shop.orders}', 'UPDATE');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD CHECK (amount > 0)', 'scans'), '{shop.orders}', 'a new CHECK');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD CHECK (amount > 0) NOT VALID', 'scans'), '{}', 'a CHECK that is NOT VALID');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ALTER amount SET NOT NULL', 'scans'), '{shop.orders}', 'SET NOT NULL');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT c CHECK (amount IS NOT NULL);
                        ALTER TABLE shop.orders ALTER amount SET NOT NULL', 'scans', 2), '{}',
          'SET NOT NULL where a valid CHECK says so already');
SELECT is(pg_temp.said('CREATE INDEX ON shop.orders (customer_id)', 'scans'), '{shop.orders}', 'CREATE INDEX');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD FOREIGN KEY (customer_id) REFERENCES shop.customer', 'scans')
          @> '{shop.orders}', true, 'a foreign key');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD x int', 'scans'), '{}', 'a new column');

-- Constraints that were checked against every row.
SELECT alike(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (amount > 0)', 'constraints_validated')::text,
             '%positive%', 'a CHECK is validated');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID', 'constraints_validated'),
          '{}', 'one that is NOT VALID is not');
SELECT alike(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT positive CHECK (amount > 0) NOT VALID;
                           ALTER TABLE shop.orders VALIDATE CONSTRAINT positive', 'constraints_validated', 2)::text,
             '%positive%', 'VALIDATE CONSTRAINT');
SELECT alike(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT of_customer FOREIGN KEY (customer_id) REFERENCES shop.customer',
                          'constraints_validated')::text, '%of_customer%', 'a foreign key');
SELECT is(pg_temp.said('CREATE TABLE shop.made (a int CHECK (a > 0), b int REFERENCES shop.customer)', 'constraints_validated'),
          '{}', 'a new table has nothing to validate');

-- Indexes.
SELECT is(pg_temp.said('CREATE INDEX made ON shop.orders (customer_id)', 'indexes_built'), '{shop.made}', 'CREATE INDEX builds one');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ALTER amount TYPE bigint', 'indexes_built'),
          '{shop.orders_amount,shop.orders_pkey}', 'a rewrite builds all');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD CONSTRAINT made UNIQUE (id, amount)', 'indexes_built'), '{shop.made}',
          'UNIQUE builds one');
SELECT is(pg_temp.said('REINDEX INDEX shop.orders_amount', 'indexes_built'), '{shop.orders_amount}', 'REINDEX');
SELECT is(pg_temp.said('CREATE INDEX made ON shop.part (a)', 'indexes_built'), '{shop.part_low_a_idx}',
          'an index of a partitioned table is built on its partitions');
SELECT is(pg_temp.said('CREATE UNIQUE INDEX made ON shop.orders (id); ALTER TABLE shop.orders ADD CONSTRAINT made UNIQUE USING INDEX made',
                       'indexes_built', 2), '{}', 'USING INDEX builds none');

-- Objects.
SELECT is(pg_temp.said('CREATE TABLE shop.made (a int)', 'created') @> '{table shop.made}', true, 'a table is created');
SELECT is(pg_temp.said('CREATE FUNCTION shop.made(int, "b c" text) RETURNS int LANGUAGE sql AS ''SELECT 1''', 'created')::text
          ~ 'function shop.made\(integer,\s?text\)', true, 'a function is created');
SELECT is(pg_temp.said('CREATE VIEW shop.made AS SELECT 1 AS one', 'created') @> '{view shop.made}', true, 'a view is created');
SELECT is(pg_temp.said('ALTER TABLE shop.orders ADD x int', 'altered')::text ~ 'shop.orders', true, 'a table is altered');
SELECT is(pg_temp.said('COMMENT ON TABLE shop.orders IS ''o''', 'created'), '{}', 'a comment creates nothing');
SELECT is(pg_temp.said('DROP TABLE shop.orders', 'dropped') @> '{table shop.orders}', true, 'a table is dropped');
SELECT is(pg_temp.said('DROP SCHEMA shop CASCADE', 'dropped') @> '{table shop.orders,table shop.customer,schema shop}', true,
          'a cascade drops all');
SELECT is(pg_temp.said('ALTER TABLE shop.orders DROP amount', 'dropped')::text ~ 'amount', true, 'a column is dropped');
SELECT is(pg_temp.said('INSERT INTO shop.orders VALUES (0)', 'created') || pg_temp.said('INSERT INTO shop.orders VALUES (0)', 'altered'),
          '{}', 'INSERT creates and alters nothing');

-- Nested statements.
CREATE FUNCTION pg_temp.nested(script text) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s%s x%s %s', repeat('  ', s.depth), s.tag, s.calls, s.rows)
      FROM confiture.dry_run_sql(script) r, confiture.dry_run_statements(r) s
     WHERE s.depth > 0;
$$;
SELECT is_empty($$SELECT * FROM pg_temp.nested('INSERT INTO shop.orders VALUES (0)')$$, 'a plain statement has none');
SELECT results_eq($$SELECT * FROM pg_temp.nested('DO ''BEGIN DELETE FROM shop.orders WHERE id <= 3; CREATE TABLE shop.made (); END''')$$,
                  ARRAY['  DELETE x1 3', '  CREATE TABLE x1 0'], 'those of a DO block');
SELECT results_eq($$SELECT * FROM pg_temp.nested('DO ''BEGIN FOR n IN 6001..6050 LOOP INSERT INTO shop.orders VALUES (n); END LOOP; END''')$$,
                  ARRAY['  INSERT x50 50'], 'the same statement is told once, with its calls');
SELECT results_eq($$SELECT * FROM pg_temp.nested('SELECT shop.add_order(n) FROM generate_series(6001, 6010) n')$$,
                  ARRAY['  INSERT x10 10'], 'those of a function');
SELECT results_eq($$SELECT * FROM pg_temp.nested('DO ''BEGIN PERFORM shop.add_order(6001); END''')$$,
                  ARRAY['  SELECT x1 1', '    INSERT x1 1'], 'deeper ones have their depth');
SELECT results_eq($$SELECT x FROM pg_temp.nested('CREATE TRIGGER t AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.on_order();
                                             INSERT INTO shop.orders VALUES (6001, 1), (6002, 2), (6003, 9999)') x$$,
                  ARRAY['  UPDATE x3 2'], 'those of a trigger');
SELECT is(s.sql, 'INSERT INTO shop.orders VALUES (add_order.id, 1, 1)', 'their text is told')
  FROM confiture.dry_run_sql('SELECT shop.add_order(6001)') r, confiture.dry_run_statements(r) s WHERE depth = 1;
SELECT results_eq($$
    SELECT s.inserted, s.updated, s.rows
      FROM confiture.dry_run_sql('DO ''BEGIN INSERT INTO shop.orders VALUES (0); UPDATE shop.orders SET amount = 0 WHERE id < 3; END''') r,
           confiture.dry_run_statements(r) s WHERE depth = 0
$$, $$VALUES (1::bigint, 3::bigint, 0::bigint)$$, 'the outer statement has the rows of all');
SELECT cmp_ok(count(*), '<=', 60::bigint, 'many different ones are bounded')
  FROM confiture.dry_run_sql($$DO 'BEGIN FOR n IN 1..500 LOOP EXECUTE format(''SELECT %s'', n); END LOOP; END'$$) r,
       confiture.dry_run_statements(r);

-- Cost.
CREATE TEMPORARY TABLE cost AS
SELECT s.* FROM confiture.dry_run_sql('UPDATE shop.orders SET amount = amount + 1; SELECT 1; SELECT pg_sleep(0.12);
                                       CREATE TABLE shop.many AS SELECT n, repeat(''x'', 100) FROM generate_series(1, 20000) n;
                                       SELECT count(*) FROM (SELECT n FROM shop.many ORDER BY repeat) s') r,
       confiture.dry_run_statements(r) s
 WHERE depth = 0;
SELECT cmp_ok(wal_bytes, '>', 100000::bigint, 'WAL bytes') FROM cost WHERE ordinal = 1;
SELECT cmp_ok(wal_records, '>=', 5000::bigint, 'WAL records') FROM cost WHERE ordinal = 1;
SELECT cmp_ok(shared_blocks_hit, '>', 0::bigint, 'shared blocks hit') FROM cost WHERE ordinal = 1;
SELECT cmp_ok(shared_blocks_dirtied, '>', 0::bigint, 'shared blocks dirtied') FROM cost WHERE ordinal = 1;
SELECT cmp_ok(wal_bytes, '=', 0::bigint, 'reading writes no WAL') FROM cost WHERE ordinal = 2;
SELECT cmp_ok(execution_time_ms, '>=', 100::float8, 'time in milliseconds') FROM cost WHERE ordinal = 3;
SELECT cmp_ok(execution_time_ms, '<', 5000::float8, 'and no more') FROM cost WHERE ordinal = 3;
SELECT cmp_ok(peak_memory_bytes, '>', 0::bigint, 'peak memory of a statement of some time') FROM cost WHERE ordinal = 3;
SELECT is(waited_ms, 0::float8, 'nothing was waited for') FROM cost WHERE ordinal = 1;
SELECT results_eq('SELECT tag FROM cost ORDER BY ordinal',
                  ARRAY['UPDATE', 'SELECT', 'SELECT', 'CREATE TABLE AS', 'SELECT'], 'tags');
SELECT cmp_ok((stats->'totals'->'resources'->>'wal_bytes')::bigint, '>', 100000::bigint, 'in total too')
  FROM confiture.dry_run_sql('UPDATE shop.orders SET amount = amount + 1');
SELECT results_eq($$SELECT stats->'totals'->'by_tag'->'INSERT'->>'statements', stats->'totals'->'by_tag'->'INSERT'->>'rows'
                     FROM confiture.dry_run_sql('INSERT INTO shop.orders VALUES (0); INSERT INTO shop.orders VALUES (-1), (-2); SELECT 1')$$,
                  $$VALUES ('2', '3')$$, 'totals by tag');

-- Executed plans of DML that takes over 100 ms.
SELECT matches(s.plans[1], 'Update on orders.*actual .*rows=', 'a slow UPDATE has its executed plan')
  FROM confiture.dry_run_sql('UPDATE shop.orders SET amount = 1 WHERE id = 1 AND pg_sleep(0.11) IS NOT NULL') r,
       confiture.dry_run_statements(r) s WHERE s.depth = 0;
SELECT is(s.plans, '{}', 'a fast one has none')
  FROM confiture.dry_run_sql('UPDATE shop.orders SET amount = 1 WHERE id = 1') r, confiture.dry_run_statements(r) s WHERE s.depth = 0;
SELECT matches(s.plans::text, 'Insert on orders', 'a slow nested one has its plan')
  FROM confiture.dry_run_sql('DO ''BEGIN INSERT INTO shop.orders SELECT 0 FROM pg_sleep(0.11); END''') r,
       confiture.dry_run_statements(r) s WHERE s.depth = 0;

-- Bounded, however long the script.
SELECT cmp_ok(pg_column_size(r.stats::text), '<', 1024 * 1024, 'a result of 5,000 statements stays under 1 MB')
  FROM confiture.dry_run_sql((SELECT string_agg(format('INSERT INTO shop.orders VALUES (-%s, 1, %1$s)', n), E';\n')
                                FROM generate_series(1, 5000) n)) r;
SELECT results_eq($$
    SELECT r.rows_affected, (r.stats->>'statements_left_out')::bigint + (SELECT count(*) FROM confiture.dry_run_statements(r))
      FROM confiture.dry_run_sql((SELECT string_agg(format('INSERT INTO shop.orders VALUES (-%s, 1, %1$s)', n), E';\n')
                                    FROM generate_series(1, 5000) n)) r
$$, $$VALUES (5000::bigint, 5000::bigint)$$, 'and says what was left out');

-- What is said of scans is true.
CREATE TABLE shop.checked (id int PRIMARY KEY, a int, CONSTRAINT positive CHECK (a > 0));
SELECT is(pg_temp.said('ALTER TABLE shop.checked ADD CONSTRAINT there CHECK (a IS NOT NULL) NOT VALID; ALTER TABLE shop.checked VALIDATE CONSTRAINT there;
                        ALTER TABLE shop.checked ALTER a SET NOT NULL', 'constraints_validated', 3), '{}', 'SET NOT NULL under a valid check reads nothing');
SELECT is(pg_temp.said('ALTER TABLE shop.checked RENAME CONSTRAINT positive TO above', 'constraints_validated'), '{}', 'nor does a new name');
SELECT is(pg_temp.said('ALTER TABLE shop.checked ADD x int DEFAULT 5 NOT NULL', 'constraints_validated'), '{}', 'nor a column with a default');
SELECT isnt(pg_temp.said('ALTER TABLE shop.checked ADD CHECK (a < 1000)', 'constraints_validated'), '{}', 'a new check does');
SELECT is_empty($$SELECT FROM confiture.dry_run_sql('TRUNCATE shop.checked') r, confiture.dry_run_statements(r) s WHERE s.scans <> '{}'$$, 'TRUNCATE reads nothing');

-- Every table that is locked against writers is warned of.
CREATE TABLE shop.another ();
SELECT is((SELECT count(*) FROM unnest(warnings) w WHERE w ~ '^Nobody can .* shop\.(checked|orders|another) '), 3::bigint, 'each has its sentence')
  FROM confiture.dry_run_sql('CREATE INDEX ON shop.checked (a); LOCK TABLE shop.orders; ALTER TABLE shop.another ADD a int');

-- The script's own limit.
SELECT collect_tap(is(stats->'error'->>'sqlstate', '57014', 'statement_timeout of the script ends its statement'), is(success, false, 'which fails'))
  FROM confiture.dry_run_sql($$SET statement_timeout = '100ms'; SELECT pg_sleep(5)$$);
SELECT is(success, true, 'and is off where the script says so')
  FROM confiture.dry_run_sql($$SET statement_timeout = '100ms'; SET statement_timeout = 0; SELECT pg_sleep(0.2)$$);

SELECT * FROM finish();
