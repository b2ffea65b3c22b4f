"""The ranking depends on what was pushed, not on the order of rows, the borders of batches or the number of workers."""

import random
import unittest

from pipeline import DATA, Pipeline

FILES = ["qd766-2025-*.csv", "papi-2021.csv", "par-province-2024-illustrative.csv"]
TABLES = [("qd766", "2025"), ("papi", "2021"), ("par-province", "2024")]


def parts():
    """Header and data lines of each sample file."""
    for pattern in FILES:
        for path in sorted(DATA.glob(pattern)):
            lines = [l for l in path.read_text(encoding="utf-8").splitlines() if l and not l.startswith("#")]
            yield lines[0], lines[1:]


def push_all(pipeline, shuffle, batch):
    for header, lines in parts():
        shuffle(lines)
        pipeline.push_text("\n".join([header, *lines]) + "\n", "--batch", batch)
    return [pipeline.rank_text(*table) for table in TABLES]


class Determinism(unittest.TestCase):
    def test_rows_batches_and_workers_do_not_matter(self):
        with Pipeline() as p:
            expected = push_all(p, lambda lines: None, 1000)
        for seed, (scorers, validators, batch) in enumerate([(1, 2, 1), (2, 1, 7), (5, 3, 3)]):
            with self.subTest(scorers=scorers, validators=validators, batch=batch):
                with Pipeline(scorers=scorers, validators=validators) as p:
                    self.assertEqual(push_all(p, random.Random(seed).shuffle, batch), expected)


if __name__ == "__main__":
    unittest.main()
