#!/usr/bin/python3
"""Through PgBouncer in transaction mode: a CALL is one transaction to it however often it commits, and who gets the server
connection next finds nothing of ours on it."""
import os
import re
import shutil
import subprocess
from clients import PASSWORD, Jdbc, NodePostgres, Psycopg, Psycopg2, free_port, left_out
from sessions import Cluster, done, equal, left_behind, ok, quoted, scratch_folder, skip, wait_until

program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
if not program:
    ok(False, "PgBouncer is there", "no pgbouncer, which scripts/setup or scripts/version-root installs")
    done()
version = tuple(map(int, re.findall(r"\d+", subprocess.run([program, "--version"], capture_output=True, text=True).stdout)[:2]))
port = free_port()  # the server's too: both listen in a folder, and PgBouncer for JDBC on the loopback
cluster = Cluster(f"port={port}")
cluster.sql("CREATE ROLE migrator LOGIN SUPERUSER")
folder = scratch_folder()
(folder / "users").write_text(f'"migrator" "{PASSWORD}"\n')
(folder / "hba").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
# One server connection for everybody.  JDBC asks for a setting that PgBouncer does not know.
(folder / "settings").write_text(f"""
[databases]
* = host={cluster.host} port={port}
[pgbouncer]
pool_mode = transaction
default_pool_size = 1
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir = {folder}
auth_type = hba
auth_hba_file = {folder}/hba
auth_file = {folder}/users
ignore_startup_parameters = extra_float_digits
logfile = {folder}/log
""")
if os.getuid() == 0:
    subprocess.run(["chown", "-R", "postgres:", folder], check=True)
# It ends with this program, however that ends.
cluster.sessions.append(subprocess.Popen(
    [*cluster.as_server, "setpriv", "--pdeathsig=KILL", program, "-q", folder / "settings"], stdin=subprocess.DEVNULL))
if not ok(wait_until(lambda: (folder / f".s.PGSQL.{port}").exists(), 20), "PgBouncer listens",
          (folder / "log").read_text() if (folder / "log").exists() else "no log"):
    done()


def register(database, scripts):
    for version, script in scripts.items():
        cluster.sql(f"SELECT confiture.register_migration('{version}', 'm{version}', {quoted(script)})", database)


def statuses(database):
    return cluster.sql("SELECT string_agg(status, ' ' ORDER BY version) FROM confiture.status", database)


def applied(answer, count, version, name):
    row = answer.rows[0] if answer.rows else {}
    ok(answer.error is None and row.get("applied") == count and row.get("current_version") == version, name, repr(answer))


def server_connections(database):
    """Each as its process and what that waits for."""
    return cluster.sql(f"SELECT string_agg(concat_ws(' ', pid, wait_event), ',') FROM pg_stat_activity WHERE usename = 'migrator'"
                       f" AND datname = '{database}' AND backend_type = 'client backend'", database)


def calls(client, kind, name, database, other):
    """up() by one client; after each of its calls another one looks at the same server connection."""
    server = server_connections(database).split()[0]
    client.run("simple", "SELECT 1")  # JDBC has a setting of its own with its first statement
    before = left_behind(other)

    def nothing_left(what):
        equal(server_connections(database).split()[0], server, f"{name}, {what}: the next client has the same server connection")
        equal(left_behind(other), before, f"{name}, {what}: and finds nothing of ours on it")

    def up(target):
        if kind == "simple":
            return client.run(kind, f"CALL confiture.up(target => '{target}')")
        return client.run(kind, "CALL confiture.up(target => ?)", target)

    register(database, {"001": "CREATE TABLE t (id int PRIMARY KEY); DO $$ BEGIN RAISE NOTICE 'one'; END $$",
                        "002": "SET search_path = pg_catalog; INSERT INTO public.t VALUES (1);"
                               "CREATE INDEX CONCURRENTLY t_id ON public.t (id); ALTER TABLE public.t ADD COLUMN note text",
                        "003": "SET work_mem = '7MB'; INSERT INTO t VALUES (2); INSERT INTO t VALUES (1)"})
    answer = up("002")
    applied(answer, 2, "002", f"{name}, up")
    equal([notice["message"][:3] for notice in answer.notices], ["one", "mig", "mig"], f"{name}: notices arrive")
    nothing_left("after up()")
    answer = up("003")
    ok(answer.state == "23505" and "Key (id)=(1) already exists." in answer.error["detail"], f"{name}: an error arrives", repr(answer))
    nothing_left("after an error")
    client.run("simple", "BEGIN")
    answer = up("003")
    ok(answer.state == "MG010" and "autocommit" in answer.error["hint"], f"{name}, inside BEGIN: MG010 with its hint", repr(answer))
    client.run("simple", "ROLLBACK")
    nothing_left("after ROLLBACK")


def long_calls(client, name, database, other):
    """What others see while it is at work, a cancel, and a client that goes."""
    def asleep():
        return wait_until(lambda: "PgSleep" in server_connections(database), 20)

    register(database, {"003": "INSERT INTO t VALUES (3)", "004": "SELECT pg_sleep(0.5)", "005": "INSERT INTO t VALUES (5)"})
    client.start("simple", "CALL confiture.up()")
    ok(asleep(), f"{name}: it has committed once")
    other.start("SELECT count(*) FROM t WHERE id > 2")
    applied(client.finish(), 3, "005", f"{name}: three more")
    equal(other.finish().value, "2", f"{name}: who asked in the middle got the server connection at the end")

    register(database, {"006": "INSERT INTO t VALUES (6)", "007": "SELECT pg_sleep(60)"})
    if version < (1, 16):
        skip(f"{name}: a cancel", "PgBouncer passes one on to a full pool from version 1.16 on")
    else:
        client.start("simple", "CALL confiture.up()")
        ok(asleep(), f"{name}: it sleeps")
        before = server_connections(database).split()[0]
        client.cancel()
        equal(client.finish().state, "57014", f"{name}: a cancel goes through")
        equal(statuses(database)[-14:], "applied failed", f"{name}: what came before it stays applied")
        equal(server_connections(database).split()[0], before, f"{name}: the server connection is used on")

    register(database, {"007": "SELECT pg_sleep(1)", "008": "INSERT INTO t VALUES (8)"})
    client.start("simple", "CALL confiture.up()")
    ok(asleep(), f"{name}: it sleeps again")
    client.kill()
    answer = other.run("CALL confiture.up()")
    ok(answer.state is None, f"{name}: after a client that went, another goes on", repr(answer))
    equal(statuses(database), " ".join(["applied"] * 8), f"{name}: and all is applied")


WAYS = {Psycopg2: {}, Psycopg: {}, NodePostgres: {}, Jdbc: {"prepareThreshold": 0}}
for number, (library, properties) in enumerate(WAYS.items()):
    if left_out(cluster, library):
        continue
    for kind in library.kinds[:2]:
        name = f"{library.name} {kind}"
        database = f"client_{number}_{kind}"
        cluster.database(database)
        host = "127.0.0.1" if library is Jdbc else folder
        client = library(database, host, port, "migrator", PASSWORD, **properties)
        other = cluster.session(database, "migrator", folder)
        calls(client, kind, name, database, other)
        if library is NodePostgres and kind == "extended":  # a program of its own, that can be killed
            long_calls(client, name, database, other)
        else:
            client.close()
done()
