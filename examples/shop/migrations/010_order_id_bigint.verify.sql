-- No column named order_id, and no key of orders, is left with four bytes.
DO $$
DECLARE
    narrow text;
BEGIN
    SELECT string_agg(attribute.attrelid::regclass || '.' || attribute.attname, ', ')
      INTO narrow
      FROM pg_catalog.pg_attribute AS attribute
      JOIN pg_catalog.pg_class AS relation ON relation.oid = attribute.attrelid
     WHERE relation.relnamespace = 'shop'::regnamespace
       AND relation.relkind = 'r'
       AND (attribute.attname = 'order_id' OR (relation.relname, attribute.attname) = ('orders', 'id'))
       AND attribute.atttypid <> 'bigint'::regtype;
    IF narrow IS NOT NULL THEN
        RAISE EXCEPTION 'still not bigint: %', narrow;
    END IF;
END
$$;
