"""What a feeder has taken survives its own death, that of the pipeline, and the loss of either memory."""

import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from pipeline import BIN, DATA, Pipeline, rows_of, until

HEADER = "index,period,unit,indicator,value\n"
SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


def row(unit, value):
    return f"qd766,2025,{unit},CKMB,{value}\n"


class Outbox(unittest.TestCase):
    def setUp(self):
        self.p = Pipeline()
        self.p.__enter__()
        self.addCleanup(self.p.__exit__, None, None, None)

    def points(self, unit):
        return next(r for r in self.p.rank("qd766", "2025") if r["unit"] == unit)["CKMB"]

    def begin(self, *arguments):
        """A push that reads from a pipe."""
        push = subprocess.Popen([BIN / "parbus", "push", "-", *arguments, "--dir", self.p.dir], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, push)
        return push

    def end(self, push):
        if push.poll() is None:
            push.kill()
            push.communicate(timeout=60)

    def give(self, push, text):
        push.stdin.write(text)
        push.stdin.flush()

    def test_rows_are_shown_while_the_pipe_is_open(self):
        push = self.begin()
        for value in "1.00", "2.00":
            self.give(push, (HEADER if value == "1.00" else "") + row("H26", value))
            until(lambda: self.points("H26") == value, "the row is scored")
        self.assertIsNone(push.poll())
        out, err = push.communicate(timeout=60)
        self.assertEqual((push.returncode, err), (0, ""))
        self.assertIn("sent 2 in 2 submissions", out)

    def silenced(self, *arguments):
        """A push that is connected to an ingestor which says nothing any more, and has one more row."""
        push = self.begin("--as", "kept", *arguments)
        self.give(push, HEADER + row("H26", "1"))
        until(lambda: self.points("H26") == "1.00", "the first row is scored")
        self.p.kill("ingestor-1", signal.SIGSTOP)
        self.give(push, row("H14", "2"))
        return push

    def replace_ingestor(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the supervisor has done so
        until(lambda: (s := self.p.run("status", "--json", check=False)).returncode == 0 and f'"pid": {pid},' not in s.stdout,
              "another ingestor")

    def test_what_has_no_receipt_goes_out_with_the_next_push(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        push = self.silenced("--timeout", "1", "--wait")
        out, err = push.communicate(timeout=60)
        self.assertEqual(push.returncode, 1)
        self.assertIn("1 submission has no receipt and nothing moved for 1 s", err)
        self.assertIn(f"kept in {self.p.dir}/outbox/kept", err)
        self.replace_ingestor(pid)
        self.assertEqual(self.points("H14"), "")
        done = self.p.push_text(HEADER + row("H60", "3"), "--as", "kept")
        self.assertIn("of an earlier run 1 submission goes first, for want of a receipt", done.stderr)
        self.assertEqual([self.points(u) for u in ("H26", "H14", "H60")], ["1.00", "2.00", "3.00"])
        self.assertNotIn("earlier run", self.p.push_text(HEADER + row("H60", "4"), "--as", "kept").stderr)

    def test_a_push_that_is_killed_loses_nothing_that_it_took(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        push = self.silenced()
        # Idle for a while, it takes what it has. One transaction after the other: when the second row is being written,
        # the first one is on disk.
        outbox = pathlib.Path(self.p.dir, "outbox", "kept", "queue.0")
        until(lambda: b"H14" in outbox.read_bytes(), "the row is written")
        self.give(push, row("H60", "3"))
        until(lambda: b"H60" in outbox.read_bytes(), "the next row is written")
        push.kill()
        push.communicate(timeout=60)
        self.replace_ingestor(pid)
        self.p.push_text(HEADER, "--as", "kept")
        until(lambda: self.points("H14") == "2.00", "the kept row is scored")

    def test_a_queue_that_was_cut_off_says_what_is_lost_and_sends_what_is_left(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        push = self.silenced("--batch", "1")
        outbox = pathlib.Path(self.p.dir, "outbox", "kept", "queue.0")
        for unit in ("H60", "H05"):
            until(lambda: b"H14" in outbox.read_bytes(), "the row before it is written")
            self.give(push, row(unit, "3"))
        until(lambda: b"H05" in outbox.read_bytes(), "the last row is written")
        push.kill()
        push.communicate(timeout=60)
        os.truncate(outbox, outbox.read_bytes().index(b"H60"))
        self.replace_ingestor(pid)
        said = self.p.push_text(HEADER, "--as", "kept").stderr
        self.assertIn("2 submissions without a receipt, from 3 on, are lost: the queue in", said)
        self.assertTrue((outbox.parent / "damaged").stat().st_size)
        until(lambda: self.points("H14") == "2.00", "what stood before the cut is scored")
        self.assertNotIn("lost", self.p.push_text(HEADER + row("H60", "4"), "--as", "kept").stderr)
        self.assertEqual((self.points("H60"), self.points("H05")), ("4.00", ""))

    def test_an_ingestor_that_dies_in_the_middle_costs_nothing(self):
        rows = [row(f"H{(26, 14, 60, 5)[i % 4]:02}", f"{i % 1800 / 100:.2f}") for i in range(40_000)]
        push = self.begin("--wait", "--batch", "5")
        killed = 0
        self.give(push, HEADER)
        for at in range(0, len(rows), 1000):
            self.give(push, "".join(rows[at:at + 1000]))
            if at in (10_000, 25_000):
                self.p.kill("ingestor-1")
                killed += 1
                until(lambda: self.p.run("status", check=False).returncode == 0, "it runs again")
        out, err = push.communicate(timeout=120)
        self.assertEqual((push.returncode, killed), (0, 2), out + err)
        self.assertIn("accepted 40000, rejected 0", out)
        for unit, last in (("H26", -4), ("H14", -3), ("H60", -2), ("H05", -1)):
            self.assertEqual(self.points(unit), rows[last].strip().rsplit(",", 1)[1])
        self.p.settled()
        self.assertIn("identical", self.p.run("replay").stdout)

    def test_one_feeder_pushes_once_at_a_time(self):
        push = self.begin("--as", "twin")
        self.give(push, HEADER + row("H26", "1"))
        until(lambda: self.points("H26") == "1.00", "the first push is at work")
        second = self.p.run("push", SHEET, "--as", "twin", check=False)
        self.assertEqual((second.returncode, second.stdout), (1, ""))
        self.assertIn("another push of feeder twin is running (--as gives this one a name of its own)", second.stderr)
        self.p.push(SHEET, "--as", "another")
        self.assertEqual(push.communicate(timeout=60)[1], "")
        self.assertEqual(push.returncode, 0)

    def test_a_feeder_that_lost_its_outbox_starts_over(self):
        self.p.push(SHEET, "--as", "forgetful")
        shutil.rmtree(pathlib.Path(self.p.dir, "outbox", "forgetful"))
        done = self.p.push_text(HEADER + row("H26", "7"), "--as", "forgetful")
        self.assertIn("accepted 1, rejected 0", done.stdout)
        self.assertEqual(self.points("H26"), "7.00")

    def test_a_pipeline_that_lost_its_journal_takes_the_feeder_as_new(self):
        self.p.push(SHEET, "--as", "faithful")
        self.p.run("down")
        for name in "journal", "state":
            shutil.rmtree(pathlib.Path(self.p.dir, name))
        pathlib.Path(self.p.dir, "journal.id").unlink()  # a person says so: a new journal may be made
        self.p.up()
        done = self.p.push(SHEET, "--as", "faithful")
        self.assertIn(f"accepted {len(rows_of(SHEET))}, rejected 0", done.stdout)

    def test_the_pipeline_may_stop_and_start_between_pushes(self):
        self.p.push_text(HEADER + row("H26", "1"))
        self.p.run("down")
        self.p.up()
        self.p.push_text(HEADER + row("H14", "2"))
        self.assertEqual((self.points("H26"), self.points("H14")), ("1.00", "2.00"))

    def assert_unusable(self, spoil, *words):
        """Told with its place; other feeders are not touched by it."""
        self.p.push_text(HEADER + row("H26", "1"), "--as", "spoilt")
        outbox = pathlib.Path(self.p.dir, "outbox", "spoilt")
        spoil(outbox)
        done = self.p.run("push", SHEET, "--as", "spoilt", "--timeout", "5", check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        for word in (str(outbox), *words):
            self.assertIn(word, done.stderr)
        self.p.push(SHEET, "--as", "healthy")
        self.assertEqual({x["restarts"] for x in self.p.processes().values()}, {0})

    def test_an_outbox_of_junk(self):
        self.assert_unusable(lambda o: [(o / name).write_bytes(os.urandom(28672)) for name in ("queue.0", "end")])

    def test_an_outbox_that_is_a_file(self):
        self.assert_unusable(lambda o: (shutil.rmtree(o), o.write_text("x")))

    def test_an_outbox_of_another_feeder(self):
        def spoil(outbox):
            self.p.push_text(HEADER + row("H26", "1"), "--as", "owner")
            shutil.rmtree(outbox)
            shutil.copytree(outbox.parent / "owner", outbox)
        self.assert_unusable(spoil, "it belongs to feeder owner, not to spoilt")


if __name__ == "__main__":
    unittest.main()
