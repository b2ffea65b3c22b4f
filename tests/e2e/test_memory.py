"""What the ingestor keeps in memory is bounded, however large submissions are and however fast they come."""

import os
import re
import subprocess
import unittest

from chaos import pid_of
from pipeline import BIN, Pipeline

os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # else memory freed stays


class Memory(unittest.TestCase):
    SUBMISSIONS, FEEDER_BYTES, MEMORY_BYTES_MAX = 1200, 640 << 20, 300 << 20

    def memory_bytes(self, pid):
        """The process's own. The pages of the journal, which its peak would count, are the kernel's to take back."""
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            return int(re.search(r"^RssAnon:\s+(\d+) kB$", f.read(), re.MULTILINE)[1]) << 10

    def test_a_feeder_of_large_submissions(self):
        """It has 1.2 GB to send, 640 MB at once if it may."""
        with Pipeline() as p:
            pid, most = pid_of(p, "ingestor-1"), 0
            feeder = subprocess.Popen([BIN.parent / "tests" / "large_feeder", f"ipc://{p.dir}/run/door",
                                       str(self.SUBMISSIONS), str(self.FEEDER_BYTES)])
            self.addCleanup(feeder.wait, 60)
            self.addCleanup(feeder.kill)
            while feeder.poll() is None:
                most = max(most, self.memory_bytes(pid))
                try:
                    feeder.wait(0.005)
                except subprocess.TimeoutExpired:
                    pass
            self.assertEqual(feeder.returncode, 0)
            self.assertEqual(pid_of(p, "ingestor-1"), pid)
            self.assertLess(most, self.MEMORY_BYTES_MAX)


if __name__ == "__main__":
    unittest.main()
