#!/usr/bin/env python3
"""Statements that run in the background worker, while temporary objects of the session hide permanent ones of the same name:
the worker works on what the session sees, or the statement is refused and nothing is touched."""
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
TABLES = """CREATE TABLE t (a int, b text);
INSERT INTO t SELECT n, n::text FROM generate_series(1, 50) n;
CREATE INDEX six ON t (a);
CREATE TABLE parent (a int) PARTITION BY LIST (a);
CREATE TABLE child PARTITION OF parent FOR VALUES IN (1);
CREATE TYPE kind AS ENUM ('1', '2');
CREATE FUNCTION public.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT $1';
CREATE TABLE seen (what text);
CREATE PROCEDURE writes() LANGUAGE plpgsql AS $$BEGIN INSERT INTO t VALUES (0, ''); COMMIT; END$$"""
# What was there before, byte for byte: definitions, files, statistics.
STATE = """SELECT string_agg(concat_ws(' ', c.oid, c.relname, c.relnamespace::regnamespace, c.relfilenode), E'\\n' ORDER BY c.oid)
    FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace;
SELECT string_agg(inhrelid::text, ',') FROM pg_inherits; SELECT count(*) FROM t"""
SHADOWS = {"t": "CREATE TEMP TABLE t (a int, b text)", "six": "CREATE TEMP TABLE u (a int); CREATE INDEX six ON u (a)",
           "parent": "CREATE TEMP TABLE parent (a int) PARTITION BY LIST (a)", "child": "CREATE TEMP TABLE child (a int)",
           "kind": "CREATE TYPE pg_temp.kind AS ENUM ('1', '2')"}
REFUSED = [
    ("t", "CREATE INDEX CONCURRENTLY made ON t (a)"), ("t", "CREATE INDEX CONCURRENTLY IF NOT EXISTS made ON t (a)"), ("t", "CREATE UNIQUE INDEX CONCURRENTLY ON t (a)"),
    ("six", "DROP INDEX CONCURRENTLY six"), ("six", "DROP INDEX CONCURRENTLY IF EXISTS six"), ("six", "REINDEX INDEX CONCURRENTLY six"),
    ("t", "REINDEX TABLE CONCURRENTLY t"), ("t", "VACUUM t"), ("t", "VACUUM FULL t"), ("t", "VACUUM (ANALYZE) seen, t"), ("child", "VACUUM child"),
    ("kind", "CREATE INDEX CONCURRENTLY made ON t ((b::kind))"), ("kind", "CREATE INDEX CONCURRENTLY made ON t (a) WHERE b::kind = '1'"),
    ("kind", "CREATE INDEX CONCURRENTLY made ON t ((ARRAY[b]::kind[]))"),
]
if cluster.version >= 14:
    REFUSED += [("parent", "ALTER TABLE parent DETACH PARTITION child CONCURRENTLY"), ("child", "ALTER TABLE parent DETACH PARTITION child CONCURRENTLY"),
                ("parent", "REINDEX TABLE parent")]
number = 0
cluster.database("shadowed", TABLES)
for shadow, statement in REFUSED:
    number += 1
    before = cluster.sql(STATE, "shadowed")
    session = cluster.session("shadowed")
    session.run(SHADOWS[shadow])
    session.run(f"SELECT confiture.register_migration('{number}', 'm', {quoted(statement)})")
    answer = session.run("CALL confiture.up()")
    ok(answer.state == "MG010" and "temporary" in answer.messages and "HINT:" in answer.messages, f"{statement} where {shadow} is hidden: it is refused", repr(answer))
    equal(cluster.sql(STATE, "shadowed"), before, f"{statement} where {shadow} is hidden: nothing is touched")
    if "INDEX" in statement and "REINDEX" not in statement:
        dry = session.run(f"SELECT success, stats -> 'error' ->> 'sqlstate' FROM confiture.dry_run('{number}')")
        equal(dry.value, "f|MG010", f"{statement} where {shadow} is hidden: a dry run says so")
    session.run(f"SELECT confiture.unregister_migration('{number}')")
    session.kill()

# The script itself makes the temporary object, in a step before.
for statement, shadow in (("DROP INDEX CONCURRENTLY six", "CREATE TEMP TABLE u (a int);\nCREATE INDEX six ON u (a)"), ("VACUUM FULL t", "CREATE TEMP TABLE t (a int)")):
    number += 1
    before = cluster.sql(STATE, "shadowed")
    session = cluster.session("shadowed")
    session.run(f"SELECT confiture.register_migration('{number}', 'm', {quoted(f'{shadow};{statement}')})")
    answer = session.run("CALL confiture.up()")
    ok(answer.state == "MG010" and "1 is done" in answer.messages, f"{statement} after a step that hides it: it is refused", repr(answer))
    equal(cluster.sql(STATE, "shadowed"), before, f"{statement} after a step that hides it: nothing is touched")
    answer = cluster.session("shadowed").run("CALL confiture.up()")
    equal((answer.state, cluster.sql(STATE, "shadowed")), ("MG015", before), f"{statement} after a step that hides it: neither in another session")
    session.run(f"SELECT confiture.repair('{number}', 'abandon')")
    session.run(f"SELECT confiture.unregister_migration('{number}')")
    session.kill()

# Code that nobody reads.
for statement in ("CALL writes()", "DO $$BEGIN INSERT INTO t VALUES (0, ''); COMMIT; END$$"):
    number += 1
    before = cluster.sql(STATE, "shadowed")
    session = cluster.session("shadowed")
    session.run("CREATE TEMP TABLE t (a int, b text)")
    script = f"-- confiture: no-transaction\n{statement}"
    session.run(f"SELECT confiture.register_migration('{number}', 'm', {quoted(script)})")
    answer = session.run("CALL confiture.up()")
    ok(answer.state == "MG010", f"{statement} with a temporary table: it is refused", repr(answer))
    equal(cluster.sql(STATE, "shadowed"), before, f"{statement} with a temporary table: nothing is touched")
    session.run("DROP TABLE t")
    answer = session.run("CALL confiture.up()")
    equal((answer.state, cluster.sql("SELECT count(*) FROM t", "shadowed")), (None, str(int(before.rsplit("\n", 1)[1]) + 1)), f"{statement} without it: it runs")

# What is named with its schema, or hidden by nothing, runs.
number += 1
session = cluster.session("shadowed")
for shadow in ("CREATE TEMP TABLE t (a int, b text)", "CREATE TEMP TABLE u (a int)", "CREATE INDEX six ON u (a)", "CREATE TYPE pg_temp.kind AS ENUM ('1')"):
    session.run(shadow)
session.run(f"""SELECT confiture.register_migration('{number}', 'm', 'CREATE INDEX CONCURRENTLY made ON public.t ((b::text));
CREATE INDEX CONCURRENTLY IF NOT EXISTS six ON public.t (b); VACUUM public.t; DROP INDEX CONCURRENTLY public.made; REINDEX INDEX CONCURRENTLY public.six')""")
answer = session.run("CALL confiture.up()")
equal(answer.state, None, "with their schemas the permanent ones are worked on")
equal(cluster.sql("SELECT string_agg(indexrelid::regclass::text, ',') FROM pg_index WHERE indrelid = 'public.t'::regclass", "shadowed"), "six", "and no others")

# DISCARD ALL would discard nothing of the session: what follows would hit what the session was to forget.
cluster.database("discarded", "CREATE SCHEMA tenant; CREATE TABLE public.o (a int); CREATE TABLE tenant.o (a int); INSERT INTO public.o VALUES (1); INSERT INTO tenant.o VALUES (1)")
session = cluster.session("discarded")
session.run("SELECT confiture.register_migration('1', 'm', 'SET search_path = tenant; SELECT 1; DISCARD ALL; DELETE FROM o')")
answer = session.run("CALL confiture.up()")
equal((answer.state, cluster.sql("SELECT (SELECT count(*) FROM public.o), (SELECT count(*) FROM tenant.o)", "discarded")), ("MG010", "1|1"), "DISCARD ALL is refused")

# Attack: the name is given to another index between the look and the work.
cluster.database("swapped", TABLES + """;
CREATE INDEX seven ON t (b);
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_catalog.pg_advisory_xact_lock(4711); RETURN NULL; END$$;
CREATE TRIGGER gate AFTER INSERT ON confiture.journal FOR EACH ROW EXECUTE FUNCTION gate()""")
holder, swapper, migrator = (cluster.session("swapped") for _ in range(3))
WAITS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
INDEXES = "SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY indexrelid) FROM pg_index WHERE indrelid = 't'::regclass"
migrator.run("SELECT confiture.register_migration('1', 'm', 'DROP INDEX CONCURRENTLY six')")
holder.run("SELECT pg_advisory_lock(4711)")
migrator.start("CALL confiture.up()")
wait_until(lambda: cluster.sql(WAITS, "swapped") == "1")
for statement in ("ALTER INDEX six RENAME TO old", "ALTER INDEX seven RENAME TO six"):
    swapper.run(statement)
holder.run("SELECT pg_advisory_unlock(4711)")
answer = migrator.finish()
ok(answer.state == "MG015" and "mean something else" in answer.messages, "attack: an index swapped before the worker begins: it is refused", repr(answer))
equal(cluster.sql(INDEXES, "swapped"), "old,six", "attack: neither index is dropped")
answer = migrator.run("CALL confiture.up()")
equal((answer.state, cluster.sql(INDEXES, "swapped")), (None, "old"), "then the name is looked up anew")

# Attack: another function by the same name.
cluster.sql("SELECT confiture.register_migration('2', 'm', 'CREATE INDEX CONCURRENTLY computed ON t (f(a))')", "swapped")
holder.run("SELECT pg_advisory_lock(4711)")
migrator.start("CALL confiture.up()")
wait_until(lambda: cluster.sql(WAITS, "swapped") == "1")
for statement in ("CREATE SCHEMA postgres", "CREATE FUNCTION postgres.f(int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 0'"):
    swapper.run(statement)
holder.run("SELECT pg_advisory_unlock(4711)")
answer = migrator.finish()
equal((answer.state, cluster.sql("SELECT count(*) FROM pg_class WHERE relname = 'computed'", "swapped")), ("MG015", "0"), "attack: a function put before another: it is refused")
done()
