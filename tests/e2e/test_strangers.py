"""What somebody does who can reach the TCP endpoints, or starts a process that nobody asked for: the others go on."""

import contextlib
import os
import resource
import socket
import subprocess
import unittest
from unittest import mock

from chaos import pid_of
from pipeline import BIN, DATA, Pipeline, read_line, until
from zmtp import connect, greeting, is_closed, read_bytes, ready

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
OLD_PEERS = 6000
DESCRIPTORS = 96  # of the ingestor; it needs about 35 for itself


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def resident_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


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
        p = self.pipeline("--door", f"tcp://127.0.0.1:{port}", "--insecure")
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

    def test_connections_that_claim_the_names_of_others(self):
        door, snapshots = free_port(), free_port()
        p = self.pipeline("--door", f"tcp://127.0.0.1:{door}", "--feed", f"tcp://127.0.0.1:{free_port()}",
                          "--snapshots", f"tcp://127.0.0.1:{snapshots}", "--insecure")
        for where in door, snapshots, *(f"{p.dir}/run/{name}" for name in ("door", "snapshot", "work", "supervisor")):
            with contextlib.ExitStack() as held:
                # What rand() gives when nobody seeds it, with the one before that some sockets have drawn.
                claims = [base + further for base in (0x6b8b4567, 0xe43c9869) for further in (1, 2, 30, 60, 120)]
                for identity in [b"\0" + claim.to_bytes(4, "big") for claim in claims] + 140 * [b""]:
                    s = held.enter_context(connect(where))
                    s.sendall(greeting() + ready(identity=identity))
                    self.assertIn(b"READY", read_bytes(s, 64 + 8), where)
        p.push(SHEET)
        self.assertEqual(self.restarts(p), {})

    def test_peers_of_an_old_protocol_are_turned_away_and_cost_no_memory(self):
        port = free_port()
        # What was freed is not to count as used.
        self.enterContext(mock.patch.dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"))
        p = self.pipeline("--door", f"tcp://127.0.0.1:{port}", "--insecure")
        pid = pid_of(p, "ingestor-1")
        p.push(SHEET)
        for where in port, f"{p.dir}/run/door":
            before = resident_kb(pid)
            for _ in range(OLD_PEERS):
                with connect(where) as s:
                    s.sendall(greeting(2) + b"\x00\x04name")
                    self.assertTrue(is_closed(s))
            self.assertLess(resident_kb(pid) - before, OLD_PEERS * 2, where)
        self.assertEqual(self.restarts(p), {})

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
