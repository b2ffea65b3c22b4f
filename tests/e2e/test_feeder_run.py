"""`parbus feeder run`: what comes to a directory goes out, whatever happens to the feeder, the pipeline or the outbox."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import unittest

from pipeline import BIN, DATA, Pipeline, until

HEADER = "index,period,unit,indicator,value\n"
SHEET = DATA / "qd766-2025-20251011T130135Z.csv"


def row(unit, value):
    return f"qd766,2025,{unit},CKMB,{value}\n"


class Service:
    """A feeder that runs; what it says is gathered."""

    def __init__(self, test, directory, *arguments, stdin=subprocess.DEVNULL):
        self.said = []
        self.process = subprocess.Popen([BIN / "parbus", "feeder", "run", *map(str, arguments), "--dir", directory],
                                        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=lambda: self.said.extend(self.process.stderr), daemon=True)
        self.reader.start()
        test.addCleanup(self.kill)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(60)
        self.reader.join(60)
        self.process.stdout.close()

    def text(self):
        return "".join(self.said)


class FeederRun(unittest.TestCase):
    def setUp(self):
        self.p = self.enterContext(Pipeline())
        self.inbox = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="parbus.")))

    def start(self, *arguments):
        return Service(self, self.p.dir, "--watch", self.inbox, "--as", "watched", *arguments)

    def put(self, name, text):
        part = self.inbox / f"{name}.part"
        part.write_text(text)
        part.rename(self.inbox / name)

    def wait_for(self, name, place="done"):
        until((self.inbox / place / name).exists, f"{name} in {place}")
        return json.loads((self.inbox / place / f"{name}.report.json").read_text())

    def points(self, unit):
        return next(r for r in self.p.rank("qd766", "2025") if r["unit"] == unit)["CKMB"]

    def test_files_go_out_in_order_each_with_its_report(self):
        self.put("1.csv", HEADER + row("H26", "1"))
        self.put("2.csv", HEADER + row("H26", "2"))
        (self.inbox / "3.csv.part").write_text("half of")
        (self.inbox / ".4.csv").write_text("half of")
        self.start()
        for name in ("1.csv", "2.csv"):
            report = self.wait_for(name)
            self.assertEqual((report["feeder"], report["rows_sent"], report["without_receipt"]), ("watched", 1, 0))
        self.put("0.csv", HEADER + row("H14", "3"))
        self.wait_for("0.csv")
        self.p.settled()
        self.assertEqual((self.points("H26"), self.points("H14")), ("2.00", "3.00"))
        self.assertEqual(sorted(p.name for p in self.inbox.glob("*4.csv*")) + [p.name for p in self.inbox.glob("3*")],
                         [".4.csv", "3.csv.part"])

    def test_what_has_faults_is_kept_apart_and_the_rest_of_it_goes_out(self):
        self.start("--wait")
        self.put("bad.csv", HEADER + row("H26", "1") + "qd766,2025,H14,CKMB,many\n" + row("nowhere", "1"))
        report = self.wait_for("bad.csv", "failed")
        self.assertEqual((report["rows_bad"], report["rows_rejected"], report["rows_accepted"]), (1, 1, 1))
        self.assertEqual(report["faults"][0]["line"], 3)
        self.put("bad.csv", HEADER + row("H26", "7"))
        self.wait_for("bad.csv")
        self.put("bad.csv", HEADER + row("H26", "8"))
        self.wait_for("bad.csv.2")

    def test_killed_at_any_time_it_loses_nothing(self):
        rows = [row(f"H{(26, 14, 60, 5)[i % 4]:02}", f"{i % 1800 / 100:.2f}") for i in range(20_000)]
        self.put("long.csv", HEADER + "".join(rows))
        for submissions in (100, 1000, 3000):
            service = self.start("--batch", "2")
            until(lambda: (self.inbox / "done" / "long.csv").exists() or self.sent() >= submissions, "some of it is sent")
            service.kill()
        self.start("--batch", "100")
        self.wait_for("long.csv")
        self.p.settled()
        for unit, last in (("H26", -4), ("H14", -3), ("H60", -2), ("H05", -1)):
            self.assertEqual(self.points(unit), rows[last].strip().rsplit(",", 1)[1])
        self.assertIn("identical", self.p.run("replay").stdout)

    def sent(self):
        return self.p.status()["counters_by_instance"]["ingestor-1"].get("submissions_received", 0)

    def test_an_outage_is_told_once_and_waited_out(self):
        self.p.run("down")
        service = self.start()
        self.put("1.csv", HEADER + row("H26", "1"))
        self.put("2.csv", HEADER + row("H26", "2"))
        until(lambda: "does not answer" in service.text(), "the outage is told")
        self.p.up()
        self.wait_for("1.csv")
        self.wait_for("2.csv")
        self.p.settled()
        self.assertEqual(self.points("H26"), "2.00")
        self.assertEqual(service.text().count("does not answer"), 1)
        self.assertIn("it goes on", service.text())

    def test_what_a_push_left_in_the_outbox_goes_out_by_itself(self):
        pid = self.p.processes()["ingestor-1"]["pid"]
        push = subprocess.Popen([BIN / "parbus", "push", "-", "--as", "watched", "--dir", self.p.dir],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(push.wait)
        self.addCleanup(push.kill)
        push.stdin.write(HEADER + row("H26", "1"))
        push.stdin.flush()
        until(lambda: self.points("H26") == "1.00", "the push is at work")
        os.kill(pid, signal.SIGSTOP)
        push.stdin.write(row("H14", "2"))
        push.stdin.flush()
        queue = pathlib.Path(self.p.dir, "outbox", "watched", "queue.0")
        until(lambda: b"H14" in queue.read_bytes(), "the row is written")
        push.kill()
        push.wait(60)
        os.kill(pid, signal.SIGKILL)
        self.start()
        until(lambda: self.p.run("rank", "qd766", "2025", check=False).returncode == 0 and self.points("H14") == "2.00",
              "the kept row is scored")

    def test_a_name_that_is_in_use_elsewhere_is_told(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as other:
            self.p.push(SHEET, "--as", "watched")
            door = f"ipc://{self.p.dir}/run/door"
            holder = subprocess.Popen([BIN / "parbus", "push", "-", "--as", "watched", "--door", door, "--take-over", "--dir", other],
                                      stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
            self.addCleanup(holder.wait)
            self.addCleanup(holder.kill)
            holder.stdin.write(HEADER + row("H26", "5"))
            holder.stdin.flush()
            until(lambda: self.points("H26") == "5.00", "the other one is at work")
            self.put("1.csv", HEADER + row("H26", "6"))
            service = self.start("--timeout", "2")
            until(lambda: "in use" in service.text(), "it is told")
            holder.stdin.close()
            self.wait_for("1.csv")

    def test_standard_input_goes_out_until_its_end(self):
        service = Service(self, self.p.dir, "-", "--as", "piped", stdin=subprocess.PIPE)
        service.process.stdin.write(HEADER + row("H26", "4"))
        service.process.stdin.flush()
        until(lambda: self.points("H26") == "4.00", "it went out while more may come")
        service.process.stdin.close()
        self.assertEqual(service.process.wait(60), 0)
        self.assertEqual(json.loads(service.process.stdout.read())["rows_sent"], 1)

    def test_what_cannot_be_meant_is_said(self):
        for words in ((), ("run",), ("walk", "--watch", self.inbox), ("run", "-", "--watch", self.inbox),
                      ("run", "--watch", self.inbox, "--strict")):
            self.assertEqual(self.p.run("feeder", *words, check=False).returncode, 2, words)
        done = self.p.run("feeder", "run", "--watch", self.inbox / "nowhere", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no directory", done.stderr)
        self.start()
        until(lambda: (self.inbox / "done").is_dir() and self.p.run("feeder", "run", "--watch", self.inbox, check=False).returncode == 1,
              "a second one is refused")


if __name__ == "__main__":
    unittest.main()
