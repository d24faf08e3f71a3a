-- Who may do what with confiture: the one list of rights.  What is new gets a line here: nobody has rights on what has none.
-- A level has the rights of those before it.  Of tables, readers have columns by name, so that a new one is hidden
-- until it is listed: no texts of scripts and hooks, no errors, no data of other tables.

CREATE VIEW confiture.access_right AS
SELECT level, kind, object, columns
FROM (VALUES
    ('reader', 'relation', 'status', NULL),
    ('reader', 'relation', 'progress', NULL),
    ('reader', 'relation', 'migrator', NULL),
    ('reader', 'relation', 'hooks', NULL),
    ('reader', 'relation', 'available_hooks', NULL),
    ('reader', 'relation', 'access_right', NULL),
    ('reader', 'relation', 'migration', 'version, sort_key, name, repeatable, checksum, source, backward_source, registered_at, registered_by, change_accepted'),
    ('reader', 'relation', 'history', 'id, version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by, statements_done, locks'),
    ('reader', 'relation', 'journal', 'sort_key, step, steps, version, name, direction, content, database, statements_done, line, command, began_at, ended_at, executed_by'),
    ('reader', 'relation', 'backfill_run', 'name, table_name, key_columns, rows_updated, rows_passed, batches, started_at, changed_at, finished_at, executed_by'),
    ('reader', 'relation', 'hook', 'name, phase, function, library, symbol, migrations, priority, timeout, on_failure, direction, enabled, extension, registered_at, registered_by'),
    ('reader', 'relation', 'hook_run', 'id, version, direction, phase, hook_name, status, rows_affected, execution_time_ms, recorded_at, executed_by'),
    ('reader', 'relation', 'trusted', NULL),
    ('reader', 'routine', 'read_progress', NULL),
    ('reader', 'routine', 'hook_state', NULL),
    ('reader', 'routine', 'dry_run_statements', NULL),
    ('reader', 'routine', 'dry_run_locks', NULL),
    ('reader', 'routine', 'dry_run_hooks', NULL),

    ('operator', 'relation', 'migration', NULL),
    ('operator', 'relation', 'history', NULL),
    ('operator', 'relation', 'journal', NULL),
    ('operator', 'relation', 'backfill_run', NULL),
    ('operator', 'relation', 'hook', NULL),
    ('operator', 'relation', 'hook_run', NULL),
    ('operator', 'routine', 'register_migration', NULL),
    ('operator', 'routine', 'unregister_migration', NULL),
    ('operator', 'routine', 'load_migrations', NULL),
    ('operator', 'routine', 'load_files', NULL),
    ('operator', 'routine', 'plan', NULL),
    ('operator', 'routine', 'dry_run', NULL),
    ('operator', 'routine', 'dry_run_pending', NULL),
    ('operator', 'routine', 'dry_run_sql', NULL),
    ('operator', 'routine', 'up', NULL),
    ('operator', 'routine', 'down', NULL),
    ('operator', 'routine', 'redo', NULL),
    ('operator', 'routine', 'apply', NULL),
    ('operator', 'routine', 'revert', NULL),
    ('operator', 'routine', 'baseline', NULL),
    ('operator', 'routine', 'repair', NULL),
    ('operator', 'routine', 'verify', NULL),
    ('operator', 'routine', 'backfill', NULL),
    ('operator', 'routine', 'backfill_sql', NULL),
    ('operator', 'routine', 'trust', NULL),
    ('operator', 'routine', 'untrust', NULL),
    ('operator', 'routine', 'get_hook', NULL),
    ('operator', 'routine', 'run_phase', NULL),
    -- What hooks call, and the built-in ones: hooks run as whoever migrates.
    ('operator', 'routine', 'current_context', NULL),
    ('operator', 'routine', 'set_stat', NULL),
    ('operator', 'routine', 'get_stat', NULL),
    ('operator', 'routine', 'hook_alter', NULL),
    ('operator', 'routine', 'hook_answer', NULL),
    ('operator', 'routine', 'hook_config', NULL),
    ('operator', 'routine', 'hook_equality', NULL),
    ('operator', 'routine', 'hook_execute', NULL),
    ('operator', 'routine', 'hook_kind_name', NULL),
    ('operator', 'routine', 'hook_leaves', NULL),
    ('operator', 'routine', 'hook_lines', NULL),
    ('operator', 'routine', 'hook_may_analyze', NULL),
    ('operator', 'routine', 'hook_query', NULL),
    ('operator', 'routine', 'hook_relation', NULL),
    ('operator', 'routine', 'hook_relation_name', NULL),
    ('operator', 'routine', 'hook_relations', NULL),
    ('operator', 'routine', 'hook_sample', NULL),
    ('operator', 'routine', 'hook_user_relations', NULL),
    ('operator', 'routine', 'analyze_tables', NULL),
    ('operator', 'routine', 'backfill_read_model', NULL),
    ('operator', 'routine', 'capture_statistics', NULL),
    ('operator', 'routine', 'check_queries', NULL),
    ('operator', 'routine', 'drop_temporary_tables', NULL),
    ('operator', 'routine', 'guard_long_transactions', NULL),
    ('operator', 'routine', 'notify', NULL),
    ('operator', 'routine', 'rebuild_indexes', NULL),
    ('operator', 'routine', 'refresh_materialized_views', NULL),
    ('operator', 'routine', 'require_columns', NULL),
    ('operator', 'routine', 'validate_constraints', NULL),
    ('operator', 'routine', 'verify_consistency', NULL),

    -- What reaches the migrations of others.
    ('admin', 'routine', 'register_hook', NULL),
    ('admin', 'routine', 'register_hook_sql', NULL),
    ('admin', 'routine', 'register_hook_library', NULL),
    ('admin', 'routine', 'unregister_hook', NULL),
    ('admin', 'routine', 'enable_hook', NULL),
    ('admin', 'routine', 'grant_access', NULL),
    ('admin', 'routine', 'revoke_access', NULL)
) AS listed (level, kind, object, columns);
COMMENT ON VIEW confiture.access_right IS 'What grant_access() grants at which level.';
COMMENT ON COLUMN confiture.access_right.level IS 'reader, operator (who has what readers have too) or admin (who has what operators have too).';
COMMENT ON COLUMN confiture.access_right.kind IS 'relation: the right to SELECT; routine: the right to EXECUTE.';
COMMENT ON COLUMN confiture.access_right.object IS 'Name of the table, the view, the function or the procedure.';
COMMENT ON COLUMN confiture.access_right.columns IS 'The columns that may be read, with commas between them; null for all.';

-- Not for PUBLIC, nor for anybody else: only grant_access() and revoke_access() call it.
CREATE FUNCTION confiture.set_access(role text, level text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    levels CONSTANT text[] := ARRAY['reader', 'operator', 'admin'];
    relations CONSTANT text := (
        SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid)
          FROM pg_depend d
          JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'confiture'
          JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v', 'm', 'p')
         WHERE d.deptype = 'e');
    routines CONSTANT text := (
        SELECT string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid)
          FROM pg_depend d
          JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'confiture'
          JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
         WHERE d.deptype = 'e');
    grantee CONSTANT text := quote_ident(set_access.role);
    target record;
    entry record;
BEGIN
    IF set_access.role IS NULL THEN
        RAISE EXCEPTION 'the role is null' USING
            ERRCODE = 'MG016',
            HINT = 'Give the name of a role.';
    END IF;
    SELECT r.rolname, r.oid = (SELECT relowner FROM pg_class WHERE oid = 'confiture.access_right'::regclass) AS owner
      INTO target
      FROM pg_roles r
     WHERE r.rolname::text = set_access.role;
    IF target IS NULL THEN
        RAISE EXCEPTION 'role "%" does not exist', set_access.role USING
            ERRCODE = 'MG016',
            HINT = coalesce((SELECT format('Names are taken as they stand; there is a role "%s".', r.rolname)
                               FROM pg_roles r
                              WHERE lower(r.rolname) = lower(btrim(set_access.role, ' "'))
                              ORDER BY 1 LIMIT 1),
                            'Access is given to roles; PUBLIC is none. CREATE ROLE makes one, which can then be granted to others.');
    END IF;
    IF target.rolname LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'role "%" is one of the server''s own', set_access.role USING
            ERRCODE = 'MG016',
            HINT = 'Give access to a role of yours; it can be granted to others.';
    END IF;
    IF target.owner THEN
        RAISE NOTICE 'role "%" owns confiture and may do everything with it', set_access.role;
        RETURN false;
    END IF;

    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot change access %', CASE WHEN pg_is_in_recovery() THEN 'on a standby server' ELSE 'in a read-only transaction' END USING
            ERRCODE = 'read_only_sql_transaction',
            HINT = CASE WHEN pg_is_in_recovery() THEN 'Run it on the primary: the standby follows.'
                        ELSE 'SET TRANSACTION READ WRITE, or SET default_transaction_read_only = off.' END;
    END IF;
    -- Two at a time would change the same rows of the catalog.
    LOCK TABLE confiture.access_right IN SHARE ROW EXCLUSIVE MODE;
    BEGIN
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s', routines, grantee);
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', relations, grantee);
        EXECUTE format('REVOKE ALL ON SCHEMA confiture FROM %s', grantee);
    EXCEPTION WHEN dependent_objects_still_exist THEN
        RAISE EXCEPTION 'role "%" has passed its rights on confiture on to others', set_access.role USING
            ERRCODE = SQLSTATE,
            HINT = 'That role, or a superuser, revokes what it has granted; or REVOKE ... CASCADE.';
    END;
    IF set_access.level IS NULL THEN
        RETURN true;
    END IF;

    EXECUTE format('GRANT USAGE ON SCHEMA confiture TO %s', grantee);
    FOR entry IN
        SELECT coalesce(a.columns, '') AS columns, string_agg(format('confiture.%I', a.object), ', ' ORDER BY a.object) AS objects
          FROM confiture.access_right a
         WHERE a.kind = 'relation' AND array_position(levels, a.level) <= array_position(levels, set_access.level)
         GROUP BY 1
    LOOP
        EXECUTE format('GRANT SELECT %s ON TABLE %s TO %s', '(' || nullif(entry.columns, '') || ')', entry.objects, grantee);
    END LOOP;
    EXECUTE (
        SELECT format('GRANT EXECUTE ON ROUTINE %s TO %s', string_agg(p.oid::regprocedure::text, ', ' ORDER BY p.oid), grantee)
          FROM confiture.access_right a
          JOIN pg_proc p ON p.proname = a.object AND p.pronamespace = 'confiture'::regnamespace
          JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
          JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'confiture'
         WHERE a.kind = 'routine' AND array_position(levels, a.level) <= array_position(levels, set_access.level));
    RETURN true;
END
$$;
COMMENT ON FUNCTION confiture.set_access(text, text) IS 'What grant_access() and revoke_access() have in common: takes away all rights of a role on confiture, then grants those of a level, none for null. False for the owner, whose rights stay.';

CREATE FUNCTION confiture.grant_access(role text, level text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF grant_access.level IS NULL OR grant_access.level NOT IN (SELECT a.level FROM confiture.access_right a) THEN
        RAISE EXCEPTION '%', CASE WHEN grant_access.level IS NULL THEN 'the level of access is null'
                                  ELSE format('unknown level "%s" of access', grant_access.level) END USING
            ERRCODE = 'MG016',
            HINT = 'The levels are reader, operator and admin.';
    END IF;
    PERFORM confiture.set_access(grant_access.role, grant_access.level);
END
$$;
COMMENT ON FUNCTION confiture.grant_access(text, text) IS 'Gives a role access to confiture, in the place of what it had. Level reader: sees where everything stands, no texts of scripts and hooks and no errors; operator: also registers, plans, dry-runs, applies, reverts and repairs migrations, each with its own rights; admin: also registers hooks and gives access. Members of the role have it too. For superusers, the owner and admins. Errors: MG016 for an unknown role or level, PUBLIC and roles of the server.';

CREATE FUNCTION confiture.revoke_access(role text)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    reached text;
BEGIN
    IF NOT confiture.set_access(revoke_access.role, NULL) OR NOT has_schema_privilege(revoke_access.role, 'confiture', 'USAGE') THEN
        RETURN;
    END IF;
    SELECT string_agg(DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' WHEN a.grantee = r.oid THEN format('"%s", granted by "%s"', r.rolname, pg_get_userbyid(a.grantor))
                                    ELSE format('"%s"', pg_get_userbyid(a.grantee)) END, ', ')
      INTO reached
      FROM pg_roles r, pg_namespace n, aclexplode(n.nspacl) a
     WHERE n.nspname = 'confiture' AND r.rolname::text = revoke_access.role AND NOT r.rolsuper AND a.privilege_type = 'USAGE'
       AND (a.grantee = 0 OR pg_has_role(r.oid, a.grantee, 'USAGE'));
    RAISE WARNING 'role "%" still has access to confiture', revoke_access.role USING
        DETAIL = coalesce(format('By what was granted to %s.', reached), 'It is a superuser.'),
        HINT = CASE WHEN reached IS NULL THEN 'ALTER ROLE ... NOSUPERUSER makes it an ordinary role.'
                    ELSE 'Revoke that, or the membership in that role, too.' END;
END
$$;
COMMENT ON FUNCTION confiture.revoke_access(text) IS 'Takes away all rights that a role has on confiture; warns where it has some by other roles still. For superusers, the owner and admins. Errors: MG016 for a role that does not exist.';
