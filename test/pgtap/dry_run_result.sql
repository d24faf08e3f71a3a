-- The row that a dry run returns, field by field.
SELECT * FROM no_plan();

CREATE SCHEMA shop;
CREATE TABLE shop.customer (id int PRIMARY KEY, name text);
CREATE TABLE shop.orders (id int PRIMARY KEY, customer_id int REFERENCES shop.customer ON DELETE CASCADE, note text);
CREATE TABLE shop.log (what text);
CREATE TABLE shop.part (a int) PARTITION BY RANGE (a);
CREATE TABLE shop.part_low PARTITION OF shop.part FOR VALUES FROM (0) TO (10);
CREATE TABLE shop.part_high PARTITION OF shop.part FOR VALUES FROM (10) TO (20);
INSERT INTO shop.customer SELECT n, 'c' || n FROM generate_series(1, 10) n;
INSERT INTO shop.orders SELECT n, 1 + n % 10, '' FROM generate_series(1, 100) n;
CREATE FUNCTION shop.log_it() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO shop.log VALUES (TG_OP);
    RETURN NULL;
END
$$;
CREATE TRIGGER log_it AFTER UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.log_it();

SELECT confiture.register_migration('001', 'add a note', E'ALTER TABLE shop.customer ADD note text;\nUPDATE shop.customer SET note = name;\n',
                                    down => 'ALTER TABLE shop.customer DROP note') \g /dev/null
CREATE TEMPORARY TABLE run AS SELECT r AS result FROM confiture.dry_run('001') r;

SELECT is((result).migration_name, 'add a note', 'migration_name') FROM run;
SELECT is((result).migration_version, '001', 'migration_version') FROM run;
SELECT is((result).success, true, 'success') FROM run;
SELECT cmp_ok((result).execution_time_ms, '>', 0::double precision, 'execution_time_ms is measured') FROM run;
SELECT cmp_ok((result).execution_time_ms, '<', 60000::double precision, 'in milliseconds') FROM run;
SELECT is((result).rows_affected, 10::bigint, 'rows_affected') FROM run;
SELECT is((result).locked_tables, ARRAY['shop.customer'], 'locked_tables') FROM run;
SELECT cmp_ok((result).estimated_production_time_ms, '>', 0::double precision, 'estimated_production_time_ms') FROM run;
SELECT cmp_ok((result).confidence_percent, '<', 50, 'confidence_percent is honestly low') FROM run;
SELECT cmp_ok((result).confidence_percent, '>=', 0, 'and a percentage') FROM run;
SELECT alike((result).warnings[1], '%shop.customer%', 'warnings begin with who is locked out of what') FROM run;
SELECT is((result).stats->>'schema_version', '1', 'stats says the version of its schema') FROM run;
SELECT is((result).stats->>'server_version', (current_setting('server_version_num')::int / 10000)::text,
          'stats says the version of the server') FROM run;
SELECT is((result).stats->>'status', 'complete', 'stats says how it ended') FROM run;
SELECT isnt((result).stats->'estimate'->>'basis', NULL, 'stats says what the estimate is based on') FROM run;
SELECT ok(((result).stats->'estimate'->>'low')::float8 <= (result).estimated_production_time_ms
          AND (result).estimated_production_time_ms <= ((result).stats->'estimate'->>'high')::float8,
          'the estimate lies within its bounds') FROM run;
SELECT results_eq($$
    SELECT (result).stats->'totals'->>'inserted', (result).stats->'totals'->>'updated', (result).stats->'totals'->>'deleted'
      FROM run
$$, $$VALUES ('0', '10', '0')$$, 'stats has the rows by kind');
SELECT cmp_ok(((result).stats->'totals'->>'longest_exclusive_hold_ms')::float8, '>', 0::float8,
              'stats has the longest exclusive hold') FROM run;
SELECT cmp_ok(((result).stats->'totals'->>'expected_downtime_ms')::float8, '>', 0::float8,
              'stats has the expected downtime') FROM run;
SELECT is((result).stats->'error', NULL, 'and no error') FROM run;
SELECT is(jsonb_array_length((result).stats->'iterations_ms'), 1, 'one iteration, one time') FROM run;

-- Backward.
SELECT results_eq($$
    SELECT success, stats->'error'->>'sqlstate', migration_version FROM confiture.dry_run('001', 'backward')
$$, $$VALUES (false, '42703', '001')$$, 'backward runs the backward script: here there is nothing to drop yet');
ALTER TABLE shop.customer ADD note text;
SELECT results_eq($$SELECT success, locked_tables FROM confiture.dry_run('001', 'backward')$$,
                  $$VALUES (true, ARRAY['shop.customer'])$$, 'and here there is');
ALTER TABLE shop.customer DROP note;
SELECT confiture.register_migration('002', 'no way back', 'SELECT 1') \g /dev/null
SELECT throws_ok($$SELECT confiture.dry_run('002', 'backward')$$, 'MG014', 'migration "002" has no backward script',
                 'a migration without a way back');
SELECT throws_ok($$SELECT confiture.dry_run('002', 'sideways')$$, 'MG016', 'invalid direction "sideways"',
                 'a direction that there is not');
SELECT throws_ok(call, 'MG016', message, call)
  FROM (VALUES ('SELECT confiture.dry_run(NULL)', 'version must not be null'), ($$SELECT confiture.dry_run('001', NULL)$$, 'direction must not be null'),
               ($$SELECT confiture.dry_run('001', iterations => NULL)$$, 'iterations must not be null'), ('SELECT confiture.dry_run_pending(NULL)', 'iterations must not be null'),
               ('SELECT confiture.dry_run_sql(NULL)', 'sql must not be null'), ('SELECT confiture.plan(NULL)', 'version must not be null'),
               ($$SELECT confiture.plan('001', NULL)$$, 'direction must not be null'), ('SELECT confiture.unregister_migration(NULL)', 'version must not be null')) v (call, message);
SELECT is((SELECT success FROM confiture.dry_run_sql('SELECT 1', options => NULL)), true, 'null options are none');

-- Iterations.
SELECT collect_tap(is(jsonb_array_length(stats->'iterations_ms'), 3, 'three iterations, three times'),
       is(rows_affected, 10::bigint, 'rows are those of one run'),
       is(round(execution_time_ms::numeric, 3), (SELECT round(percentile_disc(0.5) WITHIN GROUP (ORDER BY t::text::numeric), 3)
                                                   FROM jsonb_array_elements(stats->'iterations_ms') t),
          'the time is the median'))
  FROM confiture.dry_run('001', iterations => 3);
SELECT is(jsonb_array_length(stats->'iterations_ms'), 4, 'a script can be run several times too')
  FROM confiture.dry_run_sql('CREATE TABLE t (a int); INSERT INTO t VALUES (1)', 4);
SELECT is(success, true, 'an iteration does not see what the one before did')
  FROM confiture.dry_run_sql('CREATE TABLE shop.once (); INSERT INTO shop.customer VALUES (11)', 5);
SELECT is(jsonb_array_length(stats->'iterations_ms'), 1, 'a failure ends the iterations')
  FROM confiture.dry_run_sql('SELECT 1/0', 5);
SELECT throws_ok($$SELECT confiture.dry_run('001', iterations => 0)$$, 'MG016', 'invalid number of iterations: 0', 'no iterations');
SELECT throws_ok($$SELECT confiture.dry_run('001', iterations => -1)$$, 'MG016', 'invalid number of iterations: -1', 'less than none');
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1', 1001)$$, 'MG016', 'invalid number of iterations: 1001', 'too many');

-- Failure.
SELECT confiture.register_migration('003', 'fails', E'CREATE TABLE shop.made ();\nINSERT INTO shop.log VALUES (1);\n'
    '  INSERT INTO shop.customer\n  VALUES (1);\nSELECT 2;') \g /dev/null
CREATE TEMPORARY TABLE failed AS SELECT r AS result FROM confiture.dry_run('003') r;
SELECT is((result).success, false, 'a migration that fails is no success') FROM failed;
SELECT results_eq($$
    SELECT e->>'sqlstate', e->>'message', e->>'detail', e->>'schema', e->>'table', e->>'constraint', e->>'statement', e->>'line',
           e->>'column'
      FROM (SELECT (result).stats->'error' AS e FROM failed) error
$$, $$VALUES ('23505', 'duplicate key value violates unique constraint "customer_pkey"', 'Key (id)=(1) already exists.', 'shop',
              'customer', 'customer_pkey', '3', '3', '3')$$, 'the error is whole: which, where and why');
SELECT results_eq('SELECT ordinal, status FROM failed, confiture.dry_run_statements(result) s WHERE depth = 0',
                  $$VALUES (1, 'done'), (2, 'done'), (3, 'failed')$$, 'the statements say how far it came');
SELECT is((result).stats->>'statements_run', '2', 'and so does the count') FROM failed;
SELECT alike((result).warnings[2], 'The migration fails in line %: duplicate key value%', 'and the first warning, behind the migrations that are pending before it') FROM failed;
SELECT hasnt_table('shop', 'made', 'everything is rolled back');
SELECT is((SELECT count(*) FROM shop.log), 0::bigint, 'rows too');
SELECT throws_ok($$SELECT confiture.dry_run('003', options => '{"raise": true}')$$, 'MG001', 'dry run of migration "003" failed',
                 'raise makes an error of it');
SELECT lives_ok($$SELECT confiture.dry_run('001', options => '{"raise": true}')$$, 'and nothing of a success');
SELECT collect_tap(is(stats->'error'->>'sqlstate', '42P01', 'a relation that does not exist'), is(stats->'error'->>'line', '3', 'its line'),
       is(stats->'error'->>'column', '14', 'its column, in characters'))
  FROM confiture.dry_run_sql(E'SELECT 1;\nSELECT ''ü''\n  /*ü*/ FROM nowhere');
SELECT collect_tap(is(stats->'error'->>'sqlstate', 'P0001', 'an error that a function raised'),
       is(stats->'error'->>'message', 'no', 'its message'), is(stats->'error'->>'detail', 'facts', 'its detail'),
       is(stats->'error'->>'hint', 'try', 'its hint'),
       alike(stats->'error'->>'context', 'PL/pgSQL function inline_code_block line 1 at RAISE%', 'its context'))
  FROM confiture.dry_run_sql($$DO 'BEGIN RAISE ''no'' USING DETAIL = ''facts'', HINT = ''try''; END'$$);

-- Rows, counted from what was written, by whomever.
CREATE FUNCTION pg_temp.rows_of(script text) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s: +%s ~%s -%s', r.rows_affected, r.stats->'totals'->>'inserted', r.stats->'totals'->>'updated',
                  r.stats->'totals'->>'deleted')
      FROM confiture.dry_run_sql(script) r;
$$;
SELECT is(pg_temp.rows_of('SELECT * FROM shop.customer'), '0: +0 ~0 -0', 'reading affects no rows');
SELECT is(pg_temp.rows_of($$INSERT INTO shop.log SELECT 'x' FROM generate_series(1, 7)$$), '7: +7 ~0 -0', 'INSERT');
SELECT is(pg_temp.rows_of('UPDATE shop.customer SET name = id'), '10: +0 ~10 -0', 'UPDATE');
SELECT is(pg_temp.rows_of('DELETE FROM shop.orders WHERE id <= 3'), '3: +0 ~0 -3', 'DELETE');
SELECT is(pg_temp.rows_of('DELETE FROM shop.customer WHERE id = 1'), '11: +0 ~0 -11', 'a cascade');
SELECT is(pg_temp.rows_of('UPDATE shop.orders SET note = 1 WHERE id <= 5'), '10: +5 ~5 -0', 'a trigger');
SELECT is(pg_temp.rows_of('WITH gone AS (DELETE FROM shop.orders WHERE id <= 4 RETURNING id) INSERT INTO shop.log SELECT id FROM gone'),
          '8: +4 ~0 -4', 'WITH');
SELECT is(pg_temp.rows_of($$DO 'BEGIN FOR n IN 1..6 LOOP INSERT INTO shop.log VALUES (n); END LOOP; END'$$), '6: +6 ~0 -0', 'DO');
SELECT is(pg_temp.rows_of('INSERT INTO shop.part SELECT generate_series(0, 19)'), '20: +20 ~0 -0', 'partitions');
SELECT is(pg_temp.rows_of('INSERT INTO shop.part VALUES (1); UPDATE shop.part SET a = 11'), '3: +2 ~0 -1',
          'a row that moves to another partition is deleted and inserted');
SELECT is(pg_temp.rows_of('CREATE TABLE t AS SELECT * FROM shop.customer'), '10: +10 ~0 -0', 'CREATE TABLE AS');
SELECT is(pg_temp.rows_of('CREATE TABLE t (a int); INSERT INTO t VALUES (1), (2); DROP TABLE t'), '2: +2 ~0 -0',
          'rows of a table that is dropped again');
SELECT is(pg_temp.rows_of($$INSERT INTO shop.customer VALUES (1), (12) ON CONFLICT (id) DO UPDATE SET name = 'same'$$),
          '2: +1 ~1 -0', 'ON CONFLICT DO UPDATE');
SELECT is(pg_temp.rows_of('CREATE TEMPORARY TABLE t (a int); INSERT INTO t VALUES (1)'), '1: +1 ~0 -0', 'a temporary table');
SELECT is(pg_temp.rows_of('CREATE TABLE t (a int); CREATE INDEX ON t (a); COMMENT ON TABLE t IS ''t'''), '0: +0 ~0 -0',
          'what DDL writes to the catalogs does not count');
SELECT is(pg_temp.rows_of('ALTER TABLE shop.customer ALTER id TYPE bigint'), '0: +0 ~0 -0', 'nor does a rewrite');
SELECT format('%s/rows of %s', current_setting('data_directory'), current_database()) AS file \gset
COPY (SELECT generate_series(1, 25)) TO :'file';
SELECT is(pg_temp.rows_of(format('COPY shop.log FROM %L', :'file')), '25: +25 ~0 -0', 'COPY from a file');
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f rows*';

-- Tables that were locked.
CREATE FUNCTION pg_temp.locked(script text) RETURNS text[] LANGUAGE sql AS $$
    SELECT r.locked_tables FROM confiture.dry_run_sql(script) r;
$$;
SELECT is(pg_temp.locked('SELECT 1'), '{}', 'nothing is locked');
SELECT is(pg_temp.locked('SELECT FROM shop.log; INSERT INTO shop.orders VALUES (101); ALTER TABLE shop.customer ADD x int'),
          ARRAY['shop.customer', 'shop.orders', 'shop.log'], 'the strongest lock comes first');
SELECT is(pg_temp.locked('CREATE TABLE shop.made (); ALTER TABLE shop.made ADD a int'), '{}', 'new tables are not told');
SELECT is(pg_temp.locked('DROP TABLE shop.log'), ARRAY['shop.log'], 'a table that was dropped is told');
SELECT is(pg_temp.locked('ALTER TABLE shop.log RENAME TO logged'), ARRAY['shop.log'], 'a table has the name that it had before');
SELECT is(pg_temp.locked('ALTER TABLE shop.log SET SCHEMA public'), ARRAY['shop.log'], 'and the schema');
SELECT is(pg_temp.locked('CREATE INDEX ON shop.log (what)'), ARRAY['shop.log'], 'indexes are no tables');
CREATE TABLE shop."Strange ""name""" ("a b" int);
SELECT is(pg_temp.locked('ALTER TABLE shop."Strange ""name""" ADD c int'), ARRAY['shop."Strange ""name"""'], 'names are quoted');
SELECT is(pg_temp.locked(format('CREATE TABLE shop.%1$s (); COMMIT; ALTER TABLE shop.%1$s ADD a int', repeat('n', 63))), '{}',
          'a name of 63 bytes');

-- A script that is not registered.
SELECT results_eq($$SELECT migration_version, success, rows_affected FROM confiture.dry_run_sql('SELECT 1')$$,
                  $$VALUES (NULL::text, true, 0::bigint)$$, 'dry_run_sql has no version');
SELECT is(count(*), 0::bigint, 'a null result has no statements') FROM confiture.dry_run_statements(NULL);
SELECT is(count(*), 0::bigint, 'nor locks') FROM confiture.dry_run_locks(NULL);

-- The result is a value: it can be stored and expanded later.
CREATE TABLE stored (at timestamptz DEFAULT now(), result confiture.dry_run_result);
INSERT INTO stored (result) SELECT r FROM confiture.dry_run('001') r;
SELECT is(count(*), 2::bigint, 'a stored result is expanded') FROM stored, confiture.dry_run_statements(result);

SELECT * FROM finish();
