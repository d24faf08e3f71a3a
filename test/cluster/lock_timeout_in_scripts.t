#!/usr/bin/env python3
"""A script that SETs lock_timeout: it may ask for less than the lock policy, but more of it only by the directive."""
import json
import time
from sessions import Cluster, done, equal, ok, quoted

cluster = Cluster("autovacuum=off")
TABLES = """CREATE TABLE target (id int); CREATE TABLE other (id int);
CREATE FUNCTION patient() RETURNS void LANGUAGE plpgsql SET lock_timeout = 0 AS $$ BEGIN LOCK target; END $$;
CREATE FUNCTION stubborn() RETURNS void LANGUAGE plpgsql AS $$ BEGIN SET lock_timeout = 0;
  BEGIN LOCK target; EXCEPTION WHEN query_canceled THEN NULL; END; END $$"""
ADD = "ALTER TABLE target ADD extra int"
SCRIPTS = {
    "zero": f"SET lock_timeout = 0;\n{ADD}",
    "local": f"SET LOCAL lock_timeout = 0;\n{ADD}",
    "session": f"SET SESSION lock_timeout TO '0';\n{ADD}",
    "set_config": f"SELECT set_config('lock_timeout', '0', false);\n{ADD}",
    "set_config local": f"SELECT set_config('lock_timeout', '0', true);\n{ADD}",
    "reset": f"RESET lock_timeout;\n{ADD}",
    "default": f"SET lock_timeout TO DEFAULT;\n{ADD}",
    "reset all": f"RESET ALL;\n{ADD}",
    "an hour": f"SET lock_timeout = '1h';\n{ADD}",
    "in a block": f"DO $$ BEGIN PERFORM set_config('lock_timeout', '0', true); ALTER TABLE target ADD extra int; END $$",
    "in a function": "SELECT patient()",
    "in a later step": f"SET lock_timeout = 0;\nCOMMIT;\n{ADD}",
    "in the worker": "SET lock_timeout = 0;\nVACUUM FULL target",
    "in a hook": f"SELECT 1;\n-- confiture: phase=BEFORE_DDL name=h\nDO $$ BEGIN SET lock_timeout = 0; LOCK target; END $$",
}
SILENT = ("in a block", "in a function", "in a hook")

for name, script in SCRIPTS.items():
    cluster.database(name, TABLES, f"SELECT confiture.register_migration('001', {quoted(name)}, {quoted(script)}, {quoted(script)})")
    blocker, session = cluster.session(name), cluster.session(name)
    blocker.run("BEGIN; SELECT * FROM target")
    session.run("SET confiture.lock_timeout = '300ms'")
    session.run("SET confiture.lock_retries = 1")
    answer = session.run("CALL confiture.up()", 20)
    hook = name == "in a hook"
    ok(answer.state in (("MG009", "MG002") if hook else ("MG009",)) and answer.seconds < 15, f"{name}: up() waits no longer than the policy says", repr(answer))
    if name not in SILENT:
        ok("WARNING" in answer.messages and "does not lift the limit of 300 ms" in answer.messages, f"{name}: and says so", repr(answer))
    if not hook:
        ok(f"Process {blocker.pid} " in answer.messages, f"{name}: and who blocks it", repr(answer))
    if name != "in the worker" and name != "in a later step":
        session.run("BEGIN")
        answer = session.run("SELECT * FROM confiture.apply('001')", 20)
        ok(answer.state in ("55P03", "MG002") and answer.seconds < 15, f"{name}: apply() too", repr(answer))
        session.run("ROLLBACK")
        answer = session.run("SELECT to_jsonb(r) FROM confiture.dry_run('001', options => '{\"lock_timeout\": \"300ms\"}') r", 20)
        found = answer.json() if answer.value and answer.value.startswith("{") else {}
        ok(found and not found["success"] and answer.seconds < 15, f"{name}: a dry run as its option says", repr(answer))
        if name not in SILENT:
            ok("does not lift the limit of 300 ms" in json.dumps(found.get("warnings")), f"{name}: and warns of it", found.get("warnings"))
    blocker.run("COMMIT")
    if not hook:
        answer = session.run("CALL confiture.up()")
        equal(answer.state, None, f"{name}: it gets through when it can")
        blocker.run("BEGIN; SELECT * FROM target")
        if "add extra" not in script.lower():
            answer = session.run("CALL confiture.down()", 20)
            ok(answer.state == "MG009" and answer.seconds < 15, f"{name}: down() too", repr(answer))
        blocker.run("COMMIT")
    for each in (blocker, session):
        each.kill()


def tried(name, script, setting="300ms"):
    cluster.database(name, TABLES, f"SELECT confiture.register_migration('001', {quoted(name)}, {quoted(script)})")
    blocker, session = cluster.session(name), cluster.session(name)
    blocker.run("BEGIN; SELECT * FROM target")
    session.run(f"SET confiture.lock_timeout = '{setting}'")
    session.run("SET confiture.lock_retries = 0")
    session.start("CALL confiture.up()")
    return blocker, session


# The directive says otherwise.
blocker, session = tried("directive", f"-- confiture: lock_timeout=0\nSET lock_timeout = 0;\n{ADD}")
time.sleep(1.5)
ok(not session.answered(), "with lock_timeout=0 in the directive it waits")
blocker.run("COMMIT")
answer = session.finish()
ok(answer.state is None and "WARNING" not in answer.messages, "and nothing is warned of", repr(answer))

# Less than the policy counts, in later steps and in the worker too.
for name, script in (("less", f"SET lock_timeout = '200ms';\n{ADD}"), ("less, later", f"SET lock_timeout = '200ms';\nCOMMIT;\n{ADD}"),
                     ("less, in the worker", "SET lock_timeout = '200ms';\nVACUUM FULL target")):
    blocker, session = tried(name, script, "40s")
    answer = session.finish(20)
    ok(answer.state == "MG009" and answer.seconds < 15 and "WARNING" not in answer.messages, f"{name}: a smaller lock_timeout counts", repr(answer))

# What a script catches is not taken for the next one's.
cluster.database("caught", TABLES, f"SELECT confiture.register_migration('001', 'caught', {quoted('SELECT stubborn();' + chr(10) + 'INSERT INTO other VALUES (1)')})")
blocker, session = cluster.session("caught"), cluster.session("caught")
blocker.run("BEGIN; SELECT * FROM target")
session.run("SET confiture.lock_timeout = '300ms'")
answer = session.run("CALL confiture.up()", 20)
equal((answer.state, cluster.sql("SELECT count(*) FROM other", "caught")), (None, "1"), "a script that catches the cancel goes on without the lock")
done()
