"""A feeder with a machine of its own, which says what it was promised."""

import pathlib
import queue
import re
import subprocess
import threading

from pipeline import CATALOG
from powercut.machine import TESTS, Machine

STAGES = {"self": 1, "appraised_1": 2, "appraised": 2, "appraised_2": 3, "survey": 4}


def numbers(index):
    """Code -> number of the indicators."""
    text = pathlib.Path(CATALOG, index + ".yaml").read_text(encoding="utf-8")
    return {code: number for number, code in re.findall(r"\bid: (\d+)(?:, |\s+)code: ([\w.]+)", text)}


NUMBERS = {index: numbers(index) for index in ("qd766", "pci", "qd766-an-giang")}


def line(row):
    return ",".join([row.index, row.period, row.unit, NUMBERS[row.index][row.indicator], row.value,
                     str(STAGES[row.stage])]) + "\n"


class Feeder:
    """A machine of its own, with the outbox on its disk, and what it says it was promised."""

    def __init__(self, name, door, place):
        self.name, self.door = name, door
        self.place = pathlib.Path(place, "feeder-" + name)
        (self.place / "disk").mkdir(parents=True)
        self.machine = Machine(self.place / "disk", self.place)
        self.lines, self.taken, self.receipted, self.end, self.strange = [], 0, 0, None, []
        self.start()

    def start(self):
        self.process = subprocess.Popen([TESTS / "powercut_feeder", self.door, self.name, self.place / "disk" / "outbox"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=self.machine.environment())
        self.waiting, self.started = queue.SimpleQueue(), threading.Event()
        self.threads = [threading.Thread(target=f, args=(self.process, self.waiting), daemon=True)
                        for f in (self.read, self.write)]
        for thread in self.threads:
            thread.start()
        if not self.started.wait(30):
            raise AssertionError(f"feeder {self.name} does not start")
        if self.taken < self.receipted:
            raise AssertionError(f"feeder {self.name} has a receipt for {self.receipted}, its outbox knows {self.taken}")
        self.waiting.put("".join(self.lines[self.taken:]))

    def read(self, process, _):
        with process.stdout as stream:
            for text in stream:
                word, *values = text.split()
                if word == "start":
                    self.taken = int(values[0])
                    self.started.set()
                elif word == "receipt":
                    self.receipted = max(self.receipted, int(values[0]))
                elif word == "end":
                    self.end = [int(v) for v in values]
                else:
                    self.strange.append(text)

    @staticmethod
    def write(process, waiting):
        try:
            with process.stdin as stream:
                while (data := waiting.get()) is not None:
                    stream.write(data)
                    stream.flush()
        except BrokenPipeError:
            pass  # its power was cut

    def give(self, rows):
        text = [line(row) for row in rows]
        self.lines += text
        self.waiting.put("".join(text))

    def finish(self):
        self.waiting.put(None)
        if self.process.wait(timeout=200) != 0 or self.strange:
            raise AssertionError(f"feeder {self.name} ended with {self.process.returncode}: {self.strange[:5]}")
        for thread in self.threads:
            thread.join(10)
        return self.end

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)
        self.waiting.put(None)
        for thread in self.threads:
            thread.join(10)

    def lose_power(self, rng):
        self.machine.cut()
        self.kill()
        self.machine.lose(rng)
        self.start()
