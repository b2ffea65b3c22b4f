"""Only the ingestor opens the journal while the pipeline runs; workers and publisher know its controls from it."""

import os
import pathlib
import unittest

from pipeline import DATA, Pipeline, until

SAMPLE = DATA / "pci-2013-inferred.csv"


def files_of(pid):
    """What a process holds open, and what it has mapped."""
    process = pathlib.Path("/proc", str(pid))
    for fd in (process / "fd").iterdir():
        try:
            yield os.readlink(fd)
        except FileNotFoundError:  # closed meanwhile
            pass
    yield from (line.split(maxsplit=5)[5] for line in (process / "maps").read_text().splitlines()
                if len(line.split(maxsplit=5)) == 6)


def holds_journal(pipeline, pid):
    journal = os.path.realpath(os.path.join(pipeline.dir, "journal"))
    return any(os.path.realpath(file).startswith(journal) for file in files_of(pid))


class JournalAlone(unittest.TestCase):
    def holders(self, pipeline):
        return {name for name, process in pipeline.processes().items() if holds_journal(pipeline, process["pid"])}

    def test_only_the_ingestor_has_it_open(self):
        with Pipeline(scorers=2, validators=2) as p:
            self.assertIn("publisher", {name.rsplit("-", 1)[0] for name in p.processes()})
            self.assertEqual(self.holders(p), {"ingestor-1"})
            p.push(SAMPLE)
            self.assertEqual(self.holders(p), {"ingestor-1"})

    def test_a_worker_that_starts_anew_learns_all_controls_without_it(self):
        with Pipeline() as p:
            before = p.processes()
            for worker in ("validator-1", "scorer-1", "publisher-1"):
                p.kill(worker)
            until(lambda: all(p.processes().get(worker, before[worker])["pid"] != before[worker]["pid"]
                              for worker in ("validator-1", "scorer-1", "publisher-1")), "new processes")
            p.push(SAMPLE)
            self.assertTrue(p.rank("pci", "2013"))
            self.assertEqual(self.holders(p), {"ingestor-1"})


if __name__ == "__main__":
    unittest.main()
