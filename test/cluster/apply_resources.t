#!/usr/bin/env python3
"""A server that has no room: no background worker, no disk, no shared memory for locks."""
import subprocess
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster("max_worker_processes=2", "max_logical_replication_workers=0", "max_locks_per_transaction=10", "max_connections=20",
                  "max_prepared_transactions=0", "max_pred_locks_per_transaction=10")
watcher = cluster.session()
TABLES = "CREATE TABLE ledger (step int); CREATE TABLE target (id int, text text)"
INVALID = "SELECT count(*) FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)"


def database(name, *scripts):
    cluster.database(name, TABLES, *(f"SELECT confiture.register_migration('{number:03}', 'number {number}', {quoted(script)})"
                                     for number, script in enumerate(scripts, 1)))


def summary(name):
    return cluster.sql("SELECT coalesce(string_agg(step::text, ',' ORDER BY step), '') FROM ledger; "
                       "SELECT string_agg(version || ' ' || status, ',' ORDER BY id) FROM confiture.history; "
                       "SELECT count(*) FROM confiture.journal; SELECT count(*) FROM confiture.journal WHERE ended_at IS NULL; " + INVALID, name)


# All workers are taken by the migrators of other databases, whose indexes wait for old snapshots.
INDEX = "-- confiture: no-transaction\nINSERT INTO ledger VALUES (1);\nCREATE INDEX CONCURRENTLY ON ledger (step);\nINSERT INTO ledger VALUES (2)"
holders, busy = [], []
for number in (1, 2, 3):
    database(f"busy {number}", INDEX)
for number in (1, 2):
    holders.append(cluster.session(f"busy {number}"))
    holders[-1].run("BEGIN; LOCK ledger IN ACCESS SHARE MODE")  # CREATE INDEX CONCURRENTLY does not wait for it ...
    holders[-1].run("SELECT 1")
    holders[-1].run("INSERT INTO ledger VALUES (0)")            # ... but for this
    busy.append(cluster.session(f"busy {number}"))
    busy[-1].start("CALL confiture.up()")
ok(wait_until(lambda: watcher.run("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'confiture worker'").value == "2"), "all workers are taken")
third = cluster.session("busy 3")
answer = third.run("CALL confiture.up()")
ok(answer.state == "53400" and "max_worker_processes" in answer.messages, "no worker is free: it says so", repr(answer))
equal(summary("busy 3"), "1\n001 failed\n1\n0\n0", "no worker is free: the steps before stand, nothing is begun")
ok("1 of 3 steps" in cluster.sql("SELECT detail FROM confiture.status", "busy 3"), "no worker is free: the status says how far it is")
for session in holders:
    session.run("COMMIT")
equal([session.finish().state for session in busy], [None, None], "the others end")
answer = third.run("CALL confiture.up()")
equal((answer.state, summary("busy 3")), (None, "1,2\n001 failed,001 succeeded\n0\n0\n0"), "a worker is free again: it goes on")

# Files that must not grow, as on a disk that is full.  A limit of the server's is that of sessions and workers that begin later.
FILLED = "INSERT INTO target SELECT n, repeat('x', 300) || n FROM generate_series({}, {}) n"
LIMIT = 24 << 20  # a segment of the WAL has 16 MB


def limit(process, size):
    limited = subprocess.run([*cluster.as_server, "prlimit", "--pid", str(process), f"--fsize={size}:"], capture_output=True, text=True, check=False)
    if limited.returncode:
        raise RuntimeError(limited.stderr)


def too_large(answer, version):
    return answer.state == "XX000" and f'migration "{version}" failed: could not ' in answer.messages and "File too large" in answer.messages


database("full", f"-- confiture: no-transaction\nINSERT INTO ledger VALUES (1);\n{FILLED.format(1, 70000)};\n"
         "CREATE INDEX CONCURRENTLY target_text ON target (text);\nINSERT INTO ledger VALUES (2)",
         f"INSERT INTO ledger VALUES (3);\nCOMMIT;\nINSERT INTO ledger VALUES (4);\n{FILLED.format(70001, 75000)}")
migrator = cluster.session("full")
migrator.run("SET maintenance_work_mem = '200MB'")  # nothing is sorted on the disk
with open(f"{cluster.host}/data/postmaster.pid", encoding="utf-8") as file:
    postmaster = file.readline().strip()
try:
    limit(postmaster, LIMIT)
    answer = migrator.run("CALL confiture.up()")  # this session has no limit, its worker has
finally:
    limit(postmaster, "unlimited")
ok(too_large(answer, "001"), "an index has no room: it fails with the server's error", repr(answer))
equal(summary("full"), "1\n001 failed\n2\n0\n0", "an index has no room: no invalid one is left, the steps before stand")
limit(migrator.pid, LIMIT)
answer = migrator.run("CALL confiture.up()")
ok(too_large(answer, "002"), "a step has no room: it fails with the server's error", repr(answer))
equal(summary("full"), "1,2,3\n001 failed,001 succeeded,002 failed\n1\n0\n0", "a step has no room: what is before it stands, the index too")
answer = migrator.run("CALL confiture.up()")
ok(too_large(answer, "002"), "there is no room yet: the same again", repr(answer))
limit(migrator.pid, "unlimited")
answer = migrator.run("CALL confiture.up()")
equal((answer.state, summary("full")), (None, "1,2,3,4\n001 failed,001 succeeded,002 failed,002 failed,002 succeeded\n0\n0\n0"), "with room it goes on")
equal(cluster.sql("SELECT count(*), count(DISTINCT id) FROM target", "full"), "75000|75000", "with room it goes on, and nothing is there twice")

# No room for confiture's own records.
database("records", "INSERT INTO ledger VALUES (1);\nCOMMIT;\nINSERT INTO ledger VALUES (2)", "INSERT INTO ledger VALUES (3);\nSELECT 1 / 0", INDEX)
# Rows of the history are written without triggers, but with their index entries.
cluster.sql("""CREATE TABLE full_for (what text);
CREATE FUNCTION room_for(entry text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    IF EXISTS (SELECT FROM public.full_for WHERE what = entry) THEN RAISE disk_full USING MESSAGE = 'no space left for ' || entry; END IF;
    RETURN 1; END $$;
CREATE FUNCTION of_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM public.room_for(lower(TG_OP) || ' journal'); RETURN NULL; END $$;
CREATE TRIGGER room AFTER INSERT OR UPDATE ON confiture.journal FOR EACH ROW EXECUTE FUNCTION of_journal();
CREATE INDEX ON confiture.history (room_for(status || ' history'))""", "records")
migrator = cluster.session("records")


def without_room_for(what):
    cluster.sql(f"TRUNCATE full_for; INSERT INTO full_for VALUES ('{what}')", "records")
    answer = migrator.run("CALL confiture.up()")
    cluster.sql("TRUNCATE full_for", "records")
    return answer


answer = without_room_for("insert journal")
equal((answer.state, summary("records")), ("53100", "\n001 failed\n0\n0\n0"), "no room in the journal: the step is rolled back with it")
answer = without_room_for("succeeded history")
equal((answer.state, summary("records")), ("53100", "1\n001 failed,001 failed\n1\n0\n0"), "no room in the history: so is the last step")
answer = without_room_for("failed history")
equal((answer.state, summary("records")), ("22012", "1,2\n001 failed,001 failed,001 succeeded\n0\n0\n0"), "no room for a failure: it is told all the same")
cluster.sql("SELECT confiture.unregister_migration('002')", "records")
answer = without_room_for("update journal")
equal((answer.state, summary("records")), ("53100", "1,1,2\n001 failed,001 failed,001 succeeded\n2\n1\n0"), "no room for what a worker did: it stays begun")
equal(cluster.sql("SELECT status FROM confiture.status WHERE version = '003'", "records"), "interrupted", "no room for what a worker did: the status says so")
answer = migrator.run("CALL confiture.up()")
equal((answer.state, summary("records").split("\n")[0], cluster.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'ledger'::regclass", "records")),
      (None, "1,1,2,2", "1"), "in the end each step is done once")

# More locks than the server has room for.
database("locks", "INSERT INTO ledger VALUES (1)", "INSERT INTO ledger VALUES (2); DO $$ BEGIN FOR n IN 1..3000 LOOP EXECUTE format('CREATE TABLE made_%s ()', n); END LOOP; END $$")
migrator = cluster.session("locks")
answer = migrator.run("CALL confiture.up()")
ok(answer.state == "53200" and 'migration "002" failed' in answer.messages and "max_locks_per_transaction" in answer.messages, "no room for locks: it says so", repr(answer))
equal(summary("locks"), "1\n001 succeeded,002 failed\n0\n0\n0", "no room for locks: it is rolled back")
equal(migrator.run("SELECT 1").value, "1", "no room for locks: the session goes on")
other = cluster.session("locks")
other.run("SET confiture.migrator_wait = '1ms'")
equal(other.run("SELECT count(*) FROM confiture.repair()").value, "0", "no room for locks: the migrator lock is free")
done()
