#!/usr/bin/env python3
"""What a statement outside of transactions leaves when it fails: it is removed without keeping readers waiting, and where that
cannot be done now it is said, the history has the true cause, and whoever comes next removes it."""
from sessions import Cluster, done, equal, longest_wait, ok, quoted, wait_until

cluster = Cluster("autovacuum=off", "max_worker_processes=8")
watcher = cluster.session()
TABLES = """
CREATE TABLE target (id int PRIMARY KEY, a int, note text); INSERT INTO target SELECT n, n % 10, repeat('x', 3000) FROM generate_series(1, 100) n;
CREATE INDEX target_id ON target (id); CREATE TABLE ran (what text);
CREATE TABLE whole (id int, a int) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF whole FOR VALUES FROM (1) TO (10);
INSERT INTO part VALUES (1, 1), (2, 1);
SELECT confiture.register_hook_sql('cleanup', 'CLEANUP', $$INSERT INTO ran VALUES ('CLEANUP')$$),
       confiture.register_hook_sql('on error', 'ON_ERROR', $$INSERT INTO ran VALUES ('ON_ERROR')$$)"""


def database(name, script, down="SELECT 1"):
    cluster.database(name, TABLES, f"SELECT confiture.register_migration('001', {quoted(name)}, {quoted(script)}, {quoted(down)})")


def session_of(name, **settings):
    session = cluster.session(name)
    for setting, value in {"lock_timeout": "300ms", "lock_retries": "1", **settings}.items():
        session.run(f"SET confiture.{setting} = '{value}'")
    return session


def invalid(name):
    return cluster.sql("SELECT coalesce(string_agg(indexrelid::regclass::text, ','), 'none') FROM pg_index WHERE NOT indisvalid OR NOT indislive", name)


def history(name):
    return cluster.sql("SELECT string_agg(concat_ws(' ', status, error ->> 'sqlstate'), ',' ORDER BY id) FROM confiture.history", name)


def waits_for_transaction():
    return wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT granted "
                                          "AND l.locktype = 'virtualxid' AND a.backend_type = 'confiture worker'").value == "t", 20)


READER = "BEGIN; SELECT count(*) FROM target"
DUPLICATES = {"unique": "CREATE UNIQUE INDEX CONCURRENTLY made ON target (a)",
              "unnamed": "CREATE UNIQUE INDEX CONCURRENTLY ON target (a)",
              "if not exists": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS made ON target (a)",
              "a partition": "CREATE UNIQUE INDEX CONCURRENTLY made ON part (a)",
              "an expression": "CREATE UNIQUE INDEX CONCURRENTLY made ON target ((a % 2))"}

# A failure, nobody in the way.
for name, script in DUPLICATES.items():
    database(name, script)
    answer = session_of(name).run("CALL confiture.up()")
    equal((answer.state, history(name), invalid(name)), ("23505", "failed 23505", "none"), f"{name}: nothing is left of it")
    ok("WARNING" not in answer.messages, f"{name}: and nothing is warned of", repr(answer))

# A failure while somebody reads the table: no reader waits.  He is waited for, as briefly as for a lock.
for name, script in DUPLICATES.items():
    name += ", behind a reader"
    database(name, script)
    table = "part" if "part" in name else "target"
    reader, bystander, session = cluster.session(name), cluster.session(name), session_of(name)
    reader.run(f"BEGIN; SELECT count(*) FROM {table}")
    session.start("CALL confiture.up()")
    longest = longest_wait(bystander, session.answered, f"SELECT count(*) FROM {table}", f"UPDATE {table} SET a = a")
    answer = session.finish()
    ok(longest < 0.3, f"{name}: nobody waits who reads or writes", f"{longest:.3f} s")
    equal((answer.state, history(name)), ("23505", "failed 23505"), f"{name}: the failure is told, and no other")
    ok("WARNING" in answer.messages and f"Process {reader.pid} " in answer.messages and "DROP INDEX CONCURRENTLY" in answer.messages,
       f"{name}: a warning says what is left, why, and what to run", repr(answer))
    equal(cluster.sql("SELECT string_agg(what, ',') FROM ran", name), "CLEANUP,ON_ERROR", f"{name}: the hooks have run")
    left = invalid(name)
    ok(left != "none", f"{name}: it is left", left)
    # repair() beside the reader says so; without him it removes it.
    answer = session.run("SELECT * FROM confiture.repair()")
    ok(answer.state == "MG015" and "DROP INDEX CONCURRENTLY" in answer.messages, f"{name}: repair() cannot remove it yet", repr(answer))
    reader.run("COMMIT")
    if name.startswith("unique") or "part" in name:
        answer = session.run("SELECT state FROM confiture.repair()")
        equal((answer.state, answer.value, invalid(name)), (None, "not done", "none"), f"{name}: repair() removes it")
    cluster.sql("UPDATE target SET a = id; UPDATE part SET a = id", name)
    session.run("SET confiture.lock_retries = 10")
    if "expression" in name:
        cluster.sql("DELETE FROM target WHERE id > 2", name)
    answer = session.run("CALL confiture.up()")
    equal((answer.state, history(name), invalid(name)), (None, "failed 23505,succeeded", "none"), f"{name}: up() removes it and goes on")
    for each in (reader, bystander, session):
        each.kill()

# repair() in a transaction that has read the table would wait for itself.
name = "repair by a reader"
database(name, DUPLICATES["unique"])
reader = cluster.session(name)
reader.run(READER)
session_of(name).run("CALL confiture.up()")
answer = reader.run("SELECT * FROM confiture.repair()", 30)
ok(answer.state == "MG015" and "DROP INDEX CONCURRENTLY" in answer.messages, "repair() in a transaction that has read the table says so", repr(answer))
reader.run("ROLLBACK")
reader.run("BEGIN; INSERT INTO ran VALUES ('before')")
equal(reader.run("SELECT state FROM confiture.repair()").value, "not done", "repair() in another transaction removes it")
reader.run("ROLLBACK")
equal((invalid(name), reader.run("SELECT state FROM confiture.repair()").value), ("none", "not done"), "rolled back, the next one finds it removed")

# Every way to be stopped, behind a writer who stays and one who goes.
ENDS = {"the timeout": ("MG0", "57014", "confiture.concurrent_timeout"), "a cancel": ("", "57014", "user request"),
        "statement_timeout": ("", "57014", "statement timeout"), "the worker's end": ("", "57000", "worker that ran it was lost")}
for name, (_, state, message) in ENDS.items():
    for stays in (True, False):
        which = f"{name}, {'he stays' if stays else 'he goes'}"
        database(which, "CREATE INDEX CONCURRENTLY made ON target (a)")
        blocker = cluster.session(which)
        session = session_of(which, concurrent_timeout="2s" if name == "the timeout" else "60s")
        if name == "statement_timeout":
            session.run("SET statement_timeout = '2s'")
        blocker.run("BEGIN; INSERT INTO target VALUES (-1, -1)" if stays else "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ran")
        session.start("CALL confiture.up()")
        ok(waits_for_transaction(), f"{which}: it waits")
        if name == "a cancel":
            watcher.run(f"SELECT pg_cancel_backend({session.pid})")
        elif name == "the worker's end":
            watcher.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'confiture worker'")
        answer = session.finish()
        ok(answer.state == state and message in answer.messages, f"{which}: is told as it is", repr(answer))
        equal(history(which), f"failed {state}", f"{which}: and stands in the history")
        ok((message in cluster.sql("SELECT error ->> 'message' FROM confiture.history", which)), f"{which}: with its cause")
        equal(invalid(which), "made" if stays else "none", f"{which}: {'it is left' if stays else 'nothing is left'}")
        ok(("could not be removed" in answer.messages) == stays, f"{which}: a warning where it is left", repr(answer))
        blocker.run("COMMIT")
        session.run("RESET statement_timeout")
        answer = session.run("CALL confiture.up()")
        equal((answer.state, invalid(which)), (None, "none"), f"{which}: the next up() goes on")
        for each in (blocker, session):
            each.kill()

# DROP INDEX and REINDEX CONCURRENTLY that are stopped; the writer does not use the TOAST table.
for name, script, left in (("dropped", "DROP INDEX CONCURRENTLY target_id", "target_id"),
                           ("rebuilt", "REINDEX TABLE CONCURRENTLY target", "_ccnew")):
    database(name, script)
    blocker, bystander, session = cluster.session(name), cluster.session(name), session_of(name, concurrent_timeout="1500ms")
    blocker.run(READER if name == "dropped" else "BEGIN; INSERT INTO target VALUES (-1, -1)")
    session.start("CALL confiture.up()")
    ok(waits_for_transaction(), f"{name}: it waits")
    longest = longest_wait(bystander, session.answered, "SELECT count(*) FROM target")
    answer = session.finish()
    ok(longest < 0.3, f"{name}: nobody waits who reads", f"{longest:.3f} s")
    ok(answer.state == "57014" and "WARNING" in answer.messages and left in invalid(name), f"{name}: it is left, and that is said", repr(answer), invalid(name))
    ok("pg_toast" not in invalid(name), f"{name}: but not what nobody uses", invalid(name))
    blocker.run("COMMIT")
    session.run("SET confiture.concurrent_timeout = '60s'")
    answer = session.run("CALL confiture.up()")
    equal((answer.state, invalid(name), cluster.sql("SELECT to_regclass('target_id') IS NULL", name)),
          (None, "none", "t" if name == "dropped" else "f"), f"{name}: the next up() finishes it")
    for each in (blocker, bystander, session):
        each.kill()

# DETACH that is stopped half-way: who reads the partition keeps it from its end.
if cluster.version >= 14:
    name = "detached"
    database(name, "ALTER TABLE whole DETACH PARTITION part CONCURRENTLY")
    reader, session = cluster.session(name), session_of(name, concurrent_timeout="1500ms")
    reader.run("BEGIN; SELECT count(*) FROM whole")
    answer = session.run("CALL confiture.up()")
    ok(answer.state == "57014" and "FINALIZE" in answer.messages, "detached: half detached, that is said with what to run", repr(answer))
    equal(history(name), "failed 57014", "detached: the history has the cause")
    reader.run("COMMIT")
    equal(session.run("SELECT state FROM confiture.repair()").value, "done", "detached: repair() finishes it")
    equal((session.run("CALL confiture.up()").state, cluster.sql("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'part'::regclass", name)), (None, "0"),
          "detached: and up() goes on")

# With whose rights.
name = "rights"
database(name, DUPLICATES["unique"])
session = session_of(name)
reader = cluster.session(name)
reader.run(READER)
session.run("CALL confiture.up()")
reader.run("COMMIT")
answer = session.run("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
equal(answer.value, "1", "an index is left")
cluster.sql("CREATE ROLE sweeper; GRANT USAGE ON SCHEMA confiture TO sweeper; GRANT EXECUTE ON FUNCTION confiture.repair TO sweeper", name)
stranger = cluster.session(name)
stranger.run("SET ROLE sweeper")
answer = stranger.run("SELECT * FROM confiture.repair()")
ok(answer.state == "MG015" and "must be owner" in answer.messages, "attack: repair() drops nothing that the role may not drop", repr(answer))
done()
