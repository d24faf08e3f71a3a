#!/usr/bin/env python3
"""Two sessions at once: a second dry run, a deadlock either way, and readers beside a long dry run."""
from sessions import Cluster, done, equal, left_behind, ok, wait_until

cluster = Cluster("deadlock_timeout=200ms")
cluster.database("two", """
CREATE ROLE migrator LOGIN SUPERUSER;
CREATE TABLE one (id int); CREATE TABLE two (id int);
INSERT INTO one SELECT generate_series(1, 100)
""")
first, second, watcher = cluster.session("two", "migrator"), cluster.session("two"), cluster.session("two")
gate = cluster.session("two")
before = left_behind(second)


def waits(session):
    return watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {session.pid} AND NOT granted").value != "0"


# One migrator at a time.
gate.run("SELECT pg_advisory_lock(1)")
first.start_dry_run("SELECT pg_advisory_xact_lock(1)", lock_timeout="60s")
ok(wait_until(lambda: waits(first)), "a dry run is under way")
second.run("SET confiture.migrator_wait = '900ms'")
answer = second.dry_run("DROP TABLE one")
equal(answer.state, "MG008", "a second one is refused")
ok(0.8 < answer.seconds < 10, "after it waited for confiture.migrator_wait", repr(answer)[:1000])
ok(str(first.pid) in answer.messages and "migrator" in answer.messages and "HINT" in answer.messages,
   "the holder is named", answer.messages)
gate.run("SELECT pg_advisory_unlock_all()")
equal(first.finish().json()["stats"]["status"], "complete", "who waits to migrate does not stop the one who is at it")
gate.run("SELECT pg_advisory_lock(1)")
first.start_dry_run("SELECT pg_advisory_xact_lock(1)", lock_timeout="60s", max_wait_caused="off")
wait_until(lambda: waits(first))
second.run("BEGIN")
answer = second.dry_run("DROP TABLE one")
ok(answer.state == "MG008" and second.run("ROLLBACK").state is None, "in a transaction too", repr(answer))
second.run("SET confiture.migrator_wait = '60s'")
second.start_dry_run("SELECT 1")
ok(wait_until(lambda: waits(second)), "a patient one waits")
watcher.run(f"SELECT pg_cancel_backend({second.pid})")
equal(second.finish().state, "57014", "a cancel of the waiting one comes through")
second.start_dry_run("SELECT 1")
ok(wait_until(lambda: waits(second)), "it waits again")
gate.run("SELECT pg_advisory_unlock(1)")
equal(first.finish().json()["success"], True, "the first one ends")
equal(second.finish().json()["success"], True, "the second one follows")
second.run("RESET confiture.migrator_wait")
equal(left_behind(second), before, "nothing is left behind")
for call in ("SELECT count(*) FROM confiture.status", "SELECT confiture.register_migration('1', 'x', 'SELECT 1')"):
    gate.run("SELECT pg_advisory_lock(1)")
    first.start_dry_run("SELECT pg_advisory_xact_lock(1)", lock_timeout="60s", max_wait_caused="off")
    wait_until(lambda: waits(first))
    answer = second.run("SET statement_timeout = '20s'; " + call)
    ok(answer.state is None and answer.seconds < 10 or answer.state == "MG008", f"beside a dry run: {call}", repr(answer))
    gate.run("SELECT pg_advisory_unlock(1)")
    first.finish()

# Deadlocks: the one whose deadlock_timeout is short finds it.
for name, victim in (("the other closes the circle", "other"), ("the dry run closes the circle", "trial")):
    second.run("RESET statement_timeout; RESET deadlock_timeout; BEGIN")
    gate.run("SELECT pg_advisory_lock(1)")
    second.run("LOCK two")
    first.run("SET deadlock_timeout = '30s'" if victim == "other" else "SET deadlock_timeout = '10ms'")
    second.run("SET deadlock_timeout = '10ms'" if victim == "other" else "SET deadlock_timeout = '30s'")
    if victim == "other":
        first.start_dry_run("LOCK one; LOCK two", lock_timeout="40s", max_wait_caused="off")
        wait_until(lambda: waits(first))
        second.start("LOCK one")
    else:
        first.start_dry_run("LOCK one; SELECT pg_advisory_xact_lock(1); LOCK two", lock_timeout="40s", max_wait_caused="off")
        wait_until(lambda: waits(first))
        second.start("LOCK one")
        wait_until(lambda: waits(second))
        gate.run("SELECT pg_advisory_unlock(1)")
    other = second.finish()
    second.run("ROLLBACK")
    trial = first.finish()
    gate.run("SELECT pg_advisory_unlock_all()")
    state = trial.state or (trial.json()["stats"].get("error") or {}).get("sqlstate")
    equal((state, other.state), ("40P01", None) if victim == "trial" else (None, "40P01"), f"{name}: one of the two fails")
    ok(first.dry_run("LOCK one, two").json()["success"] and second.run("SELECT count(*) FROM one").value == "100",
       f"{name}: both are usable after")
    equal(left_behind(second).split()[1:], before.split()[1:], f"{name}: nothing is left behind")

# Readers beside a dry run that only adds: they neither wait nor see anything.
first.run("RESET deadlock_timeout")
first.start_dry_run("CREATE TABLE fresh AS TABLE one; CREATE INDEX ON fresh (id); INSERT INTO two SELECT id FROM one; SELECT pg_sleep(1.5)")
wait_until(lambda: watcher.run(f"SELECT wait_event FROM pg_stat_activity WHERE pid = {first.pid}").value == "PgSleep")
answers = [second.run("SELECT count(*) FROM one; SELECT count(*) FROM two; INSERT INTO two VALUES (1); DELETE FROM two") for _ in range(10)]
ok(all(answer.rows == ["100", "0"] for answer in answers), "readers and writers beside a dry run see their own data", repr(answers[0]))
stats = first.finish().json()["stats"]
equal((stats["status"], stats["waits_caused"]), ("complete", []), "they waited for nothing")
done()
