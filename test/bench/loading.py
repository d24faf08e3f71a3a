#!/usr/bin/env python3
"""Loading 1,256 migration files, 386 KB, against reading and checksumming them."""

import os
import statistics

import measuring

ROUNDS = 15
FILES, BYTES = 1256, 386 * 1024

CREATE = """CREATE TABLE item_{0} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id bigint NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, name)
);
COMMENT ON TABLE item_{0} IS 'What tenants keep of kind {0}.';
"""
ALTER = """ALTER TABLE item_{0} ADD COLUMN amount_{1} numeric(12, 2);
UPDATE item_{0} SET amount_{1} = 0 WHERE amount_{1} IS NULL;
ALTER TABLE item_{0} ALTER COLUMN amount_{1} SET NOT NULL;
"""
INDEX = "CREATE INDEX item_{0}_amount_{1} ON item_{0} (tenant_id, amount_{1}) WHERE amount_{1} > 0;\n"
FUNCTION = """CREATE FUNCTION total_{1}(tenant bigint) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT sum(amount_{2}) FROM item_{0} WHERE tenant_id = tenant);
END;
$$;
"""


def write_files(folder):
    """Of ten files three create a table, four add a column, two an index and one a function."""
    table, column, total = 0, 0, 0
    for number in range(1, FILES + 1):
        kind = number % 10
        if kind in (1, 4, 7):
            table += 1
            text, name = CREATE.format(table), f"create_item_{table}"
        elif kind in (3, 6, 9):
            text, name = INDEX.format(table, column), f"index_item_{table}"
        elif kind == 0:
            text, name = FUNCTION.format(table, number, column), f"total_{number}"
        else:
            column = number
            text, name = ALTER.format(table, number), f"extend_item_{table}"
        # A comment makes up for what is missing to the mean size.
        missing = (BYTES * number) // FILES - total - len(text)
        if missing > 4:
            words = "why this migration was written, in the words of whoever wrote it; " * 20
            text = f"-- {words[:missing - 4]}\n{text}"
        total += len(text)
        with open(f"{folder}/{number:04}_{name}.sql", "w", encoding="utf-8") as file:
            file.write(text)
    return total


def main():
    loader = str(measuring.REPOSITORY / "scripts/confiture-load")
    with measuring.server_folder() as folder:
        total = write_files(folder)
        files = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        measuring.heading(f"Loading {len(files)} migration files, {total // 1024} KB, {ROUNDS} rounds")
        load = f"SELECT count(*) FROM confiture.load_migrations('{folder}')"
        names = "\0".join(files).encode()

        def forget():
            measuring.sql("DELETE FROM confiture.migration; VACUUM (ANALYZE) confiture.migration;")

        forget()
        if measuring.sql(f"{load};") != str(len(files)):
            raise SystemExit("not every file was loaded")
        times = measuring.interleave(ROUNDS, {
            "one": lambda: measuring.run_command(["sha256sum", *files]),
            "each": lambda: measuring.run_command(["xargs", "-0", "-n", "1", "sha256sum"], input=names),
            "server": lambda: measuring.run_command([*measuring.PSQL, "-c", load]),
            "client": lambda: measuring.run_command([loader, folder]),
        }, before=forget)
        measuring.report("sha256sum, one process for all", times["one"])
        measuring.report("sha256sum, one process a file", times["each"])
        measuring.report("load_migrations(), psql included", times["server"])
        measuring.report("confiture-load", times["client"])
        measuring.report_limit("load_migrations()", statistics.median(times["server"]) / 1000, 2, "s", 3)
        measuring.report_ratio("load_migrations() / one sha256sum a file", times["server"], times["each"], 3)
        measuring.report_ratio("load_migrations() / one sha256sum for all", times["server"], times["one"], 3)
        measuring.report_limit("confiture-load", statistics.median(times["client"]) / 1000, 10, "s", 3)
        forget()


if __name__ == "__main__":
    main()
