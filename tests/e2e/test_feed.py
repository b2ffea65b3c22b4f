"""The feed under stress: a subscriber that is slow, suspended, cut off, or asks for a position long gone ends with the
publisher's exact table, and so does everybody after a restart of the publisher; those who did nothing notice nothing.

"Notices nothing" is what the client library counts: no resume, no resync, no table taken anew, no silence of three
heartbeats. After a restart of the publisher it is exactly one new table."""

import contextlib
import csv
import os
import pathlib
import random
import signal
import socket
import sys
import tempfile
import time
import unittest

os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # else memory freed stays
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import zmq  # noqa: E402
from case import mutant  # noqa: E402
from chaos import FEEDERS, Feeder, Script, Watch, journalled, pid_of, text, try_status  # noqa: E402
from feed_subscribers import Probe, Proxy, Ticking, rss_bytes  # noqa: E402
from messages import envelope, feed  # noqa: E402
from pipeline import Pipeline, free_endpoint, until  # noqa: E402
from subscriber import Subscriber  # noqa: E402

LONG = bool(os.environ.get("PARBUS_TEST_LONG"))
HEARTBEAT_MS = 2000
SUSPENDED_S = 60 if LONG else 7  # longer than three heartbeats
MISSED_DELTAS = 4000  # more than the ring and all queues of a connection hold
RING = 16
TOPICS = ["qd766/2025", "par-province/2024", "papi/2021"]
BUSY = TOPICS[1]
SLICE_ROWS = 100
LAG_MAX = 2000
CROWD, CROWD_PROCESSES, RENEWALS = 200, 4, 400 if LONG else 100
# A subscriber that does not read costs the publisher at most 1000 feed messages, shared by all who are slow, and 32 parts of
# snapshots: with these tables not more than 8 MB. Each of the crowd's 400 connections has its queues besides, some 100 KB.
MEMORY_BYTES_MAX = 64 << 20


class Load:
    """Several feeders that push as fast as the ranking follows."""

    def __init__(self, pipeline):
        self.p = pipeline
        self.scripts = [Script(name, "feed", SLICE_ROWS) for name in FEEDERS]
        self.base, self.given, self.round = journalled(pipeline.status()), 0, 0
        self.feeders = {s.feeder: Feeder(pipeline, s.feeder) for s in self.scripts}

    def step(self):
        for s in self.scripts:
            self.feeders[s.feeder].give(text(s.slice(self.round)))
        self.given += SLICE_ROWS * len(self.scripts)
        self.round += 1
        until(lambda: self.behind() < LAG_MAX, "the ranking follows")

    def behind(self):
        status = try_status(self.p)
        return self.given - journalled(status) + self.base + status["lag"] if status else LAG_MAX

    @contextlib.contextmanager
    def running(self):
        thread = Ticking(self.step)
        try:
            yield
        finally:
            thread.end()
        until(lambda: self.behind() == 0, "everything that was pushed is in the ranking")


class FeedUnderStress(unittest.TestCase):
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.feed, cls.snapshots = free_endpoint(), free_endpoint()
        pipeline = Pipeline(scorers=2, settings=[f"feed_ring_deltas={RING}", "feed_merge_ms=0", f"feed_heartbeat_ms={HEARTBEAT_MS}"])
        pipeline.arguments += ["--feed", cls.feed, "--snapshots", cls.snapshots, "--insecure"]
        cls.p = cls.enterClassContext(pipeline)
        cls.ipc = [f"ipc://{cls.p.dir}/run/{name}" for name in ("feed", "snapshot")]
        cls.tcp = [cls.feed, cls.snapshots]
        cls.context = zmq.Context()
        cls.addClassCleanup(cls.context.destroy, linger=0)
        cls.load = Load(cls.p)
        cls.addClassCleanup(lambda: [f.kill() for f in cls.load.feeders.values()])
        cls.undisturbed = [cls.started(Probe(*cls.ipc, topic)) for topic in TOPICS]
        cls.undisturbed.append(cls.started(Probe(*cls.tcp, BUSY)))
        cls.undisturbed.append(cls.started(Probe(*cls.ipc, ",".join(TOPICS))))
        cls.watch = Watch(cls.p, *BUSY.split("/"))
        cls.addClassCleanup(cls.watch.kill)
        with cls.load.running():
            until(lambda: all(probe.ready() for probe in cls.undisturbed), "everybody holds a table")
        cls.all_exact(cls, [])

    @classmethod
    def started(cls, probe):
        cls.addClassCleanup(probe.kill)
        return probe

    def setUp(self):
        self.before = [probe.state() for probe in self.undisturbed]
        self.words_before = len(self.watch.words)
        self.memory = rss_bytes(self.publisher())

    @classmethod
    def publisher(cls):
        return until(lambda: pid_of(cls.p, "publisher-1"), "the publisher runs")

    def probe(self, endpoints, topic=BUSY, count=1):
        probe = Probe(*endpoints, topic, count)
        self.addCleanup(probe.kill)
        until(probe.ready, "it holds a table")
        return probe

    def proxy(self, endpoints):
        directory = self.enterContext(tempfile.TemporaryDirectory(prefix="parbus."))
        proxy = Proxy(*endpoints, directory if endpoints is self.ipc else None)
        self.addCleanup(proxy.end)
        return proxy

    def deltas_go_by(self, count, seconds=0):
        """So many deltas of the busy topic, and so much time."""
        from_seq, began = self.seq(), time.monotonic()
        until(lambda: self.seq() - from_seq >= count and time.monotonic() - began >= seconds, f"{count} deltas", 240)

    def seq(self):
        return self.undisturbed[TOPICS.index(BUSY)].state()["seq"]

    # ---- what holds at the end ----

    def all_exact(self, probes):
        """Nothing is pushed any more: everybody holds what `parbus rank` says."""
        ranks = {topic: self.p.rank_text(*topic.split("/")) for topic in TOPICS}
        for probe in [*self.undisturbed, *probes]:
            for number, topic in enumerate(probe.topics):
                until(lambda: probe.table(number) == ranks[topic], f"table {number} of {probe.topic} is exact")

    def noticed_nothing(self, restarts=0):
        for before, probe in zip(self.before, self.undisturbed):
            now = probe.state()
            grown = {what: now[what] - before[what] for what in ("snapshots", "resumes", "resyncs", "silences")}
            self.assertGreater(now["deltas"], before["deltas"], probe.topic)
            if restarts:
                self.assertEqual((grown["snapshots"], grown["resumes"]), (restarts * len(probe.topics), 0), (probe.topic, grown))
            else:
                self.assertEqual(grown, dict.fromkeys(grown, 0), (probe.topic, probe.words))
        if restarts:  # what changed meanwhile is not listed, as it says
            self.assertTrue(any("the whole table came anew" in line for line in self.watch.words[self.words_before:]))
            self.watch.seen.clear()
            return
        self.assertEqual(self.watch.words[self.words_before:], [])
        ranks = {row["unit"]: row["score"] for row in self.p.rank(*BUSY.split("/"))}
        until(lambda: self.watch.scores() and self.watch.scores().items() <= ranks.items(), "watch tells the same")

    def memory_is_bounded(self):
        grown = rss_bytes(self.publisher()) - self.memory
        print(f"{self.id().split('.')[-1]}: the publisher's memory grew by {grown >> 10} KiB", flush=True)
        self.assertLess(grown, MEMORY_BYTES_MAX)

    def in_good_order(self, probes, restarts=0):
        self.all_exact(probes)
        self.noticed_nothing(restarts)
        for probe in probes:
            probe.end()

    # ---- the tests ----

    def is_there(self, probe):
        return probe.state()["seq"] >= self.seq() - 100

    def test_suspended_slow_and_stalled(self):
        sleepers = [self.probe(self.ipc), self.probe(self.tcp)]
        narrow, stalled = ([self.proxy(self.tcp), self.proxy(self.ipc)] for _ in range(2))
        others = [self.probe((p.feed, p.snapshots)) for p in narrow + stalled]
        with self.load.running():
            for probe in sleepers:
                probe.suspend()
            for proxy in narrow:
                proxy.slow(True)
            for proxy in stalled:
                proxy.stall()
            self.deltas_go_by(MISSED_DELTAS, SUSPENDED_S)
            self.assertFalse(any(self.is_there(probe) for probe in others[:len(narrow)]))
            self.memory_is_bounded()
            for probe in sleepers:
                probe.resume()
            for proxy in narrow:
                proxy.slow(False)
            for proxy in stalled:
                proxy.go_on()
            until(lambda: all(self.is_there(probe) for probe in sleepers + others), "they are back")
        self.assertGreater(sleepers[0].state()["resyncs"], 0)  # its position was gone
        self.in_good_order(sleepers + others)

    def test_cut(self):
        proxies = [self.proxy(self.tcp), self.proxy(self.ipc)]
        probes = [self.probe((p.feed, p.snapshots)) for p in proxies]
        rng = random.Random(1)
        with self.load.running():
            for _ in range(20 if LONG else 6):
                until(lambda: all(proxy.connections() == 2 for proxy in proxies), "they are connected")
                self.deltas_go_by(rng.choice([1, 100]))
                for proxy in proxies:
                    proxy.cut()
            until(lambda: all(self.is_there(probe) for probe in probes), "they are back")
        self.in_good_order(probes)

    def test_connections_that_are_dead_and_nobody_tells(self):
        """Both of them, that of the deltas, that of the answers."""
        proxies = [self.proxy(self.tcp) for _ in range(3)]
        dead = [self.tcp, self.tcp[:1], self.tcp[1:]]
        probes = [self.probe((p.feed, p.snapshots)) for p in proxies]
        with self.load.running():
            for proxy, endpoints in zip(proxies, dead):
                proxy.forget(endpoints)
            for probe in probes[:2]:
                until(lambda: any("connecting anew" in line for line in probe.words), "it connects anew")
            proxies[2].forget(self.tcp[:1])
            self.deltas_go_by(RING)
            proxies[2].cut(self.tcp[:1])  # it comes back with a gap, and needs an answer
            until(lambda: any("connecting anew" in line for line in probes[2].words), "it connects anew")
            until(lambda: all(self.is_there(probe) for probe in probes), "they are back")
        self.in_good_order(probes)

    def test_positions_that_are_gone(self):
        """Long past, of another publisher, ahead: the publisher says so, and the table is exact again."""
        wrong = {"gone": lambda table: setattr(table, "seq", 1),
                 "of another epoch": lambda table: setattr(table, "epoch", table.epoch ^ 1),
                 "ahead": lambda table: setattr(table, "seq", table.seq + 10**6)}
        topic = TOPICS[0]
        s = Subscriber(self.context, *self.tcp, topic)
        self.addCleanup(s.close)
        with self.load.running():
            self.deltas_go_by(RING * 2)
            for what, change in wrong.items():
                s.until(lambda: s.table and not s.asking and s.table.seq > RING, "it holds a table")
                resyncs = s.counts["resync"]
                change(s.table)
                s._ask_resume()
                s.until(lambda: s.counts["resync"] > resyncs, what)
        ranks = self.p.rank_text(*topic.split("/"))
        s.until(lambda: s.table and s.table.printed() == sorted(csv.reader(ranks.splitlines()[1:])), "it is exact")
        self.in_good_order([])

    def test_the_publisher_dies_stops_and_hangs(self):
        probes = [self.probe(self.ipc), self.probe(self.tcp), self.probe(self.tcp, TOPICS[0])]
        for how in signal.SIGKILL, signal.SIGTERM:
            self.setUp()
            with self.load.running():
                self.deltas_go_by(10)
                pid, epoch = self.publisher(), self.undisturbed[0].state()["epoch"]
                os.kill(pid, how)
                until(lambda: all(p.state()["epoch"] != epoch for p in [*self.undisturbed, *probes]), "a new publisher")
                self.deltas_go_by(10)
            self.all_exact(probes)
            self.noticed_nothing(restarts=1)
        self.setUp()
        with self.load.running():
            pid = self.publisher()
            os.kill(pid, signal.SIGSTOP)
            began = time.monotonic()
            until(lambda: time.monotonic() - began > 1.5, "a while")  # not so long that it is replaced
            os.kill(pid, signal.SIGCONT)
            self.deltas_go_by(10)
        self.in_good_order(probes)

    def test_a_crowd_that_comes_and_goes_among_vandals(self):
        crowd = [self.probe(self.ipc if n % 2 else self.tcp, count=CROWD // CROWD_PROCESSES) for n in range(CROWD_PROCESSES)]
        vandal = Vandal(self.context, self.ipc[1], self.tcp[1])
        with self.load.running():
            vandals = Ticking(vandal.step)
            for n in range(RENEWALS):
                crowd[n % len(crowd)].renew()
            until(lambda: vandal.steps > 50, "the vandals have been at work")
            until(lambda: all(probe.ready() for probe in crowd), "all hold a table")
            self.deltas_go_by(100)
            vandals.end()
        self.memory_is_bounded()
        vandal.close()
        self.in_good_order(crowd)


class Vandal:
    """Asks the snapshot socket for nonsense, for too much, and for answers that it never reads."""

    def __init__(self, context, ipc, tcp):
        self.rng = random.Random(1)
        self.steps = 0
        self.context, self.endpoints, self.tcp = context, [ipc, tcp], tcp
        self.deaf = [self.dealer(endpoint) for endpoint in self.endpoints for _ in range(5)]
        self.good = [envelope(feed.ToSnapshots, snapshot=feed.SnapshotRequest(topic=topic, request=1)) for topic in TOPICS]
        self.good.append(envelope(feed.ToSnapshots, resume=feed.ResumeRequest(topic=BUSY, request=1, epoch=1, seq=1)))
        self.good.append(envelope(feed.ToSnapshots, topics=feed.TopicsRequest(request=1)))

    def dealer(self, endpoint):
        dealer = self.context.socket(zmq.DEALER)
        dealer.linger, dealer.rcvhwm, dealer.sndhwm = 0, 1, 100
        dealer.connect(endpoint)
        return dealer

    def close(self):
        for dealer in self.deaf:
            dealer.close()

    @staticmethod
    def throw(dealer, *frames):
        with contextlib.suppress(zmq.Again):
            dealer.send_multipart(frames, zmq.DONTWAIT)

    def step(self):
        self.steps += 1
        for dealer in self.deaf:
            self.throw(dealer, self.rng.choice(self.good))
        dealer = self.dealer(self.rng.choice(self.endpoints))
        for _ in range(20):
            self.throw(dealer, mutant(self.rng, self.rng.choice(self.good)))
        self.throw(dealer, b"", self.good[0])
        huge = envelope(feed.ToSnapshots, snapshot=feed.SnapshotRequest(topic="x" * self.rng.choice([10**6, 3 * 10**6])))
        self.throw(dealer, huge)
        dealer.close()
        host, port = self.tcp.removeprefix("tcp://").split(":")
        with contextlib.suppress(OSError), socket.create_connection((host, int(port))) as raw:
            raw.sendall(self.rng.randbytes(self.rng.choice([1, 64, 10**5])))


if __name__ == "__main__":
    unittest.main()
