"""Whoever asks, connects or subscribes without end is turned away and counted; memory stays bounded, and a push beside it
goes in."""

import contextlib
import os
import re
import socket
import subprocess
import unittest

from chaos import pid_of
from pipeline import BIN, DATA, Pipeline, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
FLOOD = BIN.parent / "tests" / "flood"
MEMORY_BYTES_MAX = 300 << 20
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # else memory freed stays


def memory_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"^RssAnon:\s+(\d+) kB$", f.read(), re.MULTILINE)[1]) << 10


class Floods(unittest.TestCase):
    def pipeline(self, *arguments, **options):
        p = Pipeline(**options)
        p.arguments += arguments
        return self.enterContext(p)

    @contextlib.contextmanager
    def flood(self, p, where, *what):
        process = subprocess.Popen([FLOOD, f"ipc://{p.dir}/run/{where}", *what])
        try:
            yield
        finally:
            process.kill()
            process.wait(60)

    def counter(self, p, instance, name):
        return p.status()["counters_by_instance"].get(instance, {}).get(name, 0)

    def goes_on(self, p, instance):
        p.push(SHEET)
        self.assertLess(memory_bytes(pid_of(p, instance)), MEMORY_BYTES_MAX)
        self.assertEqual({n: s["restarts"] for n, s in p.processes().items() if s["restarts"]}, {})

    def test_questions_that_nobody_reads(self):
        p = self.pipeline()
        with self.flood(p, "door", "stats-unread", "20"):
            until(lambda: self.counter(p, "ingestor-1", "questioners_cut"), "some are cut off")
            self.goes_on(p, "ingestor-1")
        self.assertGreater(self.counter(p, "ingestor-1", "questions_unanswered"), 100)
        self.assertGreater(self.counter(p, "ingestor-1", "refused_busy"), 0)

    def test_hellos_under_one_name_after_another(self):
        p = self.pipeline()
        with self.flood(p, "door", "names", "1"):
            until(lambda: self.counter(p, "ingestor-1", "questioners_cut"), "it is cut off")
            self.goes_on(p, "ingestor-1")
        self.assertEqual(p.run("health", check=False).returncode, 0)

    def test_junk(self):
        p = self.pipeline()
        with self.flood(p, "door", "junk", "3"):
            until(lambda: self.counter(p, "ingestor-1", "refused_malformed") >= 20, "it is refused")
            self.goes_on(p, "ingestor-1")

    def test_subscribers_of_the_same_names(self):
        p = self.pipeline()
        with self.flood(p, "feed", "subscribe", "50"):
            until(lambda: self.counter(p, "publisher-1", "subscribers_cut"), "some are cut off")
            self.goes_on(p, "publisher-1")

    def test_connections_from_one_address(self):
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1]
        p = self.pipeline("--door", f"tcp://127.0.0.1:{port}", "--insecure", settings=["connections_per_address_max=8"])
        many = [self.enterContext(socket.create_connection(("127.0.0.1", port))) for _ in range(20)]
        until(lambda: self.counter(p, "ingestor-1", "connections_over_limit") == 12, "twelve are one too many each")
        self.goes_on(p, "ingestor-1")
        for s in many:
            s.close()
        until(lambda: self.lets_in(port), "those that ended make room")

    def lets_in(self, port):
        """The greeting of ZMTP comes, and not the end."""
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            return s.recv(1) == b"\xff"


if __name__ == "__main__":
    unittest.main()
