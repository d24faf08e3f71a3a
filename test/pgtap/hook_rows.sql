-- rows_affected in the context of hooks: the same in a dry run and for good, whatever wrote the rows.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, v text);
CREATE TABLE s.child (id int REFERENCES s.t ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE s.p (id int, v text) PARTITION BY RANGE (id);
CREATE TABLE s.p1 PARTITION OF s.p FOR VALUES FROM (0) TO (10);
CREATE TABLE s.p2 PARTITION OF s.p FOR VALUES FROM (10) TO (100);
CREATE TABLE s.log (v text);
CREATE TABLE s.triggered (id int);
CREATE FUNCTION s.log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO s.log VALUES ('a'), ('b'); RETURN NEW; END $$;
CREATE TRIGGER log AFTER INSERT ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.log();
CREATE FUNCTION s.writes(n int) RETURNS bigint LANGUAGE sql AS $$ INSERT INTO s.log SELECT 'f' FROM generate_series(1, n); SELECT 1::bigint $$;
CREATE VIEW s.view AS SELECT * FROM s.t;
CREATE MATERIALIZED VIEW s.m AS SELECT generate_series(1, 7) AS id WITH NO DATA;
INSERT INTO s.t SELECT n, 'x' FROM generate_series(1, 20) n;
INSERT INTO s.child SELECT n FROM generate_series(1, 20) n;
CREATE FUNCTION s.told(context confiture.hook_context) RETURNS jsonb LANGUAGE sql AS $$ SELECT coalesce(to_jsonb(context.rows_affected), '"unknown"') $$;
SELECT confiture.register_hook('told', 'AFTER_VALIDATION', 's.told(confiture.hook_context)') \g /dev/null

-- In a dry run, then for good.  What the hooks of the migration are told is the last thing that they say.
CREATE FUNCTION s.rows(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE number text := (SELECT 'v' || (count(*) + 1) FROM confiture.migration); dry text; wet text;
BEGIN
    PERFORM confiture.register_migration(number, 'm', script);
    SELECT string_agg(h.stats::text, ' ') INTO dry FROM confiture.dry_run(number) r, confiture.dry_run_hooks(r) h WHERE h.hook_name LIKE 'told%';
    PERFORM confiture.apply(number);
    SELECT string_agg(h.stats::text, ' ' ORDER BY id) INTO wet FROM confiture.hook_run h WHERE h.version = number AND h.hook_name LIKE 'told%';
    RETURN CASE WHEN dry = wet THEN dry ELSE 'dry run ' || coalesce(dry, 'nothing') || ', apply ' || coalesce(wet, 'nothing') END;
END
$$;
SELECT is(s.rows(script), rows, what)
  FROM (VALUES ('INSERT', '3', $$INSERT INTO s.log VALUES ('a'), ('b'), ('c')$$),
               ('UPDATE', '20', $$UPDATE s.t SET v = 'y'$$),
               ('DDL alone', '0', $$CREATE TABLE s.a (id int); ALTER TABLE s.a ADD v text; DROP TABLE s.a$$),
               ('DO', '5', $$DO 'BEGIN INSERT INTO s.log SELECT n FROM generate_series(1, 5) n; END'$$),
               ('a function', '4', $$SELECT s.writes(4)$$),
               ('a trigger', '6', $$INSERT INTO s.triggered VALUES (1), (2)$$),
               ('a writing CTE', '2', $$WITH w AS (INSERT INTO s.log VALUES ('a'), ('b') RETURNING *) SELECT count(*) FROM w$$),
               ('two writing CTEs', '3', $$WITH w AS (INSERT INTO s.log VALUES ('a') RETURNING *), u AS (UPDATE s.t SET v = 'z' WHERE id IN (1, 2)) SELECT FROM w$$),
               ('CREATE TABLE AS', '9', $$CREATE TABLE s.b AS SELECT generate_series(1, 9) AS id$$),
               ('CREATE TABLE AS that is dropped again', '9', $$CREATE TABLE s.c AS SELECT generate_series(1, 9) AS id; DROP TABLE s.c$$),
               ('INSERT ON CONFLICT DO NOTHING', '1', $$INSERT INTO s.t VALUES (1, 'a'), (101, 'b') ON CONFLICT DO NOTHING$$),
               ('INSERT ON CONFLICT DO UPDATE', '2', $$INSERT INTO s.t VALUES (1, 'a'), (102, 'b') ON CONFLICT (id) DO UPDATE SET v = excluded.v$$),
               ('DELETE that cascades', '4', $$DELETE FROM s.t WHERE id IN (3, 4)$$),
               ('UPDATE that cascades', '2', $$UPDATE s.t SET id = 205 WHERE id = 5$$),
               ('INSERT into partitions', '3', $$INSERT INTO s.p VALUES (1, 'a'), (2, 'b'), (11, 'c')$$),
               ('UPDATE from one partition to another', '2', $$UPDATE s.p SET id = 20 WHERE id = 2$$),
               ('a view', '1', $$UPDATE s.view SET v = 'w' WHERE id = 6$$),
               ('a temporary table', '2', $$CREATE TEMPORARY TABLE temporary (id int) ON COMMIT DROP; INSERT INTO temporary VALUES (1), (2)$$),
               ('values that are kept out of line', '1', $$ALTER TABLE s.log ALTER v SET STORAGE EXTERNAL; INSERT INTO s.log VALUES (repeat('x', 100000))$$),
               ('a rewrite', '0', $$ALTER TABLE s.p ALTER v TYPE varchar(9)$$),
               ('TRUNCATE', '2', $$CREATE TABLE s.e (id int); INSERT INTO s.e VALUES (1), (2); TRUNCATE s.e$$),
               ('REFRESH MATERIALIZED VIEW', '7', $$REFRESH MATERIALIZED VIEW s.m$$),
               ('ROLLBACK TO', '5', $$INSERT INTO s.log VALUES ('a'); SAVEPOINT one; INSERT INTO s.log VALUES ('b'), ('c'); ROLLBACK TO one; INSERT INTO s.log VALUES ('d'), ('e')$$),
               ('an EXCEPTION block that undoes them', '1', $$DO 'BEGIN INSERT INTO s.log VALUES (1); BEGIN INSERT INTO s.log VALUES (2); RAISE EXCEPTION ''undo''; EXCEPTION WHEN others THEN NULL; END; END'$$),
               ('COPY', '3', $$COPY s.log FROM PROGRAM 'printf "1\n2\n3\n"'$$),
               ('a hook of its own', '5', E'INSERT INTO s.log VALUES (1);\n-- confiture: phase=AFTER_DDL name=writes\nINSERT INTO s.log VALUES (2), (3); DO ''BEGIN INSERT INTO s.log VALUES (4), (5); END'''),
               ('a hook before it', '2', E'-- confiture: phase=BEFORE_DDL name=writes\nSELECT s.writes(2)'),
               ('a hook that fails', '1', E'INSERT INTO s.log VALUES (1);\n-- confiture: phase=AFTER_DDL name=writes on_failure=continue\nINSERT INTO s.log VALUES (2), (3); SELECT 1/0'),
               ('a hook that registers one', '1', E'INSERT INTO s.log VALUES (1);\n-- confiture: phase=AFTER_DDL name=writes\nSELECT confiture.register_hook_sql(''other'', ''CLEANUP'', ''SELECT 1'', migrations => ''none'')'),
               ('hooks that are told one after the other', '2', E'INSERT INTO s.log VALUES (1), (2)')) v(what, rows, script);
SELECT current_setting('server_version_num')::int >= 150000 AS has_merge \gset
\if :has_merge
SELECT is(s.rows($$MERGE INTO s.t USING (VALUES (1), (301), (302)) v(id) ON t.id = v.id WHEN MATCHED THEN UPDATE SET v = 'm' WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'm')$$), '3', 'MERGE');
\endif

-- What cannot be counted is not told as nothing.
SELECT is(s.rows($$SET track_counts = off; INSERT INTO s.log VALUES (1)$$), '"unknown"', 'where track_counts is off');
SELECT is((r).rows_affected, NULL, 'nor by a dry run') FROM confiture.dry_run_sql('SET track_counts = off; INSERT INTO s.log VALUES (1)') r;

-- Of several steps.
SELECT confiture.register_migration('w1', 'steps', E'INSERT INTO s.log VALUES (1), (2); COMMIT; BEGIN; INSERT INTO s.log VALUES (3); COMMIT; INSERT INTO s.log VALUES (4)') \g /dev/null
CALL confiture.up();
SELECT is(stats::text, '4', 'steps are added up') FROM confiture.hook_run WHERE version = 'w1' ORDER BY id DESC LIMIT 1;
-- What the transaction of the caller wrote is not the migration's.
SELECT confiture.register_migration('w2', 'caller', 'INSERT INTO s.log VALUES (1)') \g /dev/null
BEGIN;
INSERT INTO s.log SELECT generate_series(1, 100);
SELECT is(h.stats::text, '1', 'what the caller wrote before is not counted in a dry run') FROM confiture.dry_run('w2') r, confiture.dry_run_hooks(r) h;
SELECT confiture.apply('w2') \g /dev/null
SELECT is(stats::text, '1', 'nor for good') FROM confiture.hook_run WHERE version = 'w2';
COMMIT;
-- A step that is rolled back has written nothing for those that come after the failure.
SELECT confiture.unregister_hook('told'), confiture.register_hook('told', 'CLEANUP', 's.told(confiture.hook_context)') \g /dev/null
SELECT confiture.register_migration('w3', 'fails', 'INSERT INTO s.log VALUES (1), (2); COMMIT; INSERT INTO s.log VALUES (3); SELECT 1/0') \g /dev/null
SELECT is(h.stats::text, '2', 'the rows of a step that failed are not there, in a dry run') FROM confiture.dry_run('w3') r, confiture.dry_run_hooks(r) h;
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(stats::text, '2', 'nor for good') FROM confiture.hook_run WHERE version = 'w3' AND hook_name = 'told' ORDER BY id DESC LIMIT 1;
-- A migration that is resumed does not know what its earlier steps wrote.
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(stats::text, '"unknown"', 'of steps that another call ran the count is not known') FROM confiture.hook_run WHERE version = 'w3' AND hook_name = 'told' ORDER BY id DESC LIMIT 1;

SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT * FROM finish();
