-- How a statement that fails is told: place, text, and what to do next; in dry runs, apply(), up() and the history.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, a int, b int, c text);
INSERT INTO s.t VALUES (1, 1, NULL, 'x'), (2, 1, NULL, 'y');
CREATE VIEW s.shown AS SELECT c FROM s.t;
CREATE TYPE s.colour AS ENUM ('red');
CREATE ROLE failures_owner;
GRANT CREATE ON DATABASE :"DBNAME" TO failures_owner;

CREATE FUNCTION pg_temp.failure(script text, backward text DEFAULT NULL, OUT state text, OUT message text, OUT detail text, OUT hint text, OUT context text) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM confiture.register_migration('1', 'one', script, backward);
    PERFORM confiture.apply('1');
    IF backward IS NOT NULL THEN
        PERFORM confiture.revert('1');
    END IF;
    RAISE EXCEPTION 'it ran';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
END $$;

CREATE TEMPORARY TABLE expected (name text, script text, state text, hint text);
INSERT INTO expected VALUES
    ('a table that is there', 'CREATE TABLE s.t (id int)', '42P07', 'Where the database has all of this migration already, SELECT confiture.repair(''1'', ''applied'') says so; where it has those before it too, SELECT confiture.baseline(''1'').'),
    ('an index that is there', 'CREATE INDEX t_pkey ON s.t (a)', '42P07', '%confiture.baseline(''1'').'),
    ('a view that is there', 'CREATE VIEW s.shown AS SELECT 1', '42P07', '%confiture.repair(''1'', ''applied'')%'),
    ('a column that is there', 'ALTER TABLE s.t ADD a int', '42701', '%confiture.repair(''1'', ''applied'')%'),
    ('a schema that is there', 'CREATE SCHEMA s', '42P06', '%confiture.repair(''1'', ''applied'')%'),
    ('a type that is there', 'CREATE TYPE s.colour AS ENUM ()', '42710', '%confiture.repair(''1'', ''applied'')%'),
    ('a constraint that is there', 'ALTER TABLE s.t ADD CONSTRAINT t_pkey CHECK (true)', '42710', '%confiture.repair(''1'', ''applied'')%'),
    ('a table that is not there', 'ALTER TABLE absent ADD a int', '42P01', 'Names without a schema are looked for in search_path, which is %'),
    ('a function that is not there', 'SELECT absent()', '42883', 'No function matches%You might need%Names without a schema are looked for in search_path, which is %'),
    ('a qualified name that is not there', 'ALTER TABLE s.absent ADD a int', '42P01', ''),
    ('an empty search_path', 'SET LOCAL search_path = ''''; SELECT FROM absent', '42P01', 'Names without a schema are looked for in search_path, which is "".'),
    ('an enum value of the same transaction', 'ALTER TYPE s.colour ADD VALUE ''blue''; SELECT ''blue''::s.colour', '55P04', '%Write COMMIT after the ALTER TYPE: it ends a step.%'),
    ('a column that a view shows, to be dropped', 'ALTER TABLE s.t DROP c', '2BP01', 'Use DROP ... CASCADE to drop the dependent objects too. Or drop what DETAIL names before it%'),
    ('a table that a view shows, to be dropped', 'DROP TABLE s.t', '2BP01', 'Use DROP ... CASCADE to drop the dependent objects too. Or drop what DETAIL names before it%'),
    ('a column that a view shows, to be changed', 'ALTER TABLE s.t ALTER c TYPE varchar(5)', '0A000', 'Drop view s.shown before it and create it again after it, in the same script.'),
    ('NULLs', 'ALTER TABLE s.t ALTER b SET NOT NULL', '23502', 'Give the rows a value first, by a DEFAULT or an UPDATE; CALL confiture.backfill() does it in batches.'),
    ('a new column that must not be null', 'ALTER TABLE s.t ADD d int NOT NULL', '23502', 'Give the rows a value first, by a DEFAULT or an UPDATE; CALL confiture.backfill() does it in batches.'),
    ('rows that violate a check', 'ALTER TABLE s.t ADD CHECK (id > 1)', '23514', 'Change the rows first, or add the constraint NOT VALID now and VALIDATE it in a later migration.'),
    ('rows without their key', 'ALTER TABLE s.t ADD FOREIGN KEY (a) REFERENCES s.t (id), ADD FOREIGN KEY (id) REFERENCES s.t (a)', '42830', ''),
    ('duplicates', 'CREATE UNIQUE INDEX ON s.t (a)', '23505', 'Take away the duplicates first.'),
    ('duplicates of a constraint', 'ALTER TABLE s.t ADD UNIQUE (a)', '23505', 'Take away the duplicates first.'),
    ('a missing right', 'SET LOCAL ROLE failures_owner; ALTER TABLE s.t ADD d int', '42501', 'It ran as role "failures_owner": grant it the right, or migrate as a role that has it.'),
    ('an error that nobody has words for', 'SELECT 1/0', '22012', ''),
    ('a hint of the server alone', 'SELECT ''x''::int', '22P02', '');
SELECT is(f.state, e.state, e.name || ': ' || e.state) || E'\n' || alike(f.hint, e.hint, e.name || ': what to do')
  FROM expected e, pg_temp.failure(e.script) f;
SELECT is(r.stats->'error'->>'sqlstate', e.state, e.name || ': in a dry run') || E'\n' || alike(coalesce(r.stats->'error'->>'hint', ''), e.hint, e.name || ': the same hint there')
  FROM expected e, LATERAL (SELECT confiture.register_migration('1', 'one', e.script) AS done) g, LATERAL confiture.dry_run(left('1', length(g.done))) r
 WHERE e.state <> '55P04';

-- On the way back.
SELECT is(f.state, '42P01', 'on the way back') || E'\n' || alike(f.hint, '%Where all of it is undone already, SELECT confiture.repair(''1'', ''reverted'') says so.', 'it may be undone already')
  FROM pg_temp.failure('SELECT 1', 'DROP TABLE absent') f;
SELECT unalike(f.hint, '%repair%', 'what is there already is no sign of being undone') FROM pg_temp.failure('SELECT 1', 'CREATE SCHEMA s') f;

-- Place and text.
SELECT is(f.detail, 'Line 3, statement 2.', 'the place') || E'\n' || alike(f.context, E'%SQL statement of migration "1": SELECT\n  1/0', 'the text of the statement')
  FROM pg_temp.failure(E'SELECT 1;\n\nSELECT\n  1/0') f;
SELECT alike(f.context, '%: SELECT ''' || repeat('ä', 192) || '…', 'at most 200 characters of it') FROM pg_temp.failure('SELECT ''' || repeat('ä', 300) || '''/0') f;
SELECT unalike(f.context, '%…', 'and all of a shorter one') FROM pg_temp.failure('SELECT ''' || repeat('ä', 180) || '''/0') f;

SELECT confiture.register_migration('1', 'one', E'SELECT 1;\nINSERT INTO s.t VALUES (1)') \g /dev/null
\set ON_ERROR_STOP 0
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP 1
SELECT results_eq($$SELECT error->>'sqlstate', error->>'line', error->>'statement', error->>'sql', error->>'detail' FROM confiture.history ORDER BY id DESC LIMIT 1$$,
                  $$VALUES ('23505', '2', '2', 'INSERT INTO s.t VALUES (1)', 'Key (id)=(1) already exists.')$$, 'the history has both, and the DETAIL');
SELECT is((SELECT warnings[1] FROM confiture.dry_run('1')),
          'The migration fails in line 2: duplicate key value violates unique constraint "t_pkey" (SQLSTATE 23505); 1 of 2 statements were run. Key (id)=(1) already exists.', 'the first warning of a dry run too');
SELECT throws_like($$SELECT confiture.dry_run('1', options => '{"raise": true}')$$, '%failed', 'and one that raises');
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('2_two.up.sql', E'SELECT 1;\n\nSELECT 1/0');
SELECT confiture.load_files('files') \g /dev/null
SELECT is(f.warnings[2], 'The migration fails in line 3 of "2_two.up.sql": division by zero (SQLSTATE 22012); 1 of 2 statements were run.', 'with the file') FROM confiture.dry_run('2') f;

DROP OWNED BY failures_owner CASCADE;
DROP ROLE failures_owner;
SELECT * FROM finish();
