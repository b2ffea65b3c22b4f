"""Backup under load, restore, and everything that may be wrong with a backup: refused with a sentence, and nothing touched."""

import hashlib
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import unittest

from chaos import COLUMNS, Feeder, Script, journalled, sample, text
from pipeline import BIN, DATA, Pipeline, until

TABLE = ("qd766", "2025")
HEADER = "index,period,unit,indicator,value\n"
MB = 1 << 20


def row(unit, value):
    return f"qd766,2025,{unit},CKMB,{value}\n"


class Place(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="parbus.")
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.target = self.place / "backup"
        self.other = self.place / "restored"

    def parbus(self, directory, *arguments, **options):
        return subprocess.run([BIN / "parbus", *map(str, arguments), "--dir", directory], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=240, **options)

    def good(self, directory, *arguments):
        done = self.parbus(directory, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, words, directory, *arguments):
        done = self.parbus(directory, *arguments)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, words)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def rank(self, directory):
        return self.good(directory, "rank", *TABLE, "--format", "csv")

    def contents(self, directory):
        """All that is below a directory, with times, so that nothing can be touched unnoticed."""
        return {str(p): (p.lstat().st_mtime_ns, p.lstat().st_size, p.lstat().st_mode) for p in
                [directory, *directory.rglob("*")]}


class Backup(Place):
    """Of a pipeline at work."""

    def test_under_load(self):
        with Pipeline(scorers=2) as p:
            base = journalled(p.status())
            load = Feeder(p, "qd766")
            self.addCleanup(load.kill)
            script = Script("qd766", 1, 3000)
            given = 0
            for number in range(3):
                given += 3000
                load.give(text(script.slice(number)))
                until(lambda: journalled(p.status()) > base + given - 2500, "the load is on")
                target = self.place / f"backup-{number}"
                p.run("backup", target)
                directory = self.place / f"restored-{number}"
                out = self.good(directory, "restore", target)
                taken = int(re.search(r"(\d+) submissions? of 1 feeder,", out)[1])
                self.assertTrue(0 < taken <= given, taken)
                replay = self.good(directory, "replay")
                self.assertIn("identical", replay)
                self.assertIn("score", self.rank(directory))
            load.end()
            self.assertEqual(oct(target.stat().st_mode)[-3:], "700")
            self.assertEqual({oct(f.stat().st_mode)[-3:] for f in target.rglob("*") if f.is_file()}, {"600"})
            self.assertEqual([f.name for f in self.place.iterdir() if "partial" in f.name], [])

    def test_the_ranking_of_that_instant(self):
        with Pipeline() as p:
            p.push(*sorted(DATA.glob("qd766-2025-*.csv")))
            p.settled()
            then = p.rank_text(*TABLE)
            p.run("backup", self.target)
            p.push_text(HEADER + row("H26", "0.5"))
            p.settled()
            self.assertNotEqual(p.rank_text(*TABLE), then)
        subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=self.target, check=True, timeout=60)
        manifest = (self.target / "MANIFEST").read_text()
        for words in ("parbus backup, format 1\n", "journal: ", "partitions: 64\n", "made: 20", "state: 1\n"):
            self.assertIn(words, manifest)
        before = self.contents(self.target)
        out = self.good(self.other, "restore", self.target)
        self.assertIn("next: parbus up, then parbus replay", out)
        self.assertEqual(self.contents(self.target), before)
        self.assertEqual(self.rank(self.other), then)
        self.assertIn("identical", self.good(self.other, "replay"))

    def test_without_state_it_is_computed_again(self):
        with Pipeline() as p:
            p.push(*sorted(DATA.glob("qd766-2025-*.csv")))
            p.settled()
            then = p.rank_text(*TABLE)
            self.assertIn("without state", p.run("backup", self.target, "--without-state").stdout)
        self.assertFalse((self.target / "state").exists())
        with Pipeline() as q:
            q.run("down")
            self.assertIn("is there already; --replace", q.run("restore", self.target, check=False).stderr)
            self.assertTrue(list(pathlib.Path(q.dir, "run").glob("*.bookmark")))
            out = q.run("restore", self.target, "--replace").stdout
            self.assertFalse(list(pathlib.Path(q.dir, "run").glob("*.bookmark")), "they speak of other entries")
            aside = re.findall(r"what was there before is in (\S+)", out)
            self.assertEqual([os.path.basename(a).split(".")[0] for a in aside], ["journal", "state"])
            self.assertTrue(all((pathlib.Path(a) / "data.mdb").exists() for a in aside))
            q.up()
            q.settled()
            self.assertEqual(q.rank_text(*TABLE), then)
            self.assertIn("identical", q.run("replay").stdout)

    def test_feeders_go_on_after_a_restore_to_an_older_copy(self):
        """One has an outbox with submissions that the restored journal does not know, one has pushed after the backup, one
        knows nothing of it all."""
        with Pipeline() as p:
            p.push_text(HEADER + row("H26", "1") + row("H14", "1"), "--as", "kept")
            p.push_text(HEADER + row("H60", "1"), "--as", "later")
            p.settled()
            p.run("backup", self.target)
            p.push_text(HEADER + row("H60", "2"), "--as", "later")
            self.push_without_receipt(p, "kept", row("H26", "2"), row("H14", "3"))
            p.run("down")
            p.run("restore", self.target, "--replace")
            p.up()
            self.assertEqual([self.points(p, u) for u in ("H26", "H14", "H60")], ["1.00", "1.00", "1.00"])
            # What it has in its outbox goes out by itself; what had a receipt is pushed again.
            done = p.push_text(HEADER + row("H26", "2"), "--as", "kept")
            # The outbox forgets lazily: it may still have the one with a receipt.
            self.assertRegex(done.stderr, "of an earlier run (1 submission goes|2 submissions go) first")
            p.push_text(HEADER + row("H60", "2"), "--as", "later")
            p.push_text(HEADER + row("H05", "4"), "--as", "new")
            p.settled()
            self.assertEqual([self.points(p, u) for u in ("H26", "H14", "H60", "H05")], ["2.00", "3.00", "2.00", "4.00"])
            self.assertIn("identical", p.run("replay").stdout)
            self.assertEqual({x["restarts"] for x in p.processes().values()}, {0})

    def push_without_receipt(self, p, feeder, first, second):
        """The first row gets its receipt; before the second one the ingestor hangs."""
        push = subprocess.Popen([BIN / "parbus", "push", "-", "--as", feeder, "--timeout", "1", "--dir", p.dir], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(push.kill)
        base = journalled(p.status())
        push.stdin.write(HEADER + first)
        push.stdin.flush()
        until(lambda: journalled(p.status()) > base, "the first row is journalled")
        p.kill("ingestor-1", signal.SIGSTOP)
        push.stdin.write(second)
        self.assertIn("kept in", push.communicate(timeout=60)[1])

    def points(self, p, unit):
        return next(r for r in p.rank(*TABLE) if r["unit"] == unit)["CKMB"]

    def test_restore_is_refused_while_anything_runs(self):
        with Pipeline() as p:
            p.push_text(HEADER + row("H26", "1"))
            p.run("backup", self.target)
            self.refused("the supervisor runs in .*stop it first", p.dir, "restore", self.target, "--replace")
            os.kill(p.status()["supervisor_pid"], signal.SIGKILL)
            p.run("down", check=False)
            alone = subprocess.Popen([BIN / "parbus-publisher", "--dir", p.dir, "--instance", "publisher-7"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(alone.wait)
            self.addCleanup(alone.kill)
            until(lambda: "publisher-7 runs in" in self.parbus(p.dir, "restore", self.target, "--replace").stderr,
                  "the publisher holds its lock")
            self.assertEqual(self.points(p, "H26"), "1.00")


class Targets(Place):
    """Where a backup may go, and what is left when it cannot."""

    @classmethod
    def setUpClass(cls):
        cls.pipeline = Pipeline()
        cls.pipeline.__enter__()
        cls.addClassCleanup(cls.pipeline.__exit__, None, None, None)
        cls.pipeline.push_text(COLUMNS + "\n" + text(sample("qd766")), "--batch", "1")

    def nothing_left(self):
        self.assertEqual(sorted(f.name for f in self.place.iterdir()), [])

    def test_names_that_are_not_free(self):
        self.target.mkdir()
        (self.target / "x").touch()
        self.refused("exists already: a backup goes into a new directory", self.pipeline.dir, "backup", self.target)
        self.refused("not the name of a new directory", self.pipeline.dir, "backup", self.target / "..")
        self.refused("No such file", self.pipeline.dir, "backup", self.place / "none" / "backup")
        link = self.place / "link"
        link.symlink_to(self.target)
        self.refused("exists and is not a directory", self.pipeline.dir, "backup", link)
        self.refused("there is no journal", self.place / "empty", "backup", self.place / "new")
        self.assertEqual(sorted(f.name for f in self.place.iterdir()), ["backup", "link"])
        self.assertEqual(self.parbus(self.pipeline.dir, "backup").returncode, 2)

    def test_an_empty_directory_is_fine(self):
        self.target.mkdir()
        self.good(self.pipeline.dir, "backup", f"{self.target}/")
        self.assertTrue((self.target / "MANIFEST").exists())

    def small(self, restore_signals):
        """A backup whose files may have one MB at most."""
        return self.parbus(self.pipeline.dir, "backup", self.target, restore_signals=restore_signals,
                           preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (MB // 4, MB // 4)))

    def test_no_room_in_the_middle(self):
        done = self.small(restore_signals=False)  # SIGXFSZ stays ignored: writes fail
        self.assertEqual(done.returncode, 1)
        self.assertIn("File too large", done.stderr)
        self.nothing_left()

    def test_killed_in_the_middle(self):
        done = self.small(restore_signals=True)
        self.assertEqual(done.returncode, -signal.SIGXFSZ)
        left = [f.name for f in self.place.iterdir()]
        self.assertRegex(" ".join(left), r"^backup\.partial-\w{6}$")
        self.refused("not a backup", self.other, "restore", self.place / left[0])
        self.good(self.pipeline.dir, "backup", self.target)

    @unittest.skipUnless(os.geteuid() == 0, "only root can mount")
    def test_another_disk(self):
        disk = self.place / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "parbus-test", disk], check=True, timeout=60)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        self.refused("is where a file system is mounted", self.pipeline.dir, "backup", disk)
        self.refused(r"the backup takes \d+ MB, and 0 MB are free", self.pipeline.dir, "backup", disk / "backup")
        self.assertEqual(list(disk.iterdir()), [])
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True, timeout=60)
        self.good(self.pipeline.dir, "backup", disk / "backup")
        self.good(self.other, "restore", disk / "backup")
        self.assertEqual(self.rank(self.other), self.pipeline.rank_text(*TABLE))

    @unittest.skipUnless(os.geteuid() == 0, "only root can restore for another user")
    def test_root_restores_for_the_owner(self):
        self.good(self.pipeline.dir, "backup", self.target)
        self.other.mkdir()
        os.chown(self.other, 12345, 12345)
        self.good(self.other, "restore", self.target)
        self.assertEqual({p.stat().st_uid for p in [self.other, *self.other.rglob("*")]}, {12345})

    def test_a_journal_that_lies_elsewhere_stays_there(self):
        self.good(self.pipeline.dir, "backup", self.target)
        elsewhere = self.place / "elsewhere" / "journal"
        elsewhere.mkdir(parents=True)
        self.other.mkdir()
        (self.other / "journal").symlink_to(elsewhere)
        self.good(self.other, "restore", self.target)
        self.assertTrue((self.other / "journal").is_symlink())
        self.assertTrue((elsewhere / "data.mdb").exists())
        self.assertEqual([f.name for f in elsewhere.parent.iterdir()], ["journal"])
        self.assertEqual(self.rank(self.other), self.pipeline.rank_text(*TABLE))


class Damage(Place):
    """One backup; each test spoils a copy of it."""

    @classmethod
    def setUpClass(cls):
        keep = tempfile.TemporaryDirectory(prefix="parbus.")
        cls.addClassCleanup(keep.cleanup)
        cls.sound, cls.later = pathlib.Path(keep.name, "sound"), pathlib.Path(keep.name, "later")
        with Pipeline(settings=["partitions=4"]) as p:
            p.push(*sorted(DATA.glob("qd766-2025-*.csv")))
            p.settled()
            pathlib.Path(p.dir, "parbus.conf").write_text("resend_after_ms = 900\n")
            p.run("backup", cls.sound)
            p.push_text(COLUMNS + "\n" + text(sample("qd766")))
            p.settled()
            p.run("backup", cls.later)

    def setUp(self):
        super().setUp()
        shutil.copytree(self.sound, self.target)
        self.live = self.place / "live"
        self.live.mkdir()
        (self.live / "note").write_text("untouched")

    def unusable(self, words="is damaged"):
        before = self.contents(self.place)
        self.refused(words, self.live, "restore", self.target, "--replace")
        self.assertEqual(self.contents(self.place), before)

    def files(self):
        return sorted(f for f in self.target.rglob("*") if f.is_file())

    def test_a_sound_one_is_taken(self):
        self.good(self.live, "restore", self.target)
        self.assertEqual((self.live / "parbus.conf").read_text(), "resend_after_ms = 900\n")

    def test_a_byte_anywhere(self):
        rng = random.Random(7)
        self.assertEqual(len(self.files()), 5)
        for path in self.files():
            data = path.read_bytes()
            for at in {0, len(data) - 1, *(rng.randrange(len(data)) for _ in range(6))}:
                with self.subTest(file=path.name, at=at):
                    bad = bytearray(data)
                    bad[at] ^= 1 << rng.randrange(8)
                    path.write_bytes(bad)
                    self.unusable("is damaged|not a backup|is missing|do not name the same|format")
            path.write_bytes(data)
        self.good(self.live, "restore", self.target)

    def test_a_file_that_ends_early_or_is_empty(self):
        for path in self.files():
            data = path.read_bytes()
            for size in (0, len(data) // 2, len(data) - 1):
                with self.subTest(file=path.name, size=size):
                    path.write_bytes(data[:size])
                    self.unusable()
            path.write_bytes(data)

    def test_a_file_that_is_missing(self):
        for path in self.files():
            with self.subTest(file=path.name):
                data = path.read_bytes()
                path.unlink()
                self.unusable("is missing")
                path.write_bytes(data)

    def test_a_file_that_is_a_link(self):
        path = self.target / "journal" / "data.mdb"
        path.rename(self.place / "moved")
        path.symlink_to(self.place / "moved")
        self.unusable("is a symbolic link, not a plain file")

    def test_names_that_lead_elsewhere(self):
        sums = self.target / "SHA256SUMS"
        sums.write_text(sums.read_text().replace("parbus.conf", "../../../etc/passwd"))
        self.unusable("a line is not the sum of a backup's file")

    def seal(self, **changes):
        """Makes sums and manifest fit the files, as somebody would who wants to be believed."""
        manifest = self.target / "MANIFEST"
        lines = manifest.read_text().splitlines()
        for i, line in enumerate(lines):
            name, _, value = line.partition(": ")
            if name in changes:
                lines[i] = f"{name}: {changes[name]}"
            if name == "file":
                file = value.split()[0]
                lines[i] = f"file: {file} {(self.target / file).stat().st_size}"
        manifest.write_text("\n".join(lines) + "\n")
        names = [line.split()[1] for line in (self.target / "SHA256SUMS").read_text().splitlines()]
        (self.target / "SHA256SUMS").write_text("".join(
            f"{hashlib.sha256((self.target / n).read_bytes()).hexdigest()}  {n}\n" for n in names))

    def test_a_state_that_is_ahead_of_the_journal(self):
        shutil.copy(self.later / "state" / "data.mdb", self.target / "state" / "data.mdb")
        self.seal()
        self.unusable(r"partition \d+: state is at pseq \d+, the journal ends at \d+")

    def test_a_manifest_that_says_something_else(self):
        self.seal(submissions=3)
        self.unusable("is not what its MANIFEST says")

    def test_a_format_of_the_future(self):
        manifest = self.target / "MANIFEST"
        manifest.write_text(manifest.read_text().replace("format 1", "format 9"))
        self.seal()
        self.unusable("format 9 is not known to this program")

    def test_something_else_altogether(self):
        shutil.rmtree(self.target)
        self.unusable("No such file or directory")
        self.target.mkdir()
        self.unusable("this is not a backup")
        shutil.rmtree(self.target)
        self.target.write_text("x")
        self.unusable("SHA256SUMS: Not a directory")

    def test_the_journal_is_where_another_file_system_is(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        (self.live / "journal").mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "parbus-test", self.live / "journal"], check=True, timeout=60)
        self.addCleanup(subprocess.run, ["umount", "-l", self.live / "journal"], check=True)
        self.refused("is where a file system is mounted, so it cannot be replaced", self.live, "restore", self.target)
        self.assertEqual(list((self.live / "journal").iterdir()), [])
        self.assertFalse((self.live / "state").exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
