"""What the server's own books say of a form: it runs in psql, and another session looks.

The locks are read from pg_locks by a second session before the transaction ends; file numbers, scans and rows come from the
server's counters, as differences over each statement.  Everything is rolled back, so that the next form finds what this one
found.
"""
import collections
import dataclasses
import json

# The classes of objects that statements lock by name.
NAMED = ("pg_type", "pg_constraint", "pg_trigger", "pg_rewrite", "pg_proc", "pg_namespace", "pg_attrdef", "pg_statistic_ext", "pg_policy",
         "pg_publication", "pg_publication_rel", "pg_extension", "pg_foreign_server", "pg_cast")
RELATIONS = """SELECT json_object_agg(c.oid, json_build_array(n.nspname, format('%I.%I', n.nspname, c.relname), c.relkind, i.indrelid::bigint))
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.oid >= 16384 AND n.nspname NOT IN ('confiture', 'pg_toast')"""
OBJECTS = "SELECT json_object_agg(class || ' ' || oid, pg_describe_object(class, oid, 0)) FROM (" + " UNION ALL ".join(
    f"SELECT '{catalog}'::regclass::oid AS class, oid FROM {catalog} WHERE oid >= 16384" for catalog in NAMED) + ") o"
LOCKS = """SELECT coalesce(json_agg(json_build_array(locktype, coalesce(relation, objid)::bigint, classid::bigint, mode)), '[]')
FROM pg_locks WHERE pid = {pid} AND (relation >= 16384 OR locktype = 'object')"""
# Counters of transactions before are there as well, where they were not sent yet; what is dropped keeps them.
COUNTERS = """SELECT 'books ' || json_build_array(
    (SELECT json_object_agg(oid, json_build_array(pg_relation_filenode(oid), pg_stat_get_xact_numscans(oid))) FROM unnest('{oids}'::oid[]) oid),
    (SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid) + pg_stat_get_xact_tuples_deleted(oid))
     FROM (SELECT unnest('{oids}'::oid[]) UNION SELECT oid FROM pg_class WHERE relkind IN ('r', 'm') AND oid >= 16384) o (oid)),
    {names})"""
NAMES = """(SELECT json_object_agg(c.oid, format('%I.%I', n.nspname, c.relname))
 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384)"""
LEVELS = ("AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
          "ExclusiveLock", "AccessExclusiveLock")


def level(mode):
    """1 to 8, as the server numbers them; 0 for none."""
    return LEVELS.index(mode) + 1 if mode in LEVELS else 0


@dataclasses.dataclass
class Relation:
    schema: str
    name: str
    kind: str
    table: int  # of an index


@dataclasses.dataclass
class Counters:
    files: dict   # oid -> file number
    scans: dict
    rows: int
    names: dict   # of all relations there are now, oid -> name; None where nothing can have changed


@dataclasses.dataclass
class Look:
    """After one statement."""
    locks: dict            # oid -> modes held
    objects: set           # (key, mode)
    rewritten: set         # oids
    scanned: set
    names: tuple = ()      # name -> oid, before the statement and after it
    watched: bool = False  # at the moments only at which it waits


@dataclasses.dataclass
class Entry:
    """What the books say of one form."""
    looks: list
    rows: int
    refused: str = ""  # SQLSTATE


class Books:
    def __init__(self, cluster, database):
        self.runner, self.observer = cluster.session(database), cluster.session(database)
        self.runner.run("SET client_min_messages = error")
        self.relations = {int(oid): Relation(*facts) for oid, facts in self.observer.run(RELATIONS).json().items()}
        self.oids = {relation.name: oid for oid, relation in self.relations.items()}
        self.objects = self.observer.run(OBJECTS).json()
        counted = ",".join(str(oid) for oid, relation in self.relations.items() if relation.kind in "rmp")
        self.counters = {named: COUNTERS.format(oids="{" + counted + "}", names=NAMES if named else "NULL") for named in (False, True)}

    def oid_of(self, name):
        return self.oids.get(name)

    def try_form(self, form):
        counters = self.counters[len(form.statements) > 1 or "RENAME" in form.script or "SCHEMA" in form.script]
        before = counted(self.runner.run(f"BEGIN;\n{counters}"))
        first_rows, looks, refused = before.rows, [], ""
        for statement in form.statements:
            answer = self.runner.run(f"{statement}\n;\n{counters}")
            if answer.state:
                refused = answer.state
                break
            after = counted(answer)
            looks.append(self.look(before, after, statement))
            before = after
        self.runner.run("ROLLBACK")
        return Entry(looks, before.rows - first_rows, refused)

    def look(self, before, after, statement):
        locks, objects = collections.defaultdict(set), set()
        for kind, oid, class_id, mode in self.observer.run(LOCKS.format(pid=self.runner.pid)).json():
            if kind == "relation" and oid in self.relations:
                locks[oid].add(mode)
            elif kind == "object" and f"{class_id} {oid}" in self.objects:
                objects.add((f"{class_id} {oid}", mode))
        rewritten = {oid for oid, file in after.files.items() if file and before.files[oid] and file != before.files[oid]}
        scanned = {oid for oid, scans in after.scans.items() if scans > before.scans[oid]}
        if statement.startswith("TRUNCATE"):
            # It makes a new file, writes nothing into it, and builds the indexes on nothing.
            rewritten, scanned = set(), scanned - rewritten
        return Look(dict(locks), objects, rewritten, scanned, (before.names or self.oids, after.names or self.oids))


def counted(answer):
    books = [row for row in answer.rows if row.startswith("books ")]
    files, rows, names = json.loads(books[-1][len("books "):])
    return Counters({int(oid): file for oid, (file, _) in files.items()}, {int(oid): scans for oid, (_, scans) in files.items()}, rows,
                    names and {name: int(oid) for oid, name in names.items()})
