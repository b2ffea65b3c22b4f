"""What a power cut leaves of the files that layer.c has watched.

Of each sector the disk holds what the last sync that came to its end had covered, or any state that it had since, whatever
its neighbours hold; a file has one of its lengths since then; a name whose directory was not synced is there or not."""

import collections
import os
import pathlib
import shutil
import struct

WRITE, NAME, LINK, SYNC, DONE, DONE_SYNCED, UNKNOWN = range(1, 8)
ENTRY = struct.Struct("=IIQQQQQ")
SECTOR = 512
PAGE = 4096


class Write:
    def __init__(self, offset, size, length_before, old):
        self.offset, self.size, self.length_before, self.old = offset, size, length_before, old
        self.sectors = set(range(offset // SECTOR, -(-(offset + size) // SECTOR)))  # that no sync has covered
        self.length_open = True  # nor its length
        self.done = False


class Name:
    def __init__(self, path):
        self.path = path
        self.done = False


def entries(log):
    """The last one may be of a process that was killed while it wrote."""
    data = pathlib.Path(log).read_bytes()
    at = 0
    while at + ENTRY.size <= len(data):
        kind, path_bytes, call, offset, size, length_before, old_bytes = ENTRY.unpack_from(data, at)
        path_at, old_at = at + ENTRY.size, at + ENTRY.size + path_bytes
        at = old_at + old_bytes
        if at > len(data):
            return
        yield kind, data[path_at:old_at].decode(), call, offset, size, length_before, data[old_at:at]


def without(things, gone):
    gone = set(map(id, gone))
    return [x for x in things if id(x) not in gone]


class Pending:
    """What no sync has covered, in the order of the log."""

    def __init__(self, log, lies=None):
        self.lies = lies or (lambda kind, path: False)  # a disk that says that it has synced, and has not
        self.writes = collections.defaultdict(list)  # path -> writes
        self.names = []
        self.calls = {}  # call -> what it will have done
        self.same = {}   # another name of a file -> its first one
        self.counts = collections.Counter()
        for entry in entries(log):
            self.take(*entry)

    def file(self, path):
        return self.same.get(path, path)

    def take(self, kind, path, call, offset, size, length_before, old):
        if kind == UNKNOWN:
            raise AssertionError(f"a call that the layer has no model of: {path}")
        if kind == WRITE:
            self.take_write(self.file(path), call, Write(offset, size, length_before, old))
        elif kind in (NAME, LINK):
            self.take_name(path, call)
        elif kind == SYNC:
            self.take_sync(path, call)
        else:
            self.finish(kind, *self.calls.pop(call))

    def take_write(self, path, call, write):
        self.writes[path].append(write)
        self.counts["writes"] += 1
        self.calls[call] = (WRITE, path, write)

    def take_name(self, path, call):
        first, _, second = path.partition("\0")
        if second:
            self.same[second] = self.file(first)
        name = Name(second or first)
        self.names.append(name)
        self.calls[call] = (NAME, name.path, name)

    def take_sync(self, path, call):
        """It covers what came to its end before it began."""
        writes = [x for x in self.writes[self.file(path)] if x.done]
        names = [x for x in self.names if x.done and os.path.dirname(x.path) == path]
        self.calls[call] = (SYNC, path, (writes, names))

    def finish(self, kind, what, path, thing):
        if what != SYNC:
            thing.done = True
        if kind != DONE_SYNCED or self.lies(what, path):
            return
        self.counts["syncs"] += 1
        if what == WRITE:
            self.cover_pages(path, thing)
            return
        writes, names = thing
        self.writes[self.file(path)] = without(self.writes[self.file(path)], writes)
        self.names = without(self.names, names)

    def cover_pages(self, path, write):
        """A write to a descriptor with O_DSYNC takes its pages along, and the length that it gave the file."""
        first, last = write.offset // PAGE, (write.offset + write.size - 1) // PAGE
        pages = set(range(first * PAGE // SECTOR, (last + 1) * PAGE // SECTOR))
        for x in self.writes[path]:
            x.sectors -= pages
            x.length_open &= x is not write
        self.writes[path] = [x for x in self.writes[path] if x.sectors or x.length_open]


class Cut:
    """Makes the files look as after a power cut."""

    def __init__(self, pending, rng):
        self.pending, self.rng = pending, rng
        self.counts = collections.Counter()
        self.keep = rng.choice([0, 0.1, 0.5, 0.9, 1, None])  # share of the writes that stay; None: sector by sector
        self.keep_names = rng.choice([0, 0.5, 1])
        self.length = rng.choice([min, max, rng.choice])

    def apply(self):
        for first, writes in self.pending.writes.items():
            names = [first, *[name for name, same in self.pending.same.items() if same == first]]
            path = next(filter(os.path.exists, names), None)
            if path and writes:
                self.damage(path, writes)
        for name in self.pending.names:
            if os.path.lexists(name.path) and self.rng.random() >= self.keep_names:
                self.counts["names lost"] += 1
                remove(name.path)

    def damage(self, path, writes):
        with open(path, "r+b", buffering=0) as f:
            lengths = [w.length_before for w in writes if w.length_open] + [os.fstat(f.fileno()).st_size]
            for sector, data in self.choose(writes, self.states(f, writes)).items():
                os.pwrite(f.fileno(), data, sector * SECTOR)
            f.truncate(self.length(lengths))

    @staticmethod
    def states(f, writes):
        """sector -> [before all writes, after the first one that touches it, after the second …]"""
        now, states = {}, collections.defaultdict(list)
        for w in reversed(writes):
            for sector in w.sectors:
                data = now.get(sector)
                if data is None:
                    data = os.pread(f.fileno(), SECTOR, sector * SECTOR).ljust(SECTOR, b"\0")
                states[sector].append((w, data))
                now[sector] = undone(data, sector * SECTOR, w)
        return {s: [(None, now[s]), *reversed(after)] for s, after in states.items()}

    def choose(self, writes, states):
        """Each write stays, is dropped or is torn; with no share to keep, each sector has any of its states."""
        if self.keep is None:
            self.counts["writes torn"] += len(writes)
            return {s: self.rng.choice(one)[1] for s, one in states.items()}
        fate = {}
        for w in writes:
            torn = 0 < self.keep < 1 and self.rng.random() < 0.3
            fate[id(w)] = "torn" if torn else "kept" if self.rng.random() < self.keep else "dropped"
            self.counts[f"writes {fate[id(w)]}"] += 1
        return {s: self.newest(one, fate) for s, one in states.items()}

    def newest(self, states, fate):
        for write, data in reversed(states[1:]):
            if fate[id(write)] == "kept" or fate[id(write)] == "torn" and self.rng.random() < 0.5:
                return data
        return states[0][1]


def undone(data, at, write):
    """The sector that begins at `at` as it was before the write; beyond the file's end there were zeroes."""
    before = bytearray(data)
    begin, end = max(at, write.offset), min(at + SECTOR, write.offset + write.size)
    old = write.old[begin - write.offset:end - write.offset].ljust(end - begin, b"\0")
    before[begin - at:end - at] = old
    return bytes(before)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
