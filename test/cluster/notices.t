#!/usr/bin/env python3
"""What the client of up() hears while it waits, and what confiture.progress says of hooks."""
import re
import time
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster("autovacuum=off")
watcher = cluster.session()


def heard(session, text, patience=30):
    """Before the call has ended."""
    lines = session.lines[session.process.stderr].queue
    found = wait_until(lambda: any(text in (line or "") for line in list(lines)), patience)
    return found and not session.answered()


cluster.database("shop", "CREATE TABLE target (id int)",
                 "SELECT confiture.register_migration('001', 'one', 'SELECT pg_sleep(2)')")
first, second, third = (cluster.session("shop") for _ in range(3))
first.run("SET application_name = 'the first'")
first.start("CALL confiture.up()")
wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").value == "t", 20)
second.start("CALL confiture.up()")
third.start("SELECT * FROM confiture.dry_run('001')")
for name, session in (("up()", second), ("a dry run", third)):
    ok(heard(session, "waiting for another migrator"), f"{name} says at once that it waits for another migrator")
for name, session in (("up()", second), ("a dry run", third)):
    answer = session.finish()
    ok(f"Process {first.pid}" in answer.messages and '"the first"' in answer.messages, f"{name}: and for whom", repr(answer))
equal(first.finish().state, None, "the first ends")
answer = second.run("CALL confiture.up()")
ok("waiting for" not in answer.messages, "nothing is said where nobody is waited for", repr(answer))

# The end of a transaction.
cluster.sql("SELECT confiture.register_migration('002', 'two', E'SELECT 1;\\nCREATE INDEX CONCURRENTLY made ON target (id)', 'DROP INDEX made')", "shop")
old = cluster.session("shop")
old.run("SET application_name = 'an old report'")
old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM target")
first.start("CALL confiture.up()")
ok(heard(first, "waits for the end of another transaction"), "CREATE INDEX CONCURRENTLY says that it waits for a transaction")
ok(heard(first, f"Process {old.pid} ") and heard(first, '"an old report"') and heard(first, "is in a transaction since"), "and whose, since when")
ok(heard(first, "CREATE INDEX in line 2 runs for", 30), "and after 10 s that it still runs")
equal(watcher.run(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {first.pid} AND backend_xmin IS NULL").value, "1", "the client's session holds no snapshot")
time.sleep(11)
old.run("COMMIT")
answer = first.finish()
equal(answer.state, None, "it gets through")
ok(2 <= len(re.findall("runs for \\d+ s", answer.messages)) <= 3, "it says so every 10 s", repr(answer))
equal(len(re.findall("waits for the end", answer.messages)), 1, "and for whom it waits once", )
equal(cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "shop"), "0", "the index is valid")

# A new blocker is told anew; many times in a row nothing breaks.
cluster.sql("SELECT confiture.register_migration('003', 'three', 'CREATE INDEX CONCURRENTLY again ON target (id)')", "shop")
old.run("BEGIN; INSERT INTO target VALUES (1)")
other = cluster.session("shop")
other.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM target")
first.start("CALL confiture.up()")
ok(heard(first, f"Process {old.pid} "), "first it waits for the writer")
old.run("COMMIT")
ok(heard(first, f"Process {other.pid} "), "then for the snapshot")
other.run("COMMIT")
equal(first.finish().state, None, "and gets through")

# Between two statements of the session itself.
cluster.sql("SELECT confiture.register_migration('004', 'four', E'SELECT pg_sleep(11);\\nSELECT pg_sleep(1);\\nSELECT 1')", "shop")
answer = first.run("CALL confiture.up()")
ok(answer.state is None and len(re.findall(r"SELECT in line 2, statement 2 of 3, begins after 1\d s", answer.messages)) == 1, "between two statements", repr(answer))

# Hooks.
cluster.sql("""SELECT confiture.register_hook_sql('a slow check', 'BEFORE_VALIDATION', 'SELECT pg_sleep(1)'),
       confiture.register_hook_sql('a slow cleanup', 'CLEANUP', 'SELECT pg_sleep(1)'),
       confiture.register_migration('005', 'five', 'SELECT pg_sleep(1)')""", "shop")
first.start("CALL confiture.up()")
seen = []
while not first.answered():
    now = watcher_rows = cluster.sql("SELECT activity || ': ' || coalesce(hook, 'none') FROM confiture.progress WHERE version = '005'", "shop")
    if now and (not seen or seen[-1] != now):
        seen.append(now)
    time.sleep(0.02)
first.finish()
ok([each for each in seen if "none" not in each] == ["running hooks: a slow check", "running hooks: a slow cleanup"] and "migrating: none" in seen,
   "progress names the hook that runs", seen)
done()
