"""test_front.py: the player seen from its front ends: remote verbs, volume, attaching, who dies when.

What the verbs of the control socket mean one by one is test_control.py's.
"""

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
