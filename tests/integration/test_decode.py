"""test_decode.py: what probe and deck give, against oggdec, opusdec and flac.

Real music where wesnoth-1.16-music is installed, else the sample album. Sample counts must be
equal, every sample within 1 LSB of 16 bits, FLAC equal; a remux must not change a sample.
"""

import array
import base64
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import wave

import refrain

TIMEOUT_S = 120
# Short ones, and those with something odd: sound on the headers' page ("sad"), more decoded at the
# end than the last granule position says ("defeat", "silence").
WESNOTH_TRACKS = ["sad.ogg", "defeat.ogg", "silence.ogg", "elf-land.ogg"]
F32, S16 = "f", "h"


def tool(*arguments, check=True):
    base = pathlib.Path(os.environ.get("REFRAIN_BIN_DIR", refrain.ROOT / "build" / "debug"))
    path = base / "media" / "gst" / "deck_tool"
    if not path.exists():
        raise unittest.SkipTest(f"deck_tool is not in {base}")
    result = subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=False,
                            timeout=TIMEOUT_S * refrain.patience())
    if check and result.returncode != 0:
        raise AssertionError(f"deck_tool {arguments}: {result.returncode} {result.stderr}")
    return result


def probe(path):
    return json.loads(tool("probe", path).stdout)


def run(*command):
    if shutil.which(command[0]) is None:
        raise unittest.SkipTest(f"{command[0]} is not installed")
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=TIMEOUT_S)


def samples_of(path):
    with wave.open(str(path)) as source:
        return array.array(S16, source.readframes(source.getnframes())), source.getnchannels()


def raw(path, kind, out, position_us=0):
    tool("raw", path, out, position_us)
    samples = array.array(kind)
    samples.frombytes(out.read_bytes())
    return samples


def worst_lsb(kind, ours, theirs):
    """The largest difference, in units of 1/32768."""
    if kind == S16:
        return max(abs(a - b) for a, b in zip(ours, theirs))
    return max(abs(min(max(a * 32768.0, -32768.0), 32767.0) - b) for a, b in zip(ours, theirs))


class Decode(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="refrain-decode-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def tracks(self):
        if refrain.WESNOTH.is_dir():
            return [refrain.WESNOTH / name for name in WESNOTH_TRACKS]
        return sorted(refrain.SAMPLE.glob("*.ogg"))

    def reference(self, path):
        """The track as a 16-bit WAV by oggdec."""
        out = self.folder / (path.stem + ".wav")
        run("oggdec", "-Q", "-o", out, path)
        return out

    def check_equal(self, path, kind, reference, lsb):
        theirs, channels = samples_of(reference)
        ours = raw(path, kind, self.folder / "ours")
        self.assertEqual(len(ours), len(theirs), path.name)
        self.assertEqual(probe(path)["samples"] * channels, len(theirs), path.name)
        worst = worst_lsb(kind, ours, theirs)
        print(f"{path.name}: {len(ours) // channels} frames, worst difference {worst:.3f} LSB")
        self.assertLessEqual(worst, lsb, path.name)

    def test_vorbis(self):
        for path in self.tracks():
            self.check_equal(path, F32, self.reference(path), 1)

    def test_opus(self):
        for path in self.tracks()[:2] + [refrain.SAMPLE / "4-drowsy-maggie.opus"]:
            opus, decoded = path, self.folder / "opus.wav"
            if path.suffix == ".ogg":
                opus = self.folder / (path.stem + ".opus")
                run("opusenc", "--quiet", self.reference(path), opus)
            run("opusdec", "--quiet", "--no-dither", "--rate", "48000", opus, decoded)
            self.check_equal(opus, S16, decoded, 1)

    def test_flac(self):
        for path in self.tracks()[:2] + [refrain.SAMPLE / "5-frere-jacques.flac"]:
            flac, decoded = path, self.folder / "flac.wav"
            if path.suffix == ".ogg":
                flac = self.folder / (path.stem + ".flac")
                run("flac", "-s", "-o", flac, self.reference(path))
            run("flac", "-s", "-f", "-d", "-o", decoded, flac)
            self.check_equal(flac, S16, decoded, 0)

    def test_flac_of_24_bits(self):
        frames = 50000
        values = [((i * 7919) % (1 << 23)) - (1 << 22) for i in range(frames)]
        plain = self.folder / "plain.raw"
        plain.write_bytes(b"".join(struct.pack("<i", value)[:3] for value in values))
        flac = self.folder / "deep.flac"
        run("flac", "-s", "--force-raw-format", "--endian=little", "--sign=signed", "--channels=1",
            "--bps=24", "--sample-rate=96000", "-o", flac, plain)
        found = probe(flac)
        self.assertEqual((found["samples"], found["bits"], found["rate"], found["channels"]),
                         (frames, 24, 96000, 1))
        self.assertEqual(list(raw(flac, "i", self.folder / "ours")), values)

    def test_counts(self):
        """Sample counts of every third of 41 tracks, against oggdec's."""
        for path in refrain.wesnoth()[::3]:
            reference = self.reference(path)
            frames = (reference.stat().st_size - 44) // 4
            reference.unlink()
            self.assertEqual(probe(path)["samples"], frames, path.name)

    def test_tails(self):
        """From a position on, the deck gives the tail of the whole."""
        for path, kind in [(refrain.SAMPLE / "1-minuet.ogg", F32),
                           (refrain.SAMPLE / "5-frere-jacques.flac", S16)]:
            whole = raw(path, kind, self.folder / "whole")
            rate = probe(path)["rate"]
            for position_us in (1, 333_333, 2_000_000, 11_111_111, 23_999_999):
                frame = (position_us * rate * 2 + 1_000_000) // 2_000_000
                tail = raw(path, kind, self.folder / "tail", position_us)
                self.assertEqual(tail.tobytes(), whole[frame * 2:].tobytes(), (path.name, position_us))

    def encode(self, name, *elements):
        """The minuet through GStreamer's own encoders; skipped where one is missing."""
        out = self.folder / name
        for element in elements:
            word = element.split()[0]
            if subprocess.run(["gst-inspect-1.0", "--exists", word], check=False).returncode != 0:
                self.skipTest(f"GStreamer's {word} is not installed")
        words = " ! ".join(("wavparse", "audioconvert", *elements)).split()
        run("gst-launch-1.0", "-q", "filesrc", f"location={self.reference(refrain.SAMPLE / '1-minuet.ogg')}",
            "!", *words, "!", "filesink", f"location={out}")
        return out

    def check_tails(self, path, kind):
        found = probe(path)
        whole = raw(path, kind, self.folder / "whole")
        self.assertEqual(len(whole), found["samples"] * found["channels"])
        for position_us in (0, 1, 5_000_000, 30_000_000):
            frame = (position_us * found["rate"] * 2 + 1_000_000) // 2_000_000
            tail = raw(path, kind, self.folder / "tail", position_us)
            self.assertEqual(tail.tobytes(), whole[frame * found["channels"]:].tobytes(), position_us)
        return found

    def test_mp3(self):
        if shutil.which("gst-launch-1.0") is None:
            self.skipTest("gst-launch-1.0 is not installed")
        minuet = probe(refrain.SAMPLE / "1-minuet.ogg")["samples"]
        path = self.encode("a.mp3", "lamemp3enc target=bitrate bitrate=128 cbr=true")
        found = self.check_tails(path, F32)
        self.assertEqual((found["codec"], found["rate"]), (4, 44100))
        self.assertLess(abs(found["samples"] - minuet), 4 * 1152)
        cut = self.folder / "cut.mp3"
        cut.write_bytes(path.read_bytes()[:-100])
        self.assertIn("ERROR_TRUNCATED", tool("probe", cut, check=False).stderr)

    def test_aac(self):
        if shutil.which("gst-launch-1.0") is None:
            self.skipTest("gst-launch-1.0 is not installed")
        minuet = probe(refrain.SAMPLE / "1-minuet.ogg")["samples"]
        for name, container in (("a.m4a", ("mp4mux",)),
                                ("a.aac", ("aacparse", "capsfilter caps=audio/mpeg,stream-format=adts"))):
            with self.subTest(name):
                path = self.encode(name, "voaacenc bitrate=128000", *container)
                found = self.check_tails(path, S16)
                self.assertEqual((found["codec"], found["rate"]), (5, 44100))
                self.assertLess(abs(found["samples"] - minuet), 4 * 1024)
                cut = self.folder / f"cut-{name}"
                cut.write_bytes(path.read_bytes()[:-100])
                self.assertIn("ERROR_TRUNCATED", tool("probe", cut, check=False).stderr)

    def test_remux(self):
        """600 KB of picture before the sound: taken out, all else stays."""
        cover = self.folder / "cover.png"
        cover.write_bytes((refrain.SAMPLE / "cover.png").read_bytes() + bytes(572_000))
        block = struct.pack(">II9sIIIIII", 3, 9, b"image/png", 0, 512, 512, 24, 0, cover.stat().st_size)
        comment = self.folder / "comment"
        comment.write_bytes(b"METADATA_BLOCK_PICTURE=" + base64.b64encode(block + cover.read_bytes()) + b"\n")
        vorbis = self.folder / "vorbis.ogg"
        run("vorbiscomment", "-a", "-c", comment, refrain.SAMPLE / "1-minuet.ogg", vorbis)
        reference = self.reference(refrain.SAMPLE / "1-minuet.ogg")
        opus, flac = self.folder / "opus.opus", self.folder / "flac.flac"
        run("opusenc", "--quiet", "--picture", cover, reference, opus)
        run("flac", "-s", "--picture", cover, "-o", flac, reference)
        for path, decoder in ((vorbis, ("oggdec", "-Q", "-o")), (opus, ("opusdec", "--quiet")),
                              (flac, ("flac", "-s", "-f", "-d", "-o"))):
            with self.subTest(path.name):
                self.check_remux(path, cover, decoder)

    def check_remux(self, path, cover, decoder):
        before = probe(path)
        self.assertGreater(before["picture_bytes"], 600_000)
        tool("cover", path, self.folder / "out.png")
        self.assertEqual((self.folder / "out.png").read_bytes(), cover.read_bytes())
        bare = path.with_name("bare" + path.suffix)
        tool("remux", path, bare)
        after = probe(bare)
        self.assertLess(bare.stat().st_size, path.stat().st_size - before["picture_bytes"] * 0.98)
        self.assertEqual((after["picture_bytes"], after["cover_bytes"]), (0, 0))
        chunks = sum(count for _, count in after["start"])
        print(f"{path.name}: start set {sum(count for _, count in before['start'])} -> {chunks} chunks")
        self.assertLess(chunks, sum(count for _, count in before["start"]) - 15)
        for key in ("samples", "title", "artist", "album", "track", "year", "track_gain", "peak"):
            self.assertEqual(before[key], after[key], key)
        tool("raw", path, self.folder / "one")
        tool("raw", bare, self.folder / "two")
        self.assertEqual((self.folder / "one").read_bytes(), (self.folder / "two").read_bytes())
        for source, out in ((path, "theirs-one.wav"), (bare, "theirs-two.wav")):
            words = (*decoder, self.folder / out, source) if decoder[-1] == "-o" else \
                (*decoder, source, self.folder / out)
            run(*words)
        self.assertEqual((self.folder / "theirs-one.wav").read_bytes(),
                         (self.folder / "theirs-two.wav").read_bytes())
        self.assertNotEqual(tool("remux", bare, self.folder / "none", check=False).returncode, 0)


if __name__ == "__main__":
    unittest.main()
