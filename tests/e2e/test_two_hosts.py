"""A province on another host: two network namespaces and a cable between them, which is listened to.

Needs root, ip and tcpdump; without them it is skipped, and says so."""

import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import zmq

from pipeline import BIN, Pipeline, read_line, until

HERE, THERE, PORTS = "10.209.77.1", "10.209.77.2", (5700, 5701, 5702)
NAME, INDEX, PERIOD, UNIT, VALUE = "tinh-ha-noi", "qd766", "2025", "H26", 7.53125
SHEET = f"index,period,unit,indicator,value,stage\n{INDEX},{PERIOD},{UNIT},TTTT,{VALUE},appraised_1\n"


def why_not():
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    missing = [tool for tool in ("ip", "tcpdump") if not shutil.which(tool)]
    if missing:
        return f"{' and '.join(missing)} not found (compose/packages.sh, packages_test)"
    try:
        for tried in (("netns", "add", "parbus-try"), ("-n", "parbus-try", "link")):
            ip(*tried)
    except subprocess.CalledProcessError as e:
        return f"no network namespaces here: {e.stderr.decode().strip()}"
    finally:
        subprocess.run(["ip", "netns", "del", "parbus-try"], capture_output=True, timeout=30)
    return None


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=30)


class Wire:
    """All that goes over the cable, as tcpdump has it."""

    def __init__(self, namespace, file):
        self.file = file
        self.tcpdump = subprocess.Popen(
            ["ip", "netns", "exec", namespace, "tcpdump", "-i", "cable", "-U", "--immediate-mode", "-s", "0", "-w", str(file), "tcp"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until(lambda: "listening on" in read_line(self.tcpdump.stderr), "tcpdump listens")

    def end(self):
        if self.tcpdump.poll() is None:
            self.tcpdump.terminate()
            self.tcpdump.communicate(timeout=30)
        return self.file.read_bytes()


def said_by(capture, address):
    """The bytes of each TCP stream from this address, in the order in which they came (a cable loses nothing)."""
    streams, at = {}, 24
    while at + 16 <= len(capture):
        length = int.from_bytes(capture[at + 8:at + 12], "little")
        frame, at = capture[at + 16:at + 16 + length], at + 16 + length
        packet = frame[14:]
        header = (packet[0] & 15) * 4
        tcp = packet[header:int.from_bytes(packet[2:4], "big")]
        if packet[12:16] == socket.inet_aton(address):
            ends = packet[12:20] + tcp[:4]
            streams[ends] = streams.get(ends, b"") + tcp[(tcp[12] >> 4) * 4:]
    return {int.from_bytes(ends[10:12], "big"): data for ends, data in streams.items() if data}


@unittest.skipIf(why_not(), why_not())
class TwoHosts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.there = f"parbus-{os.getpid()}"
        ip("netns", "add", cls.there)
        cls.addClassCleanup(ip, "netns", "del", cls.there)
        here = f"pb{os.getpid()}"
        ip("link", "add", here, "type", "veth", "peer", "name", "cable", "netns", cls.there)
        cls.addClassCleanup(ip, "link", "del", here)
        ip("addr", "add", f"{HERE}/30", "dev", here)
        ip("link", "set", here, "up")
        ip("-n", cls.there, "addr", "add", f"{THERE}/30", "dev", "cable")
        ip("-n", cls.there, "link", "set", "cable", "up")
        ip("-n", cls.there, "link", "set", "lo", "up")
        cls.home = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="parbus.")))
        pipeline = Pipeline()
        for option, port in zip(("--door", "--feed", "--snapshots"), PORTS):
            pipeline.arguments += [option, f"tcp://{HERE}:{port}"]
        cls.p = cls.enterClassContext(pipeline)

    def elsewhere(self, *arguments, stdin="", check=True, **environment):
        done = subprocess.run(["ip", "netns", "exec", self.there, BIN / "parbus", *map(str, arguments)], input=stdin,
                              capture_output=True, text=True, timeout=120,
                              env={**os.environ, "XDG_CONFIG_HOME": str(self.home / "config"),
                                   "PARBUS_DIR": str(self.home / "var"), **environment})
        if check:
            self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def counter(self, name, instance="ingestor-1"):
        return self.p.status()["counters_by_instance"][instance].get(name, 0)

    def context(self):
        return self.home / "config" / "parbus" / f"{NAME}.context"

    def test_a_province_joins_pushes_and_watches_and_the_wire_tells_nothing(self):
        wire = Wire(self.there, self.home / "capture.pcap")
        self.addCleanup(wire.end)
        self.elsewhere("join", stdin=self.p.run("keys", "invite", NAME).stdout)
        self.p.run("access", "grant", NAME, "appraise", f"{INDEX}/*:{UNIT}")
        self.p.run("access", "grant", NAME, "feed", INDEX)
        self.elsewhere("push", "-", "--wait", stdin=SHEET)
        shown = self.elsewhere("watch", INDEX, PERIOD, "--once", "--format", "csv").stdout
        self.assertIn(UNIT, shown)
        capture = wire.end()
        streams = said_by(capture, THERE)
        self.assertEqual(set(PORTS), set(streams), "door, feed and snapshots were all used")
        self._nothing_in(capture)
        self._an_old_capture_gets_nothing(streams)
        self._a_stolen_public_key_gets_nothing()
        self._a_revoked_key_gets_nothing()

    def _nothing_in(self, capture):
        secrets = [NAME, INDEX, PERIOD + UNIT, UNIT, "TTTT", str(VALUE)]
        for word in secrets:
            self.assertNotIn(word.encode(), capture, word)
        for form in "<d", ">d", "<f", ">f":
            self.assertNotIn(struct.pack(form, VALUE), capture)
        self.assertIn(b"CURVE", capture)

    def _an_old_capture_gets_nothing(self, streams):
        """Byte for byte, from the province's own address: the server's part of the handshake is another one each time."""
        applied = self.counter("submissions_journalled")
        script = ("import socket, sys\n"
                  f"s = socket.create_connection(('{HERE}', int(sys.argv[1])), 10)\n"
                  "s.sendall(sys.stdin.buffer.read())\n"
                  "s.settimeout(10)\n"
                  "heard = b''\n"
                  "try:\n"
                  "    while data := s.recv(65536): heard += data\n"
                  "except (ConnectionError, TimeoutError): pass\n"
                  "print(len(heard))\n")
        for port, data in streams.items():
            done = subprocess.run(["ip", "netns", "exec", self.there, "python3", "-c", script, str(port)], input=data,
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertLess(int(done.stdout), 64 + 400, "greeting, WELCOME, perhaps an ERROR, and nothing after")
        self.assertEqual(self.counter("submissions_journalled"), applied)

    def _a_stolen_public_key_gets_nothing(self):
        """Without the secret half: the file's check finds it, and a handshake with another half is that of another key."""
        before = self.counter("connections_unknown_key") + self.counter("connections_guests")
        public, secret = zmq.curve_keypair()
        text = self.context().read_text()
        stolen = self.home / "stolen.context"
        lines = [f"secret = {secret.decode()}" if line.startswith("secret") else line for line in text.splitlines()]
        stolen.write_text("\n".join(lines) + "\n")
        stolen.chmod(0o600)
        done = self.elsewhere("push", "-", "--context", stolen, stdin=SHEET, check=False)
        self.assertIn("do not belong together", done.stderr)
        lines = [f"public = {public.decode()}" if line.startswith("public") else line for line in lines]
        stolen.write_text("\n".join(lines) + "\n")
        done = self.elsewhere("push", "-", "--context", stolen, "--timeout", "3", stdin=SHEET, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertGreater(self.counter("connections_unknown_key") + self.counter("connections_guests"), before)

    def _a_revoked_key_gets_nothing(self):
        before = self.counter("connections_unknown_key")
        key = self.p.run("keys", "list", NAME).stdout.split()[1]
        self.p.run("keys", "revoke", key)
        done = self.elsewhere("push", "-", "--timeout", "3", stdin=SHEET, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertGreater(self.counter("connections_unknown_key"), before)


if __name__ == "__main__":
    unittest.main()
