-- Registering hooks: what is kept, what is refused, who may change whose, and what the views tell.
SET client_min_messages = warning;
SELECT * FROM no_plan();

CREATE SCHEMA s;
GRANT USAGE, CREATE ON SCHEMA s TO PUBLIC;
CREATE FUNCTION s.rows(confiture.hook_context) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION s.plain(jsonb) RETURNS void LANGUAGE sql AS '';
SELECT confiture.register_migration('001', 'one', 'SELECT 1') \g /dev/null

-- What a call raises: SQLSTATE, message, DETAIL and HINT in lines.
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; detail text; hint text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN others THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN concat_ws(E'\n', state || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''));
END
$$;
-- The hooks that run, in their order.
CREATE FUNCTION s.running(version text, phase confiture.hook_phase DEFAULT 'AFTER_DDL') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(hook_name, ' ' ORDER BY n), '') FROM confiture.run_phase(phase, version) WITH ORDINALITY r(a, hook_name, b, c, d, e, f, n)
$$;

-- What is kept of a registration.
SELECT confiture.register_hook('f', 'AFTER_DDL', 's.rows(confiture.hook_context)'::regprocedure) \g /dev/null
SELECT is(to_jsonb(h) - 'registered_at', jsonb_build_object('name', 'f', 'phase', 'AFTER_DDL', 'function', 's.rows(confiture.hook_context)', 'statement', NULL,
          'library', NULL, 'symbol', NULL, 'migrations', '*', 'priority', 100, 'timeout', NULL, 'on_failure', 'abort', 'config', '{}'::jsonb, 'enabled', true,
          'extension', NULL, 'registered_by', current_user, 'direction', 'forward'), 'a function hook by its defaults') FROM confiture.get_hook('f') h;
SELECT ok(clock_timestamp() - registered_at BETWEEN '0' AND '1 minute', 'when it was registered') FROM confiture.get_hook('f');
SELECT confiture.register_hook_sql('t', 'CLEANUP', E'SELECT 1;\n-- ü\nSELECT 2', '001, 2*', -5, '1 minute 500 ms', 'continue', '{"a": [1, null]}') \g /dev/null
SELECT is(to_jsonb(h) - 'registered_at', jsonb_build_object('name', 't', 'phase', 'CLEANUP', 'function', NULL, 'statement', E'SELECT 1;\n-- ü\nSELECT 2',
          'library', NULL, 'symbol', NULL, 'migrations', '001, 2*', 'priority', -5, 'timeout', '00:01:00.5'::interval, 'on_failure', 'continue',
          'config', '{"a": [1, null]}'::jsonb, 'enabled', true, 'extension', NULL, 'registered_by', current_user, 'direction', 'forward'), 'a statement hook with every argument')
  FROM confiture.get_hook('t') h;
SELECT lives_ok($$SELECT confiture.register_hook(name => 'named', phase => 'AFTER_DDL', function => 's.plain(jsonb)', migrations => '1', priority => 2147483647,
                  timeout => '0', on_failure => 'continue', config => '{"k": 1}')$$, 'arguments by their names, a regprocedure as a literal');
SELECT is(concat_ws(' ', function, priority, timeout), 's.plain(pg_catalog.jsonb) 2147483647 00:00:00', 'a function that does not depend on the extension, the last priority, no timeout')
  FROM confiture.get_hook('named');
SELECT is(confiture.get_hook('absent') IS NULL, true, 'there is no such hook');
SELECT is(confiture.get_hook(NULL) IS NULL, true, 'nor one without a name');

-- Functions are kept by signatures that no search_path changes.
CREATE SCHEMA "odd "".";
CREATE TYPE "odd "".".hook_context AS (a int);
CREATE FUNCTION "odd ""."."f(x), 'y'"(confiture.hook_context) RETURNS void LANGUAGE sql AS '';
SET search_path = "odd "".", public;
SELECT confiture.register_hook('odd function', 'AFTER_DDL', '"f(x), ''y''"(confiture.hook_context)'::regprocedure) \g /dev/null
RESET search_path;
SELECT is(function, '"odd ""."."f(x), ''y''"(confiture.hook_context)', 'qualified and quoted') FROM confiture.get_hook('odd function');
SELECT is(s.running('001'), 'f odd function named', 'it is found');
SELECT confiture.unregister_hook('odd function') \g /dev/null

-- What is refused, each argument.
CREATE TEMPORARY TABLE refused (call text, says text);
INSERT INTO refused VALUES
('register_hook(NULL, ''AFTER_DDL'', ''s.plain(jsonb)'')', 'MG016 name of a hook must not be null'),
('register_hook(''x'', NULL, ''s.plain(jsonb)'')', 'MG016 phase of a hook must not be null'),
('register_hook(''x'', ''AFTER_DDL'', NULL)', 'MG016 function of a hook must not be null'),
('register_hook(''x'', ''AFTER_DDL'', ''s.plain(jsonb)'', NULL)', 'MG016 migrations of a hook must not be null'),
('register_hook(''x'', ''AFTER_DDL'', ''s.plain(jsonb)'', priority => NULL)', 'MG016 priority of a hook must not be null'),
('register_hook(''x'', ''AFTER_DDL'', ''s.plain(jsonb)'', on_failure => NULL)', 'MG016 on_failure of a hook must not be null'),
('register_hook(''x'', ''AFTER_DDL'', ''s.plain(jsonb)'', config => NULL)', 'MG016 config of a hook must not be null'),
('register_hook_sql(''x'', ''AFTER_DDL'', NULL)', 'MG016 statement of a hook must not be null'),
('register_hook_library(''x'', ''AFTER_DDL'', NULL, ''f'')', 'MG016 library of a hook must not be null'),
('register_hook_library(''x'', ''AFTER_DDL'', ''l'', NULL)', 'MG016 symbol of a hook must not be null'),
('register_hook_sql('''', ''AFTER_DDL'', ''SELECT 1'')', E'MG016 invalid name of a hook\nIt has 0 bytes; a name has 1 to 200.'),
('register_hook_sql(repeat(''ü'', 101), ''AFTER_DDL'', ''SELECT 1'')', E'MG016 invalid name of a hook\nIt has 202 bytes; a name has 1 to 200.'),
('register_hook_sql(''x'', ''AFTER'', ''SELECT 1'')', 'invalid input value for enum confiture.hook_phase: "AFTER"'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', '''')', E'MG016 invalid migrations of a hook: ""\nThey are * for all, or versions with commas between them.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', ''001,,002'')', E'MG016 invalid migrations of a hook: "001,,002"\nThey are * for all, or versions with commas between them.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', ''001,'')', E'MG016 invalid migrations of a hook: "001,"\nThey are * for all, or versions with commas between them.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', '',*'')', E'MG016 invalid migrations of a hook: ",*"\nThey are * for all, or versions with commas between them.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', '' , ,'')', E'MG016 invalid migrations of a hook: " , ,"\nThey are * for all, or versions with commas between them.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', timeout => ''-1 s'')', E'MG016 invalid timeout of a hook: "-00:00:01"\nIt is 0 for none, or up to 24 days.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', timeout => ''24 days 1 ms'')', E'MG016 invalid timeout of a hook: "24 days 00:00:00.001"\nIt is 0 for none, or up to 24 days.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', timeout => ''1 year'')', E'MG016 invalid timeout of a hook: "1 year"\nIt is 0 for none, or up to 24 days.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', on_failure => ''ABORT'')', E'MG016 invalid on_failure of a hook: "ABORT"\nIt is abort or continue.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', config => ''[]'')', E'MG016 the config of a hook must be a JSON object\nWrite it as ''{"name": value}''.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT 1'', config => ''null'')', 'MG016 the config of a hook must be a JSON object'),
('register_hook_sql(''x'', ''AFTER_DDL'', '''')', E'MG005 the hook has no statement\nGive it at least one SQL statement.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''-- nothing'')', 'MG005 the hook has no statement'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELEC 1'')', E'MG005 syntax error at or near "SELEC"\nLine 1, column 1.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SELECT $1'')', 'accepted'),
('register_hook_sql(''x'', ''AFTER_DDL'', repeat(''-'', 1024 * 1024) || ''-'')', E'MG016 the statement of a hook is too long\nIt has 1048577 bytes; the limit is 1048576.\nPut it into a function.'),
('register_hook_sql(''x'', ''AFTER_DDL'', E''SELECT 1;\nCOMMIT'')', E'MG005 COMMIT cannot run in a hook\nLine 2.\nA hook runs in a savepoint of its own, which it neither ends nor leaves.'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''BEGIN'')', 'MG005 BEGIN cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''ROLLBACK'')', 'MG005 ROLLBACK cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''SAVEPOINT a'')', 'MG005 SAVEPOINT cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''ROLLBACK TO a'')', 'MG005 ROLLBACK cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''VACUUM'')', 'MG005 VACUUM cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''CREATE INDEX CONCURRENTLY i ON s.t (a)'')', 'MG005 CREATE INDEX cannot run in a hook'),
('register_hook_sql(''x'', ''AFTER_DDL'', ''COPY s.t FROM stdin'')', 'MG005 '),
('register_hook_sql(''x'', ''AFTER_DDL'', E''\\i file'')', 'MG005 '),
('register_hook(''x'', ''AFTER_DDL'', ''now()'')', E'MG016 function pg_catalog.now() has not the signature of a hook\nA hook takes one confiture.hook_context, or the same as one jsonb, and returns confiture.hook_result, bigint, jsonb or void.'),
('register_hook(''x'', ''AFTER_DDL'', 0)', E'MG016 function 0 does not exist\nA hook calls it.'),
('register_hook(''x'', ''AFTER_DDL'', 4294967295)', E'MG016 function 4294967295 does not exist\nA hook calls it.'),
('register_hook(''x'', ''AFTER_DDL'', ''s.absent(jsonb)'')', '42883 '),
('register_hook_library(''x'', ''AFTER_DDL'', ''absent library'', ''f'')', '58P01 '),
('unregister_hook(''absent'')', E'MG016 hook "absent" is not registered\nSELECT * FROM confiture.hooks lists those that are.'),
('enable_hook(''absent'', true)', 'MG016 hook "absent" is not registered'),
('hook_state(''absent'')', 'MG016 hook "absent" is not registered');
SELECT alike(s.refusal('SELECT confiture.' || call), CASE WHEN says LIKE 'invalid%' THEN '22P02 ' ELSE '' END || says || '%', left(call, 90)) FROM refused;
SELECT is(count(*), 4::bigint, 'what was refused left nothing behind') FROM confiture.hook;
SELECT confiture.unregister_hook('x') \g /dev/null

-- Functions that are none.
CREATE FUNCTION s.two(confiture.hook_context, jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.text(confiture.hook_context) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
CREATE FUNCTION s.json(json) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.many(confiture.hook_context) RETURNS SETOF bigint LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION s.variadic(VARIADIC jsonb[]) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.polymorphic(anyelement) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE PROCEDURE s.procedure(jsonb) LANGUAGE sql AS '';
CREATE AGGREGATE s.aggregate(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');
CREATE FUNCTION s.output(jsonb, OUT bigint) LANGUAGE sql AS 'SELECT 1::bigint';
SELECT alike(s.refusal(format('SELECT confiture.register_hook(''n'', ''CLEANUP'', %L::regprocedure)', p.oid::regprocedure)),
             CASE WHEN proname = 'output' THEN 'accepted'
                  ELSE format(E'MG016 function s.%%%s%%(%%) has not the signature of a hook\nA hook takes one confiture.hook_context, or the same as one jsonb, and '
                              'returns confiture.hook_result, bigint, jsonb or void.', proname) END, proname || ': the signature')
  FROM pg_proc p WHERE pronamespace = 's'::regnamespace AND proname IN ('two', 'text', 'many', 'json', 'variadic', 'polymorphic', 'trigger', 'procedure', 'aggregate', 'output')
 ORDER BY proname;
SELECT confiture.unregister_hook('n') \g /dev/null

-- Names of any kind.
SELECT confiture.register_hook_sql(name, 'ON_ERROR', 'SELECT 1')
  FROM (VALUES ('a "quoted"'), ('it''s'), (E'two\nlines\t\r'), ('ünïcödé 🍓'), (E'\\back $$ %s'), ('their_ext:name'), (repeat('n', 200)), (' '), ('; DROP SCHEMA s; --')) v(name) \g /dev/null
SELECT ok(count(*) = 9 AND bool_and((confiture.get_hook(name)).name = name AND confiture.hook_state(name) = 'ready'), 'names are data') FROM confiture.hooks WHERE phase = 'ON_ERROR';
SELECT is(s.running('001', 'ON_ERROR'), (SELECT string_agg(name, ' ' ORDER BY name COLLATE "C") FROM confiture.hooks WHERE phase = 'ON_ERROR'), 'and run in the order of their bytes');
SELECT confiture.unregister_hook(name) FROM confiture.hooks WHERE phase = 'ON_ERROR' \g /dev/null
SELECT is(count(*), 0::bigint, 'and are unregistered') FROM confiture.hooks WHERE phase = 'ON_ERROR';

-- Replacing: everything but whether it runs.
SELECT confiture.enable_hook('f', false) \g /dev/null
SELECT registered_at AS before FROM confiture.get_hook('f') \gset
SELECT confiture.register_hook_sql('f', 'BEFORE_DDL', 'SELECT 3', '7', 9, '3 s', 'continue', '{"b": 2}') \g /dev/null
SELECT is(to_jsonb(h) - 'registered_at' - 'registered_by', '{"name": "f", "phase": "BEFORE_DDL", "function": null, "statement": "SELECT 3", "library": null, "symbol": null,
          "migrations": "7", "priority": 9, "timeout": "00:00:03", "on_failure": "continue", "config": {"b": 2}, "enabled": false, "extension": null, "direction": "forward"}',
          'the same name again replaces the hook, of whatever kind; one that is off stays off') FROM confiture.get_hook('f') h;
SELECT ok(registered_at > :'before', 'and says when') FROM confiture.get_hook('f');

-- On and off.
SELECT confiture.register_hook('f', 'AFTER_DDL', 's.rows(confiture.hook_context)') \g /dev/null
SELECT is(s.running('001'), 'named', 'a hook that is off does not run');
SELECT is((enabled, state)::text, '(f,ready)', 'the view tells') FROM confiture.hooks WHERE name = 'f';
SELECT confiture.enable_hook('f', true) \g /dev/null
SELECT is(s.running('001'), 'f named', 'on again it does');
SELECT confiture.enable_hook('f', true) \g /dev/null
SELECT alike(s.refusal('SELECT confiture.' || call), 'MG016 %must not be null%', call || ': null is nothing')
  FROM unnest(ARRAY['enable_hook(''f'', NULL)', 'enable_hook(NULL, false)', 'unregister_hook(NULL)']) call;
SELECT ok(enabled, 'on stays on') FROM confiture.get_hook('f');

-- The migrations that a hook is for.
DELETE FROM confiture.hook;
SELECT confiture.register_migration(v, 'm', 'SELECT 1') FROM unnest('{2024_01,2024_02,2025_01,1.10,a*b,"x, y"}'::text[]) v \g /dev/null
CREATE FUNCTION s.for_versions(pattern text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM confiture.register_hook_sql('p', 'AFTER_DDL', 'SELECT 1', pattern);
    RETURN (SELECT coalesce(string_agg(version, ' ' ORDER BY sort_key), '-') FROM confiture.status WHERE s.running(version) = 'p');
END
$$;
GRANT SELECT ON confiture.status TO PUBLIC;
SELECT is(s.for_versions('*'), (SELECT string_agg(version, ' ' ORDER BY sort_key) FROM confiture.status), '* is for all');
SELECT is(s.for_versions('001'), '001', 'a version as it is written');
SELECT is(s.for_versions('1'), '001', 'a version that is equal in version order');
SELECT is(s.for_versions('1.010'), '1.10', 'of several numbers');
SELECT is(s.for_versions('1.1'), '-', 'a beginning is not enough');
SELECT is(s.for_versions('2024*'), '2024_01 2024_02', 'a pattern');
SELECT is(s.for_versions('*_01'), '2024_01 2025_01', 'at the beginning');
SELECT is(s.for_versions('20*_*1'), '2024_01 2025_01', 'several stars');
SELECT is(s.for_versions(' 001 , 2025* '), '001 2025_01', 'a list with blanks');
SELECT is(s.for_versions('nope, 2024_02'), '2024_02', 'a list with what is not there');
SELECT is(s.for_versions('01*'), '-', 'a pattern goes by what is written, not by version order');
SELECT is(s.for_versions('a*b'), 'a*b', 'a star in a version is any text');
SELECT is(s.for_versions('2024_0_'), '-', 'other wildcards are none');
SELECT is(s.for_versions('**'), s.for_versions('*'), 'two stars are one');
SELECT is(s.for_versions(repeat('*a', 2000)), '-', 'a pattern that could take for ever does not');

-- Timeouts are never rounded to none.
SELECT confiture.register_hook_sql('short', 'CLEANUP', 'SELECT pg_sleep(20)', timeout => '1 microsecond', on_failure => 'continue') \g /dev/null
SET client_min_messages = error;
SELECT is(status, 'timed_out', 'the shortest timeout is one') FROM confiture.run_phase('CLEANUP', '001');
RESET client_min_messages;
SELECT confiture.register_hook_sql('short', 'CLEANUP', 'SELECT 1', timeout => '24 days') \g /dev/null
SELECT is(status, 'succeeded', 'and so is the longest') FROM confiture.run_phase('CLEANUP', '001');
DELETE FROM confiture.hook;

-- Who may change whose.
CREATE ROLE registering_owner;
CREATE ROLE registering_member IN ROLE registering_owner;
CREATE ROLE registering_noinherit NOINHERIT IN ROLE registering_owner;
CREATE ROLE registering_other CREATEROLE;
GRANT USAGE ON SCHEMA confiture TO PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO registering_owner, registering_other, registering_noinherit;
GRANT SELECT ON confiture.hooks, confiture.available_hooks TO registering_owner, registering_other;
SET ROLE registering_owner;
SELECT confiture.register_hook_sql('own', 'AFTER_DDL', 'SELECT 1') \g /dev/null
SELECT is(registered_by, 'registering_owner', 'the current role registers') FROM confiture.get_hook('own');
SELECT lives_ok($$SELECT confiture.enable_hook('own', false)$$, 'the registrar turns it off');
SELECT lives_ok($$SELECT confiture.register_hook_sql('own', 'AFTER_DDL', 'SELECT 2')$$, 'and replaces it');
SET ROLE registering_other;
SELECT E'MG016 hook "own" belongs to another role\nIt was registered by role "registering_owner".\n'
       'That role, its members and superusers may change it; choose another name.' AS belongs \gset
SELECT is(s.refusal($$SELECT confiture.enable_hook('own', true)$$), :'belongs', 'another role does not turn it on');
SELECT is(s.refusal($$SELECT confiture.unregister_hook('own')$$), :'belongs', 'nor unregister it');
SELECT is(s.refusal($$SELECT confiture.register_hook_sql('own', 'AFTER_DDL', 'SELECT 3')$$), :'belongs', 'nor replace it');
SET ROLE registering_noinherit;
SELECT lives_ok($$SELECT confiture.enable_hook('own', true)$$, 'a member may, who could be that role');
SET ROLE registering_member;
SELECT lives_ok($$SELECT confiture.register_hook_sql('own', 'AFTER_DDL', 'SELECT 4')$$, 'and replace it');
RESET ROLE;
SELECT is((registered_by, enabled)::text, '(registering_member,t)', 'it is the member''s now') FROM confiture.get_hook('own');
SET ROLE registering_owner;
SELECT matches(s.refusal($$SELECT confiture.unregister_hook('own')$$), 'registered by role "registering_member"', 'and no longer that of the role');
RESET ROLE;
SELECT lives_ok($$SELECT confiture.register_hook_sql('own', 'AFTER_DDL', 'SELECT 5')$$, 'a superuser takes it');
SET ROLE registering_member;
SELECT matches(s.refusal($$SELECT confiture.enable_hook('own', false)$$), format('registered by role "%s"', session_user), 'and has it');
SET ROLE registering_other;
SELECT is(s.refusal($$SELECT confiture.register_hook_library('lib', 'AFTER_DDL', 'plpgsql', 'f')$$),
          E'MG016 only superusers may register a hook by its library\nThe server runs the code of a library as itself.\nAsk a superuser, or register a function.',
          'libraries are for superusers');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION s.plain FROM PUBLIC;
SET ROLE registering_other;
SELECT alike(s.refusal($$SELECT confiture.register_hook('stolen', 'AFTER_DDL', 's.plain(jsonb)')$$), '42501 permission denied for function s.plain%', 'nobody registers what he may not execute');

-- What the views tell, to everybody as it is for him.
RESET ROLE;
DELETE FROM confiture.hook;
CREATE FUNCTION s.dropped(jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.changed(jsonb) RETURNS void LANGUAGE sql AS '';
CREATE FUNCTION s.low(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb';
ALTER FUNCTION s.low OWNER TO registering_other;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT confiture.register_hook('d', 'AFTER_DDL', 's.dropped(jsonb)', priority => 1), confiture.register_hook('c', 'AFTER_DDL', 's.changed(jsonb)', priority => 2),
       confiture.register_hook('b', 'AFTER_DDL', 's.rows(confiture.hook_context)', priority => 3, timeout => '1 s', on_failure => 'continue'),
       confiture.register_hook('a', 'AFTER_DDL', 's.low(jsonb)', priority => 3), confiture.register_hook('p', 'BEFORE_DDL', 's.plain(jsonb)', '1,2') \g /dev/null
SET ROLE registering_other;
SELECT confiture.register_hook_sql('o', 'CLEANUP', 'SELECT 1') \g /dev/null
RESET ROLE;
UPDATE confiture.hook SET extension = 'gone' WHERE name = 'p';
DROP FUNCTION s.dropped;
DROP FUNCTION s.changed;
CREATE FUNCTION s.changed(jsonb) RETURNS text LANGUAGE sql AS 'SELECT 1::text';
SELECT is(string_agg(concat_ws(' ', name, phase, kind, function, migrations, priority, timeout, on_failure, enabled, state, extension), E'\n'),
          E'p BEFORE_DDL function s.plain(pg_catalog.jsonb) 1,2 100 abort t missing gone\n'
          'd AFTER_DDL function s.dropped(pg_catalog.jsonb) * 1 abort t missing\n'
          'c AFTER_DDL function s.changed(pg_catalog.jsonb) * 2 abort t missing\n'
          'a AFTER_DDL function s.low(pg_catalog.jsonb) * 3 abort t untrusted\n'
          'b AFTER_DDL function s.rows(confiture.hook_context) * 3 00:00:01 continue t ready\n'
          'o CLEANUP statement * 100 abort t untrusted', 'the view has them in their order, with their state') FROM confiture.hooks;
UPDATE confiture.hook SET extension = NULL;
SET ROLE registering_other;
SELECT is(string_agg(name || ' ' || state, ', '), 'p forbidden, d missing, c missing, a ready, b ready, o ready', 'each role its own') FROM confiture.hooks;
RESET ROLE;
REVOKE USAGE ON SCHEMA s FROM PUBLIC;
SET ROLE registering_other;
SELECT is(string_agg(name || ' ' || state, ', '), 'p forbidden, d forbidden, c forbidden, a forbidden, b forbidden, o ready', 'a schema that is closed to the role') FROM confiture.hooks;
SELECT throws_ok($$SELECT * FROM confiture.hook$$, '42501', NULL, 'nobody reads the table');
RESET ROLE;
GRANT USAGE ON SCHEMA s TO PUBLIC;
SELECT matches(s.refusal($$SELECT s.running('001')$$),
          E'^MG002 hook "d" failed in phase AFTER_DDL: function s.dropped\\(pg_catalog.jsonb\\) does not exist\nSQLSTATE MG016: A hook calls it.\nCreate it',
          'what is missing is refused clearly');
SELECT confiture.unregister_hook('d') \g /dev/null
SELECT matches(s.refusal($$SELECT s.running('001')$$), '^MG002 hook "c" failed in phase AFTER_DDL: function s.changed\(pg_catalog.jsonb\) has not the signature of a hook', 'and what is no hook any more');

-- What could be registered.
CREATE FUNCTION s.result(confiture.hook_context) RETURNS confiture.hook_result LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
COMMENT ON FUNCTION s.result IS 'It is ours.';
ALTER EXTENSION pgtap ADD FUNCTION s.result(confiture.hook_context);
SELECT is(string_agg(concat_ws(' | ', function, takes, returns, language, extension, executable, description), E'\n' ORDER BY function::text),
          E's.low(jsonb) | jsonb | jsonb | sql | t\n'
          's.output(jsonb) | jsonb | bigint | sql | t\n'
          's.plain(jsonb) | jsonb | void | sql | t\n'
          's.result(confiture.hook_context) | confiture.hook_context | confiture.hook_result | plpgsql | pgtap | t | It is ours.\n'
          's.rows(confiture.hook_context) | confiture.hook_context | bigint | sql | t', 'every function with the signature of a hook, and its extension')
  FROM confiture.available_hooks WHERE function::text LIKE 's.%';
SELECT ok(bool_and(owner = session_user AND extension = 'confiture' AND description <> '') AND count(*) > 10, 'those that are built in among them')
  FROM confiture.available_hooks WHERE function::text LIKE 'confiture.%';
SELECT is(count(*), 0::bigint, 'those of the server are left out') FROM confiture.available_hooks WHERE function::text NOT LIKE '%.%';
SET ROLE registering_owner;
SELECT is(string_agg(executable::text, ' ' ORDER BY function::text COLLATE "C"), 'true true false true true', 'and who may execute it') FROM confiture.available_hooks WHERE function::text LIKE 's.%';
RESET ROLE;
SELECT is(count(*), 0::bigint, 'each of them can be registered')
  FROM confiture.available_hooks a WHERE s.refusal(format('SELECT confiture.register_hook(%L, ''CLEANUP'', %L)', a.function, a.function)) <> 'accepted';

DROP OWNED BY registering_owner, registering_member, registering_noinherit, registering_other CASCADE;
DROP ROLE registering_owner, registering_member, registering_noinherit, registering_other;
SELECT * FROM finish();
