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


-- What arrives, at another session.
CREATE EXTENSION dblink;
SELECT dblink_connect('listener', format('host=%s port=%s dbname=%s', :'HOST', :'PORT', current_database())) \g /dev/null
SELECT dblink_exec('listener', 'LISTEN "The channel"') \g /dev/null
SELECT confiture.register_migration('2', 'two', 'SELECT 1'), confiture.register_migration('3', 'three', 'SELECT 1 / 0') \g /dev/null
SELECT confiture.register_hook('tell', 'CLEANUP', 'confiture.notify(confiture.hook_context)', config => '{"channel": "The channel"}'),
       confiture.register_hook('alarm', 'ON_ERROR', 'confiture.notify(confiture.hook_context)', config => '{"channel": "The channel"}') \g /dev/null
SELECT results_eq($$SELECT h.hook_name, h.stats #>> '{payload,phase}', (h.stats #>> '{payload,dry_run}')::boolean, h.stats #>> '{payload,error,sqlstate}', h.stats #>> '{payload,error,message}'
                      FROM confiture.dry_run('3') AS r, confiture.dry_run_hooks(r) AS h$$,
                  $$VALUES ('tell', 'CLEANUP', true, '22012', 'division by zero'), ('alarm', 'ON_ERROR', true, '22012', 'division by zero')$$, 'a failed dry run tells of its error');
SELECT is_empty($$SELECT extra FROM dblink_get_notify('listener')$$, 'and of a dry run nothing arrives');
BEGIN;
SELECT status FROM confiture.run_phase('CLEANUP', '2') \g /dev/null
SELECT is_empty($$SELECT extra FROM dblink_get_notify('listener')$$, 'nor before the commit');
COMMIT;
CREATE TEMPORARY TABLE arrived AS SELECT notify_name, extra::jsonb FROM dblink_get_notify('listener') \g /dev/null
DO $$
BEGIN
    FOR i IN 1 .. 1000 LOOP -- of 10 ms: it comes when the server has woken the listener
        EXIT WHEN EXISTS (SELECT FROM arrived);
        PERFORM pg_sleep(0.01);
        INSERT INTO arrived SELECT notify_name, extra::jsonb FROM dblink_get_notify('listener');
    END LOOP;
END
$$;
SELECT results_eq($$SELECT notify_name, extra - 'execution_time_ms' FROM arrived$$,
                  $$VALUES ('The channel', '{"version": "2", "name": "two", "direction": "forward", "phase": "CLEANUP", "dry_run": false, "rows_affected": 0}'::jsonb)$$, 'it arrives');
SELECT dblink_disconnect('listener') \g /dev/null

SELECT * FROM finish();
