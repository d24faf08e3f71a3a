"""Client libraries, one like the other: each runs statements on one connection and tells rows, notices and the error.

A driver begins with autocommit on.  Its kinds of statement:
  simple     a query message
  extended   with parameters, by the extended protocol
  kept       the same, prepared by name and used again
The place of a parameter is a question mark.  psycopg2 puts parameters into the text and knows the simple protocol alone.
JDBC and node-postgres are spoken to through programs in clients/, which read a line of percent-encoded words for each request
and answer it with a line of JSON.  The libraries of Python are Debian's, and so must the Python be: /usr/bin/python3.
"""
import functools
import glob
import importlib.util
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import urllib.parse
from sessions import FOLDER, PATIENCE, ok, scratch_folder, skip

# Where scripts/setup has npm install, and where Debian does.
NODE_PATH = ":".join([os.path.join(
    os.environ.get("CONFITURE_ROOTS") or os.environ.get("XDG_CACHE_HOME", "/var/cache") + "/confiture", "node/node_modules"),
    "/usr/share/nodejs"])
CLASS_PATH = ":".join(["/usr/share/java/postgresql.jar", *glob.glob("/usr/share/java/scram*.jar")])
PASSWORD = "told"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def on_the_loopback():
    """The settings of a Cluster that takes the role migrator there too, by its password: JDBC knows no Unix sockets."""
    folder = scratch_folder()
    (folder / "hba").write_text("local all all trust\nhost all migrator 127.0.0.1/32 scram-sha-256\n")
    return ["listen_addresses=127.0.0.1", f"port={free_port()}", f"hba_file={folder}/hba", "password_encryption=scram-sha-256"]


def left_out(cluster, library):
    """Whether it is missing, which is told: as a failure where scripts/setup or scripts/version-root install it."""
    if library.missing:
        not_in_debian = cluster.version not in (13, 15, 17, 18) or (cluster.version == 13 and library is Psycopg)
        if not_in_debian:
            skip(library.name, f"no {library.missing}")
        else:
            ok(False, f"{library.name} is there",
               f"no {library.missing}: scripts/setup or scripts/version-root could not install it, or has not been run")
    return library.missing


class Answer:
    def __init__(self, rows=(), notices=(), error=None):
        self.rows, self.notices, self.error = list(rows), list(notices), error

    @property
    def state(self):
        return self.error and self.error["state"]

    def __repr__(self):
        return json.dumps({"rows": self.rows, "notices": self.notices, "error": self.error}, indent=1, default=str)[:4000]


class Driver:
    """What is common: a statement is started, and finished, and may be cancelled in between."""
    kinds = ("simple", "extended", "kept")
    simple_takes_parameters = False

    def start(self, kind, sql, *parameters):
        self.answer = None

        def work():
            self.answer = self.ask(kind, sql, *parameters)

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def finish(self):
        self.thread.join(PATIENCE)
        return self.answer or Answer(error={"state": None, "message": f"no answer in {PATIENCE} s"})

    def run(self, kind, sql, *parameters):
        self.start(kind, sql, *parameters)
        return self.finish()


class Program(Driver):
    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def say(self, *words):
        self.process.stdin.write(" ".join(urllib.parse.quote(word, safe="") for word in words) + "\n")
        self.process.stdin.flush()

    def ask(self, kind, sql, *parameters):
        try:
            self.say(kind, sql, *map(typed, parameters))
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        told = json.loads(line) if line else {"rows": [], "notices": [], "error": {"state": None, "message": "it has ended"}}
        return Answer(told["rows"], told["notices"], told["error"])

    def cancel(self):
        self.say("cancel")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait(PATIENCE)


def typed(value):
    return "n:" if value is None else f"i:{value}" if isinstance(value, int) else f"t:{value}"


def jdbc_url(database, host, port, user, password, **properties):
    return f"jdbc:postgresql://{host}:{port}/{database}?" + urllib.parse.urlencode(
        {"user": user, "password": password, **properties})


@functools.lru_cache(maxsize=None)
def compiled():
    folder = scratch_folder()
    subprocess.run(["javac", "-d", folder, "-cp", CLASS_PATH, FOLDER / "clients/Jdbc.java"], check=True)
    return folder


class Jdbc(Program):
    name = "JDBC"
    missing = ("javac" if not shutil.which("javac") else
               "libpostgresql-jdbc-java" if not os.path.exists("/usr/share/java/postgresql.jar") else None)

    def __init__(self, database, host, port, user, password="", **properties):
        super().__init__(["java", "-XX:TieredStopAtLevel=1", "-cp", f"{compiled()}:{CLASS_PATH}", "Jdbc",
                          jdbc_url(database, host, port, user, password, **properties)], dict(os.environ))

    def autocommit(self, on):
        return self.run("autocommit", "on" if on else "off")

    def rollback(self):
        return self.run("rollback", "")


class NodePostgres(Program):
    name = "node-postgres"
    missing = ("node" if not shutil.which("node") else
               f"package pg of npm in {NODE_PATH}" if not any(os.path.exists(f"{folder}/pg") for folder in NODE_PATH.split(":")) else None)

    def __init__(self, database, host, port, user, password=""):
        configuration = {"host": str(host), "port": int(port), "user": user, "password": password, "database": database}
        super().__init__(["node", str(FOLDER / "clients/node_postgres.js"), json.dumps(configuration)],
                         {**os.environ, "NODE_PATH": NODE_PATH})

    def ask(self, kind, sql, *parameters):
        for place, _ in enumerate(parameters, 1):
            sql = sql.replace("?", f"${place}", 1)
        return super().ask(kind, sql, *parameters)

    def autocommit(self, on):
        """It has none to be turned off."""
        return Answer() if on else self.run("simple", "BEGIN")

    def rollback(self):
        return self.run("simple", "ROLLBACK")


class Psycopg(Driver):
    """psycopg 3, and what version 2 shares with it."""
    name = "psycopg"
    missing = None if importlib.util.find_spec("psycopg") else "python3-psycopg"

    def __init__(self, database, host, port, user, password=""):
        self.library = importlib.import_module(self.name)
        self.connection = self.library.connect(dbname=database, host=str(host), port=port, user=user, password=password)
        self.connection.autocommit = True
        self.told = []
        self.listen()

    def listen(self):
        self.connection.add_notice_handler(lambda told: self.told.append({"message": told.message_primary}))

    def execute(self, kind, sql, parameters):
        if kind == "simple":
            return self.library.ClientCursor(self.connection).execute(sql)
        return self.connection.execute(sql, parameters, prepare=kind == "kept")

    def ask(self, kind, sql, *parameters):
        self.told.clear()
        rows, error = [], None
        try:
            cursor = self.execute(kind, sql.replace("?", "%s"), parameters)
            if cursor.description:
                rows = [dict(zip((column[0] for column in cursor.description), row)) for row in cursor.fetchall()]
        except self.library.Error as raised:
            error = {"state": raised.diag.sqlstate, "message": raised.diag.message_primary or str(raised),
                     "detail": raised.diag.message_detail, "hint": raised.diag.message_hint,
                     "constraint": raised.diag.constraint_name}
        return Answer(rows, self.told, error)

    def autocommit(self, on):
        self.connection.autocommit = on

    def rollback(self):
        self.connection.rollback()

    def cancel(self):
        self.connection.cancel()

    def close(self):
        self.connection.close()


class Psycopg2(Psycopg):
    name = "psycopg2"
    missing = None if importlib.util.find_spec("psycopg2") else "python3-psycopg2"
    kinds = ("simple",)
    simple_takes_parameters = True

    def listen(self):
        self.connection.notices = Notices(self.told)

    def execute(self, kind, sql, parameters):
        cursor = self.connection.cursor()
        cursor.execute(sql, parameters or None)
        return cursor


class Notices:
    """psycopg2 appends a line to it for each notice."""

    def __init__(self, told):
        self.told = told

    def append(self, line):
        self.told.append({"message": line.split(":", 1)[1].split("\n")[0].strip()})


def run_example(cluster, language, lines, database):
    """What a program of the documentation printed: those in Java take the URL as their argument."""
    program = scratch_folder() / {"python": "migrate.py", "java": "Migrate.java", "javascript": "migrate.js"}[language]
    program.write_text("\n".join(lines))
    command = {"python": [sys.executable, program], "javascript": ["node", program],
               "java": ["java", "-cp", CLASS_PATH, program, jdbc_url(database, "127.0.0.1", cluster.port, "migrator", PASSWORD)]}
    answer = cluster.program(*command[language], env={"NODE_PATH": NODE_PATH})
    return (answer.stdout + answer.stderr).splitlines()
