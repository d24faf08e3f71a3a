#!/usr/bin/env python3
"""Ways back that do not parse: a WARNING when they are loaded, and down() begins nothing of a chain that has one."""
from sessions import Cluster, done, equal, ok

cluster = Cluster()
cluster.database("back", "CREATE TABLE file (path text, content bytea)", """INSERT INTO file VALUES
    ('1_a.up.sql', 'CREATE TABLE a ()'), ('1_a.down.sql', E'DROP TABLE a;\\nDROPP TABLE b;'),
    ('2_b.up.sql', 'CREATE TABLE b ()'), ('2_b.down.sql', 'DROP TABLE b'), ('2_b.verify.sql', 'SELEC 1'),
    ('3_c.up.sql', 'CREATE TABLE c ()'), ('3_c.down.sql', E'SELECT 1;\\nDROP TABLE nowhere')""")
session = cluster.session("back")


def tables():
    return cluster.sql("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                       "AND relname <> 'file'", "back")


answer = session.run("SELECT count(*) FROM confiture.load_files('file')")
ok(answer.value == "3" and answer.messages.count("WARNING") == 2 and 'File "1_a.down.sql", line 2' in answer.messages and
   'File "2_b.verify.sql", line 1' in answer.messages, "each script that does not parse is told, with file and line", answer)
equal(session.run("SHOW client_min_messages").value, "notice", "and the session has its settings")
session.run("CALL confiture.up()")
equal(tables(), "a b c", "they are applied")

answer = session.run("CALL confiture.down()")
ok(answer.state == "42P01" and all(text in answer.messages for text in ('"3"', "3_c.down.sql", "line 2")),
   "a failure on the way back has version, file and line", answer)
equal(cluster.sql("SELECT error->>'file' || ':' || (error->>'line') FROM confiture.history WHERE action = 'backward'", "back"),
      "3_c.down.sql:2", "and a row in the history")
session.run("UPDATE file SET content = 'DROP TABLE c' WHERE path = '3_c.down.sql'")
cluster.sql("UPDATE confiture.migration SET backward = 'DROP TABLE c' WHERE version = '3'", "back")

for call in ("down(steps => 3)", "down(target => '0')"):
    if "target" in call:
        session.run("SELECT confiture.register_migration('0', 'zero', 'SELECT 0'); SET confiture.out_of_order = 'warn'")
    answer = session.run(f"CALL confiture.{call}")
    ok(answer.state == "MG005" and all(text in answer.messages for text in ('migration "1" cannot be reverted', "1_a.down.sql", "line 2")),
       f"{call}: refused, with version, file and line", answer)
    equal(tables(), "a b c", f"{call}: nothing of the chain was reverted")
equal(cluster.sql("SELECT DISTINCT version || ' ' || status || ' ' || (error->>'file') FROM confiture.history WHERE action = 'backward' "
                  "AND version = '1'", "back"), "1 failed 1_a.down.sql", "the history has the attempt")
answer = session.run("CALL confiture.down(steps => 2)")
ok(not answer.state, "a chain without it is reverted", answer)
equal(tables(), "a", "and no more")
answer = session.run("CALL confiture.redo()")
ok(answer.state == "MG005" and 'migration "1" cannot be reverted' in answer.messages, "redo() refuses it too", answer)
equal(tables(), "a", "before it begins")

# A way forward that does not parse any more, as after an upgrade of the server.
cluster.sql("UPDATE confiture.migration SET forward = 'CREATE TABEL c ()' WHERE version = '3'", "back")
answer = session.run("CALL confiture.up()")
ok(answer.state == "MG005" and all(text in answer.messages for text in ('migration "3" cannot be applied', "3_c.up.sql")),
   "up() refuses a chain with one", answer)
equal(tables(), "a", "before it begins")

# A verify script that ended the session.
for script in ("BEGIN; SELECT 1; ROLLBACK", "ROLLBACK", "COMMIT"):
    cluster.sql(f"UPDATE confiture.migration SET verify = '{script}' WHERE version = '1'", "back")
    answer = session.run("SELECT state FROM confiture.verify() WHERE version = '1'")
    ok(answer.value == "verified" and not answer.lost, f"verify script {script}: the session goes on", answer)
for script in ("PREPARE TRANSACTION ''x''", "COMMIT AND CHAIN", "VACUUM file", "BEGIN READ ONLY"):
    cluster.sql(f"UPDATE confiture.migration SET verify = '{script}' WHERE version = '1'", "back")
    answer = session.run("SELECT state FROM confiture.verify() WHERE version = '1'")
    ok(answer.value == "failed" and not answer.lost, f"an old verify script {script}: failed, and the session goes on", answer)
done()
