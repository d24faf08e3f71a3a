#!/usr/bin/python3
"""Hooks: 10,000 that do nothing beside a plpgsql loop and beside a client, and how 10,000 that write grow from 1,000.

Runs under the Python of the system, which psycopg is packaged for.
"""

import pathlib

import measuring
import psycopg

HOOKS = 10_000
ROUNDS = 15

SETUP = f"""
SELECT confiture.register_migration('1', 'hooks', 'SELECT 1');
CREATE TABLE bench_rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, content text);
CREATE FUNCTION bench_nothing(confiture.hook_context) RETURNS void LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE FUNCTION bench_writes(confiture.hook_context) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bench_rows (content) VALUES ('a row of a hook');
END $$;
CREATE FUNCTION bench_loop(calls integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    context confiture.hook_context := ROW('1', 'hooks', 'forward', 'BEFORE_DDL', false, 0, 0, '{{}}', '{{}}', NULL);
BEGIN
    FOR i IN 1 .. calls LOOP
        BEGIN
            PERFORM bench_nothing(context);
        EXCEPTION WHEN division_by_zero THEN
            RAISE NOTICE 'never';
        END;
    END LOOP;
END $$;
SELECT count(confiture.register_hook('nothing ' || n, 'BEFORE_DDL', 'bench_nothing(confiture.hook_context)'))
  FROM generate_series(1, {HOOKS}) n;
SELECT count(confiture.register_hook('writes ' || n, 'AFTER_DDL', 'bench_writes(confiture.hook_context)'))
  FROM generate_series(1, {HOOKS}) n;
SELECT count(confiture.register_hook('some ' || n, 'CLEANUP', 'bench_writes(confiture.hook_context)'))
  FROM generate_series(1, {HOOKS // 10}) n;
"""


def phase(name):
    return f"SELECT count(*) FROM confiture.run_phase('{name}', '1');"


def by_client(connection):
    """What a tool outside of the server does for every hook."""
    with connection.transaction():
        for _ in range(HOOKS):
            connection.execute("SAVEPOINT hook")
            connection.execute("SELECT bench_nothing(NULL)")
            connection.execute("RELEASE SAVEPOINT hook")


def private_memory(process_id):
    for line in pathlib.Path(f"/proc/{process_id}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the server's memory cannot be read")


def main():
    measuring.sql(SETUP)
    measuring.heading(f"{HOOKS} hooks that do nothing in one phase, {ROUNDS} interleaved rounds")
    quiet = "SET confiture.log_level = off;"
    with measuring.Session() as quietly, measuring.Session() as logging, measuring.Session() as loop:
        quietly.run(quiet)
        with psycopg.connect("") as connection:
            times = measuring.interleave(ROUNDS, {
                "loop": lambda: loop.run(f"SELECT bench_loop({HOOKS});"),
                "phase": lambda: quietly.run(phase("BEFORE_DDL")),
                "logged": lambda: logging.run(phase("BEFORE_DDL")),
                "client": lambda: by_client(connection),
            })
        measuring.report("plpgsql loop with an EXCEPTION block", times["loop"])
        measuring.report("run_phase(), kept in hook_run", times["phase"])
        measuring.report("run_phase(), with a line each in the log as well", times["logged"])
        measuring.report("client: SAVEPOINT, call, RELEASE over psycopg", times["client"])
        measuring.report_ratio("run_phase() against the loop", times["phase"], times["loop"], 2)
        measuring.report_ratio("with the log against the loop", times["logged"], times["loop"])
        measuring.report_ratio("run_phase() against the client", times["phase"], times["client"])

        def most_memory():
            """Over ten phases: what malloc gives back, and when, differs from one to the next."""
            most = 0
            for _ in range(10):
                quietly.run(phase("BEFORE_DDL"))
                most = max(most, private_memory(quietly.process_id))
            return most

        first = most_memory()
        measuring.report_limit("growth over ten more phases", most_memory() - first, 1, "MB")

        measuring.heading(f"hooks that write a row each, {HOOKS // 10} and {HOOKS}, {ROUNDS} interleaved rounds")
        times = measuring.interleave(ROUNDS, {
            "some": lambda: quietly.run(phase("CLEANUP")),
            "many": lambda: quietly.run(phase("AFTER_DDL")),
        }, before=lambda: measuring.sql("TRUNCATE bench_rows"))
        measuring.report(f"{HOOKS // 10} writing hooks", times["some"])
        measuring.report(f"{HOOKS} writing hooks", times["many"])
        measuring.report_ratio("ten times as many", times["many"], times["some"], 12)
    measuring.sql("SELECT count(confiture.unregister_hook(name)) FROM confiture.hook;"
                  "SELECT confiture.unregister_migration('1'); DROP TABLE bench_rows;")


main()
