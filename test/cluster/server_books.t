#!/usr/bin/env python3
"""The plan and the dry run against the server's own books, for a part of all forms (test/judge/judge tries them all).

CONFITURE_SHARE=1 tries them all here.
"""
import os
import sys

from sessions import TOP, done, note, ok

sys.path.append(str(TOP / "test" / "judge"))
import judging  # noqa: E402

cluster = judging.prepared_cluster()
figures, stale = judging.judged(cluster, int(os.environ.get("CONFITURE_SHARE", "25")))
note(f"{figures.heading()}\n{figures.row()}\n{figures.seconds:.0f} s")
ok(figures.count["forms"] >= 300, "forms are tried", figures.count["forms"])
ok(not figures.unexpected, "plans and dry runs agree with the server's books", *figures.findings())
ok(not stale, "what is expected to be wrong is wrong", *stale)
done()
