"""test_play.py: refrain plays, fetches and lists what refrain-origin serves.

Bytes by source, samples against the reference decoders, gapless joins, keys on a terminal, an origin
that goes away in mid-play, and the shape of every JSON line.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time
import unicodedata
import unittest

import refrain
import wire

PLAY = {"event", "track", "wait_ms", "cause", "cached", "stutters", "stall_ms"}
SUMMARY = {"event", "tracks", "played_ms", "bytes", "duplicate_bytes", "overhead_bytes", "unread_bytes",
           "received_bytes", "payload", "stutters", "stall_ms"}


def make_origin(sandbox, *paths, http=False):
    origin = refrain.Origin(sandbox)
    origin.init()
    origin.add(*paths)
    origin.serve(http=http)
    return origin


def on_device(sandbox, *arguments):
    """The player with a sink of GStreamer's that keeps time in the place of an audio device."""
    environment = sandbox.environment(REFRAIN_AUDIO_SINK="fakesink sync=true")
    return refrain.Process([refrain.program("refrain"), *arguments, "--json"], environment)


def by_title(origin):
    return {track["title"]: track for track in origin.tracks()}


class Sources(unittest.TestCase):
    """Real music: three tracks from the origin, then from the cache, then without an origin."""

    def test_three_tracks(self):
        music = sorted(refrain.wesnoth(), key=lambda path: path.stat().st_size)[18:21]
        with refrain.Sandbox() as sandbox, make_origin(sandbox, *music) as origin:
            tracks = origin.tracks()
            whole = sum(track["files"][0]["bytes"] for track in tracks)
            played_ms = sum(track["duration_ms"] for track in tracks)
            ids = [track["id"] for track in tracks]
            player = refrain.Player(origin)

            first = player.play(*ids)
            self.assertEqual(first.code, 0, first.describe())
            self.assertEqual(first.summary["bytes"], {"cache": 0, "peers": 0, "origin": whole})
            self.assertEqual(first.summary["tracks"], 3)
            self.assertAlmostEqual(first.summary["played_ms"], played_ms, delta=5)
            self.assertEqual(first.summary["duplicate_bytes"], 0)
            self.assertLess(first.summary["overhead_bytes"], whole * 0.01)
            self.assertEqual([play["cached"] for play in first.of("play")][0], "none")
            self.assertEqual([play["cause"] for play in first.of("play")], ["click", "auto", "auto"])

            again = player.play(*ids)
            self.assertEqual(again.code, 0, again.describe())
            self.assertEqual(again.summary["bytes"], {"cache": whole, "peers": 0, "origin": 0})
            self.assertEqual({play["cached"] for play in again.of("play")}, {"full"})

            status = player.cache_status()
            self.assertEqual(status["payload_bytes"], whole)
            self.assertEqual(status["files"], 3)

            origin.stop()
            offline = player.play(*ids, "--offline", origin=False)
            self.assertEqual(offline.code, 0, offline.describe())
            self.assertEqual(offline.summary["bytes"], {"cache": whole, "peers": 0, "origin": 0})
            self.assertEqual(offline.summary["overhead_bytes"], 0)

            # The origin is away and was asked for nothing: what is cached plays all the same.
            unreachable = player.play(*ids)
            self.assertEqual(unreachable.code, 0, unreachable.describe())
            listed = player.run("ls", "tracks", "--offline", origin=False)
            self.assertEqual({track["id"] for track in listed.events}, set(ids))


class Samples(unittest.TestCase):
    """--output wav: against the reference decoders, alone and joined."""

    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        folder = cls.sandbox.path / "music"
        folder.mkdir()
        source = min(refrain.wesnoth(), key=lambda path: path.stat().st_size)
        cls.files = {"vorbis": folder / "vorbis.ogg", "opus": folder / "opus.opus",
                     "flac": folder / "flac.flac", "short": folder / "short.ogg"}
        shutil.copy(source, cls.files["vorbis"])
        plain = cls.sandbox.path / "plain.wav"
        for tool in ("oggdec", "opusenc", "opusdec", "flac", "oggenc"):
            if shutil.which(tool) is None:
                raise unittest.SkipTest(f"{tool} is not installed")
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["oggdec", "-Q", "-o", plain, source], **quiet)
        subprocess.run(["opusenc", "--quiet", "--title", "opus", plain, cls.files["opus"]], **quiet)
        subprocess.run(["flac", "-s", "-f", "-T", "TITLE=flac", "-o", cls.files["flac"], plain], **quiet)
        refrain.make_tone(cls.files["short"], 2.5, title="short")
        cls.origin = make_origin(cls.sandbox, folder)
        cls.player = refrain.Player(cls.origin)
        cls.ids = {}
        codecs = {track["files"][0]["codec"]: track["id"] for track in cls.origin.tracks()
                  if track["title"] != "short"}
        cls.ids = {**codecs, "short": by_title(cls.origin)["short"]["id"]}

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def wav(self, name, *targets, code=0):
        path = self.sandbox.path / f"{name}.wav"
        played = self.player.play(*targets, output=f"wav:{path}")
        self.assertEqual(played.code, code, played.describe())
        return refrain.Wav(path)

    def reference(self, *command):
        path = self.sandbox.path / "reference.wav"
        subprocess.run([*map(str, command), str(path)], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return refrain.Wav(path)

    def worst(self, ours, theirs):
        """The largest difference of a sample, on the scale of 16 bits."""
        self.assertEqual((ours.rate, ours.channels), (theirs.rate, theirs.channels))
        self.assertEqual(ours.frames, theirs.frames)
        limit = 32767
        return max(abs(min(a, limit) - b) for a, b in zip(ours.samples_16(), theirs.samples_16()))

    def test_vorbis(self):
        ours = self.wav("vorbis", self.ids["vorbis"])
        self.assertTrue(ours.is_float)
        self.assertLessEqual(self.worst(ours, self.reference("oggdec", "-Q", self.files["vorbis"], "-o")), 1.0)

    def test_opus(self):
        ours = self.wav("opus", self.ids["opus"])
        self.assertEqual(ours.rate, 48000)
        theirs = self.reference("opusdec", "--quiet", "--no-dither", "--rate", "48000", self.files["opus"])
        self.assertLessEqual(self.worst(ours, theirs), 1)

    def test_flac(self):
        ours = self.wav("flac", self.ids["flac"])
        theirs = self.reference("flac", "-s", "-f", "-d", self.files["flac"], "-o")
        self.assertEqual(ours.bits, 16)
        self.assertEqual(ours.data, theirs.data)

    def test_join(self):
        one = self.wav("one", self.ids["vorbis"])
        two = self.wav("two", self.ids["short"])
        joined = self.wav("joined", self.ids["vorbis"], self.ids["short"], self.ids["vorbis"])
        self.assertEqual(joined.frames, 2 * one.frames + two.frames)
        self.assertEqual(joined.data, one.data + two.data + one.data)

    def test_other_format_is_converted(self):
        flac = self.wav("flac", self.ids["flac"])
        opus = self.wav("opus", self.ids["opus"])
        mixed = self.wav("mixed", self.ids["flac"], self.ids["opus"])
        self.assertEqual((mixed.rate, mixed.bits, mixed.channels), (flac.rate, 16, flac.channels))
        self.assertEqual(mixed.data[:len(flac.data)], flac.data)
        self.assertAlmostEqual(mixed.frames, flac.frames + opus.frames * flac.rate / opus.rate, delta=1)

    def test_start_position(self):
        whole = self.wav("whole", self.ids["short"])
        path = self.sandbox.path / "tail.wav"
        played = self.player.play(self.ids["short"], "--start", "1.5", output=f"wav:{path}")
        self.assertEqual(played.code, 0, played.describe())
        tail = refrain.Wav(path)
        self.assertEqual(tail.frames, whole.frames - whole.rate * 3 // 2)
        self.assertEqual(tail.data, whole.data[-len(tail.data):])

    def test_fifo(self):
        whole = self.wav("whole", self.ids["short"])
        path = self.sandbox.path / "fifo"
        os.mkfifo(path)
        with self.player.start("play", self.ids["short"], "--output", f"wav:{path}") as process:
            with open(path, "rb") as reader:
                raw = reader.read()
            self.assertEqual(process.finish(), 0, process.describe())
        self.assertEqual(raw[:4] + raw[8:16], b"RIFFWAVEfmt ")
        self.assertEqual(raw[-len(whole.data):], whole.data)

    def test_reader_goes(self):
        path = self.sandbox.path / "broken"
        os.mkfifo(path)
        with self.player.start("play", self.ids["vorbis"], "--output", f"wav:{path}") as process:
            with open(path, "rb") as reader:
                reader.read(65536)
            self.assertEqual(process.finish(), refrain.EXIT_STORAGE, process.describe())
            self.assertIn(str(path), process.stderr)

    def test_bad_output(self):
        for path in ("/nowhere/at/all.wav", str(self.sandbox.path)):
            played = self.player.play(self.ids["short"], output=f"wav:{path}")
            self.assertEqual(played.code, refrain.EXIT_STORAGE, played.describe())
            self.assertIn(path, played.stderr)


class Contract(unittest.TestCase):
    """Tones of a few seconds: what the lines say, real time, joins, failures."""

    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        folder = cls.sandbox.path / "music"
        folder.mkdir()
        cls.paths = [refrain.make_tone(folder / "a.ogg", 2, number=1, seed=1),
                     refrain.make_tone(folder / "b.flac", 2, number=2, seed=2),
                     refrain.make_tone(folder / "c.opus", 2, number=3, seed=3)]
        cls.origin = make_origin(cls.sandbox, folder)
        cls.tracks = cls.origin.tracks()
        cls.album = cls.tracks[0]["album_id"]

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def check_lines(self, process):
        self.assertEqual(process.lines, [], "nothing but JSON objects")
        for event in process.events:
            self.assertEqual(next(iter(event)), "event", event)
        for play in process.of("play"):
            self.assertEqual(set(play), PLAY)
            self.assertRegex(play["track"], "^[0-9a-f]{32}$")
            self.assertIn(play["cause"], ("click", "auto", "seek"))
            self.assertIn(play["cached"], ("none", "head", "full"))
            for name in ("wait_ms", "stutters", "stall_ms"):
                self.assertIsInstance(play[name], int)
                self.assertGreaterEqual(play[name], 0)
        summary = process.summary
        self.assertIsNotNone(summary, "the summary is the last line")
        self.assertEqual(set(summary), SUMMARY)
        self.assertEqual(set(summary["bytes"]), {"cache", "peers", "origin"})

    def test_real_time(self):
        """In real time, with joins of three codecs: no stutter, no wait at a join."""
        player = refrain.Player(self.origin)
        began = time.monotonic()
        played = player.play("all", fast=False)
        took = time.monotonic() - began
        self.assertEqual(played.code, 0, played.describe())
        self.check_lines(played)
        self.assertEqual(played.summary["tracks"], 3)
        self.assertEqual((played.summary["stutters"], played.summary["stall_ms"]), (0, 0))
        self.assertAlmostEqual(played.summary["played_ms"], 6000, delta=60)
        self.assertGreater(took, 5.9, "real time")
        self.assertEqual([play["cause"] for play in played.of("play")], ["click", "auto", "auto"])
        for play in played.of("play")[1:]:
            self.assertLess(play["wait_ms"], 25 * refrain.patience())

    def test_album_and_order(self):
        played = refrain.Player(self.origin).play(self.album)
        self.assertEqual(played.code, 0, played.describe())
        self.check_lines(played)
        self.assertEqual([play["track"] for play in played.of("play")],
                         [track["id"] for track in self.tracks])
        several = refrain.Player(self.origin).play(self.tracks[2]["id"], self.album)
        self.assertEqual([play["track"] for play in several.of("play")],
                         [track["id"] for track in [self.tracks[2], *self.tracks]])

    def test_address(self):
        target = f"refrain://{self.origin.address}/tracks/{self.tracks[0]['id']}"
        played = refrain.Player().play(target)
        self.assertEqual(played.code, 0, played.describe())
        self.assertEqual(played.summary["bytes"]["origin"], self.tracks[0]["files"][0]["bytes"])

    def test_some_fail(self):
        played = refrain.Player(self.origin).play("00" * 16, self.tracks[0]["id"])
        self.assertEqual(played.code, refrain.EXIT_SOME_FAILED, played.describe())
        self.check_lines(played)
        self.assertEqual(played.summary["tracks"], 1)
        self.assertIn("00" * 16, played.stderr)

    def test_all_fail(self):
        for targets in (["00" * 16], ["00" * 16, "11" * 16]):
            played = refrain.Player(self.origin).play(*targets)
            self.assertEqual(played.code, refrain.EXIT_NOT_FOUND, played.describe())
            self.check_lines(played)
            self.assertIn("refrain ls tracks", played.stderr)

    def test_offline_and_empty(self):
        for targets in ([self.tracks[0]["id"]], ["all"], [self.album]):
            played = refrain.Player().play(*targets, "--offline")
            self.assertEqual(played.code, refrain.EXIT_NOT_FOUND, played.describe())
        listed = refrain.Player().run("ls", "tracks", "--offline")
        self.assertEqual((listed.code, listed.events), (0, []))

    def test_ls(self):
        player = refrain.Player(self.origin)
        listed = player.run("ls", "tracks")
        self.assertEqual(listed.events, self.tracks)
        self.assertEqual(player.play("all").code, 0)
        cached = player.run("ls", "tracks", "--offline", origin=False)
        self.assertEqual(cached.events, self.tracks)

    def test_fetch(self):
        player = refrain.Player(self.origin)
        out = self.sandbox.path / "out.ogg"
        fetched = player.fetch(self.tracks[0]["id"], out)
        self.assertEqual(fetched.code, 0, fetched.describe())
        self.check_lines(fetched)
        size = self.tracks[0]["files"][0]["bytes"]
        self.assertEqual(fetched.summary["bytes"], {"cache": 0, "peers": 0, "origin": size})
        self.assertEqual(out.read_bytes(), self.paths[0].read_bytes())
        folder = self.sandbox.path / "several"
        fetched = player.fetch("all", folder)
        self.assertEqual(fetched.code, 0, fetched.describe())
        self.assertEqual(fetched.summary["bytes"]["cache"], size)
        paths = [event["path"] for event in fetched.of("fetched")]
        self.assertEqual(len(paths), 3)
        for path, original in zip(paths, self.paths):
            with open(path, "rb") as file:
                self.assertEqual(file.read(), original.read_bytes())
        self.assertEqual([path.name for path in folder.iterdir() if path.suffix == ".part"], [])
        bad = player.fetch(self.tracks[0]["id"], "/nowhere/at/all.ogg")
        self.assertIn(bad.code, {refrain.EXIT_NOT_FOUND, refrain.EXIT_STORAGE}, bad.describe())

    def test_second_player(self):
        player = refrain.Player(self.origin)
        with player.start("play", "all", "--output", "null") as first:
            first.wait_event("started")
            second = player.play("all")
            self.assertEqual(second.code, refrain.EXIT_IN_USE, second.describe())
            self.assertIn(str(first.pid), second.stderr)
            status = player.run("cache", "status", origin=False)
            self.assertEqual(status.code, 0, status.describe())
            verify = player.run("cache", "verify", origin=False)
            self.assertEqual(verify.code, refrain.EXIT_IN_USE, verify.describe())
            first.send_signal(signal.SIGINT)
            self.assertEqual(first.finish(), refrain.EXIT_INTERRUPTED)
            self.check_lines(first)

    def test_cache_verbs(self):
        player = refrain.Player(self.origin)
        self.assertEqual(player.play("all").code, 0)
        status = player.cache_status()
        self.assertEqual(set(status), {"path", "payload_bytes", "file_bytes", "limit_bytes", "files",
                                       "chunks"})
        verified = player.run("cache", "verify", origin=False)
        self.assertEqual(verified.code, 0, verified.describe())
        self.assertEqual(verified.events[-1]["damaged"], 0)
        self.assertEqual(verified.events[-1]["chunks"], status["chunks"])
        self.assertEqual(player.run("cache", "clear", origin=False).code, 0)
        self.assertEqual(player.cache_status()["chunks"], 0)

    def test_help_and_version(self):
        for arguments in (["--help"], ["play", "--help"], ["fetch", "-h"], ["ls", "--help"],
                          ["cache", "--help"], ["--version"]):
            said = subprocess.run([refrain.program("refrain"), *arguments], capture_output=True, text=True,
                                  check=True)
            self.assertTrue(said.stdout)
            self.assertEqual(said.stderr, "")


class Robust(unittest.TestCase):
    """The origin goes and comes back while a track plays, over a line of twice the track's rate."""

    def test_restart_is_unheard(self):
        with refrain.Sandbox() as sandbox:
            music = refrain.make_tone(sandbox.path / "long.flac", 12)
            with make_origin(sandbox, music) as origin:
                track = origin.tracks()[0]
                size = track["files"][0]["bytes"]
                relay = wire.Relay(origin.address, rate=int(size / track["duration_ms"] * 1000 * 2))

                class Through:
                    url = f"https://{relay.address}"

                player = refrain.Player(Through)
                with player.start("play", track["id"], "--output", "null") as process:
                    process.wait_event("started")
                    while relay.passed_bytes < size // 2:
                        with relay.passed:
                            relay.passed.wait(1)
                        self.assertIsNone(process.popen.poll(), process.describe())
                    origin.kill()
                    relay.cut()
                    origin.restart()
                    code = process.finish(60)
                    self.assertEqual(code, 0, process.describe())
                self.assertEqual(process.summary["stutters"], 0, process.describe())
                self.assertEqual(process.summary["bytes"]["origin"], size)
                self.assertAlmostEqual(process.summary["played_ms"], 12000, delta=60)


    def test_slow_line_waits(self):
        """Half the rate that the track needs: sound waits until it can go through, then does."""
        with refrain.Sandbox() as sandbox:
            music = refrain.make_tone(sandbox.path / "slow.flac", 4)
            with make_origin(sandbox, music) as origin:
                track = origin.tracks()[0]
                rate = int(track["files"][0]["bytes"] / track["duration_ms"] * 1000 / 2)
                for sink in ("null", "auto"):
                    with self.subTest(sink=sink):
                        relay = wire.Relay(origin.address, rate=rate)
                        process = on_device(refrain.Sandbox(), "play", track["id"], "--output", sink,
                                            "--origin", f"https://{relay.address}")
                        self.assertEqual(process.finish(), 0, process.describe())
                        self.assertEqual(process.stderr, "")
                        # Half of the eight seconds that it takes have passed when sound may begin.
                        self.assertGreater(process.of("play")[0]["wait_ms"], 3000, process.describe())
                        self.assertEqual(process.summary["stutters"], 0, process.describe())
                        self.assertAlmostEqual(process.summary["played_ms"], 4000, delta=60)

    def test_device(self):
        """A device that has a clock and no sound: real time, gapless, to the end."""
        with refrain.Sandbox() as sandbox:
            music = [refrain.make_tone(sandbox.path / "one.ogg", 1.5, number=1),
                     refrain.make_tone(sandbox.path / "two.flac", 1.5, number=2)]
            with make_origin(sandbox, *music) as origin:
                began = time.monotonic()
                process = on_device(sandbox, "play", "all", "--origin", origin.url)
                self.assertEqual(process.finish(), 0, process.describe())
                self.assertGreater(time.monotonic() - began, 2.9)
                self.assertEqual(process.stderr, "")
                self.assertEqual(process.summary["tracks"], 2)
                self.assertEqual(process.summary["stutters"], 0, process.describe())
                self.assertAlmostEqual(process.summary["played_ms"], 3000, delta=60)


class Terminal:
    """A program on a pseudo-terminal."""

    def __init__(self, arguments, environment, columns=80):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
            os.execve(arguments[0], arguments, environment)

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def wait_text(self, pattern, timeout_s=20):
        """Waits until what came since the last match holds the pattern; the match."""
        deadline = time.monotonic() + timeout_s * refrain.patience()
        while True:
            match = re.search(pattern, self.text)
            if match:
                self.text = self.text[match.end():]
                return match
            if not select.select([self.fd], [], [], max(0, deadline - time.monotonic()))[0]:
                raise refrain.Ended(f"no {pattern!r} in {self.text!r}")
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                data = b""
            if not data:
                raise refrain.Ended(f"ended before {pattern!r}: {self.text!r}")
            self.text += data.decode(errors="replace")

    def finish(self):
        while True:
            try:
                data = os.read(self.fd, 4096)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode(errors="replace")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Keys(unittest.TestCase):
    def test_keys(self):
        with refrain.Sandbox() as sandbox:
            music = [refrain.make_tone(sandbox.path / "one.ogg", 40, number=1),
                     refrain.make_tone(sandbox.path / "two.ogg", 40, number=2, seed=5)]
            with make_origin(sandbox, *music) as origin:
                player = refrain.Player(origin)
                terminal = Terminal([refrain.program("refrain"), "play", "all", "--plain", "--output",
                                     "null", "--origin", origin.url], player.sandbox.environment())
                terminal.wait_text("Test - one")
                terminal.wait_text("0:00/0:40")
                terminal.press(" ")
                terminal.wait_text("paused 0:0")
                terminal.press(" ")
                terminal.wait_text(r"one[^\r]* 0:01/0:40")
                terminal.press("\x1b[C")
                terminal.wait_text("0:1[12]/0:40")
                terminal.press("\x1b[C")
                terminal.wait_text("0:2[1-3]/0:40")
                terminal.press("\x1b[D")
                terminal.wait_text("0:1[1-4]/0:40")
                terminal.press("n")
                terminal.wait_text("Test - two")
                terminal.wait_text("0:00/0:40")
                terminal.press("q")
                terminal.wait_text("2 tracks, 0:0[0-9] played: .*no stutters")
                self.assertEqual(terminal.finish(), 0)

    def test_job_control(self):
        """Ctrl-Z, fg and & under a shell: the terminal is the shell's meanwhile, the music rests."""
        with refrain.Sandbox() as sandbox:
            music = [refrain.make_tone(sandbox.path / "one.ogg", 40, number=1)]
            with make_origin(sandbox, *music) as origin:
                player = refrain.Player(origin)
                shell = Terminal(["/bin/bash", "--norc", "-i"], player.sandbox.environment())
                play = (f"{refrain.program('refrain')} play all --plain --output null "
                        f"--origin {origin.url}")
                shell.press(f"{play}; echo code=$?\n")
                shell.wait_text("0:01/0:40")
                shell.press("\x1a")
                shell.wait_text("code=148")
                shell.press("stty -a\n")
                shell.wait_text(" icanon")
                shell.press("fg\n")
                shell.wait_text("\r[^\r]*0:01/0:40")
                shell.press("q")
                shell.wait_text("no stutters")
                shell.press("stty -a\n")
                shell.wait_text(" icanon")
                shell.press(f"{play} &\n")
                shell.wait_text("Test - one")
                shell.press("jobs\n")
                shell.wait_text("Running")
                shell.press("fg\n")
                shell.wait_text("\r[^\r]*0:0[0-9]/0:40")
                shell.press("q")
                shell.wait_text("no stutters")
                shell.press("exit\n")
                self.assertEqual(shell.finish(), 0)

    def test_narrow(self):
        """The progress line stays in one row, with characters that take two columns or none."""
        title = "\u97f3\u697d\u306e\u672a\u6765 e\u0301te\u0301 " * 3
        with refrain.Sandbox() as sandbox:
            music = refrain.make_tone(sandbox.path / "one.ogg", 20, title=title)
            with make_origin(sandbox, music) as origin:
                player = refrain.Player(origin)
                for columns in (100, 40, 12):
                    terminal = Terminal([refrain.program("refrain"), "play", "all", "--plain",
                                         "--output", "null", "--origin", origin.url],
                                        player.sandbox.environment(), columns)
                    line = terminal.wait_text("\r([^\r\n]*0:01/0:20[^\r\n]*)\x1b\\[K").group(1)
                    terminal.press("q")
                    self.assertEqual(terminal.finish(), 0)
                    width = sum(0 if unicodedata.combining(c) else
                                2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)
                    self.assertLess(width, columns, line)
                    self.assertGreaterEqual(width, min(columns - 2, 60), line)


if __name__ == "__main__":
    unittest.main()
