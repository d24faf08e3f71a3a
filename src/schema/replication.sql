-- A publication FOR ALL TABLES has confiture's tables too.  What a database did is its own truth: rows that logical
-- replication brings are passed over, and the subscription goes on.
CREATE FUNCTION confiture.keep_own_rows()
RETURNS trigger LANGUAGE C
AS 'MODULE_PATHNAME', 'confiture_keep_own_rows';
COMMENT ON FUNCTION confiture.keep_own_rows() IS 'The trigger of confiture''s own tables: rows of another database that logical replication brings are passed over, and TRUNCATE, which it would bring to others, is refused.';

DO $$
DECLARE
    own pg_catalog.regclass;
BEGIN
    FOR own IN SELECT c.oid FROM pg_catalog.pg_class c
               WHERE c.relnamespace OPERATOR(pg_catalog.=) 'confiture'::pg_catalog.regnamespace AND c.relkind OPERATOR(pg_catalog.=) 'r'
    LOOP
        EXECUTE pg_catalog.format('CREATE TRIGGER keep_own_rows BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION confiture.keep_own_rows()', own);
        EXECUTE pg_catalog.format('CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON %s EXECUTE FUNCTION confiture.keep_own_rows()', own);
        EXECUTE pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER keep_own_rows, ENABLE ALWAYS TRIGGER refuse_truncate', own);
    END LOOP;
END $$;

-- Without a key, which costs an index, its rows could not be deleted where it is published.
ALTER TABLE confiture.hook_run REPLICA IDENTITY FULL;
