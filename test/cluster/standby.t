#!/usr/bin/env python3
"""A hot standby takes no dry run and says so; what only reads works there."""
from sessions import Cluster, done, equal, ok, wait_until

cluster = Cluster(standby=True)
cluster.sql("CREATE EXTENSION confiture; SELECT confiture.register_migration('001', 'one', 'CREATE TABLE t (id int)')")
standby = cluster.session(host=cluster.standby_host)
equal(standby.run("SELECT pg_is_in_recovery()").value, "t", "there is a standby")
ok(wait_until(lambda: standby.run("SELECT count(*) FROM confiture.migration").value == "1"), "it has followed")
for call in ("dry_run('001')", "dry_run_pending()", "dry_run_sql('SELECT 1')"):
    answer = standby.run(f"SELECT * FROM confiture.{call}")
    equal(answer.state, "MG001", f"{call}: refused")
    ok("standby" in answer.messages and "HINT" in answer.messages and "DETAIL" in answer.messages,
       f"{call}: and why, and what to do", answer.messages)
equal(standby.run("SELECT status FROM confiture.status").value, "pending", "status can be read")
cluster.sql("CREATE TABLE t (id int PRIMARY KEY, a int); CREATE ROLE guest; CREATE TABLE files (path text, content bytea); INSERT INTO files VALUES ('003_three.up.sql', 'SELECT 3');"
            "SELECT confiture.register_migration('002', 'two', 'SELECT 1'); SELECT confiture.register_hook_sql('hook', 'AFTER_DDL', 'SELECT 1'); CREATE TABLE last ()")
ok(wait_until(lambda: standby.run("SELECT count(*) FROM pg_class WHERE relname = 'last'").value == "1"), "it has followed again")
WRITING = {"CALL confiture.up()": "MG010", "CALL confiture.down()": "MG010", "CALL confiture.redo()": "MG010", "SELECT confiture.apply('001')": "MG010", "SELECT confiture.revert('001')": "MG010",
           "SELECT confiture.baseline('001')": "MG010", "SELECT confiture.repair()": "MG010", "SELECT confiture.repair('001', 'applied')": "MG010", "SELECT confiture.run_phase('AFTER_DDL', '001')": "MG002",
           "CALL confiture.backfill('t', 'a = 1')": "MG010", "SELECT confiture.register_migration('003', 'three', 'SELECT 1')": "25006", "SELECT confiture.unregister_migration('002')": "25006",
           "SELECT confiture.load_files('files')": "25006", "SELECT confiture.register_hook_sql('new', 'AFTER_DDL', 'SELECT 1')": "25006", "SELECT confiture.unregister_hook('hook')": "25006",
           "SELECT confiture.enable_hook('hook', false)": "25006", "SELECT confiture.untrust('migration', '*')": "25006", "SELECT confiture.grant_access('guest', 'reader')": "25006"}
primary = cluster.session()
for call, state in WRITING.items():
    answer = standby.run(call)
    ok(answer.state == state and "on a standby server" in answer.messages and "HINT:  Run it on the primary: the standby follows." in answer.messages, f"{call}: on a standby", answer.messages)
    primary.run("BEGIN READ ONLY" if "CALL" not in call else "SET default_transaction_read_only = on")
    answer = primary.run(call)
    ok(answer.state == state and "in a read-only transaction" in answer.messages and "HINT:  SET TRANSACTION READ WRITE, or SET default_transaction_read_only = off." in answer.messages,
       f"{call}: read-only", answer.messages)
    primary.run("ROLLBACK" if "CALL" not in call else "RESET default_transaction_read_only")
ok(not answer.lost and standby.run("SELECT 1").value == "1", "the session is usable after")
done()
