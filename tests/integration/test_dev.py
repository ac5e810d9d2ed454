"""test_dev.py: what scripts and newcomers rely on in ./dev. It builds the release that it runs."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import unittest

import refrain

DEV = str(refrain.ROOT / "dev")


def dev(*arguments, **options):
    return subprocess.run([DEV, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, timeout=900, **options)


@unittest.skipUnless(refrain.build_kind() == "debug", "./dev run and demo use the release build only")
class Dev(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program in ("refrain", "refrain-origin", "refrain-measure"):
            built = dev("run", program, "--version")
            if built.returncode != 0:
                raise AssertionError(built.stderr)

    def test_help_lists_the_verbs(self):
        text = dev("help").stdout
        for verb in ("setup", "build", "run", "demo", "test", "bench", "fuzz", "lint", "install"):
            self.assertRegex(text, rf"(?m)^  {verb}\b")

    def test_unknown_verbs_and_programs(self):
        self.assertEqual(dev("dance").returncode, 125)
        self.assertEqual(dev("run").returncode, 125)
        self.assertEqual(dev("run", "refrain-dance").returncode, 125)

    def test_run_says_nothing_itself(self):
        with tempfile.TemporaryDirectory() as folder:
            for program in ("refrain", "refrain-origin", "refrain-measure"):
                ran = dev("run", program, "--version", cwd=folder)
                self.assertEqual((ran.returncode, ran.stderr), (0, ""))
                self.assertRegex(ran.stdout, r"^" + program + r"\S* \d+\.\d+")

    def test_run_passes_code_and_arguments_on(self):
        self.assertEqual(dev("run", "refrain", "--no such option").returncode, refrain.EXIT_USAGE)

    def test_run_keeps_the_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(dev("run", "refrain-origin", "init", "here", cwd=folder).returncode, 0)
            self.assertTrue((pathlib.Path(folder) / "here" / "identity.key").exists())

    def test_run_is_quick(self):
        """What it adds to a program's start, at best of some: others may be busy here."""
        def best(command):
            times = []
            for _ in range(9):
                began = time.monotonic()
                subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True)
                times.append(time.monotonic() - began)
            return min(times)

        program = refrain.ROOT / "build" / "release" / "streamserver" / "refrain-origin"
        added = best([DEV, "run", "refrain-origin", "--version"]) - best([program, "--version"])
        print(f"./dev run adds {added * 1000:.0f} ms")
        self.assertLess(added, 0.5)

    def test_several_at_once_and_signals(self):
        """Four origins by ./dev run listen at the same time; a signal ends each in order."""
        running = []
        with refrain.Sandbox() as sandbox:
            for number in range(4):
                folder = sandbox.path / f"origin-{number}"
                self.assertEqual(dev("run", "refrain-origin", "init", folder).returncode, 0)
                running.append(refrain.Process(
                    [DEV, "run", "refrain-origin", "serve", folder, "--listen", "127.0.0.1:0", "--json"],
                    sandbox.environment()))
            urls = {process.wait_event("listening")["url"] for process in running}
            self.assertEqual(len(urls), 4)
            for process in running:
                name = os.readlink(f"/proc/{process.pid}/exe")
                self.assertTrue(name.endswith("/refrain-origin"), "it became the program")
                held = [os.readlink(entry) for entry in pathlib.Path(f"/proc/{process.pid}/fd").iterdir()]
                self.assertFalse([path for path in held if path.endswith(".lock") and "/build/" in path])
            for process in running:
                self.assertEqual(process.stop(), 0, process.describe())

    def demo_folder(self, scratch):
        folder = scratch / "album"
        folder.mkdir()
        for number, title in enumerate(("First", "Second"), 1):
            refrain.make_tone(folder / f"{title}.ogg", 1.5, title=title, number=number, hertz=300 * number)
        return folder

    def test_demo(self):
        with tempfile.TemporaryDirectory() as name:
            scratch = pathlib.Path(name)
            folder = self.demo_folder(scratch)
            temporary = scratch / "tmp"
            temporary.mkdir()
            ran = dev("demo", folder, env={**os.environ, "TMPDIR": str(temporary)})
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
            first, second = ran.stdout.split("Second time: ")
            self.assertRegex(first, r"First time: 2 tracks, 3\.0 s of music")
            shares = re.findall(r"from (?:the cache|peers|the origin) +[\d.]+ MB +([\d.]+) %", first)
            self.assertEqual(len(shares), 3, first)
            self.assertAlmostEqual(sum(map(float, shares)), 100, delta=0.2)
            self.assertEqual(shares[0], "0.0", "the listener's own cache was empty")
            self.assertEqual(len(re.findall(r"player \d gave +[\d.]+ MB", first)), 3)
            self.assertRegex(second, r"from the cache +[\d.]+ MB +100\.0 %")
            self.assertEqual(re.findall(r"stutters +(\d+)", ran.stdout), ["0", "0"])
            self.assertEqual(list(temporary.glob("refrain-*")), [], "nothing stays behind")

    def test_demo_interrupted(self):
        for line in ("serves at", "player 2 has", "playing First"):
            with self.subTest(line):
                self.interrupt_demo(line)

    def interrupt_demo(self, line):
        with tempfile.TemporaryDirectory() as name:
            scratch = pathlib.Path(name)
            folder = self.demo_folder(scratch)
            temporary = scratch / "tmp"
            temporary.mkdir()
            demo = refrain.Process([DEV, "demo", folder], {**os.environ, "TMPDIR": str(temporary)})
            with demo:
                demo.wait_line(line, 60)
                demo.send_signal(signal.SIGTERM)
                self.assertNotEqual(demo.finish(30), 0)
            self.assertEqual(list(temporary.glob("refrain-*")), [])

    def test_demo_of_no_folder(self):
        ran = dev("demo", "/nonexistent")
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("/nonexistent", ran.stderr)


if __name__ == "__main__":
    unittest.main()
