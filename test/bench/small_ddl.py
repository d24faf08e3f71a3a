#!/usr/bin/env python3
"""A script of 1,000 small DDL statements: its dry run against psql running and rolling it back."""

import measuring

PAIRS = 21
GROUPS = 100

# Ten statements of the kinds that fill migration folders.
GROUP = """
CREATE TABLE bench_{0} (id bigint PRIMARY KEY, name text NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE bench_{0} ADD COLUMN amount numeric(12, 2);
ALTER TABLE bench_{0} ALTER COLUMN amount SET DEFAULT 0;
CREATE INDEX bench_{0}_name ON bench_{0} (name);
ALTER TABLE bench_{0} ADD CONSTRAINT bench_{0}_positive CHECK (amount >= 0);
COMMENT ON TABLE bench_{0} IS 'Table number {0} of the benchmark.';
CREATE VIEW bench_{0}_recent AS SELECT id, name FROM bench_{0} WHERE created_at > now() - interval '1 day';
CREATE TYPE bench_{0}_state AS ENUM ('new', 'paid', 'sent');
ALTER TABLE bench_{0} RENAME COLUMN name TO title;
DROP VIEW bench_{0}_recent;
"""


def main():
    script = "".join(GROUP.format(number).lstrip() for number in range(1, GROUPS + 1))
    with measuring.server_folder() as folder:
        path = f"{folder}/script.sql"
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"BEGIN;\n{script}ROLLBACK;\n")
        measuring.sql(f"SELECT confiture.register_migration('1', 'small DDL', $script${script}$script$);")
        dry_run = "SELECT * FROM confiture.dry_run('1')"
        if measuring.sql("SELECT success FROM confiture.dry_run('1');") != "t":
            raise SystemExit(measuring.sql("SELECT stats->'error' FROM confiture.dry_run('1');"))

        measuring.heading(f"{script.count(';')} statements of small DDL, {PAIRS} interleaved pairs")
        with measuring.Session() as plain, measuring.Session() as dry:
            for session in (plain, dry):
                session.run("\\o /dev/null")
            times = measuring.interleave(PAIRS, {
                "psql": lambda: plain.run(f"\\i {path}"),
                "dry_run": lambda: dry.run(f"{dry_run};"),
            })
        measuring.report("one psql each, kept open: script, rolled back", times["psql"])
        measuring.report("one psql each, kept open: dry_run()", times["dry_run"])
        measuring.report_ratio("ratio", times["dry_run"], times["psql"])

        times = measuring.interleave(PAIRS, {
            "psql": lambda: measuring.run_command([*measuring.PSQL, "-f", path]),
            "again": lambda: measuring.run_command([*measuring.PSQL, "-f", path]),
            "dry_run": lambda: measuring.run_command([*measuring.PSQL, "-c", dry_run]),
        })
        measuring.report("whole processes: psql -f script, rolled back", times["psql"])
        measuring.report("whole processes: psql -c dry_run()", times["dry_run"])
        measuring.report_ratio("ratio: the figure to quote", times["dry_run"], times["psql"], 1.10)
        measuring.report_ratio("noise: psql -f against itself", times["again"], times["psql"])
        measuring.sql("SELECT confiture.unregister_migration('1');")


main()
