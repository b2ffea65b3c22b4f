"""The message classes, made by protoc from proto/*.proto when this module is loaded. Nothing else of parbus is used."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def _generate():
    directory = tempfile.mkdtemp(prefix="parbus-proto.")
    try:
        protoc = os.environ.get("PROTOC", "protoc")
        sources = sorted(str(p) for p in PROTO.glob("*.proto"))
        subprocess.run([protoc, f"--proto_path={PROTO}", f"--python_out={directory}", *sources], check=True, timeout=60)
        sys.path.insert(0, directory)
        import door_pb2
        import feed_pb2
        import stage_pb2
        for name, value in stage_pb2.Stage.items():
            setattr(door_pb2, name, value)
        return door_pb2, feed_pb2
    finally:
        if directory in sys.path:
            sys.path.remove(directory)
        shutil.rmtree(directory)


door, feed = _generate()


def envelope(type_, **body):
    """An envelope with its one field (W2): envelope(door.ToIngestor, hello=door.Hello(...))."""
    return type_(**body).SerializeToString()


def opened(type_, data):
    """(name of the one field, its message)."""
    message = type_.FromString(data)
    kind = message.WhichOneof("body")
    assert kind, f"an empty {type_.__name__}"
    return kind, getattr(message, kind)
