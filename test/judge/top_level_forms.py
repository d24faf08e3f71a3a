"""The statements that no transaction can run: (first version, template), with {t} the table and {s} its schema."""
import dataclasses

import tables

FORMS = [(13, statement) for statement in """
VACUUM {t}
VACUUM ANALYZE {t}
VACUUM (FREEZE) {t}
VACUUM FULL {t}
VACUUM FULL ANALYZE {t}
VACUUM {t}, {s}.partner
VACUUM {s}.mv
VACUUM FULL {s}.mv
CLUSTER {t} USING t_index
REINDEX TABLE {t}
REINDEX INDEX {s}.t_index
REINDEX INDEX {s}.top_index
REINDEX TABLE CONCURRENTLY {t}
REINDEX TABLE CONCURRENTLY {s}.mv
REINDEX INDEX CONCURRENTLY {s}.t_index
REINDEX INDEX CONCURRENTLY {s}.t_pkey
REINDEX INDEX CONCURRENTLY {s}.top_index
REINDEX SCHEMA {s}
REINDEX SCHEMA CONCURRENTLY {s}
CREATE INDEX CONCURRENTLY made ON {t} (n)
CREATE UNIQUE INDEX CONCURRENTLY made ON {t} (id)
CREATE INDEX CONCURRENTLY made ON {t} (lower(t)) WHERE n > 3
CREATE INDEX CONCURRENTLY IF NOT EXISTS t_index ON {t} (n)
CREATE INDEX CONCURRENTLY made ON {s}.mv (t)
CREATE INDEX CONCURRENTLY made ON {s}.t_1 (n)
DROP INDEX CONCURRENTLY {s}.t_index
DROP INDEX CONCURRENTLY IF EXISTS {s}.t_unique
DROP INDEX CONCURRENTLY IF EXISTS {s}.nowhere
""".strip().splitlines()] + [
    (14, "ALTER TABLE {t} DETACH PARTITION {s}.t_1 CONCURRENTLY"),
    (14, "ALTER TABLE {t} DETACH PARTITION {s}.t_2 CONCURRENTLY"),
    (14, "ALTER TABLE {s}.top DETACH PARTITION {t} CONCURRENTLY"),
    (14, "ALTER TABLE {s}.top DETACH PARTITION {s}.sibling CONCURRENTLY"),
    (14, "ALTER TABLE {t} DETACH PARTITION {s}.t_1 FINALIZE"),
    (14, "ALTER TABLE {s}.top DETACH PARTITION {t} FINALIZE"),
    (18, "VACUUM ONLY {t}"),
]


# Each has a schema for each form, and a run for each mode of blockers: a part of the kinds stands for the rest.
KINDS = ("plain", "keyed", "referring", "referred", "counted", "triggered", "unlogged", "viewed", "clustered", "parent", "child", "parted",
         "parted_bare", "parted_referring", "parted_referred", "partition", "partition_referring", "subparted", "virtual")


@dataclasses.dataclass(frozen=True)
class TopLevelForm:
    kind: str    # of table
    schema: str
    script: str
    before: str  # a statement that has to be broken off half way

    @property
    def statements(self):
        return (self.script,)

    @property
    def changes(self):
        return not self.script.startswith(("VACUUM", "REINDEX", "CLUSTER"))

    def __str__(self):
        return f"{self.kind}: {self.script}"


def all_forms(version):
    number = 0
    for kind in (kind for kind in tables.kinds(version) if kind in KINDS):
        for since, template in FORMS:
            # What the kind does not have is not worth a schema.
            made = tables.statements_of(kind)
            if since > version or any(f"{{s}}.{name}" in template and f"{name} " not in made
                                      for name in ("mv", "t_index", "t_unique", "top_index", "t_1", "t_2", "top", "sibling")):
                continue
            number += 1
            schema = f"j{number}"
            script = template.format(t=f"{schema}.t", s=schema)
            yield TopLevelForm(kind, schema, script, script.replace("FINALIZE", "CONCURRENTLY") if "FINALIZE" in script else "")
