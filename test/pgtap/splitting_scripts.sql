-- Where statements begin and end: what the server's parser says, in exact lines, columns, offsets and lengths.
SELECT * FROM no_plan();

-- The statements of a script, each with its place.
CREATE FUNCTION pg_temp.parts(script text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT string_agg(format('%s:%s+%s %s', s.line, s.source_column, s.source_length, s.tag), ' | '
                              ORDER BY s.ordinal)
              FROM confiture.dry_run_sql(script) r, confiture.dry_run_statements(r) s
             WHERE s.depth = 0);
EXCEPTION WHEN SQLSTATE 'MG005' THEN
    RETURN SQLERRM;
END
$$;
-- Are the texts that the places tell the same as those of the result?
CREATE FUNCTION pg_temp.places_are_exact(script text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT coalesce(bool_and(
               convert_from(substring(convert_to(script, 'UTF8') FROM s.source_offset + 1 FOR s.source_length), 'UTF8') = s.sql
               AND s.line = 1 + (SELECT count(*) FROM regexp_matches(
                       convert_from(substring(convert_to(script, 'UTF8') FOR s.source_offset), 'UTF8'),
                       E'\r\n|\n|\r', 'g'))), false)
      FROM confiture.dry_run_sql(script) r, confiture.dry_run_statements(r) s
     WHERE s.depth = 0);
EXCEPTION WHEN SQLSTATE 'MG005' THEN
    RETURN false;
END
$$;
CREATE TEMPORARY TABLE script (name text, text text, parts text);
INSERT INTO script VALUES
('one statement without a semicolon', 'SELECT 1', '1:1+8 SELECT'),
('blanks and semicolons around', E' ;; \n  SELECT 1 ; ;\n', '2:3+8 SELECT'),
('two on one line', 'SELECT 1; SELECT 22;', '1:1+8 SELECT | 1:11+9 SELECT'),
('semicolons in strings', 'SELECT '';'' AS a, E''\''; '' AS b, U&'';'' AS c; SELECT 2', '1:1+41 SELECT | 1:44+8 SELECT'),
('semicolons in quoted names', 'SELECT 1 AS "a;b""c;"; SELECT 2', '1:1+21 SELECT | 1:24+8 SELECT'),
('dollar quotes', E'SELECT $$ ; $a$ ; $$ AS a; SELECT $a$ $$ ; $b$ ; $a$ AS b', '1:1+25 SELECT | 1:28+30 SELECT'),
('a comment with a semicolon', E'-- no; nothing\nSELECT 1; -- and; more\nSELECT 2', '2:1+8 SELECT | 3:1+8 SELECT'),
('nested comments', E'/* ; /* ; */ ; */ SELECT 1 /* ; */; SELECT 2', '1:19+8 SELECT | 1:37+8 SELECT'),
('a comment within a statement', E'SELECT 1, -- ;\n       2; SELECT 3', '1:1+23 SELECT | 2:11+8 SELECT'),
('a comment at the end', E'SELECT 1; -- the end', '1:1+8 SELECT'),
('several bytes a character', E'SELECT ''größe €'' AS "ü"; SELECT 2;\nSELECT ''日本'';', '1:1+28 SELECT | 1:26+8 SELECT | 2:1+15 SELECT'),
('characters beyond the first plane', E'SELECT ''😀''; SELECT 2', '1:1+13 SELECT | 1:13+8 SELECT'),
('CRLF line ends', E'SELECT 1;\r\nSELECT\r\n 2;\r\nSELECT 3', '1:1+8 SELECT | 2:1+10 SELECT | 4:1+8 SELECT'),
('a tab', E'\tSELECT 1;\tSELECT 2', '1:2+8 SELECT | 1:12+8 SELECT'),
('a function body', E'CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$\nBEGIN\n    RETURN 1;\nEND;\n$$;\nSELECT f();',
    '1:1+82 CREATE FUNCTION | 6:1+10 SELECT'),
('a rule with several actions', E'CREATE TABLE t (a int); CREATE RULE r AS ON UPDATE TO t DO ALSO (SELECT 1; SELECT 2); SELECT 3',
    '1:1+22 CREATE TABLE | 1:25+60 CREATE RULE | 1:87+8 SELECT'),
('a schema with its elements', E'CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT a FROM t; SELECT 2',
    '1:1+71 CREATE SCHEMA | 1:74+8 SELECT'),
('strings over several lines', E'SELECT ''a\nb;\nc''; SELECT ''x''\n  ''y;''; SELECT 3', '1:1+15 SELECT | 3:5+17 SELECT | 4:9+8 SELECT'),
('a parenthesis that begins a statement', '(SELECT 1); (VALUES (1))', '1:1+10 SELECT | 1:13+12 SELECT'),
('WITH before DML', E'CREATE TABLE t (a int);\nWITH w AS (SELECT 1 AS a) INSERT INTO t SELECT a FROM w', '1:1+22 CREATE TABLE | 2:1+55 INSERT');

-- Told inside functions and outside of them: the server moves the place of an error that it finds in a function's call.
SELECT is(pg_temp.parts(text), parts, name) FROM script;
SELECT is((confiture.dry_run_sql(text)).success, true, name || ': runs') FROM script;
SELECT is(pg_temp.places_are_exact(text), true, name || ': the places tell the texts') FROM script;

SELECT is(pg_temp.parts(E'\uFEFFSELECT 1; SELECT 2'), '1:1+8 SELECT | 1:11+8 SELECT',
          'a byte order mark is no character of the first line');
SELECT is(pg_temp.parts(script), NULL, format('a script of nothing: %L', script))
  FROM unnest(ARRAY['', ' ', E'\n', ';', ' ; ; ', '-- nothing', '/* ; */']) AS script;
SELECT is((confiture.dry_run_sql('-- nothing')).success, true, 'a script of nothing succeeds');
SELECT is(pg_temp.parts((SELECT string_agg('SELECT ' || n, E';\n') FROM generate_series(1, 50) n)),
          (SELECT string_agg(format('%s:1+%s SELECT', n, 7 + length(n::text)), ' | ') FROM generate_series(1, 50) n),
          'fifty statements');

SELECT CASE WHEN current_setting('server_version_num')::integer < 140000
            THEN skip('BEGIN ATOMIC came with 14', 1)
            ELSE is(pg_temp.parts(E'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT f()'),
                    '1:1+68 CREATE FUNCTION | 1:71+10 SELECT', 'BEGIN ATOMIC') END;

-- standard_conforming_strings is read as the session has it.
SELECT is(pg_temp.parts($$SELECT 'a\'; SELECT 2$$), '1:1+11 SELECT | 1:14+8 SELECT', 'a backslash is a character');

-- BEGIN and COMMIT.
CREATE FUNCTION pg_temp.steps(script text) RETURNS text LANGUAGE sql AS $$
    SELECT format('%s in %s', r.stats->>'statement_count', r.stats->>'steps') FROM confiture.dry_run_sql(script) r;
$$;
SELECT is(pg_temp.parts(E'BEGIN;\nSELECT 1;\nCOMMIT;'), '2:1+8 SELECT', 'BEGIN and COMMIT around the whole are dropped');
SELECT is(pg_temp.parts(E'START TRANSACTION;\nSELECT 1;\nEND;'), '2:1+8 SELECT', 'in their other forms too');
SELECT is(pg_temp.steps('BEGIN; SELECT 1; SELECT 2; COMMIT'), '2 in 1', 'and the migration is one step');
SELECT is(pg_temp.steps('SELECT 1; SELECT 2'), '2 in 1', 'as it is without them');
SELECT is(pg_temp.steps('BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT'), '6 in 2',
          'a commit in the middle splits a script into steps');
SELECT is(pg_temp.parts('BEGIN; SELECT 1; COMMIT; BEGIN; SELECT 2; COMMIT'),
          '1:1+5 BEGIN | 1:8+8 SELECT | 1:18+6 COMMIT | 1:26+5 BEGIN | 1:33+8 SELECT | 1:43+6 COMMIT',
          'where each of them stands in the result');
SELECT is((confiture.dry_run_sql('CREATE TABLE t (); COMMIT; CREATE TABLE u (); ')).success, true,
          'a step leaves its work to the next');
SELECT throws_like($$SELECT confiture.dry_run_sql('SELECT 1; ROLLBACK')$$, 'ROLLBACK of a transaction in line 1', 'ROLLBACK is refused');

-- Savepoints of the script.
SELECT collect_tap(is(r.success, true, 'SAVEPOINT and ROLLBACK TO work'), is(r.rows_affected, 3::bigint, 'and rows that were taken back count'))
  FROM confiture.dry_run_sql($$
    CREATE TABLE t (a int);
    INSERT INTO t VALUES (1);
    SAVEPOINT s;
    INSERT INTO t VALUES (2);
    ROLLBACK TO s;
    INSERT INTO t VALUES (3);
    RELEASE SAVEPOINT s;
    DO 'BEGIN ASSERT (SELECT sum(a) FROM t) = 4; END';
$$) r;
SELECT is((confiture.dry_run_sql($$
    CREATE TABLE t (a int);
    SAVEPOINT s; INSERT INTO t VALUES (1); SAVEPOINT s; INSERT INTO t VALUES (2);
    SAVEPOINT "S s"; INSERT INTO t VALUES (4);
    ROLLBACK TO "S s"; ROLLBACK TO SAVEPOINT s; RELEASE s;
    ROLLBACK TO s;
    DO 'BEGIN ASSERT (SELECT count(*) FROM t) = 0; END';
$$)).stats->'error', NULL, 'savepoints of the same name nest');
SELECT is((confiture.dry_run_sql('ROLLBACK TO s')).stats->'error'->>'sqlstate', '3B001',
          'a savepoint that does not exist');
SELECT is((confiture.dry_run_sql('SAVEPOINT s; ROLLBACK TO s; RELEASE s; RELEASE s')).stats->'error'->>'sqlstate', '3B001',
          'a savepoint that was released');
SELECT is((confiture.dry_run_sql('SAVEPOINT a; SAVEPOINT b; ROLLBACK TO a; ROLLBACK TO b')).stats->'error'->>'sqlstate', '3B001',
          'a savepoint that was rolled back with an outer one');
SELECT is((confiture.dry_run_sql('SAVEPOINT a; COMMIT; ROLLBACK TO a')).stats->'error'->>'sqlstate', '3B001',
          'a savepoint does not outlive its step');

-- Files of pg_dump.
SELECT is(pg_temp.parts(E'\\restrict abcDEF123\nSELECT 1;\n\\unrestrict abcDEF123\n'), '2:1+8 SELECT',
          'the lines of pg_dump are skipped, and counted');

-- Directives.
CREATE FUNCTION pg_temp.registers(script text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN confiture.register_migration('d', 'd', script);
EXCEPTION WHEN SQLSTATE 'MG005' THEN
    RETURN SQLERRM;
END
$$;
SELECT alike(pg_temp.registers('-- confiture: no-transaction' || E'\nSELECT 1'), 'added', 'no-transaction');
SELECT is((confiture.dry_run('d')).stats->>'steps', '1', 'each statement is a step of its own');
SELECT is(pg_temp.registers(E'-- confiture: no-transaction\nSELECT 1; SELECT 2; SELECT 3'), 'replaced', 'no-transaction');
SELECT is((confiture.dry_run('d')).stats->>'steps', '3', 'three of three statements');
SELECT is(pg_temp.registers(E'--confiture: lock_timeout=2s depends=002,003\nSELECT 1'), 'replaced',
          'lock_timeout and depends in one line');
SELECT is(pg_temp.registers(E'-- confiture: ignore=require-primary-key it has none by design\nSELECT 1'), 'replaced', 'ignore');
SELECT is(pg_temp.registers($$SELECT '
-- confiture: nonsense'$$), 'replaced', 'a directive in a string is none');
SELECT is(pg_temp.registers(E'/*\n-- confiture: nonsense\n*/ SELECT 1'), 'replaced', 'nor in a block comment');
SELECT is(pg_temp.registers(E'-- confiture is a jam\nSELECT 1'), 'replaced', 'a comment that mentions the name is a comment');
SELECT alike(pg_temp.registers(E'SELECT 1;\n-- confiture: nonsense\n'), 'unknown directive "nonsense"%line 2%',
             'an unknown directive is an error that names the line');
SELECT alike(pg_temp.registers(E'-- confiture: no-transactions\nSELECT 1'), 'unknown directive "no-transactions"%',
             'one that is misspelt too');
SELECT alike(pg_temp.registers(E'-- confiture:\nSELECT 1'), 'directive is missing%', 'an empty one');
SELECT alike(pg_temp.registers(E'-- confiture: lock_timeout=soon\nSELECT 1'), 'invalid value for directive "lock_timeout"%',
             'one with an invalid value');
SELECT alike(pg_temp.registers(E'-- confiture: ignore=rule\nSELECT 1'), '%lacks a reason%', 'ignore without a reason');
SELECT throws_ok(E'SELECT confiture.dry_run_sql(''-- confiture: nonsense\nSELECT 1'')', 'MG005', NULL,
                 'a script that is not registered is read as strictly');

SELECT * FROM finish();
