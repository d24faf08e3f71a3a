#!/usr/bin/env python3
"""pg_cron calls confiture.up(), through connections of its own and in its background workers.

Up to its version 1.4 a schedule is one of minutes: here each job is one of @reboot, and the server is restarted.
"""
import re
import subprocess
from installations import PG_CONFIG, folder_of
from sessions import TOP, Cluster, done, equal, ok, quoted, skip, wait_until

if not (folder_of("sharedir") / "extension/pg_cron.control").exists():
    major = int(re.search(r"\d+", subprocess.run([PG_CONFIG, "--version"], capture_output=True, text=True).stdout).group())
    if major in (13, 15, 17, 18):
        ok(False, "pg_cron is there", f"no postgresql-{major}-cron, which scripts/setup or scripts/version-root installs")
    else:
        skip("pg_cron", f"no postgresql-{major}-cron")
    done()

GOOD = {"001": "CREATE TABLE orders (id int PRIMARY KEY, placed_on date)",
        "002": "CREATE INDEX CONCURRENTLY orders_placed_on ON orders (placed_on)",
        "003": "ALTER TABLE orders ADD COLUMN note text; INSERT INTO orders VALUES (1)"}
BAD = {"001": GOOD["001"], "002": "INSERT INTO orders VALUES (1); INSERT INTO orders VALUES (1)"}
# Each in a database of its own: they run side by side.
JOBS = {"up": (GOOD, "CALL confiture.up()"), "failing": (BAD, "CALL confiture.up()"),
        "several": (GOOD, "SET lock_timeout = '1s'; CALL confiture.up()"), "function": (GOOD, "SELECT confiture.apply('001')")}
shown = re.search(r"^SELECT cron\.schedule.*?^SELECT .*?$", (TOP / "docs/clients.md").read_text(), re.MULTILINE | re.DOTALL).group()
scheduling, looking = shown.splitlines()


def register(cluster, database, migrations):
    for version, script in migrations.items():
        cluster.sql(f"SELECT confiture.register_migration('{version}', 'm{version}', {quoted(script)})", database)


def schedule(cluster):
    cluster.sql("CREATE EXTENSION pg_cron; CREATE EXTENSION confiture")
    register(cluster, "postgres", GOOD)
    cluster.sql(scheduling.replace("* * * * *", "@reboot"))
    for name, (migrations, command) in JOBS.items():
        cluster.database(name)
        register(cluster, name, migrations)
        # cron.schedule_in_database() came with version 1.4.
        cluster.sql(f"SELECT cron.schedule('{name}', '@reboot', {quoted(command)});"
                    f"UPDATE cron.job SET database = '{name}' WHERE jobname = '{name}'")
    cluster.sql(f"UPDATE cron.job SET nodename = '{cluster.host}'")  # the server listens on no address
    cluster.program(*cluster.as_server, cluster.bin / "pg_ctl", "-D", f"{cluster.host}/data", "-l", f"{cluster.host}/log",
                    "-m", "fast", "-w", "restart", cwd="/")


def first_runs(cluster):
    """Of each job, the first run that ended: its status and what it returned."""
    rows = cluster.sql("""SELECT DISTINCT ON (jobname) concat_ws('|', jobname, status, replace(return_message, E'\\n', ' '))
                            FROM cron.job_run_details JOIN cron.job USING (jobid) WHERE status IN ('succeeded', 'failed')
                           ORDER BY jobname, runid""")
    return {name: (status, message) for name, status, message in (row.split("|", 2) for row in rows.splitlines())}


def statuses(cluster, database):
    return cluster.sql("SELECT string_agg(status, ' ' ORDER BY version) FROM confiture.status", database)


for name, setting in (("through connections", "off"), ("in background workers", "on")):
    cluster = Cluster("shared_preload_libraries=pg_cron", "cron.database_name=postgres", "max_worker_processes=20",
                      f"cron.use_background_workers={setting}")
    schedule(cluster)
    ok(wait_until(lambda: len(first_runs(cluster)) == len(JOBS) + 1, 20, 0.1), f"{name}: the jobs have run",
       first_runs(cluster), cluster.log()[-3000:])
    ended = first_runs(cluster)

    def has(job, status, message, what):
        ok(ended.get(job, ("",))[0] == status and message in ended[job][1], f"{name}: {what}", ended)

    has("migrate", "succeeded", "", "the job that the page shows has succeeded")
    ok(re.match(r"(succeeded|failed)\|", cluster.sql(looking)), f"{name}: the page's query tells of the last job", cluster.sql(looking))
    equal(statuses(cluster, "postgres"), "applied applied applied", f"{name}: and everything is applied")
    has("up", "succeeded", "", "a job in another database has succeeded")
    equal(statuses(cluster, "up"), "applied applied applied", f"{name}: and everything is applied there")
    has("failing", "failed", 'migration "002" failed', "a job fails where a migration does, and says which")
    equal(statuses(cluster, "failing"), "applied failed", f"{name}: what came before it is applied")
    has("several", "failed", "cannot run inside a transaction", "two statements in one job are refused")
    equal(statuses(cluster, "several"), "pending pending pending", f"{name}: before anything is touched")
    has("function", "succeeded", "", "apply() works in the transaction of a job")
    equal(statuses(cluster, "function"), "applied pending pending", f"{name}: and is committed")
done()
