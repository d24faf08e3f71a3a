-- Applying and reverting: what is committed together, where it goes on, what history, journal and status say.
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE TABLE s.done (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION s.register(version text, up text, down text DEFAULT NULL, verify text DEFAULT NULL, options jsonb DEFAULT '{}') RETURNS text LANGUAGE sql
AS $$SELECT confiture.register_migration(version, 'm' || version, up, down, verify, options)$$;
CREATE VIEW s.stand AS SELECT string_agg(version || ' ' || status, ', ') FROM (SELECT * FROM confiture.status) st;
CREATE VIEW s.past AS SELECT string_agg(concat_ws(' ', version, action, status, statements_done, error->>'sqlstate'), ', ' ORDER BY id) FROM confiture.history;
-- What a call raises: SQLSTATE, message, DETAIL and HINT in lines.
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- Nothing to do.
CALL confiture.up() \gset
SELECT is(concat_ws(' ', :'applied', :{?current_version}, :'next_command'), '0 f SELECT * FROM confiture.verify()', 'nothing is pending: nothing is done');

-- The way there and back.
SELECT s.register('1', 'CREATE TABLE s.a (x int); INSERT INTO s.done (what) VALUES (''1'')', 'DROP TABLE s.a'),
       s.register('2', 'INSERT INTO s.done (what) VALUES (''2 a''); COMMIT; INSERT INTO s.done (what) VALUES (''2 b'')', 'INSERT INTO s.done (what) VALUES (''2 back'')'),
       s.register('10', 'INSERT INTO s.done (what) VALUES (''10'')', 'INSERT INTO s.done (what) VALUES (''10 back'')') \g /dev/null
CALL confiture.up(steps => 1) \gset
SELECT is(ARRAY[:'applied', :'current_version', :'next_command'], '{1,1,CALL confiture.up()}', 'so many as steps says');
CALL confiture.up(target => '002') \gset
SELECT is(ARRAY[:'applied', :'current_version', :'next_command'], '{1,2,CALL confiture.up()}', 'up to the target, found by version order');
CALL confiture.up() \gset
SELECT is(ARRAY[:'applied', :'current_version', :'next_command'], '{1,10,SELECT * FROM confiture.verify()}', 'and the rest');
SELECT is((SELECT string_agg(what, ', ' ORDER BY id) FROM s.done), '1, 2 a, 2 b, 10', 'each once and in order');
SELECT is((TABLE s.past), '1 forward succeeded 2, 2 forward succeeded 2, 10 forward succeeded 1', 'history has them');
SELECT is_empty('SELECT FROM confiture.journal', 'what is finished is in no journal');
SELECT ok(bool_and(started_at <= finished_at AND executed_by = current_user AND error IS NULL), 'when and who') FROM confiture.history;
CALL confiture.down() \gset
SELECT is(ARRAY[:'reverted', :'current_version', :'next_command'], '{1,2,CALL confiture.up()}', 'down takes the last one back');
CALL confiture.redo() \gset
SELECT is(ARRAY[:'applied', :'current_version'], '{1,2}', 'redo does it again');
SELECT is((SELECT string_agg(what, ', ' ORDER BY id) FROM s.done WHERE id > 4), '10 back, 2 back, 2 a, 2 b', 'both ways');
CALL confiture.down(target => '1') \gset
SELECT is((TABLE s.stand), '1 applied, 2 reverted, 10 reverted', 'down to a target leaves the target');
CALL confiture.up() \gset
SELECT is((TABLE s.stand), '1 applied, 2 applied, 10 applied', 'what is reverted is pending');
CALL confiture.down(steps => 3) \gset
SELECT is((TABLE s.stand), '1 reverted, 2 reverted, 10 reverted', 'back to the beginning');
SELECT hasnt_table('s', 'a', 'with nothing left');
CALL confiture.down() \gset
SELECT is(concat_ws(' ', :'reverted', :{?current_version}), '0 f', 'there is no further');

-- A way back that is not there touches nothing.
SELECT s.register('11', 'SELECT 1') \g /dev/null
CALL confiture.up() \gset
SELECT count(*) AS before FROM confiture.history \gset
\set ON_ERROR_STOP off
CALL confiture.down(steps => 2);
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG014', 'no backward script');
SELECT is(count(*), :before::bigint, 'and nothing was done') FROM confiture.history;
DELETE FROM confiture.history;
DELETE FROM confiture.migration;
TRUNCATE s.done;

-- A failure leaves what is committed, and the next call goes on there.
SET work_mem = '5MB';
SELECT s.register('1', 'INSERT INTO s.done (what) VALUES (''1'')'),
       s.register('2', E'INSERT INTO s.done (what) VALUES (''2 a'');\nSET work_mem = ''7MB'';\nCOMMIT;\nINSERT INTO s.done (what) VALUES (''2 b '' || current_setting(''work_mem''));\nSELECT 1 / 0'),
       s.register('3', 'INSERT INTO s.done (what) VALUES (''3'')') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', '22012 migration "2" failed: division by zero', 'the error keeps its SQLSTATE');
SELECT is((SELECT string_agg(what, ', ' ORDER BY id) FROM s.done), '1, 2 a', 'the failed step is rolled back, the one before is not');
SELECT is((TABLE s.stand), '1 applied, 2 failed, 3 pending', 'status says so');
SELECT is(detail, 'forward: 1 of 2 steps are done; up() resumes', 'and how far it is') FROM confiture.status WHERE version = '2';
SELECT is((TABLE s.past), '1 forward succeeded 1, 2 forward failed 2 22012', 'history too');
SELECT is((SELECT error->>'line' || ' ' || (error->>'statement') FROM confiture.history WHERE status = 'failed'), '5 5', 'with the place');
SELECT is(current_setting('work_mem'), '5MB', 'SET in a script ends with it');
SELECT is(string_agg(concat_ws(' ', step, steps, direction, line, command, ended_at IS NOT NULL), ', '), '1 2 forward 1 INSERT t', 'the journal has the step') FROM confiture.journal;
SELECT alike(s.refusal('SELECT confiture.apply(''2'')'), 'MG015 migration "2" was left in the middle%', 'apply() does not take it on');
\set ON_ERROR_STOP off
CALL confiture.down();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG015', 'nor is anything reverted meanwhile');
SELECT s.register('2', E'INSERT INTO s.done (what) VALUES (''2 z'');\nSET work_mem = ''7MB'';\nCOMMIT;\nSELECT 1') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG015', 'a step that is done and reads otherwise now is not taken for done');
SELECT s.register('2', E'INSERT INTO s.done (what) VALUES (''2 a'');\nSET work_mem = ''7MB'';\nCOMMIT;\nINSERT INTO s.done (what) VALUES (''2 b '' || current_setting(''work_mem''))') \g /dev/null
CALL confiture.up() \gset
SELECT is((SELECT string_agg(what, ', ' ORDER BY id) FROM s.done), '1, 2 a, 2 b 7MB, 3', 'fixed, it resumes with the second step and what the first has SET');
SELECT is((TABLE s.stand), '1 applied, 2 applied, 3 applied', 'all is applied');
SELECT is_empty('SELECT FROM confiture.journal', 'and nothing is open');

-- Order.
SELECT s.register('1.5', 'INSERT INTO s.done (what) VALUES (''1.5'')'), s.register('4', 'INSERT INTO s.done (what) VALUES (''4'')') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG007', 'one that comes too late is refused');
SELECT alike(s.refusal('SELECT confiture.apply(''4'')'), 'MG007%before it, is pending%', 'apply() leaves none out');
SET confiture.out_of_order = warn;
CALL confiture.up() \gset
SELECT is(ARRAY[:'applied', :'current_version'], '{2,4}', 'or applied, where that is wanted');
RESET confiture.out_of_order;
UPDATE confiture.migration SET checksum = 'x' WHERE version = '3';
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG006', 'so is what has changed since it was applied');
SELECT is(state, 'changed', 'verify() says so too') FROM confiture.verify() WHERE version = '3';
DELETE FROM confiture.migration WHERE version = '3';
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG004', 'and what is missing');
SELECT is(state, 'missing', 'verify() says so too') FROM confiture.verify() WHERE version = '3';
DELETE FROM confiture.history; DELETE FROM confiture.migration; TRUNCATE s.done;
SELECT s.register('2', 'SELECT 1', options => '{"depends": ["9"]}'), s.register('9', 'SELECT 1') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE' || ' ' || :'LAST_ERROR_MESSAGE', 'MG007 migration "2" depends on migration "9", which is not applied', 'what it depends on comes first');
DELETE FROM confiture.migration;

-- What is refused.
\set ON_ERROR_STOP off
CALL confiture.up(steps => 0);
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG016', 'no steps');
\set ON_ERROR_STOP off
CALL confiture.up(target => '1', steps => 1);
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG016', 'target and steps');
\set ON_ERROR_STOP off
CALL confiture.up(target => 'none');
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG004', 'no such target');
BEGIN;
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
ROLLBACK;
SELECT is(:'LAST_ERROR_SQLSTATE'::text, 'MG010', 'not inside of BEGIN');
SELECT alike(s.refusal('CALL confiture.up(NULL, NULL, NULL, NULL, NULL, NULL)'), 'MG010 confiture.up() cannot run inside a transaction%autocommit%', 'nor by EXECUTE');
SELECT alike(s.refusal('DO $$ DECLARE a int; b text; c float8; d text; BEGIN CALL confiture.down(NULL, NULL, a, b, c, d); END $$'), 'MG010%', 'nor of a function');

-- In the caller's transaction.
SELECT s.register('1', 'INSERT INTO s.done (what) VALUES (''1'')', 'INSERT INTO s.done (what) VALUES (''1 back'')', 'SELECT 1 / (SELECT count(*) FROM s.done)'),
       s.register('2', 'SELECT 1; COMMIT; SELECT 2'), s.register('3', 'CREATE INDEX CONCURRENTLY ON s.done (what)'), s.register('4', 'SELECT 1/0') \g /dev/null
BEGIN;
SELECT is(statements, 1, 'apply() runs one') FROM confiture.apply('001');
SELECT is((SELECT status FROM confiture.status WHERE version = '1'), 'applied', 'at once');
ROLLBACK;
SELECT is((SELECT status FROM confiture.status WHERE version = '1'), 'pending', 'if and only if the transaction commits');
SELECT confiture.apply('1') \g /dev/null
SELECT alike(s.refusal('SELECT confiture.apply(''1'')'), 'MG007 migration "1" is applied already%', 'not twice');
SELECT is(state, 'verified', 'its verify script passes') FROM confiture.verify();
DELETE FROM s.done;
SELECT is(state || ' ' || detail, 'failed division by zero', 'or does not') FROM confiture.verify();
SELECT alike(s.refusal('SELECT confiture.apply(''2'')'), 'MG010 migration "2" is more than one transaction%2 steps%', 'one of several steps is refused');
CALL confiture.up(steps => 1) \gset
SELECT alike(s.refusal('SELECT confiture.apply(''3'')'), 'MG010%CREATE INDEX in line 1%', 'so is one that runs outside of transactions');
SELECT alike(s.refusal('SELECT confiture.revert(''3'')'), 'MG007 migration "3" is not applied%', 'what is not applied is not reverted');
SELECT alike(s.refusal('SELECT confiture.apply(NULL)'), 'MG016%', 'null is nothing');
SELECT set_eq('SELECT version FROM confiture.baseline(''3'')', ARRAY['3'], 'baseline() marks what is not applied');
SELECT is((SELECT status FROM confiture.status WHERE version = '3'), 'applied', 'as applied');
SELECT is((SELECT count(*) FROM pg_indexes WHERE tablename = 'done'), 0::bigint, 'and runs nothing');
SELECT alike(s.refusal('SELECT confiture.apply(''4'')'), '22012 migration "4" failed: division by zero%Line 1, statement 1%', 'a failure is told with its place');
SELECT is((SELECT status FROM confiture.status WHERE version = '4'), 'pending', 'and leaves no trace');
SELECT is_empty('SELECT * FROM confiture.repair()', 'there is nothing to repair');
SELECT alike(s.refusal('SELECT * FROM confiture.repair(''4'')'), 'MG004%', 'nor of this one');

SELECT * FROM finish();
