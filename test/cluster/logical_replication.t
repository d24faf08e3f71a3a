#!/usr/bin/env python3
"""A publisher and two subscribers, all with migrations: each knows of its own history alone, and the subscription goes on."""
from sessions import Cluster, done, equal, ok, wait_until

publisher = Cluster("wal_level=logical", "max_replication_slots=20", "max_wal_senders=20", "max_logical_replication_workers=16", "max_worker_processes=40")
subscriber = Cluster("wal_level=logical", "max_replication_slots=20", "max_logical_replication_workers=16", "max_worker_processes=40")
TABLES = """CREATE TABLE item (id int PRIMARY KEY, name text);
SELECT confiture.register_migration('001', 'added', 'ALTER TABLE item ADD COLUMN IF NOT EXISTS price int', down => 'ALTER TABLE item DROP price');
SELECT confiture.register_migration('002', 'more', 'CREATE TABLE IF NOT EXISTS more (id int PRIMARY KEY); COMMIT; SELECT public.stops()');
CREATE FUNCTION stops() RETURNS int LANGUAGE plpgsql AS $$BEGIN IF current_setting('my.stop', true) = 'on' THEN RAISE 'stopped'; END IF; RETURN 1; END$$;
SELECT confiture.register_hook_sql('counts', 'AFTER_DDL', 'SELECT 1')"""
OWN = ("migration", "history", "journal", "backfill_run", "hook", "hook_run", "trusted")
MINE = ";\n".join(f"SELECT '{table}', md5(coalesce(string_agg(r::text, ',' ORDER BY r::text), '')) FROM confiture.{table} r" for table in OWN)


def slot(name, copy):
    return f"{name}_{copy}".replace(" ", "_")


def own(cluster, name):
    return cluster.sql(MINE, name)


def caught_up(name):
    publisher.sql("INSERT INTO item SELECT coalesce(max(id), 0) + 1, 'x' FROM item", name)
    last = publisher.sql("SELECT max(id) FROM item", name)
    return wait_until(lambda: all(each(subscriber, copy).split("\n")[-1] == last for copy in (f"{name} a", f"{name} b")), pause=0.1)


def each(cluster, name):
    return cluster.sql("SELECT coalesce(max(id), 0) FROM item", name)


FORMS = {"all tables": "FOR ALL TABLES", "named": "FOR TABLE item, " + ", ".join(f"confiture.{table}" for table in OWN)}
if publisher.version >= 15:
    FORMS["schemas"] = "FOR TABLES IN SCHEMA public, confiture"
for name, form in FORMS.items():
    publisher.database(name, TABLES)
    session = publisher.session(name)
    session.run("SET my.stop = on")
    session.run("CALL confiture.up()")  # 001 is applied, 002 is half done
    session.run("INSERT INTO item VALUES (1, 'x')")
    publisher.sql(f"CREATE PUBLICATION p {form}", name)
    for copy in ("a", "b"):
        subscriber.database(f"{name} {copy}", TABLES)
        subscriber.sql("DELETE FROM confiture.hook", f"{name} {copy}")
        subscriber.sql("ALTER TABLE item ADD price int; CREATE TABLE more (id int PRIMARY KEY)", f"{name} {copy}")
    empty = {copy: own(subscriber, f"{name} {copy}") for copy in ("a", "b")}
    for copy in ("a", "b"):
        subscriber.sql(f"CREATE SUBSCRIPTION {slot(name, copy)} CONNECTION 'host={publisher.host} port={publisher.port} user=postgres dbname=''{name}''' PUBLICATION p", f"{name} {copy}")
    ok(wait_until(lambda: all(subscriber.sql("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = srsubid "
                                             f"WHERE subname = '{slot(name, copy)}'", f"{name} {copy}") == "t" for copy in ("a", "b")), pause=0.2), f"{name}: all tables are copied")
    ok(caught_up(name), f"{name}: rows of users arrive")
    for copy in ("a", "b"):
        equal(own(subscriber, f"{name} {copy}"), empty[copy], f"{name}: {copy} has nothing of the publisher's after the copy")
        equal(subscriber.sql("SELECT string_agg(version || ' ' || status, ',') FROM confiture.status", f"{name} {copy}"), "001 pending,002 pending", f"{name}: to {copy} all is pending")
    # Inserts, updates and deletes of every table, as up(), down(), register and repair make them, stream past.
    for statement in ("SET my.stop = off", "CALL confiture.up()", "CALL confiture.down(target => '001')", "SELECT confiture.register_migration('003', 'last', 'SELECT 1', down => 'SELECT 1')",
                      "CALL confiture.up()", "CALL confiture.down()", "SELECT confiture.register_migration('003', 'other', 'SELECT 2')", "SELECT confiture.unregister_migration('003')",
                      "SELECT confiture.trust('hook', 'counts')", "DELETE FROM confiture.hook_run", "UPDATE confiture.hook SET priority = 7"):
        answer = session.run(statement)
        ok(answer.state is None or statement.startswith(("SELECT confiture.un", "SELECT confiture.trust", "CALL confiture.down(t", "CALL confiture.down()")), f"{name}: {statement} on the publisher", repr(answer))
    ok(caught_up(name), f"{name}: rows of users still arrive")
    for copy in ("a", "b"):
        equal(own(subscriber, f"{name} {copy}"), empty[copy], f"{name}: {copy} has nothing of the publisher's")
    # TRUNCATE would empty the history of others.
    answer = session.run("TRUNCATE confiture.history")
    ok(answer.state == "MG016", f"{name}: TRUNCATE on the publisher is refused", repr(answer))
    # Each migrates on its own.
    for copy in ("a", "b"):
        answer = subscriber.session(f"{name} {copy}").run("CALL confiture.up()")
        equal((answer.state, subscriber.sql("SELECT string_agg(version || ' ' || status, ',') FROM confiture.status", f"{name} {copy}")),
              (None, "001 applied,002 applied"), f"{name}: {copy} migrates")
        ok(subscriber.sql("SELECT count(*) FROM confiture.history", f"{name} {copy}") == "2", f"{name}: {copy} has its own history")
    mine = {copy: own(subscriber, f"{name} {copy}") for copy in ("a", "b")}
    session.run("SELECT confiture.register_migration('004', 'after', 'SELECT 1')")
    equal(session.run("CALL confiture.up()").state, None, f"{name}: the publisher goes on")
    publisher.sql("DELETE FROM confiture.history WHERE version = '004'", name)
    ok(caught_up(name), f"{name}: the subscriptions have not stopped")
    for copy in ("a", "b"):
        equal(own(subscriber, f"{name} {copy}"), mine[copy], f"{name}: {copy} keeps its own")
        subscriber.sql(f"DROP SUBSCRIPTION {slot(name, copy)}", f"{name} {copy}")

# What is no replication: a script with that setting, in a session and in the worker, and a restored dump.
publisher.database("replica", "CREATE TABLE t (a int)")
session = publisher.session("replica")
session.run("SELECT confiture.register_migration('1', 'm', 'SET session_replication_role = replica; INSERT INTO t VALUES (1); COMMIT; CREATE INDEX CONCURRENTLY i ON t (a); INSERT INTO t VALUES (2)')")
answer = session.run("CALL confiture.up()")
equal((answer.state, publisher.sql("SELECT count(*) FROM t; SELECT status, statements_done FROM confiture.history; SELECT count(*) FROM confiture.journal", "replica")),
      (None, "2\nsucceeded|4\n0"), "a script under session_replication_role = replica is recorded")
done()
