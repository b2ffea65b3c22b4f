"""The year sheets pushed in the order of time: watch shows the restatements as movement."""

import csv
import json
import unittest

from pipeline import DATA, Pipeline, rows_of, until

FIRST = DATA / "qd766-2025-20251011T130135Z.csv"
SECOND = DATA / "qd766-2025-20251015T014624Z.csv"


def totals(path):
    sums = {}
    for row in rows_of(path):
        sums[row["unit"]] = sums.get(row["unit"], 0) + round(float(row["value"]) * 100)
    return sums


class Restatement(unittest.TestCase):
    def test_movement_is_shown_with_rank_before_and_after(self):
        with Pipeline() as p:
            p.push(FIRST)
            before = {r["unit"]: r for r in p.rank("qd766", "2025")}
            watch = p.start("watch", "qd766", "2025", "--format", "json")
            try:
                self.assertTrue(watch.stdout.readline(), "the table comes first")
                p.push(SECOND)
                after = {r["unit"]: r for r in p.rank("qd766", "2025")}
                changed = {u for u in after if after[u]["score"] != before[u]["score"]}
                self.assertTrue(changed)
                self.assertEqual(len(changed), sum(totals(SECOND)[u] != totals(FIRST)[u] for u in totals(FIRST)))
                moved = {u for u in changed if after[u]["rank"] != before[u]["rank"]}
                seen = {}
                while not all(u in seen and seen[u]["rank"] == int(after[u]["rank"]) for u in moved):
                    event = json.loads(watch.stdout.readline())
                    for row in event.get("rows", []) if "rows" in event else [event]:
                        if "unit" in row:
                            seen[row["unit"]] = row
                for unit in moved:
                    self.assertIn("rank_before", seen[unit])
            finally:
                watch.terminate()
                watch.communicate(timeout=20)


if __name__ == "__main__":
    unittest.main()
