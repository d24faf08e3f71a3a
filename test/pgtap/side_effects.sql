-- What a rollback cannot undo: found, named, and refused where the caller is strict.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE SEQUENCE s.numbers;
CREATE TABLE s.t (id serial PRIMARY KEY, a text);
CREATE TABLE s.big (a int, b text);
INSERT INTO s.big SELECT n, repeat('x', 200) FROM generate_series(1, 2000) n;

CREATE FUNCTION pg_temp.kinds(script text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(DISTINCT e->>'kind', ',' ORDER BY e->>'kind'), '')
      FROM confiture.dry_run_sql(script) r, jsonb_array_elements(r.stats->'side_effects') e
     WHERE e->>'kind' NOT IN ('dead_space', 'statistics');
$$;
SELECT is(pg_temp.kinds('CREATE TABLE s.made (); INSERT INTO s.big VALUES (1)'), '', 'what a rollback undoes is no side effect');

-- Sequences.
SELECT is(pg_temp.kinds('SELECT nextval(''s.numbers'')'), 'sequence', 'nextval');
SELECT is(pg_temp.kinds('INSERT INTO s.t (a) VALUES (1)'), 'sequence', 'a serial column');
SELECT is(is_called, true, 'and it is true: the sequence has moved') FROM s.t_id_seq;
SELECT is(pg_temp.kinds('SELECT setval(''s.numbers'', 1000)'), 'sequence', 'setval');
SELECT alike(warnings::text, '%sequence s.t_id_seq was advanced%', 'warned of by name') FROM confiture.dry_run_sql('INSERT INTO s.t (a) VALUES (1)');
SELECT is(pg_temp.kinds('ALTER SEQUENCE s.numbers RESTART 1'), '', 'ALTER SEQUENCE is undone');

-- The session.
SELECT is(pg_temp.kinds('SELECT pg_advisory_lock(1)'), 'advisory_lock', 'a session-level advisory lock');
SELECT is(pg_temp.kinds('DO ''BEGIN PERFORM pg_advisory_lock(1); END'''), 'advisory_lock', 'in a DO block');
SELECT is(pg_temp.kinds('SELECT pg_advisory_xact_lock(1)'), '', 'one of the transaction is undone');
SELECT is((SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), 0::bigint, 'it is released again');
SELECT pg_advisory_lock(7) \g /dev/null
SELECT confiture.dry_run_sql('SELECT pg_advisory_lock(7), pg_advisory_lock(8)') \g /dev/null
SELECT is(pg_advisory_unlock(7), true, 'the caller''s own is kept');
SELECT is((SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()), 0::bigint,
          'and was not taken a second time for good');
SELECT is(pg_temp.kinds('PREPARE made AS SELECT 1'), 'prepared_statement', 'a prepared statement');
SELECT is_empty('SELECT FROM pg_prepared_statements WHERE name = ''made''', 'is dropped again');
SELECT is(pg_temp.kinds('PREPARE "Made It" AS SELECT 1'), 'prepared_statement', 'with a difficult name');
SELECT is_empty('SELECT FROM pg_prepared_statements WHERE name ILIKE ''made%''', 'too');
SELECT is(pg_temp.kinds('DO ''BEGIN EXECUTE ''''PREPARE made AS SELECT 1''''; END'''), 'prepared_statement', 'and in a DO block');
SELECT is_empty('SELECT FROM pg_prepared_statements WHERE name = ''made''', 'where it is dropped again as well');

PREPARE kept AS SELECT 1;
SELECT is(pg_temp.kinds('DEALLOCATE kept; DEALLOCATE ALL'), '', 'what the caller prepared is left alone');
SELECT isnt_empty('EXECUTE kept', 'and there');
SELECT is(pg_temp.kinds('DO ''BEGIN EXECUTE ''''DEALLOCATE kept''''; END'''), 'prepared_statement', 'but for a DO block, which is told');
DECLARE kept CURSOR WITH HOLD FOR SELECT 1 AS one;
SELECT is(pg_temp.kinds('CLOSE kept; CLOSE ALL; DECLARE c CURSOR FOR SELECT 1; FETCH c; CLOSE c'), '', 'cursors of the caller are left open');
FETCH kept \gset
SELECT is(:one, 1, 'and can be read');
SELECT is(pg_temp.kinds('DO ''BEGIN EXECUTE ''''CLOSE kept''''; END'''), 'cursor', 'but for a DO block, which is told');

SELECT is(pg_temp.kinds($$DO 'BEGIN EXECUTE ''/* a */ PREPARE /* b */ u&"d\0061t" AS SELECT 1''; END'$$), 'prepared_statement', 'however it is written');
SELECT is_empty($$SELECT FROM pg_prepared_statements WHERE name = 'dat'$$, 'and dropped');
DECLARE moved CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 3) n;
SELECT is(pg_temp.kinds('FETCH 2 FROM moved; MOVE moved; FETCH moved'), '', 'a cursor of the caller');
FETCH moved \gset
SELECT is(:n, 1, 'stays where it is');

-- Files and programs: foreseen, for the dry run runs them.
SELECT is(pg_temp.kinds('COPY (SELECT 1) TO PROGRAM ''cat >/dev/null'''), 'program', 'COPY TO PROGRAM');
SELECT is(pg_temp.kinds('COPY s.t (a) FROM PROGRAM ''echo 1'''), 'program,sequence', 'COPY FROM PROGRAM');
SELECT is(pg_temp.kinds('COPY (SELECT 1) TO ''/dev/null'''), 'file', 'COPY TO a file');
SELECT is(pg_temp.kinds('SELECT lo_export(1, ''/nowhere/x'')'), 'file', 'lo_export');
SELECT is(pg_temp.kinds('SELECT ''lo_export pg_terminate_backend dblink'''), '', 'words in a string are no calls');
SELECT is(pg_temp.kinds('-- lo_export(1)' || E'\nSELECT 1 /* dblink() */'), '', 'nor in a comment');
SELECT is(pg_temp.kinds('DO LANGUAGE plpython3u ''pass'''), 'untrusted_language', 'an untrusted language');
SELECT is(pg_temp.kinds('SELECT dblink(''dbname=x'', ''SELECT 1'')'), 'remote', 'dblink');
SELECT is(e->>'line', '2', 'the line is told')
  FROM confiture.dry_run_sql(E'SELECT 1;\nCOPY (SELECT 1) TO PROGRAM ''cat >/dev/null''') r, jsonb_array_elements(r.stats->'side_effects') e
 WHERE e->>'kind' = 'program';

-- In nested statements, with where they happened; refused by strict before they run.
CREATE FUNCTION s.refused(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
    PERFORM confiture.dry_run_sql(script, options => '{"strict": true}');
    RETURN 'not refused';
EXCEPTION WHEN SQLSTATE 'MG001' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail;
END
$$;
CREATE TABLE s.nested (script text, kinds text, refused text);
INSERT INTO s.nested VALUES
    ('DO $d$ BEGIN COPY (SELECT 1) TO PROGRAM ''touch /tmp/confiture_never''; END $d$', 'program', '%PROGRAM runs a program%, in: COPY (SELECT 1)%'),
    ('DO $d$ BEGIN EXECUTE ''COPY (SELECT 1) TO ''''/dev/null''''''; END $d$', 'file', '%writes a file%, in: COPY (SELECT 1)%'),
    ('DO $d$ BEGIN PERFORM lo_export(1, ''/nowhere/x''); EXCEPTION WHEN OTHERS THEN NULL; END $d$', 'file', '%lo_export() writes a file, in: SELECT lo_export%'),
    ('CREATE FUNCTION s.f() RETURNS int LANGUAGE plpgsql AS $d$ DECLARE x bigint; BEGIN x := nextval(''s.numbers''); RETURN 1; END $d$; SELECT s.f()', 'sequence', 'Line 1: nextval()%'),
    ('CREATE FUNCTION s.f() RETURNS bigint LANGUAGE sql AS $d$ SELECT nextval(''s.numbers'') $d$; SELECT s.f()', 'sequence', 'Line 1: nextval()%'),
    ('DO $d$ BEGIN PERFORM pg_stat_reset_single_table_counters(0); END $d$', '', '%pg_stat_reset_single_table_counters() discards%'),
    ('DO $d$ BEGIN PERFORM pg_create_restore_point(''x''); EXCEPTION WHEN OTHERS THEN NULL; END $d$', 'server', '%pg_create_restore_point()%'),
    ('DO $d$ BEGIN PERFORM pg_advisory_lock(1); END $d$', 'advisory_lock', '%pg_advisory_lock() takes a lock%'),
    ('DO $d$ BEGIN CHECKPOINT; END $d$', 'server', '%a checkpoint is made%'),
    ('CREATE FUNCTION s.tr() RETURNS trigger LANGUAGE plpgsql AS $d$ BEGIN PERFORM pg_reload_conf(); RETURN NEW; END $d$; CREATE TRIGGER q BEFORE INSERT ON s.big FOR EACH ROW EXECUTE FUNCTION s.tr(); INSERT INTO s.big VALUES (1, 2)',
     'server', '%pg_reload_conf() reloads%'),
    (E'SELECT 1;\n-- confiture: phase=AFTER_DDL\nDO $d$ BEGIN PERFORM pg_reload_conf(); END $d$', 'server', 'Line 2: pg_reload_conf()%'),
    ('ALTER TABLE s.big ADD c int DEFAULT nextval(''s.numbers'')', 'sequence', 'Line 1: nextval()%'),
    ('INSERT INTO s.t (a) VALUES (1)', 'sequence', 'Line 1: nextval()%'),
    -- Nothing of this happens.
    ('CREATE TABLE s.made (id int DEFAULT nextval(''s.numbers''))', '', 'not refused'),
    ('CREATE TABLE s.made (id serial); INSERT INTO s.made DEFAULT VALUES', '', 'not refused'),
    ('ALTER TABLE s.big ALTER a SET DEFAULT nextval(''s.numbers'')', '', 'not refused'),
    ('CREATE FUNCTION s.f() RETURNS bigint LANGUAGE sql AS $d$ SELECT nextval(''s.numbers'') $d$', '', 'not refused'),
    ('CREATE VIEW s.v AS SELECT nextval(''s.numbers'')', '', 'not refused'),
    ('PREPARE p AS SELECT nextval(''s.numbers'')', 'prepared_statement', 'not refused'),
    ('SELECT a AS nextval FROM s.t', '', 'not refused'),
    ('CREATE FUNCTION s.setval() RETURNS int LANGUAGE sql AS ''SELECT 1''; DO $d$ BEGIN PERFORM s.setval(); END $d$', '', 'not refused');
SELECT is(pg_temp.kinds(script), kinds, 'nested: ' || script) FROM s.nested WHERE script !~ 'PROGRAM';
SELECT alike(s.refused(script), refused, 'nested, strict: ' || script) FROM s.nested;
SELECT is(pg_stat_file('/tmp/confiture_never', true), NULL, 'before it runs');

-- Dead space.
CREATE FUNCTION pg_temp.dead(script text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(e->>'message', '; ')
      FROM confiture.dry_run_sql(script) r, jsonb_array_elements(r.stats->'side_effects') e
     WHERE e->>'kind' IN ('dead_space', 'statistics');
$$;
SELECT collect_tap(is(e->>'object', 's.big', 'dead space is told by table'), cmp_ok((e->>'bytes')::bigint, '>', 100000::bigint, 'in bytes'),
       alike(e->>'message', '%VACUUM%', 'with what frees it'))
  FROM confiture.dry_run_sql('UPDATE s.big SET a = a + 1') r, jsonb_array_elements(r.stats->'side_effects') e
 WHERE e->>'kind' = 'dead_space';
SELECT is_empty($$SELECT FROM confiture.dry_run_sql('CREATE TABLE s.made AS SELECT * FROM s.big') r, jsonb_array_elements(r.stats->'side_effects') e
                   WHERE e->>'kind' = 'dead_space'$$, 'a new table leaves none');
SELECT is_empty($$SELECT FROM confiture.dry_run_sql('SELECT count(*) FROM s.big') r, jsonb_array_elements(r.stats->'side_effects') e
                   WHERE e->>'kind' = 'dead_space'$$, 'reading leaves none');
SELECT is_empty($$SELECT FROM confiture.dry_run_sql('CREATE INDEX filled ON s.t (a)') r, jsonb_array_elements(r.stats->'side_effects') e
                   WHERE e->>'kind' = 'dead_space'$$, 'a new index neither');
CREATE INDEX big_b ON s.big (b);
DELETE FROM s.big WHERE a > 100;
SELECT is_empty($$SELECT FROM confiture.dry_run_sql('ALTER TABLE s.big ALTER a TYPE bigint') r, jsonb_array_elements(r.stats->'side_effects') e
                   WHERE e->>'kind' = 'dead_space'$$, 'files that a rewrite makes are gone again, smaller than what they replaced or not');
SELECT is(pg_temp.dead('ALTER TABLE s.big ALTER a TYPE bigint; UPDATE s.big SET a = a + 1'), NULL, 'nor do rows of a file that goes');
SELECT is(pg_temp.dead('TRUNCATE s.t; INSERT INTO s.t SELECT generate_series(1, 1000)'), NULL, 'that TRUNCATE made either');
SELECT is(pg_temp.dead('CREATE TABLE s.made (a int); INSERT INTO s.made VALUES (1); CREATE INDEX ON s.made (a); ANALYZE s.made'), NULL,
          'and a new table has no row counts to keep');
INSERT INTO s.t (a) SELECT 1 FROM generate_series(1, 1000);
SELECT is(pg_temp.dead('LOCK TABLE s.t; DROP TABLE s.t'), NULL, 'what the caller wrote before is not counted');
SELECT is(e->>'kind', 'statistics', 'statistics that are written in place')
  FROM confiture.dry_run_sql('CREATE INDEX ON s.big (a)') r, jsonb_array_elements(r.stats->'side_effects') e WHERE e->>'kind' = 'statistics';

-- Strict.
SELECT throws_ok(format($$SELECT confiture.dry_run_sql(%L, options => '{"strict": true}')$$, script), 'MG001',
                 'the migration does what a rollback cannot undo', 'strict refuses ' || script)
  FROM unnest(ARRAY['SELECT nextval(''s.numbers'')', 'SELECT pg_advisory_lock(1)', 'COPY (SELECT 1) TO PROGRAM ''touch /tmp/never''',
                    'COPY (SELECT 1) TO ''/tmp/never''', 'DO LANGUAGE plpython3u ''pass''', 'SELECT dblink_exec(''x'')',
                    E'-- confiture: phase=AFTER_DDL\nSELECT nextval(''s.numbers'')']) AS script;
SELECT throws_ok($$SELECT confiture.dry_run_sql('SELECT 1/0; SELECT nextval(''s.numbers'')', options => '{"strict": true}')$$, 'MG001',
                 'the migration does what a rollback cannot undo', 'before anything runs');
SELECT lives_ok($$SELECT confiture.dry_run_sql('PREPARE z AS SELECT 1; DEALLOCATE z; DEALLOCATE ALL; CLOSE ALL', options => '{"strict": true}')$$,
                'what is not run, or is harmless, is not refused');
SELECT lives_ok($$SELECT confiture.dry_run_sql('ALTER TABLE s.t ADD b int', options => '{"strict": true}')$$, 'and runs the rest');

SELECT * FROM finish();
