"""Bystanders: two sessions that try to read and to write every table all the time, and say how long they were kept out.

They are the judge of holds and downtimes.  A try is a statement with a lock_timeout of a millisecond, about every 5 ms; what
they felt is at least the time from the first to the last try in a row that failed, and at most that between the two that
worked around them.
"""
import collections
import contextlib
import json

STOP = 770077  # an advisory lock that the harness holds while they are to go on

PROCEDURE = r"""
CREATE PROCEDURE bystander(tables text[], writes boolean) LANGUAGE plpgsql AS $bystander$
DECLARE
    tries text[]; names text[]; this text; began timestamptz; failed boolean;
    first_failed timestamptz[]; last_failed timestamptz[]; last_worked timestamptz[];
    millisecond CONSTANT float8 := 1000;
BEGIN
    SET lock_timeout = '1ms';
    FOREACH this IN ARRAY tables LOOP
        names := names || this;
        tries := tries || CASE WHEN writes THEN format('UPDATE %s SET id = id WHERE false', this)
                               ELSE format('SELECT FROM %s LIMIT 1', this) END;
    END LOOP;
    first_failed := array_fill(NULL::timestamptz, ARRAY[cardinality(tries)]);
    last_failed := first_failed;
    last_worked := array_fill(clock_timestamp(), ARRAY[cardinality(tries)]);
    WHILE NOT pg_try_advisory_lock_shared(770077) LOOP
        FOR i IN 1 .. cardinality(tries) LOOP
            began := clock_timestamp();
            failed := false;
            BEGIN
                EXECUTE tries[i];
            EXCEPTION WHEN lock_not_available THEN failed := true;
                      WHEN undefined_table THEN NULL;
            END;
            COMMIT;
            IF failed THEN
                first_failed[i] := coalesce(first_failed[i], began);
                last_failed[i] := clock_timestamp();
            ELSE
                IF first_failed[i] IS NOT NULL THEN
                    RAISE NOTICE 'felt %', json_build_array(names[i], extract(epoch FROM last_failed[i] - first_failed[i]) * millisecond,
                                                          extract(epoch FROM clock_timestamp() - last_worked[i]) * millisecond);
                    first_failed[i] := NULL;
                END IF;
                last_worked[i] := began;
            END IF;
        END LOOP;
        PERFORM pg_sleep(0.002);
        COMMIT;
    END LOOP;
    PERFORM pg_advisory_unlock_shared(770077);
END $bystander$;
"""

Felt = collections.namedtuple("Felt", "least most")  # milliseconds
NOTHING = Felt(0, 0)


class Bystanders:
    """A reader and a writer of the tables of one database, which has PROCEDURE."""

    def __init__(self, cluster, database):
        self.keeper, self.reader, self.writer = (cluster.session(database) for _ in range(3))

    @contextlib.contextmanager
    def watching(self, readable, writable):
        """Yields a dictionary that is filled at the end: 'read' and 'write' to the longest time felt of each table."""
        felt = {"read": {}, "write": {}}
        self.keeper.run(f"SELECT pg_advisory_lock({STOP})")
        self.reader.start(f"CALL bystander('{{{','.join(readable)}}}', false)")
        self.writer.start(f"CALL bystander('{{{','.join(writable)}}}', true)")
        try:
            yield felt
        finally:
            self.keeper.run(f"SELECT pg_advisory_unlock({STOP})")
            for what, session in (("read", self.reader), ("write", self.writer)):
                for message in session.finish().notices:
                    kind, _, rest = message.partition(" ")
                    if kind != "felt":
                        continue
                    table, least, most = json.loads(rest)
                    felt[what][table] = max(felt[what].get(table, NOTHING), Felt(least, most))


def longest(felt):
    return max(felt.values(), default=NOTHING)
