function confiture.dry_run(version text, direction text DEFAULT 'forward'::text, iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns confiture.dry_run_result
function confiture.dry_run_locks(result confiture.dry_run_result, OUT object text, OUT kind text, OUT mode text, OUT statement integer, OUT line integer, OUT not_before_ms double precision, OUT acquired_ms double precision, OUT waited_ms double precision, OUT held_ms double precision, OUT released text, OUT blocks text[], OUT blocked_by integer[], OUT conflicting_sessions integer, OUT new_object boolean, OUT held_before boolean, OUT form text) returns SETOF record
function confiture.dry_run_pending(iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns SETOF confiture.dry_run_result
function confiture.dry_run_sql(sql text, iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns confiture.dry_run_result
function confiture.dry_run_statements(result confiture.dry_run_result, OUT ordinal integer, OUT depth integer, OUT line integer, OUT source_column integer, OUT source_offset integer, OUT source_length integer, OUT tag text, OUT sql text, OUT status text, OUT calls bigint, OUT execution_time_ms double precision, OUT waited_ms double precision, OUT rows bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT wal_bytes bigint, OUT wal_records bigint, OUT shared_blocks_hit bigint, OUT shared_blocks_read bigint, OUT shared_blocks_dirtied bigint, OUT temp_blocks_written bigint, OUT peak_memory_bytes bigint, OUT rewrites text[], OUT scans text[], OUT indexes_built text[], OUT created text[], OUT altered text[], OUT dropped text[], OUT constraints_validated text[], OUT plans text[]) returns SETOF record
function confiture.load_files(files regclass, layout text DEFAULT 'auto'::text, replace boolean DEFAULT false, OUT version text, OUT name text, OUT action text) returns SETOF record
function confiture.load_migrations(directory text, layout text DEFAULT 'auto'::text, replace boolean DEFAULT false, OUT version text, OUT name text, OUT action text) returns SETOF record
function confiture.plan(version text, direction text DEFAULT 'forward'::text, OUT ordinal integer, OUT line integer, OUT tag text, OUT object text, OUT mode text, OUT blocks text[], OUT rewrites boolean, OUT scans boolean, OUT certainty text, OUT reason text) returns SETOF record
function confiture.register_migration(version text, name text, up text, down text DEFAULT NULL::text, verify text DEFAULT NULL::text, options jsonb DEFAULT '{}'::jsonb) returns text
function confiture.unregister_migration(version text) returns void
table confiture.history.action text
table confiture.history.checksum text
table confiture.history.error jsonb
table confiture.history.estimated_ms double precision
table confiture.history.executed_by text
table confiture.history.finished_at timestamp with time zone
table confiture.history.id bigint
table confiture.history.name text
table confiture.history.schema_fingerprint text
table confiture.history.sort_key text
table confiture.history.started_at timestamp with time zone
table confiture.history.statements_done integer
table confiture.history.status text
table confiture.history.version text
table confiture.migration.backward text
table confiture.migration.checksum text
table confiture.migration.forward text
table confiture.migration.name text
table confiture.migration.options jsonb
table confiture.migration.registered_at timestamp with time zone
table confiture.migration.registered_by text
table confiture.migration.repeatable boolean
table confiture.migration.sort_key text
table confiture.migration.source text
table confiture.migration.verify text
table confiture.migration.version text
type confiture.dry_run_result.confidence_percent integer
type confiture.dry_run_result.estimated_production_time_ms double precision
type confiture.dry_run_result.execution_time_ms double precision
type confiture.dry_run_result.locked_tables text[]
type confiture.dry_run_result.migration_name text
type confiture.dry_run_result.migration_version text
type confiture.dry_run_result.rows_affected bigint
type confiture.dry_run_result.stats jsonb
type confiture.dry_run_result.success boolean
type confiture.dry_run_result.warnings text[]
view confiture.status.applied_at timestamp with time zone
view confiture.status.name text
view confiture.status.repeatable boolean
view confiture.status.sort_key text
view confiture.status.status text
view confiture.status.version text
