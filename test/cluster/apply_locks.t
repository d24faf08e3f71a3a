#!/usr/bin/env python3
"""Locks that a migrator does not get: it gives up and names who is in the way, holds nothing in between, and ends blockers
where it may."""
import re
import time
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
watcher = cluster.session()
LEDGER = "CREATE TABLE ledger (step int); CREATE TABLE target (id int); INSERT INTO target VALUES (1)"
NOTICES = r"did not get AccessExclusiveLock on public.target \(attempt (\d+) of (\d+)\)"


def database(name, *scripts):
    cluster.database(name, LEDGER, *(f"SELECT confiture.register_migration('{number:03}', 'number {number}', {quoted(script)})"
                                     for number, script in enumerate(scripts, 1)))


def summary(name):
    return cluster.sql("SELECT coalesce(string_agg(step::text, ',' ORDER BY step), '') FROM ledger; "
                       "SELECT string_agg(version || ' ' || status, ',' ORDER BY id) FROM confiture.history; "
                       "SELECT count(*) FROM confiture.journal", name)


# Its locks, in a pause and at the same instant its snapshot and its transaction.  ExclusiveLock is what the migrator lock and
# the one of confiture.progress are; no statement of this file takes it.
def held_by(session, more="true", kept="AND mode <> 'ExclusiveLock' AND classid IS DISTINCT FROM 'pg_extension'::regclass"):
    return watcher.run("SELECT coalesce((SELECT string_agg(concat_ws(' ', locktype, relation, mode), ', ') FROM pg_locks l WHERE l.pid = a.pid "
                       f"AND locktype <> 'virtualxid' {kept}), 'nothing'), backend_xmin, backend_xid "
                       f"FROM pg_stat_activity a WHERE pid = {session.pid} AND {more}").rows


def lock_is_free(name):
    """Another migrator would not have to wait."""
    session = cluster.session(name)
    session.run("SET confiture.migrator_wait = '1ms'")
    return session.run("SELECT count(*) FROM confiture.repair()").state is None


# Beyond the retries.
database("refused", "INSERT INTO ledger VALUES (1)", "INSERT INTO ledger VALUES (2);\nALTER TABLE target ADD extra int")
blocker, migrator, bystander = (cluster.session("refused") for _ in range(3))
blocker.run("SET application_name = 'a long report'")
blocker.run("BEGIN")
blocker.run("SELECT * FROM target")
migrator.run("SET confiture.lock_timeout = '200ms'")
migrator.run("SET confiture.lock_retries = 3")
migrator.start("CALL confiture.up()")
idle = set()
longest = 0
while not migrator.answered():
    began = time.monotonic()
    bystander.run("SELECT count(*) FROM target")
    longest = max(longest, time.monotonic() - began)
    idle.update(held_by(migrator, "wait_event = 'Extension'"))
answer = migrator.finish()
equal(answer.state, "MG009", "beyond the retries: it gives up")
ok(f"Process {blocker.pid} " in answer.messages and '"a long report"' in answer.messages and "SELECT * FROM target" in answer.messages,
   "beyond the retries: the one in the way is named", repr(answer))
equal(re.findall(NOTICES, answer.messages), [(str(attempt), "4") for attempt in range(1, 5)], "beyond the retries: each attempt was told")
equal(summary("refused"), "1\n001 succeeded,002 failed\n0", "beyond the retries: the migration before stands, this one left nothing")
equal(idle, {"nothing||"}, "in the pauses it holds no lock but the migrator's, no transaction and no snapshot")
ok(longest < 2, "a bystander is not held up longer than lock_timeout", f"{longest:.3f} s")
equal(held_by(migrator, kept=""), ["nothing||"], "after it nothing is held")
ok(lock_is_free("refused"), "after it the migrator lock is free")
migrator.start("CALL confiture.up()")
ok(wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").value == "t"), "again: it waits")
blocker.run("COMMIT")
answer = migrator.finish()
equal((answer.state, summary("refused")), (None, "1,2\n001 succeeded,002 failed,002 succeeded\n0"), "when the blocker is done, it gets through")

# Several in the way are all named; at the statement that waits, with its line.
blockers = [cluster.session("refused") for _ in range(3)]
cluster.sql("SELECT confiture.register_migration('003', 'three', E'INSERT INTO ledger VALUES (3);\n\nDROP TABLE target')", "refused")
for blocker in blockers:
    blocker.run("BEGIN")
    blocker.run("LOCK target IN ROW SHARE MODE")
migrator.run("SET confiture.lock_retries = 0")
answer = migrator.run("CALL confiture.up()")
ok(answer.state == "MG009" and all(f"Process {blocker.pid} " in answer.messages for blocker in blockers), "three in the way are named", repr(answer))
ok(re.search(r"[Ll]ine 3", answer.messages), "the line of the statement is told", repr(answer))
for blocker in blockers:
    blocker.run("COMMIT")

# A step that has worked long is not begun again.
cluster.database("worked", LEDGER, "SELECT confiture.register_migration('001', 'one', 'INSERT INTO ledger VALUES (1); SELECT pg_sleep(0.5); ALTER TABLE target ADD extra int')")
blocker, migrator = cluster.session("worked"), cluster.session("worked")
blocker.run("BEGIN; LOCK target IN ACCESS SHARE MODE")
migrator.run("SET confiture.lock_timeout = '100ms'")
migrator.run("SET confiture.retry_work_limit = '300ms'")
answer = migrator.run("CALL confiture.up()")
ok(answer.state == "MG009" and "had worked for 0." in answer.messages and len(re.findall(NOTICES, answer.messages)) == 1,
   "a step that had worked too long before it waited is not begun again", repr(answer))
equal(summary("worked"), "\n001 failed\n0", "it left nothing")

# Deadlocks are tried again.
database("deadlock", "LOCK ledger IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.5); ALTER TABLE target ADD extra int; INSERT INTO ledger VALUES (1)")
other, migrator = cluster.session("deadlock"), cluster.session("deadlock")
other.run("SET deadlock_timeout = '10s'")
other.run("BEGIN; LOCK target IN ACCESS SHARE MODE")
migrator.run("SET deadlock_timeout = '100ms'")
migrator.start("CALL confiture.up()")
ok(wait_until(lambda: watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {migrator.pid}").value == "t"), "the migrator has the one lock")
other.start("LOCK ledger IN ACCESS SHARE MODE; COMMIT")
other_answer, answer = other.finish(), migrator.finish()
ok(answer.state is None and re.search(r"attempt 1 of .*deadlock", answer.messages), "a deadlock is tried again", repr(answer))
equal((other_answer.state, summary("deadlock")), (None, "1\n001 succeeded\n0"), "and both get through")

# Blockers that never end.
for policy, state, lost in (("cancel", "active", False), ("cancel", "idle in transaction", True), ("terminate", "active", True),
                            ("terminate", "idle in transaction", True)):
    name = f"{policy} {state}"
    database(name, "INSERT INTO ledger VALUES (1); ALTER TABLE target ADD extra int")
    blocker, migrator, bystander, other = (cluster.session(name) for _ in range(4))
    other.run("BEGIN; LOCK ledger IN ACCESS SHARE MODE")  # in nobody's way
    blocker.run("BEGIN; LOCK target IN ACCESS SHARE MODE")
    if state == "active":
        blocker.start("SELECT pg_sleep(100)")
    for setting in ("lock_timeout = '300ms'", "blocker_grace = '500ms'", f"terminate_blockers = '{policy}'"):
        migrator.run(f"SET confiture.{setting}")
    began = time.monotonic()
    migrator.start("CALL confiture.up()")
    wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").value == "t")
    bystander.start("SELECT count(*) FROM target")
    answer = migrator.finish()
    equal((answer.state, summary(name)), (None, "1\n001 succeeded\n0"), f"a blocker that is {state}: {policy} gets it out of the way")
    ok(answer.notices.count(f'migration "001" ends what process {blocker.pid} does, which blocks it') == 1, f"a blocker that is {state}: {policy} is told", repr(answer))
    ok(time.monotonic() - began > 0.5, f"a blocker that is {state}: {policy} waits for its grace")
    if state != "active":
        blocker.start("SELECT 1")
    ended = blocker.finish()
    equal((ended.state, ended.lost), ("57P01", True) if lost else ("57014", False), f"a blocker that is {state}: it was told to {policy}")
    equal((bystander.finish().value, other.run("SELECT 1").value), ("1", "1"), f"a blocker that is {state}: nobody else was ended")
answer = migrator.run("RESET ALL")
cluster.sql("CREATE ROLE deployer LOGIN")
deployer = cluster.session("refused", "deployer")
cluster.sql("GRANT USAGE ON SCHEMA confiture TO deployer; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO deployer", "refused")
deployer.run("SELECT confiture.verify()")
equal(deployer.run("SET confiture.terminate_blockers = 'terminate'").state, "42501", "who ends blockers is for superusers to say")
done()
