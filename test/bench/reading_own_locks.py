#!/usr/bin/env python3
"""Reading own locks: microseconds a look, beside the same through pg_locks.

Needs a cluster with room for 11,000 locks: max_locks_per_transaction=512 or more."""

import contextlib
import os
import statistics
import subprocess
import sys

import measuring

ROUNDS = 15
SESSIONS, LOCKS_EACH = 10, 1000
FEW_LOCKS, OWN_LOCKS = 20, 1000

VIA_VIEW = """
CREATE FUNCTION microseconds_through_pg_locks(looks integer) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    seen bigint;
BEGIN
    SELECT count(relation) INTO seen FROM pg_locks WHERE pid = pg_backend_pid();
    began := clock_timestamp();
    FOR i IN 1..looks LOOP
        SELECT count(relation) INTO seen FROM pg_locks WHERE pid = pg_backend_pid();
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp() - began) * 1e6 / looks;
END $$;
"""


def build(folder):
    makefile = measuring.REPOSITORY / "test/bench/own_locks/Makefile"
    done = subprocess.run(
        ["make", "-s", "-f", str(makefile), f"OUT={folder}", "own_locks"],
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        sys.exit(done.stderr)
    library = f"{folder}/own_locks.so"
    measuring.sql(f"""
        CREATE FUNCTION microseconds_per_look(looks integer, whole boolean) RETURNS double precision
            LANGUAGE c AS '{library}';
        CREATE FUNCTION locks_seen() RETURNS bigint LANGUAGE c AS '{library}';
        {VIA_VIEW}""")


def lock_tables(session, first, last):
    session.run(f"""
        DO $$ BEGIN
            FOR i IN {first}..{last} LOOP
                EXECUTE format('LOCK TABLE own_%s', i);
            END LOOP;
        END $$;""")


def measure(session, looks_at_view):
    """Median and spread of each way of looking, in one session as it is."""
    ways = {
        "quick look (nested statement, object)": "microseconds_per_look(100000, false)",
        "whole look (end of a statement)": "microseconds_per_look(10000, true)",
        "pg_locks, planned once": f"microseconds_through_pg_locks({looks_at_view})",
    }
    times = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, call in ways.items():
            times[name].append(float(session.run(f"SELECT {call};")))
    for name, values in times.items():
        measuring.report(name, values, "us", 3)
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    with measuring.server_folder() as folder, contextlib.ExitStack() as others:
        build(folder)
        measuring.sql(f"""
            DO $$ BEGIN
                FOR i IN 1..{OWN_LOCKS} LOOP
                    EXECUTE format('CREATE TABLE own_%s (id integer)', i);
                END LOOP;
            END $$;""")
        with measuring.Session() as session:
            session.run("BEGIN; SELECT microseconds_per_look(1000, true);")
            lock_tables(session, 1, FEW_LOCKS)
            measuring.heading(f"Reading own locks, quiet: {session.run('SELECT locks_seen();')} own")
            quiet = measure(session, 2000)

            for number in range(SESSIONS):
                other = others.enter_context(measuring.Session())
                first, last = number * LOCKS_EACH + 1, (number + 1) * LOCKS_EACH
                other.run(f"SELECT count(pg_advisory_lock(i)) FROM generate_series({first}, {last}) i;")
            count = measuring.sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';")
            measuring.heading(f"Reading own locks, {count} held by {SESSIONS} other sessions")
            crowded = measure(session, 50)

            lock_tables(session, FEW_LOCKS + 1, OWN_LOCKS)
            measuring.heading(
                f"Reading own locks, the same others, {session.run('SELECT locks_seen();')} own")
            measure(session, 50)
            session.run("ROLLBACK;")
        quick, whole, view = quiet
        measuring.heading("Reading own locks: what is wanted")
        measuring.report_limit("quick look, quiet", quiet[quick], 1, "us", 3)
        measuring.report_limit("whole look, quiet", quiet[whole], 1, "us", 3)
        for name in (quick, whole):
            print(f"  {name:<48} {crowded[name] / quiet[name]:10.3f} x   with 10,000 foreign locks against"
                  f" quiet  wanted: no slower")
        print(f"  {'pg_locks against the whole look':<48} {quiet[view] / quiet[whole]:10.0f} x   quiet,"
              f" {crowded[view] / crowded[whole]:.0f} x with 10,000 foreign locks")


main()
