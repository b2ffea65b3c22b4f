"""Chapter 4 of PROTOCOL.md. The names of the tests cite the rules."""

import csv
import io
import random
import socket
import unittest

import zmq

from case import CATALOG, Case, good, mutant
from messages import door, envelope, feed
from pipeline import until
from subscriber import Snapshots, Subscriber


class Tcp(Case):
    """The endpoints of --door, --feed and --snapshots speak as the sockets in <dir>/run do."""

    pipeline = {"catalog": CATALOG}
    endpoints = {}

    @classmethod
    def setUpClass(cls):
        for name, option in ("door", "--door"), ("feed", "--feed"), ("snapshot", "--snapshots"):
            with socket.create_server(("127.0.0.1", 0)) as free:
                cls.endpoints[name] = f"tcp://127.0.0.1:{free.getsockname()[1]}"
            cls.arguments = [*cls.arguments, option, cls.endpoints[name]]
        cls.arguments = [*cls.arguments, "--insecure"]
        super().setUpClass()

    @classmethod
    def socket(cls, name):
        return cls.endpoints[name]

    def test_from_the_door_to_the_feed(self):
        s = Subscriber(self.context, self.socket("feed"), self.socket("snapshot"), "cities/2025")
        self.addCleanup(s.close)
        s.until(lambda: s.table, "the snapshot")
        f = self.feeder()
        f.submit(**good(indicator=[2, 3], value=[1.005, 12.5]))  # rounded half away from zero: W7
        f.settle()
        s.until(lambda: s.table.ranks()[1] == 1, "the delta")
        self.assertEqual(s.table.rows[1].score, 6005000)
        self.assertIn(["1", "A", "Alpha", "6.01", "1", "1.01", "5.00"], s.table.printed())
        self.assertEqual(self.row("A")["score"], "6.01")


class Feed(Case):
    TOPIC = "par-province/2024"
    RING = 8
    pipeline = {"scorers": 2, "settings": [f"feed_ring_deltas={RING}"]}

    def subscriber(self, topic=TOPIC):
        s = Subscriber(self.context, self.socket("feed"), self.socket("snapshot"), topic)
        self.addCleanup(s.close)
        s.until(lambda: s.table, "the first snapshot")
        return s

    def snapshots(self):
        s = Snapshots(self.context, self.socket("snapshot"))
        self.addCleanup(s.close)
        return s

    def random_push(self, f, topic, rng, count):
        """Values, restatements, retractions and another stage for random units and leaves, until they are scored."""
        self.random_submit(f, topic, rng, count)
        f.settle()

    def random_submit(self, f, topic, rng, count):
        index, period = topic.split("/")
        about = f.describe(index, period)
        leaves = [i for i in about.indicator if i.leaf]
        units = [r["unit"] for r in self.p.rank(index, period)]
        for _ in range(count):
            some = rng.sample(leaves, rng.randint(1, len(leaves)))
            retract = rng.random() < 0.1
            values = [round(rng.uniform(i.value_min, i.value_max), rng.randint(0, 6)) for i in some]
            f.submit(index=index, period=period, unit=rng.choice(units), stage=rng.choice(about.stage), retract=retract,
                     indicator=[i.id for i in some], value=[] if retract else values,
                     observed_ms=rng.randint(0, 10**12))

    def one_delta(self, f, s, value):
        """One submission to qd766/2025, one delta."""
        seq = s.table.seq
        f.submit(index="qd766", period="2025", unit="H26", stage=door.STAGE_APPRAISED_1, indicator=[2], value=[value])
        f.settle()
        s.until(lambda: s.table and s.table.seq > seq, "a delta")

    def assert_same(self, s):
        """The table becomes the one that `parbus rank` prints."""
        index, period = s.topic.split("/")

        def same():
            s.pump()
            self.printed = list(csv.reader(io.StringIO(self.p.rank_text(index, period))))[1:]
            return s.table and s.table.printed() == sorted(self.printed)
        try:
            until(same, "the table is that of `parbus rank`", 20)
        except AssertionError:
            self.assertEqual(s.table.printed(), sorted(self.printed))
            raise

    def test_f9_topics(self):
        s = self.snapshots()
        s.send(topics=feed.TopicsRequest(request=5))
        topics = s.expect("topics")
        self.assertEqual(topics.request, 5)
        self.assertLessEqual({"qd766/2025", "par-province/2024", "pci/2013"}, set(topics.topic))

    def test_f9_unknown_topic(self):
        s = self.snapshots()
        for topic in "qd766/1999", "nothing", "/":
            s.send(snapshot=feed.SnapshotRequest(topic=topic, request=6))
            answer = s.expect("resync")
            self.assertEqual((answer.request, answer.topic_unknown), (6, True))
            s.send(resume=feed.ResumeRequest(topic=topic, request=7, epoch=1, seq=1))
            self.assertTrue(s.expect("resync").topic_unknown)

    def test_f11_what_cannot_be_read_is_dropped(self):
        s = self.snapshots()
        topics = envelope(feed.ToSnapshots, topics=feed.TopicsRequest())
        for data in b"", b"\xff\xff", topics + topics, b"\x9a\x06\x00":
            s.send_bytes(data)
        s.send(topics=feed.TopicsRequest(request=8))
        self.assertEqual(s.expect("topics").request, 8)

    def test_w2_mutants_and_strange_subscriptions(self):
        rng, s, x = random.Random(43), self.snapshots(), self.context.socket(zmq.XSUB)
        self.addCleanup(x.close, linger=0)
        x.connect(self.socket("feed"))
        seeds = [envelope(feed.ToSnapshots, snapshot=feed.SnapshotRequest(topic="qd766/2025", request=1)),
                 envelope(feed.ToSnapshots, resume=feed.ResumeRequest(topic="qd766/2025", request=1, epoch=1, seq=1)),
                 envelope(feed.ToSnapshots, topics=feed.TopicsRequest(request=1))]
        for _ in range(3000):
            s.send_bytes(mutant(rng, rng.choice(seeds)))
            x.send(rng.randbytes(rng.randint(0, 100)))
            while s.socket.poll(0):
                s.socket.recv()
        x.send_multipart([b"\x01qd766", b"more"])
        x.send(bytes(3 << 20))
        self.subscriber("qd766/2025").pump()

    def test_f8_snapshot_says_what_it_is(self):
        table = self.subscriber().table
        begin = table.begin
        self.assertEqual((begin.topic, begin.status, begin.decimals), (self.TOPIC, "illustrative", 2))
        self.assertEqual((begin.points_max, sum(c.points_max for c in begin.component)), (100000000, 100000000))
        self.assertEqual((begin.rows, len(table.names), len(begin.component)), (63, 63, 8))

    def test_f3_snapshot_then_deltas(self):
        s, f, rng = self.subscriber(), self.feeder(), random.Random(2024)
        for _ in range(5):
            self.random_push(f, self.TOPIC, rng, 40)
            self.assert_same(s)
        self.assertEqual((s.counts["snapshot"], s.counts["resync"]), (1, 0))
        self.assertGreater(s.counts["delta"], 5)
        self.assert_same(self.subscriber())

    def test_f1_subscribers_that_come_while_the_table_moves(self):
        f, rng, late = self.feeder(), random.Random(1), []
        for _ in range(12):
            self.random_submit(f, self.TOPIC, rng, 20)
            late.append(Subscriber(self.context, self.socket("feed"), self.socket("snapshot"), self.TOPIC))
            self.addCleanup(late[-1].close)
            for s in late:
                s.pump(0)
        f.settle()
        for s in late:
            self.assert_same(s)

    def test_f6_incomplete_units_are_not_ranked(self):
        s, f = self.subscriber("papi/2021"), self.feeder()
        self.random_push(f, "papi/2021", random.Random(7), 60)
        self.assert_same(s)
        self.assertIn(0, s.table.ranks().values())

    def test_f6_deltas_say_before_and_after(self):
        s, f = self.subscriber("qd766/2025-10"), self.feeder()
        for value in 5, 6:
            f.submit(index="qd766", period="2025-10", unit="H26", stage=door.STAGE_APPRAISED_1,
                     indicator=[2, 3, 4, 5, 6, 7], value=[value] * 6)
            f.settle()
            s.until(lambda: any(r.score == 6 * value * 10**6 for r in s.table.rows.values()), "the delta")
        row = next(r for r in s.table.rows.values() if r.present)
        self.assertEqual((row.score_before, row.score, row.rank_before, row.rank), (30 * 10**6, 36 * 10**6, 1, 1))
        self.assertEqual((row.present_before, row.complete), (True, True))
        self.assertEqual((row.cause_feeder, row.cause_epoch, row.cause_seq), (f.welcome.feeder_number, 1, 2))

    def test_f4_resume(self):
        f, s, asks = self.feeder(), self.subscriber("qd766/2025"), self.snapshots()
        for value in range(self.RING + 4):
            self.one_delta(f, s, value + 0.125)
        epoch, seq = s.table.epoch, s.table.seq

        def answer(kind, position, of=epoch):
            asks.send(resume=feed.ResumeRequest(topic=s.topic, request=position, epoch=of, seq=position))
            return asks.expect(kind)
        got = answer("resumed", seq - 3)
        self.assertEqual([(d.epoch, d.prev_seq, d.seq) for d in got.delta],
                         [(epoch, n - 1, n) for n in range(seq - 2, seq + 1)])
        self.assertEqual((got.request, got.seq, got.more), (seq - 3, seq, False))
        got = answer("resumed", seq)
        self.assertEqual((len(got.delta), got.seq), (0, seq))
        self.assertEqual(len(answer("resumed", seq - self.RING).delta), self.RING)
        self.assertFalse(answer("resync", seq - self.RING - 1).topic_unknown)
        self.assertFalse(answer("resync", seq + 1).topic_unknown)
        self.assertFalse(answer("resync", seq, epoch ^ 1).topic_unknown)
        self.assert_same(s)

    def test_f4_subscriber_that_missed_deltas(self):
        f, s, other = self.feeder(), self.subscriber("qd766/2025"), self.subscriber("qd766/2025")
        for missed, resumed, resync in (3, 1, 0), (self.RING + 3, 1, 1):
            s.events.unsubscribe(s.frame)
            self.until_unsubscribed(f, s, other)
            for i in range(missed):
                self.one_delta(f, other, random.random())
            s.events.subscribe(s.frame)
            s.until(lambda: s.table and s.table.seq == other.table.seq, "it has caught up")
            self.assertEqual(s.table.printed(), other.table.printed())
            self.assertEqual((s.counts["resumed"], s.counts["resync"]), (resumed, resync), s.counts)

    def until_unsubscribed(self, f, s, other):
        """Until a delta that the other one hears does not come any more."""
        def deaf():
            s.pump()
            heard = s.counts["delta"]
            self.one_delta(f, other, random.random())
            s.pump(0.2)
            return s.counts["delta"] == heard
        until(deaf, "it hears nothing")

    def test_f5_heartbeats(self):
        s = self.subscriber("dti/2022")
        s.until(lambda: s.counts["heartbeat"] >= 3, "heartbeats", 20)
        self.assertEqual(s.told, (s.table.epoch, s.table.seq))

    def test_f1_topics_do_not_mix(self):
        whole, month = self.subscriber("qd766/2025"), self.subscriber("qd766/2025-10")
        f = self.feeder()
        seq = month.table.seq
        self.one_delta(f, whole, 1 + random.random())
        month.pump(0.2)
        self.assertEqual(month.table.seq, seq)

    def test_f12_too_many_subscriptions(self):
        s, f = self.subscriber(), self.feeder()
        greedy = self.context.socket(zmq.SUB)
        self.addCleanup(greedy.close)
        greedy.sndhwm = 0
        greedy.connect(self.socket("feed"))
        for i in range(20000):
            greedy.subscribe(f"no/topic-{i}")

        def cut():
            self.random_push(f, self.TOPIC, random.Random(12), 1)
            s.pump(0.05)
            return self.counter("publisher-1", "subscribers_cut")
        until(cut, "its connection is ended")
        late = self.subscriber()
        self.assert_same(late)
        self.assert_same(s)

    def test_f3_publisher_is_killed(self):
        s, f, rng = self.subscriber(), self.feeder(), random.Random(9)
        self.random_push(f, self.TOPIC, rng, 20)
        self.assert_same(s)
        epoch = s.table.epoch
        self.kill("publisher-1")
        self.random_push(f, self.TOPIC, rng, 20)
        s.until(lambda: s.table and s.table.epoch != epoch, "the table of the new publisher")
        self.assert_same(s)
        self.random_push(f, self.TOPIC, rng, 20)
        self.assert_same(s)


if __name__ == "__main__":
    unittest.main()
