"""What the benchmarks share: a psql that stays open, timing in interleaved rounds, one form of report."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PSQL = ["psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]


def sql(text):
    """The output of one psql that runs text."""
    done = subprocess.run(PSQL, input=text, text=True, capture_output=True)
    if done.returncode != 0:
        sys.exit(f"psql failed: {done.stderr}")
    return done.stdout.strip()


class Session:
    """One psql that stays connected.  run() sends commands and returns what they printed."""

    def __init__(self):
        self.process = subprocess.Popen(
            PSQL, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.process_id = int(self.run("SELECT pg_backend_pid();"))

    def send(self, commands):
        self.process.stdin.write(commands + "\n\\echo :::done\n")
        self.process.stdin.flush()

    def wait(self):
        lines = []
        for line in self.process.stdout:
            if line == ":::done\n":
                return "".join(lines).strip()
            lines.append(line)
        sys.exit("psql ended before it was done; its message is above")

    def run(self, commands):
        self.send(commands)
        return self.wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def server_folder():
    """A temporary folder that the server's user can read, removed at the end."""
    folder = tempfile.TemporaryDirectory(prefix="confiture.bench.")
    os.chmod(folder.name, 0o755)
    return folder


def run_command(command, **options):
    """Runs a command whose output nobody wants; ends the benchmark if it fails."""
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.decode(errors='replace')}")


def milliseconds(action):
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def interleave(rounds, actions, before=None):
    """Times every action once a round, the order turned round by round, after one round that does not count.

    Returns the milliseconds by the action's name."""
    names = list(actions)
    times = {name: [] for name in names}
    for number in range(-1, rounds):
        for name in names if number % 2 else reversed(names):
            if before:
                before()
            spent = milliseconds(actions[name])
            if number >= 0:
                times[name].append(spent)
    return times


def heading(text):
    print(f"\n{text}", flush=True)


def report(name, values, unit="ms", digits=1):
    """One line: the median and the spread."""
    print(
        f"  {name:<48} {statistics.median(values):10.{digits}f} {unit}"
        f"  ({min(values):.{digits}f}..{max(values):.{digits}f})",
        flush=True,
    )


def report_ratio(name, values, base, limit=None):
    """The ratio of the medians, the spread of the ratios of each round, and what is wanted."""
    ratio = statistics.median(values) / statistics.median(base)
    rounds = [value / other for value, other in zip(values, base)]
    wanted = f"  wanted: at most {limit}{'' if ratio <= limit else '  MISSED'}" if limit else ""
    print(f"  {name:<48} {ratio:10.3f} x   ({min(rounds):.3f}..{max(rounds):.3f}){wanted}", flush=True)


def report_limit(name, value, limit, unit, digits=1):
    print(
        f"  {name:<48} {value:10.{digits}f} {unit}  wanted: at most {limit} {unit}"
        f"{'' if value <= limit else '  MISSED'}",
        flush=True,
    )
