"""Two processes of one name, a copied outbox, an outbox put back: whoever was told of a receipt has it in the journal."""

import pathlib
import shutil
import subprocess
import unittest

from pipeline import BIN, DATA, Pipeline, rows_of, until

ROUNDS, SUBMISSIONS = 20, 17
HEADER = "index,period,unit,indicator,value\n"
UNITS = sorted({row["unit"] for row in rows_of(DATA / "qd766-2025-20251011T130135Z.csv")})


def sheet(value):
    """One row of each unit: a submission each."""
    return HEADER + "".join(f"qd766,2025,{unit},CKMB,{value}\n" for unit in UNITS[:SUBMISSIONS])


class Twins(unittest.TestCase):
    def setUp(self):
        self.p = Pipeline()
        self.p.__enter__()
        self.addCleanup(self.p.__exit__, None, None, None)
        self.place = pathlib.Path(self.p.dir, "feeders")
        self.place.mkdir()

    def begin(self, place, name, value, *options):
        directory = self.place / place
        directory.mkdir(exist_ok=True)
        file = directory / f"{value}.csv"
        file.write_text(sheet(value))
        return subprocess.Popen([BIN / "parbus", "push", file, "--dir", directory, "--as", name, "--door",
                                 f"ipc://{self.p.dir}/run/door", *options],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def end(self, push):
        out, err = push.communicate(timeout=120)
        return push.returncode, out, err

    def push(self, *arguments):
        return self.end(self.begin(*arguments))

    def journalled(self):
        return self.p.status()["counters"].get("submissions_journalled", 0)

    def assert_told(self, result):
        """True: it has its receipts, and says so; false: it was refused, and says why."""
        code, out, err = result
        if code == 0:
            self.assertIn("all have their receipt", out)
            return True
        self.assertEqual(code, 1, err)
        self.assertIn("is in use by another outbox, or another process", err)
        self.assertIn("--take-over", err)
        self.assertNotIn("all have their receipt", out)
        return False

    def test_two_pushes_of_one_name_at_the_same_moment(self):
        told = 0
        for number in range(ROUNDS):
            pushes = [self.begin(f"{twin}{number}", f"twin{number}", f"{1 + number / 100:.2f}") for twin in "ab"]
            told += sum(self.assert_told(self.end(push)) for push in pushes)
        self.assertEqual(self.journalled(), told * SUBMISSIONS)
        self.assertEqual(told, 2 * ROUNDS)

    def test_the_name_of_an_outbox_that_never_comes_back(self):
        self.assertTrue(self.assert_told(self.push("a", "lost", "1.00")))
        left = self.begin("a", "lost", "2.00", "--timeout", "60")
        until(lambda: self.journalled() > SUBMISSIONS, "it submits")
        left.kill()
        left.communicate(timeout=60)
        shutil.rmtree(self.place / "a")
        if self.push("b", "lost", "3.00", "--timeout", "2")[0] == 0:
            return  # it had said Bye before it was killed
        self.assertTrue(self.assert_told(self.push("b", "lost", "3.00", "--take-over")))

    def test_a_copied_outbox(self):
        self.assertTrue(self.assert_told(self.push("a", "copied", "1.00")))
        shutil.copytree(self.place / "a", self.place / "b")
        results = [self.push(place, "copied", value) for place, value in (("a", "2.00"), ("b", "3.00"), ("a", "4.00"))]
        for code, out, err in results:
            self.assertEqual(code, 0, err)
        self.assertEqual(self.journalled(), 4 * SUBMISSIONS)
        self.assertTrue(any("a new epoch begins" in err or "begins a new epoch" in err or "later epoch" in err
                            for _, _, err in results), results)

    def test_an_outbox_that_is_put_back(self):
        self.assertTrue(self.assert_told(self.push("a", "back", "1.00")))
        shutil.copytree(self.place / "a" / "outbox", self.place / "copy")
        for value in "2.00", "3.00":
            self.assertTrue(self.assert_told(self.push("a", "back", value)))
        shutil.rmtree(self.place / "a" / "outbox")
        shutil.copytree(self.place / "copy", self.place / "a" / "outbox")
        code, out, err = self.push("a", "back", "4.00")
        self.assertEqual(code, 0, err)
        self.assertEqual(self.journalled(), 4 * SUBMISSIONS)


if __name__ == "__main__":
    unittest.main()
