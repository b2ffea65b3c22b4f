"""An ASSERT asks and does nothing: without it the program would do the same.

    asserts.py SOURCE_DIR      exit status 1, and the places, when one does something

Nothing in it counts up or is put anywhere, and it calls only what ASKS says to ask. A new question goes into ASKS; what
does something goes before the ASSERT, with a name for its result."""
import os
import re
import sys

ASKS = {"sizeof", "worker_alive", "partition_held", "group_feeder_count", "group_refusal_count", "group_empty", "unit_count"}
ASSERT = re.compile(r"\bASSERT\(")
PUTS = re.compile(r"\+\+|--|(?<![=!<>])=(?!=)")
CALL = re.compile(r"\b(\w+)\(")


def condition(text, at):
    """What stands between the parentheses; `at` is behind the first."""
    end, depth = at, 1
    while depth and end < len(text):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    return text[at:end - 1]


def faults_of(text):
    for found in ASSERT.finditer(text):
        asked = condition(text, found.end())
        line = text.count("\n", 0, found.start()) + 1
        if PUTS.search(asked):
            yield line, f"ASSERT({asked}) changes something: do that before it"
        for name in CALL.findall(asked):
            if name not in ASKS:
                yield line, f"ASSERT({asked}) calls {name}(): do that before it, or say in ASKS of asserts.py that it only asks"


def faults(root):
    for top in ("common", "services"):
        for at, _, names in sorted(os.walk(os.path.join(root, top))):
            for name in sorted(names):
                path = os.path.relpath(os.path.join(at, name), root)
                if name.endswith((".c", ".h")) and path != "common/base/err.h":
                    with open(os.path.join(root, path), encoding="utf-8") as text:
                        yield from (f"{path}:{line}: {fault}" for line, fault in faults_of(text.read()))


def main():
    found = list(faults(sys.argv[1]))
    print("\n".join(found) or "every ASSERT only asks")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
