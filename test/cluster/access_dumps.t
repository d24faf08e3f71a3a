#!/usr/bin/env python3
"""The rights of readers, operators and admins go with a dump and survive what else happens to the extension."""
from sessions import Cluster, done, equal, ok, scratch_folder

cluster = Cluster()
folder = scratch_folder()
RIGHTS = """SELECT string_agg(g.object || ' ' || a.grantee::regrole || ' ' || a.privilege_type, ',' ORDER BY g.object COLLATE "C", a.grantee::regrole::text, a.privilege_type)
  FROM (SELECT nspname::text AS object, nspacl AS acl FROM pg_namespace WHERE nspname = 'confiture'
        UNION ALL SELECT relname, relacl FROM pg_class WHERE relnamespace = 'confiture'::regnamespace
        UNION ALL SELECT attrelid::regclass || '.' || attname, attacl FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'confiture'::regnamespace
        UNION ALL SELECT oid::regprocedure::text, proacl FROM pg_proc WHERE pronamespace = 'confiture'::regnamespace) g, aclexplode(g.acl) a
 WHERE a.grantee <> 10"""
LEVELS = ("reader", "operator", "admin")
cluster.sql("; ".join(f"CREATE ROLE the_{level} LOGIN" for level in LEVELS))
cluster.database("source", *(f"SELECT confiture.grant_access('the_{level}', '{level}')" for level in LEVELS),
                 "SELECT confiture.register_migration('001', 'one', 'SELECT 1')", "CALL confiture.up()")
expected = cluster.sql(RIGHTS, "source")
ok(all(right in expected for right in ("migration.version the_reader SELECT", "confiture.verify() the_operator EXECUTE", "the_admin USAGE")), "there are rights to dump")


def works(database):
    reader, operator, admin = (cluster.session(database, f"the_{level}") for level in LEVELS)
    equal((reader.run("SELECT status FROM confiture.status").value, reader.run("SELECT forward FROM confiture.migration").state,
           operator.run("SELECT forward FROM confiture.migration").value, operator.run("SELECT confiture.enable_hook('x', true)").state,
           admin.run("SELECT confiture.enable_hook('x', true)").state),
          ("applied", "42501", "SELECT 1", "42501", "MG016"), f"{database}: each may do what its level says")
    for session in (reader, operator, admin):
        session.kill()


works("source")
for form in ("plain", "custom"):
    copy, file = f"copy_{form}", folder / form
    cluster.program("pg_dump", "-d", "source", "-F", form, "-f", file)
    cluster.sql(f"CREATE DATABASE {copy}")
    loaded = cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", copy, "-f", file) if form == "plain" else \
        cluster.program("pg_restore", "--exit-on-error", "-d", copy, file)
    equal((loaded.returncode, loaded.stderr, cluster.sql(RIGHTS, copy)), (0, "", expected), f"{form}: restored with the same rights")
    works(copy)
cluster.sql("SELECT confiture.revoke_access('the_reader')", "copy_plain")
ok("the_reader" not in cluster.sql(RIGHTS, "copy_plain"), "revoke_access() takes away what was restored")

# Where the roles are not there, everything else is restored.
cluster.program("pg_dump", "-d", "source", "-f", folder / "without")
for level in LEVELS:
    for database in ("source", "copy_plain", "copy_custom"):
        cluster.sql(f"DROP OWNED BY the_{level}", database)
    cluster.sql(f"DROP ROLE the_{level}")
cluster.sql("CREATE DATABASE without_roles")
cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-d", "without_roles", "-f", folder / "without")
equal(cluster.sql("SELECT status FROM confiture.status", "without_roles"), "applied", "without the roles only the rights are lost")
cluster.sql("CREATE ROLE the_reader LOGIN; SELECT confiture.grant_access('the_reader', 'reader')", "without_roles")
equal(cluster.session("without_roles", "the_reader").run("SELECT status FROM confiture.status").value, "applied", "and can be given again")

# An owner who is no superuser, as after REASSIGN OWNED.
cluster.sql("CREATE ROLE ordinary LOGIN; CREATE ROLE the_admin LOGIN")
cluster.database("owned", "GRANT CREATE ON DATABASE owned TO ordinary")
cluster.sql("""SELECT format('ALTER %s %s OWNER TO ordinary', kind, name) FROM (
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, oid::regclass::text FROM pg_class WHERE relnamespace = 'confiture'::regnamespace AND relkind IN ('r', 'v')
    UNION ALL SELECT 'ROUTINE', oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'confiture'::regnamespace
    UNION ALL SELECT 'SCHEMA', 'confiture') AS o (kind, name) \\gexec""", "owned")
owner = cluster.session("owned", "ordinary")
equal(owner.run("SELECT confiture.grant_access('the_admin', 'admin')").state, None, "an owner who is no superuser gives access")
owner.run("SELECT confiture.grant_access('ordinary', 'reader'), confiture.revoke_access('ordinary')")
equal(cluster.session("owned", "the_admin").run("SELECT confiture.revoke_access('ordinary')").state, None, "an admin cannot take the owner's rights")
equal(owner.run("SELECT confiture.register_migration('001', 'one', 'SELECT 1')").value, "added", "who can write the tables still")

# Two at a time.
first, second = cluster.session("owned"), cluster.session("owned")
first.run("BEGIN; SELECT confiture.grant_access('the_admin', 'operator')")
second.start("SELECT confiture.grant_access('the_reader', 'operator')")
first.run("COMMIT")
equal(second.finish().state, None, "two that give access at a time wait for one another")
done()
