-- What was finished or undone by hand, what came back changed, what a script must not leave to those after it.
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE FUNCTION s.register(version text, up text, down text DEFAULT NULL) RETURNS text LANGUAGE sql
AS $$SELECT confiture.register_migration(version, 'm' || version, up, down)$$;
CREATE VIEW s.stand AS SELECT string_agg(version || ' ' || status, ', ') FROM (SELECT * FROM confiture.status) st;
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', SQLSTATE || ' ' || SQLERRM, nullif(detail, ''), nullif(hint, ''));
END $$;

-- A way back that fails in its middle: mended and gone on with.
SELECT s.register('1', 'CREATE TABLE s.one (); VACUUM s.one', 'DROP TABLE s.one; VACUUM s.absent') \g /dev/null
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.down();
\set ON_ERROR_STOP on
SELECT alike(:'LAST_ERROR_MESSAGE'::text, 'migration "1" failed on the way back: %', 'it is told that it is the way back');
SELECT is((TABLE s.stand), '1 failed', 'a migration that is half reverted');
SELECT s.register('2', 'SELECT 1') \g /dev/null
SELECT alike(s.refusal('SELECT confiture.apply(''2'')'), 'MG015 migration "1" was left in the middle%confiture.down() resumes it.', 'keeps others out');
SELECT confiture.unregister_migration('2') \g /dev/null
SELECT alike(s.refusal('SELECT confiture.repair(''1'', ''done'')'), 'MG016 no step of migration "1" waits for a verdict%', 'no verdict is wanted');
SELECT is(s.register('1', 'CREATE TABLE s.one (); VACUUM s.one', 'DROP TABLE s.one; VACUUM'), 'replaced', 'its scripts may be mended');
CALL confiture.down() \g /dev/null
SELECT is((TABLE s.stand), '1 reverted', 'then it goes on');

-- Finished by hand, in either direction.
SELECT s.register('1', 'CREATE TABLE s.one (); VACUUM s.absent', 'DROP TABLE s.one; VACUUM s.absent') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is((SELECT state || ' ' || detail FROM confiture.repair('1', 'applied')), 'applied as it was said', 'applied by hand');
SELECT is((TABLE s.stand), '1 applied', 'is applied');
SELECT is_empty('SELECT FROM confiture.journal', 'with no step left');
\set ON_ERROR_STOP off
CALL confiture.down();
\set ON_ERROR_STOP on
SELECT is((SELECT state FROM confiture.repair('1', 'reverted')), 'reverted', 'reverted by hand');
SELECT is((TABLE s.stand), '1 reverted', 'is reverted');
SELECT alike(s.refusal('SELECT confiture.repair(''1'', ''reverted'')'), 'MG007 migration "1" is not applied%', 'once');
SELECT alike(s.refusal('SELECT confiture.repair(''3'', ''applied'')'), 'MG004%', 'of what is registered');
SELECT is(string_agg(action || ' ' || status, ', ' ORDER BY id), 'forward succeeded, backward failed, backward succeeded, forward failed, baseline succeeded, backward failed, backward succeeded',
          'the history says so') FROM confiture.history;

-- Without a way back.
SELECT s.register('1', 'SELECT 1') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT alike(s.refusal('SELECT confiture.revert(''1'')'), 'MG014%Undo it by hand, then SELECT confiture.repair(''1'', ''reverted'')%', 'the next step is told');
SELECT alike(s.refusal('SELECT s.register(''1'', ''SELECT 1'', ''SELECT 2'')'), 'MG006%SELECT confiture.repair(''1'', ''reverted'')%', 'and can be taken');
SELECT confiture.repair('1', 'reverted') \g /dev/null
SELECT is(s.register('1', 'SELECT 1', 'SELECT 2'), 'replaced', 'and leads further');
CALL confiture.up() \g /dev/null

-- Gone and registered anew: only as it was applied.
DELETE FROM confiture.migration;
SELECT is((TABLE s.stand), '1 missing', 'gone');
SELECT alike(s.refusal('SELECT s.register(''1'', ''SELECT 3'', ''SELECT 2'')'), 'MG006%', 'another one is not it');
SELECT is(s.register('1', 'SELECT 1', 'SELECT 2'), 'added', 'the same one is');
SELECT is((TABLE s.stand), '1 applied', 'applied as before');
UPDATE confiture.migration SET forward = 'SELECT 4', checksum = 'another';
SELECT is((TABLE s.stand), '1 changed', 'changed behind our back');
SELECT is(s.register('1', 'SELECT 1', 'SELECT 2'), 'replaced', 'can be brought back as it was');
SELECT is((TABLE s.stand), '1 applied', 'and is applied');

-- A repeatable one stays so.
CREATE TABLE s.files (path text, content bytea);
INSERT INTO s.files VALUES ('V01__one.sql', 'SELECT 1'), ('R__view.sql', 'CREATE OR REPLACE VIEW s.v AS SELECT 1 AS a');
DELETE FROM confiture.migration; DELETE FROM confiture.history;
SELECT confiture.load_files('s.files') \g /dev/null
SELECT version FROM confiture.migration WHERE repeatable \gset
CALL confiture.up() \g /dev/null
SELECT is(confiture.register_migration(:'version', 'view', 'CREATE OR REPLACE VIEW s.v AS SELECT 1 AS a, 2 AS b'), 'replaced', 'a call replaces a repeatable');
CALL confiture.up() \gset
SELECT is(:applied, 1, 'which runs again');
SELECT has_column('s', 'v', 'b', 'as it is now');

-- What a script of several steps sets, ends with it.
CREATE ROLE by_hand_migrator;
GRANT CREATE ON SCHEMA s TO by_hand_migrator;
SET by_hand.before = 'kept';
DELETE FROM confiture.migration; DELETE FROM confiture.history;
SELECT s.register('1', 'SET SESSION AUTHORIZATION by_hand_migrator; SET by_hand.tenant = 42; SET by_hand.before = ''lost''; SET work_mem = ''7MB''; COMMIT; SELECT 1'),
       s.register('2', 'CREATE TABLE s.owned ()') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT table_owner_is('s', 'owned', :'USER', 'the next migration is the caller''s');
SELECT is(session_user::text, :'USER'::text, 'so is the session');
SELECT is(concat_ws(' ', nullif(current_setting('by_hand.tenant', true), ''), current_setting('by_hand.before')), 'kept', 'with settings of its own');
SELECT is((setting = reset_val)::text || ' ' || (source = 'session')::text, 'true false', 'and those that follow the server''s file') FROM pg_settings WHERE name = 'work_mem';
SELECT is(string_agg(DISTINCT executed_by, ', '), :'USER'::text, 'and the history names who called') FROM confiture.history;

-- A session lock that a trial takes is not in the way of the worker, and does not stay.
SELECT s.register('3', E'-- confiture: no-transaction\nDO $$BEGIN PERFORM pg_advisory_lock(42); COMMIT; PERFORM pg_advisory_unlock(42); END$$') \g /dev/null
SELECT pg_advisory_lock(43) \g /dev/null
CALL confiture.up() \g /dev/null
SELECT is(string_agg(objid::text, ', '), '43', 'the locks of the session are its own') FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT pg_advisory_unlock(43) \g /dev/null

-- A script that applies the next one.
CREATE TABLE s.times (version text);
SET confiture.out_of_order = warn;
SELECT s.register('4', 'SELECT confiture.apply(''5'')'), s.register('5', 'INSERT INTO s.times VALUES (''5'')') \g /dev/null
CALL confiture.up() \gset
SELECT is(count(*), 1::bigint, 'is not run once more') FROM s.times;
RESET confiture.out_of_order;

-- A record that is refused hides no error, and corrupts nothing.
SELECT setval('confiture.history_id_seq', 1, false) \g /dev/null
SELECT s.register('6', 'SELECT 1; COMMIT; SELECT 1 / 0') \g /dev/null
\set ON_ERROR_STOP off
CALL confiture.up();
\set ON_ERROR_STOP on
SELECT is(:'LAST_ERROR_SQLSTATE'::text, '22012', 'the error of the script is told');
SET enable_seqscan = off;
SELECT count(*) AS by_index FROM confiture.history WHERE id > 0 \gset
RESET enable_seqscan; SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off;
SELECT is(count(*)::int, :by_index, 'the table and its index agree') FROM confiture.history WHERE id > 0;
DROP OWNED BY by_hand_migrator; DROP ROLE by_hand_migrator;
SELECT * FROM finish();
