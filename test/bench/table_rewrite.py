#!/usr/bin/env python3
"""A migration of seconds, ALTER TYPE on 1,000,000 rows: its dry run against psql running and rolling it back.

Measured beside them is the same statement in a plpgsql block that rolls itself back: what a server-side caller pays
without confiture."""

import measuring

PAIRS = 15
ROWS = 1000000
MIGRATION = "ALTER TABLE bench_order ALTER COLUMN id TYPE bigint;"


def main():
    measuring.sql(f"""
        CREATE TABLE bench_order (id integer PRIMARY KEY, customer integer NOT NULL, placed_at timestamptz NOT NULL,
                                  total numeric(12, 2) NOT NULL, note text);
        INSERT INTO bench_order
        SELECT i, i % 5000, timestamptz '2020-01-01' + i * interval '1 minute', i % 997, 'order number ' || i
        FROM generate_series(1, {ROWS}) i;
        CREATE INDEX bench_order_customer ON bench_order (customer);
        VACUUM (ANALYZE) bench_order;
        SELECT confiture.register_migration('1', 'rewrite', '{MIGRATION}');
        CHECKPOINT;""")
    if measuring.sql("SELECT success FROM confiture.dry_run('1');") != "t":
        raise SystemExit(measuring.sql("SELECT stats->'error' FROM confiture.dry_run('1');"))
    measuring.heading(f"A rewrite of {ROWS} rows, {PAIRS} interleaved pairs")
    with measuring.Session() as plain, measuring.Session() as dry, measuring.Session() as block:
        for session in (plain, dry, block):
            session.run("\\o /dev/null")
        times = measuring.interleave(PAIRS, {
            "psql": lambda: plain.run(f"BEGIN;\n{MIGRATION}\nROLLBACK;"),
            "dry_run": lambda: dry.run("SELECT * FROM confiture.dry_run('1');"),
            "block": lambda: block.run(
                f"DO $$ BEGIN {MIGRATION} RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$;"),
        }, before=lambda: measuring.sql("CHECKPOINT;"))
    measuring.report("psql, rolled back", times["psql"])
    measuring.report("dry_run()", times["dry_run"])
    measuring.report("plpgsql block, rolled back", times["block"])
    measuring.report_ratio("ratio", times["dry_run"], times["psql"], 1.03)
    measuring.report_ratio("plpgsql block against psql", times["block"], times["psql"])
    measuring.report_ratio("dry_run() against the plpgsql block", times["dry_run"], times["block"])
    measuring.sql("SELECT confiture.unregister_migration('1'); DROP TABLE bench_order;")


main()
