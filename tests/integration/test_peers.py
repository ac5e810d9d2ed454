"""test_peers.py: players that take chunks from each other, as real processes with real sockets.

Each has XDG folders of its own. Who gives is a daemon with three tracks in its cache; who takes begins
with nothing.
"""

import filecmp
import signal
import time
import unittest

import refrain

FOUND_S = 20  # until the giver is known to the origin


class Peers(unittest.TestCase):
    """One origin with three tracks, and players who know nothing but it."""

    def setUp(self):
        music = sorted(refrain.wesnoth(), key=lambda path: path.stat().st_size)[18:21]
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()
        self.origin.add(*music)
        self.origin.serve()
        self.addCleanup(lambda: self.origin.process and self.origin.kill())
        tracks = self.origin.tracks()
        self.ids = [track["id"] for track in tracks]
        self.bytes = [track["files"][0]["bytes"] for track in tracks]
        self.whole = sum(self.bytes)

    def start_giver(self):
        """A player that has all, and its daemon."""
        player = refrain.Player(self.origin)
        filled = player.play(*self.ids)
        self.assertEqual(filled.code, 0, filled.describe())
        process = player.start("daemon", "--output", "null")
        self.addCleanup(process.kill)
        self.assertNotEqual(process.wait_event("ready")["port"], 0)
        return player, process

    def await_giver(self):
        """Until the origin knows what the giver has: somebody finds it."""
        end = time.monotonic() + FOUND_S * refrain.patience()
        while time.monotonic() < end:
            with refrain.Sandbox() as sandbox:
                seeker = refrain.Player(self.origin, sandbox).play(self.ids[0])
                self.assertEqual(seeker.code, 0, seeker.describe())
                if seeker.summary["bytes"]["peers"] > 0:
                    return
        self.fail("nobody found the giver")

    def check(self, taken, whole):
        """It came whole, once, and nobody heard how."""
        self.assertEqual(taken.code, 0, taken.describe())
        self.assertEqual(sum(taken.summary["bytes"].values()), whole, taken.describe())
        self.assertLessEqual(taken.summary["duplicate_bytes"], whole // 50)
        self.assertEqual(taken.summary["stutters"], 0)

    def test_much_comes_from_the_peer(self):
        giver, process = self.start_giver()
        self.await_giver()
        path = self.sandbox.path / "taken.wav"
        taken = refrain.Player(self.origin).play(*self.ids, output=f"wav:{path}")
        self.check(taken, self.whole)
        # How much depends on how fast two busy processes are; in real time it is nearly all.
        self.assertGreater(taken.summary["bytes"]["peers"], self.whole // 5, taken.describe())
        # Sample for sample what the giver plays from its cache.
        self.assertEqual(process.stop(), 0)
        own = self.sandbox.path / "own.wav"
        offline = giver.play(*self.ids, "--offline", output=f"wav:{own}", origin=False)
        self.assertEqual(offline.code, 0, offline.describe())
        self.assertTrue(filecmp.cmp(path, own, shallow=False))

    def test_no_peers(self):
        self.start_giver()
        self.await_giver()
        alone = refrain.Player(self.origin).play(*self.ids, "--no-peers")
        self.check(alone, self.whole)
        self.assertEqual(alone.summary["bytes"]["peers"], 0)

    def test_a_peer_that_dies_is_not_heard(self):
        _, process = self.start_giver()
        self.await_giver()
        taker = refrain.Player(self.origin).start("play", self.ids[1], "--output", "null")
        self.addCleanup(taker.kill)
        taker.wait_event("started")
        process.kill()
        # From here on the origin alone: what a second player gets of the third track, it gets whole.
        alone = refrain.Player(self.origin).play(self.ids[2])
        self.check(alone, self.bytes[2])
        self.assertEqual(taker.stop(), 130)
        self.assertEqual(taker.summary["stutters"], 0, taker.describe())

    def test_a_stopped_peer_stalls_nobody(self):
        _, process = self.start_giver()
        self.await_giver()
        process.send_signal(signal.SIGSTOP)  # it accepts, and never answers
        try:
            taken = refrain.Player(self.origin).play(*self.ids, timeout_s=90)
            self.check(taken, self.whole)
        finally:
            process.send_signal(signal.SIGCONT)

    def test_peers_know_each_other_again_without_the_origin(self):
        """The origin is away, its identity pinned: contacts are remembered, manifests come from peers."""
        giver, process = self.start_giver()
        self.await_giver()
        taker = refrain.Player(self.origin)
        first = taker.play(self.ids[0])
        self.check(first, self.bytes[0])
        self.assertGreater(first.summary["bytes"]["peers"], 0)
        self.origin.stop()
        second = taker.play(self.ids[1], self.ids[2])
        self.check(second, self.bytes[1] + self.bytes[2])
        self.assertEqual(second.summary["bytes"]["peers"], self.bytes[1] + self.bytes[2])


if __name__ == "__main__":
    unittest.main()
