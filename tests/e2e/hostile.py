"""Everything that a hostile peer does to the real processes, as one table: CASES. test_hostile.py runs each of them once;
tests/bench/beside.py puts each beside a good feeder, for as long as that one works.

A case is done from an address of its own, for who is cut off is let in again more slowly."""

import contextlib
import dataclasses
import math
import os
import pathlib
import random
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import typing

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "interop"))

import zmq  # noqa: E402
from messages import door, envelope, feed  # noqa: E402
from pipeline import BIN, Pipeline, free_endpoint  # noqa: E402
from zmtp import connect, frame, greeting, is_closed, peer, ready, send  # noqa: E402

FLOOD = BIN.parent / "tests" / "flood"
DESCRIPTORS = 4096
HALF_OPEN, PER_ADDRESS = 2000, 200
NOBODY = 65534
ROW = {"index": "qd766", "period": "2025-10", "unit": "H26", "stage": door.STAGE_APPRAISED_1, "indicator": [2], "value": [1.0]}
CHILDREN = ("ingestor-1", "publisher-1", "scorer-1", "validator-1")


@dataclasses.dataclass
class Case:
    name: str
    attack: typing.Callable  # of a Scene; once through
    counted: typing.Sequence  # (instance, counter); instance "": of all
    lasts: bool = False  # goes on by itself until the scene is over
    key: str = "mallory"  # who is known


class Scene:
    """A pipeline with doors that have keys, and somebody who has one."""

    def __init__(self, pipeline):
        self.p = pipeline
        self.random = random.Random(766)
        self.door, self.feed, self.snapshots = free_endpoint(), free_endpoint(), free_endpoint()
        pipeline.arguments += ["--door", self.door, "--feed", self.feed, "--snapshots", self.snapshots]
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
        self.of_process = None
        self.keys, self.last_source = {}, 1
        self.over = contextlib.ExitStack()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, DESCRIPTORS)), hard))

    def close(self):
        self.over.close()
        if self.of_process:
            self.of_process.destroy(linger=0)
        for file in self.place.iterdir():
            file.unlink()
        self.place.rmdir()

    @property
    def context(self):
        """Made by the process that uses it."""
        self.of_process = self.of_process or zmq.Context()
        return self.of_process

    def next_case(self):
        """What the one before holds is given up; another address."""
        self.over.close()
        self.over = contextlib.ExitStack()
        self.last_source += 1

    @property
    def source(self):
        return f"127.0.{self.last_source}.1"

    def hold(self, thing):
        return self.over.enter_context(contextlib.closing(thing))

    # ---- who he is ----

    def key(self, name):
        """The lines of a context that is known, and may appraise."""
        if name not in self.keys:
            file = self.place / f"{name}.context"
            self.p.run("keys", "new", name, "--out", file, "--door", self.door)
            self.p.run("access", "grant", name, "appraise")
            self.keys[name] = dict(line.split(" = ", 1) for line in file.read_text().splitlines() if " = " in line)
        return self.keys[name]

    def dealer(self, name="mallory", endpoint=None, kind=zmq.DEALER, **other):
        """A connection with that key; other: public, secret."""
        key = {**self.key(name), **other}
        s = self.hold(self.context.socket(kind))
        s.linger = 0
        s.curve_serverkey, s.curve_publickey, s.curve_secretkey = (key[k].encode() for k in ("server", "public", "secret"))
        s.connect(endpoint or self.near(self.door))
        return s

    def near(self, endpoint):
        """From this case's address."""
        return f"tcp://{self.source}:0;{endpoint.removeprefix('tcp://')}"

    # ---- where ----

    @property
    def port(self):
        return int(self.door.rsplit(":", 1)[1])

    def run(self, name):
        return pathlib.Path(self.p.dir, "run", name)

    def stranger(self):
        return self.hold(connect(self.port, self.source))

    def flood(self, where, *what):
        process = subprocess.Popen([FLOOD, f"ipc://{self.run(where)}", *map(str, what)])

        def end():
            process.kill()
            process.wait(60)
        self.over.callback(end)


def say(s, **body):
    s.send(envelope(door.ToIngestor, **body))


def hello(s, **changes):
    """Answered."""
    say(s, hello=door.Hello(**{"protocol_version": 1, "epoch": 1, "line": 1, **changes}))
    if not s.poll(20000):
        raise AssertionError("no answer to a hello")
    return s.recv()


def submit(s, seq, **changes):
    fields = {k: v for k, v in {**ROW, **changes}.items() if v is not None}
    say(s, submission=door.Submission(seq=seq, **fields))


# ---- strangers at a door to the network ----

def no_greeting(h):
    for data in (b"\0" * 5000, b"GET / HTTP/1.1\r\n\r\n", h.random.randbytes(20_000), b"\xff" * 64,
                 greeting() + h.random.randbytes(5000), greeting() + ready() + frame(b"hello"),
                 greeting(mechanism=b"CURVE") + h.random.randbytes(5000), greeting(mechanism=b"CURVE") + frame(b"\x05HELLO", 4)):
        for _ in range(5):
            with connect(h.port, h.source) as s:
                send(s, data)


def old_protocols(h):
    for _ in range(20):
        for data in greeting(2) + b"\x00\x04name", b"\x05\x00name":
            with connect(h.port, h.source) as s:
                send(s, data)
                is_closed(s)


def half_open(h):
    for _ in range(HALF_OPEN):
        h.stranger()


def slow_handshakes(h):
    slow = [h.stranger() for _ in range(30)]
    for byte in greeting(mechanism=b"CURVE")[:20]:
        for s in slow:
            send(s, bytes([byte]))
    for s in slow:
        is_closed(s)


def clear_text(h):
    for _ in range(20):
        with connect(h.port, h.source) as s:
            send(s, greeting() + ready() + frame(envelope(door.ToIngestor, stats=door.Stats())))
            is_closed(s)


def unknown_key(h):
    for _ in range(5):
        public, secret = (key.decode() for key in zmq.curve_keypair())
        h.dealer(public=public, secret=secret).send(b"")


def stolen_public_key(h):
    for _ in range(5):
        h.dealer(secret=zmq.curve_keypair()[1].decode()).send(b"")


def record(h):
    """What a good client says on the wire, from its greeting on."""
    said = bytearray()
    with socket.create_server((h.source, 0)) as server:
        client = h.dealer(endpoint=f"tcp://{h.source}:{server.getsockname()[1]}")
        say(client, describe=door.Describe(index="qd766"))
        here, _ = server.accept()
        with here, connect(h.port, h.source) as there:
            def back():
                with contextlib.suppress(OSError):
                    while data := there.recv(65536):
                        here.sendall(data)
            pump = threading.Thread(target=back, daemon=True)
            pump.start()
            here.settimeout(0.05)
            while not client.poll(0):
                with contextlib.suppress(TimeoutError):
                    data = here.recv(65536)
                    said += data
                    there.sendall(data)
            there.shutdown(socket.SHUT_RDWR)
            pump.join(60)
    client.close()
    return bytes(said)


def replayed_capture(h):
    capture = record(h)
    for _ in range(5):
        with connect(h.port, h.source) as s:
            send(s, capture)
            is_closed(s)


# ---- somebody whose key is known ----

def random_messages(h):
    s = h.dealer()
    for size in [0, 1, 2, 10, 255, 256, 5000] * 3:
        s.send(h.random.randbytes(size))


def cut_off(h):
    s = h.dealer()
    whole = envelope(door.ToIngestor, submission=door.Submission(seq=1, **ROW))
    for size in range(1, len(whole), 3):
        s.send(whole[:size])


def wrong_frames(h):
    s = h.dealer()
    for parts in [b"", b""], [b"", envelope(door.ToIngestor, stats=door.Stats())], [b"x"] * 100:
        s.send_multipart(parts)


def wrong_version(h):
    s = h.dealer()
    for version in 0, 2, 2 ** 32 - 1:
        hello(s, protocol_version=version)


def out_of_state(h):
    s = h.dealer()
    submit(s, 1)
    say(s, status=door.Status(from_seq=1, to_seq=2))
    say(s, bye=door.Bye())


def hellos(h):
    s = h.dealer()
    for _ in range(2000):
        say(s, hello=door.Hello(protocol_version=1, epoch=1, line=1))


def anothers_name(h):
    s = h.dealer()
    for name in "h05", "cli-root":
        hello(s, feeder=name)


def without_rights(h):
    s = h.dealer()
    hello(s)
    submit(s, 1, stage=door.STAGE_SELF)
    say(s, stats=door.Stats())


def epochs(h):
    s = h.dealer("numbers")
    hello(s, epoch=5)
    submit(s, 1)
    s.poll(20000)
    hello(s, epoch=4)
    hello(s, epoch=2 ** 63)


def a_second_line(h):
    first, second = h.dealer("twice"), h.dealer("twice")
    hello(first)
    submit(first, 1)
    first.poll(20000)
    hello(second, line=2, epoch=2)


def repeated(h):
    s = h.dealer("again")
    hello(s)
    for _ in range(50):
        submit(s, 1)


def jumps(h):
    s = h.dealer("jumps")
    hello(s)
    for seq in 1000, 2 ** 64 - 1, 0, 2 ** 63:
        submit(s, seq)


def too_large(h):
    s = h.dealer("large")
    for feeder in "", "x" * 65, "x" * 5000:
        hello(s, feeder=feeder)
    for seq, changes in enumerate((dict(unit="x" * 257), dict(index="x" * 65), dict(period=""), dict(unit=""),
                                   dict(indicator=[2] * 16385, value=[0.0] * 16385)), 1):
        submit(s, seq, **changes)


def no_text(h):
    s = h.dealer("text")
    hello(s)
    whole = envelope(door.ToIngestor, submission=door.Submission(seq=1, **ROW))
    for bad in b"qd7\xff6", b"qd7\x006", b"\xed\xa0\x80\x80\x80", b"\xc0\xaf\xc0\xaf\xc0":
        s.send(whole.replace(b"qd766", bad))


def no_numbers(h):
    s = h.dealer("numberless")
    hello(s)
    for seq, value in enumerate((math.nan, math.inf, -math.inf), 1):
        submit(s, seq, value=[value])


def a_table_not_granted(h):
    follower = h.dealer(endpoint=h.near(h.feed), kind=zmq.SUB)
    follower.subscribe(b"qd766/2025\0")
    asker = h.dealer(endpoint=h.near(h.snapshots))
    asker.send(envelope(feed.ToSnapshots, snapshot=feed.SnapshotRequest(topic="qd766/2025", request=1)))
    asker.send(envelope(feed.ToSnapshots, resume=feed.ResumeRequest(topic="qd766/2025", request=2, epoch=1, seq=1)))


def junk_at_the_feed(h):
    for size in 161, 5000:
        h.dealer(endpoint=h.near(h.feed), kind=zmq.SUB).subscribe(h.random.randbytes(size))
    asker = h.dealer(endpoint=h.near(h.snapshots))
    for size in 0, 1, 100, 500:
        asker.send(h.random.randbytes(size))


# ---- somebody of the directory's owner ----

def feeder_inside(h):
    for name, kind in ("work", b"DEALER"), ("scores", b"PUSH"), ("scorer-1", b"PUSH"):
        s = h.hold(peer(h.run(name), kind))
        send(s, frame(envelope(door.ToIngestor, hello=door.Hello(protocol_version=1, feeder="inside", epoch=1, line=1))))
        send(s, frame(envelope(door.ToIngestor, submission=door.Submission(seq=1, **ROW))))


def another_user(h):
    """Whom the file modes have let through."""
    places = [pathlib.Path(h.p.dir), h.run("work").parent, h.run("work"), h.run("scores")]
    modes = [place.stat().st_mode for place in places]
    for place in places:
        place.chmod(0o777)
    try:
        for name in "work", "scores":
            os.seteuid(NOBODY)
            try:
                s = connect(h.run(name))
            finally:
                os.seteuid(0)
            with s:
                send(s, greeting() + ready(b"PUSH" if name == "scores" else b"DEALER"))
                is_closed(s)
    finally:
        for place, mode in zip(places, modes):
            place.chmod(mode)


def claimed_names(h):
    for identity in b"\0\x6b\x8b\x45\x67", b"\0\xe4\x3c\x98\x69", b"name":
        s = h.hold(peer(h.run("door"), identity=identity))
        send(s, frame(envelope(door.ToIngestor, stats=door.Stats())))


def floods(*what):
    return lambda h: h.flood(*what)


I, P = "ingestor-1", "publisher-1"
UNSPOKEN = (I, "connections_unspoken")
CASES = [
    Case("bytes that are no greeting", no_greeting, [UNSPOKEN]),
    Case("ZMTP 1 and 2", old_protocols, [UNSPOKEN]),
    Case("2,000 half-open connections", half_open, [UNSPOKEN, (I, "connections_over_limit")]),
    Case("slow handshakes", slow_handshakes, [UNSPOKEN]),
    Case("clear text at a door with keys", clear_text, [UNSPOKEN]),
    Case("a key that nobody knows", unknown_key, [(I, "connections_unknown_key")]),
    Case("a stolen public key", stolen_public_key, [UNSPOKEN]),
    Case("a capture, replayed", replayed_capture, [UNSPOKEN]),
    Case("random messages", random_messages, [(I, "refused_malformed"), (I, "messages_malformed")]),
    Case("messages cut off", cut_off, [(I, "refused_malformed")]),
    Case("too many frames", wrong_frames, [(I, "messages_misshapen")]),
    Case("another version", wrong_version, [(I, "refused_protocol_version")]),
    Case("no hello", out_of_state, [(I, "refused_no_hello")]),
    Case("hello, again and again", hellos, [(I, "questions_unanswered"), (I, "questioners_cut")]),
    Case("another's name", anothers_name, [(I, "refused_not_authorised")]),
    Case("what was not granted", without_rights, [(I, "refused_not_authorised")]),
    Case("epochs gone by, and far ahead", epochs, [(I, "refused_stale_epoch"), (I, "refused_epoch_ahead")], key="numbers"),
    Case("a second line", a_second_line, [(I, "refused_in_use")], key="twice"),
    Case("submissions again", repeated, [(I, "submissions_repeated")], key="again"),
    Case("numbers left out", jumps, [(I, "refused_sequence_gap")], key="jumps"),
    Case("empty and too large", too_large, [(I, "refused_too_large")], key="large"),
    Case("text that is none", no_text, [(I, "refused_malformed")], key="text"),
    Case("NaN and infinity", no_numbers, [("", "rejected_value_not_finite")], key="numberless"),
    Case("a table that was not granted", a_table_not_granted,
         [(P, "subscriptions_not_authorised"), (P, "questions_not_authorised")]),
    Case("junk at the feed", junk_at_the_feed, [(P, "messages_malformed"), (P, "subscriptions_not_authorised")]),
    Case("a feeder at the inside sockets", feeder_inside, [(I, "messages_malformed"), (P, "messages_malformed")]),
    Case("another user inside", another_user, [(I, "connections_foreign_user"), (P, "connections_foreign_user")]),
    Case("names of connections", claimed_names, [(I, "messages_misshapen")]),
    Case("Stats that 20 do not read", floods("door", "stats-unread", 20), [(I, "questions_unanswered"), (I, "questioners_cut")],
         lasts=True),
    Case("Describe that 100 do not read", floods("door", "describe-unread", 100, "par-province"),
         [(I, "questions_unanswered"), (I, "questioners_cut")], lasts=True),
    Case("one name after another, of 20", floods("door", "names", 20, "flood"), [(I, "questions_unanswered"), (I, "questioners_cut")],
         lasts=True),
    Case("2 MiB of junk, of 3", floods("door", "junk", 3), [(I, "refused_malformed")], lasts=True),
    Case("16,000 subscriptions, of 50", floods("feed", "subscribe", 50), [(P, "subscribers_cut")], lasts=True),
    Case("snapshots, of 16", floods("snapshot", "snapshot", 16, "par-province/2024"), [(P, "snapshots_served")], lasts=True),
]


def may_be_another_user():
    return os.geteuid() == 0


def counters(status, wanted):
    """The values of what a case counts."""
    return [status["counters_by_instance"].get(instance, {}).get(name, 0) if instance else status["counters"].get(name, 0)
            for instance, name in wanted]


class Peaks:
    """The most memory that each process had since this was made: VmHWM, which the kernel keeps."""

    def __init__(self, pids):
        self.pids = pids
        for pid in pids.values():
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")

    def mb(self):
        return {name: self.of(pid) for name, pid in self.pids.items()}

    @staticmethod
    def of(pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) >> 10


def scene(**options):
    return Scene(Pipeline(**{"settings": ["handshake_ms_max=2000", f"connections_per_address_max={PER_ADDRESS}"], **options}))
