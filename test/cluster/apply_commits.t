#!/usr/bin/env python3
"""What fails only at the end of a step: deferred constraints and triggers, serializable transactions, and settings of the
session that are in the way."""
import re
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
watcher = cluster.session()
TABLES = """CREATE TABLE ledger (step int);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int, parent int CONSTRAINT child_of_parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'row % is refused', NEW.id USING ERRCODE = 'UE001'; END $$;
CREATE TABLE refused (id int);
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON refused DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"""


def database(name, *scripts):
    cluster.database(name, TABLES, *(f"SELECT confiture.register_migration('{number:03}', 'number {number}', {quoted(script)})"
                                     for number, script in enumerate(scripts, 1)))


def summary(name):
    return cluster.sql("SELECT coalesce(string_agg(step::text, ',' ORDER BY step), '') FROM ledger; "
                       "SELECT string_agg(version || ' ' || status, ',' ORDER BY id) FROM confiture.history; "
                       "SELECT count(*) FROM confiture.journal", name)


def lock_is_free(name):
    """Another migrator would not have to wait."""
    session = cluster.session(name)
    session.run("SET confiture.migrator_wait = '1ms'")
    return session.run("SELECT count(*) FROM confiture.repair()").state is None


# A deferred constraint and a deferred trigger.
for what, insert, state, constraint in (("constraint", "INSERT INTO child VALUES (1, 99)", "23503", "child_of_parent"),
                                        ("trigger", "INSERT INTO refused VALUES (7)", "UE001", None)):
    name = f"deferred {what}"
    database(name, "INSERT INTO ledger VALUES (1)", f"INSERT INTO ledger VALUES (2);\nCOMMIT;\nINSERT INTO ledger VALUES (3);\n{insert}",
             "INSERT INTO ledger VALUES (4)")
    migrator = cluster.session(name)
    answer = migrator.run("CALL confiture.up()")
    ok(answer.state == state and 'migration "002" failed' in answer.messages, f"a {name} that fails has its own SQLSTATE", repr(answer))
    if constraint:
        ok(re.search(f"^CONSTRAINT NAME:  {constraint}$", answer.messages, re.MULTILINE), f"a {name} that fails is named", repr(answer))
    equal(summary(name), "1,2\n001 succeeded,002 failed\n1", f"a {name} that fails: the steps before stand")
    ok(lock_is_free(name), f"a {name} that fails: the migrator lock is given up")
    equal(cluster.sql("SELECT status, detail FROM confiture.status WHERE version = '002'", name), "failed|forward: 1 of 2 steps are done; up() resumes",
          f"a {name} that fails: the status says how far it is")
    migrator.run("INSERT INTO parent VALUES (99)")
    migrator.run("DROP TRIGGER refuse ON refused")
    answer = migrator.run("CALL confiture.up()")
    equal((answer.state, summary(name)), (None, "1,2,3,4\n001 succeeded,002 failed,002 succeeded,003 succeeded\n0"), f"a {name}, mended: it goes on")

# A unique index on duplicates.
DUPLICATES = "INSERT INTO parent VALUES (1), (2); INSERT INTO child SELECT 1, 1 FROM generate_series(1, 2)"
for index, made in (("named", "named"), ("", "child_id_parent_idx")):
    name = f"unique index {index}"
    database(name, "INSERT INTO ledger VALUES (1)", f"INSERT INTO ledger VALUES (2);\nCREATE UNIQUE INDEX CONCURRENTLY {index} ON child (id, parent);\nINSERT INTO ledger VALUES (3)")
    migrator = cluster.session(name)
    migrator.run(DUPLICATES)
    for attempt in ("once", "again"):
        answer = migrator.run("CALL confiture.up()")
        ok(answer.state == "23505" and f'migration "002" failed: could not create unique index "{made}"' in answer.messages
           and "DETAIL:  Line 2, statement 2. Key (id, parent)=(1, 1) is duplicated." in answer.messages
           and re.search(f"^CONSTRAINT NAME:  {made}$", answer.messages, re.MULTILINE), f"{name}: duplicates are told {attempt}", repr(answer))
        equal(cluster.sql("SELECT count(*) FROM pg_index WHERE indrelid = 'child'::regclass", name), "0", f"{name}: {attempt}, no invalid index is left")
    equal(summary(name), "1,2\n001 succeeded,002 failed,002 failed\n1", f"{name}: the step before stands")
    migrator.run("UPDATE child SET parent = 2 WHERE ctid = (SELECT min(ctid) FROM child)")
    answer = migrator.run("CALL confiture.up()")
    equal((answer.state, summary(name), cluster.sql("SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'child'::regclass", name)),
          (None, "1,2,3\n001 succeeded,002 failed,002 failed,002 succeeded\n0", f"{made}|t"), f"{name}: mended, it goes on")

# In what hooks do, before and after.
for phase in ("BEFORE_DDL", "AFTER_DDL", "AFTER_VALIDATION"):
    name = f"hook {phase}"
    database(name, f"-- confiture: phase={phase} name=orphan\nINSERT INTO child VALUES (1, 99);\n-- confiture: phase=DDL\nINSERT INTO ledger VALUES (1)")
    answer = cluster.session(name).run("CALL confiture.up()")
    ok(answer.state in ("23503", "MG002"), f"a deferred constraint that a hook of {phase} breaks: it fails", repr(answer))
    equal((summary(name), lock_is_free(name)), ("\n001 failed\n0", True), f"a deferred constraint that a hook of {phase} breaks: nothing is left")
for phase in ("CLEANUP", "ON_ERROR"):
    name = f"hook {phase}"
    database(name, f"-- confiture: phase={phase} name=orphan\nINSERT INTO child VALUES (1, 99);\n-- confiture: phase=DDL\nINSERT INTO ledger VALUES (1);\n"
             + ("SELECT 1 / 0" if phase == "ON_ERROR" else ""), "INSERT INTO ledger VALUES (2)")
    migrator = cluster.session(name)
    answer = migrator.run("CALL confiture.up()")
    ok(answer.state is not None, f"a deferred constraint that a hook of {phase} breaks: it is an error", repr(answer))
    ok(phase == "CLEANUP" or answer.state == "22012", f"a deferred constraint that a hook of {phase} breaks: the first error is told", repr(answer))
    equal((summary(name), lock_is_free(name), cluster.sql("SELECT count(*) FROM child", name)),
          ("1\n001 succeeded\n0" if phase == "CLEANUP" else "\n001 failed\n0", True, "0"), f"a deferred constraint that a hook of {phase} breaks: nothing is left")
    equal(migrator.run("SELECT 1").value, "1", f"a deferred constraint that a hook of {phase} breaks: the session goes on")

# Serializable: one that has to be repeated is.
database("serial", "INSERT INTO ledger SELECT count(*) FROM parent; SELECT pg_sleep(0.7); INSERT INTO child VALUES (1, NULL)")
migrator, other = cluster.session("serial"), cluster.session("serial")
for session in (migrator, other):
    session.run("SET default_transaction_isolation = 'serializable'")
migrator.start("CALL confiture.up()")
ok(wait_until(lambda: watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {migrator.pid}").value == "t"), "a serializable migrator is at work")
other.run("BEGIN; SELECT count(*) FROM child; INSERT INTO parent VALUES (1); COMMIT")
answer = migrator.finish()
ok(answer.state in (None, "40001"), "serializable: it is repeated, or says so", repr(answer))
if answer.state:
    answer = migrator.run("CALL confiture.up()")
equal((answer.state, cluster.sql("SELECT count(*) FROM ledger; SELECT count(*) FROM child; SELECT count(*) FROM confiture.history WHERE status = 'succeeded'; "
                                 "SELECT count(*) FROM confiture.journal", "serial")), (None, "1\n1\n1\n0"), "serializable: its work is done once")
ok(lock_is_free("serial"), "serializable: the migrator lock is free")

# Settings that a session has, and scripts that set them.
INDEX = "-- confiture: no-transaction\nINSERT INTO ledger VALUES (1);\nCREATE INDEX CONCURRENTLY ON ledger (step);\nINSERT INTO ledger VALUES (2)"
for setting, state in (("default_transaction_isolation = 'repeatable read'", None), ("default_transaction_isolation = 'serializable'", None),
                       ("default_transaction_deferrable = on", None), ("default_transaction_read_only = on", "25006"), ("lock_timeout = '1ms'", None),
                       ("idle_in_transaction_session_timeout = '20ms'", None), ("row_security = off", None), ("search_path = ''", "42P01"),
                       ("session_replication_role = 'replica'", None), ("synchronous_commit = off", None), ("client_min_messages = 'error'", None),
                       ("statement_timeout = '1ms'", "57014"), ("standard_conforming_strings = off", None), ("DateStyle = 'German'", None),
                       ("extra_float_digits = -15", None), ("IntervalStyle = 'sql_standard'", None), ("temp_file_limit = 0", None),
                       ("role = 'pg_monitor'", "42501")):
    name = "with " + re.sub(r"\W+", " ", setting)
    database(name, INDEX)
    migrator = cluster.session(name)
    migrator.run("SET " + setting)
    answer = migrator.run("CALL confiture.up()")
    accepted = {state, "MG010"} if "read_only" in setting else {state}
    ok(answer.state in accepted, f"SET {setting}: {state or 'it works'}", repr(answer))
    if answer.state:
        answer = cluster.session(name).run("CALL confiture.up()")
    equal((answer.state, cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; SELECT count(*) FROM confiture.history WHERE status = 'succeeded'; "
                                     "SELECT count(*) FROM confiture.journal; SELECT count(*), bool_and(indisvalid) FROM pg_index "
                                     "WHERE indrelid = 'ledger'::regclass", name)), (None, "1,2\n1\n0\n1|t"), f"SET {setting}: in the end all is done once")
    ok(lock_is_free(name), f"SET {setting}: the migrator lock is free")
done()
