"""Whatever a hostile peer does (hostile.py has the table): it is counted by its reason, no process ends, memory stays
bounded, and what a good feeder pushes beside it gets in."""

import os
import unittest

os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # else memory freed stays

from hostile import CASES, CHILDREN, Peaks, another_user, counters, may_be_another_user, scene  # noqa: E402
from pipeline import until  # noqa: E402

MEMORY_MB_MAX = 400  # of each process, with the sanitizers' own


class Hostile(unittest.TestCase):
    values = 0

    @classmethod
    def setUpClass(cls):
        cls.h = scene()
        cls.addClassCleanup(cls.h.close)
        cls.enterClassContext(cls.h.p)
        cls.pids = {name: process["pid"] for name, process in cls.h.p.processes().items()}

    def pushes(self):
        """A good feeder, who has a value to tell that nobody told before."""
        Hostile.values += 1
        self.h.p.push_text(f"index,period,unit,indicator,value\nqd766,2025-10,H26,CKMB,{Hostile.values / 100:.2f}\n")

    def run_case(self, case):
        if case.attack is another_user and not may_be_another_user():
            self.skipTest("only root can become somebody else")
        self.h.next_case()
        before = counters(self.h.p.status(), case.counted)
        peaks = Peaks({name: self.pids[name] for name in CHILDREN})
        case.attack(self.h)
        until(lambda: all(b > a for a, b in zip(before, counters(self.h.p.status(), case.counted))), f"counted: {case.counted}")
        self.pushes()
        for name, mb in peaks.mb().items():
            self.assertLess(mb, MEMORY_MB_MAX, name)
        processes = self.h.p.processes()
        self.assertEqual({name: p["pid"] for name, p in processes.items()}, self.pids)
        self.assertEqual({p["restarts"] for p in processes.values()}, {0})


def method(case):
    return lambda self: self.run_case(case)


for number, one in enumerate(CASES):
    setattr(Hostile, f"test_{number:02}_{one.name.replace(' ', '_')}", method(one))


if __name__ == "__main__":
    unittest.main()
