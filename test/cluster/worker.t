#!/usr/bin/env python3
"""One statement at top level in a background worker: what it can, what it brings back, and how it ends."""
from sessions import TOP, Cluster, done, equal, note, ok, quoted, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()
cluster = Cluster("max_worker_processes=4")
cluster.sql(f"""
CREATE SCHEMA border;
CREATE PROCEDURE border.run(statement text, receipt text DEFAULT '', timeout int DEFAULT 0) LANGUAGE C
  AS '{LIBRARY}', 'confiture_border_run_at_top_level';
CREATE FUNCTION border.run_in_transaction(text) RETURNS void LANGUAGE C AS '{LIBRARY}', 'confiture_border_run_in_transaction';
CREATE TABLE border.receipts (receipt text);
CREATE TABLE t (id int, amount int);
INSERT INTO t SELECT n, n % 100 FROM generate_series(1, 1000) n;
CREATE PROCEDURE committing(rows int) LANGUAGE plpgsql AS
  $$ BEGIN FOR i IN 1..rows LOOP INSERT INTO t VALUES (-i, 0); COMMIT; END LOOP; END $$;
""")
session, watcher = cluster.session(), cluster.session()


def call(statement, receipt="", timeout=0):
    return f"CALL border.run({quoted(statement)}, {quoted(receipt)}, {timeout})"


def run(statement, receipt="", timeout=0):
    return session.run(call(statement, receipt, timeout))


def tag(answer):
    return answer.messages


for statement in ("CREATE INDEX CONCURRENTLY by_amount ON t (amount)", "VACUUM t", "CREATE DATABASE other", "CALL committing(5)",
                  "SELECT 1/0", "SELECT nothing FROM t", "DO $$ BEGIN RAISE NOTICE 'hello'; END $$"):
    note(statement)
    note(repr(run(statement, "r: " + statement)))
note(cluster.sql("TABLE border.receipts"))
note(cluster.log())
done()
