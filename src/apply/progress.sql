CREATE FUNCTION confiture.read_progress(
    OUT pid integer, OUT worker_pid integer, OUT role oid, OUT version text, OUT name text,
    OUT direction text, OUT activity text, OUT migration_number integer, OUT migrations integer,
    OUT step integer, OUT steps integer, OUT statement integer, OUT statements integer,
    OUT line integer, OUT command text, OUT attempt integer, OUT hook text,
    OUT run_started_at timestamp with time zone, OUT started_at timestamp with time zone,
    OUT statement_started_at timestamp with time zone, OUT rows_done bigint, OUT rows_total bigint,
    OUT estimated_ms double precision, OUT blockers integer[])
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_read_progress';
COMMENT ON FUNCTION confiture.read_progress() IS 'What the migrators at work in this database tell of themselves, raw; confiture.progress shows it to people, and whoever reads that view needs EXECUTE on this too. Reads shared memory: it waits for nobody and locks nothing. worker_pid: the background worker that runs the statement. estimated_ms: of the migration as a whole. blockers: who was in the way of the last attempt that had to wait. Null for what is not known or does not apply.';

CREATE VIEW confiture.progress AS
SELECT p.pid,
       pg_catalog.pg_get_userbyid(p.role)::text AS role,
       p.version, p.name, p.direction,
       CASE WHEN w.now AND p.activity OPERATOR(pg_catalog.<>) 'waiting for another migrator' THEN 'waiting for a lock'
            ELSE p.activity END AS activity,
       p.migration_number, p.migrations, p.step, p.steps, p.statement, p.statements, p.line, p.command, p.attempt, p.hook,
       p.run_started_at, p.started_at, p.statement_started_at,
       t.elapsed,
       CASE WHEN p.rows_total IS NOT NULL
            THEN least(100, 100 OPERATOR(pg_catalog.*) p.rows_done::double precision OPERATOR(pg_catalog./) p.rows_total)
            WHEN p.estimated_ms OPERATOR(pg_catalog.>) t.elapsed_ms
            THEN least(99, 100 OPERATOR(pg_catalog.*) t.elapsed_ms OPERATOR(pg_catalog./) p.estimated_ms)
            WHEN p.estimated_ms OPERATOR(pg_catalog.<=) t.elapsed_ms THEN 99
       END AS percent,
       CASE WHEN p.rows_total IS NOT NULL
            THEN CASE WHEN p.rows_done OPERATOR(pg_catalog.>) 0
                      THEN t.elapsed OPERATOR(pg_catalog.*) (greatest(p.rows_total OPERATOR(pg_catalog.-) p.rows_done, 0)::double precision
                                                             OPERATOR(pg_catalog./) p.rows_done) END
            WHEN p.estimated_ms OPERATOR(pg_catalog.>) t.elapsed_ms
            THEN pg_catalog.make_interval(secs => (p.estimated_ms OPERATOR(pg_catalog.-) t.elapsed_ms) OPERATOR(pg_catalog./) 1000)
       END AS remaining,
       p.rows_done, p.rows_total, p.worker_pid,
       s.phase, s.phase_percent,
       CASE WHEN w.now THEN w.blockers
            WHEN p.activity OPERATOR(pg_catalog.=) 'pausing before a retry' THEN p.blockers
            ELSE '{}'::integer[] END AS blocked_by
FROM confiture.read_progress() p
CROSS JOIN LATERAL (SELECT coalesce(p.worker_pid, p.pid) AS pid) a
CROSS JOIN LATERAL (SELECT b.blockers, pg_catalog.cardinality(b.blockers) OPERATOR(pg_catalog.>) 0 AS now
                    FROM pg_catalog.pg_blocking_pids(a.pid) b (blockers)) w
CROSS JOIN LATERAL (SELECT e.elapsed, 1000 OPERATOR(pg_catalog.*) extract(epoch FROM e.elapsed)::double precision AS elapsed_ms
                    FROM (SELECT pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) p.started_at AS elapsed) e) t
LEFT JOIN (SELECT i.pid, i.phase,
                  CASE WHEN i.blocks_total OPERATOR(pg_catalog.>) 0
                       THEN 100 OPERATOR(pg_catalog.*) i.blocks_done::double precision OPERATOR(pg_catalog./) i.blocks_total
                       WHEN i.tuples_total OPERATOR(pg_catalog.>) 0
                       THEN 100 OPERATOR(pg_catalog.*) i.tuples_done::double precision OPERATOR(pg_catalog./) i.tuples_total
                       WHEN i.lockers_total OPERATOR(pg_catalog.>) 0
                       THEN 100 OPERATOR(pg_catalog.*) i.lockers_done::double precision OPERATOR(pg_catalog./) i.lockers_total
                  END AS phase_percent
           FROM pg_catalog.pg_stat_progress_create_index i
           UNION ALL
           SELECT c.pid, c.phase,
                  CASE WHEN c.heap_blks_total OPERATOR(pg_catalog.>) 0
                       THEN 100 OPERATOR(pg_catalog.*) c.heap_blks_scanned::double precision OPERATOR(pg_catalog./) c.heap_blks_total END
           FROM pg_catalog.pg_stat_progress_cluster c
           UNION ALL
           SELECT v.pid, v.phase,
                  CASE WHEN v.heap_blks_total OPERATOR(pg_catalog.>) 0
                       THEN 100 OPERATOR(pg_catalog.*) v.heap_blks_scanned::double precision OPERATOR(pg_catalog./) v.heap_blks_total END
           FROM pg_catalog.pg_stat_progress_vacuum v) s ON s.pid OPERATOR(pg_catalog.=) a.pid;
COMMENT ON VIEW confiture.progress IS 'The migrators at work in this database, as they stand now: one row each, of apply and of backfill, from their first moment to their last, visible from any session before anything is committed. Readable with SELECT on it and EXECUTE on confiture.read_progress(); it shows no text of a script.';
COMMENT ON COLUMN confiture.progress.pid IS 'Process of the migrator, as in pg_stat_activity.';
COMMENT ON COLUMN confiture.progress.role IS 'Role that it runs as.';
COMMENT ON COLUMN confiture.progress.version IS 'Version of the migration at work, cut after 127 bytes.';
COMMENT ON COLUMN confiture.progress.name IS 'Its name, cut after 255 bytes.';
COMMENT ON COLUMN confiture.progress.direction IS 'forward or backward.';
COMMENT ON COLUMN confiture.progress.activity IS 'migrating, running hooks, backfilling, waiting for another migrator, waiting for a lock, pausing before a retry, waiting for replicas, or running a statement at top level (in a background worker).';
COMMENT ON COLUMN confiture.progress.migration_number IS 'Which of the migrations of this call it is, from 1.';
COMMENT ON COLUMN confiture.progress.migrations IS 'How many this call has to do.';
COMMENT ON COLUMN confiture.progress.step IS 'Step of the migration that runs, from 1; each is committed on its own.';
COMMENT ON COLUMN confiture.progress.steps IS 'How many it has.';
COMMENT ON COLUMN confiture.progress.statement IS 'Statement of the script that runs, from 1.';
COMMENT ON COLUMN confiture.progress.statements IS 'How many it has.';
COMMENT ON COLUMN confiture.progress.line IS 'Line of the script that the statement begins in.';
COMMENT ON COLUMN confiture.progress.command IS 'What kind of statement it is: CREATE INDEX.';
COMMENT ON COLUMN confiture.progress.attempt IS 'Which attempt this is, or the one after the pause; null before the first retry.';
COMMENT ON COLUMN confiture.progress.hook IS 'Hook that runs, cut after 255 bytes; null while none does.';
COMMENT ON COLUMN confiture.progress.run_started_at IS 'When the call began.';
COMMENT ON COLUMN confiture.progress.started_at IS 'When this migration, or this backfill, began.';
COMMENT ON COLUMN confiture.progress.statement_started_at IS 'When the statement began.';
COMMENT ON COLUMN confiture.progress.elapsed IS 'Time since started_at.';
COMMENT ON COLUMN confiture.progress.percent IS 'How much of this migration is done: of a backfill by its rows, else by its estimated time, and then 99 at most. Null without either.';
COMMENT ON COLUMN confiture.progress.remaining IS 'How long it will still take, by the same measure. Null without one, and once the estimated time is over.';
COMMENT ON COLUMN confiture.progress.rows_done IS 'Rows that a backfill has done.';
COMMENT ON COLUMN confiture.progress.rows_total IS 'Rows that it had to do.';
COMMENT ON COLUMN confiture.progress.worker_pid IS 'Process of the background worker that runs the statement at top level.';
COMMENT ON COLUMN confiture.progress.phase IS 'What the server says of an index build, a rewrite by CLUSTER or VACUUM FULL, or a VACUUM: the phase in the words of pg_stat_progress_*. Null for whoever may not see the statistics of that role.';
COMMENT ON COLUMN confiture.progress.phase_percent IS 'How much of that phase is done.';
COMMENT ON COLUMN confiture.progress.blocked_by IS 'Processes that it waits for: those that block it right now, and in a pause before a retry those that were in the way. Empty for none; 0 stands for a prepared transaction.';
