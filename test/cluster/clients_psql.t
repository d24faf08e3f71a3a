#!/usr/bin/python3
"""psql calls confiture.up() in each of its ways, and pipelines of psycopg do: what is a transaction is refused, what is none
works, and Ctrl-C ends it."""
import signal
from clients import Psycopg, left_out
from sessions import Cluster, done, equal, ok, skip, wait_until

cluster = Cluster()
cluster.database("shop")
version = 0


def one_more(script="SELECT 1"):
    """Registers a migration that is to come next; its version."""
    global version
    version += 1
    cluster.sql(f"SELECT confiture.register_migration('{version}', 'm', $script${script}$script$)", "shop")
    return str(version)


def psql(*arguments, text=""):
    return cluster.program("psql", "-X", "-A", "-t", "-d", "shop", "-v", "VERBOSITY=verbose", *arguments, input=text)


def last_applied():
    return cluster.sql("SELECT max(version::int) FROM confiture.status WHERE status = 'applied'", "shop")


def works(name, *arguments, text=""):
    expected = one_more()
    answer = psql(*arguments, text=text)
    ok(f"1|{expected}|" in answer.stdout and "ERROR" not in answer.stderr, f"{name}: works", answer.stdout, answer.stderr)


def refused(name, *arguments, text=""):
    before = last_applied()
    one_more()
    answer = psql(*arguments, text=text)
    ok("ERROR:  MG010: confiture.up() cannot run inside a transaction" in answer.stderr
       and "HINT:  Run CALL confiture.up() on its own, with autocommit on." in answer.stderr, f"{name}: is refused, and why", answer.stderr)
    equal(last_applied(), before, f"{name}: and nothing is applied")
    psql("-c", "CALL confiture.up()")


works("-c", "-c", "CALL confiture.up()")
works("a script", text="CREATE TABLE t (id int);\nCALL confiture.up();\nDROP TABLE t;\n")
works("a script with SET before it", text="SET confiture.lock_timeout = '1s';\nCALL confiture.up();\n")
works("two -c", "-c", "SELECT 1", "-c", "CALL confiture.up()")
works("a DO block", text="DO $$ DECLARE done int; at text; ms float8; next text;"
      " BEGIN CALL confiture.up(NULL, 1, done, at, ms, next); RAISE NOTICE '%', at; END $$;\n"
      "SELECT 1, max(version::int), '' FROM confiture.status WHERE status = 'applied'")
refused("two statements in one -c", "-c", "SELECT 1; CALL confiture.up()")
refused("-1", "-1", "-c", "CALL confiture.up()")
refused("AUTOCOMMIT off", "-v", "AUTOCOMMIT=off", "-c", "CALL confiture.up()")
refused("BEGIN", text="BEGIN;\nCALL confiture.up();\nROLLBACK;\n")
refused("two statements in one message", text="SELECT 1\\; CALL confiture.up();\n")
cluster.sql("CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql AS"
            " 'DECLARE done int; at text; ms float8; next text; BEGIN CALL confiture.up(NULL, 1, done, at, ms, next); END'", "shop")
refused("a function", "-c", "SELECT calls()")
if cluster.version >= 16:
    works("the extended protocol", text=f"CALL confiture.up(target => $1) \\bind {version + 1} \\g\n")
else:
    skip("the extended protocol", "psql has \\bind from version 16 on")

# Ctrl-C, at a statement of a transaction and at one in the worker; a psql that reads no keyboard ends with it.
def interrupted(script, begun, name):
    one_more(script)
    session = cluster.session("shop")
    session.run("SET confiture.lock_timeout = '200ms'")
    session.start("CALL confiture.up()")
    ok(wait_until(lambda: cluster.sql(begun.format(session.pid), "shop") == "t"), f"{name} is begun")
    session.process.send_signal(signal.SIGINT)
    equal(session.finish().state, "57014", f"{name}: Ctrl-C ends it")


INVALID = "SELECT count(*) = 1 FROM pg_index WHERE NOT indisvalid"
interrupted("SELECT pg_sleep(60)", "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {}", "a long statement")
cluster.sql(f"SELECT confiture.unregister_migration('{version}'); CREATE TABLE busy (id int)", "shop")
other = cluster.session("shop")
other.run("BEGIN; INSERT INTO busy VALUES (1)")
interrupted("CREATE INDEX CONCURRENTLY busy_id ON busy (id)", INVALID, "an index on a table in use")
equal(cluster.sql(f"SELECT status FROM confiture.status WHERE version = '{version}'", "shop"), "interrupted",
      "an index on a table in use: nobody waits to take it away, and the state is known")
other.run("ROLLBACK")
equal(psql("-c", "CALL confiture.up()").stdout.split("|")[:2], ["1", str(version)], "an index on a table in use: the next up() makes it")
equal(cluster.sql(INVALID, "shop"), "f", "an index on a table in use: and it is valid")

# A pipeline of psycopg has no transaction around its first statement; the others are in one with it from PostgreSQL 18 on,
# and before that in one of their own.
if left_out(cluster, Psycopg):
    done()
import psycopg
cluster.sql("CREATE TABLE piped (id int)", "shop")
connection = psycopg.connect(host=cluster.host, port=cluster.port, user="postgres", dbname="shop", autocommit=True)


def piped(*statements):
    """The SQLSTATE of the pipeline, None where it has gone through, and what piped has then."""
    state = None
    try:
        with connection.pipeline():
            for statement in statements:
                connection.execute(statement)
    except psycopg.Error as error:
        state = error.sqlstate
    return state, connection.execute("SELECT string_agg(id::text, ' ' ORDER BY id) FROM piped").fetchone()[0]


one_more("INSERT INTO piped VALUES (1)")
equal(piped("CALL confiture.up()", "INSERT INTO piped VALUES (2)"), (None, "1 2"), "first in a pipeline: works")
one_more("INSERT INTO piped VALUES (4)")
found = piped("INSERT INTO piped VALUES (3)", "CALL confiture.up()", "INSERT INTO piped VALUES (5)")
ok(found == ("MG010", "1 2") or (found == (None, "1 2 3 4 5") and cluster.version < 18),
   "behind a statement in a pipeline: is refused, or works where that is no transaction", found)
psql("-c", "CALL confiture.up()")
before = piped()[1]
one_more("SELECT 1 / 0")
equal(piped("CALL confiture.up()", "INSERT INTO piped VALUES (6)"), ("22012", before),
      "in a pipeline: its error arrives, and what comes after it is not run")
connection.close()
done()
