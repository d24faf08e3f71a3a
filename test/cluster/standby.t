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
answer = standby.run("SELECT confiture.register_migration('002', 'two', 'SELECT 1')")
equal(answer.state, "25006", "what writes is refused by the server itself")
ok(not answer.lost and standby.run("SELECT 1").value == "1", "the session is usable after")
done()
