"""`parbus access`: who may do what, changed while everything runs, and read whether or not anything runs."""

import csv
import io
import json
import unittest

from pipeline import Pipeline, until


class Access(unittest.TestCase):
    def say(self, p, *words, code=0):
        done = p.run("access", *words, check=False)
        self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
        return done.stdout, done.stderr

    def rows(self, p, *words):
        return list(csv.DictReader(io.StringIO(self.say(p, *words, "--format", "csv")[0])))

    def test_what_is_granted_holds_until_it_is_revoked(self):
        with Pipeline() as p:
            self.say(p, "identity", "add", "h05", "--note", "=1+1 Hải Phòng")
            _, said = self.say(p, "grant", "h05", "submit", "qd766/*:H05", "--stage", "self", "--until", "2127-01-01")
            number = int(said.split("(grant ")[1].split(")")[0])
            self.assertEqual(said, f"h05 may submit qd766:H05, stage self, until 2127-01-01T00:00:00Z (grant {number})\n")
            out, _ = self.say(p, "check", "h05", "submit", "qd766/2025:H05")
            self.assertTrue(out.startswith(f"allowed by grant {number}: h05 may submit qd766:H05"), out)
            out, _ = self.say(p, "check", "h05", "submit", "qd766/2025:H06", code=1)
            self.assertTrue(out.startswith("not allowed: "), out)
            self.say(p, "check", "h05", "operate", code=1)
            self.say(p, "revoke", str(number))
            self.say(p, "check", "h05", "submit", "qd766/2025:H05", code=1)
            _, said = self.say(p, "revoke", str(number), code=1)
            self.assertEqual(said, f"parbus access: there is no grant {number}\n")
            self.assertEqual([row["kind"] for row in self.rows(p, "list")], ["identity"], "what is over is not listed")
            self.assertEqual(self.rows(p, "list")[0]["what"], "'=1+1 Hải Phòng", "no cell is a formula")
            log = self.rows(p, "log")
            self.assertEqual([row["what"].split()[0] for row in log], ["identity", "h05", "grant"])
            self.assertEqual({(row["by"], row["from"]) for row in log}, {("the owner", "owner")})

    def test_a_role_gives_what_it_has_to_its_members_and_everything_is_read_without_anybody_running(self):
        with Pipeline() as p:
            self.say(p, "identity", "add", "moha")
            self.say(p, "role", "add", "ministries", "moha")
            self.say(p, "user", "add", "moha", "root")
            self.say(p, "grant", "--role", "ministries", "appraise", "qd766")
            _, said = self.say(p, "user", "add", "moha", "0", code=1)
            self.assertEqual(said, "parbus access: user 0 is moha already\n")
            p.run("down")
            out, _ = self.say(p, "check", "moha", "appraise", "qd766/2025:H05", "--stage", "appraised_2")
            self.assertIn("role ministries may appraise qd766", out)
            self.say(p, "check", "moha", "submit", "qd766/2025:H05", code=1)
            rows = json.loads(self.say(p, "list", "--format", "json")[0])
            self.assertEqual([row["kind"] for row in rows], ["identity", "user", "member", "role grant"])
            self.assertEqual([row["kind"] for row in self.rows(p, "list", "moha")], ["identity", "user", "member"])

    def test_a_scope_under_a_criterion_is_checked_against_the_tree(self):
        with Pipeline() as p:
            self.say(p, "identity", "add", "moha")
            self.say(p, "grant", "moha", "appraise", "qd766@CKMB")
            self.say(p, "check", "moha", "appraise", "qd766/2025:H05@CKMB")
            self.say(p, "check", "moha", "appraise", "qd766/2025:H05@TDGQ", code=1)
            _, said = self.say(p, "check", "moha", "appraise", "qd766/2025:H05@CKMC", code=1)
            self.assertEqual(said, "parbus access: index qd766 has no criterion CKMC\n")
            self.say(p, "grant", "moha", "appraise", "qd766@total")
            self.say(p, "check", "moha", "appraise", "qd766/2025:H05@TDGQ")

    def test_the_place_of_a_feeder_that_comes_no_more_is_for_another_one(self):
        def push(name, value):
            rows = f"index,period,unit,indicator,value,observed_at\nqd766,2025,H26,CKMB,{value},2025-12-01\n"
            return p.run("push", "-", "--as", name, "--timeout", "5", stdin=rows.encode(), check=False)

        def feeders():
            out = p.run("feeders", "list", "--format", "csv").stdout
            return {row["feeder"]: (row["number"], row["name_is"]) for row in csv.DictReader(io.StringIO(out))}

        with Pipeline(settings=["feeders_max=1"]) as p:
            self.assertEqual(push("first", 1).returncode, 0)
            self.assertEqual(push("second", 2).returncode, 1)
            self.assertIn("parbus feeders remove NAME", p.run("health", check=False).stderr)
            done = p.run("feeders", "remove", "nobody", check=False)
            self.assertEqual((done.returncode, done.stderr),
                             (1, 'parbus feeders: the journal has no feeder "nobody" (parbus feeders list)\n'))
            self.assertEqual(p.run("feeders", "remove", "first").stderr,
                             "feeder first is removed: its place is free, what it has sent stays\n")
            self.assertEqual(push("second", 2).returncode, 0)
            self.assertEqual(feeders(), {"first": ("1", "removed"), "second": ("2", "free")})
            self.assertEqual(push("first", 3).returncode, 1, "now the other one has the place")

    def test_what_cannot_be_meant_is_said_before_anybody_is_asked(self):
        with Pipeline() as p:
            for words, why in ((("grant", "h05", "rule"), "'rule' is none of submit, appraise"),
                               (("grant", "h05", "submit", "qd766", "--stage", "third"), "'third' is none of self"),
                               (("grant", "h05", "submit", "--until", "tomorrow"), "--until wants a date"),
                               (("grant", "h05"), "grant wants a name"), (("revoke", "x"), "revoke wants the number"),
                               (("list", "--role", "x"), "list does not take"), (("identity", "add"), "too few words"),
                               (("log", "--format", "xml"), "there is no format 'xml'"),
                               (("log", "--since", "today"), "--since wants a date"), ((), "what is to be done?"),
                               (("nothing",), "there is no 'nothing'")):
                _, said = self.say(p, *words, code=2)
                self.assertIn(why, said)
            self.assertEqual(self.rows(p, "log"), [])


if __name__ == "__main__":
    unittest.main()
