#!/usr/bin/env python3
"""A history applied by up() is what psql makes of the same files, and down() takes it back to nothing."""
from applying import Applied
from sessions import TOP, Cluster, done, equal, ok

cluster = Cluster("timezone=UTC")
shop = Applied(cluster, "shop", TOP / "examples" / "shop" / "migrations")
before = shop.schema()
answer = shop.call("CALL confiture.up()")
ok(not answer.state, "up() applies the shop", answer.messages)
equal(shop.statuses(), "applied", "all of it")
by_psql, said = shop.by_psql()
equal(said, [], "psql takes the same files")
equal(shop.schema(), by_psql, "and makes the same schema")
equal(cluster.sql("SELECT count(*) FROM confiture.journal", "shop"), "0", "nothing is open")
equal(cluster.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid", "shop"), "0", "no index is invalid")
answer = shop.call("CALL confiture.down(steps => 1000)")
ok(not answer.state, "down() takes it back", answer.messages)
equal(shop.schema(), before, "to nothing")
equal(shop.statuses(), "reverted", "and says so")
done()
