CREATE FUNCTION confiture.require_columns(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('require_columns', context.config, '{
        "columns": "texts!", "schemas": "texts", "except": "texts"}');
    -- * stands for any text; the other signs of LIKE for themselves.
    exceptions text[] := ARRAY(SELECT replace(regexp_replace(pattern, E'([\\\\%_])', E'\\\\\\1', 'g'), '*', '%')
                                 FROM jsonb_array_elements_text(config -> 'except') AS pattern);
    tables bigint;
    lacking text[];
    result confiture.hook_result;
BEGIN
    WITH looked_at AS (
        SELECT c.oid, n.nspname, c.relname
          FROM confiture.hook_user_relations('{r,p}', coalesce(config -> 'schemas', '["public"]')) AS t
          JOIN pg_class AS c ON c.oid = t
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE NOT c.relispartition
           AND NOT (c.relname LIKE ANY (exceptions) OR concat(n.nspname, '.', c.relname) LIKE ANY (exceptions))
    ), incomplete AS (
        SELECT l.nspname, l.relname, string_agg(quote_ident(required.name), ', ' ORDER BY required.place) AS absent
          FROM looked_at AS l
         CROSS JOIN jsonb_array_elements_text(config -> 'columns') WITH ORDINALITY AS required (name, place)
         WHERE NOT EXISTS (SELECT
                             FROM pg_attribute AS a
                            WHERE a.attrelid = l.oid AND a.attname = required.name AND a.attnum > 0 AND NOT a.attisdropped)
         GROUP BY l.nspname, l.relname
    )
    SELECT (SELECT count(*) FROM looked_at),
           ARRAY(SELECT format('%I.%I: %s', nspname, relname, absent)
                   FROM incomplete
                  ORDER BY nspname COLLATE "C", relname COLLATE "C")
      INTO tables, lacking;
    IF lacking <> '{}' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = CASE cardinality(lacking) WHEN 1 THEN '1 table lacks required columns'
                           ELSE format('%s tables lack required columns', cardinality(lacking)) END,
            DETAIL = confiture.hook_lines(lacking),
            HINT = 'Add the columns, or name the tables in "except".';
    END IF;
    result.stats := jsonb_build_object('tables', tables);
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.require_columns(confiture.hook_context) IS 'Built-in hook: fails where a table lacks a column that all must have, such as tenant_id. Config: columns (names), schemas (names, default ["public"]), except (tables that need not have them: name or schema.name, with * for any text). Partitions, temporary tables and members of extensions are left out. Stats: tables (how many were looked at). Errors: 23514 with the tables and what they lack, MG016.';
