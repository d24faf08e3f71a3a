#!/usr/bin/env python3
"""How long a hook may run, and that nothing else is taken for its timeout: cancels, statement_timeout and terminations come through."""
import os
import random
import signal
import time
from sessions import TOP, Cluster, done, equal, left_behind, note, ok, quoted, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()

cluster = Cluster()
cluster.database("timeouts", f"""
CREATE SCHEMA border;
CREATE FUNCTION border.busy(int, int DEFAULT -1) RETURNS void LANGUAGE C AS '{LIBRARY}', 'confiture_border_busy';
CREATE FUNCTION border.unwind(int, int DEFAULT -1) RETURNS void LANGUAGE C AS '{LIBRARY}', 'confiture_border_unwind';
CREATE TABLE done (id int PRIMARY KEY);
CREATE TABLE locked (id int);
CREATE FUNCTION stubborn(seconds float) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    BEGIN PERFORM pg_sleep(20); EXCEPTION WHEN query_canceled THEN END;
    PERFORM pg_sleep(seconds);
END $$;
SELECT confiture.register_migration('1', 'one', 'SELECT 1')""")
session, watcher = cluster.session("timeouts"), cluster.session("timeouts")
session.run("LOAD 'confiture'")
before = left_behind(session)
CALL = "SELECT string_agg(hook_name || ' ' || status, ', ' ORDER BY n) FROM confiture.run_phase('{}', '1') WITH ORDINALITY r(p, hook_name, a, b, c, status, e, n)"


def hook(statement, name="h", phase="AFTER_DDL", **options):
    more = "".join(f", {key} => {value if isinstance(value, int) else quoted(value)}" for key, value in options.items())
    answer = session.run(f"SELECT confiture.register_hook_sql({quoted(name)}, '{phase}', {quoted(statement)}{more})")
    if answer.state:
        raise RuntimeError(answer.messages)


def start(phase="AFTER_DDL"):
    session.start(CALL.format(phase))


def run(phase="AFTER_DDL"):
    start(phase)
    return session.finish()


def unharmed(name):
    equal(left_behind(session), before, f"{name}: nothing is left behind")
    equal(session.run("SELECT count(*) FROM done").value, "0", f"{name}: what it did is undone")
    equal(session.run("SELECT 'awake' FROM pg_sleep(0.25)").value, "awake", f"{name}: no cancel comes later")


def timed_out(answer, name, milliseconds):
    ok(answer.state == "MG003" and f"timed out after {milliseconds} ms" in answer.messages, f"{name}: MG003", repr(answer))
    ok(milliseconds / 1000 <= answer.seconds < 10, f"{name}: in time, and not before", repr(answer))


def cancelled(answer, name):
    equal(answer.states, ["57014"], f"{name}: raised as it is")
    ok("due to user request" in answer.messages and "timed out" not in answer.messages, f"{name}: as the user's", repr(answer))


def asleep(of=None):
    return watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {(of or session).pid}").value == "t"


# ---- how long ----

equal(session.run("SHOW confiture.hook_timeout").value, "5min", "the default timeout is 300 s")
session.run("SET confiture.hook_timeout = '150ms'")
hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)")
timed_out(run(), "the default timeout", 150)
hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="100 ms")
timed_out(run(), "a timeout of its own", 100)
hook("SELECT pg_sleep(0.4)", timeout="10 s")
equal(run().value, "h succeeded", "a longer one of its own")
hook("SELECT pg_sleep(0.4)", timeout="0")
equal(run().value, "h succeeded", "none of its own")
session.run("SET confiture.hook_timeout = 0")
hook("SELECT pg_sleep(0.4)")
equal(run().value, "h succeeded", "none by default")
hook("SET confiture.hook_timeout = '50ms'; SELECT pg_sleep(0.4)")
equal(run().value, "h succeeded", "what a hook sets does not hold for itself")
session.run("SET confiture.hook_timeout = '100ms'")
hook("SET confiture.hook_timeout = 0; SELECT pg_sleep(20)")
timed_out(run(), "nor to its own advantage", 100)
session.run("RESET confiture.hook_timeout")
hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="100 ms", on_failure="continue")
hook("SELECT pg_sleep(0.15)", "i")
answer = run()
equal(answer.value, "h timed_out, i succeeded", "continue: the next one runs, with a timeout of its own")
ok("WARNING" in answer.messages and "timed out after 100 ms" in answer.messages, "continue: a warning", answer.messages)
unharmed("continue")
session.run("SELECT confiture.unregister_hook('i')")

# ---- code that does not want to end ----

hook("INSERT INTO done VALUES (1); SELECT stubborn(0)", timeout="100 ms")
timed_out(run(), "a hook that catches the cancel", 100)
hook("INSERT INTO done VALUES (1); SELECT stubborn(20)", timeout="100 ms")
timed_out(run(), "a hook that catches the cancel and goes on", 100)
unharmed("a hook that catches the cancel")
hook("INSERT INTO done VALUES (1); SELECT border.busy(300)", timeout="100 ms")
timed_out(run(), "a hook that does not look at interrupts in time", 100)
# A procedural language's simple expression is the last thing: nobody looks at interrupts any more.
session.run("CREATE FUNCTION last_busy(c jsonb) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN INSERT INTO done VALUES (1); "
            "RETURN CASE WHEN border.busy((c->'config'->>'for')::int, (c->'config'->>'at')::int) IS NULL THEN 1 ELSE 2 END; END $$")


def last_busy(duration, interrupt, **options):
    more = "".join(f", {key} => {quoted(value)}" for key, value in options.items())
    session.run(f"SELECT confiture.register_hook('h', 'AFTER_DDL', 'last_busy(jsonb)', timeout => '100 ms', "
                f"config => '{{\"for\": {duration}, \"at\": {interrupt}}}'{more})")


last_busy(300, -1)
timed_out(run(), "a hook that ends before anybody looks", 100)
unharmed("a hook that ends before anybody looks")
last_busy(300, -1, on_failure="continue")
equal(run().value, "h timed_out", "a hook that ends before anybody looks: continue")

# ---- hooks in hooks ----

hook("SELECT pg_sleep(20)", "inner", "CLEANUP", timeout="10 s", on_failure="continue")
hook("INSERT INTO done VALUES (1); SELECT confiture.run_phase('CLEANUP', '1')", timeout="150 ms")
timed_out(run(), "the outer timeout is shorter", 150)
unharmed("the outer timeout is shorter")
hook("SELECT pg_sleep(20)", "inner", "CLEANUP", timeout="100 ms", on_failure="continue")
hook("SELECT confiture.run_phase('CLEANUP', '1')", timeout="10 s")
equal(run().value, "h succeeded", "the inner timeout is shorter: the outer hook goes on")
hook("SELECT pg_sleep(20)", "inner", "CLEANUP", timeout="100 ms")
answer = run()
ok(answer.state == "MG002" and "SQLSTATE MG003" in answer.messages, "an inner timeout with abort is an error of the outer hook", repr(answer))
hook("SELECT stubborn(20)", "inner", "CLEANUP", timeout="100 ms", on_failure="continue")
hook("INSERT INTO done VALUES (1); SELECT confiture.run_phase('CLEANUP', '1'); SELECT pg_sleep(20)", timeout="100 ms")
timed_out(run(), "both at once, caught inside", 100)
hook("SELECT pg_sleep(20)", "inner", "CLEANUP", timeout="100 ms", on_failure="continue")
hook("SELECT confiture.run_phase('CLEANUP', '1') FROM generate_series(1, 3); SELECT pg_sleep(20)", timeout="500 ms")
timed_out(run(), "the outer one goes on counting", 500)
unharmed("hooks in hooks")

# ---- what is not a timeout ----

hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="10 s", on_failure="continue")
start()
wait_until(asleep)
watcher.run(f"SELECT pg_cancel_backend({session.pid})")
cancelled(session.finish(), "a user's cancel")
unharmed("a user's cancel")
hook("SELECT pg_sleep(20)", "inner", "CLEANUP", on_failure="continue")
hook("SELECT confiture.run_phase('CLEANUP', '1')", on_failure="continue")
start()
wait_until(asleep)
watcher.run(f"SELECT pg_cancel_backend({session.pid})")
cancelled(session.finish(), "a user's cancel of a hook in a hook")
hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="10 s", on_failure="continue")
session.run("SET statement_timeout = '200ms'")
answer = run()
ok(answer.states == ["57014"] and "due to statement timeout" in answer.messages, "statement_timeout is raised as it is", repr(answer))
hook("SELECT border.busy(400)", timeout="100 ms", on_failure="continue")
answer = run()
ok(answer.states == ["57014"] and "due to statement timeout" in answer.messages, "statement_timeout after a timeout that nobody saw", repr(answer))
hook("SELECT pg_sleep(20)", timeout="100 ms", on_failure="continue")
session.run("SET statement_timeout = '10s'")
equal(run().value, "h timed_out", "a timeout before statement_timeout")
session.run("RESET statement_timeout")
unharmed("statement_timeout")

# ---- lock_timeout ----

blocker = cluster.session("timeouts")
blocker.run("BEGIN; LOCK locked")
hook("SET lock_timeout = '100ms'; LOCK locked", timeout="10 s", on_failure="continue")
equal(session.run("SELECT error->>'sqlstate' FROM confiture.run_phase('AFTER_DDL', '1')").value, "55P03", "lock_timeout is an error of the hook")
RETRYING = """SET lock_timeout = '50ms';
DO $$ BEGIN LOOP BEGIN LOCK locked; EXIT; EXCEPTION WHEN lock_not_available THEN END; END LOOP; END $$"""
hook(RETRYING, timeout="300 ms", on_failure="continue")
equal(run().value, "h timed_out", "a timeout after lock_timeouts that the hook caught is no cancel")
hook("LOCK locked", timeout="200 ms")
timed_out(run(), "a hook that waits for a lock", 200)
blocker.run("ROLLBACK")
unharmed("lock_timeout")

# ---- the race ----

for when, interrupt in (("before the timer has fired", 50), ("after the timer has fired", 200)):
    for on_failure in ("abort", "continue"):
        hook(f"SELECT border.busy(300, {interrupt})", timeout="100 ms", on_failure=on_failure)
        cancelled(run(), f"a cancel {when}, seen afterwards, {on_failure}")
        last_busy(300, interrupt, on_failure=on_failure)
        for level in ("log", "off"):
            session.run(f"SET confiture.log_level = {level}")
            cancelled(run(), f"a cancel {when}, not seen by the hook, {on_failure}, log_level {level}")
        session.run("RESET confiture.log_level")
        unharmed(f"a cancel {when}")
# What happens while the error of a cancel is on its way to us.
UNWINDING = "DO $$ DECLARE nothing text; BEGIN nothing := CASE WHEN border.busy({}) IS NULL THEN border.unwind({})::text END; {}END $$"
for busy, unwind, name in (("300", "100, 50", "a cancel while the error of the timeout is on its way"),
                           ("50, 20", "300", "a timeout while the error of a cancel is on its way")):
    hook(UNWINDING.format(busy, unwind, ""), timeout="100 ms", on_failure="continue")
    cancelled(run(), name)
    unharmed(name)
hook(UNWINDING.format("300", "100, 50", "EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(20); "), timeout="100 ms", on_failure="continue")
cancelled(run(), "a cancel while the error of the timeout is being caught")
hook(UNWINDING.format("300", "100", ""), timeout="100 ms", on_failure="continue")
equal(run().value, "h timed_out", "an error of the timeout that takes its time")

# Both signals together: the backend is held while the time runs out and the cancel is sent.
wrong = []
hook("SELECT pg_sleep(20)", timeout="100 ms", on_failure="continue")
for attempt in range(20):
    start()
    wait_until(asleep, pause=0.001)
    os.kill(session.pid, signal.SIGSTOP)
    time.sleep(0.15)
    os.kill(session.pid, signal.SIGINT)
    os.kill(session.pid, signal.SIGCONT)
    answer = session.finish()
    if answer.states != ["57014"]:
        wrong.append(repr(answer))
equal(wrong, [], "a cancel together with the timer is the user's")
unharmed("a cancel together with the timer")

# At random moments around the timeout.  The statement goes on after the phase, so that every cancel that is sent hits it.
random.seed(40960101)
STATEMENTS = ("SELECT pg_sleep(1)", "SELECT count(*) FROM generate_series(1, 100000000)",
              "DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$",
              "DO $$ BEGIN LOOP BEGIN PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; END LOOP; END $$")
wrong, kinds = [], {"before": 0, "after": 0}
for attempt in range(400):
    if attempt % 100 == 0:
        hook(STATEMENTS[attempt // 100], timeout="15 ms", on_failure="continue")
    session.start("SELECT status, pg_sleep(5) FROM confiture.run_phase('AFTER_DDL', '1')")
    wait_until(lambda: watcher.run(f"SELECT state = 'active' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t", pause=0)
    time.sleep(0.011 + random.random() * 0.007)
    os.kill(session.pid, signal.SIGINT)
    answer = session.finish()
    kinds["after" if "timed out" in answer.messages else "before"] += 1
    if answer.states != ["57014"] or "due to user request" not in answer.messages or answer.seconds > 4:
        wrong.append(repr(answer))
note(f"400 cancels at random moments: {kinds}")
equal(wrong, [], "every cancel at a random moment around the timeout is the user's")
ok(min(kinds.values()) > 20, "they came on both sides of it", kinds)
unharmed("cancels at random moments")

# Without a cancel nothing else is seen, however near the end of the hook is.
wrong, kinds = [], {}
hook("SELECT pg_sleep(0.014 + 0.01 * random())", timeout="20 ms", on_failure="continue")
for attempt in range(300):
    answer = run()
    kinds[answer.value] = kinds.get(answer.value, 0) + 1
    if answer.states or answer.value not in ("h succeeded", "h timed_out"):
        wrong.append(repr(answer))
note(f"300 hooks that end with their timeout: {kinds}")
equal(wrong, [], "a hook that ends with its timeout succeeds or times out")
ok(len(kinds) == 2, "they came on both sides of it", kinds)
unharmed("hooks that end with their timeout")

# ---- terminations ----

hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="10 s", on_failure="continue")
start()
wait_until(asleep)
watcher.run(f"SELECT pg_terminate_backend({session.pid})")
answer = session.finish()
ok(answer.lost and answer.state == "57P01", "a termination ends the session with its own error", repr(answer))
session = cluster.session("timeouts")
hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="20 ms", on_failure="continue")
for attempt in range(40):
    session.start("SELECT status, pg_sleep(20) FROM confiture.run_phase('AFTER_DDL', '1')")
    time.sleep(0.01 + attempt % 10 / 500)
    watcher.run(f"SELECT pg_terminate_backend({session.pid})")
    session.finish()
    session = cluster.session("timeouts")
ok("terminated by signal" not in cluster.log() and "PANIC" not in cluster.log(), "terminations around the timeout: none takes the server down")
unharmed("terminations")

# ---- in a dry run ----

hook("INSERT INTO done VALUES (1); SELECT pg_sleep(20)", timeout="100 ms")
answer = session.run("SELECT success, stats->'error'->>'sqlstate', stats->'hooks'->0->>'status' FROM confiture.dry_run('1')")
equal(answer.value, "f|MG003|timed_out", "a dry run fails with the timeout of a hook")
hook("SELECT border.busy(300, 200)", timeout="100 ms", on_failure="continue")
session.start("SELECT success FROM confiture.dry_run('1')")
cancelled(session.finish(), "a user's cancel after the timer has fired, in a dry run")
hook("SELECT pg_sleep(20)", timeout="10 s", on_failure="continue")
session.start("SELECT success FROM confiture.dry_run('1')")
wait_until(asleep)
watcher.run(f"SELECT pg_cancel_backend({session.pid})")
cancelled(session.finish(), "a user's cancel of a hook in a dry run")
unharmed("dry runs")
done()
