-- up(), down() and redo() run a step as psql runs a transaction: what the server allows at top level alone, and what a failure leaves.
SET client_min_messages = error;
SELECT * FROM no_plan();
\set ON_ERROR_STOP off

-- What no subtransaction can do.
CREATE TYPE mood AS ENUM ('sad');
SELECT confiture.register_migration('01', 'catalog', 'REINDEX TABLE pg_class', down => 'REINDEX TABLE pg_class'),
       confiture.register_migration('02', 'database', 'REINDEX TABLE pg_database') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(array_agg(status ORDER BY version), '{applied,applied}', 'REINDEX of pg_class and of a shared catalog') FROM confiture.status;
CALL confiture.down(steps => 2) \g /dev/null
SELECT matches(:'LAST_ERROR_MESSAGE'::text, 'no backward script', 'one of them cannot be reverted');

-- An enum that is made, extended and used in one step: the server takes it from 17 on.
SELECT confiture.register_migration('03', 'enum', $$
    CREATE TYPE made AS ENUM ('x');
    ALTER TYPE made ADD VALUE 'y';
    CREATE TABLE of_made AS SELECT 'y'::made AS value;
$$) \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(status, CASE WHEN current_setting('server_version_num')::int >= 170000 THEN 'applied' ELSE 'failed' END, 'a new enum and its new value, as psql -1 has it')
  FROM confiture.status WHERE version = '03';
SELECT confiture.register_migration('03', 'enum', 'CREATE TYPE made AS ENUM (''x'')')
 WHERE current_setting('server_version_num')::int < 170000 \g /dev/null
CALL confiture.up() \g /dev/null

-- A failure rolls the whole transaction back, whatever it was in.
CREATE TABLE item (id int PRIMARY KEY, parent int CONSTRAINT of_parent REFERENCES item DEFERRABLE INITIALLY DEFERRED);
SELECT confiture.register_migration('04', 'fails', $$
    INSERT INTO item VALUES (1);
    SAVEPOINT one;
    INSERT INTO item VALUES (2);
    SAVEPOINT two;
    DO 'DECLARE r record; BEGIN FOR r IN SELECT generate_series(1, 10) LOOP RAISE division_by_zero; END LOOP; END';
$$) \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'the error is that of the server');
SELECT is((SELECT count(*) FROM item), 0::bigint, 'nothing of the step is there');
SELECT results_eq($$SELECT status, error->>'line', statements_done FROM confiture.history WHERE version = '04'$$, $$VALUES ('failed', '6', 0)$$, 'and the history has it');
SELECT is((SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('object', 'relation') AND mode = 'ExclusiveLock'), 0::bigint, 'no migrator lock is left');
SELECT is((SELECT count(*) FROM pg_cursors WHERE name <> ''), 0::bigint, 'no cursor');

-- So does one that only COMMIT would find, and what the trigger of a deferred constraint leaves to another one is looked at after it.
SELECT confiture.register_migration('04', 'deferred', 'INSERT INTO item VALUES (1, 99)') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '23503', 'a deferred constraint') FROM (SELECT count(*) FROM item) AS i (rows) WHERE rows = 0;
CREATE TABLE child (id int CONSTRAINT of_item REFERENCES item DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO child VALUES (NEW.id + 100);
    IF NEW.id < 100 THEN INSERT INTO item VALUES (NEW.id + 100); END IF;
    RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER later AFTER INSERT ON item DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id < 100) EXECUTE FUNCTION later();
SELECT confiture.register_migration('04', 'deferred', 'INSERT INTO item VALUES (1)') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is((SELECT array_agg(id ORDER BY id) FROM child), '{101}', 'what a deferred trigger leaves to a deferred constraint is checked after it, as COMMIT does');

-- What a script or a hook has put aside is gone with the attempt.
CREATE TABLE stat_seen (value jsonb);
SELECT confiture.register_migration('05', 'stats', E'-- confiture: phase=BEFORE_DDL\nSELECT confiture.set_stat(''before'', ''1'');\n'
    '-- confiture: phase=ON_ERROR\nINSERT INTO stat_seen SELECT confiture.get_stat(''before'');\n'
    '-- confiture: phase=DDL\nSET my.setting = ''script''; SELECT 1/0;') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(coalesce(current_setting('my.setting', true), ''), '', 'SET of a step that failed');
SELECT results_eq('SELECT value FROM stat_seen', 'VALUES (NULL::jsonb)', 'and what its hooks shared');
SELECT confiture.unregister_migration('05') \g /dev/null

-- Attack: a script that gives up all advisory locks.
SELECT pg_advisory_lock(77);
SELECT confiture.register_migration('06', 'gives up', 'SELECT pg_advisory_unlock_all(); CREATE TABLE six (); COMMIT; SELECT 1/0') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'attack: a script that gives up all advisory locks does not give up the migrator lock');
SELECT results_eq($$SELECT status, split_part(detail, ';', 1) FROM confiture.status WHERE version = '06'$$, $$VALUES ('failed', 'forward: 1 of 2 steps are done')$$, 'and its step is told');
SELECT * FROM confiture.repair('06', 'abandon') \g /dev/null
SELECT confiture.register_migration('06', 'gives up', 'DO ''BEGIN PERFORM pg_advisory_unlock_all(); PERFORM 1/0; END''') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'attack: nor where the same statement fails');
SELECT is((SELECT count(*) FROM confiture.history WHERE version = '06' AND status = 'failed'), 2::bigint, 'which the history has');
SELECT is((SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype IN ('object', 'advisory')), 0::bigint, 'and no lock is left');
SELECT confiture.unregister_migration('06') \g /dev/null

-- In PL/pgSQL a step is a subtransaction.
SELECT confiture.register_migration('07', 'in a DO block', 'CREATE TABLE seven ()') \g /dev/null
DO $$
DECLARE a int; b text; c double precision; d text; r record;
BEGIN
    FOR r IN SELECT generate_series(1, 3) LOOP
        CALL confiture.up(NULL, NULL, a, b, c, d);
    END LOOP;
END
$$;
SELECT is(status, 'applied', 'a DO block may call') FROM confiture.status WHERE version = '07';
SELECT confiture.register_migration('08', 'fails there', 'CREATE TABLE eight (); SELECT 1/0') \g /dev/null
DO $$
DECLARE a int; b text; c double precision; d text;
BEGIN
    CALL confiture.up(NULL, NULL, a, b, c, d);
END
$$;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'and is told');
SELECT is(status, 'failed', 'and recorded') FROM confiture.status WHERE version = '08';
SELECT is(to_regclass('eight'), NULL, 'and rolled back');

SELECT confiture.unregister_migration('08') \g /dev/null

-- A role that a step has taken on holds when the next one fails, and may have no rights on confiture.
CREATE ROLE steps_without_rights;
SELECT confiture.register_migration('09', 'as a role', 'SET ROLE steps_without_rights; COMMIT; SELECT 1/0') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'what fails under another role is told as it is');
SELECT is((SELECT concat_ws(' ', error ->> 'sqlstate', error ->> 'line') FROM confiture.history WHERE version = '09'), '22012 1', 'and recorded with its place');
SELECT is(current_user, session_user, 'and the role is the session''s again');
SELECT FROM confiture.repair('09', 'abandon');
SELECT confiture.unregister_migration('09') \g /dev/null
DROP ROLE steps_without_rights;

-- Bookkeeping is written in the transactions of the script.
SELECT is((SELECT stats -> 'error' ->> 'sqlstate' FROM confiture.dry_run_sql(script)), 'MG005', 'a script cannot make its transactions read-only: ' || script)
  FROM unnest(ARRAY['SELECT set_config(''transaction_read_only'', ''on'', true)', 'SELECT set_config(''default_transaction_read_only'', ''on'', false); COMMIT; SELECT 1',
                    'DO $do$ BEGIN PERFORM set_config(''transaction_read_only'', ''on'', true); END $do$']) AS script;
SELECT confiture.register_migration('10', 'read-only', 'CREATE TABLE ten (); SELECT set_config(''transaction_read_only'', ''on'', true)') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG005', 'nor for good');
SELECT is((SELECT error ->> 'line' FROM confiture.history WHERE version = '10'), '1', 'which is recorded');
SELECT * FROM finish();
