#!/usr/bin/env python3
"""What up() tells of itself while it works: where it is, whom it waits for, and nothing any more when it is over."""
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
cluster.database("shop", """
CREATE ROLE watcher LOGIN;
GRANT USAGE ON SCHEMA confiture TO watcher;
GRANT SELECT ON confiture.progress TO watcher;
GRANT EXECUTE ON FUNCTION confiture.read_progress() TO watcher""")
migrator, watcher, blocker = cluster.session("shop"), cluster.session("shop", "watcher"), cluster.session("shop")
superuser = cluster.session("shop")


def register(version, script):
    equal(migrator.run(f"SELECT confiture.register_migration({quoted(version)}, {quoted('number ' + version)}, {quoted(script)})").value, "added",
          f"{version} is registered")


def shown(columns, by=None):
    return (by or watcher).run(f"SELECT {columns} FROM confiture.progress").value


def comes(columns, expected, name, by=None):
    found = []

    def there():
        found[:] = [shown(columns, by)]
        return found == [expected]
    ok(wait_until(there, 20), name, f"found {found}", f"expected {expected!r}")


def over(name, state=None):
    answer = migrator.finish()
    equal(answer.state, state, f"{name}: how it ends")
    equal([shown("count(*)"), watcher.run("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").value], ["0", "0"],
          f"{name}: afterwards nothing is shown, and no lock is left")


WHERE = "version, name, direction, activity, migration_number, migrations, step, steps, statement, statements, line, command, role"
register("1", "CREATE TABLE t (id int);\n\nINSERT INTO t SELECT generate_series(1, 100);\nSELECT pg_sleep(2);")
register("2", "SELECT pg_sleep(2)")
migrator.start("CALL confiture.up()")
comes(WHERE, "1|number 1|forward|migrating|1|2|1|1|3|3|4|SELECT|postgres", "the statement that runs")
equal(shown(f"pid = {migrator.pid}, run_started_at <= started_at, started_at <= statement_started_at, elapsed < interval '60 s', blocked_by"),
      "t|t|t|t|{}", "and since when")
equal(watcher.run("SELECT to_regclass('t') IS NULL").value, "t", "while nothing is committed yet")
comes(WHERE, "2|number 2|forward|migrating|2|2|1|1|1|1|1|SELECT|postgres", "and the next migration")
over("two migrations")

# A lock that is not to be had.
register("3", "ALTER TABLE t ADD b int")
migrator.run("SET confiture.lock_timeout = '1s'")
blocker.run("BEGIN; LOCK t")
migrator.start("CALL confiture.up()")
WAITING = f"activity, blocked_by = ARRAY[{blocker.pid}]"
comes(WAITING, "waiting for a lock|t", "whom it waits for")
comes(WAITING + ", attempt > 1", "pausing before a retry|t|t", "and who was in the way, in the pause")
comes(WAITING, "waiting for a lock|t", "and again, when it tries once more")
blocker.run("COMMIT")
over("a lock that comes late")
migrator.run("RESET confiture.lock_timeout")

# A statement at top level: what its worker waits for, and how far the server says it is.
register("4", "CREATE INDEX CONCURRENTLY t_b ON t (b);\nSELECT 1")
blocker.run("BEGIN; INSERT INTO t VALUES (0)")
migrator.start("CALL confiture.up()")
comes(WAITING + ", step, steps, command, worker_pid > 0", "waiting for a lock|t|1|2|CREATE INDEX|t", "whom a worker waits for")
equal(shown("phase", superuser), "waiting for writers before build", "and the phase of its index build")
equal(shown(f"worker_pid IN (SELECT pid FROM pg_stat_activity WHERE backend_type = 'confiture worker')", superuser), "t", "the worker is one")
blocker.run("COMMIT")
over("a statement at top level")
register("5", "VACUUM t;\nSELECT pg_sleep(1)")
migrator.start("CALL confiture.up()")
comes("step, command, worker_pid", "2|SELECT|", "the worker is told of no longer than it lives")
over("the step after one")

# One that waits for another migrator.
register("6", "SELECT pg_sleep(1)")
blocker.run("BEGIN; SELECT FROM confiture.repair()")
migrator.start("CALL confiture.up()")
comes(f"activity, version, blocked_by = ARRAY[{blocker.pid}]", "waiting for another migrator||t", "a migrator that waits for another one")
equal(superuser.run(f"SELECT pid = {blocker.pid}, role FROM confiture.migrator").value, "t|postgres", "which is shown, too")
blocker.run("COMMIT")
comes("activity, percent IS NULL", "migrating|t", "and then migrates, nobody knows for how long")
over("after another one")

# How long it took the last time.
superuser.run("SELECT confiture.repair('6', 'reverted')")
migrator.start("CALL confiture.up()")
comes("percent BETWEEN 1 AND 99, remaining < interval '2 s'", "t|t", "the second time it is known about")
over("the second time")

# However it ends.
register("7", "SELECT 1 / 0")
migrator.start("CALL confiture.up()")
over("a migration that fails", "22012")
migrator.run("SELECT confiture.unregister_migration('7')")
for version, name, stop, state in (("8", "cancelled", "pg_cancel_backend", "57014"), ("9", "terminated", "pg_terminate_backend", "57P01")):
    register(version, "SELECT pg_sleep(60)")
    migrator.start("CALL confiture.up()")
    comes("version", version, f"{name}: it runs")
    superuser.run(f"SELECT {stop}({migrator.pid})")
    over(name, state)
    if state == "57014":
        migrator.run("SELECT confiture.unregister_migration('8')")
done()
