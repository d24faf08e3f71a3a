#!/usr/bin/env python3
"""Cancels, timeouts and terminations in the middle of a dry run: they come through, and nothing is left behind."""
import os
import random
import signal
import time
from sessions import Cluster, done, equal, left_behind, note, ok, quoted, wait_until

cluster = Cluster()
cluster.database("interrupts", """
CREATE ROLE other LOGIN;
CREATE TABLE target (id int PRIMARY KEY, amount int);
INSERT INTO target SELECT n, n FROM generate_series(1, 20000) n;
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION busy(value int) RETURNS int LANGUAGE plpgsql AS
  'BEGIN FOR i IN 1..300 LOOP value := value; END LOOP; RETURN value; END'
""")
runner, watcher = cluster.session("interrupts"), cluster.session("interrupts")
dump = cluster.dump("interrupts")
before = left_behind(runner)

# What belongs to the transaction is changed before the interrupt comes.
CHANGING = """CREATE TABLE fresh (id int);
SET search_path = pg_catalog;
SET LOCAL lock_timeout = '7s';
SET client_min_messages = error;
SET ROLE other;
RESET ROLE;
SET ROLE postgres;
DECLARE travels CURSOR FOR SELECT 1;
LOCK public.target;
"""


def asleep(session):
    return watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t"


def unharmed(name):
    equal(left_behind(runner), before, f"{name}: nothing is left behind")
    answer = runner.dry_run("CREATE TABLE fresh (); DROP TABLE target")
    ok(answer.value and answer.json()["success"], f"{name}: the next dry run works", repr(answer))


def cancelled(name, script, **options):
    runner.start_dry_run(script, **options)
    if not ok(wait_until(lambda: asleep(runner), 20), f"{name}: it runs"):
        runner.finish()
        return
    watcher.run(f"SELECT pg_cancel_backend({runner.pid})")
    answer = runner.finish()
    ok(answer.seconds < 20, f"{name}: it ends at once", repr(answer))
    equal(answer.state, "57014", f"{name}: as a cancel")
    ok("due to user request" in answer.messages, f"{name}: of the user", answer.messages)
    unharmed(name)


cancelled("a cancel", CHANGING + "SELECT pg_sleep(40)")
# These outlive every rollback.
cancelled("a cancel of a script with session state",
          "PREPARE plan AS SELECT 1; SELECT pg_advisory_lock(7); SELECT pg_sleep(40)")
runner.run("DEALLOCATE ALL; SELECT pg_advisory_unlock_all()")
cancelled("a cancel with raise", CHANGING + "SELECT pg_sleep(40)", **{"raise": True})
cancelled("a cancel of a nested statement", CHANGING + "DO $$ BEGIN PERFORM pg_sleep(40); END $$")
cancelled("a cancel in a block that handles errors",
          "DO $$ BEGIN PERFORM pg_sleep(40); EXCEPTION WHEN others THEN PERFORM pg_sleep(40); END $$")
cancelled("a cancel with every limit off", CHANGING + "SELECT pg_sleep(40)", max_wait_caused="off", lock_timeout="off",
          max_locks="off")
cancelled("a cancel in a deferred constraint", """
CREATE FUNCTION sleepy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(40); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON target DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION sleepy();
INSERT INTO target VALUES (0, 0)""")

runner.run("SET statement_timeout = '400ms'")
answer = runner.dry_run(CHANGING + "SELECT pg_sleep(40)")
runner.run("RESET statement_timeout")
equal(answer.state, "57014", "statement_timeout: comes through")
ok("statement timeout" in answer.messages and answer.seconds < 20, "statement_timeout: as itself", repr(answer))
unharmed("statement_timeout")

# A cancel between the last statement and the first hook, while the hooks of a phase are picked: a long list of versions.
runner.run("""SELECT confiture.register_hook_sql('late', 'AFTER_DDL', 'SELECT 1',
    migrations => (SELECT string_agg('1.' || n, ',') FROM generate_series(1, 500000) n) || ',*')""")
took = runner.dry_run("SELECT 1").seconds
states = []
for share in (0.2, 0.4, 0.6, 0.8): # a run may be faster than the first one was
    runner.run(f"SET statement_timeout = '{max(1, int(took * share * 1000))}ms'")
    answer = runner.dry_run("SELECT 1")
    states.append("lost" if answer.lost else answer.state)
ok(states[0] == "57014" and set(states) <= {"57014", None}, "a cancel before the first hook: comes through", states)
runner.run("RESET statement_timeout; SELECT confiture.unregister_hook('late')")
unharmed("a cancel before the first hook")

# One that a transaction goes on after.
runner.run("BEGIN; CREATE TABLE mine (id int); SAVEPOINT here")
runner.start_dry_run(CHANGING + "SELECT pg_sleep(40)")
wait_until(lambda: asleep(runner), 20)
watcher.run(f"SELECT pg_cancel_backend({runner.pid})")
equal(runner.finish().state, "57014", "a cancel in a transaction: comes through")
runner.run("ROLLBACK TO here")
equal(runner.dry_run("DROP TABLE mine").json()["success"], True, "a cancel in a transaction: it goes on after a savepoint")
equal(runner.run("SELECT count(*) FROM mine").value, "0", "a cancel in a transaction: its own work is there")
runner.run("ROLLBACK")
unharmed("a cancel in a transaction")

# A cancel while the dry run itself waits for a lock.
blocker = cluster.session("interrupts")
blocker.run("BEGIN; SELECT count(*) FROM target")
runner.start_dry_run("ALTER TABLE target ADD COLUMN extra int", lock_timeout="30s")
wait_until(lambda: watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {runner.pid} AND NOT granted").value != "0")
watcher.run(f"SELECT pg_cancel_backend({runner.pid})")
equal(runner.finish().state, "57014", "a cancel while it waits: comes through")
blocker.run("ROLLBACK")
unharmed("a cancel while it waits")

# A termination.
runner.start_dry_run(CHANGING + "SELECT pg_sleep(40)")
wait_until(lambda: asleep(runner), 20)
watcher.run(f"SELECT pg_terminate_backend({runner.pid})")
answer = runner.finish()
ok(answer.lost and answer.state == "57P01", "a termination: ends the session with its own error", repr(answer))
ok(wait_until(lambda: watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {runner.pid}").value == "0", 10),
   "a termination: leaves no lock")
runner = cluster.session("interrupts")
unharmed("a termination")
ok("PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "a termination: the server is well")

# Terminations at every moment of the timer.
for attempt in range(60):
    runner.start_dry_run(CHANGING + "SELECT pg_sleep(40)")
    time.sleep(0.03 + attempt % 10 / 1000)
    watcher.run(f"SELECT pg_terminate_backend({runner.pid})")
    runner.finish()
    runner = cluster.session("interrupts")
ok("terminated by signal" not in cluster.log(), "terminations: none takes the server down")
unharmed("terminations")

# At random moments: the cancel is never swallowed and never comes twice.
random.seed(20240229)
LONG = CHANGING + """ALTER TABLE public.target ALTER amount TYPE bigint USING public.busy(amount);
UPDATE public.target SET amount = public.busy(amount::int);
CREATE INDEX ON public.target (amount);
DO $$ BEGIN FOR i IN 1..50 LOOP BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$;
DROP TABLE public.child;
"""
full = runner.dry_run(LONG).seconds
request = "SELECT (confiture.dry_run_sql(" + quoted(LONG) + ")).success"
kinds = {"cancelled": 0, "too late": 0}
strange = []
for attempt in range(100):
    runner.start(request)
    time.sleep(random.random() * min(full, 0.4) * 1.05)
    sent = watcher.run(f"SELECT pg_cancel_backend({runner.pid}) FROM pg_stat_activity WHERE pid = {runner.pid} AND state = 'active'")
    answer = runner.finish()
    if answer.states == ["57014"] and "due to user request" in answer.messages:
        kinds["cancelled"] += 1
    elif answer.value == "t" and not answer.states:
        kinds["too late"] += 1
    else:
        strange.append(repr(answer))
    left = left_behind(runner)
    # A cancel that arrives between statements of the session may strike the next one, as it does without us.
    left = left if left else left_behind(runner)
    if left != before:
        strange.append(f"attempt {attempt} left {left} for {before}")
note(f"100 cancels at random moments: {kinds}, a whole dry run takes {full * 1000:.0f} ms")
ok(not strange, "cancels at random moments: each is a cancel or too late, and leaves nothing", *strange[:5])
ok(kinds["cancelled"] >= 50, "cancels at random moments: they are not swallowed", kinds)
unharmed("cancels at random moments")

# A cancel of the user at the moment of a stop of our own is still the user's.
kinds = {"cancelled": 0, "stopped": 0}
strange = []
for attempt in range(20):
    runner.start_dry_run("LOCK target; SELECT pg_sleep(20)", max_wait_caused="150ms")
    wait_until(lambda: asleep(runner), 20, 0.001)
    blocker.start("SELECT count(*) FROM target")
    wait_until(lambda: watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {blocker.pid} AND NOT granted").value != "0"
               or not asleep(runner), 20, 0.001)
    time.sleep(0.12 + 0.05 * random.random())
    watcher.run(f"SELECT pg_cancel_backend({runner.pid}) FROM pg_stat_activity WHERE pid = {runner.pid} AND wait_event = 'PgSleep'")
    answer = runner.finish()
    blocker.finish()
    if answer.states == ["57014"] and "due to user request" in answer.messages:
        kinds["cancelled"] += 1
    elif answer.value and answer.json()["stats"]["status"] == "stopped":
        kinds["stopped"] += 1
    else:
        strange.append(repr(answer))
    if left_behind(runner) != before:
        strange.append(left_behind(runner))
note(f"20 cancels beside a stop: {kinds}")
ok(not strange, "a cancel beside a stop: one or the other", *strange[:5])

# Both signals together: the backend is held while the waiter's time runs out and the cancel is sent.
swallowed = 0
for attempt in range(5):
    runner.start_dry_run("LOCK target; SELECT pg_sleep(20)", max_wait_caused="300ms")
    wait_until(lambda: asleep(runner), 20, 0.001)
    blocker.start("SELECT count(*) FROM target")
    time.sleep(0.1)
    os.kill(runner.pid, signal.SIGSTOP)
    time.sleep(0.4)
    os.kill(runner.pid, signal.SIGINT)
    os.kill(runner.pid, signal.SIGCONT)
    answer = runner.finish()
    blocker.finish()
    swallowed += answer.states != ["57014"]
equal(swallowed, 0, "a cancel together with a stop: is the user's")
unharmed("a cancel beside a stop")
equal(cluster.dump("interrupts"), dump, "after all of them the database is what it was")
done()
