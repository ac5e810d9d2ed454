"""test_peers_daemons.py: daemons, told over their sockets, give each other what they have.

Real programs on one machine, an origin among them, each listener with folders of its own. What is
waited for is an event, or a state that the engine reports; what is compared is bytes and samples.
Players of one run each are test_peers.py's.
"""

import time
import unittest

import refrain


def music(count):
    """Real tracks of some minutes."""
    return sorted(refrain.wesnoth(), key=lambda path: path.stat().st_size)[18:18 + count]


def until(look, what, timeout_s=20):
    """What look() gives as soon as it is something. Each look is a question to a running engine."""
    deadline = time.monotonic() + timeout_s * refrain.patience()
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {timeout_s} s")


class WithOrigin(unittest.TestCase):
    """An origin of real music; the listeners of a test."""

    TRACKS = 3

    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()
        self.origin.add(*music(self.TRACKS))
        self.tracks = self.origin.tracks()
        self.ids = [track["id"] for track in self.tracks]
        self.bytes = [track["files"][0]["bytes"] for track in self.tracks]
        self.origin.serve()
        self.addCleanup(lambda: self.origin.process and self.origin.kill())

    def player(self):
        player = refrain.Player(self.origin)
        self.addCleanup(player.sandbox.remove)
        return player

    def filled(self, *ids):
        """A player whose cache holds these tracks."""
        player = self.player()
        fetched = player.fetch(ids[0], player.sandbox.path / "file", timeout_s=120) if len(ids) == 1 \
            else player.run("fetch", *ids, "-o", f"{player.sandbox.path}/files/", timeout_s=120)
        self.assertEqual(fetched.code, 0, fetched.describe())
        return player

    def reference(self, track, path):
        """What a track sounds like from the origin alone."""
        player = self.player()
        played = player.play(track, "--no-peers", output=f"wav:{path}", timeout_s=120)
        self.assertEqual(played.code, 0, played.describe())
        return refrain.Wav(path)


class Giving(WithOrigin):
    def test_the_second_takes_from_the_first(self):
        first = self.filled(*self.ids)
        second = self.player()
        with first.daemon() as giver, second.daemon() as taker:
            until(second.peers, "neighbour")
            with second.control() as control:
                control.do("play", targets=[self.ids[0]])
                taker.wait_event("started")
                until(lambda: self.has_all(control), "end of the transfer", 60)
                status = control.do("status")
                peers = control.do("peers")["peers"]
            self.assertEqual(len(peers), 1)
            self.assertEqual(peers[0]["peer_id"], giver.ready["peer_id"])
            self.assertGreater(peers[0]["received_bytes"], 0)
            self.assertEqual(first.peers()[0]["peer_id"], taker.ready["peer_id"])
            given = first.status()["upload"]["given_bytes"]
            self.assertEqual(taker.stop(), 0)
            sources = taker.summary["bytes"]
            self.assertEqual(sources["cache"], 0)
            self.assertGreater(sources["peers"], 0.8 * sum(sources.values()), taker.summary)
            self.assertGreaterEqual(given, sources["peers"])
            self.assertEqual(status["summary"]["bytes"]["peers"], sources["peers"])
            self.assertEqual(taker.summary["stutters"], 0)
            self.assertEqual(giver.stop(), 0)
            self.assertEqual(giver.stderr + taker.stderr, "")

    @staticmethod
    def has_all(control):
        playing = control.do("status")["playing"]
        return playing and playing["position_ms"] + playing["buffered_ms"] >= \
            playing["duration_ms"] - 1000 > 0

    def test_without_peers(self):
        first = self.filled(*self.ids)
        second = self.player()
        with first.daemon():
            played = second.play(self.ids[0], "--no-peers")
            self.assertEqual(played.code, 0, played.describe())
            self.assertEqual(played.summary["bytes"],
                             {"cache": 0, "peers": 0, "origin": self.bytes[0]})
            self.assertEqual(first.status()["upload"]["given_bytes"], 0)

    def test_no_upload(self):
        first = self.filled(*self.ids)
        second = self.player()
        with first.daemon("--no-upload"), second.daemon() as taker, second.control() as control:
            until(lambda: second.status()["origin"]["up"], "link to the origin")
            self.assertEqual(first.status()["upload"]["off"], "option")
            control.do("play", targets=[self.ids[0]])
            taker.wait_event("started")
            until(lambda: control.do("status")["playing"]["position_ms"] > 3000, "sound")
            self.assertEqual(taker.stop(), 0)
            self.assertEqual(taker.summary["bytes"]["peers"], 0)
            self.assertEqual(taker.summary["stutters"], 0)
            self.assertEqual(first.status()["upload"]["given_bytes"], 0)

    def test_fetch_takes_from_peers(self):
        first = self.filled(*self.ids)
        second = self.player()
        with first.daemon():
            fetched = second.run("fetch", *self.ids, "-o", f"{second.sandbox.path}/files/",
                                 timeout_s=120)
            self.assertEqual(fetched.code, 0, fetched.describe())
            sources = fetched.summary["bytes"]
            self.assertEqual(sum(sources.values()), sum(self.bytes))


class Finding(WithOrigin):
    def test_a_new_cache_is_found(self):
        """A listener without neighbours; a daemon that has what is played starts; 2 s later it gives."""
        first = self.filled(*self.ids)
        second = self.player()
        with second.daemon() as taker:
            self.assertEqual(second.peers(), [])
            with first.daemon() as giver:
                begun = time.monotonic()
                until(second.peers, "neighbour")
                took_s = time.monotonic() - begun
                self.assertEqual(second.peers()[0]["peer_id"], giver.ready["peer_id"])
                self.assertLess(took_s, 2 * refrain.patience())
            self.assertEqual(taker.stop(), 0)


class Losing(WithOrigin):
    def test_a_peer_dies(self):
        """kill -9 in mid-transfer: what is heard is the same, sample by sample."""
        heard = self.sandbox.path / "heard.wav"
        expected = self.reference(self.ids[0], self.sandbox.path / "reference.wav")
        first = self.filled(self.ids[0])
        second = self.player()
        giver = first.daemon()
        with second.daemon(output=f"wav:{heard}") as taker, second.control() as control:
            until(second.peers, "neighbour")
            control.do("play", targets=[self.ids[0]])
            until(lambda: control.do("peers")["peers"][0]["received_bytes"], "byte of the peer", 60)
            giver.kill()
            until(lambda: control.do("status")["playing"] is None, "end", 120)
            self.assertEqual(taker.stop(), 0)
            self.assertEqual(taker.of("error"), [])
            sources = taker.summary["bytes"]
            self.assertEqual(sources["cache"], 0)
            self.assertGreater(sources["peers"], 0)
            self.assertGreater(sources["origin"], 0, "it died before the end")
            self.assertEqual(sum(sources.values()), self.bytes[0])
            self.assertEqual(taker.stderr, "", "a peer's end is no message for the listener")
        self.assertEqual(refrain.Wav(heard).data, expected.data)

    def test_the_origin_stops(self):
        """What peers have plays on without an origin, a track that was not begun included."""
        first = self.filled(*self.ids)
        second = self.player()
        with first.daemon(), second.daemon() as taker, second.control() as control:
            until(second.peers, "neighbour")
            control.do("play", targets=self.ids[:2])
            taker.wait_event("started")
            until(lambda: control.do("status")["playing"]["position_ms"] > 1000, "sound", 30)
            self.origin.stop()
            until(lambda: not control.do("status")["origin"]["up"], "loss of the origin", 30)
            control.do("play", targets=[self.ids[2]])
            self.assertEqual(taker.wait_event("started", 30)["track"], self.ids[2])
            until(lambda: Giving.has_all(control), "end of the transfer", 60)
            self.assertEqual(taker.stop(), 0)
            self.assertEqual(taker.of("error"), [])
            self.assertGreater(taker.summary["bytes"]["peers"], 0)

    def test_a_daemon_says_that_the_origin_is_away(self):
        """To people: at the first attempt that fails, and when the link is lost."""
        self.origin.stop()
        self.assertEqual(self.told_by_daemon(lambda: self.origin.restart()), 2)
        self.assertEqual(self.told_by_daemon(lambda: None), 1)

    def told_by_daemon(self, start_origin):
        """How often a daemon says so that begins without an origin, and ends without one."""
        player = self.player()
        arguments = [refrain.program("refrain"), "daemon", "--output", "null",
                     "--origin", f"https://{self.origin.address}"]
        with refrain.Process(arguments, player.sandbox.environment()) as daemon:
            daemon.wait_line("ready")
            until(lambda: daemon.stderr, "message")
            if start_origin():
                until(lambda: player.status()["origin"]["up"], "link to the origin", 60)
                self.origin.stop()
                until(lambda: not player.status()["origin"]["up"], "loss of the origin")
            self.assertEqual(daemon.stop(), 0)
        return daemon.stderr.count("not connected (")


if __name__ == "__main__":
    unittest.main()
