-- hook_execute() tells how many rows a statement had; this brings a value back.

CREATE FUNCTION confiture.hook_answer(query text)
RETURNS jsonb
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_hook_answer';
COMMENT ON FUNCTION confiture.hook_answer(text) IS 'The one value that a query returns, as jsonb, run with the search_path of the role that runs the migration: for hooks that pin their own. Errors: MG016 where it is not one; those of the query.';

CREATE FUNCTION confiture.hook_query(statement text)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
SELECT '(' || regexp_replace(statement, '[;[:space:]]+$', '') || E'\n)'
$$;
COMMENT ON FUNCTION confiture.hook_query(text) IS 'For hooks: a query as it stands in the FROM clause of another, without the semicolon at its end.';
