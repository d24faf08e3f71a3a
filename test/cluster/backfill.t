#!/usr/bin/env python3
"""Backfills that are killed, cancelled, doubled, waited for and kept waiting; the standby that is behind."""
import os
import pathlib
import random
import re
import signal
import time
from sessions import Cluster, done, equal, note, ok, wait_until

ROWS = 20000
COUNT = "CALL confiture.backfill('target', 'hits = hits + 1', name => 'count'{})"
SLOWLY = ", batch_size => 100, max_batch_size => 100, pause => '2ms'"

cluster = Cluster("max_wal_senders=4", "wal_level=replica", "wal_keep_size=1GB", "deadlock_timeout=100ms", standby=True)
cluster.database("backfill", f"""
CREATE TABLE target (id int PRIMARY KEY, hits int NOT NULL DEFAULT 0, note text);
INSERT INTO target SELECT n FROM generate_series(1, {ROWS}) n;
ANALYZE target""")
watcher = cluster.session("backfill")


def answers():
    try:
        return cluster.sql("SELECT 1", "backfill", check=False) == "1"
    except OSError:
        return False


def passed(session):
    return int(session.run("SELECT coalesce(max(rows_passed), 0) FROM confiture.backfill_run WHERE name = 'count'").value or -1)


def reset():
    watcher.run("UPDATE target SET hits = 0; DELETE FROM confiture.backfill_run")


def once(name):
    """Whatever happened before: the same call brings it to its end, and no row has changed twice."""
    global watcher
    watcher = cluster.session("backfill")
    before = watcher.run("SELECT count(*), coalesce(max(hits), 0) FROM target WHERE hits <> 0").value
    recorded = watcher.run("SELECT coalesce(max(rows_updated), 0) FROM confiture.backfill_run").value
    equal(before, f"{recorded}|{min(int(recorded), 1)}", f"{name}: what is recorded is what was done")
    answer = watcher.run(COUNT.format(""))
    equal(answer.state, None, f"{name}: the same call goes on")
    equal(answer.rows[-1].split("|")[0], str(ROWS - int(recorded)), f"{name}: with what was left")
    equal(watcher.run("SELECT min(hits), max(hits) FROM target").value, "1|1", f"{name}: every row once")
    equal(watcher.run("SELECT rows_updated, finished_at IS NOT NULL FROM confiture.backfill_run WHERE name = 'count'").value,
          f"{ROWS}|t", f"{name}: and it says so")


# kill -9 of the backend, and of the server, at moments of no choice.
for number in range(6):
    reset()
    runner = cluster.session("backfill")
    runner.start(COUNT.format(SLOWLY))
    until = random.randint(1, ROWS - 4000)
    wait_until(lambda: passed(watcher) >= until)
    if number % 3 == 2:
        postmaster = int(pathlib.Path(cluster.host, "data", "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, signal.SIGKILL)
        os.kill(runner.pid, signal.SIGKILL)
        runner.finish()
        watcher.kill()
        name = f"kill {number} of the server after {until} rows"
        wait_until(lambda: not pathlib.Path(f"/proc/{runner.pid}").exists())

        def started():
            answer = cluster.program(*cluster.as_server, cluster.bin / "pg_ctl", "-D", f"{cluster.host}/data", "-l",
                                     f"{cluster.host}/log", "-w", "start", cwd="/")
            return answer.returncode == 0
        ok(wait_until(started, 60, 0.2), f"{name}: it starts again")
    else:
        name = f"kill {number} of the backend after {until} rows"
        os.kill(runner.pid, signal.SIGKILL)
        ok(runner.finish().lost, f"{name}: it is gone")
        ok(wait_until(lambda: not pathlib.Path(f"/proc/{watcher.pid}").exists()), f"{name}: and every other with it")
    ok(wait_until(answers, 60, 0.1), f"{name}: the server answers")
    once(name)

# A cancel, and a statement_timeout.
reset()
runner = cluster.session("backfill")
runner.start(COUNT.format(SLOWLY))
wait_until(lambda: passed(watcher) > 1000)
watcher.run(f"SELECT pg_cancel_backend({runner.pid})")
answer = runner.finish()
equal(answer.state, "57014", "a cancel ends it")
once("cancelled")
reset()
answer = runner.run("SET statement_timeout = '300ms'; " + COUNT.format(SLOWLY))
equal(answer.state, "57014", "statement_timeout ends it")
equal(runner.run("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object'").value, "0", "and its lock is gone")
once("timed out")

# Many batches take no more memory than few.


def private_kilobytes(session):
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{session.pid}/status").read_text())[1])


reset()
runner = cluster.session("backfill")
runner.run(COUNT.format(", batch_size => 3, max_batch_size => 3"))
first = private_kilobytes(runner)
reset()
answer = runner.run(COUNT.format(", batch_size => 3, max_batch_size => 3"))
last = private_kilobytes(runner)
note(f"private memory {first} kB after 6,667 batches, {last} kB after as many more, {answer.seconds:.1f} s")
ok(last - first < 1024, "many batches: memory does not grow", f"{first} kB, {last} kB")

# Two at once.
reset()
runner.run("RESET statement_timeout")
runner.start(COUNT.format(SLOWLY))
wait_until(lambda: passed(watcher) > 1000)
answer = watcher.run(COUNT.format(""))
equal(answer.state, "MG008", "a second one of the same name is refused")
ok(f"Process {runner.pid} (role \"postgres\"" in answer.messages, "and told who is at it", answer.messages)
answer = watcher.run("CALL confiture.backfill('target', 'note = ''x''')")
equal(answer.state, None, "one of another name runs beside it")
equal(runner.finish().state, None, "and both end well")
equal(watcher.run("SELECT min(hits), max(hits), count(note) FROM target").value, f"1|1|{ROWS}", "each row was changed by both")

# Others see how far it is.
reset()
runner.start(COUNT.format(SLOWLY))
SHOWN = "SELECT name, activity, rows_done, rows_total FROM confiture.progress"
ok(wait_until(lambda: re.fullmatch(r"count\|backfilling\|[1-9]\d*00\|20000", watcher.run(SHOWN).value or "")), "confiture.progress shows it",
   watcher.run(SHOWN).value)
equal(runner.finish().state, None, "while it works")
equal(watcher.run(SHOWN).value, None, "and no more afterwards")

# A row that another session keeps locked.
reset()
holder = cluster.session("backfill")
holder.run("BEGIN")
holder.run("UPDATE target SET note = 'held' WHERE id = 15000")
runner.run("SET confiture.lock_timeout = '50ms'")
runner.run("SET confiture.lock_retries = 3")
answer = runner.run(COUNT.format(""))
equal(answer.state, "MG009", "after the retries it gives up")
ok(f"Process {holder.pid} (role \"postgres\"" in answer.messages and "note = 'held'" in answer.messages, "it says who has the row",
   answer.messages)
ok("above key (" in answer.messages, "and which rows it was about", answer.messages)
ok(0 < passed(watcher) < 15000, "the rows before are done", passed(watcher))
runner.run("SET confiture.lock_retries = 20")
runner.start(COUNT.format(""))
ok(wait_until(lambda: watcher.run(f"SELECT wait_event = 'Extension' FROM pg_stat_activity WHERE pid = {runner.pid}").value == "t"),
   "between two attempts it pauses")
held = ("SELECT count(*) FROM pg_locks AS l LEFT JOIN pg_stat_activity AS a USING (pid) "
        f"WHERE pid = {runner.pid} AND (locktype NOT IN ('virtualxid', 'object', 'advisory') OR a.backend_xmin IS NOT NULL OR a.backend_xid IS NOT NULL)")
ok(wait_until(lambda: watcher.run(held).value == "0"), "and holds nothing meanwhile")
equal(watcher.run(COUNT.format("")).state, "MG008", "but no other may begin it")
holder.run("COMMIT")
answer = runner.finish()
equal((answer.state, answer.messages.count("WARNING")), (None, 0), "it goes on when the row is free")
once("locked out")

# Those who wait for it are waited for: a batch that takes long is made smaller.
reset()
cluster.sql("""CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE UPDATE OF hits ON target FOR EACH ROW WHEN (NEW.id <= 3000) EXECUTE FUNCTION slow()""", "backfill")
runner.start(COUNT.format(", batch_size => 1500, batch_time => '10s', max_wait_caused => '200ms'"))
ok(wait_until(lambda: watcher.run(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {runner.pid} AND wait_event = 'PgSleep'").value == "1"),
   "a batch takes its time")
LOCKED = """SELECT min(id) FROM target
WHERE id <= 1500 AND id NOT IN (SELECT id FROM target WHERE id <= 1500 FOR UPDATE SKIP LOCKED)"""
ok(wait_until(lambda: watcher.run(LOCKED).value), "rows of it are locked")
answer = watcher.run(f"UPDATE target SET note = 'waited' WHERE id = ({LOCKED})")
note(f"another session waited {answer.seconds:.3f} s for a batch of 3 s")
ok(0.01 < answer.seconds < 2, "another session waits no longer than max_wait_caused", f"{answer.seconds:.3f} s")
answer = runner.finish()
equal((answer.state, answer.messages.count("WARNING")), (None, 0), "the backfill ends all the same")
ok(re.search(r'NOTICE: .*backfill "count": \d+ rows in \d+ batches, about \d+ %$', answer.messages, re.MULTILINE), "and has told how far it was",
   answer.messages)
cluster.sql("DROP FUNCTION slow CASCADE", "backfill")
once("waited for")

# A deadlock is tried again.
reset()
holder.run("BEGIN")
holder.run("UPDATE target SET note = 'second' WHERE id = 1000")
runner.start(COUNT.format(", batch_size => 1500"))
wait_until(lambda: watcher.run(f"SELECT cardinality(pg_blocking_pids({runner.pid}))").value == "1")
holder.start("SET deadlock_timeout = '10s'; UPDATE target SET note = 'first' WHERE id = 1; COMMIT")
equal(holder.finish().state, None, "the other session of a deadlock goes on")
equal(runner.finish().state, None, "and the backfill too")
once("deadlocked")

# A deferred constraint that fails when its batch commits.
reset()
cluster.sql("""CREATE TABLE allowed (hits int PRIMARY KEY); INSERT INTO allowed VALUES (0);
ALTER TABLE target ADD CONSTRAINT hits_allowed FOREIGN KEY (hits) REFERENCES allowed DEFERRABLE INITIALLY DEFERRED""", "backfill")
answer = runner.run(COUNT.format(SLOWLY))
equal(answer.state, "23503", "what a commit finds is told")
ok("from the lowest key up to key (100)" in answer.messages, "with the rows of its batch", answer.messages)
ok("Nothing was committed" in answer.messages and "hits_allowed" in answer.messages, "nothing was done", answer.messages)
cluster.sql("ALTER TABLE target DROP CONSTRAINT hits_allowed", "backfill")
once("mended")

# A standby that does not replay is waited for, and named.
reset()
standby = cluster.session("backfill", host=cluster.standby_host)
equal(standby.run(COUNT.format("")).state, "MG010", "a standby takes no backfill")
ok(wait_until(lambda: watcher.run("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").value == "1", 60, 0.1),
   "the standby streams")
standby.run("SELECT pg_wal_replay_pause()")
runner.start(COUNT.format(SLOWLY + ", max_lag => '300ms'"))


def stands_still():
    before = passed(watcher)
    time.sleep(1)
    return 0 < before == passed(watcher) < ROWS


ok(wait_until(stands_still, 30), "it stops where the standby is max_lag behind", passed(watcher))
standby.run("SELECT pg_wal_replay_resume()")
answer = runner.finish()
equal(answer.state, None, "it goes on when the standby has followed")
ok(re.search(r'waits for standby "walreceiver", which is \d+ ms behind', answer.messages), "the standby was named", answer.messages)
once("throttled")
reset()
standby.run("SELECT pg_wal_replay_pause()")
answer = runner.run(COUNT.format(", max_lag => NULL"))
equal(answer.state, None, "without max_lag it waits for none")
standby.run("SELECT pg_wal_replay_resume()")

# Who may not see the standbys is told so; the owner of the extension looks.
cluster.sql("""CREATE ROLE worker LOGIN; GRANT USAGE ON SCHEMA confiture TO worker; GRANT ALL ON target TO worker;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO worker""", "backfill")
reset()
worker = cluster.session("backfill", user="worker")
answer = worker.run(COUNT.format(""))
equal((answer.state, "cannot be seen" in answer.messages), (None, False), "a role without rights waits for standbys too")
cluster.sql("CREATE ROLE keeper; GRANT CREATE ON DATABASE backfill TO keeper", "backfill")
cluster.sql("UPDATE pg_extension SET extowner = 'keeper'::regrole WHERE extname = 'confiture'; "
            "ALTER TABLE confiture.backfill_run OWNER TO keeper; GRANT USAGE ON SCHEMA confiture TO keeper", "backfill")
reset()
answer = worker.run(COUNT.format(""))
equal(answer.state, None, "an owner without rights works")
ok("the lag of 1 standbys cannot be seen" in answer.messages, "and the caller is warned", answer.messages)
done()
