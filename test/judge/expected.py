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


LIST = (
    # Only where the session has not looked at the partition before.
    Expected("tables above a partition", (), r"(subparted|partition\w*): .* \| (plan|dry run): (missed|surplus) lock: AccessShareLock on \w+\.top"),
    Expected("a function that is replaced", ("plain", "CREATE OR REPLACE FUNCTION common.code() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 2; END'"),
             r"CREATE OR REPLACE FUNCTION .* \| dry run: missed lock", 14, 17),
    Expected("DETACH CONCURRENTLY and FINALIZE", (), r"DETACH PARTITION \S+ (CONCURRENTLY|FINALIZE) \|"),
    # Who looks while it runs does not meet every one of them.
    Expected("indexes that are rebuilt in a moment", (), r"REINDEX TABLE .* \| plan: surplus lock: AccessExclusiveLock on .* held nothing"),
    # Dropped from a partitioned table that does not have it: the partitions are not looked at.
    Expected("what is not there to be dropped", (), r"ALTER TABLE .* DROP (NOT NULL|IDENTITY IF EXISTS)\b.* \| plan: surplus", 17),
    Expected("REINDEX CONCURRENTLY", (), r"REINDEX \w+ CONCURRENTLY .* \|"),
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
