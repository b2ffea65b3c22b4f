"""The power may fail at any moment: what has a receipt is there afterwards, once, and everything else follows from it.

The programs are the real ones; powercut/layer.c writes down what the disk has not yet got, and powercut/lose.py takes it
away. PARBUS_POWERCUTS: how many cuts; PARBUS_POWERCUT_SEED: as printed, for the same faults again (not for the same
moment: that is the machine's)."""

import collections
import os
import random
import unittest

from chaos import Script
from pipeline import until
from powercut.feeder import Feeder
from powercut.lose import SYNC, WRITE
from powercut.server import Server

CUTS = int(os.environ.get("PARBUS_POWERCUTS", "60" if os.environ.get("PARBUS_TEST_LONG") else "20"))
SEED = os.environ.get("PARBUS_POWERCUT_SEED") or str(random.randrange(1 << 32))
FEEDERS = ["qd766", "pci", "an-giang"]
SLICE_ROWS = 120  # of one feeder, before each cut
LOAD_S = 1.5      # if the count has not ended by then, the power is cut all the same
PROGRAMS = ["parbus-ingestor", "parbus-ingestor", "parbus-scorer", ""]


def outcome(pipeline, ends, tables):
    return {"ranks": {table: pipeline.rank_text(*table) for table in tables},
            "rejects": pipeline.rejects_in_any_order(), "ends": ends}


class PowerCut(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.rng = random.Random(f"{SEED}/{self.id()}")
        self.scripts = {name: Script(name, SEED, SLICE_ROWS) for name in FEEDERS}
        self.tables = sorted(set().union(*[s.tables() for s in self.scripts.values()]))
        self.totals = collections.Counter()
        self.addCleanup(lambda: print(f"PARBUS_POWERCUT_SEED={SEED}", dict(self.totals), flush=True))

    def door(self, server):
        return f"ipc://{server.dir}/run/door"

    def feeders(self, server):
        feeders = {name: Feeder(name, self.door(server), server.place) for name in FEEDERS}
        for feeder in feeders.values():
            self.addCleanup(feeder.kill)
        return feeders

    def load(self, feeders, number):
        for name, feeder in feeders.items():
            feeder.give(self.scripts[name].slice(number))

    def cut(self, server):
        self.totals["in the middle of a call"] += server.machine.is_cut()
        lost = server.lose_power(self.rng)
        self.totals["cuts"] += 1
        self.totals["cuts with a loss"] += any(count for what, count in lost.items() if what != "writes kept")

    def cut_under_load(self, server, feeders, number):
        """Somewhere in the next calls of one program or of all."""
        server.machine.cut_after(int(self.rng.triangular(1, 200, 1)), self.rng.choice(PROGRAMS))
        self.load(feeders, number)
        server.wait_cut(LOAD_S)
        self.cut(server)

    def check(self, server, feeders, after):
        lost, doubled, words = server.broken_promises({name: f.receipted for name, f in feeders.items()})
        self.totals.update(lost=lost, doubled=doubled)
        self.assertEqual((lost, doubled, words), (0, 0, []), f"after cut {after}")

    def draw_feeder(self, feeders):
        """At times one of them loses its power too; its count runs while it is under load."""
        if self.rng.random() < 0.7:
            return None
        feeder = self.rng.choice([*feeders.values()])
        feeder.machine.cut_after(self.rng.randint(1, 30))
        return feeder

    def cut_feeder(self, feeder):
        if feeder:
            feeder.lose_power(self.rng)
            self.totals["feeders' cuts"] += 1

    def add_counts(self, server, feeders):
        for name in ("writes", "syncs", "writes kept", "writes dropped", "writes torn", "names lost"):
            self.totals[name] += server.machine.counts[name]
            self.totals["feeders' " + name] += sum(f.machine.counts[name] for f in feeders.values())

    def undisturbed(self, slices):
        with Server(scorers=1, validators=1) as server:
            server.up()
            feeders = self.feeders(server)
            for number in slices:
                self.load(feeders, number)
            return self.finish(server, feeders)

    def finish(self, server, feeders):
        for name, feeder in feeders.items():
            feeder.give(self.scripts[name].rows)
        ends = {name: feeder.finish() for name, feeder in feeders.items()}
        server.settled()
        self.assertIn("identical", server.run("replay").stdout)
        server.run("verify")
        return outcome(server, ends, self.tables)

    def test_what_has_a_receipt_is_there_once(self):
        with Server(scorers=2, validators=1) as server:
            server.up()
            feeders = self.feeders(server)
            for number in range(1, CUTS + 1):
                feeder = self.draw_feeder(feeders)
                self.cut_under_load(server, feeders, number)
                self.check(server, feeders, number)
                server.up()
                self.cut_feeder(feeder)
            got = self.finish(server, feeders)
            given = {name: len(feeder.lines) for name, feeder in feeders.items()}
            self.assertEqual({name: last for name, (epoch, last, *_) in got["ends"].items()}, given)
            self.assertEqual(server.broken_promises(given), (0, 0, []))
            self.totals["receipts"] += sum(given.values())
            self.add_counts(server, feeders)
        wanted = self.undisturbed(range(1, CUTS + 1))
        for what in wanted:
            self.assertEqual(got[what], wanted[what], what)

    def cut_while_it_is_made(self, server):
        """In one of the first calls, of which each makes a name, or the first pages of a file, or syncs them."""
        server.machine.cut_after(self.rng.randint(7, 28), self.rng.choice(["parbus-ingestor", "parbus-scorer"]))
        going = server.begin_up()
        server.wait_cut(LOAD_S)
        self.cut(server)
        going.kill()
        going.wait(timeout=60)

    def test_a_cut_while_it_is_made(self):
        """Nothing was promised yet: it comes up, and then what it promises holds."""
        for number in range(max(2, CUTS // 10)):
            with Server(scorers=2, validators=1) as server:
                for _ in range(self.rng.randint(1, 3)):
                    self.cut_while_it_is_made(server)
                server.up()
                feeders = self.feeders(server)
                self.load(feeders, number)
                until(lambda: all(f.receipted for f in feeders.values()), "the first receipts")
                self.cut(server)
                self.check(server, feeders, number)
                server.up()
                self.finish(server, feeders)
                self.totals["receipts"] += sum(len(f.lines) for f in feeders.values())
                self.add_counts(server, feeders)

    def lies_are_seen(self, lies):
        with Server(scorers=1, validators=1, lies=lies) as server:
            server.up()
            feeders = self.feeders(server)
            for number in range(1, 40):
                self.cut_under_load(server, feeders, number)
                promised = {name: feeder.receipted for name, feeder in feeders.items()}
                if server.unreadable() or server.broken_promises(promised)[0] or not server.comes_up():
                    return
            self.fail("nobody noticed in 40 cuts")

    def test_a_disk_that_does_not_sync_is_seen(self):
        self.lies_are_seen(lambda kind, path: kind == SYNC and "/journal/" in path)

    def test_a_disk_that_does_not_sync_the_last_page_is_seen(self):
        """All that it does wrong is what MDB_NOMETASYNC would do to the journal."""
        self.lies_are_seen(lambda kind, path: kind == WRITE and "/journal/" in path)


if __name__ == "__main__":
    unittest.main()
