"""Full disks and full maps: receipts stop and say why, everything else goes on, and it all comes back by itself."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from chaos import COLUMNS, Feeder, Script, journalled, sample, text, try_status
from pipeline import Pipeline, until

TABLE = ("qd766", "2025")
MOUNT_BYTES = 24 << 20


def can_mount():
    with tempfile.TemporaryDirectory(prefix="parbus.") as place:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "parbus-test", place], capture_output=True)
        if done.returncode == 0:
            subprocess.run(["umount", place], check=True)
        return done.returncode == 0


MOUNTS = os.geteuid() == 0 and can_mount()
needs_mount = unittest.skipUnless(MOUNTS, "a small file system can be mounted by root only")


class SmallPipeline(Pipeline):
    """One whose directory, or a directory in it, is a file system of its own with little room."""

    def __init__(self, small=".", **options):
        super().__init__(**options)
        self.small = pathlib.Path(self.dir, small)
        self.small.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOUNT_BYTES},mode=700", "parbus-test", self.small], check=True)

    def __exit__(self, kind, value, trace):
        self.free()
        self.run("down", check=False)
        if kind:
            for log in sorted(pathlib.Path(self.dir, "log").glob("*")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        subprocess.run(["umount", "-l", self.small], check=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def fill(self):
        """Until there is not one block left, and what was just freed is taken too."""
        with open(self.small / "ballast", "ab", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))

    def free(self):
        (self.small / "ballast").unlink(missing_ok=True)


class Load:
    """A feeder whose outbox is not on the small disk, and everything that it was given."""

    def __init__(self, pipeline, elsewhere):
        outbox = pathlib.Path(pipeline.dir, "outbox")
        if not outbox.exists():
            outbox.symlink_to(elsewhere)
        self.script = Script("qd766", 1, 2000)
        self.feeder = Feeder(pipeline, "qd766")
        self.given = self.slices = 0

    def give(self):
        rows = self.script.slice(self.slices)
        self.slices += 1
        self.given += len(rows)
        self.feeder.give(text(rows))

    def finish(self):
        self.given += len(self.script.rows)
        self.feeder.give(text(self.script.rows))
        return self.feeder.end()


class Disk(unittest.TestCase):
    def setUp(self):
        self.elsewhere = tempfile.TemporaryDirectory(prefix="parbus.")
        self.addCleanup(self.elsewhere.cleanup)

    @classmethod
    def setUpClass(cls):
        """The ranking that the whole load gives, however it came there."""
        with Pipeline() as p:
            p.push_text(COLUMNS + "\n" + text(sample("qd766")))
            cls.expected = p.rank_text(*TABLE)

    def reads_and_feed_go_on(self, p):
        rank = p.rank_text(*TABLE)
        self.assertIn("score", rank)
        self.assertEqual(p.run("watch", *TABLE, "--once", "--format", "csv").stdout.splitlines()[0], rank.splitlines()[0])
        p.run("rejects", "--format", "csv")

    def ends_well(self, p, load):
        """Nothing lost, nothing doubled, nobody helped."""
        result = load.finish()
        self.assertEqual(result["submissions"], load.given)
        p.settled()
        status = p.status()
        self.assertEqual((status["accepting"], status["trouble"]), (True, ""))
        self.assertEqual(journalled(status) - self.base, load.given)
        self.assertEqual(p.rank_text(*TABLE), self.expected)
        self.assertIn("identical", p.run("replay").stdout)

    def begin(self, p):
        self.base = journalled(p.status())
        load = Load(p, self.elsewhere.name)
        self.addCleanup(load.feeder.kill)
        load.give()
        until(lambda: journalled(p.status()) - self.base == load.given, "the first slice is journalled")
        return load

    def refuses(self, p, load, *words):
        """Gives until the door says no."""
        def trouble():
            status = try_status(p)
            if status and not status["accepting"]:
                return status
            if status and journalled(status) - self.base >= load.given:
                load.give()
            return None
        status = until(trouble, "nothing is accepted any more")
        for word in words:
            self.assertIn(word, status["trouble"])
        table = p.run("status").stdout
        self.assertIn("nothing is accepted at the door: ", table)
        self.assertIn(status["trouble"], table)

    @needs_mount
    def test_a_full_disk_under_the_journal(self):
        with SmallPipeline("journal") as p:
            load = self.begin(p)
            p.fill()
            self.refuses(p, load, "no space left on the disk", "journal")
            stuck = journalled(p.status())
            self.reads_and_feed_go_on(p)
            self.assertEqual(journalled(p.status()), stuck)
            self.assertEqual({x["restarts"] for x in p.processes().values()}, {0})
            p.free()
            self.ends_well(p, load)

    @needs_mount
    def test_a_full_disk_under_state(self):
        with SmallPipeline("state") as p:
            load = self.begin(p)
            p.fill()
            load.give()
            until(lambda: p.status()["counters"].get("state_commit_failures", 0) > 0, "a commit failed")
            until(lambda: journalled(p.status()) - self.base == load.given, "the journal takes what comes")
            self.assertGreater(p.status()["lag"], 0)
            self.reads_and_feed_go_on(p)
            self.assertEqual({x["restarts"] for x in p.processes().values()}, {0})
            p.free()
            self.ends_well(p, load)

    @needs_mount
    def test_a_full_disk_under_everything(self):
        with SmallPipeline() as p:
            load = self.begin(p)
            p.fill()
            self.refuses(p, load, "no space left on the disk")
            self.reads_and_feed_go_on(p)
            for instance in "scorer-1", "validator-1", "publisher-1":
                p.kill(instance)
            until(lambda: (s := try_status(p)) and s["ready"], "workers start again on a full disk")
            self.reads_and_feed_go_on(p)
            p.kill("ingestor-1")
            until(lambda: self.restarts(p, "ingestor-1") > 0, "so is the ingestor")
            p.rank_text(*TABLE)  # whether it can come up depends on the room inside its files
            p.free()
            self.ends_well(p, load)

    def restarts(self, p, instance):
        """The supervisor knows them when the ingestor does not answer, too."""
        status = json.loads(p.run("status", "--json", check=False).stdout)
        return next(x["restarts"] for x in status["processes"] if x["instance"] == instance)

    def larger(self, p, setting):
        p.run("down")
        p.arguments[-1] = setting
        p.up()

    def test_a_full_map_of_the_journal(self):
        with Pipeline(settings=["journal_map_bytes=4M"]) as p:
            load = self.begin(p)
            self.refuses(p, load, "the map is full", "journal_map_bytes")
            self.reads_and_feed_go_on(p)
            self.larger(p, "journal_map_bytes=1G")
            self.ends_well(p, load)

    def test_a_full_map_of_state(self):
        with Pipeline(settings=["state_map_bytes=1M"]) as p:
            load = self.begin(p)

            def failed():
                load.give()
                return p.status()["counters"].get("state_commit_failures", 0) > 0

            until(failed, "a commit failed")
            until(lambda: journalled(p.status()) - self.base == load.given, "the journal takes what comes")
            self.reads_and_feed_go_on(p)
            self.larger(p, "state_map_bytes=1G")
            self.ends_well(p, load)


if __name__ == "__main__":
    unittest.main(verbosity=2)  # says what was skipped, and why
