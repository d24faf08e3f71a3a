CREATE FUNCTION confiture.validate_constraints(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    config jsonb := confiture.hook_config('validate_constraints', context.config, '{"tables": "texts", "schemas": "texts"}');
    tables regclass[] := '{}';
    invalid record;
    problem text;
    problem_detail text;
    problems text[] := '{}';
    validated text[] := '{}';
    result confiture.hook_result;
BEGIN
    IF config ? 'tables' THEN
        tables := ARRAY(SELECT confiture.hook_relations(config -> 'tables', '{r,p,f}'));
    END IF;
    IF config ? 'schemas' OR NOT config ? 'tables' THEN
        tables := tables || ARRAY(SELECT confiture.hook_user_relations('{r,p,f}', config -> 'schemas'));
    END IF;
    -- Those of parents first: they validate those of their children and partitions too, which are looked at again below.
    -- PostgreSQL 18 has constraints that are not enforced, and so can never be validated.
    FOR invalid IN
        SELECT c.oid, c.conrelid, confiture.hook_relation_name(c.conrelid) AS table_name, c.conname
          FROM pg_constraint AS c
         WHERE c.conrelid = ANY (tables)
           AND NOT c.convalidated
           AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
         ORDER BY c.conparentid <> 0, c.coninhcount, confiture.hook_relation_name(c.conrelid) COLLATE "C",
                  c.conname COLLATE "C"
    LOOP
        CONTINUE WHEN (SELECT convalidated FROM pg_constraint WHERE oid = invalid.oid);
        BEGIN
            PERFORM confiture.hook_alter(invalid.conrelid, format('VALIDATE CONSTRAINT %I', invalid.conname));
            validated := validated || format('%s on %s', quote_ident(invalid.conname), invalid.table_name);
        EXCEPTION
            WHEN integrity_constraint_violation THEN
                GET STACKED DIAGNOSTICS problem = MESSAGE_TEXT, problem_detail = PG_EXCEPTION_DETAIL;
                problems := problems || format('%s on %s: %s', quote_ident(invalid.conname), invalid.table_name,
                                               concat_ws('. ', problem, nullif(problem_detail, '')));
        END;
    END LOOP;
    IF problems <> '{}' THEN
        RAISE EXCEPTION '% of % constraints do not hold for the rows that are there', cardinality(problems),
            cardinality(problems) + cardinality(validated)
        USING ERRCODE = 'check_violation',
              DETAIL = confiture.hook_lines(problems),
              HINT = 'Fix the rows before the constraints are validated.';
    END IF;
    result.stats := jsonb_build_object('validated', to_jsonb(validated));
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.validate_constraints(confiture.hook_context) IS 'Built-in hook: validates the constraints that are NOT VALID. Config: tables (names), schemas (names); without both all of the user''s schemas, members of extensions left out. All are tried before those that do not hold are told. Stats: validated. Errors: 23514 where rows break a constraint, MG016; 42501 for a table of another role.';
