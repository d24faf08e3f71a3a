"""Applies a folder of migrations by CALL confiture.up(), and the same scripts by psql: what comes of them must be one schema."""
import re
from sessions import TOP

# What confiture keeps of itself is in no other tool's database.
OWN_SCHEMA = ("--schema-only", "--no-owner", "--exclude-schema=confiture")


class Applied:
    def __init__(self, cluster, database, folder):
        self.cluster, self.database = cluster, database
        cluster.sql(f'CREATE DATABASE "{database}"')
        cluster.sql("CREATE EXTENSION confiture", database)
        loaded = cluster.program(TOP / "scripts" / "confiture-load", folder, "-d", database, "-o", "/dev/null", timeout=600)
        if loaded.returncode:
            raise RuntimeError(loaded.stderr)

    def call(self, statement, patience=600):
        return self.cluster.session(self.database).run(statement, patience)

    def statuses(self):
        return self.cluster.sql("SELECT string_agg(DISTINCT status, ', ') FROM confiture.status", self.database).strip()

    def schema(self):
        return schema_of(self.cluster, self.database)

    def by_psql(self):
        """The schema that psql makes of the same scripts in another database, and what it said."""
        other = self.database + " by psql"
        self.cluster.sql(f'CREATE DATABASE "{other}"')
        versions = self.cluster.sql("SELECT m.version || ' ' || coalesce((m.options->>'transactional')::boolean, true) FROM "
                                    "confiture.migration m JOIN confiture.status s USING (sort_key) ORDER BY m.repeatable, m.sort_key",
                                    self.database).splitlines()
        said = []
        for version, transactional in (line.rsplit(" ", 1) for line in versions):
            literal = version.replace("'", "''")
            script = self.cluster.sql(f"SELECT forward FROM confiture.migration WHERE version = '{literal}'", self.database)
            one = transactional == "true" and not re.search(r"(?im)^\s*COMMIT\b|CONCURRENTLY|no-transaction", script)
            ran = self.cluster.program("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", other, "-f", "-", *(["-1"] if one else []),
                                       input=script, timeout=600)
            if ran.returncode:
                said.append(f"{version}: {ran.stderr[:300]}")
        return schema_of(self.cluster, other), said


def schema_of(cluster, database):
    """pg_dump -s, without what differs from one run to the next and without the extension itself."""
    dumped = cluster.program("pg_dump", *OWN_SCHEMA, "-d", database, timeout=600).stdout
    return "\n".join(line for line in dumped.splitlines() if line and not line.startswith("--")
                     and not re.match(r"\\(un)?restrict |.*\bEXTENSION (IF NOT EXISTS )?confiture\b", line))
