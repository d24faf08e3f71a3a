"""The judge: tries forms, and compares what the product says with what the server's books say."""
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "cluster"))

import claims  # noqa: E402
import expected  # noqa: E402
import figures  # noqa: E402
import forms  # noqa: E402
import server_books  # noqa: E402
import sessions  # noqa: E402
import tables  # noqa: E402
import top_level_forms  # noqa: E402
import verdicts  # noqa: E402
import watched  # noqa: E402

SETTINGS = ("max_locks_per_transaction=512", "timezone=Europe/Paris", "autovacuum=off")
DATABASE = "books"


def prepared_cluster():
    cluster = sessions.Cluster(*SETTINGS)
    cluster.database(DATABASE, tables.COMMON, *(tables.statements_of(kind) for kind in tables.kinds(cluster.version)), "ANALYZE")
    return cluster


class Judge:
    def __init__(self, cluster):
        self.cluster = cluster
        self.books = server_books.Books(cluster, DATABASE)
        self.claims = claims.Claims(cluster, DATABASE)
        self.verdicts = verdicts.Verdicts(self.books)

    def try_form(self, form):
        """False where the server refuses the form."""
        count = self.verdicts.count
        plan = self.claims.plan(form)
        entry = self.books.try_form(form)
        if entry.refused:
            count["refused"] += 1
            return False
        count["forms"] += 1
        self.verdicts.judge_plan(form, entry, plan)
        self.verdicts.judge_dry_run(form, entry, self.claims.dry_run(form))
        return True


class TopLevelJudge:
    """Of forms that no transaction can run: all are planned, then all run freely, then each is watched at its locks."""

    def __init__(self, cluster, count_with):
        self.maker = cluster.session(DATABASE)
        self.maker.run("SET client_min_messages = error")
        self.claims = claims.Claims(cluster, DATABASE)
        self.watched = watched.Watched(cluster, DATABASE, self.make)
        self.verdicts = count_with

    def make(self, form):
        """Anew, and committed."""
        self.maker.run(f"DROP SCHEMA IF EXISTS {form.schema} CASCADE;\nDROP PUBLICATION IF EXISTS {form.schema};\n"
                       + tables.statements_of(form.kind, form.schema))

    def try_forms(self, tried):
        said = {}
        for form in tried:
            self.watched.prepare(form)
            said[form] = watched.Relations(self.watched.relations_of(form)), self.claims.plan(form), self.claims.dry_run(form)
        self.maker.end()
        self.claims.session.end()
        before = self.watched.scans()
        ran = {form: self.watched.run_freely(form) for form in tried}
        after = self.watched.scans()
        self.maker = self.watched.cluster.session(DATABASE)
        self.maker.run("SET client_min_messages = error")
        for form in tried:
            refused, rewritten = ran[form]
            if refused:
                self.verdicts.count["refused"] += 1
                continue
            self.verdicts.count["forms"] += 1
            self.verdicts.count["forms that no transaction can run"] += 1
            relations, plan, dry_run = said[form]
            locks = {relations.oid_of(name): modes for name, modes in self.watched.locks_of(form).items() if relations.oid_of(name)}
            scanned = {oid for oid in relations.relations if after.get(oid, 0) > before.get(oid, 0)}
            look = server_books.Look(locks, set(), rewritten, scanned, watched=True)
            verdicts_of_form = verdicts.Verdicts(relations, self.verdicts.count, self.verdicts.findings)
            verdicts_of_form.judge_plan(form, server_books.Entry([look], 0), plan)
            verdicts_of_form.judge_strongest(form, look, dry_run)


def judged(cluster, share):
    """Figures over one form in `share`, and what was expected to be wrong and is not."""
    began = time.monotonic()
    judge = Judge(cluster)
    examples = expected.examples(cluster.version)
    for form in dict.fromkeys([*forms.some_forms(cluster.version, share), *examples]):
        judge.try_form(form)
    top_level = list(top_level_forms.all_forms(cluster.version))
    TopLevelJudge(cluster, judge.verdicts).try_forms([form for number, form in enumerate(top_level) if number % share == 0])
    result = figures.Figures(judge.verdicts, cluster.version)
    result.seconds = time.monotonic() - began
    return result, expected.stale(judge.verdicts.findings, cluster.version)
