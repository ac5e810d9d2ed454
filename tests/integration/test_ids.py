"""test_ids.py: our file ids against libtorrent's, and what one root with two lengths could do."""

import hashlib
import os
import pathlib
import random
import subprocess
import tempfile
import unittest

import refrain

try:
    import libtorrent
except ImportError:
    libtorrent = None

CHUNK = 16384


def root_tool():
    base = pathlib.Path(os.environ.get("REFRAIN_BIN_DIR", refrain.ROOT / "build" / "debug"))
    path = base / "tests" / "lib" / "root_tool"
    if not path.exists():
        raise unittest.SkipTest(f"root_tool is not in {base}")
    return str(path)


def ours(*paths):
    """[(root in hex, bytes)] by our own code, which also checks the proof of every row."""
    text = subprocess.run([root_tool(), *map(str, paths)], check=True, capture_output=True,
                          text=True).stdout
    return [(root, int(count)) for root, count in (line.split() for line in text.splitlines())]


def theirs(path):
    """BEP 52's pieces root by libtorrent; the piece length may not change it."""
    roots = set()
    for piece_bytes in (CHUNK, 4 * CHUNK):
        files = libtorrent.file_storage()
        libtorrent.add_files(files, str(path))
        torrent = libtorrent.create_torrent(files, piece_bytes, libtorrent.create_torrent.v2_only)
        libtorrent.set_piece_hashes(torrent, str(path.parent))
        tree = torrent.generate()[b"info"][b"file tree"]
        roots.add(tree[path.name.encode()][b""][b"pieces root"].hex())
    assert len(roots) == 1
    return roots.pop()


def write_random(folder, length, seed=1):
    path = folder / f"{length}.bin"
    path.write_bytes(random.Random(seed * 1000003 + length).randbytes(length))
    return path


@unittest.skipIf(libtorrent is None, "python3-libtorrent is not installed")
class AgainstLibtorrent(unittest.TestCase):
    def compare(self, paths):
        for path, (root, count) in zip(paths, ours(*paths), strict=True):
            with self.subTest(path.name):
                self.assertEqual(count, path.stat().st_size)
                self.assertEqual(root, theirs(path))

    def test_lengths(self):
        lengths = [1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 8 * CHUNK, 8 * CHUNK + 1, 2 ** 20,
                   2 ** 20 + 1, 37 * CHUNK + 5]
        with tempfile.TemporaryDirectory() as folder:
            self.compare([write_random(pathlib.Path(folder), length) for length in lengths])

    def test_real_music(self):
        self.compare(refrain.wesnoth(6))


class OneRootTwoLengths(unittest.TestCase):
    def test_the_two_top_hashes(self):
        """The attack exists: 64 bytes with the root of a real file. What refuses them is in
        test_merkle, test_file_id, test_intern, test_catalogue: the length stands in every id."""
        with tempfile.TemporaryDirectory() as folder:
            real = write_random(pathlib.Path(folder), 4 * CHUNK)
            data = real.read_bytes()
            nodes = [hashlib.sha256(data[at:at + CHUNK]).digest() for at in range(0, len(data), CHUNK)]
            top = [hashlib.sha256(nodes[i] + nodes[i + 1]).digest() for i in (0, 2)]
            fake = pathlib.Path(folder) / "fake"
            fake.write_bytes(b"".join(top))
            (real_root, real_bytes), (fake_root, fake_bytes) = ours(real, fake)
            self.assertEqual(real_root, fake_root)
            self.assertEqual((real_bytes, fake_bytes), (4 * CHUNK, 64))


if __name__ == "__main__":
    unittest.main()
