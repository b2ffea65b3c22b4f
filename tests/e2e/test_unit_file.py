"""The unit files that we recommend: what systemd itself thinks of them, and whether the processes ask for what it denies."""

import os
import pathlib
import shutil
import subprocess
import unittest

from pipeline import DATA, SOURCE, Pipeline

UNITS = [SOURCE / "compose" / name for name in ("parbus.service", "parbus-feeder.service")]
EXPOSURE_MAX = 20  # tenths, of 100


class UnitFile(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd is not installed")
    def test_little_is_exposed(self):
        for unit in UNITS:
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, f"{unit}: {done.stdout[-400:]}{done.stderr}")

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root, to have something to give up")
    def test_the_pipeline_runs_without_capabilities_and_new_privileges(self):
        with Pipeline() as p:
            p.run("down")
            given_up = ["setpriv", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]
            line = [*given_up, p.parbus, "up", *p.arguments, "--detach", "--dir", p.dir]
            done = subprocess.run(line, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
            self.assertEqual(done.returncode, 0, done.stderr)
            for process in p.processes().values():
                status = pathlib.Path("/proc", str(process["pid"]), "status").read_text()
                self.assertIn("NoNewPrivs:\t1", status)
                self.assertIn("CapEff:\t0000000000000000", status)
            p.push(DATA / "qd766-2025-20251011T130135Z.csv")
            p.run("scale", "scorer=2")
            self.assertEqual(p.run("health").returncode, 0)


if __name__ == "__main__":
    unittest.main()
