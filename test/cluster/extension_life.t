#!/usr/bin/env python3
"""The extension through its life: dumped and restored, dropped under a session that uses it, beside other extensions."""
import re
from sessions import Cluster, done, equal, left_behind, ok, scratch_folder

cluster = Cluster("shared_preload_libraries=pg_stat_statements,auto_explain", "auto_explain.log_min_duration=0",
                  "auto_explain.log_nested_statements=on", "auto_explain.log_analyze=on")
cluster.database("life", r"""
CREATE TABLE target (id int PRIMARY KEY);
SELECT confiture.register_migration('001', 'one', E'CREATE TABLE a (id int);\nINSERT INTO a VALUES (1) -- \u00e9 \\ ''quoted'' $$ \t tab',
                                    'DROP TABLE a', 'SELECT 1', '{"lock_timeout": "3s"}');
SELECT confiture.register_migration('1.10', 'ten', 'CREATE TABLE ten (id int)');
SELECT confiture.register_migration('1.9', 'nine "quoted"', 'CREATE TABLE nine (id int)', 'DROP TABLE nine');
INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by, statements_done, error)
SELECT version, sort_key, name, 'forward', s, checksum, now(), now(), 'somebody', 2, e::jsonb
FROM confiture.migration, (VALUES ('failed', '{"sqlstate": "22012"}'), ('succeeded', NULL)) v (s, e) WHERE version = '001'
""")

# A schema that somebody else made before could hold his objects in the place of ours.
cluster.sql("CREATE ROLE planter LOGIN")
cluster.sql("CREATE DATABASE planted")
cluster.sql("GRANT CREATE ON DATABASE planted TO planter")
cluster.session("planted", "planter").run("CREATE SCHEMA confiture")
owner = cluster.session("planted")
equal(owner.run("CREATE EXTENSION confiture").state, "MG016", "a schema of another role is refused")
owner.run("ALTER SCHEMA confiture OWNER TO postgres")
ok(not owner.run("CREATE EXTENSION confiture").state, "one's own is taken")

# Dumped and restored: every form of pg_dump.
contents = ("SELECT md5(string_agg(m::text, ',' ORDER BY sort_key)) FROM confiture.migration m; "
            "SELECT md5(string_agg(h::text, ',' ORDER BY id)), count(*) FROM confiture.history h; "
            "SELECT string_agg(version || ' ' || status, ',') FROM confiture.status")
expected = cluster.sql(contents, "life")
ok("001 applied,1.9 pending,1.10 pending" in expected, "there is something to dump", expected)
folder = scratch_folder()
for form in ("plain", "custom"):
    file = folder / form
    cluster.program("pg_dump", "-d", "life", "-F", form, "-f", file)
    cluster.sql(f"CREATE DATABASE restored_{form}")
    restored = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", "restored_plain", "-f", file) \
        if form == "plain" else cluster.program("pg_restore", "--exit-on-error", "-d", "restored_custom", file)
    equal((restored.returncode, restored.stderr), (0, ""), f"{form}: it restores")
    equal(cluster.sql(contents, f"restored_{form}"), expected, f"{form}: registrations, history and status are equal")
    equal(cluster.dump(f"restored_{form}"), cluster.dump("life"), f"{form}: a dump of the copy is the same")
    cluster.sql("INSERT INTO confiture.history (version, sort_key, name, action, status, checksum, started_at, finished_at, executed_by) "
                "SELECT version, sort_key, name, 'forward', 'failed', checksum, now(), now(), 'x' FROM confiture.migration LIMIT 1",
                f"restored_{form}")
    equal(cluster.sql("SELECT max(id) FROM confiture.history", f"restored_{form}"), "3", f"{form}: new attempts are numbered on")
    equal(cluster.sql("SELECT success FROM confiture.dry_run('1.9')", f"restored_{form}"), "t", f"{form}: a dry run works there")

# Dropped and made again while a session uses it.
session, other = cluster.session("life"), cluster.session("life")
call = "SELECT (confiture.dry_run_sql('DROP TABLE target')).success"
equal(session.run(call).value, "t", "a session has the library loaded")
other.run("DROP EXTENSION confiture")
answer = session.run(call)
ok(answer.state in ("42883", "3F000") and "confiture" in answer.messages, "dropped in between: a clear error", repr(answer))
equal(session.run("SELECT count(*) FROM target").value, "0", "dropped in between: the session is usable")
other.run("CREATE EXTENSION confiture")
equal(session.run(call).value, "t", "made again: the session goes on")
session.run("PREPARE again AS " + call)
equal(session.run("EXECUTE again").value, "t", "a prepared call works")
other.run("DROP EXTENSION confiture; CREATE EXTENSION confiture")
answer = session.run("EXECUTE again")
ok(answer.value == "t" or answer.state, "a prepared call after it was made again: works or says why", repr(answer))

# The extension's own drop inside a dry run.
answer = session.dry_run("DROP EXTENSION confiture; CREATE TABLE fresh ()")
ok(answer.value or answer.state, "a script that drops the extension: an answer", repr(answer))
ok(not answer.lost and session.run(call).value == "t", "a script that drops the extension: it is there after", repr(answer))
answer = session.dry_run("DROP SCHEMA confiture CASCADE")
ok(not answer.lost and session.run(call).value == "t", "a script that drops the schema: it is there after", repr(answer)[:800])

# A DROP EXTENSION while a dry run is under way waits, or comes before it.
session.start("SELECT (confiture.dry_run_sql('SELECT pg_sleep(1)', 1, '{\"max_wait_caused\": \"off\"}')).success")
dropped = other.run("SELECT pg_sleep(0.3); BEGIN; DROP EXTENSION confiture; ROLLBACK")
answer = session.finish()
ok(answer.value == "t" and not dropped.state, "DROP EXTENSION beside a dry run", repr(answer), repr(dropped))
session.run("DROP EXTENSION confiture")
answer = session.run("SELECT 1; CREATE EXTENSION confiture; " + call)
equal(answer.value, "t", "dropped and made by the session itself")

# Beside pg_stat_statements and auto_explain, which use the same hooks.
session.run("CREATE EXTENSION pg_stat_statements; SET pg_stat_statements.track = 'all'; SELECT pg_stat_statements_reset()")
before = left_behind(session)
answer = session.dry_run("CREATE TABLE fresh (id int); INSERT INTO fresh SELECT n FROM generate_series(1, 1000) n; "
                         "DO $$ BEGIN PERFORM count(*) FROM fresh; UPDATE fresh SET id = -id; END $$; ALTER TABLE fresh ALTER id TYPE bigint; "
                         "DO $$ BEGIN BEGIN PERFORM 1 / 0; EXCEPTION WHEN others THEN END; END $$")
result = answer.json()
equal((result["success"], result["rows_affected"]), (True, 2000), "beside pg_stat_statements and auto_explain: the dry run is right")
equal(left_behind(session), before, "beside them: nothing is left behind")
equal(session.run("SELECT sum(rows) FROM pg_stat_statements WHERE query ~ '^INSERT INTO fresh'").value, "1000",
      "beside them: pg_stat_statements counts the script's rows")
equal(session.dry_run("DO $$ BEGIN PERFORM 1; END $$; SELECT 1 / 0").json()["stats"]["error"]["sqlstate"], "22012",
      "beside them: an error is told")
ok(re.search(r"Query Text: INSERT INTO fresh", cluster.log()) is not None, "beside them: auto_explain logs the script's statements")
ok("PANIC" not in cluster.log() and "terminated by signal" not in cluster.log(), "the server was well throughout")
done()
