#!/usr/bin/env python3
"""docs/errors.md has every error that the code can raise, and each of them can be raised and has what the page promises."""
import re
from sessions import TOP, Cluster, done, equal, ok

page = (TOP / "docs" / "errors.md").read_text()
sources = [file.read_text() for folder in ("src", "scripts") for suffix in ("cpp", "hpp", "sql") for file in (TOP / folder).rglob(f"*.{suffix}")]
defined = dict(re.findall(r'constexpr sqlstate (\w+)\{"(\w+)"\}', (TOP / "src" / "pg" / "error.hpp").read_text()))
thrown = {name for text in sources for first in re.findall(r"\bfailure\s*(?:\w+\s*)?\{([^,{}]*),", text) for name in re.findall(r"\w+", first)
          if name in defined}
thrown |= {name for text in sources for name in re.findall(r"sqlstate = (\w+)\.code", text)} & set(defined)
raised = {defined[name] for name in thrown} | {code for text in sources for code in re.findall(r"ERRCODE\s*=\s*'(MG\d{3})'", text, re.I)}
raised_of_page = dict(re.findall(r"^\| \[(MG\d{3})\]\(#[\w-]+\) \| (\w+) \|", page, re.MULTILINE))
later_of_page = dict(re.findall(r"^\| (MG\d{3}) \| (\w+) \|$", page, re.MULTILINE))
sections = dict(re.findall(r"^## (MG\d{3}) (\w+)$", page, re.MULTILINE))

ok(len(thrown) > 5, "the code raises errors of its own", sorted(thrown))
equal(set(raised_of_page), raised, "the page has as raised what the code raises")
equal(sections, raised_of_page, "each of them has a section of its name")
equal({name: code for code, name in {**later_of_page, **raised_of_page}.items() if name in defined}, defined,
      "codes and names are those of src/pg/error.hpp")
equal(sorted({**later_of_page, **raised_of_page}), [f"MG{number:03}" for number in range(1, 19)], "no code is without a name")
ok(not set(later_of_page) & set(raised_of_page), "no code is in both tables")

cluster = Cluster()
cluster.database("errors", """
SELECT confiture.register_migration('1', 'one', 'SELECT 1');
SELECT confiture.register_hook_sql('failing', 'ON_ERROR', 'SELECT 1/0');
SELECT confiture.register_hook_sql('recursive', 'CLEANUP', 'SELECT * FROM confiture.run_phase(''CLEANUP'', ''1'')');
SELECT confiture.register_hook_sql('missing', 'BEFORE_DDL', 'SELECT * FROM absent');
SELECT confiture.register_hook_sql('slow', 'AFTER_DDL', 'SELECT pg_sleep(60)', timeout => '20 ms');
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by)
SELECT version, sort_key, name, 'forward', 'succeeded', checksum, now(), now(), current_user FROM confiture.migration""")
session, other = cluster.session("errors"), cluster.session("errors")
comments = cluster.sql("SELECT proname || ': ' || obj_description(oid, 'pg_proc') FROM pg_proc "
                       "WHERE pronamespace = 'confiture'::regnamespace", "errors")
equal(sorted(set(re.findall(r"MG\d{3}", comments)) - raised), [], "COMMENTs name only errors that are raised")

calls = {
    "MG001": ["dry_run_sql('SELECT 1/0', options => '{\"raise\": true}')", "dry_run_sql('CHECKPOINT', options => '{\"strict\": true}')"],
    "MG002": ["run_phase('ON_ERROR', '1')", "run_phase('CLEANUP', '1')", "run_phase('BEFORE_DDL', '1')", "set_stat('a', '1')"],
    "MG003": ["run_phase('AFTER_DDL', '1')"],
    "MG004": ["dry_run('2')", "plan('2')", "unregister_migration('2')", "trust('migration', '2')", "untrust('migration', '2')",
              "apply('2')", "revert('2')", "baseline('2')", "repair('1')"],
    "MG005": ["register_migration('2', 'two', 'SELEC 1')", "register_migration('', 'two', 'SELECT 1')", "load_migrations('nowhere')",
              "unregister_migration('1')", "dry_run_sql('COPY t FROM stdin')"],
    "MG006": ["register_migration('1', 'one', 'SELECT 2')"],
    "MG007": ["apply('1')"],
    "MG014": ["dry_run('1', 'backward')", "plan('1', 'backward')"],
    "MG016": ["dry_run('1', 'sideways')", "dry_run('1', iterations => 0)", "dry_run('1', options => '{\"fast\": true}')",
              "load_migrations('.', 'liquibase')", "trust('rule', '2')", "untrust('rule', '*')", "register_hook_sql('', 'CLEANUP', 'SELECT 1')",
              "register_hook_sql('h', NULL, 'SELECT 1')", "register_hook('h', 'CLEANUP', 'now()')", "unregister_hook('h')", "enable_hook('h', true)", "repair('1', 'perhaps')",
              "repair(verdict => 'done')"],
}


def check(code, answer, name):
    equal(answer.state, code, f"{code}: {name}")
    parts = dict(re.findall(r"^(?:ERROR:  MG\d{3}|(DETAIL|HINT)): ( *\S.*)", answer.messages, re.MULTILINE))
    ok("DETAIL" in parts or "HINT" in parts, f"{code}: {name}: says more than its message", answer.messages)
    equal(session.run("SELECT 1").value, "1", f"{code}: {name}: the session is usable")


for code, list_of_calls in calls.items():
    for call in list_of_calls:
        check(code, session.run(f"SELECT * FROM confiture.{call}"), call)
session.run("CREATE ROLE planter; GRANT USAGE ON SCHEMA confiture TO planter; "
            "GRANT EXECUTE ON FUNCTION confiture.register_migration TO planter; SET ROLE planter; "
            "SELECT confiture.register_migration('3', 'three', 'SELECT 1'); RESET ROLE")
for call in ("dry_run('3')", "dry_run_pending()"):
    check("MG017", session.run(f"SELECT * FROM confiture.{call}"), f"somebody else's: {call}")
other.run("BEGIN; SELECT FROM confiture.repair()")
session.run("SET confiture.migrator_wait = '50ms'")
answer = session.run("SELECT * FROM confiture.dry_run('1')")
check("MG008", answer, "beside another migrator")
ok(str(other.pid) in answer.messages, "MG008: the holder is named", answer.messages)
other.run("ROLLBACK")

session.run("SELECT confiture.unregister_hook(name) FROM confiture.hooks; SELECT confiture.unregister_migration('3');"
            "SELECT confiture.register_migration('4', 'four', 'CREATE TABLE four (id integer); VACUUM absent')")
check("MG010", session.run("SELECT * FROM confiture.apply('4')"), "a migration of several steps in one transaction")
session.run("BEGIN")
check_call = session.run("CALL confiture.up()")
session.run("ROLLBACK")
check("MG010", check_call, "CALL up() in a transaction")
check("MG016", session.run("CALL confiture.up(target => '4', steps => 1)"), "CALL up() both ways")
check("MG004", session.run("CALL confiture.up(target => '2')"), "CALL up() to what is not there")
session.run("CALL confiture.up()")
check("MG015", session.run("SELECT * FROM confiture.apply('4')"), "half of it is done")
check("MG015", session.run("CALL confiture.down()"), "CALL down() where one is half applied")
session.run("SELECT * FROM confiture.repair('4', 'abandon'); SELECT confiture.unregister_migration('4');"
            "SELECT confiture.register_migration('5', 'five', 'ALTER TABLE four ADD name text')")
other.run("BEGIN; LOCK TABLE four")
session.run("SET confiture.lock_timeout = '50ms'; SET confiture.lock_retries = 0")
answer = session.run("CALL confiture.up()")
check("MG009", answer, "a table that another session has locked")
ok(str(other.pid) in answer.messages, "MG009: the one who is in the way is named", answer.messages)
other.run("ROLLBACK")
session.run("SET confiture.max_lock_hold = '50ms'; SELECT confiture.register_migration('5', 'five', 'LOCK four; SELECT pg_sleep(20)', down => 'SELECT 1')")
check("MG018", session.run("CALL confiture.up()"), "a lock that is held too long")
equal(set(calls) | {"MG008", "MG009", "MG010", "MG015", "MG017", "MG018"}, raised, "every error was raised")
done()
