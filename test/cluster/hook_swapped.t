#!/usr/bin/env python3
"""A function that is trusted as it stands, replaced again and again by its owner while a superuser runs it: what runs is what was trusted."""
import collections
import time
from sessions import Cluster, done, equal, note, ok

cluster = Cluster()
cluster.database("swapped", """
CREATE ROLE swapper LOGIN;
CREATE SCHEMA s;
GRANT ALL ON SCHEMA s TO swapper;
GRANT USAGE ON SCHEMA confiture TO swapper;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO swapper;
CREATE TABLE s.ran (what text);
SET ROLE swapper;
CREATE FUNCTION s.hook(jsonb) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
CREATE PROCEDURE s.swap(seconds float) LANGUAGE plpgsql AS $$
DECLARE until timestamptz := clock_timestamp() + seconds * interval '1 s';
BEGIN
    WHILE clock_timestamp() < until LOOP
        CREATE OR REPLACE FUNCTION s.hook(jsonb) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 666; END';
        COMMIT;
        CREATE OR REPLACE FUNCTION s.hook(jsonb) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 1; END';
        COMMIT;
    END LOOP;
END $$;
SELECT confiture.register_hook('h' || n, 'AFTER_DDL', 's.hook(jsonb)', on_failure => 'continue') FROM generate_series(1, 200) n;
RESET ROLE;
SELECT confiture.register_migration('1', 'one', 'SELECT 1');
SELECT confiture.trust('hook', '*')""")
session, swapper = cluster.session("swapped"), cluster.session("swapped", "swapper")
session.run("SET client_min_messages = error; SET confiture.log_level = off")
PHASE = "SELECT coalesce(rows_affected::text, error->>'sqlstate') || ' ' || count(*) FROM confiture.run_phase('AFTER_DDL', '1') GROUP BY rows_affected, error->>'sqlstate'"
equal(session.run(PHASE).value, "1 200", "the function is trusted")

SECONDS = 8
swapper.start(f"CALL s.swap({SECONDS})")
outcomes, until = collections.Counter(), time.monotonic() + SECONDS - 1
strange = []
while time.monotonic() < until:
    answer = session.run(PHASE)
    for row in answer.rows:
        what, count = row.rsplit(" ", 1)
        outcomes[what] += int(count)
    if answer.state:
        strange.append(answer.messages)
answer = swapper.finish()
equal(answer.state, None, "it is replaced all the time")
note(f"hooks that ran or did not: {dict(outcomes)}")
equal(strange, [], "every phase ends")
equal(outcomes["666"], 0, "the other function never runs")
ok(outcomes["1"] > 100, "the trusted one does", outcomes)
ok(outcomes["MG017"] > 100, "and is refused where it is the other one", outcomes)
equal(set(outcomes) - {"1", "666", "MG017"}, set(), "nothing else becomes of it")
equal(session.run(PHASE).value, "1 200", "afterwards it is as it was")
done()
