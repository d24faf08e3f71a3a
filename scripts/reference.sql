-- What scripts/reference prints: one line a paragraph, list item or line of code.  Fails where an object has no COMMENT or is
-- of a kind that stands in no chapter here.
SET search_path = pg_catalog;
LOAD 'confiture';

CREATE TEMPORARY VIEW member AS
SELECT classid, objid
  FROM pg_depend
 WHERE refclassid = 'pg_extension'::regclass
   AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'confiture')
   AND deptype = 'e';

-- Tables, views and composite types.
CREATE TEMPORARY VIEW member_relation AS
SELECT c.oid, c.relname, c.relkind, coalesce(obj_description(c.oid, 'pg_class'), obj_description(t.oid, 'pg_type')) AS comment
  FROM pg_class c
  LEFT JOIN pg_type t ON t.oid = c.reltype
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c')
   AND EXISTS (SELECT 1 FROM member m
                WHERE (m.classid, m.objid) IN (('pg_class'::regclass, c.oid), ('pg_type'::regclass, t.oid)));

CREATE TEMPORARY VIEW member_function AS
SELECT p.oid, p.proname, p.prokind, obj_description(p.oid, 'pg_proc') AS comment
  FROM pg_proc p
  JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

-- Enums and domains.
CREATE TEMPORARY VIEW member_type AS
SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod, obj_description(t.oid, 'pg_type') AS comment
  FROM pg_type t
  JOIN member m ON m.classid = 'pg_type'::regclass AND m.objid = t.oid
 WHERE t.typtype IN ('e', 'd');

DO $$
DECLARE
    wanting text;
BEGIN
    SELECT string_agg(name, ', ' ORDER BY name) INTO wanting
      FROM (SELECT oid::regclass::text FROM member_relation WHERE comment IS NULL
            UNION ALL
            SELECT format('%s.%s', r.oid::regclass, a.attname)
              FROM member_relation r
              JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE col_description(r.oid, a.attnum) IS NULL
            UNION ALL
            SELECT oid::regprocedure::text FROM member_function WHERE comment IS NULL
            UNION ALL
            SELECT oid::regtype::text FROM member_type WHERE comment IS NULL) object (name);
    IF wanting IS NOT NULL THEN
        RAISE 'without a COMMENT: %', wanting;
    END IF;

    -- Sequences, indexes, arrays and row types belong to what is told.
    SELECT string_agg(pg_describe_object(m.classid, m.objid, 0), ', ' ORDER BY m.classid, m.objid) INTO wanting
      FROM member m
      LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
      LEFT JOIN pg_type t ON m.classid = 'pg_type'::regclass AND t.oid = m.objid
     WHERE NOT coalesce(c.relkind IN ('S', 'i', 'I', 't', 'r', 'p', 'v', 'm', 'c'), false)
       AND NOT coalesce(t.typtype IN ('c', 'e', 'd') OR t.typcategory = 'A', false)
       AND m.classid <> 'pg_proc'::regclass;
    IF wanting IS NOT NULL THEN
        RAISE 'in no chapter of scripts/reference.sql: %', wanting;
    END IF;
END
$$;

CREATE TEMPORARY VIEW argument AS
SELECT f.oid, a.place, f.proargmodes[a.place] AS mode,
       concat_ws(' ', CASE WHEN f.proargmodes[a.place] = 'v' THEN 'VARIADIC' END, f.proargnames[a.place],
                 format_type(a.type, NULL), 'DEFAULT ' || regexp_replace(pg_get_function_arg_default(f.oid, a.place::integer), '::\w+$', '')) AS line
  FROM pg_proc f
  JOIN member_function USING (oid)
 CROSS JOIN LATERAL unnest(coalesce(f.proallargtypes, f.proargtypes)) WITH ORDINALITY a (type, place);

CREATE TEMPORARY VIEW chapter (chapter, name, place, line) AS
-- The page begins.
SELECT 0, '', 0, line
  FROM unnest(ARRAY['# SQL reference', '',
                    'Every object of the extension with its COMMENT: written by `make docs` from a server, not by hand. Everything is in '
                    'the schema `confiture`. The pages of this folder say how the parts belong together.', '']) line
UNION ALL
SELECT number, '', 0, line
  FROM (VALUES (1, 'Functions'), (2, 'Views'), (3, 'Types'), (4, 'Tables'), (5, 'Settings')) titles (number, title)
 CROSS JOIN LATERAL unnest(ARRAY['## ' || title, '']) line
UNION ALL
-- Functions and procedures.
SELECT 1, proname || ' ' || member_function.oid::regprocedure, part.place, part.line
  FROM member_function
 CROSS JOIN LATERAL (
       SELECT 1, '### ' || CASE prokind WHEN 'p' THEN 'CALL ' ELSE '' END || proname
       UNION ALL SELECT 2, ''
       UNION ALL SELECT 3, '```sql'
       UNION ALL SELECT 4, format('confiture.%s(', proname)
       UNION ALL SELECT 100 + a.place, format('    %s%s', a.line, CASE WHEN a.place < max(a.place) OVER () THEN ',' ELSE '' END)
                   FROM argument a
                  WHERE a.oid = member_function.oid AND coalesce(a.mode, 'i') IN ('i', 'b', 'v')
       UNION ALL SELECT 300, ')' || CASE WHEN prokind = 'p' THEN ''
                                         WHEN EXISTS (SELECT 1 FROM argument a
                                                       WHERE a.oid = member_function.oid AND a.mode IN ('o', 'b', 't')) THEN ' → rows of'
                                         ELSE ' → ' || pg_get_function_result(member_function.oid) END
       UNION ALL SELECT 300 + a.place, format('    %s%s', a.line, CASE WHEN a.place < max(a.place) OVER () THEN ',' ELSE '' END)
                   FROM argument a
                  WHERE a.oid = member_function.oid AND a.mode IN ('o', 'b', 't')
       UNION ALL SELECT 998, '```'
       UNION ALL SELECT 999, ''
       UNION ALL SELECT 1000, comment
       UNION ALL SELECT 1001, '') part (place, line)
UNION ALL
-- Views, composite types and tables, with their columns.
SELECT CASE relkind WHEN 'v' THEN 2 WHEN 'm' THEN 2 WHEN 'c' THEN 3 ELSE 4 END, relname, part.place, part.line
  FROM member_relation r
 CROSS JOIN LATERAL (
       SELECT 1, '### ' || relname
       UNION ALL SELECT 2, ''
       UNION ALL SELECT 3, comment
       UNION ALL SELECT 4, ''
       UNION ALL SELECT 10 + a.attnum, format('* `%s` %s: %s', a.attname, format_type(a.atttypid, a.atttypmod),
                                              col_description(r.oid, a.attnum))
                   FROM pg_attribute a
                  WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
       UNION ALL SELECT 1000, '' WHERE EXISTS (SELECT 1 FROM pg_attribute a
                                                WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped)) part (place, line)
UNION ALL
SELECT 3, typname, part.place, part.line
  FROM member_type t
 CROSS JOIN LATERAL (
       SELECT 1, '### ' || typname
       UNION ALL SELECT 2, ''
       UNION ALL SELECT 3, comment
       UNION ALL SELECT 4, ''
       UNION ALL SELECT 5, CASE typtype
                               WHEN 'd' THEN 'A domain over ' || format_type(typbasetype, typtypmod) || '.'
                               ELSE 'Values: ' || (SELECT string_agg('`' || enumlabel || '`', ', ' ORDER BY enumsortorder)
                                                     FROM pg_enum WHERE enumtypid = t.oid) || '.' END
       UNION ALL SELECT 6, '') part (place, line)
UNION ALL
-- Settings of the library.
SELECT 5, s.name, part.place, part.line
  FROM pg_settings s
 CROSS JOIN LATERAL (
       SELECT 1, '### ' || s.name
       UNION ALL SELECT 2, ''
       UNION ALL SELECT 3, concat_ws(' ', s.short_desc, s.extra_desc)
       UNION ALL SELECT 4, ''
       UNION ALL SELECT 5, format('* %s, by default %s%s; set by %s.', s.vartype, coalesce(s.boot_val, 'not set'),
                                  coalesce(' ' || s.unit, ''),
                                  CASE s.context WHEN 'user' THEN 'anybody' WHEN 'superuser' THEN 'superusers' ELSE s.context END)
       UNION ALL SELECT 6, '') part (place, line)
 WHERE s.name LIKE 'confiture.%';

SELECT line
  FROM chapter
 ORDER BY chapter, name COLLATE "C", place;
