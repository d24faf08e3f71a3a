#!/usr/bin/env python3
"""Migrators that are killed with kill -9, themselves, their worker or the whole server, or cancelled, terminated, left by
their client: `up` again, and at the end the database is what an undisturbed run makes of it, each step once.

CONFITURE_KILLS says how many are killed (20), CONFITURE_SEED which: `make torture` is this test with many.
"""
import os
from sessions import done, equal, note, ok
from torture import INTERRUPTIONS, KILLS, Torture

count = int(os.environ.get("CONFITURE_KILLS", "20"))
# What is lost with a server is lost for good: a machine that tortures writes to its disk.
torture = Torture(settings=[f"fsync={'on' if count > 20 else 'off'}", "log_min_messages=log", "max_connections=20"])
equal(torture.state["journal"] + torture.state["invalid"] + torture.state["files"], "", "an undisturbed run leaves nothing half done")
ok(len(torture.gates) > 60, "there are gates at the steps", torture.gates)

for what, victims, cuts in (("killed", KILLS, count), ("cancelled, terminated or left", INTERRUPTIONS, max(20, count // 2))):
    torture.cut_off.clear()
    torture.answers.clear()
    wrong = next(filter(None, torture.cut(victims, cuts)), [])
    ok(not wrong, f"{what} and brought to its end, it is what an undisturbed run makes", "\n".join(wrong))
    note(f"{what}: {dict(torture.cut_off)} in {torture.passes} passes, at {len(torture.been)} of {torture.places} places; answers {dict(torture.answers)}")
    ok(sum(torture.cut_off.values()) >= cuts and (victims != KILLS or set(torture.cut_off) == set(KILLS)), f"as often as asked for, it was {what}",
       torture.cut_off)
done()
