"""`parbus verify`: of a directory while the pipeline runs, of a backup, and of files that somebody has changed."""

import json
import mmap
import pathlib
import subprocess
import tempfile
import unittest

from chaos import COLUMNS, sample, text
from pipeline import BIN, Pipeline, until

PAGE = 4096


def verify(directory, *arguments):
    return subprocess.run([BIN / "parbus", "verify", "--dir", directory, *arguments], capture_output=True, text=True, timeout=240)


def not_chained(p):
    return json.loads(verify(p.dir, "--format", "json").stdout)["commits_not_chained"]


class Verify(unittest.TestCase):
    def assert_damaged(self, directory, *words):
        done = verify(directory)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_while_it_runs_and_of_a_backup(self):
        with Pipeline() as p, tempfile.TemporaryDirectory(prefix="parbus.") as place:
            sheet = COLUMNS + "\n" + text(sample("qd766"))
            p.push_text(sheet, "--as", "one", "--batch", "1")
            p.settled()
            done = verify(p.dir)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("journal  whole", done.stdout)
            self.assertIn("state    whole", done.stdout)
            found = json.loads(verify(p.dir, "--format", "json").stdout)
            self.assertTrue(found["whole"] and found["state"])
            self.assertGreater(found["submissions"], 0)
            backup = pathlib.Path(place, "backup")
            p.run("backup", backup)
            before = sorted(f.name for f in (backup / "journal").iterdir())
            self.assertEqual(verify(backup).returncode, 0)
            self.assertEqual(sorted(f.name for f in (backup / "journal").iterdir()), before, "nothing is made there")

    def test_who_said_hello_and_sent_nothing_leaves_nothing_damaged(self):
        """Its number is not in the journal, and the next one's is."""
        with Pipeline() as p:
            p.push_text(COLUMNS + "\n", "--as", "silent")
            p.push_text(COLUMNS + "\n" + text(sample("qd766")), "--as", "one")
            p.settled()
            done = verify(p.dir, "--format", "json")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(json.loads(done.stdout)["feeders"], 1)

    def test_the_chain_is_made_behind_the_receipts_and_again_after_a_kill(self):
        with Pipeline() as p:
            sheet = COLUMNS + "\n" + text(sample("qd766"))
            for name in "one", "two":
                push = p.start("push", "-", "--as", name, "--batch", "1", stdin=subprocess.PIPE)
                push.stdin.write(sheet)
                push.stdin.close()
                until(lambda: not_chained(p) > 0, "something has a receipt and is not chained yet")
                p.kill("ingestor-1")
                self.assertEqual(verify(p.dir).returncode, 0, "whatever lies there")
                self.assertEqual(push.wait(60), 0)
                push.stdout.close(), push.stderr.close()
                until(lambda: not_chained(p) == 0, "the chain is up to date")

    def test_what_was_changed(self):
        with Pipeline() as p:
            p.push_text(COLUMNS + "\n" + text(sample("qd766")), "--as", "the-feeder", "--batch", "1")
            p.settled()
            p.run("down")
            for name, mark in ("journal", b"qd766"), ("state", None):
                file = pathlib.Path(p.dir, name, "data.mdb")
                whole = file.read_bytes()
                if mark:  # wherever LMDB has copied it to
                    with open(file, "r+b") as f, mmap.mmap(f.fileno(), 0) as data:
                        at = -1
                        while (at := data.find(mark, at + 1)) >= 0:
                            data[at + 2] ^= 1
                else:
                    file.write_bytes(whole[:len(whole) // 2 // PAGE * PAGE])
                self.assert_damaged(p.dir, f"/{name}")
                file.write_bytes(whole)
            self.assertEqual(verify(p.dir).returncode, 0)

    def test_nothing_there(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as place:
            self.assert_damaged(place, "journal")


if __name__ == "__main__":
    unittest.main(verbosity=2)
