"""ZMTP by hand, over TCP and local sockets: what a peer says who keeps to nothing."""

import os
import pathlib
import socket
import struct

DEADLINE_S = 60


def greeting(revision=3, mechanism=b"NULL"):
    """Of ZMTP 3; of 2, its beginning, for a DEALER."""
    signature = b"\xff" + bytes(8) + b"\x7f"
    return signature + (b"\x03\x00" + mechanism.ljust(20, b"\0") + bytes(32) if revision == 3 else b"\x01\x05")


def frame(data, flags=0):
    """flags: 1 more, 4 command."""
    return struct.pack(">BB", flags, len(data)) + data if len(data) < 256 else struct.pack(">BQ", flags | 2, len(data)) + data


def ready(kind=b"DEALER", identity=None):
    body = b"\x05READY"
    for name, value in (b"Socket-Type", kind), (b"Identity", identity):
        if value is not None:
            body += bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
    return frame(body, 4)


def connect(where, source="127.0.0.1"):
    """A path is a local socket, a number a port of this host."""
    if isinstance(where, int):
        return socket.create_connection(("127.0.0.1", where), DEADLINE_S, (source, 0))
    path = pathlib.Path(where)
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(DEADLINE_S)
    here = os.open(path.parent, os.O_RDONLY)
    try:
        s.connect(f"/proc/self/fd/{here}/{path.name}")  # a path may be too long for a socket
    finally:
        os.close(here)
    return s


def send(s, data):
    """Hanging up is a fine answer."""
    try:
        s.sendall(data)
        return True
    except (BrokenPipeError, ConnectionResetError):
        return False


def is_closed(s):
    """Whether the other end closes the connection, whatever it says before."""
    s.settimeout(DEADLINE_S)
    try:
        while s.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def read_bytes(s, count):
    s.settimeout(DEADLINE_S)
    read = b""
    while len(read) < count:
        more = s.recv(count - len(read))
        if not more:
            raise AssertionError(f"closed after {read}")
        read += more
    return read


def peer(where, kind=b"DEALER", identity=None):
    """A connection past the handshake, in clear text."""
    s = connect(where)
    s.sendall(greeting() + ready(kind, identity))
    received = b""
    while b"READY" not in received:
        data = s.recv(4096)
        if not data:
            raise AssertionError(f"{where} hung up at the handshake")
        received += data
    return s
