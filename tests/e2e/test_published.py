"""Real data through the real door: the rankings are those that were published."""

import unittest
from collections import Counter
from decimal import Decimal

from pipeline import DATA, PUBLISHED, Pipeline, rows_of


def unit_codes():
    """Every spelling that occurs in the sources -> code of the province."""
    return {row["spelling"]: row["gso_code"] for row in rows_of(PUBLISHED / "province-spellings.csv")}


class Published(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pipeline = Pipeline(scorers=2)
        cls.pipeline.__enter__()
        cls.addClassCleanup(cls.pipeline.__exit__, None, None, None)
        cls.codes = unit_codes()

    def push(self, pattern):
        files = sorted(DATA.glob(pattern))
        self.assertTrue(files, pattern)
        self.pipeline.push(*files)

    def code(self, name, table):
        by_name = {row["name"]: row["unit"] for row in table.values()}
        return by_name.get(name) or self.codes[name]

    def table(self, index, period):
        return {row["unit"]: row for row in self.pipeline.rank(index, period)}

    def check_qd766(self, index, period, published_in, data):
        """Pushes the snapshots in the order of time; after each, totals and ranks are those of its sheet."""
        published = [r for r in rows_of(PUBLISHED / published_in) if r["period"] == period]
        tied = 0
        for snapshot in sorted({r["snapshot"] for r in published}):
            self.push(data + snapshot.replace("-", "").replace(":", "") + ".csv")
            table = self.table(index, period)
            sheet = {r["unit"].removeprefix("000.00.00."): Decimal(r["total"]) for r in published
                     if r["snapshot"] == snapshot}
            self.assertEqual(sheet.keys(), table.keys())
            for code, total in sheet.items():
                self.assertEqual(Decimal(table[code]["score"]), total, (snapshot, code))
                self.assertEqual(int(table[code]["rank"]), 1 + sum(t > total for t in sheet.values()), (snapshot, code))
            tied += len(sheet) - len(set(sheet.values()))
        return tied

    def test_qd766_to_the_cent_and_ties_share_a_rank(self):
        self.assertGreater(self.check_qd766("qd766", "2025", "qd766.csv", "qd766-2025-"), 0, "real sheets hold ties")
        self.assertGreater(self.check_qd766("qd766", "2025-10", "qd766.csv", "qd766-2025-10-"), 0)

    def test_an_giang_departments_to_the_cent(self):
        self.check_qd766("qd766-an-giang", "2025-10", "qd766-an-giang.csv", "qd766-an-giang-")

    def test_pci_within_a_ten_thousandth(self):
        self.push("pci-*.csv")
        published = rows_of(PUBLISHED / "pci.csv")
        self.assertEqual(len(published), 252)
        tables = {period: self.table("pci", period) for period in ("2013", "2014", "2015", "2016")}
        for row in published:
            table = tables[row["period"]]
            score = Decimal(table[self.code(row["unit"], table)]["score"])
            self.assertLessEqual(abs(score - Decimal(row["total"])), Decimal("0.0001"), row)

    def test_papi_totals_ranks_and_incomplete_units(self):
        self.push("papi-*.csv")
        published = rows_of(PUBLISHED / "papi.csv")
        self.assertEqual(len(published), 315)
        tables = {str(year): self.table("papi", year) for year in range(2018, 2023)}
        for row in published:
            table = tables[row["period"]]
            got = table[self.code(row["unit"], table)]
            if row["status"] == "ok":
                self.assertLessEqual(abs(Decimal(got["score"]) - Decimal(row["total"])), Decimal("0.0001"), row)
                self.assertEqual(got["rank"], row["rank"], row)
            else:
                self.assertEqual((got["rank"], got["complete"]), ("", "0"), row)

    def test_par_ministry_order_totals_and_mean(self):
        self.push("par-ministry-2023.csv")
        table = self.table("par-ministry", "2023")
        published = rows_of(PUBLISHED / "par-ministry.csv")
        self.assertEqual(len(published), 17)
        for row in published:
            got = table[self.code(row["unit"], table)]
            self.assertEqual(got["rank"], row["rank"], row)
            self.assertLessEqual(abs(Decimal(got["score"]) - Decimal(row["total"])), Decimal("0.01"), row)
        mean = sum(Decimal(r["score"]) for r in table.values()) / len(table)
        self.assertLessEqual(abs(mean - Decimal("84.38")), Decimal("0.005"), mean)

    def test_dti_totals(self):
        self.push("dti-2022.csv")
        table = self.table("dti", "2022")
        # Of a sixth unit the total is printed, but no pillar.
        printed = [r for r in rows_of(PUBLISHED / "dti.csv") if r["total"] and int(r["rank"]) <= 5]
        self.assertEqual(len(printed), 5)
        for row in printed:
            got = table[self.code(row["unit"], table)]
            # The printed pillars are rounded to four places: Hồ Chí Minh's add up to 0.71636, printed 0.7163.
            self.assertLessEqual(abs(Decimal(got["score"]) - Decimal(row["total"])), Decimal("0.0001"), row)
            self.assertEqual(got["rank"], row["rank"], row)
        unranked = [r for r in table.values() if not r["rank"]]
        self.assertEqual(len(unranked), 58)

    def test_par_province_is_marked_illustrative_everywhere(self):
        self.push("par-province-2024-illustrative.csv")
        self.assertEqual(len(self.table("par-province", "2024")), 63)
        for words in (("rank", "par-province", "2024"), ("explain", "par-province", "2024", "Hà Nội"),
                      ("watch", "par-province", "2024", "--once")):
            done = self.pipeline.run(*words)
            self.assertIn("illustrative", (done.stdout + done.stderr).lower(), words)

    def test_replay_gives_the_same_state(self):
        self.push("qd766-2025-2025*.csv")
        done = self.pipeline.run("replay")
        self.assertIn("identical", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
