#!/usr/bin/python3
"""tidy.py ROOT: the project's own rules, checked by a program.

Checks every source file of the tree (what git knows and what it does not ignore) against the rules
below, prints "PATH:LINE: RULE: what is wrong" for each breach, and fails when there is one.
docs/ARCHITECTURE.md has the layers and their reasons; test_tidy.py has an example of each rule.
"""

import pathlib
import re
import subprocess
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800

# --- layers --------------------------------------------------------------------------------------

# Who may include whose headers: a component (its folder) and what stands below it. Everybody may
# include his own. A name that ends with "/" stands for all folders in it.
CORES = ["common", "media/core", "cache/core", "p2p/core"]
LAYERS = {
    "common": [],
    "common/net": ["common"],
    "media/core": ["common"],
    "cache/core": ["common", "media/core"],
    "p2p/core": ["common", "media/core"],
    "player/core": CORES,
    "streamserver/core": CORES,
    "cache/mem": CORES,
    "cache/lmdb": CORES + ["common/net"],
    "media/gst": ["common", "common/net", "media/core"],
    "p2p/uv": ["common", "common/net", "media/core", "p2p/core"],
    "player": CORES + ["common/net", "media/gst", "cache/lmdb", "p2p/uv", "player/"],
    "player/uv": CORES + ["common/net", "cache/lmdb", "media/gst", "p2p/uv", "player/core", "player/gst"],
    "player/gst": CORES + ["media/gst", "player/core"],
    "streamserver": CORES + ["common/net", "media/gst", "p2p/uv", "streamserver/"],
    "streamserver/uv": CORES + ["common/net", "p2p/uv", "streamserver/core", "streamserver/lmdb",
                                "streamserver"],
    "streamserver/lmdb": CORES + ["common/net", "streamserver/core"],
    "measure": CORES + ["common/net", "cache/mem", "player/core", "streamserver/core", "measure/"],
    "measure/sim": CORES + ["cache/mem", "player/core", "streamserver/core", "measure/workload"],
    "measure/workload": CORES,
}

# The only headers from outside that a core may include.
C_HEADERS = {"assert.h", "ctype.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
             "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h"}

# Libraries that stop at certain doors: pattern of the header, places that may include it.
DOORS = [
    ("GLib and GStreamer", re.compile(r"^(glib|gio|gst|gobject|gmodule)[/.-]"),
     ["media/gst/", "player/gst/", "player/gst_plugin/", "player/dbus/", "player/library/",
      "player/main.c", "streamserver/main.c",
      "measure/main.c"]),
    ("LMDB", re.compile(r"^lmdb\.h$"), ["cache/lmdb/", "streamserver/lmdb/"]),
    ("llhttp", re.compile(r"^llhttp"), ["common/net/"]),
    ("UPnP and NAT-PMP", re.compile(r"^(miniupnpc/|natpmp)"), ["p2p/uv/"]),
    ("libcurl", re.compile(r"^curl/"), ["common/net/"]),
]

# Names that may start what a component shows to others, besides its folders and its files.
PREFIXES = {
    "common": {"writer"},
    "player": {"node"},
    "streamserver": {"origin"},
}

# --- names ---------------------------------------------------------------------------------------

BANNED = {name: "it has no bound" for name in ("sprintf", "vsprintf", "strcpy", "strcat", "gets", "alloca")}
BANNED["strncpy"] = "it may leave a string without end"
BANNED.update({name: "chance comes from common/prng or the system's generator"
               for name in ("rand", "srand", "random", "srandom", "drand48")})
BANNED.update({name: "it keeps hidden state" for name in ("strtok", "localtime", "gmtime", "asctime")})
SLEEPS = {"sleep", "usleep", "nanosleep", "g_usleep"}
# What a core must not know: clocks, files, threads, output, the process.
BANNED_IN_CORES = {
    "time", "clock", "clock_gettime", "gettimeofday", "fopen", "open", "read", "write", "close",
    "fread", "fwrite", "printf", "fprintf", "puts", "perror", "getenv", "exit", "system", "socket",
    "send", "recv", "malloc", "realloc", "strdup", "strndup"}
FLOATS = {"float", "double"}

LEFTOVERS = [re.compile(pattern) for pattern in (
    r"\b(?:FIXME|TODO|XXX|HACK)\b", r"(?i:\bfor now\b)", r"(?i:\bnot (?:yet )?implemented\b)",
    r"(?i:\bplaceholder)", r"(?i:\bsimplified\b)", r"^\s*#\s*if\s+0\b")]
PATHS = [re.compile(pattern) for pattern in (
    r"(?<![\w.])/work/", r"(?<![\w.])/tmp/w/", r"(?<![\w.])/home/\w", r"(?<![\w.])/root/",
    r"\b(?:pypi\.org|registry\.npmjs|crates\.io|proxy\.golang|deb\.debian\.org)")]

TEXT_SUFFIXES = {".c", ".h", ".py", ".md", ".sh", ".build", ".txt", ".abc", ".supp"}
TEXT_NAMES = {"dev", "run", "meson.build", "meson_options.txt"}

# --- reading -------------------------------------------------------------------------------------


def list_files(root):
    """The tree's files, relative; without git, all but build folders and hidden ones."""
    result = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
                            capture_output=True, check=False)
    if result.returncode == 0 and (root / ".git").exists():
        names = result.stdout.decode().split("\0")
        return sorted(name for name in set(names) if name and (root / name).is_file())
    found = []
    for path in root.rglob("*"):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part.startswith((".", "build", "__pycache__")) for part in parts):
            found.append("/".join(parts))
    return sorted(found)


def is_text(name):
    path = pathlib.PurePosixPath(name)
    return path.suffix in TEXT_SUFFIXES or path.name in TEXT_NAMES


def blank(match):
    """As many lines as before, nothing in them."""
    return re.sub(r"[^\n]", " ", match.group())


def without_comments(text):
    """C source with comments, strings and characters blanked, line for line. Includes keep theirs."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def replace(match):
        before = text[text.rfind("\n", 0, match.start()) + 1:match.start()]
        return match.group() if re.match(r"\s*#\s*include", before) else blank(match)

    return pattern.sub(replace, text)


class Source:
    def __init__(self, root, name):
        self.name = name
        self.text = (root / name).read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.folder, _, self.base = name.rpartition("/")
        self.stem = self.base.rsplit(".", 1)[0]
        self.is_c = name.endswith((".c", ".h"))
        self.code = without_comments(self.text).splitlines() if self.is_c else []

    @property
    def component(self):
        """Its folder in the table of layers: the longest that matches; "" for tests and the rest."""
        folder = self.folder
        while folder:
            if folder in LAYERS:
                return folder
            folder = folder.rpartition("/")[0]
        return ""

    @property
    def is_core(self):
        return self.component == "common" or self.component.endswith("/core")


# --- rules: each yields (line, rule, message) ------------------------------------------------------

def allowed(component, folder):
    """May a file of the component include a header of the folder?"""
    if folder == component or (component and folder.startswith(component + "/") and folder not in LAYERS):
        return True
    return any(folder == entry or (entry.endswith("/") and folder.startswith(entry))
               for entry in LAYERS.get(component, []))


def check_layers(source):
    if not source.component:
        return
    for number, line in enumerate(source.code, 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        if quoted:
            if not allowed(source.component, header.rpartition("/")[0]):
                yield number, "layers", f"{source.component} must not include {header}"
        elif source.is_core and header not in C_HEADERS:
            yield number, "layers", f"a core includes C headers only, not <{header}>"
        for name, pattern, places in [] if quoted else DOORS:
            if pattern.match(header) and not source.name.startswith(tuple(places)):
                yield number, "layers", f"{name} stops at {', '.join(places)}"


def check_names(source):
    in_tests = source.name.startswith("tests/")
    for number, line in enumerate(source.code, 1):
        for name in re.findall(r"(?<![\w.>])([A-Za-z_]\w*)\s*\(", line):
            if name in BANNED:
                yield number, "names", f"{name} is banned: {BANNED[name]}"
            if name in SLEEPS and in_tests:
                yield number, "names", f"{name}: a test waits for the event"
            if source.is_core and name in BANNED_IN_CORES and not in_tests:
                yield number, "names", f"{name}: not in a core"
        if source.is_core and FLOATS & set(re.findall(r"\b\w+\b", line)):
            yield number, "names", "a core has no floating point"


def check_python_sleep(source):
    if source.name.endswith(".py") and source.name.startswith("tests/"):
        for number, line in enumerate(source.lines, 1):
            if re.search(r"\btime\.sleep\(|^from time import .*\bsleep\b", line):
                yield number, "names", "sleep: a test waits for the event"


def functions(source):
    """(first line, last line, signature) of each function that is defined in a file."""
    begin = None
    for number, line in enumerate(source.code, 1):
        if line.rstrip() == "{":
            begin = number
        elif line.rstrip() == "}" and begin is not None:
            first = begin
            while first > 1 and not re.match(r"^\s*$|^[}#]|.*;\s*$", source.code[first - 2]):
                first -= 1
            yield first, number, " ".join(source.code[first - 1:begin - 1])
            begin = None


def check_functions(source):
    for first, last, _ in functions(source):
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, "length", f"a function of {last - first + 1} lines; {FUNCTION_LINES_MAX} at most"
    if source.is_c or source.name.endswith(".py"):
        if len(source.lines) > FILE_LINES_MAX:
            yield 1, "length", f"a file of {len(source.lines)} lines; {FILE_LINES_MAX} at most"


def prefixes(source):
    """What the names that a file shows to others may start with: its folders, its stem's words from
    the front, and what the component has by the table."""
    parts = source.folder.split("/")
    words = set(parts) | {source.stem} | PREFIXES.get(parts[0], set())
    stem = source.stem.split("_")
    words |= {"_".join(stem[:count]) for count in range(1, len(stem) + 1)}
    return words


def check_prefixes(source):
    if not source.component or not source.name.endswith(".c"):
        return
    for first, _, signature in functions(source):
        match = re.search(r"(\w+)\s*\(", re.sub(r"__attribute__\s*\(\(.*?\)\)", "", signature))
        if not match or re.search(r"\bstatic\b", signature) or match.group(1) == "main":
            continue
        if not any(match.group(1) == word or match.group(1).startswith(word + "_")
                   for word in prefixes(source)):
            yield first, "prefix", f"{match.group(1)} has no prefix of its component"


def check_guard(source):
    if not source.name.endswith(".h"):
        return
    guard = re.sub(r"\W", "_", source.name).upper()
    directives = [line.strip() for line in source.code if line.strip().startswith("#")]
    if directives[:2] != [f"#ifndef {guard}", f"#define {guard}"] or directives[-1:] != ["#endif"]:
        yield 1, "guard", f"the include guard is to be {guard}"


def check_opening(source):
    if source.is_c and (source.lines[:1] != ["/*"] or f" * {source.base}: " not in source.lines[1] + " "):
        yield 1, "opening", f'the file is to open with a comment "{source.base}: what it is responsible for"'


def check_leftovers(source):
    if source.name.startswith("tests/tidy/"):
        return
    for number, line in enumerate(source.lines, 1):
        for pattern in LEFTOVERS:
            if pattern.search(line):
                yield number, "leftovers", f'"{pattern.search(line).group().strip()}" is left over'
        for pattern in PATHS:
            if pattern.search(line):
                yield number, "paths", f'"{pattern.search(line).group()}" belongs to one machine'
    if source.is_c:
        for number, line in enumerate(source.lines, 1):
            if re.match(r"\s*//.*[;{}]\s*$", line):
                yield number, "leftovers", "commented-out code"


def check_unit_tests(sources):
    """Every .c of a core has a test file of its own, and some meson.build knows it."""
    names = {source.name for source in sources}
    builds = "\n".join(source.text for source in sources if source.base == "meson.build")
    for source in sources:
        if not source.is_core or not source.name.endswith(".c"):
            continue
        component = source.component.split("/")[0]
        wanted = [source.stem, f"{component}_{source.stem}"]
        found = [name for name in wanted if f"tests/unit/test_{name}.c" in names]
        if not found:
            yield source.name, 1, "unit test", f"there is no tests/unit/test_{source.stem}.c"
        elif not any(re.search(rf"'(?:test_)?{name}'", builds) for name in found):
            yield source.name, 1, "unit test", f"no meson.build runs tests/unit/test_{found[0]}.c"


def check_references(sources, names):
    """A document or picture that is named is there: links in documents, docs/NAME.md anywhere."""
    for source in sources:
        if source.name.startswith("tests/tidy/"):
            continue
        for number, line in enumerate(source.lines, 1):
            wanted = set(re.findall(r"\bdocs/\w+\.md\b", line))
            if source.name.endswith(".md"):
                base = source.folder + "/" if source.folder else ""
                links = re.findall(r"\]\((?!\w+:)([\w./-]+)\)", line)
                wanted = {link for link in wanted if f"({link})" not in line}
                wanted |= {re.sub(r"[\w-]+/\.\./", "", base + link) for link in links}
            for name in sorted(wanted - names):
                if not any(known.startswith(name.rstrip("/") + "/") for known in names):
                    yield source.name, number, "references", f"there is no {name}"


FILE_RULES = [check_layers, check_names, check_python_sleep, check_functions, check_prefixes,
              check_guard, check_opening, check_leftovers]


def check_tree(root):
    """All breaches in a tree, as (path, line, rule, message)."""
    names = list_files(root)
    sources = [Source(root, name) for name in names if is_text(name)]
    found = [(source.name, *breach) for source in sources for rule in FILE_RULES
             for breach in rule(source)]
    found += [*check_unit_tests(sources), *check_references(sources, set(names))]
    return sorted(found), len(sources)


def main():
    found, count = check_tree(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve())
    for path, line, rule, message in found:
        print(f"{path}:{line}: {rule}: {message}")
    print(f"{len(found)} breaches in {count} files")
    return 1 if found or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
