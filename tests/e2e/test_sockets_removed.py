"""A socket whose file somebody removes while everything runs is there again soon: who is connected goes on, who comes anew
gets in."""

import os
import pathlib
import unittest

from chaos import Feeder, journalled
from pipeline import DATA, Pipeline, read_line, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
SOCKETS = ("door", "work", "feed", "snapshot", "scores", "supervisor")


def row(value):
    return f"qd766,2025-10,H26,CKMB,{value},appraised_1\n"


class Removed(unittest.TestCase):
    def remove(self, p, names):
        """Until they are there again."""
        files = [pathlib.Path(p.dir, "run", name) for name in names]
        for f in files:
            f.unlink()
        until(lambda: all(f.exists() for f in files), f"{names} are bound again")

    def restarts(self, p):
        return {name for name, process in p.processes().items() if process["restarts"]}

    def test_all_sockets_at_once_while_a_feeder_is_at_it(self):
        with Pipeline() as p:
            base = journalled(p.status())
            feeder = Feeder(p, "steady")
            self.addCleanup(feeder.kill)
            feeder.give(row("0.1"))
            until(lambda: journalled(p.status()) > base, "it has begun")
            self.remove(p, SOCKETS)
            feeder.give(row("0.2"))
            p.push(SHEET)
            with p.start("watch", "qd766", "2025", "--format", "csv") as watch:
                self.assertTrue(read_line(watch.stdout).startswith("time,"))
                watch.terminate()
                watch.communicate(timeout=60)
            feeder.give(row("0.3"))
            self.assertEqual(feeder.end()["without_receipt"], 0)
            self.assertEqual(self.restarts(p), set())
            until(lambda: p.run("health", check=False).returncode == 0, "health is green")

    def test_a_worker_that_is_started_anew_joins(self):
        with Pipeline() as p:
            self.remove(p, ["work", "scores"])
            for worker in "scorer-1", "validator-1", "publisher-1":
                before = p.processes()[worker]["pid"]
                p.kill(worker)
                until(lambda: p.processes()[worker]["pid"] not in (0, before), f"{worker} is started again")
            p.push(SHEET)
            p.settled()
            until(lambda: p.run("health", check=False).returncode == 0, "health is green")
            self.assertIn("identical", p.run("replay").stdout)


if __name__ == "__main__":
    unittest.main()
