"""A submission that its worker does not survive is set aside, and sent again when the fault is mended.

The workers here are the real ones but for one function each, which ends the process, or hangs, at certain values."""

import contextlib
import os
import pathlib
import shutil
import signal
import tempfile
import unittest

from chaos import try_status
from pipeline import BIN, DATA, Pipeline, until

SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
HEAD = "index,period,unit,indicator,value,stage,observed_at\n"
SCORER_ENDS, SCORER_HANGS, VALIDATOR_ENDS, VALIDATOR_HANGS = 0.25, 0.125, 0.75, 0.625
SCORER_ENDS_LATER = 0.375  # not at the entry: when it makes scores of what it applied
TRIES = 3


def row(unit, value, indicator="CKMB", observed="2025-11-01"):
    return f"qd766,2025,{unit},{indicator},{value},appraised_1,{observed}\n"


class Poison(unittest.TestCase):
    def setUp(self):
        self.programs = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
        self.addCleanup(shutil.rmtree, self.programs, ignore_errors=True)
        for program in BIN.glob("parbus*"):
            (self.programs / program.name).symlink_to(program)
        (self.programs / "parbus").unlink()
        shutil.copy2(BIN / "parbus", self.programs)  # it starts the programs that lie beside it
        self.install(BIN.parent / "tests" / "faulty")
        self.p = Pipeline(scorers=2, validators=2, settings=[f"record_tries_max={TRIES}"], programs=self.programs)
        self.p.__enter__()
        self.addCleanup(self.p.__exit__, None, None, None)
        self.p.push(SHEET, "--as", "portal")

    def install(self, place):
        for service in "scorer", "validator":
            (self.programs / f"parbus-{service}").unlink()
            shutil.copy2(place / f"parbus-{service}", self.programs)

    def mend(self):
        """The real programs take the place of the faulty ones, and the running workers are ended."""
        self.install(BIN)
        for name, process in self.p.processes().items():
            if name.startswith(("scorer", "validator")) and process["pid"]:  # 0: it has ended, and is not started yet
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process["pid"], signal.SIGKILL)

    def counter(self, name):
        return self.p.status()["counters"].get(name, 0)

    def push(self, text, feeder="inspector"):
        """--wait returns when everything is scored or set aside; 1: something was rejected."""
        return self.p.push_text(HEAD + text, "--as", feeder, "--batch", "1", check=False)

    def check_set_aside(self, units):
        rejects = self.p.rejects()
        self.assertEqual([(r["reason"], r["row"]) for r in rejects], [("POISON", "")] * len(units), rejects)
        self.assertEqual({r["unit"] for r in rejects}, set(units))
        self.assertEqual(self.counter("records_set_aside"), len(units))
        self.assertIn("identical", self.p.run("replay").stdout)

    def check_warning(self, *words):
        """Status says at its top what waits for somebody; it is nothing that health is red for."""
        status = until(lambda: (s := try_status(self.p)) and s["healthy"] and s, "health is green")
        self.assertEqual(len(status["warnings"]), 1 if words else 0)
        lines = [line for line in self.p.run("status").stdout.splitlines() if line.startswith("  * ")]
        self.assertEqual(lines, [f"  * {warning}" for warning in status["warnings"]])
        for word in words:
            self.assertIn(word, status["warnings"][0])
        return status["set_aside"]

    def undisturbed(self, *texts):
        with Pipeline() as other:
            other.push(SHEET, "--as", "portal")
            for text in texts:
                other.push_text(HEAD + text, "--as", "inspector", "--batch", "1")
            return other.rank_text("qd766", "2025")

    def check_scored_by(self, service, value):
        good = row("H14", 12.5) + row("H05", 11.5)
        done = self.push(row("H26", value) + good)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("POISON", done.stdout + done.stderr)
        self.check_set_aside(["H26"])
        self.assertEqual(self.p.rank_text("qd766", "2025"), self.undisturbed(good), "all others are ranked")
        restarts = sum(p["restarts"] for name, p in self.p.processes().items() if name.startswith(service))
        self.assertIn(restarts, (TRIES, TRIES + 1), "tried so often; the other worker may have had it at the last time, too")

    def test_a_scorer_ends(self):
        self.check_scored_by("scorer", SCORER_ENDS)

    def test_a_scorer_hangs(self):
        self.check_scored_by("scorer", SCORER_HANGS)

    def test_a_validator_ends(self):
        self.check_scored_by("validator", VALIDATOR_ENDS)

    def test_a_validator_hangs(self):
        self.check_scored_by("validator", VALIDATOR_HANGS)

    def test_several_in_one_partition(self):
        bad = "".join(row("H26", value, observed=f"2025-11-0{i + 1}")
                      for i, value in enumerate([SCORER_ENDS, VALIDATOR_ENDS, SCORER_ENDS, VALIDATOR_ENDS]))
        last = row("H26", 12.75, observed="2025-11-09")
        self.push(bad + last)
        self.check_set_aside(["H26"] * 4)
        self.assertEqual(self.p.rank_text("qd766", "2025"), self.undisturbed(last))

    def test_sent_again_when_the_fault_is_mended(self):
        bad, later = row("H26", SCORER_ENDS), row("H26", 10, "TDGQ")
        self.push(bad)
        self.push(later)
        self.check_set_aside(["H26"])
        place = {(r["partition"], r["pseq"]) for r in self.p.rejects()}
        partition, pseq = next(iter(place))
        told = ("1 submission is set aside as POISON", f"of feeder inspector, entry {pseq} of partition {partition}.",
                "parbus rejects retry")
        aside = self.check_warning(*told)
        newest = {key: str(aside["newest"][key]) for key in ("partition", "pseq", "feeder", "tries")}
        self.assertEqual((aside["count"], newest), (1, dict(partition=partition, pseq=pseq, feeder="inspector",
                                                            tries=str(TRIES))))
        self.p.kill("ingestor-1")
        until(lambda: (s := try_status(self.p)) and s["processes"][0]["restarts"] == 1, "another ingestor")
        self.check_warning(*told)
        self.assertRegex(self.p.run("health").stdout, r"set aside +1 submission \(POISON\)\n")

        self.assertIn("1 sent again, 0 refused", self.p.run("rejects", "retry").stderr)
        until(lambda: {(r["partition"], r["pseq"]) for r in self.p.rejects()} not in (place, set()), "set aside again")
        self.assertEqual(self.counter("records_set_aside"), 1, "not mended yet; the ingestor is another one")
        self.check_warning("1 submission is set aside")
        self.assertIn("identical", self.p.run("replay").stdout)

        self.mend()
        self.assertIn("1 sent again, 0 refused", self.p.run("rejects", "retry", "--feeder", "inspector").stderr)
        self.p.settled()
        until(lambda: not self.p.rejects(), "nothing is rejected any more")
        self.assertEqual(self.check_warning(), {"count": 0, "newest": None})
        self.assertEqual(self.p.rank_text("qd766", "2025"), self.undisturbed(bad, later))
        self.assertIn("inspector", self.p.run("explain", "qd766", "2025", "H26").stdout, "whose it was")
        self.assertIn("identical", self.p.run("replay").stdout)
        self.assertIn("nothing is set aside", self.p.run("rejects", "retry").stderr)
        self.assertEqual(self.push(row("H14", 12.5)).returncode, 0, "its feeder goes on")

    def test_a_scorer_that_ends_at_no_entry_is_named(self):
        """Nothing is to blame, so it goes on until somebody mends it: status says who it is."""
        self.p.run("push", "-", "--as", "inspector", stdin=(HEAD + row("H26", SCORER_ENDS_LATER)).encode())

        def named():
            status = try_status(self.p)
            return status and [w for w in status["wrong"] if "in the last minute" in w] and status
        status = until(named, "who ends again and again")
        self.assertRegex(status["wrong"][0], r"^(scorer-\d) ended \d+ times in the last minute: see log/\1\.log$")
        self.assertEqual((status["set_aside"]["count"], self.p.rejects()), (0, []), "no entry is to blame")
        ended = {p["instance"]: p["ended_last_minute"] for p in status["processes"]}
        self.assertEqual({ended["ingestor-1"], ended["validator-1"]}, {0})
        self.mend()
        self.p.settled()
        self.assertEqual(self.p.rank_text("qd766", "2025"), self.undisturbed(row("H26", SCORER_ENDS_LATER)))

    def test_the_ingestor_restarts_between_the_tries(self):
        sheet = self.programs / "sheet.csv"
        sheet.write_text(HEAD + row("H26", VALIDATOR_HANGS))
        push = self.p.start("push", sheet, "--as", "inspector", "--wait")
        until(lambda: self.counter("workers_lost") > 0, "one worker was lost")
        self.p.kill("ingestor-1")
        push.communicate(timeout=120)
        self.assertEqual(push.returncode, 1)
        self.check_set_aside(["H26"])


if __name__ == "__main__":
    unittest.main()
