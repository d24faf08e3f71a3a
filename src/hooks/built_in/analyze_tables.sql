CREATE FUNCTION confiture.analyze_tables(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('analyze_tables', context.config, '{"tables": "texts"}');
    tables regclass[];
    analyzed regclass;
    analyzed_ones text[] := '{}';
    skipped text[] := '{}';
    result confiture.hook_result;
BEGIN
    IF config ? 'tables' THEN
        tables := ARRAY(SELECT confiture.hook_relations(config -> 'tables', '{r,p,m,f}'));
    ELSE
        -- What this session wrote within the last second may still be counted here; to analyze that again does no harm.
        tables := ARRAY(SELECT x.relid
                          FROM pg_stat_xact_user_tables AS x
                          JOIN pg_class AS c ON c.oid = x.relid
                         WHERE x.n_tup_ins + x.n_tup_upd + x.n_tup_del > 0
                           AND x.schemaname <> 'confiture'
                         ORDER BY x.relid);
    END IF;
    FOREACH analyzed IN ARRAY tables LOOP
        -- The server would only warn.
        IF confiture.hook_may_analyze(analyzed) THEN
            PERFORM confiture.hook_execute(format('ANALYZE %s', confiture.hook_relation_name(analyzed)));
            analyzed_ones := analyzed_ones || confiture.hook_relation_name(analyzed);
        ELSIF config ? 'tables' THEN
            RAISE EXCEPTION 'permission denied to analyze %', confiture.hook_relation_name(analyzed) USING
                ERRCODE = 'insufficient_privilege',
                HINT = 'Its owner and the owner of the database may, from PostgreSQL 17 on roles with MAINTAIN too.';
        ELSE
            skipped := skipped || confiture.hook_relation_name(analyzed);
        END IF;
    END LOOP;
    result.stats := jsonb_build_object('analyzed', to_jsonb(analyzed_ones), 'skipped', to_jsonb(skipped));
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.analyze_tables(confiture.hook_context) IS 'Built-in hook: runs ANALYZE. Config: tables (names; default those whose rows this transaction has written, without those that the role may not analyze). Stats: analyzed, skipped. Errors: MG016; 42501 for a named table that the role may not analyze.';

CREATE FUNCTION confiture.hook_may_analyze(relation regclass)
RETURNS boolean
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (SELECT
                     FROM pg_class AS c
                    WHERE c.oid = relation
                      AND (pg_has_role(c.relowner, 'USAGE')
                           OR NOT c.relisshared
                              AND pg_has_role((SELECT datdba FROM pg_database WHERE datname = current_database()), 'USAGE')))
        OR current_setting('server_version_num')::integer >= 170000 AND has_table_privilege(relation, 'MAINTAIN');
END
$$;
COMMENT ON FUNCTION confiture.hook_may_analyze(regclass) IS 'For hooks: whether the current role may analyze a table.';
