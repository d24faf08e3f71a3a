CREATE FUNCTION confiture.verify_consistency(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Rows that a policy hides would silently not be compared.
SET row_security = off
AS $$
DECLARE
    config jsonb := confiture.hook_config('verify_consistency', context.config, '{
        "source": "text!", "target": "text!", "key": "texts", "tolerance": "count"}');
    tolerance bigint := coalesce((config ->> 'tolerance')::bigint, 0);
    key_columns text := (SELECT string_agg(quote_ident(name), ', ' ORDER BY place)
                           FROM jsonb_array_elements_text(config -> 'key') WITH ORDINALITY AS k (name, place));
    side text;
    from_side jsonb := '{}';
    measured jsonb;
    source_rows bigint;
    target_rows bigint;
    problems text[] := '{}';
    result confiture.hook_result;
BEGIN
    FOREACH side IN ARRAY ARRAY['source', 'target'] LOOP
        from_side := from_side || jsonb_build_object(side, CASE
            WHEN config ->> side ~* E'^[[:space:]]*((select|with|values|table)\\M|[(])' THEN confiture.hook_query(config ->> side)
            ELSE confiture.hook_relation_name(confiture.hook_relation(config ->> side)) END);
    END LOOP;
    -- One statement, so that both sides are seen at one instant.  EXCEPT compares as indexes do, whatever = the
    -- search_path has; the names are none that a query of the config would use.
    IF key_columns IS NULL THEN
        measured := confiture.hook_answer(format($query$
            SELECT pg_catalog.jsonb_build_object(
                       'source', (SELECT pg_catalog.count(*) FROM %s AS confiture_source),
                       'target', (SELECT pg_catalog.count(*) FROM %s AS confiture_target))
            $query$, from_side ->> 'source', from_side ->> 'target'));
    ELSE
        measured := confiture.hook_answer(format($query$
            WITH confiture_source AS MATERIALIZED (SELECT %1$s FROM %2$s AS confiture_side),
                 confiture_target AS MATERIALIZED (SELECT %1$s FROM %3$s AS confiture_side),
                 confiture_missing AS MATERIALIZED (
                     SELECT * FROM confiture_source EXCEPT SELECT * FROM confiture_target),
                 confiture_unexpected AS MATERIALIZED (
                     SELECT * FROM confiture_target EXCEPT SELECT * FROM confiture_source)
            SELECT pg_catalog.jsonb_build_object(
                       'source', (SELECT pg_catalog.count(*) FROM confiture_source),
                       'target', (SELECT pg_catalog.count(*) FROM confiture_target),
                       'missing', (SELECT pg_catalog.count(*) FROM confiture_missing),
                       'unexpected', (SELECT pg_catalog.count(*) FROM confiture_unexpected),
                       'missing_sample', ARRAY(
                           SELECT pg_catalog.to_jsonb(k) FROM confiture_missing AS k ORDER BY 1 LIMIT 10),
                       'unexpected_sample', ARRAY(
                           SELECT pg_catalog.to_jsonb(k) FROM confiture_unexpected AS k ORDER BY 1 LIMIT 10))
            $query$, key_columns, from_side ->> 'source', from_side ->> 'target'));
    END IF;
    source_rows := measured ->> 'source';
    target_rows := measured ->> 'target';
    IF abs(source_rows - target_rows) > tolerance THEN
        problems := problems || format('The source has %s rows, the target %s.', source_rows, target_rows);
    END IF;
    IF (measured ->> 'missing')::bigint > tolerance THEN
        problems := problems || format('Keys of the source that the target lacks: %s (%s).', measured ->> 'missing',
                                       confiture.hook_sample(measured -> 'missing_sample', measured ->> 'missing'));
    END IF;
    IF (measured ->> 'unexpected')::bigint > tolerance THEN
        problems := problems || format('Keys of the target that the source lacks: %s (%s).', measured ->> 'unexpected',
                                       confiture.hook_sample(measured -> 'unexpected_sample', measured ->> 'unexpected'));
    END IF;
    IF problems <> '{}' THEN
        RAISE EXCEPTION 'the source and the target are not consistent' USING
            ERRCODE = 'check_violation',
            DETAIL = array_to_string(problems, E'\n'),
            HINT = CASE WHEN tolerance = 0 THEN 'Fill the target again, or set "tolerance" to the number of rows that may differ.'
                        ELSE format('The config tolerates %s.', tolerance) END;
    END IF;
    result.stats := measured;
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.verify_consistency(confiture.hook_context) IS 'Built-in hook: compares what a source and a target hold, in one statement. Config: source, target (each a table, a view, or a query that begins with SELECT, WITH, VALUES, TABLE or a bracket), key (columns of both; without it rows are counted only), tolerance (how many rows the counts may differ, and how many keys either side may lack; default 0). Stats: source, target (rows), missing, unexpected (keys that the target, the source lacks), missing_sample, unexpected_sample (10 at most). Row-level security that would hide rows is an error. Errors: 23514 where they differ, MG016.';
