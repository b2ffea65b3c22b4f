"""A pipeline under load from several feeders, and the faults that are done to it.

Everything is drawn from one seed: what is pushed, who is hit, when and how. Only the timing of the machine is not, and the
result must not depend on that."""

import collections
import contextlib
import csv
import json
import os
import pathlib
import queue
import random
import signal
import subprocess
import threading
import time

from pipeline import BIN, DATA, rows_of, until

COLUMNS = "index,period,unit,indicator,value,stage"
FEEDERS = {  # each unit, indicator and stage has one feeder: then the order between feeders does not matter
    "papi": ("papi-20??.csv", lambda row: True),
    "pci": ("pci-2014.csv", lambda row: True),
    "an-giang": ("qd766-an-giang-*.csv", lambda row: True),
    "qd766": ("qd766-2025-*.csv", lambda row: True),
    "par-even": ("par-province-2024*.csv", lambda row: int(row.unit) % 2 == 0),
    "par-odd": ("par-province-2024*.csv", lambda row: int(row.unit) % 2 == 1),
}
Row = collections.namedtuple("Row", COLUMNS.split(","))


def sample(feeder):
    """The rows of the feeder's files."""
    pattern, is_ours = FEEDERS[feeder]
    rows = []
    for path in sorted(DATA.glob(pattern)):
        for line in rows_of(path):
            row = Row(*[line[name] for name in Row._fields])
            rows += [row] if is_ours(row) else []
    return rows


class Script:
    """What one feeder says, slice by slice: values that belong to other units, some that nobody takes, at the end its real
    ones."""

    def __init__(self, feeder, seed, slice_rows):
        self.feeder, self.seed, self.slice_rows = feeder, seed, slice_rows
        self.rows = sample(feeder)
        self.like = collections.defaultdict(list)
        for row in self.rows:
            self.like[self.kind(row)].append(row.value)

    @staticmethod
    def kind(row):
        return row.index, row.period, row.indicator, row.stage

    def garbled(self, rng):
        row = rng.choice(self.rows)
        fault = rng.random()
        if fault < 0.005:
            return row._replace(unit="Nowhere")
        if fault < 0.01:
            return row._replace(value="1e12")
        return row._replace(value=rng.choice(self.like[self.kind(row)]))

    def slice(self, number):
        rng = random.Random(f"{self.seed}/{self.feeder}/{number}")
        return [self.garbled(rng) for _ in range(self.slice_rows)]

    def tables(self):
        return {(row.index, row.period) for row in self.rows}


def text(rows):
    return "".join(",".join(row) + "\n" for row in rows)


class Feeder:
    """`parbus push - --as NAME`, one row a submission, which takes what it is given at its own pace."""

    def __init__(self, pipeline, name):
        self.pipeline, self.name = pipeline, name
        self.lines = []  # all that it was given; line n has the number n + 1
        self.start(0)

    def start(self, taken):
        line = [BIN / "parbus", "push", "-", "--as", self.name, "--batch", "1", "--wait", "--timeout", "240", "--format",
                "json", "--dir", self.pipeline.dir]
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.waiting = queue.SimpleQueue()
        self.out = ["", ""]
        self.threads = [threading.Thread(target=self.write, args=(self.process.stdin, self.waiting), daemon=True),
                        *[threading.Thread(target=self.read, args=(stream, number), daemon=True)
                          for number, stream in enumerate((self.process.stdout, self.process.stderr))]]
        for thread in self.threads:
            thread.start()
        self.waiting.put(COLUMNS + "\n" + "".join(self.lines[taken:]))

    @staticmethod
    def write(stream, waiting):
        with contextlib.suppress(BrokenPipeError), stream:  # its exit status tells
            while (data := waiting.get()) is not None:
                stream.write(data)
                stream.flush()

    def read(self, stream, number):
        with stream:
            self.out[number] = stream.read()

    def give(self, data):
        self.lines += data.splitlines(keepends=True)
        self.waiting.put(data)

    def ended(self):
        self.waiting.put(None)
        for thread in self.threads:
            thread.join(timeout=10)

    def end(self, deadline_s=240):
        """Closes its input and returns what it says at last."""
        self.waiting.put(None)
        self.process.wait(timeout=deadline_s)
        self.ended()
        result = json.loads(self.out[0] or "{}")
        rejected = result.get("rows_rejected", 0) > 0  # exit status 1: some values were not accepted
        if self.process.returncode != rejected or not result["scored"]:
            raise AssertionError(f"push of {self.name} ended with {self.process.returncode}\n{self.out[0][-500:]}\n{self.out[1]}")
        return result

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=60)
        self.ended()

    def crash(self):
        """Killed and started again. It goes on after the last row that its outbox holds."""
        self.kill()
        done = self.pipeline.run("push", "-", "--as", self.name, "--format", "json", stdin=(COLUMNS + "\n").encode())
        self.start(json.loads(done.stdout)["last_seq"])


class Watch:
    """`parbus watch`, from which the last score of each unit is read."""

    def __init__(self, pipeline, index, period, on_change=lambda change: None):
        self.on_change = on_change
        self.process = pipeline.start("watch", index, period, "--format", "csv")
        self.seen = {}
        self.words = []
        self.threads = [threading.Thread(target=f, daemon=True) for f in (self.read, self.read_words)]
        for thread in self.threads:
            thread.start()

    def read(self):
        with self.process.stdout as stream:
            for change in csv.DictReader(stream):
                self.seen[change["unit"]] = change["score"]
                self.on_change(change)

    def read_words(self):
        with self.process.stderr as stream:
            self.words.extend(stream)

    def scores(self):
        if self.process.poll() is not None:
            raise AssertionError(f"watch ended with {self.process.returncode}: {self.words[-5:]}")
        return dict(self.seen)

    def kill(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        for thread in self.threads:
            thread.join(timeout=10)


def pid_of(pipeline, instance):
    """The process that runs as this instance, asked of nobody who might be dead; 0: none."""
    try:
        pid = int(pathlib.Path(pipeline.dir, "run", instance + ".lock").read_text())
        line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if pipeline.dir.encode() in line else 0


def try_status(pipeline):
    done = pipeline.run("status", "--json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def journalled(status):
    return sum(p["last_pseq"] for p in status["partitions"])


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


class Chaos:
    """Does one fault after the other and measures how long it takes until everything that was given is in the ranking."""

    SERVICES = ["ingestor", "publisher", "validator", "scorer", "supervisor"]

    def __init__(self, pipeline, seed, scale, feeders=()):
        self.feeders = feeders
        self.p, self.rng = pipeline, random.Random(seed)
        self.first_scale = dict(scale)
        self.scale = dict(scale)
        self.base = journalled(pipeline.status())
        self.given = 0
        self.kills = 0
        self.recovery_s = collections.defaultdict(list)
        self.log = []

    # ---- what it waits for ----

    def caught_up(self):
        status = try_status(self.p)
        return status and status["lag"] == 0 and journalled(status) - self.base >= self.given

    def recovered(self, what, since):
        until(self.caught_up, f"everything is in the ranking again after {self.log[-3:]}")
        self.recovery_s[what].append(time.monotonic() - since)

    def pause(self, most_s):
        """Lets the load go on for a drawn time: the moment of the fault is what is drawn."""
        end = time.monotonic() + self.rng.random() * most_s
        until(lambda: time.monotonic() >= end, "time goes on")

    # ---- faults ----

    def draw_instance(self, services):
        service = self.rng.choice(services)
        return service, f"{service}-{self.rng.randint(1, self.scale.get(service, 1))}"

    def note(self, *words):
        self.log.append(" ".join(map(str, words)))

    def up_again(self):
        self.p.up()
        self.scale = dict(self.first_scale)

    def kill(self):
        service, instance = self.draw_instance(self.SERVICES)
        if service == "supervisor":
            instance = service
        pid = until(lambda: pid_of(self.p, instance), f"{instance} runs")
        self.note("kill", instance, pid)
        os.kill(pid, signal.SIGKILL)
        self.kills += 1
        if service == "supervisor":
            self.up_again()
        return f"kill {service}"

    def kill_several(self):
        """Two or three at once; of workers there may be none left for a moment."""
        for _ in range(self.rng.randint(2, 3)):
            _, instance = self.draw_instance(self.SERVICES[:-1])
            pid = pid_of(self.p, instance)
            if pid:
                self.note("kill", instance, pid)
                os.kill(pid, signal.SIGKILL)
                self.kills += 1
        return "kill several"

    def go_on(self, instance, pid):
        """Unless the supervisor has killed it."""
        if pid_of(self.p, instance) == pid:
            self.note("continue", instance, pid)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def hang(self):
        """Stopped and continued. Of a worker that is not the only one, the work is done before it goes on."""
        service, instance = self.draw_instance(self.SERVICES)
        if service == "supervisor":
            instance = service
        pid = until(lambda: pid_of(self.p, instance), f"{instance} runs")
        self.note("stop", instance, pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            if self.scale.get(service, 1) > 1:
                self.recovered(f"hung {service}", began)
            else:
                self.pause(2.5)
        finally:
            self.go_on(instance, pid)
        if self.scale.get(service, 1) > 1:
            self.wakes_late(instance)
            return None
        return f"hang {service}"

    def wakes_late(self, instance):
        """Others have done its work meanwhile: what it still wanted to write must not be there."""
        def heard():
            status = try_status(self.p)
            return status and status["lag"] == 0 and any(
                p["instance"] == instance and p.get("heartbeat_age_ms", 1e9) < 1000 for p in status["processes"])
        until(heard, f"{instance} is at work again")
        self.p.run("replay")

    def crash_feeder(self):
        feeder = self.rng.choice(self.feeders)
        self.note("crash", feeder.name)
        feeder.crash()
        self.kills += 1
        return "kill feeder"

    def rescale(self):
        self.scale = {"scorer": self.rng.randint(1, 4), "validator": self.rng.randint(1, 3)}
        self.note("scale", self.scale)
        self.p.run("scale", *[f"{service}={count}" for service, count in self.scale.items()])
        return "scale"

    def step(self):
        """One fault, at times another one before the first is over."""
        for _ in range(1 if self.rng.random() < 0.8 else 2):
            self.pause(0.05)
            began = time.monotonic()
            faults = {self.kill: 14, self.kill_several: 2, self.hang: 3, self.rescale: 2, self.crash_feeder: 2}
            what = self.rng.choices([*faults], [*faults.values()])[0]()
        if what:
            self.recovered(what, began if "hang" not in what else time.monotonic())

    def report(self):
        lines = [f"{self.kills} kills, {len(self.log)} faults, {self.given} submissions"]
        for what, values in sorted(self.recovery_s.items()):
            lines.append(f"{what:16} {len(values):4} times, back after {percentile(values, 0.5):6.3f} s in the median, "
                         f"{percentile(values, 0.95):6.3f} s at the 95th percentile, {max(values):6.3f} s at most")
        deaths = [v for w in ("kill scorer", "kill validator", "hung scorer", "hung validator") for v in self.recovery_s[w]]
        if deaths:
            lines.append(f"workers' deaths: {sum(v <= 2 for v in deaths)} of {len(deaths)} within 2 s")
        return "\n".join(lines)
