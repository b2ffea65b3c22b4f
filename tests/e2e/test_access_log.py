"""The access log: who came in, who was refused, what was cut off, and who changed what, in one order and without a secret."""

import json
import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

from pipeline import BIN, DATA, Pipeline, free_endpoint, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


class AccessLog(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door, cls.feed, cls.snapshots = free_endpoint(), free_endpoint(), free_endpoint()
        pipeline = Pipeline()
        pipeline.arguments += ["--door", cls.door, "--feed", cls.feed, "--snapshots", cls.snapshots]
        cls.p = cls.enterClassContext(pipeline)
        cls.place = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="parbus.")))

    def new(self, name, *rights):
        context = self.place / f"{name}.context"
        self.p.run("keys", "new", name, "--out", context, "--door", self.door, "--feed", self.feed, "--snapshots",
                   self.snapshots)
        for right in rights:
            self.p.run("access", "grant", name, *right)
        return context

    def key(self, context, which):
        return next(line.split("=", 1)[1].strip() for line in context.read_text().splitlines()
                    if line.startswith(which))

    def revoke(self, key):
        """A key may begin with '-'."""
        subprocess.run([BIN / "parbus", "keys", "revoke", "--dir", self.p.dir, "--", key], check=True, timeout=60,
                       capture_output=True)

    def elsewhere(self, *arguments):
        return subprocess.run([BIN / "parbus", *arguments, "--dir", self.place / "outbox"], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL)

    def log(self, *arguments):
        return json.loads(self.p.run("access", "log", "--format", "json", *arguments).stdout)

    def rows(self, name, event):
        return [row for row in self.log("--name", name) if row["event"] == event]

    def test_a_feeder_comes_in_is_refused_and_is_cut_off(self):
        context = self.new("h05", ["submit", "qd766/2025"])
        self.assertEqual(self.elsewhere("push", SHEET, "--stage", "appraised_1", "--context", context).returncode, 1)
        self.assertEqual(self.rows("h05", "name")[0]["from"], "127.0.0.1")
        refused = until(lambda: self.rows("h05", "refused"), "the refusal is in the log")
        self.assertIn("refused: NOT_AUTHORISED", refused[0]["what"])
        self.assertIn("h05 may not appraise", refused[0]["what"])
        self.revoke(self.key(context, "public"))
        self.assertEqual(self.elsewhere("push", SHEET, "--timeout", "2", "--context", context).returncode, 1)
        shut_out = [row for row in self.log() if row["event"] == "shut_out"]
        self.assertEqual(shut_out[-1]["by"], "key " + self.key(context, "public"))
        self.assertEqual(shut_out[-1]["from"], "127.0.0.1")
        self.assertIn("the key is not known", shut_out[-1]["what"])

    def test_who_may_not_follow_a_ranking_is_named(self):
        context = self.new("h10", ["submit", "qd766"])
        watch = subprocess.Popen([BIN / "parbus", "watch", "qd766", "2025", "--context", context], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(watch.wait)
        self.addCleanup(watch.kill)
        refused = until(lambda: self.rows("h10", "refused"), "the refusal is in the log")
        self.assertIn("may not follow", refused[0]["what"])
        self.assertEqual(refused[0]["from"], "127.0.0.1")

    def test_both_logs_are_shown_in_the_order_of_time_and_one_name_s_alone(self):
        context = self.new("h06", ["appraise"])
        self.assertEqual(self.elsewhere("push", SHEET, "--context", context).returncode, 0)
        grant = self.rows("h06", "changed")[-1]["number"]
        self.p.run("access", "revoke", grant)
        rows = self.log("--name", "h06")
        self.assertEqual([row["event"] for row in rows], ["changed", "changed", "changed", "name", "changed"])
        self.assertEqual(rows[-1]["what"], f"grant {grant} revoked")
        every = self.log()
        self.assertEqual([row["at"] for row in every], sorted(row["at"] for row in every))
        self.assertEqual(self.log("--since", "2200-01-01"), [])
        self.assertEqual(self.log("--since", rows[-1]["at"], "--name", "h06"), rows[-1:])

    def test_a_flood_of_refusals_is_few_lines_and_all_are_counted(self):
        context = self.new("h07", ["submit", "qd766/2025:none"])
        rows = "indicator,unit,value\n" + "".join(f"1.1.1,H{n % 60:02d},1\n" for n in range(300))
        done = subprocess.run([BIN / "parbus", "push", "-", "--index", "qd766", "--period", "2025", "--batch", "1",
                               "--context", context, "--dir", self.place / "flood"], input=rows, capture_output=True,
                              text=True, timeout=120)
        self.assertEqual(done.returncode, 1, done.stderr)
        lines = self.rows("h07", "refused")
        self.assertLess(len(lines), 4)

    def test_it_is_the_owner_s_alone_and_has_no_secret(self):
        context = self.new("h08", ["appraise"])
        self.elsewhere("push", SHEET, "--context", context)
        path = pathlib.Path(self.p.dir, "log", "access.log")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        text = path.read_text()
        for secret in (self.key(context, "secret"), "secret"):
            self.assertNotIn(secret, text)
        for line in text.splitlines():
            self.assertIn("event", json.loads(line))

    def test_a_line_that_a_full_disk_cut_off_is_told_and_all_others_are_shown(self):
        path = pathlib.Path(self.p.dir, "log", "access.log")
        torn = '{"at":"2026-01\n'
        with path.open("a") as log:
            log.write(torn)
        self.addCleanup(lambda: path.write_text(path.read_text().replace(torn, "")))
        shown = self.p.run("access", "log")
        self.assertIn("1 line of ", shown.stderr)
        self.assertIn("changed", self.new("h09") and self.p.run("access", "log").stdout)


if __name__ == "__main__":
    unittest.main()
