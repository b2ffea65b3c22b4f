"""What the client library shows is what common/client/abi.txt says, so that no program linked before breaks unseen.

    abi.py SOURCE_DIR BUILD_DIR              exit status 1, and what differs, when it does
    abi.py --write SOURCE_DIR BUILD_DIR      writes the list anew; not when something is gone and the soname is the same

The list has the soname, each exported name, and each declaration of the public headers and of the messages that they
hand out, without its comments: another argument, another field and another number of an enum are other lines."""
import os
import re
import subprocess
import sys

LIST = "common/client/abi.txt"
HEADERS = "common/client/include/parbus"
MESSAGES = ("proto/stage.pb-c.h", "proto/access.pb-c.h", "proto/door.pb-c.h", "proto/feed.pb-c.h")
LIBRARY = "common/client/libparbus-client.so"


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def soname(library):
    return re.search(r"\(SONAME\).*\[(.+)\]", output_of("readelf", "-dW", library))[1]


def exported(library):
    return {line.split()[-1] for line in output_of("nm", "-D", "--defined-only", library).splitlines()
            if line.split()[-1].startswith("parbus_")}


def plain(text):
    """Without comments, without what is for C++ only; a continued line is one."""
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S).replace("\\\n", " ")
    return re.sub(r"#ifdef __cplusplus.*?#endif", "", text, flags=re.S)


def statements(text):
    """Each declaration of a header, on one line."""
    at, depth = 0, 0
    text = "\n".join(line for line in plain(text).splitlines() if not re.match(r"\s*#|\s*PROTOBUF_C__\w+\s*$", line))
    for end, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if letter == ";" and depth == 0:
            yield re.sub(r"\s+", " ", text[at:end]).strip()
            at = end + 1


def macros(text):
    for name, body in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(PARBUS_\w+(?:\([^)]*\))?)[ \t]*(.*)$", plain(text), flags=re.M):
        yield re.sub(r"\s+", " ", f"#define {name} {body}").strip()


def read(path):
    with open(path, encoding="utf-8") as text:
        return text.read()


def declared(source, build):
    for name in sorted(os.listdir(os.path.join(source, HEADERS))):
        text = read(os.path.join(source, HEADERS, name))
        yield from statements(text)
        yield from macros(text)
    for name in MESSAGES:
        yield from (line for line in statements(read(os.path.join(build, name)))
                    if re.match(r"(struct|typedef enum) \w+ \{", line))


def face(source, build):
    """soname, and all else that is shown."""
    library = os.path.join(build, LIBRARY)
    return soname(library), {f"export {name}" for name in exported(library)} | {
        f"declare {line}" for line in declared(source, build)}


def listed(text):
    first, *rest = text.splitlines()
    return first.removeprefix("soname "), set(rest)


def told(now, then):
    """What is wrong, for a person; nothing: all is as the list says."""
    (name, shown), (name_then, shown_then) = now, then
    gone, new = sorted(shown_then - shown), sorted(shown - shown_then)
    lines = [f"  gone: {line}" for line in gone] + [f"  new: {line}" for line in new]
    if gone and name == name_then:
        return lines + [f"A program linked with {name} may break. Put back what is gone; or raise SOVERSION in "
                        f"common/client/CMakeLists.txt, build, and run abi.py --write."]
    if name != name_then:
        return lines + [f"The soname is {name}, {LIST} is that of {name_then}: run abi.py --write."]
    return lines and lines + [f"What is shown is promised: run abi.py --write and commit {LIST}; or hide it (no PARBUS_API)."]


def undeclared(shown):
    """Exported, and in no header that is installed; what protoc-c makes of a message has a rule of its own."""
    words = set(re.findall(r"\w+", " ".join(line for line in shown if line.startswith("declare "))))
    for name in sorted(line.removeprefix("export ") for line in shown if line.startswith("export parbus_")):
        if name not in words and not name.startswith("parbus__"):
            yield f"  {name} is exported, and no public header declares it"


def main():
    write = sys.argv[1] == "--write"
    source, build = (os.path.abspath(path) for path in sys.argv[-2:])
    now, path = face(source, build), os.path.join(source, LIST)
    then = listed(read(path)) if os.path.exists(path) else ("", set())
    faults = list(undeclared(now[1])) + told(now, then)
    if write and not (then[1] - now[1] and now[0] == then[0]):
        with open(path, "w", encoding="utf-8") as out:
            out.write("\n".join([f"soname {now[0]}", *sorted(now[1])]) + "\n")
        faults = []
    print("\n".join(faults) or "the client library shows what its list says")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
