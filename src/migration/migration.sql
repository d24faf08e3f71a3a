CREATE VIEW confiture.status AS
WITH last AS (
    SELECT DISTINCT ON (sort_key) sort_key, version, name, action, status, checksum, finished_at
    FROM confiture.history
    WHERE action OPERATOR(pg_catalog.<>) 'accepted'
    ORDER BY sort_key, id DESC
), placed AS (
    SELECT DISTINCT ON (sort_key) sort_key, finished_at
    FROM confiture.history
    WHERE status OPERATOR(pg_catalog.=) 'succeeded' AND action OPERATOR(pg_catalog.<>) 'accepted'
    ORDER BY sort_key, id DESC
), done AS (
    SELECT DISTINCT ON (sort_key) sort_key, action, checksum
    FROM confiture.history
    WHERE status OPERATOR(pg_catalog.=) 'succeeded'
    ORDER BY sort_key, id DESC
), open AS (
    SELECT sort_key, pg_catalog.max(version) AS version, pg_catalog.max(name) AS name, pg_catalog.max(direction) AS direction,
           pg_catalog.max(steps) AS steps, pg_catalog.count(*) FILTER (WHERE ended_at IS NOT NULL AND step OPERATOR(pg_catalog.>) 0) AS steps_done,
           pg_catalog.max(pg_catalog.format('%s in line %s', command, line)) FILTER (WHERE ended_at IS NULL) AS begun
    FROM confiture.journal
    GROUP BY sort_key
), newest AS (
    SELECT pg_catalog.max(done.sort_key) AS sort_key
    FROM done
    JOIN confiture.migration m USING (sort_key)
    WHERE done.action OPERATOR(pg_catalog.<>) 'backward' AND NOT m.repeatable
)
SELECT coalesce(m.version, last.version, open.version) AS version,
       coalesce(m.name, last.name, open.name) AS name,
       CASE
           WHEN open.begun IS NOT NULL THEN 'interrupted'
           WHEN open.steps IS NOT NULL AND last.status OPERATOR(pg_catalog.=) 'failed' THEN 'failed'
           WHEN open.steps IS NOT NULL THEN 'interrupted'
           WHEN m.version IS NULL AND done.action OPERATOR(pg_catalog.<>) 'backward' THEN 'missing'
           WHEN last.status OPERATOR(pg_catalog.=) 'failed' THEN 'failed'
           WHEN m.version IS NULL OR done.action OPERATOR(pg_catalog.=) 'backward' THEN 'reverted'
           WHEN done.action IS NOT NULL AND m.checksum OPERATOR(pg_catalog.=) done.checksum THEN 'applied'
           WHEN done.action IS NOT NULL AND m.repeatable THEN 'pending'
           WHEN done.action IS NOT NULL THEN 'changed'
           WHEN NOT m.repeatable AND m.sort_key OPERATOR(pg_catalog.<) newest.sort_key THEN 'out of order'
           ELSE 'pending'
       END AS status,
       CASE WHEN done.action OPERATOR(pg_catalog.<>) 'backward' THEN placed.finished_at END AS applied_at,
       m.repeatable,
       coalesce(m.sort_key, last.sort_key, open.sort_key) AS sort_key,
       CASE
           WHEN open.begun IS NOT NULL
               THEN pg_catalog.format('%s: %s of %s steps are done, then %s was begun; its outcome is asked of the catalog when %s', open.direction, open.steps_done, open.steps, open.begun,
                                      CASE open.direction WHEN 'forward' THEN 'up() resumes' ELSE 'down() resumes' END)
           WHEN open.steps IS NOT NULL
               THEN pg_catalog.format('%s: %s of %s steps are done; %s resumes', open.direction, open.steps_done, open.steps,
                                      CASE open.direction WHEN 'forward' THEN 'up()' ELSE 'down()' END)
           WHEN last.status OPERATOR(pg_catalog.=) 'failed'
               THEN pg_catalog.format('%s failed at %s, and was rolled back', last.action, pg_catalog.to_char(last.finished_at, 'YYYY-MM-DD HH24:MI:SS'))
       END AS detail
FROM confiture.migration m
FULL JOIN last USING (sort_key)
FULL JOIN open USING (sort_key)
LEFT JOIN done USING (sort_key)
LEFT JOIN placed USING (sort_key)
CROSS JOIN newest
ORDER BY coalesce(m.repeatable, false), coalesce(m.sort_key, last.sort_key, open.sort_key);
COMMENT ON VIEW confiture.status IS 'Every migration and where it stands, in the order in which they run.';
COMMENT ON COLUMN confiture.status.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.status.name IS 'Name of the migration.';
COMMENT ON COLUMN confiture.status.status IS 'pending, applied, failed (at the last attempt), reverted, changed (since it was applied), missing (applied, but no longer registered), out of order (pending, though a later one is applied) or interrupted (some of its steps are done, the end is not).';
COMMENT ON COLUMN confiture.status.applied_at IS 'When it was applied last.';
COMMENT ON COLUMN confiture.status.repeatable IS 'Runs again whenever its checksum changes; null where it is missing.';
COMMENT ON COLUMN confiture.status.sort_key IS 'Its place in version order.';
COMMENT ON COLUMN confiture.status.detail IS 'What more is to be known of one that failed or was interrupted; else null.';

CREATE VIEW confiture.migrator AS
SELECT l.pid, a.usename AS role, a.application_name
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a USING (pid)
JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) l.relation
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE n.nspname OPERATOR(pg_catalog.=) 'confiture' AND c.relname OPERATOR(pg_catalog.=) 'migrator' AND
      l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()) AND
      l.mode OPERATOR(pg_catalog.=) 'ExclusiveLock' AND l.granted;
COMMENT ON VIEW confiture.migrator IS 'Whoever migrates this database: by an EXCLUSIVE lock on this view, for which the others wait.';
COMMENT ON COLUMN confiture.migrator.pid IS 'Process, as in pg_stat_activity.';
COMMENT ON COLUMN confiture.migrator.role IS 'Role that it runs as.';
COMMENT ON COLUMN confiture.migrator.application_name IS 'Application that it was called from.';

CREATE FUNCTION confiture.register_migration(version text, name text, up text, down text DEFAULT NULL, verify text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_register_migration';
COMMENT ON FUNCTION confiture.register_migration(text, text, text, text, text, jsonb) IS 'Adds a migration or, while it is not applied, replaces it, for its registrar, the members of that role and superusers; returns added, replaced or unchanged. Errors: MG005 for a script that does not parse, MG006 for a change of an applied migration, MG016 for unknown options or a migration of another role.';

CREATE FUNCTION confiture.unregister_migration(version text)
RETURNS void
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_unregister_migration';
COMMENT ON FUNCTION confiture.unregister_migration(text) IS 'Removes a migration that is not applied, for its registrar, the members of that role and superusers. Errors: MG004 where there is none, MG005 where it is applied, MG016 where it is another role''s.';

CREATE FUNCTION confiture.load_migrations(directory text, layout text DEFAULT 'auto', replace boolean DEFAULT false, prune boolean DEFAULT false, OUT version text, OUT name text, OUT action text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_load_migrations';
COMMENT ON FUNCTION confiture.load_migrations(text, text, boolean, boolean) IS 'Registers a folder of the server whole, or nothing of it; a relative one begins at the data directory. Needs the rights of pg_read_server_files. Layouts: auto or a name of docs/layouts.md. What is registered already and differs is refused unless replace is true. With prune, migrations that were loaded from this folder, are gone from it and are not applied are unregistered (pruned); those that are applied or half done are told (missing, interrupted). Errors: MG005, MG006, MG016.';

CREATE FUNCTION confiture.load_files(files regclass, layout text DEFAULT 'auto', replace boolean DEFAULT false, prune boolean DEFAULT false, folder text DEFAULT '', OUT version text, OUT name text, OUT action text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_load_files';
COMMENT ON FUNCTION confiture.load_files(regclass, text, boolean, boolean, text) IS 'What load_migrations() does, from a table of files (columns path, text or as bytea in UTF-8, and content bytea) that the caller can read: what confiture-load sends. The folder is known by its name, or else by that of the table. Errors: MG005, MG006, MG016.';
