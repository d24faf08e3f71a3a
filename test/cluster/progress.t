#!/usr/bin/env python3
"""Live progress: what a migrator tells of itself is read by every session, whole, for as long as it works and no longer."""
import os
import pathlib
import re
from sessions import TOP, Cluster, done, equal, note, ok, quoted, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()

FUNCTIONS = """
publish(int) RETURNS void
migrate(text, text, activity int, began_ms int, estimated_ms int, rows_done int, rows_total int, worker int, blocker int) RETURNS void
withdraw() RETURNS void
publish_during(int, text) RETURNS text
publish_nested(text) RETURNS text
fail_under_locks(int) RETURNS void
publish_often(int) RETURNS void
publish_loop(int) RETURNS int
read_loop(int) RETURNS int[]
publish_cost() RETURNS double precision
publish_without_files() RETURNS int
point_at(int, text) RETURNS void
forge(text, int, int) RETURNS text
segment_length(text) RETURNS int
take_segments() RETURNS int
memory() RETURNS bigint
"""


def with_border(cluster, database="postgres"):
    cluster.sql("CREATE SCHEMA border; GRANT USAGE ON SCHEMA border TO PUBLIC", database)
    for line in FUNCTIONS.split("\n")[1:-1]:
        name = line.split("(")[0]
        cluster.sql(f"CREATE FUNCTION border.{line} LANGUAGE C STRICT AS '{LIBRARY}', 'confiture_border_{name}'", database)


cluster = Cluster("max_prepared_transactions=2", "dynamic_shared_memory_type=mmap")
cluster.sql("CREATE EXTENSION confiture")
with_border(cluster)
cluster.database("elsewhere")
cluster.sql("""
CREATE ROLE watcher LOGIN;
GRANT USAGE ON SCHEMA confiture TO watcher;
GRANT SELECT ON confiture.progress TO watcher;
GRANT EXECUTE ON FUNCTION confiture.read_progress() TO watcher;
CREATE TABLE orders (id int PRIMARY KEY, amount int);
INSERT INTO orders SELECT n, n FROM generate_series(1, 1000) n;
CREATE TABLE seen (step int)""")
migrator, reader, other = cluster.session(), cluster.session(), cluster.session(user="watcher")
SEEN = "SELECT string_agg(step::text, ' ' ORDER BY step) FROM confiture.progress"
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"


def seen(by=None):
    return (by or other).run(SEEN).value


def nothing_left(name):
    equal([seen(reader), reader.run(LOCKS).value, segments()], ["", "0", at_rest], f"{name}: neither row, lock nor segment is left")


def segments():
    """The shared memory segments of this server."""
    return sorted(file.name for file in pathlib.Path(cluster.host, "data", "pg_dynshmem").iterdir())


# ---- from the first moment to the last ----

equal(seen(), "", "at first nobody publishes")
at_rest = segments()
migrator.run("BEGIN; SELECT border.publish(1)")
equal([seen(), seen(reader), seen(migrator)], ["1", "1", "1"], "read before a commit: by another role, another session, and itself")
migrator.run("COMMIT")
equal(seen(), "1", "read after a commit")
migrator.run("BEGIN; SELECT border.publish(2); ROLLBACK")
equal(seen(), "2", "read after a rollback")
migrator.run("BEGIN; SAVEPOINT s; SELECT border.publish(3); ROLLBACK TO s; SELECT 1 / 0")
equal(seen(), "3", "read while its transaction has failed")
migrator.run("ROLLBACK")
equal(seen(), "3", "read after an error")
migrator.run("DO $$ BEGIN PERFORM border.publish(4); COMMIT; PERFORM border.publish(5); ROLLBACK; INSERT INTO seen " + SEEN.replace("string_agg(step::text, ' ' ORDER BY step)", "step") + "; END $$")
equal([reader.run("SELECT * FROM seen").value, seen()], ["5", "5"], "read in and after a block that commits")
equal(cluster.session("elsewhere").run("SELECT count(*) FROM confiture.progress").value, "0", "another database does not show it")
equal(reader.run("SELECT classid, objsubid, mode, pid = " + str(migrator.pid) + " FROM pg_locks WHERE locktype = 'advisory'").rows,
      [f"{0x434F4652}|3|ExclusiveLock|t"], "it holds one lock")
migrator.run("SELECT pg_advisory_unlock_all(); SELECT border.publish(6)")
equal(seen(), "6", "a script that gives up all advisory locks hides it until the next step only")
migrator.run("DISCARD ALL")
equal(seen(), "", "so does DISCARD ALL")
migrator.run("SELECT border.publish(7)")
equal(seen(), "7", "and it is back")
migrator.run("BEGIN; INSERT INTO seen VALUES (0); PREPARE TRANSACTION 'p'")
equal(seen(), "7", "a prepared transaction does not take it along")
migrator.run("COMMIT PREPARED 'p'")
migrator.run("SELECT border.withdraw()")
nothing_left("withdrawn")
migrator.run("BEGIN; SELECT border.publish(1); SELECT border.withdraw()")
nothing_left("withdrawn within one transaction")
migrator.run("ROLLBACK; SELECT border.publish(1)")
equal(seen(), "1", "published again")
migrator.run("SELECT border.withdraw()")

# ---- one in a session ----

equal(migrator.run("SELECT border.publish_nested(" + quoted(SEEN) + ")").value, "1 1 1 4 ", "of two that are nested the outer one stays in view")
nothing_left("nested")

# ---- however it ends ----

equal(migrator.run("SELECT border.publish_during(8, " + quoted(SEEN) + ")").value, "8", "read by the statement that it tells of")
nothing_left("a statement that ends well")
equal(migrator.run("SELECT border.publish_during(8, 'SELECT 1 / 0')").state, "22012", "a statement that fails")
nothing_left("a statement that fails")
migrator.run("BEGIN; SAVEPOINT s")
equal(migrator.run("SELECT border.publish_during(8, 'SELECT 1 / 0')").state, "22012", "one that fails in a savepoint")
nothing_left("one that fails in a savepoint")
equal(migrator.run("ROLLBACK TO s; SELECT 1").value, "1", "and the transaction goes on")
migrator.run("ROLLBACK")
for name, stop, state in (("cancelled", "SELECT pg_cancel_backend({})", "57014"), ("terminated", "SELECT pg_terminate_backend({})", "57P01")):
    migrator.start("SELECT border.publish_during(9, 'SELECT pg_sleep(60)')")
    ok(wait_until(lambda: seen() == "9"), f"{name}: it is seen while it runs")
    reader.run(stop.format(migrator.pid))
    equal(migrator.finish().state, state, f"{name}: the error")
    ok(wait_until(lambda: not os.path.exists(f"/proc/{migrator.pid}")) if state == "57P01" else True, f"{name}: it is over")
    nothing_left(name)
migrator = cluster.session()
migrator.run("SELECT border.publish(1); BEGIN; SELECT border.publish(2)")
reader.run(f"SELECT pg_terminate_backend({migrator.pid})")
ok(wait_until(lambda: not os.path.exists(f"/proc/{migrator.pid}")), "terminated while idle: it is over")
nothing_left("terminated while idle")
migrator = cluster.session()
migrator.run("SELECT border.publish(1)")
migrator.kill()
ok(wait_until(lambda: not os.path.exists(f"/proc/{migrator.pid}")), "its client gone: it is over")
nothing_left("its client gone")

migrator = cluster.session()
for where, before, after in (("", "", ""), (" in a savepoint", "BEGIN; SAVEPOINT s; ", "ROLLBACK TO s; COMMIT")):
    equal(migrator.run(before + "SELECT border.fail_under_locks(1)").state, "22000", f"an error under the locks of the server{where}")
    migrator.run(after)
    nothing_left(f"an error under the locks of the server{where}")

migrator.run("SELECT border.publish_during(1, 'SELECT 1')")
first = int(migrator.run("SELECT border.publish_often(100); SELECT border.memory()").value)
migrator.run("SELECT border.publish_often(5000)")
grown = int(migrator.run("SELECT border.memory()").value) - first
ok(grown <= 0, "5000 times: no byte is left in the memory contexts", grown)
nothing_left("5000 times")
failing = ("DO $$ BEGIN FOR i IN 1..{} LOOP BEGIN PERFORM border.publish_during(1, 'SELECT 1 / 0'); "
           "EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$")
migrator.run(failing.format(100))
first = int(migrator.run("SELECT border.memory()").value)
migrator.run(failing.format(5000))
grown = int(migrator.run("SELECT border.memory()").value) - first
ok(grown <= 0, "5000 errors: no byte is left in the memory contexts", grown)
nothing_left("5000 errors")
ok("leak" not in cluster.log(), "the server complains of no leak", *re.findall(".*leak.*", cluster.log())[:5])

# ---- no reader sees half of it ----

migrator.start("SELECT border.publish_loop(5000)")
ok(wait_until(lambda: seen()), "a loop that does nothing but publish is seen")
rows, torn, changes, back = reader.run("SELECT array_to_json(border.read_loop(3000))").json()
published = int(migrator.finish().value)
note(f"{published} times published, {rows} times read, {changes} different ones")
equal([torn, back], [0, 0], "every row is of one moment, and none is older than the one before")
ok(rows > 1000 and changes > 100 and published > 10000, "there was something to tear", [rows, changes, published])

# A writer that stands still in the middle keeps no reader waiting.
migrator.start("SELECT border.publish_loop(4000)")
ok(wait_until(lambda: seen()), "a loop that is stopped again and again")
torn = 0
for _ in range(20):
    os.kill(migrator.pid, 19)  # SIGSTOP
    rows, tears, changes, back = reader.run("SELECT array_to_json(border.read_loop(20))").json()
    torn += tears + back + (rows == 0)
    os.kill(migrator.pid, 18)  # SIGCONT
equal(torn, 0, "every row of a stopped writer is whole")
migrator.finish()
nothing_left("loops")

cost = float(migrator.run("SELECT border.publish_cost()").value)
note(f"{cost:.0f} ns for one publish()")
ok(cost < 1000, "publish() takes less than a microsecond", cost)

# ---- what it says ----

ASKED = "SELECT role, version, name, direction, activity, command, attempt, step, percent::int, remaining IS NULL, rows_done, worker_pid, blocked_by"


def told(*numbers, version="001", name="one", columns=ASKED):
    migrator.run(f"SELECT border.migrate({quoted(version)}, {quoted(name)}, " + ", ".join(map(str, numbers)) + ")")
    return other.run(columns + " FROM confiture.progress").value


equal(told(0, 0, 0, 0, 0, 0, 0), "postgres|001|one|forward|migrating|CREATE INDEX||||t|||{}", "without a measure there is no percent")
equal(told(0, 5000, 20000, 0, 0, 0, 0), "postgres|001|one|forward|migrating|CREATE INDEX|||25|f|||{}", "percent of the estimated time")
equal(told(0, 90000, 20000, 0, 0, 0, 0), "postgres|001|one|forward|migrating|CREATE INDEX|||99|t|||{}", "never done before it is, and then nobody knows how long")
equal(told(2, 5000, 20000, 3, 4, 0, 0), "postgres|001|one|forward|backfilling|CREATE INDEX|||75|f|3||{}", "percent of the rows")
equal(told(2, 5000, 0, 0, 4, 0, 0), "postgres|001|one|forward|backfilling|CREATE INDEX|||0|t|0||{}", "before the first row nobody knows how long")
equal(told(5, 0, 0, 0, 0, 0, 4242), "postgres|001|one|forward|pausing before a retry|CREATE INDEX||||t|||{4242}", "who was in the way")
remaining = "SELECT round(extract(epoch FROM remaining)), round(extract(epoch FROM elapsed)), elapsed > clock_timestamp() - started_at - interval '1 s'"
equal(told(0, 5000, 20000, 0, 0, 0, 0, columns=remaining), "15|5|t", "remaining by the estimate")
equal(told(2, 6000, 0, 3, 4, 0, 0, columns=remaining), "2|6|t", "remaining by the rows")
names = [told(n, 0, 0, 0, 0, 0, 0, columns="SELECT activity") for n in range(8)]
equal(names, ["migrating", "running hooks", "backfilling", "waiting for another migrator", "waiting for a lock", "pausing before a retry",
              "waiting for replicas", "running a statement at top level"], "every activity has its words")
for version, name, kept in (("é" * 100, "€" * 100, "é" * 63 + "|" + "€" * 85), ("v" * 127, "n" * 255, "v" * 127 + "|" + "n" * 255),
                            ("v" * 128, "n" * 256, "v" * 127 + "|" + "n" * 255), ("", "", "|"), ("a😀" * 32, "x", "a😀" * 25 + "a|x")):
    equal(told(0, 0, 0, 0, 0, 0, 0, version=version, name=name, columns="SELECT version, name"), kept,
          f"what is too long is cut at a character: {len(version.encode())} and {len(name.encode())} bytes")
equal(other.run("SELECT bool_and(statement_started_at BETWEEN run_started_at AND now()) FROM confiture.progress").value, "t", "when it began")

# Waiting for whom: what the server says at this moment.
blocker = cluster.session()
blocker.run("BEGIN; LOCK orders")
migrator.start("SELECT border.migrate('1', 'one', 5, 0, 0, 0, 0, 0, 4242); SELECT count(*) FROM orders")
ACTIVITY = "SELECT activity, blocked_by = ARRAY[{}] FROM confiture.progress"
ok(wait_until(lambda: other.run(ACTIVITY.format(blocker.pid)).value == "waiting for a lock|t"), "it waits for whom")
blocker.run("COMMIT")
migrator.finish()
equal(other.run(ACTIVITY.format(4242)).value, "pausing before a retry|t", "and no longer")
migrator.run("SELECT border.migrate('1', 'one', 0, 0, 0, 0, 0, 0, 4242)")
equal(other.run("SELECT activity, blocked_by FROM confiture.progress").value, "migrating|{}", "after a pause those of the last attempt are in no way")
blocker.run("BEGIN; LOCK orders")
migrator.start("SELECT border.migrate('1', 'one', 3, 0, 0, 0, 0, 0, 0); SELECT count(*) FROM orders")
ok(wait_until(lambda: other.run(ACTIVITY.format(blocker.pid)).value == "waiting for another migrator|t"), "the wait for a migrator has its own words")
blocker.run("COMMIT")
migrator.finish()
worker = cluster.session()
blocker.run("BEGIN; LOCK orders")
worker.start("SELECT count(*) FROM orders")
equal(told(7, 0, 0, 0, 0, worker.pid, 0, columns="SELECT 1"), "1", "a worker's statement")
ok(wait_until(lambda: other.run(ACTIVITY.format(blocker.pid)).value == "waiting for a lock|t"), "its worker waits for whom")
blocker.run("COMMIT")
worker.finish()
blocker.run("BEGIN; LOCK orders; PREPARE TRANSACTION 'p'")
worker.start("SELECT count(*) FROM orders")
ok(wait_until(lambda: other.run(ACTIVITY.format(0)).value == "waiting for a lock|t"), "it waits for a prepared transaction")
blocker.run("COMMIT PREPARED 'p'")
worker.finish()

# What the server says of an index build, to whoever may know it.
blocker.run("BEGIN; INSERT INTO orders VALUES (2000, 1)")
worker.start("CREATE INDEX CONCURRENTLY ON orders (amount)")
PHASE = "SELECT phase, phase_percent, activity, blocked_by = ARRAY[{}] FROM confiture.progress"
waiting = "waiting for writers before build|0|waiting for a lock|t"
ok(wait_until(lambda: reader.run(PHASE.format(blocker.pid)).value == waiting), "the phase of an index build", reader.run(PHASE.format(blocker.pid)).value)
equal(other.run(PHASE.format(blocker.pid)).value, "||waiting for a lock|t", "which another role does not see")
blocker.run("ROLLBACK")
equal(worker.finish().state, None, "the index is built")
migrator.run("SELECT border.withdraw()")

# Two migrators, and more.
crowd = [cluster.session() for _ in range(8)]
for number, session in enumerate(crowd, 1):
    session.run(f"SELECT border.publish({number})")
equal(seen(), "1 2 3 4 5 6 7 8", "all who publish are seen")
equal(crowd[3].run(SEEN).value, "1 2 3 4 5 6 7 8", "by each of them too")
for session in crowd:
    session.run("SELECT border.withdraw()")
nothing_left("a crowd")

# ---- locks and segments of strangers ----

migrator.run("SELECT border.publish(1)")
lock_class, handle = reader.run("SELECT classid, objid FROM pg_locks WHERE locktype = 'advisory'").value.split("|")
length = int(migrator.run(f"SELECT border.segment_length('{handle}')").value)
stranger = cluster.session(user="watcher")
for lock in (f"pg_advisory_lock({lock_class}, ({handle}::bigint - CASE WHEN {handle} > 2147483647 THEN 4294967296 ELSE 0 END)::int)",
             f"pg_advisory_lock({lock_class}::bigint << 32 | {handle}::bigint)", f"pg_advisory_lock({lock_class}, 0)",
             f"pg_advisory_lock_shared({lock_class}, 12345)"):
    equal(stranger.run(f"SELECT {lock}").state, None, f"a stranger may take {lock[:60]}")
    equal(seen(), "1", "which says nothing to a reader")
stranger.run("SELECT pg_advisory_unlock_all()")
cluster.sql("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA border TO watcher")
for name, number in (("nothing", 0), ("what never was", 12345), ("the greatest number", 4294967295)):
    equal(stranger.run(f"SELECT border.point_at({lock_class}, '{number}')").state, None, f"a lock that points at {name}")
    equal(seen(), "1", f"{name}: nobody is misled")
stranger.run("SELECT pg_advisory_unlock_all()")

# Segments that are not what they say: of every length, and with every byte of the head changed.
equal(migrator.run(f"SELECT border.point_at({lock_class}, border.forge('{handle}', {length}, -1))").state, None, "a faithful copy of one's own")
equal(seen(), "1 1", "is believed: the copies below are refused for their difference alone")
migrator.run("SELECT pg_advisory_unlock_all(); SELECT border.publish(1)")
equal(seen(), "1", "the copy is given up")
shorter = [0, 1, 8, 16, 31, 40, length // 2, length - 1]
for size in shorter[1:]:
    migrator.run(f"SELECT border.point_at({lock_class}, border.forge('{handle}', {size}, -1))")
equal(seen(), "1", f"copies of {shorter[1:]} bytes are refused")
for byte in range(24):
    migrator.run(f"SELECT border.point_at({lock_class}, border.forge('{handle}', {length}, {byte}))")
equal(seen(), "1", "copies with a byte of the head changed are refused")
copied = reader.run("SELECT border.publish(51); SELECT border.forge(objid::text, " + str(length) + ", -1) FROM pg_locks "
                    f"WHERE locktype = 'advisory' AND pid = {reader.pid} AND classid = {lock_class}").value
stranger.run(f"SELECT border.point_at({lock_class}, '{copied}')")
equal([seen(reader), seen()], ["1 51", "1 51"], "a faithful copy under a stranger's lock is refused, by the one who made it too")
reader.run("SELECT border.withdraw(); SELECT pg_advisory_unlock_all()")
migrator.run("SELECT border.withdraw()")
stranger.kill()

# Those of the server itself: of a parallel query that runs.
before = set(segments())
parallel = cluster.session()
parallel.run("SET debug_parallel_query = on; SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; "
             "SET min_parallel_table_scan_size = 0")
parallel.run("CREATE FUNCTION slow(int) RETURNS int LANGUAGE sql PARALLEL SAFE AS 'SELECT $1 FROM pg_sleep(0.01)'")
parallel.start("SELECT count(slow(id)) FROM orders WHERE id < 500")
ok(wait_until(lambda: set(segments()) - before), "a parallel query has segments")
handles = [name.split(".")[1] for name in segments()]
stranger = cluster.session()
for number in handles:
    stranger.run(f"SELECT border.point_at({lock_class}, '{number}')")
equal([seen(), seen(reader)], ["", ""], "a lock that points at the segments of a parallel query")
answer = parallel.finish()
equal(answer.value, "499", "which goes on undisturbed")
equal(seen(), "", "or at what is gone")
parallel.kill()
stranger.kill()
equal(reader.run("SELECT 1").value, "1", "the readers live")

# ---- where the server has nothing to give ----

small = Cluster("max_connections=12", "max_locks_per_transaction=10", "max_wal_senders=0", "autovacuum_max_workers=1",
                "max_worker_processes=0", "dynamic_shared_memory_type=posix")
small.sql("CREATE EXTENSION confiture")
with_border(small)
session, hungry, watcher = small.session(), small.session(), small.session()
equal(session.run("SELECT border.publish_without_files()").rows, ["0"], "no file can be opened: nothing is published, and nothing fails")
equal(session.run("BEGIN; SELECT border.publish_without_files(); SELECT 1").value, "1", "nor does the transaction")
equal(session.run("COMMIT; SELECT border.publish_during(1, " + quoted(SEEN) + ")").value, "1", "the next one is published")
taken = int(hungry.run("SELECT border.take_segments()").value)
ok(taken > 60, "all segments are taken", taken)
answer = session.run("BEGIN; SELECT border.publish(1); SELECT 'on'")
equal([answer.value, answer.messages, seen(watcher)], ["on", "", ""], "no segment is free: nothing is published, and nothing fails")
session.run("SELECT border.publish(2); COMMIT; SELECT border.withdraw()")
hungry.kill()
ok(wait_until(lambda: session.run("SELECT border.publish_during(1, " + quoted(SEEN) + ")").value == "1"), "once there is one again, it is")
hungry = small.session()
answer = hungry.run("SELECT count(pg_advisory_lock(n)) FROM generate_series(1, 100000) n")
equal(answer.state, "53200", "the lock table is full")
answer = session.run("SELECT border.publish(1); SELECT 'on'")
hungry.run("SELECT pg_advisory_unlock_all()")
equal([answer.value, answer.messages, seen(watcher)], ["on", "", ""], "no lock is free: nothing is published, and nothing fails")
session.run("SELECT border.publish(2); SELECT border.withdraw()")
equal(session.run("SELECT border.publish_during(1, " + quoted(SEEN) + ")").value, "1", "once there are locks again, it is")

# ---- every kind of shared memory ----

servers = [("", cluster), ("the small one", small)]
for settings in (["dynamic_shared_memory_type=mmap"], ["dynamic_shared_memory_type=sysv"], ["min_dynamic_shared_memory=1MB"]):
    if cluster.version == 13 and settings[0].startswith("min"):
        continue
    server = Cluster(*settings)
    server.sql("CREATE EXTENSION confiture")
    with_border(server)
    session, watcher = server.session(), server.session()
    session.run("SELECT border.publish(1); SELECT border.publish(2)")
    equal([seen(watcher), seen(session)], ["2", "2"], f"{settings[0]}: it is seen")
    session.run("SELECT border.withdraw()")
    equal([seen(watcher), watcher.run(LOCKS).value], ["", "0"], f"{settings[0]}: and gone")
    session.run("SELECT border.publish(3)")
    session.kill()
    ok(wait_until(lambda: seen(watcher) == ""), f"{settings[0]}: with the session too")
    servers.append((settings[0], server))
for name, server in servers:
    ok(not re.search("PANIC|terminated by signal|TRAP|leak", server.log()), f"the server is well {name}", *re.findall(".*(?:PANIC|signal|TRAP|leak).*", server.log())[:5])
done()
