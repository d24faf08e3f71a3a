-- What the plan says of a statement is what the statement does: each form below is dry-run, and its stats.plan_check has
-- neither a lock, a rewrite or a scan that was missed nor one that was foreseen as certain and did not come.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE SCHEMA s;
CREATE SCHEMA other;
CREATE ROLE plan_check_role;
CREATE TYPE s.mood AS ENUM ('sad', 'glad');
CREATE TYPE s.pair AS (x int, y text);
CREATE DOMAIN s.positive AS int CHECK (VALUE > 0);
CREATE DOMAIN s.label AS text;
CREATE FUNCTION s.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE FUNCTION s.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO s.log VALUES (TG_OP); RETURN NEW; END';

CREATE TABLE s.parent (id int PRIMARY KEY, code varchar(10) UNIQUE, n int, UNIQUE (id, n));
CREATE TABLE s.child (
    id int PRIMARY KEY, parent_id int REFERENCES s.parent, note varchar(20), amount numeric(10, 2), at timestamp,
    flag boolean DEFAULT true, body text CONSTRAINT body_short CHECK (length(body) < 1000), code varchar(10), must int NOT NULL DEFAULT 0,
    maybe int CONSTRAINT maybe_there CHECK (maybe IS NOT NULL));
CREATE INDEX child_note ON s.child (note);
CREATE INDEX child_lower ON s.child (lower(body));
ALTER TABLE s.child ADD CONSTRAINT later CHECK (must >= 0) NOT VALID;
ALTER TABLE s.child ADD CONSTRAINT child_code FOREIGN KEY (code) REFERENCES s.parent (code) NOT VALID;
CREATE TABLE s.grandchild (id int PRIMARY KEY, child_id int REFERENCES s.child ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE s.tree (id int PRIMARY KEY, up int REFERENCES s.tree);
CREATE TABLE s.plain (a int, b text, c varchar(5), d int[]);
CREATE TABLE s.log (what text);
CREATE TABLE s.keyed (id int NOT NULL, code text);
CREATE UNIQUE INDEX keyed_id ON s.keyed (id);
CREATE TABLE s.base (id int, note text);
CREATE TABLE s.derived (more int) INHERITS (s.base);
CREATE TABLE s.derived_too () INHERITS (s.derived);
CREATE TABLE s.heir (id int, note text);

CREATE TABLE s.part (id int NOT NULL, parent_id int, note text) PARTITION BY RANGE (id);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.part_2 PARTITION OF s.part FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE s.part_2a PARTITION OF s.part_2 FOR VALUES FROM (10) TO (15);
CREATE INDEX part_note ON s.part (note);
CREATE TABLE s.loose (id int NOT NULL, parent_id int, note text);
CREATE TABLE s.loose_fit (id int NOT NULL, parent_id int, note text, CHECK (id >= 30 AND id < 40));
CREATE TABLE s.keyed_part (id int, parent_id int REFERENCES s.parent, note text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE s.keyed_part_1 PARTITION OF s.keyed_part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.keyed_part_rest PARTITION OF s.keyed_part DEFAULT;
CREATE TABLE s.keyed_loose (id int NOT NULL, parent_id int, note text);
CREATE TABLE s.part_child (id int PRIMARY KEY, keyed_part_id int REFERENCES s.keyed_part);

CREATE TABLE s.triggered (id int PRIMARY KEY, note text);
CREATE TRIGGER on_row AFTER INSERT OR DELETE ON s.triggered FOR EACH ROW EXECUTE FUNCTION s.on_row();
CREATE TABLE s.part_triggered (id int) PARTITION BY RANGE (id);
CREATE TABLE s.part_triggered_1 PARTITION OF s.part_triggered FOR VALUES FROM (0) TO (10);
CREATE TRIGGER on_row AFTER INSERT ON s.part_triggered FOR EACH ROW EXECUTE FUNCTION s.on_row();
CREATE TABLE s.ruled (id int);
CREATE RULE ruled_also AS ON INSERT TO s.ruled DO ALSO INSERT INTO s.log VALUES ('ruled');
CREATE TABLE s.moody (id int, mood s.mood, old_mood s.mood);
CREATE TABLE s.domained (id int, n s.positive, label s.label);
CREATE TABLE s.paired OF s.pair;
CREATE TABLE s.generated (id int GENERATED ALWAYS AS IDENTITY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED);
CREATE TABLE s.counted (id serial PRIMARY KEY, note text);
CREATE TABLE s.defaulted (id int DEFAULT s.code(), note text);
CREATE TABLE s.guarded (id int, owner name);
ALTER TABLE s.guarded ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON s.guarded USING (owner = current_user);
CREATE UNLOGGED TABLE s.unlogged (id int);
CREATE TABLE s."Odd ""Name""" ("a b" int);
CREATE SEQUENCE s.counter;
CREATE STATISTICS s.child_statistics ON note, code FROM s.child;

CREATE TABLE s.viewed (id int PRIMARY KEY, note text, body text);
CREATE VIEW s.child_view AS SELECT id, note FROM s.viewed;
CREATE VIEW s.view_of_view AS SELECT v.id, k.code FROM s.child_view v JOIN s.keyed k ON k.id = v.id;
CREATE VIEW s.plain_view AS SELECT id, note FROM s.viewed;
CREATE MATERIALIZED VIEW s.mat AS SELECT id, note FROM s.child_view;
CREATE UNIQUE INDEX mat_id ON s.mat (id);
CREATE MATERIALIZED VIEW s.mat_plain AS SELECT id FROM s.viewed;
CREATE FUNCTION s.on_type(s.mood) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER plan_check_wrapper;
CREATE SERVER plan_check_server FOREIGN DATA WRAPPER plan_check_wrapper;
CREATE FOREIGN TABLE s.far (id int) SERVER plan_check_server;
CREATE PUBLICATION plan_check_publication FOR TABLE s.log WITH (publish = 'insert');

INSERT INTO s.parent SELECT n, n, n FROM generate_series(1, 20) n;
INSERT INTO s.child SELECT n, n, 'note', n, now(), true, 'body', n, 1, 1 FROM generate_series(1, 20) n;
INSERT INTO s.grandchild SELECT n, n FROM generate_series(1, 5) n;
INSERT INTO s.plain SELECT n, n, n, ARRAY[n] FROM generate_series(1, 20) n;
INSERT INTO s.keyed SELECT n, n FROM generate_series(1, 20) n;
INSERT INTO s.base VALUES (1, 'a');
INSERT INTO s.derived VALUES (2, 'b', 1);
INSERT INTO s.part SELECT n, n, 'x' FROM generate_series(1, 14) n;
INSERT INTO s.keyed_part SELECT n, n, 'x' FROM generate_series(1, 12) n;
INSERT INTO s.keyed_loose VALUES (25, 1, 'x');
INSERT INTO s.part_child VALUES (1, 1);
INSERT INTO s.domained VALUES (1, 1, 'x');
INSERT INTO s.moody VALUES (1, 'sad', 'glad');
INSERT INTO s.triggered VALUES (1, 'x');
DELETE FROM s.log;
ANALYZE;

-- One form a line; `since` is the first version that has it, `code` marks those that run code, of which nothing can be said.
CREATE TEMPORARY TABLE form (place serial, since int DEFAULT 13, code boolean DEFAULT false, script text);
COPY form (script) FROM stdin;
ALTER TABLE s.plain ADD COLUMN e int
ALTER TABLE s.plain ADD COLUMN e int NOT NULL DEFAULT 5
ALTER TABLE s.plain ADD COLUMN e timestamptz DEFAULT now()
ALTER TABLE s.plain ADD COLUMN e timestamptz DEFAULT CURRENT_TIMESTAMP
ALTER TABLE s.plain ADD COLUMN e double precision DEFAULT random()
ALTER TABLE s.plain ADD COLUMN e timestamptz DEFAULT clock_timestamp() NOT NULL
ALTER TABLE s.plain ADD COLUMN e serial
ALTER TABLE s.plain ADD COLUMN e int GENERATED BY DEFAULT AS IDENTITY
ALTER TABLE s.plain ADD COLUMN e int GENERATED ALWAYS AS (a + 1) STORED
ALTER TABLE s.plain ADD COLUMN e int CHECK (e > 0)
ALTER TABLE s.plain ADD COLUMN e int UNIQUE
ALTER TABLE s.plain ADD COLUMN e serial PRIMARY KEY
ALTER TABLE s.plain ADD COLUMN e int REFERENCES s.parent
ALTER TABLE s.plain ADD COLUMN e int DEFAULT 1 REFERENCES s.parent
ALTER TABLE s.plain ADD COLUMN e s.positive
ALTER TABLE s.plain ADD COLUMN e s.positive DEFAULT 1
ALTER TABLE s.plain ADD COLUMN e s.label
ALTER TABLE s.plain ADD COLUMN e s.mood DEFAULT 'sad'
ALTER TABLE s.plain ADD COLUMN e int[] DEFAULT '{}' NOT NULL
ALTER TABLE s.plain ADD COLUMN e text DEFAULT 'a' || 'b'
ALTER TABLE s.plain ADD COLUMN e text COLLATE "C"
ALTER TABLE s.plain ADD COLUMN e int, ADD COLUMN f int, DROP COLUMN b CASCADE
ALTER TABLE s.plain ADD COLUMN IF NOT EXISTS a int
ALTER TABLE IF EXISTS s.nowhere ADD COLUMN a int
ALTER TABLE s.base ADD COLUMN e int
ALTER TABLE s.base ADD COLUMN e int CHECK (e > 0)
ALTER TABLE s.base ADD COLUMN e double precision DEFAULT random()
ALTER TABLE s.part ADD COLUMN e int
ALTER TABLE s.part ADD COLUMN e int NOT NULL DEFAULT 0
ALTER TABLE s.part ADD COLUMN e uuid DEFAULT gen_random_uuid()
ALTER TABLE s.child ADD COLUMN e int
ALTER TABLE s.child DROP COLUMN flag
ALTER TABLE s.child DROP COLUMN parent_id
ALTER TABLE s.child DROP COLUMN code
ALTER TABLE s.child DROP COLUMN note CASCADE
ALTER TABLE s.parent DROP COLUMN code CASCADE
ALTER TABLE s.parent DROP COLUMN id CASCADE
ALTER TABLE s.base DROP COLUMN note
ALTER TABLE s.part DROP COLUMN note
ALTER TABLE s.counted DROP COLUMN id
ALTER TABLE s.plain DROP COLUMN IF EXISTS nowhere
ALTER TABLE s.plain ALTER a TYPE bigint
ALTER TABLE s.plain ALTER a TYPE text
ALTER TABLE s.plain ALTER a TYPE bigint USING a::bigint
ALTER TABLE s.plain ALTER b TYPE varchar
ALTER TABLE s.plain ALTER b TYPE varchar(100)
ALTER TABLE s.plain ALTER c TYPE varchar(10)
ALTER TABLE s.plain ALTER c TYPE varchar(5)
ALTER TABLE s.plain ALTER c TYPE varchar(3)
ALTER TABLE s.plain ALTER c TYPE varchar
ALTER TABLE s.plain ALTER c TYPE text
ALTER TABLE s.plain ALTER c TYPE char(5)
ALTER TABLE s.plain ALTER b TYPE text COLLATE "C"
ALTER TABLE s.plain ALTER b TYPE text USING b
ALTER TABLE s.plain ALTER b TYPE text USING upper(b)
ALTER TABLE s.plain ALTER b TYPE s.label
ALTER TABLE s.plain ALTER a TYPE s.positive
ALTER TABLE s.plain ALTER a TYPE s.positive USING a
ALTER TABLE s.plain ALTER d TYPE bigint[]
ALTER TABLE s.child ALTER note TYPE varchar(40)
ALTER TABLE s.child ALTER note TYPE text
ALTER TABLE s.child ALTER body TYPE varchar
ALTER TABLE s.child ALTER amount TYPE numeric(12, 2)
ALTER TABLE s.child ALTER amount TYPE numeric(12, 4)
ALTER TABLE s.child ALTER amount TYPE numeric
ALTER TABLE s.child ALTER at TYPE timestamptz
SET timezone = 'Europe/Paris'; ALTER TABLE s.child ALTER at TYPE timestamptz
SET timezone = 'UTC'; ALTER TABLE s.child ALTER at TYPE timestamptz
ALTER TABLE s.child ALTER at TYPE timestamptz USING at AT TIME ZONE 'UTC'
ALTER TABLE s.child ALTER parent_id TYPE bigint
ALTER TABLE s.child ALTER id TYPE bigint
ALTER TABLE s.child ALTER code TYPE varchar(20)
ALTER TABLE s.child ALTER code TYPE text
ALTER TABLE s.child ALTER maybe TYPE bigint
ALTER TABLE s.parent ALTER id TYPE bigint
ALTER TABLE s.parent ALTER code TYPE text
ALTER TABLE s.parent ALTER code TYPE varchar(30)
ALTER TABLE s.parent ALTER n TYPE bigint
ALTER TABLE s.tree ALTER id TYPE bigint
ALTER TABLE s.base ALTER id TYPE bigint
ALTER TABLE s.part ALTER parent_id TYPE bigint
ALTER TABLE s.part ALTER note TYPE varchar
ALTER TABLE s.moody ALTER mood TYPE text
ALTER TABLE s.moody ALTER mood TYPE s.mood USING old_mood
ALTER TABLE s.domained ALTER n TYPE int
ALTER TABLE s.domained ALTER label TYPE text
ALTER TABLE s.generated ALTER twice TYPE bigint
ALTER TABLE s.plain ALTER a SET DEFAULT 3
ALTER TABLE s.plain ALTER a DROP DEFAULT
ALTER TABLE s.base ALTER id SET DEFAULT 3
ALTER TABLE s.part ALTER parent_id SET DEFAULT 3
ALTER TABLE s.plain ALTER a SET NOT NULL
ALTER TABLE s.child ALTER must SET NOT NULL
ALTER TABLE s.child ALTER maybe SET NOT NULL
ALTER TABLE s.base ALTER id SET NOT NULL
ALTER TABLE s.part ALTER parent_id SET NOT NULL
ALTER TABLE s.part ALTER id SET NOT NULL
ALTER TABLE s.child ALTER must DROP NOT NULL
ALTER TABLE s.part ALTER id DROP NOT NULL
ALTER TABLE s.plain ALTER a DROP NOT NULL
ALTER TABLE s.plain ALTER b SET STATISTICS 500
ALTER TABLE s.part ALTER note SET STATISTICS 500
ALTER TABLE s.plain ALTER b SET STORAGE EXTERNAL
ALTER TABLE s.part ALTER note SET STORAGE EXTERNAL
ALTER TABLE s.plain ALTER b SET (n_distinct = 5)
ALTER TABLE s.generated ALTER twice DROP EXPRESSION
ALTER TABLE s.generated ALTER id DROP IDENTITY
ALTER TABLE s.generated ALTER id SET GENERATED BY DEFAULT
ALTER TABLE s.keyed ALTER id ADD GENERATED ALWAYS AS IDENTITY
ALTER TABLE s.plain ADD PRIMARY KEY (a)
ALTER TABLE s.plain ADD UNIQUE (a)
ALTER TABLE s.plain ADD CONSTRAINT u UNIQUE (a, b) DEFERRABLE
ALTER TABLE s.plain ADD EXCLUDE USING btree (a WITH =)
ALTER TABLE s.keyed ADD PRIMARY KEY USING INDEX keyed_id
ALTER TABLE s.keyed ADD CONSTRAINT k UNIQUE USING INDEX keyed_id
ALTER TABLE s.keyed ADD PRIMARY KEY (id)
ALTER TABLE s.part ADD PRIMARY KEY (id)
ALTER TABLE s.part ADD UNIQUE (id)
ALTER TABLE s.part ADD UNIQUE (id, parent_id)
ALTER TABLE s.plain ADD CHECK (a > 0)
ALTER TABLE s.plain ADD CONSTRAINT p CHECK (a > 0) NOT VALID
ALTER TABLE s.plain ADD CONSTRAINT p CHECK (a > 0) NOT VALID; ALTER TABLE s.plain VALIDATE CONSTRAINT p
ALTER TABLE s.base ADD CHECK (id > 0)
ALTER TABLE s.base ADD CHECK (id > 0) NO INHERIT
ALTER TABLE ONLY s.base ADD CHECK (id > 0) NO INHERIT
ALTER TABLE s.part ADD CHECK (id > 0)
ALTER TABLE s.part ADD CHECK (id > 0) NOT VALID
ALTER TABLE s.plain ADD FOREIGN KEY (a) REFERENCES s.parent
ALTER TABLE s.plain ADD FOREIGN KEY (a) REFERENCES s.parent NOT VALID
ALTER TABLE s.plain ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.parent (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
ALTER TABLE s.plain ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.parent NOT VALID; ALTER TABLE s.plain VALIDATE CONSTRAINT f
ALTER TABLE s.part ADD FOREIGN KEY (parent_id) REFERENCES s.parent
ALTER TABLE s.plain ADD FOREIGN KEY (a) REFERENCES s.keyed_part NOT VALID
ALTER TABLE s.tree ADD FOREIGN KEY (id) REFERENCES s.tree
ALTER TABLE s.child ADD CONSTRAINT again FOREIGN KEY (parent_id) REFERENCES s.parent (id)
ALTER TABLE s.child VALIDATE CONSTRAINT later
ALTER TABLE s.child VALIDATE CONSTRAINT child_code
ALTER TABLE s.child VALIDATE CONSTRAINT body_short
ALTER TABLE s.child ALTER CONSTRAINT child_code DEFERRABLE INITIALLY DEFERRED
ALTER TABLE s.keyed_part ALTER CONSTRAINT keyed_part_parent_id_fkey DEFERRABLE
ALTER TABLE s.child DROP CONSTRAINT body_short
ALTER TABLE s.child DROP CONSTRAINT child_code
ALTER TABLE s.child DROP CONSTRAINT child_pkey CASCADE
ALTER TABLE s.parent DROP CONSTRAINT parent_code_key CASCADE
ALTER TABLE s.parent DROP CONSTRAINT parent_id_n_key
ALTER TABLE s.keyed_part DROP CONSTRAINT keyed_part_parent_id_fkey
ALTER TABLE s.part_child DROP CONSTRAINT part_child_keyed_part_id_fkey
ALTER TABLE s.child DROP CONSTRAINT IF EXISTS nowhere
ALTER TABLE s.plain SET UNLOGGED
ALTER TABLE s.grandchild SET UNLOGGED
ALTER TABLE s.plain SET LOGGED
ALTER TABLE s.unlogged SET LOGGED
ALTER TABLE s.plain SET (fillfactor = 70)
ALTER TABLE s.plain SET (autovacuum_enabled = false)
ALTER TABLE s.plain SET (toast.autovacuum_enabled = false)
ALTER TABLE s.plain RESET (fillfactor)
ALTER TABLE s.plain SET WITHOUT CLUSTER
ALTER TABLE s.child CLUSTER ON child_note
ALTER TABLE s.plain SET TABLESPACE pg_default
ALTER TABLE s.plain OWNER TO plan_check_role
ALTER TABLE s.counted OWNER TO plan_check_role
ALTER TABLE s.plain REPLICA IDENTITY FULL
ALTER TABLE s.child REPLICA IDENTITY USING INDEX child_pkey
ALTER TABLE s.plain ENABLE ROW LEVEL SECURITY
ALTER TABLE s.plain FORCE ROW LEVEL SECURITY
ALTER TABLE s.triggered DISABLE TRIGGER on_row
ALTER TABLE s.triggered DISABLE TRIGGER ALL
ALTER TABLE s.part_triggered DISABLE TRIGGER on_row
ALTER TABLE s.part_triggered ENABLE ALWAYS TRIGGER on_row
ALTER TABLE s.ruled DISABLE RULE ruled_also
ALTER TABLE s.heir INHERIT s.base
ALTER TABLE s.derived_too NO INHERIT s.derived
ALTER TABLE s.derived NO INHERIT s.base
ALTER TABLE s.paired NOT OF
ALTER TABLE s.part ATTACH PARTITION s.loose FOR VALUES FROM (20) TO (30)
ALTER TABLE s.part ATTACH PARTITION s.loose_fit FOR VALUES FROM (30) TO (40)
ALTER TABLE s.part ATTACH PARTITION s.loose DEFAULT
ALTER TABLE s.keyed_part ATTACH PARTITION s.keyed_loose FOR VALUES FROM (20) TO (30)
ALTER TABLE s.part DETACH PARTITION s.part_1
ALTER TABLE s.part DETACH PARTITION s.part_2
ALTER TABLE s.keyed_part DETACH PARTITION s.keyed_part_rest
ALTER TABLE s.plain RENAME TO plainer
ALTER TABLE s.plain RENAME a TO aa
ALTER TABLE s.base RENAME id TO identifier
ALTER TABLE s.part RENAME note TO notes
ALTER TABLE s.child RENAME CONSTRAINT body_short TO body_limited
ALTER TABLE s.base ADD CONSTRAINT c CHECK (id > 0); ALTER TABLE s.base RENAME CONSTRAINT c TO d
ALTER TABLE s.plain RENAME TO plainer; ALTER TABLE s.plainer ADD e int; UPDATE s.plainer SET e = 1
ALTER TABLE s.plain SET SCHEMA other
ALTER TABLE s."Odd ""Name""" ADD COLUMN "C ""d""" int
ALTER TABLE s.mat RENAME TO matter
ALTER MATERIALIZED VIEW s.mat OWNER TO plan_check_role
ALTER MATERIALIZED VIEW s.mat SET (fillfactor = 80)
ALTER VIEW s.child_view RENAME TO seen
ALTER VIEW s.child_view ALTER note SET DEFAULT 'x'
ALTER VIEW s.child_view SET (security_barrier = true)
ALTER VIEW s.child_view OWNER TO plan_check_role
ALTER VIEW s.child_view SET SCHEMA other
ALTER INDEX s.child_note RENAME TO child_noted
ALTER INDEX s.child_note SET (fillfactor = 70)
ALTER INDEX s.child_note SET TABLESPACE pg_default
ALTER SEQUENCE s.counter RESTART
ALTER SEQUENCE s.counter OWNED BY s.plain.a
ALTER SEQUENCE s.counter OWNER TO plan_check_role
ALTER FOREIGN TABLE s.far ADD COLUMN e int
ALTER FOREIGN TABLE s.far ALTER id TYPE bigint
ALTER TRIGGER on_row ON s.triggered RENAME TO on_every_row
ALTER TRIGGER on_row ON s.part_triggered RENAME TO on_every_row
ALTER RULE ruled_also ON s.ruled RENAME TO rules
ALTER POLICY own ON s.guarded RENAME TO mine
ALTER POLICY own ON s.guarded USING (EXISTS (SELECT FROM s.log))
ALTER STATISTICS s.child_statistics SET STATISTICS 100
ALTER STATISTICS s.child_statistics RENAME TO child_statistic
ALTER TYPE s.mood ADD VALUE 'mad'
ALTER TYPE s.mood RENAME VALUE 'sad' TO 'blue'
ALTER TYPE s.mood RENAME TO moods
ALTER TYPE s.mood SET SCHEMA other
ALTER TYPE s.pair ADD ATTRIBUTE z int CASCADE
ALTER TYPE s.pair RENAME ATTRIBUTE x TO xx CASCADE
ALTER TYPE s.pair DROP ATTRIBUTE y CASCADE
ALTER DOMAIN s.positive ADD CONSTRAINT small CHECK (VALUE < 100)
ALTER DOMAIN s.positive ADD CONSTRAINT small CHECK (VALUE < 100) NOT VALID
ALTER DOMAIN s.positive ADD CONSTRAINT small CHECK (VALUE < 100) NOT VALID; ALTER DOMAIN s.positive VALIDATE CONSTRAINT small
ALTER DOMAIN s.label SET NOT NULL
ALTER DOMAIN s.label SET DEFAULT 'x'
ALTER DOMAIN s.positive DROP CONSTRAINT positive_check
ALTER FUNCTION s.code() OWNER TO plan_check_role
ALTER FUNCTION s.code() STABLE
ALTER SCHEMA other RENAME TO others
ALTER PUBLICATION plan_check_publication ADD TABLE s.plain
ALTER PUBLICATION plan_check_publication DROP TABLE s.log
ALTER PUBLICATION plan_check_publication SET TABLE s.plain
CREATE TABLE s.made (id int PRIMARY KEY, x serial)
CREATE TABLE s.made (id int REFERENCES s.parent, b int CHECK (b > 0))
CREATE TABLE s.made (id int, up int, CONSTRAINT f FOREIGN KEY (up) REFERENCES s.parent (id), FOREIGN KEY (id) REFERENCES s.child)
CREATE TABLE s.made (id int REFERENCES s.keyed_part)
CREATE TABLE s.made (id int PRIMARY KEY, up int REFERENCES s.made)
CREATE TABLE s.made (LIKE s.child INCLUDING ALL)
CREATE TABLE s.made (LIKE s.child)
CREATE TABLE s.made (x int) INHERITS (s.base)
CREATE TABLE s.made PARTITION OF s.part FOR VALUES FROM (50) TO (60)
CREATE TABLE s.made PARTITION OF s.part DEFAULT
CREATE TABLE s.made PARTITION OF s.keyed_part FOR VALUES FROM (50) TO (60)
CREATE TABLE s.made PARTITION OF s.part_triggered FOR VALUES FROM (50) TO (60)
CREATE TABLE s.made (a int) PARTITION BY RANGE (a)
CREATE TABLE s.made OF s.pair
CREATE TABLE s.made (a int DEFAULT s.code(), m s.mood)
CREATE TABLE IF NOT EXISTS s.plain (a int REFERENCES s.parent)
CREATE TABLE IF NOT EXISTS s.made (a int REFERENCES s.parent)
CREATE TEMPORARY TABLE made (a int)
CREATE UNLOGGED TABLE s.made (a int)
CREATE TABLE s.made AS SELECT * FROM s.plain
CREATE TABLE s.made AS SELECT * FROM s.view_of_view WITH NO DATA
CREATE TABLE s.made AS WITH c AS (SELECT * FROM s.child) SELECT c.* FROM c, s.parent
SELECT * INTO s.made FROM s.plain
CREATE MATERIALIZED VIEW s.made AS SELECT * FROM s.view_of_view
CREATE MATERIALIZED VIEW s.made AS SELECT * FROM s.plain WITH NO DATA
CREATE VIEW s.made AS SELECT * FROM s.plain
CREATE VIEW s.made AS SELECT * FROM s.child_view
CREATE OR REPLACE VIEW s.child_view AS SELECT id, note FROM s.viewed WHERE id > 3
CREATE OR REPLACE VIEW s.child_view AS SELECT id, note, body FROM s.viewed
CREATE OR REPLACE VIEW s.made AS SELECT id FROM s.child
CREATE RECURSIVE VIEW s.made (n) AS SELECT id FROM s.tree UNION ALL SELECT n + 1 FROM made WHERE n < 5
CREATE TABLE s.made (a int); ALTER TABLE s.made ADD FOREIGN KEY (a) REFERENCES s.parent; CREATE INDEX ON s.made (a)
CREATE TABLE s.made (a int); INSERT INTO s.made SELECT a FROM s.plain; UPDATE s.plain SET a = m.a FROM s.made m; DROP TABLE s.made
CREATE INDEX ON s.plain (a)
CREATE UNIQUE INDEX i ON s.plain (a)
CREATE INDEX ON s.plain (lower(b)) WHERE a > 3
CREATE INDEX ON s.part (parent_id)
CREATE INDEX ON ONLY s.part (parent_id)
CREATE INDEX ON s.part_1 (parent_id); CREATE INDEX ON s.part (parent_id)
CREATE INDEX ON s.base (id)
CREATE INDEX ON s.mat (note)
CREATE INDEX IF NOT EXISTS child_note ON s.child (note)
CREATE INDEX IF NOT EXISTS child_other ON s.child (note)
CREATE TRIGGER made BEFORE INSERT ON s.plain FOR EACH ROW EXECUTE FUNCTION s.on_row()
CREATE TRIGGER made AFTER INSERT ON s.part FOR EACH ROW EXECUTE FUNCTION s.on_row()
CREATE TRIGGER made AFTER INSERT ON s.part FOR EACH STATEMENT EXECUTE FUNCTION s.on_row()
CREATE CONSTRAINT TRIGGER made AFTER INSERT ON s.plain FROM s.parent DEFERRABLE FOR EACH ROW EXECUTE FUNCTION s.on_row()
CREATE TRIGGER made INSTEAD OF INSERT ON s.child_view FOR EACH ROW EXECUTE FUNCTION s.on_row()
CREATE RULE made AS ON INSERT TO s.plain DO ALSO INSERT INTO s.log SELECT note FROM s.child
CREATE RULE made AS ON DELETE TO s.plain DO INSTEAD NOTHING
CREATE POLICY made ON s.guarded USING (id IN (SELECT id FROM s.parent))
CREATE POLICY made ON s.guarded FOR INSERT WITH CHECK (true)
CREATE STATISTICS s.made ON a, b FROM s.plain
CREATE SEQUENCE s.made OWNED BY s.plain.a
CREATE TYPE s.made AS ENUM ('a')
CREATE TYPE s.made AS (p s.plain)
CREATE DOMAIN s.made AS int CHECK (VALUE > 1)
CREATE FUNCTION s.made() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM s.plain'
CREATE FUNCTION s.made() RETURNS void LANGUAGE sql AS 'INSERT INTO s.log SELECT note FROM s.child_view; DELETE FROM s.plain'
CREATE FUNCTION s.made(x s.plain) RETURNS SETOF s.child LANGUAGE plpgsql AS 'DECLARE r s.parent%ROWTYPE; BEGIN RETURN; END'
CREATE PUBLICATION made FOR TABLE s.plain, s.base
CREATE PUBLICATION made FOR TABLE s.part
CREATE PUBLICATION made FOR ALL TABLES
CREATE SCHEMA made CREATE TABLE t (a int REFERENCES s.parent) CREATE VIEW v AS SELECT * FROM s.plain
CREATE FOREIGN TABLE s.made (a int) SERVER plan_check_server
CREATE CAST (s.mood AS int) WITH FUNCTION s.on_type(s.mood)
DROP TABLE s.plain CASCADE
DROP TABLE s.unlogged
DROP TABLE s.child CASCADE
DROP TABLE s.grandchild
DROP TABLE s.grandchild, s.tree
DROP TABLE s.parent CASCADE
DROP TABLE s.tree
DROP TABLE s.part
DROP TABLE s.part_1
DROP TABLE s.part_2
DROP TABLE s.keyed_part CASCADE
DROP TABLE s.keyed_part_rest CASCADE
DROP TABLE s.base CASCADE
DROP TABLE s.derived_too
DROP TABLE s.counted
DROP TABLE s.triggered
DROP TABLE s.moody
DROP TABLE IF EXISTS s.nowhere, s.unlogged
DROP VIEW s.child_view CASCADE
DROP VIEW s.view_of_view
DROP MATERIALIZED VIEW s.mat
DROP MATERIALIZED VIEW s.mat; CREATE MATERIALIZED VIEW s.mat AS SELECT id FROM s.viewed; CREATE INDEX ON s.mat (id)
DROP INDEX s.child_note
DROP INDEX s.part_note
DROP INDEX IF EXISTS s.nowhere, s.child_note
DROP SEQUENCE s.counter
DROP SEQUENCE s.counted_id_seq CASCADE
DROP TRIGGER on_row ON s.triggered
DROP TRIGGER on_row ON s.part_triggered
DROP TRIGGER IF EXISTS nowhere ON s.plain
DROP RULE ruled_also ON s.ruled
DROP POLICY own ON s.guarded
DROP STATISTICS s.child_statistics
DROP TYPE s.mood CASCADE
DROP DOMAIN s.positive CASCADE
DROP TYPE s.pair CASCADE
DROP FUNCTION s.code() CASCADE
DROP FUNCTION s.on_row CASCADE
DROP SCHEMA s CASCADE
DROP SCHEMA other
DROP FOREIGN TABLE s.far
DROP SERVER plan_check_server CASCADE
DROP PUBLICATION plan_check_publication
TRUNCATE s.plain
TRUNCATE s.grandchild
TRUNCATE s.parent CASCADE
TRUNCATE s.part
TRUNCATE s.base
TRUNCATE ONLY s.base
TRUNCATE s.counted RESTART IDENTITY
TRUNCATE s.keyed_part CASCADE
TRUNCATE s.plain, s.log
LOCK TABLE s.plain
LOCK TABLE s.part IN SHARE MODE
LOCK TABLE ONLY s.part IN SHARE MODE
LOCK TABLE s.base IN ROW EXCLUSIVE MODE NOWAIT
LOCK TABLE s.view_of_view IN ACCESS SHARE MODE
CLUSTER s.child USING child_note
REINDEX TABLE s.child
REINDEX TABLE s.plain
REINDEX INDEX s.child_note
REFRESH MATERIALIZED VIEW s.mat
REFRESH MATERIALIZED VIEW s.mat WITH NO DATA
REFRESH MATERIALIZED VIEW CONCURRENTLY s.mat
REFRESH MATERIALIZED VIEW s.mat_plain
ANALYZE s.plain
ANALYZE s.part
ANALYZE s.base
ANALYZE s.plain (a), s.log
COMMENT ON TABLE s.plain IS 'x'
COMMENT ON COLUMN s.plain.a IS 'x'
COMMENT ON COLUMN s.child_view.id IS 'x'
COMMENT ON VIEW s.child_view IS 'x'
COMMENT ON MATERIALIZED VIEW s.mat IS 'x'
COMMENT ON INDEX s.child_note IS 'x'
COMMENT ON CONSTRAINT body_short ON s.child IS 'x'
COMMENT ON CONSTRAINT positive_check ON DOMAIN s.positive IS 'x'
COMMENT ON TRIGGER on_row ON s.triggered IS 'x'
COMMENT ON POLICY own ON s.guarded IS 'x'
COMMENT ON RULE ruled_also ON s.ruled IS 'x'
COMMENT ON SEQUENCE s.counter IS 'x'
COMMENT ON STATISTICS s.child_statistics IS 'x'
COMMENT ON FUNCTION s.code() IS 'x'
COMMENT ON TYPE s.mood IS 'x'
COMMENT ON SCHEMA s IS 'x'
COMMENT ON FOREIGN TABLE s.far IS 'x'
GRANT SELECT ON s.plain TO plan_check_role
GRANT SELECT (a) ON s.plain TO plan_check_role
GRANT ALL ON ALL TABLES IN SCHEMA s TO plan_check_role
GRANT USAGE ON SCHEMA s TO plan_check_role
REVOKE ALL ON s.plain FROM PUBLIC
ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO plan_check_role
INSERT INTO s.log VALUES ('x')
INSERT INTO s.child (id, parent_id, maybe) VALUES (100, 1, 1)
INSERT INTO s.child (id, maybe) SELECT n + 200, 1 FROM s.parent JOIN s.part ON part.id = n
INSERT INTO s.part VALUES (3, 1)
INSERT INTO s.part_1 VALUES (3, 1)
INSERT INTO s.base VALUES (3)
INSERT INTO s.parent VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET n = EXCLUDED.n
INSERT INTO s.parent VALUES (1, 'x') ON CONFLICT DO NOTHING
INSERT INTO s.plain_view VALUES (1, 'x')
INSERT INTO s.ruled VALUES (1)
INSERT INTO s.counted (note) VALUES ('x')
INSERT INTO s.generated (a) VALUES (1)
INSERT INTO s.domained VALUES (2, 2, 'x')
INSERT INTO s.tree VALUES (1, 1)
INSERT INTO s.grandchild VALUES (50, 1) RETURNING *, (SELECT count(*) FROM s.plain)
INSERT INTO s.part_child VALUES (5, 2)
WITH moved AS (DELETE FROM s.plain RETURNING b) INSERT INTO s.log SELECT b FROM moved
UPDATE s.plain SET a = 1
UPDATE s.child SET note = 'y'
UPDATE s.child SET parent_id = 2 WHERE id = 3
UPDATE s.child SET id = id + 1000
UPDATE s.parent SET n = 1
UPDATE s.parent SET id = id + 1000 WHERE id = 1000
UPDATE s.plain SET b = p.code FROM s.parent p WHERE p.id = a
UPDATE s.plain SET b = (SELECT max(note) FROM s.child_view)
UPDATE s.base SET note = 'z'
UPDATE ONLY s.base SET note = 'z'
UPDATE s.part SET note = 'z'
UPDATE s.part SET note = 'z' WHERE id = 3
UPDATE s.plain_view SET note = 'x'
UPDATE s.child_view SET note = 'x' WHERE id = 1
DELETE FROM s.plain
DELETE FROM s.grandchild WHERE id = 1
DELETE FROM s.child WHERE id < 3
DELETE FROM s.parent WHERE id > 1000
DELETE FROM s.base
DELETE FROM s.part WHERE id > 3
DELETE FROM s.plain USING s.parent WHERE id = a
DELETE FROM s.keyed_part WHERE id > 11
DELETE FROM s.plain_view WHERE id = 3
SELECT * FROM s.plain
SELECT * FROM s.plain WHERE a = -1
SELECT * FROM s.view_of_view
SELECT count(*) FROM s.part
SELECT * FROM s.part WHERE id = 1
SELECT * FROM s.base
SELECT * FROM ONLY s.base
SELECT * FROM s.mat
SELECT * FROM s.plain FOR UPDATE
SELECT * FROM s.plain, s.log FOR SHARE OF plain
SELECT * FROM s.plain p JOIN s.moody ON id = a FOR UPDATE OF p
SELECT * FROM (SELECT * FROM s.plain) x, s.log FOR UPDATE OF x
SELECT * FROM s.plain WHERE EXISTS (SELECT FROM s.log) FOR UPDATE
SELECT * FROM s.child_view FOR UPDATE
SELECT * FROM s.part FOR UPDATE
SELECT * FROM s.plain UNION SELECT * FROM s.plain
WITH plain AS (SELECT 1) SELECT * FROM plain
WITH plain AS (SELECT * FROM s.log) SELECT * FROM plain, s.plain p
WITH RECURSIVE r AS (SELECT id, up FROM s.tree UNION ALL SELECT t.id, t.up FROM s.tree t JOIN r ON r.id = t.up) SELECT * FROM r
SELECT (SELECT max(id) FROM s.parent), ARRAY(SELECT what FROM s.log)
SELECT * FROM s.plain TABLESAMPLE SYSTEM (10)
SELECT * FROM s.plain, LATERAL (SELECT * FROM s.parent WHERE id = a) l
SELECT nextval('s.counter')
SELECT setval('s.counted_id_seq', (SELECT max(id) FROM s.counted))
VALUES (1), (2)
TABLE s.plain
EXPLAIN SELECT * FROM s.plain
EXPLAIN UPDATE s.child SET parent_id = 3
EXPLAIN ANALYZE DELETE FROM s.grandchild
PREPARE made AS SELECT * FROM s.view_of_view
PREPARE made AS INSERT INTO s.log VALUES ($1)
DECLARE made CURSOR FOR SELECT * FROM s.plain
COPY s.plain TO '/dev/null'
COPY (SELECT * FROM s.view_of_view) TO '/dev/null'
COPY s.child (id, parent_id) FROM '/dev/null'
COPY s.part FROM '/dev/null'
SET LOCAL search_path = s; ALTER TABLE plain ADD COLUMN e int; SELECT * FROM child
SET LOCAL work_mem = '4MB'
SET CONSTRAINTS ALL DEFERRED
NOTIFY channel
SAVEPOINT x; ALTER TABLE s.plain ADD COLUMN e int; ROLLBACK TO x; ALTER TABLE s.plain ADD COLUMN f int
ALTER TABLE s.plain ADD COLUMN e int; ALTER TABLE s.plain ADD UNIQUE (a); UPDATE s.plain SET e = 1; ALTER TABLE s.plain ALTER e SET NOT NULL
\.
COPY form (since, script) FROM stdin;
14	ALTER TABLE s.plain ALTER b SET COMPRESSION pglz
14	CREATE FUNCTION s.made() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM s.view_of_view; END
14	CREATE STATISTICS s.made ON (a + 1), b FROM s.plain
15	ALTER TABLE s.plain SET ACCESS METHOD heap
15	MERGE INTO s.parent t USING s.plain p ON t.id = p.a WHEN MATCHED THEN UPDATE SET n = p.a WHEN NOT MATCHED THEN INSERT VALUES (p.a)
15	MERGE INTO s.child t USING s.plain p ON t.id = p.a WHEN MATCHED THEN DELETE
15	CREATE PUBLICATION made FOR TABLES IN SCHEMA s
15	CREATE UNIQUE INDEX ON s.plain (a) NULLS NOT DISTINCT
17	ALTER TABLE s.generated ALTER twice SET EXPRESSION AS (a * 3)
18	ALTER TABLE s.plain ADD COLUMN e int GENERATED ALWAYS AS (a + 1) VIRTUAL
18	ALTER TABLE s.plain ADD CONSTRAINT there NOT NULL a NOT VALID
18	ALTER TABLE s.plain ADD CONSTRAINT there NOT NULL a
18	ALTER TABLE s.plain ADD CONSTRAINT there NOT NULL a NOT VALID; ALTER TABLE s.plain VALIDATE CONSTRAINT there
18	ALTER TABLE s.plain ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s.parent NOT ENFORCED
18	ALTER TABLE s.child ADD CONSTRAINT c CHECK (id > 0) NOT ENFORCED
18	ALTER TABLE s.child ALTER CONSTRAINT child_parent_id_fkey NOT ENFORCED
18	ALTER TABLE s.child ALTER CONSTRAINT child_parent_id_fkey NOT ENFORCED; ALTER TABLE s.child ALTER CONSTRAINT child_parent_id_fkey ENFORCED
18	ALTER TABLE s.base ADD CONSTRAINT there NOT NULL id
18	ALTER TABLE s.part ADD CONSTRAINT there NOT NULL parent_id
\.
COPY form (code, script) FROM stdin;
t	DO $$ BEGIN UPDATE s.plain SET a = 1; END $$
t	INSERT INTO s.triggered VALUES (5)
t	DELETE FROM s.triggered
t	INSERT INTO s.part_triggered VALUES (5)
t	INSERT INTO s.defaulted (note) VALUES ('x')
t	SELECT s.code()
t	UPDATE s.plain SET a = s.code()
t	ALTER TABLE s.plain ADD COLUMN e int DEFAULT s.code()
t	DROP OWNED BY plan_check_role
t	REASSIGN OWNED BY plan_check_role TO CURRENT_USER
t	PREPARE made AS DELETE FROM s.plain; EXECUTE made
\.

CREATE TEMPORARY TABLE checked AS
SELECT f.*, r.success, r.stats->'error'->>'message' AS error, r.stats->'plan_check' AS found
  FROM form f
 CROSS JOIN LATERAL confiture.dry_run_sql(f.script) r
 WHERE current_setting('server_version_num')::int / 10000 >= since;

-- The table of forms is checked.
SELECT is(concat_ws(E'\n', error, CASE WHEN code THEN NULL ELSE 'missed ' || nullif(found->>'missed', '[]') END,
                    'surplus ' || nullif(found->>'surplus', '[]')), '', script) FROM checked ORDER BY place;
SELECT is((found->>'unpredictable')::int > 0, code, 'what runs code is said to be open, and nothing else: ' || script)
  FROM checked WHERE (found->>'unpredictable')::int > 0 OR code ORDER BY place;
SELECT is((found->'locks'->>'confirmed')::int + (found->'rewrites'->>'confirmed')::int + (found->'scans'->>'confirmed')::int, 0,
          'nothing is confirmed of what was left open: ' || script) FROM checked WHERE code AND (found->>'statements')::int = 0 ORDER BY place;
SELECT cmp_ok(sum((found->'locks'->>'confirmed')::int), '>', 700::bigint, 'most forms take locks that others see') FROM checked;
SELECT cmp_ok(sum((found->'rewrites'->>'confirmed')::int), '>', 40::bigint, 'many rewrite') FROM checked;
SELECT cmp_ok(sum((found->'scans'->>'confirmed')::int), '>', 100::bigint, 'many scan') FROM checked;

SELECT * FROM finish();
DROP OWNED BY plan_check_role CASCADE;
DROP ROLE plan_check_role;
