#!/usr/bin/env python3
"""pg_upgrade, from this version to itself: it runs no install script, and what is registered comes through as it is."""
from installations import scratch_installation
from sessions import TOP, Cluster, done, equal, ok, scratch_folder

SAMPLE = TOP / "test/hook_extension"
scratch_installation(SAMPLE)
old, new = Cluster(), Cluster()
old.database("shop", "CREATE EXTENSION hook_extension", """
SELECT confiture.register_migration('1', 'orders', 'CREATE TABLE orders (id int); INSERT INTO orders VALUES (1), (2)');
SELECT confiture.register_hook_sql('mine', 'CLEANUP', 'SELECT 1', config => '{"a": [1, null]}');
SELECT confiture.register_hook('counting', 'BEFORE_DDL', 'hook_extension.count_tables(confiture.hook_context)');
SELECT confiture.enable_hook('mine', false);
CREATE ROLE author;
GRANT USAGE ON SCHEMA confiture TO author;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO author;
SET ROLE author;
SELECT confiture.register_hook_sql('theirs', 'AFTER_DDL', 'SELECT 2');
RESET ROLE;
SELECT confiture.trust('hook', 'theirs');
SELECT confiture.run_phase('AFTER_DDL', '1')""")
CONTENTS = "".join(f"SELECT * FROM confiture.{table} ORDER BY 1, 2;" for table in ("hook", "hook_run", "migration", "trusted", "hooks", "status"))
RUN = "SELECT success, jsonb_path_query_array(stats, '$.hooks[*].status') FROM confiture.dry_run('1')"
before = old.sql(CONTENTS, "shop")
equal(old.sql(RUN, "shop"), 't|["succeeded", "succeeded", "succeeded", "succeeded"]', "before: the hooks run")


def program(cluster, *command):
    return cluster.program(*cluster.as_server, *command, cwd=folder, env={"PGHOST": str(folder)})


folder = scratch_folder()
folder.chmod(0o777)
for cluster in (old, new):
    stopped = program(cluster, cluster.bin / "pg_ctl", "-D", f"{cluster.host}/data", "-m", "fast", "-w", "stop")
    ok(stopped.returncode == 0, "a cluster is stopped", stopped.stderr)
upgraded = program(new, new.bin / "pg_upgrade", "-b", old.bin, "-B", new.bin, "-d", f"{old.host}/data", "-D", f"{new.host}/data",
                   "-U", "postgres", "-s", folder)
ok(upgraded.returncode == 0, "pg_upgrade", upgraded.stdout, upgraded.stderr)
started = program(new, new.bin / "pg_ctl", "-D", f"{new.host}/data", "-l", f"{new.host}/log", "-w", "start")
ok(started.returncode == 0, "the new cluster is started", started.stderr)
equal(new.sql(CONTENTS, "shop"), before, "after: what is registered, trusted and recorded is the same")
equal(new.sql(RUN, "shop"), 't|["succeeded", "succeeded", "succeeded", "succeeded"]', "after: the hooks run")
new.sql("DROP EXTENSION hook_extension; CREATE EXTENSION hook_extension", "shop")
equal(new.sql("SELECT count(*) FROM confiture.hooks WHERE state = 'ready'", "shop"), "5", "after: the extension registers its hooks again")
done()
