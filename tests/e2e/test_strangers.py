"""What somebody does who can reach the TCP endpoints, or starts a process that nobody asked for: the others go on."""

import os
import resource
import socket
import subprocess
import unittest

from chaos import pid_of
from pipeline import BIN, DATA, Pipeline, read_line, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
DESCRIPTORS = 96  # of the ingestor; it needs about 35 for itself


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class Strangers(unittest.TestCase):
    def pipeline(self, *arguments):
        p = Pipeline()
        p.arguments += arguments
        return self.enterContext(p)

    def restarts(self, p):
        return {name: process["restarts"] for name, process in p.processes().items() if process["restarts"]}

    def counter(self, p, name):
        return p.status()["counters_by_instance"]["ingestor-1"].get(name, 0)

    def test_more_connections_than_descriptors(self):
        port = free_port()
        p = self.pipeline("--door", f"tcp://127.0.0.1:{port}")
        pid = pid_of(p, "ingestor-1")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        many = [self.enterContext(socket.create_connection(("127.0.0.1", port))) for _ in range(2 * DESCRIPTORS)]
        until(lambda: self.counter(p, "connections_refused"), "some are refused")
        p.push(SHEET)  # by the local door
        health = p.run("health", check=False)
        self.assertEqual(health.returncode, 1)
        self.assertIn("ingestor-1 shuts connections out", health.stderr)
        self.assertEqual(self.restarts(p), {})
        for s in many:
            s.close()
        until(lambda: len(os.listdir(f"/proc/{pid}/fd")) < DESCRIPTORS // 2, "those that were taken are closed")
        until(lambda: p.run("health", check=False).returncode == 0, "health is green again")

    def test_a_second_publisher_does_not_take_the_feed(self):
        p = self.pipeline()
        second = subprocess.run([BIN / "parbus-publisher", "--dir", p.dir, "--instance", "publisher-2"],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(second.returncode, 1)
        self.assertIn("already runs in", second.stderr)
        p.push(SHEET)
        with p.start("watch", "qd766", "2025", "--format", "csv") as watch:
            self.assertTrue(read_line(watch.stdout).startswith("time,"))
            watch.terminate()
            watch.communicate(timeout=60)


if __name__ == "__main__":
    unittest.main()
