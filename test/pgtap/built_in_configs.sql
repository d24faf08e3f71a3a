-- The built-in hooks as a family: what they look like, and that each reads its config closely.
SET client_min_messages = error;
SELECT * FROM no_plan();

\ir shared/trying_built_ins.sql

-- A config that each accepts, and its members that must be there.
CREATE TABLE t (id integer PRIMARY KEY);
CREATE TEMPORARY TABLE hook (name, config, needed) AS
VALUES ('analyze_tables', '{"tables": ["t"]}'::jsonb, '{}'::text[]),
       ('backfill_read_model', '{"target": "t", "select": "SELECT 1 WHERE false", "columns": ["id"], "mode": "append"}', '{target,select}'),
       ('capture_statistics', '{"tables": ["t"]}', '{}'),
       ('check_queries', '{"queries": ["SELECT 1", {"name": "two", "query": "SELECT 2"}], "run": true}', '{queries}'),
       ('drop_temporary_tables', '{"pattern": "nothing_like_this%"}', '{}'),
       ('guard_long_transactions', '{"older_than": "1 day", "action": "warn"}', '{}'),
       ('notify', '{"channel": "c", "payload": {"a": 1}}', '{}'),
       ('rebuild_indexes', '{"tables": ["t"], "indexes": ["t_pkey"]}', '{}'),
       ('refresh_materialized_views', '{"views": [], "concurrently": false}', '{}'),
       ('require_columns', '{"columns": ["id"], "schemas": ["public"], "except": ["x_*"]}', '{columns}'),
       ('validate_constraints', '{"tables": ["t"], "schemas": ["public"]}', '{}'),
       ('verify_consistency', '{"source": "t", "target": "SELECT id FROM t", "key": ["id"], "tolerance": 0}', '{source,target}');

SELECT is(ARRAY(SELECT p.proname::text
                  FROM pg_proc AS p
                 WHERE p.pronamespace = 'confiture'::regnamespace
                   AND p.prorettype = 'confiture.hook_result'::regtype
                   AND p.pronargs = 1
                   AND p.proargtypes[0] = 'confiture.hook_context'::regtype
                   AND p.proname NOT IN ('lint_gate', 'risk_gate', 'pggit_event')
                 ORDER BY p.proname),
          ARRAY(SELECT name FROM hook ORDER BY name COLLATE "C"), 'these are the built-in hooks');
SELECT is_empty($$SELECT p.oid::regprocedure
                    FROM pg_proc AS p
                   WHERE p.pronamespace = 'confiture'::regnamespace
                     AND (p.proname IN (SELECT name FROM hook) OR p.proname LIKE 'hook\_%' AND p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c'))
                     AND p.proconfig[1] IS DISTINCT FROM 'search_path=pg_catalog, pg_temp'$$, 'they and what they share pin their search_path');
SELECT is_empty($$SELECT h.name, member
                    FROM hook AS h, jsonb_object_keys(h.config) AS member
                   WHERE obj_description(to_regprocedure(format('confiture.%I(confiture.hook_context)', h.name))) !~ ('\m' || member || '\M')$$,
                'their comments name all members of their configs');

SELECT lives_ok(format('SELECT pg_temp.run(%L, %L)', name, config), name || ' accepts what it knows') FROM hook;
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config || '{"Tables": []}'), 'MG016',
                 'unknown member "Tables" in the config of ' || name, name || ' refuses what it does not know') FROM hook;
SELECT throws_ok(format('SELECT confiture.%I(ROW(%L, %L, %L, %L, false, 0, 0, %L, NULL, NULL))', name, '001', 'one', 'forward', 'CLEANUP', '[]'), 'MG016', format('the config of %s is not a JSON object', name), name || ' refuses an array') FROM hook;
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config - member), 'MG016', format('no "%s" in the config of %s', member, name),
                 name || ' needs ' || member)
  FROM hook, unnest(needed) AS member;
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config || jsonb_build_object(member, null::text)), 'MG016', format('no "%s" in the config of %s', member, name),
                 name || ' takes null as nothing: ' || member)
  FROM hook, unnest(needed) AS member;
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config || jsonb_build_object(member, wrong)), 'MG016', format('invalid "%s" in the config of %s', member, name),
                 format('%s refuses %s for %s', name, wrong, member))
  FROM hook, jsonb_object_keys(config) AS member, unnest(ARRAY['5.5', '-1', '[1]', '[""]', '" "', '{"a": {}}']::jsonb[]) AS wrong
 -- What fits, or what the hook itself looks at.
 WHERE NOT (member IN ('queries') AND jsonb_typeof(wrong) = 'array' OR member = 'payload' AND jsonb_typeof(wrong) = 'object');

-- Without a config, and with null for all members.
SELECT lives_ok(format('SELECT pg_temp.run(%L, %L)', name, without), format('%s with the config %L', name, without))
  FROM hook, LATERAL (VALUES ('{}'), ((SELECT jsonb_object_agg(member, NULL) FROM jsonb_object_keys(config) AS member))) AS v (without)
 WHERE needed = '{}'
   -- pgTAP has temporary tables of its own.
   AND name NOT IN ('rebuild_indexes', 'drop_temporary_tables');

SELECT throws_like($$SELECT confiture.hook_config('x', '{"a": "c"}', '{"a": ["b", "d"]}')$$, 'invalid "a"%', 'one of several texts');
SELECT is(confiture.hook_config('x', '{"n": 2.0, "m": null}', '{"n": "count", "m": "text", "a": ["b", "d"]}'), '{"n": 2, "a": "b"}',
          'defaults are put in, nulls left out, whole numbers made whole');
SELECT is(confiture.hook_config('x', '{"n": 9223372036854775807}', '{"n": "count"}'), '{"n": 9223372036854775807}', 'the largest number');
SELECT throws_ok($$SELECT confiture.hook_config('x', '{"n": 9223372036854775808}', '{"n": "count"}')$$, 'MG016', 'invalid "n" in the config of x', 'is the largest');
SELECT throws_ok($$SELECT confiture.hook_config('x', '{"i": "-1s"}', '{"i": "interval"}')$$, 'MG016', 'invalid "i" in the config of x', 'no interval below zero');

-- Relations that are not there, or are something else.
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config || jsonb_build_object(member, CASE jsonb_typeof(config -> member) WHEN 'array' THEN '["absent"]'::jsonb ELSE '"absent"' END)),
                 'MG016', NULL, format('%s: %s of a relation that is not there', name, member))
  FROM hook, unnest(ARRAY['tables', 'indexes', 'views', 'target', 'source', 'schemas']) AS member
 WHERE config ? member;
CREATE VIEW v AS SELECT 1 AS id;
SELECT throws_ok(format('SELECT pg_temp.run(%L, %L)', name, config || jsonb_build_object(member, CASE jsonb_typeof(config -> member) WHEN 'array' THEN '["v"]'::jsonb ELSE '"v"' END)),
                 'MG016', 'wrong kind of relation: v', format('%s: %s of a view', name, member))
  FROM hook, unnest(ARRAY['tables', 'indexes', 'views', 'target']) AS member
 WHERE config ? member AND (name, member) <> ('verify_consistency', 'target');

SELECT * FROM finish();
