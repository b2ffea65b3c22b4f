"""`parbus doctor` against real directories, doors and contexts."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

from pipeline import BIN, Pipeline, free_endpoint


class Doctor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.door = free_endpoint()
        pipeline = Pipeline()
        pipeline.arguments += ["--door", cls.door]
        cls.p = cls.enterClassContext(pipeline)
        cls.place = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="parbus.")))

    def revoke(self, key):
        """A key may begin with '-'."""
        subprocess.run([BIN / "parbus", "keys", "revoke", "--dir", self.p.dir, "--", key], check=True, timeout=60,
                       capture_output=True)

    def ask(self, *arguments, directory=None):
        done = subprocess.run([BIN / "parbus", "doctor", "--format", "json", *map(str, arguments), "--dir",
                               directory or self.p.dir], capture_output=True, text=True, timeout=60,
                              env={**os.environ, "XDG_CONFIG_HOME": str(self.place)})
        return done.returncode, {found["check"]: found for found in json.loads(done.stdout)}

    def test_a_pipeline_that_runs_is_healthy(self):
        code, found = self.ask()
        for check in ("owner", "modes", "file system", "door", "context", "keys"):
            self.assertEqual(found[check]["verdict"], "ok", found[check])
        self.assertIn("the door of the directory answers", found["door"]["what"])
        self.assertEqual(code, int(any(f["verdict"] == "fail" for f in found.values())))
        for f in found.values():
            self.assertEqual(f["advice"] == "", f["verdict"] == "ok", f)

    def test_a_file_that_others_may_read_fails(self):
        leak = pathlib.Path(self.p.dir, "log", "leak")
        leak.write_text("x")
        leak.chmod(0o644)
        self.addCleanup(leak.unlink)
        code, found = self.ask()
        self.assertEqual((code, found["modes"]["verdict"]), (1, "fail"))
        self.assertIn(str(leak), found["modes"]["what"])

    def test_a_context_is_tried_at_its_door(self):
        context = self.place / "x.context"
        self.p.run("keys", "new", "h05", "--out", context, "--door", self.door)
        code, found = self.ask("--context", context)
        self.assertEqual(found["door"]["what"], f"{self.door} answers")
        self.assertNotIn("the door's", found["clock"]["what"].replace("as the door's is", ""))
        key = next(line.split(" = ")[1] for line in context.read_text().splitlines() if line.startswith("public"))
        self.revoke(key)
        code, found = self.ask("--context", context)
        self.assertEqual((code, found["door"]["verdict"]), (1, "fail"))
        context.chmod(0o644)
        code, found = self.ask("--context", context)
        self.assertEqual((code, found["context"]["verdict"]), (1, "fail"))

    def test_a_context_file_that_others_may_read_is_found(self):
        place = self.place / "parbus"
        place.mkdir()
        context = place / "left.context"
        context.write_text("x")
        context.chmod(0o640)
        self.addCleanup(context.unlink)
        code, found = self.ask()
        self.assertEqual((code, found["context"]["verdict"]), (1, "fail"))
        self.assertIn(str(context), found["context"]["what"])

    def test_nothing_is_made_where_nothing_is(self):
        nowhere = self.place / "nowhere"
        code, found = self.ask(directory=nowhere)
        self.assertEqual(found["owner"]["verdict"], "warn")
        self.assertFalse(nowhere.exists())
        text = self.p.run("doctor", check=False).stdout
        self.assertRegex(text, r"(?m)^(ok|warn|fail) +owner +")


if __name__ == "__main__":
    unittest.main()
