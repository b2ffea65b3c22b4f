"""cmake --install gives the programs and a client library that somebody outside this project can use: from C, from C++
and beside curses, shared and static, by pkg-config and by CMake; and it says no name that is not its own."""

import os
import pathlib
import re
import subprocess
import unittest

from installed import SANITIZE, WARNINGS, Installed, output_of
from pipeline import SOURCE, Pipeline

HERE = pathlib.Path(__file__).resolve().parent / "install"
PUBLIC = re.compile(r"parbus_")


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.installed = Installed()
        cls.addClassCleanup(cls.installed.remove)
        cls.prefix, cls.lib, cls.headers = cls.installed.prefix, cls.installed.lib, cls.installed.headers

    def build(self, compiler, source, package, *more):
        return self.installed.build(compiler, HERE / source, package, *more)

    def needs_shared_client(self, program):
        return "libparbus-client.so.1]" in output_of("readelf", "-d", program)

    def test_the_programs_are_there(self):
        for name in ("parbus", "parbus-ingestor", "parbus-validator", "parbus-scorer", "parbus-publisher"):
            self.assertTrue(os.access(self.prefix / "bin" / name, os.X_OK), name)

    def test_a_feeder_linked_either_way_pushes_and_reads_the_feed(self):
        with Pipeline() as p:
            sockets = [f"ipc://{p.dir}/run/{name}" for name in ("door", "feed", "snapshot")]
            for package in ("parbus-client", "parbus-client-static"):
                program = self.build("cc", "outside_feeder.c", package)
                self.assertEqual(self.needs_shared_client(program), package == "parbus-client")
                said = output_of(program, *sockets, self.installed.path("outbox"), timeout=60)
                self.assertEqual(said, "H05 14750000 present=1\n")
            program = self.build("c++", "outside_feeder.cc", "parbus-client")
            said = output_of(program, sockets[0], timeout=60)
            self.assertEqual(said, "accepted 2 rejected 1 INDICATOR_UNKNOWN\n")
            program = self.build("cc", "outside_screen.c", "parbus-client", "-lncurses")
            said = output_of(program, *sockets[1:], timeout=60)
            self.assertRegex(said, r"^0 H[0-9]{2} *\n$")

    def test_pkg_config_static_names_only_what_there_is(self):
        for package in ("parbus-client", "parbus-client-static"):
            more = self.installed.flags(package, "--static", "--libs")
            program = self.build("cc", "outside_feeder.c", package, *more)
            self.assertEqual(subprocess.run([program], check=False, timeout=60).returncode, 2)

    def test_a_project_of_cmake_finds_the_package(self):
        build = self.installed.path("cmake")
        output_of("cmake", "-G", "Ninja", "-S", HERE / "cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={self.prefix}",
                  f"-DCMAKE_C_FLAGS={' '.join(SANITIZE)}")
        output_of("cmake", "--build", build)
        for kind in ("client", "client-static"):
            program = build / f"outside-{kind}"
            self.assertEqual(self.needs_shared_client(program), kind == "client")
            self.assertEqual(subprocess.run([program], check=False, timeout=60).returncode, 2)

    def test_each_header_stands_alone_in_c_and_in_cplusplus_and_beside_curses(self):
        flags = self.installed.flags("parbus-client", "--cflags")
        for header in self.headers:
            for compiler, language in (("cc", "c"), ("c++", "c++")):
                for first in ("", "#include <curses.h>\n"):
                    source = f"{first}#include <parbus/{header.name}>\n#include <parbus/{header.name}>\n"
                    output_of(compiler, *WARNINGS, "-fsyntax-only", "-x", language, "-", *flags, input=source)

    def test_nothing_is_linked_but_parbus_names(self):
        shared = output_of("nm", "-D", "--defined-only", self.lib / "libparbus-client.so").splitlines()
        static = output_of("nm", "--extern-only", "--defined-only", self.lib / "libparbus-client.a").splitlines()
        for symbols in (shared, [line for line in static if " " in line]):
            names = {line.split()[-1] for line in symbols}
            self.assertEqual({name for name in names if not PUBLIC.match(name)}, set())
            self.assertEqual(self.declared() - names, set())
            # What the processes say among themselves is nobody's interface.
            self.assertEqual({name for name in names if name.startswith("parbus__") and not self.is_declared(name)}, set())

    def declared(self):
        text = "".join(header.read_text() for header in self.headers if not header.name.endswith(".pb-c.h"))
        return set(re.findall(r"PARBUS_API [^;]*?\b(parbus_\w+)\(", text))

    def is_declared(self, name):
        return any(re.search(rf"\b{name}\b", header.read_text()) for header in self.headers) or \
            re.search(r"__(field_descriptors|field_indices_by_name|number_ranges|enum_values|default_value)", name)

    def test_the_headers_define_nothing_but_parbus_names(self):
        for header in self.headers:
            before = self.macros(["stdbool.h", "stddef.h", "stdint.h", "protobuf-c/protobuf-c.h"])
            after = self.macros([f"parbus/{header.name}"])
            self.assertEqual({name for name in after - before if not re.match("PARBUS_|PROTOBUF_C_", name)}, set())
            tags = set(re.findall(r"\b(?:struct|enum|union) (\w+) \{", header.read_text()))
            self.assertEqual({tag for tag in tags if not re.match("_?parbus_", tag, re.I)}, set())

    def macros(self, headers):
        source = "".join(f"#include <{header}>\n" for header in headers)
        said = output_of("cc", "-dM", "-E", "-x", "c", "-", *self.installed.flags("parbus-client", "--cflags"), input=source)
        return set(re.findall(r"^#define (\w+)", said, re.M))

    def test_the_shared_library_has_a_version_in_its_name(self):
        soname = re.search(r"SONAME.*\[(.*)\]", output_of("readelf", "-d", self.lib / "libparbus-client.so"))[1]
        self.assertEqual(soname, "libparbus-client.so.1")
        self.assertEqual((self.lib / soname).resolve(), (self.lib / "libparbus-client.so").resolve())

    def test_the_protocol_comes_with_it(self):
        installed = sorted(path.name for path in (self.prefix / "share/parbus/proto").glob("*.proto"))
        self.assertEqual(installed, sorted(path.name for path in (SOURCE / "proto").glob("*.proto")))
        self.assertEqual((self.prefix / "share/doc/parbus/PROTOCOL.md").read_text(),
                         (SOURCE / "proto/PROTOCOL.md").read_text())


if __name__ == "__main__":
    unittest.main()
