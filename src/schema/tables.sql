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
    backward_source text,
    folder text,
    registered_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    registered_by text NOT NULL,
    change_accepted boolean NOT NULL DEFAULT false
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
COMMENT ON COLUMN confiture.migration.checksum IS 'SHA-256 over the normalised scripts as UTF-8, in hexadecimal; line ends and trailing blanks do not count.';
COMMENT ON COLUMN confiture.migration.source IS 'File that the forward script came from; null where it was registered by a call.';
COMMENT ON COLUMN confiture.migration.backward_source IS 'File that the backward script came from; null where there is none.';
COMMENT ON COLUMN confiture.migration.folder IS 'Folder that it was loaded from last, by the name that load_migrations() or load_files() had for it; null where it was registered by a call.';
COMMENT ON COLUMN confiture.migration.registered_at IS 'When it was registered, or replaced last.';
COMMENT ON COLUMN confiture.migration.registered_by IS 'Role that registered it.';
COMMENT ON COLUMN confiture.migration.change_accepted IS 'The next text that is registered is taken for the one that was applied: see repair().';

CREATE TABLE confiture.history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    version text NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    name text NOT NULL,
    action text NOT NULL CHECK (action IN ('forward', 'backward', 'baseline', 'accepted')),
    status text NOT NULL CHECK (status IN ('succeeded', 'failed')),
    checksum text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone NOT NULL,
    executed_by text NOT NULL,
    statements_done integer NOT NULL DEFAULT 0,
    error jsonb,
    locks jsonb
);
CREATE INDEX history_of_version ON confiture.history (sort_key, id);
COMMENT ON TABLE confiture.history IS 'Every attempt to apply or revert a migration; rows are only added.';
COMMENT ON COLUMN confiture.history.id IS 'Order of the attempts.';
COMMENT ON COLUMN confiture.history.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.history.sort_key IS 'Its place in version order, as in confiture.migration.';
COMMENT ON COLUMN confiture.history.name IS 'Name of the migration at that time.';
COMMENT ON COLUMN confiture.history.action IS 'forward, backward, baseline (marked as applied without running) or accepted (its text was changed after it was applied, and is the same to whoever said so).';
COMMENT ON COLUMN confiture.history.status IS 'succeeded or failed.';
COMMENT ON COLUMN confiture.history.checksum IS 'Checksum of the scripts at that time.';
COMMENT ON COLUMN confiture.history.started_at IS 'When the attempt began.';
COMMENT ON COLUMN confiture.history.finished_at IS 'When the attempt ended.';
COMMENT ON COLUMN confiture.history.executed_by IS 'Role that ran it.';
COMMENT ON COLUMN confiture.history.statements_done IS 'Statements that were completed.';
COMMENT ON COLUMN confiture.history.error IS 'The error of a failed attempt, with its SQLSTATE, message, detail, hint and place.';
COMMENT ON COLUMN confiture.history.locks IS 'What the steps of the attempt locked of the tables that were there before, strongest first, at most 50: table, mode (the strongest one), held_ms (the longest that one try at a step held it, or any lock on the table that blocks writers where it is such a one; never less than it was, but for the commit that follows), waited_ms (the longest wait for it). What runs in the background worker is not in it; null where nothing ran.';

CREATE TABLE confiture.journal (
    sort_key text COLLATE "C" NOT NULL,
    step integer NOT NULL CHECK (step >= 0),
    steps integer NOT NULL,
    version text NOT NULL,
    name text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('forward', 'backward')),
    content text NOT NULL,
    statement text,
    before text,
    database text NOT NULL,
    statements_done integer NOT NULL,
    line integer NOT NULL,
    command text NOT NULL,
    session jsonb,
    began_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    ended_at timestamp with time zone,
    executed_by text NOT NULL,
    PRIMARY KEY (sort_key, step)
);
COMMENT ON TABLE confiture.journal IS 'The steps of migrations that are begun and not finished; they go when the history has the end.';
COMMENT ON COLUMN confiture.journal.sort_key IS 'Place of the migration in version order, as in confiture.migration.';
COMMENT ON COLUMN confiture.journal.step IS 'Number of the step, from 1; 0 for the hooks before the first one.';
COMMENT ON COLUMN confiture.journal.steps IS 'How many steps the migration has.';
COMMENT ON COLUMN confiture.journal.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.journal.name IS 'Name of the migration at that time.';
COMMENT ON COLUMN confiture.journal.direction IS 'forward or backward.';
COMMENT ON COLUMN confiture.journal.content IS 'SHA-256 of the text of the step, in hexadecimal: the script may change later.';
COMMENT ON COLUMN confiture.journal.statement IS 'The statement of a step that cannot run in a transaction.';
COMMENT ON COLUMN confiture.journal.before IS 'What the catalog said of its objects before it.';
COMMENT ON COLUMN confiture.journal.database IS 'The server and the database whose OIDs that names, by their identifiers: they are others after a restore.';
COMMENT ON COLUMN confiture.journal.statements_done IS 'Statements of the migration that are completed with this step.';
COMMENT ON COLUMN confiture.journal.line IS 'Line of the script that the step begins in.';
COMMENT ON COLUMN confiture.journal.command IS 'Command tag of its first statement.';
COMMENT ON COLUMN confiture.journal.session IS 'What the migration has made of its session with this step: settings, roles, temporary tables, the stats that hooks share. Settings may hold secrets.';
COMMENT ON COLUMN confiture.journal.began_at IS 'When the row was written.';
COMMENT ON COLUMN confiture.journal.ended_at IS 'When the step was done; null while that is not known.';
COMMENT ON COLUMN confiture.journal.executed_by IS 'Role that ran it.';

CREATE TABLE confiture.backfill_run (
    name text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    table_name text NOT NULL,
    statement text NOT NULL,
    key_columns text[] NOT NULL,
    last_key text[],
    rows_updated bigint NOT NULL,
    rows_passed bigint NOT NULL,
    batches bigint NOT NULL,
    started_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    changed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamp with time zone,
    executed_by text NOT NULL
);
COMMENT ON TABLE confiture.backfill_run IS 'The backfills that were begun, and how far they have come; written together with each batch.';
COMMENT ON COLUMN confiture.backfill_run.name IS 'Name of the backfill; by default its table and a hash of its statement.';
COMMENT ON COLUMN confiture.backfill_run.table_name IS 'The table that it goes along.';
COMMENT ON COLUMN confiture.backfill_run.statement IS 'What it runs for each batch, but for the keys.';
COMMENT ON COLUMN confiture.backfill_run.key_columns IS 'The columns of the key that it goes along.';
COMMENT ON COLUMN confiture.backfill_run.last_key IS 'The last key that is done; null where none is.';
COMMENT ON COLUMN confiture.backfill_run.rows_updated IS 'Rows that it has changed.';
COMMENT ON COLUMN confiture.backfill_run.rows_passed IS 'Rows that it has passed, whether it changed them or not; those of the last batch are not counted.';
COMMENT ON COLUMN confiture.backfill_run.batches IS 'Batches that were committed.';
COMMENT ON COLUMN confiture.backfill_run.started_at IS 'When the first batch was run.';
COMMENT ON COLUMN confiture.backfill_run.changed_at IS 'When the last batch was run.';
COMMENT ON COLUMN confiture.backfill_run.finished_at IS 'When it came to the end of the table; null before.';
COMMENT ON COLUMN confiture.backfill_run.executed_by IS 'Role that began it; others need its rights to go on with it or begin it again.';

CREATE TABLE confiture.hook (
    name text COLLATE "C" PRIMARY KEY CHECK (name <> ''),
    phase confiture.hook_phase NOT NULL,
    function text,
    statement text,
    library text,
    symbol text,
    migrations text NOT NULL DEFAULT '*',
    priority integer NOT NULL DEFAULT 100,
    timeout interval CHECK (timeout >= '0'),
    on_failure text NOT NULL DEFAULT 'abort' CHECK (on_failure IN ('abort', 'continue')),
    config jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(config) = 'object'),
    direction text NOT NULL DEFAULT 'forward' CHECK (direction IN ('forward', 'backward', 'both')),
    enabled boolean NOT NULL DEFAULT true,
    extension text,
    registered_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    registered_by text NOT NULL,
    CHECK (num_nonnulls(function, statement, library) = 1 AND (library IS NULL) = (symbol IS NULL))
);
COMMENT ON TABLE confiture.hook IS 'The hooks that are registered, one a row; those that migrations bring along stand in their scripts.';
COMMENT ON COLUMN confiture.hook.name IS 'Name of the hook.';
COMMENT ON COLUMN confiture.hook.phase IS 'The phase that it runs in.';
COMMENT ON COLUMN confiture.hook.function IS 'Signature of its function, qualified; it is looked up when the hook runs.';
COMMENT ON COLUMN confiture.hook.statement IS 'Its SQL, where it is no function.';
COMMENT ON COLUMN confiture.hook.library IS 'The library that has its C function.';
COMMENT ON COLUMN confiture.hook.symbol IS 'The C function in that library.';
COMMENT ON COLUMN confiture.hook.migrations IS 'The migrations that it runs in: * for all, or versions with commas between them, each with * for any text.';
COMMENT ON COLUMN confiture.hook.priority IS 'Lower ones run first; of equal ones the first by name.';
COMMENT ON COLUMN confiture.hook.timeout IS 'How long it may run; null for confiture.hook_timeout, 0 for no limit.';
COMMENT ON COLUMN confiture.hook.on_failure IS 'abort: the migration fails with it; continue: a warning.';
COMMENT ON COLUMN confiture.hook.config IS 'An object that the hook is given.';
COMMENT ON COLUMN confiture.hook.direction IS 'forward, backward or both: the way that a migration goes in which it runs.';
COMMENT ON COLUMN confiture.hook.enabled IS 'False for a hook that does not run.';
COMMENT ON COLUMN confiture.hook.extension IS 'The extension whose install script registered it, and which brings it back when a dump is restored.';
COMMENT ON COLUMN confiture.hook.registered_at IS 'When it was registered, or replaced last.';
COMMENT ON COLUMN confiture.hook.registered_by IS 'Role that registered it.';

CREATE TABLE confiture.hook_run (
    id bigint GENERATED ALWAYS AS IDENTITY,
    version text NOT NULL,
    direction text NOT NULL,
    phase confiture.hook_phase NOT NULL,
    hook_name text NOT NULL,
    status text NOT NULL,
    rows_affected bigint,
    stats jsonb,
    execution_time_ms double precision NOT NULL,
    error jsonb,
    recorded_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    executed_by text NOT NULL
);
COMMENT ON TABLE confiture.hook_run IS 'Every run of a hook that was not a dry run; those of a step that was rolled back are written with its failure. Rows are only added.';
COMMENT ON COLUMN confiture.hook_run.id IS 'Order in which the hooks ran; those of a phase that a hook ran come before it.';
COMMENT ON COLUMN confiture.hook_run.version IS 'Version of the migration.';
COMMENT ON COLUMN confiture.hook_run.direction IS 'forward or backward.';
COMMENT ON COLUMN confiture.hook_run.phase IS 'The phase that it ran in.';
COMMENT ON COLUMN confiture.hook_run.hook_name IS 'Name of the hook.';
COMMENT ON COLUMN confiture.hook_run.status IS 'succeeded, rolled_back (it had succeeded, its step did not), failed, timed_out, or skipped (who ran the migration did not trust who registered it).';
COMMENT ON COLUMN confiture.hook_run.rows_affected IS 'Rows, as confiture.hook_result tells them.';
COMMENT ON COLUMN confiture.hook_run.stats IS 'What the hook returned as jsonb.';
COMMENT ON COLUMN confiture.hook_run.execution_time_ms IS 'Measured time, in milliseconds.';
COMMENT ON COLUMN confiture.hook_run.error IS 'The error of a hook that failed.';
COMMENT ON COLUMN confiture.hook_run.recorded_at IS 'When this row was written: after its phase was over.';
COMMENT ON COLUMN confiture.hook_run.executed_by IS 'Role that ran it.';

CREATE TABLE confiture.trusted (
    role text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('hook', 'migration')),
    name text NOT NULL,
    definition text NOT NULL,
    trusted_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (role, kind, name)
);
COMMENT ON TABLE confiture.trusted IS 'Code of others that a role has declared to trust, as it stood then.';
COMMENT ON COLUMN confiture.trusted.role IS 'The role that trusts.';
COMMENT ON COLUMN confiture.trusted.kind IS 'hook or migration.';
COMMENT ON COLUMN confiture.trusted.name IS 'Name of the hook, version of the migration.';
COMMENT ON COLUMN confiture.trusted.definition IS 'SHA-256 of the definition, in hexadecimal.';
COMMENT ON COLUMN confiture.trusted.trusted_at IS 'When it was declared.';

SELECT pg_catalog.pg_extension_config_dump('confiture.migration', '');
SELECT pg_catalog.pg_extension_config_dump('confiture.history', '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('confiture.history', 'id'), '');
SELECT pg_catalog.pg_extension_config_dump('confiture.journal', '');
SELECT pg_catalog.pg_extension_config_dump('confiture.backfill_run', '');
SELECT pg_catalog.pg_extension_config_dump('confiture.hook', 'WHERE extension IS NULL');
SELECT pg_catalog.pg_extension_config_dump('confiture.hook_run', '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('confiture.hook_run', 'id'), '');
SELECT pg_catalog.pg_extension_config_dump('confiture.trusted', '');
