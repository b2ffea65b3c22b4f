"""Who may stand on whom: the table below is the only place that says so, and this is the test that holds everybody to it.

    layers.py SOURCE_DIR BUILD_DIR      exit status 1, and a line for each thing that is not as it should be

 1. A module includes only what its line in MODULES names.
 2. What is in PURE (the cores of the services, and what they are made of) neither includes ZeroMQ, LMDB, a clock, a log,
    randomness, threads, descriptors or files, however far away, nor links them, nor writes to stderr, sleeps or asks who
    and where it is: every call is followed through the objects, as the linker would.
 3. No two files define the same name for the linker, in whichever programs they are.
 4. MODULES allows nothing that nobody uses.
 5. No circle between modules, between headers, or between files of which one calls the other (a.h and a.c are one).

Includes are read from the text and resolved as the compiler does it; calls are what the symbol tables of the objects in
BUILD_DIR say. Nothing is guessed."""
import collections
import json
import os
import re
import subprocess
import sys

# Module: where it lies (the longest prefix wins), and what it may include. From the bottom up.
MODULES = {
    "proto": (["proto/"], []),
    "base": (["common/base/"], []),
    "clock": (["common/base/clock"], ["base"]),
    "log": (["common/base/log"], ["base", "clock"]),
    "random": (["common/base/random"], ["base"]),
    "wire": (["common/wire/"], ["base", "proto"]),
    "record": (["common/journal/record", "common/journal/group"], ["base"]),
    "ranking": (["common/ranking/"], ["base"]),
    "audit": (["common/audit/"], ["base", "wire"]),
    "auth": (["common/auth/"], ["base", "proto"]),
    "catalog": (["common/catalog/"], ["auth", "base", "proto"]),
    "scoring": (["common/scoring/"], ["base", "catalog"]),
    "standings": (["common/standings/"], ["catalog", "ranking"]),
    "validate": (["common/validate/"], ["base", "catalog", "proto", "record", "scoring", "wire"]),
    "worker": (["common/worker/"], ["base", "catalog", "proto", "wire"]),
    "store": (["common/store/"], ["base", "clock", "log"]),
    "journal": (["common/journal/"], ["base", "clock", "random", "record", "state", "store"]),
    "state": (["common/state/"], ["base", "store"]),
    "link": (["common/link/"], ["base", "random", "wire"]),
    "context": (["common/context/"], ["base", "store"]),
    "reactor": (["common/reactor/"], ["base", "clock", "link", "wire"]),
    "read": (["common/standings/read"], ["journal", "standings", "state"]),
    "gate": (["common/gate/"], ["audit", "auth", "base", "clock", "context", "reactor"]),
    "csv": (["common/csv/"], ["base", "proto", "wire"]),
    "service": (["common/service/"], ["audit", "base", "clock", "gate", "link", "log", "random", "reactor", "store", "worker"]),
    "client": (["common/client/"], ["base", "catalog", "clock", "link", "proto", "random", "ranking", "reactor",
                                    "store", "wire"]),
    # No service knows what journal and state are kept in.
    "ingestor": (["services/ingestor/"], ["audit", "auth", "base", "catalog", "clock", "context", "gate", "journal", "log", "proto", "reactor", "record",
                                          "service", "state", "wire"]),
    # Workers know the journal from the ingestor alone (I20).
    "validator": (["services/validator/"], ["base", "clock", "log", "proto", "reactor", "record", "service", "validate",
                                            "wire", "worker"]),
    "scorer": (["services/scorer/"], ["base", "catalog", "clock", "log", "record", "scoring", "service", "state",
                                      "validate", "wire", "worker"]),
    "publisher": (["services/publisher/"], ["auth", "base", "catalog", "clock", "link", "log", "proto", "random", "service",
                                            "standings", "state", "wire", "worker"]),
    # Runs the cores of validator and scorer over a journal (replay); nobody else includes another service.
    "tool": (["services/parbus/"], ["auth", "base", "catalog", "client", "clock", "context", "csv", "gate", "journal", "link", "log", "proto", "random",
                                    "reactor", "read", "record", "scorer", "scoring", "service", "state", "store",
                                    "validate", "validator", "wire"]),
}

# CMake targets whose objects are free of the outside world, besides all that are called *_core.
PURE = {"audit", "auth", "catalog", "ranking", "record", "scoring", "standings", "validate", "wire", "worker"}
IMPURE_MODULES = {"client", "clock", "context", "gate", "journal", "link", "log", "random", "reactor", "read", "service", "state", "store"}
IMPURE_HEADERS = {"dirent.h", "fcntl.h", "ftw.h", "lmdb.h", "netdb.h", "poll.h", "pthread.h", "sched.h", "semaphore.h",
                  "sodium.h", "spawn.h", "sys/epoll.h", "sys/eventfd.h", "sys/file.h", "sys/inotify.h", "sys/ioctl.h",
                  "sys/mman.h", "sys/prctl.h", "sys/random.h", "sys/resource.h", "sys/select.h", "sys/sendfile.h",
                  "sys/signalfd.h", "sys/socket.h", "sys/stat.h", "sys/statvfs.h", "sys/time.h", "sys/timerfd.h", "sys/uio.h",
                  "sys/wait.h", "syslog.h", "termios.h", "threads.h", "time.h", "unistd.h", "zmq.h"}
IMPURE_SYMBOLS = re.compile(r"(zmq|mdb|randombytes|random|log|clock|timer|timerfd|sched|thrd|mtx|cnd|sem|epoll|inotify|posix_spawn)_\w+|"
                            r"pthread_(?!once)\w+|arc4random\w*|exec[vlpe]+|v?[fd]?printf|v?asprintf|v?f?scanf")
# What of libc is more than calculation and memory. stdio.h and signal.h are not among the headers, for snprintf and the
# numbers of signals: what else they have is here.
IMPURE_WORDS = set("""
    clock getitimer gettimeofday setitimer settimeofday time times timespec_get
    alarm epoll_wait eventfd nanosleep pause poll ppoll pselect select signalfd sleep ualarm usleep
    drand48 erand48 getentropy getrandom jrand48 lrand48 mrand48 nrand48 rand rand_r random srand srandom
    environ getcwd getegid getenv geteuid getgid gethostname getlogin getpgid getpid getppid getrlimit getrusage getsid gettid
    getuid isatty putenv secure_getenv setenv sysconf uname
    fclose fdopen fflush fgetc fgets fmemopen fopen fputc fputs fread freopen fseek fseeko ftell fwrite getc getchar getdelim
    getline open_memstream pclose perror popen psignal putc putchar puts rewind setbuf setvbuf stderr stdin stdout syslog
    tmpfile ungetc vsyslog
    access chdir chmod chown close closedir creat dup dup2 dup3 faccessat fchdir fchmod fchown fcntl fdatasync fdopendir flock
    fstat fstatat fstatvfs fsync ftruncate ftw ioctl link linkat lockf lseek lstat madvise mkdir mkdirat mkdtemp mkfifo
    mkostemp mkstemp msync nftw open openat opendir pipe pipe2 pread pwrite read readdir readlink readv realpath
    remove rename renameat rmdir scandir stat statvfs statx symlink sync truncate umask unlink unlinkat write writev
    accept accept4 bind connect getaddrinfo listen recv recvfrom recvmsg send sendfile sendmsg sendto socket
    _exit atexit fork kill raise sigaction signal sigprocmask system vfork wait wait3 wait4 waitid waitpid""".split())
# An assertion that fails says its last sentence before it ends the process.
LAST_WORDS = {("common/base/err.c", "fprintf"), ("common/base/err.c", "stderr")}
# A catalog is read from files by shells and tools, before a core has it. A core that called these would be told.
READS_FILES = {"common/catalog/load.c": {"dirent.h"}, "common/catalog/source.c": set()}
# A core may name what state keeps (its records are structs without a call).
TYPES_ONLY = {"common/state/state.h"}

# Faults whose owner has not landed yet, as they are told; one that is gone must go from here, too.
TO_GO = [
]

INCLUDE_DIRECTORIES = ["", "common/", "common/client/include/"]
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def stem(path):
    return path.rsplit(".", 1)[0]


def module_of(path):
    best = max(((prefix, name) for name, (prefixes, _) in MODULES.items() for prefix in prefixes
                if path.startswith(prefix) and (prefix.endswith("/") or re.match(r"[./]", path[len(prefix):]))),
               default=None, key=lambda found: len(found[0]))
    return best and best[1]


class Tree:
    """The text: which file includes which, with lines."""

    def __init__(self, source):
        self.source = source
        self.files = sorted(os.path.relpath(os.path.join(at, name), source)
                            for top in ("common", "services") for at, _, names in os.walk(os.path.join(source, top))
                            for name in names if name.endswith((".c", ".h")))
        known = set(self.files)
        self.includes = {path: [(line, self.resolve(path, kind, name, known)) for line, kind, name in self.read(path)]
                         for path in self.files}

    def read(self, path):
        with open(os.path.join(self.source, path), encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                found = INCLUDE.match(line)
                if found:
                    yield number, found[1], found[2]

    @staticmethod
    def resolve(path, kind, name, known):
        """As the compiler does it: beside the file, then the include directories. Else the name as it stands."""
        beside = [os.path.normpath(os.path.join(os.path.dirname(path), name))] if kind == '"' else []
        for candidate in beside + [directory + name for directory in INCLUDE_DIRECTORIES]:
            if candidate in known:
                return candidate
        return "proto/" + name if name.endswith(".pb-c.h") else name


class Objects:
    """The objects: which file calls which, and which target each belongs to."""

    def __init__(self, source, build):
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as text:
            commands = json.load(text)
        path_of, self.target = {}, {}
        for command in commands:
            path = os.path.relpath(command["file"], source)
            if not path.startswith(("common/", "services/")):
                continue
            output = command.get("output") or re.search(r" -o (\S+)", command["command"])[1]
            made = os.path.normpath(os.path.join(build, output))
            if os.path.exists(made):
                path_of[made] = path
                self.target[path] = re.search(r"CMakeFiles/([^/]+)\.dir/", output)[1]
        self.needs = collections.defaultdict(dict)  # path -> symbol -> path that defines it, or None
        defined, wanted = collections.defaultdict(set), collections.defaultdict(set)
        for path, kind, symbol in self.symbols(path_of):
            (wanted if kind in "Uw" else defined)[symbol].add(path)
        for symbol, users in wanted.items():
            for user in users:
                makers = [maker for maker in defined.get(symbol, ())]
                if len(makers) > 1:  # main, in several programs
                    makers = [maker for maker in makers if os.path.dirname(maker) == os.path.dirname(user)]
                self.needs[user][symbol] = makers[0] if makers else None
        self.twice = {symbol: sorted(makers) for symbol, makers in defined.items()
                      if len(makers) > 1 and symbol != "main" and not symbol.startswith("__")}

    @staticmethod
    def symbols(path_of):
        listing = subprocess.run(["nm", "-A", "-g", *path_of], check=True, capture_output=True, text=True, timeout=60).stdout
        for line in listing.splitlines():
            made, rest = line.split(":", 1)
            fields = rest.split()
            yield path_of[made], fields[-2], fields[-1].split("@")[0]

    def pure(self):
        return sorted(path for path, target in self.target.items() if target in PURE or target.endswith("_core"))


def reach(start, steps):
    """Everything reached from start, with the way there."""
    way, todo = {start: [start]}, [start]
    while todo:
        at = todo.pop()
        for to in steps(at):
            if to not in way:
                way[to] = way[at] + [to]
                todo.append(to)
    return way


def circles(graph):
    """Strongly connected parts of more than one node."""
    forward = {node: set(reach(node, lambda at: graph.get(at, ()))) for node in graph}
    found = {frozenset(to for to in forward[node] if node in forward.get(to, ())) for node in graph}
    return sorted((set(part) for part in found if len(part) > 1), key=sorted)


def check_modules(tree):
    for path, includes in tree.includes.items():
        name = module_of(path)
        if not name:
            yield f"{path}: belongs to no module; give it a line in MODULES of tests/house/layers.py"
            continue
        for line, to in includes:
            other = module_of(to)
            if other and other != name and other not in MODULES[name][1]:
                yield f"{path}:{line}: {name} may not include {to} ({other})"


def check_allowed(tree, modules):
    used = collections.defaultdict(set)
    for path, includes in tree.includes.items():
        used[module_of(path)].update(module_of(to) for _, to in includes)
    for name, (_, allowed) in modules.items():
        for other in sorted(set(allowed) - used[name]):
            yield f"MODULES: {name} includes nothing of {other}; take it out, so that it stays so"


def check_pure_includes(tree, objects):
    def impure(to):
        return to in IMPURE_HEADERS or (module_of(to) in IMPURE_MODULES and to not in TYPES_ONLY)

    seen = set()
    for start in objects.pure():
        for path, way in reach(start, lambda at: [to for _, to in tree.includes.get(at, ()) if not impure(to)]).items():
            for line, to in tree.includes.get(path, ()):
                if impure(to) and to not in READS_FILES.get(path, ()) and (path, line) not in seen:
                    seen.add((path, line))
                    via = "" if len(way) == 1 else f", which {' and '.join(reversed(way[:-1]))} includes"
                    yield f"{path}:{line}: includes {to}{via}; {objects.target[start]} is pure"


def impure(start, path, symbol):
    """By libc's own name: fprintf, not __fprintf_chk; open, not open64."""
    name = re.sub(r"^__(isoc\d+_)?|(64)?(_2)?(_chk)?$", "", symbol)
    if name in IMPURE_WORDS:
        return start not in READS_FILES and (path, name) not in LAST_WORDS
    return bool(IMPURE_SYMBOLS.fullmatch(name)) and (path, name) not in LAST_WORDS


def check_pure_calls(objects):
    seen = set()
    for start in objects.pure():
        def callees(at):
            return [to for to in objects.needs[at].values() if to]
        for path, way in reach(start, callees).items():
            for symbol, maker in objects.needs[path].items():
                if impure(start, path, symbol) and (path, symbol) not in seen:
                    seen.add((path, symbol))
                    yield f"{path}: calls {symbol}, and {' -> '.join(way)} links it; {objects.target[start]} is pure"


def check_names(objects):
    for symbol, makers in sorted(objects.twice.items()):
        yield f"{' and '.join(makers)} both define {symbol}"


def check_circles(tree, objects):
    modules, headers, calls = (collections.defaultdict(set) for _ in range(3))
    for path, includes in tree.includes.items():
        for _, to in includes:
            if to in tree.includes:
                if module_of(path) != module_of(to):
                    modules[module_of(path)].add(module_of(to))
                if path.endswith(".h"):
                    headers[path].add(to)
    for path, needs in objects.needs.items():
        calls[stem(path)].update(stem(to) for to in needs.values() if to and stem(to) != stem(path))
    for circle in circles(modules):
        yield f"modules in a circle: {', '.join(sorted(circle))}"
    for circle in circles(headers):
        yield f"headers in a circle: {', '.join(sorted(circle))}"
    for circle in circles(calls):
        yield f"files in a circle: {', '.join(sorted(circle))}" + "".join(
            f"\n    {path} calls {symbol} of {to}" for path in sorted(objects.needs) if stem(path) in circle
            for symbol, to in sorted(objects.needs[path].items()) if to and stem(to) in circle - {stem(path)})


def check(source, build):
    tree, objects = Tree(source), Objects(source, build)
    yield from check_modules(tree)
    yield from check_pure_includes(tree, objects)
    yield from check_pure_calls(objects)
    yield from check_names(objects)
    yield from check_circles(tree, objects)


def but_for(to_go, faults):
    """Without those that are to go; and what to_go has too many."""
    left = [fault for fault in faults if not any(re.fullmatch(known, fault) for known in to_go)]
    return left + [f"nothing is told as TO_GO says it, take it out: {known}" for known in to_go
                   if not any(re.fullmatch(known, fault) for fault in faults)]


def main():
    source, build = (os.path.abspath(path) for path in sys.argv[1:3])
    faults = but_for(TO_GO, sorted({*check(source, build), *check_allowed(Tree(source), MODULES)}))
    print("\n".join(faults) or "every module stands on what is below it, and on nothing else")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
