-- After a dry run nothing differs: schema, data, settings, session state, locks.
SET client_min_messages = warning;
SELECT * FROM no_plan();

-- Everything that the catalogs say, but for what is counted in place, and the data.
CREATE FUNCTION pg_temp.catalogs() RETURNS TABLE (catalog text, digest text) LANGUAGE plpgsql AS $$
BEGIN
    FOR catalog IN
        SELECT oid::regclass::text FROM pg_class
         WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r'
           AND relname NOT IN ('pg_statistic', 'pg_class', 'pg_largeobject', 'pg_database', 'pg_authid')
         ORDER BY 1
    LOOP
        EXECUTE format('SELECT coalesce(md5(string_agg(t::text, '','' ORDER BY t::text COLLATE "C")), ''-'') FROM %s t', catalog) INTO digest;
        RETURN NEXT;
    END LOOP;
    catalog := 'pg_class';
    SELECT md5(string_agg((oid, relname, relnamespace, reltype, relowner, relam, relfilenode, reltablespace, reltoastrelid,
                           relhasindex, relisshared, relpersistence, relkind, relnatts, relchecks, relhasrules, relhastriggers,
                           relrowsecurity, relispopulated, relreplident, relispartition, relacl, reloptions, relpartbound)::text,
                          ',' ORDER BY oid)) INTO digest
      FROM pg_class;
    RETURN NEXT;
END
$$;
CREATE FUNCTION pg_temp.session_state() RETURNS TABLE (what text, state text) LANGUAGE sql AS $$
    SELECT 'settings', md5(string_agg(name || '=' || coalesce(setting, ''), ',' ORDER BY name)) FROM pg_settings
    UNION ALL SELECT 'role', current_user || ' ' || session_user
    UNION ALL SELECT 'search_path', current_schemas(true)::text
    UNION ALL SELECT 'prepared statements', string_agg(name, ',') FROM pg_prepared_statements
    UNION ALL SELECT 'cursors', string_agg(name, ',') FROM pg_cursors WHERE name NOT LIKE '<unnamed%'
    UNION ALL SELECT 'channels', string_agg(c, ',') FROM pg_listening_channels() c
    UNION ALL SELECT 'advisory locks', string_agg(objid::text, ',') FROM pg_locks
               WHERE locktype = 'advisory' AND pid = pg_backend_pid()
    UNION ALL SELECT 'temporary tables', string_agg(relname, ',' ORDER BY relname) FROM pg_class
               WHERE relnamespace = pg_my_temp_schema() AND relname NOT LIKE 'pg\_toast%'
    UNION ALL SELECT 'custom setting', current_setting('shop.tenant', true);
$$;

CREATE SCHEMA shop;
CREATE SEQUENCE shop.numbers;
CREATE TABLE shop.customer (id int PRIMARY KEY, name text, extra jsonb);
CREATE TABLE shop.orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id int REFERENCES shop.customer);
CREATE VIEW shop.names AS SELECT id, name FROM shop.customer;
CREATE FUNCTION shop.one() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TYPE shop.mood AS ENUM ('good', 'bad');
CREATE ROLE untouched_other;
GRANT ALL ON SCHEMA shop TO untouched_other;
INSERT INTO shop.customer SELECT n, repeat('x', n), jsonb_build_object('n', repeat('y', 3000)) FROM generate_series(1, 50) n;
INSERT INTO shop.orders (customer_id) SELECT 1 + n % 50 FROM generate_series(1, 100) n;
SET shop.tenant = 'outer';
PREPARE kept AS SELECT 1;
SELECT pg_advisory_lock(4711) \g /dev/null

CREATE TEMPORARY TABLE script (name text, text text);
INSERT INTO script VALUES
('tables', 'CREATE TABLE shop.t (a int PRIMARY KEY); INSERT INTO shop.t VALUES (1); ALTER TABLE shop.t ADD b text DEFAULT now()'),
('a rewrite', 'ALTER TABLE shop.orders ALTER customer_id TYPE bigint; ALTER TABLE shop.customer ALTER id TYPE bigint USING id') ,
('drops', 'DROP VIEW shop.names; DROP FUNCTION shop.one(); DROP TABLE shop.orders; DROP TABLE shop.customer; DROP TYPE shop.mood'),
('everything', 'DROP SCHEMA shop CASCADE; DROP SCHEMA public CASCADE'),
('data', 'UPDATE shop.customer SET name = 1; DELETE FROM shop.orders; TRUNCATE shop.orders, shop.customer'),
('indexes', 'CREATE INDEX ON shop.customer (name); REINDEX TABLE shop.orders; CLUSTER shop.orders USING orders_pkey'),
('enums', $$ALTER TYPE shop.mood ADD VALUE 'ugly'; ALTER TYPE shop.mood RENAME VALUE 'bad' TO 'sad'$$),
('rights', 'GRANT ALL ON ALL TABLES IN SCHEMA shop TO PUBLIC; ALTER TABLE shop.orders OWNER TO untouched_other;
            ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO untouched_other'),
('roles', 'CREATE ROLE untouched_made; ALTER ROLE untouched_other SUPERUSER; GRANT pg_monitor TO untouched_other'),
('rules and triggers', 'CREATE RULE r AS ON DELETE TO shop.orders DO INSTEAD NOTHING;
    CREATE FUNCTION shop.f() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END'';
    CREATE TRIGGER t BEFORE UPDATE ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.f();
    CREATE POLICY p ON shop.orders; ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY'),
('event triggers', 'CREATE FUNCTION shop.e() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN RAISE ''''no''''; END'';
    CREATE EVENT TRIGGER never ON ddl_command_start EXECUTE FUNCTION shop.e()'),
('an extension', 'DROP EXTENSION pgtap CASCADE'),
('materialized views', 'CREATE MATERIALIZED VIEW shop.m AS SELECT * FROM shop.customer; REFRESH MATERIALIZED VIEW shop.m'),
('large objects', 'SELECT lo_from_bytea(0, ''abc'')'),
('comments', 'COMMENT ON TABLE shop.orders IS ''o''; SECURITY LABEL ON TABLE shop.orders IS NULL'),
('settings', 'SET work_mem = ''1MB''; SET LOCAL enable_seqscan = off; SET search_path = shop; SET shop.tenant = ''inner'';
              SET statement_timeout = ''1h''; SELECT set_config(''lock_timeout'', ''1h'', false); SET TIME ZONE ''Asia/Tokyo'''),
('settings for good', 'ALTER ROLE untouched_other SET work_mem = ''1MB''; RESET ALL; DISCARD PLANS'),
('the role', 'SET ROLE untouched_other; CREATE TABLE shop.theirs ()'),
('the session''s role', 'SET SESSION AUTHORIZATION untouched_other; SELECT current_user'),
('temporary tables', 'CREATE TEMPORARY TABLE tmp (a int) ON COMMIT DROP; CREATE TEMPORARY TABLE tmp2 AS SELECT 1'),
('prepared statements', 'PREPARE made AS SELECT 1; EXECUTE made'),
('cursors', 'DECLARE c CURSOR FOR SELECT 1; FETCH c'),
('cursors that outlive transactions', 'DECLARE c CURSOR WITH HOLD FOR SELECT 1'),
('advisory locks', 'SELECT pg_advisory_lock(42); SELECT pg_advisory_lock_shared(43); SELECT pg_advisory_xact_lock(44)'),
('listening', 'LISTEN dry; NOTIFY dry, ''hello'''),
('constraints', 'ALTER TABLE shop.orders DROP CONSTRAINT orders_customer_id_fkey; SET CONSTRAINTS ALL DEFERRED'),
('steps', 'CREATE TABLE shop.t (); COMMIT; DROP TABLE shop.t; CREATE TABLE shop.u (); COMMIT; SET work_mem = ''2MB'''),
('an error', 'SET work_mem = ''1MB''; CREATE TABLE shop.t (); SET ROLE untouched_other; SELECT pg_advisory_lock(45); SELECT 1/0'),
('an error in a savepoint', 'SAVEPOINT a; SAVEPOINT b; SET search_path = shop; SELECT 1/0'),
('an error in a function', $$DO 'BEGIN SET work_mem = ''1MB''; CREATE TABLE shop.t (); RAISE ''no''; END'$$),
('caught errors', $$DO 'BEGIN BEGIN CREATE TABLE shop.t (); RAISE ''no''; EXCEPTION WHEN OTHERS THEN NULL; END; END'$$),
('what cannot run', 'CREATE TABLE shop.t (a int); CREATE INDEX CONCURRENTLY i ON shop.t (a); VACUUM shop.t');

CREATE TEMPORARY TABLE catalogs_before (catalog text, digest text);
CREATE TEMPORARY TABLE session_before (what text, state text);
CREATE TEMPORARY TABLE data_before AS
SELECT (SELECT md5(string_agg(c::text, ',' ORDER BY c.id)) FROM shop.customer c) AS customers,
       (SELECT md5(string_agg(o::text, ',' ORDER BY o.id)) FROM shop.orders o) AS orders,
       (SELECT count(*) FROM pg_largeobject_metadata) AS large_objects,
       (SELECT count(*) FROM confiture.migration) AS migrations, (SELECT count(*) FROM confiture.history) AS history;
CREATE FUNCTION pg_temp.differences() RETURNS SETOF text LANGUAGE sql AS $$
    SELECT c.catalog FROM pg_temp.catalogs() c JOIN catalogs_before b USING (catalog) WHERE c.digest <> b.digest
    UNION ALL
    SELECT s.what || ': ' || coalesce(s.state, '-') FROM pg_temp.session_state() s JOIN session_before b USING (what)
     WHERE s.state IS DISTINCT FROM b.state
    UNION ALL
    SELECT 'data' WHERE (
        (SELECT md5(string_agg(c::text, ',' ORDER BY c.id)) FROM shop.customer c),
        (SELECT md5(string_agg(o::text, ',' ORDER BY o.id)) FROM shop.orders o),
        (SELECT count(*) FROM pg_largeobject_metadata),
        (SELECT count(*) FROM confiture.migration), (SELECT count(*) FROM confiture.history))
        IS DISTINCT FROM (SELECT (customers, orders, large_objects, migrations, history) FROM data_before);
$$;
-- The library brings its settings when it is used first.
SELECT confiture.dry_run_sql('SELECT 1') \g /dev/null
INSERT INTO session_before SELECT * FROM pg_temp.session_state();
INSERT INTO catalogs_before SELECT * FROM pg_temp.catalogs();
SELECT is_empty('SELECT * FROM pg_temp.differences()', 'nothing differs before');

-- A dry run in a transaction of its own, and one within a transaction that goes on.
SELECT format('SELECT FROM confiture.dry_run_sql((SELECT text FROM script WHERE name = %L))', name),
       format('SELECT is_empty(''SELECT * FROM pg_temp.differences()'', %L)', name)
  FROM script \gexec
SELECT 'BEGIN',
       format('SELECT FROM confiture.dry_run_sql((SELECT text FROM script WHERE name = %L))', name),
       format('SELECT is_empty(''SELECT * FROM pg_temp.differences()'', %L)', name || ', within the transaction'),
       'COMMIT',
       format('SELECT is_empty(''SELECT * FROM pg_temp.differences()'', %L)', name || ', after the transaction')
  FROM script \gexec

SELECT is((confiture.dry_run_sql(text)).success IS NULL, name = 'what cannot run', name || ': has an outcome unless something was not run') FROM script
 WHERE name NOT LIKE '%error%';

-- Locks of the transaction that are left: its own id, and sequences that were advanced.
CREATE FUNCTION pg_temp.locks_left(script text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    before text[] := ARRAY(SELECT (locktype, relation, mode, objid)::text FROM pg_locks WHERE pid = pg_backend_pid());
BEGIN
    PERFORM confiture.dry_run_sql(script);
    RETURN QUERY
    SELECT concat_ws(' ', locktype, relation::regclass, mode)
      FROM pg_locks
     WHERE pid = pg_backend_pid()
       AND locktype NOT IN ('transactionid', 'virtualxid')
       AND (locktype, relation, mode, objid)::text <> ALL (before)
       AND relation IS DISTINCT FROM 'pg_locks'::regclass;
END
$$;
SELECT is_empty($$SELECT * FROM pg_temp.locks_left('ALTER TABLE shop.orders ADD x int; DROP TABLE shop.customer CASCADE;
    LOCK TABLE shop.names; CREATE INDEX ON shop.orders (customer_id); CREATE ROLE untouched_made')$$, 'no lock is left');
SELECT is_empty($$SELECT * FROM pg_temp.locks_left('ALTER TABLE shop.orders ADD x int; SELECT 1/0')$$, 'nor after an error');
SELECT is_empty($$SELECT * FROM pg_temp.locks_left('SELECT pg_advisory_lock(1); SELECT pg_advisory_xact_lock(2)')$$,
                'nor an advisory one');
SELECT results_eq($$SELECT * FROM pg_temp.locks_left('SELECT nextval(''shop.numbers'')')$$,
                  ARRAY['relation shop.numbers RowExclusiveLock'], 'but that of a sequence that was advanced');

-- A prepared statement that a script takes away is there again, or at least told.
CREATE FUNCTION pg_temp.is_kept_or_told(script text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    told text := (confiture.dry_run_sql(script)).warnings::text;
BEGIN
    RETURN EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'kept') OR told LIKE '%repared statement%';
END
$$;
SELECT is(pg_temp.is_kept_or_told('DEALLOCATE kept'), true, 'a prepared statement that is deallocated');
DEALLOCATE ALL;
PREPARE kept AS SELECT 1;
SELECT is(pg_temp.is_kept_or_told('DEALLOCATE ALL'), true, 'all prepared statements deallocated');

SELECT pg_advisory_unlock(4711) \g /dev/null
DROP OWNED BY untouched_other CASCADE;
DROP ROLE untouched_other;
SELECT * FROM finish();
