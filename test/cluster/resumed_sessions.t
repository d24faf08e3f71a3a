#!/usr/bin/env python3
"""A migration that is resumed: what its steps had made of their session holds for those that follow, whoever resumes it and
where, or it is refused.  The judge is what is in the tables, and who owns what was made."""
from sessions import Cluster, done, equal, ok, quoted, scratch_folder, wait_until

cluster = Cluster()
ROLES = """CREATE ROLE deployer LOGIN;
CREATE ROLE other LOGIN;
CREATE ROLE builder;
CREATE ROLE auditor LOGIN;
GRANT builder TO deployer, other"""
cluster.sql(ROLES)
TABLES = """CREATE SCHEMA tenant;
CREATE TABLE public.orders (id int);
INSERT INTO public.orders SELECT generate_series(1, 3);
CREATE TABLE tenant.orders (id int);
INSERT INTO tenant.orders SELECT generate_series(1, 3);
CREATE TABLE public.ledger (step text);
CREATE VIEW public.both AS SELECT (SELECT count(*) FROM public.orders) || ' ' || (SELECT count(*) FROM tenant.orders);
GRANT ALL ON SCHEMA public, tenant TO deployer, other, builder;
GRANT ALL ON ALL TABLES IN SCHEMA public, tenant TO deployer, other, builder;
GRANT USAGE ON SCHEMA confiture TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA confiture TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA confiture TO PUBLIC;
CREATE TABLE public.mended (id int);
CREATE FUNCTION public.breaks() RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT FROM public.mended) THEN RAISE 'not mended yet'; END IF; RETURN 1; END $$;
GRANT SELECT ON public.mended TO PUBLIC"""
made = []
BREAK = "SELECT public.breaks()"
MEND = "INSERT INTO public.mended VALUES (1)"


def database(name, script, down=None, user="postgres"):
    while cluster.sessions:
        cluster.sessions.pop().kill()
    while made:  # a server with many databases is slow to stop
        cluster.sql(f'DROP DATABASE "{made.pop()}" WITH (FORCE)')
    made.append(name)
    cluster.database(name, TABLES)
    registering = f"SELECT confiture.register_migration('1', 'one', {quoted(script)}" + (f", down => {quoted(down)})" if down else ")")
    answer = cluster.session(name, user=user).run(registering)
    ok(answer.state is None, f"{name}: it is registered", repr(answer))


def resumed(name, script, *before, mend=MEND, user="postgres", again=None, says=None):
    """Fails in its middle in one session, is resumed in another one."""
    database(name, script, user=user)
    first = cluster.session(name, user=user)
    for statement in before:
        first.run(statement)
    answer = first.run("CALL confiture.up()")
    ok(answer.state is not None and ("1 is done" in answer.messages or "are done" in answer.messages), f"{name}: it fails in its middle", repr(answer))
    cluster.sql(mend, name)
    second = cluster.session(name, user=again or user)
    answer = second.run("CALL confiture.up()")
    if says is not None:
        ok(says in answer.messages, f"{name}: it says so", repr(answer))
    return answer, second


def counts(name):
    return cluster.sql("SELECT * FROM public.both", name)


# --- the search_path --------------------------------------------------------------------------------------------------------
WORK = f"""INSERT INTO public.ledger VALUES ('first');
COMMIT;
{BREAK};
COMMIT;
CREATE INDEX CONCURRENTLY made ON orders (id);
DELETE FROM orders"""
WAYS = {
    "SET": "SET search_path = tenant",
    "SET SESSION": "SET SESSION search_path TO tenant, public",
    "set_config": "SELECT set_config('search_path', 'tenant', false)",
    "DO": "DO $$BEGIN SET search_path = tenant; END$$",
    "function": "CREATE FUNCTION public.goes() RETURNS void LANGUAGE sql AS 'SET search_path = tenant'; SELECT public.goes()",
}
for way, statement in WAYS.items():
    name = f"path by {way}"
    answer, session = resumed(name, f"{statement};\n{WORK}")
    equal((answer.state, counts(name)), (None, "3 0"), f"{name}: the DELETE hits what it meant")
    equal(cluster.sql("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = 'tenant.made'::regclass", name), "tenant.orders", f"{name}: so does the index")
    equal(session.run("SHOW search_path").value, '"$user", public', f"{name}: the session has its own again")
name = "path by hook"
answer, session = resumed(name, f"-- confiture: phase=BEFORE_DDL\nSET search_path = tenant;\n-- confiture: phase=DDL\n{WORK}")
equal((answer.state, counts(name)), (None, "0 3"), f"{name}: what a hook SETs ends with it")
# SET LOCAL and RESET.
for what, statement, left in (("SET LOCAL", "SET LOCAL search_path = tenant", "0 3"), ("RESET", "SET search_path = tenant; RESET search_path", "0 3"),
                              ("local set_config", "SELECT set_config('search_path', 'tenant', true)", "0 3"),
                              ("SET LOCAL over SET", "SET search_path = tenant; SET LOCAL search_path = public", "3 0"),
                              ("RESET ALL", "SET search_path = tenant; RESET ALL", "0 3")):
    name = f"path {what}"
    answer, session = resumed(name, f"{statement};\n{WORK}")
    equal((answer.state, counts(name)), (None, left), f"{name}: what holds after the step")

# Of the session that began it, which the one that resumes it has not.
name = "path of the session"
answer, session = resumed(name, WORK, "SET search_path = tenant, public", says="is resumed with the search_path that it began with: tenant, public")
equal((answer.state, counts(name)), (None, "3 0"), f"{name}: names mean what they meant")
name = "path of another user"
cluster.database(name, TABLES + ";\nCREATE SCHEMA deployer AUTHORIZATION deployer; CREATE TABLE deployer.orders (id int); INSERT INTO deployer.orders VALUES (1); GRANT ALL ON deployer.orders TO other; GRANT USAGE, CREATE ON SCHEMA deployer TO other; CREATE SCHEMA other AUTHORIZATION other; CREATE TABLE other.orders (id int); ALTER TABLE other.orders OWNER TO other; INSERT INTO other.orders VALUES (1)")
cluster.sql(f"SELECT confiture.register_migration('1', 'one', {quoted(WORK.replace('CREATE INDEX CONCURRENTLY made ON orders (id);', ''))})", name)
cluster.session(name, user="deployer").run("CALL confiture.up()")
cluster.sql(MEND, name)
answer = cluster.session(name, user="other").run("CALL confiture.up()")
equal((answer.state, cluster.sql("SELECT (SELECT count(*) FROM deployer.orders), (SELECT count(*) FROM other.orders)", name)), (None, "0|1"),
      f"{name}: \"$user\" is still the role that began it")
ok('was begun by role "deployer" and is resumed by role "other"' in answer.messages, f"{name}: it says so", repr(answer))
name = "path lost"
answer, session = resumed(name, f"SET search_path = tenant, public;\n{WORK}", mend=MEND + "; ALTER SCHEMA tenant RENAME TO gone")
ok(answer.state == "MG015" and "tenant" in answer.messages and "HINT:" in answer.messages, f"{name}: a schema that is gone refuses it", repr(answer))
equal(cluster.sql("SELECT count(*) FROM public.orders", name), "3", f"{name}: nothing was hit")

# --- roles ------------------------------------------------------------------------------------------------------------------
OWNED = f"COMMIT;\n{BREAK};\nCOMMIT;\nCREATE TABLE public.made (id int)"
OWNER = "SELECT relowner::regrole FROM pg_class WHERE relname = 'made'"
for name, statement in (("role", "SET ROLE builder"), ("role by set_config", "SELECT set_config('role', 'builder', false)"),
                        ("session authorization", "SET SESSION AUTHORIZATION builder"),
                        ("both", "SET SESSION AUTHORIZATION deployer; SET ROLE builder")):
    answer, session = resumed(name, f"{statement};\n{OWNED}")
    equal((answer.state, cluster.sql(OWNER, name)), (None, "builder"), f"{name}: it holds for the steps that follow")
    equal(session.run("SELECT current_user, session_user").value, "postgres|postgres", f"{name}: the session is itself again")
answer, session = resumed("role in the worker", f"SET ROLE builder;\nCREATE TABLE public.made (id int);\nCOMMIT;\n{BREAK};\nCREATE INDEX CONCURRENTLY made_id ON public.made (id)")
equal((answer.state, cluster.sql("SELECT relowner::regrole FROM pg_class WHERE relname = 'made_id'", "role in the worker")), (None, "builder"), "role in the worker: it holds there")
answer, session = resumed("role reset", f"SET ROLE builder;\nCOMMIT;\nRESET ROLE;\n{OWNED}")
equal((answer.state, cluster.sql(OWNER, "role reset")), (None, "postgres"), "role reset: it is not set")
answer, session = resumed("role of a member", f"SET ROLE builder;\n{OWNED}", user="deployer", mend=MEND + "; REVOKE builder FROM deployer")
ok(answer.state == "MG015" and "builder" in answer.messages and "HINT:" in answer.messages, "role of a member: who is none any more is refused", repr(answer))
equal(cluster.sql("SELECT count(*) FROM pg_class WHERE relname = 'made'", "role of a member"), "0", "role of a member: nothing was made")
equal(session.run("SELECT current_user").value, "deployer", "role of a member: the session is itself")
cluster.sql("GRANT builder TO deployer")
equal(cluster.session("role of a member", user="deployer").run("CALL confiture.up()").state, None, "role of a member: who is one again resumes it")
cluster.sql("CREATE ROLE passing")
answer, session = resumed("role gone", f"SET ROLE passing;\n{OWNED}", mend=MEND + "; DROP ROLE passing")
ok(answer.state == "MG015" and "passing" in answer.messages, "role gone: it is refused", repr(answer))

# --- other settings ---------------------------------------------------------------------------------------------------------
SETTINGS = (("TimeZone", "SET TIME ZONE 'Asia/Tokyo'", "Asia/Tokyo"), ("TimeZone", "SET TIME ZONE INTERVAL '-5' HOUR", "<-05>+05"), ("DateStyle", "SET datestyle = 'SQL, DMY'", "SQL, DMY"),
            ("my.tenant", "SET my.tenant = 'seven'", "seven"), ("my.tenant", "SELECT set_config('my.tenant', 'it''s', false)", "it's"),
            ("session_replication_role", "SET session_replication_role = replica", "replica"), ("work_mem", "SET work_mem = '7MB'", "7MB"),
            ("random_page_cost", "SET random_page_cost = 1.23456789", "1.23457"), ("check_function_bodies", "SET check_function_bodies = off", "off"),
            ("statement_timeout", "SET statement_timeout = '7min'", "7min"),
            ("default_tablespace", "SET default_tablespace = pg_default", "pg_default"), ("confiture.lock_timeout", "SET confiture.lock_timeout = '7s'", "7s"),
            ("bytea_output", "SET bytea_output = escape", "escape"))
for number, (setting, statement, value) in enumerate(SETTINGS):
    name = f"setting {number} {setting}"
    answer, session = resumed(name, f"{statement};\nCOMMIT;\n{BREAK};\nCOMMIT;\nINSERT INTO public.ledger SELECT current_setting('{setting}')")
    equal((answer.state, cluster.sql("SELECT step FROM public.ledger", name)), (None, value), f"{name}: it holds for the steps that follow")
name = "settings of a superuser before the role"
answer, session = resumed(name, f"SET session_replication_role = replica;\nSET ROLE builder;\nCOMMIT;\n{BREAK};\nCOMMIT;\nINSERT INTO public.ledger SELECT current_setting('session_replication_role')")
equal((answer.state, cluster.sql("SELECT step FROM public.ledger", name)), (None, "replica"), f"{name}: both hold")
name = "settings of a superuser for another"
database(name, f"SET session_replication_role = replica;\nCOMMIT;\n{BREAK};\nCOMMIT;\nINSERT INTO public.ledger VALUES ('done')")
cluster.session(name).run("CALL confiture.up()")
cluster.sql(MEND, name)
answer = cluster.session(name, user="deployer").run("CALL confiture.up()")
ok(answer.state == "MG015" and "session_replication_role" in answer.messages, f"{name}: it is refused", repr(answer))
equal(cluster.sql("SELECT count(*) FROM public.ledger", name), "0", f"{name}: nothing was run")
name = "value of a secret"
database(name, f"SET session_replication_role = replica; SET my.secret = 'hush';\nCOMMIT;\n{BREAK}")
cluster.session(name).run("CALL confiture.up()")
answer = cluster.session(name, user="deployer").run("CALL confiture.up()")
ok(answer.state == "MG015" and "hush" not in answer.messages, f"{name}: no value is told", repr(answer))
name = "a role's own settings changed meanwhile"
cluster.sql("CREATE ROLE tuned LOGIN SUPERUSER; ALTER ROLE tuned SET search_path = public")
answer, session = resumed(name, WORK, mend=MEND + "; ALTER ROLE tuned SET search_path = tenant", user="tuned")
equal((answer.state, counts(name)), (None, "0 3"), f"{name}: names mean what they meant")
equal(session.run("SHOW search_path").value, "tenant", f"{name}: the session has its own again")

# Resumed more than once: what the first session had set is not lost in the second one.
name = "resumed twice"
database(name, f"SET search_path = tenant; SET my.a = '1'; SET ROLE builder;\nCOMMIT;\nSELECT 1 / (SELECT count(*) FROM public.mended);\nCOMMIT;\nSET my.b = '2';\nCOMMIT;\nSELECT 1 / (SELECT count(*) - 1 FROM public.mended);\nCOMMIT;\n"
         "DELETE FROM orders; INSERT INTO public.ledger SELECT current_setting('my.a') || current_setting('my.b') || current_user")
cluster.session(name).run("CALL confiture.up()")
cluster.sql(MEND, name)
second = cluster.session(name)
for statement in ("SET search_path = tenant", "SET my.a = '1'", "SET ROLE builder"):
    second.run(statement)
second.run("CALL confiture.up()")
equal(cluster.sql("SELECT max(step) FROM confiture.journal", name), "3", f"{name}: it fails again")
cluster.sql(MEND, name)
answer = cluster.session(name).run("CALL confiture.up()")
equal((answer.state, counts(name), cluster.sql("SELECT step FROM public.ledger", name)), (None, "3 0", "12builder"), f"{name}: all holds")

# --- another way to be cut off, other directions ----------------------------------------------------------------------------
name = "killed"
database(name, f"SET search_path = tenant; SET ROLE builder;\nINSERT INTO public.ledger VALUES ('first');\nCOMMIT;\nSELECT pg_sleep(60) WHERE NOT EXISTS (SELECT FROM public.mended);\nCOMMIT;\nDELETE FROM orders; CREATE TABLE public.made (id int)")
migrator = cluster.session(name)
migrator.start("CALL confiture.up()")
wait_until(lambda: cluster.sql("SELECT count(*) FROM confiture.journal", name) == "1")
cluster.sql(f"SELECT pg_terminate_backend({migrator.pid})", name)
migrator.finish()
cluster.sql(MEND, name)
wait_until(lambda: cluster.sql(f"SELECT count(*) FROM pg_stat_activity WHERE pid = {migrator.pid}", name) == "0")
answer = cluster.session(name).run("CALL confiture.up()")
equal((answer.state, counts(name), cluster.sql(OWNER, name)), (None, "3 0", "builder"), f"{name}: all holds")
for name, call in (("down", "CALL confiture.down()"), ("redo", "CALL confiture.redo()")):
    database(name, "SELECT 1", down=f"SET search_path = tenant;\nSELECT 2;\n{WORK}")
    session = cluster.session(name)
    session.run("CALL confiture.up()")
    answer = session.run(call)
    ok(answer.state is not None, f"{name}: it fails on the way back")
    cluster.sql(MEND, name)
    answer = cluster.session(name).run("CALL confiture.down()")
    equal((answer.state, counts(name)), (None, "3 0"), f"{name}: the DELETE hits what it meant")
name = "worker first"
database(name, "SET search_path = tenant;\nCREATE UNIQUE INDEX CONCURRENTLY made ON orders ((id * 0));\nDELETE FROM orders")
answer = cluster.session(name).run("CALL confiture.up()")
equal(answer.state, "23505", f"{name}: the index fails")
cluster.sql("DELETE FROM tenant.orders WHERE id > 1; DELETE FROM public.orders WHERE id > 2", name)
answer = cluster.session(name).run("CALL confiture.up()")
equal((answer.state, counts(name)), (None, "2 0"), f"{name}: index and DELETE hit what they meant")

# --- stats of hooks ---------------------------------------------------------------------------------------------------------
name = "stats"
database(name, f"""-- confiture: phase=BEFORE_DDL name=sets
SELECT confiture.set_stat('seen', '{{"a": [1.50, "x"]}}');
-- confiture: phase=AFTER_DDL name=gets
INSERT INTO public.ledger SELECT (confiture.get_stat('seen'))::text;
-- confiture: phase=DDL
SELECT 1;
COMMIT;
{BREAK};
COMMIT;
SELECT 2""")
cluster.session(name).run("CALL confiture.up()")
cluster.sql(MEND, name)
answer = cluster.session(name).run("CALL confiture.up()")
equal((answer.state, cluster.sql("SELECT step FROM public.ledger", name)), (None, '{"a": [1.50, "x"]}'), f"{name}: what hooks share survives")

# --- what ends with a session -----------------------------------------------------------------------------------------------
TEMPORARY = f"CREATE TEMP TABLE orders (id int); INSERT INTO orders VALUES (1);\nCOMMIT;\n{BREAK};\nCOMMIT;\nDELETE FROM orders"
name = "temporary table"
answer, session = resumed(name, TEMPORARY)
ok(answer.state == "MG015" and 'temporary table "orders"' in answer.messages and "HINT:" in answer.messages, f"{name}: it is refused", repr(answer))
equal(counts(name), "3 3", f"{name}: the permanent one was not hit")
session.run("CREATE TEMP TABLE orders (id int)")
answer = session.run("CALL confiture.up()")
ok(answer.state is None and "in place of its own" in answer.messages, f"{name}: made again, it is resumed", repr(answer))
equal(counts(name), "3 3", f"{name}: the permanent one is not hit then either")
name = "temporary table of the same session"
database(name, TEMPORARY)
session = cluster.session(name)
session.run("CALL confiture.up()")
session.run(MEND)
answer = session.run("CALL confiture.up()")
equal((answer.state, counts(name)), (None, "3 3"), f"{name}: it is there still")
name = "temporary table that the commit drops"
answer, session = resumed(name, f"CREATE TEMP TABLE passing ON COMMIT DROP AS SELECT 1; INSERT INTO public.ledger SELECT 'x' FROM passing;\nCOMMIT;\n{BREAK};\nCOMMIT;\nDELETE FROM orders")
equal((answer.state, counts(name)), (None, "0 3"), f"{name}: nobody needs it")
name = "temporary table dropped again"
answer, session = resumed(name, f"CREATE TEMP TABLE orders (id int); DROP TABLE orders;\nCOMMIT;\n{BREAK};\nCOMMIT;\nDELETE FROM orders")
equal((answer.state, counts(name)), (None, "0 3"), f"{name}: nobody needs it")
name = "temporary table of the one that resumes"
database(name, WORK)
cluster.session(name).run("CALL confiture.up()")
cluster.sql(MEND, name)
session = cluster.session(name)
session.run("CREATE TEMP TABLE orders (id int)")
answer = session.run("CALL confiture.up()")
ok(answer.state == "MG015" and 'temporary table "orders"' in answer.messages, f"{name}: it would hide the permanent one", repr(answer))
session.run("DROP TABLE orders")
answer = session.run("CALL confiture.up()")
equal((answer.state, counts(name)), (None, "0 3"), f"{name}: without it, it is resumed")
name = "temporary table of the one that began"
answer, session = resumed(name, f"SELECT 1;\nCOMMIT;\n{BREAK};\nCOMMIT;\nDELETE FROM orders", "CREATE TEMP TABLE orders (id int)")
ok(answer.state == "MG015" and 'temporary table "orders"' in answer.messages, f"{name}: it hid the permanent one", repr(answer))
equal(counts(name), "3 3", f"{name}: which was not hit")
for what, statement in (("prepared statement", "PREPARE p AS SELECT 1"), ("cursor", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"), ("advisory lock", "SELECT pg_advisory_lock(4711)"),
                        ("temporary view", "CREATE TEMP VIEW v AS SELECT 1"), ("temporary type", "CREATE TYPE pg_temp.t AS ENUM ('a')"), ("temporary sequence", "CREATE TEMP SEQUENCE s")):
    answer, session = resumed(what, f"{statement};\nCOMMIT;\n{BREAK}")
    ok(answer.state == "MG015" and what in answer.messages, f"{what}: it is refused", repr(answer))

# --- a journal that does not tell, one that came with a dump ----------------------------------------------------------------
name = "older journal"
answer, session = resumed(name, f"SELECT 1;\n{WORK}", mend="UPDATE confiture.journal SET session = NULL;" + MEND)
ok(answer.state == "MG015" and "another version" in answer.messages and "repair" in answer.messages, f"{name}: it is refused", repr(answer))
equal(counts(name), "3 3", f"{name}: nothing was run")
equal(session.run("SELECT state FROM confiture.repair('1', 'applied')").value, "applied", f"{name}: it can be settled by hand")
name = "restored"
database(name, f"SET search_path = tenant; SET ROLE builder;\n{WORK.replace('DELETE FROM orders', 'CREATE TABLE public.made (id int); RESET ROLE; DELETE FROM orders').replace('CREATE INDEX CONCURRENTLY made ON orders (id);', '')}")
cluster.session(name).run("CALL confiture.up()")
file = scratch_folder() / "dump"
cluster.program("pg_dump", "-d", name, "-f", file)
cluster.sql('CREATE DATABASE copy')
cluster.program("psql", "-X", "-q", "-d", "copy", "-f", file)
cluster.sql(MEND, "copy")
answer = cluster.session("copy").run("CALL confiture.up()")
equal((answer.state, counts("copy"), cluster.sql(OWNER, "copy")), (None, "3 0", "builder"), f"{name}: a copy of the database resumes it too")

# --- how strings are read ---------------------------------------------------------------------------------------------------
name = "strings"
database(name, "SELECT 1")
for number, (script, state) in enumerate((("INSERT INTO public.ledger VALUES ('a\\b')", "MG005"), ("INSERT INTO public.ledger VALUES ('it\\''; DROP TABLE public.ledger; --')", "MG005"),
                                          ("INSERT INTO public.ledger VALUES (E'a\\\\b')", None), ("INSERT INTO public.ledger VALUES ('ab')", None)), 2):
    session = cluster.session(name)
    session.run("SET standard_conforming_strings = off; SET backslash_quote = on")
    session.run(f"SELECT confiture.register_migration('{number}', 'm', $script${script}$script$)")
    registered = session.run(f"SELECT checksum FROM confiture.migration WHERE version = '{number}'").value
    dry = session.run(f"SELECT coalesce(stats -> 'error' ->> 'sqlstate', 'none') FROM confiture.dry_run('{number}')").value
    answer = session.run("CALL confiture.up()")
    equal((answer.state, dry), (state, state or "none"), f"{name}: {script} in a session that has standard_conforming_strings = off")
    if state:
        answer = cluster.session(name).run("CALL confiture.up()")
        equal(answer.state, None, f"{name}: {script} in one that has it on")
equal(cluster.sql("SELECT string_agg(step, ',' ORDER BY step) FROM public.ledger", name), "a\\b,a\\b,ab,it\\'; DROP TABLE public.ledger; --", f"{name}: the same in all")
answer, session = resumed("strings set by the script", f"SET standard_conforming_strings = off;\nCOMMIT;\n{BREAK};\nCOMMIT;\nINSERT INTO public.ledger SELECT current_setting('standard_conforming_strings')")
equal((answer.state, cluster.sql("SELECT step FROM public.ledger", "strings set by the script")), (None, "off"), "strings set by the script: it holds")

# --- a dry run sees what apply sees -----------------------------------------------------------------------------------------
SCRIPT = "SET search_path = tenant;\nSELECT 1;\nCOMMIT;\nDELETE FROM orders;\nCOMMIT;\nDO $$BEGIN IF EXISTS (SELECT FROM tenant.orders) THEN RAISE 'the other one'; END IF; END$$"
name = "dry run"
database(name, SCRIPT)
equal(cluster.session(name).run("SELECT success FROM confiture.dry_run('1')").value, "t", f"{name}: settings hold for the steps that follow")
equal((cluster.session(name).run("CALL confiture.up()").state, counts(name)), (None, "3 0"), f"{name}: as in apply")
done()
