#!/usr/bin/env python3
"""What a dry run waits for, and how long: lock_timeout with the blockers, short waits, max_lock_hold and max_locks."""
import time
from sessions import Cluster, done, equal, left_behind, ok, wait_until

cluster = Cluster("max_locks_per_transaction=64", "max_connections=20")
cluster.database("waits", """
CREATE ROLE holder LOGIN;
CREATE TABLE target (id int PRIMARY KEY);
CREATE TABLE other (id int);
INSERT INTO target VALUES (1);
GRANT ALL ON target TO holder;
""")
runner, holder, watcher = cluster.session("waits"), cluster.session("waits", "holder"), cluster.session("waits")
before = left_behind(runner)


def runner_waits():
    return watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {runner.pid} AND NOT granted").value != "0"


# Given up after lock_timeout.
holder.run("BEGIN; SELECT count(*) /* the holder's query */ FROM target")
for options, low in (({"lock_timeout": "400ms"}, 0.4), ({}, 2.0)):
    name = options.get("lock_timeout", "the default")
    answer = runner.dry_run("CREATE TABLE fresh ();\nALTER TABLE target ADD COLUMN extra int;\nDROP TABLE other", **options)
    ok(low <= answer.seconds < low + 5, f"lock_timeout {name}: given up in time", repr(answer))
    result = answer.json()
    stats = result["stats"]
    equal((result["success"], stats["status"]), (False, "stopped"), f"lock_timeout {name}: the result says stopped")
    ok("lock_timeout" in stats["reason"], f"lock_timeout {name}: and why", stats["reason"])
    equal([s["status"] for s in stats["statements"]], ["done", "stopped"], f"lock_timeout {name}: and where")
    waits = stats["waits"]
    ok(len(waits) == 1 and waits[0]["object"] == "public.target" and waits[0]["mode"] == "AccessExclusiveLock"
       and 0.8 * low * 1000 <= waits[0]["waited_ms"] <= answer.seconds * 1000,
       f"lock_timeout {name}: the wait is told", waits)
    blockers = waits[0]["blockers"] if waits else []
    ok(len(blockers) == 1 and blockers[0]["pid"] == holder.pid and blockers[0]["role"] == "holder"
       and "the holder's query" in blockers[0]["query"], f"lock_timeout {name}: and its blocker", blockers)
    ok(any(str(holder.pid) in w or "lock_timeout" in w or "stopped" in w for w in result["warnings"]),
       f"lock_timeout {name}: a warning tells", result["warnings"])
    equal(left_behind(runner), before, f"lock_timeout {name}: nothing is left behind")

# In the middle of a function, where the script cannot go on either.
answer = runner.dry_run("DO $$ BEGIN LOCK target; EXCEPTION WHEN lock_not_available THEN CREATE TABLE plan_b (); END $$",
                        lock_timeout="300ms")
equal((answer.json()["stats"]["status"], answer.json()["success"]), ("complete", True),
      "a script that handles its own lock timeout goes on")
ok(answer.json()["stats"]["waits"], "its wait is told all the same", answer.json()["stats"]["waits"])

# NOWAIT is a failure of the script, no timeout.
stats = runner.dry_run("LOCK target IN ACCESS EXCLUSIVE MODE NOWAIT").json()["stats"]
equal((stats["status"], stats["error"]["sqlstate"]), ("failed", "55P03"), "NOWAIT fails as it does without us")

# A hook that gets no lock stops the dry run as a statement does; one that may fail is passed over.
CLEANING = "\n-- confiture: phase=CLEANUP\nLOCK target;\n-- confiture: phase=ON_ERROR\nSELECT 1;"
answer = runner.dry_run("SELECT 1;\n-- confiture: phase=AFTER_DDL name=locking\nLOCK target;" + CLEANING, lock_timeout="300ms")
stats = answer.json()["stats"]
equal((answer.json()["success"], stats["status"], "error" in stats), (False, "stopped", False), "a hook without its lock: stopped")
ok("lock_timeout" in stats["reason"], "a hook without its lock: and why", stats["reason"])
equal([(hook["hook_name"], hook["status"], hook["error"]["sqlstate"]) for hook in stats["hooks"]], [("locking", "failed", "55P03")],
      "a hook without its lock: no other hook runs")
answer = runner.dry_run("SELECT 1;\n-- confiture: phase=AFTER_DDL on_failure=continue\nLOCK target", lock_timeout="300ms")
equal((answer.json()["success"], answer.json()["stats"]["status"]), (True, "complete"), "on_failure=continue: the dry run goes on")
stats = runner.dry_run("SELECT 1 / 0;" + CLEANING, lock_timeout="300ms").json()["stats"]
equal((stats["status"], stats["error"]["sqlstate"], [hook["status"] for hook in stats["hooks"]]),
      ("failed", "22012", ["failed", "succeeded"]), "after a failure: it stays the failure")
stats = runner.dry_run("SELECT 1;\n-- confiture: phase=AFTER_DDL\nLOCK target IN ACCESS EXCLUSIVE MODE NOWAIT").json()["stats"]
equal((stats["status"], stats["error"]["sqlstate"]), ("failed", "MG002"), "NOWAIT in a hook is a failure of the hook")

# raise turns it into an error.
answer = runner.dry_run("ALTER TABLE target ADD COLUMN extra int", lock_timeout="300ms", **{"raise": True})
equal(answer.state, "MG001", "raise: a stopped dry run is an error")
equal(left_behind(runner), before, "raise: nothing is left behind")
holder.run("ROLLBACK")

# A short wait.
holder.run("BEGIN; LOCK target IN SHARE MODE")
runner.start_dry_run("SELECT 1;\nINSERT INTO target VALUES (2);\nSELECT 2", lock_timeout="30s")
ok(wait_until(runner_waits), "a short wait: it waits")
time.sleep(0.4)
holder.run("COMMIT")
stats = runner.finish().json()["stats"]
equal(stats["status"], "complete", "a short wait: the dry run goes on")
locks = [lock for lock in stats["locks"] if lock["object"] == "public.target" and lock["mode"] == "RowExclusiveLock"]
ok(len(locks) == 1 and 300 <= locks[0]["waited_ms"] < 5000 and locks[0]["blocked_by"] == [holder.pid] and locks[0]["line"] == 2,
   "a short wait: the lock says how long and for whom", locks)
waited = [statement["waited_ms"] for statement in stats["statements"]]
ok(len(waited) == 3 and waited[0] == waited[2] == 0 and 300 <= waited[1] < 5000, "a short wait: so does the statement", waited)
ok(stats["statements"][1]["execution_time_ms"] >= waited[1], "a short wait: its time contains it", stats["statements"][1])
ok(300 <= stats["totals"]["waited_ms"] < 5000, "a short wait: so do the totals", stats["totals"])

# A wait for a row is one too.
holder.run("BEGIN; UPDATE target SET id = 1 WHERE id = 1")
stats = runner.dry_run("UPDATE target SET id = 1", lock_timeout="300ms").json()["stats"]
ok(stats["status"] == "stopped" and stats["waits"] and stats["waits"][0]["blockers"][0]["pid"] == holder.pid,
   "a wait for a row: given up and told", stats["status"], stats["waits"])
holder.run("ROLLBACK")
equal(left_behind(runner), before, "a wait for a row: nothing is left behind")

# How long a lock may be held.
script = "SELECT pg_sleep(0.3);\nLOCK target;\nSELECT pg_sleep(20)"
answer = runner.dry_run(script, max_lock_hold="400ms")
stats = answer.json()["stats"]
equal(stats["status"], "stopped", "max_lock_hold: stopped")
ok("max_lock_hold" in stats["reason"] and 0.6 < answer.seconds < 5, "max_lock_hold: in the middle, and says why", repr(answer))
equal([s["status"] for s in stats["statements"]], ["done", "done", "stopped"], "max_lock_hold: and where")
equal(left_behind(runner), before, "max_lock_hold: nothing is left behind")
stats = runner.dry_run("SELECT count(*) FROM target; INSERT INTO target VALUES (9); SELECT pg_sleep(0.5)",
                       max_lock_hold="200ms").json()["stats"]
equal(stats["status"], "complete", "max_lock_hold: locks that block no writer do not count")
stats = runner.dry_run("CREATE TABLE fresh (); LOCK fresh; SELECT pg_sleep(0.5)", max_lock_hold="200ms").json()["stats"]
equal(stats["status"], "complete", "max_lock_hold: a new table blocks nobody")

# How much of the shared lock table it may use: by default half of 64 * (20 + a few).
many = "DO $$ BEGIN FOR i IN 1..{} LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, name text)', i); END LOOP; END $$"
for options, tables in (({"max_locks": 100}, 200), ({}, 700)):
    name = options.get("max_locks", "the default")
    answer = runner.dry_run(many.format(tables), **options)
    stats = (answer.json() if answer.value else {"stats": {"status": repr(answer), "reason": ""}})["stats"]
    equal(stats["status"], "stopped", f"max_locks {name}: stopped")
    ok("max_locks" in stats["reason"], f"max_locks {name}: and says why", stats["reason"])
    equal(left_behind(runner), before, f"max_locks {name}: nothing is left behind")
equal(runner.dry_run(many.format(100), max_locks="off").json()["stats"]["status"], "complete", "max_locks off: it runs on")
done()
