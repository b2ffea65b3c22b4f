"""Numbers, receipts and verdicts: D5 to D11 and the rules of a submission. The names of the tests cite the rules."""

import math
import time
import unittest

from case import ABSENT, CATALOG, Case, good, submission
from messages import door

DAY_MS = 86400000
WHOLE = 4294967295
WINDOW = 64
WINDOW_BYTES = 4096


def now_ms():
    return int(time.time() * 1000)


class WindowOfBytes(Case):
    pipeline = {"catalog": CATALOG, "settings": [f"feeder_window_bytes={WINDOW_BYTES}"]}

    def test_d5_more_bytes_than_the_window(self):
        f = self.feeder()
        self.assertEqual(f.welcome.window_bytes, WINDOW_BYTES)
        for i in range(300):
            f.submit(**good(value=[i % 60], evidence=[door.Evidence(row=0, note="n" * (i * 7 % 1000))]))
        f.submit(**good(evidence=[door.Evidence(row=0, uri="u" * 2000)] * 4))  # more than the window by itself
        f.submit(**good())
        self.assertEqual(f.settle().accepted_rows, 302)
        self.assertEqual((f.refused, f.gaps), ([], 0))

    def test_d5_who_does_not_keep_to_it_is_refused(self):
        d = self.welcomed()
        for seq in range(1, 301):
            d.send(submission=submission(seq, evidence=[door.Evidence(row=0, note="n" * 1000)]))
        r = d.expect("refusal")
        self.assertEqual(r.reason, door.REFUSED_WINDOW)
        self.assertGreater(r.retry_after_ms, 0)
        self.receipt(d, r.seq - 1)


class Submissions(Case):
    pipeline = {"catalog": CATALOG, "settings": [f"feeder_window={WINDOW}"]}

    def test_d5_more_than_the_window(self):
        f = self.feeder()
        self.assertEqual(f.welcome.window, WINDOW)
        for i in range(10 * WINDOW):
            f.submit(**good(value=[i % 60]))
        self.assertEqual(f.settle().accepted_rows, 10 * WINDOW)
        self.assertEqual((f.refused, f.gaps), ([], 0))

    def test_d7_repeats(self):
        d = self.welcomed()
        for seq in 1, 2, 3:
            d.send(submission=submission(seq, period="2024", unit="B", value=[seq]))
        self.receipt(d, 3)
        self.scored(d, 3)
        for seq in 1, 2, 3:
            d.send(submission=submission(seq, period="2024", unit="B", value=[50]))
        self.assertEqual(d.expect("receipt").up_to_seq, 3)
        w = self.hello(d, request=2)
        self.assertEqual((w.next_seq, w.scored, w.accepted_rows), (4, 3, 3))
        d.send(submission=submission(4, period="2024", unit="B", indicator=[9]))
        self.scored(d, 4)
        self.assertEqual(self.row("B", "2024")["ONE"], "3.00")

    def test_d6_gaps(self):
        d = self.welcomed()
        for seq in 2, 3, 4:
            d.send(submission=submission(seq))
        self.refusal(d, door.REFUSED_SEQUENCE_GAP, 1)
        for seq in 1, 2:
            d.send(submission=submission(seq))
        self.receipt(d, 2)
        for seq in 9, 10:
            d.send(submission=submission(seq))
        self.refusal(d, door.REFUSED_SEQUENCE_GAP, 3)
        kinds = []
        while (answer := d.receive(0.2))[0]:
            kinds.append(answer[0])
        self.assertNotIn("refusal", kinds)

    def test_d6_a_gap_after_one_that_a_refused_submission_filled(self):
        d = self.welcomed()
        d.send(submission=submission(2))
        self.refusal(d, door.REFUSED_SEQUENCE_GAP, 1)
        d.send(submission=submission(1, value=[]))
        self.refusal(d, door.REFUSED_MALFORMED, 1)
        d.send(submission=submission(3))
        self.refusal(d, door.REFUSED_SEQUENCE_GAP, 2)

    def test_d6_feeder_fills_a_gap(self):
        f = self.feeder()
        f.submit(**good())
        f.flush()
        f.sent_seq += 2  # as if the next two were lost on the way
        for _ in range(5):
            f.submit(**good())
        self.assertEqual(f.settle().accepted_rows, 6)
        self.assertEqual(f.gaps, 1)

    def reject_of(self, f, **changes):
        """The rejects of one submission as (row, reason)."""
        seq = f.submit(**good(**changes))
        f.settle()
        found, _ = f.rejects(seq, seq)
        self.assertTrue(all(r.seq == seq for r in found))
        return [(r.row, r.reason) for r in found]

    def test_s3_reasons_of_whole_submissions(self):
        f = self.feeder()
        cases = {
            door.REJECTED_INDEX_UNKNOWN: [{"index": "towns"}, {"index": ABSENT}],
            door.REJECTED_PERIOD_UNKNOWN: [{"period": "2023"}, {"period": ABSENT}],
            door.REJECTED_UNIT_UNKNOWN: [{"unit": "Omega"}, {"unit": ABSENT}],
            door.REJECTED_UNIT_AMBIGUOUS: [{"unit": "Twin"}],
            door.REJECTED_UNIT_NOT_IN_COHORT: [{"unit": "D"}],
            door.REJECTED_STAGE_UNKNOWN: [{"stage": door.STAGE_SURVEY}, {"stage": door.STAGE_UNKNOWN},
                                          {"stage": ABSENT}],
            door.REJECTED_EMPTY: [{"indicator": [], "value": []}],
            door.REJECTED_EVIDENCE_INVALID: [{"evidence": [door.Evidence(row=1, uri="x")]}],
        }
        for reason, all_changes in cases.items():
            for changes in all_changes:
                with self.subTest(door.Reason.Name(reason), **changes):
                    self.assertEqual(self.reject_of(f, **changes), [(WHOLE, reason)])
        self.assertEqual(f.totals.accepted_rows, 0)

    def test_s3_reasons_of_rows(self):
        f = self.feeder()
        unknown, inner = door.REJECTED_INDICATOR_UNKNOWN, door.REJECTED_INDICATOR_NOT_LEAF
        not_finite, range_ = door.REJECTED_VALUE_NOT_FINITE, door.REJECTED_VALUE_OUT_OF_RANGE
        rows = [(2, 60.0, None), (9, 1.0, unknown), (0, 1.0, unknown), (1, 1.0, inner), (2, math.nan, not_finite),
                (2, math.inf, not_finite), (3, -math.inf, not_finite), (2, 60.01, range_), (2, -0.01, range_),
                (3, 100.0, None), (3, 100.5, range_)]
        got = self.reject_of(f, indicator=[r[0] for r in rows], value=[r[1] for r in rows])
        self.assertEqual(got, [(i, r[2]) for i, r in enumerate(rows) if r[2]])
        self.assertEqual((f.totals.accepted_rows, f.totals.rejected_rows), (2, 9))

    def test_s7_times(self):
        f = self.feeder()
        bad = door.REJECTED_OBSERVED_AT_INVALID
        times = [(0, None), (-1, bad), (now_ms(), None), (now_ms() + DAY_MS - 60000, None),
                 (now_ms() + DAY_MS + 60000, bad)]
        got = self.reject_of(f, period="2024", indicator=[2] * len(times), value=[1] * len(times),
                             row_observed_ms=[t[0] for t in times])
        self.assertEqual(got, [(i, t[1]) for i, t in enumerate(times) if t[1]])

    def test_d11_pages(self):
        f = self.feeder()
        for _ in range(4):
            f.submit(**good(indicator=[9] * 600 + [2] * 10, value=[1] * 610))
        f.submit(**good())
        f.settle()
        found, pages = f.rejects(1, 5)
        self.assertEqual(pages, 3)
        self.assertEqual([(r.seq, r.row) for r in found], [(seq, row) for seq in range(1, 5) for row in range(600)])
        self.assertEqual((f.totals.accepted_rows, f.totals.rejected_rows), (41, 2400))
        self.assertEqual({r.seq for r in f.rejects(2, 3)[0]}, {2, 3})
        self.assertEqual(f.rejects(5, 5), ([], 1))
        self.assertEqual(f.rejects(6, 99), ([], 1))

    def test_s3_too_many_faulty_rows(self):
        f = self.feeder()
        self.assertEqual(len(self.reject_of(f, indicator=[9] * 1000 + [2], value=[1] * 1001)), 1000)
        self.assertEqual(f.totals.accepted_rows, 1)
        got = self.reject_of(f, indicator=[9] * 1001 + [2], value=[1] * 1002)
        self.assertEqual(got, [(WHOLE, door.REJECTED_INDICATOR_UNKNOWN)])
        self.assertEqual((f.totals.accepted_rows, f.totals.rejected_rows), (1, 2002))

    def test_s2_units_by_code_name_and_alias(self):
        f = self.feeder()
        for value, unit in enumerate(["A", "Alpha", "First City", "alpha", "  FIRST  city "], 10):
            self.assertEqual(self.reject_of(f, unit=unit, stage=door.STAGE_SELF, value=[value], observed_ms=value), [])
            self.assertIn(f"value {value} by {self.name}", self.p.run("explain", "cities", "2025", "A").stdout)

    def test_s4_later_observation_wins(self):
        f = self.feeder()
        f.submit(**good(unit="B", indicator=[2, 2, 3], value=[7, 8, 50],
                        row_observed_ms=[2000, 2000, 1000]))  # equal times: the later row
        f.submit(**good(unit="B", value=[9], observed_ms=1999))
        f.submit(**good(unit="B", indicator=[3], value=[75], observed_ms=9, row_observed_ms=[1001]))
        self.assertEqual(f.settle().accepted_rows, 5)
        row = self.row("B")
        self.assertEqual((row["ONE"], row["TWO"], row["score"]), ("8.00", "30.00", "38.00"))

    def test_s5_s6_stages_and_retraction(self):
        f = self.feeder()
        c = good(unit="C", indicator=[2, 3])
        f.submit(**{**c, "stage": door.STAGE_SELF, "value": [20, 20], "observed_ms": 1000})
        f.submit(**{**c, "value": [10, 10], "observed_ms": 1000})
        f.settle()
        self.assertEqual(self.row("C")["score"], "14.00")
        f.submit(**{**c, "retract": True, "value": [], "observed_ms": 999})  # loses against what is there
        f.settle()
        self.assertEqual(self.row("C")["score"], "14.00")
        f.submit(**{**c, "retract": True, "value": [], "observed_ms": 1001})
        f.settle()
        self.assertEqual(self.row("C")["score"], "28.00")
        f.submit(**{**c, "stage": door.STAGE_SELF, "indicator": [3], "retract": True, "value": [], "observed_ms": 1001})
        self.assertEqual(f.settle().rejected_rows, 0)
        row = self.row("C")
        self.assertEqual((row["rank"], row["complete"], row["ONE"]), ("", "0", "20.00"))

    def test_s8_evidence(self):
        f = self.feeder()
        evidence = [door.Evidence(row=0, uri="https://example.org/a.pdf", sha256=bytes(32), note="ghi chú"),
                    door.Evidence(row=1, uri="https://example.org/b.pdf")]
        rows = {"period": "2024", "unit": "C", "indicator": [2, 3], "value": [5, 5]}
        self.assertEqual(self.reject_of(f, **rows, evidence=evidence), [])
        self.assertIn("https://example.org/a.pdf", self.p.run("explain", "cities", "2024", "C").stdout)
        for size in 1, 31, 33:
            evidence[1].sha256 = bytes(size)
            self.assertEqual(self.reject_of(f, **rows, evidence=evidence), [(1, door.REJECTED_EVIDENCE_INVALID)])

    def test_d10_ingestor_is_killed(self):
        f = self.feeder()
        pid = self.p.processes()["ingestor-1"]["pid"]
        for i in range(300):
            f.submit(**good(value=[i % 60], indicator=[2 if i % 10 else 9]))
            if i == 100:
                self.kill("ingestor-1")
            elif i == 200:
                f.flush()
        f.settle()
        self.assertNotEqual(self.p.processes()["ingestor-1"]["pid"], pid)
        self.assertEqual((f.last_seq, f.totals.accepted_rows, f.totals.rejected_rows), (300, 270, 30))
        self.assertEqual([r.seq for r in f.rejects(1, 300)[0]], list(range(1, 301, 10)))
        self.assertEqual((f.epoch, f.refused), (1, []))
        self.assertGreater(f.hellos, 1)


if __name__ == "__main__":
    unittest.main()
