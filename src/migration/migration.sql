CREATE VIEW confiture.status AS
WITH last AS (
    SELECT DISTINCT ON (sort_key) sort_key, version, name, action, status, checksum, finished_at
    FROM confiture.history
    ORDER BY sort_key, id DESC
), done AS (
    SELECT DISTINCT ON (sort_key) sort_key, action, checksum, finished_at
    FROM confiture.history
    WHERE status OPERATOR(pg_catalog.=) 'succeeded'
    ORDER BY sort_key, id DESC
), newest AS (
    SELECT pg_catalog.max(done.sort_key) AS sort_key
    FROM done
    JOIN confiture.migration m USING (sort_key)
    WHERE done.action OPERATOR(pg_catalog.<>) 'backward' AND NOT m.repeatable
)
SELECT coalesce(m.version, last.version) AS version,
       coalesce(m.name, last.name) AS name,
       CASE
           WHEN m.version IS NULL AND done.action OPERATOR(pg_catalog.<>) 'backward' THEN 'missing'
           WHEN m.version IS NULL THEN 'reverted'
           WHEN last.status OPERATOR(pg_catalog.=) 'failed' THEN 'failed'
           WHEN done.action OPERATOR(pg_catalog.=) 'backward' THEN 'reverted'
           WHEN done.action IS NOT NULL AND m.checksum OPERATOR(pg_catalog.=) done.checksum THEN 'applied'
           WHEN done.action IS NOT NULL AND m.repeatable THEN 'pending'
           WHEN done.action IS NOT NULL THEN 'changed'
           WHEN NOT m.repeatable AND m.sort_key OPERATOR(pg_catalog.<) newest.sort_key THEN 'out of order'
           ELSE 'pending'
       END AS status,
       CASE WHEN done.action OPERATOR(pg_catalog.<>) 'backward' THEN done.finished_at END AS applied_at,
       m.repeatable,
       coalesce(m.sort_key, last.sort_key) AS sort_key
FROM confiture.migration m
FULL JOIN last USING (sort_key)
LEFT JOIN done USING (sort_key)
CROSS JOIN newest
ORDER BY coalesce(m.repeatable, false), coalesce(m.sort_key, last.sort_key);
COMMENT ON VIEW confiture.status IS 'Every migration and where it stands, in the order in which they run.';
COMMENT ON COLUMN confiture.status.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.status.name IS 'Name of the migration.';
COMMENT ON COLUMN confiture.status.status IS 'pending, applied, failed (at the last attempt), reverted, changed (since it was applied), missing (applied, but no longer registered) or out of order (pending, though a later one is applied).';
COMMENT ON COLUMN confiture.status.applied_at IS 'When it was applied last.';
COMMENT ON COLUMN confiture.status.repeatable IS 'Runs again whenever its checksum changes; null where it is missing.';
COMMENT ON COLUMN confiture.status.sort_key IS 'Its place in version order.';

CREATE FUNCTION confiture.register_migration(version text, name text, up text, down text DEFAULT NULL, verify text DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_register_migration';
COMMENT ON FUNCTION confiture.register_migration(text, text, text, text, text, jsonb) IS 'Adds a migration or, while it is not applied, replaces it; returns added, replaced or unchanged. Errors: MG005 for a script that does not parse, MG006 for a change of an applied migration, MG016 for unknown options.';

CREATE FUNCTION confiture.unregister_migration(version text)
RETURNS void
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_unregister_migration';
COMMENT ON FUNCTION confiture.unregister_migration(text) IS 'Removes a migration that is not applied. Errors: MG004 where there is none, MG005 where it is applied.';

CREATE FUNCTION confiture.load_migrations(directory text, layout text DEFAULT 'auto', replace boolean DEFAULT false, OUT version text, OUT name text, OUT action text)
RETURNS SETOF record
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_load_migrations';
COMMENT ON FUNCTION confiture.load_migrations(text, text, boolean) IS 'Registers a folder of the server whole, or nothing of it; a relative one begins at the data directory. Needs the rights of pg_read_server_files. Layouts: auto or a name of docs/layouts.md. What is registered already and differs is refused unless replace is true. Errors: MG005, MG006, MG016.';

CREATE FUNCTION confiture.load_files(files regclass, layout text DEFAULT 'auto', replace boolean DEFAULT false, OUT version text, OUT name text, OUT action text)
RETURNS SETOF record
LANGUAGE c STRICT
AS 'MODULE_PATHNAME', 'confiture_load_files';
COMMENT ON FUNCTION confiture.load_files(regclass, text, boolean) IS 'What load_migrations() does, from a table of files (columns path text and content bytea) that the caller can read: what confiture-load sends. Errors: MG005, MG006, MG016.';
