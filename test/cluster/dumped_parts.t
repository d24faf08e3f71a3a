#!/usr/bin/env python3
"""Dumps of a part of a database: what becomes of confiture's own, with the extension in the target and without, and what docs/apply.md
says to do then."""
from sessions import Cluster, done, equal, ok, scratch_folder

cluster = Cluster()
folder = scratch_folder()
REGISTER = [f"SELECT confiture.register_migration('{version}', 'number {version}', 'CREATE TABLE app.of_{version} (id int)')" for version in ("001", "002")]
cluster.database("source", "CREATE SCHEMA app", *REGISTER, "CALL confiture.up()")
STATUS = "SELECT coalesce(string_agg(version || ' ' || status, ',' ORDER BY version), 'nothing') FROM confiture.status"
TABLES = "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE relnamespace = 'app'::regnamespace"
WITH = "CREATE EXTENSION confiture"


def restored(name, options, before=""):
    file = folder / "dump"
    equal(cluster.program("pg_dump", "-d", "source", "-f", file, *options).returncode, 0, f"{name}: it dumps")
    cluster.sql(f'CREATE DATABASE "{name}"')
    cluster.sql(before, name)
    answer = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-d", name, "-f", file)
    equal(cluster.sql(TABLES, name), "of_001,of_002", f"{name}: the rest is restored")
    return answer.stderr


def recovers(name):
    """Registered again, what is there is applied for confiture too."""
    equal(cluster.sql(STATUS, name), "nothing", f"{name}: confiture knows of nothing")
    session = cluster.session(name)
    for call in REGISTER:
        session.run(call)
    answer = session.run("CALL confiture.up()")
    ok(answer.state == "42P07" and "confiture.baseline('001')" in answer.messages, f"{name}: what is there already is met at once, and the HINT says what to do", answer.messages)
    equal(session.run("SELECT string_agg(version, ',') FROM confiture.baseline('002')").value, "001,002", f"{name}: baseline() says that it is there")
    equal((session.run("CALL confiture.up()").state, cluster.sql(STATUS, name)), (None, "001 applied,002 applied"), f"{name}: and up() is content")


for name, options in {"without its schema": ["-N", "confiture"], "of one schema": ["-n", "app"]}.items():
    errors = restored(name, options)
    equal(cluster.sql("SELECT count(*) FROM pg_extension WHERE extname = 'confiture'", name), "0", f"{name}: the extension is not there")
    equal('schema "confiture" does not exist' in errors, "-N" in options, f"{name}: as psql says where the dump names it")
    cluster.sql(WITH, name)
    recovers(name)
    errors = restored(f"{name}, beside the extension", options, WITH)
    equal(errors, "", f"{name}: no error where the extension was made before")
    recovers(f"{name}, beside the extension")
equal(restored("schema only", ["--schema-only"]), "", "schema only: no error")
recovers("schema only")
restored("whole, beside the extension", [], WITH)
equal(cluster.sql(STATUS, "whole, beside the extension"), "001 applied,002 applied", "a whole dump brings history and migrations, also beside an empty extension")
errors = restored("whole, beside migrations", [], f"{WITH}; {REGISTER[0]}")
ok("duplicate key" in errors, "beside registered migrations it collides, and psql says so", errors)
done()
