"""A pipeline on a machine whose power fails."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import time

from pipeline import BIN, Pipeline, until
from powercut.machine import TESTS, Machine


class Server(Pipeline):
    """What it is given to run is not started by `with`, but by up()."""

    def __init__(self, lies=None, **options):
        super().__init__(**options)
        self.place = self.dir
        self.dir = os.path.join(self.place, "disk", "srv", "parbus")
        os.mkdir(os.path.join(self.place, "disk"))
        self.machine = Machine(os.path.join(self.place, "disk"), self.place, lies)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.machine.cut()
        super().__exit__(kind, value, trace)
        shutil.rmtree(self.place, ignore_errors=True)

    def begin_up(self):
        command = [BIN / "parbus", "up", *self.arguments, "--detach", "--dir", self.dir]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=self.machine.environment())

    def comes_up(self):
        return self.begin_up().wait(timeout=60) == 0

    def up(self):
        if not self.comes_up():
            raise AssertionError("it does not come up again")

    def wait_cut(self, seconds):
        end = time.monotonic() + seconds
        until(lambda: self.machine.is_cut() or time.monotonic() > end, "the cut", seconds + 10)

    def lose_power(self, rng):
        self.machine.cut()
        lost = self.machine.lose(rng)
        lock = rng.choice(["kept", "empty", "gone", "noise"])  # LMDB shares it as memory: its pages are there or not
        for file in pathlib.Path(self.dir).glob("*/lock.mdb"):
            self.nobody_holds(file)
            if lock == "gone":
                file.unlink()
            elif lock != "kept":
                file.write_bytes(b"" if lock == "empty" else rng.randbytes(file.stat().st_size))
        return lost

    @staticmethod
    def nobody_holds(file):
        """What was dying before the cut lets go of its locks last."""
        with open(file, "r+b") as f:
            fcntl.lockf(f, fcntl.LOCK_EX)

    def read_journal(self):
        return subprocess.run([TESTS / "powercut_entries", self.dir], capture_output=True, text=True, timeout=120)

    def unreadable(self):
        return self.read_journal().returncode != 0

    def entries(self):
        """Feeder -> (epoch, mark, submissions, greatest number, how many twice), of the journal on the disk."""
        done = self.read_journal()
        if done.returncode != 0:
            raise AssertionError(f"the journal cannot be read: {done.returncode} {done.stderr[-600:]}")
        rows = [row.split() for row in done.stdout.splitlines()]
        return {name: tuple(map(int, values)) for name, *values in rows}

    def broken_promises(self, promised):
        """(lost, doubled) as the journal on the disk has it, the first of them in words."""
        held, lost, doubled, words = self.entries(), 0, 0, []
        for name, receipted in promised.items():
            epoch, mark, count, last, twice = held.get(name, (1, 0, 0, 0, 0))
            missing = max(receipted, last, mark) - count
            lost += missing
            doubled += twice
            if missing or twice or mark != last:
                words.append(f"{name}: receipt up to {receipted}, mark {mark}, {count} there up to {last}, {twice} twice")
        return lost, doubled, words
