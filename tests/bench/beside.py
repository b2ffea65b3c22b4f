"""A good feeder of 5,000 submissions a second, alone and beside one flooder of each kind.

    tests/bench/beside.py PARBUS FLOOD [--rate R] [--duration S] [--nice N] [--only KIND]…

    PARBUS, FLOOD   bin/parbus and tests/flood, which the presets with tests build (they may be of two builds)
    --rate R        submissions a second of the good feeder (default 5000)
    --duration S    for so long each time (default 5)
    --nice N        of the flooders: on other machines they would take no time of this one (default 0)

Prints CSV: beside, submissions/s with a receipt, share of what it is alone, its p99 from push to feed, the most memory
that the ingestor and the publisher had of their own (MB), and what they counted. A fresh pipeline each time."""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

CATALOG = pathlib.Path(__file__).resolve().parents[2] / "catalog"
KINDS = {  # name: socket, kind, peers, name it gives
    "8 read Stats": ("door", "stats", 8, ""),
    "20 do not read Stats": ("door", "stats-unread", 20, ""),
    "100 do not read Describe": ("door", "describe-unread", 100, "par-province"),
    "hellos on one connection": ("door", "hello", 1, "flood"),
    "names on one connection": ("door", "names", 1, "flood"),
    "16 read snapshots": ("snapshot", "snapshot", 16, "par-province/2024"),
    "100 subscribe to 16,000 names": ("feed", "subscribe", 100, ""),
    "3 send 2 MiB of junk": ("door", "junk", 3, ""),
}
COUNTED = re.compile(r"refused_|cut|_refused|malformed|sends_full|abandoned|unanswered")


class Pipeline:
    def __init__(self, parbus):
        self.parbus, self.dir = parbus, tempfile.mkdtemp(prefix="parbus-beside.")

    def __enter__(self):
        self.run("up", "--detach", "--catalog", str(CATALOG))
        return self

    def __exit__(self, *_):
        self.run("down")
        subprocess.run(["rm", "-rf", self.dir], check=True, timeout=60)

    def run(self, command, *arguments):
        return subprocess.run([self.parbus, command, *arguments, "--dir", self.dir], capture_output=True, text=True,
                              check=False, timeout=120).stdout

    def load(self, rate, seconds):
        return subprocess.Popen([self.parbus, "load", "--dir", self.dir, "--observations", "1", "--rate", str(rate),
                                 "--duration", str(seconds), "--format", "json"], stdout=subprocess.PIPE, text=True)

    def status(self):
        text = self.run("status", "--json")
        return json.loads(text) if text.strip() else {}


def memory_mb(pid):
    """The process's own: the pages of its files are the kernel's to take back."""
    try:
        text = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(re.search(r"^RssAnon:\s+(\d+) kB$", text, re.MULTILINE)[1]) >> 10
    except (OSError, TypeError):
        return 0


def most_memory(load, pids):
    most = dict.fromkeys(pids, 0)
    while load.poll() is None:
        for name, pid in pids.items():
            most[name] = max(most[name], memory_mb(pid))
        time.sleep(0.02)
    return most


def measure(a, kind):
    with Pipeline(a.parbus) as p:
        pids = {s["instance"]: s["pid"] for s in p.status()["processes"] if s["instance"] in ("ingestor-1", "publisher-1")}
        flooder = None
        if kind:
            socket, what, peers, name = KINDS[kind]
            flooder = subprocess.Popen([a.flood, f"ipc://{p.dir}/run/{socket}", what, str(peers), name],
                                       preexec_fn=lambda: os.nice(a.nice))
        try:
            load = p.load(a.rate, a.duration)
            most = most_memory(load, pids)
            answer = json.loads(load.stdout.read() or "{}")
        finally:
            if flooder:
                flooder.kill()
                flooder.wait(60)
        after = {name: memory_mb(pid) for name, pid in pids.items()}
        counters = {}
        for instance, values in p.status().get("counters_by_instance", {}).items():
            counters |= {f"{instance} {n}": v for n, v in values.items() if v and COUNTED.search(n)}
    receipts = answer.get("receipts", 0) / max(answer.get("seconds_to_receipt", 1), 1e-9)
    return receipts, answer.get("push_to_feed_ms", {}).get("p99"), most, after, counters


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parbus")
    parser.add_argument("flood")
    parser.add_argument("--only", action="append", choices=KINDS)
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--duration", type=int, default=5)
    parser.add_argument("--nice", type=int, default=0)
    a = parser.parse_args()
    print("beside,submissions_per_s,share,p99_ms,ingestor_mb,after_mb,publisher_mb,after_mb,counted")
    alone = None
    for kind in ["", *(a.only or KINDS)]:
        receipts, p99, most, after, counters = measure(a, kind)
        alone = alone or receipts
        print(f"{kind or 'nobody'},{receipts:.0f},{receipts / alone:.2f},{p99},{most['ingestor-1']},{after['ingestor-1']},"
              f"{most['publisher-1']},{after['publisher-1']},"
              + " ".join(f"{n.replace(' ', ':')}={v}" for n, v in sorted(counters.items())), flush=True)


if __name__ == "__main__":
    main()
