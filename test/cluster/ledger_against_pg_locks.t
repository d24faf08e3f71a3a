#!/usr/bin/env python3
"""The lock ledger against pg_locks: between the statements of a script both say the same, object by object and mode by mode.

The script itself looks into pg_locks; what it sees leaves by NOTICEs, which no rollback takes back.  Compared are all locks
but those on system catalogs, which statements take and leave all the time, on transaction ids, and on confiture's own tables,
the migrators' lock on the view that stands for them among them.
"""
import collections
import json
import re
from sessions import Cluster, done, equal, ok

# A name for each object that a snapshot can still find; an object's oid stays what it is after it is dropped.
SNAPSHOT = r"""DO $snapshot$
DECLARE seen record;
BEGIN
    FOR seen IN SELECT 1259 AS class_id, c.oid, regexp_replace(n.nspname, '^pg_temp_\d+$', 'pg_temp') || '.' || c.relname AS name
                FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384
                UNION ALL
                SELECT class_id, oid, pg_describe_object(class_id, oid, 0)
                FROM (SELECT 1247, oid FROM pg_type UNION ALL SELECT 2606, oid FROM pg_constraint UNION ALL
                      SELECT 2620, oid FROM pg_trigger UNION ALL SELECT 2618, oid FROM pg_rewrite UNION ALL
                      SELECT 1255, oid FROM pg_proc UNION ALL SELECT 2615, oid FROM pg_namespace UNION ALL
                      SELECT 2604, oid FROM pg_attrdef UNION ALL SELECT 3381, oid FROM pg_statistic_ext) o (class_id, oid)
                WHERE oid >= 16384 OR class_id = 2615 LOOP
        RAISE NOTICE 'name %', json_build_array(seen.class_id, seen.oid::bigint, seen.name);
    END LOOP;
    FOR seen IN SELECT l.locktype, l.relation, l.classid, l.objid, l.objsubid, l.mode FROM pg_locks l
                WHERE l.pid = pg_backend_pid() AND l.granted AND (l.relation IS NULL OR l.relation >= 16384)
                  AND l.locktype NOT IN ('transactionid', 'virtualxid')
                  AND (l.locktype, l.classid, l.objid) IS DISTINCT FROM ('object', 'pg_class'::regclass, 'confiture.migrator'::regclass) LOOP
        RAISE NOTICE 'lock %', json_build_array(NUMBER, seen.locktype, coalesce(seen.relation, seen.objid)::bigint,
                                                seen.classid::bigint, seen.objsubid, seen.mode);
    END LOOP;
END $snapshot$"""


def with_snapshots(statements):
    script, numbers = [], []
    for ordinal, statement in enumerate(statements, 1):
        script += [statement, SNAPSHOT.replace("NUMBER", str(2 * ordinal))]
        numbers.append(2 * ordinal)
    return ";\n".join(script), numbers


# The new heap of a rewrite has a row type in some versions, and so has its TOAST table.
NEW_HEAP_TYPE = re.compile(r"type ((\w+\.)?pg_temp_\d+(\[\])?|pg_toast\.pg_toast_\d+)$")


def compare(session, name, statements, toast=True):
    """Runs the statements with a snapshot after each, and compares each snapshot with the ledger's open entries."""
    script, numbers = with_snapshots(statements)
    # What is there before is named before.
    beforehand = session.run("BEGIN;\n" + SNAPSHOT.replace("NUMBER", "0") + ";\nROLLBACK")
    answer = session.dry_run(script, max_locks="off")
    if not ok(answer.value and answer.json()["stats"]["status"] == "complete", f"{name}: it runs", repr(answer)[:3000]):
        return None
    stats = answer.json()["stats"]
    names, seen, nameless = {}, collections.defaultdict(set), set()
    for notice in beforehand.notices + answer.notices:
        kind, _, rest = notice.partition(" ")
        if kind == "name":
            class_id, oid, text = json.loads(rest)
            names.setdefault((class_id, oid), set()).add(text)
    for notice in answer.notices:
        kind, _, rest = notice.partition(" ")
        if kind != "lock":
            continue
        number, lock_type, oid, class_id, sub_id, mode = json.loads(rest)
        if lock_type == "relation":
            # What was made and dropped within one statement, such as the new heap of a rewrite, was never anybody's to see.
            if (1259, oid) not in names or all(name.startswith("confiture.") for name in names[1259, oid]):
                continue
            key = names[1259, oid] | {f"relation {oid}"}
            if not toast and any(map(is_toast, key)):
                continue
        elif lock_type == "object":
            if (class_id, oid) not in names:
                nameless.add(f"object {oid} of catalog {class_id}")
                continue
            key = names[class_id, oid] | {f"object {oid} of catalog {class_id}"}
        else:
            key = {f"{class_id},{oid}"}
        seen[number].add((lock_type, frozenset(key), mode))
    ends = {s["ordinal"]: (s["started_ms"], s["started_ms"] + s["execution_time_ms"]) for s in stats["statements"]}
    # A rewrite gives a table another TOAST table, which takes over the name of the old one.
    locks = [lock for lock in stats["locks"] if not is_catalog(lock) and (toast or not is_toast(lock["object"]))]
    equal(stats["locks_left_out"], 0, f"{name}: the ledger is whole")
    differences = []
    total = 0
    for number in numbers:
        open_now = [(lock["kind"], lock["object"], lock["mode"]) for lock in locks
                    if lock["statement"] <= number and lock["form"] == "real"
                    and (lock["released"] == "end" or lock["acquired_ms"] + lock["held_ms"] >= ends[number][1])]
        total += len(seen[number])
        expected = set(seen[number])
        for kind, label, mode in set(open_now):
            match = [one for one in expected if one[0] == kind and label in one[1] and one[2] == mode]
            if match:
                expected.remove(match[0])
            elif label not in nameless and not NEW_HEAP_TYPE.match(label):
                differences.append(f"after {statements[number // 2 - 1][:60]!r}: only in the ledger {kind, label, mode}")
        differences += [f"after {statements[number // 2 - 1][:60]!r}: only in pg_locks {kind, sorted(label), mode}"
                        for kind, label, mode in expected]
        if len(set(open_now)) != len(open_now):
            twice = [key for key, times in collections.Counter(open_now).items() if times > 1]
            differences.append(f"after {statements[number // 2 - 1][:60]!r}: twice in the ledger {twice}")
    ok(not differences, f"{name}: the same locks ({total} over {len(numbers)} snapshots)", *differences[:20])
    return stats


def is_catalog(lock):
    return lock["kind"] == "relation" and lock["object"].startswith(("pg_catalog.", "information_schema."))


def is_toast(name):
    return name.startswith("pg_toast.")


cluster = Cluster("max_locks_per_transaction=256")
cluster.database("ledger", """
CREATE TABLE customer (id int PRIMARY KEY, name text UNIQUE, extra jsonb);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int REFERENCES customer, note text, amount int);
CREATE INDEX orders_of_customer ON orders (customer_id);
INSERT INTO customer SELECT n, 'c' || n FROM generate_series(1, 20) n;
INSERT INTO orders SELECT n, 1 + n % 20, 'note', n FROM generate_series(1, 200) n;
CREATE VIEW order_names AS SELECT o.id, c.name FROM orders o JOIN customer c ON c.id = o.customer_id;
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, sum(amount) FROM orders GROUP BY 1;
CREATE SEQUENCE numbers;
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE events (id int, day date, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
CREATE TABLE parent (id int);
CREATE TABLE child (more int) INHERITS (parent);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM count(*) FROM customer; RETURN NEW; END';
CREATE TRIGGER touching BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch();
DO $$ BEGIN FOR i IN 1..60 LOOP EXECUTE format('CREATE TABLE many_%s (id int PRIMARY KEY)', i); END LOOP; END $$
""")
session = cluster.session("ledger")

compare(session, "reading and writing", [
    "SELECT count(*) FROM order_names", "INSERT INTO orders VALUES (1000, 1)", "UPDATE orders SET note = 'x' WHERE id = 1",
    "DELETE FROM orders WHERE id = 1000", "SELECT * FROM customer FOR UPDATE", "LOCK customer IN SHARE MODE",
    "LOCK customer IN SHARE ROW EXCLUSIVE MODE", "SELECT nextval('numbers')", "TRUNCATE orders",
    "REFRESH MATERIALIZED VIEW totals", "SELECT pg_advisory_xact_lock(5), pg_advisory_xact_lock_shared(3, 4)"])
compare(session, "DROP TABLE", [
    "DROP VIEW order_names", "SELECT count(*) FROM orders", "DROP MATERIALIZED VIEW totals", "DROP TABLE orders",
    "DROP TABLE customer", "DROP TYPE mood", "DROP SEQUENCE numbers", "DROP FUNCTION touch()"])
compare(session, "DROP CASCADE", ["DROP TABLE customer CASCADE", "DROP TABLE parent CASCADE", "DROP TABLE events"])
compare(session, "a rolled back block", [
    "INSERT INTO orders VALUES (1001, 1)",
    "DO $$ BEGIN BEGIN LOCK customer; TRUNCATE child; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN END; END $$",
    "DO $$ BEGIN BEGIN SELECT 1 FROM customer; PERFORM 1 / 0; EXCEPTION WHEN others THEN LOCK parent; END; END $$",
    "SAVEPOINT here", "LOCK orders", "DROP TABLE child", "ROLLBACK TO here", "SELECT count(*) FROM orders"])
compare(session, "FK partners", [
    "CREATE TABLE item (order_id int)", "ALTER TABLE item ADD CONSTRAINT item_order FOREIGN KEY (order_id) REFERENCES orders",
    "INSERT INTO item VALUES (1)", "DELETE FROM customer WHERE id = 0", "ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey",
    "ALTER TABLE orders ADD CONSTRAINT again FOREIGN KEY (customer_id) REFERENCES customer NOT VALID",
    "ALTER TABLE orders VALIDATE CONSTRAINT again", "ALTER TABLE customer DROP COLUMN extra"])
compare(session, "partitions", [
    "SELECT count(*) FROM events WHERE day = '2024-01-05'", "INSERT INTO events VALUES (1, '2024-01-05')", "SELECT count(*) FROM events",
    "ALTER TABLE events ADD COLUMN note text", "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2024-03-01') TO ('2024-04-01')",
    "ALTER TABLE events DETACH PARTITION events_1", "CREATE INDEX ON events (note)", "DROP TABLE events_2",
    "ALTER TABLE events ATTACH PARTITION events_1 FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')"])
compare(session, "ALTER TABLE", [
    "DROP MATERIALIZED VIEW totals",
    "ALTER TABLE parent ADD COLUMN late int DEFAULT 1", "ALTER TABLE orders ALTER amount TYPE bigint",
    "ALTER TABLE customer ALTER COLUMN name SET STATISTICS 10", "CREATE INDEX ON customer (id, name)",
    "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount > 0)", "COMMENT ON TABLE customer IS 'text'",
    "GRANT SELECT ON customer TO public", "CREATE TRIGGER second BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION touch()",
    "ALTER TABLE orders DISABLE TRIGGER touching", "CLUSTER customer USING customer_pkey", "REINDEX TABLE orders",
    "ANALYZE customer", "CREATE STATISTICS both_columns ON customer_id, amount FROM orders"], toast=False)
compare(session, "new objects", [
    "CREATE SCHEMA fresh", "CREATE TABLE fresh.one (id serial PRIMARY KEY, name text)", "CREATE VIEW fresh.two AS SELECT * FROM fresh.one",
    "INSERT INTO fresh.one (name) VALUES ('x')", "CREATE TABLE fresh.three AS TABLE fresh.one", "CREATE TYPE fresh.kind AS (a int)",
    "CREATE FUNCTION fresh.four() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE TEMP TABLE five (id int)", "DROP TABLE fresh.three",
    "CREATE INDEX ON fresh.one (name)"])

# More than the fast path holds: 16 up to 17, more from 18 on.
everything = " UNION ALL ".join(f"SELECT id FROM many_{n}" for n in range(1, 61))
stats = compare(session, "more than the fast path holds", [
    "SELECT count(*) FROM many_1", f"SELECT count(*) FROM ({everything}) all_of_them", "SELECT count(*) FROM orders",
    "LOCK many_7, many_8", "DROP TABLE many_1, many_60"])
compare(session, "more than the fast path holds, rolled back", [
    "SELECT count(*) FROM many_1", "SAVEPOINT here", f"SELECT count(*) FROM ({everything}) all_of_them", "LOCK many_9", "ROLLBACK TO here",
    "SELECT count(*) FROM many_2"])


# Each lock is told once, by the statement that took it, also when the server moves it from the fast path to the shared table.
stats = session.dry_run("SELECT count(*) FROM orders;\nSELECT 1;\nLOCK orders;\nSELECT 2").json()["stats"]
equal(sorted((lock["mode"], lock["statement"], lock["released"]) for lock in stats["locks"] if lock["object"] == "public.orders"),
      [("AccessExclusiveLock", 3, "end"), ("AccessShareLock", 1, "end")], "a lock that the server moves is told once")

# Within a block that is rolled back later, while it lasts.
script = """DO $$ BEGIN
BEGIN
    LOCK customer; PERFORM pg_sleep(0.2); PERFORM 1 / 0;
EXCEPTION WHEN division_by_zero THEN PERFORM pg_sleep(0.2);
END; PERFORM count(*) FROM orders; END $$"""
stats = session.dry_run(script).json()["stats"]
inner = [lock for lock in stats["locks"] if lock["object"] == "public.customer"]
ok(len(inner) == 1 and inner[0]["mode"] == "AccessExclusiveLock" and inner[0]["released"] == "early" and inner[0]["statement"] == 1
   and 190 <= inner[0]["held_ms"], "a block that is rolled back: its lock is told, with its time", inner)
ok(inner and inner[0]["held_ms"] < 390, "a block that is rolled back: and its end", inner)

# What the caller held is marked, and left out of the tables locked.
session.run("BEGIN; LOCK customer IN SHARE MODE; SELECT count(*) FROM parent")
result = session.dry_run("LOCK customer; SELECT count(*) FROM orders").json()
before = {(lock["object"], lock["mode"]) for lock in result["stats"]["locks"] if lock["held_before"] and not is_catalog(lock)}
equal(before, {("public.customer", "ShareLock"), ("public.parent", "AccessShareLock"), ("public.child", "AccessShareLock")}, "what the caller held is marked")
equal(result["locked_tables"], ["public.customer", "public.orders"], "and what was locked is named")
equal(session.run("SELECT string_agg(relation::regclass || ' ' || mode, ',' ORDER BY relation::regclass::text) FROM pg_locks WHERE pid = pg_backend_pid()"
                  " AND relation >= 16384").value, "child AccessShareLock,customer ShareLock,parent AccessShareLock", "and is what he holds after")
session.run("ROLLBACK")
done()
