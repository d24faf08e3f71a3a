-- Dry-runs one migration: psql -v version=010 -f dry_run_one.sql
\if :{?version}
\else
    \set version 010
\endif

CREATE TEMPORARY TABLE one AS
SELECT result
  FROM confiture.dry_run(:'version') AS result;

-- The result row, without its JSON.
\x on
SELECT (result).migration_version,
       (result).migration_name,
       (result).success,
       round((result).execution_time_ms) AS execution_time_ms,
       (result).rows_affected,
       (result).locked_tables,
       round((result).estimated_production_time_ms) AS estimated_production_time_ms,
       (result).confidence_percent,
       array_to_string((result).warnings, E'\n') AS warnings
  FROM one;
\x off

-- What it locked: the strongest lock on each table and index that was there before, for how long, and
-- who would have waited.
SELECT lock.object,
       lock.mode,
       lock.line,
       round(lock.acquired_ms) AS acquired_ms,
       round(lock.held_ms) AS held_ms,
       CASE
           WHEN 'SELECT' = ANY (lock.blocks) THEN 'reads and writes'
           WHEN 'INSERT' = ANY (lock.blocks) THEN 'writes'
           ELSE 'schema changes'
       END AS keeps_waiting
  FROM one, confiture.dry_run_locks(result) WITH ORDINALITY AS lock
 WHERE lock.kind = 'relation'
   AND lock.object !~ '^pg_toast'
   AND NOT lock.new_object
   AND NOT lock.held_before
   AND lock.ordinality = (SELECT min(stronger.ordinality)
                            FROM confiture.dry_run_locks(result) WITH ORDINALITY AS stronger
                           WHERE stronger.object = lock.object)
 ORDER BY lock.ordinality;

-- What each statement cost; the statements that it ran inside stand below it.
SELECT statement.ordinal AS no,
       statement.line,
       repeat('  ', statement.depth) || statement.tag AS statement,
       round(statement.execution_time_ms) AS ms,
       statement.rows,
       pg_size_pretty(statement.wal_bytes) AS wal,
       array_to_string(statement.rewrites, ', ') AS rewrites,
       array_to_string(statement.scans, ', ') AS scans
  FROM one, confiture.dry_run_statements(result) AS statement;
