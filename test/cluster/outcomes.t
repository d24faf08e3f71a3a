#!/usr/bin/env python3
"""What became of a statement that runs outside of transactions, read from the catalog after its answer was lost."""
import json
from sessions import TOP, Cluster, done, equal, ok, quoted, skip, wait_until

LIBRARY = TOP / "test/border/border.so"
if not ok(LIBRARY.exists(), "the test library is built", f"{LIBRARY}: run `make border`"):
    done()

cluster = Cluster("autovacuum=off")
cluster.sql("CREATE SCHEMA border")
for function in ("look_before(text) RETURNS text", "look_after(text, text) RETURNS jsonb"):
    cluster.sql(f"CREATE FUNCTION border.{function} LANGUAGE C STRICT AS '{LIBRARY}', 'confiture_border_{function.split('(')[0]}'")
watcher, blocker = cluster.session(), cluster.session()


def before(statement, session=None):
    """As the journal keeps it."""
    answer = (session or watcher).run(f"SELECT border.look_before({quoted(statement)})")
    if answer.state:
        return answer.state
    json.loads(answer.value)
    return answer.value


def after(statement, seen, session=None):
    answer = (session or watcher).run(f"SELECT border.look_after({quoted(statement)}, {quoted(seen)})")
    return answer.json() if answer.value else answer.messages


def finds(name, statement, seen, outcome, sentence, cleanup=(), harmless_twice=False, busy=0, session=None):
    """The same however often it is asked, and whatever the search_path is then."""
    expected = {"outcome": outcome, "sentence": sentence, "cleanup": list(cleanup), "harmless_twice": harmless_twice, "busy": busy}
    found = after(statement, seen, session)
    equal(found, expected, name)
    elsewhere = session or watcher
    elsewhere.run("SET search_path = elsewhere")
    equal(after(statement, seen, elsewhere), found, f"{name}: with another search_path")
    elsewhere.run("RESET search_path")
    return found


def clean(name, statement, seen, cleanup, outcome, sentence, **more):
    """The cleanup, each on its own, and what is found then."""
    watcher.run("SET lock_timeout = '20s'")
    for statement_of_it in cleanup:
        equal(watcher.run(statement_of_it).messages, "", f"{name}: {statement_of_it}")
    watcher.run("RESET lock_timeout")
    finds(f"{name}: cleaned up", statement, seen, outcome, sentence, **more)


def waits(session):
    return watcher.run(f"SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {session.pid}").value == "t"


class Interrupted:
    """A statement that runs into `blocking`, which the blocker holds, and is ended there."""

    def __init__(self, name, statement, blocking):
        self.name, self.session = name, cluster.session()
        self.pid = self.session.pid
        blocker.run(f"BEGIN; {blocking}")
        self.session.start(statement)
        ok(wait_until(lambda: waits(self.session)), f"{name}: it waits")

    def end(self, how="terminate"):
        watcher.run(f"SELECT pg_{how}_backend({self.pid})")
        answer = self.session.finish()
        equal(answer.state, {"terminate": "57P01", "cancel": "57014"}[how], f"{self.name}: {how}")
        gone = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {self.pid}"
        if how == "terminate":
            wait_until(lambda: watcher.run(gone).value == "0")
        blocker.run("ROLLBACK")


def run(statement):
    """It as a worker runs it: at top level."""
    return cluster.program("psql", "-X", "-q", "-c", statement).stderr


def lifetime(name, statement, states, harmless_twice=False):
    """A statement that nothing interrupts: what is found before it ran, and after."""
    seen = before(statement)
    finds(f"{name}: not begun", statement, seen, *states[0], harmless_twice=harmless_twice)
    equal(run(statement), "", f"{name}: it runs")
    return finds(f"{name}: run", statement, seen, *states[1], harmless_twice=harmless_twice)


def count_invalid():
    return cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid")


cluster.sql("""
CREATE SCHEMA shop;
CREATE SCHEMA elsewhere;
CREATE SCHEMA "S s";
CREATE TABLE shop.t (id int PRIMARY KEY, a int, b text, c text COLLATE "C", d jsonb, e text[]);
CREATE TABLE elsewhere.t (a int);
INSERT INTO shop.t SELECT n, n % 10, n, n FROM generate_series(1, 1000) n;
CREATE INDEX other ON shop.t (b);
CREATE TABLE shop.parent (a int) PARTITION BY LIST (a);
CREATE TABLE shop.part PARTITION OF shop.parent FOR VALUES IN (1);
CREATE FUNCTION shop.twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
ALTER DATABASE postgres SET search_path = shop, public;
""")
watcher, blocker = cluster.session(), cluster.session()
A_WRITER, A_READER = "UPDATE t SET a = a WHERE id = 1", "SELECT count(*) FROM t"
AN_OLD_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM public.none"
cluster.sql("CREATE TABLE public.none ()")

# ---- CREATE INDEX CONCURRENTLY ----

lifetime("CREATE INDEX", "CREATE INDEX CONCURRENTLY t_a ON t (a)",
         [("not_done", 'index "t_a" is not there'), ("done", 'index "shop.t_a" is there and valid')])
cluster.sql("DROP INDEX shop.t_a")
for how, blocking in (("terminate", A_WRITER), ("cancel", A_WRITER), ("terminate", AN_OLD_SNAPSHOT)):
    name = f"CREATE INDEX, {how} behind {'a writer' if blocking == A_WRITER else 'an old snapshot'}"
    statement = "CREATE INDEX CONCURRENTLY t_a ON t (a)"
    seen = before(statement)
    interrupted = Interrupted(name, statement, blocking)
    finds(f"{name}: being built", statement, seen, "unknown",
          f'index "shop.t_a" is not valid yet: process {interrupted.pid} may be building it', busy=interrupted.pid)
    interrupted.end(how)
    found = finds(name, statement, seen, "not_done", 'index "shop.t_a" is there and invalid', ["DROP INDEX CONCURRENTLY shop.t_a"])
    clean(name, statement, seen, found["cleanup"], "not_done", 'index "t_a" is not there')
statement = 'CREATE UNIQUE INDEX CONCURRENTLY "Tücke ""1""; --" ON t (a)'
seen = before(statement)
ok("could not create unique index" in run(statement), "a unique index on duplicates fails")
found = finds("CREATE UNIQUE INDEX on duplicates", statement, seen, "not_done", 'index "shop.Tücke "1"; --" is there and invalid',
              ['DROP INDEX CONCURRENTLY shop."Tücke ""1""; --"'])
clean("CREATE UNIQUE INDEX on duplicates", statement, seen, found["cleanup"], "not_done", 'index "Tücke "1"; --" is not there')

# The names that the server gives, and those of the greatest length.
UNNAMED = "CREATE UNIQUE INDEX CONCURRENTLY ON t (a, (lower(b)))"
seen = before(UNNAMED)
finds("unnamed: not begun", UNNAMED, seen, "not_done", 'table "t" has no new index of this definition')
cluster.sql("CREATE INDEX t_a_lower_idx ON shop.t (a, lower(b)); CREATE UNIQUE INDEX t_of_ours ON shop.t (id, lower(b))")
finds("unnamed: others came", UNNAMED, seen, "not_done", 'table "t" has no new index of this definition')
cluster.sql("UPDATE shop.t SET b = 'x' WHERE id IN (10, 20)")
run(UNNAMED)
found = finds("unnamed: failed", UNNAMED, seen, "not_done", 'index "shop.t_a_lower_idx1" is there and invalid', ["DROP INDEX CONCURRENTLY shop.t_a_lower_idx1"])
clean("unnamed", UNNAMED, seen, found["cleanup"], "not_done", 'table "t" has no new index of this definition')
cluster.sql("UPDATE shop.t SET b = id")
equal(run(UNNAMED), "", "unnamed: it runs")
finds("unnamed: run", UNNAMED, seen, "done", 'index "shop.t_a_lower_idx1" is there and valid')
seen = before(UNNAMED)
cluster.sql("REINDEX INDEX CONCURRENTLY shop.t_a_lower_idx1")
finds("unnamed: what was there before is not it, though rebuilt", UNNAMED, seen, "not_done", 'table "t" has no new index of this definition')
cluster.sql("DROP INDEX shop.t_a_lower_idx, shop.t_a_lower_idx1, shop.t_of_ours")
LONG = "i" * 30 + "ü" * 16 + "i"
lifetime("63 bytes", f'CREATE INDEX CONCURRENTLY "{LONG}" ON t (a)',
         [("not_done", f'index "{LONG}" is not there'), ("done", f'index "shop.{LONG}" is there and valid')])
cluster.sql(f'DROP INDEX shop."{LONG}"')

# The definition of a statement and that of its index are one; that of another is not.
DEFINITIONS = ["(a)", "(a DESC)", "(a NULLS FIRST)", "(a DESC NULLS LAST)", "(b)", "(a, b)", "(b, a)", "(a) INCLUDE (b)", "(a) WHERE a > 5",
               "(a) WHERE a > 5 AND b = 'x'", "(a) WHERE a > 5 OR b = $$x\ny$$", "((a + 1))", "(twice(a))", "(lower(b), (a + 1))", "(b COLLATE \"C\")",
               "(c)", "(c COLLATE \"en-x-icu\")", "(b text_pattern_ops)", "((b || c) COLLATE \"C\")", "(a) WITH (fillfactor = 70)", "USING hash (a)",
               "USING gin (d)", "USING gin (d jsonb_path_ops)", "USING gin (e)", "USING brin (a, id)", "USING brin (id) WITH (pages_per_range = 8)",
               "(a) WHERE (CASE WHEN a > 1 THEN EXTRACT(year FROM timestamp '2020-01-01') ELSE 0 END) = 0", "((d ->> 'k'))", "(a) WHERE b LIKE 'x%'",
               "(a) WHERE a IN (1, 2)"]
SAME = ["(a ASC NULLS LAST)", "(a int4_ops)", "USING btree ((a))", "(a) WHERE true", "(b COLLATE \"default\")", "(a) WHERE 5 < a AND true"]
DEFINITIONS.append("UNIQUE (a, id)")
if cluster.version >= 15:
    DEFINITIONS.append("UNIQUE (a, id) NULLS NOT DISTINCT")
icu = cluster.sql("SELECT count(*) FROM pg_collation WHERE collname = 'en-x-icu'") == "1"
DEFINITIONS = [definition for definition in DEFINITIONS if icu or "icu" not in definition]


def creating(definition):
    unique = "UNIQUE " if definition.startswith("UNIQUE ") else ""
    return f"CREATE {unique}INDEX CONCURRENTLY i ON t {definition[len(unique):]}"


texts = {definition: json.loads(before(creating(definition)))["definition"] for definition in DEFINITIONS}
equal(len(set(texts.values())), len(DEFINITIONS), "the texts of different definitions differ")
for definition in DEFINITIONS + SAME[:5]:
    statement = creating(definition)
    seen = before(statement)
    equal(run(statement), "", f"{definition!r}: it runs")
    finds(repr(definition), statement, seen, "done", 'index "shop.i" is there and valid')
    cluster.sql("DROP INDEX shop.i")
for definition in SAME[:3] + SAME[4:5]:
    equal(json.loads(before(creating(definition)))["definition"], texts["(b)" if "(b" in definition else "(a)"],
          f"{definition} is the same as by default")

# What is in the way of the name.
NAMED = "CREATE INDEX CONCURRENTLY i ON t (a)"
TOLERANT = "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)"
cluster.sql("CREATE INDEX i ON shop.t (a)")
for statement, outcome, sentence in ((NAMED, "not_done", 'relation "shop.i" was there before'),
                                     (TOLERANT, "done", 'index "shop.i" is there and valid')):
    finds(f"{statement}: there before", statement, before(statement), outcome, sentence)
seen, seen_tolerant = before(NAMED), before(TOLERANT)
cluster.sql("REINDEX INDEX CONCURRENTLY shop.i")
finds("there before, and rebuilt", NAMED, seen, "unknown", 'index "shop.i" was there before, and is another one now')
finds("there before, and rebuilt, IF NOT EXISTS", TOLERANT, seen_tolerant, "done", 'index "shop.i" is there and valid')
cluster.sql("DROP INDEX shop.i; CREATE INDEX i ON shop.t (b)")
seen = before(TOLERANT)
ok("already exists, skipping" in run(TOLERANT), "another definition is passed over by the server")
finds("IF NOT EXISTS: another definition", TOLERANT, seen, "done", 'index "shop.i" is there and valid, with another definition')
cluster.sql("DROP INDEX shop.i")
seen, seen_tolerant = before(NAMED), before(TOLERANT)
cluster.sql("CREATE INDEX i ON shop.t (b)")
finds("somebody else's index came", NAMED, seen, "unknown", 'index "shop.i" is there with another definition')
finds("somebody else's index came, IF NOT EXISTS", TOLERANT, seen_tolerant, "done", 'index "shop.i" is there and valid, with another definition')
cluster.sql("DROP INDEX shop.i; CREATE TABLE shop.i ()")
finds("somebody else's table came", NAMED, seen, "not_done", 'relation "shop.i" is not the statement\'s')
finds("somebody else's table came, IF NOT EXISTS", TOLERANT, seen_tolerant, "not_done",
      'relation "shop.i" is no index of the table: IF NOT EXISTS passes it over')
cluster.sql("DROP TABLE shop.i")
run("CREATE UNIQUE INDEX CONCURRENTLY i ON shop.t (a)")
equal(count_invalid(), "1", "somebody left an invalid index")
finds("somebody else's invalid index came", NAMED, seen, "unknown", 'index "shop.i" is there with another definition')
seen = before(TOLERANT)
ok("already exists, skipping" in run(TOLERANT), "an invalid index is passed over by the server")
finds("IF NOT EXISTS: an invalid index of somebody's", TOLERANT, seen, "not_done",
      'index "shop.i" is not the statement\'s and invalid: IF NOT EXISTS passes it over; drop it first')
cluster.sql("DROP INDEX shop.i")
interrupted = Interrupted("somebody else builds another index", "CREATE INDEX CONCURRENTLY t_other ON t (c)", A_WRITER)
finds("somebody else builds another index", NAMED, before(NAMED), "not_done", 'index "i" is not there')
seen = before("CREATE INDEX CONCURRENTLY ON t (c)")
finds("somebody else builds an equal index", "CREATE INDEX CONCURRENTLY ON t (c)", seen, "not_done", 'table "t" has no new index of this definition')
interrupted.end()
cluster.sql("DROP INDEX shop.t_other")
seen = before("CREATE INDEX CONCURRENTLY ON t (c)")
interrupted = Interrupted("somebody else builds an equal index now", "CREATE INDEX CONCURRENTLY ON t (c)", A_WRITER)
finds("somebody else builds an equal index now", "CREATE INDEX CONCURRENTLY ON t (c)", seen, "unknown",
      f'index "shop.t_c_idx" is not valid yet: process {interrupted.pid} may be building it', busy=interrupted.pid)
interrupted.end()
cluster.sql("DROP INDEX shop.t_c_idx")

for name, statement, sentence in (("on a partition", "CREATE INDEX CONCURRENTLY part_a ON part (a)", 'index "shop.part_a" is there and valid'),
                                  ("in a schema of a difficult name", 'CREATE INDEX CONCURRENTLY "I i" ON "S s"."T t" ("A a")', 'index "S s.I i" is there and valid')):
    cluster.sql('CREATE TABLE IF NOT EXISTS "S s"."T t" ("A a" int)')
    seen = before(statement)
    equal(run(statement), "", f"{name}: it runs")
    finds(name, statement, seen, "done", sentence)
cluster.sql("DROP INDEX shop.part_a")

# What cannot work says so as the statement would, before it is begun.
for statement, state in (("CREATE INDEX CONCURRENTLY i ON t (nothing)", "42703"), ("CREATE INDEX CONCURRENTLY i ON t (d text_ops)", "42804"),
                         ("CREATE INDEX CONCURRENTLY i ON t USING nothing (a)", "42704"), ("CREATE INDEX CONCURRENTLY i ON t (a) WHERE a = 'x'", "22P02")):
    equal(before(statement), state, f"{statement} fails at once")
finds("a table that is not there", "CREATE INDEX CONCURRENTLY i ON nothing (a)", before("CREATE INDEX CONCURRENTLY i ON nothing (a)"), "not_done",
      'table "nothing" is not there')
cluster.sql("CREATE TABLE shop.short_lived (a int)")
seen = before("CREATE INDEX CONCURRENTLY i ON short_lived (a)")
cluster.sql("DROP TABLE shop.short_lived")
finds("a table that went", "CREATE INDEX CONCURRENTLY i ON short_lived (a)", seen, "not_done", 'table "short_lived" is not there')

# A temporary table of the migrator's is not what its worker sees.
watcher.run("CREATE TEMP TABLE t (a int)")
equal(json.loads(before(NAMED))["table"], cluster.sql("SELECT 'shop.t'::regclass::oid"), "a temporary table hides nothing")
for path in ("", "'$user', shop", "pg_catalog, shop"):
    watcher.run(f"SET search_path = {path or repr('')}")
    equal(before("CREATE INDEX CONCURRENTLY i ON shop.t (a)") == "{}", False, f"search_path {path!r}: a qualified name")
    equal(before(NAMED) == "{}", False, f"search_path {path!r}: an unqualified name")  # of the temporary table where there is no other
watcher.run("DROP TABLE pg_temp.t; RESET search_path")

# A worker that still waits for its first lock has left no trace; its migrator may be gone.
cluster.sql("CREATE EXTENSION confiture; SELECT confiture.register_migration('1', 'index', 'CREATE INDEX CONCURRENTLY i ON shop.t (a)')")
blocker.run("BEGIN; LOCK shop.t IN SHARE UPDATE EXCLUSIVE MODE")
migrator = cluster.session()
migrator.start("CALL confiture.up()")
WORKER = "SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'confiture worker' AND wait_event_type = 'Lock'"
statement = "CREATE INDEX CONCURRENTLY i ON shop.t (a)"
ok(wait_until(lambda: watcher.run(WORKER).value), "a worker waits")
worker = int(watcher.run(WORKER).value)
finds("a worker that waits", statement, "{}", "unknown", f"process {worker} still runs the statement", busy=worker)
watcher.run(f"SELECT pg_terminate_backend({migrator.pid})")
ok(wait_until(lambda: not after(statement, before(statement))["busy"]), "it ends soon after its migrator")
blocker.run("ROLLBACK")
cluster.sql("DROP EXTENSION confiture")

# ---- DROP INDEX CONCURRENTLY ----

DROP = "DROP INDEX CONCURRENTLY i"
cluster.sql("CREATE INDEX i ON shop.t (a)")
lifetime("DROP INDEX", DROP, [("not_done", 'index "shop.i" is there and valid'), ("done", 'index "shop.i" is gone')])
finds("DROP INDEX: nothing there", DROP, before(DROP), "not_done", 'index "i" was not there before')
statement = "DROP INDEX CONCURRENTLY IF EXISTS i"
finds("DROP INDEX IF EXISTS: nothing there", statement, before(statement), "done", 'index "i" was not there before')
for how in ("terminate", "cancel"):
    cluster.sql("CREATE INDEX i ON shop.t (a)")
    seen = before(DROP)
    interrupted = Interrupted(f"DROP INDEX, {how}", DROP, A_READER)
    finds(f"DROP INDEX, {how}: being dropped", DROP, seen, "unknown",
          f'index "shop.i" is half dropped: process {interrupted.pid} may be dropping it', busy=interrupted.pid)
    interrupted.end(how)
    found = finds(f"DROP INDEX, {how}", DROP, seen, "done", 'index "shop.i" is half dropped', ["DROP INDEX CONCURRENTLY shop.i"])
    if how == "terminate":
        clean("DROP INDEX, terminate", DROP, seen, found["cleanup"], "done", 'index "shop.i" is gone')
    else:
        again = before(DROP)
        finds("DROP INDEX: of an invalid one", DROP, again, "not_done", 'index "shop.i" is there, invalid as it was before')
        equal(run(DROP), "", "DROP INDEX: it runs again")
        finds("DROP INDEX: run again", DROP, again, "done", 'index "shop.i" is gone')
cluster.sql("CREATE INDEX i ON shop.t (a)")
seen = before(DROP)
cluster.sql("REINDEX INDEX CONCURRENTLY shop.i")
finds("DROP INDEX: rebuilt by somebody", DROP, seen, "unknown", 'index "shop.i" is another one now')
cluster.sql("DROP INDEX shop.i")

# ---- REINDEX ----

cluster.sql("CREATE INDEX i ON shop.t (a); CREATE TABLE shop.exclusive (a int4range, EXCLUDE USING gist (a WITH &&), b int PRIMARY KEY)")
RUN_AGAIN = {"harmless_twice": True}
for statement, subject in (("REINDEX INDEX i", 'index "shop.i"'), ("REINDEX INDEX CONCURRENTLY i", 'index "shop.i"'), ("REINDEX TABLE t", 'table "shop.t"'),
                           ("REINDEX TABLE CONCURRENTLY t", 'table "shop.t"')):
    lifetime(statement, statement, [("not_done", f"{subject} was not rebuilt"), ("done", f"{subject} was rebuilt")], harmless_twice=True)
statement = "REINDEX TABLE CONCURRENTLY exclusive"
seen = before(statement)
ok("skipping" in run(statement), "an exclusion constraint is passed over by the server")
finds("REINDEX TABLE CONCURRENTLY: what it passes over", statement, seen, "done", 'table "shop.exclusive" was rebuilt', **RUN_AGAIN)
for statement, subject, all_of_it in (("REINDEX INDEX CONCURRENTLY i", 'index "shop.i"', ["i"]),
                                      ("REINDEX TABLE CONCURRENTLY t", 'table "shop.t"', ["i", "other", "t_pkey", "toast"]),
                                      ("REINDEX SCHEMA CONCURRENTLY shop", 'schema "shop"', None),
                                      ("REINDEX DATABASE CONCURRENTLY postgres", 'database "postgres"', None)):
    for blocking, end, said in ((A_WRITER, "_ccnew", "was not rebuilt"), (A_READER, "_ccold", "was rebuilt")):
        name = f"{statement} behind a {'writer' if end == '_ccnew' else 'reader'}"
        seen = before(statement)
        interrupted = Interrupted(name, statement, blocking)
        busy = after(statement, seen)
        ok(busy["outcome"] == "unknown" and busy["busy"] == interrupted.pid and not busy["cleanup"], f"{name}: at work", busy)
        interrupted.end()
        toast = cluster.sql("SELECT 'pg_toast_' || 'shop.t'::regclass::oid || '_index'")
        names = sorted(("pg_toast." + toast if index == "toast" else "shop." + index) + end for index in all_of_it or ["i", "other", "t_pkey", "toast"])
        sentence = f"{subject} {said}" if all_of_it else f"nothing tells whether all of {subject} was rebuilt"
        found = finds(name, statement, seen, ("not_done" if end == "_ccnew" else "done") if all_of_it else "unknown",
                      sentence + "".join(f'; index "{index}" is left over, invalid' for index in names), [f"DROP INDEX CONCURRENTLY {index}" for index in names], **RUN_AGAIN)
        # They are somebody else's to the next one, and to one of another table or index.
        for later in (statement, "REINDEX TABLE CONCURRENTLY parent", "REINDEX INDEX CONCURRENTLY other"):
            equal(after(later, before(later))["cleanup"], [], f"{name}: what was left before is not touched by {later}")
        clean(name, statement, seen, found["cleanup"], ("not_done" if end == "_ccnew" else "done") if all_of_it else "unknown", sentence, **RUN_AGAIN)
        equal(count_invalid(), "0", f"{name}: nothing is left over")
finds("REINDEX: nothing there", "REINDEX TABLE nothing", before("REINDEX TABLE nothing"), "not_done", 'table "nothing" was not rebuilt', **RUN_AGAIN)
if cluster.version >= 14:
    cluster.sql("CREATE INDEX parent_a ON shop.parent (a)")
    for statement, subject in (("REINDEX TABLE parent", 'table "shop.parent"'), ("REINDEX INDEX parent_a", 'index "shop.parent_a"'),
                               ("REINDEX TABLE CONCURRENTLY parent", 'table "shop.parent"')):
        lifetime(statement, statement, [("not_done", f"{subject} was not rebuilt"), ("done", f"{subject} was rebuilt")], harmless_twice=True)
    statement = "REINDEX INDEX CONCURRENTLY parent_a"
    seen = before(statement)
    interrupted = Interrupted(statement, statement, "INSERT INTO part VALUES (1)")
    interrupted.end()
    found = finds(statement, statement, seen, "not_done", 'index "shop.parent_a" was not rebuilt; index "shop.part_a_idx_ccnew" is left over, invalid',
                  ["DROP INDEX CONCURRENTLY shop.part_a_idx_ccnew"], **RUN_AGAIN)
    clean(statement, statement, seen, found["cleanup"], "not_done", 'index "shop.parent_a" was not rebuilt', **RUN_AGAIN)

# A role that is no superuser cannot drop what is left of TOAST tables.
cluster.sql("CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA shop, border TO clerk; ALTER TABLE shop.t OWNER TO clerk")
statement = "REINDEX TABLE CONCURRENTLY t"
clerk = cluster.session(user="clerk")
seen = before(statement, clerk)
interrupted = Interrupted("REINDEX of a clerk's", statement, A_WRITER)
finds("another role sees who is at work", "REINDEX INDEX CONCURRENTLY i", before("REINDEX INDEX CONCURRENTLY i", clerk), "not_done",
      'index "shop.i" was not rebuilt', session=clerk, **RUN_AGAIN)
equal(after(statement, seen, clerk)["busy"], interrupted.pid, "another role sees the process that is at work")
interrupted.end()
found = after(statement, seen, clerk)
equal(found["cleanup"], [f"DROP INDEX CONCURRENTLY shop.{index}_ccnew" for index in ("i", "other", "t_pkey")], "a clerk's cleanup")
ok(f'; index "pg_toast.{toast}_ccnew" is left over, invalid, and only a superuser may drop it' in found["sentence"], "what a clerk cannot drop", found)
equal(clerk.run(f"DROP INDEX pg_toast.{toast}_ccnew").state, "42501", "a clerk cannot drop it")
for statement_of_it in found["cleanup"] + [f"DROP INDEX pg_toast.{toast}_ccnew"]:
    equal((watcher if "toast" in statement_of_it else clerk).run(statement_of_it).messages, "", statement_of_it)

# ---- ALTER TABLE … DETACH PARTITION … CONCURRENTLY ----

if cluster.version >= 14:
    cluster.sql("DROP INDEX shop.parent_a")
    DETACH = 'ALTER TABLE parent DETACH PARTITION "P p" CONCURRENTLY'
    cluster.sql('CREATE TABLE shop."P p" PARTITION OF shop.parent FOR VALUES IN (2)')
    lifetime("DETACH", DETACH, [("not_done", 'partition "shop.P p" is attached'), ("done", 'partition "shop.P p" is detached')])
    finds("DETACH: of what is none", DETACH, before(DETACH), "not_done", 'partition "shop.P p" was not attached before')
    for how in ("terminate", "cancel"):
        cluster.sql('DROP TABLE shop."P p"; CREATE TABLE shop."P p" PARTITION OF shop.parent FOR VALUES IN (2)')
        seen = before(DETACH)
        interrupted = Interrupted(f"DETACH, {how}", DETACH, "SELECT FROM parent")
        interrupted.end(how)
        found = finds(f"DETACH, {how}", DETACH, seen, "done", 'partition "shop.P p" is half detached',
                      ['ALTER TABLE shop.parent DETACH PARTITION shop."P p" FINALIZE'])
        clean(f"DETACH, {how}", DETACH, seen, found["cleanup"], "done", 'partition "shop.P p" is detached')
    seen = before("ALTER TABLE parent DETACH PARTITION part CONCURRENTLY")
    cluster.sql("DROP TABLE shop.part")
    finds("DETACH: of what went", "ALTER TABLE parent DETACH PARTITION part CONCURRENTLY", seen, "unknown", 'partition "shop.part" is not there any more')
    finds("DETACH: of nothing", "ALTER TABLE parent DETACH PARTITION part CONCURRENTLY", before("ALTER TABLE parent DETACH PARTITION part CONCURRENTLY"),
          "not_done", 'partition "part" was not there before')
else:
    skip("DETACH PARTITION CONCURRENTLY", "came with 14")

# ---- databases, tablespaces, subscriptions ----

place = f"{cluster.host}/place"
cluster.program(*cluster.as_server, "mkdir", place)
for create, drop, kind, name in (('CREATE DATABASE "D d"', 'DROP DATABASE "D d"', "database", "D d"),
                                 (f"CREATE TABLESPACE place LOCATION '{place}'", "DROP TABLESPACE place", "tablespace", "place"),
                                 ("CREATE SUBSCRIPTION sub CONNECTION 'host=/nowhere' PUBLICATION p WITH (connect = false)", None, "subscription", "sub")):
    slot = "; its replication slot may be on the publisher" if kind == "subscription" else ""
    subject = f'{kind} "{name}"'
    if kind != "subscription":
        lifetime(create, create, [("not_done", f"{subject} is not there"), ("done", f"{subject} is there")])
    else:  # which warns
        seen = before(create)
        finds(f"{create}: not begun", create, seen, "not_done", f"{subject} is not there{slot}")
        run(create)
        finds(f"{create}: run", create, seen, "done", f"{subject} is there")
    finds(f"{create}: there before", create, before(create), "not_done", f"{subject} was there before")
    if kind == "subscription":
        drop = "DROP SUBSCRIPTION sub"
        seen = before(drop)
        ok("could not connect to publisher" in run(drop), "a subscription's slot is dropped first")
        finds("DROP SUBSCRIPTION: failed", drop, seen, "not_done", f"{subject} is there")
        for statement, done_sentence, undone in (("ALTER SUBSCRIPTION sub ADD PUBLICATION q, \"Q q\"", "has the", "has not all the"),
                                                 ("ALTER SUBSCRIPTION sub DROP PUBLICATION q, \"Q q\"", "has not all the", "has the")):
            if cluster.version < 14:
                continue
            seen_now = before(statement)
            verb = "adds" if "ADD" in statement else "drops"
            finds(f"{statement}: not begun", statement, seen_now, "not_done", f"{subject} {undone} publications that the statement {verb}")
            run(f"{statement} WITH (refresh = false)")
            finds(f"{statement}: run", statement, seen_now, "done", f"{subject} {done_sentence} publications that the statement {verb}")
        cluster.sql("ALTER SUBSCRIPTION sub SET (slot_name = NONE)")
        run(drop)
        finds("DROP SUBSCRIPTION: run", drop, seen, "done", f"{subject} is gone")
    elif kind == "database":
        move = 'ALTER DATABASE "D d" SET TABLESPACE place'
        cluster.program(*cluster.as_server, "mkdir", place + "2")
        cluster.sql(f"CREATE TABLESPACE place2 LOCATION '{place}2'")
        lifetime("ALTER DATABASE SET TABLESPACE", move.replace("place", "place2"),
                 [("not_done", f'{subject} is in tablespace "pg_default"'), ("done", f'{subject} is in tablespace "place2"')])
        lifetime("ALTER DATABASE SET TABLESPACE back", 'ALTER DATABASE "D d" SET TABLESPACE pg_default',
                 [("not_done", f'{subject} is in tablespace "place2"'), ("done", f'{subject} is in tablespace "pg_default"')])
        seen = before(drop)
        cluster.sql("UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'D d'")  # what an interrupted DROP DATABASE leaves
        finds("DROP DATABASE: half done", drop, seen, "not_done", f"{subject} is half dropped, and can but be dropped")
    if kind != "subscription":
        lifetime(drop, drop, [("not_done", f"{subject} is half dropped, and can but be dropped" if kind == "database" else f"{subject} is there"),
                              ("done", f"{subject} is gone")])
        seen = before(drop)
        finds(f"{drop}: nothing there", drop, seen, "not_done", f"{subject} was not there before")
        tolerant = drop.replace("DATABASE", "DATABASE IF EXISTS").replace("TABLESPACE", "TABLESPACE IF EXISTS")
        finds(f"{tolerant}: nothing there", tolerant, before(tolerant), "done", f"{subject} was not there before")

# ---- the rest ----

for statement, command in (("VACUUM (FULL) t", "VACUUM"), ("ANALYZE t", "ANALYZE"), ("CLUSTER", "CLUSTER"), ("ALTER SYSTEM RESET work_mem", "ALTER SYSTEM"),
                           ("CHECKPOINT", "CHECKPOINT"), ("REFRESH MATERIALIZED VIEW m", "REFRESH MATERIALIZED VIEW"), ("DISCARD ALL", "DISCARD ALL"),
                           ("ALTER SUBSCRIPTION sub REFRESH PUBLICATION", "ALTER SUBSCRIPTION"), ("ALTER SUBSCRIPTION sub SET PUBLICATION p", "ALTER SUBSCRIPTION")):
    equal(before(statement), "{}", f"{statement}: nothing to keep")
    finds(statement, statement, "{}", "unknown", f"{command} leaves no trace that tells, and may run again", **RUN_AGAIN)
for statement, command in (("CALL p()", "CALL"), ("DO 'BEGIN COMMIT; END'", "DO")):
    finds(statement, statement, before(statement), "unknown", f"what the {command} had committed by itself stays")
for statement, command in (("INSERT INTO t VALUES (1)", "INSERT"), ("CREATE INDEX i ON t (a)", "CREATE INDEX"),
                           ("SELECT 1", "SELECT")):
    finds(statement, statement, before(statement), "unknown", f"the catalog does not tell what became of {command}")
for statement in ("CREATE INDEX CONCURRENTLY i ON t (a)", "CREATE INDEX CONCURRENTLY ON t (a)", "DROP INDEX CONCURRENTLY i", "REINDEX TABLE CONCURRENTLY t",
                  "REINDEX SCHEMA shop", "DROP DATABASE d", "CREATE DATABASE d", "ALTER DATABASE d SET TABLESPACE x", "VACUUM"):
    for seen in ("", "{}"):
        found = after(statement, seen)
        ok(found["outcome"] != "done" and not found["cleanup"], f"{statement}: without what was there before, nothing is dropped", found)
equal(count_invalid(), "0", "nothing invalid is left by all this")
done()
