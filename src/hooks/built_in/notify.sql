CREATE FUNCTION confiture.notify(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('notify', context.config, '{"channel": "text", "payload": "object"}');
    channel text := coalesce(config ->> 'channel', 'confiture');
    payload jsonb;
    message text := context.error ->> 'message';
    name text := context.migration_name;
    -- pg_notify() takes less than this.
    too_long CONSTANT integer := 8000;
    result confiture.hook_result;
BEGIN
    IF octet_length(channel) > 63 THEN
        RAISE EXCEPTION 'channel "%" of notify is longer than 63 bytes', channel USING ERRCODE = 'MG016';
    END IF;
    LOOP
        payload := jsonb_strip_nulls(jsonb_build_object(
            'version', context.migration_version,
            'name', name,
            'direction', context.direction,
            'phase', context.phase,
            'dry_run', context.dry_run,
            'rows_affected', context.rows_affected,
            'execution_time_ms', context.execution_time_ms,
            'error', jsonb_build_object('sqlstate', context.error ->> 'sqlstate', 'message', message)));
        IF context.error IS NULL THEN
            payload := payload - 'error';
        END IF;
        IF config ? 'payload' THEN
            payload := payload || jsonb_build_object('payload', config -> 'payload');
        END IF;
        EXIT WHEN octet_length(payload::text) < too_long;
        -- The texts that may be of any length become shorter until it fits.
        IF length(message) > 1 THEN
            message := left(message, length(message) / 2);
        ELSIF length(name) > 1 THEN
            name := left(name, length(name) / 2);
        ELSE
            RAISE EXCEPTION 'the payload of notify would be % bytes long', octet_length(payload::text) USING
                ERRCODE = 'MG016',
                DETAIL = format('A notification holds less than %s.', too_long),
                HINT = 'Make "payload" shorter.';
        END IF;
    END LOOP;
    PERFORM pg_notify(channel, payload::text);
    result.stats := jsonb_build_object('channel', channel, 'payload', payload);
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.notify(confiture.hook_context) IS 'Built-in hook: notifies those that LISTEN, when the transaction commits. Config: channel (default confiture), payload (an object, sent along as "payload"). The notification is a JSON object: version, name, direction, phase, dry_run, rows_affected, execution_time_ms, error (sqlstate, message) where there is one, payload; without what is not known, and with shorter texts where it would be 8000 bytes or more. Stats: channel, payload (what was sent). Errors: MG016.';
