#!/usr/bin/env python3
"""Trust between sessions, and in a dump: what is pinned is what was read, whoever replaces it meanwhile."""
from sessions import Cluster, done, equal, ok, scratch_folder, wait_until

cluster = Cluster()
cluster.database("trust", """
CREATE ROLE planter LOGIN;
CREATE ROLE runner LOGIN;
GRANT USAGE ON SCHEMA confiture TO planter, runner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA confiture TO planter, runner""")
reader, planter = cluster.session("trust"), cluster.session("trust", "planter")
GOOD, EVIL = "SELECT confiture.register_migration('1', 'one', 'SELECT 1')", "SELECT confiture.register_migration('1', 'one', 'SELECT 2')"
READ, TRUST, RUN = ("SELECT forward FROM confiture.migration WHERE version = '1'", "SELECT confiture.trust('migration', '1')",
                    "SELECT success FROM confiture.dry_run('1')")


def begin_anew():
    reader.run("SELECT confiture.untrust('migration', '*')")
    planter.run(GOOD)
    equal(reader.run(RUN).state, "MG017", "at first: not trusted")


def refused_as_changed(name):
    answer = reader.run(RUN)
    ok(answer.state == "MG017" and "It has changed since it was trusted." in answer.messages, name, repr(answer))


# Replaced between reading and trusting.
begin_anew()
equal(reader.run("BEGIN ISOLATION LEVEL REPEATABLE READ; " + READ).value, "SELECT 1", "read in a snapshot")
equal(planter.run(EVIL).value, "replaced", "replaced meanwhile")
equal(reader.run(TRUST).value, "1", "trusted in that snapshot")
reader.run("COMMIT")
refused_as_changed("the replacement is refused")
planter.run(GOOD)
equal(reader.run(RUN).value, "t", "what was read runs")

# A replacement that is not committed when trust is declared, and one that never is.
begin_anew()
planter.run("BEGIN; " + EVIL)
equal(reader.run(TRUST).value, "1", "trust does not wait for a replacement")
equal(reader.run(RUN).value, "t", "what is committed is what is trusted and run")
planter.run("COMMIT")
refused_as_changed("the replacement is refused once it is there")
begin_anew()
planter.run("BEGIN; " + EVIL)
reader.run(TRUST)
planter.run("ROLLBACK")
equal(reader.run(RUN).value, "t", "a replacement that is rolled back changes nothing")

# Replaced, or its registrar's rights taken, while the dry run waits for the migrator lock: what counts is what it then reads.
begin_anew()
reader.run(TRUST)
holder = cluster.session("trust")
for name, change, undo in (("replaced", "SET ROLE planter; " + EVIL + "; RESET ROLE", "SET ROLE planter; " + GOOD + "; RESET ROLE"),
                           ("trust taken back", "DELETE FROM confiture.trusted", None)):
    holder.run("BEGIN; SELECT FROM confiture.repair()")
    reader.start(RUN)
    ok(wait_until(lambda: holder.run("SELECT count(*) FROM pg_locks WHERE objid = 'confiture.migrator'::regclass "
                                     "AND NOT granted").value == "1"), f"{name} while it waits: it waits")
    holder.run(change + "; COMMIT")
    answer = reader.finish()
    equal(answer.state, "MG017", f"{name} while it waits: refused")
    if undo:
        holder.run(undo)
        equal(reader.run(RUN).value, "t", f"{name} while it waits: put back")

# Dumped and restored: the pins go with the registrations.
begin_anew()
planter.run("SELECT confiture.register_migration('2', 'two', 'SELECT 2')")
runner = cluster.session("trust", "runner")
runner.run("SELECT confiture.trust('migration', '2')")
reader.run(TRUST)
for form in ("plain", "custom"):
    file = scratch_folder() / form
    cluster.program("pg_dump", "-d", "trust", "-F", form, "-f", file)
    cluster.sql(f"CREATE DATABASE {form}")
    restored = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", form, "-f", file) if form == "plain" \
        else cluster.program("pg_restore", "--exit-on-error", "-d", form, file)
    equal((restored.returncode, restored.stderr), (0, ""), f"{form}: it restores")
    rows = "SELECT md5(string_agg(t::text, ',' ORDER BY role, name)), count(*) FROM confiture.trusted t"
    equal(cluster.sql(rows, form), cluster.sql(rows, "trust"), f"{form}: with the same pins")
    mine, theirs = cluster.session(form), cluster.session(form, "runner")
    equal([mine.run(RUN).value, mine.run(RUN.replace("'1'", "'2'")).state], ["t", "MG017"], f"{form}: what one role trusts runs there")
    equal([theirs.run(RUN).state, theirs.run(RUN.replace("'1'", "'2'")).value], ["MG017", "t"], f"{form}: what another trusts, too")
done()
