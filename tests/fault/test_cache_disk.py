"""test_cache_disk.py: the chunk store on a disk that is full, a small tmpfs.

What was stored stays readable, writing stops with ERROR_FULL, and goes on when there is room again.
"""

import os
import pathlib
import subprocess
import tempfile
import unittest

import refrain

DISK_BYTES = 4 << 20
FILLER_BYTES = 1 << 20


class CacheDisk(unittest.TestCase):
    def test_full(self):
        base = pathlib.Path(os.environ.get("REFRAIN_BIN_DIR", refrain.ROOT / "build" / "debug"))
        tool = base / "cache" / "lmdb" / "cache_writer"
        if not tool.exists():
            self.skipTest(f"cache_writer is not in {base}")
        with tempfile.TemporaryDirectory(prefix="refrain-disk-") as disk:
            mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", disk],
                                     capture_output=True, text=True, check=False)
            if mounted.returncode != 0:
                self.skipTest(f"mount is not permitted: {mounted.stderr.strip()}")
            try:
                filler = os.path.join(disk, "filler")
                with open(filler, "wb") as file:
                    file.write(bytes(FILLER_BYTES))
                filled = subprocess.run([tool, "fill", os.path.join(disk, "chunks"), filler],
                                        stdout=subprocess.PIPE, text=True, timeout=120, check=False)
                self.assertEqual(filled.returncode, 0, filled.stdout)
                rows = int(filled.stdout.split()[0])
                self.assertGreater(rows, 10)
                self.assertLess(rows, DISK_BYTES >> 17)
            finally:
                subprocess.run(["umount", "-l", disk], check=True)


if __name__ == "__main__":
    unittest.main()
