"""test_origin_folder.py: refrain-origin's offline verbs: init, add, ls, and what they leave on the disk."""

import hashlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import unittest
import urllib.request

import refrain

CHUNK = 16384


class Folder(unittest.TestCase):
    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()
        self.music = self.sandbox.path / "music"
        self.music.mkdir()

    def tone(self, name, **options):
        return refrain.make_tone(self.music / name, **options)

    def add(self, *arguments, code=0):
        added = self.origin.command("add", "--json", self.origin.folder, *arguments)
        self.assertEqual(added.code, code, added.describe())
        self.assertEqual(added.lines, [], "with --json standard output carries JSON lines only")
        self.assertEqual(added.events[-1]["event"], "summary")
        return added

    def counts(self, added):
        summary = added.events[-1]
        return tuple(summary[key] for key in ("added", "known", "passed_over", "failed"))

    def media_files(self):
        return {path for path in (self.origin.folder / "media").rglob("*") if path.is_file()}

    # --- init ---

    def test_init(self):
        folder = self.origin.folder
        self.assertEqual(stat.S_IMODE((folder / "identity.key").stat().st_mode), 0o600)
        self.assertRegex((folder / "identity.key").read_text(), r"\A[0-9a-f]{64}\n\Z")
        before = (folder / "identity.key").read_bytes()
        again = self.origin.command("init", folder)
        self.assertEqual(again.code, refrain.EXIT_STORAGE, again.describe())
        self.assertIn("origin", again.stderr)
        self.assertEqual((folder / "identity.key").read_bytes(), before)
        deep = self.origin.command("--json", "init", self.sandbox.path / "a" / "b" / "c")
        self.assertEqual(deep.code, 0, deep.describe())
        self.assertRegex(deep.events[0]["identity"], r"\A[0-9a-f]{64}\Z")
        foreign = self.origin.command("init", self.music.parent)
        self.assertEqual(foreign.code, refrain.EXIT_STORAGE, foreign.describe())

    # --- add ---

    def test_add_and_list(self):
        one = self.tone("one.ogg", seconds=2, title="One", number=1)
        two = self.tone("two.flac", seconds=1, title="Two \u266b", number=2)
        three = self.tone("three.opus", seconds=1, title="Three", number=3)
        added = self.add(three, one, two)
        self.assertEqual(self.counts(added), (3, 0, 0, 0))
        events = added.of("added")
        self.assertEqual([event["path"] for event in events], [str(three), str(one), str(two)])
        self.assertEqual(added.events[-1]["bytes"], sum(path.stat().st_size for path in (one, two, three)))
        tracks = self.origin.tracks()
        self.assertEqual([track["title"] for track in tracks], ["One", "Two \u266b", "Three"])
        self.assertEqual([track["track"] for track in tracks], [1, 2, 3])
        self.assertEqual([track["files"][0]["codec"] for track in tracks], ["vorbis", "flac", "opus"])
        self.assertEqual([track["duration_ms"] for track in tracks], [2000, 1000, 1000])
        self.assertEqual({track["artist"] for track in tracks}, {"Test"})
        self.assertEqual({event["id"] for event in events}, {track["id"] for track in tracks})
        self.assertLessEqual({"id", "title", "artist", "album", "track", "duration_ms", "files"}, set(tracks[0]))
        self.assertLessEqual({"id", "bytes", "codec", "bitrate"}, set(tracks[0]["files"][0]))
        plain = self.origin.command("ls", self.origin.folder)
        self.assertEqual([line.split()[0] for line in plain.lines], [track["id"] for track in tracks])

    def test_stored_as_they_are(self):
        paths = {path.stat().st_size: path for path in
                 (self.tone("one.ogg", seconds=4), self.tone("two.flac", seconds=3))}
        self.add(*paths.values())
        for track in self.origin.tracks():
            file = track["files"][0]
            stored = self.origin.folder / "media" / file["id"][:2] / file["id"]
            self.assertEqual(stored.read_bytes(), paths[file["bytes"]].read_bytes())
            self.assertEqual(track["id"], self.track_id(paths[file["bytes"]], file["id"]))
        self.assertEqual(len(self.media_files()), 2, "nothing temporary is left")

    @staticmethod
    def track_id(path, root):
        """As media/core/track_id.h says."""
        data = b"track" + bytes.fromhex(root) + path.stat().st_size.to_bytes(8, "big")
        return hashlib.sha256(data).hexdigest()[:32]

    def test_known(self):
        one = self.tone("one.ogg")
        self.assertEqual(self.counts(self.add(one)), (1, 0, 0, 0))
        before = self.origin.tracks()
        copy = self.music / "another name.ogg"
        shutil.copy(one, copy)
        again = self.add(one, copy, self.music)
        self.assertEqual(self.counts(again), (0, 4, 0, 0))
        self.assertEqual({event["id"] for event in again.of("known")}, {before[0]["id"]})
        self.assertEqual(self.origin.tracks(), before)

    def test_a_lost_media_file_comes_back(self):
        one = self.tone("one.ogg")
        self.add(one)
        stored, = self.media_files()
        stored.unlink()
        self.assertEqual(self.counts(self.add(one)), (0, 1, 0, 0))
        self.assertEqual(self.media_files(), {stored})
        self.assertEqual(stored.read_bytes(), one.read_bytes())

    def test_the_same_file_twice_at_once(self):
        one = self.tone("one.ogg")
        shutil.copy(one, self.music / "two.ogg")
        self.assertEqual(self.counts(self.add(self.music)), (1, 1, 0, 0))
        self.assertEqual(len(self.media_files()), 1)

    def test_folders(self):
        (self.music / "b").mkdir()
        (self.music / "a").mkdir()
        self.tone("b/2.ogg", title="b2")
        self.tone("b/1.ogg", title="b1", hertz=300)
        self.tone("a/9.flac", title="a9", hertz=200)
        (self.music / "a" / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
        (self.music / "notes.txt").write_text("text\n" * 100)
        (self.music / "empty.ogg").touch()
        added = self.add(self.music)
        self.assertEqual(self.counts(added), (3, 0, 3, 0))
        self.assertEqual([event["title"] for event in added.of("added")], ["a9", "b1", "b2"])
        # The origin within what is added does not add itself.
        self.assertEqual(self.counts(self.add(self.sandbox.path)), (0, 3, 3, 0))

    def test_names(self):
        """Without tags the name of the file is the title; names need not be UTF-8."""
        plain = self.tone("one.ogg")
        odd = os.fsencode(self.music) + b"/\xff\xfe\n\x1b[31m.ogg"
        shutil.copy(plain, odd)
        if shutil.which("vorbiscomment"):
            subprocess.run(["vorbiscomment", "-w", "-t", "ARTIST=x", plain], check=True)
        added = self.add(self.music)
        self.assertEqual(added.events[-1]["failed"], 0)
        shown = self.origin.command("add", self.origin.folder, os.fsdecode(odd))
        self.assertEqual(shown.code, 0, shown.describe())
        self.assertNotIn("\x1b", shown.stderr + "\n".join(shown.lines))
        self.assertNotIn("\x1b", "\n".join(self.origin.command("ls", self.origin.folder).lines))

    def test_damaged_in_a_folder_is_an_error(self):
        whole = self.tone("whole.flac", seconds=4).read_bytes()
        (self.music / "cut.flac").write_bytes(whole[:len(whole) // 2])
        added = self.add(self.music, code=refrain.EXIT_SOME_FAILED)
        self.assertEqual(self.counts(added), (1, 0, 0, 1))
        self.assertIn("cut.flac", added.stderr)
        self.assertTrue(added.of("failed")[0]["path"].endswith("cut.flac"))
        self.assertEqual(len(self.media_files()), 1)

    def test_pictures_before_the_sound(self):
        """A large cover is taken out of the stored copy, unless the bytes are to be kept."""
        if shutil.which("metaflac") is None:
            self.skipTest("metaflac is not installed")
        tone = self.tone("one.flac", seconds=2)
        picture = self.sandbox.path / "cover.png"
        header = b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000d49484452000000010000000108020000009077") \
            + bytes.fromhex("53de")
        picture.write_bytes(header + os.urandom(300_000))
        subprocess.run(["metaflac", f"--import-picture-from=3|image/png||1x1x24|{picture}", str(tone)],
                       check=True)
        self.add(tone)
        kept = refrain.Origin(self.sandbox, self.sandbox.path / "kept")
        kept.init()
        added = kept.command("add", kept.folder, tone, "--keep-bytes")
        self.assertEqual(added.code, 0, added.describe())
        without, with_picture = self.origin.tracks()[0], kept.tracks()[0]
        self.assertEqual(without["id"], with_picture["id"], "named by the source")
        self.assertEqual(with_picture["files"][0]["bytes"], tone.stat().st_size)
        self.assertLess(without["files"][0]["bytes"], tone.stat().st_size - 250_000)
        self.assertEqual(without["duration_ms"], with_picture["duration_ms"])
        self.assertEqual(len(self.media_files()), 2, "the cover is a file of its own")
        self.assertEqual(self.counts(self.add(tone)), (0, 1, 0, 0), "known, though stored otherwise")

    def cover_of(self, track):
        """The stored bytes of the track's cover."""
        root = track["cover"]["id"]
        data = (self.origin.folder / "media" / root[:2] / root).read_bytes()
        self.assertEqual(len(data), track["cover"]["bytes"])
        return data

    def test_cover_beside_the_music(self):
        """A picture in the folder is the cover of all tracks in it, stored once, and served."""
        picture = refrain.SAMPLE / "cover.png"
        self.tone("one.ogg", title="One", number=1)
        self.tone("two.ogg", title="Two", number=2, seconds=2)
        shutil.copy(picture, self.music / "Folder.png")
        (self.music / "cover.jpg").write_text("a picture by its name only")
        self.assertEqual(self.counts(self.add(self.music)), (2, 0, 2, 0))
        one, two = self.origin.tracks()
        self.assertEqual(one["cover"], two["cover"])
        self.assertEqual(self.cover_of(one), picture.read_bytes())
        self.assertEqual(len(self.media_files()), 3)
        self.origin.serve(http=True)
        address = f"{self.origin.url}/v1/files/{one['cover']['id']}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Type"], "image/png")
            self.assertEqual(answer.read(), picture.read_bytes())

    def test_cover_of_the_sample(self):
        """The file's own picture goes before the folder's; here they are the same one."""
        self.add(refrain.SAMPLE)
        tracks = self.origin.tracks()
        self.assertEqual({track["cover"]["id"] for track in tracks}, {tracks[0]["cover"]["id"]})
        self.assertEqual(self.cover_of(tracks[4]), (refrain.SAMPLE / "cover.png").read_bytes())

    def test_no_cover(self):
        self.add(self.tone("one.ogg"))
        self.assertIsNone(self.origin.tracks()[0]["cover"])

    # --- other processes ---

    def test_one_adds_at_a_time(self):
        tracks = [self.tone(f"{number}.flac", seconds=8, hertz=200 + 10 * number) for number in range(6)]
        first = refrain.Process([refrain.program("refrain-origin"), "add", "--json", self.origin.folder,
                                 *tracks], self.sandbox.environment())
        first.wait_event("added")
        second = self.origin.command("add", self.origin.folder, tracks[0])
        running = first.popen.poll() is None
        self.assertEqual(first.finish(), 0, first.describe())
        if running or second.code != 0:
            self.assertEqual(second.code, refrain.EXIT_IN_USE, second.describe())
            self.assertIn("another refrain-origin", second.stderr)
        self.assertEqual(len(self.origin.tracks()), 6)

    def test_interrupt(self):
        """What was reported is there; the exit code says that it was interrupted."""
        tracks = [self.tone(f"{number}.flac", seconds=8, hertz=200 + 10 * number) for number in range(12)]
        adding = refrain.Process([refrain.program("refrain-origin"), "add", "--json", self.origin.folder,
                                  *tracks], self.sandbox.environment())
        adding.wait_event("added")
        adding.send_signal(signal.SIGINT)
        self.assertEqual(adding.finish(), refrain.EXIT_INTERRUPTED, adding.describe())
        reported = {event["id"] for event in adding.of("added")}
        self.assertEqual({track["id"] for track in self.origin.tracks()}, reported)
        self.assertEqual(adding.summary["added"], len(reported))
        self.assertEqual(len(self.media_files()), len(reported))

    def test_a_kill_leaves_nothing_for_long(self):
        tracks = [self.tone(f"{number}.flac", seconds=8, hertz=200 + 10 * number) for number in range(12)]
        adding = refrain.Process([refrain.program("refrain-origin"), "add", "--json", self.origin.folder,
                                  *tracks], self.sandbox.environment())
        adding.wait_event("added")
        adding.kill()
        rubbish = self.origin.folder / "media" / "temporary" / "new.abcdef"
        rubbish.write_bytes(b"half a file")
        self.add(tracks[0])
        files = {track["files"][0]["id"] for track in self.origin.tracks()}
        self.assertEqual({path.name for path in self.media_files()}, files)

    def test_the_disk_has_the_last_word(self):
        """A catalogue of a newer version, or of somebody else, is refused and left as it is."""
        data = self.origin.folder / "catalogue" / "data.mdb"
        whole = data.read_bytes()
        newer = whole.replace(b"RFCATLOG\0\0\0\2", b"RFCATLOG\0\0\0\3")
        self.assertNotEqual(newer, whole)
        for content, word in ((newer, "newer"), (b"something else" * 5000, "catalogue"), (b"", "catalogue")):
            with self.subTest(word):
                data.write_bytes(content)
                for verb in (["ls"], ["add"]):
                    arguments = [self.music] if verb == ["add"] else []
                    answer = self.origin.command(*verb, self.origin.folder, *arguments)
                    self.assertEqual(answer.code, refrain.EXIT_STORAGE, answer.describe())
                    self.assertIn(word, answer.stderr)
                self.assertEqual(data.read_bytes(), content)

    # --- the command line ---

    def test_options_before_and_after(self):
        self.add(self.tone("one.ogg"))
        for arguments in (["ls", self.origin.folder, "--json"], ["--json", "ls", self.origin.folder],
                          ["ls", "--json", self.origin.folder], ["ls", "--json", "--", self.origin.folder]):
            listed = self.origin.command(*arguments)
            self.assertEqual((listed.code, len(listed.events)), (0, 1), listed.describe())
        for arguments in (["--help"], ["add", "--help"], ["--help", "add"], ["-h"], ["--version"],
                          ["ls", "--version"]):
            shown = self.origin.command(*arguments)
            self.assertEqual(shown.code, 0, shown.describe())
            self.assertTrue(shown.lines)
        for arguments in ([], ["ls"], ["ls", "a", "b"], ["ls", self.origin.folder, "--keep-bytes"],
                          ["add", self.origin.folder], ["dance", "x"], ["--listen"]):
            wrong = self.origin.command(*arguments)
            self.assertEqual(wrong.code, refrain.EXIT_USAGE, wrong.describe())
            self.assertTrue(wrong.stderr.startswith("refrain-origin: "), wrong.describe())


class RealMusic(unittest.TestCase):
    def test_wesnoth(self):
        paths = refrain.wesnoth()
        with refrain.Sandbox() as sandbox:
            origin = refrain.Origin(sandbox)
            origin.init()
            added = origin.add("--json", pathlib.Path(paths[0]).parent)
            self.assertEqual(added.events[-1]["added"], len(paths))
            tracks = origin.tracks()
            self.assertEqual(len(tracks), 41)
            album = [track["track"] for track in tracks if track["album"].endswith("Wesnoth OST")]
            self.assertGreater(len(album), 20)
            falls = sum(left > right for left, right in zip(album, album[1:], strict=False))
            self.assertLessEqual(falls, 2, "two discs, each in order")


if __name__ == "__main__":
    unittest.main()
