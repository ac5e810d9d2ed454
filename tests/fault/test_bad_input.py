"""test_bad_input.py: what people and machines get wrong, each with a clear message, the exit code
that docs/CLI.md gives it, and nothing lost.

The suite runs as root in CI: another uid is taken with setpriv, a full disk is a small tmpfs, a
read-only one a read-only bind mount. Where that is not permitted, a test says so and is skipped.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import unittest

import refrain
import wire

NOBODY = 65534


@contextlib.contextmanager
def mounted(folder, *arguments):
    """Something mounted on a folder; the test is skipped where that is not permitted."""
    folder.mkdir(exist_ok=True)
    result = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise unittest.SkipTest(f"mount is not permitted: {result.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def small_disk(folder, size):
    return mounted(folder, "-t", "tmpfs", "-o", f"size={size},mode=777", "tmpfs")


@contextlib.contextmanager
def read_only(folder):
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
        yield folder


class BadInput(unittest.TestCase):
    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()
        self.music = refrain.make_tone(self.sandbox.path / "one.ogg", 3, title="One")
        self.origin.add(self.music)
        self.before = self.origin.tracks()
        self.addCleanup(lambda: self.origin.__exit__())

    def says(self, process, code, *words):
        """It ended with the code, and standard error has a line of the programs' form with the words."""
        self.assertEqual(process.code, code, process.describe())
        name = pathlib.Path(process.arguments[0]).name if "refrain" in process.arguments[0] else "refrain"
        lines = [line for line in process.errors if line.startswith(name)]
        self.assertTrue(lines, process.describe())
        for word in words:
            self.assertIn(word.lower(), process.stderr.lower(), process.describe())

    def nothing_lost(self):
        self.assertEqual(self.origin.tracks(), self.before)
        if self.origin.process is None:
            self.origin.serve()
        played = refrain.Player(self.origin).play("all")
        self.assertEqual(played.code, 0, played.describe())
        self.assertEqual(played.summary["tracks"], len(self.before))

    # --- what is added ---

    def test_not_audio(self):
        text = self.sandbox.path / "notes.txt"
        text.write_text("la la la\n" * 1000)
        self.says(self.origin.command("add", self.origin.folder, text), refrain.EXIT_MEDIA, "notes.txt")
        empty = self.sandbox.path / "empty.ogg"
        empty.touch()
        self.says(self.origin.command("add", self.origin.folder, empty), refrain.EXIT_MEDIA, "empty.ogg")
        liar = self.sandbox.path / "liar.flac"
        liar.write_bytes(b"fLaC" + bytes(range(256)) * 40)
        self.says(self.origin.command("add", self.origin.folder, liar), refrain.EXIT_MEDIA, "liar.flac")
        self.nothing_lost()

    def test_not_audio_in_a_folder_is_passed_over(self):
        folder = self.sandbox.path / "album"
        folder.mkdir()
        (folder / "cover.txt").write_text("not music\n")
        shutil.copy(refrain.make_tone(self.sandbox.path / "two.flac", 1, title="Two"), folder / "two.flac")
        added = self.origin.command("add", self.origin.folder, folder)
        self.assertEqual(added.code, 0, added.describe())
        self.assertEqual({track["title"] for track in self.origin.tracks()}, {"One", "Two"})

    def test_some_named_files_fail(self):
        good = refrain.make_tone(self.sandbox.path / "good.flac", 1, title="Good")
        bad = self.sandbox.path / "bad.flac"
        bad.write_bytes(b"not flac")
        self.says(self.origin.command("add", self.origin.folder, bad, good), refrain.EXIT_SOME_FAILED, "bad.flac")
        self.assertIn("Good", {track["title"] for track in self.origin.tracks()})

    def test_no_such_file(self):
        self.says(self.origin.command("add", self.origin.folder, self.sandbox.path / "nowhere.ogg"),
                  refrain.EXIT_NOT_FOUND, "nowhere.ogg")
        self.nothing_lost()

    def test_truncated_audio(self):
        """What a broken download leaves: never a crash; refused, or added with what it has."""
        whole = {suffix: refrain.make_tone(self.sandbox.path / f"whole{suffix}", 4).read_bytes()
                 for suffix in (".ogg", ".opus", ".flac")}
        for suffix, data in whole.items():
            for cut in (30, 200, len(data) // 2, len(data) - 1):
                with self.subTest(suffix=suffix, cut=cut):
                    path = self.sandbox.path / f"cut-{cut}{suffix}"
                    path.write_bytes(data[:cut])
                    added = self.origin.command("add", self.origin.folder, path)
                    if added.code != 0 or cut < 1000:
                        self.says(added, refrain.EXIT_MEDIA, path.name)
        # Whatever was accepted plays to its end.
        self.origin.serve()
        played = refrain.Player(self.origin).play("all")
        self.assertEqual(played.code, 0, played.describe())
        self.assertEqual(played.summary["tracks"], len(self.origin.tracks()))

    @unittest.skipUnless(os.getuid() == 0 and shutil.which("setpriv"), "only root can take another uid")
    def test_unreadable_folder(self):
        closed = self.sandbox.path / "closed"
        closed.mkdir()
        shutil.copy(self.music, closed / "one.ogg")
        closed.chmod(0o700)
        self.sandbox.path.chmod(0o755)
        for path in [self.origin.folder, *self.origin.folder.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        added = self.origin.command("add", self.origin.folder, closed, prefix=[
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"])
        self.assertNotEqual(added.code, 0, added.describe())
        self.assertIn("closed", added.stderr)
        self.assertIn(added.code, {refrain.EXIT_NOT_FOUND, refrain.EXIT_STORAGE}, added.describe())
        self.nothing_lost()

    # --- disks ---

    def test_origin_on_a_full_disk(self):
        with small_disk(self.sandbox.path / "disk", "3m") as disk:
            origin = refrain.Origin(self.sandbox, disk / "origin")
            origin.init()
            origin.add(self.music)
            before = origin.tracks()
            big = refrain.make_tone(self.sandbox.path / "big.flac", 60)
            self.assertGreater(big.stat().st_size, 3 << 20)
            self.says(origin.command("add", origin.folder, big), refrain.EXIT_STORAGE, "space")
            self.assertEqual(origin.tracks(), before)
            with origin:
                origin.serve()
                played = refrain.Player(origin).play("all")
                self.assertEqual(played.code, 0, played.describe())

    def test_cache_on_a_full_disk(self):
        big = refrain.make_tone(self.sandbox.path / "big.flac", 60)
        self.origin.add(big)
        self.origin.serve()
        player = refrain.Player(self.origin)
        with small_disk(player.sandbox.cache, "2m"):
            played = player.play("all", timeout_s=120)
            self.says(played, 0, "cache")
            self.assertEqual(played.summary["tracks"], 2)
            again = player.play("all", timeout_s=120)
            self.assertEqual(again.code, 0, again.describe())

    def test_read_only_cache_and_state(self):
        self.origin.serve()
        player = refrain.Player(self.origin)
        with read_only(player.sandbox.cache):
            played = player.play("all")
            self.says(played, 0, "cache")
            self.assertEqual(played.summary["tracks"], 1)
        with read_only(player.sandbox.state):
            played = player.play("all")
            self.assertIn(played.code, {0, refrain.EXIT_STORAGE}, played.describe())
            self.assertTrue(played.errors, "it says that it cannot write")

    def test_read_only_origin(self):
        with read_only(self.origin.folder):
            other = refrain.make_tone(self.sandbox.path / "other.flac", 1)
            self.says(self.origin.command("add", self.origin.folder, other), refrain.EXIT_STORAGE)
        self.nothing_lost()

    # --- addresses and names ---

    def test_port_in_use(self):
        self.origin.serve()
        second = self.origin.command("serve", self.origin.folder, "--listen", self.origin.address)
        self.says(second, refrain.EXIT_IN_USE, str(self.origin.port))
        self.nothing_lost()

    def test_addresses_that_are_none(self):
        for listen in ("nonsense", "127.0.0.1:70000", "127.0.0.1:-1", "[::1", ":"):
            with self.subTest(listen):
                served = self.origin.command("serve", self.origin.folder, "--listen", listen)
                self.assertIn(served.code, {refrain.EXIT_USAGE, refrain.EXIT_NETWORK}, served.describe())
                self.assertTrue(served.errors)

    def test_a_folder_that_is_no_origin(self):
        for verb in ("ls", "serve", "add"):
            with self.subTest(verb):
                arguments = [self.music] if verb == "add" else []
                answer = self.origin.command(verb, self.sandbox.path, *arguments)
                self.says(answer, refrain.EXIT_NOT_FOUND, "init")

    def test_unknown_origin(self):
        self.origin.serve()
        gone = self.origin.url
        self.origin.stop()
        for url in (gone, "https://origin.invalid:7373"):
            with self.subTest(url):
                player = refrain.Player()
                played = player.play("all", "--origin", url)
                self.says(played, refrain.EXIT_NETWORK, url.split("//")[1].split(":")[0])
        played = refrain.Player().play("all", "--origin", "gopher://x")
        self.says(played, refrain.EXIT_USAGE)

    def test_unknown_track(self):
        self.origin.serve()
        player = refrain.Player(self.origin)
        for target in ("0123456789abcdef" * 2, "refrain://" + self.origin.address + "/tracks/" + "00" * 16):
            with self.subTest(target):
                self.says(player.play(target), refrain.EXIT_NOT_FOUND)
        self.says(player.fetch("00" * 16, self.sandbox.path / "out"), refrain.EXIT_NOT_FOUND)
        self.assertFalse((self.sandbox.path / "out").exists())
        self.nothing_lost()

    # --- who lies ---

    def test_changed_identity(self):
        self.origin.serve()
        player = refrain.Player(self.origin)
        self.assertEqual(player.play("all").code, 0)
        pins = (player.sandbox.state / "refrain" / "known_origins").read_text()
        address = self.origin.address
        self.origin.stop()
        other = refrain.Origin(self.sandbox, self.sandbox.path / "other")
        other.init()
        other.add(refrain.make_tone(self.sandbox.path / "other.ogg", 2))
        with other:
            for http in (False, True):
                with self.subTest(http=http):
                    other.serve(http=http, listen=address)
                    player.origin = other
                    played = player.play(other.tracks()[0]["id"])
                    self.says(played, refrain.EXIT_IDENTITY, "identity", "known_origins")
                    other.stop()
        self.assertEqual((player.sandbox.state / "refrain" / "known_origins").read_text(), pins)
        self.origin.serve(listen=address)
        player.origin = self.origin
        self.assertEqual(player.play("all").code, 0)

    def test_wrong_bytes_from_the_origin(self):
        """A byte of the origin's disk rots: the proof catches it, it is reported, it is not heard."""
        good = refrain.make_tone(self.sandbox.path / "two.flac", 2, title="Two")
        self.origin.add(good)
        track = next(track for track in self.origin.tracks() if track["title"] == "Two")
        root = track["files"][0]["id"]
        media = self.origin.folder / "media" / root[:2] / root
        rotten = bytearray(media.read_bytes())
        rotten[len(rotten) // 2] ^= 1
        media.chmod(0o644)
        media.write_bytes(rotten)
        for http in (False, True):
            with self.subTest(http=http):
                self.origin.serve(http=http)
                player = refrain.Player(self.origin)
                played = player.play(track["id"])
                self.assertIn(played.code, {refrain.EXIT_SOME_FAILED, refrain.EXIT_IDENTITY}, played.describe())
                self.assertTrue(played.errors, "it is reported")
                out = player.sandbox.path / "out.flac"
                fetched = player.fetch(track["id"], out)
                self.assertNotEqual(fetched.code, 0, fetched.describe())
                self.assertFalse(out.exists() and out.read_bytes() == bytes(rotten))
                verified = player.run("cache", "verify", origin=False)
                self.assertEqual(verified.code, 0, verified.describe())
                self.origin.stop()
        media.write_bytes(good.read_bytes())
        self.before = self.origin.tracks()
        self.nothing_lost()

    def test_an_origin_that_talks_nonsense(self):
        """Something else listens there: no hang, a message, the network's exit code."""
        import socket
        import threading

        for answer in (b"", b"\0" * 1000, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
                       b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + b"\xff" * 5000):
            with self.subTest(answer[:20]):
                listener = socket.create_server(("127.0.0.1", 0))

                def serve(listener=listener, answer=answer):
                    while True:
                        try:
                            sock, _ = listener.accept()
                        except OSError:
                            return
                        with sock:
                            try:
                                sock.recv(65536)
                                sock.sendall(answer)
                            except OSError:
                                pass

                threading.Thread(target=serve, daemon=True).start()
                for scheme in ("http", "https"):
                    url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
                    played = refrain.Player().play("00" * 16, "--origin", url, timeout_s=90)
                    self.assertIn(played.code, {refrain.EXIT_NETWORK, refrain.EXIT_IDENTITY}, played.describe())
                    self.assertTrue(played.errors)
                listener.shutdown(socket.SHUT_RDWR)
                listener.close()

    def test_links_that_break(self):
        """The connection is cut again and again: the music is whole all the same."""
        self.origin.add(refrain.make_tone(self.sandbox.path / "long.flac", 30))
        self.origin.serve()
        with wire.Relay(self.origin.address, 3_000_000) as relay:
            class Through:
                url = f"https://{relay.address}"

            player = refrain.Player(Through)
            running = player.start("play", "all", "--output", f"wav:{self.sandbox.path / 'out.wav'}")
            for cuts in range(1, 6):
                self.assertTrue(relay.wait_passed(cuts * 250_000), running.describe())
                relay.cut()
            self.assertEqual(running.finish(), 0, running.describe())
        self.assertEqual(running.summary["tracks"], 2)
        self.assertEqual(running.summary["played_ms"], 33000)
        self.assertEqual(refrain.Wav(self.sandbox.path / "out.wav").frames, 33 * 44100)

    # --- state ---

    def test_one_engine_per_state_folder(self):
        self.origin.serve()
        player = refrain.Player(self.origin)
        with player.start("play", "all", "--output", "null") as first:
            # Its lock is held by the time the origin has its link.
            while not player.sandbox.state.joinpath("refrain").exists() and first.popen.poll() is None:
                pass
            second = player.play("all")
            if first.popen.poll() is None:
                self.says(second, refrain.EXIT_IN_USE, "another")
            self.assertEqual(first.finish(), 0, first.describe())

    def test_damaged_cache_is_set_aside(self):
        self.origin.serve()
        player = refrain.Player(self.origin)
        self.assertEqual(player.play("all").code, 0)
        data = next(player.sandbox.cache.rglob("data.mdb"))
        data.write_bytes(b"not a database" * 1000)
        played = player.play("all")
        self.says(played, 0, "cache")
        self.assertEqual(played.summary["bytes"]["cache"], 0)
        self.assertEqual(player.play("all").summary["bytes"]["origin"], 0)

    def test_usage(self):
        player = refrain.Player()
        for arguments in (["nonsense"], ["play"], ["play", "all", "--no-such-option"],
                          ["play", "zz"], ["play", "all", "--output", "nowhere"],
                          ["play", "all", "--cache-limit", "much"]):
            with self.subTest(arguments):
                self.says(player.run(*arguments), refrain.EXIT_USAGE)
        for arguments in (["nonsense"], ["init"], ["add", self.origin.folder], ["serve"], ["ls", "--nope"]):
            with self.subTest(arguments):
                self.says(self.origin.command(*arguments), refrain.EXIT_USAGE)


if __name__ == "__main__":
    unittest.main()
