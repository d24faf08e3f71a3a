#!/usr/bin/env python3
"""confiture-load: a folder from the client's disk through psql, whole or not at all, whatever its files are called."""
import json
import os
from sessions import TOP, Cluster, done, equal, ok, scratch_folder

LOAD = TOP / "scripts" / "confiture-load"
cluster = Cluster()
cluster.database("load", "CREATE ROLE clerk LOGIN")
base = scratch_folder()


def folder(name, files):
    for path, content in files.items():
        file = base / name / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return base / name


def load(directory, *options, **more):
    return cluster.program("bash", LOAD, *([directory] if directory else []), *options, "-d", "load", **more)


def registered():
    return cluster.sql("SELECT string_agg(version || '=' || name, ' ' ORDER BY sort_key) FROM confiture.migration", "load")


def refused(name, answer, *words):
    ok(answer.returncode != 0, f"{name}: refused", answer.stdout, answer.stderr)
    ok(all(word in answer.stderr for word in words), f"{name}: a clear error", answer.stderr)
    equal(registered(), BEFORE, f"{name}: nothing is loaded")


odd = 'it\'s "odd"\\n $$ %s;\t\n-- {x} \u00e9'
good = folder("good", {
    "001_first.up.sql": "CREATE TABLE first (id int);\n",
    "001_first.down.sql": "DROP TABLE first;\n",
    "002_odd.up.sql": f"CREATE TABLE second (id int); COMMENT ON TABLE second IS $q${odd}$q$;\r\n",
    "010_third.up.sql": "SELECT 1; SELECT '\\.';\n",
    ".hidden/004_no.up.sql": "SELECT syntax error",
    "README.md": "# not a migration",
})
answer = load(good)
equal(answer.returncode, 0, "a folder is loaded")
ok(all(word in answer.stdout for word in ("first", "odd", "third", "added")), "each migration is listed", answer.stdout, answer.stderr)
equal(registered(), "001=first 002=odd 010=third", "it is registered")
equal(cluster.sql("SELECT strpos(forward, $x$" + odd + "$x$) > 0 FROM confiture.migration WHERE version = '002'", "load"), "t",
      "every byte arrives")
equal(cluster.sql("SELECT string_agg(source, ' ' ORDER BY sort_key) FROM confiture.migration", "load"),
      "001_first.up.sql 002_odd.up.sql 010_third.up.sql", "the source is the file's path in the folder")
answer = load(good)
ok(answer.returncode == 0 and "unchanged" in answer.stdout, "again: unchanged", answer.stdout, answer.stderr)
answer = cluster.program("bash", LOAD, "--layout", "golang_migrate", good, "-d", "load", "-A", "-t")
ok(answer.returncode == 0 or "layout" in answer.stderr, "the layout can be named", answer.stderr)
answer = cluster.program("bash", LOAD, good, "-d", "load", "-A", "-t", "-F", ",")
equal(sorted(answer.stdout.split()), ["001,first,unchanged", "002,odd,unchanged", "010,third,unchanged"], "psql's options are psql's")
equal(cluster.sql("SELECT count(*) FROM pg_class WHERE relname = 'confiture_file'", "load"), "0", "no table is left")

# Files beside the scripts tell which tool the folder is for; the server, reading it itself, says the same.
for layout, files in {
    "refinery": {"V7__seven.sql": "SELECT 7", "mod.rs": "pub fn migration() {}", "V8__eight.rs": "\xff"},
    "sqitch": {"sqitch.conf": "[core]\n    engine = pg\n", "sqitch.plan": "%project=shop\n\nnine 2024-01-01T00:00:00Z A <a@b.c> # it\n",
               "deploy/nine.sql": "SELECT 9", "revert/nine.sql": "SELECT -9", "verify/nine.sql": "SELECT 1"},
}.items():
    cluster.sql("SELECT confiture.unregister_migration(version) FROM confiture.migration", "load")
    place = folder(layout, {**files, ".git/V1__hidden.sql": "SELECT syntax error"})
    place.chmod(0o755)
    answer = cluster.program("bash", LOAD, "--layout", layout, place, "-d", "load", "-A", "-t")
    ok(answer.returncode == 0 and "added" in answer.stdout, f"{layout}: the client sends what the layout needs", answer.stdout, answer.stderr)
    equal("migrations that are programs were left out" in answer.stderr and "V8__eight.rs" in answer.stderr, layout == "refinery",
          f"{layout}: programs that were left out are told")
    equal(cluster.sql(f"SELECT string_agg(DISTINCT action, ' ') FROM confiture.load_migrations('{place}', '{layout}')", "load"), "unchanged",
          f"{layout}: what the server reads is the same")
cluster.sql("SELECT confiture.unregister_migration(version) FROM confiture.migration", "load")
load(good)

BEFORE = registered()
refused("a syntax error", load(folder("syntax", {"020_good.up.sql": "SELECT 1", "021_bad.up.sql": "SELECT 1;\n\nSELEC 2;\n"})),
        "021_bad.up.sql", "line 3")
refused("two files for one version", load(folder("double", {"020_one.up.sql": "SELECT 1", "20_two.up.sql": "SELECT 2"})), "20")
refused("invalid UTF-8", load(folder("latin", {"020_one.up.sql": "SELECT 1", "021_two.up.sql": b"SELECT '\xe9'"})), "021_two.up.sql")
refused("a NUL byte", load(folder("nul", {"020_one.up.sql": b"SELECT '\0'"})), "020_one.up.sql")
refused("an empty file", load(folder("empty", {"020_one.up.sql": "SELECT 1", "021_two.up.sql": ""})), "021_two.up.sql")
refused("COPY FROM stdin", load(folder("copy", {"020_one.up.sql": "COPY first FROM stdin;\n1\n\\.\n"})), "020_one.up.sql")
refused("a meta-command", load(folder("meta", {"020_one.up.sql": "SELECT 1;\n\\! touch /tmp/pwned\n"})), "020_one.up.sql", "line 2")
refused("a change", load(folder("change", {"001_first.up.sql": "CREATE TABLE first (id bigint)", "030_new.up.sql": "SELECT 1"})), "001")
refused("an unknown layout", cluster.program("bash", LOAD, "--layout", "nonsense", good, "-d", "load"), "nonsense")
refused("no such folder", load(base / "nowhere"), "not a folder")
refused("no migrations", load(folder("nothing", {"README.md": "x"})), "no migration files")
refused("no such database", cluster.program("bash", LOAD, good, "-d", "nowhere"), "nowhere")
refused("no rights", cluster.program("bash", LOAD, folder("rights", {"040_x.up.sql": "SELECT 1"}), "-d", "load", "-U", "clerk"), "permission denied")
refused("psql told to read something else", load(folder("other", {"040_x.up.sql": "SELECT 1"}), "-c", "SELECT 1"), "nothing loaded")
if os.getuid() != 0:
    closed = folder("closed", {"040_x.up.sql": "SELECT 1", "041_y.up.sql": "SELECT 1"})
    (closed / "041_y.up.sql").chmod(0)
    refused("a file that cannot be read", load(closed), "041_y.up.sql")
answer = cluster.program("bash", LOAD, "--replace", base / "change", "-d", "load")
ok(answer.returncode == 0 and "replaced" in answer.stdout and "added" in answer.stdout, "--replace replaces", answer.stdout, answer.stderr)

# --prune unregisters what is gone from this folder and not applied, and nothing else.
cluster.database("prune")
LISTED = ("-d", "prune", "-A", "-t", "-F", ",")


def prune(directory, *options):
    answer = cluster.program("bash", LOAD, "--prune", *options, directory, *LISTED)
    return answer.returncode, sorted(answer.stdout.split())


shop = folder("shop", {f"00{number}_x.up.sql": "SELECT 1" for number in (1, 2, 3)})
cluster.program("bash", LOAD, folder("others", {"009_y.up.sql": "SELECT 1"}), *LISTED)
cluster.sql("SELECT confiture.register_migration('010', 'by a call', 'SELECT 1')", "prune")
equal(prune(shop), (0, ["001,x,added", "002,x,added", "003,x,added"]), "--prune: nothing is gone")
cluster.sql("CALL confiture.up('001')", "prune")
for number in (1, 2):
    (shop / f"00{number}_x.up.sql").unlink()
equal(cluster.program("bash", LOAD, shop, *LISTED).stdout.split(), ["003,x,unchanged"], "without it what is gone stays")
equal(prune(shop), (0, ["001,x,missing", "002,x,pruned", "003,x,unchanged"]), "--prune: what is not applied goes, what is applied is missing")
equal(cluster.sql("SELECT string_agg(version, ' ' ORDER BY sort_key) FROM confiture.migration", "prune"), "001 003 009 010",
      "--prune: other folders and calls are left alone")
moved = shop.rename(base / "moved")
equal(prune(moved), (0, ["003,x,unchanged"]), "--prune: a folder that has moved is another one")
(moved / "003_x.up.sql").rename(moved / "004_x.up.sql")
equal(prune(moved, "--folder", "elsewhere"), (0, ["004,x,added"]), "--folder: another name, and nothing of it is gone")
equal(prune(moved), (0, ["003,x,pruned", "004,x,unchanged"]), "--prune: a file with a new version")

# Names that a shell, COPY or SQL might trip over.
cluster.database("hostile")
names = ["quote'; DROP TABLE x; --", 'double " quote', "back\\slash\\n", "$(touch pwned)", "`touch pwned`", "tab\there", "line\nbreak",
         "-leading", "glob*?[a]", "per%cent%s", "\u00e9t\u00e9 \u4e2d\u6587", "\\.", "semi;colon & amp | pipe > redirect", " spaces  "]
files = {f"{number:03}_{name}.up.sql": f"SELECT {number}" for number, name in enumerate(names, 1)}
hostile = folder("hostile;$(touch pwned) 'x", files)
answer = cluster.program("bash", LOAD, hostile, "-d", "hostile", "-o", "/dev/null", cwd=base)
equal(answer.returncode, 0, "hostile file names: loaded")
equal(json.loads(cluster.sql("SELECT to_json(array_agg(source ORDER BY sort_key)) FROM confiture.migration", "hostile")),
      sorted(files), "hostile file names: kept as they are")
equal(cluster.sql("SELECT bool_and(forward = 'SELECT ' || version::int) FROM confiture.migration", "hostile"), "t",
      "hostile file names: each with its script")
ok(not list(base.glob("**/pwned")) and not os.path.exists("/tmp/pwned"), "hostile file names: nothing was run")
dashed = folder("-dash", {"001_x.up.sql": "SELECT 1"})
answer = cluster.program("bash", LOAD, "--", "-dash", "-d", "load", cwd=base)
ok(answer.returncode != 0 and "001_x" in answer.stderr, "a folder whose name begins with a dash is read", answer.stderr)
equal(cluster.program("bash", LOAD).returncode, 2, "without arguments: usage")
done()
