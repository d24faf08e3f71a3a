-- Which way a migration goes in which a registered hook runs: forward unless it says otherwise, by every call.
SET client_min_messages = error;
SELECT * FROM no_plan();
CREATE SCHEMA s;
CREATE TABLE s.ran (n int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION s.note(context jsonb) RETURNS void LANGUAGE sql AS $$ INSERT INTO s.ran (what) VALUES ((context->'config'->>'is') || ' ' || (context->>'direction')) $$;
-- What ran since the last look.
CREATE FUNCTION s.ran() RETURNS text LANGUAGE sql AS $$ WITH gone AS (DELETE FROM s.ran RETURNING n, what) SELECT coalesce(string_agg(what, ', ' ORDER BY n), 'nothing') FROM gone $$;
SELECT confiture.register_migration('1', 'one', 'SELECT 1', 'SELECT 1') \g /dev/null
SELECT confiture.register_hook('a', 'AFTER_DDL', 's.note(jsonb)', config => '{"is": "default"}'),
       confiture.register_hook('b', 'AFTER_DDL', 's.note(jsonb)', config => '{"is": "forward"}', direction => 'forward'),
       confiture.register_hook('c', 'AFTER_DDL', 's.note(jsonb)', config => '{"is": "backward"}', direction => 'backward'),
       confiture.register_hook('d', 'AFTER_DDL', 's.note(jsonb)', config => '{"is": "both"}', direction => 'both'),
       confiture.register_hook_sql('e', 'AFTER_DDL', 'INSERT INTO s.ran (what) VALUES (''sql backward'')', direction => 'backward') \g /dev/null
SELECT 'default forward, forward forward, both forward' AS forward, 'backward backward, both backward, sql backward' AS backward \gset
CALL confiture.up();
SELECT is(s.ran(), :'forward', 'up()');
CALL confiture.down();
SELECT is(s.ran(), :'backward', 'down()');
CALL confiture.up();
SELECT s.ran() \g /dev/null
CALL confiture.redo();
SELECT is(s.ran(), :'backward' || ', ' || :'forward', 'redo()');
SELECT confiture.revert('1') \g /dev/null
SELECT is(s.ran(), :'backward', 'revert()');
SELECT confiture.apply('1') \g /dev/null
SELECT is(s.ran(), :'forward', 'apply()');
SELECT confiture.run_phase('AFTER_DDL', '1') \g /dev/null
SELECT is(s.ran(), :'forward', 'run_phase()');
SELECT confiture.run_phase('AFTER_DDL', '1', 'backward') \g /dev/null
SELECT is(s.ran(), :'backward', 'run_phase() backward');
SELECT confiture.run_phase('AFTER_DDL', '1', direction => 'forward') \g /dev/null
SELECT is(s.ran(), :'forward', 'run_phase() forward');
SELECT is(string_agg(hook_name, ' '), 'a b d', 'dry_run()') FROM confiture.dry_run('1') r, confiture.dry_run_hooks(r);
SELECT is(string_agg(hook_name, ' '), 'c d e', 'dry_run() backward') FROM confiture.dry_run('1', 'backward') r, confiture.dry_run_hooks(r);
SELECT is(string_agg(hook_name, ' '), 'a b d', 'dry_run_sql()') FROM confiture.dry_run_sql('SELECT 1') r, confiture.dry_run_hooks(r);

-- The first example of docs/built-in-hooks.md keeps no way back from ending.
CREATE TABLE s.source (id int);
SELECT confiture.register_migration('2', 'model', 'CREATE TABLE s.model (id int)', 'DROP TABLE s.model'),
       confiture.register_hook('model', 'AFTER_DDL', 'confiture.backfill_read_model(confiture.hook_context)', migrations => '2', config => '{"target": "s.model", "select": "SELECT id FROM s.source"}') \g /dev/null
CALL confiture.up();
SELECT lives_ok($$SELECT confiture.revert('2')$$, 'a backfill after the change does not run on the way back');

-- What the views and the registry say.
SELECT is(string_agg(name || ' ' || direction, ', ' ORDER BY name), 'a forward, b forward, c backward, d both, e backward, model forward', 'the view has it') FROM confiture.hooks;
SELECT is((confiture.get_hook('c')).direction, 'backward', 'get_hook() has it');
SELECT confiture.register_hook('c', 'AFTER_DDL', 's.note(jsonb)', config => '{"is": "backward"}') \g /dev/null
SELECT is((confiture.get_hook('c')).direction, 'forward', 'registered again without one, it is the default');
SELECT throws_ok($$SELECT confiture.register_hook_sql('x', 'AFTER_DDL', 'SELECT 1', direction => 'sideways')$$, 'MG016', 'invalid direction of a hook: "sideways"', 'another direction is refused');
SELECT throws_ok($$SELECT confiture.register_hook_sql('x', 'AFTER_DDL', 'SELECT 1', direction => NULL)$$, 'MG016', 'direction of a hook must not be null', 'none, too');
-- Trust is bound to it.
CREATE ROLE directions_low;
GRANT USAGE ON SCHEMA confiture TO directions_low;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO directions_low;
SET ROLE directions_low;
SELECT confiture.register_hook_sql('low', 'CLEANUP', 'SELECT 1') \g /dev/null
RESET ROLE;
SELECT confiture.trust('hook', 'low') \g /dev/null
SELECT is(confiture.hook_state('low'), 'ready', 'trusted as it stands');
SET ROLE directions_low;
SELECT confiture.register_hook_sql('low', 'CLEANUP', 'SELECT 1', direction => 'both') \g /dev/null
RESET ROLE;
SELECT is(confiture.hook_state('low'), 'untrusted', 'which way it runs is part of what was trusted');
-- Hooks in a script go the way of the script.
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT s.ran() \g /dev/null
SELECT confiture.register_migration('3', 'own', E'SELECT 1;\n-- confiture: phase=AFTER_DDL name=up\nINSERT INTO s.ran (what) VALUES (''up'')', E'SELECT 1;\n-- confiture: phase=AFTER_DDL name=down\nINSERT INTO s.ran (what) VALUES (''down'')') \g /dev/null
CALL confiture.up();
SELECT is(s.ran(), 'up', 'a hook of the forward script runs forward');
CALL confiture.down();
SELECT is(s.ran(), 'down', 'one of the backward script backward');
DROP OWNED BY directions_low;
DROP ROLE directions_low;
SELECT * FROM finish();
