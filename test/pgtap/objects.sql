-- What every object of the extension owes its users: a comment, and no access for PUBLIC.
SELECT plan(4);

CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS description
  FROM pg_depend d
  JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
 WHERE e.extname = 'confiture'
   AND d.deptype = 'e';

SELECT cmp_ok((SELECT count(*) FROM member), '>', 0::bigint, 'the extension has objects');

-- Row types, array types and sequences come with a table or a type, which has the comment.
SELECT is_empty($$
    SELECT m.description
      FROM member m
      LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
      LEFT JOIN pg_class r ON r.oid = t.typrelid
      LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
     WHERE obj_description(m.objid, m.classid::regclass::name) IS NULL
       AND NOT coalesce(r.relkind <> 'c', false)
       AND NOT coalesce(t.typcategory = 'A', false)
       AND NOT coalesce(c.relkind IN ('S', 'i', 'c', 't'), false)
       AND m.classid IN ('pg_proc'::regclass, 'pg_type'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass,
                         'pg_event_trigger'::regclass, 'pg_operator'::regclass)
     ORDER BY 1
$$, 'every object has a comment');

SELECT is_empty($$
    SELECT format('%s.%s', c.oid::regclass, a.attname)
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c')
       AND EXISTS (SELECT 1 FROM member m
                    WHERE (m.classid, m.objid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype)))
       AND col_description(c.oid, a.attnum) IS NULL
     ORDER BY 1
$$, 'every column of a table, a view and a composite type has a comment');

SELECT is_empty($$
    SELECT m.description
      FROM member m
      JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
     WHERE has_function_privilege('public', p.oid, 'EXECUTE')
     ORDER BY 1
$$, 'no function is executable by PUBLIC');

SELECT * FROM finish();
