"""Each CTest test has exactly one of the labels, so that `ctest -L` leaves none out: test_labels.py CTEST BUILD_DIRECTORY"""

import collections
import json
import subprocess
import sys

LABELS = {"unit", "sim", "e2e", "fuzz", "interop", "compose"}


def labels_of(test):
    return [label for p in test.get("properties", []) if p["name"] == "LABELS" for label in p["value"]]


def main(ctest, build):
    said = subprocess.run([ctest, "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, timeout=60)
    tests = json.loads(said.stdout)["tests"]
    wrong = {t["name"]: labels_of(t) for t in tests if len(labels_of(t)) != 1 or not LABELS.issuperset(labels_of(t))}
    for name, labels in wrong.items():
        print(f"{name}: {' '.join(labels) or 'no label'}; exactly one of {' '.join(sorted(LABELS))} is wanted")
    print(dict(collections.Counter(label for t in tests for label in labels_of(t))))
    return 1 if wrong or not tests else 0


sys.exit(main(*sys.argv[1:]))
