"""test_runner.py: the counting that every verdict rests on (tests/run, and ./dev's sums)."""

import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import refrain

RUNNER = refrain.ROOT / "tests" / "run"
EXAMPLE = """
import unittest

class Example(unittest.TestCase):
    def test_good(self):
        pass
    def test_bad(self):
        self.assertTrue(False)
    def test_two_bad_subtests(self):
        for i in range(2):
            with self.subTest(i):
                self.assertTrue(False)
    def test_good_subtests(self):
        for i in range(2):
            with self.subTest(i):
                pass
    def test_error(self):
        raise RuntimeError
    @unittest.skip("no moon")
    def test_skipped(self):
        pass
    @unittest.expectedFailure
    def test_unexpected(self):
        pass
"""
ALL_SKIPPED = """
import unittest

class Example(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no sun")
    def test_one(self):
        pass
"""


def load_runner():
    loader = importlib.machinery.SourceFileLoader("runner", str(RUNNER))
    spec = importlib.util.spec_from_loader("runner", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Runner(unittest.TestCase):
    def run_one(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "test_example.py"
            path.write_text(text)
            result = pathlib.Path(folder) / "result.json"
            ran = subprocess.run([sys.executable, "-B", RUNNER, "--one", path, "--result", result],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
            return ran.returncode, json.loads(result.read_text())

    def test_each_outcome_is_counted_once(self):
        code, result = self.run_one(EXAMPLE)
        self.assertEqual((code, result["passed"], result["failed"]), (1, 2, 4))
        self.assertEqual([reason for _, reason in result["skipped"]], ["no moon"])

    def test_a_skipped_class(self):
        code, result = self.run_one(ALL_SKIPPED)
        self.assertEqual((code, result["passed"], result["failed"]), (0, 0, 0))
        self.assertEqual([reason for _, reason in result["skipped"]], ["no sun"])

    def test_a_file_that_dies_is_a_failure(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "test_example.py"
            path.write_text("import os\nos._exit(0)\n")
            count, _ = load_runner().run_file(path, {})
            self.assertEqual((count.passed, count.failed, count.skipped), (0, 1, 0))

    def test_meson_results(self):
        rows = [("OK", "passed"), ("EXPECTEDFAIL", "passed"), ("FAIL", "failed"), ("TIMEOUT", "failed"),
                ("ERROR", "failed"), ("INTERRUPT", "failed"), ("UNEXPECTEDPASS", "failed"),
                ("SKIP", "skipped")]
        for outcome, wanted in rows:
            with self.subTest(outcome):
                count = load_runner().count_meson_log([json.dumps({"name": "x", "result": outcome})])
                self.assertEqual({name: getattr(count, name) for name in ("passed", "failed", "skipped")},
                                 {"passed": 0, "failed": 0, "skipped": 0, wanted: 1})


if __name__ == "__main__":
    unittest.main()
