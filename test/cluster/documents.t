#!/usr/bin/python3
"""The pages of docs/ and the README: what they show is what a server answers, links lead somewhere, lines are short.

The ```sql blocks of a page run from top to bottom in one psql on a new database with the extension; a ```text block right
after one is its output.  A ```sh block and a program run where an output follows them.  Numbers that vary from run to run
are not compared: times of day, those with a point, with four digits or more, or before a unit.  The extension that the page
on hooks in C shows, file by file, is built and installed as it stands there.
"""
import json
import pathlib
import re
import subprocess
from clients import PASSWORD, Jdbc, NodePostgres, Psycopg, Psycopg2, left_out, on_the_loopback, run_example
from installations import scratch_installation
from sessions import TOP, Cluster, done, equal, ok, scratch_folder

PAGES = sorted((TOP / "docs").glob("*.md")) + sorted(TOP.glob("*.md")) + sorted((TOP / "examples").glob("**/*.md"))
# Blocks of these are run whole; the reference has the forms of calls and no calls.
RUN = ["dry-run", "getting-started", "errors", "migrations", "apply", "layouts", "trust", "hooks", "built-in-hooks", "hooks-in-c", "backfill",
       "clients", "roles"]
PROGRAMS = ("python", "java", "javascript")
END = "--- end of block ---"

extension = scratch_folder()
shown = re.findall(r"^`([\w.-]+)`:\n\n```\w+\n(.*?)^```$", (TOP / "docs/hooks-in-c.md").read_text(), re.MULTILINE | re.DOTALL)
for name, content in shown:
    (extension / name).write_text(content)
scratch_installation(extension)
cluster = Cluster("timezone=UTC", "client_min_messages=notice", *on_the_loopback())
cluster.sql(f"CREATE ROLE migrator LOGIN SUPERUSER PASSWORD '{PASSWORD}'")


def blocks(page):
    """(language, first line, content, output or None) of each fenced block; an output is no block of its own."""
    lines = page.read_text().splitlines()
    found, at = [], 0
    while at < len(lines):
        if lines[at].startswith("```"):
            end = lines.index("```", at + 1)
            language, content = lines[at][3:], lines[at + 1:end]
            adjacent = found and all(not line for line in lines[found[-1][4] + 1:at])
            if language == "text" and adjacent and found[-1][0] in ("sql", "sh", *PROGRAMS) and found[-1][3] is None:
                found[-1] = found[-1][:3] + (content, end)
            else:
                found.append((language, at + 1, content, None, end))
            at = end
        at += 1
    return [block[:4] for block in found]


TOKEN = re.compile(r"(?P<number>\d{4}-\d\d-\d\d\s\d\d:\d\d:\d\d|\d+(?:\.\d+)?(?P<unit> (?:ms|s|kB|MB|bytes)\b)?)|-{3,}|\w+|[^\w\s]")


def tokens(lines):
    """What counts of an output: neither the widths of columns nor the dashes that show them."""
    text = "\n".join(line for line in lines if line.strip())
    text = re.sub(r"(?<=-\[ RECORD )(\d+) \][-+]*", r"\1", text)
    return [(found.group(), bool(found["number"]), bool(found["unit"])) for found in TOKEN.finditer(re.sub(r"-{3,}", "---", text))]


def varies(number, has_unit):
    return has_unit or "." in number or len(number) >= 4


def same(wanted, found):
    """Alike but for numbers that vary from run to run: one of the two looks like a time, a size or a large number."""
    return len(wanted) == len(found) and all(
        one[0] == other[0] or (one[1] and other[1] and one[2] == other[2] and (varies(one[0], one[2]) or varies(other[0], other[2])))
        for one, other in zip(wanted, found))


class Psql:
    """One psql for a page, spoken to block by block."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            [cluster.bin / "psql", "-X", "-q", "-d", database], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, encoding="utf-8", env=cluster.environment(PGDATABASE=database), cwd=TOP)
        cluster.sessions.append(self)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def run(self, lines):
        """What the block printed, first the rows and then the messages."""
        self.process.stdin.write("\n".join(lines) + f"\n\\echo {END}\n\\warn {END}\n")
        self.process.stdin.flush()
        output = []
        for pipe in (self.process.stdout, self.process.stderr):
            for line in iter(pipe.readline, f"{END}\n"):
                if not line:
                    return output + ["psql has ended"]
                output.append(line.rstrip("\n"))
        return output


def run_shell(lines, database):
    answer = cluster.program("bash", "-c", "\n".join(lines), cwd=TOP,
                             env={"PGDATABASE": database, "PATH": f"{TOP}/scripts:{cluster.bin}:/usr/bin:/bin"})
    return (answer.stdout + answer.stderr).splitlines()


def run_page(page):
    database = "mydb" if page.stem == "getting-started" else page.stem
    cluster.database(database)
    psql = Psql(database)
    shown = 0
    for language, line, content, expected in blocks(page):
        if language == "sql":
            found = psql.run(content)
        elif language == "sh" and expected is not None:
            found = run_shell(content, database)
        elif language in PROGRAMS and expected is not None:
            found = run_example(cluster, language, content, database)
        else:
            continue
        name = f"{page.name}, line {line}"
        if expected is None:
            errors = [text for text in found if re.match(r"(ERROR|FATAL|psql has ended)", text)]
            equal(errors, [], f"{name}: runs")
        else:
            shown += 1
            ok(same(tokens(expected), tokens(found)), f"{name}: shows what a server answers", "the page:", *expected, "the server:", *found)
    ok(shown > 0, f"{page.name}: shows something")


def headings(page):
    """The anchors of a page, as they are made of its headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


for page in PAGES:
    name = page.relative_to(TOP)
    long = [number for number, line in enumerate(page.read_text().splitlines(), 1)
            if len(line) > 120 and not line.startswith("| ")]
    equal(long, [], f"{name}: no line over 120 characters")
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", page.read_text()):
        there = (page.parent / target).resolve() if target else page
        ok(there.exists() and (not anchor or anchor in headings(there)), f"{name}: the link to {target}#{anchor} leads somewhere")
    mentioned = re.findall(r"`((?:docs|examples|scripts|src|test)/[\w./-]+)`", page.read_text())
    equal([path for path in mentioned if not (TOP / path).exists()], [], f"{name}: the files that it names are there")
linked = re.findall(r"\]\((docs/[\w.-]+)", (TOP / "README.md").read_text())
equal([page.name for page in (TOP / "docs").iterdir() if f"docs/{page.name}" not in linked], [], "the README links to every page")

# Each program goes on where the one before it ended.
if any([left_out(cluster, library) for library in (Psycopg2, Psycopg, NodePostgres, Jdbc)]):
    RUN.remove("clients")
for name in RUN:
    run_page(TOP / "docs" / f"{name}.md")

# The page on the dry run leaves out nothing of what the server has, and has nothing more.
cluster.database("complete")
page = (TOP / "docs" / "dry-run.md").read_text()
sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))


def bullets(title):
    return sorted(re.findall(r"^\* `(\w+)`", sections[title], re.MULTILINE))


def out_columns(function):
    return cluster.sql(f"SELECT unnest(proargnames[2:]) FROM pg_proc WHERE proname = '{function}'", "complete").splitlines()


refusal = cluster.program("psql", "-X", "-d", "complete", "-c", "SELECT confiture.dry_run_sql('', options => '{\"x\": 1}')").stderr
equal(bullets("Options"), sorted(re.findall(r"\w+", re.search(r"DETAIL:  A dry run knows (.*)\.", refusal).group(1).replace(" and ", " "))),
      "the options are those of the server")
fields = cluster.sql("SELECT attname FROM pg_attribute WHERE attrelid = 'confiture.dry_run_result'::regclass", "complete")
equal(bullets("The result"), sorted(fields.splitlines()), "the fields of the result are those of its type")
kinds = json.loads((TOP / "docs" / "stats.schema.json").read_text())["$defs"]["side_effect"]["properties"]["kind"]["enum"]
equal(bullets("What a rollback cannot undo"), sorted(kinds), "the side effects are those of the schema")
for title, function in (("Statements", "dry_run_statements"), ("Locks", "dry_run_locks")):
    told = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", sections[title], re.MULTILINE))))
    equal(sorted(told), sorted(out_columns(function)), f"the columns of {function}() are told")

# The page on apply has every setting and routine of it.
page = (TOP / "docs" / "apply.md").read_text()
told = set(re.findall(r"^\| `(confiture\.\w+)` \| [^|]* \| ", page, re.MULTILINE))
elsewhere = {"confiture.hook_timeout", "confiture.log_level"}  # on the page on hooks
equal(told | elsewhere, set(cluster.sql("LOAD 'confiture'; SELECT name FROM pg_settings WHERE name LIKE 'confiture.%'", "complete").split()),
      "the settings of apply are told")
routines = set(re.findall(r"`(?:CALL )?confiture\.(\w+)\(", page))
equal(sorted({"up", "down", "redo", "apply", "revert", "baseline", "verify", "repair", "backfill"} - routines), [], "and so are its routines")
defaults = dict(re.findall(r"^\| `(confiture\.\w+)` \| (\w+) \| ", page, re.MULTILINE))
equal({name: value for name, value in defaults.items() if cluster.sql(f"LOAD 'confiture'; SHOW {name}", "complete") != value.replace("24h", "1d")
       .replace("60s", "1min")}, {}, "with their defaults")

# The page on the built-in hooks has each of them, and each member of their configs.
page = (TOP / "docs" / "built-in-hooks.md").read_text()
sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
built_in = cluster.sql("SELECT proname FROM pg_proc WHERE pronamespace = 'confiture'::regnamespace"
                       " AND prorettype = 'confiture.hook_result'::regtype AND NOT proretset", "complete").splitlines()
equal(sorted(sections), sorted(built_in), "the built-in hooks are told")
for name in built_in:
    call = f"SELECT confiture.{name}(ROW('1', '', 'forward', 'CLEANUP', false, 0, 0, '{{\"?\": 1}}', NULL, NULL))"
    refusal = cluster.program("psql", "-X", "-d", "complete", "-c", call).stderr
    told = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", sections[name], re.MULTILINE)))
    equal(sorted(told), re.findall(r"\w+", re.search(r"knows (.*)\.", refusal).group(1)), f"the config of {name} is told")

# The page on hooks leaves out no phase, argument, member or setting, and its line of the log is one.
page = (TOP / "docs" / "hooks.md").read_text()
sections = dict(re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))


def first_cells(title):
    return sorted(set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", sections[title], re.MULTILINE)))))


def column(query):
    return sorted(set(cluster.sql(query, "complete").splitlines()))


def attributes(of_type):
    return column(f"SELECT attname FROM pg_attribute WHERE attrelid = '{of_type}'::regclass")


equal(first_cells("Phases"), column("SELECT unnest(enum_range(NULL::confiture.hook_phase))"), "the phases are those of the type")
equal(first_cells("Registering"), column("SELECT unnest(proargnames) FROM pg_proc WHERE proname LIKE 'register_hook%'"),
      "the arguments are those of the functions")
equal(first_cells("The context"), attributes("confiture.hook_context"), "the members of the context are those of the type")
equal(sorted(set(first_cells("What a hook returns")) - {"void", "bigint", "jsonb"}), attributes("confiture.hook_result"),
      "the members of the result are those of the type")
cluster.sql("""SELECT confiture.register_migration('001', 'one', 'SELECT 1'),
                      confiture.register_hook_sql('fails', 'CLEANUP', 'SELECT 1 / 0', on_failure => 'continue'),
                      confiture.register_hook_sql('writes', 'CLEANUP', 'DELETE FROM pg_temp.t');
               CREATE TEMPORARY TABLE t (); SELECT confiture.run_phase('CLEANUP', '001')""", "complete")
logged = [json.loads(line) for line in re.findall(r'LOG:  (\{"confiture": "hook".*)', (pathlib.Path(cluster.host) / "log").read_text())]
told = set(json.loads(re.search(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL).group(1)))
fails, writes = (next(line for line in logged if line["hook"] == hook) for hook in ("fails", "writes"))
equal(sorted(fails), sorted(told), "the line of the log has the members of the page")
equal(sorted(set(writes) - set(fails)), ["rows_affected"], "and with rows one more")
done()
