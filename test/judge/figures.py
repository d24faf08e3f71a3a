"""What comes of a run, printed: the findings with the SQL that shows them, and the figures of docs/accuracy.md."""
import expected
import reproductions

MISSED = ("plan missed lock", "plan missed rewrite", "plan missed scan", "plan error")
MISSED_NOT_CERTAIN = ("plan missed lock, likely", "plan missed rewrite, likely", "plan missed scan, likely")
SURPLUS = ("plan surplus lock", "plan surplus rewrite", "plan surplus scan")
DRY_RUN = ("dry run missed lock", "dry run missed rewrite", "dry run missed scan", "dry run surplus lock", "dry run surplus rewrite",
           "dry run surplus scan", "dry run rows", "dry run failure")
HEADINGS = ("PostgreSQL", "forms", "of them at top level", "refused", "certain", "plan: confirmed", "missed while certain", "missed else",
            "surplus", "dry run: confirmed", "differs")


class Figures:
    def __init__(self, verdicts, version):
        self.count, self.version = verdicts.count, version
        self.unexpected = [one for one in verdicts.findings if not expected.reason_of(one, version)]
        self.known = len(verdicts.findings) - len(self.unexpected)

    def sum(self, names):
        return sum(self.count[name] for name in names)

    @property
    def surplus_percent(self):
        """Of all that was told as certain."""
        surplus = self.sum(SURPLUS)
        return 100 * surplus / max(1, surplus + self.count["plan confirmed"])

    def row(self):
        count = self.count
        cells = (self.version, count["forms"], count["forms that no transaction can run"], count["refused"],
                 f"{100 * count['certain statements'] / max(1, count['statements']):.1f} %", count["plan confirmed"], self.sum(MISSED),
                 self.sum(MISSED_NOT_CERTAIN), f"{self.sum(SURPLUS)} ({self.surplus_percent:.2f} %)", count["dry run confirmed"], self.sum(DRY_RUN))
        return "| " + " | ".join(map(str, cells)) + " |"

    @staticmethod
    def heading():
        return "| " + " | ".join(HEADINGS) + " |\n|" + "---|" * len(HEADINGS)

    def findings(self, most=20):
        """The unexpected ones; of the first few forms the SQL as well."""
        forms = {}
        for finding in self.unexpected:
            forms.setdefault(finding.form, []).append(finding)
        for number, (form, findings) in enumerate(forms.items()):
            if number == most:
                yield f"... and {len(forms) - most} forms more:"
            if number < most:
                yield reproductions.of(form)
                yield from (f"--   {finding.judged}: {finding.kind}: {finding.text}" for finding in findings)
                yield ""
            else:
                yield from map(str, findings)
