#!/usr/bin/env python3
"""Memory and result of a dry run of 100,000 INSERT statements, 10 MB; once and three times over.

The private memory of the backend is what counts: RssAnon, sampled.  VmHWM is the kernel's own peak, of
private memory, program text and the shared buffers that the backend touched together."""

import threading
import time

import measuring

STATEMENTS = 100000
WANTED_MB = 300


class Sampler(threading.Thread):
    """Samples /proc/PID/status until it is stopped."""

    def __init__(self, process_id):
        super().__init__()
        self.path = f"/proc/{process_id}/status"
        self.peak = {}
        self.stopped = threading.Event()

    def look(self):
        with open(self.path, encoding="ascii") as status:
            for line in status:
                name, _, value = line.partition(":")
                if name in ("RssAnon", "RssShmem", "VmHWM"):
                    self.peak[name] = max(self.peak.get(name, 0), int(value.split()[0]) / 1024)

    def run(self):
        while not self.stopped.wait(0.005):
            self.look()

    def stop(self):
        self.look()
        self.stopped.set()
        self.join()


def dry_run(iterations):
    """Peaks in MB, seconds, and what the result is like, of one dry run in a new session."""
    with measuring.Session() as session:
        session.run("SELECT count(*) FROM confiture.status;")
        sampler = Sampler(session.process_id)
        sampler.look()
        before = sampler.peak["RssAnon"]
        sampler.start()
        started = time.perf_counter()
        row = session.run(f"""
            SELECT success, rows_affected, octet_length(stats::text)
            FROM confiture.dry_run('1', iterations => {iterations});""")
        seconds = time.perf_counter() - started
        sampler.stop()
    success, rows, size = row.split("|")
    if success != "t" or int(rows) != STATEMENTS:
        raise SystemExit(f"the dry run went wrong: {row}")
    return before, sampler.peak, seconds, int(size)


def main():
    statements = (
        f"INSERT INTO bench_row (id, name, note) VALUES ({number}, 'row number {number:06}',"
        f" 'a note of some length, number {number:06}');\n"
        for number in range(1, STATEMENTS + 1)
    )
    script = "".join(statements)
    measuring.sql("CREATE TABLE bench_row (id integer PRIMARY KEY, name text NOT NULL, note text);")
    measuring.sql(f"SELECT confiture.register_migration('1', 'inserts', $script${script}$script$);")
    measuring.heading(f"Memory of a dry run: {STATEMENTS} INSERT statements, {len(script) / 1e6:.1f} MB of script")
    private = {}
    for iterations in (1, 3):
        before, peak, seconds, size = dry_run(iterations)
        private[iterations] = peak["RssAnon"]
        print(f"  iterations {iterations}: private {peak['RssAnon']:.0f} MB at most, {before:.0f} MB before;"
              f" shared touched {peak['RssShmem']:.0f} MB; VmHWM {peak['VmHWM']:.0f} MB; {seconds:.1f} s")
    measuring.report_limit("private memory, one iteration", private[1], WANTED_MB, "MB")
    measuring.report_limit("private memory, three iterations", private[3], WANTED_MB, "MB")
    print(f"  {'three iterations against one':<48} {private[3] / private[1]:10.3f} x   wanted: no growth")
    measuring.report_limit("result: octet_length(stats::text)", size / 1e6, 1, "MB", 3)
    measuring.sql("SELECT confiture.unregister_migration('1'); DROP TABLE bench_row;")


main()
