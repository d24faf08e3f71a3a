#!/usr/bin/env python3
"""Where PostgreSQL's errors meet C++: what an error says comes through unchanged, and everything in its way is destroyed."""
import os
import pathlib
import re
from sessions import TOP, Cluster, done, equal, note, ok, quoted, scratch_folder, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()

FUNCTIONS = """
plain(text) RETURNS void
pass(text, text) RETURNS void
wrap(text) RETURNS void
caught(text) RETURNS text[]
hold(text) RETURNS void
spin() RETURNS void
witnesses() RETURNS text
trace(text) RETURNS void
throw(text) RETURNS void
catch(text, int) RETURNS text
copy(int) RETURNS text
raise(int) RETURNS text
memory() RETURNS bigint
"""
cluster = Cluster()
cluster.sql("CREATE SCHEMA border")
for line in FUNCTIONS.split("\n")[1:-1]:
    name = line.split("(")[0]
    cluster.sql(f"CREATE FUNCTION border.{line} LANGUAGE C STRICT AS '{LIBRARY}', 'confiture_border_{name}'")
cluster.sql("""
CREATE SCHEMA shop;
CREATE DOMAIN shop.price AS int CONSTRAINT not_negative CHECK (value >= 0);
CREATE TABLE shop.parent (id int CONSTRAINT parent_key PRIMARY KEY);
CREATE TABLE shop.orders (id int CONSTRAINT orders_key PRIMARY KEY, amount int NOT NULL CHECK (amount < 1000),
                          parent int CONSTRAINT orders_parent REFERENCES shop.parent);
INSERT INTO shop.orders VALUES (1, 1);
CREATE FUNCTION shop.outer_one() RETURNS void LANGUAGE plpgsql AS 'BEGIN PERFORM shop.inner_one(); END';
CREATE FUNCTION shop.inner_one() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE EXCEPTION 'own message' USING ERRCODE = 'XX123', DETAIL = 'Own detail.', HINT = 'Own hint.', SCHEMA = 'own schema',
    TABLE = 'own table', COLUMN = 'own column', CONSTRAINT = 'own constraint', DATATYPE = 'own type';
END $$;
""")
session, watcher = cluster.session(), cluster.session()


def usable(name):
    equal(session.run("SELECT count(*) FROM shop.orders").value, "1", f"{name}: the session is usable")


# ---- what an error says ----

# Each, and what must be told of it besides what the plain way tells: that the plain way tells it at all.
ERRORS = {
    "a raised error with every field": ("SELECT shop.outer_one()", r"XX123: own message.*DETAIL:  Own detail\..*HINT:  Own hint\."
        r".*CONTEXT:  PL/pgSQL function shop.inner_one\(\) line 2 at RAISE\nSQL statement \"SELECT shop.inner_one\(\)\"\n"
        r"PL/pgSQL function shop.outer_one\(\).*SCHEMA NAME:  own schema\nTABLE NAME:  own table\nCOLUMN NAME:  own column\n"
        r"DATATYPE NAME:  own type\nCONSTRAINT NAME:  own constraint\nLOCATION:  exec_stmt_raise, pl_exec.c:\d+"),
    "a unique violation": ("INSERT INTO shop.orders VALUES (1, 2)", r"23505.*DETAIL:  Key \(id\)=\(1\) already exists.*SCHEMA NAME:  shop\n"
        r"TABLE NAME:  orders\nCONSTRAINT NAME:  orders_key\nLOCATION:  \w+, nbtinsert.c:\d+"),
    "a null where none may be": ("INSERT INTO shop.orders VALUES (2, NULL)", "23502.*COLUMN NAME:  amount\nLOCATION:  \\w+, execMain.c:"),
    "a foreign key violation": ("INSERT INTO shop.orders VALUES (2, 1, 7)", "23503.*CONSTRAINT NAME:  orders_parent\nLOCATION:  \\w+, ri_triggers.c:"),
    "a domain's constraint": ("SELECT (-1)::shop.price", "23514.*DATATYPE NAME:  price\nCONSTRAINT NAME:  not_negative\nLOCATION:"),
    "a syntax error": ("SELECT 1 +", r"42601: syntax error at end of input\nLINE 1: SELECT 1 \+\n.*\^.*QUERY:  SELECT 1 \+.*scan.l"),
    "a name that is not there": ("SELECT amuont FROM shop.orders", r'42703.*HINT:  Perhaps you meant.*"orders.amount"'),
    "an error in a function's text": ("DO $$ BEGIN PERFORM 1 / 0; END $$", "22012.*PL/pgSQL function inline_code_block line 1 at PERFORM"),
}
WAYS = ["untouched", "thrown on", "in a savepoint", "in three savepoints", "kept for later"]
for name, (statement, told) in ERRORS.items():
    plain = session.run(f"SELECT border.plain({quoted(statement)})").messages
    ok(re.search(told, plain, re.DOTALL), f"{name}: as the server tells it", plain)
    for way in WAYS:
        equal(session.run(f"SELECT border.pass({quoted(statement)}, {quoted(way)})").messages.replace("border.pass", "border.plain"),
              plain, f"{name}: all of it comes through, {way}")
    # C++ over SQL over C++.
    inside = f"SELECT border.pass({quoted(statement)}, 'in a savepoint')"
    nested = session.run(f"SELECT border.pass({quoted(inside)}, 'thrown on')").messages
    inside = f"SELECT border.plain({quoted(statement)})"
    plain = session.run(f"SELECT border.plain({quoted(inside)})").messages
    equal(nested.replace("border.pass", "border.plain").replace(", 'in a savepoint'", ""), plain, f"{name}: and through it twice")
usable("errors that passed")

# A failure in the place of an error keeps what describes it, but neither its position nor its place in the server.
for name, (statement, told) in ERRORS.items():
    call = "SELECT border.{way}(" + quoted(statement) + ")"
    for where, text in (("", call), (" in a function", "DO $do$ BEGIN EXECUTE " + quoted(call) + "; END $do$")):
        plain = session.run(text.format(way="plain")).messages
        kept = re.sub(r"\nLINE 1: .*\n.*\^|\nQUERY:  .*|\nLOCATION: .*", "", plain)
        wrapped = session.run(text.format(way="wrap")).messages
        equal(re.sub(r"\nLOCATION: .*", "", wrapped).replace("border.wrap", "border.plain"),
              re.sub(r"^ERROR:  \w{5}: ", "ERROR:  MG002: wrapped: ", kept), f"{name}{where}: what a failure in its place keeps")
usable("failures in the place of errors")
equal(session.run("SELECT border.throw('a full failure')").messages.count("x" * 1000), 6, "a failure can have every field")

caught = session.run("SELECT array_to_json(border.caught('SELECT shop.outer_one()'))").json()
equal(caught[:4] + caught[5:12], ["XX123", "own message", "Own detail.", "Own hint.", "own schema", "own table", "own column",
                                  "own constraint", "own type", "", "0"], "C++ reads the fields of an error")
ok(caught[4].startswith("PL/pgSQL function shop.inner_one() line 2 at RAISE\n") and caught[4].endswith('SQL statement "SELECT shop.outer_one()"'),
   "C++ reads its context", caught[4])
ok(re.fullmatch(r"exec_stmt_raise \S*pl_exec\.c \d+", caught[12]), "C++ reads its place in the server", caught[12])
caught = session.run("SELECT array_to_json(border.caught('SELECT 1 + nothing'))").json()
equal([caught[0], caught[10], caught[11]], ["42703", "SELECT 1 + nothing", "12"], "C++ reads the position of an error in its text")

# ---- what is destroyed ----

ALL = "8 8"  # constructed, destroyed: two in each of four frames
session.run("SELECT border.witnesses()")
equal(session.run("SELECT border.hold('SELECT 1')").messages, "", "without an error: nothing is complained of")
equal(session.run("SELECT border.witnesses()").value, ALL, "without an error: everything is destroyed")
equal(session.run("SELECT border.hold('SELECT 1 / 0')").state, "22012", "an ERROR comes through the frames")
equal(session.run("SELECT border.witnesses()").value, ALL, "on an ERROR: everything is destroyed")
session.run("SELECT border.hold('SELECT border.hold(''SELECT 1 / 0'')')")
equal(session.run("SELECT border.witnesses()").value, "16 16", "on an ERROR two calls deep: everything is destroyed")


def asleep(kind="PgSleep"):
    return watcher.run(f"SELECT wait_event = '{kind}' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t"


def running():
    return watcher.run(f"SELECT query ~ 'border.spin' AND state = 'active' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t"


SLEEPING, SPINNING = "SELECT border.hold('SELECT pg_sleep(40)')", "SELECT border.hold('SELECT border.spin()')"
for where, statement, begun, count in (("inside the server", SLEEPING, asleep, "8 8"), ("in a loop of C++", SPINNING, running, "9 9")):
    session.start(statement)
    ok(wait_until(begun, 20), f"{where}: it runs")
    watcher.run(f"SELECT pg_cancel_backend({session.pid})")
    answer = session.finish(20)
    ok(answer.state == "57014" and "user request" in answer.messages, f"a cancel {where} comes through", repr(answer))
    equal(session.run("SELECT border.witnesses()").value, count, f"on a cancel {where}: everything is destroyed")
    session.run("SET statement_timeout = '200ms'")
    answer = session.run(statement, 20)
    session.run("RESET statement_timeout")
    ok(answer.state == "57014" and "statement timeout" in answer.messages, f"statement_timeout {where} comes through", repr(answer))
    equal(session.run("SELECT border.witnesses()").value, count, f"on statement_timeout {where}: everything is destroyed")
session.run("BEGIN; LOCK shop.parent")
watcher.run("SET lock_timeout = '100ms'")
equal(watcher.run("SELECT border.hold('LOCK shop.parent')").state, "55P03", "lock_timeout comes through")
equal(watcher.run("SELECT border.witnesses()").value, ALL, "on lock_timeout: everything is destroyed")
session.run("ROLLBACK")
usable("interrupts")

# FATAL ends the process from where it stands, as the server means it: the server's own exit gives back what is shared, and
# no frame is unwound on the way.
trace = scratch_folder() / "destroyed"
trace.parent.chmod(0o777)
for where, statement, begun in (("inside the server", SLEEPING, asleep), ("in a loop of C++", SPINNING, running)):
    trace.unlink(missing_ok=True)
    session.run(f"SELECT border.trace('{trace}')")
    session.run("SELECT border.hold('SELECT 1 / 0')")
    equal(trace.read_text().count("destroyed"), 8, f"{where}: what is destroyed leaves a trace")
    trace.unlink()
    session.run("BEGIN; LOCK shop.orders; SELECT pg_advisory_lock(1)")
    session.start(statement)
    ok(wait_until(begun, 20), f"{where}: it runs again")
    watcher.run(f"SELECT pg_terminate_backend({session.pid})")
    answer = session.finish(20)
    ok(answer.lost and answer.state == "57P01", f"a termination {where} ends the session as itself", repr(answer))
    ok(wait_until(lambda: not os.path.exists(f"/proc/{session.pid}"), 20), f"a termination {where}: the process ends")
    ok(not trace.exists(), f"a termination {where}: no frame is unwound")
    equal(watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {session.pid}").value, "0", f"a termination {where}: no lock is left")
    session = cluster.session()
equal(watcher.run("SELECT 1").value, "1", "a termination: the other sessions live")
ok(not re.search("PANIC|terminated by signal|exited with exit code [^1]|terminate called", cluster.log()),
   "a termination: the server is well")

# ---- memory ----


def private_kilobytes():
    return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{session.pid}/status").read_text())[1])


for what, count in (("an ERROR", 100_000), ("an ERROR outside of savepoints", 100_000), ("the ERROR of a statement", 100_000), ("a failure", 100_000),
                    ("a full failure", 100_000), ("an oversized palloc", 100_000), ("a number", 100_000), ("an error too long to copy", 20)):
    session.run(f"SELECT border.catch('{what}', 1000)" if count > 1000 else f"SELECT border.catch('{what}', 10)")
    first = private_kilobytes()
    answer = session.run(f"SELECT border.catch('{what}', {count})", 200)
    equal(answer.value, "0", f"caught {count} times, {what}: no byte is left in the memory contexts")
    last = private_kilobytes()
    note(f"{what}: private memory {first} kB before, {last} kB after, {answer.seconds:.1f} s")
    ok(last - first < 512, f"caught {count} times, {what}: the process does not grow", f"{first} kB, {last} kB")

# Raised to the server, which catches it.
for what in ("'SELECT border.throw(''a full failure'')'", "'SELECT 1 / 0'"):
    loop = ("DO $$ BEGIN FOR i IN 1..{} LOOP BEGIN PERFORM border.hold(" + what + "); RAISE 'nothing was thrown'; "
            "EXCEPTION WHEN SQLSTATE 'MG005' OR division_by_zero THEN END; END LOOP; RAISE NOTICE '%', border.memory(); END $$")
    session.run(loop.format(1000))
    first, kilobytes = session.run(loop.format(1000)), private_kilobytes()
    last = session.run(loop.format(50_000))
    growth = int(last.notices[0]) - int(first.notices[0])
    note(f"raised {what}: {growth} bytes more after 50000 than after 1000, private memory {private_kilobytes() - kilobytes} kB more")
    equal(growth, 0, f"raised 50000 times, {what}: no byte is left in the memory contexts")
    ok(private_kilobytes() - kilobytes < 512, f"raised 50000 times, {what}: the process does not grow")
usable("many errors")

# ---- what is no error of PostgreSQL's ----

for what, state, message in (
        ("a number", "XX000", r"unknown C\+\+ exception"),
        ("a number inside call", "XX000", r"unknown C\+\+ exception"),
        ("a failure", "MG005", r"message\nDETAIL:  Detail\.\nHINT:  Hint\."),
        ("bad_alloc", "53200", "out of memory"),
        ("an oversized string", "53200", "out of memory"),
        ("a length_error", "54000", "size limit exceeded\nDETAIL:  basic_string::.*"),
        ("an oversized palloc", "XX000", "invalid memory alloc request size 1073741824"),
        ("an oversized block of a memory_context", "53200", "out of memory"),
        ("a block beyond every size", "53200", "out of memory"),
        ("a full vector of a memory_context", "53200", "out of memory"),
        ("an error too long to copy", "53200", "out of memory")):
    session.run("SELECT border.witnesses()")
    answer = session.run(f"SELECT border.throw('{what}')")
    ok(re.fullmatch(f"ERROR:  {state}: {message}\nLOCATION:  .*", answer.messages), f"{what} becomes an ERROR", answer.messages)
    equal(session.run("SELECT border.witnesses()").value, "1 1", f"{what}: everything is destroyed")
    usable(what)
    session.run("BEGIN; SAVEPOINT here")
    session.run(f"SELECT border.throw('{what}')")
    session.run("ROLLBACK TO here")
    equal(session.run("SELECT 'usable'").value, "usable", f"{what}: the transaction goes on after a savepoint")
    session.run("ROLLBACK")

# An ERROR of 120 MB: raised with 252 MB to spare it cannot be copied, with 500 MB it can.
equal(session.run("SELECT border.copy(252)").value, "bad_alloc", "no memory to copy an error: it is a bad_alloc")
equal(session.run("SELECT border.copy(500)").value, "22000 41943039", "enough memory: it is that error")
usable("no memory to copy an error")

# A failure of 180 MB, raised with more and more memory to spare.
outcomes = []
for megabytes in range(100, 1500, 100):
    outcomes.append(session.run(f"SELECT border.raise({megabytes})").value)
    usable(f"{megabytes} MB to raise a failure in")
note(", ".join(outcomes))
ok(set(outcomes) <= {"bad_alloc", "53200 0", "MG005 0", f"MG005 {20 << 20}"}, "little memory to raise a failure: it comes, or that there is none", outcomes)
ok(outcomes[0] != outcomes[-1] == f"MG005 {20 << 20}", "enough memory: it comes whole", outcomes)
ok("TRAP" not in cluster.log() and "PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "the server is well")
done()
