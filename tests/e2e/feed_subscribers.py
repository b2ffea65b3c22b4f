"""Subscribers of the feed, good ones and bad ones, and what lies between them and the publisher."""

import contextlib
import json
import os
import pathlib
import queue
import selectors
import signal
import socket
import subprocess
import threading

from pipeline import BIN, read_line

PROBE = BIN.parent / "tests" / "feed_probe"


class Probe:
    """tests/e2e/feed_probe.c: `count` subscribers in one process, each of which follows all topics over one feed."""

    def __init__(self, feed, snapshots, topic, count=1):
        self.topic, self.topics, self.count = topic, topic.split(",") * count, count
        self.words = []
        self.process = subprocess.Popen([PROBE, feed, snapshots, topic, str(count)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self.read_words, daemon=True)
        self.reader.start()

    def read_words(self):
        with self.process.stderr as stream:
            self.words.extend(stream)

    def say(self, words):
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def state(self):
        self.say("state")
        line = read_line(self.process.stdout)
        assert line, f"the subscriber of {self.topic} ended: {self.words[-5:]}"
        return json.loads(line)

    def ready(self):
        return self.state()["ready"] == len(self.topics)

    def table(self, number=0):
        self.say(f"table {number}")
        return "".join(iter(lambda: read_line(self.process.stdout), "\n"))

    def renew(self):
        self.say("renew")

    def suspend(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def close(self):
        for stream in self.process.stdin, self.process.stdout:
            with contextlib.suppress(BrokenPipeError):
                stream.close()
        status = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.close()

    def end(self):
        status = self.close()
        assert status == 0, f"the subscriber of {self.topic} ended with {status}: {self.words[-5:]}"


class Pair:
    """One connection through a Proxy; each direction has what it has read and not yet written."""

    def __init__(self, server, near, far):
        self.server, self.near, self.far = server, near, far
        self.paused = False
        self.waiting = {near: b"", far: b""}  # by whom it is for

    def other(self, end):
        return self.far if end is self.near else self.near


class Proxy:
    """Between a subscriber and the two sockets of the publisher, over tcp or ipc. It can cut every connection, stall them (take
    nothing any more, and leave them open), and let through only a little at a time."""

    CHUNK = 65536
    TRICKLE_BYTES, TRICKLE_S = 512, 0.1

    def __init__(self, feed, snapshots, directory=None):
        self.selector = selectors.DefaultSelector()
        self.orders = queue.SimpleQueue()
        self.wake, self.woken = socket.socketpair()
        self.selector.register(self.woken, selectors.EVENT_READ)
        self.listening, self.pairs = {}, {}
        self.trickle = self.ended = False
        self.feed = self.listen(feed, directory, "feed")
        self.snapshots = self.listen(snapshots, directory, "snapshot")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def listen(self, endpoint, directory, name):
        if directory:
            path = str(pathlib.Path(directory, name))
            server = socket.socket(socket.AF_UNIX)
            server.bind(path)
            server.listen(64)
            near = f"ipc://{path}"
        else:
            server = socket.create_server(("127.0.0.1", 0))
            near = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        self.listening[server] = endpoint
        self.selector.register(server, selectors.EVENT_READ)
        return near

    @staticmethod
    def connect(endpoint):
        scheme, where = endpoint.split("://")
        if scheme == "ipc":
            far = socket.socket(socket.AF_UNIX)
            far.connect(where)
            return far
        host, port = where.split(":")
        return socket.create_connection((host, int(port)))

    def connections(self):
        return len(self.pairs) // 2

    # ---- orders; each is carried out by the proxy's own thread ----

    def order(self, what):
        done = threading.Event()
        self.orders.put((what, done))
        self.wake.send(b"!")
        assert done.wait(20), "the proxy obeys"

    def cut(self, endpoints=None):
        self.order(lambda: self.close_all(endpoints))

    def stall(self):
        self.order(lambda: self.pause(True))

    def go_on(self):
        self.order(lambda: self.pause(False))

    def forget(self, endpoints):
        """The connections of now to these are dead for ever and nobody is told; new ones work."""
        self.order(lambda: self.pause(True, endpoints))

    def slow(self, trickle):
        self.order(lambda: setattr(self, "trickle", trickle))

    def end(self):
        self.order(lambda: setattr(self, "ended", True))
        self.thread.join(timeout=20)
        for s in (*self.listening, self.wake, self.woken):
            s.close()
        self.selector.close()

    # ---- its thread ----

    def close_pair(self, pair):
        for end in pair.near, pair.far:
            if self.pairs.pop(end, None):
                if end in self.selector.get_map():
                    self.selector.unregister(end)
                end.close()

    def of(self, endpoints):
        """The connections to these, or all."""
        return {pair for pair in self.pairs.values() if not endpoints or self.listening[pair.server] in endpoints}

    def close_all(self, endpoints=None):
        for pair in self.of(endpoints):
            self.close_pair(pair)

    def pause(self, paused, endpoints=None):
        for pair in self.of(endpoints):
            pair.paused = paused
            self.watch(pair)

    def watch(self, pair):
        for end in pair.near, pair.far:
            wanted = selectors.EVENT_WRITE if pair.waiting[end] else 0
            if not pair.waiting[pair.other(end)]:
                wanted |= selectors.EVENT_READ
            if pair.paused:
                wanted = 0
            known = end in self.selector.get_map()
            if wanted:
                (self.selector.modify if known else self.selector.register)(end, wanted)
            elif known:
                self.selector.unregister(end)

    def accept(self, server):
        near, _ = server.accept()
        try:
            far = self.connect(self.listening[server])
        except OSError:  # no publisher at the moment
            near.close()
            return
        pair = Pair(server, near, far)
        for end in near, far:
            end.setblocking(False)
            self.pairs[end] = pair
        self.watch(pair)

    def move(self, end, events):
        pair = self.pairs[end]
        try:
            if events & selectors.EVENT_WRITE:
                data = pair.waiting[end]
                part = data[:self.TRICKLE_BYTES] if self.trickle else data
                pair.waiting[end] = data[end.send(part):]
            if events & selectors.EVENT_READ:
                data = end.recv(self.TRICKLE_BYTES if self.trickle else self.CHUNK)
                if not data:
                    self.close_pair(pair)
                    return
                pair.waiting[pair.other(end)] += data
        except BlockingIOError:
            pass
        except OSError:
            self.close_pair(pair)
            return
        self.watch(pair)

    def obey(self):
        self.woken.recv(1)
        what, done = self.orders.get()
        what()
        done.set()

    def run(self):
        while not self.ended:
            for key, events in self.selector.select(1):
                if key.fileobj is self.woken:
                    self.obey()
                elif key.fileobj in self.listening:
                    self.accept(key.fileobj)
                elif key.fileobj in self.pairs:
                    self.move(key.fileobj, events)
            if self.trickle:
                self.selector_rest()
        self.close_all()

    def selector_rest(self):
        """The pace of a slow line; an order ends it."""
        with selectors.DefaultSelector() as orders:
            orders.register(self.woken, selectors.EVENT_READ)
            orders.select(self.TRICKLE_S)


def rss_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


class Ticking(threading.Thread):
    """Calls `step` again and again until it is ended, and hands on what went wrong."""

    def __init__(self, step):
        super().__init__(daemon=True)
        self.step, self.over, self.wrong = step, threading.Event(), None
        self.start()

    def run(self):
        try:
            while not self.over.is_set():
                self.step()
        except BaseException as wrong:  # told to who ends it
            self.wrong = wrong

    def end(self):
        self.over.set()
        self.join(timeout=300)
        if self.wrong:
            raise self.wrong
