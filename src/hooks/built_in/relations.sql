-- What the built-in hooks know of relations: how to name them in a statement that runs with another
-- search_path, which ones a config names, and which ones are the user's.

CREATE FUNCTION confiture.hook_relation_name(relation regclass)
RETURNS text
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.oid = relation
$$;
COMMENT ON FUNCTION confiture.hook_relation_name(regclass) IS 'For hooks: the qualified and quoted name of a relation, which means the same with every search_path; null where there is none.';

CREATE FUNCTION confiture.hook_relations(names jsonb, kinds "char"[])
RETURNS SETOF regclass
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    found_relation regclass;
    found_kind "char";
    found_before regclass[] := '{}';
BEGIN
    FOR name IN SELECT jsonb_array_elements_text(names) LOOP
        found_relation := confiture.hook_relation(name);
        SELECT relkind INTO found_kind FROM pg_class WHERE oid = found_relation;
        IF found_kind <> ALL (kinds) THEN
            RAISE EXCEPTION 'wrong kind of relation: %', name USING
                ERRCODE = 'MG016',
                DETAIL = format('It is of kind %s; the hook works on %s.', confiture.hook_kind_name(found_kind),
                                (SELECT string_agg(confiture.hook_kind_name(kind), ', ') FROM unnest(kinds) AS kind));
        END IF;
        CONTINUE WHEN found_relation = ANY (found_before);
        found_before := found_before || found_relation;
        RETURN NEXT found_relation;
    END LOOP;
END
$$;
COMMENT ON FUNCTION confiture.hook_relations(jsonb, "char"[]) IS 'For hooks: the relations that an array of names means, each once, of these kinds (pg_class.relkind) only. Errors: MG016 for one that is not there or is of another kind.';

CREATE FUNCTION confiture.hook_kind_name(kind "char")
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
SELECT CASE kind
           WHEN 'r' THEN 'table'
           WHEN 'p' THEN 'partitioned table'
           WHEN 'f' THEN 'foreign table'
           WHEN 'v' THEN 'view'
           WHEN 'm' THEN 'materialized view'
           WHEN 'i' THEN 'index'
           WHEN 'I' THEN 'partitioned index'
           WHEN 'S' THEN 'sequence'
           WHEN 'c' THEN 'composite type'
           WHEN 't' THEN 'TOAST table'
           ELSE 'relation'
       END
$$;
COMMENT ON FUNCTION confiture.hook_kind_name("char") IS 'For hooks: what a kind of relation (pg_class.relkind) is called.';

CREATE FUNCTION confiture.hook_user_relations(kinds "char"[], schemas jsonb DEFAULT NULL)
RETURNS SETOF regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    absent text;
BEGIN
    SELECT name INTO absent
      FROM jsonb_array_elements_text(schemas) AS name
     WHERE NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = name);
    IF FOUND THEN
        RAISE EXCEPTION 'schema "%" does not exist', absent USING ERRCODE = 'MG016';
    END IF;
    RETURN QUERY
        SELECT c.oid::regclass
          FROM pg_class AS c
          JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE c.relkind = ANY (kinds)
           AND c.relpersistence <> 't'
           AND CASE
                   WHEN schemas IS NULL THEN n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
                   ELSE schemas ? n.nspname::text
               END
           AND NOT EXISTS (SELECT
                             FROM pg_depend AS d
                            WHERE d.classid = 'pg_class'::regclass
                              AND d.objid = c.oid
                              AND d.deptype = 'e')
         ORDER BY n.nspname COLLATE "C", c.relname COLLATE "C";
END
$$;
COMMENT ON FUNCTION confiture.hook_user_relations("char"[], jsonb) IS 'For hooks: the relations of these kinds (pg_class.relkind) in these schemas, or in all but those of the server; temporary ones and members of extensions are left out. Errors: MG016 for a schema that is not there.';

CREATE FUNCTION confiture.hook_leaves(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
WITH RECURSIVE part AS (
    SELECT relation::oid AS oid
    UNION
    SELECT i.inhrelid
      FROM part
      JOIN pg_class AS parent ON parent.oid = part.oid AND parent.relkind IN ('p', 'I')
      JOIN pg_inherits AS i ON i.inhparent = part.oid
)
SELECT c.oid::regclass
  FROM part
  JOIN pg_class AS c ON c.oid = part.oid
 WHERE c.relkind NOT IN ('p', 'I', 'f')
 ORDER BY c.oid
$$;
COMMENT ON FUNCTION confiture.hook_leaves(regclass) IS 'For hooks: the relations that hold the data of a partitioned table or index, foreign ones left out; any other relation is its own. Locks nothing.';
