"""Throw-away clusters (cluster.sh) and psql sessions for the tests of this folder, and their TAP output.

A session is a psql of its own that is spoken to through pipes: `start` sends statements and returns at once, `finish` waits
for their end, `run` does both.  Statements go one by one, so that each is a transaction unless the session opened one.
"""
import atexit
import collections
import json
import os
import pathlib
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

FOLDER = pathlib.Path(__file__).resolve().parent
TOP = FOLDER.parent.parent
END = "--- that was it ---"
PATIENCE = 50

tests = collections.Counter()


def ok(condition, name, *facts):
    """One TAP line, with the facts below it where it failed."""
    tests["run"] += 1
    tests["failed"] += not condition
    print(f"{'ok' if condition else 'not ok'} {tests['run']} - {name}", flush=True)
    if not condition:
        for fact in facts:
            note(fact if isinstance(fact, str) else json.dumps(fact, default=str, indent=1)[:4000])
    return bool(condition)


def equal(found, expected, name):
    return ok(found == expected, name, f"found {found!r}", f"expected {expected!r}")


def skip(name, reason):
    tests["run"] += 1
    print(f"ok {tests['run']} - {name} # SKIP {reason}", flush=True)


def note(text):
    print("\n".join("# " + line for line in str(text).splitlines()), flush=True)


def done():
    print(f"1..{tests['run']}", flush=True)
    sys.exit(tests["failed"] > 0)


class Cluster:
    """The servers of one cluster.sh; they end with this program."""

    def __init__(self, *settings, standby=False):
        follow = "echo $PGHOST; start_standby && echo $PGHOST" if standby else "echo $PGHOST"
        # A shell of its own process group: an interrupt at the keyboard reaches it through our end alone.
        self.shell = subprocess.Popen(
            ["bash", "-c", f'source "$0" && start_cluster "$@" && {follow}; echo; read -r', FOLDER / "cluster.sh", *settings],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        hosts = [host for host in iter(lambda: self.shell.stdout.readline().strip(), "")]
        if not hosts:
            print("Bail out! no cluster", flush=True)
            sys.exit(1)
        self.bin = pathlib.Path(os.environ.get("PGBIN") or subprocess.run(
            [os.environ.get("PG_CONFIG", "pg_config"), "--bindir"], check=True, capture_output=True, text=True).stdout.strip())
        self.host, self.standby_host = hosts[0], hosts[-1]
        self.port = dict(setting.split("=", 1) for setting in settings).get("port", "5432")
        self.as_server = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
        self.sessions = []
        self.version = int(self.sql("SHOW server_version_num")) // 10000
        atexit.register(self.stop)

    def stop(self):
        for session in self.sessions:
            session.kill()
        self.shell.stdin.close()
        self.shell.wait(60)

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG") or name == "PG_CONFIG"}
        return {**kept, "PGHOST": self.host, "PGPORT": self.port, "PGUSER": "postgres", "PGDATABASE": "postgres",
                "PGCLIENTENCODING": "UTF8", "PATH": f"{self.bin}:{os.environ['PATH']}", **more}

    def program(self, *command, **options):
        """One of the server's programs, or another, talking to the cluster."""
        found = self.bin / command[0]
        options.setdefault("timeout", PATIENCE)
        environment = options.pop("env", {})
        return subprocess.run([str(found) if found.exists() else command[0], *map(str, command[1:])], capture_output=True,
                              text=True, env=self.environment(**environment), **options)

    def sql(self, text, database="postgres", check=True):
        answer = self.program("psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database, input=text)
        if check and answer.returncode:
            raise RuntimeError(answer.stderr)
        return answer.stdout.rstrip("\n")

    def database(self, name, *statements):
        """A new database with the extension."""
        self.sql(f'CREATE DATABASE "{name}"')
        self.sql("CREATE EXTENSION confiture;\n" + ";\n".join(statements), name)

    def session(self, database="postgres", user="postgres", host=None):
        session = Session(self, database, user, host or self.host)
        self.sessions.append(session)
        return session

    def dump(self, database, *options):
        """Schema and data as pg_dump sees them, without the values of sequences and pg_dump's own random keys."""
        answer = self.program("pg_dump", "-d", database, *options)
        if answer.returncode:
            raise RuntimeError(answer.stderr)
        return re.sub(r"^(\\(un)?restrict .*|SELECT pg_catalog\.setval\(.*)\n", "", answer.stdout, flags=re.MULTILINE)

    def log(self):
        return pathlib.Path(self.host, "log").read_text(errors="replace")


class Answer:
    def __init__(self, rows, messages, seconds, lost):
        self.rows, self.messages, self.seconds, self.lost = rows, messages, seconds, lost
        self.states = re.findall(r"^(?:psql:.*?: )?(?:ERROR|FATAL|PANIC):  (\w{5}): ", messages, re.MULTILINE)
        self.state = self.states[0] if self.states else None
        self.notices = re.findall(r"^(?:NOTICE):  \w{5}: (.*)$", messages, re.MULTILINE)

    @property
    def value(self):
        return self.rows[-1] if self.rows else None

    def json(self):
        return json.loads(self.value)

    def __repr__(self):
        return f"rows {self.rows[:20]} messages {self.messages[:2000]} seconds {self.seconds:.3f} lost {self.lost}"


class Session:
    def __init__(self, cluster, database, user, host):
        self.process = subprocess.Popen(
            [cluster.bin / "psql", "-X", "-q", "-A", "-t", "-v", "VERBOSITY=verbose"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace",
            env=cluster.environment(PGDATABASE=database, PGUSER=user, PGHOST=host))
        self.lines = {}
        for pipe in (self.process.stdout, self.process.stderr):
            self.lines[pipe] = queue.Queue()
            threading.Thread(target=self._read, args=(pipe, self.lines[pipe]), daemon=True).start()
        self.pid = int(self.run("SELECT pg_backend_pid()").value)

    @staticmethod
    def _read(pipe, lines):
        for line in pipe:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def start(self, sql):
        self.began = time.monotonic()
        try:
            self.process.stdin.write(f"{sql}\n;\n\\echo {END}\n\\warn {END}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def finish(self, patience=PATIENCE):
        taken = []
        limit = time.monotonic() + patience
        lost = False
        for pipe in (self.process.stdout, self.process.stderr):
            lines = []
            while True:
                try:
                    line = self.lines[pipe].get(timeout=max(limit - time.monotonic(), 0.01))
                except queue.Empty:
                    lines.append(f"no answer in {patience} s")
                    self.process.kill()
                    line = None
                if line is None:
                    self.lines[pipe].put(None)
                    lost = True
                    break
                if line == END:
                    break
                lines.append(line)
            taken.append(lines)
        return Answer(taken[0], "\n".join(taken[1]), time.monotonic() - self.began, lost)

    def answered(self):
        """Has what was started come to its end, or the session?  Takes nothing from finish()."""
        said = self.lines[self.process.stderr].queue
        return END in said or None in said

    def run(self, sql, patience=PATIENCE):
        self.start(sql)
        return self.finish(patience)

    def start_dry_run(self, script, **options):
        self.start(f"SELECT to_jsonb(r) FROM confiture.dry_run_sql({quoted(script)}, 1, {quoted(json.dumps(options))}) r")

    def dry_run(self, script, **options):
        self.start_dry_run(script, **options)
        return self.finish()

    def end(self):
        """As a client goes that has nothing more to say."""
        self.process.stdin.close()
        self.process.wait(PATIENCE)

    def kill(self):
        self.process.kill()
        self.process.wait()


def quoted(text):
    return "'" + text.replace("'", "''") + "'" if "\\" not in text else "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def wait_until(condition, patience=PATIENCE, pause=0.005):
    """True as soon as the condition holds, false when patience has run out."""
    limit = time.monotonic() + patience
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(pause)
    return True


def longest_wait(bystander, over, *statements):
    """The longest time, in seconds, that one of the statements of a bystander took until it was over, run at least once."""
    longest = 0
    while True:
        longest = max([longest, *(bystander.run(statement).seconds for statement in statements)])
        if over():
            return longest
        time.sleep(0.005)


# Everything that a session could keep after a dry run: locks, settings, prepared statements, cursors, advisory locks.  The
# settings that a library brings when it is loaded are no news.
LEFT_BEHIND = """
SELECT md5((SELECT string_agg(name || '=' || setting, ',' ORDER BY name) FROM pg_settings
                   WHERE name NOT LIKE '%.%' OR source <> 'default') || current_user || session_user)
       || ' prepared ' || (SELECT count(*) FROM pg_prepared_statements)
       || ' cursors ' || (SELECT count(*) FROM pg_cursors)
       || ' locks ' || coalesce((SELECT string_agg(concat_ws(' ', locktype, relation::regclass, mode), ', ')
                                 FROM pg_locks
                                 WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid'
                                   AND (relation IS NULL OR relation >= 16384)), 'none')"""


def left_behind(session):
    return session.run(LEFT_BEHIND).value


def scratch_folder():
    folder = tempfile.mkdtemp(prefix="confiture.")
    os.chmod(folder, 0o755)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return pathlib.Path(folder)
