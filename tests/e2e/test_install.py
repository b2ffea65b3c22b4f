"""cmake --install gives the programs and a client library that somebody outside this project can use."""

import os
import pathlib
import subprocess
import tempfile
import unittest

from pipeline import BIN, Pipeline

HERE = pathlib.Path(__file__).resolve().parent
CFLAGS = ["-fsanitize=address,undefined"] if os.environ.get("PARBUS_SANITIZE") == "ON" else []


class Install(unittest.TestCase):
    def test_a_feeder_is_built_against_what_was_installed(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as prefix:
            subprocess.run(["cmake", "--install", BIN.parent, "--prefix", prefix], check=True, capture_output=True)
            for name in ("parbus", "parbus-ingestor", "parbus-validator", "parbus-scorer", "parbus-publisher"):
                self.assertTrue(os.access(f"{prefix}/bin/{name}", os.X_OK), name)
            pc = next(pathlib.Path(prefix).rglob("parbus-client.pc")).parent
            flags = subprocess.run(["pkg-config", "--cflags", "--libs", "parbus-client"], check=True, capture_output=True,
                                   text=True, env={**os.environ, "PKG_CONFIG_PATH": str(pc)}).stdout.split()
            program = f"{prefix}/outside_feeder"
            subprocess.run(["cc", "-Wall", "-Werror", *CFLAGS, HERE / "outside_feeder.c", "-o", program, *flags],
                           check=True)
            with Pipeline() as p:
                sockets = [f"ipc://{p.dir}/run/{name}" for name in ("door", "feed", "snapshot")]
                done = subprocess.run([program, *sockets, f"{prefix}/outbox"], capture_output=True, text=True,
                                      timeout=60)
                self.assertEqual((done.returncode, done.stdout), (0, "H05 14750000 present=1\n"), done.stderr)


if __name__ == "__main__":
    unittest.main()
