-- The built-in hook notify: what it sends, and how long that may be.
SELECT * FROM no_plan();

-- Called with a context of our own making, so that the error of a migration can be one.
CREATE FUNCTION pg_temp.notify(config jsonb, error jsonb DEFAULT NULL, name text DEFAULT 'one')
RETURNS jsonb
LANGUAGE sql
AS $$
SELECT r.stats
  FROM confiture.notify(ROW('001', name, 'forward', 'CLEANUP', false, 5, 1.5, config, '{}', error)::confiture.hook_context) AS r
$$;

SELECT is(pg_temp.notify('{}'), '{"channel": "confiture", "payload": {"version": "001", "name": "one", "direction": "forward", "phase": "CLEANUP", "dry_run": false, "rows_affected": 5, "execution_time_ms": 1.5}}', 'what is sent');
SELECT is(pg_temp.notify('{"channel": "Ch %s", "payload": {"name": "ours", "n": null}}', '{"sqlstate": "23505", "message": "no", "context": "c"}'),
          '{"channel": "Ch %s", "payload": {"version": "001", "name": "one", "direction": "forward", "phase": "CLEANUP", "dry_run": false, "rows_affected": 5, "execution_time_ms": 1.5, "error": {"sqlstate": "23505", "message": "no"}, "payload": {"name": "ours", "n": null}}}', 'an error, a payload');
SELECT is(octet_length(stats ->> 'payload') BETWEEN 3000 AND 7999 AND strpos(message, stats #>> '{payload,error,message}') = 1, true, 'a long message is made shorter: ' || left(message, 1))
  FROM unnest(ARRAY[repeat('x', 100000), repeat('"', 9000), repeat('ü', 4001), repeat('x', 7900)]) AS message, pg_temp.notify('{}', jsonb_build_object('sqlstate', '23505', 'message', message)) AS stats;
SELECT is(octet_length(stats ->> 'payload') > 7000 AND stats #>> '{payload,payload,a}' = repeat('x', 7700), true, 'the payload of the config is not') FROM pg_temp.notify(jsonb_build_object('payload', jsonb_build_object('a', repeat('x', 7700))), jsonb_build_object('message', repeat('m', 7000))) AS stats;
SELECT throws_ok(format($$SELECT pg_temp.notify(%L)$$, jsonb_build_object('payload', jsonb_build_object('a', repeat('x', 8000)))), 'MG016', NULL, 'a payload that is too long');
SELECT throws_ok(format($$SELECT pg_temp.notify(%L)$$, jsonb_build_object('channel', repeat('ü', 32))), 'MG016', NULL, 'a channel that is too long');
SELECT is(pg_temp.notify(jsonb_build_object('channel', repeat('x', 63))) ->> 'channel', repeat('x', 63), 'one that is just not');


SELECT * FROM finish();
