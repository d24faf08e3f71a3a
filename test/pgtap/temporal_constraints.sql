-- Rows that violate a temporal key when COMMIT checks it; from PostgreSQL 18 on.
SET client_min_messages = error;
SELECT current_setting('server_version_num')::int >= 180000 AS temporal \gset
\if :temporal
SELECT * FROM no_plan();
CREATE TABLE price (id int4range, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE rate (id int4range, valid daterange, PRIMARY KEY (id, valid WITHOUT OVERLAPS));
CREATE TABLE sale (rate int4range, valid daterange, CONSTRAINT of_rate FOREIGN KEY (rate, PERIOD valid) REFERENCES rate (id, PERIOD valid) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO rate VALUES ('[1,2)', '[2020-01-01,2021-01-01)'), ('[1,2)', '[2021-01-01,2022-01-01)');
SELECT results_eq($$SELECT stats->'error'->>'sqlstate', stats->'error'->'violating_rows'
                      FROM confiture.dry_run_sql('INSERT INTO sale VALUES (''[1,2)'', ''[2020-06-01,2021-06-01)''), (''[1,2)'', ''[2021-06-01,2023-01-01)''), (''[7,8)'', ''[2020-06-01,2021-01-01)'')')$$,
                  $$VALUES ('23503', '["[1,2), [2021-06-01,2023-01-01)", "[7,8), [2020-06-01,2021-01-01)"]'::jsonb)$$, 'a foreign key names the rows that no key covers');
SELECT results_eq($$SELECT stats->'error'->>'sqlstate', stats->'error'->'violating_rows'
                      FROM confiture.dry_run_sql('INSERT INTO price VALUES (''[1,2)'', ''[2020-01-01,2021-01-01)''), (''[1,2)'', ''[2020-06-01,2020-07-01)''), (''[2,3)'', ''[2020-06-01,2020-07-01)'')')$$,
                  $$VALUES ('23P01', '["[1,2), [2020-01-01,2021-01-01)", "[1,2), [2020-06-01,2020-07-01)"]'::jsonb)$$, 'WITHOUT OVERLAPS names those that overlap');
SELECT * FROM finish();
\else
SELECT plan(1);
SELECT pass('without temporal constraints there is nothing to try');
SELECT * FROM finish();
\endif
