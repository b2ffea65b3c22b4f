"""What lies on the disk, and what others can see of the processes: nothing that is not the owner's, and no secret."""

import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

from pipeline import BIN, DATA, Pipeline, free_endpoint, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


def secrets_of(*files):
    return [line.split(" = ")[1] for file in files for line in file.read_text().splitlines() if line.startswith("secret")]


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


class AtRest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        old = os.umask(0)  # the worst of them
        cls.addClassCleanup(os.umask, old)
        cls.door, cls.feed, cls.snapshots = free_endpoint(), free_endpoint(), free_endpoint()
        pipeline = Pipeline()
        pipeline.arguments += ["--door", cls.door, "--feed", cls.feed, "--snapshots", cls.snapshots]
        cls.p = cls.enterClassContext(pipeline)
        cls.place = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="parbus.")))
        cls.context = cls.place / "h05.context"
        cls.p.run("keys", "new", "h05", "--out", cls.context, "--door", cls.door, "--feed", cls.feed, "--snapshots",
                  cls.snapshots)
        cls.p.run("access", "grant", "h05", "appraise")
        cls.elsewhere("push", SHEET, "--wait", "--context", cls.context)

    @classmethod
    def elsewhere(cls, *arguments):
        return subprocess.run([BIN / "parbus", *arguments, "--dir", cls.place / "feeder"], capture_output=True, text=True,
                              timeout=120, stdin=subprocess.DEVNULL)

    def test_everything_in_the_directories_is_their_owner_s_alone(self):
        self.p.push(SHEET)
        self.p.run("backup", self.place / "backup")
        for top in (self.p.dir, self.place / "feeder", self.place / "backup"):
            self.assertEqual(mode(top), 0o700, top)
            for at, directories, files in os.walk(top):
                for name in directories:
                    self.assertEqual(mode(os.path.join(at, name)), 0o700, os.path.join(at, name))
                for name in files:
                    path = os.path.join(at, name)
                    wanted = 0o700 if stat.S_ISSOCK(os.lstat(path).st_mode) else 0o600
                    self.assertEqual(mode(path) & 0o077, 0, path)
                    self.assertEqual(mode(path) & ~wanted, 0, path)
        self.assertEqual(mode(self.context), 0o600)

    def test_secrets_are_in_key_files_alone(self):
        server = pathlib.Path(self.p.dir, "keys", "server")
        secrets = secrets_of(self.context, server)
        self.assertEqual(len(secrets), 2)
        for top in (pathlib.Path(self.p.dir), self.place / "feeder"):
            for file in top.rglob("*"):
                if file.is_file() and file != server:
                    data = file.read_bytes()
                    for secret in secrets:
                        self.assertNotIn(secret.encode(), data, file)

    def test_secrets_are_no_arguments_and_no_environment(self):
        secrets = secrets_of(self.context, pathlib.Path(self.p.dir, "keys", "server"))
        push = subprocess.Popen([BIN / "parbus", "push", "-", "--context", self.context, "--dir", self.place / "feeder"],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(push.communicate)
        self.addCleanup(push.kill)
        pids = [process["pid"] for process in self.p.processes().values()] + [push.pid]
        for pid in pids:
            for file in ("cmdline", "environ"):
                data = pathlib.Path("/proc", str(pid), file).read_bytes()
                for secret in secrets:
                    self.assertNotIn(secret.encode(), data)

    def dumps(self, process, place):
        """Ends it so that the kernel writes a core file, if it may."""
        os.kill(process.pid, signal.SIGQUIT)
        _, status = os.waitpid(process.pid, 0)
        process.returncode = -signal.SIGQUIT
        self.assertTrue(os.WIFSIGNALED(status))
        return os.WCOREDUMP(status) or any(p.name.startswith("core") for p in place.iterdir())

    def start(self, place, *line):
        environment = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":disable_coredump=0"}
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        process = subprocess.Popen([str(word) for word in line], cwd=place, stdin=subprocess.PIPE, env=environment,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)))
        self.addCleanup(process.stdin.close)
        return process

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, "no core dumps here at all")
    def test_who_has_a_key_in_its_memory_leaves_no_core(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as folder:
            place = pathlib.Path(folder)
            sleeper = self.start(place, shutil.which("sleep"), "1000")
            if not self.dumps(sleeper, place):
                self.skipTest("this kernel writes no core file here")
            for core in place.iterdir():
                core.unlink()
            push = self.start(place, BIN / "parbus", "push", "-", "--context", self.context, "--dir", place / "feeder")
            until(lambda: (place / "feeder" / "outbox" / "h05" / "queue.0").exists(), "it has read its key")
            self.assertFalse(self.dumps(push, place))

    @unittest.skipIf(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, "no core dumps here at all")
    def test_who_has_the_server_s_key_leaves_no_core(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as folder:
            place = pathlib.Path(folder)
            ingestor = self.start(place, BIN / "parbus-ingestor", "--dir", place / "data", "--door", free_endpoint())
            until(lambda: (place / "data" / "keys" / "server").exists(), "it has its key")
            self.assertFalse(self.dumps(ingestor, place))


if __name__ == "__main__":
    unittest.main()
