-- Verify scripts that speak of transactions: they run as their author meant, and nothing that they say ends ours.
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.parent (id int PRIMARY KEY);
CREATE TABLE s.child (parent int REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE s.seen (n int);
CREATE PROCEDURE s.commits() LANGUAGE plpgsql AS $$BEGIN COMMIT; END$$;
CREATE FUNCTION s.commits_in_sql() RETURNS void LANGUAGE plpgsql AS $$BEGIN EXECUTE 'COMMIT'; END$$;

CREATE FUNCTION pg_temp.verified(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    DELETE FROM confiture.history;
    DELETE FROM confiture.migration;
    PERFORM confiture.register_migration('1', 'one', 'SELECT 1', verify => script);
    PERFORM confiture.baseline('1');
    SELECT concat_ws(': ', state, detail) INTO found FROM confiture.verify();
    RETURN found || CASE WHEN EXISTS (SELECT FROM s.seen) THEN ', and it stays' ELSE '' END;
END
$$;

SELECT is(pg_temp.verified(script), expected, script)
  FROM (VALUES
    ('BEGIN; SELECT 1; ROLLBACK;', 'verified'),
    ('BEGIN; SELECT 1/0; ROLLBACK;', 'failed: division by zero'),
    ('-- Verify shop:users on pg' || E'\n\nBEGIN;\n\nSELECT n FROM s.seen WHERE false;\n\nROLLBACK;\n', 'verified'),
    ('BEGIN; INSERT INTO s.seen VALUES (1); COMMIT; SELECT 1 / count(*) FROM s.seen; SELECT 1', 'verified'),
    ('BEGIN; INSERT INTO s.seen VALUES (1); ROLLBACK; SELECT 1 / (1 - count(*)) FROM s.seen', 'verified'),
    ('BEGIN; INSERT INTO s.seen VALUES (1); END; BEGIN; SELECT 1 / count(*) FROM s.seen; ABORT;', 'verified'),
    ('ROLLBACK; SELECT 1', 'verified'),
    ('COMMIT; SELECT 1', 'verified'),
    ('SELECT 1; COMMIT', 'verified'),
    ('START TRANSACTION; BEGIN; SELECT 1; ROLLBACK; ROLLBACK; SELECT 1', 'verified'),
    ('BEGIN; SAVEPOINT a; INSERT INTO s.seen VALUES (1); ROLLBACK TO a; SELECT 1 / (1 - count(*)) FROM s.seen; RELEASE a; COMMIT', 'verified'),
    ('BEGIN; SAVEPOINT a; ROLLBACK; ROLLBACK TO a', 'failed: savepoint "a" does not exist'),
    ('SAVEPOINT a; INSERT INTO s.seen VALUES (1); ROLLBACK TO SAVEPOINT a; SELECT 1 / (1 - count(*)) FROM s.seen', 'verified'),
    ('BEGIN; SET search_path = s; ROLLBACK; SELECT 1 / (current_setting(''search_path'') <> ''s'')::int', 'verified'),
    ('BEGIN; INSERT INTO s.child VALUES (1); ROLLBACK', 'verified'),
    ('BEGIN; INSERT INTO s.child VALUES (1); INSERT INTO s.parent VALUES (1); COMMIT', 'verified'),
    ('BEGIN; INSERT INTO s.child VALUES (1); COMMIT',
     'failed: insert or update on table "child" violates foreign key constraint "child_parent_fkey"'),
    ('BEGIN; INSERT INTO s.seen VALUES (1)', 'verified'),
    ('CALL s.commits()', 'failed: invalid transaction termination'),
    ('BEGIN; CALL s.commits(); ROLLBACK', 'failed: invalid transaction termination'),
    ('DO ''BEGIN COMMIT; END''', 'failed: invalid transaction termination'),
    ('DO ''BEGIN ROLLBACK; END''', 'failed: invalid transaction termination'),
    ('SELECT s.commits_in_sql()', 'failed: EXECUTE of transaction commands is not implemented')
  ) AS scripts (script, expected);

-- What cannot be honoured is refused when it is registered.
SELECT throws_ok(format('SELECT confiture.register_migration(''2'', ''two'', ''SELECT 1'', verify => %L)', E'SELECT 1;\n' || script),
                 'MG005', message || ' in line 2', script)
  FROM (VALUES
    ('PREPARE TRANSACTION ''a''', 'verify script cannot run PREPARE TRANSACTION'),
    ('COMMIT PREPARED ''a''', 'verify script cannot run COMMIT PREPARED'),
    ('ROLLBACK PREPARED ''a''', 'verify script cannot run ROLLBACK PREPARED'),
    ('BEGIN ISOLATION LEVEL SERIALIZABLE; ROLLBACK', 'verify script begins a transaction with modes'),
    ('START TRANSACTION READ ONLY; ROLLBACK', 'verify script begins a transaction with modes'),
    ('COMMIT AND CHAIN', 'verify script chains a transaction by COMMIT AND CHAIN'),
    ('ROLLBACK AND CHAIN', 'verify script chains a transaction by ROLLBACK AND CHAIN'),
    ('VACUUM s.seen', 'verify script cannot run VACUUM'),
    ('CREATE INDEX CONCURRENTLY ON s.seen (n)', 'verify script cannot run CREATE INDEX')
  ) AS scripts (script, message);
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('1_a.up.sql', 'SELECT 1'), ('1_a.verify.sql', E'SELECT 1;\nCOMMIT AND CHAIN;');
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005',
                 'verify script chains a transaction by COMMIT AND CHAIN in "1_a.verify.sql", line 2', 'of a folder too');

-- Other ways in which a text of a user's reaches the server.
DELETE FROM confiture.history;
DELETE FROM confiture.migration;
SELECT throws_ok(format('SELECT confiture.register_hook_sql(''h'', ''BEFORE_DDL'', %L); SELECT confiture.register_migration(''1'', ''a'', ''SELECT 1'');
                         SELECT confiture.apply(''1'')', statement), NULL, NULL, 'a statement hook: ' || statement)
  FROM unnest('{COMMIT,ROLLBACK,BEGIN,PREPARE TRANSACTION ''a'',CALL s.commits()}'::text[]) AS statement;
SELECT is(txid_status(txid_current()), 'in progress', 'the transaction is still this one');
SELECT * FROM finish();
