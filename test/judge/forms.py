"""All forms of a server version: what is tried on what."""
import dataclasses
import re
import zlib

import alter_table_forms
import statement_forms
import tables


@dataclasses.dataclass(frozen=True)
class Form:
    kind: str       # of table; its schema has the same name
    script: str
    statements: tuple

    def __str__(self):
        return f"{self.kind}: {self.script}"


def split(script):
    """At the semicolons, but those of texts and bodies."""
    if "BEGIN ATOMIC" in script:
        return (script,)
    return tuple(part.strip() for part in re.findall(r"(?:'[^']*'|\$\$.*?\$\$|[^;'$])+", script))


def form(kind, template):
    places = {"t": f"{kind}.t", "s": kind}
    script = template.format(**places) if "{" in template else template
    if re.search(rf"(DROP|RENAME) .* {re.escape(kind)}\.t\.", script):
        return None
    return Form(kind, script, split(script))


def all_forms(version):
    for kind in tables.kinds(version):
        for template in alter_table_forms.forms(version, kind in tables.WITH_ONLY):
            yield form(kind, template)
        for template in statement_forms.on_tables(version):
            yield form(kind, template)
        if kind in statement_forms.KINDS_OF_CHAINS:
            for template in statement_forms.chains(version):
                yield form(kind, template)
    for template in statement_forms.alone(version):
        yield form("plain", template)


def some_forms(version, share):
    """One in `share`, the same ones each time, spread over kinds and statements."""
    return [one for one in all_forms(version) if one and zlib.crc32(str(one).encode()) % share == 0]
