CREATE FUNCTION confiture.capture_statistics(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('capture_statistics', context.config, '{"tables": "texts"}');
    tables regclass[] := CASE
        WHEN config ? 'tables' THEN ARRAY(SELECT confiture.hook_relations(config -> 'tables', '{r,p,m}'))
        ELSE ARRAY(SELECT confiture.hook_user_relations('{r,p,m}')) END;
    -- The phases are in their order; ours, if it is there, is what an earlier hook of it has captured.
    before_phase text := (SELECT max(phase)
                            FROM unnest(enum_range(NULL::confiture.hook_phase)) AS phase
                           WHERE context.stats ? ('statistics:' || phase));
    before_tables jsonb := context.stats -> ('statistics:' || before_phase);
    -- The bytes of a row without columns, with its line pointer: what was counted before a TRUNCATE may be far more.
    smallest_row CONSTANT integer := 28;
    captured jsonb;
    differences jsonb;
    shared boolean;
    result confiture.hook_result;
BEGIN
    -- Rows: as the planner estimates them, by the size of now; before the first ANALYZE by what was counted.
    WITH leaf AS (
        SELECT t.relation, l AS oid
          FROM unnest(tables) AS t (relation)
         CROSS JOIN confiture.hook_leaves(t.relation) AS l
    ), measured AS (
        SELECT leaf.relation,
               pg_total_relation_size(leaf.oid) AS bytes,
               CASE
                   WHEN c.relpages > 0 AND c.reltuples >= 0
                       THEN round(c.reltuples::numeric / c.relpages * pg_relation_size(leaf.oid)
                                  / current_setting('block_size')::integer)
                   ELSE greatest(0, least(pg_stat_get_live_tuples(leaf.oid)
                                          + pg_stat_get_xact_tuples_inserted(leaf.oid)
                                          - pg_stat_get_xact_tuples_deleted(leaf.oid),
                                          pg_relation_size(leaf.oid) / smallest_row))
               END AS rows,
               pg_stat_get_dead_tuples(leaf.oid) AS dead_rows,
               greatest(pg_stat_get_last_analyze_time(leaf.oid), pg_stat_get_last_autoanalyze_time(leaf.oid)) AS last_analyze
          FROM leaf
          JOIN pg_class AS c ON c.oid = leaf.oid
    )
    SELECT coalesce(jsonb_object_agg(confiture.hook_relation_name(relation), jsonb_build_object(
               'rows', rows, 'bytes', bytes, 'dead_rows', dead_rows, 'last_analyze', last_analyze)), '{}')
      INTO captured
      FROM (SELECT t.relation, coalesce(sum(m.rows), 0)::bigint AS rows, coalesce(sum(m.bytes), 0)::bigint AS bytes,
                   coalesce(sum(m.dead_rows), 0)::bigint AS dead_rows, min(m.last_analyze) AS last_analyze
              FROM unnest(tables) AS t (relation)
              LEFT JOIN measured AS m ON m.relation = t.relation
             GROUP BY t.relation) AS by_table;
    BEGIN
        PERFORM confiture.set_stat('statistics:' || context.phase, (
            SELECT coalesce(jsonb_object_agg(name, jsonb_build_object('rows', value -> 'rows', 'bytes', value -> 'bytes')), '{}')
              FROM jsonb_each(captured) AS t (name, value)));
        shared := true;
    EXCEPTION
        -- There is a limit to what can be shared, which very many tables go beyond.
        WHEN SQLSTATE 'MG016' THEN
            shared := false;
    END;
    result.stats := jsonb_build_object('tables', captured, 'shared', shared);
    IF before_phase IS NOT NULL THEN
        SELECT coalesce(jsonb_object_agg(name, CASE
                   WHEN was IS NULL THEN jsonb_build_object('new', true, 'rows', is_now -> 'rows',
                                                            'bytes', is_now -> 'bytes')
                   WHEN is_now IS NULL THEN jsonb_build_object('gone', true, 'rows', -(was ->> 'rows')::bigint,
                                                               'bytes', -(was ->> 'bytes')::bigint)
                   ELSE jsonb_build_object('rows', (is_now ->> 'rows')::bigint - (was ->> 'rows')::bigint,
                                           'bytes', (is_now ->> 'bytes')::bigint - (was ->> 'bytes')::bigint) END), '{}')
          INTO differences
          FROM jsonb_each(before_tables) AS b (name, was)
          FULL JOIN jsonb_each(captured) AS c (name, is_now) USING (name)
         WHERE was -> 'rows' IS DISTINCT FROM is_now -> 'rows'
            OR was -> 'bytes' IS DISTINCT FROM is_now -> 'bytes';
        result.stats := result.stats || jsonb_build_object('since', before_phase, 'differences', differences);
    END IF;
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.capture_statistics(confiture.hook_context) IS 'Built-in hook: takes down how large the tables are. Config: tables (names of tables and materialized views; default all of the user''s schemas, members of extensions left out). Stats: tables (by name: rows (estimated), bytes (with indexes and TOAST), dead_rows, last_analyze; of a partitioned one those of its partitions together); since, differences (rows and bytes of those that changed, new or gone, since the last phase of the run in which statistics were captured). Rows and bytes are shared with later hooks as statistics:<phase>; shared is false where they were too large for that. Errors: MG016.';
