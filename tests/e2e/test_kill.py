"""kill -9 of any one process while data is pushed: the supervisor restarts it and the ranking is the same."""

import os
import signal
import subprocess
import unittest

from pipeline import DATA, Pipeline, until

FILE = DATA / "par-province-2024-illustrative.csv"
TABLE = ("par-province", "2024")
BEGUN = 200  # submissions in the journal at the kill, at least
FIRST = 1200  # lines that the push gets before it: they fit into a pipe


class Kill(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with Pipeline() as p:
            p.push(FILE)
            cls.expected = p.rank_text(*TABLE)

    def kill_while_pushing(self, instance):
        with Pipeline(scorers=2) as p:
            pid = p.processes()[instance]["pid"]
            push = p.start("push", "-", "--wait", "--batch", 1, stdin=subprocess.PIPE)
            lines = FILE.read_text().splitlines(keepends=True)
            push.stdin.write("".join(lines[:FIRST]))
            push.stdin.flush()
            until(lambda: p.status()["counters"].get("submissions_journalled", 0) > BEGUN, "the push has begun")
            os.kill(pid, signal.SIGKILL)
            self.assertIsNone(push.poll(), "the push goes on at the kill")
            out, err = push.communicate("".join(lines[FIRST:]), timeout=120)
            self.assertEqual(push.returncode, 0, out + err)
            until(lambda: p.processes()[instance]["pid"] not in (0, pid), "it was started again")
            p.settled()
            self.assertEqual(p.rank_text(*TABLE), self.expected)
            replay = p.run("replay")
            self.assertIn("identical", replay.stdout + replay.stderr)

    def test_ingestor(self):
        self.kill_while_pushing("ingestor-1")

    def test_validator(self):
        self.kill_while_pushing("validator-1")

    def test_scorer(self):
        self.kill_while_pushing("scorer-1")

    def test_publisher(self):
        self.kill_while_pushing("publisher-1")


if __name__ == "__main__":
    unittest.main()
