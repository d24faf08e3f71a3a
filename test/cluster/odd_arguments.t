#!/usr/bin/env python3
"""Every function and procedure of the extension, called with what nobody means: nulls, empty and huge texts, OIDs of nothing,
wrong kinds of objects, transaction control; on the primary, read-only, in a failed transaction and on a standby.  The server
answers, with an error of a code that says something, and never with a row of nothing but nulls."""
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster(standby=True)
cluster.sql(r"""
CREATE EXTENSION confiture;
CREATE TABLE plain (id int PRIMARY KEY, content text); INSERT INTO plain VALUES (1, 'one');
CREATE TABLE parts (id int) PARTITION BY LIST (id);
CREATE INDEX plain_content ON plain (content); CREATE VIEW shown AS TABLE plain; CREATE MATERIALIZED VIEW kept AS TABLE plain; CREATE SEQUENCE numbers;
CREATE TYPE pair AS (a int, b int); CREATE TABLE "od""d na'me" (id int);
CREATE TABLE files (path text, content bytea); INSERT INTO files VALUES ('001_one.up.sql', 'SELECT 1');
CREATE FUNCTION of_no_hook(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION hook(jsonb) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';
SELECT confiture.register_migration('001', 'one', 'SELECT 1', 'SELECT 2', 'SELECT 3');
SELECT confiture.register_hook_sql('registered', 'AFTER_DDL', 'SELECT 1');
""")
# What a result of nothing but nulls means is documented of these.
MAY_BE_NULL = {"get_hook", "current_context"}
BASE = {"version": "001", "through": "001", "target": "001", "direction": "forward", "layout": "auto", "directory": "/nonexistent", "kind": "migration", "name": "odd", "up": "SELECT 1",
        "down": "SELECT 2", "verify": "SELECT 3", "migrations": "*", "on_failure": "continue", "statement": "SELECT 1", "sql": "SELECT 1", "query": "SELECT 1", "library": "nonexistent",
        "symbol": "nothing", "role": "postgres", "level": "reader", "assignments": "content = content", "condition": "true", "change": "ADD CHECK (true)", "verdict": "done", "key": "1"}
STATEMENTS = ["BEGIN", "COMMIT", "ROLLBACK", "commit and chain", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "PREPARE TRANSACTION 'x'", "COPY plain TO STDOUT", "COPY plain FROM STDIN",
              "SELECT 1; SELECT 2", "CALL confiture.up()", "VACUUM plain", "CREATE INDEX CONCURRENTLY ON plain (id)", "DISCARD ALL", "SET ROLE nobody", "FETCH ALL FROM c", "DECLARE c CURSOR FOR SELECT 1",
              "SELECT 1 INTO x", "SELECT $1", "EXPLAIN SELECT 1", "VALUES (1), (2)", "SHOW work_mem", "EXECUTE p", "run", "DO $$BEGIN COMMIT; END$$", "LISTEN x", "SELECT", "INSERT INTO plain VALUES (2) RETURNING id", "DROP TABLE confiture.history"]
SCRIPTS = {"statement", "sql", "query", "up", "down", "verify", "change", "assignments", "condition"}
TEXTS = ["", " ", "*", "001,,002", ";", "/*", "'", '"', "\\", "%s%n", "ö\U0001f600", "\n\t", "-1", "a" * 64, "b" * 1000000, "(" * 20000]
OIDS = ["0", "99999", "4294967295"]
VALUES = {
    "text": [quoted(text) for text in TEXTS],
    "text[]": ["'{}'", "'{NULL}'", "ARRAY['']", "'[5:5]={x}'", "'{{a,b},{c,d}}'"],
    "boolean": ["true", "false"],
    "integer": ["0", "-1", "1", "2147483647", "-2147483648"],
    "bigint": ["0", "-1", "9223372036854775807"],
    "double precision": ["0", "'NaN'", "'-Infinity'", "1e308"],
    "interval": ["'0'", "'-1 s'", "'178000000 years'", "'-178000000 years'", "'1 us'", *(["'infinity'"] if cluster.version >= 17 else [])],
    "jsonb": ["'{}'", "'[]'", "'null'", "'1'", "'\"x\"'", "'{\"\": null}'", "'{\"unknown\": {\"a\": [1]}}'", "'{\"depends\": 1, \"lock_timeout\": []}'", "'{\"max_wait_caused\": \"1e400 years\"}'",
              "'{\"tables\": [\"nowhere.x\", \"\", null, 1], \"table\": \"x.y.z.w\", \"queries\": [\"commit\"]}'", "('\"' || repeat('x', 1000000) || '\"')::jsonb", "(repeat('[', 2000) || repeat(']', 2000))::jsonb"],
    '"char"': ["'r'", "''", "'\\377'"],
    '"char"[]': ["'{}'", "'{NULL}'", "'{r,x}'"],
    "regclass": [*OIDS, "'plain'", "'parts'", "'plain_content'", "'shown'", "'kept'", "'numbers'", "'pair'", "'pg_class'", "'pg_catalog.pg_toast_1255'", "'files'", "'confiture.history'", "'\"od\"\"d na''me\"'"],
    "regtype": [*OIDS, "'int'", "'record'", "'anyelement'", "'cstring'", "'void'", "'trigger'", "'internal'", "'unknown'", "'pair'", "'text[]'", "'pg_class'"],
    "regprocedure": [*OIDS, "'of_no_hook(int)'", "'hook(jsonb)'", "'sum(int)'", "'confiture.up(text,int,int,text,double precision,text)'", "'textin(cstring)'"],
    "confiture.hook_phase": [f"'{phase}'" for phase in ("BEFORE_VALIDATION", "CLEANUP", "ON_ERROR")],
    "confiture.hook_context": ["ROW(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)",
                               *(f"ROW('001','one','forward','AFTER_DDL',{dry},1,1,{config},'{{}}',NULL)" for dry in ("true", "false") for config in (
                                   "NULL", "'{}'", "'[]'", "'null'", "'{\"unknown\": 1}'", "'{\"table\": \"nowhere\", \"tables\": [\"nowhere\"]}'", "'{\"table\": \"plain\", \"tables\": [\"plain\", \"shown\", \"numbers\"]}'",
                                   *(quoted('{"queries": [%s]}' % ('"' + statement.replace('"', '\\"') + '"')) for statement in STATEMENTS),
                                   *(quoted('{"run": true, "queries": [%s]}' % ('"' + statement.replace('"', '\\"') + '"')) for statement in STATEMENTS)))],
    "confiture.dry_run_result": ["ROW(NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL)",
                                 *(f"ROW('001','one',true,1,1,'{{}}',1,1,'{{}}',{stats})" for stats in ("'{}'", "'[]'", "'1'", "'{\"statements\": 1, \"locks\": {}, \"hooks\": \"x\"}'", "'{\"statements\": [1], \"locks\": [null], \"hooks\": [{\"phase\": \"x\"}]}'"))],
}
FUNCTIONS = [line.split("|") for line in cluster.sql("""
    SELECT p.proname, p.prokind, p.proretset, coalesce(t.typtype, '') IN ('c', 'p') AND t.typname <> 'void',
           (SELECT string_agg(coalesce(p.proargnames[u.place], '') || ':' || format_type(u.type, NULL), ';' ORDER BY place)
              FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY u (type, place)
             WHERE coalesce(p.proargmodes[u.place], 'i') <> 'o')
      FROM pg_proc p
      JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
      JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid AND e.extname = 'confiture'
      JOIN pg_type t ON t.oid = p.prorettype
     ORDER BY 1""").split("\n")]


def base(name, kind):
    return quoted(BASE[name]) if kind == "text" and name in BASE else VALUES[kind][3 if kind in ("regclass", "regprocedure", "regtype") else 0]


def odd_values(name, kind, thoroughly):
    values = VALUES[kind] + ([quoted(statement) for statement in STATEMENTS] if name in SCRIPTS else [])
    return ["NULL", *(values if thoroughly else values[:2])]


def calls(thoroughly):
    """(function, is it a row, call, what is odd): each argument odd in its turn, and all of them null."""
    for function, prokind, _, composite, listed in FUNCTIONS:
        arguments = [argument.split(":", 1) for argument in listed.split(";")] if listed else []

        def call(values):
            # A function that is strict is called for what a query brings, not for the constant NULL.
            form = ", ".join(f"{value}::{kind}" if prokind == "p" else f"(SELECT {value}::{kind})" for value, (_, kind) in zip(values, arguments))
            return f"CALL confiture.{function}({form})" if prokind == "p" else f"SELECT * FROM confiture.{function}({form}) AS r"

        usual = [base(name, kind) if prokind != "p" or name not in ("applied", "reverted", "current_version", "execution_time_ms", "next_command", "steps", "target") else "NULL" for name, kind in arguments]
        yield function, composite == "t", call(["NULL"] * len(arguments)), "all are null"
        yield function, composite == "t", call(usual), "usual ones"
        for place, (name, kind) in enumerate(arguments):
            for odd in odd_values(name, kind, thoroughly):
                yield function, composite == "t", call(usual[:place] + [odd] + usual[place + 1:]), f"{name} = {odd[:60]}"


def all_null(answer):
    return len(answer.rows) == 1 and answer.rows[0].strip("|") == ""


def try_all(session, thoroughly, before=None, after="ROLLBACK"):
    """Calls them all, and tells those that were answered badly."""
    internal, gone, empty, done_so_far = [], [], [], 0
    for function, is_row, call, odd in calls(thoroughly):
        if before:
            session.run(before)
        answer = session.run(call)
        done_so_far += 1
        if answer.lost or any(word in answer.messages for word in ("FATAL", "PANIC", "server closed")):
            gone.append(f"{function}: {odd}: {answer.messages[:200]}")
            return internal, gone, empty, done_so_far
        if "XX000" in answer.states or "XX001" in answer.states or "XX002" in answer.states:
            internal.append(f"{function}: {odd}: {answer.messages[:200]}")
        if is_row and answer.state is None and function not in MAY_BE_NULL and "|" in (answer.value or "") and all_null(answer):
            empty.append(f"{function}: {odd}")
        if before:
            session.run(after)
    return internal, gone, empty, done_so_far


def judge(session, name, before=None, thoroughly=False):
    internal, gone, empty, count = try_all(session, thoroughly, before)
    ok(count > 200, f"{name}: there are calls to make", count)
    ok(not internal, f"{name}: no internal error", f"{len(internal)} of {count}", internal[:40])
    ok(not gone, f"{name}: no session is lost", gone)
    ok(not empty, f"{name}: no row of nothing but nulls", empty)
    equal(session.run("SELECT 1").value, "1", f"{name}: the session is usable after")


judge(cluster.session(), "in a transaction", "BEGIN", thoroughly=True)
judge(cluster.session(), "read-only", "BEGIN READ ONLY")
judge(cluster.session(), "in a failed transaction", "BEGIN; SELECT 1/0")
# On its own each commits, so what one leaves meets the next.
judge(cluster.session(), "each on its own")
standby = cluster.session(host=cluster.standby_host)
ok(wait_until(lambda: standby.run("SELECT count(*) FROM confiture.hook").value is not None), "there is a standby")
judge(standby, "on a standby")
ok("PANIC" not in cluster.log() and "was terminated by signal" not in cluster.log(), "no process of the server died")
done()
