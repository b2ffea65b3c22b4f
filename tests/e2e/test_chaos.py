"""Any process may die, hang, come and go under load: nothing is lost, doubled or different, and nobody has to help."""

import os
import signal
import unittest

from chaos import COLUMNS, FEEDERS, Chaos, Feeder, Script, Watch, journalled, pid_of, sample, text, try_status
from pipeline import DATA, Pipeline, until

KILLS = int(os.environ.get("PARBUS_CHAOS_KILLS", "25"))
SEED = os.environ.get("PARBUS_CHAOS_SEED", "1")
SLICE_ROWS = int(os.environ.get("PARBUS_CHAOS_ROWS", "400"))  # of one feeder, before each fault
SCALE = {"scorer": 2, "validator": 2}
WATCHED = ("qd766", "2025")
TOTALS = ["epoch", "last_seq", "without_receipt"]


def outcome(pipeline, results, tables):
    return {
        "ranks": {table: pipeline.rank_text(*table) for table in tables},
        "rejects": pipeline.rejects_in_any_order(),
        "totals": {name: {k: r[k] for k in TOTALS} for name, r in results.items()},
    }


class ChaosOnRealProcesses(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self.scripts = [Script(name, SEED, SLICE_ROWS) for name in FEEDERS]
        self.tables = sorted(set().union(*[s.tables() for s in self.scripts]))

    def undisturbed(self, slices):
        """What comes out when nothing happens; also the number of submissions in the journal."""
        with Pipeline(scorers=1, validators=1) as p:
            base = journalled(p.status())
            feeders = {s.feeder: Feeder(p, s.feeder) for s in self.scripts}
            for s in self.scripts:
                for number in range(slices):
                    feeders[s.feeder].give(text(s.slice(number)))
                feeders[s.feeder].give(text(s.rows))
            results = {name: f.end() for name, f in feeders.items()}
            p.settled()
            return outcome(p, results, self.tables), journalled(p.status()) - base

    def give(self, chaos, feeders, rows_of):
        for s in self.scripts:
            rows = rows_of(s)
            chaos.given += len(rows)
            feeders[s.feeder].give(text(rows))

    def watch_ends_right(self, pipeline, watch):
        """The subscriber that saw it all is there and holds the table: of each unit that moves it tells the new score."""
        final = {r["unit"]: r["score"] for r in pipeline.rank(*WATCHED)}
        rows = [row for row in sample("qd766") if (row.index, row.period) == WATCHED]

        def same():
            for change in (lambda row: row._replace(value="0"), lambda row: row):
                pipeline.push_text(COLUMNS + "\n" + text(map(change, rows)), "--as", "nudge")
            return watch.scores() == final

        until(same, "the subscriber's table is the publisher's")

    def disturbed(self):
        with Pipeline(scorers=SCALE["scorer"], validators=SCALE["validator"]) as p:
            feeders = {s.feeder: Feeder(p, s.feeder) for s in self.scripts}
            chaos = Chaos(p, SEED, SCALE, list(feeders.values()))
            watch = Watch(p, *WATCHED)
            try:
                slices = 0
                while chaos.kills < KILLS:
                    self.give(chaos, feeders, lambda s: s.slice(slices))
                    slices += 1
                    chaos.step()
                self.give(chaos, feeders, lambda s: s.rows)
                results = {name: f.end() for name, f in feeders.items()}
                p.settled()
                submissions = journalled(p.status()) - chaos.base
                self.watch_ends_right(p, watch)
            except BaseException:
                print(f"PARBUS_CHAOS_SEED={SEED} after {chaos.kills} kills; the last faults:", *chaos.log[-12:], sep="\n  ")
                print(f"given {chaos.given}, in the journal {journalled(try_status(p) or {'partitions': []}) - chaos.base}")
                raise
            finally:
                for client in (watch, *feeders.values()):
                    client.kill()
            print(chaos.report(), flush=True)
            for table in self.tables:
                self.assertEqual(p.run("watch", *table, "--once", "--format", "csv").stdout, p.rank_text(*table), table)
            self.assertIn("identical", p.run("replay").stdout)
            return slices, outcome(p, results, self.tables), submissions

    def test_whatever_dies_nothing_is_lost_or_doubled(self):
        slices, got, submissions = self.disturbed()
        wanted, submissions_wanted = self.undisturbed(slices)
        self.assertEqual(submissions, submissions_wanted)
        for what in wanted:
            self.assertEqual(got[what], wanted[what], what)

    def test_whoever_hangs_is_replaced(self):
        """Also when it holds the lock of a database: then nobody else can write."""
        with Pipeline(scorers=2) as p:
            expected = p.push(DATA / "papi-2021.csv") and p.rank_text("papi", "2021")
            for hung in ["scorer-1", "validator-1", "publisher-1"], ["scorer-1", "scorer-2"], ["ingestor-1"]:
                pids = {instance: pid_of(p, instance) for instance in hung}
                for pid in pids.values():
                    os.kill(pid, signal.SIGSTOP)
                until(lambda: all(pid_of(p, i) not in (0, pids[i]) for i in hung), f"{hung} were replaced")
                p.push(DATA / "papi-2021.csv")
                p.settled()
                self.assertEqual(p.rank_text("papi", "2021"), expected)
            until(lambda: (s := try_status(p)) and s["ready"], "everything runs")
            self.assertIn("identical", p.run("replay").stdout)


if __name__ == "__main__":
    unittest.main()
