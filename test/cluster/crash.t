#!/usr/bin/env python3
"""Backends that die in the middle of a dry run, and backends that do many: the server recovers, memory stays."""
import os
import pathlib
import re
import signal
from sessions import Cluster, done, equal, left_behind, note, ok, wait_until

cluster = Cluster()
cluster.database("crash", """
CREATE TABLE target (id int PRIMARY KEY, amount int);
INSERT INTO target SELECT n, n FROM generate_series(1, 5000) n;
SELECT confiture.register_migration('001', 'one', 'ALTER TABLE target ADD COLUMN extra text')
""")
dump = cluster.dump("crash")
watcher, runner = cluster.session("crash"), cluster.session("crash")

runner.start_dry_run("ALTER TABLE target ALTER amount TYPE bigint; CREATE INDEX ON target (amount); CREATE TABLE fresh AS TABLE target; "
                     "DROP TABLE target; SELECT pg_sleep(40)")
ok(wait_until(lambda: watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {runner.pid}").value == "t"),
   "the dry run is at its end")
os.kill(runner.pid, signal.SIGKILL)
ok(runner.finish().lost, "its backend is gone")


def answers():
    try:
        return cluster.sql("SELECT 1", "crash", check=False) == "1"
    except OSError:
        return False


ok(wait_until(answers, 40, 0.1), "the server restarts")
equal(cluster.dump("crash"), dump, "the database is what it was")
equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE relation >= 16384 OR locktype = 'advisory'", "crash"), "0", "no lock is left")
equal(cluster.sql("SELECT count(*) FROM pg_prepared_xacts", "crash"), "0", "no prepared transaction is left")
runner = cluster.session("crash")
answer = runner.run("SELECT success FROM confiture.dry_run('001')")
equal(answer.value, "t", "the next dry run works")
equal(cluster.sql("SELECT status FROM confiture.status", "crash"), "pending", "the migration is pending as before")


def private_kilobytes(session):
    status = pathlib.Path(f"/proc/{session.pid}/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1])


SCRIPT = """CREATE TABLE fresh (id int PRIMARY KEY, name text);
INSERT INTO fresh SELECT n, repeat('x', 100) FROM generate_series(1, 50) n;
ALTER TABLE target ADD COLUMN extra text DEFAULT 'none';
CREATE INDEX ON fresh (name);
DO $$ BEGIN FOR i IN 1..5 LOOP BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$;
"""
for name, script in (("dry runs that work", SCRIPT), ("dry runs that fail", SCRIPT + "SELECT 1 / 0")):
    many = ("DO $do$ BEGIN FOR i IN 1..{} LOOP PERFORM confiture.dry_run_sql($script$" + script + "$script$); COMMIT; END LOOP; END $do$")
    runner.run(many.format(30))
    first = private_kilobytes(runner)
    answer = runner.run(many.format(300))
    last = private_kilobytes(runner)
    note(f"{name}: private memory {first} kB after 30, {last} kB after 330, {answer.seconds:.1f} s")
    equal(answer.state, None, f"{name}: 300 of them in one session")
    ok(last - first < 2048, f"{name}: memory does not grow", f"{first} kB, {last} kB")

runner.run("BEGIN")
runner.run("SELECT confiture.dry_run_sql('CREATE TABLE fresh ()') FROM generate_series(1, 30)")
first = private_kilobytes(runner)
runner.run("SELECT count(confiture.dry_run_sql('CREATE TABLE fresh (id int)')) FROM generate_series(1, 300)")
last = private_kilobytes(runner)
note(f"in one statement: private memory {first} kB after 30, {last} kB after 330")
ok(last - first < 8192, "300 dry runs in one statement: memory does not grow", f"{first} kB, {last} kB")
runner.run("COMMIT")
runner.run(f"SELECT (confiture.dry_run_sql('{'SELECT 1;' * 5000}')).success")
runner.run(f"SELECT (confiture.dry_run_sql('{'SELECT 1;' * 5000}')).success")
first = private_kilobytes(runner)
for _ in range(5):
    runner.run(f"SELECT (confiture.dry_run_sql('{'SELECT 1;' * 5000}')).success")
last = private_kilobytes(runner)
note(f"large scripts: private memory {first} kB after 2, {last} kB after 7")
ok(last - first < 4096, "large scripts one after another: memory does not grow", f"{first} kB, {last} kB")
done()
