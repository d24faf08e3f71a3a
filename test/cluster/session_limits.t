#!/usr/bin/env python3
"""Limits of the session, its role and its database, while up() waits, pauses and works: which end it, and that it says so first."""
from sessions import Cluster, done, equal, ok, skip, wait_until

cluster = Cluster()
SLOW = "INSERT INTO t SELECT count(*) FROM pg_sleep(1.2); COMMIT; CREATE INDEX CONCURRENTLY t_id ON t (id); COMMIT; INSERT INTO t SELECT 2 FROM pg_sleep(0.3)"


def database(name):
    cluster.database(name, "CREATE TABLE t (id int)", f"SELECT confiture.register_migration('001', 'slow', '{SLOW}', 'TRUNCATE t; DROP INDEX t_id')")


def stands(name):
    return cluster.sql("SELECT status || ' ' || (SELECT count(*) FROM t) FROM confiture.status", name)


def end_waiting(name, session, call="CALL confiture.up()"):
    """The call waits for another migrator, for a lock of a reader, for a snapshot, and pauses in between."""
    other, reader = cluster.session(name), cluster.session(name)
    other.run("BEGIN; LOCK TABLE confiture.migrator IN EXCLUSIVE MODE")
    reader.run("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
    session.start(call)
    wait_until(lambda: cluster.sql("SELECT count(*) FROM pg_locks WHERE NOT granted", name) == "1")
    wait_until(lambda: False, 1.0)
    other.run("ROLLBACK")
    wait_until(lambda: False, 1.0)
    reader.run("ROLLBACK")
    for each in (other, reader):
        each.kill()
    return session.finish()


# Those of idle sessions, and lock_timeout, are not for a session that is at work.
database("idle")
session = cluster.session("idle")
session.run("SET idle_in_transaction_session_timeout = '200ms'; SET lock_timeout = '1ms'; SET confiture.lock_timeout = '300ms'; SET confiture.lock_retries = 100")
if cluster.version >= 14:
    session.run("SET idle_session_timeout = '10min'")
answer = end_waiting("idle", session)
equal((answer.lost, answer.state, stands("idle")), (False, None, "applied 2"), "idle_in_transaction_session_timeout and lock_timeout do not end it")
ok("WARNING" not in answer.messages, "and there is nothing to warn of", answer.messages)

# statement_timeout, of the session, the role and the database.
for where, setting in {"session": "SET statement_timeout = '700ms'", "role": "ALTER ROLE limited SET statement_timeout = '700ms'",
                       "database": "ALTER DATABASE {0} SET statement_timeout = '700ms'"}.items():
    name = f"limit_of_{where}"
    database(name)
    cluster.sql("DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN SUPERUSER")
    if where != "session":
        cluster.sql(setting.format(name), name)
    session = cluster.session(name, "limited")
    if where == "session":
        session.run(setting)
    answer = session.run("CALL confiture.up()")
    ok("WARNING:  01000: statement_timeout is 700ms: it may end this call" in answer.messages and "HINT:  SET statement_timeout = 0 before it." in answer.messages,
       f"statement_timeout of the {where} is told", answer.messages)
    ok(answer.messages.index("WARNING") < answer.messages.index("ERROR"), f"{where}: before it ends the call")
    equal((answer.lost, answer.state, stands(name)), (False, "57014", "failed 0"), f"{where}: it ends the call, not the session")
    session.run("SET statement_timeout = 0")
    answer = session.run("CALL confiture.up()")
    equal((answer.state, "WARNING" in answer.messages, stands(name)), (None, False, "applied 2"), f"{where}: without it the same CALL succeeds, and warns of nothing")
    session.kill()

# transaction_timeout ends the session: the step, not what was committed before.
if cluster.version < 17:
    skip("transaction_timeout", "it comes with PostgreSQL 17")
else:
    database("transactions")
    session = cluster.session("transactions")
    session.run("SET transaction_timeout = '700ms'")
    answer = session.run("CALL confiture.up()")
    ok("WARNING:  01000: transaction_timeout is 700ms: it may end this session" in answer.messages, "transaction_timeout is told", answer.messages)
    ok(answer.lost or "25P04" in answer.messages, "it ends the session", answer.messages)
    equal(stands("transactions"), "pending 0", "the step is rolled back")
    session = cluster.session("transactions")
    session.run("SET transaction_timeout = '40s'")
    answer = session.run("CALL confiture.up()")
    equal((answer.lost, answer.state, stands("transactions")), (False, None, "applied 2"), "steps that are shorter each pass, however long all of them take")
done()
