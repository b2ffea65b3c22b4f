"""layers.py in a small house of its own, with one thing wrong at a time: each is told, with its place."""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import layers

CC = os.environ.get("CC", "cc")
SOUND = {
    "common/base/err.h": "int err_set(void);\n",
    "common/base/err.c": '#include "base/err.h"\nint err_set(void) { return 1; }\n',
    "common/base/clock.h": "long clock_mono_us(void);\n",
    "common/base/clock.c": '#include "base/clock.h"\n#include <time.h>\nlong clock_mono_us(void) { return time(0); }\n',
    "common/wire/wire.h": '#include "base/err.h"\nint wire_open(void);\n',
    "common/wire/wire.c": '#include "wire/wire.h"\nint wire_open(void) { return err_set(); }\n',
    "services/scorer/core.h": '#include "wire/wire.h"\nint scorer_receive(void);\n',
    "services/scorer/core.c": '#include "services/scorer/core.h"\nint scorer_receive(void) { return wire_open(); }\n',
    "services/scorer/shell.c": '#include "base/clock.h"\n#include "services/scorer/core.h"\n'
                               "int scorer_run(void) { return clock_mono_us() + scorer_receive(); }\n",
    "services/publisher/core.h": "int publisher_receive(void);\n",
}
TARGETS = {"common/base": "base", "common/catalog": "catalog", "common/wire": "wire", "services/scorer": "scorer_core"}


def build(directory, files):
    commands = []
    for path, text in files.items():
        place = os.path.join(directory, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as out:
            out.write(text)
    for path in files:
        if path.endswith(".c"):
            target = "parbus-scorer" if path.endswith(("shell.c", "main.c")) else TARGETS[os.path.dirname(path)]
            made = f"CMakeFiles/{target}.dir/{path}.o"
            os.makedirs(os.path.join(directory, os.path.dirname(made)), exist_ok=True)
            subprocess.run([CC, "-w", "-I.", "-Icommon", "-c", path, "-o", made], cwd=directory, check=True, timeout=60)
            commands.append({"file": os.path.join(directory, path), "command": f"cc -o {made} -c {path}"})
    with open(os.path.join(directory, "compile_commands.json"), "w", encoding="utf-8") as out:
        json.dump(commands, out)


class Layers(unittest.TestCase):
    def told(self, **changes):
        """What is said of the sound house with these files put in place ("a/b.c" is written a__b__c)."""
        files = {**SOUND, **{path.replace("__", "/").replace("_DOT_", "."): text for path, text in changes.items()}}
        with tempfile.TemporaryDirectory() as directory:
            build(directory, files)
            return list(layers.check(directory, directory))

    def test_a_sound_house_is_not_complained_of(self):
        self.assertEqual(self.told(), [])

    def test_common_never_includes_a_service(self):
        said = self.told(common__wire__wire_DOT_c='#include "wire/wire.h"\n#include "services/scorer/core.h"\n'
                                                  "int wire_open(void) { return err_set(); }\n")
        self.assertEqual(said, ["common/wire/wire.c:2: wire may not include services/scorer/core.h (scorer)",
                                "modules in a circle: scorer, wire"])

    def test_services_never_include_each_other(self):
        said = self.told(services__scorer__shell_DOT_c='\n#include "services/publisher/core.h"\n')
        self.assertEqual(said, ["services/scorer/shell.c:2: scorer may not include services/publisher/core.h (publisher)"])

    def test_a_core_includes_no_clock_however_far_away(self):
        said = self.told(services__scorer__core_DOT_h='#include "services/scorer/io.h"\n#include "wire/wire.h"\n'
                                                      "int scorer_receive(void);\n",
                         services__scorer__io_DOT_h='\n\n#include "base/clock.h"\n')
        self.assertEqual(said, ["services/scorer/io.h:3: includes common/base/clock.h, which services/scorer/core.h and "
                                "services/scorer/core.c includes; scorer_core is pure"])

    def test_a_core_includes_no_header_of_zeromq(self):
        said = self.told(services__scorer__core_DOT_h='#include "wire/wire.h"\n#if 0\n#include <zmq.h>\n#endif\n'
                                                      "int scorer_receive(void);\n")
        self.assertEqual(len(said), 1)
        self.assertIn("services/scorer/core.h:3: includes zmq.h", said[0])

    def test_a_core_includes_no_header_of_threads_descriptors_and_timers(self):
        headers = ["unistd.h", "pthread.h", "sys/timerfd.h", "sys/stat.h", "fcntl.h"]
        said = self.told(services__scorer__core_DOT_c="".join(f"#include <{header}>\n" for header in headers) +
                                                      "int wire_open(void);\nint scorer_receive(void) { return wire_open(); }\n")
        self.assertEqual(said, [f"services/scorer/core.c:{line}: includes {header}; scorer_core is pure"
                                for line, header in enumerate(headers, 1)])

    def calls(self, body):
        """What a core whose function is this body is told to call."""
        said = self.told(services__scorer__core_DOT_c=f"#include <stdio.h>\nint scorer_receive(void) {{ {body} return 0; }}\n")
        told = [re.fullmatch(r"services/scorer/core.c: calls (\w+), and services/scorer/core.c links it; scorer_core is pure", fault)
                for fault in said]
        self.assertTrue(all(told), said)
        return sorted(found[1] for found in told)

    def test_a_core_neither_sleeps_nor_writes_to_stderr_nor_opens_a_file(self):
        self.assertEqual(self.calls('int usleep(unsigned); usleep(5);'), ["usleep"])
        self.assertEqual(self.calls('fprintf(stderr, "%d", 1);'), ["fprintf", "stderr"])
        self.assertEqual(self.calls('printf("%d", 1);'), ["printf"])
        self.assertEqual(self.calls('int getpid(void); return getpid();'), ["getpid"])
        self.assertEqual(self.calls('FILE *f = fopen("x", "r"); fclose(f);'), ["fclose", "fopen"])
        self.assertEqual(self.calls('int open64(const char *, int), close(int); close(open64("x", 0));'), ["close", "open64"])
        self.assertEqual(self.calls('int __fprintf_chk(FILE *, int, const char *, ...); __fprintf_chk(0, 1, "%d", 2);'), ["__fprintf_chk"])
        self.assertEqual(self.calls('char *getenv(const char *); return !getenv("HOME");'), ["getenv"])

    def test_a_core_may_print_to_memory(self):
        self.assertEqual(self.calls('char text[8]; return snprintf(text, sizeof text, "%d", 1);'), [])

    def test_only_an_assertion_that_fails_says_its_last_words(self):
        words = '#include <stdio.h>\nint err_set(void) { fprintf(stderr, "%d", 1); return 1; }\n'
        self.assertEqual(self.told(common__base__err_DOT_c=words), [])
        said = self.told(common__wire__wire_DOT_c=words.replace("err_set", "wire_open"))
        self.assertEqual(len(said), 2, said)

    def test_a_core_does_not_read_the_files_of_a_catalog(self):
        files = {"common__catalog__source_DOT_c": '#include <stdio.h>\nint source(void) { return !fopen("x", "r"); }\n',
                 "common__catalog__load_DOT_c": "#include <dirent.h>\nint source(void);\nint load(void) { return source(); }\n"}
        self.assertEqual(self.told(**files), [])
        said = self.told(services__scorer__core_DOT_c="int load(void);\nint scorer_receive(void) { return load(); }\n", **files)
        self.assertEqual(said, ["common/catalog/source.c: calls fopen, and services/scorer/core.c -> common/catalog/load.c -> "
                                "common/catalog/source.c links it; scorer_core is pure"])

    def test_a_core_links_no_clock_however_far_away(self):
        said = self.told(common__base__err_DOT_c="long clock_mono_us(void);\nint err_set(void) { return clock_mono_us(); }\n")
        self.assertTrue(any("common/base/err.c: calls clock_mono_us, and services/scorer/core.c -> common/wire/wire.c -> "
                            "common/base/err.c links it" in fault or
                            "common/base/err.c: calls clock_mono_us, and common/wire/wire.c -> common/base/err.c links it"
                            in fault for fault in said), said)

    def test_two_files_that_call_each_other_are_a_circle(self):
        said = self.told(services__scorer__apply_DOT_c="int scorer_receive(void);\n"
                                                       "int apply(int n) { return n ? scorer_receive() : 0; }\n",
                         services__scorer__core_DOT_c="int apply(int n);\nint scorer_receive(void) { return apply(0); }\n")
        self.assertEqual(said, ["files in a circle: services/scorer/apply, services/scorer/core"
                                "\n    services/scorer/apply.c calls scorer_receive of services/scorer/core.c"
                                "\n    services/scorer/core.c calls apply of services/scorer/apply.c"])

    def test_two_files_that_define_the_same_name_are_told(self):
        said = self.told(common__base__err2_DOT_c="int wire_open(void) { return 2; }\n")
        self.assertEqual(said, ["common/base/err2.c and common/wire/wire.c both define wire_open"])

    def test_two_headers_that_include_each_other_are_a_circle(self):
        said = self.told(common__wire__wire_DOT_h='#pragma once\n#include "base/err.h"\n#include "wire/scan.h"\nint wire_open(void);\n',
                         common__wire__scan_DOT_h='#pragma once\n#include "wire/wire.h"\n')
        self.assertEqual(said, ["headers in a circle: common/wire/scan.h, common/wire/wire.h"])

    def test_a_service_does_not_name_the_store(self):
        said = self.told(services__scorer__main_DOT_c='#include "store/store.h"\nint main(void) { return 0; }\n',
                         common__store__store_DOT_h="int store_open(void);\n")
        self.assertEqual(said, ["services/scorer/main.c:1: scorer may not include common/store/store.h (store)"])

    def test_what_is_allowed_and_not_used_is_told(self):
        with tempfile.TemporaryDirectory() as directory:
            build(directory, SOUND)
            said = list(layers.check_allowed(layers.Tree(directory), {"wire": ([], ["base", "proto"])}))
        self.assertEqual(said, ["MODULES: wire includes nothing of proto; take it out, so that it stays so"])

    def test_a_directory_without_a_line_in_the_table_is_told(self):
        said = self.told(common__novelty__novelty_DOT_h="int novelty(void);\n")
        self.assertEqual(said, ["common/novelty/novelty.h: belongs to no module; "
                                "give it a line in MODULES of tests/house/layers.py"])

    def test_what_is_to_go_is_withheld_and_what_is_gone_is_told(self):
        self.assertEqual(layers.but_for([r"a: .*"], ["a: old", "b: new"]), ["b: new"])
        self.assertEqual(layers.but_for([r"a: .*"], []), ["nothing is told as TO_GO says it, take it out: a: .*"])


if __name__ == "__main__":
    sys.exit(unittest.main())
