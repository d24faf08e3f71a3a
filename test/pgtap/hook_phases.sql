-- Running the hooks of a phase: which, in what order, what they are given, and what comes of what they return.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.seen (id int GENERATED ALWAYS AS IDENTITY, context jsonb);
CREATE FUNCTION s.look(context confiture.hook_context) RETURNS void LANGUAGE sql AS 'INSERT INTO s.seen (context) VALUES (to_jsonb(context))';
CREATE FUNCTION s.look(context jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN INSERT INTO s.seen (context) VALUES (context); END';
SELECT confiture.register_migration('001', 'one "ü"', 'SELECT 1', 'SELECT 2'), confiture.register_migration('002', 'two', 'SELECT 1') \g /dev/null

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
CREATE FUNCTION s.running(phase confiture.hook_phase, version text DEFAULT '001', direction text DEFAULT 'forward') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(hook_name, ' ' ORDER BY n), '') FROM confiture.run_phase(phase, version, direction) WITH ORDINALITY r(a, hook_name, b, c, d, e, f, n)
$$;
-- What one hook does with a phase of its own.
CREATE FUNCTION s.outcome(function text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r confiture.hook_result;
BEGIN
    PERFORM confiture.register_hook('h', 'BEFORE_VALIDATION', function::regprocedure);
    SELECT * INTO STRICT r FROM confiture.run_phase('BEFORE_VALIDATION', '001');
    RETURN format('%s %s %s', r.status, coalesce(r.rows_affected::text, 'null'), coalesce(r.stats::text, 'null'));
END
$$;

-- No hooks.
SELECT is_empty($$SELECT * FROM confiture.run_phase('AFTER_DDL', '001')$$, 'a phase without hooks has no rows');
SELECT is_empty($$SELECT * FROM confiture.hook_run$$, 'and leaves none');
CREATE INDEX ON confiture.hook_run (hook_name);

-- What is refused.
SELECT alike(s.refusal($$SELECT * FROM confiture.run_phase('DDL', '001')$$), '22P02 invalid input value for enum confiture.hook_phase: "DDL"%', 'no such phase');
SELECT alike(s.refusal($$SELECT * FROM confiture.run_phase('AFTER_DDL', '1000')$$), 'MG004 migration "1000" is not registered%', 'no such migration');
SELECT alike(s.refusal($$SELECT * FROM confiture.run_phase('AFTER_DDL', '')$$), 'MG004 migration "" is not registered%', 'nor one without a version');
SELECT alike(s.refusal($$SELECT * FROM confiture.run_phase('AFTER_DDL', '001', 'sideways')$$), 'MG016 %sideways%', 'no such direction');
SELECT alike(s.refusal($$SELECT * FROM confiture.run_phase('AFTER_DDL', '001', 'Forward')$$), 'MG016 %Forward%', 'nor in other letters');
SELECT alike(s.refusal('SELECT * FROM confiture.run_phase(' || arguments || ')'), 'MG016 %must not be null%', 'null is nothing: ' || arguments)
  FROM unnest(ARRAY['NULL, ''001''', '''AFTER_DDL'', NULL', '''AFTER_DDL'', ''001'', NULL']) arguments;

-- Order.
SELECT confiture.register_hook_sql(name, 'AFTER_DDL', 'SELECT 1', priority => priority)
  FROM (VALUES ('b', 100), ('a10', 100), ('a9', 100), ('B', 100), ('ü', 100), ('z', 5), ('last', 2147483647), ('first', -2147483648), ('a', 101), ('same', 5)) h(name, priority) \g /dev/null
SELECT is(s.running('AFTER_DDL'), 'first same z B a10 a9 b ü a last', 'by priority, then by the bytes of the name');
SELECT is(string_agg(name, ' ' ORDER BY n), s.running('AFTER_DDL'), 'the view has the same order')
  FROM (SELECT name, row_number() OVER () n FROM confiture.hooks WHERE phase = 'AFTER_DDL') h;
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

-- A thousand of them.
DELETE FROM confiture.hook_run;
SELECT confiture.register_hook(format('h%s', n), 'AFTER_DDL', CASE n % 2 WHEN 1 THEN 's.look(jsonb)' ELSE 's.look(confiture.hook_context)' END::regprocedure, priority => n * 7919 % 1000)
  FROM generate_series(1, 1000) n \g /dev/null
SELECT ok(count(*) = 1000 AND array_agg(hook_name ORDER BY n) = (SELECT array_agg(name ORDER BY priority, name) FROM confiture.hook) AND bool_and(status = 'succeeded'),
          'a thousand hooks run, in their order') FROM confiture.run_phase('AFTER_DDL', '001') WITH ORDINALITY r(a, hook_name, b, c, d, status, e, n);
SELECT is(count(*), 1000::bigint, 'each of them once') FROM s.seen;
SELECT ok(count(*) = 1000 AND array_agg(hook_name ORDER BY id) = (SELECT array_agg(name ORDER BY priority, name) FROM confiture.hook), 'and are recorded in it') FROM confiture.hook_run;
SET enable_seqscan = off;
SELECT is(count(*), 1000::bigint, 'an index of somebody''s has them too') FROM confiture.hook_run WHERE hook_name > '';
RESET enable_seqscan;
DELETE FROM confiture.hook;
DELETE FROM confiture.hook_run;
TRUNCATE s.seen;

-- Memory does not grow with them, not even with those that fail.
CREATE FUNCTION s.memory(jsonb) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE bytes bigint := 0;
BEGIN
    IF current_setting('server_version_num')::int >= 140000 THEN -- which have the view
        EXECUTE 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name NOT LIKE ''tuplestore%'' AND name <> ''CacheMemoryContext''' INTO bytes;
    END IF;
    RETURN bytes;
END
$$;
CREATE FUNCTION s.failing(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint';
SELECT confiture.register_hook(name, 'AFTER_DDL', 's.memory(jsonb)', priority => priority) FROM (VALUES ('before', 1), ('after', 101)) v(name, priority) \g /dev/null
SELECT confiture.register_hook('h' || n, 'AFTER_DDL', 's.failing(jsonb)', on_failure => 'continue') FROM generate_series(1, 3000) n \g /dev/null
SELECT cmp_ok(max(rows_affected) - min(rows_affected), '<', 3000000::bigint, 'three thousand that fail take less than a kilobyte each') FROM confiture.run_phase('AFTER_DDL', '001') WHERE rows_affected IS NOT NULL;
DELETE FROM confiture.hook;
DELETE FROM confiture.hook_run;

-- The six phases.
SELECT is(enum_range(NULL::confiture.hook_phase)::text, '{BEFORE_VALIDATION,BEFORE_DDL,AFTER_DDL,AFTER_VALIDATION,CLEANUP,ON_ERROR}', 'there are six phases');
SELECT confiture.register_hook('in ' || phase, phase, 's.look(jsonb)') FROM unnest(enum_range(NULL::confiture.hook_phase)) phase \g /dev/null
SELECT is(s.running(phase), 'in ' || phase, 'each runs its own hooks: ' || phase) FROM unnest(enum_range(NULL::confiture.hook_phase)) phase;
SELECT is(string_agg(context->>'phase', ' ' ORDER BY id), array_to_string(enum_range(NULL::confiture.hook_phase), ' '), 'and tells them so') FROM s.seen;
DELETE FROM confiture.hook;
TRUNCATE s.seen;

-- What a hook is given, as a row and as a document.
SELECT confiture.register_hook('row', 'AFTER_DDL', 's.look(confiture.hook_context)', config => '{"deep": {"a": [1, "ü", null]}}'),
       confiture.register_hook('document', 'AFTER_DDL', 's.look(jsonb)', config => '{"deep": {"a": [1, "ü", null]}}', priority => 101),
       confiture.register_hook_sql('share', 'AFTER_DDL', $$SELECT confiture.set_stat('key', '{"v": 1}')$$, priority => 1) \g /dev/null
SELECT is(s.running('AFTER_DDL', '1'), 'share row document', 'a version that is equal finds the migration');
SELECT is(count(DISTINCT context), 1::bigint, 'both forms say the same') FROM s.seen;
SELECT is(context, '{"migration_version": "001", "migration_name": "one \"ü\"", "direction": "forward", "phase": "AFTER_DDL", "dry_run": false, "rows_affected": 0, "execution_time_ms": 0,
                     "config": {"deep": {"a": [1, "ü", null]}}, "stats": {"key": {"v": 1}}, "error": null}', 'all members') FROM (SELECT * FROM s.seen ORDER BY id LIMIT 1) seen;
SELECT is((SELECT array_agg(key ORDER BY key) FROM jsonb_object_keys(context) key),
          (SELECT array_agg(attname::text ORDER BY attname::text) FROM pg_attribute WHERE attrelid = 'confiture.hook_context'::regclass), 'those of the type') FROM (SELECT * FROM s.seen LIMIT 1) seen;
TRUNCATE s.seen;
SELECT is(s.running('AFTER_DDL', direction => 'backward'), '', 'the hooks that are registered run forward');
UPDATE confiture.hook SET direction = 'both';
SELECT is(s.running('AFTER_DDL', direction => 'backward'), 'share row document', 'or in both directions');
SELECT is(string_agg(DISTINCT context->>'direction', ' '), 'backward', 'and know in which') FROM s.seen;
SELECT is(s.running('AFTER_DDL', '002', 'backward'), 'share row document', 'also where there is no backward script');
DELETE FROM confiture.hook;
TRUNCATE s.seen;

-- The hooks of the script itself.
SELECT confiture.register_migration('003', 'own', E'-- confiture: phase=AFTER_DDL name=own\nSELECT 1;\n-- confiture: phase=AFTER_DDL\nSELECT 2;\n-- confiture: phase=CLEANUP name=other\nSELECT 3',
                                    E'-- confiture: phase=AFTER_DDL name=back priority=1\nSELECT 1') \g /dev/null
SELECT confiture.register_hook_sql('p', 'AFTER_DDL', 'SELECT 1', direction => 'both'), confiture.register_hook_sql('a', 'AFTER_DDL', 'SELECT 1', direction => 'both') \g /dev/null
SELECT is(s.running('AFTER_DDL', '003'), '003:line-0003 a own p', 'the hooks of the script run among the others');
SELECT is(s.running('AFTER_DDL', '3', 'backward'), 'back a p', 'each direction its own');
SELECT is(s.running('CLEANUP', '003'), 'other', 'each phase its own');
SELECT is(s.running('AFTER_DDL', '001'), 'a p', 'each migration its own');
DELETE FROM confiture.hook;
DELETE FROM confiture.hook_run;

-- What a function returns.
CREATE FUNCTION s.rows(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 42::bigint';
CREATE FUNCTION s.rows_null(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT NULL::bigint';
CREATE FUNCTION s.stats(jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RETURN '{"a": 1}'; END$$;
CREATE FUNCTION s.stats_null(jsonb) RETURNS jsonb LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION s.stats_json_null(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT 'null'::jsonb$$;
CREATE FUNCTION s.stats_scalar(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT '"text"'::jsonb$$;
CREATE FUNCTION s.nothing(jsonb) RETURNS void LANGUAGE plpgsql AS 'BEGIN END';
CREATE FUNCTION s.nothing_sql(jsonb) RETURNS void LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION s.result(confiture.hook_context) RETURNS confiture.hook_result LANGUAGE plpgsql AS $$
DECLARE r confiture.hook_result;
BEGIN r.rows_affected := 7; r.stats := '{"b": 2}'; r.phase := 'CLEANUP'; r.hook_name := 'forged'; r.status := 'forged'; r.execution_time_ms := -1; r.error := '{}'; RETURN r; END $$;
CREATE FUNCTION s.result_sql(jsonb) RETURNS confiture.hook_result LANGUAGE sql AS $$SELECT NULL::confiture.hook_phase, NULL, 8::bigint, '[]'::jsonb, NULL::float8, NULL, NULL::jsonb$$;
CREATE FUNCTION s.result_null(jsonb) RETURNS confiture.hook_result LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE FUNCTION s.result_empty(jsonb) RETURNS confiture.hook_result LANGUAGE plpgsql AS 'DECLARE r confiture.hook_result; BEGIN RETURN r; END';
CREATE TABLE s.kept OF confiture.hook_result;
CREATE FUNCTION s.result_toasted(jsonb) RETURNS confiture.hook_result LANGUAGE sql AS 'SELECT r FROM s.kept r';
INSERT INTO s.kept (rows_affected, stats) SELECT 9, jsonb_agg(md5(n::text)) FROM generate_series(1, 1000) n;
CREATE FUNCTION s.no_row(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint WHERE false';
CREATE FUNCTION s.strict(jsonb) RETURNS bigint LANGUAGE sql STRICT STABLE PARALLEL SAFE SET search_path = pg_temp AS 'SELECT 5::bigint';
CREATE FUNCTION s.inserting(jsonb) RETURNS bigint LANGUAGE sql AS 'WITH i AS (INSERT INTO s.seen (context) VALUES ($1), ($1) RETURNING 1) SELECT count(*) FROM i';
SELECT is(s.outcome(f || '(jsonb)'), says, f)
  FROM (VALUES ('s.rows', 'succeeded 42 null'), ('s.rows_null', 'succeeded null null'), ('s.stats', 'succeeded null {"a": 1}'), ('s.stats_null', 'succeeded null null'),
               ('s.stats_json_null', 'succeeded null null'), ('s.stats_scalar', 'succeeded null "text"'), ('s.nothing', 'succeeded null null'), ('s.nothing_sql', 'succeeded null null'),
               ('s.result_sql', 'succeeded 8 []'), ('s.result_null', 'succeeded null null'), ('s.result_empty', 'succeeded null null'), ('s.no_row', 'succeeded null null'),
               ('s.strict', 'succeeded 5 null'), ('s.inserting', 'succeeded 2 null')) v(f, says);
SELECT is(s.outcome('s.result(confiture.hook_context)'), 'succeeded 7 {"b": 2}', 's.result');
SELECT ok((phase, hook_name, status, error IS NULL, execution_time_ms >= 0) = ('BEFORE_VALIDATION', 'h', 'succeeded', true, true), 'the rest of a result is measured, whatever the hook says')
  FROM confiture.run_phase('BEFORE_VALIDATION', '001');
SELECT ok(s.outcome('s.result_toasted(jsonb)') = format('succeeded 9 %s', stats), 'a result from the shelf') FROM s.kept;
SELECT is(jsonb_typeof(stats), 'null', 'a null of JSON is one') FROM (SELECT * FROM confiture.hook_run WHERE stats IS NOT NULL ORDER BY id LIMIT 1 OFFSET 1) run;

-- A large one.
CREATE FUNCTION s.huge(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT jsonb_build_object('x', repeat('y', 100 * 1024 * 1024))$$;
SELECT confiture.register_hook('h', 'BEFORE_VALIDATION', 's.huge(jsonb)'), confiture.register_hook('i', 'BEFORE_VALIDATION', 's.rows(jsonb)') \g /dev/null
SELECT is(array_agg(concat_ws(' ', hook_name, status, length(stats->>'x'))), '{h succeeded 104857600,i succeeded}', '100 MB of stats come through') FROM confiture.run_phase('BEFORE_VALIDATION', '001');
SELECT is(length(stats->>'x'), 104857600, 'and are recorded') FROM (SELECT * FROM confiture.hook_run WHERE hook_name = 'h' ORDER BY id DESC LIMIT 1) run;
DELETE FROM confiture.hook;
DELETE FROM confiture.hook_run;

-- Statements.
CREATE TABLE s.t (id int);
CREATE FUNCTION s.statements(text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM confiture.register_hook_sql('h', 'AFTER_DDL', $1);
    RETURN (SELECT concat_ws(' ', status, coalesce(rows_affected::text, 'null')) FROM confiture.run_phase('AFTER_DDL', '001'));
END
$$;
SELECT is(s.statements('INSERT INTO s.t VALUES (1), (2); UPDATE s.t SET id = id; DELETE FROM s.t WHERE id = 1'), 'succeeded 5', 'what statements wrote is counted, each sees the one before');
SELECT is(s.statements('SELECT generate_series(1, 9)'), 'succeeded null', 'what they read is not');
SELECT is(s.statements('UPDATE s.t SET id = 0 WHERE false'), 'succeeded 0', 'nothing is a number, too');
SELECT is(s.statements('CREATE TABLE s.made AS SELECT 1 AS one; INSERT INTO s.made VALUES (2)'), 'succeeded 1', 'a table that a statement before made');
SELECT is(s.statements('DO $x$ BEGIN INSERT INTO s.t VALUES (1); END $x$; SET search_path = s; SELECT * FROM t'), 'succeeded null', 'settings hold up to the end of the hook');
SELECT is(s.statements($$INSERT INTO s.seen (context) VALUES (to_jsonb(confiture.current_context()))$$), 'succeeded 1', 'a statement asks for its context');
SELECT is((SELECT context->>'phase' FROM s.seen ORDER BY id DESC LIMIT 1), 'AFTER_DDL', 'and gets it');
DELETE FROM confiture.hook;

-- What is given as a result, and recorded.
DELETE FROM confiture.hook_run;
SELECT confiture.register_hook('r', 'AFTER_DDL', 's.result(confiture.hook_context)'), confiture.register_hook_sql('e', 'AFTER_DDL', 'SELECT 1/0', on_failure => 'continue', priority => 101) \g /dev/null
UPDATE confiture.hook SET direction = 'both';
CREATE TEMPORARY TABLE told AS SELECT * FROM confiture.run_phase('AFTER_DDL', '1', 'backward');
SELECT is(string_agg(concat_ws(' ', phase, hook_name, rows_affected, stats, status, error->>'sqlstate'), E'\n'), E'AFTER_DDL r 7 {"b": 2} succeeded\nAFTER_DDL e failed 22012', 'one row a hook') FROM told;
SELECT set_eq('SELECT phase, hook_name, rows_affected, stats, execution_time_ms, status, error FROM confiture.hook_run', 'SELECT * FROM told', 'the same is recorded');
SELECT is(string_agg(DISTINCT concat_ws(' ', version, direction, executed_by), ', '), '001 backward ' || current_user, 'of whom and what') FROM confiture.hook_run;
SELECT is(ARRAY(SELECT (confiture.run_phase('AFTER_DDL', '001')).hook_name), '{r,e}', 'a list of columns has the rows, too');
SELECT is(ARRAY(SELECT version || hook_name FROM unnest('{1,2}'::text[]) version, confiture.run_phase('AFTER_DDL', version)), '{1r,1e,2r,2e}', 'and several phases in one statement');
DELETE FROM confiture.hook_run WHERE direction <> 'backward';
BEGIN;
SELECT count(*) FROM confiture.run_phase('AFTER_DDL', '1') \g /dev/null
SELECT count(*) AS inside FROM confiture.hook_run \gset
ROLLBACK;
SELECT is(ARRAY[:inside, count(*)], '{4,2}', 'in the transaction of the caller, and rolled back with it') FROM confiture.hook_run;
DELETE FROM confiture.hook;

-- A hook sees what those before it wrote, whatever its function promises.
CREATE FUNCTION s.stable(jsonb) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM s.t';
TRUNCATE s.t;
SELECT confiture.register_hook_sql('1', 'AFTER_DDL', 'INSERT INTO s.t VALUES (1), (2)'), confiture.register_hook('2', 'AFTER_DDL', 's.stable(jsonb)'),
       confiture.register_hook_sql('3', 'AFTER_DDL', 'INSERT INTO s.t VALUES (3)'), confiture.register_hook('4', 'AFTER_DDL', 's.stable(jsonb)') \g /dev/null
SELECT is(string_agg(rows_affected::text, ' '), '2 2 1 3', 'each sees what those before it wrote') FROM confiture.run_phase('AFTER_DDL', '001');
DELETE FROM confiture.hook;

-- Stats and context, inside and outside.
SELECT alike(s.refusal($$SELECT confiture.set_stat('a', '1')$$), E'MG002 confiture.set_stat() is for hooks\nNo migration runs in this session.\nCall it from a hook%', 'outside nothing is shared');
SELECT is(confiture.get_stat('a'), NULL, 'nor read');
SELECT is(confiture.current_context() IS NULL, true, 'nor is there a context');
SELECT is(s.statements($$SELECT confiture.set_stat('a', '1'), confiture.set_stat('b', NULL), confiture.set_stat('a', '[2]'), confiture.set_stat('', '"empty"');
                         INSERT INTO s.seen (context) SELECT jsonb_build_array(confiture.get_stat('a'), confiture.get_stat('b'), confiture.get_stat('c') IS NULL,
                                                                               confiture.get_stat(NULL) IS NULL, (confiture.current_context()).stats)$$), 'succeeded 1', 'inside it is');
SELECT is(context, '[[2], null, true, true, {"a": [2], "b": null, "": "empty"}]', 'the last value of a key counts') FROM (SELECT * FROM s.seen ORDER BY id DESC LIMIT 1) seen;
SELECT is(s.statements($$SELECT 1/(confiture.get_stat('a') IS NULL)::int$$), 'succeeded null', 'the next run begins anew');
SELECT alike(s.refusal($$SELECT s.statements('SELECT confiture.set_stat(NULL, ''1'')')$$), 'MG002 % the key of a stat must not be null%', 'a key is needed');
SELECT alike(s.refusal($$SELECT s.statements('SELECT confiture.set_stat(repeat(''ü'', 101), ''1'')')$$), 'MG002 % the key of a stat is too long%202 bytes%', 'and not too long');
SELECT is(s.statements($$SELECT confiture.set_stat('a', to_jsonb(repeat('x', 1000 * 1000))), confiture.set_stat('a', to_jsonb(repeat('y', 1000 * 1000)))$$), 'succeeded null', 'a megabyte, again and again');
SELECT alike(s.refusal($$SELECT s.statements('SELECT confiture.set_stat(n::text, to_jsonb(repeat(''x'', 1000 * 100))) FROM generate_series(1, 11) n')$$),
             E'MG002 % the stats that hooks share are too large\nSQLSTATE MG016: With "11" they have %', 'more than that is refused');

-- Nothing is passed over in silence.
SELECT is(s.refusal(call), expected, call)
  FROM (VALUES ('SELECT confiture.run_phase(NULL, ''001'')', E'MG016 phase must not be null\nNothing was done.'),
               ('SELECT confiture.run_phase(''CLEANUP'', NULL)', E'MG016 version must not be null\nNothing was done.'),
               ('SELECT confiture.run_phase(''CLEANUP'', ''001'', NULL)', E'MG016 direction must not be null\nNothing was done.'),
               ('SELECT confiture.unregister_hook(NULL)', E'MG016 name must not be null\nNothing was done.'),
               ('SELECT confiture.enable_hook(''x'', NULL)', E'MG016 enabled must not be null\nNothing was done.'),
               ('SELECT confiture.trust(''hook'', NULL)', E'MG016 name must not be null\nNothing was done.'),
               ('SELECT confiture.untrust(NULL, ''x'')', E'MG016 kind must not be null\nNothing was done.'),
               ('SELECT confiture.register_hook_sql(''x'', ''CLEANUP'', E''SELECT 1;\n-- confiture: phase=CLEANUP\nSELECT 2'')',
                E'MG005 a directive has no meaning in a hook\nLine 2.\nDirectives stand in the scripts of migrations.'),
               ('SELECT confiture.register_migration(''9'', ''slip'', E''SELECT 1;\n--confiture  phase=CLEANUP\nDROP TABLE s.seen'')',
                E'MG005 directive lacks its colon in line 2\nWrite -- confiture: and then the directive.')) AS v (call, expected);

-- Where a statement failed, and how long it waits for locks.
SELECT confiture.register_hook_sql('h', 'CLEANUP', E'SELECT 1;\nSELECT 2;\n  SELECT nope FROM s.seen; SELECT 3', on_failure => 'continue') \g /dev/null
SELECT is(error ->> 'statement' || ' ' || (error ->> 'line') || ' ' || (error ->> 'column'), '3 3 10', 'statement, line and column of a hook that fails')
  FROM confiture.run_phase('CLEANUP', '001');
SELECT confiture.register_hook_sql('h', 'CLEANUP', 'DO $$ BEGIN PERFORM confiture.set_stat(''lock_timeout'', to_jsonb(current_setting(''lock_timeout''))); END $$') \g /dev/null
CREATE FUNCTION s.timeout_told(jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT confiture.get_stat('lock_timeout') $$;
SELECT confiture.register_hook('then', 'CLEANUP', 's.timeout_told(jsonb)') \g /dev/null
SELECT confiture.register_migration('003', 'patient', E'-- confiture: lock_timeout=1234ms\nSELECT 1') \g /dev/null
SELECT is(stats, '"1234ms"', 'the lock_timeout of the migration holds for its hooks') FROM confiture.run_phase('CLEANUP', '003') WHERE hook_name = 'then';
SELECT is(stats, '"0"', 'and ends with the phase') FROM confiture.run_phase('CLEANUP', '002') WHERE hook_name = 'then';

SELECT * FROM finish();
