"""Replays a folder of migrations, and looks after every dry run for what it must not leave and must have seen.

The chain is dry-run as a whole from the state before it; then each migration alone, after which psql applies it so that
the next one finds its predecessors; and, where asked, the way back.  After each dry run pg_dump's output, the locks of the
transaction that made it and the session must be what they were, and the rewrites by ALTER those that a table_rewrite event
trigger told.
"""
import collections
import json
import time
from sessions import TOP, left_behind, quoted

TRIGGER = """
CREATE FUNCTION public.tell_rewrite() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE told text; BEGIN
  SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) INTO told
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = pg_catalog.pg_event_trigger_table_rewrite_oid();
  RAISE NOTICE 'rewrite %', told;
END $$;
CREATE EVENT TRIGGER tell_rewrite ON table_rewrite EXECUTE FUNCTION public.tell_rewrite();
"""
# A transaction may keep its id and the sequences that it advanced, those that were rolled back again too.
LOCKS_KEPT = """SELECT coalesce(string_agg(concat_ws(' ', locktype, c.oid::regclass, mode), ', '), '')
FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
WHERE pid = pg_backend_pid() AND locktype NOT IN ('virtualxid', 'transactionid')
  AND (relation IS NULL OR relation >= 16384) AND c.relkind IS DISTINCT FROM 'S'
  AND NOT (relation IS NOT NULL AND c.oid IS NULL AND mode = 'RowExclusiveLock')"""
# What a dry run that ran everything has as its status; the others say why they did not.
RAN = "complete"


def rewrites_of(result):
    return sorted(rewrite["relation"] for statement in result["stats"]["statements"] for rewrite in statement["rewrites"]
                  if statement["tag"] in ("ALTER TABLE", "ALTER MATERIALIZED VIEW", "ALTER TYPE", "DO", "SELECT"))


class Replay:
    def __init__(self, cluster, database, folder, prepared=lambda replay: None):
        """The folder is loaded by confiture-load into a new database; `prepared` may then make the state before it."""
        self.cluster, self.database = cluster, database
        self.problems, self.counts, self.reasons = [], collections.Counter(), []
        cluster.sql(f'CREATE DATABASE "{database}"')
        cluster.sql("CREATE EXTENSION confiture;" + TRIGGER, database)
        loaded = cluster.program(TOP / "scripts" / "confiture-load", folder, "-d", database, "-o", "/dev/null", timeout=600)
        if loaded.returncode:
            raise RuntimeError(loaded.stderr)
        prepared(self)
        self.session = cluster.session(database)
        self.state = left_behind(self.session)
        self.versions = [row.split("|") for row in cluster.sql(
            "SELECT m.version, m.backward IS NOT NULL, coalesce((m.options->>'transactional')::boolean, true) FROM confiture.migration m "
            "JOIN confiture.status s USING (sort_key) ORDER BY s.repeatable, s.sort_key", database).splitlines()]
        self.dumped = cluster.dump(database)

    def problem(self, what):
        self.problems.append(what)

    def dry_run(self, call, name):
        """The results of one call, after which nothing may differ."""
        self.session.run("BEGIN")
        answer = self.session.run(f"SELECT to_jsonb(r) FROM confiture.{call} r", 600)
        if answer.state:
            self.problem(f"{name}: {answer.messages[:500]}")
        else:
            kept = self.session.run(LOCKS_KEPT).value
            if kept:
                self.problem(f"{name}: locks left: {kept}")
        self.session.run("ROLLBACK" if answer.state else "COMMIT")
        state = left_behind(self.session)
        if state != self.state:
            self.problem(f"{name}: the session differs: {state}")
        dumped = self.cluster.dump(self.database)
        if dumped != self.dumped:
            before, after = self.dumped.splitlines(), dumped.splitlines()
            lines = [f"-{line}" for line in before if line not in set(after)] + [f"+{line}" for line in after if line not in set(before)]
            self.problem(f"{name}: pg_dump differs: {lines[:10]}")
            self.dumped = dumped
        return answer

    def count(self, name, result):
        stats = result["stats"]
        self.counts[stats["status"]] += 1
        if stats["status"] not in (RAN, "not_run"):
            error = stats.get("error", {})
            self.reasons.append(f"{name}: {stats['status']}: {error.get('message') or stats.get('reason')}"
                                f" {error.get('detail', '')} (line {error.get('line')})")
        if stats["status"] == RAN and any(s["status"] == "not_run" for s in stats["statements"]):
            self.counts["not run in part"] += 1

    def whole(self):
        """dry_run_pending over all; returns the results."""
        began = time.monotonic()
        answer = self.dry_run("dry_run_pending()", "the whole")
        results = [json.loads(row) for row in answer.rows]
        if len(results) != len(self.versions) and not answer.state:
            self.problem(f"the whole: {len(results)} results for {len(self.versions)} migrations")
        for result in results:
            self.count(f"in the whole, {result['migration_version']}", result)
        self.seconds = time.monotonic() - began
        return results

    def each(self, direction="forward"):
        """Every migration alone; psql applies it after."""
        script = "forward" if direction == "forward" else "backward"
        for version, has_backward, transactional in self.versions if direction == "forward" else reversed(self.versions):
            if direction == "backward" and has_backward != "t":
                continue
            name = f"{version} {direction}"
            failed = None
            answer = self.dry_run(f"dry_run({quoted(version)}, '{direction}')", name)
            if answer.rows:
                result = answer.json()
                self.count(name, result)
                failed = result["stats"].get("error", {}).get("message")
                told = sorted(notice.partition(" ")[2] for notice in answer.notices if notice.startswith("rewrite "))
                self.counts["rewrites"] += len(told)
                if rewrites_of(result) != told:
                    self.problem(f"{name}: rewrites {rewrites_of(result)}, told {told}")
            text = self.cluster.sql(f"SELECT {script} FROM confiture.migration WHERE version = {quoted(version)}", self.database)
            # What fails in a dry run has to fail for real, and with the same words.
            applied = self.apply(text, transactional == "t")
            if (failed is None) != applied or (failed and failed not in self.refusal):
                self.problem(f"{name}: dry run {failed or 'without an error'}, psql {self.refusal[:300] or 'too'}")
            self.dumped = self.cluster.dump(self.database)

    def apply(self, text, transactional):
        """In one transaction where it can be, as the migration's own tool would."""
        self.refusal = ""
        for mode in (["-1"], []) if transactional else ([], ):
            applied = self.cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", self.database,
                                           *mode, input=text, timeout=600)
            if applied.returncode == 0:
                return True
            self.refusal += applied.stderr
        return False
