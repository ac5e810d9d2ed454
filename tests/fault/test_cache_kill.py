"""test_cache_kill.py: the chunk store killed -9 while it writes, at random moments.

After every kill the database opens as it is, no byte is wrong, and no chunk is missing that had been
put over a second before. REFRAIN_KILLS says how often (20), REFRAIN_SEED replays a run's moments.
"""

import os
import pathlib
import random
import subprocess
import tempfile
import time
import unittest

import refrain

KILLS = int(os.environ.get("REFRAIN_KILLS", "20"))


def tool():
    base = pathlib.Path(os.environ.get("REFRAIN_BIN_DIR", refrain.ROOT / "build" / "debug"))
    path = base / "cache" / "lmdb" / "cache_writer"
    if not path.exists():
        raise unittest.SkipTest(f"cache_writer is not in {base}")
    return str(path)


class CacheKill(unittest.TestCase):
    def setUp(self):
        self.writer = tool()
        self.random = random.Random(refrain.seed_from_environment())

    def write_and_kill(self, folder, log, seconds):
        process = subprocess.Popen([self.writer, "write", folder, log, str(self.random.getrandbits(32))],
                                   stdout=subprocess.PIPE, text=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
        ended_by_itself = process.poll() is not None
        moment_us = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        process.kill()
        said = process.communicate()[0]
        self.assertFalse(ended_by_itself, said)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"\nK {moment_us}\n")  # the line that was being written has an end of its own

    def test_kills(self):
        had_to_be_there = 0
        with tempfile.TemporaryDirectory(prefix="refrain-kill-") as root:
            folder, log = os.path.join(root, "chunks"), os.path.join(root, "log")
            for kill in range(1, KILLS + 1):
                seconds = self.random.uniform(0.05, 2.0) * refrain.patience()
                self.write_and_kill(folder, log, seconds)
                checked = subprocess.run([self.writer, "check", folder, log], stdout=subprocess.PIPE,
                                         text=True, timeout=120, check=False)
                self.assertEqual(checked.returncode, 0, f"kill {kill} after {seconds:.3f} s: {checked.stdout}")
                had_to_be_there += int(checked.stdout.split(", ")[1].split()[0])
        print(f"{KILLS} kills, {had_to_be_there} chunks had to be there and were", flush=True)
        if KILLS >= 20:
            self.assertGreater(had_to_be_there, 100)



if __name__ == "__main__":
    unittest.main()
