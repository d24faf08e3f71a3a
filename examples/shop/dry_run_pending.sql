-- Dry-runs everything that is pending, in order and as one chain, and keeps the results for the
-- questions below.
CREATE TEMPORARY TABLE chain AS
SELECT result
  FROM confiture.dry_run_pending() AS result;

-- One line a migration.
SELECT (result).migration_version AS version,
       (result).migration_name AS name,
       (result).success,
       round((result).execution_time_ms) AS ms,
       (result).rows_affected AS rows,
       cardinality((result).locked_tables) AS tables,
       (result).locked_tables[1] AS strongest_lock_on,
       cardinality((result).warnings) AS warnings
  FROM chain;

-- What each warns of; what it says twice, it says once here.
SELECT min((result).migration_version) AS first_in,
       count(*) AS migrations,
       warning
  FROM chain, unnest((result).warnings) AS warning
 GROUP BY warning
 ORDER BY first_in;

-- Which hooks ran: those of the team in every migration, and those that a migration brought along.
SELECT hook.phase,
       hook.hook_name,
       count(*) AS migrations,
       string_agg(DISTINCT hook.status, ', ') AS status,
       sum(hook.rows_affected) AS rows,
       round(sum(hook.execution_time_ms)) AS ms
  FROM chain, confiture.dry_run_hooks(result) AS hook
 GROUP BY hook.phase, hook.hook_name
 ORDER BY hook.phase, hook.hook_name;
