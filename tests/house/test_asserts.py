"""asserts.py finds what an ASSERT does, and lets its questions alone."""
import unittest

import asserts

DOES = ["ASSERT(fclose(out) == 0);", "ASSERT(n++ < 3);", "ASSERT((p = malloc(3)));", "ASSERT(--n);", "ASSERT(a &&\n    take(b));",
        "ASSERT((left -= 2) > 0);"]
ASKS = ["ASSERT(p);", "ASSERT(a == b && c <= d && e >= f && g != h);", "ASSERT(group_empty(g));", "ASSERT((a + b) * sizeof(c) < d);",
        "_Static_assert(sizeof(int) == 4, \"\");"]


class Asserts(unittest.TestCase):
    def test_what_does_something_is_found(self):
        for text in DOES:
            self.assertTrue(list(asserts.faults_of(text)), text)

    def test_what_asks_is_let_alone(self):
        for text in ASKS:
            self.assertEqual(list(asserts.faults_of(text)), [], text)

    def test_the_place_is_told(self):
        self.assertEqual(list(asserts.faults_of("int a;\nASSERT(f());"))[0][0], 2)


if __name__ == "__main__":
    unittest.main()
