"""A journal that is moved away, deleted, replaced or damaged while something runs, or before: no receipt for what is written
nowhere, no new journal unasked, no spinning; and each time a sentence that says what to do."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import unittest

from chaos import COLUMNS, sample, text, try_status
from pipeline import BIN, Pipeline, until

PAGE = 4096


def rows(n):
    return COLUMNS + "\n" + text(sample("qd766")[:n])


def health(p):
    return p.run("health", check=False)


class JournalGone(unittest.TestCase):
    def assert_says(self, done, *words):
        self.assertEqual(done.returncode, 1, done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_moved_away_while_it_runs(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            journal, elsewhere = pathlib.Path(p.dir, "journal"), pathlib.Path(p.dir, "elsewhere")
            journal.rename(elsewhere)
            until(lambda: health(p).returncode == 1, "health is red within a moment", 2)
            self.assert_says(health(p), "nothing is accepted at the door", "was moved, deleted or replaced", "put it back")
            self.assert_says(p.push_text(rows(5), "--as", "two", "--timeout", "3", check=False), "moved, deleted or replaced")
            self.assertFalse(journal.exists(), "nothing is made in its place")
            elsewhere.rename(journal)
            until(lambda: health(p).returncode == 0, "health is green again by itself")
            p.push_text(rows(5), "--as", "two")

    def test_deleted_while_it_runs(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            os.unlink(pathlib.Path(p.dir, "journal", "data.mdb"))
            until(lambda: health(p).returncode == 1, "health is red within a moment", 2)

    def test_not_there_at_the_start(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            p.run("down")
            journal, elsewhere = pathlib.Path(p.dir, "journal"), pathlib.Path(p.dir, "elsewhere")
            journal.rename(elsewhere)
            for _ in range(2):
                self.assert_says(p.run("up", *p.arguments, "--detach", check=False), "had a journal, and it is gone",
                                 "not mounted", "move journal.id, journal and state there aside")
                self.assertFalse(journal.exists())
            for line in (["rank", "qd766", "2025"], ["rejects"], ["replay"], ["verify"], ["backup", pathlib.Path(p.dir, "copy")]):
                self.assert_says(p.run(*line, check=False), "had a journal, and it is gone", "Put it back")
            elsewhere.rename(journal)
            before = p.rank_text("qd766", "2025")
            p.up()
            self.assertEqual(p.rank_text("qd766", "2025"), before)
            p.run("down")
            for name in "journal", "state":
                shutil.rmtree(pathlib.Path(p.dir, name))
            pathlib.Path(p.dir, "journal.id").unlink()
            p.up()  # anew, since somebody has said so

    def test_another_one_in_its_place(self):
        with Pipeline() as p, Pipeline() as other:
            p.run("down"), other.run("down")
            shutil.rmtree(pathlib.Path(p.dir, "journal"))
            shutil.copytree(pathlib.Path(other.dir, "journal"), pathlib.Path(p.dir, "journal"))
            done = p.run("up", *p.arguments, "--detach", check=False)
            self.assert_says(done, "put that one back")

    def test_an_older_copy_of_it_in_its_place(self):
        """State and workers are ahead of it: nothing is accepted, and it is said what to do."""
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            p.run("down")
            journal, older = pathlib.Path(p.dir, "journal", "data.mdb"), pathlib.Path(p.dir, "older.mdb")
            shutil.copy(journal, older)
            p.up()
            p.push_text(rows(20), "--as", "two")
            p.settled()
            older.rename(journal)
            p.kill("ingestor-1")
            log = pathlib.Path(p.dir, "log", "ingestor-1.log")
            until(lambda: "supervisor.held service=supervisor instance=ingestor-1" in pathlib.Path(p.dir, "log", "supervisor.log").read_text(),
                  "it is held, not started again and again")
            said = log.read_text()
            for words in ("the journal had no more than ", "an older copy?", "put the newest journal back", "mv state state.ahead"):
                self.assertIn(words, said)
            self.assertNotRegex(said.lower(), "delete (it|state)", "state may be the last that knows of them")
            self.assertEqual(said.count("the journal had no more than "), 1)
            self.assert_says(health(p), "ingestor-1 is held back", "log/ingestor-1.log", "then 'parbus up', also while the others run")
            wrong = " ".join(json.loads(p.run("status", "--json", check=False).stdout)["wrong"])
            self.assertIn("ingestor-1 is held back", wrong)
            self.assertNotIn("does not answer", wrong, "one cause, told once")
            self.assertNotEqual(p.run("push", "-", "--as", "three", "--timeout", "2", stdin=rows(5).encode(), check=False).returncode, 0)
            p.run("down")
            pathlib.Path(p.dir, "state").rename(pathlib.Path(p.dir, "state.ahead"))
            p.up()
            until(lambda: health(p).returncode == 0, "health is green")
            p.push_text(rows(20), "--as", "four")  # the same units: as long as before, in each partition
            p.settled()
            self.state_comes_back(p)

    def state_comes_back(self, p):
        """… that was put aside, when the journal is as long as it believes."""
        p.run("down")
        pathlib.Path(p.dir, "state").rename(pathlib.Path(p.dir, "state.made"))
        pathlib.Path(p.dir, "state.ahead").rename(pathlib.Path(p.dir, "state"))
        self.assert_says(p.run("verify", check=False), "state has applied another entry at pseq")
        done = p.run("up", *p.arguments, "--detach", check=False)
        self.assert_says(done, "is another one in this journal", "put the newest journal back")

    def test_no_other_and_no_new_one_by_hand_when_journal_id_is_lost(self):
        """State remembers which journal it was; the ingestor is started without `parbus up`."""
        with Pipeline() as p, Pipeline() as other:
            p.push_text(rows(20), "--as", "one")
            p.settled()
            p.run("down"), other.run("down")
            data, right = pathlib.Path(p.dir, "journal", "data.mdb"), pathlib.Path(p.dir, "right.mdb")
            data.rename(right)
            foreign = pathlib.Path(other.dir, "journal", "data.mdb").read_bytes()
            journal_id = pathlib.Path(p.dir, "journal.id")
            its_id = journal_id.read_text()
            others_id = pathlib.Path(other.dir, "journal.id").read_text()
            for content, said_id, words in ((b"", "", "had a journal, and it is gone (journal/data.mdb is an empty file)"),
                                            (foreign, "", "(so says state): put that one back"),
                                            (foreign, others_id, "put the one back that state follows")):
                data.write_bytes(content)
                journal_id.write_text(said_id) if said_id else journal_id.unlink(missing_ok=True)
                done = subprocess.run([BIN / "parbus-ingestor", "--dir", p.dir], capture_output=True, text=True, timeout=60)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(data.stat().st_size > 0, content != b"", "an empty file is left as it was found")
                self.assertEqual(journal_id.exists(), bool(said_id), "no id is written anew")
                journal_id.unlink(missing_ok=True)
            right.replace(data)
            p.up()
            self.assertEqual(journal_id.read_text(), its_id)

    def test_state_moved_away_while_it_runs(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            state, elsewhere = pathlib.Path(p.dir, "state"), pathlib.Path(p.dir, "elsewhere")
            state.rename(elsewhere)

            def red():  # the place is looked at ten times a second, when there is something to write
                p.run("push", "-", "--as", "two", stdin=rows(5).encode())
                return "cannot write state" in health(p).stderr
            until(red, "health is red")
            elsewhere.rename(state)
            until(lambda: health(p).returncode == 0, "and green again by itself")
            p.settled()


class Held(unittest.TestCase):
    def spoil(self, file):
        """Every page but the two that LMDB begins with: a reader stumbles, whatever it reads."""
        with open(file, "r+b") as f:
            for at in range(2 * PAGE, os.path.getsize(file), PAGE):
                f.seek(at + 10)  # flags, lower, upper
                f.write(b"\x02\x00\xf0\xff\xf0\xff")

    def test_who_stumbles_over_a_damaged_page_is_held_back(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            p.run("down")
            self.spoil(pathlib.Path(p.dir, "journal", "data.mdb"))
            done = p.run("up", *p.arguments, "--detach", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, "journal.*(damaged|wrong|cut off)")
            log = pathlib.Path(p.dir, "log", "supervisor.log").read_text()
            self.assertLessEqual(log.count("supervisor.ended service=supervisor instance=ingestor-1"), 2, log)  # once in good order

    def test_a_scorer_is_held_back_and_the_rest_goes_on(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            p.kill("scorer-1")
            self.spoil(pathlib.Path(p.dir, "state", "data.mdb"))
            wrong = until(lambda: (s := try_status(p)) and "scorer-1 is held back" in " ".join(s["wrong"]) and s["wrong"],
                          "it is told")
            self.assertIn("parbus verify", " ".join(wrong))
            p.run("push", "-", "--as", "two", stdin=rows(5).encode())  # receipts go on

    def test_what_was_mended_is_tried_again_without_stopping_the_others(self):
        with Pipeline() as p:
            p.push_text(rows(20), "--as", "one")
            p.settled()
            ingestor, state = p.processes()["ingestor-1"]["pid"], pathlib.Path(p.dir, "state", "data.mdb")
            p.kill("scorer-1", signal.SIGSTOP)  # until the file is damaged: it would be up again before
            whole = state.read_bytes()
            self.spoil(state)
            p.kill("scorer-1")
            until(lambda: (s := try_status(p)) and "scorer-1 is held back" in " ".join(s["wrong"]), "it is told")
            with open(state, "r+b") as f:
                f.write(whole)
            p.up()
            until(lambda: health(p).returncode == 0, "health is green again")
            self.assertEqual(p.processes()["ingestor-1"]["pid"], ingestor, "nobody else was stopped")


if __name__ == "__main__":
    unittest.main(verbosity=2)
