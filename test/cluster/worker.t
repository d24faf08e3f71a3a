#!/usr/bin/env python3
"""One statement at top level in a background worker: what it can, what it brings back, and how it ends."""
import json
import os
import pathlib
import random
import re
import signal
import time
from sessions import TOP, Cluster, done, equal, note, ok, quoted, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()

# Segments are files of the cluster's own folder, so that they can be counted.
cluster = Cluster("max_worker_processes=4", "dynamic_shared_memory_type=mmap")
PREPARATION = f"""
CREATE SCHEMA border;
GRANT USAGE ON SCHEMA border TO PUBLIC;
CREATE PROCEDURE border.run(statement text, receipt text DEFAULT '', timeout int DEFAULT 0) LANGUAGE C
  AS '{LIBRARY}', 'confiture_border_run_at_top_level';
CREATE FUNCTION border.run_in_transaction(text) RETURNS void LANGUAGE C AS '{LIBRARY}', 'confiture_border_run_in_transaction';
CREATE TABLE border.receipts (receipt text NOT NULL CHECK (receipt <> 'refused'));
CREATE TABLE t (id int, amount int);
INSERT INTO t SELECT n, n % 100 FROM generate_series(1, 1000) n;
"""
cluster.sql(PREPARATION + """
CREATE PROCEDURE committing(rows int) LANGUAGE plpgsql AS
  $$ BEGIN FOR i IN 1..rows LOOP INSERT INTO t VALUES (-i, 0); COMMIT; END LOOP; END $$;
CREATE FUNCTION raising() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'own message' USING ERRCODE = 'XX123', DETAIL = 'Own detail.', HINT = 'Own hint.', SCHEMA = 'own schema',
    TABLE = 'own table', COLUMN = 'own column', CONSTRAINT = 'own constraint', DATATYPE = 'own type';
END $$;
CREATE TABLE seen (key text, content text);
GRANT INSERT ON seen, border.receipts TO PUBLIC;
CREATE ROLE member LOGIN;
CREATE ROLE team;
GRANT team TO member;
CREATE ROLE no_login;
CREATE ROLE stranger;
""")
session, watcher = cluster.session(), cluster.session()


def call(statement, receipt="", timeout=0):
    return f"CALL border.run({quoted(statement)}, {quoted(receipt)}, {timeout})"


def run(statement, receipt="", timeout=0, session=session):
    return session.run(call(statement, receipt, timeout))


def without_places(messages):
    return re.sub(r"\n?LOCATION:  .*", "", messages)


def succeeds(name, statement, completion, **options):
    answer = run(statement, **options)
    return equal(without_places(answer.messages), f"INFO:  00000: {completion}", name)


def ask(question):
    return watcher.run(question).value


def worker():
    """The process of the one worker there is, or none."""
    found = ask("SELECT pid FROM pg_stat_activity WHERE backend_type = 'confiture worker'")
    return int(found) if found else None


def runs(condition):
    return wait_until(lambda: ask("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'confiture worker' "
                                  f"AND state = 'active' AND {condition}") == "1", 20)


def asleep():
    return runs("wait_event = 'PgSleep'")


def gone(process):
    return not pathlib.Path(f"/proc/{process}").exists()


def no_worker(name):
    equal(worker(), None, f"{name}: no worker is left")


def receipts():
    found = ask("SELECT string_agg(receipt, ',' ORDER BY receipt) FROM border.receipts")
    watcher.run("TRUNCATE border.receipts")
    return found


def segments():
    return len(list(pathlib.Path(cluster.host, "data", "pg_dynshmem").iterdir()))


segments_at_first = segments()

# ---- what it can ----

succeeds("CREATE INDEX CONCURRENTLY", "CREATE INDEX CONCURRENTLY by_amount ON t (amount)", "CREATE INDEX 0", receipt="index")
equal(ask("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_amount'::regclass"), "t", "CREATE INDEX CONCURRENTLY: is valid")
succeeds("REINDEX CONCURRENTLY", "REINDEX INDEX CONCURRENTLY by_amount", "REINDEX 0")
succeeds("VACUUM", "VACUUM (ANALYZE) t", "VACUUM 0", receipt="vacuum")
ok(ask("SELECT relallvisible > 0 FROM pg_class WHERE relname = 't'") == "t", "VACUUM: was at work")
succeeds("CREATE DATABASE", "CREATE DATABASE other", "CREATE DATABASE 0", receipt="database")
equal(ask("SELECT count(*) FROM pg_database WHERE datname = 'other'"), "1", "CREATE DATABASE: is there")
succeeds("ALTER SYSTEM", "ALTER SYSTEM SET work_mem = '5MB'", "ALTER SYSTEM 0")
succeeds("a procedure that commits", "CALL committing(5)", "CALL 0", receipt="procedure")
equal(ask("SELECT count(*), count(DISTINCT xmin::text) FROM t WHERE id < 0"), "5|5", "a procedure that commits: each row on its own")
succeeds("a plain statement: its tag and rows", "DELETE FROM t WHERE id < 0", "DELETE 5", receipt="rows")
equal(receipts(), "database,index,procedure,rows,vacuum", "each receipt is written once")
succeeds("an index that parallel workers build",
         "DO $$ BEGIN PERFORM set_config('min_parallel_table_scan_size', '0', false); CREATE INDEX parallel_one ON t (id, amount); END $$",
         "DO 0")
succeeds("a worker of a worker: both answer", call("CALL committing(2)", "inner"), "CALL 0\nINFO:  00000: CALL 0", receipt="outer")
equal(receipts(), "inner,outer", "a worker of a worker: both write their receipts")
equal(ask("SELECT count(*) FROM t WHERE id < 0"), "2", "a worker of a worker: did its work")
answer = run("CREATE TABLE one (); CREATE TABLE two ()", "two")
ok(answer.state == "42601" and "one statement, not 2" in answer.messages, "two statements are refused", repr(answer))
answer = run("-- nothing", "nothing")
ok(answer.state == "42601" and "one statement, not 0" in answer.messages, "no statement is refused", repr(answer))
equal(ask("SELECT to_regclass('one')"), "", "two statements are refused: none was run")

answer = session.run(f"BEGIN; {call('VACUUM t')}; ROLLBACK")
equal(answer.state, "2D000", "in a transaction block the test's procedure refuses")
answer = session.run("SELECT border.run_in_transaction('VACUUM t')")
ok(answer.state == "XX000" and "would wait for this transaction" in answer.messages, "a caller with a snapshot is refused", repr(answer))
no_worker("a caller with a snapshot")

# Another session's old snapshot is waited for, whatever lock_timeout says, and shown meanwhile.
old = cluster.session()
old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t")
session.run("SET lock_timeout = '50ms'; SET application_name = 'the caller'")
session.start(call("CREATE INDEX CONCURRENTLY waiting ON t (id)"))
ok(runs("wait_event_type = 'Lock'"), "an old snapshot: is waited for")
time.sleep(0.3)
equal(ask("SELECT query, application_name, usename, state FROM pg_stat_activity WHERE backend_type = 'confiture worker'"),
      "CREATE INDEX CONCURRENTLY waiting ON t (id)|the caller|postgres|active", "pg_stat_activity shows the statement")
ok(ask("SELECT phase FROM pg_stat_progress_create_index").startswith("waiting for"), "its progress is shown")
equal(ask(f"SELECT backend_xid, backend_xmin FROM pg_stat_activity WHERE pid = {session.pid}"), "|", "the caller holds nothing meanwhile")
old.run("COMMIT")
answer = session.finish()
equal(without_places(answer.messages), "INFO:  00000: CREATE INDEX 0", "an old snapshot: the index is made when it is gone")
session.run("RESET lock_timeout; RESET application_name")

# ---- what it brings back ----

ERRORS = {
    "every field": "DO $$ BEGIN PERFORM raising(); END $$",
    "a syntax error": "SELECT 1 FORM t",
    "a name that is not there": "SELECT id,\n       amuont FROM t",
    "a null": "INSERT INTO border.receipts VALUES (NULL)",
    "a violation found late": "CREATE UNIQUE INDEX CONCURRENTLY not_unique ON t (amount)",
    "a file": "COPY t TO '/nowhere/at/all'",
}
for name, statement in ERRORS.items():
    plain = session.run(statement)
    session.run("DROP INDEX IF EXISTS not_unique")
    answer = run(statement, "failed")
    position = re.search(r"^INFO:  00000: position (\d+)\nLOCATION.*\n", answer.messages)
    ok(position, f"{name}: is an error of the server", answer.messages)
    line = re.compile(r"\nLINE 1: .*\n.*\^|\nLINE \d+: .*\n.*\^")
    equal(line.sub("", answer.messages[position.end():] if position else ""), line.sub("", plain.messages), f"{name}: comes whole")
    session.run("DROP INDEX IF EXISTS not_unique")
    if name == "a name that is not there":
        equal(position.group(1), str(statement.index("amuont") + 1), f"{name}: with its position in the statement")
equal(receipts(), "", "no failed statement has a receipt")
no_worker("failed statements")

session.run("SET client_encoding = 'LATIN1'")
plain = session.run("DO $$ BEGIN RAISE EXCEPTION '%', chr(228) || chr(246); END $$").messages
answer = run("DO $$ BEGIN RAISE EXCEPTION '%', chr(228) || chr(246); END $$")
equal(answer.messages.split("\n", 2)[2], plain, "a text outside of ASCII comes whole to a client of another encoding")
equal(plain.split(":  ")[1].splitlines()[0], "P0001: \ufffd\ufffd", "which is really another one")
session.run("RESET client_encoding")

answer = run("DO $$ BEGIN RAISE NOTICE 'first' USING DETAIL = 'Detail.', HINT = 'Hint.'; RAISE WARNING 'second'; RAISE DEBUG 'third'; "
             "RAISE INFO 'fourth'; END $$")
equal(without_places(answer.messages), "NOTICE:  00000: first\nDETAIL:  Detail.\nHINT:  Hint.\nWARNING:  01000: second\n"
      "INFO:  00000: fourth\nINFO:  00000: DO 0", "notices come as they are raised")
session.run("SET client_min_messages = warning")
answer = run("DO $$ BEGIN RAISE NOTICE 'first'; RAISE WARNING 'second'; END $$")
ok("second" in answer.messages and "first" not in answer.messages, "notices that the client does not want stay away", answer.messages)
session.run("SET client_min_messages = debug5")
equal(run("DO $$ BEGIN RAISE DEBUG 'deep'; END $$").state, None, "a talkative worker ends, too")
session.run("RESET client_min_messages")
answer = run("DO $$ BEGIN FOR i IN 1..20000 LOOP RAISE NOTICE 'number %', i; END LOOP; RAISE NOTICE '%', repeat('x', 1000000); END $$")
equal((len(answer.notices), answer.notices[-2], len(answer.notices[-1])), (20001, "number 20000", 1000000),
      "more notices than the queue has room for, and one that is larger than it, come all")
succeeds("what else is said to a client does no harm", "COPY (SELECT 1) TO STDOUT", "COPY 1")
equal(run("COPY t FROM STDIN").state, "08003", "a client to read from is not there")

# ---- roles ----

WHO = "INSERT INTO public.seen VALUES ('who', current_user || ' of ' || session_user || ' as ' || current_setting('role'))"


def seen(key="who"):
    found = ask(f"SELECT content FROM seen WHERE key = '{key}'")
    watcher.run("TRUNCATE seen")
    return found


member = cluster.session(user="member")
run(WHO, session=member)
equal(seen(), "member of member as none", "the caller's role")
member.run("SET ROLE team")
run(WHO, "team's", session=member)
equal((seen(), receipts()), ("team of member as team", "team's"), "SET ROLE travels")
run(f"DO $$ BEGIN SET LOCAL ROLE member; COMMIT; {WHO}; END $$", session=member)
equal(seen(), "team of member as team", "SET LOCAL ROLE inside ends with the role that travelled")
run("DO $$ BEGIN RESET ROLE; INSERT INTO public.seen VALUES ('who', current_user); END $$", session=member)
equal(seen(), "member", "RESET ROLE leads to the session's user")
session.run("SET SESSION AUTHORIZATION member; SET ROLE team")
run(WHO)
equal(seen(), "team of member as team", "SET SESSION AUTHORIZATION travels")
answer = run("DO $$ BEGIN RESET ROLE; SET SESSION AUTHORIZATION postgres; END $$")
equal(answer.state, "42501", "SET SESSION AUTHORIZATION: a superuser's session does not make the worker one")
answer = run("DO $$ BEGIN RESET SESSION AUTHORIZATION; INSERT INTO public.seen VALUES ('who', session_user); END $$")
equal(seen(), "member", "SET SESSION AUTHORIZATION: nor does RESET")
equal(run("CREATE DATABASE forbidden").state, "42501", "a member may not what he may not")
session.run("RESET SESSION AUTHORIZATION")
member.run("SET ROLE team")
watcher.run("REVOKE team FROM member")
run(WHO, session=member)
equal(seen(), "team of member as team", "a role that was taken away holds as long as it does in the session")
watcher.run("GRANT team TO member")
session.run("SET SESSION AUTHORIZATION no_login")
if cluster.version >= 17:
    run(WHO)
    equal(seen(), "no_login of no_login as none", "a session's user without LOGIN")
else:
    answer = run(WHO)
    ok(answer.state == "57000" and "[not begun]" in answer.messages and 'role "no_login" is not permitted to log in' in answer.messages
       and "Nothing was run" in answer.messages, "a session's user without LOGIN is refused clearly", repr(answer))
session.run("RESET SESSION AUTHORIZATION")
session.run("SET ROLE no_login")
run(WHO)
equal(seen(), "no_login of postgres as no_login", "SET ROLE to one without LOGIN")
session.run("RESET ROLE")
watcher.run("ALTER DATABASE other ALLOW_CONNECTIONS true")
cluster.sql(PREPARATION, "other")
inside = cluster.session("other")
watcher.run("ALTER DATABASE other ALLOW_CONNECTIONS false")
succeeds("a database that takes no more connections", "VACUUM t", "VACUUM 0", session=inside)

# ---- settings ----

SETTINGS = {"search_path": "pg_catalog, border", "work_mem": "7MB", "my.own": "it's mine", "datestyle": "German, DMY", "timezone": "Asia/Tokyo",
            "session_replication_role": "replica", "default_transaction_isolation": "serializable", "maintenance_work_mem": "3MB",
            "auto_explain.log_min_duration": "1h", "statement_timeout": "0", "deadlock_timeout": "3s"}
session.run("LOAD 'auto_explain'")
session.run("; ".join(f"SET {name} = {value if ',' in value else quoted(value)}" for name, value in SETTINGS.items()))
shown = ", ".join(f"'{name}', current_setting('{name}')" for name in SETTINGS)
plain = session.run(f"SELECT jsonb_build_object({shown})").json()
run(f"INSERT INTO public.seen VALUES ('settings', jsonb_build_object({shown})::text)")
found = ask("SELECT content FROM seen WHERE key = 'settings'")
seen()
equal(json.loads(found), plain, "settings travel, those of loaded libraries too")
equal(plain["session_replication_role"] + plain["auto_explain.log_min_duration"], "replica1h", "which the session really had")
session.run("RESET ALL; SET lock_timeout = '7s'")
run("INSERT INTO seen VALUES ('timeouts', current_setting('lock_timeout') || ' ' || current_setting('statement_timeout'))", timeout=5000)
equal(seen("timeouts"), "0 5s", "but for lock_timeout and statement_timeout")
session.run("RESET lock_timeout; SET default_transaction_read_only = on")
equal(run("CREATE TABLE readonly ()").state, "25006", "a session that only reads has a worker that only reads")
session.run("RESET ALL")
# What the statement sets is not the receipt's.
watcher.run("""CREATE PROCEDURE setting() LANGUAGE plpgsql AS $$ BEGIN
    SET default_transaction_read_only = on; SET statement_timeout = 1; SET search_path = nowhere; SET ROLE stranger; END $$;
  CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.1);
    INSERT INTO public.seen VALUES ('who', current_user || current_setting('search_path')); RETURN NEW; END $$;
  CREATE TRIGGER slow BEFORE INSERT ON border.receipts FOR EACH ROW EXECUTE FUNCTION slow()""")
succeeds("a statement that changes its session", "CALL setting()", "CALL 0", receipt="set")
equal((receipts(), seen()), ("set", "postgrespg_catalog, pg_temp"), "its receipt is written as the session is")
watcher.run("DROP TRIGGER slow ON border.receipts")

# ---- how it ends ----

watcher.run("CREATE PROCEDURE half() LANGUAGE plpgsql AS "
            "$$ BEGIN INSERT INTO t VALUES (-100, 0); COMMIT; INSERT INTO t VALUES (-101, 0); PERFORM pg_sleep(40); END $$")
HALF = "CALL half()"


def half_done(name):
    equal(ask("SELECT string_agg(id::text, ',') FROM t WHERE id <= -100"), "-100", f"{name}: what it committed is there, the rest is not")
    watcher.run("DELETE FROM t WHERE id <= -100")
    equal(receipts(), "", f"{name}: it has no receipt")
    no_worker(name)
    succeeds(f"{name}: the session can do it again", "VACUUM t", "VACUUM 0")


session.start(call(HALF, "cancelled"))
ok(asleep(), "a cancel: it runs")
process = worker()
watcher.run(f"SELECT pg_cancel_backend({session.pid})")
answer = session.finish()
ok(answer.state == "57014" and "due to user request" in answer.messages and answer.seconds < 20, "a cancel comes through", repr(answer))
ok(gone(process), "a cancel: the worker has ended when it is told")
half_done("a cancel")

session.run("SET statement_timeout = '300ms'")
answer = run(HALF, "timed out")
session.run("RESET statement_timeout")
ok(answer.state == "57014" and "statement timeout" in answer.messages and answer.seconds < 20, "the caller's statement_timeout comes through", repr(answer))
half_done("the caller's statement_timeout")

answer = run(HALF, "timed out", 300)
ok(answer.state == "57014" and "statement timeout" in answer.messages and answer.seconds < 20, "the job's own limit is an error of the statement", repr(answer))
half_done("the job's own limit")
session.start(call("SELECT pg_sleep(1)", "in time", 30000))
equal(session.finish().state, None, "a limit that is not reached")
equal(receipts(), "in time", "a limit that is not reached: the receipt")

session.start(call(HALF, "cancelled"))
ok(asleep(), "a cancel of the worker: it runs")
watcher.run(f"SELECT pg_cancel_backend({worker()})")
answer = session.finish()
ok(answer.state == "57014" and "due to user request" in answer.messages, "a cancel of the worker is an error of the statement", repr(answer))
half_done("a cancel of the worker")

session.start(call(HALF, "killed"))
ok(asleep(), "a termination of the worker: it runs")
watcher.run(f"SELECT pg_terminate_backend({worker()})")
answer = session.finish()
equal(without_places(answer.messages).replace("connection due", 'background worker "confiture worker" due'), # as PostgreSQL 13 says it
      "ERROR:  57000: the background worker was lost, and the outcome of its statement is unknown [unknown]\n"
      'DETAIL:  It ended with: terminating background worker "confiture worker" due to administrator command.\n'
      "HINT:  Look at what the statement makes before it is run again.", "a termination of the worker: the outcome is unknown")
half_done("a termination of the worker")

# Before it has begun: nobody can connect while somebody rewrites the list of databases.
old.run("BEGIN; LOCK pg_database IN ACCESS EXCLUSIVE MODE")
CONNECTING = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = 'pg_database'::regclass"
for name, end in (("a termination before it begins", "pg_terminate_backend({})"), ("a cancel before it begins", "pg_cancel_backend({})")):
    session.start(call(HALF, "early"))
    ok(wait_until(lambda: ask(CONNECTING), 20), f"{name}: it is on its way")
    process = ask(CONNECTING)
    watcher.run("SELECT " + end.format(process if "termination" in name else session.pid))
    answer = session.finish()
    if "termination" in name:
        ok(answer.state == "57000" and "[not begun]" in answer.messages and "Nothing was run" in answer.messages, f"{name}: nothing was run", repr(answer))
    else:
        equal(answer.states, ["57014"], f"{name}: comes through")
    ok(gone(process), f"{name}: the worker has ended")
old.run("ROLLBACK")
equal(ask("SELECT count(*) FROM t WHERE id = -100"), "0", "before it begins nothing happens")

# After the statement: its receipt.
answer = run("VACUUM t", "refused")
ok(answer.state == "57000" and "[done]" in answer.messages and 'violates check constraint "receipts_receipt_check"' in answer.messages
   and "It must not be run again." in answer.messages, "a receipt that cannot be written: the statement is known to be done", repr(answer))
old.run("BEGIN; LOCK border.receipts")
session.start(call("CALL committing(1)", "locked out"))
ok(runs("wait_event_type = 'Lock'"), "a termination before the receipt: it waits")
watcher.run(f"SELECT pg_terminate_backend({worker()})")
answer = session.finish()
ok(answer.state == "57000" and "[done]" in answer.messages, "a termination before the receipt: the statement is known to be done", repr(answer))
session.start(call("CALL committing(1)", "late"))
ok(runs("wait_event_type = 'Lock'"), "a receipt that has to wait")
old.run("ROLLBACK")
equal(without_places(session.finish().messages), "INFO:  00000: CALL 0", "a receipt that has to wait: is waited for")
equal(receipts(), "late", "a receipt that has to wait: is written")

# The caller is terminated: its worker ends with it, and its locks are held until then.
for name, stopped in (("a termination of the caller", False), ("a termination while the worker is slow to end", True)):
    caller = cluster.session()
    caller.run("SELECT pg_advisory_lock(1, 1)")
    caller.start(call(HALF, "orphan"))
    ok(asleep(), f"{name}: it runs")
    process = worker()
    if stopped:
        os.kill(process, signal.SIGSTOP)
    began = time.monotonic()
    watcher.run(f"SELECT pg_terminate_backend({caller.pid})")
    if stopped:
        time.sleep(0.5)
        equal(ask("SELECT pg_try_advisory_lock(1, 1)"), "f", f"{name}: the caller's locks are held until then")
        os.kill(process, signal.SIGCONT)
    ok(wait_until(lambda: gone(process), 20) and time.monotonic() - began < 1 + stopped, f"{name}: the worker is gone within a second",
       time.monotonic() - began)
    answer = caller.finish()
    ok(answer.lost and answer.state == "57P01", f"{name}: ends the session with its own error", repr(answer))
    ok(wait_until(lambda: ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {caller.pid}") == "0", 20), f"{name}: the caller is gone")
    half_done(name)
equal(ask("SELECT pg_try_advisory_lock(1, 1) AND pg_advisory_unlock(1, 1)"), "t", "a termination of the caller: its locks are gone")

# A caller whose client is gone notices when it has something to say.
caller = cluster.session()
caller.start(call("DO $$ BEGIN LOOP RAISE NOTICE 'alive'; PERFORM pg_sleep(0.05); END LOOP; END $$", "nobody"))
ok(asleep() or worker(), "a lost client: it runs")
process = worker()
caller.kill()
ok(wait_until(lambda: gone(process), 20), "a lost client: the worker ends")
wait_until(lambda: ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {caller.pid}") == "0", 20)
equal(receipts(), "", "a lost client: no receipt")

# The worker waits for us, and we for it: the server cannot see that.
session.run("SELECT pg_advisory_lock(1, 1)")
answer = run("SELECT pg_advisory_lock(1, 1)", "deadlock")
ok(answer.state == "40P01" and answer.seconds < 10, "a lock of the caller's own: is a deadlock", repr(answer))
old.run("BEGIN; LOCK t")
old.start("SELECT pg_advisory_xact_lock(1, 1)")
wait_until(lambda: ask(f"SELECT count(*) FROM pg_locks WHERE pid = {old.pid} AND NOT granted") == "1", 20)
answer = run("DELETE FROM t WHERE id < 0", "deadlock")
ok(answer.state == "40P01" and answer.seconds < 10, "a lock of somebody who waits for the caller: is a deadlock", repr(answer))
session.run("SELECT pg_advisory_unlock(1, 1)")
old.finish()
old.run("ROLLBACK")
equal(receipts(), "", "deadlocks have no receipts")
no_worker("deadlocks")

# ---- limits ----

sleeping = []
for attempt in range(6):
    sleeper = cluster.session()
    sleeper.start(call("SELECT pg_sleep(40)"))
    if not wait_until(lambda: ask("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'") == str(len(sleeping) + 1), 2):
        break
    sleeping.append(sleeper)
note(f"{len(sleeping)} workers at once")
ok(1 <= len(sleeping) <= 4, "as many workers as max_worker_processes allows")
answer = sleeper.finish()
equal(without_places(answer.messages), "ERROR:  53400: no background worker is free\n"
      "DETAIL:  The statement must run outside of transactions, in a background worker, and all that max_worker_processes (4) allows are taken. "
      "Nothing was run.\nHINT:  Try again later, or raise max_worker_processes, which takes a restart.", "one more is told so")
for sleeper in sleeping:
    watcher.run(f"SELECT pg_cancel_backend({sleeper.pid})")
equal({sleeper.finish().state for sleeper in sleeping}, {"57014"}, "the others were not disturbed")
succeeds("and then one is free again", "VACUUM t", "VACUUM 0")

# The text is made in the server: psql would need it as one line.
LONG = "'INSERT INTO seen SELECT ''long'', length(''' || repeat('x', {}) || ''')'"
answer = session.run(f"DO $do$ BEGIN CALL border.run({LONG.format(10_000_000)}, 'long', 0); END $do$")
equal((answer.state, seen("long"), receipts()), (None, "10000000", "long"), "a statement of 10 MB")
answer = session.run(f"DO $do$ BEGIN CALL border.run({LONG.format(200_000_000)}, 'longer', 0); END $do$")
equal((answer.state, seen("long"), receipts()), (None, "200000000", "longer"), "a statement of 200 MB")
answer = session.run("DO $do$ BEGIN CALL border.run('SELECT ' || repeat(' ', 10000000) || 'nothing', '', 0); END $do$")
ok(answer.state == "42703" and "position 10000008" in answer.messages, "an error at the end of 10 MB", answer.messages[:1000])

# ---- random moments ----

random.seed(20240301)
watcher.run("INSERT INTO t SELECT n, n % 100 FROM generate_series(1, 50000) n; DROP INDEX by_amount, parallel_one, waiting")
began = time.monotonic()
succeeds("an index at leisure", "CREATE INDEX CONCURRENTLY random ON t (amount)", "CREATE INDEX 0")
whole = time.monotonic() - began
watcher.run("DROP INDEX random")
kinds, strange = {}, []
for attempt in range(90):
    way = ("the caller is cancelled", "the worker is terminated", "the caller is terminated")[attempt % 3]
    caller = cluster.session()
    receipt = f"random {attempt}"
    caller.start(call("CREATE INDEX CONCURRENTLY random ON t (amount)", receipt))
    time.sleep(random.random() * whole * 1.2)
    if way == "the worker is terminated":
        process = worker()
        if process:
            watcher.run(f"SELECT pg_terminate_backend({process})")
    else:
        watcher.run(f"SELECT pg_{'cancel' if 'cancelled' in way else 'terminate'}_backend({caller.pid})"
                    f" FROM pg_stat_activity WHERE pid = {caller.pid} AND state = 'active'")
    answer = caller.finish()
    caller.kill()
    if not wait_until(lambda: ask(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {caller.pid}") == "0", 20):
        strange.append(f"{attempt}: the caller stays")
    if worker():
        strange.append(f"{attempt}: {way}: a worker is left")
    state = ask("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('random')")
    written = receipts()
    outcome = re.search(r"\[(.*)\]", answer.messages)
    told = outcome.group(1) if outcome else answer.state or "success"
    kinds[f"{way}: {told}"] = kinds.get(f"{way}: {told}", 0) + 1
    wrong = (written not in ("", receipt) or (written and state != "t") or (told == "success" and (state, written) != ("t", receipt))
             or (told == "not begun" and (state, written) != (None, "")) or (told == "done" and state != "t")
             or told not in {"the caller is cancelled": ("success", "57014"), "the worker is terminated": ("success", "unknown", "not begun", "done"),
                             "the caller is terminated": ("success", "57P01")}[way])
    if wrong:
        strange.append(f"{attempt}: {way}: {told}, index {state}, receipt {written}, {answer!r}")
    watcher.run("DROP INDEX IF EXISTS random")
note(f"90 ends at random moments of {whole * 1000:.0f} ms: {kinds}")
ok(not strange, "ends at random moments: what is told and what is written is true", *strange[:5])

began = time.monotonic()
for attempt in range(100):
    run("CALL committing(0)")
note(f"a call takes {(time.monotonic() - began) * 10:.1f} ms")
equal(segments(), segments_at_first, "no shared memory is left")
equal(session.run("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype NOT IN ('virtualxid', 'relation')").value, "0",
      "the caller holds nothing")
ok("PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "the server is well")

# ---- a server that ends ----

mortal = Cluster()
mortal.sql(PREPARATION)
COMPUTING = "DO $$ BEGIN LOOP END LOOP; END $$"
ACTIVE = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'confiture worker' AND state = 'active'"
data = pathlib.Path(mortal.host, "data")
for name, how in (("a fast shutdown", "fast"), ("the server's death", "kill")):
    caller, watcher = mortal.session(), mortal.session()
    caller.start(call(COMPUTING))
    ok(wait_until(lambda: ask(ACTIVE), 20), f"{name}: it runs")
    process = int(ask(ACTIVE))
    time.sleep(0.2)
    began = time.monotonic()
    if how == "kill":
        os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        ok(wait_until(lambda: gone(process), 20), f"{name}: the worker ends with it", f"process {process}")
        note(f"after {time.monotonic() - began:.1f} s")
    else:
        control = ["pg_ctl", "-D", str(data), "-w", "-t", "30"]
        stopped = mortal.program(*mortal.as_server, *[str(mortal.bin / "pg_ctl"), *control[1:], "-m", "fast", "stop"])
        ok(stopped.returncode == 0 and gone(process), f"{name}: ends the worker, too", stopped.stdout + stopped.stderr)
        started = mortal.program(*mortal.as_server, str(mortal.bin / "pg_ctl"), *control[1:], "-l", f"{mortal.host}/log", "start")
        ok(started.returncode == 0, f"{name}: it starts again", started.stdout + started.stderr)
    caller.finish()
done()
