CREATE FUNCTION confiture.check_queries(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('check_queries', context.config, '{"queries": "list!", "run": "boolean"}');
    run boolean := coalesce((config ->> 'run')::boolean, false);
    -- Brackets, so that a query cannot bring an ANALYZE of its own.  Parameters can be planned from PostgreSQL 16 on.
    explain text := CASE WHEN current_setting('server_version_num')::integer >= 160000
        THEN 'EXPLAIN (GENERIC_PLAN) ' ELSE 'EXPLAIN (COSTS) ' END;
    query jsonb;
    place bigint;
    done boolean;
    state text;
    problem text;
    problems text[] := '{}';
    checked bigint := 0;
    result confiture.hook_result;
BEGIN
    FOR query, place IN SELECT * FROM jsonb_array_elements(config -> 'queries') WITH ORDINALITY LOOP
        IF jsonb_typeof(query) = 'string' THEN
            query := jsonb_build_object('query', query);
        END IF;
        query := confiture.hook_config(format('query %s of check_queries', place), query, '{"name": "text", "query": "text!"}');
        done := false;
        BEGIN
            PERFORM confiture.hook_execute(CASE WHEN run THEN '' ELSE explain END || (query ->> 'query'));
            done := true;
            -- Undoes what the query did.
            RAISE EXCEPTION 'done';
        EXCEPTION
            -- What the server is about, and not the query, is not for us to collect.
            WHEN transaction_rollback OR insufficient_resources OR lock_not_available OR system_error OR internal_error THEN
                RAISE;
            WHEN OTHERS THEN
                IF NOT done THEN
                    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, problem = MESSAGE_TEXT;
                    problems := problems || format('%s: %s: %s', coalesce(query ->> 'name', format('query %s (%s)', place,
                        left(regexp_replace(query ->> 'query', '[[:space:]]+', ' ', 'g'), 60))), state, problem);
                END IF;
        END;
        checked := checked + 1;
    END LOOP;
    IF problems <> '{}' THEN
        RAISE EXCEPTION '% of % queries cannot be % any more', cardinality(problems), checked,
            CASE WHEN run THEN 'run' ELSE 'planned' END
        USING
            ERRCODE = 'check_violation',
            DETAIL = confiture.hook_lines(problems),
            HINT = 'Change the migration, or the queries of whoever still sends them.';
    END IF;
    result.stats := jsonb_build_object('queries', checked, 'run', run);
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.check_queries(confiture.hook_context) IS 'Built-in hook: fails where one of a list of queries cannot be planned any more, or run. Config: queries (array of texts or of objects {name, query}; with parameters $1 from PostgreSQL 16 on), run (boolean, default false: only plans them; true executes them and undoes what they did). All are tried before those that fail are told. Stats: queries (how many), run. Errors: 23514 with the SQLSTATE and message of each, MG016.';
