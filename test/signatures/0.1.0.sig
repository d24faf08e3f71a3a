function confiture.analyze_tables(context confiture.hook_context) returns confiture.hook_result
function confiture.apply(INOUT version text, OUT name text, OUT statements integer, OUT execution_time_ms double precision) returns record
function confiture.backfill_read_model(context confiture.hook_context) returns confiture.hook_result
function confiture.baseline(through text, OUT version text, OUT name text) returns SETOF record
function confiture.capture_statistics(context confiture.hook_context) returns confiture.hook_result
function confiture.check_queries(context confiture.hook_context) returns confiture.hook_result
function confiture.current_context() returns confiture.hook_context
function confiture.drop_temporary_tables(context confiture.hook_context) returns confiture.hook_result
function confiture.dry_run(version text, direction text DEFAULT 'forward'::text, iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns confiture.dry_run_result
function confiture.dry_run_hooks(result confiture.dry_run_result) returns SETOF confiture.hook_result
function confiture.dry_run_locks(result confiture.dry_run_result, OUT object text, OUT kind text, OUT mode text, OUT statement integer, OUT line integer, OUT not_before_ms double precision, OUT acquired_ms double precision, OUT waited_ms double precision, OUT held_ms double precision, OUT released text, OUT blocks text[], OUT blocked_by integer[], OUT conflicting_sessions integer, OUT new_object boolean, OUT held_before boolean, OUT form text, OUT hook text) returns SETOF record
function confiture.dry_run_pending(iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns SETOF confiture.dry_run_result
function confiture.dry_run_sql(sql text, iterations integer DEFAULT 1, options jsonb DEFAULT '{}'::jsonb) returns confiture.dry_run_result
function confiture.dry_run_statements(result confiture.dry_run_result, OUT ordinal integer, OUT depth integer, OUT line integer, OUT source_column integer, OUT source_offset integer, OUT source_length integer, OUT tag text, OUT sql text, OUT status text, OUT calls bigint, OUT execution_time_ms double precision, OUT waited_ms double precision, OUT rows bigint, OUT inserted bigint, OUT updated bigint, OUT deleted bigint, OUT wal_bytes bigint, OUT wal_records bigint, OUT shared_blocks_hit bigint, OUT shared_blocks_read bigint, OUT shared_blocks_dirtied bigint, OUT temp_blocks_written bigint, OUT peak_memory_bytes bigint, OUT rewrites text[], OUT scans text[], OUT indexes_built text[], OUT created text[], OUT altered text[], OUT dropped text[], OUT constraints_validated text[], OUT plans text[]) returns SETOF record
function confiture.enable_hook(name text, enabled boolean) returns void
function confiture.get_hook(name text) returns confiture.hook
function confiture.get_stat(key text) returns jsonb
function confiture.grant_access(role text, level text) returns void
function confiture.guard_long_transactions(context confiture.hook_context) returns confiture.hook_result
function confiture.hook_alter(relation regclass, change text) returns void
function confiture.hook_answer(query text) returns jsonb
function confiture.hook_config(hook text, config jsonb, known jsonb) returns jsonb
function confiture.hook_equality(type regtype) returns text
function confiture.hook_execute(statement text, key text DEFAULT NULL::text, key_type regtype DEFAULT NULL::regtype) returns bigint
function confiture.hook_kind_name(kind "char") returns text
function confiture.hook_leaves(relation regclass) returns SETOF regclass
function confiture.hook_lines(lines text[], most integer DEFAULT 50) returns text
function confiture.hook_may_analyze(relation regclass) returns boolean
function confiture.hook_query(statement text) returns text
function confiture.hook_relation(name text) returns regclass
function confiture.hook_relation_name(relation regclass) returns text
function confiture.hook_relations(names jsonb, kinds "char"[]) returns SETOF regclass
function confiture.hook_sample(sample jsonb, total text) returns text
function confiture.hook_state(name text) returns text
function confiture.hook_user_relations(kinds "char"[], schemas jsonb DEFAULT NULL::jsonb) returns SETOF regclass
function confiture.keep_own_rows() returns trigger
function confiture.load_files(files regclass, layout text DEFAULT 'auto'::text, replace boolean DEFAULT false, prune boolean DEFAULT false, folder text DEFAULT ''::text, OUT version text, OUT name text, OUT action text) returns SETOF record
function confiture.load_migrations(directory text, layout text DEFAULT 'auto'::text, replace boolean DEFAULT false, prune boolean DEFAULT false, OUT version text, OUT name text, OUT action text) returns SETOF record
function confiture.notify(context confiture.hook_context) returns confiture.hook_result
function confiture.plan(version text, direction text DEFAULT 'forward'::text, OUT ordinal integer, OUT line integer, OUT tag text, OUT object text, OUT mode text, OUT blocks text[], OUT rewrites boolean, OUT scans boolean, OUT certainty text, OUT reason text) returns SETOF record
function confiture.read_progress(OUT pid integer, OUT worker_pid integer, OUT role oid, OUT version text, OUT name text, OUT direction text, OUT activity text, OUT migration_number integer, OUT migrations integer, OUT step integer, OUT steps integer, OUT statement integer, OUT statements integer, OUT line integer, OUT command text, OUT attempt integer, OUT hook text, OUT run_started_at timestamp with time zone, OUT started_at timestamp with time zone, OUT statement_started_at timestamp with time zone, OUT rows_done bigint, OUT rows_total bigint, OUT estimated_ms double precision, OUT blockers integer[]) returns SETOF record
function confiture.rebuild_indexes(context confiture.hook_context) returns confiture.hook_result
function confiture.refresh_materialized_views(context confiture.hook_context) returns confiture.hook_result
function confiture.register_hook(name text, phase confiture.hook_phase, function regprocedure, migrations text DEFAULT '*'::text, priority integer DEFAULT 100, timeout interval DEFAULT NULL::interval, on_failure text DEFAULT 'abort'::text, config jsonb DEFAULT '{}'::jsonb, direction text DEFAULT 'forward'::text) returns void
function confiture.register_hook_library(name text, phase confiture.hook_phase, library text, symbol text, migrations text DEFAULT '*'::text, priority integer DEFAULT 100, timeout interval DEFAULT NULL::interval, on_failure text DEFAULT 'abort'::text, config jsonb DEFAULT '{}'::jsonb, direction text DEFAULT 'forward'::text) returns void
function confiture.register_hook_sql(name text, phase confiture.hook_phase, statement text, migrations text DEFAULT '*'::text, priority integer DEFAULT 100, timeout interval DEFAULT NULL::interval, on_failure text DEFAULT 'abort'::text, config jsonb DEFAULT '{}'::jsonb, direction text DEFAULT 'forward'::text) returns void
function confiture.register_migration(version text, name text, up text, down text DEFAULT NULL::text, verify text DEFAULT NULL::text, options jsonb DEFAULT '{}'::jsonb) returns text
function confiture.repair(INOUT version text DEFAULT NULL::text, verdict text DEFAULT NULL::text, OUT direction text, OUT step integer, OUT steps integer, OUT command text, OUT state text, OUT detail text, OUT next_command text) returns SETOF record
function confiture.require_columns(context confiture.hook_context) returns confiture.hook_result
function confiture.revert(INOUT version text, OUT name text, OUT statements integer, OUT execution_time_ms double precision) returns record
function confiture.revoke_access(role text) returns void
function confiture.run_phase(phase confiture.hook_phase, version text, direction text DEFAULT 'forward'::text) returns SETOF confiture.hook_result
function confiture.set_access(role text, level text) returns boolean
function confiture.set_stat(key text, value jsonb) returns void
function confiture.trust(kind text, name text) returns integer
function confiture.unregister_hook(name text) returns void
function confiture.unregister_migration(version text) returns void
function confiture.untrust(kind text, name text) returns integer
function confiture.validate_constraints(context confiture.hook_context) returns confiture.hook_result
function confiture.verify(OUT version text, OUT name text, OUT state text, OUT detail text) returns SETOF record
function confiture.verify_consistency(context confiture.hook_context) returns confiture.hook_result
procedure confiture.backfill(table_name regclass, assignments text, condition text DEFAULT NULL::text, name text DEFAULT NULL::text, batch_size integer DEFAULT 1000, max_batch_size integer DEFAULT 100000, batch_time interval DEFAULT '00:00:00.2'::interval, pause interval DEFAULT '00:00:00'::interval, max_lag interval DEFAULT '00:00:10'::interval, max_wait_caused interval DEFAULT '00:00:00.5'::interval, restart boolean DEFAULT false, INOUT rows_updated bigint DEFAULT NULL::bigint, INOUT batches integer DEFAULT NULL::integer, INOUT execution_time_ms double precision DEFAULT NULL::double precision)
procedure confiture.backfill_sql(table_name regclass, statement text, name text DEFAULT NULL::text, batch_size integer DEFAULT 1000, max_batch_size integer DEFAULT 100000, batch_time interval DEFAULT '00:00:00.2'::interval, pause interval DEFAULT '00:00:00'::interval, max_lag interval DEFAULT '00:00:10'::interval, max_wait_caused interval DEFAULT '00:00:00.5'::interval, restart boolean DEFAULT false, INOUT rows_updated bigint DEFAULT NULL::bigint, INOUT batches integer DEFAULT NULL::integer, INOUT execution_time_ms double precision DEFAULT NULL::double precision)
procedure confiture.down(target text DEFAULT NULL::text, steps integer DEFAULT NULL::integer, INOUT reverted integer DEFAULT NULL::integer, INOUT current_version text DEFAULT NULL::text, INOUT execution_time_ms double precision DEFAULT NULL::double precision, INOUT next_command text DEFAULT NULL::text)
procedure confiture.redo(INOUT applied integer DEFAULT NULL::integer, INOUT current_version text DEFAULT NULL::text, INOUT execution_time_ms double precision DEFAULT NULL::double precision, INOUT next_command text DEFAULT NULL::text)
procedure confiture.up(target text DEFAULT NULL::text, steps integer DEFAULT NULL::integer, INOUT applied integer DEFAULT NULL::integer, INOUT current_version text DEFAULT NULL::text, INOUT execution_time_ms double precision DEFAULT NULL::double precision, INOUT next_command text DEFAULT NULL::text)
table confiture.backfill_run.batches bigint
table confiture.backfill_run.changed_at timestamp with time zone
table confiture.backfill_run.executed_by text
table confiture.backfill_run.finished_at timestamp with time zone
table confiture.backfill_run.key_columns text[]
table confiture.backfill_run.last_key text[]
table confiture.backfill_run.name text
table confiture.backfill_run.rows_passed bigint
table confiture.backfill_run.rows_updated bigint
table confiture.backfill_run.started_at timestamp with time zone
table confiture.backfill_run.statement text
table confiture.backfill_run.table_name text
table confiture.history.action text
table confiture.history.checksum text
table confiture.history.error jsonb
table confiture.history.executed_by text
table confiture.history.finished_at timestamp with time zone
table confiture.history.id bigint
table confiture.history.locks jsonb
table confiture.history.name text
table confiture.history.sort_key text
table confiture.history.started_at timestamp with time zone
table confiture.history.statements_done integer
table confiture.history.status text
table confiture.history.version text
table confiture.hook.config jsonb
table confiture.hook.direction text
table confiture.hook.enabled boolean
table confiture.hook.extension text
table confiture.hook.function text
table confiture.hook.library text
table confiture.hook.migrations text
table confiture.hook.name text
table confiture.hook.on_failure text
table confiture.hook.phase confiture.hook_phase
table confiture.hook.priority integer
table confiture.hook.registered_at timestamp with time zone
table confiture.hook.registered_by text
table confiture.hook.statement text
table confiture.hook.symbol text
table confiture.hook.timeout interval
table confiture.hook_run.direction text
table confiture.hook_run.error jsonb
table confiture.hook_run.executed_by text
table confiture.hook_run.execution_time_ms double precision
table confiture.hook_run.hook_name text
table confiture.hook_run.id bigint
table confiture.hook_run.phase confiture.hook_phase
table confiture.hook_run.recorded_at timestamp with time zone
table confiture.hook_run.rows_affected bigint
table confiture.hook_run.stats jsonb
table confiture.hook_run.status text
table confiture.hook_run.version text
table confiture.journal.before text
table confiture.journal.began_at timestamp with time zone
table confiture.journal.command text
table confiture.journal.content text
table confiture.journal.database text
table confiture.journal.direction text
table confiture.journal.ended_at timestamp with time zone
table confiture.journal.executed_by text
table confiture.journal.line integer
table confiture.journal.name text
table confiture.journal.session jsonb
table confiture.journal.sort_key text
table confiture.journal.statement text
table confiture.journal.statements_done integer
table confiture.journal.step integer
table confiture.journal.steps integer
table confiture.journal.version text
table confiture.migration.backward text
table confiture.migration.backward_source text
table confiture.migration.change_accepted boolean
table confiture.migration.checksum text
table confiture.migration.folder text
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
table confiture.trusted.definition text
table confiture.trusted.kind text
table confiture.trusted.name text
table confiture.trusted.role text
table confiture.trusted.trusted_at timestamp with time zone
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
type confiture.hook_context.config jsonb
type confiture.hook_context.direction text
type confiture.hook_context.dry_run boolean
type confiture.hook_context.error jsonb
type confiture.hook_context.execution_time_ms double precision
type confiture.hook_context.migration_name text
type confiture.hook_context.migration_version text
type confiture.hook_context.phase confiture.hook_phase
type confiture.hook_context.rows_affected bigint
type confiture.hook_context.stats jsonb
type confiture.hook_phase enum 'BEFORE_VALIDATION', 'BEFORE_DDL', 'AFTER_DDL', 'AFTER_VALIDATION', 'CLEANUP', 'ON_ERROR'
type confiture.hook_result.error jsonb
type confiture.hook_result.execution_time_ms double precision
type confiture.hook_result.hook_name text
type confiture.hook_result.phase confiture.hook_phase
type confiture.hook_result.rows_affected bigint
type confiture.hook_result.stats jsonb
type confiture.hook_result.status text
view confiture.access_right.columns text
view confiture.access_right.kind text
view confiture.access_right.level text
view confiture.access_right.object text
view confiture.available_hooks.description text
view confiture.available_hooks.executable boolean
view confiture.available_hooks.extension text
view confiture.available_hooks.function regprocedure
view confiture.available_hooks.language text
view confiture.available_hooks.owner text
view confiture.available_hooks.returns regtype
view confiture.available_hooks.takes regtype
view confiture.hooks.direction text
view confiture.hooks.enabled boolean
view confiture.hooks.extension text
view confiture.hooks.function text
view confiture.hooks.kind text
view confiture.hooks.migrations text
view confiture.hooks.name text
view confiture.hooks.on_failure text
view confiture.hooks.phase confiture.hook_phase
view confiture.hooks.priority integer
view confiture.hooks.registered_at timestamp with time zone
view confiture.hooks.registered_by text
view confiture.hooks.state text
view confiture.hooks.timeout interval
view confiture.migrator.application_name text
view confiture.migrator.pid integer
view confiture.migrator.role name
view confiture.progress.activity text
view confiture.progress.attempt integer
view confiture.progress.blocked_by integer[]
view confiture.progress.command text
view confiture.progress.direction text
view confiture.progress.elapsed interval
view confiture.progress.hook text
view confiture.progress.line integer
view confiture.progress.migration_number integer
view confiture.progress.migrations integer
view confiture.progress.name text
view confiture.progress.percent double precision
view confiture.progress.phase text
view confiture.progress.phase_percent double precision
view confiture.progress.pid integer
view confiture.progress.remaining interval
view confiture.progress.role text
view confiture.progress.rows_done bigint
view confiture.progress.rows_total bigint
view confiture.progress.run_started_at timestamp with time zone
view confiture.progress.started_at timestamp with time zone
view confiture.progress.statement integer
view confiture.progress.statement_started_at timestamp with time zone
view confiture.progress.statements integer
view confiture.progress.step integer
view confiture.progress.steps integer
view confiture.progress.version text
view confiture.progress.worker_pid integer
view confiture.status.applied_at timestamp with time zone
view confiture.status.detail text
view confiture.status.name text
view confiture.status.repeatable boolean
view confiture.status.sort_key text
view confiture.status.status text
view confiture.status.version text
