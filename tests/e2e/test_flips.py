"""Random damage to the files of journal and state: each is found and said, or has no effect. Never a silent change, never an
end without a sentence, never a hang. PARBUS_FLIPS=1000 for the long run, PARBUS_FLIPS_SEED to see one again."""

import collections
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

from chaos import COLUMNS, sample, text
from pipeline import BIN, CATALOG, Pipeline

PAGE = 4096
FLIPS = int(os.environ.get("PARBUS_FLIPS", "24"))
SEED = int(os.environ.get("PARBUS_FLIPS_SEED", "1"))
STARTS_OF = 8  # every so many are also started with, which takes seconds
TABLE = ("rank", "qd766", "2025", "--format", "csv")


class Flips(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        keep = tempfile.TemporaryDirectory(prefix="parbus.")
        cls.addClassCleanup(keep.cleanup)
        cls.sound = pathlib.Path(keep.name, "sound")
        with Pipeline() as p:
            for feeder in "one", "two", "three":
                p.push_text(COLUMNS + "\n" + text(sample("qd766")), "--as", feeder, "--batch", "1")
            p.push_text(COLUMNS + "\nqd766,2025,H26,NONE,1,\n", "--as", "wrong", check=False)
            p.settled()
            p.run("down")
            shutil.copytree(p.dir, cls.sound, ignore=shutil.ignore_patterns("run", "log", "outbox"))
        cls.table = cls.parbus(cls.sound, *TABLE).stdout
        assert cls.table.count("\n") > 30

    @staticmethod
    def parbus(directory, *arguments):
        try:
            return subprocess.run([BIN / "parbus", *arguments, "--dir", directory], capture_output=True, text=True,
                                  errors="replace", stdin=subprocess.DEVNULL, timeout=120)
        except subprocess.TimeoutExpired:
            return None

    def judge(self, what, done, good):
        """'same', 'said', or what must never be."""
        if done is None:
            return f"hang: {what}"
        if done.returncode == 0:
            return "same" if good(done.stdout) else f"silent change: {what}"
        if done.returncode == 1 and done.stderr.strip():
            return "said"
        if "result        different" in done.stdout:
            return "said"
        return f"no sentence: {what} ended with {done.returncode}: {done.stderr[-300:]}"

    def look(self, directory):
        """What readers make of it."""
        yield self.judge("rank", self.parbus(directory, *TABLE), lambda out: out == self.table)
        yield self.judge("verify", self.parbus(directory, "verify"), lambda out: "whole" in out)
        yield self.judge("replay", self.parbus(directory, "replay"), lambda out: "identical" in out)

    def start(self, directory):
        """What the pipeline makes of it: it may refuse, stand still and say so, or end up with the same table."""
        done = self.parbus(directory, "up", "--detach", "--catalog", CATALOG, "--validators", "1", "--scorers", "1")
        verdict = self.judge("up", done, lambda out: True)
        if verdict == "same":
            table = self.parbus(directory, *TABLE)
            verdict = self.judge("rank after a start", table, lambda out: out == self.table)
        self.parbus(directory, "down")
        log = "".join(f.read_text(errors="replace") for f in pathlib.Path(directory, "log").glob("*.log"))
        return verdict if "signal=11" not in log and "signal=6" not in log else "no sentence: a service was killed by a signal"

    def outcome(self, name, damage, number):
        with tempfile.TemporaryDirectory(prefix="parbus.") as place:
            directory = pathlib.Path(place, "dir")
            shutil.copytree(self.sound, directory)
            damage(directory / name / "data.mdb")
            found = list(self.look(directory))
            backup = self.parbus(directory, "backup", str(pathlib.Path(place, "backup")))
            found.append(self.judge("backup", backup, lambda out: True))
            if number % STARTS_OF == 0:
                found.append(self.start(directory))
        bad = [x for x in found if x not in ("same", "said")]
        return bad[0] if bad else "said" if "said" in found else "no effect"

    def run_all(self, name, kind, damages):
        count = collections.Counter()
        for number, (label, damage) in enumerate(damages):
            outcome = self.outcome(name, damage, number)
            count[outcome.split(":")[0]] += 1
            with self.subTest(file=name, damage=label):
                self.assertIn(outcome, ("said", "no effect"))
        print(f"{kind} in {name}/data.mdb: {sum(count.values())}, of which {dict(count)}", flush=True)

    def flips(self, name):
        rng = random.Random(f"{SEED} {name}")
        bits = 8 * (self.sound / name / "data.mdb").stat().st_size

        def flip(bit):
            def damage(file):
                with open(file, "r+b") as f:
                    f.seek(bit // 8)
                    byte = f.read(1)[0]
                    f.seek(bit // 8)
                    f.write(bytes([byte ^ 1 << bit % 8]))
            return damage
        for _ in range(FLIPS):
            bit = rng.randrange(bits)
            yield f"bit {bit}", flip(bit)

    def pages(self, name):
        """Zeroed, swapped and doubled pages, and files that are cut off."""
        rng = random.Random(f"pages {SEED} {name}")
        pages = (self.sound / name / "data.mdb").stat().st_size // PAGE

        def write(edit):
            def damage(file):
                data = bytearray(file.read_bytes())
                file.write_bytes(edit(data) or data)
            return damage

        def page(n):
            return slice(n * PAGE, (n + 1) * PAGE)

        def swap(data, a, b):
            data[a], data[b] = data[b], data[a]
        for _ in range(max(2, FLIPS // 12)):
            a, b = rng.randrange(pages), rng.randrange(pages)
            yield f"page {a} of zeroes", write(lambda d, a=a: d.__setitem__(page(a), bytes(PAGE)))
            yield f"pages {a} and {b} swapped", write(lambda d, a=a, b=b: swap(d, page(a), page(b)))
            yield f"page {a} over page {b}", write(lambda d, a=a, b=b: d.__setitem__(page(b), bytes(d[page(a)])))
            yield f"cut at page {a}", write(lambda d, a=a: bytes(d[:a * PAGE]))

    def test_bits_of_the_journal(self):
        self.run_all("journal", "flipped bits", self.flips("journal"))

    def test_bits_of_state(self):
        self.run_all("state", "flipped bits", self.flips("state"))

    def test_pages_of_the_journal(self):
        self.run_all("journal", "damaged pages", self.pages("journal"))

    def test_pages_of_state(self):
        self.run_all("state", "damaged pages", self.pages("state"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
