"""An outbox on a small disk, and one whose bits flip: what a push says of it is true, and nothing else is sent than was
given."""

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from pipeline import BIN, Pipeline, until

HEADER = "index,period,unit,indicator,value\n"
UNITS = [f"H{n:02}" for n in (5, 14, 26, 60)]
SMALL = "1536k"
ROWS, FLIPS, PENDING = 400_000, 80, 203
SEED = int(os.environ.get("FLIP_SEED", "1"))


def value_of(i):
    return f"{1 + i % 1600 / 100:.2f}"


def rows(count):
    return HEADER + "".join(f"qd766,2025,{UNITS[i % len(UNITS)]},CKMB,{value_of(i)}\n" for i in range(count))


class Outbox(unittest.TestCase):
    def setUp(self):
        self.p = Pipeline()
        self.p.__enter__()
        self.addCleanup(self.p.__exit__, None, None, None)
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="parbus-outbox."))
        self.addCleanup(shutil.rmtree, self.place, ignore_errors=True)

    def push(self, file, *options, name="small", timeout=240):
        return subprocess.run([BIN / "parbus", "push", file, "--dir", self.place / "dir", "--as", name, "--door",
                               f"ipc://{self.p.dir}/run/door", *options], capture_output=True, text=True, timeout=timeout)

    def journalled(self):
        return self.p.status()["counters"].get("submissions_journalled", 0)

    def stop_ingestor(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        return pid

    def replace_ingestor(self, pid):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the supervisor has done so
        until(lambda: (s := self.p.run("status", "--json", check=False)).returncode == 0 and f'"pid": {pid},' not in s.stdout,
              "another ingestor")

    @unittest.skipUnless(os.geteuid() == 0, "mounts a small disk")
    def test_a_full_disk_is_told_as_it_is(self):
        disk = self.place / "dir"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "none", disk], timeout=60).returncode:
            self.skipTest("no disk can be mounted here")
        self.addCleanup(subprocess.run, ["umount", disk], timeout=60)
        file = self.place / "rows.csv"
        file.write_text(HEADER)
        self.assertEqual(self.push(file).returncode, 0)
        file.write_text(rows(ROWS))
        feeder = subprocess.Popen([BIN / "parbus", "push", file, "--dir", disk, "--as", "small", "--door",
                                   f"ipc://{self.p.dir}/run/door", "--batch", "1", "--timeout", "5"],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        until(lambda: self.journalled() > ROWS // 20, "it is at work, and makes room")
        pid = self.stop_ingestor()
        out, err = feeder.communicate(timeout=240)
        self.assertEqual(feeder.returncode, 1, err)
        self.assertIn("kept in", err)
        kept = int(re.search(r"(\d+) submissions have no receipt and are kept in", err)[1])
        lost = int(re.search(r"(\d+) submissions are in memory only", err)[1])
        self.assertRegex(err, r"push again: .*rows\.csv, lines \d+")
        self.assertNotIn("all have their receipt", out)
        self.replace_ingestor(pid)
        before = self.journalled()
        file.write_text(HEADER)
        again = self.push(file)
        self.assertEqual(again.returncode, 0, again.stderr)
        said = re.search(r"of an earlier run (\d+) submissions go first", again.stderr)
        self.assertEqual(self.journalled() - before, int(said[1]))
        self.assertLessEqual(int(said[1]), kept)  # of some, the receipt was under way
        self.assertGreater(lost, 0)

    def pending(self):
        """A push of so many submissions whose outbox has them all, and none has a receipt."""
        file = self.place / "pending.csv"
        file.write_text(HEADER)
        self.assertEqual(self.push(file, name="flips").returncode, 0)
        file.write_text(rows(PENDING))
        feeder = subprocess.Popen([BIN / "parbus", "push", "-", "--dir", self.place / "dir", "--as", "flips", "--door",
                                   f"ipc://{self.p.dir}/run/door", "--batch", "1", "--timeout", "2"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        feeder.stdin.write(HEADER + f"qd766,2025,{UNITS[0]},CKMB,0.50\n")
        feeder.stdin.flush()
        until(lambda: self.journalled() == 1, "it is at work")
        pid = self.stop_ingestor()
        _, err = feeder.communicate(rows(PENDING).removeprefix(HEADER), timeout=60)
        self.assertIn(f"{PENDING} submissions have no receipt", err)
        self.replace_ingestor(pid)
        return self.place / "dir" / "outbox" / "flips"

    def values(self):
        return {r["unit"]: r["CKMB"] for r in self.p.rank("qd766", "2025")}

    def test_a_flipped_bit_costs_one_submission_at_most_and_is_told(self):
        outbox, keep = self.pending(), self.place / "keep"
        shutil.copytree(outbox, keep)
        file = self.place / "none.csv"
        file.write_text(HEADER)
        rng, size, told = random.Random(SEED), os.path.getsize(keep / "queue.0"), 0
        allowed = {}
        for i in range(PENDING):
            allowed.setdefault(UNITS[i % len(UNITS)], set()).add(float(value_of(i)))
        allowed[UNITS[0]].add(0.5)
        for flip in range(FLIPS):
            at, bit = rng.randrange(size), rng.randrange(8)
            with self.subTest(byte=at, bit=bit):
                name = f"flips{flip}"
                shutil.rmtree(outbox)
                shutil.copytree(keep, outbox)
                data = bytearray((outbox / "queue.0").read_bytes())
                data[at] ^= 1 << bit
                (outbox / "queue.0").write_bytes(data)
                done = self.push(file, "--take-over", "--wait", "--timeout", "20", name="flips")
                damaged = "is damaged (near byte" in done.stderr
                told += damaged
                self.assertEqual(done.returncode, int(damaged), done.stderr)
                self.assertNotIn("no receipt and", done.stderr)
                for unit, value in self.values().items():
                    if value:
                        self.assertIn(float(value), allowed[unit], unit)
                again = self.push(file, "--wait", name="flips")
                self.assertEqual((again.returncode, again.stderr), (0, ""))
        self.assertGreater(told, FLIPS // 2)


if __name__ == "__main__":
    unittest.main()
