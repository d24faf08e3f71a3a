#!/usr/bin/env python3
"""Input near the limits of the server: a clear error or a result, within bounded memory, and the session usable after."""
import os
import pathlib
import re
from sessions import TOP, Cluster, done, equal, note, ok, scratch_folder

GIGABYTE, MEGABYTE = 2**30, 2**20
LIMIT = 256 * MEGABYTE
cluster = Cluster()
# The texts are kept compressed: what an argument weighs is known without unpacking it.
cluster.database("huge", f"""
CREATE TABLE huge AS SELECT repeat('SELECT 1;', 111111111) AS script;
CREATE TABLE large AS SELECT repeat('x', {200 * MEGABYTE}) AS content""")
session = cluster.session("huge")
folder = scratch_folder()


def megabytes():
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{session.pid}/status").read_text())[1]) // 1024


def asked(request, most_megabytes):
    """The answer, in a session of its own, whose memory must not have gone beyond so much."""
    global session
    session.kill()
    session = cluster.session("huge")
    answer = session.run(request, 200)
    peak = megabytes() if not answer.lost else "unknown"
    note(f"{request[:90]}: peak {peak} MB, {answer.seconds:.1f} s")
    ok(not answer.lost and peak < most_megabytes, f"{request[:60]}: less than {most_megabytes} MB", repr(answer), peak)
    equal(session.run("SELECT success FROM confiture.dry_run_sql('SELECT 1')").value, "t", f"{request[:60]}: the session is usable")
    return answer


def refused(request, message, most_megabytes=100, name=None):
    answer = asked(request, most_megabytes)
    ok(answer.state == "MG005" and message in answer.messages, f"{name or request[:60]}: is refused", repr(answer))


size = session.run("SELECT octet_length(script) FROM huge").value
too_large = "argument {} is too large\nDETAIL:  It has " + size + f" bytes; the limit is {LIMIT}.\nHINT:  "
SCRIPT = "(SELECT script FROM huge)"
for number, request in ((1, "dry_run_sql({})"), (1, "dry_run({})"), (1, "plan({})"), (1, "register_migration({}, 'a', 'SELECT 1')"),
                        (2, "register_migration('1', {}, 'SELECT 1')"), (3, "register_migration('1', 'a', {})"),
                        (4, "register_migration('1', 'a', 'SELECT 1', {})"), (5, "register_migration('1', 'a', 'SELECT 1', NULL, {})"),
                        (1, "unregister_migration({})"), (1, "load_migrations({})"), (2, f"load_migrations('{folder}', {{}})")):
    refused("SELECT * FROM confiture." + request.format(SCRIPT), too_large.format(number))
# Unpacked, as a text from a client is.
refused("SELECT confiture.dry_run_sql(repeat('x', 300000000))", "argument 1 is too large\nDETAIL:  It has 300000000 bytes", 650)

refused("SELECT confiture.register_migration(repeat('1', 201), 'a', 'SELECT 1')",
        "version of a migration is too long\nDETAIL:  It has 201 bytes; the limit is 200.")
refused(f"SELECT confiture.register_migration('1', repeat('a', 1001), 'SELECT 1')",
        "name of a migration is too long\nDETAIL:  It has 1001 bytes; the limit is 1000.")
refused("SELECT confiture.dry_run(repeat('1', 200000000))", "version of a migration is too long\nDETAIL:  It has 200000000 bytes", 1200)
equal(session.run("SELECT confiture.register_migration(repeat('1', 200), repeat('a', 1000), 'SELECT 1')").value, "added",
      "the longest version and name are taken")
session.run("SELECT confiture.unregister_migration(repeat('1', 200))")

# ---- files ----


def sparse(name, size):
    with open(folder / name, "wb") as file:
        file.truncate(size)


sparse("1_one.sql", GIGABYTE)
LOAD = f"SELECT * FROM confiture.load_migrations('{folder}')"
refused(LOAD, f'file "1_one.sql" is too large\nDETAIL:  It has {GIGABYTE} bytes; the limit is {LIMIT}.', name="a file of 1 GB")
client = cluster.program(TOP / "scripts" / "confiture-load", folder, "-d", "huge")
ok(client.returncode != 0 and "1_one.sql has more than 256 MB" in client.stderr, "confiture-load refuses it before it is sent",
   client.stdout + client.stderr)
sparse("1_one.sql", LIMIT + 1)
refused(LOAD, f"It has {LIMIT + 1} bytes", name="a byte too much")
for number in (1, 2, 3):
    sparse(f"{number}_one.sql", 200 * MEGABYTE)
refused(LOAD, "folder is too large\nDETAIL:  Its files have more than 536870912 bytes.", 600, "a folder of 600 MB")
for number in (1, 2, 3):
    os.unlink(folder / f"{number}_one.sql")

session.run("CREATE TABLE one_file AS SELECT '1_one.sql'::text AS path, script AS content FROM huge")
refused("SELECT * FROM confiture.load_files('one_file')", f'file "1_one.sql" is too large\nDETAIL:  It has {size} bytes', name="a row of 1 GB")
session.run("CREATE TABLE files AS SELECT n || '_one.sql' AS path, content FROM large, generate_series(1, 3) n")
refused("SELECT * FROM confiture.load_files('files')", "folder is too large", name="rows of 600 MB")

# ---- what is large and allowed ----

line = b"-- 0123456789abc\n"
(folder / "1_one.sql").write_bytes(line * (64 * MEGABYTE // len(line)) + b"SELECT 1")
equal(asked(LOAD, 800).rows, ["1|one|added"], "a file of 64 MB is loaded")
equal(asked("SELECT success FROM confiture.dry_run('1')", 500).value, "t", "and dry-run")
answer = asked(f"SELECT success, length(stats::text) FROM confiture.dry_run_sql('SELECT ''' || repeat('x', {48 * MEGABYTE}) || '''')", 700)
ok(re.fullmatch(r"t\|\d{1,5}", answer.value or ""), "a literal of 48 MB works, and is not told whole", repr(answer))

# Millions of statements take their time before the first of them runs: a timeout ends that too.
answer = asked("SET statement_timeout = '300ms'; SELECT confiture.dry_run_sql(repeat('SELECT 1;', 12000000))", 1000)
ok(answer.state == "57014" and answer.seconds < 3, "a timeout ends the splitting of a script", repr(answer))
done()
