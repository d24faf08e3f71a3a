-- For the tests of the built-in hooks: one of them in a phase of a migration of its own.
-- A run of the phase with the one hook; what fails is raised as it was.
CREATE FUNCTION pg_temp.run(hook text, config jsonb)
RETURNS confiture.hook_result
LANGUAGE plpgsql
AS $$
DECLARE
    result confiture.hook_result;
BEGIN
    PERFORM confiture.register_hook('tried', 'AFTER_DDL', pg_catalog.format('confiture.%I(confiture.hook_context)', hook)::pg_catalog.regprocedure,
                                    on_failure => 'continue', config => config);
    SELECT * INTO STRICT result FROM confiture.run_phase('AFTER_DDL', '001') AS r WHERE r.hook_name OPERATOR(pg_catalog.=) 'tried';
    PERFORM confiture.unregister_hook('tried');
    IF result.error IS NOT NULL THEN
        RAISE EXCEPTION USING ERRCODE = pg_catalog.jsonb_extract_path_text(result.error, 'sqlstate'), MESSAGE = pg_catalog.jsonb_extract_path_text(result.error, 'message'),
            DETAIL = coalesce(pg_catalog.jsonb_extract_path_text(result.error, 'detail'), '');
    END IF;
    RETURN result;
END
$$;
SELECT confiture.register_migration('001', 'one', 'SELECT 1') \g /dev/null

CREATE FUNCTION pg_temp.stats(hook text, config jsonb)
RETURNS jsonb
LANGUAGE sql
AS 'SELECT (pg_temp.run(hook, config)).stats';
