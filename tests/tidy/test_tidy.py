"""test_tidy.py: each rule of tidy.py flags what it should, and nothing else.

A row is a small tree (path: text), and the breaches that tidy must find in it, as "path rule".
"""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402


def c(name, body):
    return f"/*\n * {name}: an example.\n */\n{body}"


def header(guard, body=""):
    return c(guard[1], f"#ifndef {guard[0]}\n#define {guard[0]}\n{body}\n#endif\n")


def function(name, lines, static=False):
    return f"{'static ' if static else ''}int {name}(void)\n{{\n" + "    work();\n" * lines + "}\n"


SHELL = "player/uv/engine.c"      # a file of a shell: needs no unit test
CORE = "p2p/core/codec.c"
CORE_TEST = {"tests/unit/test_codec.c": c("test_codec.c", ""), "p2p/core/meson.build": "'codec'\n"}


def shell(body):
    return {SHELL: c("engine.c", body)}


def core(body):
    return {CORE: c("codec.c", body), **CORE_TEST}


ROWS = {
    # Layers.
    "a core includes C headers, common and cores below": (
        core('#include "common/cursor.h"\n#include "media/core/merkle.h"\n#include <string.h>\n'), []),
    "a core includes no system header": (core("#include <unistd.h>\n"), [f"{CORE} layers"]),
    "a core includes no library": (core("#include <uv.h>\n"), [f"{CORE} layers"]),
    "a core includes no core above": (core('#include "player/core/node.h"\n'), [f"{CORE} layers"]),
    "a core includes no core beside": (core('#include "cache/core/index.h"\n'), [f"{CORE} layers"]),
    "a core includes no shell": (core('#include "common/net/link.h"\n'), [f"{CORE} layers"]),
    "common includes nothing above": (
        {"common/error.h": header(("COMMON_ERROR_H", "error.h"), '#include "media/core/merkle.h"')},
        ["common/error.h layers"]),
    "a shell includes cores and what stands beside it": (
        shell('#include "player/core/node.h"\n#include "cache/lmdb/store.h"\n#include <uv.h>\n'), []),
    "a player includes no origin": (shell('#include "streamserver/core/origin.h"\n'), [f"{SHELL} layers"]),
    "an include in a comment is none": (core('/*\n#include "player/core/node.h"\n*/\n'), []),
    "GStreamer in its shell": ({"media/gst/deck.c": c("deck.c", "#include <gst/gst.h>\n")}, []),
    "GLib in main": ({"player/main.c": c("main.c", "#include <glib.h>\n")}, []),
    "GLib elsewhere": (shell("#include <glib.h>\n"), [f"{SHELL} layers"]),
    "LMDB in its shell": ({"cache/lmdb/store.c": c("store.c", "#include <lmdb.h>\n")}, []),
    "LMDB elsewhere": (shell("#include <lmdb.h>\n"), [f"{SHELL} layers"]),
    # Names.
    "sprintf": (shell(function("engine_f", 0).replace("{\n", "{\n    sprintf(a, b);\n")), [f"{SHELL} names"]),
    "snprintf": (shell(function("engine_f", 0).replace("{\n", "{\n    snprintf(a, 1, b);\n")), []),
    "a banned name in a comment": (shell("/* strcpy(a, b) would do */\n"), []),
    "a banned name in a string": (shell('const char *engine_text = "strcpy(a, b)";\n'), []),
    "a field of a banned name": (shell(function("engine_f", 0).replace("{\n", "{\n    v->gets(a);\n")), []),
    "chance": (shell(function("engine_f", 0).replace("{\n", "{\n    rand();\n")), [f"{SHELL} names"]),
    "a clock in a core": (core(function("codec_f", 0).replace("{\n", "{\n    time(NULL);\n")), [f"{CORE} names"]),
    "a clock in a shell": (shell(function("engine_f", 0).replace("{\n", "{\n    time(NULL);\n")), []),
    "floating point in a core": (core("static double codec_rate;\n"), [f"{CORE} names"]),
    "floating point in a shell": (shell("static double rate;\n"), []),
    "a test that sleeps": (
        {"tests/unit/test_x.c": c("test_x.c", function("f", 0).replace("{\n", "{\n    usleep(1);\n"))},
        ["tests/unit/test_x.c names"]),
    "a Python test that sleeps": (
        {"tests/integration/test_x.py": "time." + "sleep(1)\n"}, ["tests/integration/test_x.py names"]),
    # Lengths.
    "a function of 70 lines": (shell(function("engine_f", 67)), []),
    "a function of 71 lines": (shell(function("engine_f", 68)), [f"{SHELL} length"]),
    "two short functions": (shell(function("engine_f", 60) + "\n" + function("engine_g", 60)), []),
    "a file of 800 lines": (shell("int engine_x;\n" * 797), []),
    "a file of 801 lines": (shell("int engine_x;\n" * 798), [f"{SHELL} length"]),
    # Prefixes.
    "the prefix of a file": (shell(function("engine_start", 1)), []),
    "the prefix of a folder": (shell(function("player_start", 1)), []),
    "no prefix": (shell(function("start", 1)), [f"{SHELL} prefix"]),
    "no prefix, but static": (shell(function("start", 1, static=True)), []),
    "half a prefix": (shell(function("enginestart", 1)), [f"{SHELL} prefix"]),
    "a pointer is returned": (shell("char *start(int a,\n            int b)\n{\n}\n"), [f"{SHELL} prefix"]),
    # Unit tests.
    "a core without a test": ({CORE: c("codec.c", "")}, [f"{CORE} unit test"]),
    "a core whose test is not run": (
        {CORE: c("codec.c", ""), "tests/unit/test_codec.c": c("test_codec.c", "")}, [f"{CORE} unit test"]),
    "a core whose test has the component's name too": (
        {CORE: c("codec.c", ""), "tests/unit/test_p2p_codec.c": c("test_p2p_codec.c", ""),
         "p2p/core/meson.build": "'test_p2p_codec'\n"}, []),
    "a shell without a test": (shell(""), []),
    # Headers.
    "a guard": ({"common/x.h": header(("COMMON_X_H", "x.h"))}, []),
    "the guard of another": ({"common/x.h": header(("COMMON_Y_H", "x.h"))}, ["common/x.h guard"]),
    "no guard": ({"common/x.h": c("x.h", "int common_x;\n")}, ["common/x.h guard"]),
    "no opening comment": ({SHELL: "int engine_x;\n"}, [f"{SHELL} opening"]),
    "the opening comment of another": ({SHELL: c("motor.c", "")}, [f"{SHELL} opening"]),
    # References.
    "a document that is there": (
        {"docs/X.md": "see [Y](Y.md) and [the code](../common/)\n", "docs/Y.md": "see docs/X.md\n",
         "common/x.h": header(("COMMON_X_H", "x.h"))}, []),
    "a picture that is not there": ({"docs/X.md": "![it](x.png)\n"}, ["docs/X.md references"]),
    "a link to nothing": ({"docs/X.md": "see [Y](Y.md)\n"}, ["docs/X.md references"]),
    "a link from the root": ({"README.md": "see [X](docs/X.md)\n", "docs/X.md": "\n"}, []),
    "a link to elsewhere": ({"docs/X.md": "see [it](https://example.org/x.md)\n"}, []),
    "a comment on a document that is not there": (shell("/* docs/Z.md */\n"), [f"{SHELL} references"]),
    # Leftovers.
    "a leftover": (shell("/* TO" + "DO: more */\n"), [f"{SHELL} leftovers"]),
    "a leftover in a document": ({"docs/X.md": "This works for" + " now.\n"}, ["docs/X.md leftovers"]),
    "a word that holds one": (shell("/* the hacksaw, the TODOS */\n"), []),
    "code that is switched off": (shell("#if 0\n#endif\n"), [f"{SHELL} leftovers"]),
    "code in a comment": (shell("// work();\n"), [f"{SHELL} leftovers"]),
    "a machine's path": ({"docs/X.md": "see /ho" + "me/me/x\n"}, ["docs/X.md paths"]),
    "a path that only ends so": ({"docs/X.md": "see media/wo" + "rk/x and ./wo" + "rk/y\n"}, []),
}


class Rules(unittest.TestCase):
    def test_rows(self):
        for name, (tree, wanted) in ROWS.items():
            with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                root = pathlib.Path(folder)
                for path, text in tree.items():
                    (root / path).parent.mkdir(parents=True, exist_ok=True)
                    (root / path).write_text(text)
                found, count = tidy.check_tree(root)
                self.assertEqual(count, len(tree))
                self.assertEqual([f"{path} {rule}" for path, _, rule, _ in found], wanted, found)

    def test_every_rule_has_rows_that_it_flags(self):
        flagged = {breach.split(" ", 1)[1] for _, wanted in ROWS.values() for breach in wanted}
        text = pathlib.Path(tidy.__file__).read_text()
        rules = set(tidy.re.findall(r'yield (?:source\.name, )?\w+, "([a-z ]+)"', text))
        self.assertEqual(flagged, rules)
        self.assertGreater(len(rules), 8)

    def test_lines_are_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / SHELL
            path.parent.mkdir(parents=True)
            path.write_text(c("engine.c", "\n\n" + function("start", 1)))
            found, _ = tidy.check_tree(pathlib.Path(folder))
            self.assertEqual([line for _, line, _, _ in found], [6])


if __name__ == "__main__":
    unittest.main()
