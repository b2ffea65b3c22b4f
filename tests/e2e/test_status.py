"""`parbus status`: who owns what, state, lag, rate, last heartbeat; what is wrong stands at the top."""

import contextlib
import json
import mmap
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import tempfile
import unittest

from chaos import FEEDERS, Feeder, Script, pid_of, text, try_status
from feed_subscribers import Ticking
from pipeline import BIN, DATA, DEADLINE_S, Pipeline, read_line, until


def numbers(ranges):
    """The partitions of "0-15,40"."""
    ends = [list(map(int, part.split("-"))) for part in ranges.split(",") if part]
    return [n for e in ends for n in range(e[0], e[-1] + 1)]


MARKER = "urn:the-entry-that-is-spoilt"


def value(unit, points, evidence=""):
    return f"index,period,unit,indicator,value,stage,evidence\nqd766,2025,{unit},CKMB,{points},appraised_1,{evidence}\n"


def spoil(pipeline):
    """Flips a bit of the journal's record with MARKER, wherever LMDB has copied it to; nobody may be writing."""
    changed = 0
    with open(pathlib.Path(pipeline.dir, "journal", "data.mdb"), "r+b") as f, mmap.mmap(f.fileno(), 0) as data:
        at = -1
        while (at := data.find(MARKER[:5].encode(), at + 1)) >= 0:
            data[at + 5] ^= 1 << 3
            changed += 1
            at += len(MARKER)
    assert changed, "the record is in the journal"


def spoil_header(pipeline):
    """Flips a bit of the header of the journal's record with MARKER, wherever LMDB has copied it to; nothing may be running."""
    changed = 0
    with open(pathlib.Path(pipeline.dir, "journal", "data.mdb"), "r+b") as f, mmap.mmap(f.fileno(), 0) as data:
        at = -1
        while (at := data.find(MARKER.encode(), at + 1)) >= 0:
            header = data.rfind(b"\x02\x01", at - 400, at)  # version, kind; then come partition and a count of 1
            while header >= 0 and data[header + 4:header + 8] != b"\x01\0\0\0":
                header = data.rfind(b"\x02\x01", at - 400, header)
            assert header >= 0, "a record has a header"
            data[header + 8] ^= 1
            changed += 1
    assert changed, "the record is in the journal"


class Status(unittest.TestCase):
    def test_who_owns_what(self):
        with Pipeline(scorers=3, validators=2) as p:
            p.push(DATA / "papi-2021.csv")
            status = until(lambda: (s := p.status()) and not s["wrong"] and s, "nothing is wrong")
            rows = {row["instance"]: row for row in status["processes"]}
            for service, count in ("scorer", 3), ("validator", 2):
                owned = [numbers(rows[f"{service}-{n}"]["owned"]) for n in range(1, count + 1)]
                self.assertEqual(sorted(sum(owned, [])), list(range(64)), service)
                self.assertEqual([rows[f"{service}-{n}"]["partitions"] for n in range(1, count + 1)], list(map(len, owned)))
                for n, of_it in enumerate(owned, 1):
                    self.assertEqual({status["partitions"][k][service] for k in of_it}, {f"{service}-{n}"})
            for row in rows.values():
                self.assertLess(row["heartbeat_age_ms"], 60000)
                self.assertEqual((row["restarts"], row["lag"] or 0), (0, 0))
                self.assertGreater(row["alive_ms"], 0)
            lines = p.run("status", "--partitions").stdout.splitlines()
            self.assertEqual(sum(line.split()[1:2] == ["owned"] for line in lines), 64)
            begins = f'{rows["scorer-3"]["partitions"]}: {rows["scorer-3"]["owned"][:20]}'
            self.assertTrue(any(line.startswith("scorer-3") and begins in line for line in lines), lines)
            self.assertNotIn("  ! ", "\n".join(lines))

    def test_rates(self):
        with Pipeline(scorers=2) as p:
            scripts = [Script(name, 1, 200) for name in FEEDERS]
            feeders = {s.feeder: Feeder(p, s.feeder) for s in scripts}
            self.addCleanup(lambda: [f.kill() for f in feeders.values()])

            def push():
                for s in scripts:
                    feeders[s.feeder].give(text(s.slice(1)))
                until(lambda: (s := try_status(p)) and s["lag"] < 1000, "the ranking follows")

            thread = Ticking(push)

            def all_move():
                status = p.status()
                rates = {row["instance"]: row["rate_per_s"] for row in status["processes"]}
                self.assertIsNone(rates.pop("publisher-1"))
                return all(rates.values()) and status["received_per_s"] and status["applied_per_s"]
            until(all_move, "everybody has a rate")
            thread.end()
            p.settled()
            until(lambda: not any(row["rate_per_s"] for row in p.status()["processes"]), "the rates are 0 again")

    def test_a_worker_that_hangs_stands_at_the_top(self):
        with Pipeline() as p:
            p.push(DATA / "papi-2021.csv")
            pid = pid_of(p, "scorer-1")
            os.kill(pid, signal.SIGSTOP)
            try:
                wrong = until(lambda: (s := try_status(p)) and len(s["wrong"]) > 1 and s["wrong"], "it is noticed")
                self.assertRegex(wrong[0], r"scorer-1 is (dead|starting|waiting|stopping)")
                self.assertRegex(wrong[1], r"64 of 64 partitions have no scorer.*: 0-63")
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            until(lambda: (s := try_status(p)) and not s["wrong"], "all is well again")

    def test_a_partition_whose_next_record_is_damaged(self):
        """It stands still, alone, and goes on by itself when the record can be read."""
        with Pipeline(validators=0) as p:
            p.run("push", "-", "--as", "late", stdin=value("H26", 12, evidence=MARKER).encode())
            spoil(p)
            p.run("scale", "validator=1")
            p.push_text(value("H14", 11), "--as", "other")  # others move

            def red():
                done = p.run("health", check=False)
                return done.returncode and "is damaged" in done.stderr and done.stderr
            said = until(red, "health is red")
            partition, entry = map(int, re.fullmatch(
                r"parbus health: partition (\d+) stands still, for its next record is damaged: read \S+/journal: "
                r"partition \1, pseq (\d+), commit \d+: the checksum of the record's entries is wrong. "
                r"'parbus verify' names all that is; stop, and take the journal back with 'parbus restore'\n", said).groups())
            status = p.status()
            self.assertIn(f"partition {partition} stands still", " ".join(status["wrong"]))
            self.assertFalse(status["healthy"])
            stands = [x for x in status["partitions"] if x["damage"] is not None]
            self.assertEqual([(x["partition"], x["applied_pseq"] + 1, x["last_pseq"]) for x in stands],
                             [(partition, entry, entry)])
            p.push_text(value("H14", 12), "--as", "other")

            spoil(p)
            until(lambda: p.run("health", check=False).returncode == 0, "health is green again")
            self.assertEqual((p.status()["wrong"], p.status()["lag"]), ([], 0))
            log = pathlib.Path(p.dir, "log", "ingestor-1.log").read_text()
            self.assertRegex(log, rf"partition.damaged service=ingestor-1 partition={partition} next={entry} ")
            self.assertRegex(log, rf"partition.readable_again service=ingestor-1 partition={partition} sent={entry}\n")

    def test_a_damaged_header_that_a_start_meets(self):
        """Its partition stands still, alone; the ingestor starts, and others move."""
        with Pipeline(validators=0) as p:
            p.run("push", "-", "--as", "late", stdin=value("H26", 12, evidence=MARKER).encode())
            p.run("down")
            spoil_header(p)
            p.up()
            p.run("scale", "validator=1")
            p.push_text(value("H14", 11), "--as", "other")
            said = until(lambda: (d := p.run("health", check=False)).returncode and "is damaged" in d.stderr and d.stderr,
                         "health is red")
            self.assertRegex(said, r"partition (\d+) stands still, for its next record is damaged: read \S+/journal: "
                             r"partition \1, pseq \d+, commit \d+: the checksum of the record's header is wrong. "
                             r"'parbus verify' names all that is; stop, and take the journal back with 'parbus restore'\n")
            p.push_text(value("H14", 12), "--as", "other")
            self.assertEqual(p.run("verify", check=False).returncode, 1)

    def test_the_ingestor_hangs(self):
        with Pipeline() as p:
            pid = pid_of(p, "ingestor-1")
            os.kill(pid, signal.SIGSTOP)
            try:
                done = until(lambda: (d := p.run("status", check=False)).returncode and d, "it does not answer")
                self.assertIn("does not answer", done.stdout.splitlines()[1])
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def test_the_largest_journal(self):
        with Pipeline(scorers=4, settings=["partitions=4096"]) as p:
            status = until(lambda: (s := try_status(p)) and not s["wrong"] and s["lag"] == 0 and s, "all are owned")
            self.assertEqual(len(status["partitions"]), 4096)
            self.assertEqual(status["counters_left_out"], 0)
            self.assertEqual(sum(row["partitions"] for row in status["processes"] if row["service"] == "scorer"), 4096)

    def test_nothing_runs(self):
        with tempfile.TemporaryDirectory(prefix="parbus.") as directory:
            done = subprocess.run([BIN / "parbus", "status", "--dir", directory], capture_output=True, text=True,
                                  timeout=60)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"nothing runs in {directory}", done.stderr)

    def test_watch(self):
        with Pipeline() as p:
            near, far = pty.openpty()
            with open(near, "rb", buffering=0) as screen:
                process = subprocess.Popen([BIN / "parbus", "status", "--watch", "--dir", p.dir], stdin=subprocess.DEVNULL,
                                           stdout=far, stderr=far)
                os.close(far)
                seen = b""
                while seen.count(b"\033[H") < 3:
                    self.assertTrue(select.select([screen], [], [], DEADLINE_S)[0], "it is shown again")
                    seen += screen.read(65536)
                process.send_signal(signal.SIGINT)
                with contextlib.suppress(OSError):  # the other end is closed
                    while select.select([screen], [], [], DEADLINE_S)[0] and screen.read(65536):
                        pass
                self.assertEqual(process.wait(timeout=60), 0)
            self.assertEqual(seen.count(b"ingestor-1"), seen.count(b"everything runs"))
            lines = p.start("status", "--watch", "--json")
            decoder, got, rest = json.JSONDecoder(), 0, ""
            while got < 2:  # one after the other
                rest += read_line(lines.stdout)
                with contextlib.suppress(json.JSONDecodeError):
                    decoder.decode(rest)
                    got, rest = got + 1, ""
            lines.terminate()
            lines.communicate(timeout=60)
            self.assertEqual(lines.returncode, 0)


if __name__ == "__main__":
    unittest.main()
