"""What the server's books say of forms that no transaction can run: each is stopped at its locks, and looked at there.

Blockers hold a lock on every table of the form's schema, each in a session of its own, in one mode after the other.  Where
the statement waits, a session reads from pg_locks what it holds and wants; then those that it waits for let go.  What it does
with a table whose blocker has let go is seen with the next blocker, or in the next mode.
File numbers are compared before and after; scans are counted by the server's shared statistics, which every session sends
at its end, for all forms at once.
"""
import collections
import time

from server_books import LOCKS, Relation
from sessions import wait_until

MODES = ("ACCESS SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "ACCESS EXCLUSIVE")
# LOCK TABLE knows no materialized views.
OF_VIEWS = {"ACCESS SHARE": "SELECT FROM {}", "ROW EXCLUSIVE": "SELECT FROM {}", "SHARE UPDATE EXCLUSIVE": "ANALYZE {}",
            "ACCESS EXCLUSIVE": "REFRESH MATERIALIZED VIEW {} WITH NO DATA"}
RELATIONS = """SELECT coalesce(json_agg(json_build_array(c.oid::bigint, n.nspname, format('%I.%I', n.nspname, c.relname), c.relkind,
    i.indrelid::bigint, pg_relation_filenode(c.oid)::bigint)), '[]')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE n.nspname = '{schema}'"""
# None while it neither waits nor has ended.
WAITING = """SELECT pg_blocking_pids({pid}) FROM pg_stat_activity WHERE pid = {pid} AND wait_event_type = 'Lock'"""
SCANS = "SELECT coalesce(json_object_agg(relid, seq_scan), '{}') FROM pg_stat_user_tables WHERE schemaname LIKE 'j%'"


class Watched:
    def __init__(self, cluster, database, make):
        """`make(form)` makes the form's schema."""
        self.cluster, self.database, self.make = cluster, database, make
        self.observer = cluster.session(database)
        self.blockers = []

    def relations_of(self, form):
        """oid -> (relation, file number), as they are now."""
        answer = self.observer.run(RELATIONS.format(schema=form.schema)).json()
        return {oid: (Relation(schema, name, kind, table), file) for oid, schema, name, kind, table, file in answer}

    def prepare(self, form):
        self.make(form)
        if form.before:
            self.break_off(form)

    def break_off(self, form):
        """A DETACH CONCURRENTLY that waits for a reader, cancelled there: what FINALIZE is for."""
        reader, runner = self.cluster.session(self.database), self.cluster.session(self.database)
        reader.run(f"BEGIN;\nLOCK TABLE {form.script.split()[2]} IN ACCESS SHARE MODE")
        runner.run(f"SET statement_timeout = '100ms';\n{form.before}")
        reader.end()
        runner.end()

    def blocker(self, number):
        while len(self.blockers) <= number:
            self.blockers.append(self.cluster.session(self.database))
        return self.blockers[number]

    def scans(self):
        """Sessions send their statistics when they end, and those up to 14 take a while to arrive."""
        before = None
        while True:
            time.sleep(1)
            now = self.observer.run(f"SELECT pg_stat_clear_snapshot();\n{SCANS}").json()
            if now == before:
                return {int(oid): scans for oid, scans in now.items()}
            before = now

    def run_freely(self, form):
        """(SQLSTATE, oids of new files)."""
        before = self.relations_of(form)
        runner = self.cluster.session(self.database)
        answer = runner.run(form.script)
        runner.end()
        after = self.relations_of(form)
        return answer.state or "", {oid for oid, (relation, file) in before.items()
                                    if relation.kind in "rm" and oid in after and file and after[oid][1] != file}

    def locks_of(self, form):
        """name -> modes, over all modes of blockers."""
        seen = collections.defaultdict(set)
        runner = self.cluster.session(self.database)
        for mode in MODES:
            if form.changes or mode == MODES[0]:
                self.prepare(form)
            relations = self.relations_of(form)
            holding = {}
            for number, (relation, _) in enumerate(one for one in relations.values() if one[0].kind in "rmp"):
                blocker = self.blocker(number)
                take = OF_VIEWS[mode] if relation.kind == "m" else "LOCK TABLE ONLY {} IN " + mode + " MODE"
                # A reader also has the indexes.
                take = f"SELECT FROM {relation.name}" if mode == "ACCESS SHARE" else take.format(relation.name)
                if blocker.run(f"BEGIN;\n{take}").state:
                    blocker.run("ROLLBACK")
                else:
                    holding[blocker.pid] = blocker
            self.pass_blockers(form.script, runner, holding, {oid: relation.name for oid, (relation, _) in relations.items()}, seen)
            for blocker in holding.values():
                blocker.run("ROLLBACK")
        runner.end()
        return dict(seen)

    def pass_blockers(self, script, runner, holding, names, seen):
        runner.start(script)
        while not runner.answered():
            blocked_by = []
            wait_until(lambda: runner.answered() or blocked_by.extend(self.observer.run(WAITING.format(pid=runner.pid)).rows) or blocked_by, 20)
            for kind, oid, _, mode in self.observer.run(LOCKS.format(pid=runner.pid)).json():
                if kind == "relation" and oid in names:
                    seen[names[oid]].add(mode)
            for pid in {int(pid) for row in blocked_by for pid in row.strip("{}").split(",") if pid}:
                if pid in holding:
                    holding.pop(pid).run("ROLLBACK")
        runner.finish()


class Relations:
    """Those of one form, under the names and oids that they had when the plan was made."""

    def __init__(self, found):
        self.relations = {oid: relation for oid, (relation, _) in found.items()}
        self.oids = {relation.name: oid for oid, relation in self.relations.items()}

    def oid_of(self, name):
        return self.oids.get(name)
