CREATE FUNCTION confiture.rebuild_indexes(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('rebuild_indexes', context.config, '{"tables": "texts", "indexes": "texts"}');
    rebuilt regclass;
    kind text;
    bytes_before bigint;
    rebuilt_ones jsonb := '[]';
    result confiture.hook_result;
BEGIN
    IF NOT config ?| '{tables,indexes}' THEN
        RAISE EXCEPTION 'neither "tables" nor "indexes" in the config of rebuild_indexes' USING
            ERRCODE = 'MG016',
            HINT = 'Say what is to be rebuilt; there is no rebuilding everything.';
    END IF;
    -- Nothing that is partitioned can be reindexed as a whole inside a transaction, so its parts are one by one.
    FOR rebuilt, kind IN
        SELECT leaf, 'TABLE'
          FROM confiture.hook_relations(config -> 'tables', '{r,p,m}') AS named, confiture.hook_leaves(named) AS leaf
        UNION ALL
        SELECT leaf, 'INDEX'
          FROM confiture.hook_relations(config -> 'indexes', '{i,I}') AS named, confiture.hook_leaves(named) AS leaf
    LOOP
        bytes_before := CASE kind WHEN 'TABLE' THEN pg_indexes_size(rebuilt) ELSE pg_relation_size(rebuilt) END;
        PERFORM confiture.hook_execute(format('REINDEX %s %s', kind, confiture.hook_relation_name(rebuilt)));
        rebuilt_ones := rebuilt_ones || jsonb_build_object(
            lower(kind), confiture.hook_relation_name(rebuilt), 'bytes_before', bytes_before,
            'bytes', CASE kind WHEN 'TABLE' THEN pg_indexes_size(rebuilt) ELSE pg_relation_size(rebuilt) END);
    END LOOP;
    result.stats := jsonb_build_object('rebuilt', rebuilt_ones);
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.rebuild_indexes(confiture.hook_context) IS 'Built-in hook: runs REINDEX, which keeps writers of the tables waiting until the transaction ends. Config: tables (all indexes of each), indexes; at least one of the two. Of partitioned ones each part is rebuilt. Stats: rebuilt (table or index, bytes_before, bytes). Errors: MG016; 42501 for a table of another role.';
