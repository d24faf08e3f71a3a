-- Complain when the file is run by psql and not by CREATE EXTENSION.
\echo Use "CREATE EXTENSION confiture" to load this file. \quit

-- Whoever owns the schema could put his own objects in the place of ours.
DO $$
DECLARE
    owner name := (SELECT r.rolname
                     FROM pg_catalog.pg_namespace n
                     JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
                    WHERE n.nspname OPERATOR(pg_catalog.=) 'confiture' AND NOT r.rolsuper);
BEGIN
    IF owner OPERATOR(pg_catalog.<>) current_user THEN
        RAISE EXCEPTION 'schema "confiture" belongs to another role' USING
            ERRCODE = 'MG016',
            DETAIL = pg_catalog.format('Its owner is "%s", who is no superuser.', owner),
            HINT = 'Rename or drop it; CREATE EXTENSION makes a new one.';
    END IF;
END
$$;

CREATE TYPE confiture.dry_run_result AS (
    migration_name text,
    migration_version text,
    success boolean,
    execution_time_ms double precision,
    rows_affected bigint,
    locked_tables text[],
    estimated_production_time_ms double precision,
    confidence_percent integer,
    warnings text[],
    stats jsonb
);
COMMENT ON TYPE confiture.dry_run_result IS 'What a dry run of one migration measured.';
COMMENT ON COLUMN confiture.dry_run_result.migration_name IS 'Name of the migration.';
COMMENT ON COLUMN confiture.dry_run_result.migration_version IS 'Version of the migration; null for a script that is not registered.';
COMMENT ON COLUMN confiture.dry_run_result.success IS 'True where everything ran, false where something failed (stats.error) or was stopped by a limit (stats.reason), null where something was not run and nothing failed.';
COMMENT ON COLUMN confiture.dry_run_result.execution_time_ms IS 'Measured time of the statements and of the check of deferred constraints, in milliseconds; the median of the iterations.';
COMMENT ON COLUMN confiture.dry_run_result.rows_affected IS 'Rows inserted, updated and deleted, by nested statements, triggers and cascades too.';
COMMENT ON COLUMN confiture.dry_run_result.locked_tables IS 'Qualified names of the tables that existed before and that the migration locked, strongest lock first; dry_run_locks() has the modes.';
COMMENT ON COLUMN confiture.dry_run_result.estimated_production_time_ms IS 'Predicted time in production, in milliseconds.';
COMMENT ON COLUMN confiture.dry_run_result.confidence_percent IS 'How sure the prediction is, 0 to 100: of all predictions that say 80, about 80 in 100 fall between stats.estimate.low and high.';
COMMENT ON COLUMN confiture.dry_run_result.warnings IS 'Plain sentences, the most severe first.';
COMMENT ON COLUMN confiture.dry_run_result.stats IS 'Everything that was measured, as docs/stats.schema.json describes it.';

CREATE TYPE confiture.hook_phase AS ENUM (
    'BEFORE_VALIDATION', 'BEFORE_DDL', 'AFTER_DDL', 'AFTER_VALIDATION', 'CLEANUP', 'ON_ERROR');
COMMENT ON TYPE confiture.hook_phase IS 'When a hook runs: BEFORE_VALIDATION, (checks), BEFORE_DDL, (statements), AFTER_DDL, AFTER_VALIDATION, CLEANUP (in success and in failure), ON_ERROR (last, only after a failure and its rollback).';

CREATE TYPE confiture.hook_context AS (
    migration_version text,
    migration_name text,
    direction text,
    phase confiture.hook_phase,
    dry_run boolean,
    rows_affected bigint,
    execution_time_ms double precision,
    config jsonb,
    stats jsonb,
    error jsonb
);
COMMENT ON TYPE confiture.hook_context IS 'What a hook function is given.';
COMMENT ON COLUMN confiture.hook_context.migration_version IS 'Version of the migration; null for a script that is not registered.';
COMMENT ON COLUMN confiture.hook_context.migration_name IS 'Name of the migration.';
COMMENT ON COLUMN confiture.hook_context.direction IS 'forward or backward.';
COMMENT ON COLUMN confiture.hook_context.phase IS 'The phase that runs.';
COMMENT ON COLUMN confiture.hook_context.dry_run IS 'True where everything is going to be rolled back.';
COMMENT ON COLUMN confiture.hook_context.rows_affected IS 'Rows that the migration has inserted, updated and deleted so far.';
COMMENT ON COLUMN confiture.hook_context.execution_time_ms IS 'Time that the migration has taken so far, in milliseconds.';
COMMENT ON COLUMN confiture.hook_context.config IS 'The config that the hook was registered with, an object.';
COMMENT ON COLUMN confiture.hook_context.stats IS 'What the hooks of this run have shared by set_stat() so far, an object.';
COMMENT ON COLUMN confiture.hook_context.error IS 'The first error of the run with its SQLSTATE (sqlstate), message, detail, hint, context and place; null while there is none.';

CREATE TYPE confiture.hook_result AS (
    phase confiture.hook_phase,
    hook_name text,
    rows_affected bigint,
    stats jsonb,
    execution_time_ms double precision,
    status text,
    error jsonb
);
COMMENT ON TYPE confiture.hook_result IS 'What one hook did. A hook function that returns it need fill in rows_affected and stats only: the rest is measured.';
COMMENT ON COLUMN confiture.hook_result.phase IS 'The phase that it ran in.';
COMMENT ON COLUMN confiture.hook_result.hook_name IS 'Name of the hook.';
COMMENT ON COLUMN confiture.hook_result.rows_affected IS 'Rows, as the hook returned them, or as its statements wrote them; null where it said nothing.';
COMMENT ON COLUMN confiture.hook_result.stats IS 'What the hook returned as jsonb.';
COMMENT ON COLUMN confiture.hook_result.execution_time_ms IS 'Measured time, in milliseconds.';
COMMENT ON COLUMN confiture.hook_result.status IS 'succeeded, failed, timed_out, or skipped: who runs the migration does not trust who registered it.';
COMMENT ON COLUMN confiture.hook_result.error IS 'The error of a hook that failed: sqlstate, message, detail, hint, context, schema, table, column_name, constraint.';
