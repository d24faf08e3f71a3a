-- Whose code runs: nobody plants a migration for another role to run.  Named by attack.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE SEQUENCE s.ran; -- advanced by every script that runs, rolled back or not
CREATE ROLE trust_planter;
CREATE ROLE trust_runner;
CREATE ROLE trust_chief SUPERUSER;
CREATE ROLE "trust ""odd"", 'name'";
GRANT USAGE, CREATE ON SCHEMA s TO PUBLIC;
GRANT ALL ON SEQUENCE s.ran TO PUBLIC;
GRANT USAGE ON SCHEMA confiture TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO trust_planter, trust_runner, "trust ""odd"", 'name'";
GRANT SELECT ON confiture.status TO trust_runner;

-- Everything that an error of a call says.
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN SQLSTATE 'MG017' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN replace(concat_ws(E'\n', sqlerrm, detail, hint), current_user, '<me>');
END
$$;
CREATE FUNCTION s.refusal_of(version text) RETURNS text LANGUAGE sql AS $$
    SELECT s.refusal(format('SELECT FROM confiture.dry_run(%L)', version));
$$;
CREATE FUNCTION s.accepts(version text) RETURNS boolean LANGUAGE sql AS $$ SELECT s.refusal_of(version) OPERATOR(pg_catalog.=) 'accepted' $$;
-- Registers as a role, whoever is at work.
CREATE PROCEDURE s.register(role text, version text, up text DEFAULT 'SELECT nextval(''s.ran'')', name text DEFAULT 'm', down text DEFAULT NULL,
                            options jsonb DEFAULT '{}') LANGUAGE plpgsql AS $$
DECLARE before text := current_user;
BEGIN
    EXECUTE format('SET ROLE %I', role);
    PERFORM confiture.register_migration(version, name, up, down, NULL, options);
    EXECUTE format('SET ROLE %I', before);
END
$$;

-- A migration planted by a low role for a superuser.
CALL s.register('trust_planter', '1', 'SELECT nextval(''s.ran''); ALTER ROLE trust_planter SUPERUSER');
SELECT is(s.refusal_of('1'), E'migration "1" is not trusted by role "<me>"\n'
          'It was registered by role "trust_planter", who is no superuser.\nRead it, then SELECT confiture.trust(''migration'', ''1'').',
          'planted for a superuser: dry_run refuses and says who registered it');
SELECT throws_ok($$SELECT FROM confiture.dry_run('1')$$, 'MG017', NULL, 'planted for a superuser: as not_trusted');
SELECT is(s.refusal_of('01'), s.refusal_of('1'), 'planted for a superuser: under an equal version');
SELECT is(s.refusal('SELECT FROM confiture.dry_run(''1'', options => ''{"strict": true}'')'), s.refusal_of('1'), 'planted for a superuser: before any other check');
SELECT is(s.refusal('SELECT FROM confiture.dry_run_pending()'), s.refusal_of('1'), 'planted for a superuser: dry_run_pending refuses');
CALL s.register(current_user, '0');
CALL s.register(current_user, '2');
CALL s.register('trust_planter', '3');
CALL s.register('trust "odd", ''name''', '4');
SELECT is(s.refusal('SELECT FROM confiture.dry_run_pending()'), E'migration "1" and 2 more are not trusted by role "<me>"\n'
          'The first was registered by role "trust_planter", who is no superuser.\n'
          'Read them, then SELECT confiture.trust(''migration'', ''1'') and so on, or ''*'' for all.',
          'planted in a chain: the first is named and the others are counted');
SELECT ok(NOT is_called, 'planted in a chain: nothing runs, not even what comes before it and is trusted') FROM s.ran;
SET ROLE trust_runner;
SELECT is(s.refusal_of('1'), E'migration "1" is not trusted by role "<me>"\n'
          'It was registered by role "trust_planter", who is no superuser.\nRead it, then SELECT confiture.trust(''migration'', ''1'').',
          'planted for another low role');
RESET ROLE;
SELECT ok(NOT is_called, 'planted for another low role: nothing runs') FROM s.ran;

-- What runs nothing, or what the caller wrote himself, needs no trust.
SELECT lives_ok($$SELECT * FROM confiture.plan('1')$$, 'a plan runs nothing');
SELECT is((SELECT count(*) FROM confiture.status), 5::bigint, 'nor does the status');
SELECT ok(s.refusal($$SELECT FROM confiture.dry_run_sql('SELECT nextval(''s.ran'')')$$) = 'accepted', 'a script that is given is the caller''s own');
SELECT ok(s.accepts('0'), 'one''s own migration');
SET ROLE trust_planter;
SELECT ok(s.accepts('3'), 'a low role''s own');
SELECT ok(s.accepts('0'), 'a superuser''s, for a low role');
RESET ROLE;

-- Trust that was declared, for what was declared and by whom.
SELECT is(confiture.trust('migration', '01'), 1, 'trust pins what is found as in every other call');
SELECT is(name, '1', 'under the version that is registered') FROM confiture.trusted;
SELECT ok(s.accepts('1'), 'what was read and trusted runs');
SELECT is(confiture.trust('migration', '1'), 1, 'trusting twice is trusting once');
SELECT is(count(*), 1::bigint, 'with one pin') FROM confiture.trusted;
SET ROLE trust_runner;
SELECT ok(NOT s.accepts('1'), 'what another role trusts does not count');
RESET ROLE;
SET ROLE trust_chief;
SELECT ok(NOT s.accepts('1'), 'what another superuser trusts does not count either');
RESET ROLE;
SELECT is(s.refusal('SELECT FROM confiture.dry_run_pending()') ~ 'migration "3" and 1 more are', true, 'the others of the chain are still refused');
SELECT is(confiture.trust('migration', '*'), 2, '* pins all that is not trusted anyway');
SELECT is(confiture.trust('migration', '*'), 0, 'and then there is nothing left to pin');
SELECT is(s.refusal('SELECT FROM confiture.dry_run_pending()'), 'accepted', 'the chain runs');
CALL s.register('trust_planter', '5');
SELECT ok(NOT s.accepts('5'), 'what is registered later is not among all');
SELECT is(confiture.untrust('migration', '3'), 1, 'trust is taken back');
SELECT ok(NOT s.accepts('3'), 'and counts no more');
SELECT ok(s.accepts('4'), 'the others do');
SELECT is(confiture.untrust('migration', '3'), 0, 'there is nothing more to take back');
SELECT is(confiture.untrust('migration', '*'), 2, '* takes all back');
SELECT ok(NOT s.accepts('4'), 'all of them');

-- Replaced after it was trusted.
SELECT confiture.trust('migration', '3') \g /dev/null
CALL s.register('trust_planter', '3', 'SELECT nextval(''s.ran''); ALTER ROLE trust_planter SUPERUSER');
SELECT is(s.refusal_of('3'), E'migration "3" is not trusted by role "<me>"\n'
          'It was registered by role "trust_planter", who is no superuser. It has changed since it was trusted.\n'
          'Read it, then SELECT confiture.trust(''migration'', ''3'').', 'replaced after it was trusted: refused, and why');
CALL s.register('trust_planter', '3');
SELECT ok(s.accepts('3'), 'replaced and put back: that is what was trusted');
CALL s.register('trust_planter', '3', name => 'other');
SELECT ok(NOT s.accepts('3'), 'another name under the same scripts');
CALL s.register('trust_planter', '3', options => '{"transactional": false}');
SELECT ok(NOT s.accepts('3'), 'other options');
CALL s.register('trust_planter', '3', down => 'SELECT 1');
SELECT ok(NOT s.accepts('3'), 'another backward script');
CALL s.register('trust_planter', '03');
SELECT ok(NOT s.accepts('3'), 'another form of its version');
CALL s.register('trust_planter', '3', E'SELECT nextval(''s.ran'')  \r\n\n');
SELECT ok(s.accepts('3'), 'line ends and trailing blanks make no difference');
SET ROLE trust_planter;
SELECT confiture.unregister_migration('3') \g /dev/null
SELECT confiture.register_migration('3', 'm', 'SELECT 1') \g /dev/null
RESET ROLE;
SELECT ok(NOT s.accepts('3'), 'unregistered and registered anew with other scripts');
CREATE TEMPORARY TABLE files (path text, content bytea);
INSERT INTO files VALUES ('V6__six.sql', 'SELECT 1');
GRANT SELECT ON files TO PUBLIC;
SET ROLE trust_planter;
SELECT FROM confiture.load_files('files');
RESET ROLE;
SELECT confiture.trust('migration', '6') \g /dev/null
SELECT ok(s.accepts('6'), 'a loaded one is trusted like any other');
UPDATE files SET path = 'R__six.sql';
SET ROLE trust_planter;
SELECT confiture.unregister_migration('6') \g /dev/null
SELECT version AS repeatable FROM confiture.load_files('files') \gset
RESET ROLE;
SELECT ok(NOT s.accepts(:'repeatable'), 'repeatable under the same scripts');
SET ROLE trust_planter;
SELECT confiture.unregister_migration(:'repeatable') \g /dev/null
RESET ROLE;

-- Replaced after a superuser registered it.
SELECT throws_ok($$CALL s.register('trust_planter', '2', 'ALTER ROLE trust_planter SUPERUSER')$$, 'MG016', 'migration "2" belongs to another role', 'replaced after a superuser registered it: refused');
SELECT ok(s.accepts('2'), 'his own runs');
CALL s.register('trust_planter', '2');
SELECT is((SELECT registered_by FROM confiture.migration WHERE version = '2'), current_user::text, 'registering the same does not take it over');

-- Registering what is registered already and unchanged is trusting it, for the role that does so.
CALL s.register('trust_planter', '7');
SELECT ok(NOT s.accepts('7'), 'somebody else''s');
CALL s.register('trust_runner', '7');
SELECT ok(NOT s.accepts('7'), 'registered unchanged by a third role');
SET ROLE trust_runner;
SELECT ok(s.accepts('7'), 'which trusts it thereby');
RESET ROLE;
INSERT INTO files VALUES ('V7__m.sql', 'SELECT nextval(''s.ran'')');
DELETE FROM files WHERE path !~ '7';
SELECT is(action, 'unchanged', 'a folder that has it is loaded') FROM confiture.load_files('files');
SELECT ok(s.accepts('7'), 'and thereby trusted');
CALL s.register('trust_planter', '7', 'SELECT nextval(''s.ran''), 2');
SELECT ok(s.refusal_of('7') ~ 'It has changed since it was trusted', 'but not what it is replaced by');
SET ROLE trust_planter;
SELECT ok(s.accepts('7'), 'the registrar himself needs no pin');
RESET ROLE;
SELECT is(count(*), 0::bigint, 'and has none') FROM confiture.trusted WHERE role = 'trust_planter';

-- The registrar was a superuser and is no more, and the other way round.
CALL s.register('trust_chief', '8');
SELECT ok(s.accepts('8'), 'another superuser''s');
SET ROLE trust_runner;
SELECT ok(s.accepts('8'), 'a superuser''s, for a low role');
RESET ROLE;
ALTER ROLE trust_chief NOSUPERUSER;
SELECT ok(s.refusal_of('8') ~ 'registered by role "trust_chief", who is no superuser', 'the registrar was superuser and is no more');
SET ROLE trust_runner;
SELECT ok(NOT s.accepts('8'), 'for a low role neither');
RESET ROLE;
ALTER ROLE trust_chief SUPERUSER;
SELECT ok(s.accepts('8'), 'and is one again');

-- Being a member of a superuser is not being one.
GRANT trust_chief TO trust_planter;
CALL s.register('trust_planter', '9');
SELECT ok(NOT s.accepts('9'), 'the registrar is a member of a superuser');
REVOKE trust_chief FROM trust_planter;

-- SET ROLE: what counts is the role that code would run as, and the one that registered.
SET ROLE trust_planter;
SELECT confiture.register_migration('10', 'm', 'SELECT nextval(''s.ran'')') \g /dev/null
SELECT ok(s.accepts('10'), 'SET ROLE: registered and run as the low role');
SELECT confiture.trust('migration', '10') \g /dev/null
RESET ROLE;
SELECT ok(NOT s.accepts('10'), 'SET ROLE: registered as the low role, run as the superuser of the session');
SELECT confiture.trust('migration', '10') \g /dev/null
SET ROLE trust_runner;
SELECT ok(NOT s.accepts('10'), 'SET ROLE: trusted as the superuser, run as the low role');
RESET ROLE;
SET SESSION AUTHORIZATION trust_runner;
SELECT ok(NOT s.accepts('10'), 'SET SESSION AUTHORIZATION: the same');
RESET SESSION AUTHORIZATION;
SELECT confiture.untrust('migration', '*') \g /dev/null

-- A SECURITY DEFINER function in between: the code would run as its owner.
CREATE FUNCTION s.as_superuser(version text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN RETURN s.refusal_of(version); END $$;
GRANT EXECUTE ON FUNCTION s.as_superuser TO trust_planter;
SET ROLE trust_planter;
CREATE FUNCTION s.as_planter(version text) RETURNS text SECURITY DEFINER LANGUAGE plpgsql AS $$
BEGIN RETURN s.refusal_of(version); END $$;
SELECT is(s.as_superuser('10') ~ '^migration "10" is not trusted by role "<me>"', true, 'a superuser''s SECURITY DEFINER function, called by the planter');
SELECT ok(s.accepts('10'), 'who runs it as himself');
RESET ROLE;
CALL s.register('trust_planter', '11', 'DO $d$ BEGIN RAISE EXCEPTION USING MESSAGE = current_user; END $d$');
SELECT is(s.as_planter('11'), 'accepted', 'a low role''s SECURITY DEFINER function: the code would run as the low role');
SET ROLE trust_planter;
SELECT is((confiture.dry_run('11')).stats->'error'->>'message', 'trust_planter', 'as it does');
RESET ROLE;
CREATE FUNCTION s.trusting() RETURNS integer SECURITY DEFINER LANGUAGE sql AS $$ SELECT confiture.trust('migration', '10') $$;
GRANT EXECUTE ON FUNCTION s.trusting TO trust_runner;
SET ROLE trust_runner;
SELECT s.trusting() \g /dev/null
SELECT ok(NOT s.accepts('10'), 'trust in a SECURITY DEFINER function is its owner''s');
RESET ROLE;
SELECT ok(s.accepts('10'), 'namely his');
SELECT confiture.untrust('migration', '10') \g /dev/null

-- A script that declares trust itself.
SELECT is((confiture.dry_run_sql('SELECT confiture.trust(''migration'', ''*'')')).success, true, 'trust in a script that is dry-run');
SELECT ok(NOT s.accepts('10'), 'is rolled back with the rest');

-- Rows that are forged: nobody but the owner has rights on the tables, scripts have none either.
SET ROLE trust_planter;
SELECT CASE way WHEN 1 THEN throws_ok(forgery, '42501', NULL, 'forged: ' || forgery)
                ELSE is((confiture.dry_run_sql(forgery)).stats->'error'->>'sqlstate', '42501', 'forged in a script: ' || forgery) END
  FROM unnest(ARRAY[
       'INSERT INTO confiture.trusted (role, kind, name, definition) VALUES (''postgres'', ''migration'', ''10'', ''x'')',
       'UPDATE confiture.trusted SET role = ''postgres''', 'DELETE FROM confiture.trusted', 'TABLE confiture.trusted', 'TRUNCATE confiture.trusted',
       'COPY confiture.trusted FROM ''/dev/null''', 'ALTER TABLE confiture.trusted OWNER TO trust_planter',
       'UPDATE confiture.migration SET registered_by = ''postgres''', 'UPDATE confiture.migration SET forward = ''SELECT 2''',
       'CREATE TRIGGER t BEFORE INSERT ON confiture.trusted EXECUTE FUNCTION suppress_redundant_updates_trigger()',
       'CREATE FUNCTION confiture.f() RETURNS int LANGUAGE sql AS ''SELECT 1''', 'ALTER FUNCTION confiture.trust OWNER TO trust_planter']) AS forgery, generate_series(1, 2) AS way;
RESET ROLE;
CREATE ROLE trust_nobody;
SET ROLE trust_nobody;
SELECT throws_ok(call, '42501', NULL, 'without EXECUTE: ' || call)
  FROM unnest(ARRAY['SELECT confiture.trust(''migration'', ''1'')', 'SELECT confiture.untrust(''migration'', ''1'')']) AS call;
RESET ROLE;

-- Names of roles: what is alike is not the same.
CREATE ROLE "Trust_Planter" SUPERUSER;
CREATE ROLE "trust_planter " SUPERUSER;
SELECT ok(s.refusal_of('10') ~ 'registered by role "trust_planter", who', 'a superuser whose name differs in capitals or blanks');
DROP ROLE "Trust_Planter", "trust_planter ";
SELECT ok(s.refusal_of('4') ~ $$registered by role "trust "odd", 'name'", who is no superuser$$, 'quotes in a role''s name');
SET ROLE "trust ""odd"", 'name'";
SELECT ok(s.accepts('4'), 'it is trusted by itself');
SELECT is(s.refusal_of('10') ~ 'not trusted by role "<me>"', true, 'and trusts no others');
SELECT is(confiture.trust('migration', '10'), 1, 'unless it says so');
SELECT ok(s.accepts('10'), 'as it does');
RESET ROLE;
SELECT is(role, $$trust "odd", 'name'$$, 'under its name') FROM confiture.trusted WHERE name = '10' AND role <> 'trust_planter';
SELECT repeat('r', 62) AS long \gset
CREATE ROLE :"long" SUPERUSER;
SELECT :'long' || 'x' AS longer \gset
CREATE ROLE :"longer";
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO :"longer";
CALL s.register(:'longer', '12');
SELECT ok(NOT s.accepts('12'), 'the longest name is not the one that it begins with');
SET ROLE :"longer";
SELECT ok(s.accepts('12'), 'it is trusted by itself');
RESET ROLE;

-- The registrar is dropped, and another role gets his name.
CALL s.register('trust_chief', '13');
DROP ROLE trust_chief;
SELECT is(s.refusal_of('13'), E'migration "13" is not trusted by role "<me>"\n'
          'It was registered by role "trust_chief", which no longer exists.\nRead it, then SELECT confiture.trust(''migration'', ''13'').',
          'the registrar is dropped');
CREATE ROLE trust_chief;
SELECT ok(s.refusal_of('13') ~ 'who is no superuser', 'his name is another role''s now');
SELECT confiture.trust('migration', '13') \g /dev/null
DROP ROLE trust_chief;
SELECT ok(s.accepts('13'), 'what is trusted stays so');

-- Names of migrations.
SELECT throws_ok($$SELECT confiture.register_migration('*', 'all', 'SELECT 1')$$, 'MG005', 'invalid version "*"', 'no migration is called as all are');
SELECT throws_ok($$SELECT confiture.register_hook_sql('*', 'CLEANUP', 'SELECT 1')$$, 'MG016', 'invalid name of a hook: "*"', 'nor a hook');
CALL s.register('trust_planter', $$14'); DROP SCHEMA s CASCADE; --$$);
SELECT ok(s.refusal_of($$14'); DROP SCHEMA s CASCADE; --$$) LIKE $$%Read it, then SELECT confiture.trust('migration', '14''); DROP SCHEMA s CASCADE; --').$$,
          'a version that is SQL: the hint quotes it');
SELECT is(confiture.trust('migration', $$14'); DROP SCHEMA s CASCADE; --$$), 1, 'and it is trusted as any');

-- Names and operators in the search_path.
GRANT CREATE ON DATABASE :"DBNAME" TO trust_planter;
SET ROLE trust_planter;
CREATE SCHEMA trust_trap;
CREATE FUNCTION trust_trap.trap() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = 'trapped ' || current_user; END $$;
CREATE FUNCTION trust_trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT trust_trap.trap() = 1';
CREATE OPERATOR trust_trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trust_trap.eq);
CREATE FUNCTION trust_trap.sha256(bytea) RETURNS bytea LANGUAGE sql AS 'SELECT trust_trap.trap()::text::bytea';
CREATE FUNCTION trust_trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT trust_trap.trap()::text::timestamptz';
CREATE TABLE trust_trap.trusted AS SELECT 'postgres' AS role, 'migration' AS kind, '10' AS name, '' AS definition;
CREATE VIEW trust_trap.pg_roles AS SELECT rolname, true AS rolsuper FROM pg_catalog.pg_roles;
RESET ROLE;
SET search_path = trust_trap, public, pg_catalog;
SELECT s.accepts('10') AS before \gset
SELECT confiture.trust('migration', '10') AS pinned \gset
SELECT s.accepts('10') AS after \gset
SELECT confiture.untrust('migration', '10') AS unpinned \gset
RESET search_path;
SELECT is(ARRAY[:'before', :'pinned', :'after', :'unpinned'], ARRAY['f', '1', 't', '1'], 'names and operators in the search_path do not reach confiture''s own queries');

-- What trust() takes.
SELECT throws_ok($$SELECT confiture.trust('migration', 'nope')$$, 'MG004', NULL, 'an unknown migration cannot be trusted');
SELECT throws_ok($$SELECT confiture.untrust('migration', 'nope')$$, 'MG004', NULL, 'nor trust in it taken back');
SELECT throws_ok($$SELECT confiture.trust('rule', 'x')$$, 'MG016', 'unknown kind of code "rule"', 'an unknown kind');
SELECT throws_ok($$SELECT confiture.untrust('', '*')$$, 'MG016', NULL, 'an unknown kind for untrust');
SELECT confiture.trust('migration', '10') \g /dev/null
SELECT confiture.unregister_migration('10') \g /dev/null
SELECT is(confiture.untrust('migration', '10'), 1, 'trust in what is registered no more can be taken back');

DROP OWNED BY trust_planter, trust_runner, trust_nobody, "trust ""odd"", 'name'", :"longer" CASCADE;
DROP ROLE trust_planter, trust_runner, trust_nobody, "trust ""odd"", 'name'", :"long", :"longer";
SELECT * FROM finish();
