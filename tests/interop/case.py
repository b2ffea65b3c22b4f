"""What the tests share: a pipeline per class, a good submission, mutants."""

import pathlib
import unittest

import zmq

from feeder import Door, Feeder
from messages import door
from pipeline import Pipeline

CATALOG = pathlib.Path(__file__).resolve().parent / "catalog"
ABSENT = object()
GOOD = {"index": "cities", "period": "2025", "unit": "A", "stage": door.STAGE_APPRAISED_1, "indicator": [2],
        "value": [1.0]}


def good(**changes):
    """The fields of a good submission, but for the changes."""
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not ABSENT}


def submission(seq, **changes):
    return door.Submission(seq=seq, **good(**changes))


def mutant(rng, data):
    """A few bytes of it are changed, lost or new."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, bytes_ = rng.randrange(len(data) + 1), rng.randint(1, 9)
        data[at:at + rng.choice([0, bytes_])] = rng.randbytes(rng.choice([0, bytes_]))
    return bytes(data)


class Case(unittest.TestCase):
    """One pipeline per class; a feeder's name per test."""

    pipeline = {}
    arguments = []

    @classmethod
    def setUpClass(cls):
        cls.context = zmq.Context()
        cls.killed = set()
        pipeline = Pipeline(**cls.pipeline)
        pipeline.arguments += cls.arguments
        cls.p = cls.enterClassContext(pipeline)
        cls.addClassCleanup(cls.context.destroy, linger=0)

    @classmethod
    def tearDownClass(cls):
        died = {name for name, process in cls.p.processes().items() if process["restarts"]}
        assert died == cls.killed, f"died: {died}"

    def kill(self, instance):
        self.killed.add(instance)
        self.p.kill(instance)

    @classmethod
    def socket(cls, name):
        return f"ipc://{cls.p.dir}/run/{name}"

    @property
    def name(self):
        """The test's, for its feeder."""
        return self.id().split(".")[-1]

    def door(self):
        d = Door(self.context, self.socket("door"))
        self.addCleanup(d.close)
        return d

    def welcomed(self, name=None, epoch=1):
        """A door after hello."""
        d = self.door()
        self.hello(d, name, epoch)
        return d

    def hello(self, d, name=None, epoch=1, request=1):
        d.send(hello=door.Hello(protocol_version=1, feeder=name or self.name, epoch=epoch, request=request, line=1))
        return d.expect("welcome", lambda m: m.request == request)

    def feeder(self, name=None, epoch=1):
        f = Feeder(self.context, self.socket("door"), name or self.name, epoch)
        self.addCleanup(f.close)
        f.connect()
        return f

    def refusal(self, d, reason, seq=0):
        """The next refusal is this one."""
        r = d.expect("refusal")
        self.assertEqual((r.reason, r.seq), (reason, seq), r)
        return r

    def receipt(self, d, up_to_seq):
        return d.expect("receipt", lambda m: m.up_to_seq == up_to_seq)

    def scored(self, d, scored):
        return d.expect("scored", lambda m: m.scored == scored)

    def counter(self, instance, name):
        d = self.door()
        d.send(stats=door.Stats())
        return sum(c.value for c in d.expect("stats").counter if (c.instance, c.name) == (instance, name))

    def row(self, unit, period="2025"):
        return next(r for r in self.p.rank("cities", period) if r["unit"] == unit)
