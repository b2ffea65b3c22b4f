"""The client library in loops that are not its own (poll, epoll, libuv): its examples, and the programs of its README,
built against what is installed and run against a real pipeline."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from installed import Installed, output_of
from pipeline import CATALOG, Pipeline, until

TOPICS = ["qd766/2025", "par-province/2024"]
MANY = 1000
IDLE_S, IDLE_SHARE_MAX = 2, 0.2


class Program:
    """A program that goes on; what it says is gathered as it comes."""

    def __init__(self, *line):
        self.process = subprocess.Popen([*map(str, line)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout), daemon=True)
        self.reader.start()

    def said(self, words):
        until(lambda: any(words in line for line in self.lines), f"{words!r} in {self.lines[-5:]}")

    def give(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def sockets(self):
        links = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{self.process.pid}/fd").iterdir() if fd.is_symlink()]
        return sum(link.startswith("socket:") for link in links)

    def ends(self):
        self.process.stdin.close()
        status = self.process.wait(timeout=60)
        self.reader.join(timeout=10)
        self.process.stdout.close()
        return status

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.ends()


class Loops(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.installed = Installed()
        cls.addClassCleanup(cls.installed.remove)
        cls.examples = cls.installed.doc / "examples"
        cls.p = cls.enterClassContext(Pipeline())
        cls.run_dir = f"ipc://{cls.p.dir}/run"
        cls.feed = [f"{cls.run_dir}/feed", f"{cls.run_dir}/snapshot"]

    def program(self, *line):
        program = Program(*line)
        self.addCleanup(program.kill)
        return program

    def built(self, name, *packages):
        return self.installed.build("cc", self.examples / name, " ".join(["parbus-client", *packages]))

    def push(self, unit, value):
        self.p.push_text(f"index,period,unit,indicator,value,stage\nqd766,2025,{unit},1.1,{value},appraised_1\n")

    def test_a_dashboard_in_poll_follows_many_topics_over_one_feed(self):
        dashboard = self.program(self.built("poll.c"), *self.feed, *TOPICS, "qd766/1066")
        for topic in TOPICS:
            dashboard.said(f"{topic}: ")
        dashboard.said("qd766/1066: not known here")
        pusher = self.program(self.built("epoll.c"), self.run_dir, "loops", "qd766", "2025")
        pusher.give("H05 2 10.25\nH26 2 8\n")
        dashboard.said("qd766/2025: H05 10.250")
        dashboard.said("qd766/2025: H26 8.000")
        self.assertEqual(dashboard.ends(), 0, dashboard.lines)
        self.assertEqual(pusher.ends(), 0, pusher.lines)

    def test_a_feeder_and_a_dashboard_share_a_loop_of_epoll(self):
        pusher = self.program(self.built("epoll.c"), self.run_dir, "epoll", "qd766", "2025")
        for number in range(1, 101):
            pusher.give(f"H56 2 {number / 100}\n")
        pusher.said("receipt up to 100")
        pusher.said("H56 1.000")
        self.assertEqual(pusher.ends(), 0, pusher.lines)
        self.assertEqual(pusher.lines[-1], "100 rows accepted\n")

    def test_what_cannot_be_is_refused_before_it_is_sent(self):
        pusher = self.program(self.built("epoll.c"), self.run_dir, "epoll", "qd766", "2025")
        pusher.give("H56 two 1\n")
        self.assertEqual(pusher.ends(), 1)
        self.assertIn('not "UNIT INDICATOR VALUE": H56 two 1', pusher.lines[-1])

    def test_a_dashboard_in_libuv_shows_changes_and_ends_with_a_signal(self):
        dashboard = self.program(self.built("libuv.c", "libuv"), *self.feed, "qd766/2025")
        dashboard.said("qd766/2025: ")
        pusher = self.program(self.built("epoll.c"), self.run_dir, "uv", "qd766", "2025")
        pusher.give("H60 2 5.5\n")
        dashboard.said("qd766/2025: H60 5.500")
        self.assertEqual(pusher.ends(), 0, pusher.lines)
        dashboard.process.send_signal(signal.SIGTERM)
        self.assertEqual(dashboard.ends(), 0, dashboard.lines)

    def test_a_loop_with_nothing_to_do_does_not_spin(self):
        programs = [self.program(self.built("poll.c"), *self.feed, *TOPICS),
                    self.program(self.built("libuv.c", "libuv"), *self.feed, "qd766/2025")]
        pusher = self.program(self.built("epoll.c"), self.run_dir, "idle", "qd766", "2025")
        for program in programs:
            program.said("qd766/2025: ")
        pusher.give("H61 2 1\n")
        pusher.said("receipt up to 1")
        programs.append(pusher)
        before, began = [program.cpu_s() for program in programs], time.monotonic()
        until(lambda: time.monotonic() - began > IDLE_S, "some time without changes")
        for program, cpu_s in zip(programs, before):
            self.assertLess(program.cpu_s() - cpu_s, IDLE_S * IDLE_SHARE_MAX, program.process.args)

    def test_the_programs_of_the_readme_do_what_it_says(self):
        blocks = re.findall(r"```c\n(.*?)```", (self.installed.doc / "README.md").read_text(), re.S)
        dashboard, feeder = [self.of_readme(f"{name}.c", block) for name, block in zip(("dashboard", "feeder"), blocks)]
        for block in blocks:
            self.assertLess(len(block.splitlines()), 35)
        shown = self.program(dashboard, *self.feed, "qd766/2025")
        outbox = self.installed.path("outbox")
        self.assertEqual(output_of(feeder, f"{self.run_dir}/door", outbox, timeout=60), "2 rows accepted\n")
        shown.said("Bắc Ninh")
        shown.said("14.750")

    def of_readme(self, name, text):
        source = self.installed.path(name)
        source.write_text(text)
        return self.installed.build("cc", source)


class ManyTopics(unittest.TestCase):
    def test_a_thousand_topics_come_over_one_pair_of_sockets(self):
        installed = Installed()
        self.addCleanup(installed.remove)
        catalog = self.enterContext(tempfile.TemporaryDirectory(prefix="parbus."))
        shutil.copytree(CATALOG / "registries", f"{catalog}/registries")
        periods = range(2000, 2000 + MANY)
        dti = (CATALOG / "dti.yaml").read_text().replace("periods: [2022]", f"periods: [{', '.join(map(str, periods))}]")
        pathlib.Path(catalog, "dti.yaml").write_text(dti)
        program = installed.build("cc", installed.doc / "examples/poll.c")
        with Pipeline(catalog=catalog) as p:
            dashboard = Program(program, *(f"ipc://{p.dir}/run/{name}" for name in ("feed", "snapshot")),
                                *(f"dti/{period}" for period in periods))
            self.addCleanup(dashboard.kill)
            until(lambda: len(dashboard.lines) == MANY, "a table of each topic")
            self.assertEqual({line.split(":")[0] for line in dashboard.lines}, {f"dti/{period}" for period in periods})
            self.assertEqual(dashboard.sockets(), 2)
            p.push_text("index,period,unit,indicator,value,stage\ndti,2234,01,nhan_thuc,0.5,appraised_1\n")
            dashboard.said("dti/2234: 01 0.050")
            self.assertEqual(dashboard.ends(), 0)


if __name__ == "__main__":
    unittest.main()
