#!/usr/bin/env python3
"""The rewrites by ALTER that a dry run reports, against a table_rewrite event trigger of the server's."""
from sessions import TOP, Cluster, done, equal, note, ok

TRIGGER = """
CREATE FUNCTION tell_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS
  'BEGIN RAISE NOTICE ''rewrite %'', pg_event_trigger_table_rewrite_oid()::regclass; END';
CREATE EVENT TRIGGER tell_rewrite ON table_rewrite EXECUTE FUNCTION tell_rewrite();
"""
ALTERS = ("ALTER TABLE", "ALTER MATERIALIZED VIEW", "ALTER TYPE")
cluster = Cluster("timezone=UTC")


def rewrites_of(result):
    """Qualified names, each as often as it was rewritten by an ALTER."""
    found = []
    for statement in result["stats"]["statements"]:
        alters = statement["tag"] in ALTERS or statement["tag"] == "DO"
        found += [rewrite["relation"] for rewrite in statement["rewrites"] if alters]
    return sorted(name[len("public."):] if name.startswith("public.") else name for name in found)


def told(answer):
    return sorted(notice.partition(" ")[2] for notice in answer.notices if notice.startswith("rewrite "))


VARIANTS = {
    "int to bigint": "ALTER TABLE one ALTER number TYPE bigint",
    "bigint to int": "ALTER TABLE one ALTER large TYPE int",
    "varchar widened": "ALTER TABLE one ALTER short TYPE varchar(200)",
    "varchar narrowed": "ALTER TABLE one ALTER short TYPE varchar(5)",
    "varchar to text": "ALTER TABLE one ALTER short TYPE text",
    "text to varchar": "ALTER TABLE one ALTER words TYPE varchar",
    "text to varchar of a length": "ALTER TABLE one ALTER words TYPE varchar(500)",
    "numeric widened": "ALTER TABLE one ALTER price TYPE numeric(12, 2)",
    "numeric of another scale": "ALTER TABLE one ALTER price TYPE numeric(12, 4)",
    "numeric without limits": "ALTER TABLE one ALTER price TYPE numeric",
    "timestamp to timestamptz, in UTC": "ALTER TABLE one ALTER at TYPE timestamptz",
    "timestamp to timestamptz, elsewhere": "SET timezone = 'Europe/Paris'; ALTER TABLE one ALTER at TYPE timestamptz",
    "timestamp of a precision": "ALTER TABLE one ALTER at TYPE timestamp(3)",
    "char to text": "ALTER TABLE one ALTER code TYPE text",
    "cidr to inet": "ALTER TABLE one ALTER net TYPE inet",
    "domain to its type": "ALTER TABLE one ALTER tame TYPE int",
    "type to a domain": "ALTER TABLE one ALTER number TYPE tame_int",
    "type to a domain with a check": "ALTER TABLE one ALTER number TYPE positive",
    "USING the same": "ALTER TABLE one ALTER number TYPE int USING number",
    "USING another": "ALTER TABLE one ALTER number TYPE int USING number + 1",
    "bit varying widened": "ALTER TABLE one ALTER flags TYPE bit varying(20)",
    "another collation": 'ALTER TABLE one ALTER words TYPE text COLLATE "C"',
    "json to jsonb": "ALTER TABLE one ALTER doc TYPE jsonb",
    "ADD COLUMN": "ALTER TABLE one ADD COLUMN a int",
    "ADD COLUMN with a constant": "ALTER TABLE one ADD COLUMN a int DEFAULT 7",
    "ADD COLUMN with a stable default": "ALTER TABLE one ADD COLUMN a timestamptz DEFAULT now()",
    "ADD COLUMN with a volatile default": "ALTER TABLE one ADD COLUMN a double precision DEFAULT random()",
    "ADD COLUMN serial": "ALTER TABLE one ADD COLUMN a serial",
    "ADD COLUMN identity": "ALTER TABLE one ADD COLUMN a int GENERATED ALWAYS AS IDENTITY",
    "ADD COLUMN generated": "ALTER TABLE one ADD COLUMN a int GENERATED ALWAYS AS (number * 2) STORED",
    "ADD COLUMN of a domain with a check": "ALTER TABLE one ADD COLUMN a positive DEFAULT 1",
    "DROP COLUMN": "ALTER TABLE one DROP COLUMN words",
    "SET NOT NULL": "ALTER TABLE one ALTER number SET NOT NULL",
    "SET DEFAULT": "ALTER TABLE one ALTER number SET DEFAULT 9",
    "DROP EXPRESSION": "ALTER TABLE with_generated ALTER b DROP EXPRESSION",
    "ADD CHECK": "ALTER TABLE one ADD CHECK (number > 0)",
    "ADD PRIMARY KEY": "ALTER TABLE one ADD PRIMARY KEY (number)",
    "ADD FOREIGN KEY": "ALTER TABLE one ADD FOREIGN KEY (number) REFERENCES partner",
    "SET UNLOGGED": "ALTER TABLE one SET UNLOGGED",
    "SET LOGGED": "ALTER TABLE careless SET LOGGED",
    "SET UNLOGGED what is": "ALTER TABLE careless SET UNLOGGED",
    "SET STORAGE": "ALTER TABLE one ALTER words SET STORAGE EXTERNAL",
    "SET STATISTICS": "ALTER TABLE one ALTER words SET STATISTICS 7",
    "SET (fillfactor)": "ALTER TABLE one SET (fillfactor = 70)",
    "CLUSTER ON": "CREATE INDEX by_number ON one (number); ALTER TABLE one CLUSTER ON by_number",
    "RENAME": "ALTER TABLE one RENAME TO two",
    "SET SCHEMA": "CREATE SCHEMA elsewhere; ALTER TABLE one SET SCHEMA elsewhere",
    "OWNER": "ALTER TABLE one OWNER TO pg_monitor",
    "several at once": "ALTER TABLE one ADD a int DEFAULT 1, ALTER number TYPE bigint, ALTER words SET NOT NULL, DROP COLUMN at",
    "twice": "ALTER TABLE one ALTER number TYPE bigint; ALTER TABLE one ALTER number TYPE int",
    "partitions": "ALTER TABLE measured ALTER amount TYPE bigint",
    "one partition": "ALTER TABLE measured_1 ADD CHECK (amount >= 0)",
    "partitions with a volatile default": "ALTER TABLE measured ADD COLUMN a float DEFAULT random()",
    "attached": "CREATE TABLE fresh (LIKE measured); ALTER TABLE measured ATTACH PARTITION fresh FOR VALUES FROM (200) TO (300)",
    "inheritance": "ALTER TABLE parent ALTER number TYPE bigint",
    "ONLY the parent": "ALTER TABLE ONLY parent ADD CONSTRAINT lone CHECK (number > 0) NO INHERIT",
    "a composite type that is used": "ALTER TYPE pair ADD ATTRIBUTE third int CASCADE",
    "a typed table": "ALTER TYPE pair ALTER ATTRIBUTE first TYPE bigint CASCADE",
    "an empty table": "ALTER TABLE nothing ALTER number TYPE bigint",
    "a new table": "CREATE TABLE fresh (number int); INSERT INTO fresh VALUES (1); ALTER TABLE fresh ALTER number TYPE bigint",
    "a table that is dropped after": "ALTER TABLE one ALTER number TYPE bigint; DROP TABLE one",
    "in a DO block": "DO $$ BEGIN ALTER TABLE one ALTER number TYPE bigint; ALTER TABLE partner ADD COLUMN a float DEFAULT random(); END $$",
    "in a function": "SELECT change_it()",
    "rolled back in a block": "DO $$ BEGIN ALTER TABLE one ALTER number TYPE bigint; PERFORM 1 / 0; EXCEPTION WHEN others THEN END $$",
    "in a savepoint, rolled back": "SAVEPOINT here; ALTER TABLE one ALTER number TYPE bigint; ROLLBACK TO here",
    "names with quotes": 'ALTER TABLE "Odd ""Name""" ALTER number TYPE bigint',
}
TABLES = '''
CREATE DOMAIN tame_int AS int; CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE partner (id int PRIMARY KEY); INSERT INTO partner VALUES (1);
CREATE TABLE one (number int, large bigint, short varchar(20), words text, price numeric(10, 2), at timestamp, code char(3),
                  net cidr, tame tame_int, flags bit varying(8), doc json);
INSERT INTO one VALUES (1, 1, 'abc', 'words', 1.5, '2024-02-01 12:00', 'abc', '10.0.0.0/8', 1, '101', '{}');
CREATE TABLE nothing (number int);
CREATE TABLE with_generated (a int, b int GENERATED ALWAYS AS (a) STORED);
CREATE UNLOGGED TABLE careless (number int);
CREATE TABLE measured (id int, amount int) PARTITION BY RANGE (id);
CREATE TABLE measured_1 PARTITION OF measured FOR VALUES FROM (0) TO (100);
CREATE TABLE measured_2 PARTITION OF measured FOR VALUES FROM (100) TO (200);
INSERT INTO measured SELECT n, n FROM generate_series(0, 199) n;
CREATE TABLE parent (number int); CREATE TABLE child () INHERITS (parent); INSERT INTO child VALUES (1);
CREATE TYPE pair AS (first int, second int); CREATE TABLE pairs OF pair; INSERT INTO pairs VALUES (1, 2);
CREATE TABLE "Odd ""Name""" (number int); INSERT INTO "Odd ""Name""" VALUES (1);
CREATE FUNCTION change_it() RETURNS void LANGUAGE plpgsql AS 'BEGIN ALTER TABLE one ALTER number TYPE bigint; END';
'''
cluster.database("variants", TABLES, TRIGGER)
session = cluster.session("variants")
rewritten = 0
for name, script in VARIANTS.items():
    answer = session.dry_run(script)
    result = answer.json() if answer.value else {"success": None, "stats": {"statements": [], "status": repr(answer)}}
    if not ok(result["success"] is True, f"{name}: it runs", result["stats"].get("error"), result["stats"]["status"]):
        continue
    rewritten += len(told(answer))
    if name == "in a function":
        found = sorted(r["relation"][len("public."):] for s in result["stats"]["statements"] for r in s["rewrites"])
    else:
        found = rewrites_of(result)
    # What was undone again by the script itself is told where the server did the work, or not at all.
    if "rolled back" in name:
        ok(found in ([], told(answer)), f"{name}: the same rewrites", found, told(answer))
    else:
        equal(found, told(answer), f"{name}: the same rewrites")
note(f"{len(VARIANTS)} scripts, {rewritten} rewrites")

# The shop, each migration in turn.
cluster.database("shop", "SELECT 1")
shop = TOP / "examples" / "shop"
for file in sorted((shop / "migrations").glob("00[1-4]_*.up.sql")):
    cluster.sql(file.read_text(), "shop")
cluster.program("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", "rows=500", "-d", "shop", "-f", shop / "generate.sql")
cluster.sql(TRIGGER, "shop")
session = cluster.session("shop")
differences, rewritten = [], 0
for file in sorted((shop / "migrations").glob("*.up.sql")):
    if file.name < "005":
        continue
    answer = session.dry_run(file.read_text())
    result = answer.json()
    if not result["success"]:
        differences.append((file.name, result["stats"].get("error"), result["stats"].get("reason")))
    elif rewrites_of(result) != told(answer):
        differences.append((file.name, rewrites_of(result), told(answer)))
    rewritten += len(told(answer))
    cluster.sql(file.read_text(), "shop")
ok(not differences, f"the shop: the same rewrites ({rewritten})", *map(str, differences))
ok(rewritten > 0, "the shop: there are some")
done()
