"""What PROTOCOL.md names in `backticks` is in the .proto files, among the settings, or a file:

    `Message`  `Message {field 1, field, …}`  `Message.field`  `field[]`  `REASON`  `setting_name`

A file is taken as test_names.py does it. What is the wire's or the operating system's own is in OTHERS."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = (ROOT / "proto/PROTOCOL.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"(\w+)(?: \{([^}]*)\})?$")
OTHERS = {"submit", "appraise", "ballots", "operate", "access",  # verbs
          "door", "work", "feed", "scores", "snapshot", "supervisor", "state", "scorer", "validator",  # sockets, names
          "detail", "official", "waiting", "starting", "running", "stopping", "held", "scale", "down"}


def messages():
    """Message -> its fields; and the values of enums without what comes before their first _."""
    fields, values = {}, set()
    for path in (ROOT / "proto").glob("*.proto"):
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        for kind, name, body in re.findall(r"\b(message|enum) (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}", text):
            if kind == "enum":
                values.update(re.findall(r"^\s*(\w+) = ", body, re.MULTILINE))
            else:
                fields[name] = set(re.findall(r"\b(\w+) = \d+", body))
    return fields, values


def settings():
    return set(re.findall(r"^ *X\((\w+),", (ROOT / "common/base/settings.h").read_text(encoding="utf-8"), re.MULTILINE))


FIELDS, VALUES = messages()
KNOWN = set().union(*FIELDS.values()) | settings() | OTHERS


def is_value(word):
    return any(value == word or value.endswith("_" + word) for value in VALUES)


def fields_of(inside):
    """`request=1`, `delta[42]`, `scorer "x"`, `applied=40`, `version 1`: the name is what begins it."""
    return [found[0] for part in inside.split(",") if (found := re.match(r" *[a-z]\w*", part))]


def wrong(word):
    """What of it is not there; None: nothing."""
    call, member = CALL.fullmatch(word), re.fullmatch(r"(\w+)((?:\.|\[\]\.)\w+)", word)
    if re.fullmatch(r"[A-Z][A-Z_0-9]+", word):
        return None if is_value(word) else word
    if member and member[1] in FIELDS:
        return None if member[2].strip(".[]") in FIELDS[member[1]] else word
    if call and call[1][0].isupper():
        if call[1] not in FIELDS:
            return word
        return next((f"{call[1]}.{name}" for name in map(str.strip, fields_of(call[2] or ""))
                     if name not in FIELDS[call[1]]), None)
    if re.fullmatch(r"[a-z][a-z0-9_]*(\[[^\]]*\])?", word):
        return None if word.split("[")[0] in KNOWN else word
    return None


def pictures():
    """The exchanges: `Message {…}` in them."""
    for picture in FENCE.findall(TEXT):
        yield from (found[0] for found in re.finditer(r"\b[A-Z][a-z]\w+ \{[^}]*\}", picture))


def main():
    words = CODE.findall(FENCE.sub("", TEXT)) + list(pictures())
    faults = sorted({f"proto/PROTOCOL.md: nothing is called `{fault}`" for fault in map(wrong, words) if fault})
    print("\n".join(faults) or f"all {len(words)} names of PROTOCOL.md are there")
    return 1 if faults or len(words) < 300 else 0


if __name__ == "__main__":
    sys.exit(main())
