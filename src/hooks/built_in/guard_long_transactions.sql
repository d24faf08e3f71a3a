CREATE FUNCTION confiture.guard_long_transactions(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('guard_long_transactions', context.config, '{
        "older_than": "interval", "action": ["fail", "warn"]}');
    older_than interval := coalesce(config ->> 'older_than', '5min');
    long_ones jsonb;
    total bigint;
    hidden bigint;
    told text;
    told_detail text;
    told_hint CONSTANT text := 'Wait until they have ended, or end them: what they have locked, the migration waits for.';
    result confiture.hook_result;
BEGIN
    -- Otherwise the view would show what it did when this transaction read it first.
    PERFORM pg_stat_clear_snapshot();
    WITH open_transaction AS (
        SELECT a.pid, a.usename::text AS role, a.application_name, a.state, clock_timestamp() - a.xact_start AS age,
               left(a.query, 1000) AS query, a.query_start, NULL::text AS prepared
          FROM pg_stat_activity AS a
         WHERE a.datname = current_database()
           AND a.pid <> pg_backend_pid()
           -- Autovacuum is nobody's; of the sessions of others a role without rights sees no more than whose they are.
           AND a.usesysid IS NOT NULL
           AND coalesce(a.backend_type, '') NOT IN ('walsender', 'parallel worker')
           AND coalesce(a.backend_type, '') NOT LIKE 'logical replication%'
        UNION ALL
        SELECT NULL, owner::text, NULL, 'prepared', clock_timestamp() - prepared, NULL, NULL, gid
          FROM pg_prepared_xacts
         WHERE database = current_database()
    ), long_transaction AS (
        SELECT *
          FROM open_transaction
         WHERE age > older_than
    )
    SELECT (SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(l)) ORDER BY l.age DESC)
              FROM (SELECT * FROM long_transaction ORDER BY age DESC LIMIT 20) AS l),
           (SELECT count(*) FROM long_transaction),
           (SELECT count(*) FROM open_transaction WHERE state IS NULL AND query = '<insufficient privilege>')
      INTO long_ones, total, hidden;
    IF hidden > 0 THEN
        RAISE WARNING 'guard_long_transactions cannot look into % sessions of other roles', hidden USING
            HINT = 'Members of pg_read_all_stats can.';
    END IF;
    IF total > 0 THEN
        told := format('%s open for more than %s',
                       CASE total WHEN 1 THEN '1 transaction has been' ELSE total || ' transactions have been' END, older_than);
        told_detail := (
            SELECT string_agg(concat_ws(', ', 'pid ' || (l ->> 'pid'),
                                        'prepared transaction "' || (l ->> 'prepared') || '"',
                                        'user "' || (l ->> 'role') || '"',
                                        'application "' || nullif(l ->> 'application_name', '') || '"',
                                        l ->> 'state',
                                        'open for ' || date_trunc('second', (l ->> 'age')::interval))
                              || coalesce(': ' || left(regexp_replace(l ->> 'query', '[[:space:]]+', ' ', 'g'), 100), ''),
                              E'\n' ORDER BY place)
              FROM jsonb_array_elements(long_ones) WITH ORDINALITY AS listed (l, place))
            || CASE WHEN total > 20 THEN format(E'\nand %s more', total - 20) ELSE '' END;
        IF config ->> 'action' = 'fail' THEN
            RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = told, DETAIL = told_detail, HINT = told_hint;
        END IF;
        RAISE WARNING USING MESSAGE = told, DETAIL = told_detail, HINT = told_hint;
    END IF;
    result.stats := jsonb_build_object('transactions', total, 'hidden', hidden, 'longest', coalesce(long_ones, '[]'));
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.guard_long_transactions(confiture.hook_context) IS 'Built-in hook: looks for transactions of this database that have been open for long, prepared ones too; a strong lock would queue behind them and everybody behind it. Its own session, replication and autovacuum are left out. Config: older_than (interval, default 5min), action (fail or warn, default fail). Stats: transactions (how many), hidden (sessions that the role may not look into), longest (20 at most: pid, role, application_name, state, age, query, query_start, prepared). Errors: 23514 with those transactions, MG016.';
