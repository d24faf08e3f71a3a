\echo Use "CREATE EXTENSION hook_extension" to load this file. \quit

CREATE TABLE hook_extension.journal (
    migration text,
    phase text NOT NULL,
    dry_run boolean NOT NULL,
    note text
);
COMMENT ON TABLE hook_extension.journal IS 'One row for each migration, written by the hook hook_extension:journal.';
SELECT pg_catalog.pg_extension_config_dump('hook_extension.journal', '');

-- A hook in SQL.
CREATE FUNCTION hook_extension.count_tables(context confiture.hook_context)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT jsonb_build_object('tables', count(*))
    FROM pg_class
    WHERE relkind IN ('r', 'p') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
$$;
COMMENT ON FUNCTION hook_extension.count_tables(confiture.hook_context) IS 'Tells how many tables there are.';

SELECT confiture.register_hook('hook_extension:count_tables', 'BEFORE_DDL',
                               'hook_extension.count_tables(confiture.hook_context)');

-- A hook in C.
SELECT confiture.register_hook_library('hook_extension:journal', 'AFTER_DDL', 'MODULE_PATHNAME', 'journal');
