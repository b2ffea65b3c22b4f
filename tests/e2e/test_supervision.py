"""parbus up, down, status, scale: what an operator does, and what happens when processes die."""

import fcntl
import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import unittest
import unittest.mock

from pipeline import BIN, CATALOG, DATA, Pipeline, read_line, until


def alive(pid):
    """A zombie is not alive: its parent may be slow to look."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def supervisor_pid(pipeline):
    return int(pathlib.Path(pipeline.dir, "run", "supervisor.lock").read_text())


class Supervision(unittest.TestCase):
    def test_up_and_down_may_be_repeated(self):
        with Pipeline(scorers=2, validators=2) as p:
            self.assertEqual(set(p.processes()), {"ingestor-1", "publisher-1", "validator-1", "validator-2", "scorer-1",
                                                  "scorer-2"})
            self.assertTrue(all(x["state"] == "running" and alive(x["pid"]) for x in p.processes().values()))
            again = p.up()
            self.assertIn(f"already running, pid {supervisor_pid(p)}", again.stdout)
            pids = [x["pid"] for x in p.processes().values()]
            p.run("down")
            self.assertFalse([pid for pid in pids if alive(pid)])
            self.assertIn("nothing runs", p.run("down").stdout)
            status = p.run("status", check=False)
            self.assertEqual((status.returncode, status.stdout), (1, ""))
            self.assertIn("nothing runs in " + p.dir, status.stderr)
            p.up()
            self.assertEqual(p.run("status").returncode, 0)

    def test_up_says_what_is_not_as_it_asks(self):
        with Pipeline() as p:
            self.assertEqual(p.up().returncode, 0)
            more = p.run("up", "--detach", "--catalog", CATALOG, "--scorers", "4", "--door", "tcp://127.0.0.1:9", "--set",
                         "heartbeat_interval_ms=200", check=False)
            self.assertEqual((more.returncode, more.stdout), (1, ""))
            self.assertIn("already running, pid", more.stderr)
            self.assertIn("1 scorer runs, not 4: parbus scale scorer=4", more.stderr)
            self.assertIn("--door tcp://127.0.0.1:9 is not in force: parbus down, then parbus up", more.stderr)
            self.assertIn("--set heartbeat_interval_ms=200 is not in force", more.stderr)
            self.assertNotIn("--catalog", more.stderr)
            p.run("scale", "scorer=4")
            self.assertEqual(p.run("up", "--detach", "--scorers", "4").returncode, 0)

    def test_whoever_dies_comes_back(self):
        with Pipeline() as p:
            before = p.processes()
            for process in before.values():
                os.kill(process["pid"], signal.SIGKILL)

            def all_are_new():
                status = json.loads(p.run("status", "--json", check=False).stdout)
                now = {x["instance"]: x for x in status["processes"]}
                return status["ready"] and all(now[i]["pid"] != before[i]["pid"] and now[i]["restarts"] for i in before)

            until(all_are_new, "everything runs again")

    def test_a_killed_supervisor_takes_its_processes_along(self):
        with Pipeline() as p:
            pids = [x["pid"] for x in p.processes().values()]
            os.kill(supervisor_pid(p), signal.SIGKILL)
            until(lambda: not any(map(alive, pids)), "the processes are gone")
            p.up()
            self.assertEqual(p.run("status").returncode, 0)

    def test_scale(self):
        with Pipeline() as p:
            ingestor = p.processes()["ingestor-1"]["pid"]
            for scorers, validators in (3, 2), (1, 1), (0, 0), (2, 1):
                p.run("scale", f"scorer={scorers}", f"validator={validators}")
                now = p.processes().values()
                self.assertEqual(sum(x["service"] == "scorer" for x in now), scorers)
                self.assertEqual(sum(x["service"] == "validator" for x in now), validators)
            self.assertEqual(p.processes()["ingestor-1"]["pid"], ingestor)
            self.assertEqual({x["state"] for x in p.status()["partitions"]}, {"owned"})

    def test_a_hang_up_stops_nobody(self):
        with Pipeline() as p:
            pids = {name: x["pid"] for name, x in p.processes().items()}
            for pid in (supervisor_pid(p), *pids.values()):
                os.kill(pid, signal.SIGHUP)
            log = pathlib.Path(p.dir, "log", "supervisor.log")
            until(lambda: "supervisor.goes_on" in log.read_text(), "it says that it goes on")
            p.push(DATA / "qd766-2025-20251011T130135Z.csv")
            self.assertEqual({name: x["pid"] for name, x in p.processes().items()}, pids)

    def test_ctrl_c_stops_everything_in_order(self):
        with Pipeline() as p:
            p.run("down")
            up = p.start("up", *p.arguments)
            until(lambda: "ready in" in read_line(up.stdout), "everything runs")
            pids = [x["pid"] for x in p.processes().values()]
            up.send_signal(signal.SIGINT)
            log = up.communicate(timeout=60)[1]
            self.assertEqual(up.returncode, 0, log)
            self.assertFalse([pid for pid in pids if alive(pid)])
            ended = [line.split("instance=")[1].split("-")[0] for line in log.splitlines() if "supervisor.ended" in line]
            self.assertEqual(ended, ["scorer", "validator", "publisher", "ingestor"])

    def test_a_start_that_cannot_work_fails_and_says_why(self):
        p = Pipeline()
        p.arguments += ["--door", "tcp://nowhere"]
        with self.assertRaisesRegex(AssertionError, "(?s)ended with 1.*ingestor-1 does not start.*tcp://nowhere"):
            with p:
                pass

    def test_a_leftover_process_is_named(self):
        with Pipeline() as p:
            p.run("down")
            with open(pathlib.Path(p.dir, "run", "scorer-1.lock"), "r+", encoding="ascii") as lock:
                fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
                lock.write("4711\n")
                lock.flush()
                up = p.run("up", *p.arguments, "--detach", check=False)
            self.assertEqual(up.returncode, 1)
            self.assertIn("scorer-1 still runs", up.stderr)
            self.assertIn("kill 4711", up.stderr)

    def test_settings_and_doors_reach_the_processes(self):
        with Pipeline(settings=["partitions=8"]) as p:
            self.assertEqual(len(p.status()["partitions"]), 8)


class Usage(unittest.TestCase):
    def parbus(self, *arguments):
        done = subprocess.run([BIN / "parbus", *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout, done.stderr

    def test_wrong_usage_is_status_2(self):
        for line in ([], ["up", "--scorers", "65"], ["up", "--scorers"], ["up", "--set", "nonsense=1"], ["up", "x"],
                     ["scale"], ["scale", "ingestor=2"], ["scale", "scorer=-1"], ["status", "x"], ["down", "--fast"],
                     ["catalog"], ["catalog", "burn"], ["status", "--dir"], ["statsu"]):
            code, out, err = self.parbus(*line)
            self.assertEqual((code, out), (2, ""), line)
            self.assertTrue(err, line)

    def test_an_unknown_command_is_answered_with_the_nearest(self):
        self.assertIn("did you mean 'status'?", self.parbus("statsu")[2])
        self.assertNotIn("did you mean", self.parbus("xyzzy")[2])

    def test_help_names_every_command_and_each_has_its_own(self):
        code, out, err = self.parbus("--help")
        self.assertEqual((code, err), (0, ""))
        names = [line.split()[0] for line in out.splitlines() if line.startswith("  ") and not line.startswith("  --")]
        self.assertEqual(names, ["up", "down", "status", "health", "doctor", "scale", "push", "feeder", "rank", "watch", "explain", "rejects", "replay",
                                 "verify", "backup", "restore", "load", "catalog", "access", "keys", "join", "feeders"])
        for name in names:
            code, out, err = self.parbus(name, "--help")
            self.assertEqual((code, err), (0, ""))
            self.assertIn(f"usage: parbus {name} ", out)
            self.assertIn("--dir DIR", out)
        self.assertRegex(self.parbus("--version")[1], r"^parbus \d+\.\d+\.\d+\n$")

    def test_a_faulty_catalog_is_named_with_file_and_line(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as catalog:
            pathlib.Path(catalog, "bad.yaml").write_text("index: demo\nversion: none\n")
            code, out, err = self.parbus("catalog", "check", catalog)
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, r"bad\.yaml:2: ")

    def test_the_catalog_that_comes_with_it_has_no_fault(self):
        self.assertEqual(self.parbus("catalog", "check", CATALOG), (0, unittest.mock.ANY, ""))
        self.assertIn("qd766", self.parbus("catalog", "list", CATALOG)[1])


if __name__ == "__main__":
    unittest.main()
