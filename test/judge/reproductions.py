"""The statements that show a finding to a person: what makes the tables, as far as the form is about them, and the form."""
import re

import tables


def of(form):
    schema = getattr(form, "schema", form.kind)
    wanted, quoted = form.script, re.escape(schema)
    made = [one.strip() for one in tables.statements_of(form.kind, schema).split(";") if one.strip()]
    kept = []
    for statement in reversed(made):
        # The table itself and what is made of it; partners and what could be attached only where they are spoken of.
        beside = re.search(rf"(?:TABLE|INTO) {quoted}\.(partner|other|loose\w*)\b", statement)
        if not beside or re.search(rf"{quoted}\.{beside[1]}\b", wanted):
            kept.insert(0, re.sub(r"\s+", " ", statement))
            wanted += " " + statement
    needed = []
    for statement in (one.strip() for one in tables.COMMON.split(";\n") if one.strip()):
        name = re.search(r"common\.\w+|ROLE judged|SCHEMA common|nothing|nowhere", statement)[0].split()[-1]
        if re.search(rf"\b{re.escape(name)}\b", wanted):
            needed.append(re.sub(r"\s+", " ", statement))
    return ";\n".join([*needed, *kept, f"-- judged:\n{form.script}"]) + ";"
