#!/usr/bin/env python3
"""docs/stats.schema.json describes the stats of every dry run, leaves nothing open and describes nothing that never comes."""
import copy
import json
from json_schema import Schema
from sessions import TOP, Cluster, done, equal, ok, quoted, wait_until

SCHEMA = TOP / "docs" / "stats.schema.json"
SHOP = TOP / "examples" / "shop"
schema = Schema(json.loads(SCHEMA.read_text()))
equal(schema.document["$schema"], "https://json-schema.org/draft/2020-12/schema", "the schema says which draft it is")
equal(list(schema.loose_ends()), [], "it leaves nothing open")

cluster = Cluster("max_prepared_transactions=2", "timezone=UTC")
cluster.database("schema", """
CREATE TABLE parent (id integer PRIMARY KEY, name text CHECK (name <> ''));
CREATE TABLE child (id integer, parent integer REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE wide AS SELECT n AS id, repeat('x', 100) AS filling FROM generate_series(1, 20000) n;
CREATE TABLE spare (id integer);
CREATE TYPE mood AS ENUM ('calm');
CREATE FUNCTION complain() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  RAISE unique_violation USING MESSAGE = 'no', DETAIL = 'a detail', HINT = 'a hint', SCHEMA = 'public', TABLE = 'parent',
        COLUMN = 'id', DATATYPE = 'integer', CONSTRAINT = 'parent_pkey';
END $$;
CREATE FUNCTION deeper(int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
  IF $1 > 0 THEN PERFORM deeper($1 - 1); END IF; RETURN $1;
END $$;
CREATE SEQUENCE counter""")
session, other, watcher = (cluster.session("schema") for _ in range(3))
documents = {}


def keep(name, answer, status):
    """The stats of a dry run: valid, and with the status that the test is about."""
    if not ok(answer.rows and not answer.state, f"{name}: a result", repr(answer)):
        return None
    stats = answer.json()["stats"]
    documents[name] = stats
    problems = schema.problems(stats)
    ok(not problems, f"{name}: valid", *problems[:10])
    equal(stats["status"], status, f"{name}: {status}")
    return stats


def trial(name, script, status="complete", **options):
    return keep(name, session.dry_run(script, **options), status)


# The shop: each of its migrations, forward as a chain and alone, and back.
cluster.database("shop")
loaded = cluster.program(TOP / "scripts" / "confiture-load", SHOP / "migrations", "-d", "shop", "-o", "/dev/null")
equal(loaded.returncode, 0, "the shop is loaded")
for file in sorted((SHOP / "migrations").glob("00[1-4]_*.up.sql")):
    cluster.sql(file.read_text(), "shop")
for file in ("generate.sql", "adopt.sql"):
    cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "rows=2000", "-d", "shop", "-f", SHOP / file)
shop = cluster.session("shop")
chain = [json.loads(row) for row in shop.run("SELECT to_jsonb(r) FROM confiture.dry_run_pending() r").rows]
ok(len(chain) >= 12 and all(result["success"] for result in chain), "the chain of the shop runs")
wrong = [(result["migration_version"], problem) for result in chain for problem in schema.problems(result["stats"])]
equal(wrong[:10], [], "the chain of the shop: valid")
results = {}
for version in shop.run("SELECT version FROM confiture.migration ORDER BY sort_key").rows:
    for direction in ("forward", "backward"):
        answer = shop.run(f"SELECT to_jsonb(r) FROM confiture.dry_run({quoted(version)}, '{direction}') r")
        results[version, direction] = answer.json()["stats"]
ok({stats["status"] for stats in results.values()} >= {"complete", "failed"}, "alone some of the shop's work and some fail")
equal([(key, problem) for key, stats in results.items() for problem in schema.problems(stats)][:10], [],
      "each migration of the shop alone: valid")

# Ways to go well.
trial("nothing", "")
trial("statements of many kinds", """
CREATE TABLE fresh (id integer PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 100);
UPDATE wide SET filling = 'y' WHERE id < 100; DELETE FROM wide WHERE id < 10;
ALTER TABLE wide ALTER COLUMN id TYPE bigint; CREATE INDEX ON wide (id);
ALTER TABLE wide ADD CONSTRAINT positive CHECK (id > 0); DROP TABLE spare;
CREATE TEMPORARY TABLE own (id integer); INSERT INTO own SELECT generate_series(1, 10); SELECT pg_advisory_xact_lock(3)""")
trial("nested statements", "DO $$ BEGIN FOR i IN 1 .. 40 LOOP EXECUTE 'SELECT ' || i; END LOOP; PERFORM deeper(3); END $$")
trial("a plan", "SET work_mem = '64kB'; INSERT INTO wide SELECT n, 'z' FROM generate_series(1, 300000) n ORDER BY -n")
trial("more statements than are listed", "SELECT 1;" * 300)
trial("steps", "BEGIN; SELECT 1; COMMIT; SELECT 2")
trial("emulated", "CREATE INDEX CONCURRENTLY ON wide (id)", concurrently="emulate")
trial("predicted", "CREATE INDEX CONCURRENTLY made ON wide (id); REINDEX INDEX made; VACUUM wide", concurrently="predict")
session.run("DECLARE mine CURSOR WITH HOLD FOR SELECT 1")
trial("a cursor of the caller", "DO 'BEGIN EXECUTE ''CLOSE mine''; END'")
trial("what a rollback cannot undo", """
SELECT nextval('counter'), setval('counter', 7); PREPARE later AS SELECT 1; SELECT pg_advisory_lock(7); ANALYZE wide;
UPDATE wide SET filling = 'w'; CHECKPOINT; SELECT pg_reload_conf(); COPY spare TO PROGRAM 'cat >/dev/null';
COPY spare TO '/dev/null'""")
blocks = ";".join(
    f"DO $$BEGIN FOR n IN 1..20 LOOP EXECUTE format('CREATE TABLE {'long_name_' * 5}{block}_%s (a int)', n);"
    f" EXECUTE format('ALTER TABLE {'long_name_' * 5}{block}_%s ADD CONSTRAINT {'check_' * 8}%s CHECK (a > 0)', n, n); END LOOP; END$$"
    for block in range(120))
big = trial("a document with more objects than there is room for", blocks, max_locks="off")
ok(big and len(json.dumps(big).encode()) <= 1_000_000, "it is no larger than 1 MB", len(json.dumps(big)))
ok(big and big["statements_left_out"] + len(big["statements"]) == 120, "what has no room is counted")
equal(keep("iterations", session.run("SELECT to_jsonb(r) FROM confiture.dry_run_sql('ANALYZE wide', 5) r"), "complete")
      and len(documents["iterations"]["iterations_ms"]), 5, "each iteration has its time")
session.run("BEGIN; LOCK spare IN SHARE MODE; LOCK parent IN SHARE ROW EXCLUSIVE MODE; LOCK wide IN ROW SHARE MODE")
trial("locks of the caller", "LOCK TABLE spare; SAVEPOINT one; LOCK TABLE child IN EXCLUSIVE MODE; ROLLBACK TO one")
session.run("ROLLBACK")

# Hooks: with rows, with stats, with stats that are too large, passed over, and in the end failing.
session.run("""
CREATE FUNCTION with_stats(confiture.hook_context) RETURNS confiture.hook_result LANGUAGE sql
    AS $$ SELECT ROW(NULL, NULL, 3, '{"told": 1}', NULL, NULL, NULL)::confiture.hook_result $$;
CREATE FUNCTION too_large(jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT to_jsonb(repeat('x', 20000)) $$;
SELECT confiture.register_hook('with_stats', 'BEFORE_DDL', 'with_stats(confiture.hook_context)'),
       confiture.register_hook('too_large', 'BEFORE_DDL', 'too_large(jsonb)'),
       confiture.register_hook_sql('writes', 'AFTER_DDL', 'INSERT INTO spare SELECT'),
       confiture.register_hook_sql('slow', 'AFTER_DDL', 'SELECT pg_sleep(10)', timeout => '10ms', on_failure => 'continue'),
       confiture.register_hook_sql('passed over', 'CLEANUP', 'SELECT 1/0', on_failure => 'continue')""")
trial("hooks", "SELECT 1")
session.run("""SELECT confiture.register_hook_sql('fails', 'AFTER_VALIDATION', 'SELECT complain()'),
                      confiture.register_hook_sql('first', 'BEFORE_VALIDATION', 'SELECT'),
                      confiture.register_hook_sql('last', 'ON_ERROR', 'SELECT')""")
trial("a hook that fails", "SELECT 1", "failed")
session.run("SELECT confiture.unregister_hook(name) FROM confiture.hooks")
session.run("CREATE ROLE planter; GRANT USAGE ON SCHEMA confiture TO planter; GRANT EXECUTE ON FUNCTION confiture.register_hook_sql TO planter;"
            "SET ROLE planter; SELECT confiture.register_hook_sql('planted', 'AFTER_DDL', 'SELECT 1'); RESET ROLE")
trial("a hook of somebody who is not trusted", "SELECT 1")
session.run("SELECT confiture.unregister_hook(name) FROM confiture.hooks")

# Ways to fail.
trial("a failing script", "SELECT 1;\nALTER TABLE absent ADD x int", "failed")
trial("an error with everything", "SELECT complain()", "failed")
trial("a constraint at the end", "INSERT INTO child VALUES (1, 77), (2, 78)", "failed")
trial("what was never there", "SELECT dblink_exec('x', 'y')", "failed")
trial("an untrusted language", "CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'return 1'", "failed")
cluster.sql("SELECT confiture.register_migration('1', 'one', 'SELECT 1/0'), confiture.register_migration('2', 'two', 'SELECT 2')",
            "schema")
files = "CREATE TEMPORARY TABLE file (path text, content bytea); INSERT INTO file VALUES ('3_three.sql', 'SELECT 3/0');"
cluster.sql(files + "SELECT confiture.load_files('file')", "schema")
answer = session.run("SELECT to_jsonb(r) FROM confiture.dry_run_pending() r ORDER BY r.migration_version")
equal([schema.problems(json.loads(row)["stats"]) for row in answer.rows], [[], [], []], "a broken chain: valid")
equal([json.loads(row)["stats"]["status"] for row in answer.rows], ["failed", "not_run", "not_run"], "a broken chain: its states")
equal(keep("of a file", session.run("SELECT to_jsonb(r) FROM confiture.dry_run('3') r"), "failed")["error"].get("file"),
      "3_three.sql", "an error names the file")
cluster.sql("CREATE TABLE of_mood (mood mood PRIMARY KEY)", "schema")
trial("a value of a committed enum", "ALTER TYPE mood ADD VALUE 'cross'; COMMIT; SELECT 'cross'::mood", "needs_commit")

# Ways to be stopped, and to wait.
trial("too many locks", "DO $$ BEGIN FOR i IN 1 .. 50 LOOP EXECUTE 'CREATE TABLE t' || i || ' ()'; PERFORM pg_sleep(0.01); END LOOP; END $$",
      "stopped", max_locks=10)
trial("a lock held too long", "LOCK wide; SELECT pg_sleep(5)", "stopped", max_lock_hold="100ms")
other.run("SET application_name = 'other'; BEGIN; SELECT count(*) FROM spare")
trial("a lock that is not to be had", "LOCK spare", "stopped", lock_timeout="100ms")


def waits(who):
    return watcher.run(f"SELECT count(*) FROM pg_locks WHERE pid = {who.pid} AND NOT granted").value != "0"


session.start_dry_run("LOCK spare; LOCK wide IN SHARE MODE", lock_timeout="40s", max_wait_caused="off")
ok(wait_until(lambda: waits(session)), "a dry run waits")
watcher.run("SELECT pg_sleep(0.1)")
other.run("ROLLBACK")
stats = keep("a wait", session.finish(), "complete")
ok(stats["waits"] and stats["locks"][0]["blocked_by"] == [other.pid], "the wait is told", stats["waits"])
other.run("BEGIN; SELECT count(*) FROM spare")
session.start_dry_run("LOCK spare", lock_timeout="300ms", max_wait_caused="off")
stats = keep("a wait in vain", session.finish(), "stopped")
equal([blocker.get("application") for wait in stats["waits"] for blocker in wait["blockers"]], ["other"], "the blocker is told")
other.run("ROLLBACK")
session.start_dry_run("LOCK wide; SELECT pg_sleep(20)", max_wait_caused="200ms")
ok(wait_until(lambda: watcher.run(f"SELECT wait_event FROM pg_stat_activity WHERE pid = {session.pid}").value == "PgSleep"),
   "a dry run holds a lock")
other.start("SELECT count(*) FROM wide")
stats = keep("a wait caused", session.finish(), "stopped")
other.finish()
ok(stats["waits_caused"], "the wait that it caused is told")

# A schema that allows everything would have passed all this.
for name, break_it in {
        "an undocumented member": lambda stats: stats.update(another=1),
        "an undocumented member of a statement": lambda stats: stats["statements"][0].update(another=1),
        "an undocumented member of the resources": lambda stats: stats["totals"]["resources"].update(another=1),
        "a missing member": lambda stats: stats.pop("locks"),
        "a missing member of a lock": lambda stats: stats["locks"][0].pop("held_ms"),
        "another type": lambda stats: stats.update(steps="1"),
        "a truth for a number": lambda stats: stats.update(steps=True),
        "an unknown status": lambda stats: stats.update(status="fine"),
        "a negative time": lambda stats: stats["statements"][0].update(execution_time_ms=-1),
        "another version": lambda stats: stats.update(schema_version=2)}.items():
    broken = copy.deepcopy(documents["statements of many kinds"])
    break_it(broken)
    equal(len(Schema(schema.document).problems(broken)), 1, f"{name} is found")
equal(len(Schema({**schema.document, "oneOf": []}).problems(documents["nothing"])), 1, "a keyword that the test cannot check is found")

equal(list(schema.unseen()), [], "everything that the schema describes was seen")
done()
