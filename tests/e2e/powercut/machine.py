"""A machine whose power can be cut: a directory on its disk, and the programs that run with layer.c below them."""

import collections
import contextlib
import ctypes
import mmap
import os
import pathlib
import select
import signal
import struct

from pipeline import BIN, until
from powercut.lose import Cut, Pending

TESTS = BIN.parent / "tests"
CONTROL = struct.Struct("=IIq32s")  # struct control of layer.c


class Machine:
    """`root` is all that is on its disk; `place`, elsewhere, has what the layer writes."""

    def __init__(self, root, place, lies=None):
        self.root, self.lies = root, lies
        self.log, self.control = pathlib.Path(place, "log"), pathlib.Path(place, "control")
        self.counts = collections.Counter()
        self.control.write_bytes(bytes(CONTROL.size))
        with open(self.control, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), CONTROL.size)
        self.power_on()

    def power_on(self):
        self.log.write_bytes(b"")
        self.set(0, 0, "")

    def set(self, cut, left, program):
        """The number that runs is the last one that is written: a process may count at once."""
        self.map[16:] = program.encode().ljust(32, b"\0")
        ctypes.c_int64.from_buffer(self.map, 8).value = left
        ctypes.c_uint32.from_buffer(self.map, 0).value = cut

    def environment(self):
        """AddressSanitizer wants to be the first library. layer.c hides nothing from it but the few calls that it takes
        itself, which have no memory to check beyond what LMDB gives them."""
        options = os.environ.get("ASAN_OPTIONS", "")
        return {**os.environ, "LD_PRELOAD": str(TESTS / "libpowercut.so"), "POWERCUT_ROOT": str(self.root),
                "POWERCUT_LOG": str(self.log), "POWERCUT_CONTROL": str(self.control),
                "ASAN_OPTIONS": (options + ":" if options else "") + "verify_asan_link_order=0"}

    def cut_after(self, calls, program=""):
        self.set(0, calls, program)

    def is_cut(self):
        return struct.unpack_from("=I", self.map, 0)[0] != 0

    def processes(self):
        mine = f"POWERCUT_CONTROL={self.control}".encode()
        for entry in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mine in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)

    def kill_all(self):
        """Returns how many there were. What is seen no more may still hold locks; a pidfd tells when it is all over."""
        dying = []
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                dying.append(os.pidfd_open(pid))
        for fd in dying:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(fd, signal.SIGKILL)
        for fd in dying:
            if not select.select([fd], [], [], 30)[0]:
                raise AssertionError("a process does not die")
            os.close(fd)
        return len(dying)

    def cut(self):
        """Everything ends here and now."""
        self.set(1, 0, "")
        until(lambda: self.kill_all() == 0, "everything is dead")

    def lose(self, rng):
        """After the cut, what the disk has not got."""
        pending = Pending(self.log, self.lies)
        cut = Cut(pending, rng)
        cut.apply()
        self.counts += cut.counts
        self.counts += pending.counts
        self.power_on()
        return cut.counts
