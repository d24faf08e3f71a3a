-- The view of the migrators at work: its shape, and who may read it.
SELECT * FROM no_plan();

SELECT is_empty('SELECT * FROM confiture.progress', 'nobody migrates, so there is no row');
SELECT is_empty('SELECT * FROM confiture.read_progress()', 'nor one of the function below');
SELECT columns_are('confiture', 'progress', ARRAY[
    'pid', 'role', 'version', 'name', 'direction', 'activity', 'migration_number', 'migrations', 'step', 'steps', 'statement', 'statements',
    'line', 'command', 'attempt', 'hook', 'run_started_at', 'started_at', 'statement_started_at', 'elapsed', 'percent', 'remaining', 'rows_done',
    'rows_total', 'worker_pid', 'phase', 'phase_percent', 'blocked_by']);
SELECT col_type_is('confiture', 'progress', name, type, name || ' is ' || type)
  FROM (VALUES ('pid', 'integer'), ('role', 'text'), ('elapsed', 'interval'), ('percent', 'double precision'), ('remaining', 'interval'),
               ('started_at', 'timestamp with time zone'), ('blocked_by', 'integer[]')) AS wanted (name, type);

-- Both rights are needed, and no more; nobody has them unasked.
CREATE ROLE progress_reader;
GRANT USAGE ON SCHEMA confiture TO progress_reader;
SET ROLE progress_reader;
SELECT throws_ok('SELECT * FROM confiture.progress', '42501', 'permission denied for view progress', 'without any right');
SELECT throws_ok('SELECT * FROM confiture.read_progress()', '42501', 'permission denied for function read_progress', 'nor the function');
RESET ROLE;
GRANT SELECT ON confiture.progress TO progress_reader;
SET ROLE progress_reader;
SELECT throws_ok('SELECT * FROM confiture.progress', '42501', 'permission denied for function read_progress', 'with SELECT alone');
RESET ROLE;
GRANT EXECUTE ON FUNCTION confiture.read_progress() TO progress_reader;
SET ROLE progress_reader;
SELECT is_empty('SELECT * FROM confiture.progress', 'with both');
SELECT throws_ok('SELECT * FROM confiture.history', '42501', NULL, 'and no other table is open to it');
RESET ROLE;

-- A trap in the path of whoever reads is not stepped into.
CREATE SCHEMA trap;
CREATE FUNCTION trap.blocking(integer) RETURNS integer[] LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
ALTER FUNCTION trap.blocking(integer) RENAME TO pg_blocking_pids;
CREATE FUNCTION trap.equal(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE 'trapped'; END $$;
CREATE OPERATOR trap.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = trap.equal);
SET search_path = trap, pg_catalog;
SELECT count(*) FROM confiture.progress;
RESET search_path;
SELECT unalike(pg_get_viewdef('confiture.progress'), '%trap%', 'the view names what it means');

-- It can be read where nothing can be written, in a cursor and by a prepared statement.
BEGIN READ ONLY;
SELECT count(*) = 0 AS read FROM confiture.progress \gset
COMMIT;
SELECT ok(:'read', 'in a read-only transaction');
PREPARE looking AS SELECT * FROM confiture.progress WHERE percent > 50 ORDER BY remaining;
SELECT is_empty('EXECUTE looking', 'by a prepared statement');

SELECT * FROM finish();
