"""Chapter 2 of PROTOCOL.md, and what nobody should send. The names of the tests cite the rules."""

import os
import random
import resource
import time
import unittest

import zmq

from case import CATALOG, Case, good, mutant, submission
from feeder import Feeder, Stopped
from messages import door, envelope
from pipeline import until

DAY_S = 86400
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # else memory freed stays


class Hello(Case):
    pipeline = {"catalog": CATALOG}

    def test_d4_welcome(self):
        w = self.hello(self.door(), request=77)
        self.assertEqual((w.next_seq, w.scored, w.accepted_rows, w.rejected_rows), (1, 0, 0, 0))
        self.assertGreater(w.window, 0)
        self.assertEqual((w.submission_bytes_max, w.rows_max), (1 << 20, 16384))
        self.assertGreater(w.feeder_number, 0)

    def test_d1_before_hello(self):
        d = self.door()
        d.send(submission=submission(3))
        self.refusal(d, door.REFUSED_NO_HELLO, 3)
        d.send(status=door.Status(from_seq=1, to_seq=2))
        self.refusal(d, door.REFUSED_NO_HELLO)
        d.send(describe=door.Describe())
        d.expect("description")
        d.send(stats=door.Stats())
        stats = d.expect("stats")
        self.assertTrue(stats.accepting)
        self.assertEqual({w.service for w in stats.worker}, {"validator", "scorer", "publisher"})
        self.assertEqual({p.scorer for p in stats.partition}, {"scorer-1"})
        self.assertEqual(self.hello(d).next_seq, 1)

    def test_d1_hello_may_be_repeated(self):
        d = self.welcomed()
        d.send(submission=submission(1))
        self.receipt(d, 1)
        self.assertEqual(self.hello(d, request=2).next_seq, 2)

    def test_d2_wrong_version(self):
        d = self.door()
        for version in 0, 2, 4294967295:
            d.send(hello=door.Hello(protocol_version=version, feeder=self.name, epoch=1, line=1))
            self.refusal(d, door.REFUSED_PROTOCOL_VERSION)
        self.hello(d)

    def test_w4_names(self):
        d = self.door()
        for name in "", "a b", "a/b", "ă":
            d.send(hello=door.Hello(protocol_version=1, feeder=name, epoch=1, line=1))
            self.refusal(d, door.REFUSED_NAME)
        d.send(hello=door.Hello(protocol_version=1, feeder="x" * 65, epoch=1, line=1))
        self.refusal(d, door.REFUSED_TOO_LARGE)
        self.hello(d, "x" * 64)
        with self.assertRaises(Stopped):
            self.feeder("not a name")

    def test_d16_a_name_in_use(self):
        first = self.feeder()
        first.submit(**good())
        first.flush()
        other = self.door()
        hello = door.Hello(protocol_version=1, feeder=self.name, epoch=2, line=2)
        other.send(hello=hello)
        self.assertIn("another outbox has it", self.refusal(other, door.REFUSED_IN_USE).detail)
        hello.take_over = True
        other.send(hello=hello)
        self.assertEqual(other.expect("welcome").next_seq, 1)
        first.door.send(submission=submission(2))
        self.refusal(first.door, door.REFUSED_NO_HELLO, 2)
        other.send(hello=door.Hello(protocol_version=1, feeder=self.name, epoch=2))
        self.refusal(other, door.REFUSED_MALFORMED)

    def test_d17_somebody_elses_receipt(self):
        first = self.feeder()
        first.submit(**good())
        first.flush()
        copy = self.feeder(epoch=2)  # its outbox is a copy
        copy.submit(**good(value=[2.0]))
        copy.flush()
        copy.door.send(submission=submission(2, value=[3.0]))  # … that somebody else used, too
        copy.submit(**good(value=[4.0]))
        copy.flush()
        self.assertEqual(copy.epoch, 3)
        self.assertEqual(copy.settle().accepted_rows, 1)

    def test_d18_a_name_that_is_given_back(self):
        first = self.feeder()
        first.submit(**good())
        first.bye()
        other = Feeder(self.context, self.socket("door"), self.name, line=2)
        self.addCleanup(other.close)
        other.submit(**good())
        other.connect()
        other.flush()
        self.assertEqual(other.epoch, 2)

    def test_d3_epochs(self):
        d = self.welcomed(epoch=3)
        d.send(submission=submission(1))
        self.receipt(d, 1)
        self.scored(d, 1)
        stale = self.door()
        stale.send(hello=door.Hello(protocol_version=1, feeder=self.name, epoch=2, line=1))
        self.assertEqual(self.refusal(stale, door.REFUSED_STALE_EPOCH).detail, "epoch 3 is known")
        stale.send(submission=submission(1))
        self.refusal(stale, door.REFUSED_NO_HELLO, 1)
        w = self.hello(d, epoch=4)
        self.assertEqual((w.next_seq, w.scored, w.accepted_rows), (1, 0, 0))
        d.send(submission=submission(1))
        self.assertEqual(d.expect("receipt").epoch, 4)
        self.assertEqual(self.scored(d, 1).epoch, 4)

    def test_d3_a_refused_hello_changes_nothing(self):
        d = self.welcomed(epoch=2)
        d.send(hello=door.Hello(protocol_version=1, feeder=self.name, epoch=1, line=1))
        self.refusal(d, door.REFUSED_STALE_EPOCH)
        d.send(submission=submission(1))
        self.assertEqual(d.expect("receipt").epoch, 2)

    def test_d3_an_epoch_ahead_of_the_clock(self):
        d = self.door()
        for epoch in 2**64 - 1, int((time.time() + 2 * DAY_S) * 1000) << 20:
            d.send(hello=door.Hello(protocol_version=1, feeder=self.name, epoch=epoch, line=1))
            r = self.refusal(d, door.REFUSED_EPOCH_AHEAD)
            self.assertGreater(r.retry_after_ms, 0)
            self.assertIn(str(epoch), r.detail)
        self.assertEqual(self.hello(d, epoch=(int(time.time() * 1000) << 20) + 7).next_seq, 1)

    def test_d3_feeder_that_lost_its_memory(self):
        first = self.feeder(epoch=5)
        for _ in range(3):
            first.submit(**good())
        first.settle()
        again = self.feeder()
        self.assertEqual(again.epoch, 6)
        again.submit(**good())
        self.assertEqual(again.settle().accepted_rows, 1)
        with self.assertRaises(Stopped):
            first.connect()

    def test_d3_feeder_with_an_old_memory(self):
        first = self.feeder()
        for _ in range(3):
            first.submit(**good())
        first.settle()
        self.assertEqual(self.feeder().epoch, 2)

    def test_d3_feeder_that_meets_another_journal(self):
        f = self.feeder()
        f.submit(**good())
        f.settle()
        f.name += "-unknown"
        f.connect()
        self.assertEqual((f.epoch, f.last_seq), (2, 0))
        f.submit(**good())
        self.assertEqual(f.settle().accepted_rows, 1)

    def test_d14_the_newest_connection_has_the_feeder(self):
        old, new = self.welcomed(), self.welcomed()
        old.send(submission=submission(1))
        self.refusal(old, door.REFUSED_NO_HELLO, 1)
        new.send(submission=submission(1))
        self.receipt(new, 1)

    def test_d14_a_connection_has_the_feeder_of_its_last_hello(self):
        d = self.welcomed(self.name + "-1")
        d.send(submission=submission(1))
        self.receipt(d, 1)
        self.assertEqual(self.hello(d, self.name + "-2", request=2).next_seq, 1)

    def test_d12_describe(self):
        f = self.feeder()
        self.assertEqual(list(f.describe().index_known), ["cities"])
        about = f.describe("cities", "2024")
        self.assertEqual((about.index, about.title_vi, about.title_en), ("cities", "Thành phố", "Cities"))
        self.assertEqual((about.version, about.status), (1, "illustrative"))
        self.assertEqual(list(about.period), ["2024", "2025"])
        self.assertEqual(list(about.stage), [door.STAGE_SELF, door.STAGE_APPRAISED_1])
        self.assertEqual([(i.id, i.code, i.leaf) for i in about.indicator],
                         [(1, "total", False), (2, "ONE", True), (3, "TWO", True)])
        self.assertEqual([(i.value_min, i.value_max) for i in about.indicator if i.leaf], [(0, 60), (0, 100)])
        self.assertEqual(f.indicators("cities"), {"ONE": 2, "TWO": 3})
        self.assertNotIn("1999", f.describe("cities", "1999").period)

    def test_d12_unknown_index(self):
        d = self.door()
        d.send(describe=door.Describe(index="citys"))
        self.assertIn("cities", self.refusal(d, door.REFUSED_INDEX_UNKNOWN).detail)


class Unread:
    """Questions whose answers nobody reads, and as many of them are answered as are asked (D20)."""

    CONNECTIONS = 4
    ANY = ["questions_per_s=1000000", "questions_all_per_s=1000000"]

    def rss_bytes(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * resource.getpagesize()

    def test_d15_memory_is_bounded(self):
        f, before = self.feeder(), self.rss_bytes()
        ask = envelope(door.ToIngestor, **self.QUESTION)
        for _ in range(self.CONNECTIONS):
            deaf = self.context.socket(zmq.DEALER)
            self.addCleanup(deaf.close)
            deaf.sndhwm, deaf.rcvhwm = 0, 1
            deaf.connect(self.socket("door"))
            for _ in range(self.QUESTIONS):
                deaf.send(ask)
        until(lambda: self.counter("ingestor-1", "sends_full") > 1000, "their queues are full")
        f.submit(index="qd766", period="2025", unit="Hà Nội", stage=door.STAGE_APPRAISED_1, indicator=[2], value=[1.0])
        self.assertEqual(f.settle().accepted_rows, 1)
        self.assertLess(self.rss_bytes() - before, self.MEMORY_BYTES_MAX)


class UnreadDescriptions(Unread, Case):
    QUESTION, QUESTIONS, MEMORY_BYTES_MAX = {"describe": door.Describe(index="par-province")}, 15000, 32 << 20
    pipeline = {"settings": Unread.ANY}


class UnreadStats(Unread, Case):
    """The largest answers there are: more than 200 kB each."""

    QUESTION, QUESTIONS, MEMORY_BYTES_MAX = {"stats": door.Stats()}, 1000, 32 << 20
    pipeline = {"settings": ["partitions=4096", *Unread.ANY]}


class Malformed(Case):
    """W1 to W6: nobody's bytes hurt the ingestor or the connection."""

    pipeline = {"catalog": CATALOG}

    def refused_at(self, d, seq, reason, **changes):
        d.send(submission=submission(seq, **changes))
        self.refusal(d, reason, seq)
        self.receipt(d, seq)

    def test_w2_envelopes(self):
        d = self.welcomed()
        hello = envelope(door.ToIngestor, hello=door.Hello(protocol_version=1, feeder=self.name, epoch=1, line=1))
        stats = envelope(door.ToIngestor, stats=door.Stats())
        unknown_kind, unknown_number = b"\x9a\x06\x00", b"\x98\x06\x01"
        broken = {
            "empty": b"", "garbage": b"\xff\xff\xff", "zeros": bytes(16), "two fields": hello + stats,
            "one field twice": hello + hello, "unknown kind": unknown_kind,
            "something after it": hello + unknown_number,
            "cut off": hello[:-1], "field of another type": b"\x08\x01", "length beyond the end": b"\x12\x7fabc",
            "random": random.Random(1).randbytes(1000),
        }
        for what, data in broken.items():
            with self.subTest(what):
                d.send_bytes(data)
                self.refusal(d, door.REFUSED_MALFORMED)
                self.hello(d)

    def test_w5_unknown_fields_are_ignored(self):
        d = self.welcomed()
        body = submission(1).SerializeToString() + b"\x98\x06\x01" + b"\xa2\x06\x03abc"
        d.send_bytes(b"\x12" + bytes([len(body)]) + body)
        self.receipt(d, 1)
        self.assertEqual(self.scored(d, 1).accepted_rows, 1)

    def test_w1_more_frames_are_dropped(self):
        d = self.welcomed()
        stats = envelope(door.ToIngestor, stats=door.Stats())
        for frames in [stats, stats], [b"", stats]:
            d.socket.send_multipart(frames)
        self.assertEqual(self.hello(d, request=5).request, 5)
        self.assertEqual(d.receive(0.2)[0], "scored")
        self.assertEqual(d.receive(0.2), (None, None))

    def test_w3_too_large_a_frame_closes_the_connection(self):
        f = self.feeder()
        f.submit(**good())
        f.settle()
        f.door.send_bytes(bytes(3 << 20))
        f.submit(**good())
        f.settle()
        self.assertEqual(f.totals.accepted_rows, 2)

    def test_d9_what_can_never_be_taken_uses_its_seq_up(self):
        bad, large = door.REFUSED_MALFORMED, door.REFUSED_TOO_LARGE
        evidence = door.Evidence
        faults = [
            (bad, {"value": [1, 2]}), (bad, {"value": []}), (bad, {"row_observed_ms": [1, 2]}),
            (bad, {"retract": True}),
            (large, {"unit": "x" * 257}), (large, {"index": "x" * 65}), (large, {"period": "x" * 65}),
            (large, {"indicator": [2] * 16385, "value": [1] * 16385}),
            (large, {"evidence": [evidence(row=0, uri="u" * 2049)]}),
            (large, {"evidence": [evidence(row=0, note="n" * 1025)]}),
            (large, {"evidence": [evidence(row=0, uri="u" * 2000, note="n" * 1000)] * 400}),
            (bad, {"unit": "A\0"}),
        ]
        d = self.welcomed()
        for seq, (reason, changes) in enumerate(faults, 1):
            with self.subTest(changes=str(changes)[:60]):
                self.refused_at(d, seq, reason, **changes)
        last = len(faults)
        self.scored(d, last)
        w = self.hello(d, request=9)
        self.assertEqual((w.next_seq, w.scored, w.accepted_rows, w.rejected_rows), (last + 1, last, 0, 0))
        d.send(submission=submission(last + 1))
        self.receipt(d, last + 1)

    def test_w4_text_and_enums(self):
        d = self.welcomed()
        swaps = [(b"cities", b"cit\xffes"), (b"\x28\x02", b"\x28\x63")]  # stage 99
        for seq, (part, bad) in enumerate(swaps, 1):
            data = envelope(door.ToIngestor, submission=submission(seq))
            self.assertIn(part, data)
            d.send_bytes(data.replace(part, bad))
            self.refusal(d, door.REFUSED_MALFORMED, seq)
            self.receipt(d, seq)

    def test_d9_a_seq_that_cannot_be_read_is_not_used_up(self):
        d = self.welcomed()
        for broken in submission(0), door.Submission(**good()):
            d.send(submission=broken)
            self.refusal(d, door.REFUSED_MALFORMED)
        body = submission(1).SerializeToString()[:-3]
        d.send_bytes(b"\x12" + bytes([len(body)]) + body)
        self.refusal(d, door.REFUSED_MALFORMED)
        self.assertEqual(self.hello(d, request=2).next_seq, 1)

    def test_d9_a_broken_submission_out_of_turn_is_a_gap_or_a_repeat(self):
        d = self.welcomed()
        d.send(submission=submission(5, value=[]))
        self.refusal(d, door.REFUSED_SEQUENCE_GAP, 1)
        d.send(submission=submission(1))
        self.receipt(d, 1)
        d.send(submission=submission(1, value=[]))
        self.receipt(d, 1)

    def test_d11_status_upside_down(self):
        d = self.welcomed()
        d.send(status=door.Status(from_seq=2, to_seq=1))
        self.refusal(d, door.REFUSED_MALFORMED)

    def test_w2_mutants_are_answered_and_nobody_dies(self):
        d, rng, name = self.door(), random.Random(42), self.name
        evidence = [door.Evidence(row=0, uri="https://example.org/a.pdf", sha256=bytes(32), note="ghi chú")]
        seeds = [envelope(door.ToIngestor, hello=door.Hello(protocol_version=1, feeder=name, epoch=1, request=1, line=1)),
                 envelope(door.ToIngestor, status=door.Status(from_seq=1, to_seq=300, from_row=1)),
                 envelope(door.ToIngestor, describe=door.Describe(index="cities", period="2025")),
                 envelope(door.ToIngestor, stats=door.Stats())]
        for seq in range(1, 3001):
            data = envelope(door.ToIngestor, submission=submission(seq % 50, evidence=evidence))
            d.send_bytes(mutant(rng, rng.choice([data, *seeds])))
            while d.receive(0)[0]:
                pass
        while d.receive(1)[0]:  # D15: what finds no room is lost
            pass
        self.hello(d, name + "-after", request=2**64 - 1)

    def test_feeder_goes_on_after_refusals(self):
        f = self.feeder()
        for i in range(50):
            f.submit(**good(value=[] if i % 5 == 0 else [float(i)]))
        f.settle()
        self.assertEqual([r.seq for r in f.refused], list(range(1, 51, 5)))
        self.assertEqual((f.totals.accepted_rows, f.totals.rejected_rows), (40, 0))


if __name__ == "__main__":
    unittest.main()
