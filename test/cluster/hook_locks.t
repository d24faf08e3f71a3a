#!/usr/bin/env python3
"""Hooks stand under the lock policy of the steps: a lock that they do not get is tried again, in every phase; and what hooks do
when something fails is run, told and recorded."""
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
number = 0


class Database:
    """A database with a migration whose hooks update a row that another session may hold."""

    def __init__(self, up="INSERT INTO ledger VALUES ('up')", down="INSERT INTO ledger VALUES ('down')"):
        global number
        number += 1
        self.name = f"locks{number}"
        cluster.database(self.name, "CREATE TABLE target (id int); INSERT INTO target VALUES (1); CREATE TABLE ledger (what text)",
                         f"SELECT confiture.register_migration('001', 'one', {quoted(up)}, {quoted(down)})")
        self.migrator, self.blocker = cluster.session(self.name), cluster.session(self.name)
        self.migrator.run("SET confiture.lock_timeout = '100ms'; SET client_min_messages = notice")

    def hook(self, phase, statement="UPDATE target SET id = id + 1", name="h", **options):
        more = "".join(f", {key} => {quoted(value)}" for key, value in options.items())
        answer = self.migrator.run(f"SELECT confiture.register_hook_sql({quoted(name)}, '{phase}', {quoted(statement)}, direction => 'both'{more})")
        assert not answer.state, answer

    def block(self):
        self.blocker.run("BEGIN; UPDATE target SET id = id")

    def value(self, query):
        return cluster.sql(query, self.name)

    def runs(self):
        return self.value("SELECT string_agg(concat_ws(' ', phase, hook_name, status), ', ' ORDER BY id) FROM confiture.hook_run")


# A lock that comes free in time.
for phase in ("BEFORE_VALIDATION", "BEFORE_DDL", "AFTER_DDL", "AFTER_VALIDATION", "CLEANUP"):
    database = Database()
    database.hook(phase)
    database.hook(phase, "INSERT INTO ledger VALUES ('first')", "first")
    database.block()
    database.migrator.run("SET confiture.lock_retries = 100")
    database.migrator.start("CALL confiture.up()")
    database.blocker.run("SELECT pg_sleep(0.6)")
    database.blocker.run("COMMIT")
    answer = database.migrator.finish()
    equal(answer.state, None, f"{phase}: up() tries again and succeeds")
    ok(any("did not get" in notice for notice in answer.notices), f"{phase}: and says that it did not get the lock", answer.messages)
    equal(database.value("SELECT id FROM target"), "2", f"{phase}: the hook has run once for good")
    equal(database.value("SELECT string_agg(what, ' ' ORDER BY what) FROM ledger"), "first up", f"{phase}: so has the one before it")
    ok(f"{phase} first rolled_back" in database.runs(), f"{phase}: what was rolled back is recorded as such", database.runs())
    ok(database.runs().endswith(f"{phase} first succeeded, {phase} h succeeded") or database.runs().endswith(f"{phase} h succeeded"),
       f"{phase}: and what succeeded", database.runs())

# One that does not.
database = Database()
database.hook("AFTER_DDL")
database.hook("ON_ERROR", "INSERT INTO ledger SELECT (confiture.current_context()).error ->> 'sqlstate'", "told")
database.block()
database.migrator.run("SET confiture.lock_retries = 2")
answer = database.migrator.run("CALL confiture.up()")
equal(answer.state, "MG009", "a lock that stays: MG009 after the retries")
ok('hook "h" in phase AFTER_DDL could not get' in answer.messages and "in 3 attempts" in answer.messages, "which names the hook", answer.messages)
equal(database.value("SELECT string_agg(what, ' ') FROM ledger"), "55P03", "ON_ERROR is told the SQLSTATE of the server")
equal(database.value("SELECT status || ' ' || (error->>'sqlstate') FROM confiture.history"), "failed MG009", "the history has the failure")
database.blocker.run("COMMIT")

database = Database()
database.hook("AFTER_DDL", on_failure="continue")
database.block()
answer = database.migrator.run("CALL confiture.up()")
ok(answer.state is None and "WARNING" in answer.messages and "55P03" in answer.messages, "with on_failure => continue it is a warning", answer.messages)
ok(answer.seconds < 20, "at once", answer.seconds)

for phase in ("CLEANUP", "ON_ERROR"):
    database = Database("SELECT 1/0" if phase == "ON_ERROR" else "SELECT 1")
    database.hook(phase)
    database.block()
    database.migrator.run("SET confiture.lock_retries = 1")
    answer = database.migrator.run("CALL confiture.up()")
    ok(answer.seconds < 30, f"{phase}: lock_timeout holds", answer)
    equal(answer.state, "MG009" if phase == "CLEANUP" else "22012", f"{phase}: what failed first is told")
    ok('hook "h"' in answer.messages and "could not get" in answer.messages, f"{phase}: and the hook", answer.messages)

# Deadlocks and serialization failures of a hook.
FAILS_TWICE = "DO $$ BEGIN IF nextval('tries') < 3 THEN RAISE 'not yet' USING ERRCODE = '%s'; END IF; INSERT INTO ledger VALUES ('hook'); END $$"
for state in ("40P01", "40001"):
    for phase in ("BEFORE_DDL", "AFTER_DDL", "CLEANUP"):
        database = Database()
        database.migrator.run("CREATE SEQUENCE tries; SET confiture.lock_retries = 3")
        database.hook(phase, FAILS_TWICE % state)
        answer = database.migrator.run("CALL confiture.up()")
        equal((answer.state, database.value("SELECT string_agg(what, ' ' ORDER BY what) FROM ledger"), database.value("SELECT last_value FROM tries")),
              (None, "hook up", "3"), f"{state} in {phase}: tried again until it succeeds")
    database = Database()
    database.migrator.run("CREATE SEQUENCE tries MINVALUE -100; SET confiture.lock_retries = 1")
    database.hook("AFTER_DDL", FAILS_TWICE % state)
    answer = database.migrator.run("CALL confiture.up()")
    ok(answer.state == state and 'hook "h" in phase AFTER_DDL, line 1' in answer.messages and answer.messages.count("attempt") == 2, f"{state} that stays: told with the hook", answer.messages)
    equal(database.value("SELECT count(*) FROM ledger"), "0", f"{state} that stays: nothing is left of the step")
database = Database()
database.migrator.run("CREATE TABLE first (id int); CREATE TABLE second (id int); INSERT INTO first VALUES (1); INSERT INTO second VALUES (1); SET deadlock_timeout = '50ms'; "
                      "SET confiture.lock_timeout = '10s'; SET confiture.lock_retries = 3")
database.hook("AFTER_DDL", "UPDATE first SET id = 2; SELECT pg_sleep(0.5); UPDATE second SET id = 2")
database.blocker.run("SET deadlock_timeout = '30s'; BEGIN; UPDATE second SET id = 3")
database.migrator.start("CALL confiture.up()")
wait_until(lambda: database.blocker.run(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {database.migrator.pid} AND wait_event = 'PgSleep'").value == "1")
database.blocker.run("UPDATE first SET id = 3; COMMIT")
answer = database.migrator.finish()
ok(answer.state is None and any("deadlock" in notice for notice in answer.notices), "a deadlock between a hook and another session is tried again", answer)
equal(database.value("SELECT first.id || ' ' || second.id FROM first, second"), "2 2", "and the hook has the last word")

# A hook's own lock_timeout.
database = Database()
database.hook("AFTER_DDL", "SET lock_timeout = '20s'; UPDATE target SET id = id + 1")
database.block()
database.migrator.start("CALL confiture.up()")
database.blocker.run("SELECT pg_sleep(1)")
database.blocker.run("COMMIT")
answer = database.migrator.finish()
ok(answer.state is None and any("did not get" in notice for notice in answer.notices), "a hook that sets a longer lock_timeout stays under the policy", answer)

# ON_ERROR after a CLEANUP that fails.
for call, committed in (("CALL confiture.up()", True), ("CALL confiture.down()", True), ("SELECT confiture.apply('001')", False),
                        ("SELECT confiture.revert('001')", False)):
    database = Database()
    back = "down" in call or "revert" in call
    if back:
        database.migrator.run("CALL confiture.up(); DELETE FROM ledger")
    database.hook("CLEANUP", "SELECT 1/0", "failing")
    database.hook("ON_ERROR", "DO 'BEGIN RAISE NOTICE ''told %'', (confiture.current_context()).error ->> ''sqlstate''; END'", "told")
    answer = database.migrator.run(call)
    equal(answer.state, "MG002", f"{call}: a failing CLEANUP is an error")
    ok("told 22012" in answer.notices, f"{call}: ON_ERROR runs and is told of it", answer.messages)
    done_word = "reverted" if back else "applied"
    expected = f'migration "001" is {done_word}, and then' if committed else f'migration "001" is not {done_word}:'
    ok(expected in answer.messages, f"{call}: the message says what became of the migration", answer.messages)
    equal(database.value("SELECT count(*) FROM ledger"), "1" if committed else "0", f"{call}: which is so")

# Cancels that a hook catches.
STUBBORN = "DO 'BEGIN BEGIN PERFORM pg_sleep(30); EXCEPTION WHEN query_canceled THEN NULL; END; INSERT INTO ledger VALUES (''swallowed''); END'"
for phase in ("BEFORE_DDL", "AFTER_DDL", "CLEANUP"):
    database = Database()
    database.hook(phase, "INSERT INTO ledger VALUES ('before')", "a first")
    database.hook(phase, STUBBORN, "stubborn")
    database.migrator.start("CALL confiture.up()")
    wait_until(lambda: database.blocker.run(f"SELECT count(*) FROM pg_locks WHERE pid = {database.migrator.pid} AND relation = 'ledger'::regclass").value != "0")
    database.blocker.run("SELECT pg_sleep(0.3)")
    database.blocker.run(f"SELECT pg_cancel_backend({database.migrator.pid})")
    answer = database.migrator.finish()
    equal(answer.state, "57014", f"{phase}: a cancel that a hook catches ends the call")
    ok("user request" in answer.messages, f"{phase}: as what it is", answer.messages)
    ok('hook "stubborn" in phase ' + phase in answer.messages, f"{phase}: with the name of the hook", answer.messages)
    equal(database.value("SELECT count(*) FROM ledger WHERE what = 'swallowed'"), "0", f"{phase}: and what it did is undone")
    if phase != "CLEANUP":
        equal(database.runs(), f"{phase} a first rolled_back, {phase} stubborn failed", f"{phase}: the record says what ran")
        equal(database.value("SELECT error->>'hook' FROM confiture.history"), "stubborn", f"{phase}: the history names the hook")
database = Database()
database.hook("AFTER_DDL", STUBBORN, "stubborn")
answer = database.migrator.run("SET statement_timeout = '500ms'; CALL confiture.up()")
equal(answer.state, "57014", "a statement_timeout that a hook catches ends the call")
ok("statement timeout" in answer.messages, "as what it is", answer.messages)
equal(database.migrator.run("SELECT * FROM confiture.run_phase('AFTER_DDL', '001')").state, "57014", "run_phase() too")

# A hook that sets statement_timeout.
database = Database()
database.hook("AFTER_DDL", "SET statement_timeout = '200ms'; SELECT pg_sleep(20)", "limited")
answer = database.migrator.run("CALL confiture.up()")
ok(answer.state == "MG002" and "canceling statement due to statement timeout" in answer.messages and answer.seconds < 15,
   "a hook that sets statement_timeout has it", answer)
database.migrator.run("SELECT confiture.unregister_hook('limited')")
equal(database.migrator.run("SHOW statement_timeout").value, "0", "and it ends with the hook")

# What failed is recorded and placed.
database = Database()
database.hook("AFTER_DDL", "SELECT 1;\n\nINSERT INTO absent VALUES (1)", "placed")
answer = database.migrator.run("CALL confiture.up()")
ok('statement of hook "placed", line 3: INSERT INTO absent VALUES (1)' in answer.messages, "a hook that fails is told with line and text", answer.messages)
equal(database.runs(), "AFTER_DDL placed failed", "and recorded")
done()
