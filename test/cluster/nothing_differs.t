#!/usr/bin/env python3
"""Nothing differs after a dry run: every migration of the shop, on its data, as a chain, alone, and back."""
from replaying import Replay
from sessions import TOP, Cluster, done, equal, ok

shop = TOP / "examples" / "shop"


def as_it_was(replay):
    """Migrations 001 to 004 and their data are there before confiture comes."""
    for file in sorted((shop / "migrations").glob("00[1-4]_*.up.sql")):
        replay.cluster.sql(file.read_text(), replay.database)
    answer = replay.cluster.program("psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-v", "rows=2000",
                                    "-d", replay.database, "-f", shop / "generate.sql")
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    replay.cluster.sql("SELECT confiture.unregister_migration(version) FROM unnest('{001,002,003,004}'::text[]) AS version", replay.database)


cluster = Cluster("timezone=UTC")
replay = Replay(cluster, "shop", shop / "migrations", as_it_was)
ok(len(replay.versions) >= 12, "the shop has its migrations", replay.versions)
ok("COPY shop.orders" in replay.dumped and len(replay.dumped) > 100000, "and its data")

results = replay.whole()
equal([r["migration_version"] for r in results if not r["success"]], [], "the chain runs")
ok(not replay.problems, "the chain: nothing differs", *replay.problems)
replay.problems.clear()

replay.each()
ok(not replay.problems, "forward: nothing differs", *replay.problems)
replay.problems.clear()
replay.each("backward")
ok(not replay.problems, "back: nothing differs", *replay.problems)
ok(not replay.reasons, "each dry run ran to its end", *replay.reasons)
done()
