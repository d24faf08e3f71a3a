-- plan() of scripts whose later statements lean on what earlier ones do: nothing that an earlier statement has touched is
-- called certain, and no lock, rewrite or scan is missed.  The judge is the server: each script is run statement by
-- statement, and pg_locks, the files of the tables and the counters of scans are compared with the plan made before.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE SCHEMA app;
CREATE ROLE plan_chain_role;
GRANT USAGE ON SCHEMA s, app TO plan_chain_role;
CREATE TYPE s.mood AS ENUM ('sad', 'glad');
CREATE DOMAIN s.positive AS int CHECK (VALUE > 0);
CREATE FUNCTION s.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO s.log VALUES (TG_OP); RETURN NEW; END';
CREATE FUNCTION s.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN LOCK TABLE s.log; RETURN 1; END';
CREATE TABLE s.p (id int PRIMARY KEY, code text UNIQUE, v int);
CREATE TABLE s.q (id int PRIMARY KEY, v int);
CREATE INDEX q_v ON s.q (v);
CREATE TABLE s.t (id int, p_id int, v int, note varchar(10), at timestamp);
CREATE INDEX t_v ON s.t (v);
CREATE TABLE s.child (id int PRIMARY KEY, p_id int CONSTRAINT child_p REFERENCES s.p, v int);
CREATE TABLE s.log (what text);
CREATE TABLE s.base (id int, v int);
CREATE TABLE s.heir () INHERITS (s.base);
CREATE TABLE s.part (id int NOT NULL, v int, p_id int) PARTITION BY RANGE (id);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (100);
CREATE TABLE s.loose (id int NOT NULL, v int, p_id int);
CREATE TABLE s.dom (id int, n s.positive, m s.mood);
CREATE TABLE s.user_of_code (id int, v int);
CREATE VIEW s.view AS SELECT id, v FROM s.t;
CREATE MATERIALIZED VIEW s.mat AS SELECT id, v FROM s.view;
CREATE TABLE app.p (id int PRIMARY KEY, v int);
CREATE TABLE public.p (id int PRIMARY KEY, v int);
INSERT INTO s.p SELECT n, n, n FROM generate_series(1, 20) n;
INSERT INTO s.t SELECT n, n, n, n, now() FROM generate_series(1, 20) n;
INSERT INTO s.child SELECT n, n, n FROM generate_series(1, 20) n;
INSERT INTO s.base VALUES (1, 1);
INSERT INTO s.heir VALUES (1, 1);
INSERT INTO s.part SELECT n, n, n FROM generate_series(1, 20) n;
INSERT INTO s.loose VALUES (200, 1, 1);
INSERT INTO s.dom VALUES (1, 1, 'sad');
INSERT INTO app.p VALUES (1, 1);

-- Statements of a script are told apart by " ; ".
CREATE TEMPORARY TABLE script (place serial, since int DEFAULT 13, text text);
COPY script (text) FROM stdin;
ALTER TABLE s.t SET UNLOGGED ; ALTER TABLE s.t SET LOGGED
ALTER TABLE s.t ADD CONSTRAINT there CHECK (v IS NOT NULL) NOT VALID ; ALTER TABLE s.t VALIDATE CONSTRAINT there ; ALTER TABLE s.t ALTER v SET NOT NULL
ALTER TABLE s.t ALTER v SET NOT NULL ; ALTER TABLE s.t ALTER v DROP NOT NULL ; ALTER TABLE s.t ALTER v SET NOT NULL
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p NOT VALID ; ALTER TABLE s.t VALIDATE CONSTRAINT f
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p NOT VALID ; ALTER TABLE s.t DROP CONSTRAINT f
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ; DROP TABLE s.t CASCADE
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ; ALTER TABLE s.t DROP COLUMN p_id
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ; ALTER TABLE s.t ALTER p_id TYPE bigint
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ; TRUNCATE s.p CASCADE
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ; INSERT INTO s.t VALUES (1, 1) ; DELETE FROM s.p WHERE id = 999
ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p ON DELETE CASCADE ; DELETE FROM s.p WHERE id = 1 AND false
ALTER TABLE s.t RENAME TO u ; CREATE TABLE s.t (id int, v int) ; CREATE INDEX ON s.t (v) ; ALTER TABLE s.t ADD w int
ALTER TABLE s.t RENAME TO u ; CREATE TABLE s.t (id int, v int) ; CREATE INDEX ON s.u (v) ; DROP TABLE s.u CASCADE
ALTER TABLE s.t RENAME TO u ; ALTER TABLE s.q RENAME TO t ; ALTER TABLE s.t ADD w int ; ALTER TABLE s.u ADD w int
ALTER TABLE s.t SET SCHEMA app ; CREATE TABLE s.t (id int) ; ALTER TABLE s.t ADD w int ; ALTER TABLE app.t ADD w int
CREATE TABLE s.c (id int, p_id int) ; ALTER TABLE s.c ADD FOREIGN KEY (p_id) REFERENCES s.p
CREATE TABLE s.c (id int, p_id int) ; ALTER TABLE s.c ADD COLUMN q_id int REFERENCES s.q
CREATE TABLE s.c (id int, p_id int) ; ALTER TABLE s.c ADD CONSTRAINT f FOREIGN KEY (p_id) REFERENCES s.p NOT VALID ; ALTER TABLE s.c VALIDATE CONSTRAINT f
CREATE TABLE s.c (id int, p_id int CONSTRAINT f REFERENCES s.p) ; ALTER TABLE s.c DROP CONSTRAINT f
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; DROP TABLE s.c
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; INSERT INTO s.c VALUES (1, 1) ; UPDATE s.c SET p_id = 2 ; TRUNCATE s.c
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; ALTER TABLE s.c ALTER p_id TYPE bigint
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; ALTER TABLE s.c RENAME TO d ; DROP TABLE s.d
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; ALTER TABLE s.c SET SCHEMA app ; DROP TABLE app.c
CREATE TABLE s.c (id int, p_id int REFERENCES s.p) ; DELETE FROM s.p WHERE id = 999 ; DROP TABLE s.p CASCADE
CREATE TABLE s.c (id int PRIMARY KEY) ; ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES s.c NOT VALID ; DROP TABLE s.c CASCADE
CREATE TABLE s.c (id int PRIMARY KEY) ; ALTER TABLE s.t ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES s.c NOT VALID ; TRUNCATE s.c CASCADE
CREATE TABLE s.c AS SELECT id, v AS p_id FROM s.t ; ALTER TABLE s.c ADD FOREIGN KEY (p_id) REFERENCES s.p
CREATE TABLE s.c PARTITION OF s.part FOR VALUES FROM (500) TO (600) ; DROP TABLE s.c
CREATE TABLE s.c PARTITION OF s.part FOR VALUES FROM (500) TO (600) ; ALTER TABLE s.part DETACH PARTITION s.c ; DROP TABLE s.c
CREATE TABLE s.c PARTITION OF s.part FOR VALUES FROM (500) TO (600) ; INSERT INTO s.c VALUES (501, 1, 1)
CREATE TABLE s.c () INHERITS (s.base) ; DROP TABLE s.c
CREATE TABLE s.whole (id int NOT NULL, v int, p_id int) PARTITION BY RANGE (id) ; ALTER TABLE s.whole ATTACH PARTITION s.loose FOR VALUES FROM (0) TO (1000) ; ALTER TABLE s.whole ADD w int ; CREATE INDEX ON s.whole (v) ; SELECT * FROM s.whole
CREATE TABLE s.whole (id int NOT NULL, v int, p_id int) PARTITION BY RANGE (id) ; ALTER TABLE s.whole ATTACH PARTITION s.loose FOR VALUES FROM (0) TO (1000) ; DROP TABLE s.whole
CREATE TABLE s.whole (id int NOT NULL, v int, p_id int) PARTITION BY RANGE (id) ; ALTER TABLE s.whole ATTACH PARTITION s.loose FOR VALUES FROM (0) TO (1000) ; UPDATE s.whole SET v = 1 ; ALTER TABLE s.whole DETACH PARTITION s.loose
ALTER TABLE s.part ATTACH PARTITION s.loose FOR VALUES FROM (200) TO (300) ; ALTER TABLE s.part ADD w int ; UPDATE s.part SET v = 1
ALTER TABLE s.part DETACH PARTITION s.part_1 ; ALTER TABLE s.part ATTACH PARTITION s.part_1 FOR VALUES FROM (0) TO (100) ; CREATE INDEX ON s.part (v)
ALTER TABLE s.q INHERIT s.base ; ALTER TABLE s.base ADD w int ; SELECT * FROM s.base
CREATE INDEX i ON s.t (v) ; DROP INDEX s.i
CREATE INDEX ON s.t (id, v) ; DROP INDEX s.t_id_v_idx
CREATE INDEX ON s.t (id, v) ; DROP INDEX IF EXISTS s.t_id_v_idx
CREATE INDEX i ON s.t (v) ; REINDEX INDEX s.i
CREATE INDEX i ON s.q (v) ; REINDEX TABLE s.q
CREATE INDEX i ON s.part (v) ; DROP INDEX s.i
CREATE INDEX i ON s.t (v) ; ALTER INDEX s.i RENAME TO j ; DROP INDEX s.j
CREATE UNIQUE INDEX i ON s.t (v) ; ALTER TABLE s.t ADD PRIMARY KEY USING INDEX i
CREATE UNIQUE INDEX i ON s.t (v) ; ALTER TABLE s.t ADD CONSTRAINT u UNIQUE USING INDEX i ; ALTER TABLE s.child ADD CONSTRAINT g FOREIGN KEY (v) REFERENCES s.t (v) NOT VALID ; ALTER TABLE s.t DROP CONSTRAINT u CASCADE
DROP INDEX s.t_v ; CREATE INDEX IF NOT EXISTS t_v ON s.t (v)
DROP INDEX s.q_v ; ALTER TABLE s.q ALTER v TYPE bigint
SET search_path = app ; ALTER TABLE p ADD w int
SET LOCAL search_path = s ; ALTER TABLE p ADD w int ; RESET search_path ; ALTER TABLE p ADD w int
SELECT set_config('search_path', 'app', false) ; ALTER TABLE p ADD w int
SELECT pg_catalog.set_config('search_path', '', false) ; ALTER TABLE s.p ADD w int
SELECT set_config('search_' || 'path', 'app', true) ; ALTER TABLE p ADD w int
SET search_path = app, s ; CREATE TABLE q (id int) ; ALTER TABLE q ADD w int ; ALTER TABLE t ADD w int
CREATE SCHEMA fresh ; SET search_path = fresh, s ; CREATE TABLE p (id int) ; ALTER TABLE p ADD w int ; ALTER TABLE q ADD w int
SET timezone = 'UTC' ; ALTER TABLE s.t ALTER at TYPE timestamptz
SET timezone = 'Europe/Paris' ; ALTER TABLE s.t ALTER at TYPE timestamptz
ALTER SCHEMA app RENAME TO app2 ; ALTER TABLE app2.p ADD w int
ALTER TABLE s.q ADD w int ; ALTER TABLE s.q ALTER w SET NOT NULL
ALTER TABLE s.t ADD w int ; ALTER TABLE s.t ALTER w TYPE text
ALTER TABLE s.t DROP COLUMN v CASCADE ; ALTER TABLE s.t ADD COLUMN IF NOT EXISTS v double precision DEFAULT random()
ALTER TABLE s.q ALTER v TYPE bigint ; ALTER TABLE s.q ALTER v TYPE int
ALTER TABLE s.t ALTER note TYPE varchar(20) ; ALTER TABLE s.t ALTER note TYPE varchar(15)
CREATE OR REPLACE VIEW s.view AS SELECT t.id, q.v FROM s.t, s.q ; SELECT * FROM s.view ; REFRESH MATERIALIZED VIEW s.mat
CREATE VIEW s.w AS SELECT p.id FROM s.p, s.view ; SELECT * FROM s.w ; CREATE VIEW s.x AS SELECT * FROM s.w ; SELECT * FROM s.x ; LOCK TABLE s.x IN SHARE MODE
CREATE VIEW s.w AS SELECT id, v FROM s.p ; UPDATE s.w SET v = 1
CREATE MATERIALIZED VIEW s.m AS SELECT p.id FROM s.p ; REFRESH MATERIALIZED VIEW s.m ; DROP MATERIALIZED VIEW s.m
DROP MATERIALIZED VIEW s.mat ; DROP VIEW s.view ; CREATE VIEW s.view AS SELECT * FROM s.p ; SELECT * FROM s.view
CREATE TRIGGER g AFTER INSERT ON s.t FOR EACH ROW EXECUTE FUNCTION s.on_row() ; INSERT INTO s.t VALUES (1)
ALTER TABLE s.user_of_code ALTER v SET DEFAULT s.code() ; INSERT INTO s.user_of_code (id) VALUES (1)
CREATE TABLE s.c (id int, v int DEFAULT s.code()) ; INSERT INTO s.c (id) VALUES (1)
CREATE TABLE s.c (LIKE s.child INCLUDING ALL) ; ALTER TABLE s.c ADD FOREIGN KEY (p_id) REFERENCES s.p
CREATE RULE r AS ON INSERT TO s.t DO ALSO INSERT INTO s.log VALUES ('x') ; INSERT INTO s.t VALUES (1)
CREATE FUNCTION s.fresh() RETURNS int LANGUAGE plpgsql AS 'BEGIN LOCK TABLE s.log; RETURN 1; END' ; SELECT s.fresh()
CREATE OR REPLACE FUNCTION s.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN LOCK TABLE s.q; RETURN 1; END' ; SELECT s.code()
DO 'BEGIN ALTER TABLE s.t ADD FOREIGN KEY (p_id) REFERENCES s.p; END' ; DROP TABLE s.t CASCADE
DO 'BEGIN ALTER TABLE s.t RENAME TO u; CREATE TABLE s.t (id int); END' ; ALTER TABLE s.t ADD w int
ALTER DOMAIN s.positive DROP CONSTRAINT positive_check ; ALTER TABLE s.dom ADD w s.positive ; ALTER TABLE s.dom ALTER n TYPE int
ALTER TYPE s.mood RENAME TO feeling ; ALTER TABLE s.dom ALTER m TYPE text
CREATE TYPE s.colour AS ENUM ('red') ; ALTER TABLE s.t ADD c s.colour ; DROP TYPE s.colour CASCADE
ALTER TABLE s.t ADD c s.mood ; DROP TYPE s.mood CASCADE
ALTER TABLE s.t SET SCHEMA app ; DROP SCHEMA app CASCADE
ALTER TABLE s.loose ADD PRIMARY KEY (id) ; ALTER TABLE s.q ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES s.loose NOT VALID ; ALTER TABLE s.loose ALTER id TYPE bigint
DROP TABLE s.q ; CREATE TABLE s.q (id int, p_id int REFERENCES s.p) ; CREATE TABLE IF NOT EXISTS s.q (id int REFERENCES s.t) ; DROP TABLE IF EXISTS s.q
DROP TABLE s.child ; TRUNCATE s.p ; ALTER TABLE s.p ALTER id TYPE bigint
ALTER TABLE s.child DROP CONSTRAINT child_p ; DROP TABLE s.p CASCADE
TRUNCATE s.loose ; ALTER TABLE s.loose ALTER v TYPE bigint ; CREATE INDEX ON s.loose (v)
ALTER TABLE s.q ADD COLUMN e s.positive ; ALTER DOMAIN s.positive ADD CONSTRAINT small CHECK (VALUE < 100)
CREATE DOMAIN s.fresh AS int ; ALTER TABLE s.q ADD COLUMN e s.fresh ; ALTER DOMAIN s.fresh ADD CHECK (VALUE > 0)
ALTER TABLE s.child RENAME p_id TO parent_id ; ALTER TABLE s.child ALTER parent_id TYPE bigint
ALTER TABLE s.child RENAME CONSTRAINT child_p TO child_parent ; ALTER TABLE s.child DROP CONSTRAINT child_parent
CREATE POLICY own ON s.t USING (EXISTS (SELECT FROM s.log)) ; ALTER TABLE s.t ENABLE ROW LEVEL SECURITY ; SELECT FROM s.t
\.

CREATE FUNCTION pg_temp.judged(script text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    part text; ordinal_now int := 0; missed text[] := '{}'; line text;
BEGIN
    PERFORM confiture.register_migration('p', 'p', replace(script, ' ; ', E';\n'));
    CREATE TEMPORARY TABLE planned ON COMMIT DROP AS SELECT * FROM confiture.plan('p');
    PERFORM confiture.unregister_migration('p');
    CREATE TEMPORARY TABLE known ON COMMIT DROP AS
        SELECT c.oid, quote_ident(nspname) || '.' || quote_ident(relname) AS name, pg_relation_filenode(c.oid) AS file,
               coalesce(pg_stat_get_xact_numscans(c.oid), 0) AS scans
          FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'm', 'v') AND nspname IN ('s', 'app', 'public');
    CREATE TEMPORARY TABLE held ON COMMIT DROP AS SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation';
    FOREACH part IN ARRAY string_to_array(script, ' ; ') LOOP
        ordinal_now := ordinal_now + 1;
        EXECUTE part;
        FOR line IN
            WITH taken AS (SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'
                           EXCEPT SELECT relation, mode FROM held),
                 told AS (SELECT k.oid, p.* FROM planned p LEFT JOIN known k ON k.name = p.object WHERE p.ordinal = ordinal_now),
                 strength AS (SELECT * FROM unnest(ARRAY['AccessShareLock', 'RowShareLock', 'RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareLock',
                                                         'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock']) WITH ORDINALITY AS _(mode, level)),
                 strongest AS (SELECT relation, name, max(level) AS level FROM taken JOIN strength USING (mode) JOIN known ON oid = relation GROUP BY 1, 2)
            SELECT format('%s: lock %s on %s', ordinal_now, level, name) FROM strongest
             WHERE NOT EXISTS (SELECT FROM told JOIN strength USING (mode) WHERE told.oid = relation
                                 AND (strength.level >= strongest.level AND certainty = 'likely' OR certainty = 'unknown' OR strength.level = strongest.level
                                      OR EXISTS (SELECT FROM held h WHERE h.relation = strongest.relation AND h.mode = told.mode)))
               AND NOT EXISTS (SELECT FROM told WHERE certainty = 'unknown')
            UNION ALL
            SELECT format('%s: rewrite of %s', ordinal_now, name) FROM known
             WHERE pg_relation_filenode(oid) <> file AND part !~ '^TRUNCATE'
               AND NOT EXISTS (SELECT FROM told WHERE told.oid = known.oid AND rewrites OR certainty = 'unknown')
            UNION ALL
            SELECT format('%s: scan of %s', ordinal_now, name) FROM known
             WHERE pg_stat_get_xact_numscans(oid) > scans AND part ~ '^(ALTER|REINDEX|CREATE.* INDEX)'
               AND NOT EXISTS (SELECT FROM told WHERE told.oid = known.oid AND told.scans OR certainty = 'unknown')
            UNION ALL
            SELECT format('%s: certain, but no %s on %s', ordinal_now, mode, object) FROM told
             WHERE certainty = 'certain' AND NOT EXISTS (SELECT FROM pg_locks l WHERE pid = pg_backend_pid() AND l.relation = told.oid AND l.mode = told.mode)
               AND EXISTS (SELECT FROM pg_class c WHERE c.oid = told.oid)
        LOOP
            missed := missed || line;
        END LOOP;
        DELETE FROM held;
        INSERT INTO held SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation';
        UPDATE known SET file = pg_relation_filenode(oid), scans = pg_stat_get_xact_numscans(oid);
    END LOOP;
    RAISE EXCEPTION 'undone' USING ERRCODE = 'MG001', DETAIL = array_to_string(missed, E'\n');
EXCEPTION WHEN SQLSTATE 'MG001' THEN
    GET STACKED DIAGNOSTICS line = PG_EXCEPTION_DETAIL;
    RETURN line;
WHEN OTHERS THEN
    RETURN 'failed: ' || SQLERRM;
END
$$;
SELECT is(pg_temp.judged(text), '', text) FROM script WHERE current_setting('server_version_num')::int >= since * 10000 ORDER BY place;

-- What a plan says of each statement, as text.
CREATE FUNCTION pg_temp.planned(script text, expected text, name text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    PERFORM confiture.register_migration('p', 'p', script);
    SELECT string_agg(concat_ws(' ', ordinal || ':', object, mode, CASE WHEN rewrites THEN 'rewrites' END, CASE WHEN scans THEN 'scans' END,
                                nullif(certainty, 'certain')), E'\n' ORDER BY ordinal, object, mode)
      INTO answer FROM confiture.plan('p');
    PERFORM confiture.unregister_migration('p');
    RETURN is(coalesce(answer, ''), expected, coalesce(name, script));
END
$$;
SELECT pg_temp.planned('ALTER TABLE s.t ADD w int; ALTER TABLE s.q ADD w int', E'1: s.t AccessExclusiveLock\n2: s.q AccessExclusiveLock',
                       'what no earlier statement has touched stays certain');
SELECT pg_temp.planned('COMMENT ON TABLE s.t IS ''x''; GRANT SELECT ON s.q TO plan_chain_role; ALTER TABLE s.t ADD w int',
                       E'1: s.t ShareUpdateExclusiveLock\n3: s.t AccessExclusiveLock', 'a comment changes nothing that a plan looks at')
 WHERE current_setting('server_version_num')::int < 180000;
SELECT pg_temp.planned('CREATE TABLE s.c (id int, p_id int); ALTER TABLE s.c ADD FOREIGN KEY (p_id) REFERENCES s.p NOT VALID', '2: s.p ShareRowExclusiveLock',
                       'a new table that refers to an existing one');
SELECT pg_temp.planned('ALTER TABLE s.t SET UNLOGGED; ALTER TABLE s.t SET LOGGED',
                       E'1: s.t AccessExclusiveLock rewrites scans\n2: s.t AccessExclusiveLock rewrites scans likely');
SELECT pg_temp.planned('ALTER TABLE s.t RENAME TO u; CREATE TABLE s.t (v int); CREATE INDEX ON s.t (v)', '1: s.t AccessExclusiveLock',
                       'a new table is not the one that had its name');
SELECT pg_temp.planned('SAVEPOINT a; ALTER TABLE s.t RENAME TO u; CREATE TABLE s.t (v int); ROLLBACK TO a; ALTER TABLE s.t ADD w int',
                       E'2: s.t AccessExclusiveLock\n5: s.t AccessExclusiveLock', 'what is rolled back is forgotten');
SELECT pg_temp.planned('SAVEPOINT a; ALTER TABLE s.t RENAME TO u; CREATE TABLE s.t (v int); RELEASE a; ALTER TABLE s.t ADD w int',
                       '2: s.t AccessExclusiveLock', 'what is released is not');
SELECT pg_temp.planned('DO ''BEGIN END''; ALTER TABLE s.t ADD w int; NOTIFY x', E'1: unknown\n2: s.t AccessExclusiveLock unknown', 'after code all is open');
SELECT pg_temp.planned('SET ROLE plan_chain_role; ALTER TABLE s.t ADD w int', '2: s.t AccessExclusiveLock likely', 'another role');
SELECT pg_temp.planned('SET search_path = app; ALTER TABLE p ADD w int', '2: app.p AccessExclusiveLock', 'search_path is followed');
SELECT alike(reason, '%line 2%', 'the reason tells which statement it was: ' || reason)
  FROM (SELECT confiture.register_migration('1', 'one', E'SELECT 1;\nALTER TABLE s.t ADD w int;\nALTER TABLE s.t ADD x int;')) made,
       LATERAL (SELECT * FROM confiture.plan('1') WHERE ordinal = 3) p;

-- Hooks of the migration run before its statements, and may do anything.
SELECT confiture.register_migration('2', 'two', E'-- confiture: phase=BEFORE_DDL\nSELECT 1;\n-- confiture: phase=DDL\nALTER TABLE s.q ADD w int;') \g /dev/null
SELECT is(certainty, 'unknown', 'after a hook') FROM confiture.plan('2');

SELECT * FROM finish();
DROP OWNED BY plan_chain_role CASCADE;
DROP ROLE plan_chain_role;
