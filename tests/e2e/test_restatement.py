"""The year sheets pushed in the order of time: watch shows the restatements as movement."""

import csv
import unittest

from pipeline import DATA, Pipeline, read_line, rows_of

FIRST = DATA / "qd766-2025-20251011T130135Z.csv"
SECOND = DATA / "qd766-2025-20251015T014624Z.csv"


def totals(path):
    sums = {}
    for row in rows_of(path):
        code = row["unit"].removeprefix("000.00.00.")  # how the exports write Lạng Sơn
        sums[code] = sums.get(code, 0) + round(float(row["value"]) * 100)
    return sums


class Restatement(unittest.TestCase):
    def test_movement_is_shown_with_rank_before_and_after(self):
        with Pipeline() as p:
            p.push(FIRST)
            before = {r["unit"]: r for r in p.rank("qd766", "2025")}
            watch = p.start("watch", "qd766", "2025", "--format", "csv")
            try:
                header = read_line(watch.stdout).strip().split(",")  # printed once the whole table is there
                p.push(SECOND)
                after = {r["unit"]: r for r in p.rank("qd766", "2025")}
                restated = {u for u in totals(FIRST) if totals(FIRST)[u] != totals(SECOND)[u]}
                self.assertEqual({u for u in after if after[u]["score"] != before[u]["score"]}, restated)
                # A unit may move in several deltas; the first begins at the old rank, the last ends at the new one.
                first, last = {}, {}
                while any(last.get(u, {}).get("score") != after[u]["score"] for u in restated):
                    change = dict(zip(header, next(csv.reader([read_line(watch.stdout)]))))
                    first.setdefault(change["unit"], change)
                    last[change["unit"]] = change
                for unit in restated:
                    self.assertEqual(first[unit]["score_before"], before[unit]["score"])
                moved = [u for u in restated if last[u]["rank"] != first[u]["rank_before"]]
                self.assertTrue(moved, "a restatement moves ranks")
            finally:
                watch.terminate()
                watch.communicate(timeout=20)


if __name__ == "__main__":
    unittest.main()
