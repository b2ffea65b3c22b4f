"""Full disks and full maps: receipts stop and say why, everything else goes on, and it all comes back by itself."""

import contextlib
import errno
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest
import unittest.mock

from chaos import COLUMNS, Feeder, Script, journalled, sample, text, try_status
from pipeline import BIN, Pipeline, until

TABLE = ("qd766", "2025")
MOUNT_BYTES = 24 << 20


def can_mount():
    with tempfile.TemporaryDirectory(prefix="parbus.") as place:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "parbus-test", place], capture_output=True, timeout=60)
        if done.returncode == 0:
            subprocess.run(["umount", place], check=True, timeout=60)
        return done.returncode == 0


MOUNTS = os.geteuid() == 0 and can_mount()
needs_mount = unittest.skipUnless(MOUNTS, "a small file system can be mounted by root only")


class SmallPipeline(Pipeline):
    """One whose directory, or a directory in it, is a file system of its own with little room."""

    def __init__(self, small=".", **options):
        super().__init__(**options)
        self.small = pathlib.Path(self.dir, small)
        self.small.mkdir(mode=0o700, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MOUNT_BYTES},mode=700", "parbus-test", self.small], check=True, timeout=60)

    def __exit__(self, kind, value, trace):
        self.free()
        self.run("down", check=False)
        if kind:
            for log in sorted(pathlib.Path(self.dir, "log").glob("*")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-3000:]}")
        subprocess.run(["umount", "-l", self.small], check=True, timeout=60)
        shutil.rmtree(self.dir, ignore_errors=True)

    def fill(self):
        """Until there is not one block left, and what was just freed is taken too."""
        with open(self.small / "ballast", "ab", buffering=0) as f, contextlib.suppress(OSError):
            while True:
                f.write(bytes(4096))

    def free(self):
        (self.small / "ballast").unlink(missing_ok=True)


class FailingPipeline(Pipeline):
    """One whose writes to one of its two databases fail with an error of the test's choice (tests/lib/fail_io.c)."""

    def __init__(self, where, **options):
        super().__init__(**options)
        self.switch = pathlib.Path(self.dir, "switch")
        self.environment = {"LD_PRELOAD": str(BIN.parent / "tests" / "fail_io.so"), "FAIL_IO_SWITCH": str(self.switch),
                            "FAIL_IO_UNDER": str(pathlib.Path(self.dir, where)),
                            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def up(self):
        with unittest.mock.patch.dict(os.environ, self.environment):
            return super().up()

    def fill(self, why):
        fresh = self.switch.with_suffix(".new")
        fresh.write_text(str(why))
        fresh.rename(self.switch)

    def free(self):
        self.switch.unlink(missing_ok=True)


class Load:
    """A feeder whose outbox is not on the small disk, and everything that it was given."""

    def __init__(self, pipeline, elsewhere):
        outbox = pathlib.Path(pipeline.dir, "outbox")
        if not outbox.exists():
            outbox.symlink_to(elsewhere)
        self.script = Script("qd766", 1, 2000)
        self.feeder = Feeder(pipeline, "qd766")
        self.given = self.slices = 0

    def give(self, **change):
        rows = [row._replace(**change) for row in self.script.slice(self.slices)]
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
        self.is_red(p, "nothing is accepted at the door: ", *words)

    def is_red(self, p, *words):
        """So say health and status, with the reason."""
        def red():
            done = p.run("health", check=False)
            return done.returncode == 1 and all(word in done.stderr for word in words)
        until(red, f"health is red: {words}")
        table = p.run("status").stdout
        status = p.status()
        self.assertFalse(status["healthy"])
        for word in words:
            self.assertIn(word, table)
            self.assertIn(word, " ".join(status["wrong"]))

    def is_green(self, p):
        until(lambda: p.run("health", check=False).returncode == 0, "health is green")
        self.assertTrue(p.status()["healthy"])

    def comes_back_by_itself(self, p, load):
        """Without a submission: the feeder is asleep."""
        load.feeder.process.send_signal(signal.SIGSTOP)
        try:
            p.free()
            self.is_green(p)
        finally:
            load.feeder.process.send_signal(signal.SIGCONT)

    def state_is_stuck(self, p, load, *words):
        def failed():
            """State has free pages inside its file; once they are used up, it needs new ones."""
            status = p.status()
            if journalled(status) - self.base == load.given:
                load.give()
            return status["counters"].get("state_commit_failures", 0) > 0
        until(failed, "a commit failed")
        self.is_red(p, "scorer-1 cannot write state: ", *words)
        self.assertIn("scorer-1 cannot do its work: ", p.run("health", "scorer-1", check=False).stderr)
        until(lambda: journalled(p.status()) - self.base == load.given, "the journal takes what comes")
        self.assertGreater(p.status()["lag"], 0)

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
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    @needs_mount
    def test_it_is_refused_before_the_disk_is_full(self):
        with SmallPipeline("journal") as p:
            load = self.begin(p)
            self.is_green(p)
            with open(p.small / "ballast", "wb") as f:
                f.write(bytes(MOUNT_BYTES - (6 << 20)))
            self.refuses(p, load, "KB are left: no space left on the disk")
            self.assertEqual(p.status()["counters"].get("journal_commit_failures", 0), 0)
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    @needs_mount
    def test_a_full_disk_under_state(self):
        with SmallPipeline("state") as p:
            load = self.begin(p)
            p.fill()
            self.state_is_stuck(p, load, "no space left on the disk")
            self.reads_and_feed_go_on(p)
            self.assertEqual({x["restarts"] for x in p.processes().values()}, {0})
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    def journal_fails(self, why, words):
        with FailingPipeline("journal") as p:
            load = self.begin(p)
            p.fill(why)
            self.refuses(p, load, words, "journal")
            stuck = journalled(p.status())
            self.reads_and_feed_go_on(p)
            self.assertEqual(journalled(p.status()), stuck)
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    def test_an_input_output_error_on_commit_of_the_journal(self):
        self.journal_fails(errno.EIO, "Input/output error")

    def test_a_journal_that_became_read_only(self):
        self.journal_fails(errno.EROFS, "Read-only file system")

    def test_while_a_sync_hangs_the_door_takes_what_comes_and_then_says_why_it_does_not(self):
        with FailingPipeline("journal") as p:
            load = self.begin(p)
            received = self.counter(p, "submissions_received")
            p.fill("hang")
            load.give()
            until(lambda: self.counter(p, "submissions_received") > received, "the door takes a group behind the one that hangs")
            self.refuses(p, load, "silent for more than a second")
            stuck = journalled(p.status())
            self.reads_and_feed_go_on(p)
            p.run("scale", "scorer=2")  # partitions move: workers are heard, too
            until(lambda: "scorer-2" in p.processes() and p.status()["ready"], "the new scorer has its partitions")
            self.assertEqual(journalled(p.status()), stuck)
            self.assertEqual({x["restarts"] for x in p.processes().values()}, {0})
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    def counter(self, p, name):
        return p.status()["counters"].get(name, 0)

    def state_fails(self, why, words):
        with FailingPipeline("state") as p:
            load = self.begin(p)
            p.fill(why)
            self.state_is_stuck(p, load, words)
            self.reads_and_feed_go_on(p)
            self.comes_back_by_itself(p, load)
            self.ends_well(p, load)

    def test_an_input_output_error_on_commit_of_state(self):
        self.state_fails(errno.EIO, "Input/output error")

    def test_a_state_that_became_read_only(self):
        self.state_fails(errno.EROFS, "Read-only file system")

    @needs_mount
    def test_a_directory_that_is_read_only_at_the_start(self):
        with SmallPipeline() as p:
            p.push_text(COLUMNS + "\n" + text(sample("qd766")))
            p.run("down")
            # The supervisor has answered, and may still be about to close its log.
            until(lambda: subprocess.run(["mount", "-o", "remount,ro", p.small], timeout=60).returncode == 0, "a remount")
            done = p.run("up", *p.arguments, "--detach", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("Read-only file system", done.stderr)
            subprocess.run(["mount", "-o", "remount,rw", p.small], check=True, timeout=60)
            p.up()
            self.assertEqual(p.rank_text(*TABLE), self.expected)

    def test_without_a_scorer_health_is_red(self):
        with Pipeline() as p:
            self.is_green(p)
            p.run("scale", "scorer=0")
            self.is_red(p, "64 of 64 partitions have no scorer")
            p.run("scale", "scorer=1")
            self.is_green(p)
            p.run("scale", "validator=0")
            self.is_red(p, "no validator is at work")
            p.run("scale", "validator=1")
            self.is_green(p)
            p.kill("ingestor-1")
            until(lambda: self.restarts(p, "ingestor-1") > 0, "another ingestor, to which nobody has given work")
            self.is_green(p)

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
                load.give(unit="Nowhere")  # a reject for each: values would only take the places of others
                return p.status()["counters"].get("state_commit_failures", 0) > 0

            until(failed, "a commit failed")
            self.is_red(p, "scorer-1 cannot write state: ", "the map is full", "state_map_bytes")
            until(lambda: journalled(p.status()) - self.base == load.given, "the journal takes what comes")
            self.reads_and_feed_go_on(p)
            self.larger(p, "state_map_bytes=1G")
            self.ends_well(p, load)


if __name__ == "__main__":
    unittest.main(verbosity=2)  # says what was skipped, and why
