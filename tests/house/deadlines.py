"""No test waits without an end, and none takes a nap and hopes; no program polls without a deadline.

    deadlines.py SOURCE_DIR      exit status 1, and the places, when one does

In Python: wait(), communicate() and join() say how long, subprocess.run() and its like have a timeout, a line of a
process is read with pipeline.read_line(). In C: a unit test that waits for a child or reads from one has a .timeout.
Sleeping is for what paces itself; PACES lists each with its reason."""
import ast
import os
import re
import sys

WAITS = {"wait", "communicate", "join"}
RUNS = {"run", "check_call", "check_output", "call"}
PACES = {
    "tests/bench/beside.py": "a hostile peer comes again so often",
    "tests/e2e/pipeline.py": "until() looks again",
    "tests/interop/feeder.py": "Refusal.retry_after_ms: the protocol says how long (D9)",
}
C_WAIT = re.compile(r"(?<![\w.>])(?:waitpid|read|recv)\(")
C_ENDLESS = re.compile(r"\b(?:zmq_)?(?:poll|epoll_wait)\((?:[^;]*,)? *-1\)|\bppoll\([^;]*, *NULL, *NULL\)")
C_SLEEP = re.compile(r"\b(?:sleep|usleep|nanosleep|clock_nanosleep)\(")


def is_module(node, name):
    return isinstance(node, ast.Name) and node.id == name


def endless(call):
    """What is wrong with a call of a method; None: nothing."""
    method, of = call.func.attr, call.func.value
    timed = any(k.arg == "timeout" or k.arg is None for k in call.keywords)
    if method in WAITS and not call.args and not timed:
        return f"{method}() has no timeout"
    if is_module(of, "subprocess") and method in RUNS and not timed:
        return f"subprocess.{method}() has no timeout"
    return None


def faults_of_python(path, text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Attribute) and node.attr == "readline" and path != "tests/e2e/pipeline.py":
            yield node.lineno, "readline() has no deadline: pipeline.read_line() has"
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        fault = endless(node)
        if is_module(node.func.value, "time") and node.func.attr == "sleep" and path not in PACES:
            fault = "sleeps: wait for a condition, or say in PACES what it paces"
        if fault:
            yield node.lineno, fault


def faults_of_c(path, text):
    timed = not path.startswith("tests/unit/") or ".timeout = " in text
    for number, line in enumerate(text.split("\n"), 1):
        if C_WAIT.search(line) and not timed:
            yield number, "waits, and neither the test nor its suite has a .timeout"
        if C_SLEEP.search(line) and path not in PACES:
            yield number, "sleeps: wait for a condition, or say in PACES what it paces"


def faults_of_any_c(path, text):
    """What the programs keep to as well as their tests."""
    for number, line in enumerate(text.split("\n"), 1):
        if C_ENDLESS.search(line):
            yield number, "waits without an end: give it a deadline, or the reactor the descriptor"


def files(root, *tops):
    for top in tops:
        for at, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith((".py", ".c", ".h")):
                    path = os.path.relpath(os.path.join(at, name), root)
                    with open(os.path.join(at, name), encoding="utf-8") as text:
                        yield path, text.read()


def faults(root):
    for path, text in files(root, "tests"):
        look = faults_of_python if path.endswith(".py") else faults_of_c
        yield from (f"{path}:{line}: {fault}" for line, fault in look(path, text))
    for path, text in files(root, "tests", "common", "services"):
        if not path.endswith(".py"):
            yield from (f"{path}:{line}: {fault}" for line, fault in faults_of_any_c(path, text))


def main():
    found = list(faults(sys.argv[1]))
    print("\n".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
