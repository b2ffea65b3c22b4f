"""Doors with keys: who has one that is known comes in, under the name that it was made for; nobody else does."""

import os
import pathlib
import stat
import subprocess
import tempfile
import unittest

from pipeline import BIN, DATA, Pipeline, free_endpoint, read_line, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


class Keys(unittest.TestCase):
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

    def public(self, context):
        shown = self.p.run("keys", "show", context).stdout
        return next(line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith("public"))

    def elsewhere(self, *arguments, **environment):
        return subprocess.run([BIN / "parbus", *arguments, "--dir", self.place / "outbox"], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, env={**os.environ, **environment})

    def counter(self, instance, name):
        return self.p.status()["counters_by_instance"][instance].get(name, 0)

    def test_a_key_pushes_and_watches_under_its_own_name(self):
        context = self.new("h05", ["appraise"], ["feed"])
        self.assertEqual(stat.S_IMODE(os.stat(context).st_mode), 0o600)
        done = self.elsewhere("push", SHEET, "--wait", "--context", context)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.place / "outbox" / "outbox" / "h05").is_dir())
        shown = self.elsewhere("watch", "qd766", "2025", "--once", "--format", "csv", PARBUS_CONTEXT=str(context))
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertGreater(len(shown.stdout.splitlines()), 2)

    def test_a_key_that_is_not_known_gets_nothing(self):
        context = self.new("gone")
        self.p.run("keys", "revoke", self.public(context))
        before = self.counter("ingestor-1", "connections_unknown_key")
        done = self.elsewhere("push", SHEET, "--timeout", "2", "--context", context)
        self.assertEqual(done.returncode, 1)
        self.assertIn("or it does not know this key", done.stderr)
        self.assertGreater(self.counter("ingestor-1", "connections_unknown_key"), before)  # it comes again by itself

    def test_without_a_key_nothing_is_answered(self):
        done = self.elsewhere("push", SHEET, "--timeout", "2", "--door", self.door)
        self.assertEqual(done.returncode, 1)

    def test_revoking_a_key_cuts_who_watches(self):
        context = self.new("watcher", ["feed"])
        watch = subprocess.Popen([BIN / "parbus", "watch", "qd766", "2025", "--format", "csv", "--context", context],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.communicate, timeout=60)
        self.addCleanup(watch.terminate)
        self.assertTrue(read_line(watch.stdout).startswith("time,"))
        before = self.counter("publisher-1", "connections_cut")
        self.p.run("keys", "revoke", self.public(context))
        until(lambda: self.counter("publisher-1", "connections_cut") == before + 2, "both connections are cut")

    def watching(self, context):
        watch = subprocess.Popen([BIN / "parbus", "watch", "qd766", "2025", "--format", "csv", "--context", context],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.communicate, timeout=60)
        self.addCleanup(watch.terminate)
        return watch

    def grant(self, *words):
        return self.p.run("access", "grant", *words).stderr.split("(grant ")[1].split(")")[0]

    def test_who_may_not_follow_is_told_and_goes_on_when_he_may_until_he_may_not(self):
        watch = self.watching(self.new("later", ["appraise"]))
        self.assertEqual(read_line(watch.stderr), "parbus watch: later may not follow qd766/2025: this wants the right feed "
                                                  "(parbus access grant later feed qd766/2025)\n")
        until(lambda: self.counter("publisher-1", "subscriptions_not_authorised") > 0, "and the refused subscription is counted")
        number = self.grant("later", "feed", "qd766/2025")
        self.assertTrue(read_line(watch.stdout).startswith("time,"), "a new right holds without a new connection of his own")
        self.push_something()
        self.assertTrue(read_line(watch.stdout), "and deltas come, though the subscription was refused at first")
        before = self.counter("publisher-1", "subscribers_judged_anew")
        self.p.run("access", "revoke", number)
        until(lambda: self.counter("publisher-1", "subscribers_judged_anew") > before, "what was revoked ends at once")
        self.assertIn("nothing heard", read_line(watch.stderr))
        self.assertIn("may not follow", read_line(watch.stderr))

    def push_something(self):
        self.pushed = getattr(self, "pushed", 0) + 1
        rows = f"index,period,unit,indicator,value,observed_at\nqd766,2025,H26,CKMB,{self.pushed / 8},2025-12-0{self.pushed}\n"
        self.p.run("push", "-", "--wait", stdin=rows.encode())

    def test_an_open_ranking_is_for_everybody_also_for_who_has_a_key_that_nobody_knows(self):
        context = self.new("nobody")
        self.p.run("access", "identity", "remove", "nobody")
        number = self.grant("*", "feed", "qd766/2025")
        shown = self.elsewhere("watch", "qd766", "2025", "--once", "--format", "csv", "--context", context)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        watch = self.watching(context)
        self.assertTrue(read_line(watch.stdout).startswith("time,"))
        self.assertEqual(self.elsewhere("push", SHEET, "--timeout", "2", "--context", context).returncode, 1, "the door stays shut")
        before = self.counter("publisher-1", "connections_unknown_key")
        self.p.run("access", "revoke", number)
        until(lambda: self.counter("publisher-1", "connections_unknown_key") > before, "it is nobody's any more")

    def test_two_keys_are_valid_while_one_takes_the_place_of_the_other(self):
        context = self.new("turning", ["appraise"])
        old = self.place / "old.context"
        old.write_bytes(context.read_bytes())
        old.chmod(0o600)
        self.p.run("keys", "rotate", context)
        self.assertNotEqual(self.public(old), self.public(context))
        for each in old, context:
            self.assertEqual(self.elsewhere("push", SHEET, "--context", each).returncode, 0)
        self.p.run("keys", "revoke", self.public(old))
        self.assertEqual(self.elsewhere("push", SHEET, "--timeout", "2", "--context", old).returncode, 1)
        self.assertEqual(self.elsewhere("push", SHEET, "--context", context).returncode, 0)

    def test_no_secret_is_shown_or_logged(self):
        context = self.new("quiet", ["appraise"])
        secrets = [line.split(" = ")[1] for file in (context, pathlib.Path(self.p.dir, "keys", "server"))
                   for line in file.read_text().splitlines() if line.startswith("secret")]
        self.elsewhere("push", SHEET, "--context", context)
        text = self.p.run("keys", "show", context).stdout + self.p.run("keys", "show").stdout + self.p.run("keys", "list").stdout
        for log in pathlib.Path(self.p.dir, "log").iterdir():
            text += log.read_text(errors="replace")
        self.assertEqual(len(secrets), 2)
        for secret in secrets:
            self.assertNotIn(secret, text)


if __name__ == "__main__":
    unittest.main()
