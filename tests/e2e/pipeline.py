"""A real pipeline in a directory of its own: the binaries, sockets and LMDB files that operators run.

Every wait is for a condition with a deadline; nothing here sleeps for a fixed time and hopes."""

import csv
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

BIN = pathlib.Path(os.environ["PARBUS_BIN"])
SOURCE = pathlib.Path(__file__).resolve().parents[2]
CATALOG = SOURCE / "catalog"
DATA = CATALOG / "data"
PUBLISHED = CATALOG / "published"
DEADLINE_S = 60


def until(condition, what, deadline_s=DEADLINE_S):
    """Polls until condition() is true and returns its value."""
    end = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(0.02)


def read_line(stream, deadline_s=DEADLINE_S):
    """The next line of a process's output; at its end the empty string. An error when neither comes in time."""
    line = []
    reader = threading.Thread(target=lambda: line.append(stream.readline()), daemon=True)
    reader.start()
    reader.join(deadline_s)
    if not line:
        raise AssertionError(f"no line within {deadline_s} s")
    return line[0]


def free_endpoint():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return f"tcp://127.0.0.1:{s.getsockname()[1]}"


class Pipeline:
    """with Pipeline(scorers=2) as p: p.push(...)"""

    def __init__(self, scorers=1, validators=1, settings=(), catalog=CATALOG, programs=BIN):
        self.dir = tempfile.mkdtemp(prefix="parbus.")
        self.parbus = programs / "parbus"
        self.arguments = ["--scorers", str(scorers), "--validators", str(validators), "--catalog", str(catalog)]
        for setting in settings:
            self.arguments += ["--set", setting]

    def __enter__(self):
        try:
            self.up()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.run("down", check=False)
        if kind and not issubclass(kind, unittest.SkipTest):
            for log in sorted(pathlib.Path(self.dir, "log").glob("*")):
                print(f"--- {log.name}\n{log.read_text(errors='replace')[-4000:]}")
        shutil.rmtree(self.dir, ignore_errors=True)

    def up(self):
        return self.run("up", *self.arguments, "--detach")

    def run(self, command, *arguments, check=True, stdin=None, timeout=DEADLINE_S * 4):
        """Runs `parbus COMMAND ARGUMENTS --dir DIR`; with check, exit status 0 is demanded."""
        line = [str(self.parbus), command, *map(str, arguments), "--dir", self.dir]
        done = subprocess.run(line, input=stdin, capture_output=True, timeout=timeout,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
        done.stdout = done.stdout.decode(errors="replace")
        done.stderr = done.stderr.decode(errors="replace")
        if check and done.returncode != 0:
            raise AssertionError(f"{line} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def start(self, command, *arguments, stdin=subprocess.DEVNULL):
        """Starts a command that goes on; its standard output is a pipe of text."""
        line = [str(self.parbus), command, *map(str, arguments), "--dir", self.dir]
        return subprocess.Popen(line, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def push(self, *files, **options):
        return self.run("push", *files, "--wait", **options)

    def push_text(self, text, *arguments, check=True):
        """Pushes CSV text from standard input."""
        data = text if isinstance(text, bytes) else text.encode()
        return self.run("push", "-", "--wait", *arguments, stdin=data, check=check)

    def rank_text(self, index, period):
        return self.run("rank", index, period, "--format", "csv").stdout

    def rank(self, index, period):
        """The standing as a list of dicts."""
        return list(csv.DictReader(io.StringIO(self.rank_text(index, period))))

    def rejects(self):
        return list(csv.DictReader(io.StringIO(self.run("rejects", "--format", "csv").stdout)))

    def rejects_in_any_order(self):
        """Without what depends on when a row came: its time and its place between those of other feeders."""
        return sorted(tuple(v for k, v in row.items() if k not in ("received_at", "pseq")) for row in self.rejects())

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def processes(self):
        return {p["instance"]: p for p in self.status()["processes"]}

    def kill(self, instance, how=signal.SIGKILL):
        os.kill(self.processes()[instance]["pid"], how)

    def settled(self):
        """Waits until everything that has a receipt is applied."""
        def nothing_left():
            done = self.run("status", "--json", check=False)
            return done.returncode == 0 and json.loads(done.stdout)["lag"] == 0
        until(nothing_left, "lag 0")


def rows_of(path):
    """The rows of a CSV file whose comment lines begin with #."""
    with open(path, encoding="utf-8") as f:
        return list(csv.DictReader(line for line in f if not line.startswith("#")))
