"""The statements that take locks, beside ALTER TABLE: (first version, template) with {t} the table and {s} its schema.

Where several statements are one form they stand in a line, with semicolons between them.
"""

# Tried on every kind.
ON_TABLES = [(13, statement) for statement in """
CREATE INDEX ON {t} (n)
CREATE INDEX made ON {t} (lower(t)) WHERE n > 3
CREATE UNIQUE INDEX made ON {t} (id)
CREATE UNIQUE INDEX made ON {t} (id) INCLUDE (t)
CREATE INDEX ON {t} USING hash (n)
CREATE INDEX ON ONLY {t} (n)
CREATE INDEX IF NOT EXISTS t_index ON {t} (n)
DROP INDEX {s}.t_index
DROP INDEX {s}.top_index
DROP INDEX IF EXISTS {s}.t_unique, {s}.t_expression
ALTER INDEX {s}.t_index RENAME TO renamed
ALTER INDEX {s}.t_index SET (fillfactor = 60)
ALTER INDEX {s}.t_index SET TABLESPACE pg_default
ALTER INDEX {s}.t_expression ALTER COLUMN 1 SET STATISTICS 50
REINDEX TABLE {t}
REINDEX INDEX {s}.t_index
REINDEX INDEX {s}.t_pkey
CLUSTER {t} USING t_pkey
CLUSTER {t}
CREATE TRIGGER made BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION common.on_row()
CREATE TRIGGER made AFTER UPDATE OF n ON {t} FOR EACH ROW EXECUTE FUNCTION common.quiet()
CREATE TRIGGER made AFTER DELETE ON {t} FOR EACH STATEMENT EXECUTE FUNCTION common.quiet()
CREATE TRIGGER made AFTER INSERT ON {t} REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION common.quiet()
CREATE CONSTRAINT TRIGGER made AFTER INSERT ON {t} FROM {s}.partner DEFERRABLE FOR EACH ROW EXECUTE FUNCTION common.quiet()
DROP TRIGGER t_trigger ON {t}
DROP TRIGGER IF EXISTS nowhere ON {t}
ALTER TRIGGER t_trigger ON {t} RENAME TO renamed
ALTER TRIGGER t_trigger ON {t} DEPENDS ON EXTENSION confiture
CREATE RULE made AS ON INSERT TO {t} DO ALSO INSERT INTO common.log SELECT code FROM {s}.partner
CREATE RULE made AS ON DELETE TO {t} DO INSTEAD NOTHING
CREATE RULE made AS ON UPDATE TO {t} WHERE new.n > 3 DO INSTEAD DELETE FROM {s}.other
DROP RULE t_rule ON {t}
ALTER RULE t_rule ON {t} RENAME TO renamed
CREATE POLICY made ON {t} USING (n > 0)
CREATE POLICY made ON {t} FOR INSERT WITH CHECK (EXISTS (SELECT FROM {s}.partner))
DROP POLICY t_policy ON {t}
ALTER POLICY t_policy ON {t} RENAME TO renamed
ALTER POLICY t_policy ON {t} USING (n IN (SELECT id FROM common.log, {s}.other))
ALTER POLICY t_policy ON {t} TO judged
CREATE STATISTICS {s}.made ON n, t FROM {t}
CREATE STATISTICS {s}.made (dependencies) ON n, u FROM {t}
DROP STATISTICS {s}.t_statistics
ALTER STATISTICS {s}.t_statistics SET STATISTICS 100
ALTER STATISTICS {s}.t_statistics RENAME TO renamed
ALTER STATISTICS {s}.t_statistics SET SCHEMA common
CREATE VIEW {s}.made AS SELECT * FROM {t}
CREATE OR REPLACE VIEW {s}.w AS SELECT id, t FROM {t} WHERE id > 3
CREATE OR REPLACE VIEW {s}.w AS SELECT id, t, n FROM {t}
CREATE VIEW {s}.made AS SELECT x.id FROM {t} x JOIN {s}.partner USING (id) WHERE EXISTS (SELECT FROM {s}.other)
CREATE TEMPORARY VIEW made AS SELECT * FROM {t}
CREATE RECURSIVE VIEW {s}.made (n) AS SELECT id FROM {t} UNION ALL SELECT n + 1 FROM made WHERE n < 5
CREATE MATERIALIZED VIEW {s}.made AS SELECT * FROM {t}
CREATE MATERIALIZED VIEW {s}.made AS SELECT * FROM {t} WITH NO DATA
CREATE TABLE {s}.made AS SELECT * FROM {t}
CREATE TABLE {s}.made AS SELECT x.id FROM {t} x JOIN {s}.partner USING (id)
CREATE TABLE {s}.made AS SELECT * FROM {t} WITH NO DATA
CREATE TABLE IF NOT EXISTS {t} AS SELECT * FROM {s}.partner
SELECT * INTO {s}.made FROM {t}
CREATE TABLE {s}.made (LIKE {t})
CREATE TABLE {s}.made (LIKE {t} INCLUDING ALL)
CREATE TABLE {s}.made (x int) INHERITS ({t})
CREATE TABLE {s}.made () INHERITS ({t}, {s}.other)
CREATE TABLE {s}.made (x int REFERENCES {t})
CREATE TABLE {s}.made (x int PRIMARY KEY, y int REFERENCES {t} ON DELETE CASCADE, z int REFERENCES {s}.partner)
CREATE TABLE {s}.made PARTITION OF {t} FOR VALUES FROM (500) TO (600)
CREATE TABLE {s}.made PARTITION OF {t} FOR VALUES FROM (500) TO (600) PARTITION BY RANGE (n)
CREATE TABLE {s}.made PARTITION OF {t} FOR VALUES IN (77)
CREATE TABLE {s}.made PARTITION OF {t} DEFAULT
CREATE TABLE {s}.made OF {s}.row_type
CREATE TABLE IF NOT EXISTS {t} (x int REFERENCES {s}.partner)
CREATE TYPE {s}.made AS (x {t})
CREATE DOMAIN {s}.made AS {t}
CREATE FUNCTION {s}.made() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {t}'
CREATE FUNCTION {s}.made() RETURNS void LANGUAGE sql AS 'INSERT INTO common.log SELECT t FROM {t}; DELETE FROM {s}.other'
CREATE FUNCTION {s}.made(x {t}) RETURNS SETOF {s}.partner LANGUAGE plpgsql AS 'BEGIN RETURN; END'
CREATE FUNCTION {s}.made(x {t}) RETURNS int LANGUAGE sql AS 'SELECT x.n'
CREATE PROCEDURE {s}.made() LANGUAGE sql AS 'DELETE FROM {t}'
CREATE PUBLICATION made FOR TABLE {t}
CREATE PUBLICATION made FOR TABLE {t}, {s}.partner
CREATE PUBLICATION made FOR TABLE ONLY {t}
ALTER PUBLICATION {s} DROP TABLE {t}
ALTER PUBLICATION {s} SET TABLE {s}.partner
ALTER PUBLICATION {s} ADD TABLE {s}.partner
ALTER PUBLICATION {s} SET (publish = 'insert')
DROP PUBLICATION {s}
CREATE SEQUENCE {s}.made OWNED BY {t}.n
ALTER SEQUENCE common.counter OWNED BY NONE
ALTER SEQUENCE {s}.t_s_seq RESTART
ALTER SEQUENCE {s}.t_s_seq OWNED BY NONE
ALTER SEQUENCE {s}.t_s_seq INCREMENT BY 3
ALTER SEQUENCE {s}.t_s_seq RENAME TO renamed
ALTER SEQUENCE {s}.t_s_seq OWNER TO judged
DROP SEQUENCE {s}.t_s_seq CASCADE
DROP TABLE {t}
DROP TABLE {t} CASCADE
DROP TABLE {t}, {s}.partner CASCADE
DROP TABLE {s}.partner CASCADE
DROP TABLE {s}.t_1
DROP TABLE {s}.t_2 CASCADE
DROP TABLE {s}.top
DROP TABLE {s}.top CASCADE
DROP TABLE {s}.base CASCADE
DROP TABLE {s}.pointing
DROP TABLE IF EXISTS {s}.nowhere, {t}
DROP SCHEMA {s} CASCADE
DROP VIEW {s}.w
DROP VIEW {s}.w CASCADE
DROP VIEW {s}.ww
DROP MATERIALIZED VIEW {s}.mv
DROP TYPE {s}.row_type CASCADE
DROP FOREIGN TABLE {t}
DROP OWNED BY judged
TRUNCATE {t}
TRUNCATE {t} CASCADE
TRUNCATE ONLY {t}
TRUNCATE {t}, {s}.partner CASCADE
TRUNCATE {t} RESTART IDENTITY
TRUNCATE {s}.partner CASCADE
TRUNCATE {s}.partner
ANALYZE {t}
ANALYZE {t} (n)
LOCK TABLE {t}
LOCK TABLE {t} IN SHARE MODE
LOCK TABLE ONLY {t} IN ROW EXCLUSIVE MODE
LOCK TABLE {s}.w IN SHARE MODE
COMMENT ON TABLE {t} IS 'x'
COMMENT ON COLUMN {t}.n IS 'x'
COMMENT ON CONSTRAINT t_pkey ON {t} IS 'x'
COMMENT ON TRIGGER t_trigger ON {t} IS 'x'
COMMENT ON RULE t_rule ON {t} IS 'x'
COMMENT ON POLICY t_policy ON {t} IS 'x'
COMMENT ON INDEX {s}.t_index IS 'x'
COMMENT ON STATISTICS {s}.t_statistics IS 'x'
COMMENT ON SCHEMA {s} IS 'x'
COMMENT ON VIEW {s}.w IS 'x'
SECURITY LABEL ON TABLE {t} IS NULL
GRANT SELECT ON {t} TO judged
GRANT UPDATE (n) ON {t} TO judged
REVOKE ALL ON {t} FROM judged
GRANT SELECT ON ALL TABLES IN SCHEMA {s} TO judged
GRANT USAGE ON SCHEMA {s} TO judged
ALTER TABLE {t} ADD COLUMN e int; CREATE INDEX ON {t} (e)
REASSIGN OWNED BY judged TO postgres
ALTER SCHEMA {s} RENAME TO renamed
ALTER SCHEMA {s} OWNER TO judged
ALTER VIEW {s}.w RENAME TO renamed
ALTER VIEW {s}.w ALTER t SET DEFAULT 'x'
ALTER VIEW {s}.w SET (security_barrier = true)
ALTER VIEW {s}.w OWNER TO judged
ALTER VIEW {s}.w SET SCHEMA common
ALTER TABLE {s}.w RENAME t TO words
ALTER MATERIALIZED VIEW {s}.mv RENAME TO renamed
ALTER MATERIALIZED VIEW {s}.mv SET (fillfactor = 70)
ALTER MATERIALIZED VIEW {s}.mv CLUSTER ON mv_id
ALTER MATERIALIZED VIEW {s}.mv ALTER t SET STATISTICS 10
ALTER MATERIALIZED VIEW {s}.mv OWNER TO judged
REFRESH MATERIALIZED VIEW {s}.mv
REFRESH MATERIALIZED VIEW {s}.mv_plain
REFRESH MATERIALIZED VIEW {s}.mv WITH NO DATA
REFRESH MATERIALIZED VIEW CONCURRENTLY {s}.mv
CREATE INDEX ON {s}.mv (t)
REINDEX TABLE {s}.mv
ALTER TYPE {s}.row_type ADD ATTRIBUTE z int CASCADE
ALTER TYPE {s}.row_type ALTER ATTRIBUTE n TYPE bigint CASCADE
ALTER TYPE {s}.row_type DROP ATTRIBUTE t CASCADE
ALTER TYPE {s}.row_type RENAME ATTRIBUTE n TO number CASCADE
ALTER FOREIGN TABLE {t} ADD COLUMN e int
ALTER FOREIGN TABLE {t} ALTER n TYPE bigint
ALTER FOREIGN TABLE {t} OPTIONS (ADD a 'b')
SELECT * FROM {t}
SELECT * FROM {t} FOR UPDATE
SELECT x.id FROM {t} x JOIN {s}.partner p USING (id) FOR SHARE OF x
SELECT * FROM {s}.ww
INSERT INTO {t} (id, n, u) VALUES (30, 30, 3)
INSERT INTO {t} (n, u) VALUES (30, 3)
INSERT INTO {t} (id, n, u) SELECT id + 40, n, 1 FROM {s}.partner
INSERT INTO {t} (id, n, u) VALUES (5, 30, 3) ON CONFLICT DO NOTHING
UPDATE {t} SET t = 'x'
UPDATE {t} SET u = 2 WHERE n = 3
UPDATE {t} SET id = id WHERE id = 1
UPDATE {t} SET t = o.t FROM {s}.other o WHERE o.id = {t}.id
DELETE FROM {t} WHERE id = 1
DELETE FROM {t} USING {s}.other o WHERE o.id = {t}.id
DELETE FROM {s}.partner WHERE id = 20
DELETE FROM ONLY {t}
UPDATE {s}.partner SET id = 100 WHERE id = 20
WITH gone AS (DELETE FROM {s}.other RETURNING id) INSERT INTO common.log SELECT id FROM gone, {t}
COPY (SELECT * FROM {t}) TO '/dev/null'
COPY {t} TO '/dev/null'
COPY {t} FROM '/dev/null'
EXPLAIN SELECT * FROM {t}
EXPLAIN ANALYZE DELETE FROM {t} WHERE id = 1
DECLARE c CURSOR FOR SELECT * FROM {t}
PREPARE made AS SELECT * FROM {t}
DO $$ BEGIN ALTER TABLE {t} ADD COLUMN e int; END $$
DO $$ BEGIN ALTER TABLE {t} ALTER n TYPE bigint; ALTER TABLE {s}.partner ADD COLUMN e float DEFAULT random(); END $$
SELECT {s}.change_it()
IMPORT FOREIGN SCHEMA x FROM SERVER nowhere INTO {s}
""".strip().splitlines()] + [
    (14, "CREATE STATISTICS {s}.made ON (n + 1) FROM {t}"),
    (14, "CREATE FUNCTION {s}.made() RETURNS bigint RETURN (SELECT count(*) FROM {t})"),
    (14, "CREATE PROCEDURE {s}.made() BEGIN ATOMIC DELETE FROM {t}; INSERT INTO common.log VALUES ('x'); END"),
    (15, "CREATE PUBLICATION made FOR TABLE {t} (id, n)"),
    (15, "CREATE PUBLICATION made FOR TABLE {t} WHERE (id > 3)"),
    (15, "CREATE PUBLICATION made FOR TABLES IN SCHEMA {s}"),
    (15, "MERGE INTO {t} USING {s}.other o ON o.id = {t}.id WHEN MATCHED THEN UPDATE SET t = 'x' WHEN NOT MATCHED THEN DO NOTHING"),
    (15, "MERGE INTO {t} USING {s}.other o ON o.id = {t}.id WHEN MATCHED THEN DELETE"),
    (17, "ALTER MATERIALIZED VIEW {s}.mv SET ACCESS METHOD DEFAULT"),
    (18, "ANALYZE ONLY {t}"),
]

# Nothing of a table: tried once.
ALONE = [(13, statement) for statement in """
CREATE TABLE common.made (id int PRIMARY KEY, x serial)
CREATE TABLE common.made (a int) PARTITION BY RANGE (a)
CREATE TABLE common.made OF common.pair
CREATE TEMPORARY TABLE made (a int)
CREATE UNLOGGED TABLE common.made (a int DEFAULT common.code(), m common.mood, d common.positive)
CREATE SCHEMA made CREATE TABLE t (a int REFERENCES keyed.t) CREATE VIEW v AS SELECT * FROM plain.t
CREATE TYPE common.made AS ENUM ('a')
CREATE TYPE common.made AS (x int)
CREATE TYPE common.made AS RANGE (SUBTYPE = int)
CREATE DOMAIN common.made AS int CHECK (VALUE > 1)
CREATE SEQUENCE common.made
CREATE FOREIGN TABLE common.made (a int) SERVER nowhere
CREATE PUBLICATION made FOR ALL TABLES
CREATE FUNCTION common.made() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION common.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2; END'
CREATE AGGREGATE common.made (int) (SFUNC = int4pl, STYPE = int)
CREATE OPERATOR common.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = int4eq)
CREATE CAST (common.mood AS int) WITH INOUT
CREATE COLLATION common.made (LOCALE = 'C')
CREATE EVENT TRIGGER made ON sql_drop EXECUTE FUNCTION common.dropped()
CREATE ROLE made
ALTER TYPE common.mood ADD VALUE 'mad'
ALTER TYPE common.mood ADD VALUE IF NOT EXISTS 'sad'
ALTER TYPE common.mood RENAME VALUE 'sad' TO 'blue'
ALTER TYPE common.mood RENAME TO moods
ALTER TYPE common.mood SET SCHEMA domained
ALTER TYPE common.mood OWNER TO judged
ALTER TYPE common.pair ADD ATTRIBUTE z int
ALTER TYPE common.pair RENAME ATTRIBUTE x TO xx
ALTER TYPE common.pair ALTER ATTRIBUTE x TYPE bigint
ALTER TYPE common.pair DROP ATTRIBUTE y
ALTER DOMAIN common.positive ADD CONSTRAINT small CHECK (VALUE < 100)
ALTER DOMAIN common.positive ADD CONSTRAINT small CHECK (VALUE < 100) NOT VALID
ALTER DOMAIN common.positive SET NOT NULL
ALTER DOMAIN common.positive DROP NOT NULL
ALTER DOMAIN common.positive SET DEFAULT 3
ALTER DOMAIN common.positive DROP CONSTRAINT positive_check
ALTER DOMAIN common.positive VALIDATE CONSTRAINT positive_check
ALTER DOMAIN common.positive RENAME CONSTRAINT positive_check TO renamed
ALTER DOMAIN common.label ADD CHECK (VALUE <> 'x')
ALTER DOMAIN common.label RENAME TO labels
ALTER FUNCTION common.code() STABLE
ALTER FUNCTION common.code() RENAME TO codes
ALTER FUNCTION common.code() OWNER TO judged
ALTER FUNCTION common.code() SET SCHEMA domained
ALTER SEQUENCE common.counter RESTART
ALTER SEQUENCE common.counter MAXVALUE 1000
ALTER SEQUENCE common.counter AS bigint
ALTER SEQUENCE common.counter OWNED BY plain.t.n
ALTER SEQUENCE common.counter SET SCHEMA plain
ALTER SEQUENCE common.counter RENAME TO counted
ALTER SCHEMA common RENAME TO commons
ALTER DEFAULT PRIVILEGES IN SCHEMA common GRANT SELECT ON TABLES TO judged
ALTER SERVER nowhere OPTIONS (ADD a 'b')
DROP TYPE common.mood CASCADE
DROP TYPE common.pair CASCADE
DROP DOMAIN common.positive CASCADE
DROP DOMAIN common.label CASCADE
DROP FUNCTION common.on_row() CASCADE
DROP FUNCTION common.code()
DROP SEQUENCE common.counter
DROP TABLE common.log
DROP SCHEMA common CASCADE
DROP SERVER nowhere CASCADE
DROP EXTENSION IF EXISTS nowhere
GRANT EXECUTE ON FUNCTION common.code() TO judged
GRANT USAGE ON SEQUENCE common.counter TO judged
GRANT USAGE ON TYPE common.mood TO judged
COMMENT ON TYPE common.mood IS 'x'
COMMENT ON DOMAIN common.positive IS 'x'
COMMENT ON FUNCTION common.code() IS 'x'
COMMENT ON SEQUENCE common.counter IS 'x'
COMMENT ON COLUMN common.pair.x IS 'x'
COMMENT ON DATABASE books IS 'x'
SELECT nextval('common.counter')
SELECT common.code()
SELECT common.fixed()
CALL common.nowhere()
SET search_path = common
SET CONSTRAINTS ALL IMMEDIATE
NOTIFY made
LISTEN made
DISCARD PLANS
SELECT 1
SELECT pg_advisory_xact_lock(7)
""".strip().splitlines()]

# What an earlier statement of the script did: the plan is made before the first one.
CHAINS = [(13, statement) for statement in """
ALTER TABLE {t} SET UNLOGGED; ALTER TABLE {t} SET LOGGED
ALTER TABLE {t} ADD CONSTRAINT made CHECK (v IS NOT NULL) NOT VALID; ALTER TABLE {t} VALIDATE CONSTRAINT made; ALTER TABLE {t} ALTER v SET NOT NULL
ALTER TABLE {t} ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {s}.partner NOT VALID; ALTER TABLE {t} VALIDATE CONSTRAINT made
ALTER TABLE {t} RENAME TO renamed; CREATE TABLE {t} (n int); CREATE INDEX ON {t} (n)
CREATE TABLE {s}.made (x int); ALTER TABLE {s}.made ADD FOREIGN KEY (x) REFERENCES {s}.partner
CREATE TABLE {s}.made (x int); ALTER TABLE {s}.made ADD FOREIGN KEY (x) REFERENCES {t}
CREATE INDEX made ON {t} (n); DROP INDEX {s}.made
SET search_path = {s}; ALTER TABLE t ADD COLUMN e int
SET timezone = 'UTC'; ALTER TABLE {t} ALTER at TYPE timestamptz
ALTER TABLE {t} ALTER n TYPE bigint; ALTER TABLE {t} ALTER n TYPE int
ALTER TABLE {t} ALTER n TYPE bigint; DROP TABLE {t} CASCADE
CREATE INDEX made ON {t} (n); CLUSTER {t} USING made; REINDEX TABLE {t}
SET LOCAL search_path = {s}; CREATE INDEX ON t (n); DROP TABLE other
ALTER TABLE {t} ADD COLUMN e int; UPDATE {t} SET e = n; ALTER TABLE {t} ALTER e SET NOT NULL
ALTER TABLE {t} ADD COLUMN e int; ALTER TABLE {t} ALTER e TYPE bigint; ALTER TABLE {t} DROP COLUMN e
ALTER TABLE {t} ALTER n TYPE bigint; ALTER TABLE {t} ALTER n TYPE bigint
ALTER TABLE {t} DROP COLUMN u; ALTER TABLE {t} ADD COLUMN u int REFERENCES {s}.partner
DROP INDEX {s}.t_index; CREATE INDEX t_index ON {t} (n); CLUSTER {t} USING t_index
ALTER TABLE {s}.partner RENAME TO renamed; ALTER TABLE {t} ADD FOREIGN KEY (u) REFERENCES {s}.renamed
CREATE VIEW {s}.made AS SELECT id FROM {t}; DROP TABLE {t} CASCADE
CREATE VIEW {s}.made AS SELECT id FROM {t}; SELECT * FROM {s}.made; DROP VIEW {s}.made
CREATE MATERIALIZED VIEW {s}.made AS SELECT id FROM {t}; REFRESH MATERIALIZED VIEW {s}.made
CREATE TRIGGER made AFTER INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION common.on_row(); INSERT INTO {t} (id, n, u) VALUES (31, 31, 3)
CREATE TABLE {s}.made (LIKE {t}); ALTER TABLE {s}.made INHERIT {t}; ALTER TABLE {t} ADD CHECK (n > 0)
CREATE TABLE {s}.made (LIKE {t} INCLUDING ALL); ALTER TABLE {t} ATTACH PARTITION {s}.made FOR VALUES FROM (500) TO (600); ALTER TABLE {t} ADD COLUMN e int
ALTER TABLE {t} DETACH PARTITION {s}.t_1; ALTER TABLE {t} ALTER t SET NOT NULL; ALTER TABLE {s}.t_1 ADD COLUMN e int
ALTER TABLE {t} DETACH PARTITION {s}.t_1; DROP TABLE {s}.t_1
ALTER TABLE {t} SET SCHEMA common; ALTER TABLE common.t ADD COLUMN e int
ALTER SCHEMA {s} RENAME TO renamed; ALTER TABLE renamed.t ADD COLUMN e int
DROP TABLE {s}.partner CASCADE; CREATE TABLE {s}.partner (id int PRIMARY KEY); ALTER TABLE {s}.other ADD FOREIGN KEY (u) REFERENCES {s}.partner
TRUNCATE {s}.other; INSERT INTO {s}.other SELECT id FROM {t}; ALTER TABLE {s}.other ADD FOREIGN KEY (u) REFERENCES {s}.partner NOT VALID
ALTER TABLE {t} DROP CONSTRAINT t_check; ALTER TABLE {t} ADD CONSTRAINT t_check CHECK (n > 0)
ALTER TABLE {t} DROP CONSTRAINT t_pkey CASCADE; ALTER TABLE {t} ADD PRIMARY KEY (id)
CREATE UNIQUE INDEX made ON {t} (id); ALTER TABLE {t} ADD CONSTRAINT made UNIQUE USING INDEX made
CREATE TYPE {s}.made AS ENUM ('a'); ALTER TABLE {t} ADD COLUMN e {s}.made DEFAULT 'a'
CREATE DOMAIN {s}.made AS int; ALTER TABLE {t} ADD COLUMN e {s}.made; ALTER DOMAIN {s}.made ADD CHECK (VALUE > 0)
CREATE FUNCTION {s}.made() RETURNS int LANGUAGE sql AS 'SELECT 1'; ALTER TABLE {t} ADD COLUMN e int DEFAULT {s}.made()
ALTER TABLE {t} RENAME n TO number; ALTER TABLE {t} ALTER number TYPE bigint
ALTER TABLE {t} RENAME TO renamed; ALTER TABLE {s}.renamed ADD COLUMN e int; CREATE INDEX ON {s}.renamed (e)
ALTER TABLE {s}.other RENAME TO renamed; ALTER TABLE {s}.partner RENAME TO other; ALTER TABLE {s}.other ADD COLUMN e float DEFAULT random()
CREATE TABLE {s}.made (x int) INHERITS ({t}); ALTER TABLE {t} ADD COLUMN e int; ALTER TABLE {s}.made ADD COLUMN f int
SAVEPOINT here; ALTER TABLE {t} ADD COLUMN e int; ROLLBACK TO here; CREATE INDEX ON {t} (n)
CREATE STATISTICS {s}.made ON n, t FROM {t}; ALTER TABLE {t} DROP COLUMN t
CREATE POLICY made ON {t} USING (u IN (SELECT id FROM {s}.partner)); ALTER TABLE {t} ENABLE ROW LEVEL SECURITY; DELETE FROM {t} WHERE id = 1
CREATE RULE made AS ON DELETE TO {t} DO ALSO DELETE FROM {s}.other; DELETE FROM {t} WHERE id = 1
ALTER TABLE {s}.other ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {t} NOT VALID; ALTER TABLE {t} ALTER id TYPE bigint
ALTER TABLE {s}.other ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {t}; DROP TABLE {t} CASCADE
ALTER TABLE {s}.other ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {t}; TRUNCATE {t} CASCADE
ALTER TABLE {s}.other ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {t}; DROP TABLE {s}.other
""".strip().splitlines()]

# On a few kinds that stand for the others.
KINDS_OF_CHAINS = ("plain", "keyed", "referring", "referred", "parent", "child", "parted", "parted_referring", "partition", "triggered")


def on_tables(version):
    yield from (statement for since, statement in ON_TABLES if since <= version)


def alone(version):
    yield from (statement for since, statement in ALONE if since <= version)


def chains(version):
    yield from (statement for since, statement in CHAINS if since <= version)
