"""Migrators that are killed, cancelled and terminated, and go on: the engine of killed.t.

A pass migrates a new database from the first migration to the last, and every `up` of it is cut off until the plan of the
pass is through.  Then the database must be what an undisturbed run makes of it.  CONFITURE_SEED says again what was drawn;
at random moments the clock has its part too.
"""
import collections
import itertools
import os
import random
import re
import time

import torture_migrations
from sessions import Cluster, note, quoted, wait_until
from torture_server import Server, kill

# What a migrator may answer that was cut off, or came too early after another one.
EXPECTED = {"57014", "57P01", "57P02", "57P03", "57000", "08006", "MG008", "MG015"}
KILLS = ("backend", "worker", "postmaster")
INTERRUPTIONS = ("cancel backend", "terminate backend", "cancel worker", "terminate worker", "client")

CUTS_OF_A_PASS = 6

Plan = collections.namedtuple("Plan", "victim gate")  # without a gate: at a random moment

STATE = {
    "history": "SELECT version, action FROM confiture.history WHERE status = 'succeeded' ORDER BY id",
    "status": "SELECT version, status FROM confiture.status ORDER BY sort_key",
    "journal": "SELECT version, step FROM confiture.journal",
    "ledger": "SELECT step, count(*) FROM ledger GROUP BY step ORDER BY step",
    "transactions": "SELECT count(DISTINCT at_xid), count(*) FROM ledger",
    "hooks": "SELECT hook, count(*) FROM hook_ledger WHERE hook !~ '^(CLEANUP|ON_ERROR)' GROUP BY hook ORDER BY hook",
    "runs of hooks": "SELECT hook_name, count(*) FROM confiture.hook_run WHERE phase < 'CLEANUP' AND status = 'succeeded' GROUP BY 1 ORDER BY 1",
    "accounts": "SELECT count(*), sum(amount), sum(id) FROM account",
    "rows": "SELECT (SELECT count(*) FROM one), (SELECT count(*) FROM painted), (SELECT sum(id) FROM part), (SELECT sum(id) FROM part_2), "
            "(SELECT sum(b::bigint) FROM big)",
    "session": "SELECT (SELECT sum(id) FROM public.orders), (SELECT sum(id) FROM tenant.orders), (SELECT string_agg(b::text, ';' ORDER BY b) FROM tenant.built b), "
               "(SELECT b::text FROM tenant.built_later b), (SELECT string_agg(relname || ' of ' || relowner::regrole, ';' ORDER BY relname) "
               "FROM pg_class WHERE relnamespace = 'tenant'::regnamespace)",
    "invalid": "SELECT indexrelid::regclass FROM pg_index WHERE NOT (indisvalid AND indisready AND indislive)",
    "files": "SELECT relname FROM pg_class WHERE relname ~ '_cc(new|old)'",
    "prepared": "SELECT gid FROM pg_prepared_xacts",
}


class Torture:
    def __init__(self, rows=40000, settings=()):
        self.seed = int(os.environ.get("CONFITURE_SEED") or random.SystemRandom().randrange(1 << 30))
        note(f"CONFITURE_SEED={self.seed}")
        self.random = random.Random(self.seed)
        self.cluster = Cluster(*settings)
        self.server = Server(self.cluster)
        self.cut_off = collections.Counter()
        self.answers = collections.Counter()
        self.passes = 0
        self.began = time.time()
        registered = [f"SELECT confiture.register_migration({quoted(version)}, {quoted(name)}, {quoted(script)})"
                      for version, name, script in torture_migrations.migrations(self.cluster.version)]
        self.cluster.database("start", torture_migrations.TABLES.format(rows=rows), *registered, torture_migrations.GATES,
                              "VACUUM ANALYZE")
        self._run_undisturbed()

    # What an undisturbed run makes.
    def _run_undisturbed(self):
        before = len(self.cluster.log())
        self.new_database("clean")
        session = self.cluster.session("clean")
        answer = session.run("CALL confiture.up()")
        session.kill()
        if answer.state:
            raise RuntimeError(answer.messages)
        # A machine that was busy for a moment must not make all passes slow.
        self.seconds = min(answer.seconds, 3)
        # Each with whether a worker comes by, in their order.
        self.gates = {gate: owner == "confiture worker" for owner, gate in re.findall(r"LOG:  gate of a ([^:]*): (.*)", self.cluster.log()[before:])}
        self.dump = self.cluster.dump("clean", "-s")
        self.state = self.state_of("clean")
        note(f"undisturbed: {answer.seconds:.2f} s, {len(self.gates)} gates")

    def new_database(self, name):
        self.cluster.sql(f'CREATE DATABASE "{name}" TEMPLATE start')

    def state_of(self, database):
        rows = self.cluster.sql("\n".join(f"SELECT 'STATE ' || {quoted(name)}; {query};" for name, query in STATE.items()), database)
        return {part.split("\n", 1)[0]: part.split("\n", 1)[-1].strip() if "\n" in part else ""
                for part in rows.split("STATE ")[1:]}

    def wrong_in(self, database):
        """What differs from the undisturbed run, in words."""
        found = self.state_of(database)
        wrong = [f"{name}: {found[name]!r}, and not {expected!r}" for name, expected in self.state.items() if found[name] != expected]
        dump = self.cluster.dump(database, "-s")
        if dump != self.dump:
            wrong.append("schema: " + ", ".join(sorted(set(dump.splitlines()) ^ set(self.dump.splitlines()))))
        return wrong

    # One pass.
    def run(self, plans):
        """Cuts migrators off as planned, and what is wrong at the end is returned, with what happened."""
        self.passes += 1
        self.database = f"pass_{self.passes}"
        self.told = []
        self.new_database(self.database)
        try:
            wrong = self._run(plans)
        except Exception as error:  # an engine that broke down is a failure with its story
            wrong = [f"{type(error).__name__}: {error}"]
        if not wrong:
            self.cluster.sql(f'DROP DATABASE "{self.database}" WITH (FORCE)')
        return wrong and [*wrong, f"CONFITURE_SEED={self.seed}", *self.told]

    def _run(self, plans):
        for plan in plans:
            migrator, controller = self.cluster.session(self.database), self.cluster.session(self.database)
            hit = self._cut_off(plan, migrator, controller)
            answer = migrator.finish()
            self._tell(f"{plan.victim} at {plan.gate or 'a random moment'}: {hit}; {self._summary(answer)}")
            self._end(migrator, controller)
            if hit:
                self.cut_off[plan.victim] += 1
                self.hit.append(plan)
                self.answers[answer.state or ("lost" if answer.lost else "done")] += 1
            if answer.state and answer.state not in EXPECTED:
                return [f"an answer that is not expected: {answer!r}"]
            if not wait_until(self.server.answers, 60, 0.02):
                return ["the server does not come back: " + self.cluster.log()[-2000:]]
            if answer.state == "MG015" and (wrong := self._repair()):
                return wrong
            if not hit and not answer.state:
                if self._pending() == "0":
                    break
        return self._finish() or self.wrong_in(self.database)

    def _finish(self):
        for _ in range(5):
            migrator = self.cluster.session(self.database)
            answer = migrator.run("CALL confiture.up()")
            self._tell("to the end: " + self._summary(answer))
            self._end(migrator)
            if answer.state == "MG015" and (wrong := self._repair()):
                return wrong
            if answer.state not in ("MG015", "MG008"):
                return [f"the last run: {answer!r}"] if answer.state or answer.lost else []
        return ["it does not come to an end"]

    def _repair(self):
        rows = self.cluster.sql("SELECT version, step, command, state, detail FROM confiture.repair()", self.database)
        self._tell("repair: " + rows)
        return [f"repair() does not know: {rows}"] if "|unknown|" in rows else []

    def _pending(self):
        return self.cluster.sql("SELECT count(*) FROM confiture.status WHERE status <> 'applied'", self.database)

    def _tell(self, what):
        self.told.append(f"{time.time() - self.began:7.3f} {what}")
        if "CONFITURE_TELL" in os.environ:
            note(self.told[-1])

    @staticmethod
    def _summary(answer):
        errors = [line for line in answer.messages.splitlines() if not line.startswith(("NOTICE", "LOCATION"))]
        return f"{answer.state or ''} {'lost' if answer.lost else ''} {answer.value or ''} {' / '.join(errors)[:600]}"

    def _end(self, *sessions):
        for session in sessions:
            session.kill()
            self.cluster.sessions.remove(session)

    # One cut.
    def _cut_off(self, plan, migrator, controller):
        """Whether somebody was hit in the middle of a migration."""
        if plan.gate:
            controller.run(f"SELECT pg_advisory_lock(4711, hashtext({quoted(plan.gate)}))")
            migrator.start("SET confiture.lock_timeout = '50s'; SET confiture.migrator_wait = '20s'; CALL confiture.up()")
            waiting = self._watch(migrator, controller, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND classid = 4711 AND NOT granted")
        else:
            migrator.start("SET confiture.migrator_wait = '20s'; CALL confiture.up()")
            waiting = None
            if "worker" in plan.victim:
                waiting = self._watch(migrator, controller, self._worker())
                time.sleep(self.random.uniform(0, self.seconds / 30))
            else:
                time.sleep(self.random.uniform(0, self.seconds / 3))
        hit = not migrator.answered() and self._hit(plan.victim, migrator, controller, waiting)
        if plan.gate and not (hit and plan.victim in KILLS):
            controller.run("SELECT pg_advisory_unlock_all()")
        return hit

    def _watch(self, migrator, controller, query):
        """The process that the query finds, unless the migrator ends before."""
        found = []

        def look():
            found[:] = controller.run(query).rows[:1]
            return found or migrator.answered()

        if not wait_until(look, 50, 0.001):
            raise RuntimeError("neither is at the gate nor ends: " + self.cluster.sql(
                "SELECT string_agg(concat_ws(' ', pid, backend_type, state, wait_event, query), ' // ') FROM pg_stat_activity"))
        return int(found[0]) if found else None

    def _worker(self):
        return f"SELECT pid FROM pg_stat_activity WHERE backend_type = 'confiture worker' AND datname = '{self.database}'"

    def _hit(self, victim, migrator, controller, waiting):
        """Every process is one that this cluster's own pg_stat_activity has just named, or that this program started."""
        if victim == "postmaster":
            ended = self.server.kill()
            self.server.start()
            return f"the postmaster was killed, {ended} processes ended with it"
        if victim == "client":
            migrator.process.kill()
            return "the client was killed"
        query = self._worker() if "worker" in victim else f"SELECT pid FROM pg_stat_activity WHERE pid = {migrator.pid} AND state = 'active'"
        found = controller.run(query).rows
        if not found:
            return False
        process = int(found[0])
        if victim in KILLS:
            if not kill(process):
                return False
            if not wait_until(lambda: controller.run("SELECT 1").lost):
                raise RuntimeError("the server goes on after kill -9")
            return f"process {process} was killed" + (" as it waited" if process == waiting else "")
        answer = controller.run(f"SELECT pg_{victim.split()[0]}_backend({process})")
        return f"process {process}: {victim}" if answer.value == "t" else False

    # All passes.
    def cut(self, victims, count):
        """Passes until so many cuts have hit, two of three at gates: all gates with all victims come, one after the other.

        Yields what is wrong after each pass; the first wrong one is the last.
        """
        gates = list(self.gates)
        places = [[(index, victim) for index, has_worker in enumerate(self.gates.values()) if has_worker or "worker" not in victim]
                  for victim in victims]
        for of_victim in places:
            self.random.shuffle(of_victim)
        # In turns, so that a short run has all victims.
        deck = collections.deque(place for turn in itertools.zip_longest(*places) for place in turn if place)
        self.places, self.been = len(deck), set()
        wanted = sum(self.cut_off.values()) + count
        idle = 0
        while (left := wanted - sum(self.cut_off.values())) > 0:
            at_gates = sorted(deck.popleft() for _ in range(min(left, CUTS_OF_A_PASS, len(deck))))
            plans = [Plan(victim, gates[index]) for index, victim in at_gates]
            for _ in range(max(len(plans) // 2, not plans)):
                plans.insert(self.random.randint(0, len(plans)), Plan(self.random.choice(victims), None))
            plans = plans[:left]
            self.hit = []
            yield (wrong := self.run(plans))
            if wrong:
                return
            idle = 0 if self.hit else idle + 1
            if idle > 20:
                yield ["nobody is hit any more"]
                return
            # Those that a migrator had gone past come again, and when all have been there, random moments are left.
            for place in at_gates:
                if Plan(place[1], gates[place[0]]) in self.hit:
                    self.been.add(place)
                else:
                    deck.append(place)
