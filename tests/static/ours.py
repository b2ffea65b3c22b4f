"""The compile commands of our own sources, each file once: ours.py ROOT BUILD [FILE…]"""

import json
import os
import sys


def main(root, build, *only):
    wanted = {os.path.abspath(name) for name in only}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    ours = {}
    for command in commands:
        name = command["file"]
        if name.startswith(root + "/") and not name.startswith(root + "/build/") and (not wanted or name in wanted):
            ours.setdefault(name, command)
    if wanted - ours.keys():
        sys.exit("no source of ours: " + " ".join(sorted(wanted - ours.keys())))
    json.dump([ours[name] for name in sorted(ours)], sys.stdout, indent=1)


main(*sys.argv[1:])
