#!/usr/bin/env python3
"""Statements that no transaction can hold, each run by psql, dry-run in all three ways, planned and applied: what the server refuses
in any case is refused before anything is begun, with the server's own SQLSTATE and message, and what it runs is not refused."""
import re

from sessions import Cluster, done, equal, ok, quoted

SETUP = """
CREATE TABLE t (id int PRIMARY KEY, x int, r int4range, EXCLUDE USING gist (r WITH &&));
INSERT INTO t VALUES (1, 1, '[1,2)');
CREATE INDEX t_x ON t (x);
CREATE INDEX t_x2 ON t (x);
CREATE UNIQUE INDEX t_unique ON t (x, id);
CREATE TABLE referring (id int, x int, FOREIGN KEY (x, id) REFERENCES t (x, id));
CREATE VIEW v AS SELECT x FROM t;
CREATE TABLE p (id int, x int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE INDEX p_x ON p (x);
CREATE TABLE d (id int, x int) PARTITION BY RANGE (id);
CREATE TABLE d1 PARTITION OF d FOR VALUES FROM (0) TO (10);
CREATE TABLE d_rest PARTITION OF d DEFAULT;
CREATE TABLE loose (id int, x int);
CREATE SEQUENCE seq;
CREATE SCHEMA s;
CREATE MATERIALIZED VIEW m AS SELECT x FROM t;
CREATE ROLE nobody LOGIN;
ALTER TABLE loose OWNER TO nobody;
CREATE INDEX loose_x ON loose (x)"""

# since, the role that runs it, the statement
FORMS = [(since, role, statement) for since, role, statements in [
    (13, "postgres", """
CREATE INDEX CONCURRENTLY made ON t (x)
CREATE INDEX CONCURRENTLY ON t (x) WHERE x > 0
CREATE INDEX CONCURRENTLY made ON m (x)
CREATE INDEX CONCURRENTLY IF NOT EXISTS t_x ON t (x)
CREATE INDEX CONCURRENTLY t_x ON t (x)
CREATE INDEX CONCURRENTLY t ON t (x)
CREATE INDEX CONCURRENTLY made ON p (x)
CREATE INDEX CONCURRENTLY made ON ONLY p (x)
CREATE INDEX CONCURRENTLY IF NOT EXISTS p_x ON p (x)
CREATE INDEX CONCURRENTLY made ON nowhere (x)
CREATE INDEX CONCURRENTLY made ON s.nowhere (x)
CREATE INDEX CONCURRENTLY made ON nowhere.t (x)
CREATE INDEX CONCURRENTLY made ON t (nowhere)
CREATE INDEX CONCURRENTLY made ON t (nowhere(x))
CREATE INDEX CONCURRENTLY made ON t (x nowhere_ops)
CREATE INDEX CONCURRENTLY made ON t USING nowhere (x)
CREATE INDEX CONCURRENTLY made ON t (random())
CREATE INDEX CONCURRENTLY made ON v (x)
CREATE INDEX CONCURRENTLY made ON seq (last_value)
CREATE INDEX CONCURRENTLY made ON pg_class (relpages)
CREATE INDEX CONCURRENTLY made ON t (x) TABLESPACE nowhere
DROP INDEX CONCURRENTLY t_x
DROP INDEX CONCURRENTLY IF EXISTS t_x
DROP INDEX CONCURRENTLY IF EXISTS nowhere
DROP INDEX CONCURRENTLY t_x RESTRICT
DROP INDEX CONCURRENTLY nowhere
DROP INDEX CONCURRENTLY nowhere.t_x
DROP INDEX CONCURRENTLY t_x, t_x2
DROP INDEX CONCURRENTLY IF EXISTS t_x, nowhere
DROP INDEX CONCURRENTLY t_x CASCADE
DROP INDEX CONCURRENTLY p_x
DROP INDEX CONCURRENTLY p1_x_idx
DROP INDEX CONCURRENTLY t_pkey
DROP INDEX CONCURRENTLY t_unique
DROP INDEX CONCURRENTLY t_r_excl
DROP INDEX CONCURRENTLY t
DROP INDEX CONCURRENTLY v
DROP INDEX CONCURRENTLY pg_class_oid_index
REINDEX INDEX CONCURRENTLY t_x
REINDEX INDEX CONCURRENTLY t_pkey
REINDEX INDEX CONCURRENTLY t_r_excl
REINDEX TABLE CONCURRENTLY t
REINDEX TABLE CONCURRENTLY seq
REINDEX TABLE CONCURRENTLY v
REINDEX TABLE CONCURRENTLY m
REINDEX TABLE CONCURRENTLY nowhere
REINDEX INDEX CONCURRENTLY nowhere
REINDEX INDEX CONCURRENTLY t
REINDEX TABLE CONCURRENTLY t_x
REINDEX TABLE CONCURRENTLY pg_class
REINDEX TABLE CONCURRENTLY pg_database
REINDEX INDEX CONCURRENTLY pg_class_oid_index
REINDEX SYSTEM CONCURRENTLY postgres
REINDEX SCHEMA CONCURRENTLY s
REINDEX SCHEMA CONCURRENTLY nowhere
REINDEX SCHEMA nowhere
REINDEX DATABASE nowhere
REINDEX SYSTEM nowhere
VACUUM t
VACUUM (FULL) t
VACUUM nowhere
VACUUM t, nowhere
VACUUM ANALYZE t (nowhere)
VACUUM t (x)
VACUUM (FULL, PARALLEL 2) t
VACUUM (NOWHERE) t
VACUUM (FULL, DISABLE_PAGE_SKIPPING) t
VACUUM v
CREATE DATABASE postgres
CREATE DATABASE made TEMPLATE nowhere
CREATE DATABASE made OWNER nowhere
CREATE DATABASE made ENCODING 'nowhere'
CREATE DATABASE made TABLESPACE nowhere
DROP DATABASE nowhere
DROP DATABASE IF EXISTS nowhere
DROP DATABASE template1
ALTER SYSTEM SET work_mem = '8MB'
ALTER SYSTEM SET nowhere = 1
ALTER SYSTEM SET work_mem = 'nowhere'
ALTER SYSTEM RESET nowhere
ALTER DATABASE nowhere SET TABLESPACE pg_default
CREATE TABLESPACE made LOCATION 'relative'
CREATE TABLESPACE pg_made LOCATION '/nowhere'
CREATE TABLESPACE made LOCATION '/nowhere/at/all'
CREATE TABLESPACE pg_default LOCATION '/nowhere'
DROP TABLESPACE nowhere
DROP TABLESPACE IF EXISTS nowhere
DROP TABLESPACE pg_default
DROP SUBSCRIPTION nowhere
DROP SUBSCRIPTION IF EXISTS nowhere
ALTER SUBSCRIPTION nowhere REFRESH PUBLICATION"""),
    (13, "nobody", """
CREATE INDEX CONCURRENTLY made ON loose (x)
CREATE INDEX CONCURRENTLY made ON t (x)
DROP INDEX CONCURRENTLY loose_x
DROP INDEX CONCURRENTLY t_x
REINDEX INDEX CONCURRENTLY loose_x
REINDEX TABLE CONCURRENTLY loose
REINDEX INDEX CONCURRENTLY t_x
REINDEX TABLE CONCURRENTLY t
REINDEX SCHEMA CONCURRENTLY s
REINDEX DATABASE postgres
VACUUM t
CREATE DATABASE made
DROP DATABASE template1
ALTER SYSTEM SET work_mem = '8MB'
ALTER DATABASE postgres SET TABLESPACE pg_default
CREATE TABLESPACE made LOCATION '/nowhere'
DROP TABLESPACE pg_default
CLUSTER"""),
    (14, "postgres", """
ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY
ALTER TABLE p DETACH PARTITION loose CONCURRENTLY
ALTER TABLE p DETACH PARTITION d1 CONCURRENTLY
ALTER TABLE p DETACH PARTITION nowhere CONCURRENTLY
ALTER TABLE nowhere DETACH PARTITION p1 CONCURRENTLY
ALTER TABLE IF EXISTS nowhere DETACH PARTITION p1 CONCURRENTLY
ALTER TABLE t DETACH PARTITION p1 CONCURRENTLY
ALTER TABLE d DETACH PARTITION d1 CONCURRENTLY
ALTER TABLE d DETACH PARTITION d_rest CONCURRENTLY
ALTER TABLE v DETACH PARTITION p1 CONCURRENTLY
REINDEX TABLE CONCURRENTLY p
REINDEX INDEX CONCURRENTLY p_x
REINDEX (CONCURRENTLY, TABLESPACE pg_global) TABLE t
REINDEX (CONCURRENTLY, TABLESPACE nowhere) TABLE t
REINDEX (CONCURRENTLY, TABLESPACE nowhere) INDEX t_x"""),
    (14, "nobody", """
ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY"""),
    (15, "postgres", """
CLUSTER p USING p_x
CLUSTER p USING nowhere
CLUSTER p"""),
] for statement in statements.strip().splitlines()]

# What no catalog tells, or only the file system: a dry run does not run it, and says so.
UNFORESEEN = {"CREATE TABLESPACE made LOCATION '/nowhere/at/all'", "ALTER SYSTEM SET work_mem = 'nowhere'"}

cluster = Cluster()
cluster.database("forms", SETUP, """
GRANT ALL ON SCHEMA public TO nobody; GRANT USAGE ON SCHEMA confiture TO nobody;
GRANT ALL ON ALL TABLES IN SCHEMA confiture TO nobody; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO nobody;
GRANT EXECUTE ON ALL PROCEDURES IN SCHEMA confiture TO nobody""")
# What a run leaves outside of its database.
CLEAN = "DROP DATABASE IF EXISTS made; ALTER SYSTEM RESET ALL"
sessions, version = {}, 0


def session(name, role):
    """Of a copy that is as it was before; what is refused leaves it so."""
    if name not in sessions:
        cluster.sql(f"DROP DATABASE IF EXISTS {name}")
        cluster.sql(f"CREATE DATABASE {name} TEMPLATE forms")
        sessions[name] = cluster.session(name)
    sessions[name].run(f"SET SESSION AUTHORIZATION {role}")
    return sessions[name]


def end(name):
    sessions.pop(name).kill()


def error_of(answer):
    """SQLSTATE and message."""
    found = re.search(r"^(?:ERROR|FATAL):  (\w{5}): (.*)$", answer.messages, re.MULTILINE)
    return found and found.groups()


for since, role, statement in FORMS:
    if cluster.version < since:
        continue
    name = statement if role == "postgres" else f"{statement} by {role}"
    refused = error_of(session("plain", role).run(statement))
    cluster.sql(CLEAN)
    applied = session("applied", role)
    version += 1
    applied.run(f"SELECT confiture.register_migration('{version}', 'one', {quoted(statement)})")
    dry = {}
    for policy in ("auto", "emulate", "predict"):
        answer = applied.run("SELECT success, stats -> 'error' ->> 'sqlstate', stats -> 'error' ->> 'message' "
                             f"FROM confiture.dry_run('{version}', options => '{{\"concurrently\": \"{policy}\"}}')")
        dry[policy] = answer.value if answer.state is None else answer.messages
    planned = applied.run("SELECT coalesce(string_agg(reason, '; ') FILTER (WHERE certainty = 'unknown'), '') "
                          f"FROM confiture.plan('{version}')")
    up = applied.run("CALL confiture.up()")
    cluster.sql(CLEAN)
    after = applied.run("SELECT (SELECT status FROM confiture.history ORDER BY id DESC LIMIT 1), (SELECT count(*) FROM confiture.journal)").value
    if refused is None:
        ok(not any(answer.startswith("f|") for answer in dry.values()) and "refuses" not in planned.value,
           f"it runs, and neither a dry run nor the plan says no: {name}", dry, repr(planned))
        equal((error_of(up), after), (None, "succeeded|0"), f"and it is applied: {name}")
        end("plain")
        end("applied")
        continue
    state, message = refused
    if statement not in UNFORESEEN:
        equal(set(dry.values()), {f"f|{state}|{message}"}, f"each dry run says no: {name}")
        ok(message in planned.value, f"and the plan: {name}", f"psql {refused}", repr(planned))
    found = error_of(up)
    ok(found and found[0] == state and message in found[1] and after == "failed|0", f"and nothing is left begun: {name}",
       f"psql {refused}", repr(up), after)
    applied.run(f"SELECT confiture.register_migration('{version}', 'one', 'SELECT 1')")
    equal(error_of(applied.run("CALL confiture.up()")), None, f"and the next one goes through: {name}")

done()
