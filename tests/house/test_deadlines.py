"""deadlines.py finds each way to wait for ever, and lets what has an end alone."""
import os
import tempfile
import unittest

import deadlines

ENDLESS = ["process.wait()", "process.communicate()", "thread.join()", "subprocess.run(['true'])",
           "subprocess.check_output(['true'], text=True)", "stream.readline()", "iter(stream.readline, '')", "time.sleep(1)"]
ENDING = ["process.wait(5)", "process.wait(timeout=5)", "process.communicate(timeout=5)", "thread.join(5)", "','.join(names)",
          "subprocess.run(['true'], timeout=5)", "subprocess.run(['true'], **options)", "read_line(stream)", "pause(1)"]


class Deadlines(unittest.TestCase):
    def found(self, name, text, folder="e2e", top="tests"):
        with tempfile.TemporaryDirectory(prefix="parbus.") as root:
            os.makedirs(os.path.join(root, top, folder))
            with open(os.path.join(root, top, folder, name), "w", encoding="utf-8") as out:
                out.write(text + "\n")
            return list(deadlines.faults(root))

    def test_what_may_last_for_ever_is_found(self):
        for line in ENDLESS:
            self.assertEqual(len(self.found("test_it.py", line)), 1, line)
        self.assertEqual(len(self.found("it.c", "    usleep(1000);")), 1)
        self.assertEqual(len(self.found("it.c", "    waitpid(pid, NULL, 0);", "unit")), 1)

    def test_a_program_that_polls_without_a_deadline_is_found(self):
        for top in ("tests", "common", "services"):
            for line in ("while (poll(&done, 1, -1) <= 0)", "zmq_poll(item, 2, -1);", "epoll_wait(fd, &event, 1, -1);",
                         "ppoll(&any, 1, NULL, NULL);"):
                self.assertEqual(len(self.found("it.c", line, top=top)), 1, line)
            for line in ("poll(&done, 1, 100);", "ppoll(&any, 1, due_us == INT64_MAX ? NULL : &t, NULL);"):
                self.assertEqual(self.found("it.c", line, top=top), [], line)

    def test_what_has_an_end_is_let_alone(self):
        for line in ENDING:
            self.assertEqual(self.found("test_it.py", line), [], line)
        self.assertEqual(self.found("it.c", "    poll(&fd, 1, 1000); /* no sleep */"), [])
        self.assertEqual(self.found("pipeline.py", "time.sleep(0.02)"), [], "until() paces itself")
        self.assertEqual(self.found("it.c", "TestSuite(it, .timeout = 60);\n    waitpid(pid, NULL, 0);", "unit"), [])
        self.assertEqual(self.found("it.c", "    io->read(io->ctx);", "unit"), [])


if __name__ == "__main__":
    unittest.main()
