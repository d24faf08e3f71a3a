#!/usr/bin/env python3
"""Migrators beside each other, without their client, without their extension, without their rights."""
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()


def register(*scripts):
    return [f"SELECT confiture.register_migration('{number:03}', 'number {number}', {quoted(script)})"
            for number, script in enumerate(scripts, 1)]


LEDGER = "CREATE TABLE ledger (step int, pid int DEFAULT pg_backend_pid(), at timestamptz DEFAULT clock_timestamp())"
SUCCEEDED = "SELECT string_agg(version, ',' ORDER BY id) FROM confiture.history WHERE status = 'succeeded'"
OPEN = "SELECT count(*) FROM confiture.journal"
watcher = cluster.session()


def sleeps(session):
    return wait_until(lambda: watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t")


# Ten at once.
cluster.database("ten", LEDGER, *register(*(f"INSERT INTO ledger VALUES ({number}); SELECT pg_sleep(0.1)" for number in range(1, 9)),
                                          "CREATE INDEX CONCURRENTLY ON ledger (step)", "INSERT INTO ledger VALUES (10)"))
migrators = [cluster.session("ten") for _ in range(10)]
for migrator in migrators:
    migrator.start("CALL confiture.up()")
answers = [migrator.finish() for migrator in migrators]
equal([answer.state for answer in answers], [None] * 10, "ten at once: none of them fails")
equal(sorted(int(answer.value.split("|")[0]) for answer in answers), [0] * 9 + [10], "ten at once: one applies all, the others find nothing to do")
equal({answer.value.split("|")[1] for answer in answers}, {"010"}, "ten at once: all end at the last version")
equal(cluster.sql(SUCCEEDED, "ten"), ",".join(f"{number:03}" for number in range(1, 11)), "ten at once: each is applied once, in order")
equal(cluster.sql("SELECT count(*), count(DISTINCT step), count(DISTINCT pid) FROM ledger", "ten"), "9|9|1", "ten at once: each did its work once")

# One migration each: they take turns.
cluster.database("turns", LEDGER, *register(*(f"INSERT INTO ledger VALUES ({number}); SELECT pg_sleep(0.02); INSERT INTO ledger VALUES ({number})"
                                              for number in range(1, 11))))
migrators = [cluster.session("turns") for _ in range(10)]
for migrator in migrators:
    migrator.start("CALL confiture.up(steps => 1)")
answers = [migrator.finish() for migrator in migrators]
equal([(answer.state, answer.value.split("|")[0]) for answer in answers], [(None, "1")] * 10, "ten in turn: each applies one")
equal(cluster.sql("SELECT count(*) FROM (SELECT step, pid, lag(step) OVER w, lag(pid) OVER w FROM ledger WINDOW w AS (ORDER BY at)) l (s, p, ls, lp) "
                  "WHERE s < ls OR (s = ls) <> (p = lp)", "turns"), "0", "ten in turn: no two of them at a time")

# One that does not wait is told who is at work.
cluster.database("busy", LEDGER, *register("INSERT INTO ledger VALUES (1); SELECT pg_sleep(2)"))
first, second = cluster.session("busy"), cluster.session("busy")
first.run("SET application_name = 'the first'")
first.start("CALL confiture.up()")
ok(sleeps(first), "one is at work")
second.run("SET confiture.migrator_wait = '100ms'")
for call in ("CALL confiture.up()", "CALL confiture.down()", "CALL confiture.redo()", "SELECT confiture.apply('001')", "SELECT confiture.revert('001')",
             "SELECT confiture.baseline('001')", "SELECT * FROM confiture.repair()"):
    answer = second.run(call)
    ok(answer.state == "MG008" and f"Process {first.pid}" in answer.messages and '"the first"' in answer.messages,
       f"beside one at work, {call} is told so", repr(answer))
equal(first.finish().state, None, "the one at work ends its work")
equal(cluster.sql(SUCCEEDED + "; " + OPEN, "busy"), "001\n0", "nobody else did anything")

# The client is gone in the middle.
cluster.database("alone", LEDGER, *register("INSERT INTO ledger VALUES (1)", "INSERT INTO ledger VALUES (2); SELECT pg_sleep(1)",
                                            "INSERT INTO ledger VALUES (3)"))
first = cluster.session("alone")
first.start("CALL confiture.up()")
ok(sleeps(first), "one is at work")
first.process.kill()
second = cluster.session("alone")
answer = second.run("CALL confiture.up()")
equal((answer.state, answer.value and answer.value.split("|")[1]), (None, "003"), "the client is gone: the next migrator waits and goes on")
equal(cluster.sql("SELECT step, count(*) FROM ledger GROUP BY 1 ORDER BY 1", "alone"), "1|1\n2|1\n3|1", "the client is gone: nothing is done twice")
equal(cluster.sql(SUCCEEDED + "; " + OPEN, "alone"), "001,002,003\n0", "the client is gone: the history is whole")

# DROP EXTENSION while another session migrates: it waits for the migrator lock.  CREATE INDEX CONCURRENTLY
# waits for its snapshot in turn, and the migrator notices the deadlock.
TRANSACTION, INDEX = "INSERT INTO ledger VALUES (3)", "-- confiture: no-transaction\nCREATE INDEX CONCURRENTLY ON ledger (step);\nINSERT INTO ledger VALUES (3)"
for how, last, lock_timeout, state, dropped_state, steps in (
        ("before the end", TRANSACTION, 0, None, None, "1,2,3"), ("before an index", INDEX, 0, "40P01", None, "1,2"),
        ("for a moment", INDEX, 200, None, "55P03", "1,2,3")):
    name = f"dropped {how}"
    cluster.database(name, LEDGER, *register("INSERT INTO ledger VALUES (1); SELECT pg_sleep(0.7)", "INSERT INTO ledger VALUES (2)", last))
    first, second = cluster.session(name), cluster.session(name)
    first.start("CALL confiture.up()")
    ok(sleeps(first), "one is at work")
    second.run(f"SET lock_timeout = '{lock_timeout}ms'")
    dropped, answer = second.run("DROP EXTENSION confiture CASCADE"), first.finish()
    equal(dropped.state, dropped_state, f"DROP EXTENSION {how}: how it ends")
    equal(answer.state, state, f"DROP EXTENSION {how}: how the migrator ends")
    equal(cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; SELECT count(*) FROM pg_index WHERE NOT indisvalid", name), f"{steps}\n0",
          f"DROP EXTENSION {how}: each step is done once, no invalid index is left")
    if dropped_state:
        equal(cluster.sql(f"{SUCCEEDED}; {OPEN}", name), "001,002,003\n0", f"DROP EXTENSION {how}: the history is whole")
    else:
        equal(first.run("CALL confiture.up()").state, "42883", f"DROP EXTENSION {how}: then nothing is there to be called")
    equal(cluster.sql("SELECT count(*) FROM pg_locks WHERE locktype IN ('relation', 'object') AND database = (SELECT oid FROM pg_database "
                      f"WHERE datname = {quoted(name)})"), "0", f"DROP EXTENSION {how}: no lock is left")

# The role loses its rights in the middle.
cluster.sql("CREATE ROLE deployer LOGIN")
cluster.database("rights", LEDGER, "ALTER TABLE ledger OWNER TO deployer", "GRANT CREATE ON SCHEMA public TO deployer",
                 "GRANT USAGE ON SCHEMA confiture TO deployer", "GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO deployer",
                 "CREATE TABLE foreign_table (id int)", "GRANT INSERT ON foreign_table TO deployer",
                 *register("INSERT INTO ledger VALUES (1)",
                           "INSERT INTO ledger VALUES (2);\nCOMMIT;\nSELECT pg_sleep(1);\nINSERT INTO ledger VALUES (3);\nINSERT INTO foreign_table VALUES (1)",
                           "-- confiture: no-transaction\nINSERT INTO ledger VALUES (4);\nCREATE INDEX CONCURRENTLY ledger_step ON ledger (step)"))
deployer, owner = cluster.session("rights", "deployer"), cluster.session("rights")
deployer.start("CALL confiture.up()")
ok(sleeps(deployer), "the role is at work")
owner.run("REVOKE INSERT ON foreign_table FROM deployer")
answer = deployer.finish()
ok(answer.state == "42501" and 'migration "002" failed' in answer.messages, "a right is gone: the statement fails with its own SQLSTATE", repr(answer))
equal(cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; SELECT step, ended_at IS NOT NULL FROM confiture.journal; "
                  "SELECT status FROM confiture.history WHERE version = '002'", "rights"), "1,2\n1|t\nfailed", "a right is gone: the steps before stand")
owner.run("GRANT INSERT ON foreign_table TO deployer")
owner.run("ALTER TABLE ledger OWNER TO postgres")
owner.run("GRANT INSERT ON ledger TO deployer")
answer = deployer.run("CALL confiture.up()")
ok(answer.state == "42501" and 'migration "003" failed' in answer.messages, "the table has another owner: it goes on up to the index", repr(answer))
equal(cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; SELECT count(*) FROM confiture.journal WHERE ended_at IS NULL", "rights"),
      "1,2,3,4\n0", "the table has another owner: nothing is left begun")
owner.run("ALTER TABLE ledger OWNER TO deployer")
owner.run("REVOKE EXECUTE ON ALL ROUTINES IN SCHEMA confiture FROM deployer")
equal(deployer.run("CALL confiture.up()").state, "42501", "no right on the procedure: it is refused")
owner.run("GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO deployer")
owner.run("ALTER ROLE deployer NOLOGIN")
answer = deployer.run("CALL confiture.up()")
if answer.state:
    ok("not permitted to log in" in answer.messages, "no right to log in: the worker says so", repr(answer))
    equal(cluster.sql("SELECT count(*) FROM confiture.journal WHERE ended_at IS NULL", "rights"), "0", "no right to log in: nothing is left begun")
    owner.run("ALTER ROLE deployer LOGIN")
    answer = deployer.run("CALL confiture.up()")
equal(answer.state, None, "with its rights it comes to the end")
equal(cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; " + SUCCEEDED + "; " + OPEN, "rights"), "1,2,3,4\n001,002,003\n0",
      "each step was done once")
equal(cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid; SELECT indisvalid FROM pg_index WHERE indexrelid = 'ledger_step'::regclass", "rights"),
      "0\nt", "the index is there")

# The role itself is dropped in the middle.
cluster.sql("CREATE ROLE passing LOGIN SUPERUSER")
cluster.database("passing", LEDGER, *register("INSERT INTO ledger VALUES (1); SELECT pg_sleep(1)", "INSERT INTO ledger VALUES (2)",
                                              "CREATE INDEX CONCURRENTLY ON ledger (step)"))
passing = cluster.session("passing", "passing")
passing.start("CALL confiture.up()")
ok(sleeps(passing), "the role is at work")
cluster.sql("DROP ROLE passing")
answer = passing.finish()
ok(answer.state is not None, "the role is dropped: an error", repr(answer))
answer = cluster.session("passing").run("CALL confiture.up()")
equal((answer.state, cluster.sql("SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger; " + SUCCEEDED + "; " + OPEN, "passing")),
      (None, "1,2\n001,002,003\n0"), "another one goes on")
done()
