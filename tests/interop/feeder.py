"""A small feeder, written from PROTOCOL.md, chapters 2 and 3, in the order of its rules."""

import re
import time

import zmq

from digest import digest
from messages import door, envelope, opened

PROTOCOL_VERSION = 1
SILENCE_S = 1  # D1


class Keys:
    """Who one is over a network (chapter 11): a key pair, and the server that is trusted; Z85."""

    def __init__(self, server):
        self.server = server
        self.public, self.secret = zmq.curve_keypair()

    def put_on(self, socket):
        socket.curve_serverkey, socket.curve_publickey, socket.curve_secretkey = self.server, self.public, self.secret


class Door:
    """One connection to the door: a DEALER without a routing id."""

    def __init__(self, context, endpoint, keys=None):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        if keys:
            keys.put_on(self.socket)
        self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.send(data)

    def send(self, **body):
        self.send_bytes(envelope(door.ToIngestor, **body))

    def receive(self, timeout_s):
        """(kind, message), or (None, None) when nothing came."""
        if not self.socket.poll(max(0, timeout_s) * 1000):
            return None, None
        return opened(door.ToFeeder, self.socket.recv())

    def expect(self, kind, accept=lambda message: True, deadline_s=20):
        """The first answer of this kind; others are passed over."""
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            got, message = self.receive(end - time.monotonic())
            if got == kind and accept(message):
                return message
        raise AssertionError(f"no {kind} within {deadline_s} s")


class Stopped(Exception):
    """The ingestor will never take anything from this feeder."""


class Feeder:
    """Numbers submissions and keeps each until it has its receipt."""

    def __init__(self, context, endpoint, name, epoch=1, line=1, keys=None):
        self.door = Door(context, endpoint, keys)
        self.name = name
        self.line = line  # D16; whoever keeps what it says on disk keeps this beside it
        self.take_over = False
        self.epoch = epoch
        self.request = 0
        self.welcome = None
        self.kept = {}  # seq -> Submission without a receipt, ascending
        self.digests = {0: 0}  # seq -> of all up to it (D17)
        self.gone = False
        self.last_seq = 0  # the last number given
        self.sent_seq = 0  # the last number sent
        self.forgotten_seq = 0  # up to here nothing is kept
        self.refused = []
        self.gaps = 0
        self.hellos = 0
        self.totals = door.Scored()

    def close(self):
        self.door.close()

    def hello(self):
        self.request += 1
        self.hellos += 1
        self.door.send(hello=door.Hello(protocol_version=PROTOCOL_VERSION, feeder=self.name, epoch=self.epoch,
                                        request=self.request, line=self.line, take_over=self.take_over))

    def connect(self):
        self.hello()
        request = self.request
        self._until(lambda: self.welcome and self.welcome.request >= request, "a welcome")
        return self.welcome

    def submit(self, **fields):
        """Takes one submission into care; flush() sees it through."""
        self.last_seq += 1
        self._keep(door.Submission(seq=self.last_seq, **fields))
        self._send_kept()
        return self.last_seq

    def _keep(self, submission):
        self.kept[submission.seq] = submission
        before = self.digests[submission.seq - 1]
        self.digests[submission.seq] = digest(before, submission.SerializeToString())

    def bye(self):
        """The name is given back (D18)."""
        self.flush()
        self.door.send(bye=door.Bye())
        self._until(lambda: self.gone, "an answer to Bye")

    def flush(self, deadline_s=60):
        """Until everything has a receipt (D8)."""
        self._until(lambda: not self.kept, "receipts", deadline_s)

    def settle(self, deadline_s=60):
        """Until everything is in the ranking or among the rejects (D10)."""
        self.flush(deadline_s)
        self._until(lambda: self.totals.scored >= self.last_seq, "everything scored", deadline_s)
        return self.totals

    def rejects(self, from_seq, to_seq):
        """All of them, page by page (D11), and how many pages there were."""
        found, pages, from_row = [], 0, 0
        while True:
            self.door.send(status=door.Status(from_seq=from_seq, to_seq=to_seq, from_row=from_row))
            verdict = self.door.expect("verdict")
            found += verdict.reject
            pages += 1
            if not verdict.more:
                return found, pages
            from_seq, from_row = verdict.next_seq, verdict.next_row

    def describe(self, index="", period=""):
        self.door.send(describe=door.Describe(index=index, period=period))
        return self.door.expect("description")

    def indicators(self, index, period=""):
        """code -> number, for the leaves."""
        return {i.code: i.id for i in self.describe(index, period).indicator if i.leaf}

    def _until(self, done, what, deadline_s=60):
        end = time.monotonic() + deadline_s
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"no {what} within {deadline_s} s")
            kind, message = self.door.receive(SILENCE_S)
            if kind is None:
                self.hello()
            elif kind in self._ANSWERS:
                self._ANSWERS[kind](self, message)

    def _send_kept(self):
        if not self.welcome:
            return
        under_way = 0
        for seq, submission in self.kept.items():
            if seq > self.forgotten_seq + self.welcome.window:
                break
            bytes_ = submission.ByteSize()
            if under_way and 0 < self.welcome.window_bytes < under_way + bytes_:
                break
            under_way += bytes_
            if seq > self.sent_seq:
                self.door.send(submission=submission)
                self.sent_seq = seq

    def _send_again_from(self, seq):
        self.sent_seq = seq - 1
        self._send_kept()

    def _forget(self, up_to_seq):
        for seq in [s for s in self.kept if s <= up_to_seq]:
            del self.kept[seq]
        self.forgotten_seq = max(self.forgotten_seq, up_to_seq)

    def _start_over(self, epoch):
        """A greater epoch (D3): what has no receipt is numbered from 1 again."""
        left = list(self.kept.values())
        self.epoch, self.kept, self.welcome = epoch, {}, None
        self.last_seq = self.sent_seq = self.forgotten_seq = 0
        self.digests = {0: 0}
        self.totals = door.Scored()
        for submission in left:
            self.last_seq += 1
            submission.seq = self.last_seq
            self._keep(submission)
        self.hello()

    def _welcome(self, message):
        if message.request != self.request:  # D4
            return
        if message.next_seq > self.last_seq + 1 or message.next_seq <= self.forgotten_seq:
            self._start_over(self.epoch + 1)
            return
        if message.digest != self.digests[message.next_seq - 1]:  # D17
            self._start_over(self.epoch + 1)
            return
        self.welcome, self.take_over = message, False
        self.totals = door.Scored(scored=message.scored, accepted_rows=message.accepted_rows,
                                  rejected_rows=message.rejected_rows, epoch=self.epoch)
        self._forget(message.next_seq - 1)
        self._send_again_from(message.next_seq)

    def _receipt(self, message):
        if message.epoch != self.epoch:
            return
        if message.digest != self.digests.get(message.up_to_seq):  # D17
            self._start_over(self.epoch + 1)
            return
        self.gone = message.bye
        self._forget(message.up_to_seq)
        self._send_kept()

    def _scored(self, message):
        if message.epoch == self.epoch:
            self.totals = message

    def _refusal(self, message):
        if message.reason == door.REFUSED_NO_HELLO:  # D1
            self.hello()
        elif message.reason == door.REFUSED_IN_USE:  # D16
            self.welcome = None
            time.sleep(message.retry_after_ms / 1000)
            self.hello()
        elif message.reason == door.REFUSED_STALE_EPOCH:
            self._stale_epoch(message)
        elif message.epoch not in (0, self.epoch):  # D4
            return
        elif message.reason == door.REFUSED_SEQUENCE_GAP:  # D6
            self.gaps += 1
            self._send_again_from(message.seq)
        elif message.retry_after_ms:  # D9
            time.sleep(message.retry_after_ms / 1000)
            self._send_again_from(message.seq)
        elif message.seq:
            self.refused.append(message)
            self.kept.pop(message.seq, None)
        else:
            raise Stopped(message)

    def _stale_epoch(self, message):
        known = re.fullmatch(r"epoch (\d+) is known", message.detail)
        if self.welcome or not known:
            raise Stopped(message)
        self._start_over(int(known[1]) + 1)

    _ANSWERS = {"welcome": _welcome, "receipt": _receipt, "scored": _scored, "refusal": _refusal}
