"""What `cmake --install` leaves, in a directory of its own, and programs built against it as somebody outside would."""

import os
import pathlib
import subprocess
import tempfile

from pipeline import BIN

SANITIZE = ["-fsanitize=address,undefined"] if os.environ.get("PARBUS_SANITIZE") == "ON" else []
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def output_of(*line, **options):
    done = subprocess.run([*map(str, line)], capture_output=True, text=True, **options)
    if done.returncode:
        raise AssertionError(f"{line} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Installed:
    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="parbus.")
        self.prefix = self.path("prefix")
        output_of("cmake", "--install", BIN.parent, "--prefix", self.prefix)
        self.lib = next(self.prefix.rglob("libparbus-client.a")).parent
        self.headers = sorted((self.prefix / "include/parbus").glob("*.h"))
        self.doc = self.prefix / "share/doc/parbus"

    def path(self, name):
        return pathlib.Path(self.directory.name, name)

    def remove(self):
        self.directory.cleanup()

    def flags(self, package, *what):
        return output_of("pkg-config", *what, package,
                         env={**os.environ, "PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}).split()

    def build(self, compiler, source, packages="parbus-client", *more):
        program = self.path(f"{pathlib.Path(source).stem}-{packages.replace(' ', '-')}")
        flags = [flag for package in packages.split() for flag in self.flags(package, "--cflags", "--libs")]
        output_of(compiler, *WARNINGS, *SANITIZE, source, "-o", program, f"-Wl,-rpath,{self.lib}", *flags, *more)
        return program
