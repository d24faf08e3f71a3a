#!/usr/bin/env python3
"""An extension that brings hooks along, through its life: installed, run, dumped, updated, dropped, installed again."""
from installations import folder_of, inside, scratch_installation
from sessions import TOP, Cluster, done, equal, ok, scratch_folder

SAMPLE = TOP / "test/hook_extension"
if not ok((SAMPLE / "hook_extension.so").exists(), "the sample extension is built", "PARTS=build test/run builds it"):
    done()
root = scratch_installation(SAMPLE)
ok(not (folder_of("sharedir") / "extension/hook_extension.control").exists(), "it is not installed beside the extensions of this machine")
cluster = Cluster()

MIGRATION = "SELECT confiture.register_migration('1', 'orders', 'CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2)')"
cluster.database("shop", "CREATE EXTENSION hook_extension VERSION '1.0'", MIGRATION)
session = cluster.session("shop")
HOOKS = "SELECT name, phase, kind, function, priority, state, extension, registered_by FROM confiture.hooks"
ON_VERSION_1 = [
    "hook_extension:count_tables|BEFORE_DDL|function|hook_extension.count_tables(confiture.hook_context)|100|ready|hook_extension|postgres",
    "hook_extension:journal|AFTER_DDL|library|$libdir/hook_extension:journal|100|ready|hook_extension|postgres"]
ON_VERSION_1_1 = [
    "hook_extension:count_indexes|AFTER_DDL|function|hook_extension.count_indexes(pg_catalog.jsonb)|100|ready|hook_extension|postgres",
    "hook_extension:journal|AFTER_DDL|library|$libdir/hook_extension:journal|900|ready|hook_extension|postgres"]
equal(session.run(HOOKS).rows, ON_VERSION_1, "installed: both hooks are there, and whose they are")
equal(session.run("SELECT * FROM confiture.available_hooks WHERE extension = 'hook_extension'").rows,
      ["hook_extension.count_tables(confiture.hook_context)|confiture.hook_context|jsonb|sql|hook_extension|postgres|t"
       "|Tells how many tables there are."], "installed: the one in SQL is found by its signature")

# ---- they run ----

PHASE = "SELECT hook_name, rows_affected, stats, status, error FROM confiture.run_phase('{}', '1')"
JOURNAL = "SELECT migration, phase, dry_run, note FROM hook_extension.journal"
TABLES = int(session.run("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text !~ '^(pg_|inf)'").value)
equal(session.run(PHASE.format("BEFORE_DDL")).rows, [f'hook_extension:count_tables||{{"tables": {TABLES}}}|succeeded|'],
      "run_phase: the hook in SQL")
equal(session.run(PHASE.format("AFTER_DDL")).rows, ['hook_extension:journal|1|{"rows_of_migration": 0}|succeeded|'], "run_phase: the hook in C")
equal(session.run(JOURNAL).rows, ["orders|AFTER_DDL|f|"], "run_phase: what it wrote is there")
equal(session.run("SELECT phase, hook_name, status, rows_affected FROM confiture.hook_run").rows,
      ["BEFORE_DDL|hook_extension:count_tables|succeeded|", "AFTER_DDL|hook_extension:journal|succeeded|1"], "run_phase: both runs are kept")


def dry_run(script=None):
    call = f"confiture.dry_run_sql('{script}')" if script else "confiture.dry_run('1')"
    return session.run(f"SELECT to_jsonb(r) FROM {call} r").json()


def hooks_of(result):
    return [(hook["hook_name"], hook["status"], hook.get("stats"), (hook.get("error") or {}).get("message")) for hook in result["stats"]["hooks"]]


result = dry_run()
equal((result["success"], result["rows_affected"]), (True, 3), "dry run: the rows of the migration and of its hooks")
equal(hooks_of(result), [("hook_extension:count_tables", "succeeded", {"tables": TABLES}, None),
                         ("hook_extension:journal", "succeeded", {"rows_of_migration": 2}, None)], "dry run: both run")
ok("hook_extension.journal" in result["locked_tables"], "dry run: what the hook in C locked is seen", result["locked_tables"])
equal(session.run(JOURNAL).rows, ["orders|AFTER_DDL|f|"], "dry run: what it wrote is gone with the rest")

# Its config is wrong.
session.run("UPDATE confiture.hook SET config = '{\"note\": 1}' WHERE name = 'hook_extension:journal'")
answer = session.run(PHASE.format("AFTER_DDL"))
ok(answer.state == "MG002" and 'hook "hook_extension:journal" failed in phase AFTER_DDL: "note" must be a text' in answer.messages
   and 'DETAIL:  SQLSTATE 22023: The config is {"note": 1}.' in answer.messages and "HINT:  Register the hook again." in answer.messages,
   "a config that the hook in C refuses", answer.messages)
session.run("UPDATE confiture.hook SET config = '{}' WHERE name = 'hook_extension:journal'")

# ---- whose rows they are ----

answer = session.run("SELECT confiture.register_hook_sql('hook_extension:journal', 'CLEANUP', 'SELECT 1')")
ok(answer.state == "MG016" and 'hook "hook_extension:journal" belongs to extension "hook_extension"' in answer.messages,
   "nobody replaces a hook of an extension that is there", answer.messages)
session.run("SELECT confiture.register_hook_sql('mine', 'CLEANUP', 'SELECT 1')")

# ---- dumped and restored ----

folder = scratch_folder()
for form in ("plain", "custom"):
    file = folder / form
    cluster.program("pg_dump", "-d", "shop", "-F", form, "-f", file)
    if form == "plain":
        equal([line.split("\t")[0] for line in file.read_text().split("COPY confiture.hook ")[1].split("\\.")[0].splitlines()[1:]], ["mine"],
              "a dump has the user's hook alone")
    cluster.sql(f"CREATE DATABASE {form}")
    restored = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", form, "-f", file) if form == "plain" \
        else cluster.program("pg_restore", "--exit-on-error", "-d", form, file)
    equal((restored.returncode, restored.stderr), (0, ""), f"{form}: it restores")
    # CREATE EXTENSION of a dump takes the newest version.
    equal(cluster.sql(HOOKS, form).splitlines(), ON_VERSION_1_1 + ["mine|CLEANUP|statement||100|ready||postgres"],
          f"{form}: the extension brings its hooks back, once")
    equal(cluster.sql("SELECT success FROM confiture.dry_run('1')", form), "t", f"{form}: they run there")

# ---- updated ----

session.run("SELECT confiture.enable_hook('hook_extension:journal', false)")
equal(session.run("ALTER EXTENSION hook_extension UPDATE").messages, "", "it is updated")
session.run("SELECT confiture.unregister_hook('mine')")
equal(session.run(HOOKS).rows, ON_VERSION_1_1, "updated: one hook is gone, one is replaced, one is new")
equal(session.run("SELECT enabled, timeout, config FROM confiture.get_hook('hook_extension:journal')").rows,
      ['f|00:00:10|{"note": "by version 1.1"}'], "updated: what was turned off stays off")
session.run("SELECT confiture.enable_hook('hook_extension:journal', true); TRUNCATE hook_extension.journal")
session.run(PHASE.format("AFTER_DDL"))
equal(session.run(JOURNAL).rows, ["orders|AFTER_DDL|f|by version 1.1"], "updated: it runs as it is registered now")

# ---- dropped ----

CALLED = "SELECT count(*) FROM confiture.run_phase('AFTER_DDL', '1')"
equal(session.run(CALLED).value, "2", "before it is dropped: both are called")
result = dry_run("DROP EXTENSION hook_extension")
equal([result["success"]] + [hook[3] for hook in hooks_of(result)],
      [False, 'extension "hook_extension" is not installed'], "a script that drops the extension: its hooks are refused from there on")
equal(session.run(CALLED).value, "2", "after that dry run: both are called")
equal(session.run("DROP EXTENSION hook_extension").messages, "", "it is dropped, under a session that has its library loaded")
equal([row.split("|")[5] for row in session.run(HOOKS).rows], ["missing", "missing"], "dropped: both hooks are missing")
for name, other in (("count_indexes", "journal"), ("journal", "count_indexes")):
    session.run(f"SELECT confiture.enable_hook('hook_extension:{other}', false); SELECT confiture.enable_hook('hook_extension:{name}', true)")
    answer = session.run(CALLED)
    ok(answer.state == "MG002" and f'hook "hook_extension:{name}" failed in phase AFTER_DDL: extension "hook_extension" is not installed'
       in answer.messages and "DETAIL:  SQLSTATE MG016: " in answer.messages and "HINT:  CREATE EXTENSION brings" in answer.messages,
       f"dropped: {name} is refused", answer.messages)
session.run("SELECT confiture.enable_hook('hook_extension:count_indexes', true)")
equal([(hook[0], hook[1]) for hook in hooks_of(dry_run())], [("hook_extension:count_indexes", "failed")], "dropped: a dry run says so, too")
session.run("CREATE SCHEMA hook_extension; CREATE FUNCTION hook_extension.count_indexes(jsonb) RETURNS void LANGUAGE sql AS ''")
equal(session.run(CALLED).state, "MG002", "dropped: a function of that name, made by hand, is not run in its place")
session.run("DROP SCHEMA hook_extension CASCADE")
equal(session.run("SELECT confiture.unregister_hook('hook_extension:count_indexes')").messages, "", "dropped: a missing hook can be taken away")

# ---- and again ----

equal(session.run("CREATE EXTENSION hook_extension").messages, "", "it is created again")
equal(session.run(HOOKS).rows, ON_VERSION_1_1, "created again: its hooks are ready")
equal(session.run(CALLED).value, "2", "created again: they are called")
session.run("DROP EXTENSION hook_extension")
session.run("SELECT confiture.register_hook_sql('hook_extension:journal', 'CLEANUP', 'SELECT 1')")
answer = session.run("CREATE EXTENSION hook_extension")
ok(answer.state == "MG016" and "is no hook of extension" in answer.messages and "unregister_hook('hook_extension:journal')" in answer.messages,
   "a hook that somebody made of it meanwhile is not taken from him", answer.messages)
session.run("SELECT confiture.unregister_hook('hook_extension:journal')")
result = dry_run("CREATE EXTENSION hook_extension")
equal([hook[:2] for hook in hooks_of(result)], [("hook_extension:count_indexes", "succeeded"), ("hook_extension:journal", "succeeded")],
      "a script that creates the extension: its hooks run from there on")
equal(session.run(HOOKS).rows, [ON_VERSION_1_1[0].replace("ready", "missing")], "after that dry run: it is not there")
session.run("CREATE EXTENSION hook_extension")
equal(session.run("DROP EXTENSION confiture").state, "2BP01", "confiture is not dropped from under it")
session.run("DROP EXTENSION confiture CASCADE; CREATE EXTENSION hook_extension CASCADE; " + MIGRATION)
equal(session.run(HOOKS).rows, ON_VERSION_1_1, "both dropped and created: its hooks are ready")
equal(session.run(CALLED).value, "2", "both dropped and created: they are called")

# ---- without its library ----

library = inside(root, folder_of("pkglibdir")) / "hook_extension.so"
library.rename(library.with_suffix(".away"))
answer = cluster.session("shop").run(CALLED)
messages = answer.messages.replace("$libdir/", "")  # which PostgreSQL 18 leaves out
ok(answer.state == "MG002" and 'failed in phase AFTER_DDL: could not access file "hook_extension": No such file' in messages,
   "its library is gone: a new session says so", answer.messages)
library.with_suffix(".away").rename(library)
equal(cluster.session("shop").run(CALLED).value, "2", "its library is back: they are called")
ok("PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "the server was well throughout")
done()
