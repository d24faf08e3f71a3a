#!/usr/bin/env python3
"""Locks that a statement outside of transactions does not get: it waits for them as briefly as any step, names who is in the
way, is begun again, and keeps nobody waiting meanwhile; only for the end of transactions it waits as long as it takes."""
import re
import time
from sessions import Cluster, done, equal, longest_wait, ok, quoted, skip, wait_until

cluster = Cluster("max_prepared_transactions=2", "autovacuum=off")
watcher = cluster.session()
TABLES = """
CREATE TABLE target (id int PRIMARY KEY, a int); INSERT INTO target SELECT n, n FROM generate_series(1, 100) n;
CREATE TABLE other (id int); CREATE INDEX target_a ON target (a);
CREATE TABLE whole (id int, a int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF whole FOR VALUES FROM (1) TO (10);
CREATE INDEX whole_a ON whole (a); CREATE SCHEMA s; CREATE TABLE s.inside (id int PRIMARY KEY);
CREATE PROCEDURE commits_after() LANGUAGE plpgsql AS $$ BEGIN LOCK target; COMMIT; END $$;
CREATE PROCEDURE commits_before() LANGUAGE plpgsql AS $$ BEGIN INSERT INTO other VALUES (1); COMMIT; LOCK target; END $$;"""


def register(name, script, directive=""):
    return f"SELECT confiture.register_migration('001', {quoted(name)}, {quoted(directive + script)})"


def database(name, script, directive=""):
    cluster.database(name, TABLES, register(name, script, directive))


def migrator(name, timeout="300ms", retries=1):
    session = cluster.session(name)
    session.run(f"SET confiture.lock_timeout = '{timeout}'")
    session.run(f"SET confiture.lock_retries = {retries}")
    return session


def status(name):
    return cluster.sql("SELECT string_agg(concat_ws(' ', status, error ->> 'sqlstate'), ',' ORDER BY id) FROM confiture.history; "
                       "SELECT count(*) FROM confiture.journal; SELECT count(*) FROM pg_index WHERE NOT indisvalid OR NOT indislive", name)


def workers():
    return watcher.run("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'confiture worker'").value


# name, script, what the blocker does, what a bystander does meanwhile, the lock that is told
CASES = [
    ("vacuum full", "VACUUM FULL target", "SELECT * FROM target", "SELECT count(*) FROM target", "AccessExclusiveLock on public.target"),
    ("cluster", "CLUSTER target USING target_a;\nCLUSTER", "SELECT * FROM target", "SELECT count(*) FROM target", "AccessExclusiveLock on public.target"),
    ("reindex schema", "REINDEX SCHEMA s", "INSERT INTO s.inside VALUES (1)", "INSERT INTO s.inside VALUES (2)", "ShareLock on s.inside"),
    ("reindex partitioned", "REINDEX TABLE whole", "INSERT INTO part VALUES (1, 1)", "INSERT INTO part VALUES (2, 2)", "ShareLock on public.part"),
    ("create index", "CREATE INDEX CONCURRENTLY made ON target (id, a)", "LOCK target IN SHARE MODE", "SELECT count(*) FROM target",
     "ShareUpdateExclusiveLock on public.target"),
    ("create index of a locked table", "CREATE INDEX CONCURRENTLY made ON target (id, a)", "LOCK target IN ACCESS EXCLUSIVE MODE", "SELECT count(*) FROM other",
     "AccessShareLock on public.target"),
    ("drop index", "DROP INDEX CONCURRENTLY target_a", "LOCK target IN SHARE MODE", "SELECT count(*) FROM target",
     "ShareUpdateExclusiveLock on public.target"),
    ("reindex concurrently", "REINDEX TABLE CONCURRENTLY target", "LOCK target IN SHARE MODE", "SELECT count(*) FROM target",
     "ShareUpdateExclusiveLock on public.target"),
    ("vacuum", "VACUUM target", "LOCK target IN SHARE MODE", "SELECT count(*) FROM target", "ShareUpdateExclusiveLock on public.target"),
    ("call", "CALL commits_after()", "SELECT * FROM target", "SELECT count(*) FROM target", "AccessExclusiveLock on public.target"),
    ("refresh", "CREATE MATERIALIZED VIEW IF NOT EXISTS seen AS SELECT * FROM other;\nREFRESH MATERIALIZED VIEW seen", "LOCK other IN ACCESS EXCLUSIVE MODE",
     "SELECT count(*) FROM target", "AccessShareLock on public.other"),
]
for name, script, blocks, reads, lock in CASES:
    if name == "reindex partitioned" and cluster.version < 14:
        skip(name, "the server passes over partitioned tables")
        continue
    database(name, script, "-- confiture: no-transaction\n" if name in ("call", "refresh") else "")
    blocker, bystander, session = cluster.session(name), cluster.session(name), migrator(name)
    bystander.run("SET lock_timeout = '20s'")
    blocker.run("SET application_name = 'a long report'")
    blocker.run("BEGIN")
    blocker.run(blocks)
    session.start("CALL confiture.up()")
    longest = longest_wait(bystander, session.answered, reads.replace("VALUES (2)", "VALUES (2) ON CONFLICT DO NOTHING"))
    answer = session.finish()
    equal(answer.state, "MG009", f"{name}: it gives up")
    ok(f"Process {blocker.pid} " in answer.messages and '"a long report"' in answer.messages and lock in answer.messages,
       f"{name}: the lock and who is in the way are named", repr(answer))
    equal(len(re.findall(r"attempt \d of 2", answer.messages)), 2, f"{name}: each attempt is told")
    ok(longest < 3, f"{name}: a bystander waits no longer than lock_timeout", f"{longest:.3f} s")
    equal(workers(), "0", f"{name}: no worker is left")
    equal(status(name), "failed MG009\n0\n0", f"{name}: the history says it, and nothing is left")
    session = migrator(name, retries=20)
    session.start("CALL confiture.up()")
    wait_until(lambda: watcher.run(f"SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").value == "t", 10)
    time.sleep(0.5)
    blocker.run("COMMIT")
    answer = session.finish()
    equal((answer.state, status(name)), (None, "failed MG009,succeeded\n0\n0"), f"{name}: when the blocker is done, it gets through")
    for each in (blocker, bystander, session):
        each.kill()

# DETACH CONCURRENTLY: a reader of the partition alone keeps it from its second lock, when it is half done.
if cluster.version >= 14:
    name = "detach"
    database(name, "ALTER TABLE whole DETACH PARTITION part CONCURRENTLY")
    blocker, bystander, session = cluster.session(name), cluster.session(name), migrator(name, retries=20)
    blocker.run("BEGIN; SELECT * FROM part")
    session.start("CALL confiture.up()")
    wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted").value == "t", 10)
    began = time.monotonic()
    longest = longest_wait(bystander, lambda: time.monotonic() - began > 2, "SELECT count(*) FROM part")
    ok(longest < 1.5, "detach: who reads the partition waits no longer than lock_timeout", f"{longest:.3f} s")
    blocker.run("COMMIT")
    answer = session.finish()
    equal((answer.state, status(name)), (None, "succeeded\n0\n0"), "detach: when the reader is done, it is finished")
    equal(cluster.sql("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'part'::regclass", name), "0", "detach: the partition is detached")
else:
    skip("detach", "PostgreSQL 13 has no DETACH CONCURRENTLY")

# Old snapshots and writers: CREATE INDEX CONCURRENTLY and its kin wait for their end, far beyond lock_timeout.
OLD = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM other"
WRITER = "BEGIN; INSERT INTO target VALUES (-1, -1)"
READER = "BEGIN; SELECT count(*) FROM target"
for name, script, waits_for in (("snapshot", "CREATE INDEX CONCURRENTLY made ON target (id, a)", OLD),
                                ("writer", "CREATE INDEX CONCURRENTLY made ON target (id, a)", WRITER),
                                ("reader", "DROP INDEX CONCURRENTLY target_a", READER),
                                ("rebuilt", "REINDEX INDEX CONCURRENTLY target_a", OLD),
                                ("prepared", "CREATE INDEX CONCURRENTLY made ON target (id, a)", WRITER + "; PREPARE TRANSACTION 'old'")):
    database(name, script)
    blocker, session = cluster.session(name), migrator(name, timeout="200ms", retries=0)
    blocker.run(waits_for)
    session.start("CALL confiture.up()")
    ok(wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype IN ('virtualxid', 'transactionid')").value == "t", 20),
       f"{name}: it waits for the end of the transaction")
    time.sleep(1.5)
    ok(not session.answered(), f"{name}: longer than lock_timeout")
    blocker.run("COMMIT PREPARED 'old'" if name == "prepared" else "COMMIT")
    answer = session.finish()
    equal((answer.state, status(name)), (None, "succeeded\n0\n0"), f"{name}: and gets through")

# The directive of the script holds there too, 0 as well.
database("directive", "VACUUM FULL target", "-- confiture: lock_timeout=200ms\n")
blocker, session = cluster.session("directive"), migrator("directive", timeout="60s", retries=0)
blocker.run("BEGIN; SELECT * FROM target")
answer = session.run("CALL confiture.up()")
ok(answer.state == "MG009" and answer.seconds < 20, "the directive limits the wait", repr(answer))
cluster.sql("SELECT confiture.register_migration('001', 'directive', E'-- confiture: lock_timeout=0\\nVACUUM FULL target')", "directive")
session = migrator("directive", timeout="100ms", retries=0)
session.start("CALL confiture.up()")
time.sleep(1.5)
ok(not session.answered(), "lock_timeout=0 in the directive is no limit")
blocker.run("COMMIT")
equal(session.finish().state, None, "and it gets through")

# CALL: where nothing was committed it is begun again, else nobody knows how far it is.
database("committed", "CALL commits_before()", "-- confiture: no-transaction\n")
blocker, session = cluster.session("committed"), migrator("committed", retries=3)
blocker.run("BEGIN; SELECT * FROM target")
answer = session.run("CALL confiture.up()")
ok(answer.state == "MG015" and "What it did is not known" in answer.messages, "a procedure that had committed is not begun again", repr(answer))
equal(cluster.sql("SELECT count(*) FROM other", "committed"), "1", "it ran once")

# Blockers are ended in its way, too.
database("terminated", "VACUUM FULL target")
blocker, session = cluster.session("terminated"), migrator("terminated", retries=20)
blocker.run("BEGIN; SELECT * FROM target")
session.run("SET confiture.terminate_blockers = 'terminate'")
session.run("SET confiture.blocker_grace = '500ms'")
answer = session.run("CALL confiture.up()")
ok(answer.state is None and f"ends what process {blocker.pid} does" in answer.messages, "a blocker is ended where that is asked for", repr(answer))
done()
