"""A good feeder, alone and then beside each case of tests/e2e/hostile.py, in the same pipeline.

    tests/bench/beside.py PARBUS [FLOOD] [--rate R] [--duration S] [--nice N] [--only CASE]…

    PARBUS, FLOOD   bin/parbus and tests/flood, which the presets with tests build (they may be of two builds)
    --rate R        submissions a second of the good feeder (default 5000)
    --duration S    for so long each time (default 5)
    --nice N        of who is hostile: on other machines he would take no time of this one (default 0)

Prints CSV: the case, submissions/s of the good feeder with a receipt alone and beside it, the share, its p99 from push to
feed (ms), the most memory that each process had (MB), and by how much what is to be counted grew. A case that is done at
once is done again and again. Needs /usr/bin/python3 with zmq and protobuf, as tests/interop does."""

import argparse
import contextlib
import json
import multiprocessing
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

AGAIN_S = 0.1  # what was sent last is to leave before its connection ends


def good_feeder(scene, a):
    return scene.p.start("load", "--observations", "1", "--rate", str(a.rate), "--duration", str(a.duration), "--format", "json")


def answer_of(load):
    answer = json.loads(load.communicate(timeout=600)[0] or "{}")
    return answer.get("receipts", 0) / max(answer.get("seconds_to_receipt", 1), 1e-9), answer.get("push_to_feed_ms", {}).get("p99")


def attack(hostile, scene, case, nice):
    """In a process of its own, until it is ended. Who was cut off tries again."""
    os.nice(nice)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            scene.next_case()
            with contextlib.suppress(AssertionError, OSError, hostile.zmq.ZMQError):
                case.attack(scene)
            if case.lasts:
                signal.pause()
            time.sleep(AGAIN_S)
    finally:
        scene.over.close()


def measure(a, hostile, case):
    scene, attacker = hostile.scene(), None
    with scene.p:
        try:
            scene.key(case.key)
            alone, _ = answer_of(good_feeder(scene, a))
            before = hostile.counters(scene.p.status(), case.counted)
            pids = {name: p["pid"] for name, p in scene.p.processes().items() if name in hostile.CHILDREN}
            peaks = hostile.Peaks(pids)
            load = good_feeder(scene, a)
            attacker = multiprocessing.get_context("fork").Process(target=attack, args=(hostile, scene, case, a.nice))
            attacker.start()
            beside, p99 = answer_of(load)
            after = hostile.counters(scene.p.status(), case.counted)
            mb = peaks.mb()
        finally:
            if attacker:
                attacker.terminate()
                attacker.join(60)
            scene.close()
    grown = " ".join(f"{name}+{b - c}" for (_, name), b, c in zip(case.counted, after, before))
    return alone, beside, p99, mb, grown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parbus", type=pathlib.Path)
    parser.add_argument("flood", type=pathlib.Path, nargs="?")
    parser.add_argument("--only", action="append")
    parser.add_argument("--rate", type=int, default=5000)
    parser.add_argument("--duration", type=int, default=5)
    parser.add_argument("--nice", type=int, default=0)
    a = parser.parse_args()
    os.environ["PARBUS_BIN"] = str(a.parbus.resolve().parent)
    import hostile  # pylint: disable=import-outside-toplevel
    if a.flood:
        hostile.FLOOD = a.flood
    print("beside,alone_per_s,beside_per_s,share,p99_ms," + ",".join(f"{n}_mb" for n in hostile.CHILDREN) + ",counted")
    for case in hostile.CASES:
        if a.only and case.name not in a.only:
            continue
        alone, beside, p99, mb, grown = measure(a, hostile, case)
        print(f"\"{case.name}\",{alone:.0f},{beside:.0f},{beside / alone:.2f},{p99},"
              + ",".join(str(mb[n]) for n in hostile.CHILDREN) + f",{grown}", flush=True)


if __name__ == "__main__":
    main()
