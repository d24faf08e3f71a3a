-- Each hook in a savepoint of its own: what a failure undoes, what it means and how it is told, and what no hook leaves behind.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE TABLE s.t (id int PRIMARY KEY, note text NOT NULL DEFAULT '' CONSTRAINT short CHECK (length(note) < 10));
SELECT confiture.register_migration('001', 'one', 'SELECT 1'), confiture.register_migration('002', 'two', 'SELECT 1') \g /dev/null

-- What a call raises, every field in a line.
CREATE FUNCTION s.refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE state text; detail text; hint text; context text; table_name text; column_name text; constraint_name text; schema_name text; type_name text;
BEGIN
    EXECUTE call;
    RETURN 'accepted';
EXCEPTION WHEN others OR query_canceled THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT, schema_name = SCHEMA_NAME,
        table_name = TABLE_NAME, column_name = COLUMN_NAME, constraint_name = CONSTRAINT_NAME, type_name = PG_DATATYPE_NAME;
    RETURN concat_ws(E'\n', state || ' ' || sqlerrm, nullif(detail, ''), nullif(hint, ''), nullif(concat_ws('|', schema_name, table_name, column_name, constraint_name, type_name), '||||'),
                     'in ' || context);
END
$$;
-- A phase with these statements as hooks, in their order; the last word is on_failure.
CREATE FUNCTION s.phase(VARIADIC statements text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM confiture.unregister_hook(name) FROM confiture.hooks WHERE phase = 'AFTER_DDL';
    PERFORM confiture.register_hook_sql('h' || n, 'AFTER_DDL', statement, priority => n::int, on_failure => statements[array_length(statements, 1)])
       FROM unnest(statements) WITH ORDINALITY u(statement, n) WHERE n < array_length(statements, 1);
END
$$;
CREATE FUNCTION s.run(version text DEFAULT '001') RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(concat_ws(' ', hook_name, status, error->>'sqlstate'), ', ' ORDER BY n), '')
      FROM confiture.run_phase('AFTER_DDL', version) WITH ORDINALITY r(phase, hook_name, rows, stats, ms, status, error, n)
$$;
CREATE FUNCTION s.rows() RETURNS text LANGUAGE sql AS $$ SELECT coalesce(string_agg(id::text, ' ' ORDER BY id), '') FROM s.t $$;

-- Only the hook that failed is undone.
SELECT s.phase('INSERT INTO s.t VALUES (1)', 'INSERT INTO s.t VALUES (2); SELECT 1/0', 'INSERT INTO s.t VALUES (3)', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 failed 22012, h3 succeeded', 'continue: the others run');
SELECT is(s.rows(), '1 3', 'and only what the failed one did is undone');
SELECT is(status || ' ' || coalesce(rows_affected::text, 'null') || ' ' || (error->>'message'), 'failed null division by zero', 'a failed hook has no rows') FROM confiture.hook_run WHERE hook_name = 'h2';
TRUNCATE s.t;
SELECT s.phase('INSERT INTO s.t VALUES (1)', 'INSERT INTO s.t VALUES (2); SELECT 1/0', 'INSERT INTO s.t VALUES (3)', 'abort') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run()'), E'\nin ', 1), E'MG002 hook "h2" failed in phase AFTER_DDL: division by zero\nSQLSTATE 22012.', 'abort: the phase fails with it');
SELECT is(s.rows(), '', 'and is undone');
SELECT is(count(*), 3::bigint, 'its record, too') FROM confiture.hook_run;

-- The error whole.
SELECT s.phase('INSERT INTO s.t VALUES (1), (1)', 'abort') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run()'), E'\nin ', 1),
          E'MG002 hook "h1" failed in phase AFTER_DDL: duplicate key value violates unique constraint "t_pkey"\nSQLSTATE 23505: Key (id)=(1) already exists.\ns|t||t_pkey|', 'a unique violation keeps its constraint');
SELECT s.phase($$INSERT INTO s.t VALUES (1, 'much too long')$$, 'abort') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run()'), E'\nin ', 1),
          E'MG002 hook "h1" failed in phase AFTER_DDL: new row for relation "t" violates check constraint "short"\n'
          'SQLSTATE 23514: Failing row contains (1, much too long).\ns|t||short|', 'a check its own');
SELECT s.phase('INSERT INTO s.t VALUES (1, NULL)', 'abort') \g /dev/null
SELECT ok(s.refusal('SELECT s.run()') LIKE E'%SQLSTATE 23502: Failing row contains (1, null).\ns|t|note||%', 'a NOT NULL its column');
CREATE DOMAIN s.positive AS int CHECK (value > 0);
SELECT s.phase('SELECT (-1)::s.positive', 'abort') \g /dev/null
SELECT ok(s.refusal('SELECT s.run()') LIKE E'%SQLSTATE 23514.\ns|||positive_check|positive\n%', 'a domain its type');
CREATE FUNCTION s.raising(jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'my "message" %%' USING ERRCODE = 'X1234', DETAIL = E'My\ndetail.', HINT = 'My hint.';
END
$$;
SELECT s.phase('continue') \g /dev/null
SELECT confiture.register_hook(E'a "b"\nü %s', 'AFTER_DDL', 's.raising(jsonb)') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run()'), E'\nSQL function "run"', 1),
          E'MG002 hook "a "b"\nü %s" failed in phase AFTER_DDL: my "message" %\nSQLSTATE X1234: My\ndetail.\nMy hint.\nin PL/pgSQL function s.raising(jsonb) line 3 at RAISE',
          'message, DETAIL, HINT and CONTEXT of what a function raises');
SELECT confiture.register_hook(E'a "b"\nü %s', 'AFTER_DDL', 's.raising(jsonb)', on_failure => 'continue') \g /dev/null
SELECT is(error - '{line,column,statement,violating_rows}'::text[], '{"sqlstate": "X1234", "message": "my \"message\" %", "detail": "My\ndetail.", "hint": "My hint.", "context": "PL/pgSQL function s.raising(jsonb) line 3 at RAISE"}',
          'and the original one in the result') FROM confiture.run_phase('AFTER_DDL', '001');
SELECT confiture.unregister_hook(E'a "b"\nü %s') \g /dev/null

-- What belongs to the server is no hook's to swallow.
CREATE FUNCTION s.raise(state text) RETURNS void LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'as the server' USING ERRCODE = state, DETAIL = 'Its own.'; END$$;
SELECT is(split_part(s.refusal(format($f$SELECT s.phase('SELECT s.raise(''%s'')', 'continue'); SELECT s.run()$f$, state)), E'\nin', 1), state || E' as the server\nIts own.', state || ' is raised as it is')
  FROM unnest('{40001,40P01,57014,57P01,57P02}'::text[]) state;
SELECT is(s.refusal(format($f$SELECT s.phase('SELECT s.raise(''%s'')', 'continue'); SELECT s.run()$f$, state)), 'accepted', state || ' is the hook''s own')
  FROM unnest('{40002,55P03,53100,57000}'::text[]) state;

-- Stats follow the savepoints.
CREATE FUNCTION s.shared() RETURNS jsonb LANGUAGE sql AS $$SELECT (confiture.current_context()).stats$$;
CREATE TABLE s.seen (id int GENERATED ALWAYS AS IDENTITY, stats jsonb);
SELECT s.phase($$SELECT confiture.set_stat('a', '1'), confiture.set_stat('b', '1')$$,
               $$SELECT confiture.set_stat('a', '2'), confiture.set_stat('c', '2'); SELECT 1/(confiture.get_stat('a') <> '2')::int$$,
               'INSERT INTO s.seen (stats) VALUES (s.shared())',
               $$DO $x$ BEGIN
                     PERFORM confiture.set_stat('a', '4');
                     BEGIN
                         PERFORM confiture.set_stat('a', '5');
                         PERFORM confiture.set_stat('d', '5');
                         BEGIN PERFORM confiture.set_stat('a', '6'); END;
                         BEGIN PERFORM confiture.set_stat('e', '6'); EXCEPTION WHEN others THEN END;
                         IF s.shared() = '{"a": 6, "b": 1, "d": 5, "e": 6}' THEN RAISE division_by_zero; END IF;
                     EXCEPTION WHEN division_by_zero THEN INSERT INTO s.seen (stats) VALUES (s.shared());
                     END;
                     BEGIN PERFORM confiture.set_stat('f', '7'); EXCEPTION WHEN others THEN END;
                 END $x$ $$,
               'INSERT INTO s.seen (stats) VALUES (s.shared())', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 failed 22012, h3 succeeded, h4 succeeded, h5 succeeded', 'hooks that share stats');
SELECT is(array_agg(stats ORDER BY id), ARRAY['{"a": 1, "b": 1}', '{"a": 4, "b": 1}', '{"a": 4, "b": 1, "f": 7}']::jsonb[], 'what a failed hook shared is gone, and what a block of it') FROM s.seen;
TRUNCATE s.seen;

-- Nothing that a hook sets goes on.
CREATE ROLE savepoints_low;
GRANT USAGE ON SCHEMA s, confiture TO savepoints_low;
CREATE FUNCTION s.session() RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', current_setting('search_path'), current_user, session_user = 'savepoints_low', current_setting('work_mem'), current_setting('my.own', true), current_setting('lock_timeout'),
                     current_setting('transaction_read_only'), current_setting('transaction_deferrable'), current_setting('confiture.hook_timeout'), current_setting('TimeZone'),
                     current_setting('row_security'), current_setting('DateStyle'), current_setting('session_replication_role'))
$$;
CREATE TABLE s.sessions (id int GENERATED ALWAYS AS IDENTITY, was text);
GRANT ALL ON s.sessions TO savepoints_low;
\set setting 'SET search_path = s; SET work_mem = ''77MB''; SET LOCAL lock_timeout = ''7s''; SET my.own = ''set''; SET transaction_read_only = on; SET confiture.hook_timeout = 0; SET LOCAL TimeZone = ''+7'';'
SET my.own = '';
BEGIN;
SET LOCAL statement_timeout = '50s';
SELECT s.session() AS before \gset
SELECT s.phase(:'setting' || $$SET ROLE savepoints_low$$, 'INSERT INTO s.sessions (was) VALUES (s.session())',
               $$SELECT set_config('search_path', 'pg_temp', false), set_config('DateStyle', 'German', true), set_config('row_security', 'off', false); SET SESSION AUTHORIZATION savepoints_low$$,
               'INSERT INTO s.sessions (was) VALUES (s.session())',
               :'setting' || $$SET ROLE savepoints_low; SELECT 1/0$$, 'INSERT INTO s.sessions (was) VALUES (s.session())',
               $$DO $x$ BEGIN SET search_path = s; SET LOCAL session_replication_role = replica; BEGIN SET work_mem = '99MB'; PERFORM 1/0; EXCEPTION WHEN others THEN END; END $x$ $$,
               'INSERT INTO s.sessions (was) VALUES (s.session())', 'RESET ALL; SET ROLE NONE; DISCARD PLANS', 'INSERT INTO s.sessions (was) VALUES (s.session())', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 succeeded, h3 succeeded, h4 succeeded, h5 failed 22012, h6 succeeded, h7 succeeded, h8 succeeded, h9 succeeded, h10 succeeded', 'hooks that change settings');
SELECT is(array_agg(DISTINCT was), ARRAY[:'before'], 'search_path, roles and settings do not go on to the next hook') FROM s.sessions;
SELECT is(s.session(), :'before', 'nor to the caller');
SELECT is(current_setting('statement_timeout'), '50s', 'who keeps his own');
COMMIT;
SET search_path = pg_temp, public;
SELECT s.session() AS before \gset
SELECT is(s.run(), 'h1 succeeded', 'a hook that sets nothing') FROM s.phase('SELECT 1', 'abort');
SELECT is(s.session(), :'before', 'nor outside of a transaction block');
RESET search_path;

-- What belongs to the transaction goes on as it does after a savepoint: with the hook if it succeeds, undone if it fails.
CREATE TABLE s.parent (id int PRIMARY KEY);
CREATE TABLE s.child (id int REFERENCES s.parent DEFERRABLE INITIALLY DEFERRED);
SELECT s.phase('SET CONSTRAINTS ALL IMMEDIATE; SELECT 1/0', 'INSERT INTO s.child VALUES (1); INSERT INTO s.parent VALUES (1)', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 failed 22012, h2 succeeded', 'the constraint modes of a failed hook are undone');
SELECT s.phase('SET CONSTRAINTS ALL IMMEDIATE', 'INSERT INTO s.child VALUES (3); INSERT INTO s.parent VALUES (3)', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 failed 23503', 'those of another hold on to the end of the transaction');
SELECT s.phase('PREPARE p1 AS SELECT 1', 'PREPARE p2 AS SELECT 2; SELECT 1/0', 'DECLARE c1 CURSOR WITH HOLD FOR SELECT 1', 'DECLARE c2 CURSOR WITH HOLD FOR SELECT 1; SELECT 1/0', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 failed 22012, h3 succeeded, h4 failed 22012', 'prepared statements and cursors');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM pg_prepared_statements) || (SELECT string_agg(name, ' ' ORDER BY name) FROM pg_cursors WHERE name LIKE 'c_'), 'p1 p2c1',
          'are kept by the session as after a savepoint');
DEALLOCATE ALL;
CLOSE c1;
SELECT s.phase('CREATE TEMP TABLE a (); SELECT 1/0', 'CREATE TEMP TABLE a (id int)', 'INSERT INTO a VALUES (1)', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 failed 22012, h2 succeeded, h3 succeeded', 'temporary tables of a failed hook are undone, others are there for the next');
DROP TABLE a;
SELECT s.phase('INSERT INTO s.child VALUES (2)', 'abort') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run(); SET CONSTRAINTS ALL IMMEDIATE'), ' ', 1), '23503', 'a deferred constraint is checked when it always is: in the end');

-- Hooks that run phases.
CREATE FUNCTION s.nested(phase text, version text) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(hook_name || ' ' || status, ', ') FROM confiture.run_phase(phase::confiture.hook_phase, version)
$$;
SELECT confiture.register_hook_sql('inner', 'CLEANUP', $$INSERT INTO s.seen (stats) VALUES (to_jsonb(confiture.current_context())); SELECT confiture.set_stat('inner', '2')$$) \g /dev/null
SELECT s.phase($$SELECT confiture.set_stat('outer', '1'); SELECT s.nested('CLEANUP', '001'); INSERT INTO s.seen (stats) VALUES (to_jsonb(confiture.current_context()))$$,
               $$SELECT s.nested('CLEANUP', '002'); INSERT INTO s.seen (stats) VALUES (to_jsonb(confiture.current_context()))$$, 'abort') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 succeeded', 'a hook runs another phase');
SELECT is(array_agg(concat_ws(' ', stats->>'migration_version', stats->>'phase', stats->>'stats') ORDER BY id),
          ARRAY['001 CLEANUP {"outer": 1}', '001 AFTER_DDL {"inner": 2, "outer": 1}', '002 CLEANUP {}', '001 AFTER_DDL {"inner": 2, "outer": 1}'],
          'the same migration shares its stats, another has its own; afterwards the context is the outer one') FROM s.seen;
SELECT is(array_agg(concat_ws(' ', version, phase, hook_name) ORDER BY id), '{001 CLEANUP inner,002 CLEANUP inner,001 AFTER_DDL h1,001 AFTER_DDL h2}', 'all of it is recorded')
  FROM confiture.hook_run WHERE id > (SELECT max(id) - 4 FROM confiture.hook_run);
SELECT s.phase($$DO $x$ BEGIN
                     PERFORM confiture.set_stat('outer', '1');
                     BEGIN PERFORM s.nested('CLEANUP', '001'); PERFORM 1/0; EXCEPTION WHEN others THEN END;
                     INSERT INTO s.seen (stats) VALUES (s.shared());
                 END $x$ $$, 'abort') \g /dev/null
TRUNCATE s.seen;
SELECT s.run() AS ran \gset
SELECT is(:'ran' || string_agg(stats::text, ' '), 'h1 succeeded{"outer": 1}', 'what a phase shared that was rolled back is gone') FROM s.seen;
SELECT s.phase($$SELECT s.nested('AFTER_DDL', '1')$$, 'abort') \g /dev/null
SELECT is(split_part(s.refusal('SELECT s.run()'), E'\nin', 1),
          E'MG002 hook "h1" failed in phase AFTER_DDL: phase AFTER_DDL of migration "001" runs already\nSQLSTATE MG002: A hook of that phase asked for the phase again.\n'
          'A hook may run other phases, and phases of other migrations.', 'a hook that runs its own phase is refused');
SELECT is(split_part(s.refusal($$SELECT s.run('002')$$), E'\nin', 1), E'MG002 hook "h1" failed in phase AFTER_DDL: hook "h1" failed in phase AFTER_DDL: phase AFTER_DDL of migration "001" runs already\n'
          'SQLSTATE MG002: SQLSTATE MG002: A hook of that phase asked for the phase again.\nA hook may run other phases, and phases of other migrations.', 'also by way of another migration');
SELECT confiture.register_hook_sql('inner', 'CLEANUP', $$SELECT s.nested('AFTER_DDL', '001')$$) \g /dev/null
SELECT s.phase($$SELECT s.nested('CLEANUP', '001')$$, 'abort') \g /dev/null
SELECT alike(s.refusal('SELECT s.run()'), 'MG002 %phase AFTER_DDL of migration "001" runs already%', 'or of another phase');
SELECT is(confiture.current_context() IS NULL, true, 'and nothing runs any more');
SELECT confiture.unregister_hook('inner') \g /dev/null
SELECT s.phase($$INSERT INTO s.seen (stats) SELECT to_jsonb(r.success) FROM confiture.dry_run('002') r$$, 'abort') \g /dev/null
SELECT alike(s.refusal('SELECT s.run()'), 'accepted', 'a hook may dry-run a migration');

-- Hooks that change hooks.
SELECT s.phase($$SELECT confiture.register_hook_sql('new', 'AFTER_DDL', 'SELECT 1'), confiture.register_hook_sql('h2', 'AFTER_DDL', 'SELECT 1/0', priority => 2),
                        confiture.unregister_hook('h3'), confiture.enable_hook('h4', false)$$, 'SELECT 2', 'SELECT 3', 'SELECT 4', 'abort') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 succeeded, h3 succeeded, h4 succeeded', 'a phase runs the hooks that it began with');
SELECT s.phase('SELECT 1', 'SELECT 2', 'abort') \g /dev/null
SELECT is(s.run(), 'h1 succeeded, h2 succeeded', 'afterwards they are what they were made');
SELECT s.phase($$SELECT confiture.register_hook_sql('h2', 'AFTER_DDL', 'SELECT 5'); SELECT 1/0$$, 'SELECT 2', 'continue') \g /dev/null
SELECT s.run() AS ran \gset
SELECT is(:'ran' || ' ' || (confiture.get_hook('h2')).statement, 'h1 failed 22012, h2 succeeded SELECT 2', 'what a failed hook registered is not');

-- Functions that an earlier hook of the phase drops or replaces.
CREATE FUNCTION s.one(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
SELECT s.phase($$CREATE OR REPLACE FUNCTION s.one(jsonb) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 2; END'$$, 'continue') \g /dev/null
SELECT confiture.register_hook(name, 'AFTER_DDL', 's.one(jsonb)', priority => priority, on_failure => 'continue') FROM (VALUES ('before', 0), ('after', 2), ('gone', 4), ('new', 6)) v(name, priority) \g /dev/null
SELECT confiture.register_hook_sql('drop', 'AFTER_DDL', 'DROP FUNCTION s.one', priority => 3),
       confiture.register_hook_sql('create', 'AFTER_DDL', 'CREATE FUNCTION s.one(jsonb) RETURNS jsonb LANGUAGE sql AS $$SELECT to_jsonb(3)$$', priority => 5) \g /dev/null
SELECT is(string_agg(concat_ws(' ', hook_name, status, rows_affected, stats, error->>'sqlstate'), ', '),
          'before succeeded 1, h1 succeeded, after succeeded 2, drop succeeded, gone failed MG016, create succeeded, new succeeded 3', 'each hook calls the function that is there then')
  FROM confiture.run_phase('AFTER_DDL', '001');
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
CREATE FUNCTION s.suicide(jsonb) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN CREATE OR REPLACE FUNCTION s.suicide(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 7::bigint'; RETURN 6; END$$;
SELECT confiture.register_hook(name, 'AFTER_DDL', 's.suicide(jsonb)') FROM unnest('{a,b}'::text[]) name \g /dev/null
SELECT is(array_agg(rows_affected), '{6,7}', 'also where it is itself that it replaces') FROM confiture.run_phase('AFTER_DDL', '001');

-- A function that failed is as good as new in the next hook, in every language.
CREATE FUNCTION s.odd_sql(jsonb) RETURNS bigint LANGUAGE sql AS $$SELECT 10 / ($1->'config'->>'n')::bigint$$;
CREATE FUNCTION s.odd_plpgsql(jsonb) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RETURN 10 / ($1->'config'->>'n')::bigint; END$$;
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null
SELECT confiture.register_hook(format('%s %s', n, f), 'AFTER_DDL', f::regprocedure, priority => n, on_failure => 'continue', config => jsonb_build_object('n', n % 3))
  FROM generate_series(1, 9) n, unnest('{s.odd_sql(jsonb),s.odd_plpgsql(jsonb)}'::text[]) f \g /dev/null
SELECT is(string_agg(coalesce(rows_affected::text, error->>'sqlstate'), ' '), '10 10 5 5 22012 22012 10 10 5 5 22012 22012 10 10 5 5 22012 22012', 'a function is called again after it failed')
  FROM confiture.run_phase('AFTER_DDL', '001');
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

-- What hooks must not do to the session.
CREATE PROCEDURE s.commits() LANGUAGE plpgsql AS 'BEGIN COMMIT; END';
SELECT s.phase('CALL s.commits()', 'DO $$BEGIN ROLLBACK; END$$', 'SET TRANSACTION READ ONLY', 'INSERT INTO s.t VALUES (77)', 'continue') \g /dev/null
SELECT is(s.run(), 'h1 failed 2D000, h2 failed 2D000, h3 succeeded, h4 succeeded', 'no hook ends the transaction, nor makes it another one');
SELECT confiture.register_migration('deep ' || n, 'n', 'SELECT 1') FROM generate_series(1, 300) n \g /dev/null
SELECT s.phase($$SELECT s.nested('AFTER_DDL', 'deep ' || (split_part((confiture.current_context()).migration_version, ' ', 2)::int + 1))$$, 'abort') \g /dev/null
SET max_stack_depth = '400kB';
SELECT alike(s.refusal($$SELECT s.run('deep 1')$$), 'MG002 hook "h1" failed%: stack depth limit exceeded%SQLSTATE 54001%', 'phases in phases end where the stack does');
RESET max_stack_depth;
SELECT s.phase('DROP EXTENSION confiture CASCADE', 'SELECT 1', 'abort') \g /dev/null
SELECT isnt(s.refusal('SELECT s.run()'), 'accepted', 'a hook that drops confiture under its feet fails');
SELECT s.phase('DROP EXTENSION confiture CASCADE; CREATE EXTENSION confiture', 'SELECT 1', 'abort') \g /dev/null
SELECT isnt(s.refusal('SELECT s.run()'), 'accepted', 'so does one that makes it anew');
SELECT is(s.run(), 'h1 succeeded', 'and all is as before') FROM s.phase('SELECT 1', 'abort');
SELECT confiture.unregister_hook(name) FROM confiture.hooks \g /dev/null

DROP OWNED BY savepoints_low CASCADE;
DROP ROLE savepoints_low;
SELECT * FROM finish();
