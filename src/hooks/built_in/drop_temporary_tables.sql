CREATE FUNCTION confiture.drop_temporary_tables(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('drop_temporary_tables', context.config, '{"pattern": "text"}');
    tables text[] := ARRAY(SELECT confiture.hook_relation_name(oid)
                             FROM pg_class
                            WHERE relnamespace = pg_my_temp_schema()
                              AND relkind IN ('r', 'p')
                              AND relname LIKE coalesce(config ->> 'pattern', '%')
                            ORDER BY relname COLLATE "C");
    result confiture.hook_result;
BEGIN
    -- Together, so that foreign keys and partitions among them are not in the way.
    IF tables <> '{}' THEN
        PERFORM confiture.hook_execute('DROP TABLE ' || array_to_string(tables, ', '));
    END IF;
    result.stats := jsonb_build_object('dropped', cardinality(tables), 'tables', to_jsonb(tables[:100]));
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.drop_temporary_tables(confiture.hook_context) IS 'Built-in hook: drops temporary tables of the session. Config: pattern (of LIKE, for their names; default all). Stats: dropped (how many), tables (the first 100). Errors: MG016; 2BP01 where something else, such as a temporary view, depends on one.';
