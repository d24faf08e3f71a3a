-- Hooks against those who run them, and what becomes of a cancel or a timeout around them.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE ROLE attack_planter;
GRANT ALL ON SCHEMA s TO attack_planter;
GRANT USAGE ON SCHEMA confiture TO attack_planter;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO attack_planter;
CREATE FUNCTION s.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE said text;
BEGIN
    EXECUTE call INTO said;
    RETURN said;
EXCEPTION WHEN others OR query_canceled THEN
    RETURN concat_ws(' ', sqlstate, sqlerrm);
END
$$;
-- The hooks of a dry run with their states, and its error.
CREATE FUNCTION s.dry_run(version text) RETURNS text LANGUAGE sql AS $$
    SELECT s.outcome(format($call$SELECT concat_ws('; ', (SELECT string_agg(concat(hook_name, ' ', status), ', ') FROM confiture.dry_run_hooks(d)), d.stats->'error'->>'message')
                                    FROM confiture.dry_run(%L) d$call$, version));
$$;

-- A script that takes another role on can be left by RESET ROLE: that role's own hooks are no more trusted there.
SELECT confiture.register_migration('role', 'r', 'SET ROLE attack_planter; CREATE TABLE s.theirs ()') \g /dev/null
SET ROLE attack_planter;
SELECT confiture.register_hook_sql('escape', 'AFTER_DDL', 'RESET ROLE; ALTER ROLE attack_planter SUPERUSER', migrations => 'role') \g /dev/null
RESET ROLE;
SELECT is(s.dry_run('role'), 'escape skipped', 'planted in a role that the script takes on: skipped');
SELECT confiture.trust('hook', 'escape') \g /dev/null
SELECT is(s.dry_run('role'), 'escape succeeded', 'pinned by the role that runs the migration: accepted');
SELECT confiture.unregister_hook('escape') \g /dev/null
-- The same by way of a hook of the runner's own.
SELECT confiture.register_migration('inner', 'i', 'SELECT 1'), confiture.register_migration('outer', 'o', 'SELECT 1'),
       confiture.register_hook_sql('takes role', 'AFTER_DDL', 'SET ROLE attack_planter; SELECT confiture.run_phase(''AFTER_DDL'', ''role'')', migrations => 'outer') \g /dev/null
SET ROLE attack_planter;
SELECT confiture.register_hook_sql('escape', 'AFTER_DDL', 'RESET ROLE', migrations => 'role') \g /dev/null
RESET ROLE;
SELECT lives_ok('SELECT confiture.run_phase(''AFTER_DDL'', ''outer'')', 'planted in a role that a hook takes on');
SELECT is(status, 'skipped', 'is skipped') FROM confiture.hook_run WHERE hook_name = 'escape' ORDER BY id DESC LIMIT 1;
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

-- A statement_timeout of the script ends with its statement.
SELECT confiture.register_migration('late', 'l', 'SET statement_timeout = ''100ms''; SELECT 1/0'),
       confiture.register_migration('slow', 's', 'SET statement_timeout = ''100ms''; SELECT pg_sleep(5)'),
       confiture.register_hook_sql('cleans', 'CLEANUP', 'SELECT pg_sleep(0.3)', migrations => 'late, slow'),
       confiture.register_hook_sql('cleans too', 'CLEANUP', 'SELECT 1', migrations => 'late, slow') \g /dev/null
SELECT is(s.dry_run('late'), 'cleans succeeded, cleans too succeeded; division by zero', 'a statement that failed in time cancels no later hook');
SELECT is(s.dry_run('slow'), 'cleans succeeded, cleans too succeeded; canceling statement due to statement timeout', 'nor does one that was too slow');
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

-- A cancel before the first hook: while it is found out which hooks run, which these patterns make slow.
SELECT confiture.register_migration(repeat('1', 200), 'c', 'SELECT 1'),
       confiture.register_hook_sql('runs', 'BEFORE_VALIDATION', 'SELECT 1', migrations => repeat('1', 200)) \g /dev/null
SELECT confiture.register_hook_sql('no ' || n, 'BEFORE_VALIDATION', 'SELECT 1', migrations => repeat('*' || repeat('1', 100) || '2,', 10000) || 'x')
  FROM generate_series(1, 10) n \g /dev/null
SELECT is(s.dry_run(repeat('1', 200)), 'runs succeeded', 'slow to find out, and the session goes on');
SET statement_timeout = '300ms';
SELECT is(s.dry_run(repeat('1', 200)), '57014 canceling statement due to statement timeout', 'a cancel before the first hook is told as it is');
RESET statement_timeout;
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

-- What COMMIT does to temporary tables, no rollback brings back.
CREATE TEMPORARY TABLE kept (a int) ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO kept VALUES (1), (2);
CREATE TEMPORARY TABLE made_now (a int) ON COMMIT DELETE ROWS;
INSERT INTO made_now VALUES (1);
SELECT collect_tap(is(success, true, 'beside temporary tables of the caller')) FROM confiture.dry_run_sql('SELECT 1; COMMIT; SELECT 2');
SELECT results_eq('SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM made_now)', 'VALUES (2::bigint, 1::bigint)',
                  'rows that the transaction of the caller wrote to them are there afterwards');
COMMIT;

-- A constraint of a low role's table, validated by a superuser's hook.
CREATE ROLE hook_attacks_planter;
CREATE SCHEMA planted AUTHORIZATION hook_attacks_planter;
SET ROLE hook_attacks_planter;
CREATE TABLE planted.seen (by_whom text);
CREATE FUNCTION planted.trap(integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO planted.seen VALUES (current_user);
    RETURN true;
END
$$;
CREATE TABLE planted.t (a integer);
INSERT INTO planted.t VALUES (1);
ALTER TABLE planted.t ADD CONSTRAINT trapped CHECK (planted.trap(a)) NOT VALID;
RESET ROLE;
SELECT confiture.register_migration('planted', 'planted', 'SELECT 1') \g /dev/null
SELECT confiture.register_hook('validates', 'AFTER_VALIDATION', 'confiture.validate_constraints(confiture.hook_context)', 'planted',
                               config => '{"schemas": ["planted"]}') \g /dev/null
SELECT is(status, 'succeeded', 'a planted constraint is validated') FROM confiture.run_phase('AFTER_VALIDATION', 'planted');
SELECT is(ARRAY(SELECT DISTINCT by_whom FROM planted.seen), '{hook_attacks_planter}', 'as the owner of its table');
SELECT is(convalidated, true, 'and is valid') FROM pg_constraint WHERE conname = 'trapped';
-- A type of the extension that a superuser has altered.
BEGIN;
ALTER TYPE confiture.hook_context ADD ATTRIBUTE more text;
CREATE FUNCTION planted.new() RETURNS void LANGUAGE sql AS ''; -- whatever makes the session look at the types again
SELECT throws_ok($$SELECT confiture.run_phase('AFTER_VALIDATION', 'planted')$$, 'MG016', 'a type of the extension confiture was altered', 'an altered type is not filled');
ROLLBACK;
SELECT is(status, 'succeeded', 'the type as it was is') FROM confiture.run_phase('AFTER_VALIDATION', 'planted');

DROP OWNED BY hook_attacks_planter CASCADE;
DROP ROLE hook_attacks_planter;

SELECT * FROM finish();
