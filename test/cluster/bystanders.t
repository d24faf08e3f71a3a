#!/usr/bin/env python3
"""What bystanders feel of a dry run and of up(), against what the report says: never understated, seldom overstated.

CONFITURE_JUDGE=whole tries every form in every place; without it some of them.
"""
import collections
import os
import statistics
from bystanders import PROCEDURE, Bystanders, longest
from sessions import Cluster, done, note, ok, quoted, wait_until

WHOLE = os.environ.get("CONFITURE_JUDGE") == "whole"
# Milliseconds, and the part of a median: a run beside other tests has processors that are busy, above all when it commits.
ROOM, SURPLUS = (10, 0.1) if WHOLE else (60, 0.5)
ROWS = 40
cluster = Cluster("shared_buffers=64MB", "fsync=off")
cluster.database("model", f"""
CREATE FUNCTION slow(value int) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.005); RETURN true; END';
CREATE FUNCTION slowly(value bigint) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(0.005); RETURN value; END';
CREATE TABLE r (id int PRIMARY KEY);
INSERT INTO r SELECT generate_series(1, {ROWS});
CREATE TABLE t (id int PRIMARY KEY, v int, n text, old int CHECK (slow(old)));
INSERT INTO t SELECT n, n, 'n' || n, n FROM generate_series(1, {ROWS}) n;
CREATE INDEX t_slowly ON t (slowly(v));
ALTER TABLE t ADD CONSTRAINT later CHECK (slow(v)) NOT VALID;
CREATE TABLE o (id int PRIMARY KEY, v int);
INSERT INTO o SELECT n, n FROM generate_series(1, {ROWS}) n;
CREATE TABLE p (id int, v int) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO ({ROWS // 2});
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ({ROWS // 2}) TO (1000);
INSERT INTO p SELECT n, n FROM generate_series(1, {ROWS}) n;
CREATE TABLE base (id int, v int);
CREATE TABLE derived (more int) INHERITS (base);
INSERT INTO derived SELECT n, n, n FROM generate_series(1, {ROWS}) n;
CREATE MATERIALIZED VIEW m AS SELECT id, slowly(v) AS v FROM o;
CREATE UNIQUE INDEX ON m (id);
""" + PROCEDURE)
READABLE = ["t", "o", "r", "p1", "p2", "derived", "m"]
WRITABLE = ["t", "o", "r", "p1", "p2", "derived"]

# Each works for some time on its own, or what follows it in the transaction does.
WORK = "SELECT pg_sleep(0.15)"
PAUSE = "SELECT pg_sleep(0.1)"  # so that bystanders come between two steps
FORMS = {
    "ADD CHECK": "ALTER TABLE t ADD CONSTRAINT c CHECK (slow(v))",
    "VALIDATE": "ALTER TABLE t VALIDATE CONSTRAINT later",
    "rewrite": "ALTER TABLE t ALTER v TYPE bigint USING slowly(v)",
    "rewrite by a default": "ALTER TABLE t ADD COLUMN e bigint DEFAULT slowly((random() * 9)::bigint)",
    "SET NOT NULL": f"ALTER TABLE t ALTER v SET NOT NULL; {WORK}",
    "ADD COLUMN": f"ALTER TABLE t ADD COLUMN e int; {WORK}",
    "DROP COLUMN": f"ALTER TABLE t DROP COLUMN n; {WORK}",
    "ADD FOREIGN KEY": f"ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (v) REFERENCES r; {WORK}",
    "ADD UNIQUE": f"ALTER TABLE t ADD CONSTRAINT u UNIQUE (v); {WORK}",
    "ADD UNIQUE USING INDEX": f"CREATE UNIQUE INDEX u ON t (v); ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX u; {WORK}",
    "CREATE INDEX": "CREATE INDEX ON t (slowly(v))",
    "CREATE INDEX twice": "CREATE INDEX ON t (slowly(v)); CREATE INDEX ON o (slowly(v))",
    "REINDEX INDEX": "REINDEX INDEX t_slowly",
    "REINDEX TABLE": "REINDEX TABLE t",
    "DROP INDEX": f"DROP INDEX t_slowly; {WORK}",
    "CLUSTER": "CLUSTER t USING t_pkey",
    "TRUNCATE": f"TRUNCATE o; {WORK}",
    "DROP TABLE": f"DROP TABLE o CASCADE; {WORK}",
    "RENAME COLUMN": f"ALTER TABLE o RENAME v TO w; {WORK}",
    "SET SCHEMA": f"CREATE SCHEMA s; ALTER TABLE r SET SCHEMA s; {WORK}",
    "CREATE TRIGGER": f"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger(); {WORK}",
    "DISABLE TRIGGER": f"ALTER TABLE t DISABLE TRIGGER ALL; {WORK}",
    "SET STORAGE PARAMETER": f"ALTER TABLE t SET (fillfactor = 80); {WORK}",
    "SET STATISTICS": f"ALTER TABLE t ALTER v SET STATISTICS 10; {WORK}",
    "REFRESH": "REFRESH MATERIALIZED VIEW m",
    "REFRESH CONCURRENTLY": "REFRESH MATERIALIZED VIEW CONCURRENTLY m",
    "LOCK two": f"LOCK t, o IN SHARE MODE; {WORK}",
    "LOCK then more": f"LOCK t IN SHARE MODE; {WORK}; LOCK t; {WORK}",
    "UPDATE": "UPDATE o SET v = slowly(v)",
    "DO": f"DO $$ BEGIN PERFORM pg_sleep(0.1); LOCK t; PERFORM pg_sleep(0.1); END $$; {WORK}",
    "DO rolled back": "DO $$ BEGIN BEGIN LOCK t; PERFORM pg_sleep(0.15); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN "
                      "PERFORM pg_sleep(0.15); END; END $$",
    "SAVEPOINT": f"SAVEPOINT a; LOCK t; {WORK}; ROLLBACK TO a; {WORK}",
    "partitioned: ADD CHECK": "ALTER TABLE p ADD CONSTRAINT c CHECK (slow(v))",
    "partitioned: rewrite": "ALTER TABLE p ALTER v TYPE bigint USING slowly(v)",
    "partitioned: CREATE INDEX": "CREATE INDEX ON p (slowly(v))",
    "partitioned: DETACH": f"ALTER TABLE p DETACH PARTITION p1; {WORK}",
    "partitioned: ATTACH": f"ALTER TABLE p DETACH PARTITION p1; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM (0) TO ({ROWS // 2}); {WORK}",
    "a partition": "ALTER TABLE p2 ADD CONSTRAINT c CHECK (slow(v))",
    "inherited": "ALTER TABLE base ADD CONSTRAINT c CHECK (slow(v))",
    "inherited: rewrite": "ALTER TABLE base ALTER v TYPE bigint USING slowly(v)",
}
PLACES = ["alone", "second in the chain", "after a COMMIT", "behind a blocker", "with a hook that locks"]
SHORT = [("ADD CHECK", "alone"), ("ADD CHECK", "second in the chain"), ("ADD CHECK", "after a COMMIT"), ("REINDEX INDEX", "alone"),
         ("REINDEX INDEX", "after a COMMIT"), ("LOCK two", "behind a blocker"), ("CREATE INDEX", "with a hook that locks"),
         ("SET NOT NULL", "second in the chain"), ("DO rolled back", "alone"), ("partitioned: rewrite", "alone")]

overstated = collections.defaultdict(list)


def migrations(form, place):
    """The scripts of a chain; the form is in the last of them."""
    if place == "second in the chain":
        return [f"ALTER TABLE t ADD COLUMN first1 int; ALTER TABLE o ADD COLUMN first1 int; {WORK}; COMMIT; {PAUSE}", form]
    if place == "after a COMMIT":
        return [f"ALTER TABLE t ADD COLUMN first1 int; {WORK}; COMMIT; {PAUSE}; COMMIT; {form}"]
    if place == "with a hook that locks":
        return [form + ";\n-- confiture: phase=AFTER_DDL\nLOCK r;\nSELECT pg_sleep(0.1)"]
    return [form]


def judge(name, said, felt, what):
    """`said` is to be no less than what was felt at least, and seldom more than what was felt at most."""
    slack = max(ROOM, 0.05 * felt.least)
    ok(said >= felt.least - slack, f"{name}: {what} is not understated", f"said {said:.0f} ms, felt {felt.least:.0f} to {felt.most:.0f} ms")
    if felt.most > 50:
        overstated[what].append(said / felt.most - 1)


def try_form(name, form, place):
    cluster.sql("DROP DATABASE IF EXISTS trial WITH (FORCE)")
    cluster.sql("CREATE DATABASE trial TEMPLATE model")
    scripts = migrations(form, place)
    runner, blocker = cluster.session("trial"), cluster.session("trial")
    bystanders = Bystanders(cluster, "trial")
    for number, script in enumerate(scripts, 1):
        runner.run(f"SELECT confiture.register_migration('{number}', 'm', {quoted(script)})")
    runner.run("SELECT confiture.baseline('0'); SET confiture.lock_timeout = '20s'; SET confiture.max_wait_caused = 'off'")

    def run(call):
        """Behind the blocker for 200 ms."""
        if place != "behind a blocker":
            return runner.run(call)
        blocker.run("BEGIN; SELECT FROM t LIMIT 1; SELECT FROM o LIMIT 1; SELECT FROM p1 LIMIT 1; SELECT FROM derived LIMIT 1; INSERT INTO t VALUES (-1)")
        runner.start(call)
        blocker.run("SELECT pg_sleep(0.2)")
        blocker.run("ROLLBACK")
        return runner.finish()

    # The locks of an earlier step stay until the end of a dry run, but end with their commit in production.
    with bystanders.watching(READABLE, WRITABLE) as felt_of_dry_run:
        answer = run("SELECT jsonb_agg(to_jsonb(r)) FROM confiture.dry_run_pending(1, '{\"lock_timeout\": \"20s\", \"max_wait_caused\": \"off\"}') r")
    if not ok(answer.value, f"{name}: the dry run answers", repr(answer)):
        return
    reports = answer.json()
    totals = reports[-1]["stats"]["totals"]
    if not ok(all(report["success"] for report in reports), f"{name}: the dry run succeeds", [report["warnings"] for report in reports]):
        return
    if place not in ("second in the chain", "after a COMMIT"):
        judge(name, totals["expected_downtime_ms"], longest(felt_of_dry_run["write"]), "the downtime of a dry run")
        judge(name, totals["longest_exclusive_hold_ms"] + totals["waited_ms"], longest(felt_of_dry_run["read"]), "the exclusive hold of a dry run")
    with bystanders.watching(READABLE, WRITABLE) as felt:
        answer = run("CALL confiture.up()")
    if not ok(not answer.state, f"{name}: up() succeeds", repr(answer)):
        return
    history = runner.run("""SELECT jsonb_object_agg("table", since) FROM (SELECT "table", max(held_ms + waited_ms) AS since FROM confiture.history h,
                            jsonb_to_recordset(h.locks) AS l ("table" text, mode text, held_ms float8, waited_ms float8)
                            WHERE mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') GROUP BY 1) l""")
    said = history.json() if history.value else {}
    for table, time in felt["write"].items():
        judge(f"{name}: {table}", said.get("public." + table, 0), time, "the hold in the history")
    for session in (runner, blocker, bystanders.keeper, bystanders.reader, bystanders.writer):
        session.kill()


for form, place in [(form, place) for form in FORMS for place in PLACES] if WHOLE else SHORT:
    try_form(f"{form}, {place}", FORMS[form], place)
for what, shares in overstated.items():
    note(f"{what}: {len(shares)} judged, overstated by {statistics.median(shares):.1%} in the median, {max(shares):.0%} at most")
    ok(statistics.median(shares) <= SURPLUS, f"{what} is overstated by at most {SURPLUS:.0%} in the median")
done()
