#!/usr/bin/python3
"""The real client libraries call confiture.up() and down(): rows, notices and errors arrive, in each protocol; inside a
transaction they are refused; a cancel of the client's comes through."""
from clients import PASSWORD, Jdbc, NodePostgres, Psycopg, Psycopg2, left_out, on_the_loopback
from sessions import Cluster, done, equal, ok, quoted, wait_until

cluster = Cluster(*on_the_loopback())
cluster.sql(f"CREATE ROLE migrator LOGIN SUPERUSER PASSWORD '{PASSWORD}'")

MIGRATIONS = {
    "001": ("""CREATE TABLE customer (id int PRIMARY KEY, email text);
               INSERT INTO customer SELECT n, 'e' || n FROM generate_series(1, 200) n;
               DO $$ BEGIN RAISE NOTICE 'two hundred'; END $$""", "DROP TABLE customer"),
    "002": ("""ALTER TABLE customer ADD COLUMN tenant int;
               CREATE INDEX CONCURRENTLY customer_email ON customer (email);
               ALTER TABLE customer ALTER COLUMN tenant SET DEFAULT 1""",
            "DROP INDEX CONCURRENTLY customer_email; ALTER TABLE customer DROP COLUMN tenant"),
    "003": ("CREATE TABLE tenant (id int);\nINSERT INTO customer VALUES (201, 'new');\nINSERT INTO customer VALUES (7, 'twice')",
            "DROP TABLE tenant"),
    "004": ("CREATE TABLE last (id int); CREATE INDEX CONCURRENTLY nothing ON last (nowhere)", "DROP TABLE last"),
}


def register(database, version, forward, backward=""):
    cluster.sql(f"SELECT confiture.register_migration('{version}', 'x', {quoted(forward)}, {quoted(backward)})", database)


def statuses(database):
    return cluster.sql("SELECT string_agg(status, ' ' ORDER BY version) FROM confiture.status", database)


def has_row(answer, name, count_column, count, version):
    row = answer.rows[0] if len(answer.rows) == 1 else {}
    ok(answer.error is None and row.get(count_column) == count and row.get("current_version") == version
       and type(row.get("execution_time_ms")) is float and row["execution_time_ms"] > 0
       and str(row.get("next_command")).startswith(("CALL confiture.", "SELECT * FROM confiture.")),
       f"{name}: the summary arrives, of the types it has", repr(answer))


def is_refused(answer, name):
    error = answer.error or {}
    ok(answer.state == "MG010" and "cannot run inside a transaction" in error["message"]
       and "without autocommit" in error["detail"] and "on its own, with autocommit on" in error["hint"],
       f"{name}: MG010 with its hint", repr(answer))


def history(client, kind, name, database):
    """The same for every client and protocol."""
    for version, scripts in MIGRATIONS.items():
        register(database, version, *scripts)

    def up(version):
        if kind == "simple" and not client.simple_takes_parameters:
            return client.run(kind, f"CALL confiture.up(target => '{version}')")
        return client.run(kind, "CALL confiture.up(target => ?)", version)

    answer = up("002")
    has_row(answer, f"{name}, up", "applied", 2, "002")
    told = [notice["message"] for notice in answer.notices]
    ok(told[:1] == ["two hundred"] and [text.split(" in ")[0] for text in told[1:]] == [
        'migration "001" applied', 'migration "002" applied'], f"{name}: notices arrive, those of the script too", repr(answer))

    answer = up("003")
    error = answer.error or {}
    ok(answer.state == "23505" and error["message"].startswith('migration "003" failed: duplicate key value')
       and "ine 3, statement 3. " in error["detail"] and "Key (id)=(7) already exists." in error["detail"]
       and error["constraint"] == "customer_pkey", f"{name}: an error arrives, with SQLSTATE, DETAIL and constraint", repr(answer))
    equal(statuses(database), "applied applied failed pending", f"{name}: what came before it stays applied")
    register(database, "003", "CREATE TABLE tenant (id int)", "DROP TABLE tenant")
    answer = up("004")
    ok(answer.state == "42703" and "1 is done" in answer.error["detail"] and "resumes with step 2" in answer.error["hint"],
       f"{name}: an error of a statement at top level arrives, and its HINT", repr(answer))
    register(database, "004", "CREATE TABLE last (id int); CREATE INDEX CONCURRENTLY nothing ON last (id)", "DROP TABLE last")
    has_row(up("4"), f"{name}, up again", "applied", 1, "004")

    # However the client opens a transaction.
    client.run("simple", "BEGIN")
    is_refused(client.run(kind, "CALL confiture.up(steps => 1)"), f"{name}, inside BEGIN")
    client.run("simple", "ROLLBACK")
    client.autocommit(False)
    is_refused(client.run(kind, "CALL confiture.down()"), f"{name}, with autocommit off")
    client.rollback()
    client.autocommit(True)
    equal(statuses(database), "applied applied applied applied", f"{name}: before anything is touched")
    if kind == "simple" and not client.simple_takes_parameters:
        answer = client.run(kind, "CALL confiture.down(NULL, 3)")
    else:
        answer = client.run(kind, "CALL confiture.down(?, ?)", None, 3)
    has_row(answer, f"{name}, down by three", "reverted", 3, "001")


def prepared(client, name, database):
    """Drivers change their ways after some runs: they prepare on the server, and take values in their binary form."""
    for count in range(8):
        register(database, f"1{count}", "SELECT 1")
        answer = client.run("kept", "CALL confiture.up(target => ?)", f"1{count}")
        if answer.error or answer.rows[0]["current_version"] != f"1{count}":
            break
    ok(answer.error is None and count == 7, f"{name}: eight times the same statement", repr(answer))


def running(database):
    return cluster.sql("SELECT wait_event FROM pg_stat_activity WHERE query LIKE 'CALL confiture.up%' AND state = 'active'"
                       " AND backend_type = 'client backend' AND datname = current_database()", database)


def cancelled(client, kind, name, database):
    register(database, "201", "CREATE TABLE slow (id int); SELECT pg_sleep(60)")
    client.start(kind, "CALL confiture.up()")
    ok(wait_until(lambda: running(database) == "PgSleep"), f"{name}: a migration sleeps")
    client.cancel()
    answer = client.finish()
    ok(answer.state == "57014" and "user request" in answer.error["message"], f"{name}: a cancel arrives", repr(answer))
    equal(cluster.sql("SELECT to_regclass('slow') IS NULL", database), "t", f"{name}: the step is rolled back")

    register(database, "201", "CREATE INDEX CONCURRENTLY by_email ON customer (email)")
    old = cluster.session(database)
    old.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1")
    client.start(kind, "CALL confiture.up()")
    ok(wait_until(lambda: cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", database) == "1"),
       f"{name}: an index waits in the worker")
    client.cancel()
    answer = client.finish()
    ok(answer.state == "57014" and "user request" in answer.error["message"], f"{name}: a cancel arrives there too", repr(answer))
    equal(cluster.sql("SELECT to_regclass('by_email') IS NULL", database), "t", f"{name}: no invalid index is left")
    old.run("ROLLBACK")
    has_row(client.run(kind, "CALL confiture.up()"), f"{name}, up after a cancel", "applied", 1, "201")


WAYS = [(Psycopg2, {}), (Psycopg, {}), (NodePostgres, {}), (Jdbc, {}), (Jdbc, {"preferQueryMode": "simple"})]
for number, (library, properties) in enumerate(WAYS):
    if left_out(cluster, library):
        continue
    for kind in ["kept"] if properties else library.kinds:
        name = " ".join([library.name, kind, *(f"{key}={value}" for key, value in properties.items())])
        database = f"client_{number}_{kind}"
        cluster.database(database)
        client = library(database, "127.0.0.1", cluster.port, "migrator", PASSWORD, **properties)
        history(client, kind, name, database)
        if kind == "kept":
            prepared(client, name, database)
        if kind == library.kinds[-1]:
            cancelled(client, kind, name, database)
        client.close()
done()
