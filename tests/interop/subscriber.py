"""A subscriber of the feed, written from PROTOCOL.md, chapters 7 and 8: it holds the publisher's exact table, or knows that it
does not."""

import decimal
import time

import zmq

from messages import envelope, feed, opened

PENDING_MAX = 1024  # F1
HEARTBEATS_MISSED, SILENCE_LEAST_S = 3, 1  # F5
ASK_AGAIN_S = 1


def in_points(micro_points, decimals):
    """W7: the exact decimal, rounded half away from zero."""
    exact = decimal.Decimal(micro_points).scaleb(-6)
    return str(exact.quantize(decimal.Decimal(1).scaleb(-decimals), decimal.ROUND_HALF_UP))


class Snapshots:
    """The DEALER to the publisher's ROUTER `snapshot`."""

    def __init__(self, context, endpoint):
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)

    def close(self):
        self.socket.close()

    def send_bytes(self, data):
        self.socket.send(data)

    def send(self, **body):
        self.send_bytes(envelope(feed.ToSnapshots, **body))

    def receive(self, timeout_s):
        if not self.socket.poll(max(0, timeout_s) * 1000):
            return None, None
        return opened(feed.FromSnapshots, self.socket.recv())

    def expect(self, *kinds, deadline_s=20):
        """The next answer, which is of one of these kinds."""
        kind, message = self.receive(deadline_s)
        assert kind in kinds, f"{kind} came instead of {kinds}"
        return message


class Table:
    """epoch and seq say which state of the topic the rows are."""

    def __init__(self, begin):
        self.begin = begin
        self.epoch, self.seq = begin.epoch, begin.seq
        self.rows, self.names = {}, {}

    def apply(self, delta):
        assert (delta.epoch, delta.prev_seq) == (self.epoch, self.seq), delta
        rows_before, ranks_before = dict(self.rows), self.ranks()
        self.rows.update((row.unit, row) for row in delta.row)
        self.seq = delta.seq
        ranks = self.ranks()
        for row in delta.row:  # what F6 promises
            before = rows_before[row.unit]
            assert (row.score_before, row.present_before) == (before.score, before.present), row
            assert (row.rank_before, row.rank) == (ranks_before[row.unit], ranks[row.unit]), row

    def ranks(self):
        """unit -> rank, 0 for who is not ranked (F6, F7)."""
        scores = [r.score for r in self.rows.values() if r.complete]
        return {unit: 1 + sum(s > r.score for s in scores) if r.complete else 0 for unit, r in self.rows.items()}

    def printed(self):
        """The rows as `parbus rank --format csv` prints them, sorted."""
        ranks, decimals = self.ranks(), self.begin.decimals
        lines = []
        for unit, row in self.rows.items():
            name = self.names[unit]
            points = [row.score, *row.component]
            score, *components = [in_points(p, decimals) if row.present else "" for p in points]
            lines.append([str(ranks[unit] or ""), name.code, name.name, score, str(int(row.complete)), *components])
        return sorted(lines)


class Subscriber:
    """pump() for ever; `table` is None while it is not exact."""

    def __init__(self, context, feed_endpoint, snapshot_endpoint, topic):
        self.topic = topic
        self.frame = topic.encode() + b"\0"
        self.events = context.socket(zmq.SUB)
        self.events.linger = 0
        self.events.connect(feed_endpoint)
        self.events.subscribe(self.frame)
        self.snapshots = Snapshots(context, snapshot_endpoint)
        self.silence_s = HEARTBEATS_MISSED
        self.heard_at = self.asked_at = time.monotonic()
        self.request = 0
        self.asking = None  # "snapshot" or "resume" while an answer is due
        self.table = self.coming = None
        self.pending = []
        self.told = (None, None)  # newest position heard of
        self.counts = {"snapshot": 0, "resumed": 0, "delta": 0, "heartbeat": 0, "resync": 0}
        self._ask_snapshot()

    def close(self):
        self.events.close()
        self.snapshots.close()

    def pump(self, timeout_s=0.05):
        poller = zmq.Poller()
        poller.register(self.events, zmq.POLLIN)
        poller.register(self.snapshots.socket, zmq.POLLIN)
        poller.poll(timeout_s * 1000)
        while self.events.poll(0):
            self._event(*self.events.recv_multipart())
        while self.snapshots.socket.poll(0):
            kind, message = opened(feed.FromSnapshots, self.snapshots.socket.recv())
            if message.request == self.request:
                self._ANSWERS[kind](self, message)
        self._watch()

    def until(self, done, what, deadline_s=60):
        end = time.monotonic() + deadline_s
        while not done():
            assert time.monotonic() < end, f"not within {deadline_s} s: {what}; {self.counts}"
            self.pump()

    def _watch(self):
        now = time.monotonic()
        if self.asking and now - self.asked_at > ASK_AGAIN_S:
            self._ask_resume() if self.table else self._ask_snapshot()
        elif not self.asking and now - self.heard_at > self.silence_s:  # F5
            self.heard_at = now
            self._ask_resume()

    def _ask(self, what):
        self.request += 1
        self.asking, self.asked_at = what, time.monotonic()

    def _ask_snapshot(self):
        self.table = self.coming = None
        self._ask("snapshot")
        self.snapshots.send(snapshot=feed.SnapshotRequest(topic=self.topic, request=self.request))

    def _ask_resume(self):
        self._ask("resume")
        self.snapshots.send(resume=feed.ResumeRequest(topic=self.topic, request=self.request, epoch=self.table.epoch,
                                                      seq=self.table.seq))

    def _event(self, topic, data):
        assert topic == self.frame, topic
        self.heard_at = time.monotonic()
        kind, message = opened(feed.FeedEvent, data)
        self.counts[kind] += 1
        self.told = (message.epoch, message.seq)
        if kind == "delta":
            self._delta(message)
        elif not self.asking and (message.epoch != self.table.epoch or message.seq > self.table.seq):  # F5
            self._ask_resume()

    def _delta(self, delta):
        if self.asking:
            self.pending.append(delta)
            if len(self.pending) > PENDING_MAX:
                self.pending.clear()
                self._ask_snapshot()
        else:
            self._apply(delta)

    def _apply(self, delta):
        """F3."""
        if delta.epoch != self.table.epoch:
            self._ask_snapshot()
        elif delta.seq <= self.table.seq:
            return
        elif delta.prev_seq == self.table.seq:
            self.table.apply(delta)
        else:
            self._ask_resume()

    def _begin(self, message):
        self.asked_at = time.monotonic()
        self.coming = Table(message)

    def _rows(self, message):
        coming = self.coming
        if not coming or (message.epoch, message.seq) != (coming.epoch, coming.seq):  # F2
            self._ask_snapshot()
            return
        self.asked_at = time.monotonic()
        coming.rows.update((r.unit, r) for r in message.row)
        coming.names.update((n.unit, n) for n in message.name)

    def _end(self, message):
        coming = self.coming
        if not coming or message.seq != coming.seq or not message.rows == coming.begin.rows == len(coming.rows):
            self._ask_snapshot()
            return
        assert {unit: row.rank for unit, row in coming.rows.items()} == coming.ranks()
        self.table, self.coming = coming, None
        self.silence_s = max(SILENCE_LEAST_S, HEARTBEATS_MISSED * (coming.begin.heartbeat_ms or 1000) / 1000)
        self.counts["snapshot"] += 1
        self._answered()

    def _resumed(self, message):
        for delta in message.delta:
            self.table.apply(delta)
        self.asked_at = time.monotonic()
        if not message.more:
            assert self.table.seq == message.seq
            self.counts["resumed"] += 1
            self._answered()

    def _answered(self):
        self.asking = None
        self.heard_at = time.monotonic()
        pending, self.pending = self.pending, []
        for delta in pending:
            self._delta(delta)

    def _resync(self, message):
        self.counts["resync"] += 1
        if message.topic_unknown:
            raise LookupError(f"{self.topic}: {message.reason}")  # F9
        self._ask_snapshot()

    _ANSWERS = {"begin": _begin, "rows": _rows, "end": _end, "resumed": _resumed, "resync": _resync}
