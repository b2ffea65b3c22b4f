"""Junk at the sockets, from anybody who may connect: nothing crashes, and the work goes on."""

import os
import pathlib
import random
import struct
import unittest

from pipeline import Pipeline, until
from zmtp import connect, frame, greeting, peer, ready, send


GREETING = greeting()
PEERS = {"feed": b"SUB", "scores": b"PUSH", "scorer-1": b"PUSH"}


class Sockets(unittest.TestCase):
    values = 0  # no value is pushed twice

    @classmethod
    def setUpClass(cls):
        cls.p = Pipeline()
        cls.p.__enter__()
        cls.addClassCleanup(cls.p.__exit__, None, None, None)

    def setUp(self):
        self.random = random.Random(766)
        self.before = {i: p["pid"] for i, p in self.p.processes().items()}
        self.names = [p.name for p in pathlib.Path(self.p.dir, "run").iterdir() if p.is_socket()]
        self.assertLessEqual({"door", "work", "snapshot", "feed", "scores", "supervisor", "scorer-1"}, set(self.names))

    def connect(self, name):
        s = connect(os.path.join(self.p.dir, "run", name))
        self.addCleanup(s.close)
        return s

    def peer(self, name):
        """A connection past the handshake, of the kind that this socket speaks to."""
        s = peer(os.path.join(self.p.dir, "run", name), PEERS.get(name, b"DEALER"))
        self.addCleanup(s.close)
        return s

    def assert_works(self):
        """The same processes still do their work."""
        Sockets.values += 1
        value = f"{Sockets.values / 100:.2f}"
        self.p.push_text(f"index,period,unit,indicator,value\nqd766,2025-10,H26,CKMB,{value}\n")
        until(lambda: f",Hà Nội,{value},0,{value}," in self.p.run("watch", "qd766", "2025-10", "--once", "--format", "csv").stdout,
              "the feed shows what was pushed")
        now = self.p.processes()
        self.assertEqual({i: p["pid"] for i, p in now.items()}, self.before)
        self.assertEqual({(p["state"], p["restarts"]) for p in now.values()}, {("running", 0)})

    def test_raw_bytes(self):
        for name in self.names:
            for data in (b"", b"\0" * 70000, b"\xff" * 70000, b"GET / HTTP/1.1\r\n\r\n", self.random.randbytes(200_000),
                         GREETING, GREETING + self.random.randbytes(10_000), GREETING + ready(b"NONSENSE"),
                         GREETING + struct.pack(">BQ", 2, 1 << 62), GREETING + ready(b"DEALER") + frame(b"\x04PING", 4)):
                send(self.connect(name), data)
        self.assert_works()

    def test_messages_of_junk(self):
        malformed = self.p.status()["counters"].get("messages_malformed", 0)
        for name in self.names:
            s = self.peer(name)
            for size in (0, 1, 2, 10, 255, 256, 5000, 100_000):
                send(s, frame(self.random.randbytes(size)))
            send(s, b"".join(frame(self.random.randbytes(50), 1) for _ in range(500)) + frame(b""))
            for number in range(1, 16):  # protobuf that begins well and ends beyond its end
                send(s, frame(bytes([number << 3 | 2, 100]) + self.random.randbytes(20)))
            send(s, frame(b"\x0a\xff\xff\xff\xff\x0f"))
            send(s, frame(b"\x0b" * 10_000))
        until(lambda: self.p.status()["counters"]["messages_malformed"] > malformed, "junk is counted")
        self.assert_works()

    def test_messages_that_are_well_formed_and_make_no_sense(self):
        for name in self.names:
            if name == "supervisor":
                continue  # an empty message of the right number is an order to stop
            s = self.peer(name)
            for number in range(1, 32):
                field = struct.pack("BB", (number << 3 | 2) & 127 | (128 if number > 15 else 0), number >> 4)
                field = field if number > 15 else field[:1]
                for body in (b"", b"\x08\x01\x10\x01", b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", b"\x0a\x01x\x12\x01y",
                             b"\x0a\x00\x12\x00\x18\x00\x20\x00", b"\x08\x40\x10\x7f\x18\x7f\x20\x7f"):
                    send(s, frame(field + bytes([len(body)]) + body))
        self.assert_works()

    def test_a_message_far_too_large(self):
        for name in self.names:
            send(self.peer(name), struct.pack(">BQ", 2, 1 << 40) + bytes(1 << 20))
        self.assert_works()

    def test_very_many_subscriptions(self):
        s = self.peer("feed")
        for _ in range(20):
            send(s, b"".join(frame(b"\x01" + self.random.randbytes(30)) for _ in range(1000)))
        for size in 0, 1, 300, 60_000:
            send(s, frame(b"\x01" + self.random.randbytes(size)) + frame(b"\x00" + self.random.randbytes(size)))
        self.assert_works()

    def test_many_connections_that_say_nothing(self):
        held = [self.connect(name) for name in self.names for _ in range(40)]
        self.assert_works()
        self.assertTrue(held)

    def test_half_messages(self):
        for name in self.names:
            s = self.peer(name)
            send(s, struct.pack(">BQ", 2, 5000) + bytes(100))
            s.close()
        self.assert_works()


if __name__ == "__main__":
    unittest.main()
