-- Whose hooks run: nobody plants one for another role to run.  Named by attack.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.ran (id int GENERATED ALWAYS AS IDENTITY, who text DEFAULT current_user);
CREATE ROLE hooks_planter;
CREATE ROLE hooks_runner;
CREATE ROLE hooks_group;
CREATE ROLE hooks_chief SUPERUSER;
CREATE ROLE "hooks ""odd"", 'name'";
GRANT hooks_group TO hooks_runner;
GRANT USAGE, CREATE ON SCHEMA s TO PUBLIC;
GRANT ALL ON s.ran TO PUBLIC;
GRANT USAGE ON SCHEMA confiture TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO hooks_planter, hooks_runner, hooks_group, "hooks ""odd"", 'name'";
CREATE FUNCTION s.write(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO s.ran DEFAULT VALUES';
SELECT confiture.register_migration('1', 'one', 'SELECT 1') \g /dev/null

-- Everything that an error of a call says.
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text; state text; detail text; hint text;
BEGIN
    EXECUTE call INTO answer;
    RETURN coalesce(replace(nullif(answer, ''), current_user, '<me>'), 'accepted');
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN replace(concat_ws(E'\n', state || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, '')), current_user, '<me>');
END
$$;
-- The same of a phase, and of the hooks that it skips.
CREATE FUNCTION s.run(phase text DEFAULT 'AFTER_DDL', version text DEFAULT '1') RETURNS text LANGUAGE sql AS $$
    SELECT s.refusal(format($call$
        SELECT string_agg('skipped ' || concat_ws(E'\n', concat_ws(' ', error->>'sqlstate', error->>'message'), error->>'detail', error->>'hint'), '; ')
          FROM confiture.run_phase(%L, %L) WHERE status = 'skipped'$call$, phase, version));
$$;
-- Who ran code of a hook since the last look, in a phase or in a dry run.
CREATE FUNCTION s.who_ran() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$ WITH gone AS (DELETE FROM s.ran RETURNING who) SELECT coalesce(string_agg(who, ' '), 'nobody') FROM gone $$;
-- Registers as a role, whoever is at work.
CREATE PROCEDURE s.plant(role text, name text, statement text DEFAULT 'INSERT INTO s.ran DEFAULT VALUES', function text DEFAULT NULL, on_failure text DEFAULT 'abort',
                         config jsonb DEFAULT '{}', migrations text DEFAULT '*', priority int DEFAULT 100, phase confiture.hook_phase DEFAULT 'AFTER_DDL') LANGUAGE plpgsql AS $$
DECLARE before text := current_user;
BEGIN
    EXECUTE format('SET ROLE %I', role);
    IF function IS NULL THEN
        PERFORM confiture.register_hook_sql(name, phase, statement, migrations, priority, NULL, on_failure, config);
    ELSE
        PERFORM confiture.register_hook(name, phase, function::regprocedure, migrations, priority, NULL, on_failure, config);
    END IF;
    EXECUTE format('SET ROLE %I', before);
END
$$;
CREATE PROCEDURE s.clear() LANGUAGE sql AS $$ SELECT confiture.unregister_hook(name) FROM confiture.hooks; SELECT confiture.untrust('hook', '*'); $$;

-- A hook planted by a low role for a superuser.
CALL s.plant('hooks_planter', 'planted');
SELECT is(s.run(), E'skipped MG017 hook "planted" is not trusted by role "<me>"\n'
          'It was registered by role "hooks_planter", who is no superuser.\nRead it, then SELECT confiture.trust(''hook'', ''planted'').', 'planted for a superuser: skipped');
SELECT is(error->>'sqlstate' || ' ' || status, 'MG017 skipped', 'planted for a superuser: in a dry run, too') FROM confiture.dry_run('1') r, confiture.dry_run_hooks(r);
SELECT is(success::text || ' ' || warnings[1], format('true Hook "planted" was skipped: hook "planted" is not trusted by role "%s" (It was registered by role "hooks_planter", who is no superuser.).', current_user),
          'planted for a superuser: the dry run is not stopped by it, and warns') FROM confiture.dry_run('1');
SELECT is((r).success, true, 'planted for a superuser: a script of his own neither runs it nor fails') FROM confiture.dry_run_sql('SELECT 1') r;
SELECT is((status, error->>'sqlstate')::text, '(skipped,MG017)', 'planted for a superuser: the record says that it was skipped') FROM confiture.hook_run WHERE hook_name = 'planted' ORDER BY id DESC LIMIT 1;
SELECT is(s.who_ran(), 'nobody', 'planted for a superuser: it never ran');
CALL s.plant('hooks_planter', 'planted', on_failure => 'continue');
SELECT alike(s.run() || ' ' || s.who_ran(), 'skipped MG017 % nobody', 'planted with on_failure => continue: it is skipped');
SET ROLE hooks_runner;
SELECT alike(s.run(), 'skipped MG017 %', 'planted for another low role: skipped');
SELECT is(s.who_ran(), 'nobody', 'and does not run');
SET ROLE hooks_planter;
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted hooks_planter', 'it runs for who planted it');
RESET ROLE;
CALL s.plant('hooks_chief', 'of chief');
SELECT confiture.unregister_hook('planted') \g /dev/null
SELECT is(s.run(), 'accepted', 'that of another superuser is accepted');
SET ROLE hooks_runner;
SELECT is(s.run(), 'accepted', 'by low roles, too');
RESET ROLE;
SELECT is(s.who_ran(), current_user || ' hooks_runner', 'and runs as who runs it');
CALL s.clear();
CALL s.plant('hooks_group', 'of group', on_failure => 'continue');
SET ROLE hooks_runner;
SELECT alike(s.run() || ' ' || s.who_ran(), 'skipped MG017 % nobody', 'planted by a role that the runner is a member of');
RESET ROLE;
CALL s.clear();

-- A function of a low role.
CREATE FUNCTION s.of_planter(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO s.ran DEFAULT VALUES';
ALTER FUNCTION s.of_planter OWNER TO hooks_planter;
CALL s.plant(current_user, 'h', function => 's.of_planter(jsonb)');
SELECT is(s.run(), E'MG002 hook "h" failed in phase AFTER_DDL: hook "h" is not trusted by role "<me>"\n'
          'SQLSTATE MG017: It calls a function owned by role "hooks_planter", who is no superuser.\nRead it, then SELECT confiture.trust(''hook'', ''h'').', 'a function of a low role: refused');
CALL s.plant('hooks_planter', 'h2', function => 's.write(jsonb)', priority => 1);
SELECT confiture.unregister_hook('h') \g /dev/null
SELECT alike(s.run(), 'skipped MG017 hook "h2" is not trusted%registered by role "hooks_planter"%', 'a function of a superuser, planted by a low role');
CALL s.clear();
CALL s.plant(current_user, 'h', function => 's.write(jsonb)');
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted ' || current_user, 'one''s own');
ALTER FUNCTION s.write OWNER TO hooks_planter;
SELECT alike(s.run(), 'MG002 %SQLSTATE MG017: It calls a function owned by role "hooks_planter"%', 'the owner changes after the registration');
ALTER FUNCTION s.write OWNER TO CURRENT_USER;
DROP FUNCTION s.write;
SET ROLE hooks_planter;
CREATE FUNCTION s.write(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO s.ran DEFAULT VALUES';
RESET ROLE;
SELECT alike(s.run(), 'MG002 %SQLSTATE MG017: It calls a function owned by role "hooks_planter"%', 'the function is dropped, and a low role takes its place');
SELECT is(s.who_ran(), 'nobody', 'none of them ran');
ALTER FUNCTION s.write OWNER TO CURRENT_USER;
CALL s.plant(current_user, 'giving away', 'ALTER FUNCTION s.write OWNER TO hooks_planter', priority => 1);
SELECT alike(s.run(), 'MG002 hook "h" %SQLSTATE MG017: It calls a function owned by role "hooks_planter"%', 'the owner changes within the phase');
CALL s.plant(current_user, 'giving away', 'ALTER ROLE hooks_chief NOSUPERUSER', priority => 2);
CALL s.plant('hooks_chief', 'first of chief', priority => 1);
CALL s.plant('hooks_chief', 'second of chief', priority => 3);
SELECT confiture.unregister_hook('h') \g /dev/null
SELECT alike(s.run(), 'skipped MG017 hook "second of chief" %It was registered by role "hooks_chief", who is no superuser%', 'the registrar is no superuser any more within the phase');
ALTER ROLE hooks_chief SUPERUSER;
CALL s.clear();
REVOKE EXECUTE ON FUNCTION s.write FROM PUBLIC;
SELECT s.who_ran() \g /dev/null
CALL s.plant(current_user, 'h', function => 's.write(jsonb)');
SET ROLE hooks_runner;
SELECT is(s.run(), E'MG002 hook "h" failed in phase AFTER_DDL: permission denied for function s.write(pg_catalog.jsonb)\nSQLSTATE 42501.',
          'a function that the runner may not execute');
RESET ROLE;
GRANT EXECUTE ON FUNCTION s.write TO PUBLIC;
CALL s.clear();

-- SECURITY DEFINER.
SET ROLE hooks_planter;
CREATE FUNCTION s.wrapper() RETURNS SETOF confiture.hook_result LANGUAGE sql SECURITY DEFINER AS $$SELECT * FROM confiture.run_phase('AFTER_DDL', '1')$$;
CREATE FUNCTION s.escape() RETURNS text LANGUAGE sql AS 'RESET ROLE; SELECT current_user::text';
SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES') \g /dev/null
RESET ROLE;
SELECT is(s.refusal('SELECT FROM s.wrapper()') || ' ' || s.who_ran(), 'accepted hooks_planter', 'a SECURITY DEFINER wrapper of a low role: its hooks run as that role');
CALL s.plant('hooks_planter', 'h', 'RESET ROLE; INSERT INTO s.ran DEFAULT VALUES');
SELECT alike(s.refusal('SELECT FROM s.wrapper()'), 'MG002 hook "h" failed in phase AFTER_DDL: cannot set parameter "role" within security-definer function%', 'which they cannot leave');
CALL s.plant('hooks_planter', 'h', 'SET SESSION AUTHORIZATION DEFAULT; INSERT INTO s.ran DEFAULT VALUES');
SELECT alike(s.refusal('SELECT FROM s.wrapper()'), 'MG002 hook "h" failed in phase AFTER_DDL: cannot set parameter "session_authorization" within security-definer function%', 'nor by the other way');
SELECT is(s.who_ran(), 'nobody', 'so nothing ran');
CREATE FUNCTION s.of_chief() RETURNS SETOF confiture.hook_result LANGUAGE sql SECURITY DEFINER AS $$SELECT * FROM confiture.run_phase('AFTER_DDL', '1')$$;
SET ROLE hooks_planter;
SELECT alike(s.refusal('SELECT (error->>''message'') || '' '' || (error->>''detail'') FROM s.of_chief()'), 'hook "h" is not trusted by role %It was registered by role "<me>", who is no superuser%',
             'a SECURITY DEFINER wrapper of a superuser: he is the one who runs');
RESET ROLE;
CALL s.clear();
CREATE FUNCTION s.definer(jsonb) RETURNS void LANGUAGE sql SECURITY DEFINER AS 'INSERT INTO s.ran DEFAULT VALUES';
ALTER FUNCTION s.definer OWNER TO hooks_planter;
CALL s.plant(current_user, 'h', function => 's.definer(jsonb)');
SELECT alike(s.run(), 'MG002 %SQLSTATE MG017: It calls a function owned by role "hooks_planter"%', 'a SECURITY DEFINER function of a low role is refused as any');
SELECT confiture.trust('hook', 'h') \g /dev/null
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted hooks_planter', 'trusted, it runs as its owner');
ALTER FUNCTION s.definer SECURITY INVOKER;
SELECT alike(s.run(), 'MG002 %SQLSTATE MG017: %It has changed since it was trusted.%', 'made one that runs as its caller, it is refused again');
SELECT is(s.who_ran(), 'nobody', 'and does not run');
CALL s.clear();

-- Code that is replaced after it was trusted.
CREATE FUNCTION s.again(name text) RETURNS text LANGUAGE sql AS $$ SELECT CASE WHEN s.run() LIKE 'skipped MG017 %"' || name || '"%It has changed since it was trusted.%' THEN 'skipped' ELSE s.run() END $$;
CALL s.plant('hooks_planter', 'h');
SELECT is(confiture.trust('hook', 'h'), 1, 'a hook is trusted');
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted ' || current_user, 'and runs');
SET ROLE hooks_runner;
SELECT alike(s.run(), 'skipped MG017 %It was registered by role "hooks_planter", who is no superuser.%', 'another role has not trusted it');
RESET ROLE;
CALL s.plant('hooks_planter', 'h', priority => 7, on_failure => 'continue');
CALL s.plant('hooks_planter', 'h');
SELECT is(s.run(), 'accepted', 'order and on_failure are no code');
CALL s.plant('hooks_planter', 'h', 'INSERT INTO s.ran DEFAULT VALUES; SELECT 1');
SELECT is(s.again('h'), 'skipped', 'its statement is replaced');
CALL s.plant('hooks_planter', 'h', config => '{"a": 1}');
SELECT is(s.again('h'), 'skipped', 'its config');
CALL s.plant('hooks_planter', 'h', migrations => '1*');
SELECT is(s.again('h'), 'skipped', 'its migrations');
CALL s.plant('hooks_planter', 'h', function => 's.of_planter(jsonb)');
SELECT is(s.again('h'), 'skipped', 'its kind');
CALL s.plant('hooks_planter', 'h', phase => 'CLEANUP');
SELECT alike(s.run('CLEANUP'), 'skipped MG017 %It has changed since it was trusted.%', 'its phase');
CALL s.plant('hooks_planter', 'other');
CALL s.plant('hooks_planter', 'h');
SELECT s.who_ran() \g /dev/null
SELECT alike(s.run(), E'%skipped MG017 hook "other" %It was registered by role "hooks_planter", who is no superuser.\nRead%', 'its name');
SELECT is(s.who_ran(), current_user::text, 'what is as it was trusted ran, and nothing else');
CALL s.clear();
CALL s.plant('hooks_planter', 'h', function => 's.of_planter(jsonb)');
SELECT confiture.trust('hook', 'h') \g /dev/null
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted ' || current_user, 'a function that is trusted with its hook');
SET ROLE hooks_planter;
CREATE OR REPLACE FUNCTION s.of_planter(jsonb) RETURNS void LANGUAGE sql AS 'INSERT INTO s.ran DEFAULT VALUES; SELECT 1';
RESET ROLE;
SELECT is(s.again('h'), 'skipped', 'its code is replaced');
SELECT confiture.trust('hook', 'h') \g /dev/null
SET ROLE hooks_planter;
ALTER FUNCTION s.of_planter SET search_path = s;
RESET ROLE;
SELECT is(s.again('h'), 'skipped', 'its settings');
SELECT confiture.trust('hook', 'h') \g /dev/null
ALTER FUNCTION s.of_planter OWNER TO hooks_runner;
SELECT is(s.again('h'), 'skipped', 'its owner');
ALTER FUNCTION s.of_planter OWNER TO hooks_planter;
SELECT is(s.run(), 'accepted', 'what is as it was is trusted again');
ALTER FUNCTION s.of_planter RENAME TO moved;
SELECT is(s.again('h'), 'skipped', 'a function that is renamed is no longer what was trusted');
ALTER FUNCTION s.moved RENAME TO of_planter;
CALL s.plant(current_user, 'replacing', 'CREATE OR REPLACE FUNCTION s.of_planter(jsonb) RETURNS void LANGUAGE sql AS ''''; ALTER FUNCTION s.of_planter OWNER TO hooks_planter', priority => 1);
SELECT is(s.again('h'), 'skipped', 'its code is replaced within the phase');
SELECT is(confiture.untrust('hook', 'h'), 1, 'trust is taken back');
SELECT confiture.unregister_hook('replacing') \g /dev/null
SELECT alike(s.run(), E'skipped MG017 %It was registered by role "hooks_planter", who is no superuser.\nRead%', 'and it is skipped');
SELECT s.who_ran() \g /dev/null
CALL s.clear();

-- Registering what is there declares trust in it.
CALL s.plant('hooks_planter', 'h', 'INSERT INTO s.ran DEFAULT VALUES', config => '{"a": [1]}', migrations => '1, 2');
CALL s.plant('hooks_runner', 'h', 'INSERT INTO s.ran DEFAULT VALUES', config => '{"a": [1]}', migrations => '1, 2');
SELECT is((registered_by, config)::text, '(hooks_planter,"{""a"": [1]}")', 'registered again as it is: it stays whose it was') FROM confiture.get_hook('h');
SET ROLE hooks_runner;
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted hooks_runner', 'and is trusted');
SELECT alike(s.refusal(call), 'MG016 hook "h" belongs to another role%', 'not with another ' || what)
  FROM (VALUES ('statement', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES ', '1, 2', config => '{"a": [1]}')$$),
               ('phase', $$SELECT confiture.register_hook_sql('h', 'CLEANUP', 'INSERT INTO s.ran DEFAULT VALUES', '1, 2', config => '{"a": [1]}')$$),
               ('migrations', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES', config => '{"a": [1]}')$$),
               ('priority', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES', '1, 2', 1, config => '{"a": [1]}')$$),
               ('timeout', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES', '1, 2', timeout => '1 s', config => '{"a": [1]}')$$),
               ('on_failure', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES', '1, 2', on_failure => 'continue', config => '{"a": [1]}')$$),
               ('config', $$SELECT confiture.register_hook_sql('h', 'AFTER_DDL', 'INSERT INTO s.ran DEFAULT VALUES', '1, 2')$$)) v(what, call);
RESET ROLE;
CALL s.clear();

-- The registrar is renamed, dropped, or another one gets his name.
CALL s.plant('hooks_chief', 'h');
ALTER ROLE hooks_chief RENAME TO hooks_former_chief;
SELECT alike(s.run(), 'skipped MG017 %It was registered by role "hooks_chief", which no longer exists.%', 'the registrar is renamed');
SET ROLE hooks_former_chief;
SELECT alike(s.run(), 'skipped MG017 %which no longer exists.%', 'even for himself');
SELECT lives_ok($$SELECT confiture.enable_hook('h', true)$$, 'though a superuser may change it');
RESET ROLE;
CREATE ROLE hooks_chief;
SELECT alike(s.run(), 'skipped MG017 %It was registered by role "hooks_chief", who is no superuser.%', 'his name is another role''s now');
DROP ROLE hooks_chief;
ALTER ROLE hooks_former_chief RENAME TO hooks_chief;
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted ' || current_user, 'his old name is his again');
DROP ROLE hooks_chief;
SELECT alike(s.run(), 'skipped MG017 %which no longer exists.%', 'the registrar is dropped');
SET ROLE hooks_planter;
SELECT alike(s.refusal($$SELECT confiture.unregister_hook('h')$$), 'MG016 hook "h" belongs to another role%', 'nobody inherits');
RESET ROLE;
CALL s.clear();

-- Names that are SQL.
CALL s.plant('hooks "odd", ''name''', $$h'); DROP SCHEMA s CASCADE; --$$);
SELECT is(s.run(), E'skipped MG017 hook "h''); DROP SCHEMA s CASCADE; --" is not trusted by role "<me>"\n'
          'It was registered by role "hooks "odd", ''name''", who is no superuser.\nRead it, then SELECT confiture.trust(''hook'', ''h''''); DROP SCHEMA s CASCADE; --'').', 'the hint quotes them');
SELECT is(confiture.trust('hook', '*'), 1, 'all that are registered');
SELECT is(s.run() || ' ' || s.who_ran(), 'accepted ' || current_user, 'it is trusted');
CALL s.clear();

-- Names and operators in the search_path, for every call.
GRANT CREATE ON DATABASE :"DBNAME" TO hooks_planter;
SET ROLE hooks_planter;
CREATE SCHEMA hooks_trap;
CREATE FUNCTION hooks_trap.trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'trapped ' || current_user; END $$;
DO $$
DECLARE operator text; type text;
BEGIN
    FOREACH type IN ARRAY '{text,name,oid,integer,bigint,numeric,"double precision",interval,jsonb,boolean,confiture.hook_phase,timestamptz}'::text[] LOOP
        EXECUTE format('CREATE FUNCTION hooks_trap.truth(%s, %1$s) RETURNS boolean LANGUAGE sql AS ''SELECT hooks_trap.trap() = 1''', type);
        FOREACH operator IN ARRAY '{=,<>,<,>,<=,>=,*,||,+,~~}'::text[] LOOP
            EXECUTE format('CREATE OPERATOR hooks_trap.%s (LEFTARG = %s, RIGHTARG = %2$s, FUNCTION = hooks_trap.truth)', operator, type);
        END LOOP;
    END LOOP;
END
$$;
CREATE FUNCTION hooks_trap.pg_has_role(name, oid, text) RETURNS boolean LANGUAGE sql AS 'SELECT hooks_trap.trap() = 1';
CREATE FUNCTION hooks_trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT hooks_trap.trap()::text::timestamptz';
CREATE FUNCTION hooks_trap.pg_get_functiondef(oid) RETURNS text LANGUAGE sql AS 'SELECT hooks_trap.trap()::text';
CREATE FUNCTION hooks_trap.write(jsonb) RETURNS void LANGUAGE sql AS 'SELECT hooks_trap.trap()';
CREATE FUNCTION hooks_trap.ceil(numeric) RETURNS numeric LANGUAGE sql AS 'SELECT hooks_trap.trap()::numeric';
CREATE VIEW hooks_trap.pg_roles AS SELECT rolname, oid, true AS rolsuper FROM pg_catalog.pg_roles;
CREATE TABLE hooks_trap.hook AS SELECT * FROM confiture.get_hook('none');
CREATE TABLE hooks_trap.result AS SELECT 1 AS nothing;
CREATE TYPE hooks_trap.hook_context AS (a int);
CREATE TYPE hooks_trap.jsonb AS (a int);
RESET ROLE;
CREATE TEMPORARY TABLE hook (LIKE confiture.hook);
CREATE TEMPORARY TABLE result (LIKE confiture.hook_result);
CREATE TEMPORARY VIEW pg_roles AS SELECT rolname, oid, true AS rolsuper FROM pg_catalog.pg_roles;
CREATE FUNCTION pg_temp.write(jsonb) RETURNS void LANGUAGE sql AS 'SELECT hooks_trap.trap()';
CALL s.plant('hooks_planter', 'low', on_failure => 'continue');
GRANT USAGE ON SCHEMA hooks_trap TO PUBLIC;
SET search_path = hooks_trap, pg_temp, s, public, pg_catalog;
SELECT confiture.register_hook('own', 'AFTER_DDL', 's.write(pg_catalog.jsonb)', timeout => '10 s') \g /dev/null
SELECT confiture.register_hook_sql('statement', 'AFTER_DDL', 'INSERT INTO s.ran (who) VALUES (''statement'')') \g /dev/null
SELECT confiture.register_hook_sql('statement', 'AFTER_DDL', 'INSERT INTO s.ran (who) VALUES (''the statement'')') \g /dev/null
SELECT confiture.enable_hook('own', true) \g /dev/null
SELECT pg_catalog.string_agg(r.status, ' ') AS statuses FROM confiture.run_phase('AFTER_DDL', '1') r \gset
SELECT pg_catalog.string_agg(h.state, ' ') AS states FROM confiture.hooks h \gset
SELECT (r).success, (r).rows_affected AS written FROM confiture.dry_run('1') r \gset
SELECT pg_catalog.count(*) AS available FROM confiture.available_hooks \gset
SELECT confiture.trust('hook', '*') AS pinned, (confiture.get_hook('own')).function AS function \gset
SELECT confiture.untrust('hook', 'low') AS unpinned \gset
SELECT confiture.unregister_hook('statement') \g /dev/null
RESET search_path;
SELECT is(ARRAY[:'statuses', :'states', :'success', :'written', :'pinned', :'unpinned', :'function'],
          ARRAY['skipped succeeded succeeded', 'untrusted ready ready', 't', '2', '1', '1', 's.write(pg_catalog.jsonb)'], 'names and operators in the search_path do not reach confiture''s own');
SELECT ok(:available > 10, 'nor its views');
SELECT is(s.who_ran(), current_user || ' the statement', 'the right ones ran');
DROP TABLE hook, result;
CALL s.clear();

-- Forging what is registered, and what ran.
SET ROLE hooks_planter;
SELECT throws_ok('SELECT * FROM confiture.' || t, '42501', 'permission denied for table ' || t, 'a low role does not read ' || t) FROM unnest('{hook,hook_run,trusted}'::text[]) t;
SELECT throws_ok('INSERT INTO confiture.' || t || ' DEFAULT VALUES', '42501', 'permission denied for table ' || t, 'nor write ' || t) FROM unnest('{hook,hook_run,trusted}'::text[]) t;
SELECT confiture.register_hook_sql('forger', 'AFTER_DDL', 'UPDATE confiture.hook SET registered_by = ''postgres''') \g /dev/null
SELECT alike(s.run(), 'MG002 hook "forger" failed in phase AFTER_DDL: permission denied for table hook%', 'nor does its hook, while confiture is at work');
SELECT confiture.register_hook_sql('forger', 'AFTER_DDL', 'INSERT INTO confiture.hook_run (version) VALUES (''1'')') \g /dev/null
SELECT alike(s.run(), 'MG002 hook "forger" failed in phase AFTER_DDL: permission denied for table hook_run%', 'nor in the record of runs');
SELECT confiture.register_hook_sql('forger', 'AFTER_DDL', 'SELECT 1') \g /dev/null
SELECT is(s.run(), 'accepted', 'which confiture writes for it');
RESET ROLE;
SELECT is(concat_ws(' ', hook_name, executed_by), 'forger hooks_planter', 'as who ran it') FROM (SELECT * FROM confiture.hook_run ORDER BY id DESC LIMIT 1) r;
CALL s.clear();

-- Hooks of a migration's own script are trusted with it.
SET ROLE hooks_planter;
SELECT confiture.register_migration('2', 'two', E'-- confiture: phase=AFTER_DDL name=own\nINSERT INTO s.ran DEFAULT VALUES') \g /dev/null
RESET ROLE;
SELECT alike(s.refusal($$SELECT FROM confiture.run_phase('AFTER_DDL', '2')$$), 'MG017 migration "2" is not trusted%', 'planted in a script: the migration is refused before anything runs');
SELECT confiture.trust('migration', '2') \g /dev/null
SELECT is(s.refusal($$SELECT FROM confiture.run_phase('AFTER_DDL', '2')$$) || ' ' || s.who_ran(), 'accepted ' || current_user, 'trusted, its hooks run');
CALL s.plant('hooks_planter', 'own');
SELECT alike(s.run('AFTER_DDL', '2'), 'skipped MG017 hook "own"%not trusted%', 'a registered one of the same name does not');
CALL s.clear();

-- Hooks that a low role registers to stop what others run.
SET confiture.out_of_order = 'warn';
SELECT confiture.unregister_migration(version) FROM confiture.migration \g /dev/null
CREATE TABLE s.applied (version text);
GRANT ALL ON s.applied TO PUBLIC;
CREATE FUNCTION s.broken(jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
ALTER FUNCTION s.broken OWNER TO hooks_planter;
CREATE FUNCTION s.hidden(jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
ALTER FUNCTION s.hidden OWNER TO hooks_planter;
REVOKE EXECUTE ON FUNCTION s.hidden FROM PUBLIC;
SET ROLE hooks_planter;
SELECT confiture.register_hook_sql('stop in ' || phase, phase, 'DO ''BEGIN RAISE EXCEPTION USING MESSAGE = $$stopped$$; END''')
  FROM unnest(enum_range(NULL::confiture.hook_phase)) phase \g /dev/null
SELECT confiture.register_hook('stop by a function that is gone', 'BEFORE_DDL', 's.broken(jsonb)') \g /dev/null
DROP FUNCTION s.broken;
SELECT confiture.register_hook('stop by a function that others may not execute', 'BEFORE_DDL', 's.hidden(jsonb)') \g /dev/null
SELECT confiture.register_hook_sql('stop with the highest priority', 'BEFORE_VALIDATION', 'SELECT 1/0', priority => -2147483648, migrations => '*3*,4') \g /dev/null
SET ROLE hooks_runner;
SELECT confiture.register_migration('3', 'three', 'INSERT INTO s.applied VALUES (''3'')', 'DELETE FROM s.applied') \g /dev/null
SELECT is(s.refusal($$SELECT FROM confiture.apply('3')$$), 'accepted', 'hooks for all migrations do not stop what another low role applies');
SELECT results_eq('SELECT version FROM s.applied', ARRAY['3'], 'which is applied');
SELECT is(s.refusal($$SELECT FROM confiture.revert('3')$$), 'accepted', 'nor what it reverts');
RESET ROLE;
SELECT confiture.register_migration('4', 'four', 'INSERT INTO s.applied VALUES (''4'')', 'DELETE FROM s.applied') \g /dev/null
SELECT is(s.refusal($$SELECT FROM confiture.apply('4')$$), 'accepted', 'nor what a superuser applies');
SELECT results_eq('SELECT version FROM s.applied', ARRAY['4'], 'which is applied');
SELECT is(s.refusal($$SELECT FROM confiture.revert('4')$$), 'accepted', 'nor what he reverts');
SELECT results_eq($$SELECT DISTINCT status FROM confiture.hook_run WHERE version IN ('3', '4')$$, ARRAY['skipped'], 'each of them is skipped');
SELECT confiture.trust('hook', 'stop in BEFORE_DDL') \g /dev/null
SELECT alike(s.refusal($$SELECT FROM confiture.apply('4')$$), '%hook "stop in BEFORE_DDL" failed in phase BEFORE_DDL: stopped%', 'what is trusted stops it');
CALL s.plant('hooks_planter', 'stop in BEFORE_DDL', 'SELECT 1/0', phase => 'BEFORE_DDL');
SELECT is(s.refusal($$SELECT FROM confiture.apply('4')$$), 'accepted', 'replaced since, it does not');
SET ROLE hooks_planter;
SELECT is((confiture.dry_run_sql('SELECT 1')).success, false, 'they stop what their registrar runs himself');
RESET ROLE;
CALL s.clear();

-- SET ROLE in a script is no way past the hooks of its runner.
GRANT hooks_group TO hooks_runner;
SET ROLE hooks_runner;
SELECT confiture.register_hook_sql('guard', 'AFTER_DDL', 'DO ''BEGIN RAISE EXCEPTION USING MESSAGE = $$guarded$$; END''') \g /dev/null
SELECT confiture.register_migration('5', 'five', 'SET ROLE hooks_group; SELECT 1') \g /dev/null
SELECT alike(s.refusal($$SELECT FROM confiture.apply('5')$$), 'MG0% hook "guard" failed in phase AFTER_DDL%', 'a script that takes another role on does not pass a guard of its runner');
RESET ROLE;
CALL s.clear();

DROP OWNED BY hooks_planter, hooks_runner, hooks_group, "hooks ""odd"", 'name'" CASCADE;
DROP ROLE hooks_planter, hooks_runner, hooks_group, "hooks ""odd"", 'name'";
SELECT * FROM finish();
