-- hook_execute() tells how many rows a statement had; this brings a value back as well, by way of a
-- setting that lasts no longer than the call.

CREATE FUNCTION confiture.hook_answer(query text)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET confiture_hook.answer = ''
AS $$
BEGIN
    PERFORM confiture.hook_execute(
        format(E'SELECT pg_catalog.set_config(''confiture_hook.answer'', (%s\n)::pg_catalog.text, true)', query));
    RETURN nullif(current_setting('confiture_hook.answer'), '')::jsonb;
END
$$;
COMMENT ON FUNCTION confiture.hook_answer(text) IS 'For hooks: the one jsonb value that a query returns, run with the runner''s search_path.';

CREATE FUNCTION confiture.hook_query(statement text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
SELECT '(' || regexp_replace(statement, '[;[:space:]]+$', '') || E'\n)'
$$;
COMMENT ON FUNCTION confiture.hook_query(text) IS 'For hooks: a query as it stands in the FROM clause of another, without the semicolon at its end.';
