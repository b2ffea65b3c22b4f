"""How much of the time from push to feed the disk takes: what a submission waits for the commit that has it.

    sudo python3 tests/bench/commit_wait.py PARBUS [--rate R]… [--duration S] [--dir DIR]

    PARBUS          bin/parbus of a release build
    --rate R        submissions a second, of 16 rows (default 1000 and 10000)
    --duration S    for so long each time (default 8)
    --dir DIR       a new directory on the disk in question (default: one below TMPDIR)

Traces the system calls of the ingestor with perf (Debian's linux-perf; as root). A commit is from the first page written
to the end of the page that makes it valid. A submission that comes at a random moment is in the next commit that begins:
it waits until that one ends. That is a bound that no code before or after the journal can beat. Prints CSV, in ms."""

import argparse
import bisect
import json
import pathlib
import random
import re
import subprocess
import tempfile

CATALOG = pathlib.Path(__file__).resolve().parents[2] / "catalog"
CALLS = ",".join(f"syscalls:sys_{side}_{call}" for call in ("fdatasync", "pwrite64") for side in ("enter", "exit"))
EVENT = re.compile(r"\s(\d+\.\d+):\s+syscalls:sys_(\w+)")


def options():
    o = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    o.add_argument("parbus")
    o.add_argument("--rate", type=int, action="append")
    o.add_argument("--duration", type=int, default=8)
    o.add_argument("--dir")
    return o.parse_args()


def percentiles(values):
    values = sorted(values)
    return ",".join(f"{values[min(len(values) - 1, int(len(values) * part))]:.2f}" for part in (0.5, 0.9, 0.99))


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def commits(trace):
    """(begin, end) in seconds: pages, one fdatasync, the page that makes them valid."""
    found, begin, state = [], None, "pages"
    for time, event in ((float(m[1]), m[2]) for m in map(EVENT.search, trace.splitlines()) if m):
        if event == "exit_fdatasync":
            state = "synced"
        elif event == "enter_pwrite64" and state == "synced":
            state = "last page"
        elif event == "enter_pwrite64" and begin is None:
            begin = time
        elif event == "exit_pwrite64" and state == "last page":
            if begin is not None:
                found.append((begin, time))
            begin, state = None, "pages"
    return found


def waits(found, samples=50000):
    begins = [begin for begin, _ in found]
    for _ in range(samples):
        moment = random.uniform(begins[0], begins[-1])
        yield (found[bisect.bisect_left(begins, moment)][1] - moment) * 1000


def measure(o, directory, rate):
    load = subprocess.Popen([o.parbus, "load", "--dir", directory, "--observations", "16", "--rate", str(rate),
                             "--duration", str(o.duration), "--format", "json"], stdout=subprocess.PIPE, text=True)
    ingestor = run("pgrep", "-f", f"parbus-ingestor --dir {directory} ").split()[0]
    with tempfile.NamedTemporaryFile(prefix="parbus-perf.") as data:
        run("perf", "record", "-q", "-e", CALLS, "-p", ingestor, "-o", data.name, "--", "sleep", str(o.duration - 2))
        found = commits(run("perf", "script", "-i", data.name))
    feed = json.loads(load.communicate(timeout=120)[0])["push_to_feed_ms"]
    print(f"{rate},{len(found) / (o.duration - 2):.0f},{percentiles([(end - begin) * 1000 for begin, end in found])},"
          f"{percentiles(list(waits(found)))},{feed['p50']:.2f},{feed['p90']:.2f},{feed['p99']:.2f}", flush=True)


def main():
    o = options()
    with tempfile.TemporaryDirectory(prefix="parbus-commit-wait.") as place:
        directory = o.dir or f"{place}/var"
        run(o.parbus, "up", "--detach", "--dir", directory, "--catalog", str(CATALOG))
        print("submissions_per_s,commits_per_s,commit_p50,commit_p90,commit_p99,wait_p50,wait_p90,wait_p99,feed_p50,feed_p90,feed_p99")
        try:
            for rate in o.rate or [1000, 10000]:
                measure(o, directory, rate)
        finally:
            run(o.parbus, "down", "--dir", directory)


main()
