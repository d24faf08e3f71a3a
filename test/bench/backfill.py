#!/usr/bin/env python3
"""A backfill of 1,000,000 rows: against one UPDATE of all, and how long it makes other sessions wait."""

import statistics
import threading
import time

import measuring

ROUNDS = 5
ROWS = 1_000_000

SETUP = f"""
CREATE TABLE bench_kept AS SELECT n::bigint AS id, 'User' || n || '@Example.org' AS email FROM generate_series(1, {ROWS}) n;
"""
# Every run finds the same table: new, vacuumed, and nothing of it waiting to be written.
FRESH = """
DROP TABLE IF EXISTS bench_rows;
CREATE TABLE bench_rows (id bigint PRIMARY KEY, email text NOT NULL, email_lower text);
INSERT INTO bench_rows SELECT id, email FROM bench_kept;
VACUUM ANALYZE bench_rows;
CHECKPOINT;
"""
UPDATE = "UPDATE bench_rows SET email_lower = lower(email);"
BACKFILL = "CALL confiture.backfill('bench_rows', 'email_lower = lower(email)', restart => true);"


class Bystander(threading.Thread):
    """Updates one row after the other, here and there in the table, and notes how long each took."""

    def __init__(self):
        super().__init__()
        self.session = measuring.Session()
        self.waits, self.over = [], False

    def run(self):
        number = 0
        while not self.over:
            number = (number + 7_919 * 31) % ROWS
            self.waits.append(measuring.milliseconds(
                lambda: self.session.run(f"UPDATE bench_rows SET email = email WHERE id = {number + 1};")))
            time.sleep(0.002)

    def end(self):
        self.over = True
        self.join()
        self.session.close()


def longest_waits(session, command):
    """The longest statement of a bystander in each of some runs."""
    longest = []
    for _ in range(3):
        measuring.sql(FRESH)
        bystander = Bystander()
        bystander.start()
        session.run(command)
        bystander.end()
        longest.append(max(bystander.waits))
    return longest


def main():
    measuring.sql(SETUP)
    measuring.heading(f"A backfill of {ROWS:,} rows, {ROUNDS} interleaved rounds")
    with measuring.Session() as session:
        times = measuring.interleave(ROUNDS, {
            "update": lambda: session.run(UPDATE),
            "backfill": lambda: session.run(BACKFILL),
        }, before=lambda: measuring.sql(FRESH))
        done = measuring.sql("SELECT count(*) FROM bench_rows WHERE email_lower = lower(email);")
        if int(done) != ROWS:
            raise SystemExit(f"{done} rows are right")
        batches = measuring.sql("SELECT batches FROM confiture.backfill_run WHERE table_name = 'public.bench_rows';")
        measuring.report("one UPDATE of all", times["update"])
        measuring.report(f"backfill(), {batches} batches at the last", times["backfill"])
        measuring.report_ratio("ratio", times["backfill"], times["update"], 1.3)

        waits = longest_waits(session, BACKFILL)
        measuring.report("longest wait of another session, backfill()", waits)
        measuring.report_limit("the median of them, against batch_time", statistics.median(waits), 200, "ms")
        measuring.report("longest wait of another session, UPDATE", longest_waits(session, UPDATE))
    measuring.sql("DROP TABLE bench_rows, bench_kept;")


main()
