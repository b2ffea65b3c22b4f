"""An officer is sent one line, and from then on needs no option; the line is good once, also over restarts and crashes."""

import os
import pathlib
import re
import stat
import subprocess
import tempfile
import unittest

import zmq

from pipeline import BIN, DATA, Pipeline, free_endpoint, read_line, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


class Join(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door, cls.feed, cls.snapshots = free_endpoint(), free_endpoint(), free_endpoint()
        pipeline = Pipeline()
        pipeline.arguments += ["--door", cls.door, "--feed", cls.feed, "--snapshots", cls.snapshots]
        cls.p = cls.enterClassContext(pipeline)

    def setUp(self):
        self.home = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="parbus.")))
        self.name = self.id().split(".")[-1][5:60].replace("_", "-")

    def elsewhere(self, *arguments, stdin="", **environment):
        """Another machine: no directory, no keys but those that it made."""
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.home / "config"), "PARBUS_DIR": str(self.home / "var"),
                       **environment}
        return subprocess.run([BIN / "parbus", *arguments], input=stdin, capture_output=True, text=True, timeout=120,
                              env=environment)

    def invite(self, *options, name=None):
        line = self.p.run("keys", "invite", name or self.name, *options).stdout
        self.assertEqual(line.count("\n"), 1)
        return line

    def joined(self, line):
        done = self.elsewhere("join", stdin=line)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def refused(self, line, *words):
        done = self.elsewhere("join", stdin=line)
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def counter(self, name):
        return self.p.status()["counters_by_instance"]["ingestor-1"].get(name, 0)

    def context(self, name=None):
        return self.home / "config" / "parbus" / f"{name or self.name}.context"

    def keys(self):
        return re.findall(rf"^{self.name} +(\S{{40}})", self.p.run("keys", "list", self.name).stdout, re.M)

    def test_one_line_and_push_and_watch_need_no_option(self):
        line = self.invite()
        self.p.run("access", "grant", self.name, "appraise")
        self.p.run("access", "grant", self.name, "feed")
        self.assertIn(self.name, self.joined(line))
        self.assertEqual(stat.S_IMODE(self.context().stat().st_mode), 0o600)
        pushed = self.elsewhere("push", str(SHEET), "--wait")
        self.assertEqual(pushed.returncode, 0, pushed.stderr)
        shown = self.elsewhere("watch", "qd766", "2025", "--once", "--format", "csv")
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertGreater(len(shown.stdout.splitlines()), 2)
        self.assertEqual(len(self.keys()), 1)
        self.assertIn("key", self.p.run("access", "log").stdout)

    def test_as_an_argument_too_and_as_a_mail_wraps_it(self):
        line = self.invite().strip()
        wrapped = "\n".join(line[i:i + 60] for i in range(0, len(line), 60)) + "\n"
        self.joined(wrapped)
        second = self.invite(name=self.name + "-2").strip()
        self.assertEqual(self.elsewhere("join", second).returncode, 0)

    def test_a_line_is_good_once(self):
        line = self.invite()
        self.joined(line)
        self.context().unlink()
        before = self.counter("joins_refused")
        self.refused(line, "used or withdrawn already", "ask for a new one")
        self.assertEqual(self.counter("joins_refused"), before + 1)
        self.assertEqual(len(self.keys()), 1)
        self.assertEqual(self.p.run("keys", "tokens", self.name).stdout, "")

    def test_over_a_kill_of_the_ingestor_too(self):
        line = self.invite()
        self.p.kill("ingestor-1")
        self.joined(line)
        self.p.kill("ingestor-1")
        self.context().unlink()
        until(lambda: self.p.run("status", check=False).returncode == 0, "the ingestor is back")
        self.refused(line, "used or withdrawn already")

    def test_who_died_before_the_answer_goes_on_with_the_same_key(self):
        line = self.invite()
        self.joined(line)
        key = self.keys()
        self.context().rename(self.context().with_suffix(".context.joining"))
        self.joined(line)
        self.assertEqual(self.keys(), key)

    def test_an_expired_one_says_so(self):
        line = self.invite("--expires", "1m")
        self.p.run("keys", "tokens")
        expired = self.p.run("keys", "invite", self.name + "-2", "--expires", "2000-01-01", check=False)
        self.assertEqual(expired.returncode, 2)
        token = re.search(r"invitation-[0-9a-f]{8}", self.p.run("keys", "tokens", self.name).stdout)[0]
        self.p.run("keys", "revoke", token)
        self.refused(line, "used or withdrawn already")

    def test_what_is_no_invitation_or_not_whole_is_named(self):
        line = self.invite().strip()
        self.refused("hello\n", "this is no invitation")
        self.refused(line[:-9] + "\n", "copy all of it")
        self.refused(line.replace("token=", "token=0", 1) + "\n", "copy all of it")
        self.refused("", "no invitation on standard input")

    def test_a_token_that_nobody_gave_out_is_not_known(self):
        self.invite()
        server = re.search(r"server=(\w+)", self.invite())[1]
        text = f"parbus-join:1,name=x,door={self.door},server={server},token={'0' * 32}"
        self.refused(f"{text},check={crc32c(text.encode()):08x}\n", "is not known here")

    def test_a_rotated_key_takes_over_and_the_old_one_ends(self):
        self.joined(self.invite())
        self.p.run("access", "grant", self.name, "appraise")
        old = self.home / "old.context"
        old.write_bytes(self.context().read_bytes())
        old.chmod(0o600)
        before = self.keys()
        done = self.elsewhere("keys", "rotate", "--overlap", "1m")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("valid until", done.stderr)
        self.assertEqual(len(self.keys()), 2)
        self.assertIn(before[0], self.keys())
        self.assertRegex(self.p.run("keys", "list", self.name).stdout, re.escape(before[0]) + r"  until 20")
        for options in [], ["--context", str(old)]:
            pushed = self.elsewhere("push", str(SHEET), "--wait", *options)
            self.assertEqual(pushed.returncode, 0, pushed.stderr)
        self.assertTrue((self.home / "config" / "parbus" / "default.context").is_symlink())

    def test_a_key_that_is_let_in_later_comes_in_by_itself_and_the_trouble_is_told_once(self):
        self.joined(self.invite())
        public, secret = zmq.curve_keypair()
        text = self.context().read_text()
        text = re.sub("public = .*", lambda _: f"public = {public.decode()}", text)
        text = re.sub("secret = .*", lambda _: f"secret = {secret.decode()}", text)
        late = self.home / "late.context"
        late.write_text(text)
        late.chmod(0o600)
        (self.home / "in").mkdir()
        self.p.run("access", "grant", self.name, "appraise")
        with subprocess.Popen([BIN / "parbus", "feeder", "run", "--watch", self.home / "in", "--context", late, "--dir",
                               self.home / "var"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as feeder:
            try:
                until(lambda: "does not know this key" in read_line(feeder.stderr), "the trouble is told")
                self.p.run("keys", "add", self.name, public.decode())
                (self.home / "in" / "values.csv").write_bytes(SHEET.read_bytes())
                until(lambda: self.name in self.p.run("feeders", "list").stdout, "it is in", 60)
            finally:
                feeder.terminate()
                rest = feeder.communicate(timeout=60)[1]
            self.assertLessEqual(rest.count("nobody answers at"), 1)

    def test_a_token_is_printed_once_and_kept_as_a_hash(self):
        self.invite()
        token = self.p.run("keys", "token", self.name, "--expires", "90d").stdout.strip()
        self.assertRegex(token, r"^[0-9a-f]{64}$")
        listed = self.p.run("keys", "tokens", self.name).stdout
        number = re.search(r"token-[0-9a-f]{8}", listed)[0]
        self.assertNotIn(token, listed)
        for file in pathlib.Path(self.p.dir).rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                self.assertNotIn(token.encode(), data, file)
                self.assertNotIn(bytes.fromhex(token), data, file)
        self.p.run("keys", "revoke", number)
        self.assertNotIn(number, self.p.run("keys", "tokens", self.name).stdout)
        self.assertEqual(self.p.run("keys", "token", self.name, check=False).returncode, 2)

    def test_without_a_door_it_says_what_is_missing(self):
        with Pipeline() as alone:
            done = alone.run("keys", "invite", "nobody", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("has no door to a network", done.stderr)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main()
