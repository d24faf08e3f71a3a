CREATE FUNCTION confiture.refresh_materialized_views(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('refresh_materialized_views', context.config, '{
        "views": "texts", "concurrently": "boolean"}');
    views regclass[] := CASE
        WHEN config ? 'views' THEN ARRAY(SELECT confiture.hook_relations(config -> 'views', '{m}'))
        ELSE ARRAY(SELECT confiture.hook_user_relations('{m}')) END;
    view record;
    refreshed text[] := '{}';
    result confiture.hook_result;
BEGIN
    -- Whoever reads another one, through ordinary views too, reads all that the other one reads and the other one
    -- itself: fewer are read by those that come first.
    FOR view IN
        WITH RECURSIVE reads AS (
            SELECT v AS reader, v AS relation
              FROM unnest(views) AS v
            UNION
            SELECT reads.reader, d.refobjid::regclass
              FROM reads
              JOIN pg_rewrite AS r ON r.ev_class = reads.relation
              JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass
                   AND d.objid = r.oid
                   AND d.refclassid = 'pg_class'::regclass
        )
        SELECT confiture.hook_relation_name(c.oid) AS name, c.relispopulated
          FROM reads
          JOIN pg_class AS c ON c.oid = reads.reader
          LEFT JOIN pg_class AS other ON other.oid = reads.relation AND other.relkind = 'm'
         GROUP BY c.oid, c.relispopulated
         ORDER BY count(other.oid), 1
    LOOP
        -- One that was never filled cannot be refreshed concurrently, and nobody reads it.
        PERFORM confiture.hook_execute(format('REFRESH MATERIALIZED VIEW %s%s',
            CASE WHEN (config ->> 'concurrently')::boolean AND view.relispopulated THEN 'CONCURRENTLY ' ELSE '' END, view.name));
        refreshed := refreshed || view.name;
    END LOOP;
    result.stats := jsonb_build_object('refreshed', to_jsonb(refreshed));
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.refresh_materialized_views(confiture.hook_context) IS 'Built-in hook: refreshes materialized views, those that others read first. Config: views (names; default all of the user''s schemas, members of extensions left out), concurrently (boolean, default false: readers wait until the transaction ends; true needs a unique index on each, and holds for those that are filled). Stats: refreshed, in that order. Errors: MG016; those of the server, such as 55000 without a unique index, 42501 for a view of another role.';
