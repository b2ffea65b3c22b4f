"""What is said to who may not do something, or cannot: it names the reason, and nothing is left behind."""

import csv
import io
import os
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from pipeline import BIN, CATALOG, DATA, Pipeline, free_endpoint

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
NOBODY = 65534
COMMANDS = (["status"], ["health"], ["rank", "qd766", "2025"], ["watch", "qd766", "2025"], ["push", SHEET], ["rejects"],
            ["explain", "qd766", "2025", "H26"], ["scale", "scorer=2"], ["down"], ["replay"], ["verify"],
            ["load", "--duration", "1"], ["up", "--catalog", CATALOG, "--detach"],
            ["push", SHEET, "--door", "tcp://127.0.0.1:9"])


def parbus(*arguments, **options):
    done = subprocess.run([BIN / "parbus", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, **options)
    return done.returncode, done.stdout, done.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class SomebodyElses(Folder):
    def as_nobody(self):
        if os.geteuid() != 0:
            self.skipTest("only root can become somebody else")
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            if parbus("--version", **options)[0] == 0:
                return options
        except PermissionError:
            pass
        self.skipTest("the programs are where nobody else may run them")

    def refused(self, directory, owned, options):
        for line in COMMANDS:
            code, out, err = parbus(*line, "--dir", directory, **options)
            self.assertEqual((code, out, len(err.splitlines())), (1, "", 1), f"{line}: {err}")
            self.assertIn(f"parbus {line[0]}: permission denied: {owned} belongs to user root (mode ", err)
            self.assertIn("Do this as user root", err)
            for misleading in ("nothing runs", "parbus.conf", "there is no", "does not answer"):
                self.assertNotIn(misleading, err, line)

    def test_who_owns_it_is_said(self):
        options = self.as_nobody()
        self.refused(self.folder, self.folder, options)

    def test_also_when_it_is_a_directory_above_that_is_closed(self):
        options = self.as_nobody()
        self.refused(self.folder / "a" / "b", self.folder, options)

    def test_also_while_it_runs_and_when_only_the_sockets_are_closed(self):
        options = self.as_nobody()
        with Pipeline() as p:
            os.chmod(p.dir, 0o711)
            self.refused(p.dir, p.dir, options)
            os.chmod(p.dir, 0o755)
            self.refused(p.dir, p.dir + "/run", options)

    def test_a_service_says_it_too(self):
        options = self.as_nobody()
        done = subprocess.run([BIN / "parbus-scorer", "--dir", self.folder], capture_output=True, text=True, timeout=60,
                              **options)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"permission denied: {self.folder} belongs to user root", done.stderr)


class OpenToOthers(Folder):
    def test_a_directory_of_ours_is_closed(self):
        os.chmod(self.folder, 0o777)
        p = Pipeline()
        shutil.rmtree(p.dir)
        p.dir = str(self.folder)
        with p:
            self.assertEqual(stat.S_IMODE(os.stat(p.dir).st_mode), 0o700)

    def test_one_with_other_things_is_refused_while_others_may_write(self):
        (self.folder / "accounts.ods").write_text("x")
        os.chmod(self.folder, 0o1777)
        code, out, err = parbus("up", "--catalog", CATALOG, "--detach", "--dir", self.folder)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"others may write into {self.folder} (mode 1777", err)
        self.assertIn("it holds other things (accounts.ods)", err)
        self.assertEqual(os.listdir(self.folder), ["accounts.ods"])
        self.assertEqual(stat.S_IMODE(os.stat(self.folder).st_mode), 0o1777)

    def test_a_further_local_door_does_not_follow_the_umask(self):
        door = self.folder / "door"
        p = Pipeline()
        p.arguments += ["--door", f"ipc://{door}"]
        before = os.umask(0)
        try:
            self.enterContext(p)
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE(os.stat(door).st_mode) & 0o077, 0)
        p.push(SHEET, "--door", f"ipc://{door}")


class NothingLeftBehind(Folder):
    def test_a_push_to_where_nobody_is(self):
        for place in ([], ["--dir", self.folder / "there" / "outboxes"]):
            if place:
                (self.folder / "there").mkdir()
            code, _, err = parbus("push", SHEET, "--door", free_endpoint(), *place, cwd=self.folder)
            self.assertEqual(code, 1)
            self.assertIn("no pipeline answers at tcp://", err)
        self.assertEqual([str(f.relative_to(self.folder)) for f in self.folder.rglob("*")], ["there"])

    def test_a_name_is_never_a_way_out(self):
        with Pipeline() as p:
            before = sorted(os.listdir(p.dir))
            for name in (".", "..", ".hidden", "../x", "a/../../x", "/tmp/x"):
                done = p.run("push", SHEET, "--as", name, check=False)
                self.assertEqual(done.returncode, 2, name)
                self.assertIn("--as wants a name of", done.stderr)
            self.assertEqual(sorted(os.listdir(p.dir)), before)

    def test_what_has_no_receipt_is_kept(self):
        with Pipeline() as p:
            p.push(SHEET, "--as", "kept")
            self.assertTrue((pathlib.Path(p.dir) / "outbox" / "kept" / "lock").exists())


class Formulas(unittest.TestCase):
    def test_no_cell_of_a_csv_is_one(self):
        with Pipeline() as p:
            unit = '=HYPERLINK("http://x","Ha Noi")'
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerows([["index", "period", "unit", "indicator", "value"], ["qd766", "2025", unit, "CKMB", "1"],
                              ["qd766", "2025", "@SUM(A1)", "CKMB", "-1"]])
            done = p.push_text(text.getvalue(), "--stage", "appraised_1", check=False)
            self.assertIn("UNIT_UNKNOWN", done.stdout + done.stderr)
            cells = [cell for row in csv.reader(io.StringIO(p.run("rejects", "--format", "csv").stdout)) for cell in row]
            self.assertIn("'" + unit, cells)
            self.assertIn("'@SUM(A1)", cells)
            for cell in cells:
                self.assertFalse(cell[:1] in "=+@\t\r" and cell[:1], cell)
                if cell.startswith("-"):
                    float(cell)


if __name__ == "__main__":
    unittest.main()
