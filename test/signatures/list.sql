-- One line for each object of the extension: what a release promises to keep.  Read by test/signatures/list.
SET search_path = pg_catalog;

CREATE TEMPORARY VIEW member AS
SELECT classid, objid
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'confiture')
   AND deptype = 'e';

SELECT line
  FROM (
        SELECT format('%s %s(%s)%s',
                      CASE p.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END,
                      p.oid::regproc, regexp_replace(pg_get_function_arguments(p.oid), '(^|, )IN ', '\1', 'g'),
                      ' returns ' || pg_get_function_result(p.oid)) AS line
          FROM pg_proc p
          JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
        UNION ALL
        SELECT format('%s %s.%s %s',
                      CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'type'
                                     ELSE 'table' END,
                      c.oid::regclass, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod))
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         WHERE EXISTS (SELECT 1 FROM member m
                        WHERE (m.classid, m.objid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, c.reltype)))
           AND c.relkind IN ('r', 'p', 'v', 'm', 'c')
        UNION ALL
        SELECT format('type %s enum %s', t.oid::regtype,
                      (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                         FROM pg_enum e WHERE e.enumtypid = t.oid))
          FROM pg_type t
          JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
         WHERE t.typtype = 'e'
        UNION ALL
        SELECT format('domain %s over %s', t.oid::regtype, format_type(t.typbasetype, t.typtypmod))
          FROM pg_type t
          JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
         WHERE t.typtype = 'd'
       ) AS object
 ORDER BY line COLLATE "C";
