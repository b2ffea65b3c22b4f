"""parbus explain and rejects: where every point comes from, and what became of the rows that gave none."""

import csv
import io
import json
import unittest

from pipeline import DATA, Pipeline, rows_of

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
LATER = DATA / "qd766-2025-20251015T014624Z.csv"


class Explain(unittest.TestCase):
    """Stages, restatement and evidence of one unit in several indices."""

    @classmethod
    def setUpClass(cls):
        cls.p = Pipeline()
        cls.p.__enter__()
        cls.addClassCleanup(cls.p.__exit__, None, None, None)
        cls.p.push(SHEET, "--as", "portal")
        cls.p.push(LATER, "--as", "portal")
        cls.p.push(DATA / "par-province-2024-self-illustrative.csv", "--as", "provinces")
        cls.p.push(DATA / "par-province-2024-illustrative.csv", "--as", "ministry")
        cls.p.push(DATA / "pci-2014.csv", "--as", "pci-team")
        cls.p.push(DATA / "papi-2022.csv", "--as", "papi-team")
        cls.p.push_text("index,period,unit,indicator,value,stage,observed_at,evidence\n"
                        f"qd766,2025,H14,CKMB,12.5,,2025-11-01T08:00:00Z,https://example.org/a.pdf#sha256={'5a' * 32}\n"
                        "qd766,2025,H14,TDGQ,12.25,,2025-11-02,https://example.org/b.pdf\n", "--as", "inspector")

    def explain(self, index, period, unit):
        table = self.p.run("explain", index, period, unit)
        self.assertEqual(table.stderr, "")
        return table.stdout, json.loads(self.p.run("explain", index, period, unit, "--format", "json").stdout)

    def node(self, explanation, code):
        return next(n for n in explanation["nodes"] if n["code"] == code)

    def test_everything_about_a_point(self):
        text, x = self.explain("qd766", "2025", "Cao Bằng")
        self.assertEqual(x["unit"]["code"], "H14")
        ckmb = self.node(x, "CKMB")
        value = ckmb["values"][0]
        self.assertEqual((ckmb["points"], ckmb["rule_kind"], ckmb["effective_stage"]), ("12.500000", "points", "appraised_1"))
        self.assertEqual((value["value"], value["feeder"], value["observed_at"]), (12.5, "inspector", "2025-11-01T08:00:00Z"))
        self.assertRegex(value["received_at"], r"^\d{4}-\d\d-\d\dT")
        self.assertEqual(set(value["position"]), {"partition", "pseq", "row"})
        self.assertEqual([(e["uri"], e["sha256"]) for e in value["evidence"]], [("https://example.org/a.pdf", "5a" * 32)])
        old = next(float(r["value"]) for r in rows_of(LATER) if r["unit"] == "H14" and r["indicator"] == "CKMB")
        self.assertEqual(value["replaced"]["value"], old)
        self.assertNotEqual(value["replaced"]["position"], value["position"])
        self.assertEqual([e["uri"] for e in self.node(x, "TDGQ")["values"][0]["evidence"]], ["https://example.org/b.pdf"])
        self.assertEqual(self.node(x, "CLGQ")["values"][0]["feeder"], "portal")
        place = "{partition}:{pseq}".format(**value["position"])
        for words in ("value 12.5 by inspector", "observed 2025-11-01T08:00:00Z", "received ", f"at {place}",
                      f"evidence https://example.org/a.pdf sha256 {'5a' * 32}", f"replaced {old:g} of ", "value = points",
                      "counts: appraised_1"):
            self.assertIn(words, text)

    def test_every_leaf_of_several_indices(self):
        for index, period, unit, feeder in (("qd766", "2025", "H05", "portal"), ("par-province", "2024", "01", "ministry"),
                                            ("pci", "2014", "An Giang", "pci-team"), ("papi", "2022", "Hanoi", "papi-team")):
            text, x = self.explain(index, period, unit)
            leaves = [n for n in x["nodes"] if "rule" in n]
            told = [n for n in leaves if n["values"]]
            self.assertTrue(told, index)
            for node in told:
                self.assertTrue(node["rule"])
                self.assertIn(f"counts: {node['effective_stage']}", text)
                self.assertIn(node["effective_stage"], [v["stage"] for v in node["values"]])
                for value in node["values"]:
                    self.assertLessEqual({"value", "stage", "feeder", "observed_at", "received_at", "position", "evidence"},
                                         set(value))
            self.assertIn(feeder, {v["feeder"] for n in told for v in n["values"]})
            row = next(r for r in self.p.rank(index, period) if r["unit"] == x["unit"]["code"])
            self.assertEqual(str(x["rank"] or ""), row["rank"])
            self.assertAlmostEqual(float(x["score"]), float(row["score"]), delta=0.01)

    def test_lower_stages_are_told_too(self):
        text, x = self.explain("par-province", "2024", "01")
        both = [n for n in x["nodes"] if len(n.get("values", [])) == 2]
        self.assertTrue(both)
        for node in both:
            self.assertEqual(node["effective_stage"], "appraised_1")
            self.assertEqual({(v["stage"], v["feeder"]) for v in node["values"]},
                             {("self", "provinces"), ("appraised_1", "ministry")})
        self.assertIn("by provinces", text)
        self.assertIn("illustrative", text)

    def test_the_journal_position_leads_to_the_reject_list_and_back(self):
        self.p.push_text('index,period,unit,indicator,value\nqd766,2025,"Nowhere, ""city""",CKMB,1\nqd766,2025,H14,CKMB,99\n',
                         "--as", "clumsy", check=False)
        of_json = json.loads(self.p.run("rejects", "--feeder", "clumsy", "--format", "json").stdout)
        of_csv = list(csv.DictReader(io.StringIO(self.p.run("rejects", "--feeder", "clumsy", "--format", "csv").stdout)))
        self.assertEqual([(r["unit"], r["reason"]) for r in of_json],
                         [('Nowhere, "city"', "UNIT_UNKNOWN"), ("H14", "VALUE_OUT_OF_RANGE")])
        for a, b in zip(of_json, of_csv, strict=True):
            for key in ("received_at", "feeder", "reason", "index", "period", "unit", "indicator", "detail"):
                self.assertEqual(a[key], b[key])
            self.assertEqual((str(a["partition"]), str(a["pseq"]), str(a["seq"])), (b["partition"], b["pseq"], b["seq"]))
        table = self.p.run("rejects").stdout
        self.assertIn("VALUE_OUT_OF_RANGE: value 99 is outside 0..18", table)
        for filters, count in ((["--unit", "Cao Bằng"], 1), (["--index", "pci"], 0), (["--limit", "1"], 1),
                               (["--period", "2025", "--index", "qd766"], 2)):
            text = self.p.run("rejects", "--feeder", "clumsy", *filters, "--format", "json").stdout
            self.assertEqual(len(json.loads(text)), count, filters)


if __name__ == "__main__":
    unittest.main()
