-- Attacks on plan(): a role without rights plants code that is declared IMMUTABLE, a superuser previews a migration that makes the server meet
-- it.  The code leaves its trace in a sequence, which no rollback takes back.  Each trap is tried afterwards: it goes off when the script runs.
SET client_min_messages = error;
SELECT * FROM no_plan();

CREATE ROLE plan_attacker;
CREATE SCHEMA m AUTHORIZATION plan_attacker;
GRANT USAGE ON SCHEMA confiture TO plan_attacker;
GRANT EXECUTE ON FUNCTION confiture.register_migration TO plan_attacker;
SET ROLE plan_attacker;

CREATE SEQUENCE m.ran;
CREATE FUNCTION m.attack() RETURNS void LANGUAGE plpgsql VOLATILE AS 'BEGIN PERFORM pg_catalog.nextval(''m.ran''); END';
-- What looks harmless.
CREATE FUNCTION m.i() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.attack(); RETURN 5; END';
CREATE FUNCTION m.s() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT m.i()';
CREATE FUNCTION m.t() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.attack(); RETURN true; END';
CREATE FUNCTION m.same(x int) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN PERFORM m.attack(); RETURN x; END';
CREATE FUNCTION m.same(x text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS 'BEGIN PERFORM m.attack(); RETURN x; END';
CREATE FUNCTION m.defaulted(x int DEFAULT m.i()) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT x';
CREATE FUNCTION m.plus(int, int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.attack(); RETURN $1 + $2; END';
CREATE FUNCTION m.less(int, int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.attack(); RETURN $1 < $2; END';
CREATE OPERATOR m.+ (FUNCTION = m.plus, LEFTARG = int, RIGHTARG = int);
CREATE OPERATOR m.< (FUNCTION = m.less, LEFTARG = int, RIGHTARG = int);
CREATE DOMAIN m.checked AS int CHECK (m.same(VALUE) < 100);
CREATE DOMAIN m.constant_checked AS int CHECK (VALUE < m.i() + 100);
CREATE DOMAIN m.second_constant_checked AS int CHECK (VALUE < m.i() + 100);
CREATE TYPE m.pair AS (a m.checked, b text);
CREATE TYPE m.span AS RANGE (SUBTYPE = m.checked);
CREATE TYPE m.mood AS ENUM ('sad', 'glad');
CREATE FUNCTION m.of_mood(m.mood) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM m.attack(); RETURN 1; END';
CREATE CAST (m.mood AS int) WITH FUNCTION m.of_mood(m.mood) AS IMPLICIT;
CREATE FUNCTION m.on_row() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM m.attack(); RETURN NEW; END';

CREATE TABLE m.plain (x int, note text, list int[], flag boolean, "when" timestamp);
INSERT INTO m.plain VALUES (1, '1', '{1}', true, now());
CREATE TABLE m.free (x int);
INSERT INTO m.free VALUES (1);
CREATE TABLE m.indexed (x varchar(5), y int);
CREATE INDEX indexed_expression ON m.indexed ((y + m.i()));
CREATE INDEX indexed_predicate ON m.indexed (x) WHERE y > m.i();
CREATE STATISTICS m.indexed_statistics ON x, y FROM m.indexed;
CREATE TABLE m.constrained (x int CHECK (x + m.i() > 0 AND x < m.i() + 1000), y int CHECK (y OPERATOR(m.<) (1 OPERATOR(m.+) 2000)), z text DEFAULT m.same('z'));
INSERT INTO m.constrained VALUES (1, 1);
CREATE TABLE m.policed (x int);
ALTER TABLE m.policed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY policed ON m.policed USING (x < m.i());
CREATE VIEW m.view AS SELECT x, m.i() AS i FROM m.plain WHERE x < m.i() + 100;
CREATE MATERIALIZED VIEW m.mat AS SELECT x, m.i() AS i FROM m.plain;
CREATE TABLE m.ruled (x int);
CREATE RULE ruled AS ON INSERT TO m.ruled DO ALSO INSERT INTO m.plain (x) VALUES (m.i());
CREATE TABLE m.triggered (x int);
CREATE TRIGGER triggered BEFORE INSERT ON m.triggered FOR EACH ROW EXECUTE FUNCTION m.on_row();
CREATE TABLE m.generated (x int, y int GENERATED ALWAYS AS (m.same(x)) STORED);
CREATE TABLE m.part (id int) PARTITION BY RANGE (id);
CREATE TABLE m.part_1 PARTITION OF m.part FOR VALUES FROM (0) TO (10);
CREATE TABLE m.expressed (id int) PARTITION BY RANGE ((id + m.i()));
CREATE TABLE m.expressed_list (id int) PARTITION BY LIST ((m.same(id)));
CREATE TABLE m.composed (id m.pair) PARTITION BY LIST (id);
CREATE TABLE m.loose (id int);
INSERT INTO m.loose VALUES (25);
CREATE TABLE m.loose_pair (id m.pair);
CREATE TABLE m.loose_checked (id int CHECK (id >= 20 + m.i() AND id < 30));
INSERT INTO m.loose_checked VALUES (25);
CREATE TABLE m.subparted (id int) PARTITION BY RANGE ((id + m.i()));
CREATE TABLE m.subparted_1 PARTITION OF m.subparted FOR VALUES FROM (0) TO (100) PARTITION BY LIST (id);
RESET ROLE;

CREATE TEMPORARY TABLE attack (place serial, name text, since int DEFAULT 13, setting text DEFAULT '', script text);
INSERT INTO attack (name, script) VALUES
    ('a constant in USING', 'ALTER TABLE m.plain ALTER x TYPE bigint USING m.i()'),
    ('a function in SQL that the planner inlines', 'ALTER TABLE m.plain ALTER x TYPE bigint USING m.s()'),
    ('a default of a parameter', 'ALTER TABLE m.plain ALTER x TYPE bigint USING m.defaulted()'),
    ('a condition in USING', 'ALTER TABLE m.plain ALTER x TYPE int USING CASE WHEN m.t() THEN x END'),
    ('a conjunction in USING', 'ALTER TABLE m.plain ALTER flag TYPE boolean USING flag AND m.t()'),
    ('COALESCE in USING', 'ALTER TABLE m.plain ALTER x TYPE int USING coalesce(m.i(), x)'),
    ('an array in USING', 'ALTER TABLE m.plain ALTER x TYPE int USING (ARRAY[m.i(), 2])[1]'),
    ('a row in USING', 'ALTER TABLE m.plain ALTER note TYPE text USING ROW(m.i(), 2)::text'),
    ('a comparison with a list in USING', 'ALTER TABLE m.plain ALTER flag TYPE boolean USING 3 IN (1, m.i())'),
    ('NULLIF in USING', 'ALTER TABLE m.plain ALTER x TYPE int USING nullif(m.i(), 4)'),
    ('GREATEST in USING', 'ALTER TABLE m.plain ALTER x TYPE int USING greatest(m.i(), 4)'),
    ('a built-in function of a constant', 'ALTER TABLE m.plain ALTER x TYPE int USING abs(m.i())'),
    ('an operator of a schema', 'ALTER TABLE m.plain ALTER x TYPE int USING 1 OPERATOR(m.+) 2'),
    ('a literal of a composite type', 'ALTER TABLE m.plain ALTER note TYPE text USING ''(1,x)''::m.pair::text'),
    ('a literal of an array of a domain', 'ALTER TABLE m.plain ALTER note TYPE text USING ''{1,2}''::m.checked[]::text'),
    ('a literal of an array of a composite type', 'ALTER TABLE m.plain ALTER note TYPE text USING ''{"(1,x)"}''::m.pair[]::text'),
    ('a literal of a range', 'ALTER TABLE m.plain ALTER note TYPE text USING ''[1,2]''::m.span::text'),
    ('a literal of a domain', 'ALTER TABLE m.plain ALTER note TYPE text USING ''1''::m.checked::text'),
    ('a literal that an operator gives its type', 'ALTER TABLE m.plain ALTER flag TYPE boolean USING ARRAY[1]::m.checked[] = ''{1,2}'''),
    ('a literal in the notation of functions', 'ALTER TABLE m.plain ALTER note TYPE text USING m.span(''[1,2]'')::text'),
    ('a literal as the new value', 'ALTER TABLE m.plain ALTER note TYPE m.pair USING ''(1,x)'''),
    ('a cast of a user', 'ALTER TABLE m.plain ALTER x TYPE int USING ''sad''::m.mood'),
    ('a cast that is implicit', 'ALTER TABLE m.plain ALTER x TYPE int USING ''sad''::m.mood + 1'),
    ('the check of a new domain', 'ALTER TABLE m.plain ALTER x TYPE m.constant_checked'),
    ('the check of a domain, one further', 'ALTER TABLE m.free ALTER x TYPE m.checked USING 1'),
    ('a constant DEFAULT', 'ALTER TABLE m.plain ADD y int DEFAULT m.i()'),
    ('a DEFAULT of a composite type', 'ALTER TABLE m.plain ADD y m.pair DEFAULT ''(1,x)'''),
    ('a DEFAULT of an array of a domain', 'ALTER TABLE m.plain ADD y m.checked[] DEFAULT ''{1,2}'''),
    ('a DEFAULT with a cast', 'ALTER TABLE m.plain ADD y text DEFAULT ''(1,x)''::m.pair::text'),
    ('a new column of a domain', 'ALTER TABLE m.plain ADD y m.second_constant_checked DEFAULT 1'),
    ('a CHECK of a new column', 'ALTER TABLE m.plain ADD y int CHECK (y > m.i())'),
    ('a generated column', 'ALTER TABLE m.plain ADD y int GENERATED ALWAYS AS (x + m.i()) STORED'),
    ('a new default', 'ALTER TABLE m.plain ALTER x SET DEFAULT m.i(); INSERT INTO m.plain DEFAULT VALUES'),
    ('an added CHECK', 'ALTER TABLE m.plain ADD CHECK (x < m.i() + 10)'),
    ('an added CHECK with a literal', 'ALTER TABLE m.plain ADD CHECK (ROW(x, ''x'')::m.pair <> ''(5,x)''::m.pair)'),
    ('an added exclusion', 'ALTER TABLE m.plain ADD EXCLUDE USING btree ((x + m.i()) WITH =) WHERE (x < m.i())'),
    ('the predicate of an index', 'ALTER TABLE m.indexed ALTER x TYPE varchar(10)'),
    ('the expression of an index', 'ALTER TABLE m.indexed ALTER y TYPE bigint'),
    ('a CHECK that could spare a scan', 'ALTER TABLE m.constrained ALTER x SET NOT NULL'),
    ('an operator in a CHECK', 'ALTER TABLE m.constrained ALTER y SET NOT NULL'),
    ('a CHECK and a primary key', 'ALTER TABLE m.constrained ADD PRIMARY KEY (x)'),
    ('a rewrite of what is checked', 'ALTER TABLE m.constrained ALTER x TYPE bigint'),
    ('a bound', 'ALTER TABLE m.part ATTACH PARTITION m.loose FOR VALUES FROM (m.i() + 20) TO (40)'),
    ('a bound in SQL', 'ALTER TABLE m.part ATTACH PARTITION m.loose FOR VALUES FROM (20) TO (m.s() + 40)'),
    ('a bound with a literal', 'ALTER TABLE m.part ATTACH PARTITION m.loose FOR VALUES FROM (length(''(1,x)''::m.pair::text) + 20) TO (40)'),
    ('a bound of a composite type', 'ALTER TABLE m.composed ATTACH PARTITION m.loose_pair FOR VALUES IN (''(1,x)'')'),
    ('the key of a partitioned table', 'ALTER TABLE m.expressed ATTACH PARTITION m.loose FOR VALUES FROM (20) TO (30)'),
    ('the key of a partitioned table, further up', 'ALTER TABLE m.subparted_1 ATTACH PARTITION m.loose FOR VALUES IN (1)'),
    ('the key of a partitioned table, by list', 'ALTER TABLE m.expressed_list ATTACH PARTITION m.loose FOR VALUES IN (1)'),
    ('a CHECK that could spare the scan of a partition', 'ALTER TABLE m.part ATTACH PARTITION m.loose_checked FOR VALUES FROM (20) TO (40)'),
    ('a partition that is made', 'CREATE TABLE m.part_9 PARTITION OF m.part FOR VALUES FROM (m.i() + 20) TO (40)'),
    ('a query', 'SELECT m.i()'),
    ('a literal in a query', 'SELECT ''(1,x)''::m.pair'),
    ('a condition of a query', 'SELECT FROM m.plain WHERE x < m.i()'),
    ('a table AS', 'CREATE TABLE m.made AS SELECT m.i()'),
    ('a table AS, without data', 'CREATE TABLE m.made AS SELECT ''(1,x)''::m.pair AS x WITH NO DATA'),
    ('a view', 'SELECT FROM m.view'),
    ('a view that is made', 'CREATE VIEW m.made AS SELECT ''(1,x)''::m.pair AS x'),
    ('a materialized view', 'REFRESH MATERIALIZED VIEW m.mat'),
    ('an INSERT', 'INSERT INTO m.plain (x) VALUES (m.i())'),
    ('the defaults of an INSERT', 'INSERT INTO m.constrained (x) VALUES (1)'),
    ('a generated column of an INSERT', 'INSERT INTO m.generated VALUES (1)'),
    ('a trigger', 'INSERT INTO m.triggered VALUES (1)'),
    ('a rule', 'INSERT INTO m.ruled VALUES (1)'),
    ('an UPDATE', 'UPDATE m.plain SET x = m.i()'),
    ('a DELETE', 'DELETE FROM m.plain WHERE x = m.i()'),
    ('COPY', 'COPY (SELECT m.i()) TO ''/dev/null'''),
    ('EXPLAIN', 'EXPLAIN SELECT m.i()'),
    ('PREPARE', 'PREPARE p AS SELECT ''(1,x)''::m.pair'),
    ('a cursor', 'DECLARE c CURSOR FOR SELECT ''(1,x)''::m.pair'),
    ('an index that is made', 'CREATE INDEX ON m.plain ((x + m.i())) WHERE x < m.i() + 10'),
    ('an index with a literal', 'CREATE INDEX ON m.plain (x) WHERE ROW(x, note)::m.pair <> ''(7,x)''::m.pair'),
    ('a policy', 'CREATE POLICY made ON m.plain USING (ROW(x, note)::m.pair <> ''(7,x)''::m.pair)'),
    ('a rule that is made', 'CREATE RULE made AS ON DELETE TO m.plain DO ALSO SELECT ''(7,x)''::m.pair'),
    ('a trigger''s condition', 'CREATE TRIGGER made AFTER UPDATE ON m.plain FOR EACH ROW WHEN (ROW(NEW.x, '''')::m.pair <> ''(7,x)''::m.pair) EXECUTE FUNCTION m.on_row()'),
    ('a check of a domain', 'CREATE DOMAIN m.made AS m.pair CHECK (VALUE <> ''(7,x)''::m.pair)'),
    ('a default of a table', 'CREATE TABLE m.made (x m.pair DEFAULT ''(7,x)'')'),
    ('a default of a function', 'CREATE FUNCTION m.made(x m.pair DEFAULT ''(7,x)'') RETURNS int LANGUAGE sql AS ''SELECT 1'''),
    ('the body of a function', 'CREATE FUNCTION m.made() RETURNS m.pair LANGUAGE sql AS $$SELECT ''(7,x)''::m.pair$$'),
    ('a rebuilt index', 'INSERT INTO m.indexed VALUES (''x'', 1); REINDEX TABLE m.indexed'),
    ('a block', 'DO $$BEGIN PERFORM m.i(); END$$');
INSERT INTO attack (name, since, script) VALUES
    ('an SQL body', 14, 'CREATE FUNCTION m.made() RETURNS m.pair BEGIN ATOMIC SELECT ''(7,x)''::m.pair; END'),
    ('statistics', 14, 'CREATE STATISTICS m.made ON (x + m.i()), (ROW(x, note)::m.pair <> ''(7,x)''::m.pair) FROM m.plain'),
    ('a range of several', 14, 'ALTER TABLE m.plain ALTER note TYPE text USING ''{[1,2]}''::m.span_multirange::text');
-- Operators of a schema that stands before pg_catalog.
INSERT INTO attack (name, setting, script) VALUES
    ('an operator that shadows the server''s', 'm, pg_catalog', 'ALTER TABLE m.plain ALTER x TYPE int USING 1 + 2'),
    ('an operator that shadows the server''s, in a default', 'm, pg_catalog', 'ALTER TABLE m.plain ADD y int DEFAULT 1 + 2'),
    ('an operator that shadows the server''s, in a bound', 'm, pg_catalog', 'ALTER TABLE m.part ATTACH PARTITION m.loose FOR VALUES FROM (20 + 1) TO (40)'),
    ('an operator that shadows the server''s, in a built-in function of SQL', 'm, pg_catalog', 'ALTER TABLE m.plain ALTER note TYPE text USING lpad(''x'', 1 + 2)');

-- Did it run?  The trap is set again.
CREATE FUNCTION pg_temp.went_off() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE answer boolean;
BEGIN
    SELECT is_called INTO answer FROM m.ran;
    PERFORM pg_catalog.setval('m.ran', 1, false);
    RETURN answer;
END
$$;
CREATE FUNCTION pg_temp.run_it(attack attack) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('search_path', attack.setting, true) WHERE attack.setting <> '';
    EXECUTE attack.script;
    RAISE EXCEPTION 'undone' USING ERRCODE = 'MG001';
EXCEPTION WHEN OTHERS THEN
    RETURN CASE WHEN SQLSTATE = 'MG001' THEN 'done' ELSE SQLERRM END;
END
$$;
CREATE FUNCTION pg_temp.plan_it(attack attack) RETURNS text LANGUAGE plpgsql AS $$
DECLARE answer text;
BEGIN
    SET LOCAL ROLE plan_attacker;
    PERFORM confiture.register_migration('attack', attack.name, attack.script, attack.script);
    RESET ROLE;
    PERFORM set_config('search_path', attack.setting, true) WHERE attack.setting <> '';
    SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', object, mode, certainty, reason), '; ') INTO answer
      FROM (SELECT * FROM confiture.plan('attack') UNION ALL SELECT * FROM confiture.plan('attack', 'backward')) _;
    SET search_path = public;
    RETURN coalesce(answer, '');
END
$$;
SELECT pg_temp.went_off() \g /dev/null

CREATE TEMPORARY TABLE told AS
SELECT a.place, a.name, a.script, pg_temp.plan_it(a) AS answer, pg_temp.went_off() AS planned, pg_temp.run_it(a) AS how, pg_temp.went_off() AS ran
FROM attack a
WHERE current_setting('server_version_num')::int >= a.since * 10000
ORDER BY a.place;
SELECT ok(NOT planned, 'plan() runs no code of ' || name) FROM told ORDER BY place;
-- From 18 on a function in SQL keeps its plan, in which what it calls has been folded by an attack before.
SELECT ok(ran OR (name = 'a bound in SQL' AND current_setting('server_version_num')::int >= 180000), 'and the trap was armed: ' || name || CASE WHEN how <> 'done' THEN ' (' || how || ')' ELSE '' END) FROM told ORDER BY place;

-- What the script brings along is told as unknown, wherever it stands.
SELECT alike(answer, '%unknown%', 'and it is told: ' || name) FROM told
 WHERE script ~ '^(SELECT|INSERT INTO m.plain|UPDATE|DELETE|COPY|EXPLAIN|PREPARE|DECLARE)' OR script ~ ' (USING|ADD y|ADD CHECK|ADD EXCLUDE|CREATE INDEX) '
 ORDER BY place;
SELECT alike(answer, '%unknown%', 'and it is told: ' || name) FROM told
 WHERE name IN ('a bound', 'a bound in SQL', 'a bound with a literal', 'a partition that is made', 'the check of a new domain') ORDER BY place;

-- A dry run asks for trust before it makes the same plan.
SET ROLE plan_attacker;
SELECT confiture.register_migration('attack', 'attack', 'ALTER TABLE m.plain ALTER x TYPE bigint USING m.i()') \g /dev/null
RESET ROLE;
SELECT throws_like($$SELECT confiture.dry_run('attack')$$, '%not trusted%', 'dry_run() refuses it');
SELECT throws_like($$SELECT confiture.dry_run_pending()$$, '%not trusted%', 'and dry_run_pending()');
SELECT ok(NOT pg_temp.went_off(), 'before anything is predicted');

SELECT * FROM finish();
