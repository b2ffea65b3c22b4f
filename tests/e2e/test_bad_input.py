"""Whatever is wrong with a row or a file is told with its place and a reason; the rest goes through; nothing crashes."""

import json
import os
import pathlib
import random
import re
import shutil
import tempfile
import unittest

from pipeline import BIN, CATALOG, Pipeline

LEAVES = ["CKMB", "TDGQ", "CLGQ", "TTTT", "MDHL", "MDSH"]
HEADER = "index,period,unit,indicator,value,stage,observed_at"
LINE_BYTES_MAX = 65536

TOWNS = """\
registry: demo-towns
version: 1
title: Towns whose names differ by their marks alone
source: made for a test
units:
  - {id: 1, code: T1, name: Thủ Phú}
  - {id: 2, code: T2, name: Thú Phủ}
  - {id: 3, code: T3, name: Bến Đò}
"""
DEMO = """\
index: demo
version: 1
title: {vi: Thử, en: Demo}
status: illustrative
source: made for a test
registry: demo-towns
registry_version: 1
period_kind: year
periods: [2025]
decimals: 2
missing: incomplete
stages: [self, appraised_1]
tree:
  id: 1
  code: total
  title: {vi: Tổng điểm, en: Total}
  max: 100
  children:
    - {id: 2, code: A, title: {vi: A, en: A}, max: 40, rule: points}
    - {id: 3, code: B, title: {vi: B, en: B}, max: 60, rule: points}
"""

pipeline = None
folder = None


def setUpModule():
    global pipeline, folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
    unittest.addModuleCleanup(shutil.rmtree, folder, ignore_errors=True)
    catalog = folder / "catalog"
    shutil.copytree(CATALOG, catalog)
    (catalog / "registries" / "demo-towns.yaml").write_text(TOWNS, encoding="utf-8")
    (catalog / "demo.yaml").write_text(DEMO, encoding="utf-8")
    pipeline = Pipeline(catalog=catalog)
    pipeline.__enter__()
    unittest.addModuleCleanup(pipeline.__exit__, None, None, None)


def good(unit, value):
    """All six leaves of a unit; CKMB has the given value."""
    return [f"qd766,2025-10,{unit},{leaf},{value if leaf == 'CKMB' else 1},," for leaf in LEAVES]


class BadInput(unittest.TestCase):
    values = 0  # no value is pushed twice, so a ranking shows which push it is of

    def setUp(self):
        self.before = {i: p["pid"] for i, p in pipeline.processes().items()}
        self.addCleanup(self.assert_all_alive)

    def assert_all_alive(self):
        now = pipeline.processes()
        self.assertEqual({i: p["pid"] for i, p in now.items()}, self.before)
        self.assertEqual({(p["state"], p["restarts"]) for p in now.values()}, {("running", 0)})

    def fresh(self):
        BadInput.values += 1
        return f"{BadInput.values / 100:.2f}"

    def write(self, data, name="input.csv"):
        path = folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.addCleanup(path.unlink, missing_ok=True)
        return path

    def points(self, unit):
        return next(r for r in pipeline.rank("qd766", "2025-10") if r["unit"] == unit)["CKMB"]

    def push(self, path, *arguments):
        done = pipeline.run("push", path, *arguments, check=False)
        words = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("rows read")]
        return done, words

    def assert_row_is_told(self, row, reason):
        value = self.fresh()
        text = "\n".join([HEADER, *good("H26", value), row, *good("H14", value)]) + "\n"
        path = self.write(text)
        done, words = self.push(path, "--wait")
        self.assertEqual(done.returncode, 1, row)
        self.assertEqual(len(words), 1, words)
        self.assertRegex(words[0], "^" + re.escape(f"{path}:8: ") + ".*" + reason)
        self.assertIn("accepted 12, ", done.stdout)
        self.assertEqual((self.points("H26"), self.points("H14")), (value, value), row)

    def assert_strict_sends_nothing(self, row):
        value = self.fresh()
        path = self.write("\n".join([HEADER, *good("H26", value), row, *good("H14", value)]) + "\n")
        done, words = self.push(path, "--wait", "--strict")
        self.assertEqual(done.returncode, 1, row)
        self.assertTrue(words[0].startswith(f"{path}:8: "), words)
        self.assertIn("nothing was sent", done.stderr)
        self.assertIn("sent 0 in 0 submissions", done.stdout)
        self.assertNotEqual(self.points("H26"), value, row)


BAD_ROWS = {
    "index": ("qd767,2025-10,H26,CKMB,1,,", 'unknown index "qd767"; nearest: qd766'),
    "index_empty": (",2025-10,H26,CKMB,1,,", "index is missing"),
    "index_long": (f"{'i' * 65},2025-10,H26,CKMB,1,,", "index is longer than 64 bytes"),
    "period": ("qd766,2025-13,H26,CKMB,1,,", 'period "2025-13" of index qd766 is not open; open: 2025, 2025-10'),
    "unit": ("qd766,2025-10,Ha Noj,CKMB,1,,", r'UNIT_UNKNOWN: unknown unit "Ha Noj"; nearest: Hà Nội \(H26\)'),
    "unit_empty": ("qd766,2025-10,,CKMB,1,,", "unit is missing"),
    "unit_long": (f"qd766,2025-10,{'u' * 300},CKMB,1,,", "unit is longer than 256 bytes"),
    "unit_ambiguous": ("demo,2025,thu phu,A,1,,", r'UNIT_AMBIGUOUS: unit "thu phu" fits several units: .*\(T1\).*\(T2\)'),
    "indicator": ("qd766,2025-10,H26,CKMX,1,,", 'indicator "CKMX" is unknown in index qd766; nearest: CKMB'),
    "indicator_inner": ("qd766,2025-10,H26,total,1,,", "indicator total of index qd766 is a sum of others"),
    "value_high": ("qd766,2025-10,H26,CKMB,18.01,,", r"VALUE_OUT_OF_RANGE: value 18\.01 is outside 0\.\.18"),
    "value_low": ("qd766,2025-10,H26,CKMB,-0.01,,", r"VALUE_OUT_OF_RANGE: value -0\.01 is outside 0\.\.18"),
    "value_huge": ("qd766,2025-10,H26,CKMB,1e300,,", r"VALUE_OUT_OF_RANGE: value 1e\+?300 is outside 0\.\.18"),
    "value_nan": ("qd766,2025-10,H26,CKMB,NaN,,", 'value "NaN" is not a number'),
    "value_infinite": ("qd766,2025-10,H26,CKMB,-inf,,", 'value "-inf" is not a number'),
    "value_overflow": ("qd766,2025-10,H26,CKMB,1e999,,", 'value "1e999" is not a number'),
    "value_text": ("qd766,2025-10,H26,CKMB,mười,,", 'value "mười" is not a number'),
    "value_comma": ('qd766,2025-10,H26,CKMB,"1,5",,', 'value "1,5" is not a number'),
    "value_hex": ("qd766,2025-10,H26,CKMB,0x10,,", 'value "0x10" is not a number'),
    "value_signs": ("qd766,2025-10,H26,CKMB,--1,,", 'value "--1" is not a number'),
    "value_empty": ("qd766,2025-10,H26,CKMB,,,", "value is missing"),
    "stage_not_of_index": ("qd766,2025-10,H26,CKMB,1,self,", "index qd766 has no stage self; it has: appraised_1"),
    "stage": ("qd766,2025-10,H26,CKMB,1,seld,", 'stage "seld" is unknown; there are self, appraised_1'),
    "observed_future": ("qd766,2025-10,H26,CKMB,1,,2199-01-01", "OBSERVED_AT_INVALID: observed at 2199-01-01T00:00:00Z"),
    "observed_past": ("qd766,2025-10,H26,CKMB,1,,1969-12-31", "OBSERVED_AT_INVALID: observed before 1970|is not a time"),
    "observed_text": ("qd766,2025-10,H26,CKMB,1,,yesterday", 'observed_at "yesterday" is not a time such as'),
    "observed_date": ("qd766,2025-10,H26,CKMB,1,,2025-02-30", 'observed_at "2025-02-30" is not a time'),
    "too_few_columns": ("qd766,2025-10,H26,CKMB,1", "5 fields, the header line has 7"),
    "too_many_columns": ("qd766,2025-10,H26,CKMB,1,,,,", "9 fields, the header line has 7"),
    "very_many_columns": ("," * 5000, "5001 fields, the header line has 7"),
    "quote": ('qd766,2025-10,"H26,CKMB,1,,', "a quote is not closed on its line"),
    "quote_inside": ('qd766,2025-10,H"26,CKMB,1,,', "stands in the middle of a field"),
    "carriage_return": ("qd766,2025-10,H26,CKMB,1\r,,", "carriage return"),
}


class Rows(BadInput):
    """One test for each of BAD_ROWS is added below."""

    def test_bytes_that_are_no_text(self):
        for line, reason in ((b"qd766,2025-10,H\xc3,CKMB,1,,", "it is not UTF-8"),
                             ("qd766,2025-10,Hà Nội,CKMB,1,,".encode("cp1258", errors="replace") + b"\xff", "not UTF-8"),
                             (b"qd766,2025-10,H26,CK\0MB,1,,", "there is a NUL byte in it"),
                             (b"\0", "there is a NUL byte in it")):
            value = self.fresh()
            lines = [HEADER, *good("H26", value), "", *good("H14", value), ""]
            data = [x.encode() for x in lines]
            data[7] = line
            path = self.write(b"\n".join(data))
            done, words = self.push(path, "--wait")
            self.assertEqual((done.returncode, len(words)), (1, 1), words)
            self.assertRegex(words[0], re.escape(f"{path}:8: ") + ".*" + reason)
            self.assertIn("accepted 12, rejected 0", done.stdout)
            self.assertEqual((self.points("H26"), self.points("H14")), (value, value))

    def test_a_unit_outside_the_cohort_and_one_that_is_only_nearly_there(self):
        done = pipeline.push_text(f"{HEADER}\ndemo,2025,Bến Dò,A,1,,\ndemo,2025,T3,A,1,,\n", check=False)
        self.assertEqual(done.returncode, 0, "marks are folded: " + done.stderr)

    def test_all_of_them_in_one_file(self):
        value = self.fresh()
        bad = [row for row, _ in BAD_ROWS.values()]
        lines = [HEADER, *good("H26", value)]
        for row in bad:
            lines += [row, f"demo,2025,T3,A,{value},self,"]
        path = self.write("\n".join(lines) + "\n")
        done, words = self.push(path, "--wait")
        self.assertEqual(done.returncode, 1)
        told = sorted(int(word[len(f"{path}:"):].split(":")[0]) for word in words)
        self.assertEqual(told, list(range(8, 8 + 2 * len(bad), 2)))
        self.assertRegex(done.stdout, f"accepted {6 + len(bad)}, rejected \\d")
        self.assertEqual(self.points("H26"), value)
        self.assertEqual(next(r for r in pipeline.rank("demo", "2025") if r["unit"] == "T3")["A"], value)

    def test_the_result_for_programs_says_the_same(self):
        path = self.write(f"{HEADER}\nqd766,2025-10,H26,CKMB,abc,,\nqd766,2025-10,H26,CKMB,99,,\nqd766,2025-10,H26,CKMB,3,,\n")
        done = pipeline.run("push", path, "--wait", "--format", "json", check=False)
        self.assertEqual(done.returncode, 1)
        result = json.loads(done.stdout)
        self.assertEqual((result["rows_read"], result["rows_bad"], result["rows_sent"]), (3, 1, 2))
        self.assertEqual((result["rows_accepted"], result["rows_rejected"], result["scored"]), (1, 1, True))
        self.assertEqual([(x["file"], x["line"]) for x in result["faults"]], [(str(path), 2)])
        self.assertEqual([(x["line"], x["reason"]) for x in result["rejects"]], [(3, "VALUE_OUT_OF_RANGE")])

    def test_rejects_stay_on_record(self):
        pipeline.push_text(f"{HEADER}\nqd766,2025-10,H26,CKMB,77,,\n", "--as", "on-record", check=False)
        rejects = json.loads(pipeline.run("rejects", "--feeder", "on-record", "--format", "json").stdout)
        self.assertEqual([(r["reason"], r["unit"], r["indicator"], r["value"]) for r in rejects],
                         [("VALUE_OUT_OF_RANGE", "H26", "CKMB", "77")])
        self.assertIn("value 77 is outside 0..18", rejects[0]["detail"])

    def test_a_terminal_is_not_steered(self):
        """Escape sequences in names and evidence, from a feeder to the operator's screen."""
        path = self.write("index,period,unit,indicator,value,evidence\n"
                          "qd766,2025-10,\x1b[31mred\x9b1m\x7f,CKMB,1,\nqd766,2025-10,H26,CKMB,1,http://x/\x1b]0;title\x07\n"
                          "\x1b[2J,2025,H26,CKMB,1,\nqd766,\x1b[2J,H26,CKMB,1,\nqd766,2025,H26,\x1b[2J,1,\n")
        done, words = self.push(path, "--wait", "--as", "painter")
        self.assertEqual(len(words), 4)
        shown = done.stdout + done.stderr + pipeline.run("rejects", "--feeder", "painter").stdout
        shown += pipeline.run("explain", "qd766", "2025-10", "H26").stdout
        self.assertIn("?[31mred?1m?", shown)
        self.assertIn("evidence http://x/?]0;title?", shown)
        self.assertNotRegex(shown, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")

    def test_minus_zero_is_zero(self):
        pipeline.push_text(f"{HEADER}\nqd766,2025-10,H26,CKMB,-0,,\n")
        self.assertEqual(self.points("H26"), "0.00")

    def test_strict_sends_nothing(self):
        for name in ("index", "period", "unit", "unit_ambiguous", "indicator", "value_high", "value_nan", "stage_not_of_index",
                     "observed_future", "too_few_columns", "quote"):
            with self.subTest(name):
                self.assert_strict_sends_nothing(BAD_ROWS[name][0])

    def test_strict_from_a_pipe_and_over_several_files(self):
        value = self.fresh()
        fine = self.write("\n".join([HEADER, *good("H26", value)]), "fine.csv")
        bad = self.write(f"{HEADER}\nqd766,2025-10,H26,CKMB,x,,\n", "bad.csv")
        done = pipeline.run("push", fine, bad, "--strict", "--wait", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotEqual(self.points("H26"), value)
        done = pipeline.run("push", "-", bad, "--strict", "--wait", stdin=fine.read_bytes(), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertNotEqual(self.points("H26"), value)
        done = pipeline.run("push", "-", "--strict", "--wait", stdin=fine.read_bytes())
        self.assertIn("accepted 6, rejected 0", done.stdout)
        self.assertEqual(self.points("H26"), value)


def add_row_test(name, row, reason):
    setattr(Rows, f"test_row_{name}", lambda self: self.assert_row_is_told(row, reason))


for name, (row, reason) in BAD_ROWS.items():
    add_row_test(name, row, reason)


class Files(BadInput):
    def assert_file_is_told(self, data, line, reason):
        """And the other file of the same command goes through."""
        value = self.fresh()
        bad, fine = self.write(data, "bad.csv"), self.write("\n".join([HEADER, *good("H26", value)]) + "\n", "fine.csv")
        done = pipeline.run("push", bad, fine, "--wait", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "^" + re.escape(f"{bad}:{line}: ") + ".*" + reason)
        self.assertEqual(len(done.stderr.splitlines()), 1, "one sentence for the file")
        self.assertIn("accepted 6, rejected 0", done.stdout)
        self.assertEqual(self.points("H26"), value)

    def test_empty(self):
        self.assert_file_is_told("", 1, "there is no header line: index,period,unit,indicator,value")

    def test_only_comments(self):
        self.assert_file_is_told("# nothing\n\n", 3, "there is no header line")

    def test_no_header(self):
        self.assert_file_is_told("qd766,2025-10,H26,CKMB,1\n" * 3, 1, 'column "qd766" is unknown; there are index, period')

    def test_unknown_column(self):
        self.assert_file_is_told("index,period,unit,indicator,value,colour\n1,2,3,4,5,6\n", 1, 'column "colour" is unknown')

    def test_column_twice(self):
        self.assert_file_is_told("index,period,unit,indicator,value,value\n", 1, 'column "value" is there twice')

    def test_column_missing(self):
        self.assert_file_is_told("index,period,unit,indicator\n", 1, 'there is no column "value"')

    def test_semicolons(self):
        self.assert_file_is_told("index;period;unit;indicator;value\n", 1, "separated by commas")

    def test_utf_16(self):
        self.assert_file_is_told("index,period,unit,indicator,value\n".encode("utf-16"), 1, "nothing of this file can be read")

    def test_binary(self):
        junk = random.Random(10).randbytes(1 << 20)
        self.assert_file_is_told(junk, 1, "nothing of this file can be read")
        path = self.write(junk.replace(b"\n", b"\r"))
        done, words = self.push(path)
        self.assertEqual((done.returncode, len(words)), (1, 2), words)
        self.assertEqual(words[0], f"{path}:1: line is longer than {LINE_BYTES_MAX} bytes; skipped")
        self.assert_file_is_told(pathlib.Path(BIN, "parbus").read_bytes(), 1, "nothing of this file can be read")

    def test_header_only_is_no_fault(self):
        done = pipeline.push(self.write(HEADER + "\n"))
        self.assertEqual((done.stderr, done.stdout), ("", "rows read 0, bad 0, sent 0 in 0 submissions; accepted 0, "
                                                          "rejected 0\n"))

    def test_files_that_cannot_be_read(self):
        value = self.fresh()
        fine = self.write("\n".join([HEADER, *good("H26", value)]) + "\n")
        for bad, reason in ((folder, "Is a directory"), (folder / "nowhere.csv", "No such file or directory"),
                            ("/proc/self/mem", "Input/output error")):
            done = pipeline.run("push", bad, fine, "--wait", check=False)
            self.assertEqual((done.returncode, done.stderr), (1, f"{bad}: {reason}\n"))
            self.assertIn("accepted 6, rejected 0", done.stdout)
            self.assertEqual(pipeline.run("push", bad, fine, "--wait", "--strict", check=False).returncode, 1)
        self.assertEqual(self.points("H26"), value)

    @unittest.skipIf(os.geteuid() == 0, "root may read everything")
    def test_a_file_without_permission(self):
        path = self.write(HEADER)
        path.chmod(0)
        done = pipeline.run("push", path, "--wait", check=False)
        self.assertEqual((done.returncode, done.stderr), (1, f"{path}: Permission denied\n"))

    def test_what_spreadsheets_write_is_fine(self):
        value = self.fresh()
        lines = ['"index","period","unit","indicator","value","stage","observed_at"', *good("Hà Nội", value),
                 '"qd766","2025-10","UBND thành phố Hà Nội","MDSH","1","",""']
        for text in ("\ufeff" + "\r\n".join(lines) + "\r\n", "\n".join(lines), "# words\n\n  \n" + "\n".join(lines)):
            done = pipeline.push_text(text)
            self.assertEqual(done.stderr, "")
            self.assertIn("accepted 7, rejected 0", done.stdout)
            self.assertEqual(self.points("H26"), value)

    def test_columns_in_any_order_and_options_for_the_rest(self):
        value = self.fresh()
        rows = "\n".join(f"{value if leaf == 'CKMB' else 1},{leaf},H26" for leaf in LEAVES)
        pipeline.push_text(f"Value,INDICATOR,unit\n{rows}\n", "--index", "qd766", "--period", "2025-10", "--stage", "appraised")
        self.assertEqual(self.points("H26"), value)

    def test_a_comment_in_another_encoding_is_no_fault(self):
        value = self.fresh()
        pipeline.push_text(b"# Ngu\xf4n\n" + "\n".join([HEADER, *good("H26", value)]).encode())
        self.assertEqual(self.points("H26"), value)

    def test_a_line_of_100_mb(self):
        value = self.fresh()
        path = self.write("\n".join([HEADER, *good("H26", value), ""]), "long.csv")
        with open(path, "ab") as f:
            for _ in range(100):
                f.write(b"x" * 1_000_000)
            f.write(("\n" + "\n".join(good("H14", value)) + "\n").encode())
        done, words = self.push(path, "--wait")
        self.assertEqual((done.returncode, words), (1, [f"{path}:8: line is longer than {LINE_BYTES_MAX} bytes; skipped"]))
        self.assertIn("accepted 12, rejected 0", done.stdout)
        self.assertEqual((self.points("H26"), self.points("H14")), (value, value))

    def test_a_field_as_long_as_a_line_may_be(self):
        rest = "qd766,2025-10,,CKMB,1,,"
        path = self.write(f"{HEADER}\nqd766,2025-10,{'u' * (LINE_BYTES_MAX - len(rest))},CKMB,1,,\n")
        done, words = self.push(path, "--wait")
        self.assertEqual((done.returncode, words), (1, [f"{path}:2: unit is longer than 256 bytes"]))

    def test_very_many_rows(self):
        """100,000 rows, each tenth of them bad."""
        value = self.fresh()
        codes = [u["unit"] for u in pipeline.rank("qd766", "2025-10")]
        lines = [HEADER]
        for i in range(100_000):
            points = "19" if i % 10 == 0 else value
            lines.append(f"qd766,2025-10,{codes[i % len(codes)]},CKMB,{points},,")
        path = self.write("\n".join(lines) + "\n")
        done, words = self.push(path, "--wait")
        self.assertEqual(done.returncode, 1)
        self.assertIn("rows read 100000, bad 0, sent 100000", done.stdout)
        self.assertIn("accepted 90000, rejected 10000", done.stdout)
        numbers = sorted(int(w[len(f"{path}:"):].split(":")[0]) for w in words)
        self.assertEqual(numbers, list(range(2, 100_002, 10)))
        self.assertEqual({r["CKMB"] for r in pipeline.rank("qd766", "2025-10")}, {value})

    def test_a_pipe_that_ends_in_the_middle_of_a_line(self):
        value = self.fresh()
        done = pipeline.push_text("\n".join([HEADER, *good("H26", value), "qd766,2025-1"]), check=False)
        self.assertEqual((done.returncode, done.stderr), (1, "standard input:8: 2 fields, the header line has 7\n"))
        self.assertEqual(self.points("H26"), value)


if __name__ == "__main__":
    unittest.main()
