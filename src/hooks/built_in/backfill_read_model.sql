CREATE FUNCTION confiture.backfill_read_model(context confiture.hook_context)
RETURNS confiture.hook_result
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Rows that a policy hides would silently stay behind, or be left out.
SET row_security = off
AS $$
DECLARE
    config jsonb := confiture.hook_config('backfill_read_model', context.config, '{
        "target": "text!", "select": "text!", "columns": "texts", "batches": "text", "batch_column": "text",
        "mode": ["replace", "append"]}');
    target regclass := confiture.hook_relations(jsonb_build_array(config -> 'target'), '{r,p}');
    target_name text := confiture.hook_relation_name(target);
    key_type regtype;
    key_equality text;
    batch text;
    batches bigint := 0;
    inserted bigint := 0;
    deleted bigint := 0;
    delete_rows text := format('DELETE FROM %s', target_name);
    column_list text := (SELECT ' (' || string_agg(quote_ident(name), ', ' ORDER BY place) || ')'
                           FROM jsonb_array_elements_text(config -> 'columns') WITH ORDINALITY AS c (name, place));
    insert_rows text := format(E'INSERT INTO %s%s\n%s', target_name, column_list, config ->> 'select');
    result confiture.hook_result;
BEGIN
    IF config ? 'batches' <> config ? 'batch_column' THEN
        RAISE EXCEPTION '"batches" and "batch_column" go together in the config of backfill_read_model' USING
            ERRCODE = 'MG016',
            DETAIL = 'Batches are replaced by their keys, which stand in that column of the target.';
    END IF;
    IF NOT config ? 'batches' THEN
        IF config ->> 'mode' = 'replace' THEN
            deleted := confiture.hook_execute(delete_rows);
        END IF;
        inserted := confiture.hook_execute(insert_rows);
        batches := 1;
    ELSE
        SELECT atttypid INTO key_type
          FROM pg_attribute
         WHERE attrelid = target AND attname = config ->> 'batch_column' AND attnum > 0 AND NOT attisdropped;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'column "%" of % does not exist', config ->> 'batch_column', target_name USING
                ERRCODE = 'MG016',
                DETAIL = '"batch_column" in the config of backfill_read_model names a column of the target.';
        END IF;
        IF strpos(config ->> 'select', '$1') = 0 THEN
            RAISE EXCEPTION 'the select of backfill_read_model does not use $1, the key of the batch' USING
                ERRCODE = 'MG016',
                DETAIL = 'Each batch would insert the rows of all.';
        END IF;
        key_equality := confiture.hook_equality(key_type);
        -- Each key once, and in the order of the query.
        FOR batch IN
            SELECT jsonb_array_elements_text(confiture.hook_answer(format(
                'SELECT pg_catalog.jsonb_agg(key ORDER BY place) '
                'FROM (SELECT key, pg_catalog.min(place) AS place '
                'FROM (SELECT key::pg_catalog.text AS key, pg_catalog.row_number() OVER () AS place '
                'FROM %s AS batch (key)) AS numbered '
                'GROUP BY key) AS distinct_keys',
                confiture.hook_query(config ->> 'batches'))))
        LOOP
            IF config ->> 'mode' = 'replace' THEN
                deleted := deleted + confiture.hook_execute(
                    format('%s WHERE %I %s', delete_rows, config ->> 'batch_column',
                           CASE WHEN batch IS NULL THEN 'IS NULL' ELSE key_equality || ' $1' END),
                    batch, key_type);
            END IF;
            inserted := inserted + confiture.hook_execute(insert_rows, batch, key_type);
            batches := batches + 1;
        END LOOP;
    END IF;
    result.rows_affected := inserted + deleted;
    result.stats := jsonb_build_object('target', target_name, 'batches', batches, 'inserted', inserted, 'deleted', deleted);
    RETURN result;
END
$$;
COMMENT ON FUNCTION confiture.backfill_read_model(confiture.hook_context) IS 'Built-in hook: fills a read model from the write side, in the transaction of the migration. Config: target (table), select (query whose rows go there), columns (of the target, in the order of the select), batches (query of keys; the select is run for each as $1), batch_column (column of the target that holds the key; with batches), mode (replace: rows of the batch, or all, are deleted first; append; default replace). Rows: inserted and deleted. Stats: target, batches, inserted, deleted. Row-level security that would hide rows is an error. Errors: MG016.';

CREATE FUNCTION confiture.hook_equality(type regtype)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
SELECT format('OPERATOR(%I.=)', coalesce(
    (SELECT n.nspname
       FROM pg_type AS t
       JOIN pg_opclass AS c ON c.opcdefault
            AND c.opcintype = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END
       JOIN pg_am AS m ON m.oid = c.opcmethod AND m.amname = 'btree'
       JOIN pg_amop AS a ON a.amopfamily = c.opcfamily
            AND a.amopstrategy = 3
            AND a.amoplefttype = c.opcintype
            AND a.amoprighttype = c.opcintype
       JOIN pg_operator AS o ON o.oid = a.amopopr AND o.oprname = '='
       JOIN pg_namespace AS n ON n.oid = o.oprnamespace
      WHERE t.oid = type), 'pg_catalog'))
$$;
COMMENT ON FUNCTION confiture.hook_equality(regtype) IS 'For hooks: the qualified = of the default btree operator class of a type, the one that its indexes are for, whatever the search_path has; that of pg_catalog for a type without one.';
