\echo Use "ALTER EXTENSION hook_extension UPDATE" to load this file. \quit

-- A hook that is registered again is replaced.
SELECT confiture.register_hook_library('hook_extension:journal', 'AFTER_DDL', 'MODULE_PATHNAME', 'journal',
                                       priority => 900, timeout => '10s', config => '{"note": "by version 1.1"}');

-- A hook that is not wanted any more is taken away.
SELECT confiture.unregister_hook('hook_extension:count_tables');

-- One more.
CREATE FUNCTION hook_extension.count_indexes(context jsonb)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('indexes', count(*)) FROM pg_index WHERE indrelid >= 16384
$$;
COMMENT ON FUNCTION hook_extension.count_indexes(jsonb) IS 'Tells how many indexes there are.';

SELECT confiture.register_hook('hook_extension:count_indexes', 'AFTER_DDL', 'hook_extension.count_indexes(jsonb)');
