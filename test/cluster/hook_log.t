#!/usr/bin/env python3
"""The server log has one line of JSON for each run of a hook, whatever its name and however it ends, and none of the data."""
import json
import re
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster()
cluster.database("logged", """
CREATE ROLE low LOGIN;
CREATE TABLE account (id int PRIMARY KEY, secret text);
SELECT confiture.register_migration('1', 'one', 'SELECT 1', 'SELECT 2')""")
session, watcher = cluster.session("logged"), cluster.session("logged")
LINE = re.compile(r'^.*?(LOG|DEBUG):  (\{"confiture": .*)$', re.MULTILINE)
seen = len(cluster.log())


def logged(severity="LOG"):
    """The lines since the last look, each parsed."""
    global seen
    text = cluster.log()[seen:]
    seen += len(text)
    lines = LINE.findall(text)
    ok(all(found == severity for found, line in lines), f"their severity is {severity}", lines)
    return [json.loads(line) for found, line in lines]


def hook(name, statement, **options):
    more = "".join(f", {key} => {value if isinstance(value, int) else quoted(value)}" for key, value in options.items())
    answer = session.run(f"SELECT confiture.register_hook_sql({quoted(name)}, 'AFTER_DDL', {quoted(statement)}{more})")
    if answer.state:
        raise RuntimeError(answer.messages)


def clear():
    session.run("SELECT confiture.unregister_hook(name) FROM confiture.hooks")


RUN = "SELECT count(*) FROM confiture.run_phase('AFTER_DDL', '1')"

# One line a run.
hook("first", "INSERT INTO account VALUES (1, 'in the table'), (2, 'in the table')", config='{"key": "in the config"}', priority=1)
hook("second", "SELECT confiture.set_stat('k', '\"in the stats\"'), 'in the statement'")
session.run(RUN)
lines = logged()
equal([sorted(line) for line in lines], [
    sorted(["confiture", "migration", "direction", "phase", "hook", "dry_run", "status", "rows_affected", "execution_time_ms"]),
    sorted(["confiture", "migration", "direction", "phase", "hook", "dry_run", "status", "execution_time_ms"])], "one line a run")
ok(all(isinstance(line["execution_time_ms"], float) and 0 <= line["execution_time_ms"] < 10000 for line in lines), "with its time", lines)
for line in lines:
    del line["execution_time_ms"]
equal(lines[0], {"confiture": "hook", "migration": "1", "direction": "forward", "phase": "AFTER_DDL", "hook": "first", "dry_run": False,
                 "status": "succeeded", "rows_affected": 2}, "what the line of a hook says")
session.run("UPDATE confiture.hook SET direction = 'both'")
session.run("DELETE FROM account; SELECT count(*) FROM confiture.dry_run('1', 'backward')")
equal([(line["hook"], line["dry_run"], line["direction"]) for line in logged()], [("first", True, "backward"), ("second", True, "backward")],
      "dry runs write them, too")
session.run("BEGIN; " + RUN + "; ROLLBACK")
equal(len(logged()), 2, "they are written whether the transaction commits or not")

# How hooks end.
session.run("INSERT INTO account VALUES (1, '')")
hook("first", "INSERT INTO account VALUES (1, 'in the table')", config='{"key": "in the config"}', priority=1, on_failure="continue")
hook("slow", "SELECT pg_sleep(20), 'in the statement'", priority=2, timeout="50 ms", on_failure="continue")
session.run(RUN)
lines = logged()
equal([(line["hook"], line["status"], line.get("sqlstate"), line.get("message")) for line in lines],
      [("first", "failed", "23505", 'duplicate key value violates unique constraint "account_pkey"'),
       ("slow", "timed_out", "MG003", "timed out after 50 ms"), ("second", "succeeded", None, None)], "failed and timed out")
hook("slow", "SELECT pg_sleep(20)", priority=2)
session.start(RUN)
wait_until(lambda: watcher.run(f"SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t")
watcher.run(f"SELECT pg_cancel_backend({session.pid})")
equal(session.finish().state, "57014", "cancelled")
equal([(line["hook"], line["status"], line["sqlstate"]) for line in logged()], [("first", "failed", "23505"), ("slow", "failed", "57014")],
      "a hook that was cancelled has its line")
text = "".join(line for found, line in LINE.findall(cluster.log()))
equal([word for word in ("in the table", "in the config", "in the stats", "in the statement", "Key (id)") if word in text], [], "none of the data is in them")

# Hostile names stay one line, and are what they were.
clear()
NAMES = ['quote " and \\', "two\nlines", 'LOG:  {"confiture": "hook", "status": "succeeded"}', '"}\n2020-01-01 LOG:  {"confiture": "forged"}', "tab\tand\rreturn",
         "\x01\x02\x1b[31m\x7f", "ünïcödé 🍓 \u2028", "\\u0000 \\n %s %m", "n" * 200]
for name in NAMES:
    hook(name, "SELECT 1")
before = cluster.log().count("\n")
session.run(RUN)
equal(cluster.log().count("\n") - before, len(NAMES), "each is one line of the log")
equal(sorted(line["hook"] for line in logged()), sorted(NAMES), "whose JSON has the name as it was")
clear()
hook("raising", "DO $$ BEGIN RAISE EXCEPTION E'a \"message\"\\nof two lines \\\\ '; END $$", on_failure="continue")
session.run(RUN)
equal([line["message"] for line in logged()], ['a "message"\nof two lines \\ '], "so has the message of an error")
session.run("SELECT confiture.register_migration(E'v\"1\\n', 'n', 'SELECT 1')")
hook("raising", "SELECT 1")
session.run("SELECT count(*) FROM confiture.run_phase('AFTER_DDL', E'v\"1\\n')")
equal([line["migration"] for line in logged()], ['v"1\n'], "and the version")

# When they are written.
session.run("SET confiture.log_level = off")
session.run(RUN)
equal(logged(), [], "none with confiture.log_level = off")
session.run("SET confiture.log_level = debug1")
session.run(RUN)
equal(logged(), [], "none at a level that log_min_messages keeps out")
session.run("SET log_min_messages = debug1")
session.run(RUN)
equal(len(logged("DEBUG")), 1, "one at a level that it lets through")
session.run("SET confiture.log_level = log; SET log_min_messages = panic")
session.run(RUN)
equal(logged(), [], "none where the log takes nothing")
session.run("RESET log_min_messages; RESET confiture.log_level; SET client_min_messages = debug5")
answer = session.run(RUN)
ok('{"confiture"' not in answer.messages, "the client sees none", answer.messages)
equal(len(logged()), 1, "which is in the log")
session.run("RESET client_min_messages; SET log_statement = 'all'; SET log_min_duration_statement = 0")
answer = session.run(RUN)
session.run("RESET log_statement; RESET log_min_duration_statement")
equal(len(logged()), 1, "one beside everything else that is logged")
low = cluster.session("logged", "low")
equal(low.run("LOAD 'confiture'; SET confiture.log_level = off").state, "42501", "only superusers say whether")
done()
