-- The data model.  Nobody but the owner of the extension has rights on these tables: confiture's
-- functions read and write them as their owner.

CREATE TABLE confiture.migration (
    version text PRIMARY KEY CHECK (version <> ''),
    sort_key text COLLATE "C" NOT NULL UNIQUE,
    name text NOT NULL,
    forward text NOT NULL,
    backward text,
    verify text,
    options jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(options) = 'object'),
    repeatable boolean NOT NULL DEFAULT false,
    checksum text NOT NULL,
    source text,
    registered_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    registered_by text NOT NULL
);
COMMENT ON TABLE confiture.migration IS 'The migrations that are registered, one a row.';
COMMENT ON COLUMN confiture.migration.version IS 'Version as its author wrote it.';
COMMENT ON COLUMN confiture.migration.sort_key IS 'A text whose byte order is the natural order of versions; equal for versions that are equal in it, such as 1 and 001.';
COMMENT ON COLUMN confiture.migration.name IS 'Name of the migration.';
COMMENT ON COLUMN confiture.migration.forward IS 'The script that makes the change.';
COMMENT ON COLUMN confiture.migration.backward IS 'The script that takes the change back; null where there is none.';
COMMENT ON COLUMN confiture.migration.verify IS 'The script that raises an error where the change is not in place; null where there is none.';
COMMENT ON COLUMN confiture.migration.options IS 'How it is to be run, as its folder or register_migration() said: transactional (boolean), lock_timeout (text), depends (array of versions).';
COMMENT ON COLUMN confiture.migration.repeatable IS 'Runs again whenever its checksum changes, after all others.';
COMMENT ON COLUMN confiture.migration.checksum IS 'SHA-256 over the normalised scripts, in hexadecimal; line ends and trailing blanks do not count.';
COMMENT ON COLUMN confiture.migration.source IS 'File that the forward script came from; null where it was registered by a call.';
COMMENT ON COLUMN confiture.migration.registered_at IS 'When it was registered, or replaced last.';
COMMENT ON COLUMN confiture.migration.registered_by IS 'Role that registered it.';

CREATE TABLE confiture.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    action text NOT NULL CHECK (action IN ('forward', 'backward', 'baseline')),
    status text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    checksum text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    executed_by text NOT NULL,
    statements_done integer NOT NULL DEFAULT 0,
    error jsonb,
    estimated_ms double precision,
    schema_fingerprint text
);
CREATE INDEX history_of_version ON confiture.history (sort_key, id);
COMMENT ON TABLE confiture.history IS 'Every attempt to apply or revert a migration; rows are only added.';
COMMENT ON COLUMN confiture.history.id IS 'Order of the attempts.';
COMMENT ON COLUMN confiture.history.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.history.sort_key IS 'Its place in version order, as in confiture.migration.';
COMMENT ON COLUMN confiture.history.name IS 'Name of the migration at that time.';
COMMENT ON COLUMN confiture.history.action IS 'forward, backward, or baseline (marked as applied without running).';
COMMENT ON COLUMN confiture.history.status IS 'succeeded or failed.';
COMMENT ON COLUMN confiture.history.checksum IS 'Checksum of the scripts at that time.';
COMMENT ON COLUMN confiture.history.started_at IS 'When the attempt began.';
COMMENT ON COLUMN confiture.history.finished_at IS 'When the attempt ended.';
COMMENT ON COLUMN confiture.history.executed_by IS 'Role that ran it.';
COMMENT ON COLUMN confiture.history.statements_done IS 'Statements that were completed.';
COMMENT ON COLUMN confiture.history.error IS 'The error of a failed attempt, with its SQLSTATE, message, detail, hint and place.';
COMMENT ON COLUMN confiture.history.estimated_ms IS 'Time predicted just before, in milliseconds.';
COMMENT ON COLUMN confiture.history.schema_fingerprint IS 'Fingerprint of the schema afterwards.';

CREATE TABLE confiture.migrator ();
COMMENT ON TABLE confiture.migrator IS 'Has no rows: whoever migrates this database holds an EXCLUSIVE lock on it.';

SELECT pg_catalog.pg_extension_config_dump('confiture.migration', '');
SELECT pg_catalog.pg_extension_config_dump('confiture.history', '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('confiture.history', 'id'), '');
