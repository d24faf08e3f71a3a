#!/usr/bin/env python3
"""docs/layouts.md: the list of layouts is the code's, and the files of each example are read as the page says."""
import json
import re
from sessions import TOP, Cluster, done, equal, ok, quoted

page = (TOP / "docs" / "layouts.md").read_text()
cluster = Cluster()
cluster.database("layouts", "CREATE TABLE file (path text, content bytea)")
session = cluster.session("layouts")

refusal = session.run("SELECT * FROM confiture.load_files('file', 'no such layout')").messages
known = re.search(r"The layouts are auto, (.*)\.", refusal).group(1).split(", ")
table = page[page.index("## Which one it is"):page.index("## plain")]
equal(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE), known, "the page has the layouts in the order of the code")
sections = dict(re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
equal(sorted(set(known) - set(sections)), [], "each has a section")

# What stands in the files of the examples; `n` is a number of its own for each file.
PLAN = ("%project=shop\n\nusers 2024-01-31T12:00:00Z A B <a@b> # users\n"
        "email [users] 2024-02-01T12:00:00Z A B <a@b> # email\n")
TWO_PARTS = {"dbmate": "-- migrate:up{}\nSELECT {n};\n", "goose": "{}-- +goose Up\nSELECT {n};\n"}
BACK = {"dbmate": "-- migrate:down\nSELECT -{n};\n", "goose": "-- +goose Down\nSELECT -{n};\n"}
OUTSIDE = {"dbmate": " transaction:false", "goose": "-- +goose NO TRANSACTION\n"}


def content(layout, path, kind, number):
    if path == "sqitch.plan":
        return PLAN
    if path.endswith(".conf"):
        return "executeInTransaction=false\n"
    if path.endswith(".toml"):
        return "run_in_transaction = false # no\n"
    outside = "no transaction" in kind
    if layout in TWO_PARTS:
        text = TWO_PARTS[layout].replace("{}", OUTSIDE[layout] if outside else "").replace("{n}", str(number))
        return text + (BACK[layout].replace("{n}", str(number)) if "backward" in kind else "")
    mark = {"sqlx": "-- no-transaction\n", "graphile-migrate": "--! Previous: -\n--! no-transaction\n"}.get(layout, "")
    return (mark if outside else "") + f"SELECT {number};"


def migrations(rows, files):
    """What the page says, as register_migration() would have stored it."""
    expected = {}
    for path, version, name, kind in rows:
        if not version or kind == "ignored":
            continue
        one = expected.setdefault(version, {"version": version, "name": name, "forward": None, "backward": None, "verify": None,
                                            "source": None, "repeatable": False, "transactional": True})
        if "forward" in kind or kind == "repeatable":
            one.update(forward=files[path], source=path, repeatable=kind == "repeatable", transactional="no transaction" not in kind)
        if kind in ("backward", "verify"):
            one[kind] = files[path]
        elif "backward" in kind:
            one["backward"] = files[path]
    return sorted(expected.values(), key=lambda one: one["version"])


STORED = """SELECT json_agg(json_build_object('version', version, 'name', name, 'forward', forward, 'backward', backward,
    'verify', verify, 'source', source, 'repeatable', repeatable,
    'transactional', coalesce((options ->> 'transactional')::boolean, true)) ORDER BY version COLLATE "C") FROM confiture.migration"""


def numbers_of(one):
    """A script by the number that its file was given: files of two parts are split."""
    return {key: re.findall(r"SELECT (-?\d+)", value)[-1 if key == "backward" else 0].lstrip("-")
            if key in ("forward", "backward", "verify") and value else value for key, value in one.items()}


for layout in known:
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]*?) ?\| ([^|]*?) ?\| ([^|]*?) \|$", sections.get(layout, ""), re.MULTILINE)
    if not ok(len(rows) >= 2, f"{layout}: an example", rows):
        continue
    files = {path: content(layout, path, kind, number) for number, (path, _, _, kind) in enumerate(rows, 1)}
    expected = [numbers_of(one) for one in migrations(rows, files)]
    for chosen in ("auto", layout):
        session.run("BEGIN; DELETE FROM file")
        session.run("INSERT INTO file VALUES " + ", ".join(
            f"({quoted(path)}, convert_to({quoted(text)}, 'UTF8'))" for path, text in files.items()))
        answer = session.run(f"SELECT count(*) FROM confiture.load_files('file', {quoted(chosen)})")
        stored = session.run(STORED).value
        session.run("ROLLBACK")
        ok(not answer.state, f"{layout}: the example is read as {chosen}", answer.messages)
        equal([numbers_of(one) for one in json.loads(stored or "[]")], expected, f"{layout}: as the page says, by {chosen}")

# Each file of an example is recognised by itself, so that `auto` did not take the folder for another tool's by chance.
recognised = {"sqitch": "sqitch.plan", "prisma": "1_a/migration.sql", "diesel": "1_a/up.sql", "graphile-migrate": "committed/000001.sql",
              "flyway": "R__a.sql", "pop": "1_a.mysql.up.sql", "plain": "1.sql"}
for layout, path in recognised.items():
    session.run(f"BEGIN; DELETE FROM file; INSERT INTO file VALUES ({quoted(path)}, 'SELECT 1'), ('README.sql', 'SELECT 1')")
    answer = session.run("SELECT count(*) FROM confiture.load_files('file')")
    session.run("ROLLBACK")
    ok(f'layout "{layout}"' in answer.messages or "sqitch.plan" in answer.messages or answer.value == "1",
       f"{layout}: recognised by {path}", answer.messages, answer.rows)
done()
