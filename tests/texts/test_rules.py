"""PROTOCOL.md and the code speak of the same rules: each rule cited exists, and each is cited where it is kept or tried.
A rule is an item of a list that begins with its number: `- **D3** …`; what refines it, `- **D3a** …`, may be cited as a part of it."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROTOCOL = "proto/PROTOCOL.md"
NUMBER = r"[WDSIFUA](?:[1-9][0-9]?)[a-z]?"
STATED = re.compile(rf"^ *- \*\*({NUMBER})\*\* ", re.MULTILINE)
CITED = re.compile(rf"\b({NUMBER})\b(?:(?:-| to )({NUMBER})\b)?")
TEST = re.compile(rf"\bdef test_({NUMBER})_", re.IGNORECASE)  # def test_f12_too_many_subscriptions
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
CODE, PROSE = (".c", ".h", ".proto"), (".py", ".md")
PARTS = ("common", "services", "tests", "proto", "compose", "catalog")


def words_of(name):
    """What may cite: the comments of code, all of the rest."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return "\n".join(COMMENT.findall(text)) if name.endswith(CODE) else text


def numbers_in(text):
    """`I17 to I19` cites three."""
    yield from (n[0].upper() + n[1:] for n in TEST.findall(text))
    for first, last in CITED.findall(text):
        yield first
        if last and first[0] == last[0] and last[1:].isdigit() and first[1:].isdigit():
            yield from (f"{first[0]}{n}" for n in range(int(first[1:]) + 1, int(last[1:]) + 1))


def main():
    names = [str(p.relative_to(ROOT)) for part in PARTS for p in (ROOT / part).rglob("*") if p.suffix in CODE + PROSE]
    names += [p.name for p in ROOT.glob("*.md")]
    stated = STATED.findall((ROOT / PROTOCOL).read_text(encoding="utf-8"))
    wrong = [f"{PROTOCOL}: {n} is stated twice" for n in sorted(set(stated)) if stated.count(n) > 1]
    cited = set()
    for name in names:
        numbers = set(numbers_in(words_of(name)))
        wrong += [f"{name}: cites {n}, which {PROTOCOL} does not have" for n in sorted(numbers - set(stated))]
        if name != PROTOCOL and not name.startswith("tests/texts/"):
            cited |= {n.rstrip("abcdefghijklmnopqrstuvwxyz") for n in numbers}
    wrong += [f"{PROTOCOL}: {n} is cited nowhere" for n in stated if n[-1].isdigit() and n not in cited]
    print("\n".join(wrong) or f"{len(stated)} rules")
    return 1 if wrong or not stated else 0


sys.exit(main())
