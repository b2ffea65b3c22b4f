"""Workers come and go under load: only the partitions that must move do, and the ranking does not notice."""

import collections
import csv
import io
import itertools
import os
import threading
import time
import unittest

from chaos import COLUMNS, Chaos, Feeder, Row, Script, Watch, percentile, sample, text
from pipeline import Pipeline, until

FEEDERS = ["par-even", "par-odd", "qd766"]
TABLES = [("par-province", "2024"), ("qd766", "2025")]
SLICE_ROWS = int(os.environ.get("PARBUS_SCALING_ROWS", "1000"))


def owners(status, role):
    return {p["partition"]: p[role] for p in status["partitions"]}


def epochs(status):
    return {p["partition"]: p["owner_epoch"] for p in status["partitions"]}


class Pulse:
    """Each unit of an index gets another value every few milliseconds, and a subscriber notes when it sees them."""

    EVERY_S = 0.01

    def __init__(self, pipeline, index, period, indicator):
        units = [unit["unit"] for unit in pipeline.rank(index, period)]
        self.partition = self.partitions(pipeline, Row(index, period, "", indicator, "1e12", ""), units)
        self.row = Row(index, period, "", indicator, "", "")
        self.units = units
        self.seen = collections.defaultdict(list)
        self.feeder = Feeder(pipeline, "pulse")
        self.watch = Watch(pipeline, index, period, lambda change: self.seen[change["unit"]].append(time.monotonic()))
        self.beating = True
        self.thread = threading.Thread(target=self.beat, daemon=True)
        self.thread.start()

    @staticmethod
    def partitions(pipeline, row, units):
        """Where each unit is: told by a value that is rejected."""
        pipeline.push_text(COLUMNS + "\n" + text(row._replace(unit=unit) for unit in units), "--as", "asker", check=False)
        rejects = csv.DictReader(io.StringIO(pipeline.run("rejects", "--feeder", "asker", "--format", "csv").stdout))
        return {reject["unit"]: int(reject["partition"]) for reject in rejects}

    def beat(self):
        due = time.monotonic()
        for number in itertools.count():
            value = f"{number % 1000 / 100:.2f}"
            self.feeder.give(text(self.row._replace(unit=unit, value=value) for unit in self.units))
            due += self.EVERY_S
            until(lambda: time.monotonic() >= due or not self.beating, "the next beat")
            if not self.beating:
                return

    def gaps(self, since):
        """The longest time without a change of each unit, up to now."""
        now = time.monotonic()
        return {unit: max(b - a for a, b in itertools.pairwise([since, *[t for t in self.seen[unit] if t > since], now]))
                for unit in self.units}

    def stop(self):
        self.beating = False
        self.thread.join(timeout=60)
        for client in (self.feeder, self.watch):
            client.kill()


class Scaling(unittest.TestCase):
    def setUp(self):
        self.p = Pipeline(scorers=1, validators=1)
        self.p.__enter__()
        self.addCleanup(self.p.__exit__, None, None, None)
        self.chaos = Chaos(self.p, 1, {"scorer": 1, "validator": 1})
        self.scripts = [Script(name, 1, SLICE_ROWS) for name in FEEDERS]
        self.feeders = {}
        self.slices = 0
        self.loading = threading.Event()

    def tearDown(self):
        self.loading.clear()
        for feeder in self.feeders.values():
            feeder.kill()

    def give(self, rows_of):
        for s in self.scripts:
            rows = rows_of(s)
            self.chaos.given += len(rows)
            self.feeders[s.feeder].give(text(rows))

    def load(self):
        """One slice after the other, as soon as the one before has been taken, until it is told to stop."""
        while self.loading.is_set():
            self.give(lambda s: s.slice(self.slices))
            self.slices += 1
            until(lambda: not self.loading.is_set() or all(f.waiting.empty() for f in self.feeders.values()), "it is taken")

    def scale(self, scorers, validators):
        before = self.p.status()
        self.p.run("scale", f"scorer={scorers}", f"validator={validators}")
        after = self.p.status()
        self.assertEqual({p["state"] for p in after["partitions"]}, {"owned"})
        self.assertEqual(set(owners(after, "scorer").values()), {f"scorer-{i + 1}" for i in range(scorers)})
        self.check_moves(before, after, {f"scorer-{i + 1}" for i in range(scorers)})

    def moved(self, before, after):
        was, now = owners(before, "scorer"), owners(after, "scorer")
        return {p for p in was if was[p] != now[p]}

    def check_moves(self, before, after, live):
        """Towards more, whoever moved went to a new worker; towards fewer, only those of the leaving ones moved."""
        was, now = owners(before, "scorer"), owners(after, "scorer")
        moved = self.moved(before, after)
        joined = live - set(was.values())
        if joined:
            self.assertEqual({now[p] for p in moved}, joined)
        else:
            self.assertEqual(moved, {p for p in was if was[p] not in live})
        again = {p for p in was if epochs(before)[p] != epochs(after)[p]}
        self.assertEqual(again, moved, "a partition that stays keeps its owner epoch")
        print(f"scorers {len(set(was.values()))} to {len(live)}: {len(moved)} of {len(was)} partitions moved")

    def test_up_and_down_under_load(self):
        self.feeders = {name: Feeder(self.p, name) for name in FEEDERS}
        self.loading.set()
        loader = threading.Thread(target=self.load, daemon=True)
        loader.start()
        until(lambda: self.slices > 3, "the load is on")
        for scorers, validators in (4, 2), (2, 1), (3, 3), (1, 1):
            self.scale(scorers, validators)
        self.loading.clear()
        loader.join(timeout=60)
        self.give(lambda s: s.rows)
        results = {name: f.end() for name, f in self.feeders.items()}
        self.p.settled()
        self.assertEqual(sum(r["submissions"] for r in results.values()), self.chaos.given)
        self.assertTrue(self.chaos.caught_up())
        self.assertIn("identical", self.p.run("replay").stdout)
        got = [self.p.rank_text(*table) for table in TABLES]
        with Pipeline() as other:
            for name in FEEDERS:
                other.push_text(COLUMNS + "\n" + text(sample(name)))
            self.assertEqual(got, [other.rank_text(*table) for table in TABLES])
        counters = self.p.status()["counters"]
        print(f"{self.chaos.given} submissions, {counters['partitions_moved']} moves, "
              f"{counters.get('records_sent_again', 0)} records sent again")

    def test_what_stays_is_not_paused(self):
        pulse = Pulse(self.p, "qd766", "2025", "CKMB")
        self.addCleanup(pulse.stop)
        until(lambda: all(len(pulse.seen[unit]) > 5 for unit in pulse.units), "the subscriber sees all units move")
        for scorers in (1, 4, 2, 3, 1):
            before, since = self.p.status(), time.monotonic()
            self.p.run("scale", f"scorer={scorers}", "validator=1")
            until(lambda: time.monotonic() > since + 1, "the pulse goes on")
            moved, gaps = self.moved(before, self.p.status()), pulse.gaps(since)
            for what, of in ("stayed", [g for u, g in gaps.items() if pulse.partition[u] not in moved]), \
                            ("moved", [g for u, g in gaps.items() if pulse.partition[u] in moved]):
                if of:
                    print(f"to {scorers} scorers: {len(of):2} units {what:6}; without a change for {percentile(of, 0.5) * 1000:.0f} "
                          f"ms in the median, {percentile(of, 0.99) * 1000:.0f} ms at the 99th percentile")
                    self.assertLess(max(of), 5, what)


if __name__ == "__main__":
    unittest.main()
