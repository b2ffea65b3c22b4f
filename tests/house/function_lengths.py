"""How long our functions are, from the first line of the signature to the closing brace.

    function_lengths.py SOURCE_DIR      exit status 1 when the median is above 9 lines, one in ten above 18, or any above 45

Reads the text as clang-format leaves it: what begins at the margin is a declaration or a function, and a function's
braces stand at the margin or on its only line."""
import os
import re
import statistics
import sys

MEDIAN_MAX, TENTH_MAX, LINES_MAX = 9, 18, 45
TOPS = ("common", "services", "tests")
# A definition on one line, or the last line of a signature: the brace comes behind it, or at the margin of the next.
ONE_LINE = re.compile(r"[A-Za-z_].*\) \{ .*\}$")
NAME = re.compile(r"([A-Za-z_]\w*)\(")


def sources(root):
    for top in TOPS:
        for at, _, names in os.walk(os.path.join(root, top)):
            yield from (os.path.join(at, name) for name in sorted(names) if name.endswith((".c", ".h")))


def ends(line):
    return not line.strip() or line.rstrip().endswith((";", "}", "*/"))


def functions(lines):
    """(line of the signature, name, length) of each function."""
    start = None  # of the declaration at the margin
    for at, line in enumerate(lines):
        if re.match(r"[A-Za-z_]", line):
            start = at if start is None or ends(lines[at - 1]) else start
            if ONE_LINE.match(line) and "=" not in line.split("(")[0]:
                yield start + 1, NAME.search(" ".join(lines[start:at + 1]))[1], at - start + 1
                start = None
        elif line == "{" and start is not None and NAME.search(lines[start]):
            end = next(i for i in range(at, len(lines)) if lines[i] == "}")
            yield start + 1, NAME.search(lines[start])[1], end - start + 1
            start = None


def measure(root):
    for path in sources(root):
        with open(path, encoding="utf-8") as text:
            for line, name, length in functions(text.read().split("\n")):
                yield length, f"{os.path.relpath(path, root)}:{line}: {name}"


def main():
    found = sorted(measure(sys.argv[1]), reverse=True)
    lengths = [length for length, _ in found]
    median, tenth = statistics.median(lengths), lengths[len(lengths) // 10]
    print(f"{len(lengths)} functions; lines: median {median:g} (at most {MEDIAN_MAX}), 90 % have at most {tenth} "
          f"({TENTH_MAX}), the longest {lengths[0]} ({LINES_MAX})")
    long = [f"{where} has {length} lines" for length, where in found if length > LINES_MAX]
    print("\n".join(long))
    return 1 if long or median > MEDIAN_MAX or tenth > TENTH_MAX else 0


if __name__ == "__main__":
    sys.exit(main())
