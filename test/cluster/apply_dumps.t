#!/usr/bin/env python3
"""A database with a history, and with migrations left in their middle, dumped and restored: it stands where it stood, and
goes on."""
import os
import re
import signal
from sessions import Cluster, done, equal, ok, quoted, scratch_folder, wait_until

cluster = Cluster()
folder = scratch_folder()
STATE = """SELECT version, status, applied_at, detail FROM confiture.status ORDER BY sort_key;
SELECT md5(string_agg(h::text, ',' ORDER BY id)), count(*) FROM confiture.history h;
SELECT md5(string_agg(j::text, ',' ORDER BY sort_key, step)), count(*) FROM confiture.journal j;
SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger"""
END = """SELECT coalesce(string_agg(version || ' ' || status, ',' ORDER BY sort_key), '') FROM confiture.status;
SELECT count(*) FROM confiture.journal;
SELECT string_agg(step::text, ',' ORDER BY step) FROM ledger"""
INDEXES = """SELECT coalesce(string_agg(indexrelid::regclass::text || ' ' || indisvalid, ',' ORDER BY indexrelid::regclass::text), '') FROM pg_index WHERE indrelid = 'ledger'::regclass"""
ROLES = "CREATE TABLE ledger (step int)"


def database(name, *scripts):
    cluster.database(name, ROLES, *(f"SELECT confiture.register_migration('{number:03}', 'number {number}', {quoted(script)})"
                                    for number, script in enumerate(scripts, 1)))


def restored(name, form):
    copy, file = f"{name} {form}", folder / f"{name} {form}"
    dumped = cluster.program("pg_dump", "-d", name, "-F", form, "-f", file)
    cluster.sql(f'CREATE DATABASE "{copy}"')
    loaded = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", copy, "-f", file) if form == "plain" else \
        cluster.program("pg_restore", "--exit-on-error", "-d", copy, file)
    equal((dumped.returncode, loaded.returncode, loaded.stderr), (0, 0, ""), f"{copy}: it restores")
    return copy


# A transaction failed in the middle of a migration.
database("failed", "INSERT INTO ledger VALUES (1)", "INSERT INTO ledger VALUES (2);\nCOMMIT;\nINSERT INTO ledger SELECT v / (SELECT count(*) FROM helper) FROM (VALUES (3)) v (v)",
         "INSERT INTO ledger VALUES (4)")
cluster.sql("CREATE TABLE helper ()", "failed")
equal(cluster.session("failed").run("CALL confiture.up()").state, "22012", "a migration fails in its middle")
for form in ("plain", "custom"):
    copy = restored("failed", form)
    equal(cluster.sql(STATE, copy), cluster.sql(STATE, "failed"), f"{copy}: status, history and journal are equal")
    cluster.sql("ALTER TABLE helper ADD id int; INSERT INTO helper VALUES (1)", copy)
    answer = cluster.session(copy).run("CALL confiture.up()")
    equal((answer.state, cluster.sql(END, copy)), (None, "001 applied,002 applied,003 applied\n0\n1,2,3,4"), f"{copy}: it goes on")

# Outside of transactions: cut off before the worker, in its middle, and when it was done but had not told.  All objects have
# other OIDs in the copy, and an index that is not valid is not dumped.
GATES = """CREATE TABLE gate (at text);
CREATE FUNCTION gate_of_journal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_catalog.pg_sleep(60) FROM public.gate WHERE at = TG_OP; RETURN NULL; END $$;
CREATE TRIGGER gate AFTER UPDATE ON confiture.journal FOR EACH ROW EXECUTE FUNCTION gate_of_journal();
CREATE FUNCTION gate_of_command() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    IF pg_catalog.current_query() ~ 'INDEX CONC' THEN PERFORM pg_catalog.pg_sleep(60) FROM public.gate WHERE at = TG_EVENT; END IF; END $$;
CREATE EVENT TRIGGER gate_start ON ddl_command_start EXECUTE FUNCTION gate_of_command();
CREATE EVENT TRIGGER gate_end ON ddl_command_end EXECUTE FUNCTION gate_of_command()"""
NAMED, UNNAMED, DROPPED = "CREATE INDEX CONCURRENTLY named ON ledger (step)", "CREATE INDEX CONCURRENTLY ON ledger (step)", "DROP INDEX CONCURRENTLY dropped"
EXPECTED = {NAMED: "dropped true,named true", UNNAMED: "dropped true,ledger_step_idx true", DROPPED: ""}
PLACES = {"ddl_command_start": "before it began", "ddl_command_end": "in its middle", "UPDATE": "at its end"}
for statement, gate in [(statement, gate) for statement in EXPECTED for gate in PLACES]:
    name = f"{re.sub(' ON.*', '', statement)} {PLACES[gate]}"
    database(name, f"-- confiture: no-transaction\nINSERT INTO ledger VALUES (1);\n{statement};\nINSERT INTO ledger VALUES (2)")
    cluster.sql(f"CREATE INDEX dropped ON ledger ((step + 1)); {GATES}; INSERT INTO gate VALUES ('{gate}')", name)
    migrator, watcher = cluster.session(name), cluster.session()
    AT_GATE = f"SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = {quoted(name)}"
    migrator.start("CALL confiture.up()")
    ok(wait_until(lambda: watcher.run(AT_GATE).value), f"{name}: it is at the gate")
    os.kill(int(watcher.run(AT_GATE).value), signal.SIGKILL)
    ok(migrator.finish().lost and wait_until(lambda: watcher.run("SELECT 1").lost), f"{name}: the server was killed")
    ok(wait_until(lambda: cluster.sql("SELECT 1", check=False) == "1"), f"{name}: the server is back")
    equal(cluster.sql("SELECT status FROM confiture.status", name), "interrupted", f"{name}: it was left in its middle")
    copies = [restored(name, form) for form in ("plain", "custom")]
    for copy in copies:
        equal(cluster.sql(STATE, copy), cluster.sql(STATE, name), f"{copy}: status, history and journal are equal")
    for copy in (*copies, name):
        cluster.sql("DELETE FROM gate", copy)
        session = cluster.session(copy)
        answer = session.run("CALL confiture.up()")
        if answer.state == "MG015" and copy != name:  # the names are the same, the objects are not: somebody has to say
            done_there = cluster.sql(INDEXES, copy) == EXPECTED[statement]
            answer = session.run(f"SELECT * FROM confiture.repair('001', '{'done' if done_there else 'not done'}')")
            ok(answer.state is None, f"{copy}: somebody says whether it is done", repr(answer))
            answer = session.run("CALL confiture.up()")
        equal((answer.state, cluster.sql(END, copy), cluster.sql(INDEXES, copy)), (None, "001 applied\n0\n1,2", EXPECTED[statement]), f"{copy}: it goes on, nothing twice and all of it")
done()
