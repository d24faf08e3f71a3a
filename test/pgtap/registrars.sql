-- Who may replace and unregister whose migrations.  Named by attack.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE ROLE registrars_one;
CREATE ROLE registrars_two;
CREATE ROLE registrars_team;
CREATE ROLE registrars_member IN ROLE registrars_team;
CREATE ROLE registrars_no_inherit NOINHERIT IN ROLE registrars_team;
CREATE ROLE registrars_chief SUPERUSER;
CREATE ROLE registrars_runner IN ROLE pg_read_server_files;
GRANT USAGE, CREATE ON SCHEMA s TO PUBLIC;
GRANT USAGE ON SCHEMA confiture TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO registrars_one, registrars_two, registrars_team, registrars_member, registrars_no_inherit, registrars_runner;

-- Everything that an error of a call says, as a role.
CREATE FUNCTION s.outcome(role text, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE before text := current_user; state text; detail text; hint text; answer text;
BEGIN
    EXECUTE format('SET ROLE %I', role);
    BEGIN
        EXECUTE call INTO answer;
    EXCEPTION WHEN others THEN
        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
        answer := concat_ws(E'\n', state || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
    END;
    EXECUTE format('SET ROLE %I', before);
    RETURN answer;
END
$$;
CREATE FUNCTION s.registered(version text) RETURNS text LANGUAGE sql AS
    $$ SELECT concat_ws(' ', m.forward, m.backward, m.verify, m.name, m.options, m.registered_by) FROM confiture.migration m WHERE m.version = $1 $$;

SELECT is(s.outcome('registrars_one', $$SELECT confiture.register_migration('1', 'm', 'SELECT 1', 'SELECT 2', 'SELECT 3')$$), 'added', 'a role registers');
SELECT E'MG016 migration "1" belongs to another role\nIt was registered by role "registrars_one".\nThat role, its members and superusers may change it; register a version of your own.' AS belongs \gset
SELECT is(s.outcome('registrars_two', call), :'belongs', 'another role does not replace ' || what)
  FROM (VALUES ('the forward script', $$SELECT confiture.register_migration('1', 'm', 'SELECT 9', 'SELECT 2', 'SELECT 3')$$),
               ('the backward script', $$SELECT confiture.register_migration('1', 'm', 'SELECT 1', 'SELECT 9', 'SELECT 3')$$),
               ('the backward script by none', $$SELECT confiture.register_migration('1', 'm', 'SELECT 1', NULL, 'SELECT 3')$$),
               ('the verify script', $$SELECT confiture.register_migration('1', 'm', 'SELECT 1', 'SELECT 2', 'SELECT 9')$$),
               ('the name', $$SELECT confiture.register_migration('1', 'n', 'SELECT 1', 'SELECT 2', 'SELECT 3')$$),
               ('the options', $$SELECT confiture.register_migration('1', 'm', 'SELECT 1', 'SELECT 2', 'SELECT 3', '{"transactional": false}')$$),
               ('the form of the version', $$SELECT confiture.register_migration('01', 'm', 'SELECT 1', 'SELECT 2', 'SELECT 3')$$),
               ('it by unregistering it', $$SELECT confiture.unregister_migration('1')$$),
               ('it by unregistering an equal version', $$SELECT confiture.unregister_migration('001')$$)) v(what, call);
SELECT is(s.registered('1'), 'SELECT 1 SELECT 2 SELECT 3 m {} registrars_one', 'it is what it was');
SELECT is(s.outcome('registrars_two', $$SELECT confiture.register_migration('1', 'm', E'SELECT 1  \r\n', 'SELECT 2', 'SELECT 3')$$), 'unchanged', 'the same again is no replacement');
SELECT is(s.registered('1'), 'SELECT 1 SELECT 2 SELECT 3 m {} registrars_one', 'and stays whose it was');

-- Folders.
CREATE TEMPORARY TABLE files (path text, content bytea);
GRANT SELECT ON files TO PUBLIC;
INSERT INTO files VALUES ('0_before.sql', 'SELECT 0'), ('1_m.sql', 'SELECT 9'), ('2_after.sql', 'SELECT 2');
SELECT is(s.outcome('registrars_two', format('SELECT string_agg(action, %L) FROM confiture.load_files(%L, ''plain'', %L)', ' ', 'files', replace)), :'belongs',
          'a folder does not replace it, replace => ' || replace) FROM unnest('{true,false}'::boolean[]) replace;
SELECT is_empty($$SELECT FROM confiture.migration WHERE version <> '1'$$, 'and nothing of the folder is registered');
SELECT is(s.outcome('registrars_one', $$SELECT string_agg(action, ' ' ORDER BY version) FROM confiture.load_files('files', 'plain', true)$$), 'added replaced added', 'its registrar loads it');
UPDATE files SET path = 'R__x.sql', content = 'SELECT 1' WHERE path = '0_before.sql';
DELETE FROM files WHERE path <> 'R__x.sql';
SELECT is(s.outcome('registrars_one', $$SELECT string_agg(action, ' ') FROM confiture.load_files('files', 'flyway', true)$$), 'added', 'a repeatable one');
SELECT confiture.trust('migration', '*') \g /dev/null
SELECT lives_ok($$SELECT confiture.apply(version) FROM confiture.migration WHERE repeatable$$, 'applied');
UPDATE files SET content = 'SELECT 2';
SELECT alike(s.outcome('registrars_two', $$SELECT string_agg(action, ' ') FROM confiture.load_files('files', 'flyway', true)$$), 'MG016 % belongs to another role%',
             'a repeatable one that is applied is not replaced by another role either');
SELECT is(s.outcome('registrars_one', $$SELECT string_agg(action, ' ') FROM confiture.load_files('files', 'flyway', true)$$), 'replaced', 'but by its own');

-- Where it stands.
SELECT lives_ok($$SELECT confiture.apply('0')$$, 'a migration is applied');
SELECT lives_ok($$SELECT confiture.repair('0', 'reverted')$$, 'and said to be reverted');
SELECT alike(s.outcome('registrars_two', $$SELECT confiture.register_migration('0', 'before', 'SELECT 9')$$), 'MG016 migration "0" belongs to another role%', 'a reverted one is its registrar''s still');
SELECT alike(s.outcome('registrars_two', $$SELECT confiture.unregister_migration('0')$$), 'MG016 migration "0" belongs to another role%', 'and not unregistered by another role');

-- Members and superusers.
SELECT is(s.outcome('registrars_team', $$SELECT confiture.register_migration('5', 'm', 'SELECT 1')$$), 'added', 'a group registers');
SELECT is(s.outcome('registrars_member', $$SELECT confiture.register_migration('5', 'm', 'SELECT 2')$$), 'replaced', 'a member replaces it');
SELECT alike(s.outcome('registrars_team', $$SELECT confiture.register_migration('5', 'm', 'SELECT 3')$$), 'MG016 %It was registered by role "registrars_member".%', 'it is the member''s now');
SELECT is(s.outcome('registrars_chief', $$SELECT confiture.register_migration('5', 'm', 'SELECT 3')$$), 'replaced', 'a superuser replaces it');
SELECT alike(s.outcome('registrars_member', $$SELECT confiture.register_migration('5', 'm', 'SELECT 4')$$), 'MG016 %It was registered by role "registrars_chief".%', 'it is the superuser''s now');
SELECT is(s.outcome('registrars_team', $$SELECT confiture.register_migration('6', 'm', 'SELECT 1')$$), 'added', 'a group registers');
SELECT is(s.outcome('registrars_no_inherit', $$SELECT confiture.register_migration('6', 'm', 'SELECT 2')$$), 'replaced', 'a member that could be that role replaces it');
SELECT current_setting('server_version_num')::int >= 160000 AS has_set_option \gset
\if :has_set_option
GRANT registrars_team TO registrars_two WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;
SELECT is(s.outcome('registrars_team', $$SELECT confiture.register_migration('7', 'm', 'SELECT 1')$$), 'added', 'a group registers');
SELECT alike(s.outcome('registrars_two', $$SELECT confiture.register_migration('7', 'm', 'SELECT 2')$$), 'MG016 %belongs to another role%', 'who may only grant the membership has not the rights of a member');
\endif

-- A registrar that is renamed, dropped, or whose name another role takes.
SELECT is(s.outcome('registrars_one', $$SELECT confiture.register_migration('8', 'm', 'SELECT 1')$$), 'added', 'a role registers');
ALTER ROLE registrars_one RENAME TO registrars_gone;
SELECT is(s.outcome('registrars_gone', $$SELECT confiture.register_migration('8', 'm', 'SELECT 2')$$),
          E'MG016 migration "8" belongs to another role\nIt was registered by role "registrars_one", which no longer exists.\nSuperusers may change it; register a version of your own.',
          'nobody stands for a role that is gone');
SELECT is(s.outcome('registrars_chief', $$SELECT confiture.register_migration('8', 'm', 'SELECT 2')$$), 'replaced', 'but superusers');
ALTER ROLE registrars_gone RENAME TO registrars_one;

-- By way of other rights.
SET ROLE registrars_one;
SELECT confiture.register_migration('9', 'm', 'SELECT 1') \g /dev/null
CREATE FUNCTION s.definer() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$SELECT confiture.register_migration('9', 'm', 'SELECT 2')$$;
RESET ROLE;
SELECT is(s.outcome('registrars_two', 'SELECT s.definer()'), 'replaced', 'a SECURITY DEFINER function has the rights of its owner, for what he wrote');
CREATE FUNCTION s.invoker() RETURNS text LANGUAGE sql AS $$SELECT confiture.register_migration('9', 'm', 'SELECT 3')$$;
SELECT alike(s.outcome('registrars_two', 'SELECT s.invoker()'), 'MG016 %belongs to another role%', 'any other function those of its caller');
SET ROLE registrars_two;
SELECT confiture.register_hook_sql('replace', 'CLEANUP', $$SELECT confiture.register_migration('9', 'm', 'SELECT 4')$$) \g /dev/null
RESET ROLE;
SELECT confiture.register_migration('10', 'm', $$SELECT 1$$) \g /dev/null
SELECT alike(s.outcome('registrars_two', $$SELECT FROM confiture.run_phase('CLEANUP', '10')$$), 'MG002 %belongs to another role%', 'a hook those of who runs the phase');
SELECT is(s.registered('9'), 'SELECT 2 m {} registrars_one', 'it is what its registrar made of it');
SELECT confiture.unregister_hook('replace') \g /dev/null
SELECT throws_ok('UPDATE confiture.migration SET registered_by = current_user', '42501', NULL, 'nobody takes one over by hand') FROM set_config('role', 'registrars_two', true);
RESET ROLE;

DROP OWNED BY registrars_one, registrars_two, registrars_team, registrars_member, registrars_no_inherit, registrars_chief, registrars_runner CASCADE;
DROP ROLE registrars_one, registrars_two, registrars_team, registrars_member, registrars_no_inherit, registrars_chief, registrars_runner;
SELECT * FROM finish();
