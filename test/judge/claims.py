"""What the product says of a form: the plan, made before anything ran, and the dry run."""
import collections
import dataclasses
import json

from sessions import quoted


@dataclasses.dataclass
class Row:
    """Of a plan."""
    ordinal: int
    tag: str
    object: str
    mode: str
    rewrites: bool
    scans: bool
    certainty: str
    reason: str


@dataclasses.dataclass
class DryRun:
    failed: str
    locks: dict      # name -> modes that are held at the end
    objects: set     # (description, mode)
    rewritten: list  # for each statement, names
    scanned: list
    rows: int
    not_run: bool = False


class Claims:
    def __init__(self, cluster, database):
        self.session = cluster.session(database)
        self.session.run("SET client_min_messages = error")

    def plan(self, form, options="{}"):
        """Its rows, or the text of the error."""
        answer = self.session.run(
            "BEGIN;\nSELECT FROM confiture.register_migration('judged', 'judged', "
            f"{quoted(form.script)}, options => '{options}');\n"
            "SELECT coalesce(json_agg(json_build_array(ordinal, tag, object, mode, rewrites, scans, certainty, reason)), '[]')"
            " FROM confiture.plan('judged');\nROLLBACK")
        if answer.state:
            return f"{answer.state} {answer.messages[:300]}"
        return [Row(*row) for row in json.loads([row for row in answer.rows if row][-1])]

    def dry_run(self, form):
        answer = self.session.dry_run(form.script)
        if answer.state or not answer.value:
            return DryRun(answer.messages[:300] or "lost", {}, set(), [], [], 0)
        result = answer.json()
        stats = result["stats"]
        if stats["status"] != "complete":
            failure = stats.get("error") or {}
            return DryRun(f"{failure.get('sqlstate', '')} {failure.get('message') or stats.get('reason')}", {}, set(), [], [], 0)
        locks, objects = collections.defaultdict(set), set()
        for lock in stats["locks"]:
            # The check of deferred constraints at the end is a part of the commit, which the psql session did not come to.
            if lock["released"] != "end" or lock["form"] == "emulation" or lock["new_object"] or lock["statement"] == 0:
                continue
            if lock["kind"] == "relation":
                locks[lock["object"]].add(lock["mode"])
            elif lock["kind"] == "object":
                objects.add((lock["object"], lock["mode"]))
        statements = stats["statements"]
        return DryRun("", dict(locks), objects, [{rewrite["relation"] for rewrite in one["rewrites"]} for one in statements],
                      [{scan["relation"] for scan in one["scans"] if not scan["index"]} for one in statements], result["rows_affected"],
                      any(one["status"] == "not_run" for one in statements))
