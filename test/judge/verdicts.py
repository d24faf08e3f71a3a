"""Compares what was said of a form with what the server's books say, and counts.

A plan has to foresee every lock, rewrite and scan of what existed before.  What is `certain` must come as it is told; the
lock of a row that is not certain is the strongest possible; only a row that is `unknown` may hide something.
"""
import collections
import dataclasses
import re

from server_books import LEVELS, level

TABLES = "rpmvf"
# The plan leaves to the planner how these read their tables.
PLANNED = r"SELECT (?!\S+ INTO)|INSERT|UPDATE|DELETE|MERGE|WITH|COPY|EXPLAIN|DECLARE"


@dataclasses.dataclass(frozen=True)
class Finding:
    form: object
    judged: str   # plan or dry run
    kind: str     # missed lock, surplus rewrite ...
    text: str

    def __str__(self):
        return f"{self.form} | {self.judged}: {self.kind}: {self.text}"


class Verdicts:
    def __init__(self, books, count=None, findings=None):
        self.books = books
        self.count = collections.Counter() if count is None else count
        self.findings = [] if findings is None else findings

    def find(self, form, judged, kind, text):
        self.count[f"{judged} {kind}"] += 1
        self.findings.append(Finding(form, judged, kind, text))

    def name(self, oid):
        return self.books.relations[oid].name

    # The plan.

    def judge_plan(self, form, entry, plan):
        if isinstance(plan, str):
            self.find(form, "plan", "error", plan)
            return
        held = {}
        for number, look in enumerate(entry.looks, 1):
            self.judge_statement(form, form.statements[number - 1], look, [row for row in plan if row.ordinal == number], held)
            held = look.locks

    def judge_statement(self, form, statement, look, rows, held):
        # A table has the name that it has by then; what is not called so any more, the one that it had when the plan was made.
        told = {}
        for row in rows:
            for names in (*look.names, self.books.oids):
                if row.object in names:
                    if names[row.object] in self.books.relations:
                        told.setdefault(names[row.object], row)
                    break
        # Something that cannot be named is said by a row without a relation of ours.
        open_end = any(row.certainty == "unknown" for row in rows)
        self.count["statements"] += 1
        self.count["certain statements"] += all(row.certainty == "certain" for row in rows)
        for oid, modes in look.locks.items():
            new = modes - held.get(oid, set())
            if new and self.to_be_told(oid, modes, look.locks):
                self.judge_lock(form, oid, max(new, key=level), modes, told.get(oid), open_end)
        planned = re.match(PLANNED, statement) is not None
        for word, seen in ("rewrite", look.rewritten), ("scan", () if planned else look.scanned):
            for oid in seen:
                self.judge_fact(form, oid, word, told.get(oid), open_end)
        for oid, row in told.items():
            if row.certainty == "certain":
                self.judge_surplus(form, oid, row, look, planned)

    def to_be_told(self, oid, modes, locks):
        """Tables always; an index or a sequence where its lock keeps others waiting more than that of its table does."""
        relation = self.books.relations[oid]
        if relation.kind in TABLES:
            return True
        strongest = max(map(level, modes))
        if relation.kind in "iI":
            return strongest == 8 and max(map(level, locks.get(relation.table, ())), default=0) < 8
        return strongest >= level("ShareRowExclusiveLock")

    def judge_lock(self, form, oid, mode, held, row, open_end):
        if row and row.mode and level(mode) <= level(row.mode):
            if row.certainty == "certain" and row.mode not in held:
                return  # a surplus, counted there
            self.count["plan confirmed" if row.certainty == "certain" else "plan confirmed, not certain"] += 1
        else:
            self.missed(form, "lock", row, open_end, f"{mode} on {self.name(oid)}, told {row.mode or 'no lock' if row else 'nothing'}")

    def judge_fact(self, form, oid, word, row, open_end):
        # Where a table is rewritten, its new rows are read again for its indexes.
        if row and (row.rewrites or row.scans and word == "scan"):
            self.count["plan confirmed" if row.certainty == "certain" else "plan confirmed, not certain"] += 1
        else:
            self.missed(form, word, row, open_end, f"of {self.name(oid)}")

    def missed(self, form, word, row, open_end, text):
        if row and row.certainty == "unknown" or not row and open_end:
            self.count["plan unknown"] += 1
        else:
            likely = ", likely" if row and row.certainty != "certain" else ""
            self.find(form, "plan", f"missed {word}{likely}", text)

    def judge_surplus(self, form, oid, row, look, planned):
        # The lock on a partitioned index nobody can be made to wait for: what is only watched is not seen there.
        unseen = look.watched and self.books.relations[oid].kind == "I"
        if row.mode and row.mode not in look.locks.get(oid, ()) and not unseen:
            held = look.locks.get(oid, ())
            self.find(form, "plan", "surplus lock", f"{row.mode} on {row.object}, held {', '.join(sorted(held)) or 'nothing'}")
        for word, foreseen, seen in ("rewrite", row.rewrites, look.rewritten), ("scan", row.scans and not planned, look.scanned):
            if foreseen and oid not in seen and self.books.relations[oid].kind in "rm":
                self.find(form, "plan", f"surplus {word}", f"of {row.object}")

    # The dry run.

    def judge_dry_run(self, form, entry, run):
        if run.failed:
            self.find(form, "dry run", "failure", run.failed)
            return
        ways = [names for look in entry.looks for names in look.names]
        told = collections.defaultdict(set)
        for name, modes in run.locks.items():
            for oid in {self.books.oid_of(name), *(names.get(name) for names in ways)} & set(self.books.relations):
                told[oid] |= modes
        seen = entry.looks[-1].locks
        for oid in sorted(set(told) | set(seen)):
            self.compare(form, "lock", seen.get(oid, set()), told[oid], lambda mode, oid=oid: f"{mode} on {self.name(oid)}")
        self.judge_objects(form, entry.looks[-1].objects, run.objects)
        for look, rewritten, scanned in zip(entry.looks, run.rewritten, run.scanned):
            self.judge_names(form, "rewrite", look, look.rewritten, rewritten)
            self.judge_names(form, "scan", look, look.scanned, scanned)
        if entry.rows != run.rows:
            self.find(form, "dry run", "rows", f"{run.rows}, the counters {entry.rows}")

    def compare(self, form, word, seen, told, text):
        self.count["dry run confirmed"] += len(seen & told)
        for one in sorted(seen - told):
            self.find(form, "dry run", f"missed {word}", text(one))
        for one in sorted(told - seen):
            self.find(form, "dry run", f"surplus {word}", text(one))

    def judge_objects(self, form, seen, told):
        """An object is told by its description, which leaves out schemas on the search_path, or by its number."""
        for key, mode in sorted(seen):
            class_id, oid = key.split()
            description = self.books.objects[key]
            names = {description, description.replace(f" {form.kind}.", " "), f"object {oid} of catalog {class_id}"}
            if any((name, mode) in told for name in names):
                self.count["dry run confirmed"] += 1
            else:
                self.find(form, "dry run", "missed lock", f"{mode} on {description}")
        descriptions = {(self.books.objects[key], mode) for key, mode in seen}
        for name, mode in sorted(told - descriptions):
            if name in self.books.objects.values():
                self.find(form, "dry run", "surplus lock", f"{mode} on {name}")

    def judge_names(self, form, word, look, seen, told):
        oids = set()
        for name in told:
            meant = {names.get(name) for names in look.names}
            # A name that changed hands in this statement may mean either.
            known = {oid for oid in meant if oid in self.books.relations and self.books.relations[oid].kind in "rmp"}
            oids |= known & seen or (known if known == meant else set())
        self.compare(form, word, seen, oids, lambda oid: f"of {self.name(oid)}")

    def judge_strongest(self, form, look, run):
        """Of a form that no transaction can run the dry run tells the strongest lock on each table, whether it ran it or not."""
        if run.failed:
            self.find(form, "dry run", "failure", run.failed)
            return
        if run.not_run and not run.locks:
            self.count["dry run not run"] += 1
            return
        for oid in sorted(set(look.locks) | {self.books.oid_of(name) for name in run.locks if self.books.oid_of(name)}):
            if self.books.relations[oid].kind not in TABLES:
                continue
            seen, told = (max(map(level, modes), default=0) for modes in (look.locks.get(oid, ()), run.locks.get(self.name(oid), ())))
            if seen == told:
                self.count["dry run confirmed"] += 1
            else:
                self.find(form, "dry run", "missed lock" if seen > told else "surplus lock",
                          f"on {self.name(oid)}: {LEVELS[seen - 1] if seen else 'none'}, told {LEVELS[told - 1] if told else 'none'}")
