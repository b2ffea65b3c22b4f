"""The processes without their supervisor, as containers run them: `parbus health` looks after them, and feeders and
dashboards elsewhere come in over TCP."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from pipeline import BIN, CATALOG, DATA, free_endpoint, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
CHANGED = DATA / "qd766-2025-20251015T014624Z.csv"


class Unsupervised(unittest.TestCase):
    def setUp(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)
        self.dir = self.place / "data"

    def start(self, service, instance, *arguments):
        log = open(self.place / f"{instance}.log", "ab")
        self.addCleanup(log.close)
        process = subprocess.Popen([BIN / f"parbus-{service}", "--dir", self.dir, "--instance", instance, *arguments],
                                   stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait, 60)
        self.addCleanup(process.terminate)
        return process

    def start_all(self):
        self.door, self.feed, self.snapshots = free_endpoint(), free_endpoint(), free_endpoint()
        self.ingestor = self.start("ingestor", "ingestor-1", "--catalog", CATALOG, "--door", self.door, "--insecure")
        self.start("publisher", "publisher-1", "--feed", self.feed, "--snapshots", self.snapshots,
                   "--insecure")
        self.start("validator", "validator-a1b2")
        self.scorer = self.start("scorer", "scorer-c3d4")
        for instance in ("publisher-1", "validator-a1b2", "scorer-c3d4"):
            until(lambda: self.parbus("health", instance).returncode == 0, f"{instance} is well")

    def parbus(self, *arguments, directory=None):
        return subprocess.run([BIN / "parbus", *arguments, "--dir", directory or self.dir], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)

    def test_health_of_the_door_and_of_each_worker(self):
        self.start_all()
        done = until(lambda: (d := self.parbus("health")).returncode == 0 and d, "every partition has its scorer")
        self.assertIn("accepting", done.stdout)
        self.assertIn("scorer-c3d4", done.stdout)
        unknown = self.parbus("health", "scorer-none")
        self.assertEqual(unknown.returncode, 1)
        self.assertIn("knows no scorer-none", unknown.stderr)
        self.assertIn("without a name", self.parbus("health", "ingestor-1").stderr)

    def test_a_worker_that_hangs_is_unwell_until_it_wakes(self):
        self.start_all()
        os.kill(self.scorer.pid, signal.SIGSTOP)
        try:
            done = until(lambda: (d := self.parbus("health", "scorer-c3d4")).returncode == 1 and d, "the hang is noticed")
            self.assertIn("scorer-c3d4 is dead", done.stderr)
            self.assertEqual(self.parbus("health", "validator-a1b2").returncode, 0)
        finally:
            os.kill(self.scorer.pid, signal.SIGCONT)
        until(lambda: self.parbus("health", "scorer-c3d4").returncode == 0, "it is well again")

    def test_status_shows_what_the_ingestor_knows(self):
        self.start_all()
        table = until(lambda: (d := self.parbus("status")).returncode == 0 and "  ! " not in d.stdout and d.stdout, "all is well")
        self.assertIn("no supervisor runs here", table.splitlines()[0])
        status = json.loads(self.parbus("status", "--json").stdout)
        self.assertEqual((status["supervisor_pid"], status["ready"]), (None, None))
        rows = {row["instance"]: row for row in status["processes"]}
        self.assertEqual(set(rows), {"ingestor-1", "publisher-1", "validator-a1b2", "scorer-c3d4"})
        scorer = rows["scorer-c3d4"]
        self.assertEqual((scorer["pid"], scorer["state"], scorer["restarts"], scorer["owned"]), (self.scorer.pid, "live", None,
                                                                                                "0-63"))
        self.scorer.kill()
        table = until(lambda: "scorer-c3d4 is dead" in (out := self.parbus("status").stdout) and out, "its death is told")
        self.assertRegex(table, r"  ! 64 of 64 partitions have no scorer.*: 0-63")

    def test_nothing_runs(self):
        (self.dir / "run").mkdir(parents=True)
        done = self.parbus("health")
        self.assertEqual(done.returncode, 1)
        self.assertIn("does not answer", done.stderr)

    def test_push_and_watch_from_elsewhere(self):
        self.start_all()
        elsewhere = self.place / "elsewhere"
        done = self.parbus("push", SHEET, "--wait", "--door", self.door, directory=elsewhere)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.listdir(elsewhere), ["outbox"])
        watched = self.parbus("watch", "qd766", "2025", "--once", "--format", "csv", "--feed", self.feed, "--snapshots",
                              self.snapshots, directory=elsewhere)
        self.assertEqual(watched.returncode, 0, watched.stderr)
        self.assertEqual(len(watched.stdout.splitlines()), 35)
        until(lambda: self.parbus("rank", "qd766", "2025", "--format", "csv").stdout == watched.stdout, "rank says the same")

    def test_an_ingestor_whose_place_was_taken_gives_no_receipt_and_ends_with_that_sentence(self):
        self.start_all()
        elsewhere = self.place / "elsewhere"
        done = self.parbus("push", SHEET, "--wait", "--door", self.door, directory=elsewhere)
        self.assertEqual(done.returncode, 0, done.stderr)
        (self.dir / "journal" / "writer.lock").unlink()  # nothing else keeps two apart on one host
        self.start("ingestor", "ingestor-2")
        until(lambda: "ingestor.ready" in self.log("ingestor-2"), "the second one is the writer")
        feeder = subprocess.Popen([BIN / "parbus", "push", CHANGED, "--door", self.door, "--dir", elsewhere],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(feeder.communicate)
        self.addCleanup(feeder.kill)
        self.assertEqual(self.ingestor.wait(60), 1)
        self.assertIn("another process writes this journal: it began term 2, ours is 1", self.log("ingestor-1"))
        feeder.kill()
        done = self.parbus("push", "--wait", "--door", f"ipc://{self.dir}/run/door", CHANGED, directory=elsewhere)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("identical", self.parbus("replay").stdout)

    def log(self, instance):
        return (self.place / f"{instance}.log").read_text()

    def test_an_address_where_nobody_is(self):
        door = free_endpoint()
        done = self.parbus("push", SHEET, "--door", door)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"no pipeline answers at {door}", done.stderr)
        self.assertIn("Nothing was taken", done.stderr)


if __name__ == "__main__":
    unittest.main()
