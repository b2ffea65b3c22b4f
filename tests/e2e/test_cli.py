"""The command line: what is said where, exit statuses, and the shapes that programs rely on."""

import csv
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from pipeline import BIN, CATALOG, DATA, Pipeline, rows_of

COMMANDS = ["up", "down", "status", "health", "doctor", "scale", "push", "feeder", "rank", "watch", "explain", "rejects", "replay",
            "verify", "backup", "restore", "load", "catalog", "access", "keys", "join", "feeders"]
SHEET = DATA / "qd766-2025-20251011T130135Z.csv"
LATER = DATA / "qd766-2025-20251015T014624Z.csv"


def parbus(*arguments, environment=(), **options):
    done = subprocess.run([BIN / "parbus", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, env={**os.environ, **dict(environment)}, **options)
    return done.returncode, done.stdout, done.stderr


def temporary(test):
    path = pathlib.Path(tempfile.mkdtemp(prefix="parbus."))
    test.addCleanup(shutil.rmtree, path, ignore_errors=True)
    return path


class Usage(unittest.TestCase):
    def test_every_command_is_known_here(self):
        names = re.findall(r"^  ([a-z]+) ", parbus("--help")[1], re.M)
        self.assertEqual(names, COMMANDS)

    def test_help_names_every_option(self):
        for name in COMMANDS:
            code, out, err = parbus(name, "--help")
            self.assertEqual((code, err), (0, ""))
            usage = next(line for line in out.splitlines() if line.startswith("usage: "))
            body = out.split(usage, 1)[1]
            for option in re.findall(r"--[a-z-]+", usage):
                self.assertIn(option, body, f"{name} says nothing about {option}")
            self.assertIn("--dir DIR", body)
            self.assertEqual(parbus("help", name)[:2], (0, out))
        self.assertEqual(parbus("--help"), parbus("help"))
        self.assertEqual(parbus("--help"), parbus("-h"))

    def test_wrong_usage_is_told_with_a_hint(self):
        lines = [[]] + [[name, "--nonsense"] for name in COMMANDS] + [
            ["--nonsense"], ["statsu"], ["help", "statsu"], ["rank"], ["rank", "qd766"], ["rank", "a", "b", "c"],
            ["rank", "a", "b", "--format", "xml"], ["rank", "a", "b", "--top", "0"], ["rank", "a", "b", "--top", "many"],
            ["rank", "a", "b", "--format"], ["watch", "a"], ["watch", "a", "b", "--count", "x"], ["explain", "a", "b"],
            ["explain", "a", "b", "c", "--format", "csv"], ["rejects", "x"], ["rejects", "--limit", "-1"], ["replay", "x"],
            ["push"], ["push", "x", "--as", "../x"], ["push", "x", "--as", ""], ["push", "x", "--batch", "0"],
            ["push", "x", "--timeout", "soon"], ["push", "x", "--stage", "final"], ["push", "x", "--format", "csv"],
            ["load", "x"], ["load", "--rate", "x"], ["load", "--duration", "0"], ["load", "--duration", "1", "--submissions",
            "1"], ["load", "--feeders", "2", "--units", "1"], ["catalog"], ["catalog", "check", "a", "b"],
            ["health", "a", "b"], ["push", "x", "--door", "host"], ["backup"], ["backup", "a", "b"], ["restore"],
            ["restore", "a", "b"], ["push", "x", "--door", "tcp://h:1", "--strict"],
            ["watch", "a", "b", "--feed", "tcp://h:1"], ["watch", "a", "b", "--feed", "h", "--snapshots", "h"],
            ["scale", "publisher=2"], ["scale", "scorer"], ["up", "--validators", "-1"], ["up", "--set", "x"]]
        for line in lines:
            code, out, err = parbus(*line)
            self.assertEqual((code, out), (2, ""), line)
            self.assertIn("parbus", err, line)
            if line:
                self.assertIn("--help", err, line)

    def test_what_an_option_wants_is_said(self):
        for line, words in ((["push", "x", "--stage", "final"], "--stage wants self, appraised_1, appraised_2 or survey, not "
                                                                "'final'"),
                            (["push", "x", "--as", "a b"], "--as wants a name of"),
                            (["push", "x", "--batch", "0"], "--batch wants a number from 1 to 16384, not '0'"),
                            (["load", "--duration", "0"], "--duration wants seconds from 1 to 86400, not '0'"),
                            (["rank", "a", "b", "--format", "xml"], "there is no format 'xml'"),
                            (["rank", "--nonsense"], "unknown option --nonsense"),
                            (["-x"], "unknown option -x"), (["ranks"], "did you mean 'rank'?")):
            self.assertIn(words, parbus(*line)[2], line)
        self.assertNotIn("did you mean", parbus("xy")[2])


class NothingThere(unittest.TestCase):
    READERS = (["rank", "qd766", "2025"], ["watch", "qd766", "2025"], ["explain", "qd766", "2025", "H26"], ["rejects"],
               ["replay"])
    OTHERS = (["status"], ["status", "--json"], ["scale", "scorer=2"], ["push", SHEET], ["load", "--duration", "1"])

    def test_in_an_empty_directory_and_in_none(self):
        folder = temporary(self)
        for directory in (folder, folder / "nowhere"):
            for line in self.READERS + self.OTHERS:
                code, out, err = parbus(*line, "--dir", directory)
                self.assertEqual((code, out, len(err.splitlines())), (1, "", 1), f"{line}: {err}")
                self.assertRegex(err, f"^parbus {line[0]}: ")
                self.assertIn(str(directory), err)
                if line in self.READERS:
                    self.assertIn("there is no journal in", err)
            self.assertEqual(parbus("down", "--dir", directory), (0, f"nothing runs in {directory}\n", ""))
        self.assertEqual(list(folder.iterdir()), [], "nothing was left behind")

    def test_in_a_file(self):
        file = temporary(self) / "file"
        file.write_text("x")
        for line in self.READERS + self.OTHERS + (["up", "--catalog", CATALOG, "--detach"],):
            code, out, err = parbus(*line, "--dir", file)
            self.assertEqual((code, out), (1, ""), line)
            self.assertIn(str(file), err)
        self.assertEqual(file.read_text(), "x")

    def test_a_path_too_long_for_sockets(self):
        long = temporary(self) / ("x" * 120)
        long.mkdir()
        code, out, err = parbus("up", "--catalog", CATALOG, "--detach", "--dir", long)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("bytes long, at most 107 are possible", err)

    def test_after_up_and_before_the_first_value(self):
        with Pipeline() as p:
            rows = p.rank("qd766", "2025")
            self.assertEqual((len(rows), {r["rank"] for r in rows}, {r["score"] for r in rows}), (34, {""}, {""}))
            self.assertEqual(json.loads(p.run("rank", "qd766", "2025", "--format", "json").stdout)["ranked"], 0)
            self.assertIn("nothing was handed in", p.run("explain", "qd766", "2025", "H26").stdout)
            self.assertEqual(json.loads(p.run("rejects", "--format", "json").stdout), [])
            self.assertIn("identical", p.run("replay").stdout)


class Catalog(unittest.TestCase):
    def copy(self):
        folder = temporary(self) / "catalog"
        shutil.copytree(CATALOG, folder)
        return folder

    def spoil(self, folder):
        """Two faults in two files; returns where."""
        lines = (folder / "qd766.yaml").read_text(encoding="utf-8").splitlines()
        at = next(i for i, line in enumerate(lines) if "code: CKMB" in line)
        lines[at] = lines[at].replace("max: 18", "max: 19")
        rule = next(i for i, line in enumerate(lines) if "code: TDGQ" in line)
        lines[rule] = lines[rule].replace("rule: points", "rule: guess")
        (folder / "qd766.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (folder / "broken.yaml").write_text("index: broken\nversion: [\n")
        return rf"qd766\.yaml:{rule + 1}: ", r"broken\.yaml:\d+: "

    def test_check(self):
        folder = self.copy()
        code, out, err = parbus("catalog", "check", folder)
        self.assertEqual((code, err), (0, ""))
        self.assertIn("no fault", out)
        for place in self.spoil(folder):
            code, out, err = parbus("catalog", "check", folder)
            self.assertEqual((code, out), (1, ""))
            self.assertRegex(err, place)
        self.assertRegex(err, r"\d faults\n$")
        for nothing in (folder / "nowhere", folder / "data", folder / "qd766.yaml"):
            code, out, err = parbus("catalog", "check", nothing)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(str(nothing), err)

    def test_list(self):
        code, out, err = parbus("catalog", "list", CATALOG)
        self.assertEqual((code, err), (0, ""))
        listed = {line.split()[0] for line in out.splitlines()[1:]}
        self.assertEqual(listed, {p.stem if not p.stem.startswith("papi-") else "papi" for p in CATALOG.glob("*.yaml")})

    def test_up_with_a_faulty_catalog_names_each_fault_and_leaves_nothing_running(self):
        folder = self.copy()
        places = self.spoil(folder)
        directory = temporary(self)
        for detach in (["--detach"], []):
            code, out, err = parbus("up", "--catalog", folder, "--dir", directory, *detach)
            self.assertEqual((code, out), (1, ""))
            for place in places:
                self.assertRegex(err, place)
            self.assertEqual(parbus("status", "--dir", directory)[0], 1)
            self.assertEqual(parbus("down", "--dir", directory)[1], f"nothing runs in {directory}\n")
        code, out, err = parbus("up", "--catalog", folder / "nowhere", "--dir", directory)
        self.assertEqual((code, out), (1, ""))
        self.assertIn("nowhere", err)


class Up(unittest.TestCase):
    def test_a_start_that_fails_tells_this_start_alone(self):
        with Pipeline() as p:
            p.run("down")
            done = p.run("up", *p.arguments, "--detach", "--door", "tcp://nowhere", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("ingestor-1 does not start", done.stderr)
            self.assertIn("tcp://nowhere", done.stderr)
            self.assertNotIn("ingestor.ready", done.stderr, "that was an earlier start")

    def test_a_start_that_fails_tells_what_has_no_time(self):
        """What a dynamic linker says, for example, and a shell."""
        programs = temporary(self)
        for program in BIN.glob("parbus*"):
            shutil.copy2(program, programs)
        with Pipeline(programs=programs) as p:
            p.run("down")
            pathlib.Path(programs, "parbus-scorer").write_text("#!/bin/sh\necho a library is missing >&2\nexit 1\n")
            done = p.run("up", *p.arguments, "--detach", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("    a library is missing\n", done.stderr)
            self.assertNotIn("scorer.started", done.stderr, "that was an earlier start")

    def test_a_start_over_a_state_that_is_cut_off_says_so(self):
        with Pipeline() as p:
            p.push(DATA / "qd766-2025-20251011T130135Z.csv")
            p.run("down")
            os.truncate(pathlib.Path(p.dir, "state", "data.mdb"), 20000)
            done = p.run("up", *p.arguments, "--detach", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, "cut off.*a state is moved aside")
            shutil.rmtree(pathlib.Path(p.dir, "state"))
            p.up()
            p.settled()
            self.assertIn("identical", p.run("replay").stdout)

    def test_settings_of_the_directory_are_checked(self):
        with Pipeline() as p:
            p.run("down")
            conf = pathlib.Path(p.dir, "parbus.conf")
            conf.write_text("# words\nnonsense=1\n")
            for line in (["up", *p.arguments, "--detach"], ["rank", "qd766", "2025"], ["replay"]):
                done = p.run(*line, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""), line)
                self.assertIn(f"{conf}:2: no setting is called", done.stderr)
            conf.unlink()
            p.up()

    def test_files_of_junk_are_named_and_a_lost_state_comes_back(self):
        with Pipeline() as p:
            p.push(SHEET)
            before = p.rank_text("qd766", "2025")
            p.run("down")
            state = pathlib.Path(p.dir, "state")
            (state / "data.mdb").write_bytes(os.urandom(20_000))
            for line in (["up", *p.arguments, "--detach"], ["rank", "qd766", "2025"], ["explain", "qd766", "2025", "H26"],
                         ["rejects"], ["replay"]):
                done = p.run(*line, check=False)
                self.assertEqual((done.returncode, done.stdout), (1, ""), line)
                self.assertIn(str(state), done.stderr)
            shutil.rmtree(state)
            p.up()
            p.settled()
            self.assertEqual(p.rank_text("qd766", "2025"), before)


class WithData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.p = Pipeline()
        cls.p.__enter__()
        cls.addClassCleanup(cls.p.__exit__, None, None, None)
        cls.p.push(SHEET)

    def test_status_has_its_shape(self):
        status = self.p.status()
        self.assertLessEqual({"processes", "partitions", "lag", "counters"}, set(status))
        self.assertEqual(sorted(x["instance"] for x in status["processes"]), ["ingestor-1", "publisher-1", "scorer-1",
                                                                             "validator-1"])
        for process in status["processes"]:
            self.assertEqual(process["instance"].split("-")[0], process["service"])
            self.assertIsInstance(process["pid"], int)
            self.assertEqual(process["state"], "running")
        self.assertEqual(len(status["partitions"]), 64)
        self.assertEqual(status["lag"], 0)
        self.assertTrue(all(isinstance(v, int) for v in status["counters"].values()))
        self.assertGreaterEqual(status["counters"]["observations_journalled"], len(rows_of(SHEET)))
        table = self.p.run("status").stdout
        for word in ("everything runs", "ingestor-1", "64 partitions", "observations_journalled"):
            self.assertIn(word, table)

    def test_rank_as_csv(self):
        text = self.p.rank_text("qd766", "2025")
        self.assertTrue(text.startswith("rank,unit,name,score,complete,CKMB,TDGQ,CLGQ,TTTT,MDHL,MDSH\n"))
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), 34)
        ranks = [int(r["rank"]) for r in rows if r["rank"]]
        self.assertEqual(ranks, sorted(ranks))
        for row in rows:
            self.assertEqual(row["complete"], "1" if row["rank"] else "0")
        scores = [float(r["score"]) for r in rows if r["rank"]]
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(len(self.p.run("rank", "qd766", "2025", "--format", "csv", "--top", "3").stdout.splitlines()), 4)

    def test_units_without_a_rank_come_last(self):
        # Of dti, only five provinces have values for the pillars; one of them gets no more than one here.
        self.p.push_text("index,period,unit,indicator,value\n" + "".join(
            f"dti,2022,{r['unit']},{r['indicator']},{r['value']}\n" for r in rows_of(DATA / "dti-2022.csv"))
            + "dti,2022,Cao Bằng,the_che,1\n")
        rows = self.p.rank("dti", "2022")
        ranked = [bool(r["rank"]) for r in rows]
        self.assertIn(True, ranked)
        self.assertIn(False, ranked)
        self.assertEqual(ranked, sorted(ranked, reverse=True))
        self.assertTrue(all(r["complete"] == "0" for r in rows if not r["rank"]))

    def test_rank_as_json_says_what_csv_says(self):
        sheet = json.loads(self.p.run("rank", "qd766", "2025", "--format", "json").stdout, parse_float=str)
        self.assertEqual((sheet["index"], sheet["period"], sheet["status"], sheet["units"]), ("qd766", "2025", "official", 34))
        for of_json, of_csv in zip(sheet["rows"], self.p.rank("qd766", "2025"), strict=True):
            self.assertEqual(str(of_json["rank"] or ""), of_csv["rank"])
            self.assertEqual((of_json["unit"], of_json["name"], str(of_json["score"])),
                             (of_csv["unit"], of_csv["name"], of_csv["score"]))
            self.assertEqual(of_json["components"]["MDSH"], of_csv["MDSH"])

    def test_rank_as_a_table(self):
        table = self.p.run("rank", "qd766", "2025").stdout
        self.assertIn("34 units", table)
        self.assertNotIn("not official", table)
        self.assertIn("not official", self.p.run("rank", "par-province", "2024").stdout)

    def test_unknown_names_are_answered_with_the_nearest(self):
        for line, words in ((["rank", "qd76", "2025"], "qd766"), (["rank", "qd766", "2026"], "2025"),
                            (["watch", "qd76", "2025"], "qd766"), (["explain", "qd76", "2025", "H26"], "qd766"),
                            (["explain", "qd766", "2026", "H26"], "2025"), (["explain", "qd766", "2025", "Hano"], "Hà Nội"),
                            (["explain", "qd766", "2025", "zzzzzzzzzz"], "zzzzzzzzzz"),
                            (["rejects", "--feeder", "nobody-here"], "nobody-here")):
            done = self.p.run(*line, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""), line)
            self.assertIn(words, done.stderr)
            self.assertNotRegex(done.stderr, r"nearest: *\n")

    def test_output_that_cannot_be_written(self):
        for line in (["rank", "qd766", "2025"], ["explain", "qd766", "2025", "H26"], ["status", "--json"], ["rejects"]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([BIN / "parbus", *line, "--dir", self.p.dir], stdout=full, stderr=subprocess.PIPE,
                                      text=True, timeout=60)
            self.assertEqual(done.returncode, 1, line)
            self.assertIn("could not be written", done.stderr)

    def test_parbus_dir(self):
        here = {"PARBUS_DIR": self.p.dir}
        self.assertEqual(parbus("rank", "qd766", "2025", "--format", "csv", environment=here),
                         (0, self.p.rank_text("qd766", "2025"), ""))
        elsewhere = temporary(self)
        self.assertEqual(parbus("status", "--dir", elsewhere, environment=here)[0], 1, "--dir wins")
        code, out, err = parbus("status", environment={"PARBUS_DIR": ""}, cwd=elsewhere)
        self.assertEqual((code, out), (1, ""))
        self.assertIn(f"{elsewhere}/var", err)
        link = elsewhere / "link"
        link.symlink_to(self.p.dir)
        self.assertEqual(parbus("status", "--dir", "link", cwd=elsewhere)[0], 0)

    def test_watch(self):
        for form, check in (("csv", lambda t: self.assertEqual(t, self.p.rank_text("qd766", "2025"))),
                            ("json", lambda t: self.assertEqual(len(json.loads(t)["rows"]), 34)),
                            ("table", lambda t: self.assertIn("34 units", t))):
            check(self.p.run("watch", "qd766", "2025", "--once", "--format", form).stdout)


class Repetition(unittest.TestCase):
    def test_the_same_file_again_changes_nothing(self):
        with Pipeline() as p:
            first = p.push(SHEET)
            before, explained = p.rank_text("qd766", "2025"), p.run("explain", "qd766", "2025", "H05").stdout
            again = p.push(SHEET)
            self.assertEqual((again.stdout, again.stderr), (first.stdout, ""))
            self.assertEqual(p.rank_text("qd766", "2025"), before)
            self.assertIn("at ", explained)
            p.push(SHEET, "--as", "somebody-else")
            self.assertEqual(p.rank_text("qd766", "2025"), before)

    def test_a_restatement_wins_and_an_older_sheet_does_not_come_back(self):
        with Pipeline() as p, Pipeline() as q:
            p.push(SHEET)
            first = p.rank_text("qd766", "2025")
            p.push(LATER)
            self.assertNotEqual(p.rank_text("qd766", "2025"), first)
            q.push(LATER, SHEET)
            self.assertEqual(q.rank_text("qd766", "2025"), p.rank_text("qd766", "2025"))

    def test_readers_work_while_nothing_runs(self):
        with Pipeline() as p:
            p.push(SHEET)
            p.push_text("index,period,unit,indicator,value\nqd766,2025,H14,CKMB,99\n", check=False)
            lines = (["rank", "qd766", "2025"], ["rank", "qd766", "2025", "--format", "json"],
                     ["explain", "qd766", "2025", "H05"], ["rejects", "--format", "csv"])
            running = [p.run(*line).stdout for line in lines]
            p.run("down")
            self.assertEqual([p.run(*line).stdout for line in lines], running)
            replay = p.run("replay")
            self.assertIn("identical", replay.stdout)
            done = p.run("push", SHEET, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn(f"the pipeline in {p.dir} does not answer", done.stderr)
            self.assertIn("Nothing was taken", done.stderr)
            self.assertEqual(p.run("watch", "qd766", "2025", "--once", check=False).returncode, 1)
            self.assertFalse(list(pathlib.Path(p.dir).glob("replay-*")), "replay leaves nothing behind")

    def test_replay_into(self):
        with Pipeline() as p:
            p.push(SHEET)
            into = temporary(self)
            self.assertIn("identical", p.run("replay", "--into", into).stdout)
            self.assertTrue((into / "state").is_dir())
            again = p.run("replay", "--into", into, check=False)
            self.assertEqual((again.returncode, again.stdout), (1, ""))
            self.assertIn("has a state already", again.stderr)

    def test_scale_to_three_and_back_under_a_watch(self):
        with Pipeline() as p:
            for scorers in 3, 1:
                out = p.run("scale", f"scorer={scorers}").stdout
                self.assertEqual(len(re.findall(r"^scorer-\d+ .* running", out, re.M)), scorers)
                p.push(SHEET if scorers == 3 else LATER)
                owners = {x["scorer"] for x in p.status()["partitions"]}
                self.assertEqual(owners, {f"scorer-{i}" for i in range(1, scorers + 1)})
            with Pipeline() as q:
                q.push(SHEET, LATER)
                self.assertEqual(p.rank_text("qd766", "2025"), q.rank_text("qd766", "2025"))


class Load(unittest.TestCase):
    def test_a_second_of_load(self):
        with Pipeline() as p:
            out = p.run("load", "--duration", "1", "--rate", "2000").stdout
            for words in ("with a receipt", "scored", "shown", "push to feed, ms:", "p50 ", "p99 ", "/s"):
                self.assertIn(words, out)
            result = json.loads(p.run("load", "--submissions", "500", "--format", "json").stdout)
            self.assertEqual((result["submissions"], result["receipts"], result["scored"]), (500, 500, 500))
            self.assertEqual((result["refused"], result["rejected_rows"]), (0, 0))
            self.assertLessEqual({"p50", "p90", "p99", "max", "count"}, set(result["push_to_feed_ms"]))
            self.assertGreater(result["receipts_per_second"], 0)
            p.push(SHEET, "--as", "portal")
            done = p.run("load", "--duration", "1", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("holds values of feeder portal", done.stderr)
            self.assertIn("--yes", done.stderr)
            p.run("load", "--submissions", "10", "--yes")
            done = p.run("load", "--submissions", "10", "--yes", "--index", "nonsense", check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertIn("nonsense", done.stderr)
            self.assertIn("identical", p.run("replay").stdout)


if __name__ == "__main__":
    unittest.main()
