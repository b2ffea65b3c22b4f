"""What ARCHITECTURE.md, CONTRIBUTING.md and README.md name in `backticks` is there:

    `a/path`             a file or directory of this tree; * and <name> stand for anything, {a,b} for either
    `path/file.c:name()` … which defines this function
    `name()`             a function that something of ours defines

and so are the files and headings that they link to. What begins with build/, var/ or run/ is made, not kept."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")
TOPS = sorted(p.name for p in ROOT.iterdir() if p.name not in ("build", "var", ".git"))
CODE = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"(?:\./)?([\w.+*<>{},-]+(?:/[\w.+*<>{},-]*)+|[A-Z]\w+\.\w+)(?::(\w+)\(\))?$")
FUNCTION = re.compile(r"(\w+)\(\)$")
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def sources():
    return [p for top in ("common", "services", "tests") for p in (ROOT / top).rglob("*.[ch]")]


def defines(text, function):
    """A line that begins with a type and ends without a semicolon: what a body follows."""
    return re.search(rf"^\w[\w \t*]*\b{function}\([^;{{]*\)\s*\{{", text, re.MULTILINE)


def found(path):
    """As a shell would find it."""
    either = re.search(r"\{([^}]*)\}", path)
    if either:
        return all(found(path.replace(either[0], one, 1)) for one in either[1].split(","))
    pattern = re.sub(r"<[^>]*>", "*", path.rstrip("/"))
    return any(True for _ in ROOT.glob(pattern))


def anchors(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def faults(name, code):
    text = (ROOT / name).read_text(encoding="utf-8")
    for word in CODE.findall(FENCE.sub("", text)):
        function, path = FUNCTION.fullmatch(word), PATH.fullmatch(word)
        if function and not any(defines(body, function[1]) for body in code.values()):
            yield f"{name}: nothing defines `{word}`"
        elif path and path[1].split("/")[0] in TOPS:
            if not found(path[1]):
                yield f"{name}: `{path[1]}` is not there"
            elif path[2] and not defines(code.get(path[1], ""), path[2]):
                yield f"{name}: `{path[1]}` does not define `{path[2]}()`"
    for file, anchor in LINK.findall(text):
        target = ROOT / (file or name)
        if not target.exists():
            yield f"{name}: links to {file}, which is not there"
        elif anchor and anchor not in anchors(target):
            yield f"{name}: {file or name} has no heading #{anchor}"


def rooms():
    """Each directory of code is named where the layers are."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    for top in ("common", "services"):
        for place in sorted(p for p in (ROOT / top).iterdir() if p.is_dir()):
            if f"`{top}/{place.name}/`" not in text:
                yield f"ARCHITECTURE.md: `{top}/{place.name}/` is not among the layers"


def main():
    code = {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in sources()}
    wrong = [fault for name in TEXTS for fault in faults(name, code)] + list(rooms())
    print("\n".join(wrong) or "all that is named is there")
    return 1 if wrong else 0


sys.exit(main())
