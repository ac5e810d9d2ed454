"""test_front.py: the player seen from its front ends: remote verbs, volume, attaching, who dies when.

What the verbs of the control socket mean one by one is test_control.py's.
"""

import json
import unittest

import refrain


class WithOrigin(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.origin = refrain.Origin(cls.sandbox)
        cls.origin.init()
        cls.origin.add(refrain.SAMPLE)
        cls.tracks = cls.origin.tracks()
        cls.ids = [track["id"] for track in cls.tracks]
        cls.origin.serve()

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def player(self, **options):
        player = refrain.Player(self.origin, **options)
        self.addCleanup(player.sandbox.remove)
        return player

    def remote(self, player, *words, code=0):
        shown = refrain.run([refrain.program("refrain"), *words], player.sandbox.environment())
        self.assertEqual(shown.code, code, shown.describe())
        return shown


class Remote(WithOrigin):
    def test_the_words(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon:
            self.assertIn("nothing follows", self.remote(player, "next", code=3).stderr)
            self.remote(player, "queue", "add", *self.ids[:3])
            self.remote(player, "toggle")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            self.remote(player, "next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            shown = self.remote(player, "queue").lines
            self.assertEqual(len(shown), 3)
            self.assertTrue(shown[1].startswith(">   2  "), shown)
            self.assertIn(self.tracks[1]["title"], shown[1])
            self.remote(player, "queue", "mv", "3", "1")
            self.remote(player, "queue", "rm", "2")
            queue = self.remote(player, "queue", "--json").events[0]
            self.assertEqual([entry["track"] for entry in queue["entries"]],
                             [self.ids[2], self.ids[1]])
            self.remote(player, "queue", "play", "1")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[2])
            self.remote(player, "prev")
            self.remote(player, "pause")
            self.remote(player, "seek", "0:05")
            self.remote(player, "seek", "-2")
            self.remote(player, "seek", "+1.5")
            self.assertEqual(player.status()["playing"]["position_ms"], 4500)
            self.remote(player, "resume")
            self.remote(player, "shuffle", "albums")
            self.remote(player, "repeat", "all")
            self.remote(player, "replaygain", "auto")
            self.assertEqual(self.remote(player, "volume", "80").lines, ["80 %"])
            self.assertEqual(self.remote(player, "volume", "-5").lines, ["75 %"])
            self.assertEqual(self.remote(player, "volume", "+50").lines, ["100 %"])
            status = player.status()
            self.assertEqual((status["shuffle"], status["repeat"], status["replaygain"],
                              status["volume"]), ("albums", "all", "auto", 100))
            self.remote(player, "queue", "clear")
            self.remote(player, "stop")
            self.assertIsNone(player.status()["playing"])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.stderr, "")

    def test_what_is_wrong(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon:
            for words in (["seek"], ["seek", "x"], ["volume", "101"], ["volume", "loud"],
                          ["shuffle", "some"], ["repeat"], ["queue", "dance"], ["next", "two"],
                          ["queue", "add", "nonsense"]):
                asked = self.remote(player, *words, code=2)
                self.assertRegex(asked.stderr, r"^refrain: [^:]+: .+", words)
            for words in (["queue", "rm", "9"], ["queue", "play", "0"], ["pause"]):
                self.remote(player, *words, code=3)
            self.assertEqual(daemon.stop(), 0)
        self.remote(player, "next", code=3)


class Attached(WithOrigin):
    """`refrain play` beside a daemon: one queue, one sound."""

    def attach(self, player, *words):
        return player.start("play", *words)

    def test_it_plays_there(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, self.attach(player, self.ids[0]) as face:
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            started = face.wait_event("started")
            self.assertEqual((started["track"], started["title"]),
                             (self.ids[0], self.tracks[0]["title"]))
            with self.attach(player, self.ids[1]) as second:
                self.assertEqual(second.wait_event("started")["track"], self.ids[1])
                self.assertEqual(face.wait_event("started")["track"], self.ids[1])
                second.kill()  # a face may go at any time
            self.assertEqual(player.status()["playing"]["track"], self.ids[1])
            self.remote(player, "seek", "+9999")
            self.assertEqual(face.finish(), 0, face.describe())  # the queue has ended
            self.assertEqual(daemon.stop(), 0)

    def test_what_can_not_be_found_there(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon:
            asked = player.run("play", "nonsense that no track is called")
            self.assertIn(asked.code, (2, 3), asked.describe())
            self.assertIn("nonsense", asked.stderr)
            self.assertEqual(daemon.stop(), 0)

    def test_the_daemon_ends_in_order(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, self.attach(player, self.ids[0]) as face:
            face.wait_event("started")
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(face.finish(), 0, face.describe())

    def test_the_daemon_is_killed(self):
        """The face takes its place: same queue, same position, nothing is fetched twice."""
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control, \
                self.attach(player, *self.ids[:3], "--volume", "40", "--no-peers") as face:
            face.wait_event("started")
            self.remote(player, "repeat", "all")
            self.remote(player, "next")
            self.assertEqual(face.wait_event("started")["track"], self.ids[1])
            control.do("seek", position_ms=5000)
            control.do("subscribe", events=["position", "chunks"])
            position, missing = 0, True
            while position < 6000 or missing:
                event = control.read()
                if event["event"] == "position":
                    position = event["position_ms"]
                elif event["event"] == "chunks":
                    missing = any(run[0] == "missing" for run in event["runs"])
            daemon.kill()
            self.assertEqual(face.wait_event("started")["track"], self.ids[1])
            status = player.status()
            self.assertEqual(status["pid"], face.pid)
            self.assertGreaterEqual(status["playing"]["position_ms"], 5500)
            self.assertLess(status["playing"]["position_ms"], 20000)
            self.assertEqual((status["queue"], status["repeat"], status["volume"]), (3, "all", 40))
            self.assertEqual(status["playing"]["state"], "playing")
            self.remote(player, "stop")
            self.assertEqual(face.finish(), 0, face.describe())
            print(f"after kill -9 of the daemon: {face.summary['bytes']} bytes by source")
            self.assertGreater(face.summary["bytes"]["cache"], 0)

    def test_what_needs_its_own_sound(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon:
            for words in (["--output", "null"], ["--fast"]):
                self.assertEqual(player.run("play", self.ids[0], *words).code,
                                 refrain.EXIT_IN_USE)
            self.assertEqual(daemon.stop(), 0)


class Remembered(WithOrigin):
    """Queue, position, volume and modes, from one run to the next."""

    def test_a_daemon_that_is_killed(self):
        player = self.player()
        path = player.sandbox.state / "refrain/queue.json"
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("play", targets=self.ids[:3])
            daemon.wait_event("started")
            control.do("volume", percent=70)
            control.do("repeat", mode="one")
            control.do("jump", entry=control.do("queue")["entries"][1]["entry"],
                       position_ms=7000)
            daemon.wait_event("started")
            control.do("subscribe", events=["position"])
            while True:  # written a second after the last change
                control.read()
                saved = json.loads(path.read_text()) if path.exists() else {"position_ms": 0}
                if saved["position_ms"] >= 7000:
                    break
            daemon.kill()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            queue = control.do("queue")
            self.assertEqual([entry["track"] for entry in queue["entries"]], self.ids[:3])
            self.assertEqual((queue["at"], queue["repeat"], queue["volume"]), (1, "one", 70))
            self.assertIsNone(control.do("status")["playing"], "it waits to be asked")
            control.do("resume")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            self.assertGreaterEqual(control.do("status")["playing"]["position_ms"], 7000)
            self.assertEqual(daemon.stop(), 0)

    def test_resume(self):
        player = self.player()
        self.remote(player, "resume", code=3)
        with player.start("play", *self.ids[:2], "--output", "null", "--no-peers", "--start",
                          "8") as first:
            first.wait_event("started")
            self.assertEqual(first.stop(), 130)
        with player.start("resume", "--output", "null", "--no-peers") as again:
            self.assertEqual(again.wait_event("started")["track"], self.ids[0])
            playing = player.status()["playing"]
            self.assertGreaterEqual(playing["position_ms"], 8000)
            self.assertEqual(playing["following"], 1)
            again.stop()

    def test_a_damaged_file(self):
        player = self.player()
        folder = player.sandbox.state / "refrain"
        folder.mkdir(parents=True)
        for text in ("", "{", "[]", "{}", '{"entries":[{}],"at":0,"shuffle":"off"}',
                     '{"entries":[{"track":"%s","place":7}],"at":0,"shuffle":"off"}' % self.ids[0],
                     '{"entries":[],"at":-1,"shuffle":"off"}', "\0" * 100):
            (folder / "queue.json").write_text(text)
            with player.daemon("--no-peers") as daemon:
                self.assertEqual(daemon.stop(), 0)
                self.assertIn("damaged", daemon.stderr)


class Loudness(WithOrigin):
    """What comes out of the WAV sink."""

    def play(self, *words):
        player = self.player()
        path = player.sandbox.path / "out.wav"
        played = player.run("play", self.ids[0], "--output", f"wav:{path}", "--no-peers", *words)
        self.assertEqual(played.code, 0, played.describe())
        return refrain.Wav(path).samples_16()

    def test_volume(self):
        full = self.play()
        half = self.play("--volume", "50")
        self.assertEqual(len(full), len(half))
        self.assertEqual(self.play("--volume", "100", "--replaygain", "off"), full)
        loudest = max(range(0, len(full), 101), key=lambda i: abs(full[i]))
        self.assertAlmostEqual(half[loudest], full[loudest] * 0.125, delta=2)

    def test_gain_never_clips(self):
        plain = self.play()
        louder = self.play("--replaygain", "track")
        self.assertEqual(len(plain), len(louder))
        self.assertNotEqual(plain, louder)
        self.assertLessEqual(max(map(abs, louder)), 32768)

    def test_elements_of_gstreamer(self):
        player = self.player()
        path = player.sandbox.path / "raw"
        start = ["--start", f"0:{self.tracks[0]['duration_ms'] // 1000 - 2:02d}"]
        played = player.run("play", self.ids[0], "--no-peers", *start, "--output",
                            f"gst:audioconvert ! audio/x-raw,format=S16LE ! filesink location={path}")
        self.assertEqual(played.code, 0, played.describe())
        self.assertGreater(path.stat().st_size, 50000)
        wrong = player.run("play", self.ids[0], "--no-peers", "--output", "gst:nosuchthing")
        self.assertEqual(wrong.code, refrain.EXIT_STORAGE, wrong.describe())
        self.assertIn("nosuchthing", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
