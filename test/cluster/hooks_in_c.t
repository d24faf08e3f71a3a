#!/usr/bin/env python3
"""Hooks named by library and symbol: what they are given and tell, how they fail, and which are not run at all."""
import shutil
from sessions import TOP, Cluster, done, equal, left_behind, ok, quoted, scratch_folder, wait_until

LIBRARY = TOP / "test/hook_extension/faulty_hooks.so"
if not ok(LIBRARY.exists(), "the library of the tests is built", "PARTS=build test/run builds it"):
    done()
cluster = Cluster()
cluster.database("shop", "CREATE TABLE written (what text)", "CREATE TABLE packed (document jsonb)", """
INSERT INTO packed VALUES ('{"packed": true}');
CREATE ROLE runner LOGIN;
CREATE ROLE lapsed LOGIN SUPERUSER;
CREATE ROLE planter LOGIN;
GRANT USAGE ON SCHEMA confiture TO runner, planter;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO runner, planter;
GRANT SELECT ON confiture.hooks TO runner, planter;
SELECT confiture.register_migration('1', 'one', 'CREATE TABLE one (id int); INSERT INTO one VALUES (1), (2)')""")
session, other = cluster.session("shop"), cluster.session("shop")
PHASE = "SELECT status, rows_affected, stats, error FROM confiture.run_phase('AFTER_DDL', '1')"


def register(symbol, library=LIBRARY, by=session, more=""):
    by.run("SELECT confiture.unregister_hook(name) FROM confiture.hooks")
    return by.run(f"SELECT confiture.register_hook_library('the hook', 'AFTER_DDL', '{library}', '{symbol}'{more})")


def written():
    return session.run("SELECT what FROM written").rows


# ---- what it is given ----

equal(register("tell", more=", config => '{\"a\": [1]}'").messages, "", "a hook of a C++ library is registered")
told = session.run("SELECT stats FROM confiture.run_phase('AFTER_DDL', '1')").json()
CONTEXT = {"migration_version": "1", "migration_name": "one", "direction": "forward", "phase": "AFTER_DDL", "config": {"a": [1]},
           "stats": {}, "error": None, "dry_run": False, "rows_affected": 0, "timed": False}
equal(told, CONTEXT, "run_phase: it sees its context")
session.run("SELECT confiture.register_hook_sql('first', 'BEFORE_DDL', $$SELECT confiture.set_stat('shared', '7')$$)")
hooks = session.dry_run("CREATE TABLE one (id int); INSERT INTO one VALUES (1), (2)").json()["stats"]["hooks"]
equal(hooks[-1]["stats"], {**CONTEXT, "migration_version": None, "migration_name": "script", "dry_run": True, "stats": {"shared": 7},
                           "rows_affected": 2, "timed": True}, "dry run: it sees its context, the shared stats and a null version")
register("tell")
session.run("UPDATE confiture.hook SET phase = 'ON_ERROR'")
hooks = session.dry_run("SELECT 1 / 0").json()["stats"]["hooks"]
equal((hooks[-1]["stats"]["error"]["sqlstate"], hooks[-1]["stats"]["phase"], hooks[-1]["stats"]["config"]), ("22012", "ON_ERROR", {}),
      "dry run: it sees the error of the run")

# ---- what it tells ----

register("tell_nothing")
equal(session.run(PHASE).rows, ["succeeded|||"], "a hook that tells nothing")
register("packed_stats")
equal(session.run(PHASE).rows, ['succeeded||{"packed": true}|'], "stats with the short header that they have in a table")
register("leave_open")
answer = session.run(PHASE)
equal(answer.rows, ["succeeded|7||"], "a hook that cleans up nothing")
equal(written(), ["left open"], "a hook that cleans up nothing: what it wrote is there")
equal(session.run("SELECT count(*) FROM confiture.run_phase('AFTER_DDL', '1')").value, "1", "a hook that cleans up nothing: it runs again")
session.run("TRUNCATE written; GRANT INSERT ON written TO runner")
lender = cluster.session("shop", "runner")
equal(lender.run(PHASE + "; SELECT current_user; CREATE ROLE stolen").rows, ["succeeded|7||", "runner"], "rights that a hook took: nobody keeps them")
equal(session.run("SELECT count(*) FROM pg_roles WHERE rolname = 'stolen'").value, "0", "rights that a hook took: what comes after has them not")
session.run("TRUNCATE written")

# ---- how it fails ----

register("raise_everything")
answer = session.run(PHASE)
equal(answer.state, "MG002", "an ERROR: it becomes a HookError")
for line in ('hook "the hook" failed in phase AFTER_DDL: own message', "DETAIL:  SQLSTATE 23514: Own detail.", "HINT:  Own hint.",
             "SCHEMA NAME:  own_schema", "TABLE NAME:  own_table", "COLUMN NAME:  own_column", "DATATYPE NAME:  own_type",
             "CONSTRAINT NAME:  own_constraint"):
    ok(line in answer.messages, f"an ERROR: it keeps {line.split(':')[0]}", answer.messages)
GONE_ON = (("raise_everything", "23514", "own message"), ("throw_exception", "38000", "thrown away"),
           ("throw_number", "38000", "unknown C++ exception"), ("spin", "MG003", "timed out after 200 ms"))
for symbol, state, message in GONE_ON:
    register(symbol, more=", on_failure => 'continue', timeout => '200ms'")
    before = left_behind(session)
    answer = session.run(PHASE)
    error = answer.rows[0].split("|", 3) if answer.rows else []
    ok(error[:3] == ["timed_out" if symbol == "spin" else "failed", "", ""] and f'"sqlstate": "{state}"' in error[3] and f'"message": "{message}"' in error[3],
       f"{symbol}, on_failure continue: told as a row", repr(answer))
    equal(written(), [], f"{symbol}: what it wrote is undone with its savepoint")
    equal(left_behind(session), before, f"{symbol}: nothing is left behind")
    result = session.dry_run("INSERT INTO written VALUES ('by the script')").json()
    equal((result["success"], result["rows_affected"], result["stats"]["hooks"][0]["error"]["sqlstate"]), (True, 1, state),
          f"{symbol}, on_failure continue: a dry run goes on")
    register(symbol, more=", timeout => '200ms'")
    result = session.dry_run("INSERT INTO written VALUES ('by the script')").json()
    equal((result["success"], result["stats"]["error"]["sqlstate"]), (False, "MG003" if symbol == "spin" else "MG002"),
          f"{symbol}, on_failure abort: a dry run fails")
answer = session.run(PHASE)
ok(answer.state == "MG003" and 'hook "the hook" timed out in phase AFTER_DDL' in answer.messages and 0.15 < answer.seconds < 5,
   "a timeout: through CHECK_FOR_INTERRUPTS()", repr(answer))

# Sleeps.
for symbol in ("sleep_long", "sleep_by_helper"):
    register(symbol)
    answer = session.run("BEGIN; SELECT FROM confiture.apply('1'); SELECT execution_time_ms >= 690 FROM confiture.hook_run ORDER BY id DESC LIMIT 1; ROLLBACK")
    equal(answer.value, "t", f"{symbol}: applying does not cut its sleep short")
result = session.dry_run("SELECT 1").json()
ok(result["stats"]["hooks"][0]["execution_time_ms"] >= 690, "ConfitureHookSleep(): a dry run does not cut it short", result["stats"]["hooks"])

# A user's cancel is nobody's timeout.
register("spin", more=", timeout => '30s', on_failure => 'continue'")
session.start(PHASE)
BUSY = f"SELECT state = 'active' AND query ~ 'run_phase' AND backend_xid IS NOT NULL FROM pg_stat_activity WHERE pid = {session.pid}"
ok(wait_until(lambda: other.run(BUSY).value == "t"), "it runs")
other.run(f"SELECT pg_cancel_backend({session.pid})")
answer = session.finish()
ok(answer.state == "57014" and "user request" in answer.messages, "a cancel ends it as a cancel", repr(answer))
session.run("SET statement_timeout = '200ms'")
answer = session.run(PHASE)
ok(answer.state == "57014" and "statement timeout" in answer.messages, "statement_timeout ends it as itself", repr(answer))
session.run("RESET statement_timeout")
equal(written(), [], "a cancel: what it wrote is undone")

register("throw_over_a_cancel", more=", timeout => '30s', on_failure => 'continue'")
for how, statement in (("run_phase()", PHASE), ("apply()", "SELECT confiture.apply('1')")):
    session.start(statement)
    ok(wait_until(lambda: other.run(BUSY.replace("run_phase", "run_phase|apply")).value == "t"), f"{how}: it runs")
    other.run(f"SELECT pg_cancel_backend({session.pid})")
    answer = session.finish()
    ok(answer.state == "57014" and "user request" in answer.messages, f"{how}: a hook that throws over a cancel ends by the cancel all the same", repr(answer))
equal((written(), session.run("SELECT count(*) FROM confiture.history").value), ([], "0"), "nothing of it is left")

# ---- which way it runs ----

register("tell", more=", direction => 'backward'")
equal([session.run(PHASE.replace("'1')", f"'1', '{way}')")).rows and way for way in ("forward", "backward")], [[], "backward"], "a hook of the way back runs there alone")
equal(session.run("SELECT direction FROM confiture.hooks").value, "backward", "the view has it")
register("tell")

# ---- what is no hook ----

for symbol, library, state, message in (
        ("absent", LIBRARY, "MG016", f'library "{LIBRARY}" has no hook "absent"\nDETAIL:  It has no function of that name.'),
        ("undeclared", LIBRARY, "MG016", f'library "{LIBRARY}" has no hook "undeclared"\nDETAIL:  It has a function of that name, '
         "but it is not declared as a hook.\nHINT:  Declare it with CONFITURE_HOOK(undeclared) of confiture_hook.h."),
        ("of_the_future", LIBRARY, "MG016", f'hook "of_the_future" of library "{LIBRARY}" was built for another version of confiture\n'
         "DETAIL:  It has version 2 of confiture_hook.h; this server has 1.\nHINT:  Build the library again."),
        ("tell", "$libdir/absent", "58P01", 'could not access file "absent": No such file or directory'),
        ("tell", TOP / "README.md", "XX000", "could not load library"),
        ("", LIBRARY, "MG016", "has no hook")):
    answer = register(symbol, library)
    # PostgreSQL 18 leaves $libdir out.
    ok(answer.state == state and message in answer.messages.replace("$libdir/", ""), f"{symbol or 'no symbol'} of {str(library).rpartition('/')[2]}: refused",
       answer.messages)
equal(session.run("SELECT count(*) FROM confiture.hook").value, "0", "none of them was registered")
for arguments, missing in (("NULL, 'tell'", "library"), (f"'{LIBRARY}', NULL", "symbol")):
    answer = session.run(f"SELECT confiture.register_hook_library('the hook', 'AFTER_DDL', {arguments})")
    ok(answer.state == "MG016" and f"{missing} of a hook must not be null" in answer.messages, f"a null {missing}: refused", answer.messages)

# What was a hook when it was registered, and is none when it runs.
copy = scratch_folder() / "copy.so"
shutil.copy(LIBRARY, copy)
copy.chmod(0o755)
register("tell", copy)
copy.unlink()
equal(session.run("SELECT status FROM confiture.run_phase('AFTER_DDL', '1')").value, "succeeded", "its library is gone: where it is loaded, it runs")
answer = cluster.session("shop").run(PHASE)
ok(answer.state == "MG002" and f'could not access file "{copy}": No such file or directory' in answer.messages and "SQLSTATE 58P01" in answer.messages,
   "its library is gone: another session says so", answer.messages)
for symbol, message in (("absent", 'has no hook "absent"'), ("undeclared", "is not declared as a hook"), ("of_the_future", "was built for another version")):
    session.run(f"UPDATE confiture.hook SET library = {quoted(str(LIBRARY))}, symbol = '{symbol}'")
    answer = session.run(PHASE)
    ok(answer.state == "MG002" and message in answer.messages and "SQLSTATE MG016" in answer.messages, f"{symbol}: refused when it runs", answer.messages)

# ---- whose it is ----

planter, runner, lapsed = (cluster.session("shop", role) for role in ("planter", "runner", "lapsed"))
CALL = f"SELECT confiture.register_hook_library('planted', 'AFTER_DDL', '{LIBRARY}', 'tell')"
answer = planter.run(CALL)
ok(answer.state == "MG016" and "only superusers may register a hook by its library" in answer.messages, "no superuser: no C hook", answer.messages)
planter.run("CREATE FUNCTION pg_temp.planted() RETURNS void LANGUAGE sql AS $$" + CALL + "$$")
equal(planter.run("SELECT pg_temp.planted()").state, "MG016", "no superuser: none by a function either")
register("tell")
equal(runner.run("SELECT status FROM confiture.run_phase('AFTER_DDL', '1')").value, "succeeded", "a superuser's C hook runs for everybody")
equal(runner.run("SELECT state FROM confiture.hooks").value, "ready", "a superuser's C hook is ready for everybody")
register("tell", by=lapsed)
equal(session.run("SELECT registered_by FROM confiture.hooks").value, "lapsed", "another superuser's")
session.run("ALTER ROLE lapsed NOSUPERUSER; GRANT USAGE ON SCHEMA confiture TO lapsed; GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO lapsed")
for name, by in (("a superuser", session), ("anybody", runner), ("himself", lapsed)):
    answer = by.run(PHASE)
    ok(answer.state is None and 'hook "the hook" is not trusted' in answer.messages and
       'DETAIL:  It was registered by role "lapsed", who is no superuser.' in answer.messages and
       "HINT:  Have a superuser register it" in answer.messages, f"its registrar lost that right: skipped for {name}", answer.messages)
equal(runner.run("SELECT state FROM confiture.hooks").value, "untrusted", "its registrar lost that right: untrusted")
answer = session.run("SELECT confiture.trust('hook', 'the hook')")
ok(answer.state == "MG016" and 'hook "the hook" is a C function' in answer.messages, "trust() does not count for it", answer.messages)
equal(session.run("SELECT confiture.trust('hook', '*')").value, "0", "trust() of all passes it over")
session.run("DROP OWNED BY lapsed; DROP ROLE lapsed")
answer = session.run(PHASE)
ok(answer.state is None and 'It was registered by role "lapsed", which no longer exists.' in answer.messages, "its registrar is gone: skipped", answer.messages)
equal(register("tell").messages, "", "a superuser registers it again")
equal(session.run("SELECT status FROM confiture.run_phase('AFTER_DDL', '1')").value, "succeeded", "it runs again")
ok("PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "the server was well throughout")
done()
