#!/usr/bin/env python3
"""Another session that waits for a lock of a dry run is let go after max_wait_caused, in the middle of a statement too."""
import time
from sessions import Cluster, done, equal, left_behind, note, ok, wait_until

SLACK = 1.5  # seconds, for two slow cores that others use too
cluster = Cluster("shared_buffers=64MB", "max_wal_size=2GB")
cluster.database("waits", """
CREATE ROLE clerk LOGIN;
CREATE TABLE large (id int PRIMARY KEY, amount int NOT NULL, filler text);
INSERT INTO large SELECT n, n, repeat('x', 60) FROM generate_series(1, 400000) n;
CREATE TABLE small (id int PRIMARY KEY, amount int);
INSERT INTO small SELECT n, n FROM generate_series(1, 100) n;
GRANT SELECT, INSERT, UPDATE ON large, small TO clerk;
CREATE FUNCTION slow(value int) RETURNS int LANGUAGE plpgsql AS
  'BEGIN PERFORM pg_sleep(0.02); RETURN value; END';
CREATE FUNCTION busy(value int) RETURNS int LANGUAGE plpgsql AS
  'BEGIN FOR i IN 1..2000 LOOP value := value; END LOOP; RETURN value; END';
""")
runner, clerk, other = cluster.session("waits"), cluster.session("waits", "clerk"), cluster.session("waits")
watcher = cluster.session("waits")

def holds(mode, table, session=runner):
    return watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {session.pid} AND mode = '{mode}' AND granted"
                       f" AND relation = '{table}'::regclass").value != "0"


def awaits(session):
    return watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {session.pid} AND NOT granted").value != "0"


def waiting_session(name, script, mode, table, statement, session, limit=0.5, of_table=True,
                    **options):
    """The waiter's wait, and what the dry run says."""
    before = left_behind(runner)
    runner.start_dry_run(script, **options)
    ok(wait_until(lambda: holds(mode, table)), f"{name}: the lock is taken")
    waited = session.run(statement)
    answer = runner.finish()
    note(f"{name}: waited {waited.seconds * 1000:.0f} ms")
    if not ok(answer.value and not waited.state, f"{name}: both sessions end without an error", repr(answer), repr(waited)):
        return waited, {}
    result = answer.json()
    if limit:
        ok(waited.seconds < limit + 0.2 + SLACK, f"{name}: the waiter is let go in time", f"{waited.seconds} s")
        stats = result["stats"]
        equal((result["success"], stats["status"]), (False, "stopped"), f"{name}: the result says stopped")
        ok("max_wait_caused" in stats.get("reason", ""), f"{name}: and why", stats.get("reason"))
        caused = [wait for wait in stats["waits_caused"] if wait["session"]["pid"] == session.pid]
        ok(caused and (caused[0]["object"] == f"public.{table}") == of_table and 400 <= caused[0]["waited_ms"] <= (limit + SLACK) * 1000
           and caused[0]["session"].get("role") == ("clerk" if session is clerk else "postgres")
           and statement in caused[0]["session"].get("query", ""),
           f"{name}: the one who waited is named", stats["waits_caused"])
        ok(any("stopped" in warning or "max_wait_caused" in warning for warning in result["warnings"]),
           f"{name}: a warning tells", result["warnings"])
    equal(left_behind(runner), before, f"{name}: nothing is left behind")
    return waited, result


_, result = waiting_session("a rewrite", """CREATE TABLE fresh ();
ALTER TABLE large ALTER amount TYPE bigint USING busy(amount);
DROP TABLE small""", "AccessExclusiveLock", "large",
                            "SELECT count(*) FROM large WHERE id = 1", clerk)
stats = result.get("stats", {})
equal((stats.get("statement_count"), stats.get("statements_run")), (3, 1), "a rewrite: the result says how far it came")
equal([s["status"] for s in stats.get("statements", [])], ["done", "stopped"], "a rewrite: each statement has its status")
ok(0 < (result.get("estimated_production_time_ms") or 0) and result.get("confidence_percent", 100) <= 20,
   "a rewrite: the rest is estimated, without much confidence",
   [result.get("estimated_production_time_ms"), result.get("confidence_percent")])

waiting_session("a long UPDATE", "UPDATE small SET amount = slow(amount) FROM generate_series(1, 3) WHERE id > 0",
                "RowExclusiveLock", "small", "ALTER TABLE small ADD COLUMN note text", other)
other.run("ALTER TABLE small DROP COLUMN note")
waiting_session("an updated row", "UPDATE small SET amount = 0 WHERE id = 1; SELECT pg_sleep(20)", "RowExclusiveLock", "small",
                "UPDATE small SET amount = 7 WHERE id = 1", clerk, of_table=False)
waiting_session("a limit of its own", "LOCK small; SELECT pg_sleep(20)", "AccessExclusiveLock", "small",
                "SELECT count(*) FROM small", clerk, limit=1.2, max_wait_caused="1200ms")

# Code that catches our cancel is stopped again and again, until it ends.
waiting_session("a cancel that is caught", """LOCK small; DO $$BEGIN FOR i IN 1..100 LOOP
BEGIN PERFORM pg_sleep(0.05); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END$$;
SELECT pg_sleep(20)""", "AccessExclusiveLock", "small", "SELECT count(*) FROM small", clerk, limit=1.5)

# Only the lock by which migrators queue is none of this: not another one with the same number in it.
SAME = "SELECT pg_advisory_xact_lock('confiture.migrator'::regclass::oid::int, 1)"
runner.start_dry_run(SAME + "; SELECT pg_sleep(20)")
ok(wait_until(lambda: watcher.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").value != "0"), "a number: the lock is taken")
waited = other.run(SAME)
ok(waited.seconds < 0.7 + SLACK, "a number: the waiter is let go in time", repr(waited))
equal(runner.finish().json()["stats"]["status"], "stopped", "a number: the dry run stops")

# Locks that only parallel workers hold.
cluster.sql("""CREATE TABLE many AS SELECT n FROM generate_series(1, 20000) n; ANALYZE many; CREATE TABLE behind (); CREATE TABLE beside ();
CREATE FUNCTION reads(n int) RETURNS int PARALLEL SAFE LANGUAGE plpgsql AS
'BEGIN PERFORM FROM behind; PERFORM pg_sleep(0.01); RETURN n; END'""", "waits")
runner.run("SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off")
runner.start_dry_run("SELECT count(reads(n)) FROM many")
if ok(wait_until(lambda: watcher.run("SELECT count(*) FROM pg_locks WHERE relation = 'behind'::regclass").value != "0"), "workers: they hold locks"):
    waited = other.run("ALTER TABLE behind ADD COLUMN later int")
    note(f"workers: waited {waited.seconds * 1000:.0f} ms")
    ok(waited.seconds < 0.7 + SLACK, "workers: who waits for them is let go in time", repr(waited))
equal(runner.finish().json()["stats"]["status"], "stopped", "workers: the dry run stops")

# Whoever queues behind our own request waits for us too.
other.run("BEGIN; SELECT count(*) FROM small")
runner.start_dry_run("ALTER TABLE small ADD COLUMN later int", lock_timeout="20s")
ok(wait_until(lambda: awaits(runner)), "our own request: it waits")
clerk.start("SELECT count(*) FROM small")
behind = clerk.finish()
note(f"our own request: waited {behind.seconds * 1000:.0f} ms")
ok(behind.seconds < 0.7 + SLACK, "our own request: who queues behind it is let go in time", repr(behind))
stats = runner.finish().json()["stats"]
equal(stats["status"], "stopped", "our own request: the dry run stops")
ok("max_wait_caused" in stats.get("reason", ""), "our own request: and says why", stats.get("reason"))
other.run("COMMIT")

# A waiter that others keep waiting anyway is none of ours.
other.run("BEGIN; LOCK small IN SHARE ROW EXCLUSIVE MODE")
runner.start_dry_run("SELECT count(*) FROM small; SELECT pg_sleep(1.5)")
ok(wait_until(lambda: holds("AccessShareLock", "small")), "somebody else's lock: ours is a mere reader")
clerk.start("INSERT INTO small VALUES (1000)")
stats = runner.finish().json()["stats"]
equal(stats["status"], "complete", "somebody else's lock: a waiter for it does not stop the dry run")
other.run("COMMIT")
clerk.finish()

waited, result = waiting_session("off", "LOCK small; SELECT pg_sleep(1.5)", "AccessExclusiveLock", "small",
                                 "SELECT count(*) FROM small", clerk, limit=None, max_wait_caused="off")
equal(result["stats"]["status"], "complete", "off: the dry run runs on")
ok(waited.seconds > 0.7, "off: the other waits that long", f"{waited.seconds} s")
ok([w for w in result["stats"]["waits_caused"] if w["session"]["pid"] == clerk.pid], "off: the wait is told all the same",
   result["stats"]["waits_caused"])

# Autovacuum holds ShareUpdateExclusiveLock; a dry run that wants the table must not be what cancels it.
cluster.sql("ALTER SYSTEM SET autovacuum_naptime = '1s'; ALTER SYSTEM SET autovacuum_vacuum_cost_delay = '20ms'; "
            "ALTER SYSTEM SET autovacuum_vacuum_cost_limit = 20; ALTER SYSTEM SET autovacuum_vacuum_insert_threshold = 100; "
            "SELECT pg_reload_conf()")
cluster.sql("DELETE FROM large WHERE id % 2 = 0; SELECT pg_stat_force_next_flush()" if cluster.version >= 15
            else "DELETE FROM large WHERE id % 2 = 0", "waits")


def vacuuming():
    return watcher.run("SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'large'::regclass").value != "0"


if ok(wait_until(vacuuming, 30), "autovacuum: it is at work"):
    answer = runner.dry_run("ALTER TABLE large ADD COLUMN extra int", lock_timeout="20s")
    stats = answer.json()["stats"]
    equal(stats["status"], "stopped", "autovacuum: the dry run gives up before it")
    ok("autovacuum" in stats.get("reason", ""), "autovacuum: and says why", stats)
    ok(vacuuming(), "autovacuum: it goes on")
    time.sleep(0.3)
    ok("canceling autovacuum task" not in cluster.log(), "autovacuum: it was not cancelled")
done()
