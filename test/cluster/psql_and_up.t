#!/usr/bin/env python3
"""Scripts that say something about transactions, by psql and by up(), in two databases: what psql would not commit, up() does not commit,
and what it takes leaves the same schema and the same rows."""
from sessions import Cluster, done, equal, ok, quoted, scratch_folder

cluster = Cluster()
folder = scratch_folder()
BEGIN = """CREATE TABLE ledger (id int PRIMARY KEY, level text DEFAULT current_setting('transaction_isolation'), parent int REFERENCES ledger DEFERRABLE INITIALLY DEFERRED);
CREATE TYPE mood AS ENUM ('sad')"""
SCRIPTS = {
    "a pair": "BEGIN; INSERT INTO ledger VALUES (1); COMMIT",
    "a pair in other words": "START TRANSACTION; INSERT INTO ledger VALUES (1); END",
    "two pairs": "BEGIN; INSERT INTO ledger VALUES (1); COMMIT; BEGIN; INSERT INTO ledger VALUES (2); COMMIT",
    "a pair in the middle": "CREATE TABLE a (); BEGIN; INSERT INTO ledger VALUES (1); COMMIT; CREATE TABLE b ()",
    "a commit in the middle": "INSERT INTO ledger VALUES (1); COMMIT; INSERT INTO ledger VALUES (2)",
    "a commit at the end": "INSERT INTO ledger VALUES (1); COMMIT",
    "savepoints": "BEGIN; INSERT INTO ledger VALUES (1); SAVEPOINT s; INSERT INTO ledger VALUES (2); ROLLBACK TO s; RELEASE s; COMMIT",
    "what is deferred": "BEGIN; INSERT INTO ledger (id, parent) VALUES (1, 2); INSERT INTO ledger (id) VALUES (2); COMMIT",
    "a catalog": "REINDEX TABLE pg_class",
    "an enum": "ALTER TYPE mood ADD VALUE 'glad'; COMMIT; ALTER TABLE ledger ADD mood mood DEFAULT 'glad'",
    "a temporary table": "BEGIN; CREATE TEMPORARY TABLE t ON COMMIT DROP AS SELECT 1 AS id; INSERT INTO ledger (id) SELECT id FROM t; COMMIT",
    "a default": "RESET default_transaction_isolation; SET default_transaction_read_only TO DEFAULT; INSERT INTO ledger VALUES (1)",
}
# Line and reason of what a migration cannot have.
REFUSED = {
    "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; INSERT INTO ledger VALUES (1); COMMIT": "transaction modes in line 1",
    "BEGIN ISOLATION LEVEL SERIALIZABLE;\nINSERT INTO ledger VALUES (1); COMMIT; SELECT 1": "transaction modes in line 1",
    "INSERT INTO ledger VALUES (1);\nSTART TRANSACTION READ ONLY; SELECT 1; COMMIT": "transaction modes in line 2",
    "BEGIN DEFERRABLE; SELECT 1; COMMIT": "transaction modes in line 1",
    "INSERT INTO ledger VALUES (1);\n\nSET TRANSACTION ISOLATION LEVEL SERIALIZABLE;\nSELECT 1 / 0": "transaction modes in line 3",
    "SET TRANSACTION READ ONLY; SELECT 1": "transaction modes in line 1",
    "BEGIN; SET TRANSACTION SNAPSHOT '00000003-00000002-1'; COMMIT": "transaction modes in line 1",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1": "transaction modes in line 1",
    "SET LOCAL transaction_isolation = 'serializable'; SELECT 1": "transaction modes in line 1",
    "SET Transaction_Read_Only = on; SELECT 1": "transaction modes in line 1",
    "SET default_transaction_isolation = 'serializable'; SELECT 1": "transaction modes in line 1",
    "SET default_transaction_deferrable TO on; SELECT 1": "transaction modes in line 1",
    "SELECT 1;\nBEGIN;\nINSERT INTO ledger VALUES (1)": "BEGIN without COMMIT in line 2",
    "BEGIN; INSERT INTO ledger VALUES (1); COMMIT;\nBEGIN; INSERT INTO ledger VALUES (2)": "BEGIN without COMMIT in line 2",
    "BEGIN;\nBEGIN; INSERT INTO ledger VALUES (1); COMMIT": "BEGIN inside of a transaction in line 2",
    "BEGIN; INSERT INTO ledger VALUES (1);\nROLLBACK": "ROLLBACK of a transaction in line 2",
    "INSERT INTO ledger VALUES (1); ABORT": "ROLLBACK of a transaction in line 1",
    "BEGIN; INSERT INTO ledger VALUES (1); ROLLBACK AND CHAIN; COMMIT": "ROLLBACK of a transaction in line 1",
    "BEGIN; INSERT INTO ledger VALUES (1); COMMIT AND CHAIN; COMMIT": "COMMIT AND CHAIN in line 1",
    "BEGIN; INSERT INTO ledger VALUES (1); PREPARE TRANSACTION 'p'": "PREPARE TRANSACTION in line 1",
    "COMMIT PREPARED 'p'": "COMMIT PREPARED in line 1",
    "ROLLBACK PREPARED 'p'": "ROLLBACK PREPARED in line 1",
}

for number, (name, script) in enumerate(SCRIPTS.items()):
    by_psql, by_up = f"psql {number}", f"up {number}"
    cluster.database(by_psql, BEGIN)
    cluster.database(by_up, BEGIN)
    file = folder / f"{number}.sql"
    file.write_text(script + ";\n")
    ran = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", by_psql, "-f", file)
    equal(ran.returncode, 0, f"{name}: psql runs it")
    session = cluster.session(by_up)
    session.run(f"SELECT confiture.register_migration('1', 'script', {quoted(script)})")
    answer = session.run("CALL confiture.up()")
    equal(answer.state, None, f"{name}: up() runs it")
    equal(cluster.dump(by_up, "-n", "public"), cluster.dump(by_psql, "-n", "public"), f"{name}: both leave the same")
    session.run("SELECT 1")

cluster.database("refused", BEGIN)
session = cluster.session("refused")
before = cluster.dump("refused")
for script, reason in REFUSED.items():
    for call in (f"SELECT confiture.register_migration('1', 'script', {quoted(script)})",
                 f"SELECT confiture.register_migration('1', 'script', 'SELECT 1', down => {quoted(script)})",
                 f"SELECT confiture.dry_run_sql({quoted(script)})"):
        answer = session.run(call)
        ok(answer.state == "MG005" and reason in answer.messages, f"{reason}: refused", call, repr(answer))
equal(cluster.dump("refused"), before, "nothing of it is registered or run")
done()
