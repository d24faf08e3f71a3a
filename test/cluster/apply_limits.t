#!/usr/bin/env python3
"""up() and down() stop a step that keeps others waiting, or holds a lock that blocks writers, longer than is allowed."""
import time
from sessions import Cluster, done, equal, longest_wait, ok, quoted, wait_until

cluster = Cluster("autovacuum=off")
watcher = cluster.session()
TABLES = """CREATE TABLE target (id int PRIMARY KEY, a int); INSERT INTO target SELECT n, n FROM generate_series(1, 1000) n; CREATE TABLE ledger (step int);
CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN $1; END $$;
CREATE INDEX target_slow ON target (id) WHERE false"""
LONG = "INSERT INTO ledger VALUES (1);\nCOMMIT;\nINSERT INTO ledger VALUES (2);\nLOCK target;\nSELECT pg_sleep(40)"
SLOW = "ALTER TABLE target ADD CONSTRAINT slow CHECK (slow(id) > 0)"
CASES = {"a lock and a pause": (LONG, "SELECT count(*) FROM target"), "one long statement": (SLOW, "SELECT count(*) FROM target"),
         "a block": ("DO $$ BEGIN LOCK target; PERFORM pg_sleep(40); END $$", "SELECT count(*) FROM target"),
         "a hook": ("SELECT 1;\n-- confiture: phase=AFTER_DDL name=h\nDO $$ BEGIN LOCK target; PERFORM pg_sleep(40); END $$", "SELECT count(*) FROM target"),
         "at top level": ("CREATE INDEX CONCURRENTLY made ON target (slow(id))", "VACUUM target"),
         "a rewrite at top level": ("ALTER TABLE target ADD COLUMN b int;\nCOMMIT;\nREINDEX SCHEMA public", "SELECT count(*) FROM target")}


def history(name):
    return cluster.sql("SELECT string_agg(concat_ws(' ', status, error ->> 'sqlstate'), ',' ORDER BY id) FROM confiture.history; "
                       "SELECT coalesce(string_agg(step::text, ',' ORDER BY step), 'nothing') FROM ledger; "
                       "SELECT count(*) FROM pg_index WHERE NOT indisvalid", name)


for limit in ("max_wait_caused", "max_lock_hold"):
    for kind, (script, bystands) in CASES.items():
        if kind == "a rewrite at top level":
            script = "CREATE INDEX slow ON target (slow(id)) WHERE id < 200;\nREINDEX SCHEMA public"
        if limit == "max_lock_hold" and kind == "at top level":
            continue  # it holds none
        name = f"{limit}, {kind}"
        cluster.database(name, TABLES, f"SELECT confiture.register_migration('001', {quoted(kind)}, {quoted(script)})")
        bystander, session = cluster.session(name), cluster.session(name)
        session.run(f"SET confiture.{limit} = '500ms'" if kind != "a rewrite at top level" else f"SET confiture.{limit} = '1500ms'")
        session.start("CALL confiture.up()")
        if limit == "max_wait_caused":
            if "top level" in kind:
                wait_until(lambda: watcher.run("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'confiture worker'").value == "t", 60)
            time.sleep(0.3)
            waited = longest_wait(bystander, session.answered, bystands)
        else:
            waited = 0
        answer = session.finish()
        ok(answer.state == "MG018" and limit in answer.messages and answer.seconds < 40, f"{name}: it is stopped", repr(answer))
        ok(waited < 10, f"{name}: nobody waits much longer", waited)
        if limit == "max_wait_caused":
            ok(f"Process {bystander.pid} waited" in answer.messages, f"{name}: who waited is named", repr(answer))
        expected = "1" if script == LONG else "nothing"
        equal(history(name), f"failed MG018\n{expected}\n0", f"{name}: its step is rolled back, and that is in the history")
        ok("attempt" not in answer.messages, f"{name}: it is not begun again", repr(answer))
        for each in (bystander, session):
            each.kill()

# Off unless set; and a step that keeps nobody waiting is left alone.
cluster.database("off", TABLES, "SELECT confiture.register_migration('001', 'off', 'LOCK target; SELECT pg_sleep(1.5)', 'LOCK target; SELECT pg_sleep(40)')")
bystander, session = cluster.session("off"), cluster.session("off")
session.start("CALL confiture.up()")
time.sleep(0.3)
bystander.run("SELECT count(*) FROM target")
equal(session.finish().state, None, "off by default")
session.run("SET confiture.max_wait_caused = '300ms'")
session.start("CALL confiture.down()")
time.sleep(0.3)
bystander.run("SELECT count(*) FROM target")
equal(session.finish().state, "MG018", "down() has it too")
cluster.sql("SELECT confiture.register_migration('002', 'new', 'CREATE TABLE fresh (id int); SELECT pg_sleep(1)')", "off")
session.run("SET confiture.max_lock_hold = '300ms'")
equal(session.run("CALL confiture.up()").state, None, "a table that nobody else sees blocks nobody")
cluster.sql("SELECT confiture.register_migration('003', 'in a transaction', 'LOCK target; SELECT pg_sleep(40)')", "off")
answer = session.run("SELECT confiture.apply('003')")
equal(answer.state, "MG018", "apply() has it too")

# What dry runs of this session came to.
cluster.database("tried", TABLES, *(f"SELECT confiture.register_migration('{version}', 'm', {quoted(script)}, 'SELECT 1')" for version, script in
                                    (("001", "SELECT 1/0"), ("002", "LOCK target; SELECT pg_sleep(3)"), ("003", "SELECT 1"), ("004", "SELECT 1"))))
session, stranger = cluster.session("tried"), cluster.session("tried")
equal(session.run("SELECT success FROM confiture.dry_run('001')").value, "f", "a dry run fails")
stranger.run("BEGIN; SELECT * FROM target")
stranger.run("ROLLBACK")
session.run("SELECT success FROM confiture.dry_run('002', options => '{\"max_lock_hold\": \"200ms\"}')")
session.run("SELECT success FROM confiture.dry_run('003')")
answer = session.run("CALL confiture.up()")
ok("WARNING" in answer.messages and 'the last dry run of migration "001" in this session failed' in answer.messages, "up() warns of it", repr(answer))
answer = stranger.run("CALL confiture.up()")
ok("dry run" not in answer.messages, "another session does not know", repr(answer))
session.run("SELECT confiture.register_migration('001', 'm', 'SELECT 1', 'SELECT 1')")
answer = session.run("CALL confiture.up()")
ok('"001"' not in "".join(each for each in answer.messages.splitlines() if "WARNING" in each)
   and 'the last dry run of migration "002" in this session was stopped' in answer.messages and '"003" in this session' not in answer.messages
   and "was not dry-run" not in answer.messages, "a new text has not been dry-run; one that was stopped is warned of, one that passed is not", repr(answer))
stranger.run("SET confiture.warn_not_dry_run = on")
answer = stranger.run("CALL confiture.down()")
ok('migration "004" was not dry-run in this session' in answer.messages and "backward" in answer.messages, "that none was made is warned of where that is asked for", repr(answer))
done()
