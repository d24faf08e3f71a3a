-- Hooks that stand in the script of their migration: what is a hook, what is the script's own, and what is refused.
SELECT * FROM no_plan();

-- What registering says; an error with its place, the script's or the file's.
CREATE FUNCTION pg_temp.registers(script text, down text DEFAULT NULL, verify text DEFAULT NULL)
RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN confiture.register_migration('h', 'hooks', script, down, verify);
EXCEPTION WHEN SQLSTATE 'MG005' THEN
    RETURN SQLERRM;
END
$$;
-- The statements of the migration itself, each with its place.
CREATE FUNCTION pg_temp.own(script text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(format('%s:%s+%s %s', s.line, s.source_column, s.source_length, s.sql), ' | ' ORDER BY s.ordinal), '')
      FROM confiture.dry_run_sql(script) r, confiture.dry_run_statements(r) s
     WHERE s.depth = 0;
$$;

-- Sections.
SELECT is(pg_temp.own(E'SELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2; SELECT 3;\n-- confiture: phase=DDL\nSELECT 4'),
          '1:1+8 SELECT 1 | 5:1+8 SELECT 4', 'a section is no part of the script, which goes on after it');
SELECT is(pg_temp.own(E'-- confiture: phase=BEFORE_DDL name=a\nSELECT 1;\n-- confiture: phase=CLEANUP\nSELECT 2'), '',
          'a script may have hooks alone');
SELECT is((confiture.dry_run_sql(E'-- confiture: phase=BEFORE_DDL name=a\nSELECT 1')).success, true, 'and runs');
SELECT is(pg_temp.own(E'SELECT 1;\n-- confiture: hook=notify phase=CLEANUP config={"channel": "a b"}\nSELECT 2'),
          '1:1+8 SELECT 1 | 3:1+8 SELECT 2', 'a built-in hook does not begin a section');
SELECT is(pg_temp.own(E'-- confiture: phase=CLEANUP\nSELECT 1;\n-- confiture: hook=notify phase=CLEANUP\nSELECT 2'), '',
          'nor end one');
SELECT is(pg_temp.own(E'BEGIN;\nSELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2;\nCOMMIT;'), '2:1+8 SELECT 1',
          'a pair around the whole is dropped with a section at its end');
SELECT is(pg_temp.own(E'BEGIN;\nSELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2;\n-- confiture: phase=DDL\nCOMMIT;'),
          '2:1+8 SELECT 1', 'and with a return before its end');
SELECT is(pg_temp.own(E'\uFEFFSELECT ''ü'';\r\n-- confiture: phase=AFTER_DDL\r\nSELECT 2;\r\n-- confiture: phase=DDL\r\nSELECT 3'),
          '1:1+11 SELECT ''ü'' | 5:1+8 SELECT 3', 'byte order mark, wide characters and CRLF');
SELECT is(pg_temp.own(E'SELECT $$\n-- confiture: phase=AFTER_DDL\n$$ <> ''''; /*\n-- confiture: phase=AFTER_DDL\n*/ SELECT 2'),
          E'1:1+48 SELECT $$\n-- confiture: phase=AFTER_DDL\n$$ <> '''' | 5:4+8 SELECT 2', 'strings and block comments hold no directives');
SELECT is(pg_temp.own(E'SELECT 1\n-- confiture: phase=AFTER_DDL\n; SELECT 2'), '1:1+8 SELECT 1',
          'a section may begin before a semicolon');
CREATE TABLE shop ();
SELECT is(pg_temp.registers(E'ALTER TABLE shop ADD a int;\n-- confiture: phase=AFTER_DDL\nDROP TABLE shop'), 'added', 'it is registered');
SELECT is((SELECT string_agg(DISTINCT tag, ', ') FROM confiture.plan('h')), 'ALTER TABLE', 'plan() tells of the script''s own');

-- Registering, and the checksum over the whole text.
SELECT is(pg_temp.registers(E'-- confiture: phase=AFTER_DDL\nSELECT 1'), 'replaced', 'a migration of hooks alone');
SELECT is(pg_temp.registers(E'-- confiture: phase=AFTER_DDL  \nSELECT 1\n'), 'unchanged', 'trailing blanks make no difference');
SELECT is(pg_temp.registers(E'-- confiture: phase=AFTER_DDL\nSELECT 2'), 'replaced', 'the statements of a hook do');
SELECT is(pg_temp.registers(E'-- confiture: phase=CLEANUP\nSELECT 2'), 'replaced', 'its directive too');
SELECT is(pg_temp.registers('-- confiture: hook=analyze_tables phase=CLEANUP'), 'replaced', 'a built-in hook alone');
SELECT is(pg_temp.registers(E'-- confiture: phase=AFTER_DDL name=a\nSELECT 1', E'-- confiture: phase=AFTER_DDL name=a\nSELECT 1'),
          'replaced', 'each direction has hooks of its own');
SELECT is(pg_temp.registers('-- confiture: hook=notify phase=AFTER_DDL name="two words" timeout=1.5s on_failure=continue priority=-1 config={"a": {"b": [1, " name=x "]}}'),
          'replaced', 'all options');

-- What is refused, of a script.
CREATE TEMPORARY TABLE refused (script text, message text);
INSERT INTO refused VALUES
('phase=NEVER', 'unknown phase "NEVER" in line 2'),
('hook=notify phase=DDL', 'unknown phase "DDL" in line 2'),
('hook=notify', 'hook "notify" lacks a phase in line 2'),
('name=x', 'directive "name" stands without a phase in line 2'),
('phase=DDL name=x', 'directive "phase=DDL" takes no options in line 2'),
('hook=lint phase=CLEANUP', 'unknown built-in hook "lint" in line 2'),
('phase=CLEANUP name=', 'name of a hook is empty in line 2'),
('phase=CLEANUP name=' || repeat('ü', 101), 'name of a hook is too long in line 2'),
('phase=CLEANUP config={}', 'directive "config" stands on the line of a phase in line 2'),
('phase=CLEANUP timeout=never', 'invalid value for directive "timeout": "never" in line 2'),
('phase=CLEANUP on_failure=warn', 'invalid value for directive "on_failure": "warn" in line 2'),
('phase=CLEANUP priority=1e3', 'invalid value for directive "priority": "1e3" in line 2'),
('phase=CLEANUP no-transaction', 'directive of a hook beside another one in line 2'),
('phase=CLEANUP', 'hook "h:line-0002" has no statements in line 2'),
(E'phase=CLEANUP name=x\n-- confiture: phase=DDL\nSELECT 2', 'hook "x" has no statements in line 2'),
(E'phase=CLEANUP name=x\nSELECT 2;\n-- confiture: hook=notify phase=ON_ERROR name=x', 'second hook "x" in line 4'),
(E'phase=CLEANUP\nBEGIN', 'hook "h:line-0002" cannot run BEGIN in line 3'),
(E'phase=CLEANUP\nSTART TRANSACTION', 'hook "h:line-0002" cannot run START TRANSACTION in line 3'),
(E'phase=CLEANUP\nSELECT 2;\nCOMMIT', 'hook "h:line-0002" cannot run COMMIT in line 4'),
(E'phase=CLEANUP\nCOMMIT AND CHAIN', 'hook "h:line-0002" cannot run COMMIT in line 3'),
(E'phase=CLEANUP\nROLLBACK', 'hook "h:line-0002" cannot run ROLLBACK in line 3'),
(E'phase=CLEANUP\nPREPARE TRANSACTION ''x''', 'hook "h:line-0002" cannot run PREPARE TRANSACTION in line 3'),
(E'phase=CLEANUP\nSAVEPOINT a', 'hook "h:line-0002" cannot run SAVEPOINT in line 3'),
(E'phase=CLEANUP\nROLLBACK TO a', 'hook "h:line-0002" cannot run ROLLBACK in line 3'),
(E'phase=CLEANUP\nRELEASE a', 'hook "h:line-0002" cannot run RELEASE in line 3'),
(E'phase=CLEANUP\nCREATE INDEX CONCURRENTLY i ON t (a)', 'hook "h:line-0002" cannot run CREATE INDEX in line 3'),
(E'phase=CLEANUP\nDROP INDEX CONCURRENTLY i', 'hook "h:line-0002" cannot run DROP INDEX in line 3'),
(E'phase=CLEANUP\nREINDEX TABLE CONCURRENTLY t', 'hook "h:line-0002" cannot run REINDEX in line 3'),
(E'phase=CLEANUP\nVACUUM t', 'hook "h:line-0002" cannot run VACUUM in line 3'),
(E'phase=CLEANUP\nSELECT 2;\nCREATE DATABASE d', 'hook "h:line-0002" cannot run CREATE DATABASE in line 4'),
('hook=notify phase=CLEANUP config=', 'config of hook "h:line-0002" is no JSON object in line 2'),
('hook=notify phase=CLEANUP config=[]', 'config of hook "h:line-0002" is no JSON object in line 2'),
('hook=notify phase=CLEANUP config=null', 'config of hook "h:line-0002" is no JSON object in line 2'),
('hook=notify phase=CLEANUP name=n config={"a": 1} name=x', 'config of hook "n" is no JSON object in line 2'),
('hook=notify phase=CLEANUP config={"a": "\u0000"}', 'config of hook "h:line-0002" is no JSON object in line 2'),
('hook=notify phase=CLEANUP config=' || repeat('[', 100000), 'config of hook "h:line-0002" is no JSON object in line 2');
SELECT is(pg_temp.registers(E'SELECT 1;\n-- confiture: ' || script), message, 'refused: ' || left(message, 60)) FROM refused;
-- A directive inside a statement, wherever the server's parser sees its end.
SELECT is(pg_temp.registers(E'SELECT 1,\n' || directive || E'\n2; SELECT 3'), 'directive of a hook inside a statement in line 2',
          'inside a statement: ' || directive)
  FROM unnest(ARRAY['-- confiture: phase=AFTER_DDL', '-- confiture: phase=DDL', '-- confiture: hook=notify phase=AFTER_DDL']) directive;
SELECT is(pg_temp.registers(E'CREATE RULE r AS ON UPDATE TO t DO ALSO (SELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2); SELECT 3'),
          'directive of a hook inside a statement in line 2', 'after a semicolon inside a rule');
SELECT is(pg_temp.registers(E'SELECT 1,\n-- confiture: ignore=rule it is only a comment here\n2'), 'replaced',
          'other directives may stand there');

-- A server that cannot say what is wrong with a config has not failed us: the session goes on.
SELECT throws_ok($$SELECT confiture.register_migration('c', 'c', '-- confiture: hook=notify phase=CLEANUP config={"a": b}')$$,
                 'MG005', NULL, 'the server''s error of a config is ours');
SELECT throws_ok($$SELECT confiture.dry_run_sql('-- confiture: hook=notify phase=CLEANUP config={"a": b}')$$,
                 'MG005', 'config of hook "line-0001" is no JSON object in line 1', 'a script without a version has hooks with lines alone');

-- The other scripts of a migration.
SELECT is(pg_temp.registers('SELECT 1', E'SELECT 2;\n\n-- confiture: phase=NEVER'), 'unknown phase "NEVER" in line 3', 'the backward script');
SELECT is(pg_temp.registers('SELECT 1', NULL, E'SELECT 2;\n-- confiture: hook=notify phase=CLEANUP'), 'verify script has a hook in line 2',
          'no phases run around a verify script');
SELECT is((SELECT forward FROM confiture.migration WHERE version = 'h'), E'SELECT 1,\n-- confiture: ignore=rule it is only a comment here\n2',
          'nothing of what was refused is kept');

-- Folders: the lines are those of the file, also where it holds both directions.
CREATE TABLE files (path text, content bytea);
CREATE FUNCTION pg_temp.loads(path text, content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    told text;
BEGIN
    DELETE FROM files;
    INSERT INTO files VALUES (path, convert_to(content, 'UTF8'));
    SELECT string_agg(concat_ws(' ', version, name, action), ', ') INTO told FROM confiture.load_files('files', replace => true);
    RETURN told;
EXCEPTION WHEN SQLSTATE 'MG005' THEN
    RETURN SQLERRM;
END
$$;
SELECT is(pg_temp.loads('1_one.up.sql', E'SELECT 1;\n-- confiture: phase=CLEANUP\n'),
          'hook "1:line-0002" has no statements in "1_one.up.sql", line 2', 'plain');
SELECT is(pg_temp.loads('1_one.sql', E'-- migrate:up\nSELECT 1;\n-- confiture: phase=CLEANUP\n-- migrate:down\nSELECT 2;\n'),
          'hook "1:line-0003" has no statements in "1_one.sql", line 3', 'dbmate: a section ends with its part');
SELECT is(pg_temp.loads('2_two.sql', E'-- +goose Up\n\nSELECT 1;\n-- +goose StatementBegin\n-- confiture: phase=CLEANUP\n-- +goose StatementEnd\n-- +goose Down\nSELECT 2;\n'),
          'hook "2:line-0005" has no statements in "2_two.sql", line 5', 'goose: likewise');
SELECT is(pg_temp.loads('1_one.sql', E'-- migrate:up\r\nSELECT 1;\r\n-- migrate:down\r\nSELECT 2;\r\n-- confiture: phase=CLEANUP\r\nSELECT 3;\r\n'),
          '1 one added', 'dbmate: a hook on the way back');
SELECT is((confiture.dry_run('1', 'backward')).stats#>>'{statements,0,line}', '4', 'and the lines after those of the way up');
SELECT is(pg_temp.loads('2_two.sql', E'-- +goose Up\nSELECT 1;\n-- confiture: phase=CLEANUP\nSELECT 2;\n-- +goose Down\nSELECT 3;\n-- confiture: phase=CLEANUP\nSELECT 4;\n'),
          '2 two added', 'goose: hooks both ways');
SELECT is((SELECT string_agg(s.line || ' ' || s.sql, ', ') FROM confiture.dry_run('2') r, confiture.dry_run_statements(r) s), '2 SELECT 1',
          'goose: the way there');
SELECT is((SELECT string_agg(s.line || ' ' || s.sql, ', ') FROM confiture.dry_run('2', 'backward') r, confiture.dry_run_statements(r) s), '6 SELECT 3',
          'goose: the way back');
SELECT is(pg_temp.loads('4_four.sql', E'-- confiture: lock_timeout=1s\n-- migrate:up\nSELECT 1;\n'),
          'directive before "-- migrate:up" in "4_four.sql", line 2', 'dbmate: a directive before the parts would be lost');
SELECT is(pg_temp.loads('4_four.sql', E'-- migrate:up\nSELECT 1;\n-- migrate:down\n-- confiture: hook=analyze_tables phase=CLEANUP\n'),
          '4 four added', 'dbmate: a way back of one built-in hook');
SELECT is((confiture.dry_run('4', 'backward')).success, true, 'is a way back');
SET client_min_messages = error;
SELECT is(pg_temp.loads('3_three.sql', E'-- migrate:up\nSELECT 1;\n-- migrate:down\n-- confiture: phase=NEVER\nSELECT 2;\n'),
          '3 three added', 'a way back of a folder that cannot be read is warned of, like any other');
RESET client_min_messages;
SELECT throws_ok($$SELECT confiture.dry_run('3', 'backward')$$, 'MG005', 'unknown phase "NEVER" in "3_three.sql", line 4', 'and is refused when it is to run');

-- What stands in a section is what its hook runs, in its phase and in the order of priority and name.
CREATE TABLE trace (id int GENERATED ALWAYS AS IDENTITY, step text);
SELECT is(confiture.register_migration('r', 'run', $$
BEGIN;
INSERT INTO trace (step) VALUES ('script');
-- confiture: phase=AFTER_DDL name=late priority=200
INSERT INTO trace (step) VALUES ('late');
-- confiture: phase=AFTER_DDL
INSERT INTO trace (step) VALUES ('usual 1'), ('usual 2');
-- confiture: hook=analyze_tables phase=CLEANUP name="the built-in one" config={"tables": ["trace"]}
INSERT INTO trace (step) VALUES ('usual 3');
-- confiture: phase=DDL
INSERT INTO trace (step) VALUES ('script');
-- confiture: phase=AFTER_DDL name="early on" priority=-1 on_failure=continue
SELECT 1/0;
COMMIT;
$$, $$
-- confiture: phase=AFTER_DDL name=back
INSERT INTO trace (step) VALUES ('back');
$$), 'added', 'hooks to be run');
SET client_min_messages = error; -- of the one that fails
SELECT results_eq($$SELECT hook_name, status, rows_affected FROM confiture.run_phase('AFTER_DDL', 'r')$$,
                  $$VALUES ('early on', 'failed', NULL::bigint), ('r:line-0006', 'succeeded', 3), ('late', 'succeeded', 1)$$,
                  'the phase has its hooks');
SELECT is((SELECT string_agg(step, ', ' ORDER BY id) FROM trace), 'usual 1, usual 2, usual 3, late', 'with their statements and no others');
SELECT results_eq($$SELECT hook_name, status FROM confiture.run_phase('CLEANUP', 'r')$$,
                  $$VALUES ('the built-in one', 'succeeded')$$, 'a built-in hook with its config');
SELECT is((SELECT count(*) FROM confiture.run_phase('BEFORE_DDL', 'r')), 0::bigint, 'a phase without hooks');
SELECT results_eq($$SELECT hook_name FROM confiture.run_phase('AFTER_DDL', 'r', 'backward')$$, $$VALUES ('back')$$, 'the way back has its own');
RESET client_min_messages;

-- Many hooks in one script take no more than their share.
CREATE FUNCTION pg_temp.seconds_of(hooks integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz := clock_timestamp();
BEGIN
    PERFORM confiture.register_migration('many', 'many', (SELECT string_agg(E'-- confiture: phase=AFTER_DDL\nSELECT 1;\n', '') FROM generate_series(1, hooks)));
    RETURN extract(epoch FROM clock_timestamp() - began);
END
$$;
SELECT cmp_ok((SELECT min(pg_temp.seconds_of(20000 + i * 0)) FROM generate_series(1, 3) i), '<',
              20 * (SELECT min(pg_temp.seconds_of(2000 + i * 0)) FROM generate_series(1, 3) i) + 0.1, 'ten times as many: not twenty times as long');

SELECT * FROM finish();
