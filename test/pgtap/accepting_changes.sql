-- repair(version, 'accept'): the text of an applied migration that was changed and does the same.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE ROLE accepting_author;
CREATE ROLE accepting_other;
SELECT confiture.grant_access(role, 'operator') FROM unnest(ARRAY['accepting_author', 'accepting_other']) AS role \g /dev/null
CREATE FUNCTION pg_temp.register(script text) RETURNS text LANGUAGE sql AS $$
    SELECT confiture.register_migration('1', 'one', script)
$$;
SELECT pg_temp.register('SELECT 1 -- one') \g /dev/null
SELECT confiture.register_migration('2', 'two', 'SELECT 2', 'SELECT 2') \g /dev/null
CALL confiture.up() \g /dev/null
SELECT applied_at AS first_time FROM confiture.status WHERE version = '1' \gset

SELECT throws_ok($$SELECT pg_temp.register('SELECT 1 -- won')$$, 'MG006', 'migration "1" is applied and cannot be changed', 'a changed comment is a change');
SELECT is(state || ': ' || detail, 'accepted: the next text that is registered stands for the one that was applied', 'it is accepted') FROM confiture.repair('1', 'accept');
SELECT is((SELECT status FROM confiture.status WHERE version = '1'), 'applied', 'nothing has changed yet');
SELECT is(pg_temp.register('SELECT 1 -- won'), 'replaced', 'the changed text is taken');
SELECT is((SELECT forward FROM confiture.migration WHERE version = '1'), 'SELECT 1 -- won', 'as it is');
SELECT results_eq($$SELECT status, applied_at FROM confiture.status WHERE version = '1'$$, format($$VALUES ('applied', %L::timestamptz)$$, :'first_time'), 'and is applied when it was');
SELECT results_eq($$SELECT action, status, h.checksum = m.checksum, h.executed_by FROM confiture.history h JOIN confiture.migration m USING (version) WHERE version = '1' ORDER BY h.id$$,
                  format($$VALUES ('forward', 'succeeded', false, %1$L), ('accepted', 'succeeded', true, %1$L)$$, current_user), 'the history has both');
SELECT is((SELECT state FROM confiture.verify() WHERE version = '1'), 'unverified', 'verify() finds nothing changed');
SELECT throws_ok($$SELECT pg_temp.register('SELECT 1 -- once more')$$, 'MG006', NULL, 'that was for one change');
SELECT is(pg_temp.register('SELECT 1 -- won'), 'unchanged', 'which may be registered again');
CALL confiture.up() \g /dev/null
SELECT is((SELECT count(*) FROM confiture.history WHERE action = 'forward'), 2::bigint, 'nothing runs again');

-- A folder.
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('1_one.up.sql', 'SELECT 1 -- of the folder'), ('2_two.up.sql', 'SELECT 2'), ('2_two.down.sql', 'SELECT 2');
SELECT throws_ok($$SELECT confiture.load_files('files', replace => true)$$, 'MG006', NULL, 'of a folder');
SELECT state FROM confiture.repair('1', 'accept') \g /dev/null
SELECT throws_ok($$SELECT confiture.load_files('files')$$, 'MG005', NULL, 'replacing has to be said');
SELECT set_eq($$SELECT version || ' ' || action FROM confiture.load_files('files', replace => true)$$, ARRAY['1 replaced', '2 unchanged'], 'a folder is taken with it');
SELECT is((SELECT applied_at FROM confiture.status WHERE version = '1'), :'first_time'::timestamptz, 'still applied when it was');

-- The way back is that of the new text; the order of reverting stays.
CALL confiture.down() \g /dev/null
SELECT results_eq('SELECT version, status FROM confiture.status', $$VALUES ('1', 'applied'), ('2', 'reverted')$$, 'down() reverts the last one, not the accepted one');

-- A failed attempt at reverting is told still.
SELECT confiture.register_migration('2', 'two', 'SELECT 2', 'SELECT 2/0') \g /dev/null
CALL confiture.up() \g /dev/null
\set ON_ERROR_STOP 0
CALL confiture.down() \g /dev/null
\set ON_ERROR_STOP 1
SELECT state FROM confiture.repair('2', 'accept') \g /dev/null
SELECT is(confiture.register_migration('2', 'two', 'SELECT 2', 'SELECT 2 -- fixed'), 'replaced', 'a broken way back is changed in the same way');
SELECT is((SELECT status FROM confiture.status WHERE version = '2'), 'failed', 'what failed stays told');
CALL confiture.down() \g /dev/null
SELECT is((SELECT status FROM confiture.status WHERE version = '2'), 'reverted', 'and the new way back is taken');

-- Who, and of what.
SELECT throws_ok($$SELECT confiture.repair('2', 'accept')$$, 'MG007', 'migration "2" is not applied', 'one that is not applied');
SELECT throws_ok($$SELECT confiture.repair('3', 'accept')$$, 'MG004', NULL, 'one that is not registered');
SELECT throws_ok($$SELECT confiture.repair(NULL, 'accept')$$, 'MG016', NULL, 'one without a name');
SET ROLE accepting_author;
SELECT confiture.register_migration('3', 'three', 'SELECT 3') \g /dev/null
RESET ROLE;
SELECT confiture.trust('migration', '3') \g /dev/null
CALL confiture.up() \g /dev/null
SET ROLE accepting_other;
SELECT throws_ok($$SELECT confiture.repair('3', 'accept')$$, 'MG016', NULL, 'attack: by a role that may not replace it');
SET ROLE accepting_author;
SELECT is(state, 'accepted', 'its registrar may') FROM confiture.repair('3', 'accept');
SET ROLE accepting_other;
SELECT throws_ok($$SELECT confiture.register_migration('3', 'three', 'ALTER ROLE accepting_other SUPERUSER')$$, 'MG016', NULL, 'attack: another role takes the occasion');
SET ROLE accepting_author;
SELECT is(confiture.register_migration('3', 'three', 'SELECT 3 -- changed'), 'replaced', 'the registrar uses it');
RESET ROLE;
SELECT is(executed_by, 'accepting_author', 'and stands in the history') FROM confiture.history WHERE version = '3' AND action = 'accepted';

DROP OWNED BY accepting_author, accepting_other CASCADE;
DROP ROLE accepting_author, accepting_other;
SELECT * FROM finish();
