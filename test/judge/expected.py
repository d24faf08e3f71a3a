"""What is known to be told wrong today.  The list only shrinks: what is expected to be wrong and is right is an error.

Each entry has a reason, the first and the last version, an example (kind of table, template of a form), which every run tries,
and a pattern of its findings as they are printed.
"""
import dataclasses
import re

import forms


@dataclasses.dataclass(frozen=True)
class Expected:
    reason: str
    example: tuple
    pattern: str
    since: int = 13
    until: int = 99

    def of(self, version):
        return self.since <= version <= self.until

    def matches(self, finding):
        return re.search(self.pattern, str(finding)) is not None


CHILDREN = r"(child|child_too|grandchild|sibling|t|t_1|t_2|t_2a|t_rest)\b"
LIST = (
    Expected("DROP of a column or constraint of ONLY the parent locks its children", ("parent", "ALTER TABLE ONLY {t} DROP COLUMN j"),
             rf": ALTER TABLE ONLY \S+ DROP (COLUMN|CONSTRAINT) .* \| plan: missed lock: AccessExclusiveLock on \w+\.{CHILDREN}"),
    Expected("DROP CONSTRAINT IF EXISTS locks the partitions", ("parted", "ALTER TABLE {t} DROP CONSTRAINT IF EXISTS nowhere"),
             r"DROP CONSTRAINT IF EXISTS nowhere \| plan: missed lock"),
    Expected("ADD COLUMN ... DEFAULT NULL REFERENCES scans", ("plain", "ALTER TABLE {t} ADD COLUMN e int DEFAULT NULL REFERENCES {s}.partner"),
             r"DEFAULT NULL REFERENCES .+ \| plan: missed scan"),
    Expected("ONLY a partitioned table gets the constraint", ("parted", "ALTER TABLE ONLY {t} ADD UNIQUE (id)"),
             r"ALTER TABLE ONLY \S+ ADD (CONSTRAINT made )?UNIQUE .* \| plan: surplus"),
    Expected("SET NOT NULL of ONLY the parent", ("parent", "ALTER TABLE ONLY {t} ALTER n SET NOT NULL"),
             r"ALTER TABLE ONLY \S+ .*SET NOT NULL.* \| plan: surplus"),
    Expected("triggers of ONLY a partitioned table", ("parted_triggered", "ALTER TABLE ONLY {t} DISABLE TRIGGER ALL"),
             r"(ALTER TABLE ONLY \S+ (DISABLE|ENABLE)( \w+)? TRIGGER|DISABLE TRIGGER USER).* \| plan: surplus lock"),
    Expected("a foreign key that refers to a parent leaves its children alone", ("parent", "ALTER TABLE {s}.other ADD FOREIGN KEY (u) REFERENCES {t} NOT VALID"),
             rf"REFERENCES \w+\.t\b.* \| plan: surplus lock: ShareRowExclusiveLock on \w+\.{CHILDREN}"),
    Expected("a unique column of a parent is not the children's", ("parent", "ALTER TABLE {t} ADD COLUMN e int UNIQUE"),
             r"ADD COLUMN e int UNIQUE \| plan: surplus scan"),
    Expected("ALTER POLICY reads the policy it keeps", ("guarded", "ALTER POLICY t_policy ON {t} TO judged"), r"ALTER POLICY .* \| plan: missed lock"),
    Expected("a function's body is not planned", ("parent", "CREATE FUNCTION {s}.made() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM {t}'"),
             r"CREATE (FUNCTION|PROCEDURE) .* \| plan: surplus lock"),
    Expected("CREATE INDEX IF NOT EXISTS of one that is there", ("parent", "CREATE INDEX IF NOT EXISTS t_index ON {t} (n)"),
             r"CREATE INDEX IF NOT EXISTS .* \| plan: surplus lock"),
    Expected("scans of CREATE TABLE AS, CREATE MATERIALIZED VIEW and REFRESH", ("plain", "CREATE TABLE {s}.made AS SELECT * FROM {t}"),
             r"(CREATE TABLE .* AS SELECT|CREATE MATERIALIZED VIEW|REFRESH MATERIALIZED|SELECT .* INTO).* \| plan: missed scan"),
    Expected("CREATE TABLE IF NOT EXISTS AS reads what it reads", ("plain", "CREATE TABLE IF NOT EXISTS {t} AS SELECT * FROM {s}.partner"),
             r"CREATE TABLE IF NOT EXISTS .* AS .* \| plan: missed lock"),
    Expected("REINDEX TABLE locks the indexes against readers", ("keyed", "REINDEX TABLE {t}"),
             r": REINDEX (TABLE|INDEX|SCHEMA) .* \| plan: missed lock: AccessExclusiveLock on"),
    Expected("sequences of a column", ("counted", "TRUNCATE {t} RESTART IDENTITY"), r"\| plan: missed lock: \w+ on \w+\.\w+_seq"),
    # Only where the session has not looked at the partition before.
    Expected("tables above a partition", (), r"subparted: .* \| plan: missed lock: AccessShareLock on \w+\.top"),
    Expected("leaves of a partition that is detached are read", ("parted_referred", "ALTER TABLE {t} DETACH PARTITION {s}.t_2"),
             r"DETACH PARTITION .* \| plan: missed scan"),
    Expected("a typed table is rewritten with its type", ("typed", "ALTER TYPE {s}.row_type ALTER ATTRIBUTE n TYPE bigint CASCADE"),
             r"ALTER TYPE \S+ ALTER ATTRIBUTE .* \| plan: missed"),
    Expected("deferrable keys of partitions", ("parted", "ALTER TABLE {t} ADD CONSTRAINT made UNIQUE (id, u) DEFERRABLE"),
             r"UNIQUE \(id, u\) DEFERRABLE \| plan: missed lock: ShareRowExclusiveLock"),
    Expected("SET NOT NULL of a parent's column that only children lack it", ("parent", "ALTER TABLE {t} ALTER id SET NOT NULL"),
             r"ALTER id SET NOT NULL \| plan: missed lock", 13, 17),
    Expected("ALTER TRIGGER DEPENDS ON", ("triggered", "ALTER TRIGGER t_trigger ON {t} DEPENDS ON EXTENSION confiture"),
             r"DEPENDS ON EXTENSION .* \| plan: missed lock"),
    Expected("a new table that refers to a partitioned one is dropped",
             ("parted", "ALTER TABLE {s}.other ADD CONSTRAINT made FOREIGN KEY (u) REFERENCES {t}; DROP TABLE {s}.other"),
             r"; DROP TABLE \S+ \| plan: missed lock: AccessExclusiveLock"),
    Expected("a partition that is detached keeps its foreign key", ("parted_referring", "ALTER TABLE {t} DETACH PARTITION {s}.t_1; DROP TABLE {s}.t_1"),
             r"; DROP TABLE \S+ \| plan: missed lock: AccessExclusiveLock"),
    Expected("a renamed column keeps its foreign key", ("referring", "ALTER TABLE {t} RENAME n TO number; ALTER TABLE {t} ALTER number TYPE bigint"),
             r"ALTER number TYPE bigint \| plan: missed lock"),
    Expected("a new domain in use", ("plain", "CREATE DOMAIN {s}.made AS int; ALTER TABLE {t} ADD COLUMN e {s}.made; ALTER DOMAIN {s}.made ADD CHECK (VALUE > 0)"),
             r"; ALTER DOMAIN .* \| plan: missed"),
    Expected("names that change hands within a script", ("plain", "ALTER TABLE {s}.other RENAME TO renamed; ALTER TABLE {s}.partner RENAME TO other; "
                                                         "ALTER TABLE {s}.other ADD COLUMN e float DEFAULT random()"),
             r"RENAME TO .*; .* \| dry run: missed (rewrite|scan)"),
    Expected("a function that is replaced", ("plain", "CREATE OR REPLACE FUNCTION common.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2; END'"),
             r"CREATE OR REPLACE FUNCTION .* \| dry run: missed lock"),
    Expected("DETACH CONCURRENTLY and FINALIZE", (), r"DETACH PARTITION \S+ (CONCURRENTLY|FINALIZE) \|"),
    Expected("REINDEX CONCURRENTLY", (), r"REINDEX \w+ CONCURRENTLY .* \|"),
    Expected("REINDEX and CLUSTER of a partitioned table", (), r"(REINDEX|CLUSTER) .* \| plan: missed"),
    Expected("VACUUM ANALYZE reads the children", (), r"VACUUM (FULL )?ANALYZE .* \| plan: missed lock: AccessShareLock"),
)


def of_version(version):
    return [one for one in LIST if one.of(version)]


def reason_of(finding, version):
    return next((one.reason for one in of_version(version) if one.matches(finding)), None)


def examples(version):
    return [forms.form(*one.example) for one in of_version(version) if one.example]


def stale(findings, version):
    """Reasons of which the example passes."""
    told = {}
    for finding in findings:
        told.setdefault(finding.form, []).append(finding)
    return [one.reason for one in of_version(version)
            if one.example and not any(map(one.matches, told.get(forms.form(*one.example), ())))]
