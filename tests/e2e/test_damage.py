"""Database files that are cut off, or somebody else's: a sentence that names the file, exit status 1, never a bare signal."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from chaos import COLUMNS, sample, text
from pipeline import BIN, CATALOG, Pipeline

TABLE = ("qd766", "2025")
PAGE = 4096


class Damage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keep = tempfile.TemporaryDirectory(prefix="parbus.")
        cls.addClassCleanup(keep.cleanup)
        cls.sound = pathlib.Path(keep.name, "sound")
        with Pipeline() as p:
            for _ in range(3):
                p.push_text(COLUMNS + "\n" + text(sample("qd766")), "--as", "feeder", "--batch", "1")
            p.settled()
            p.run("down")
            shutil.copytree(p.dir, cls.sound, ignore=shutil.ignore_patterns("run", "log"))

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="parbus.")
        self.addCleanup(place.cleanup)
        self.dir = pathlib.Path(place.name, "dir")
        shutil.copytree(self.sound, self.dir)

    def parbus(self, *arguments):
        return subprocess.run([BIN / "parbus", *map(str, arguments), "--dir", self.dir], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=120)

    def lengths(self, file):
        return [1, 100, *range(PAGE // 2, file.stat().st_size, PAGE // 2)]

    def each_length(self, environment, *command):
        """At each length it is either noticed, or what is missing was not in use. Returns how often it was noticed."""
        file = self.dir / environment / "data.mdb"
        data, told = file.read_bytes(), 0
        for length in self.lengths(file):
            with self.subTest(command=command, length=length):
                file.write_bytes(data[:length])
                done = self.parbus(*command)
                self.assertIn(done.returncode, (0, 1), done.stderr)
                if "result        different" in done.stdout:  # half a page is there: zeros take the place of what was written
                    told += 1
                elif done.returncode:
                    told += 1
                    self.assertIn(str(self.dir), done.stderr)
                    self.assertIn(environment.removesuffix("/data"), done.stderr)
                    self.assertNotIn("of something else", done.stderr)
                    if length % PAGE == 0:
                        self.assertRegex(done.stderr, "cut off|not an LMDB file|damaged")
        file.write_bytes(data)
        self.assertEqual(self.parbus(*command).returncode, 0)
        return told

    def test_a_journal_that_is_cut_off(self):
        self.assertGreater(self.each_length("journal", "replay"), 6)

    def test_a_state_that_is_cut_off(self):
        self.assertGreater(self.each_length("state", "replay"), 6)
        self.assertGreater(self.each_length("state", "rank", *TABLE), 3)

    def test_an_outbox_that_is_cut_off(self):
        """Everything in it had its receipt, so nothing is missing: the feeder goes on, in a new epoch where it must. What is
        in the other file is of before, and goes out once more, but for what is cut off there, which is named."""
        with Pipeline() as p:
            self.dir = pathlib.Path(p.dir)
            sheet = self.dir / "sheet.csv"
            sheet.write_text(COLUMNS + "\n" + text(sample("qd766")[:50]))
            p.push(sheet, "--as", "feeder", "--batch", "1")
            for file in (self.dir / "outbox" / "feeder").glob("queue.*"):
                data = file.read_bytes()
                for length in range(0, len(data), 1 + len(data) // 8):
                    with self.subTest(length=length):
                        file.write_bytes(data[:length])
                        done = self.parbus("push", sheet, "--as", "feeder", "--wait", "--timeout", "20")
                        if done.returncode:
                            self.assertIn("is damaged (near byte", done.stderr)
                            done = self.parbus("push", sheet, "--as", "feeder", "--wait", "--timeout", "20")
                        self.assertEqual(done.returncode, 0, done.stderr)
                        self.assertIn("rejected 0", done.stdout)

    def test_the_file_of_another_database(self):
        for name, other in (("journal", "state"), ("state", "journal")):
            with self.subTest(file=name):
                shutil.copy(self.sound / other / "data.mdb", self.dir / name / "data.mdb")
                done = self.parbus("replay")
                self.assertEqual(done.returncode, 1)
                self.assertIn("is an LMDB file, but of something else", done.stderr)
                self.assertIn(str(self.dir / name), done.stderr)
                shutil.copy(self.sound / name / "data.mdb", self.dir / name / "data.mdb")

    def test_up_says_which_file(self):
        for name in "journal", "state":
            with self.subTest(file=name):
                file = self.dir / name / "data.mdb"
                data = file.read_bytes()
                file.write_bytes(data[:12288])
                done = self.parbus("up", "--detach", "--catalog", CATALOG)
                self.addCleanup(self.parbus, "down")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                logs = "".join(f.read_text() for f in (self.dir / "log").glob("*.log"))
                self.assertRegex(logs, rf"{self.dir}/{name}\b.* (cut off|page)")
                file.write_bytes(data)
                shutil.rmtree(self.dir / "log")

    def test_another_number_of_partitions_is_refused(self):
        done = self.parbus("up", "--detach", "--catalog", CATALOG, "--set", "partitions=8")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("partitions=8 cannot be had: the journal in", done.stderr)
        (self.dir / "parbus.conf").write_text("partitions = 16\n")
        self.assertIn("partitions=16 cannot be had", self.parbus("up", "--detach", "--catalog", CATALOG).stderr)
        self.addCleanup(self.parbus, "down")
        done = self.parbus("up", "--detach", "--catalog", CATALOG, "--set", "partitions=64")
        self.assertEqual(done.returncode, 0, done.stderr)
        log = (self.dir / "log" / "ingestor-1.log").read_text()
        self.assertNotIn("partitions_fixed", log)


if __name__ == "__main__":
    unittest.main(verbosity=2)
