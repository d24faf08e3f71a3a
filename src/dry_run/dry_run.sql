CREATE FUNCTION confiture.dry_run(version text, direction text DEFAULT 'forward', iterations integer DEFAULT 1, options jsonb DEFAULT '{}')
RETURNS confiture.dry_run_result
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_dry_run';
COMMENT ON FUNCTION confiture.dry_run(text, text, integer, jsonb) IS 'Runs a migration for real in a subtransaction, measures it, rolls it back. Direction: forward or backward. Options: concurrently (auto, emulate, predict), raise, strict, max_wait_caused (500ms), lock_timeout (2s), max_locks, max_lock_hold (off). Write SELECT * FROM confiture.dry_run(...). Errors: MG001, MG004, MG005, MG008, MG014, MG016; those of a migration that fails are in the result unless options.raise is true.';

CREATE FUNCTION confiture.dry_run_pending(iterations integer DEFAULT 1, options jsonb DEFAULT '{}')
RETURNS SETOF confiture.dry_run_result
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_dry_run_pending';
COMMENT ON FUNCTION confiture.dry_run_pending(integer, jsonb) IS 'Dry-runs all pending migrations in their order in one subtransaction; one row a migration. Options as of dry_run(). Errors: MG001, MG005, MG008, MG016.';

CREATE FUNCTION confiture.dry_run_sql(sql text, iterations integer DEFAULT 1, options jsonb DEFAULT '{}')
RETURNS confiture.dry_run_result
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_dry_run_sql';
COMMENT ON FUNCTION confiture.dry_run_sql(text, integer, jsonb) IS 'Dry-runs a script that is not registered. Options as of dry_run(). Errors: MG001, MG005, MG008, MG016.';

CREATE FUNCTION confiture.plan(
    version text, direction text DEFAULT 'forward',
    OUT ordinal integer, OUT line integer, OUT tag text, OUT object text, OUT mode text,
    OUT blocks text[], OUT rewrites boolean, OUT scans boolean, OUT certainty text, OUT reason text)
RETURNS SETOF record
LANGUAGE c
AS 'MODULE_PATHNAME', 'confiture_plan';
COMMENT ON FUNCTION confiture.plan(text, text) IS 'Predicts what each statement of a migration will lock, rewrite and scan, from its parse tree and the catalog: nothing is run, and nothing is locked beyond AccessShareLock on catalogs and on the tables of confiture. certainty: certain, likely or unknown, with the reason. stats.plan_check of a dry run says how right it was. Errors: MG004, MG005, MG014, MG016.';

CREATE FUNCTION confiture.dry_run_statements(
    result confiture.dry_run_result,
    OUT ordinal integer, OUT depth integer, OUT line integer, OUT source_column integer,
    OUT source_offset integer, OUT source_length integer, OUT tag text, OUT sql text,
    OUT status text, OUT calls bigint, OUT execution_time_ms double precision,
    OUT waited_ms double precision, OUT rows bigint, OUT inserted bigint, OUT updated bigint,
    OUT deleted bigint, OUT wal_bytes bigint, OUT wal_records bigint, OUT shared_blocks_hit bigint,
    OUT shared_blocks_read bigint, OUT shared_blocks_dirtied bigint, OUT temp_blocks_written bigint,
    OUT peak_memory_bytes bigint, OUT rewrites text[], OUT scans text[], OUT indexes_built text[],
    OUT created text[], OUT altered text[], OUT dropped text[], OUT constraints_validated text[],
    OUT plans text[])
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
SELECT (s.value->>'ordinal')::integer, coalesce((n.value->>'depth')::integer, 0),
       (s.value->>'line')::integer, (s.value->>'column')::integer,
       (s.value->>'offset')::integer, (s.value->>'length')::integer,
       coalesce(n.value->>'tag', s.value->>'tag'), coalesce(n.value->>'sql', s.value->>'sql'),
       CASE WHEN n.value IS NULL THEN s.value->>'status' ELSE 'done' END,
       coalesce((n.value->>'calls')::bigint, 1),
       (coalesce(n.value, s.value)->>'execution_time_ms')::double precision,
       (s.value->>'waited_ms')::double precision,
       (coalesce(n.value, s.value)->>'rows')::bigint,
       CASE WHEN n.value IS NULL THEN (s.value->>'inserted')::bigint END,
       CASE WHEN n.value IS NULL THEN (s.value->>'updated')::bigint END,
       CASE WHEN n.value IS NULL THEN (s.value->>'deleted')::bigint END,
       (r.value->>'wal_bytes')::bigint, (r.value->>'wal_records')::bigint,
       (r.value->>'shared_hit')::bigint, (r.value->>'shared_read')::bigint,
       (r.value->>'shared_dirtied')::bigint, (r.value->>'temp_written')::bigint,
       CASE WHEN n.value IS NULL THEN (s.value->>'peak_memory_bytes')::bigint END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT w->>'relation' FROM jsonb_array_elements(s.value->'rewrites') w) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT w->>'relation' FROM jsonb_array_elements(s.value->'scans') w WHERE NOT (w->>'index')::boolean) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'indexes_built')) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'created')) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'altered')) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'dropped')) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'constraints_validated')) END,
       CASE WHEN n.value IS NULL THEN ARRAY(SELECT jsonb_array_elements_text(s.value->'plans')) END
FROM jsonb_array_elements((result).stats->'statements') s
CROSS JOIN LATERAL (
    SELECT NULL::jsonb AS value, 0::bigint AS place
    UNION ALL
    SELECT e.value, e.place
    FROM jsonb_array_elements(s.value->'nested') WITH ORDINALITY e (value, place)) n
CROSS JOIN LATERAL (SELECT coalesce(n.value, s.value)->'resources' AS value) r
ORDER BY 1, n.place
$$;
COMMENT ON FUNCTION confiture.dry_run_statements(confiture.dry_run_result) IS 'The statements of a dry run, the costliest in full; depth 0 are those of the script, deeper ones were run by DO blocks, functions and triggers, added up by their text (calls). Times in milliseconds, offsets and lengths in bytes, blocks of the server''s block size.';

CREATE FUNCTION confiture.dry_run_locks(
    result confiture.dry_run_result,
    OUT object text, OUT kind text, OUT mode text, OUT statement integer, OUT line integer,
    OUT not_before_ms double precision, OUT acquired_ms double precision,
    OUT waited_ms double precision, OUT held_ms double precision, OUT released text,
    OUT blocks text[], OUT blocked_by integer[], OUT conflicting_sessions integer,
    OUT new_object boolean, OUT held_before boolean, OUT form text,
    OUT hook text)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
SELECT l->>'object', l->>'kind', l->>'mode', (l->>'statement')::integer, (l->>'line')::integer,
       (l->>'not_before_ms')::double precision, (l->>'acquired_ms')::double precision,
       (l->>'waited_ms')::double precision, (l->>'held_ms')::double precision, l->>'released',
       ARRAY(SELECT jsonb_array_elements_text(l->'blocks')),
       ARRAY(SELECT b::integer FROM jsonb_array_elements_text(l->'blocked_by') b),
       (l->>'conflicting_sessions')::integer, (l->>'new_object')::boolean,
       (l->>'held_before')::boolean, l->>'form', l->>'hook'
FROM jsonb_array_elements((result).stats->'locks') WITH ORDINALITY e (l, place)
ORDER BY place
$$;
COMMENT ON FUNCTION confiture.dry_run_locks(confiture.dry_run_result) IS 'The locks of a dry run, strongest first. acquired_ms: when the lock was first seen, since the run began; not_before_ms: when it was last seen not to be there. released: end, or early. blocks: kinds of statements that the lock keeps waiting. conflicting_sessions: live ones that hold or await a conflicting lock. form: real, emulation (of the plain form of a CONCURRENTLY) or predicted (of the real form, which did not run).';

CREATE FUNCTION confiture.dry_run_hooks(result confiture.dry_run_result)
RETURNS SETOF confiture.hook_result
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
SELECT (h->>'phase')::confiture.hook_phase, h->>'hook_name', (h->>'rows_affected')::bigint, h->'stats',
       (h->>'execution_time_ms')::double precision, h->>'status', h->'error'
FROM jsonb_array_elements((result).stats->'hooks') WITH ORDINALITY e (h, place)
ORDER BY place
$$;
COMMENT ON FUNCTION confiture.dry_run_hooks(confiture.dry_run_result) IS 'The hooks of a dry run, in the order in which they ran; of very many the costliest and those that failed.';
