#!/usr/bin/env python3
"""Hooks between sessions: what is accepted is what is called, whoever replaces it meanwhile; nobody takes a name that another
role takes at the same time; and a lock_timeout that a hook survives leaves its own timeout as it was."""
from sessions import Cluster, done, equal, ok, wait_until

cluster = Cluster()
cluster.database("hooks", """
CREATE ROLE planter LOGIN;
GRANT USAGE ON SCHEMA confiture TO planter;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO planter;
CREATE SCHEMA s AUTHORIZATION planter;
CREATE TABLE s.ran_as (role text);
GRANT ALL ON s.ran_as TO planter;
SELECT confiture.register_migration('1', 'one', 'SELECT 1')""")
chief, planter = cluster.session("hooks"), cluster.session("hooks", "planter")

# A pinned function that its owner replaces again and again, by something else and by what is pinned.
FUNCTION = "CREATE OR REPLACE FUNCTION s.f(j jsonb) RETURNS bigint LANGUAGE plpgsql AS "
GOOD, EVIL = "'BEGIN RETURN 1; END'", "'BEGIN INSERT INTO s.ran_as VALUES (current_user); RETURN 1; END'"
planter.run(FUNCTION + GOOD + "; SELECT confiture.register_hook('f', 'AFTER_DDL', 's.f(jsonb)')")
equal(chief.run("SELECT confiture.trust('hook', 'f')").value, "1", "a function is pinned")
flip = f"EXECUTE $e${FUNCTION}{EVIL}$e$; COMMIT; EXECUTE $e${FUNCTION}{GOOD}$e$; COMMIT;"
planter.start(f"DO $d$ BEGIN FOR i IN 1..100000 LOOP {flip} END LOOP; END $d$")
counts = {"called": 0, "MG002": 0}
for _ in range(3000):
    answer = chief.run("SELECT count(*) FROM confiture.run_phase('AFTER_DDL', '1')")
    counts[answer.state or "called"] = counts.get(answer.state or "called", 0) + 1
ok(set(counts) == {"called", "MG002"} and all(counts.values()), "replaced meanwhile: called as it is pinned, or refused", counts)
equal(chief.run("SELECT count(*) FROM s.ran_as").value, "0", "replaced meanwhile: what is not pinned never runs")
cluster.sql(f"SELECT pg_terminate_backend({planter.pid})", "hooks")
planter.kill()

# A name that another role registers at the same time.
planter = cluster.session("hooks", "planter")
for name, call in (("registered", "SELECT confiture.register_hook_sql('gate', 'BEFORE_DDL', 'SELECT 1')"),
                   ("unregistered", "SELECT confiture.unregister_hook('gate')"),
                   ("disabled", "SELECT confiture.enable_hook('gate', false)")):
    chief.run("DELETE FROM confiture.hook")
    if name != "registered":
        planter.run("SELECT confiture.register_hook_sql('gate', 'BEFORE_DDL', 'SELECT 1')")
    chief.run("BEGIN; SELECT confiture.register_hook_sql('gate', 'BEFORE_DDL', 'SELECT 2')")
    planter.start(call)
    ok(wait_until(lambda: chief.run(f"SELECT count(*) FROM pg_locks WHERE pid = {planter.pid} AND NOT granted").value == "1"),
       f"{name} at the same time: it waits")
    chief.run("COMMIT")
    equal(planter.finish().state, "MG016", f"{name} at the same time: refused")
    equal(chief.run("SELECT statement || ' ' || enabled FROM confiture.hook").value, "SELECT 2 true", f"{name} at the same time: the other's stands")
chief.run("DELETE FROM confiture.hook")

# lock_timeout cancels by the signal that a user's cancel comes with.
holder = cluster.session("hooks")
holder.run("CREATE TABLE s.locked (); BEGIN; LOCK s.locked")
chief.run("""SELECT confiture.register_hook_sql('waits', 'AFTER_DDL', $$SET LOCAL lock_timeout = 50; DO 'BEGIN LOCK s.locked; EXCEPTION WHEN
             lock_not_available THEN PERFORM pg_sleep(5); END'$$, timeout => '500ms', on_failure => 'continue')""")
equal(chief.run("SELECT status FROM confiture.run_phase('AFTER_DDL', '1')").value, "timed_out", "a timeout after a lock_timeout that the hook caught")
equal(chief.run("SELECT count(*) FROM generate_series(1, 100000)").value, "100000", "nothing is left of it")
done()
