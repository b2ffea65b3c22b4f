"""abi.py tells what a program linked before would miss, and what to do."""
import os
import subprocess
import tempfile
import unittest

import abi

HERE = os.path.dirname(os.path.abspath(__file__))
CC = os.environ.get("CC", "cc")
HEADER = """/* Says; "nothing" of this counts. */
#pragma once
#ifdef __cplusplus
extern "C" {
#endif
#define PARBUS_API __attribute__((visibility("default")))
enum parbus_err { PARBUS_OK, /* 0; */ PARBUS_ERR_IO };
struct parbus_row { int unit; };
PARBUS_API int parbus_open(struct parbus_row *row,
                           int flags);
#ifdef __cplusplus
}
#endif
"""
SOURCE = '#include "h.h"\nint parbus_open(struct parbus_row *row, int flags) { return row->unit + flags; }\n'
SHOWN = ["declare #define PARBUS_API __attribute__((visibility(\"default\")))",
         "declare PARBUS_API int parbus_open(struct parbus_row *row, int flags)",
         "declare enum parbus_err { PARBUS_OK, PARBUS_ERR_IO }", "declare struct parbus_row { int unit; }", "export parbus_open"]


class Abi(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="parbus.")
        self.addCleanup(place.cleanup)
        self.root = place.name
        for path in ("common/client/include/parbus", "proto"):
            os.makedirs(os.path.join(self.root, path))
        self.list = os.path.join(self.root, abi.LIST)
        for name in abi.MESSAGES:
            self.write(name, "PROTOBUF_C__BEGIN_DECLS\n")
        self.build()
        self.assertEqual(self.run_it("--write").returncode, 0)

    def write(self, path, text):
        with open(os.path.join(self.root, path), "w", encoding="utf-8") as out:
            out.write(text)

    def build(self, header=HEADER, source=SOURCE, soname="libparbus-client.so.0"):
        self.write("common/client/include/parbus/h.h", header)
        self.write("h.c", source)
        subprocess.run([CC, "-w", "-shared", "-fPIC", "-fvisibility=hidden", f"-Wl,-soname,{soname}",
                        "-Icommon/client/include/parbus", "h.c", "-o", abi.LIBRARY], cwd=self.root, check=True, timeout=60)

    def run_it(self, *options):
        return subprocess.run(["python3", "-B", os.path.join(HERE, "abi.py"), *options, self.root, self.root], check=False,
                              capture_output=True, text=True, timeout=60)

    def told(self):
        done = self.run_it()
        self.assertEqual(done.returncode, 1)
        return done.stdout

    def test_the_list_has_names_and_declarations(self):
        self.assertEqual(abi.read(self.list).splitlines(), ["soname libparbus-client.so.0", *SHOWN])
        self.assertEqual(self.run_it().returncode, 0)

    def test_what_is_only_said_otherwise_is_no_change(self):
        self.build(HEADER.replace("/* Says;", "/* Tells;").replace("row,\n                           int", "row, int"))
        self.assertEqual(self.run_it().returncode, 0)

    def test_what_changes_needs_another_soname(self):
        for before, after in (("int flags", "long flags"), ("int unit;", "int unit, rank;"),
                              ("PARBUS_OK,", "PARBUS_OK, PARBUS_ERR_NEW,")):
            self.build(HEADER.replace(before, after), SOURCE.replace(before, after))
            said = self.told()
            self.assertIn("gone: declare", said)
            self.assertIn("raise SOVERSION", said)
            self.assertIn("raise SOVERSION", self.run_it("--write").stdout, "the list is not written over")

    def test_a_function_that_is_gone_is_told_by_its_name(self):
        self.build(source=SOURCE.replace("parbus_open", "other_open"))
        self.assertIn("gone: export parbus_open", self.told())

    def test_another_soname_makes_another_list(self):
        self.build(HEADER.replace("int flags", "long flags"), SOURCE.replace("int flags", "long flags"), "libparbus-client.so.1")
        self.assertIn("run abi.py --write", self.told())
        self.assertEqual(self.run_it("--write").returncode, 0)
        self.assertEqual(self.run_it().returncode, 0)

    def test_what_is_new_has_to_be_promised(self):
        self.build(HEADER.replace("enum", "PARBUS_API int parbus_new(void);\nenum", 1), SOURCE + "int parbus_new(void) { return 1; }\n")
        said = self.told()
        self.assertIn("new: export parbus_new", said)
        self.assertIn("run abi.py --write and commit", said)
        self.assertEqual(self.run_it("--write").returncode, 0)
        self.assertEqual(self.run_it().returncode, 0)

    def test_what_no_header_declares_is_told(self):
        self.build(source=SOURCE + "PARBUS_API int parbus_secret(void) { return 1; }\n")
        self.assertIn("parbus_secret is exported, and no public header declares it", self.told())


if __name__ == "__main__":
    unittest.main()
