"""test_control.py: the daemon, its control socket, `refrain status` and `refrain peers`.

One engine and its clients: each verb, what may not be asked, and that nothing which comes over the
socket does harm. What daemons do with each other is test_peers_daemons.py's.
"""

import json
import socket
import stat
import unittest

import refrain

STATUS = {"pid", "playing", "origin", "summary", "peers", "upload", "shuffle", "repeat", "queue",
          "volume", "replaygain"}
SUMMARY = {"tracks", "played_ms", "bytes", "duplicate_bytes", "overhead_bytes", "unread_bytes",
           "received_bytes", "payload", "sent_bytes", "stutters", "stall_ms"}


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


class Verbs(WithOrigin):
    def test_a_session(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            self.assertEqual(control.greeting["refrain"], 1)
            self.assertRegex(control.greeting["version"], r"^\d+\.\d+\.\d+$")
            self.assertEqual(daemon.events[0]["event"], "ready")
            self.assertRegex(daemon.ready["peer_id"], r"^[0-9a-f]{64}$")
            self.assertGreater(daemon.ready["port"], 0)
            self.assertIsNone(control.do("status")["playing"])

            answer = control.do("play", targets=self.ids[:3], position_ms=2000)
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            playing = control.do("status")["playing"]
            self.assertEqual((playing["track"], playing["following"], playing["entry"]),
                             (self.ids[0], 2, answer["entry"]))
            self.assertGreaterEqual(playing["position_ms"], 2000)
            self.assertEqual(playing["title"], self.tracks[0]["title"])

            control.do("next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            control.do("seek", position_ms=10000)
            stretch = daemon.wait_event("play")
            self.assertEqual((stretch["track"], stretch["cause"]), (self.ids[1], "click"))
            control.do("pause")
            self.assertEqual(control.do("status")["playing"]["state"], "paused")
            control.do("resume")
            self.assertNotEqual(control.do("status")["playing"]["state"], "paused")

            # A new play replaces what was queued: nothing of the old one follows.
            control.do("play", targets=[self.ids[4]])
            started = daemon.wait_event("started")
            self.assertEqual((started["track"], started["title"]),
                             (self.ids[4], self.tracks[4]["title"]))
            self.assertEqual(control.do("status")["playing"]["following"], 0)
            self.assertIn("nothing follows", control.ask("next")["error"])

            control.do("stop")
            self.assertIsNone(control.do("status")["playing"])
            control.do("play", targets=[self.ids[1]])
            again = daemon.wait_event("started")
            self.assertEqual((again["track"], again["title"]), (self.ids[1], self.tracks[1]["title"]))
            control.do("quit")
            self.assertIsNone(control.read(), "it says good-bye by closing")
            self.assertEqual(daemon.finish(), 0, daemon.describe())
            self.assertEqual(daemon.summary["tracks"], 4)
            self.assertEqual(daemon.stderr, "")

    def test_the_queue_goes_on(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            last = self.tracks[0]["duration_ms"] - 1000
            control.do("play", targets=self.ids[:2], position_ms=last)
            for track in self.ids[:2]:
                self.assertEqual(daemon.wait_event("started")["track"], track)
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual([record["cause"] for record in daemon.of("play")], ["click", "auto"])

    def test_unknown_track(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            control.do("play", targets=["0" * 32, self.ids[0]])
            failed = daemon.wait_event("error")
            self.assertEqual((failed["track"], failed["exit_code"]), ("0" * 32, 3))
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            self.assertEqual(daemon.stop(), 0, "each failure was told; the daemon's end is in order")

    def test_more_than_the_queue_holds(self):
        """A daemon lives for long: what was played and replaced makes room."""
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            many = [self.ids[i % 2] for i in range(1024)]
            for _ in range(21):
                control.do("play", targets=many)
            control.do("play", targets=[self.ids[2]])
            while daemon.wait_event("started")["track"] != self.ids[2]:
                pass
            self.assertEqual(daemon.stderr, "")
            self.assertEqual(daemon.stop(), 0)

    def test_play_has_the_socket_too(self):
        player = self.player()
        with player.start("play", *self.ids[:2], "--output", "null") as process:
            process.wait_event("started")
            with player.control() as control:
                self.assertEqual(control.do("status")["playing"]["track"], self.ids[0])
                control.do("next")
                self.assertEqual(process.wait_event("started")["track"], self.ids[1])
                control.do("stop")
            self.assertEqual(process.finish(), 0)
        self.assertFalse((player.sandbox.state / "refrain/engine.sock").exists())

    def test_without_peers(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon:
            self.assertIsNone(daemon.ready["peer_id"])
            self.assertEqual(daemon.ready["port"], 0)
            self.assertIsNone(player.status()["peers"])
            self.assertEqual(player.peers(), [])
            self.assertEqual(daemon.stop(), 0)

    def test_listen(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        player = self.player()
        with player.daemon("--listen", port) as daemon:
            self.assertEqual(daemon.ready["port"], port)
            with socket.create_connection(("127.0.0.1", port), 5):
                pass
            self.assertEqual(daemon.stop(), 0)


class Queue(WithOrigin):
    """What plays goes on while the queue around it changes."""

    def names(self, control):
        """The queue as letters: a is the first track; what plays in upper case."""
        queue = control.do("queue")
        letters = ""
        for entry in queue["entries"]:
            letter = chr(ord("a") + self.ids.index(entry["track"]))
            letters += letter.upper() if entry["entry"] == queue["current"] else letter
        return letters

    def entry(self, control, letter):
        track = self.ids[ord(letter) - ord("a")]
        return next(entry["entry"] for entry in control.do("queue")["entries"]
                    if entry["track"] == track)

    def test_changes(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("play", targets=self.ids[:3])
            daemon.wait_event("started")
            self.assertEqual(self.names(control), "Abc")
            control.do("queue_add", targets=[self.ids[3]], at="next")
            control.do("queue_add", targets=[self.ids[4]])
            self.assertEqual(self.names(control), "Adbce")
            control.do("queue_move", entry=self.entry(control, "e"), to=1)
            control.do("queue_remove", entries=[self.entry(control, "b")])
            self.assertEqual(self.names(control), "Aedc")
            control.do("next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[4])
            control.do("queue_remove", entries=[self.entry(control, "e")])  # what plays
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[3])
            self.assertEqual(self.names(control), "aDc")
            control.do("jump", entry=self.entry(control, "a"))
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            control.do("play", targets=[self.ids[1]], at="here")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            self.assertEqual(self.names(control), "aBdc")
            control.do("queue_clear")
            self.assertEqual(self.names(control), "B")
            self.assertIn("no such entry", control.ask("jump", entry=99999)["error"])
            self.assertEqual(daemon.stop(), 0)
            self.assertEqual(daemon.stderr, "")

    def test_what_follows_is_changed_at_the_last_moment(self):
        """The next track is prepared already; another one follows all the same."""
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            start = self.tracks[0]["duration_ms"] - 1500
            control.do("play", targets=self.ids[:2], position_ms=start)
            daemon.wait_event("started")
            control.do("queue_add", targets=[self.ids[2]], at="next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[2])
            self.assertEqual(daemon.stop(), 0)
            causes = [record["cause"] for record in daemon.of("play")]
            self.assertEqual(causes, ["click", "auto"])

    def test_previous_and_stop(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            self.assertIn("empty", control.ask("prev")["error"])
            control.do("play", targets=self.ids[:2])
            daemon.wait_event("started")
            control.do("next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            control.do("prev")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            control.do("seek", position_ms=8000)
            control.do("prev")  # later than 3 s: the same once more
            self.assertLess(control.do("status")["playing"]["position_ms"], 3000)
            control.do("stop")
            self.assertIsNone(control.do("status")["playing"])
            self.assertEqual(self.names(control), "Ab")
            control.do("toggle")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0])
            control.do("toggle")
            self.assertEqual(control.do("status")["playing"]["state"], "paused")
            self.assertEqual(daemon.stop(), 0)

    def test_repeat(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            last = self.tracks[1]["duration_ms"] - 300
            control.do("play", targets=self.ids[:2])
            daemon.wait_event("started")
            control.do("repeat", mode="all")
            control.do("next")
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[1])
            control.do("seek", position_ms=last)
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0], "from the top")
            control.do("repeat", mode="one")
            control.do("seek", position_ms=self.tracks[0]["duration_ms"] - 300)
            self.assertEqual(daemon.wait_event("started")["track"], self.ids[0], "again")
            self.assertIn("no such way", control.ask("repeat", mode="twice")["error"])
            self.assertEqual(daemon.stop(), 0)

    def test_shuffle(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("play", targets=self.ids)
            daemon.wait_event("started")
            plain = self.names(control)
            control.do("shuffle", mode="tracks")
            mixed = self.names(control)
            self.assertEqual(mixed[0], "A", "what plays goes on")
            self.assertEqual(sorted(mixed), sorted(plain))
            control.do("shuffle", mode="off")
            self.assertEqual(self.names(control), plain)
            self.assertEqual(daemon.stop(), 0)

    def test_seek_ends_at_the_end(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("play", targets=self.ids[:2])
            daemon.wait_event("started")
            far = self.tracks[0]["duration_ms"] + 1
            self.assertIn("not that long", control.ask("seek", position_ms=far)["error"])
            control.do("pause")
            control.do("seek", by_ms=far)
            playing = control.do("status")["playing"]
            self.assertEqual(playing["track"], self.ids[0])
            control.do("seek", by_ms=-2 * far)
            self.assertEqual(daemon.stop(), 0)

    def test_events(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            control.do("subscribe", events="all")
            first = {}
            while len(first) < 6:
                event = control.read()
                first[event["event"]] = event
            self.assertEqual(set(first), {"track", "state", "position", "queue", "modes", "volume"})
            self.assertIsNone(first["track"]["track"])
            self.assertEqual(first["state"]["state"], "stopped")
            control.write(b'{"id":77,"do":"play","targets":["%s"]}\n' % self.ids[0].encode())
            seen = {}
            while not {"chunks", "position", "track"} <= set(seen) or "title" not in seen["track"] \
                    or seen["state"]["state"] != "playing":
                event = control.read()
                seen[event.get("event", "answer")] = event
            self.assertEqual(seen["track"]["title"], self.tracks[0]["title"])
            self.assertEqual(seen["track"]["track"], self.ids[0])
            self.assertEqual(seen["queue"]["count"], 1)
            runs = seen["chunks"]["runs"]
            self.assertEqual(sum(run[1] for run in runs), seen["chunks"]["chunk_count"])
            self.assertLessEqual({run[0] for run in runs}, {"cache", "peers", "origin", "missing"})
            control.write(b'{"do":"quit"}\n')
            while event is not None:
                last, event = event, control.read()
            self.assertEqual(last["event"], "bye")
            self.assertEqual(daemon.finish(), 0)

    def test_events_that_there_are_not(self):
        player = self.player()
        with player.daemon("--no-peers") as daemon, player.control() as control:
            for events in ("some", ["track", "weather"], [1], 7, None):
                self.assertIn("events:", control.ask("subscribe", events=events)["error"])
            self.assertEqual(daemon.stop(), 0)


class Commands(WithOrigin):
    def test_status_and_peers(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            control.do("play", targets=[self.ids[0]])
            daemon.wait_event("started")
            status = player.status()
            self.assertEqual(set(status), STATUS)
            self.assertEqual(set(status["summary"]), SUMMARY)
            self.assertEqual(status["pid"], daemon.pid)
            self.assertEqual(status["origin"]["url"], self.origin.url)
            self.assertIs(status["origin"]["up"], True)
            self.assertEqual(status["peers"]["peer_id"], daemon.ready["peer_id"])
            for verb in ("status", "peers"):
                shown = refrain.run([refrain.program("refrain"), verb], player.sandbox.environment())
                self.assertEqual(shown.code, 0, shown.describe())
                self.assertEqual(shown.stderr, "")
                self.assertTrue(shown.lines)
                self.assertLessEqual(max(map(len, shown.lines)), 80, shown.lines)
            self.assertEqual(daemon.stop(), 0)

    def test_help_fits_a_terminal(self):
        for verb in ("play", "fetch", "daemon", "status", "peers", "ls", "cache"):
            shown = refrain.run([refrain.program("refrain"), verb, "--help"],
                                refrain.Sandbox().environment())
            self.assertEqual(shown.code, 0)
            self.assertLessEqual(max(map(len, shown.lines)), 80, shown.lines)

    def test_nobody_there(self):
        player = self.player()
        for verb in ("status", "peers"):
            asked = player.run(verb, origin=False)
            self.assertEqual(asked.code, refrain.EXIT_NOT_FOUND)
            self.assertIn("none runs", asked.stderr)

    def test_two_engines(self):
        player = self.player()
        with player.daemon() as daemon:
            for words in (["daemon", "--output", "null"], ["play", self.ids[0], "--output", "null"]):
                second = player.run(*words)
                self.assertEqual(second.code, refrain.EXIT_IN_USE, second.describe())
                self.assertIn(str(daemon.pid), second.stderr)
            player.status()  # the first one's socket is untouched
            self.assertEqual(daemon.stop(), 0)

    def test_stale_socket(self):
        player = self.player()
        daemon = player.daemon()
        path = player.sandbox.state / "refrain/engine.sock"
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        daemon.kill()
        self.assertTrue(path.exists())
        self.assertEqual(player.run("status", origin=False).code, refrain.EXIT_NOT_FOUND)
        with player.daemon() as again:
            self.assertEqual(player.status()["pid"], again.pid)
            self.assertEqual(again.stop(), 0)
        self.assertFalse(path.exists())

    def test_long_path(self):
        base = refrain.Sandbox()
        self.addCleanup(base.remove)
        player = self.player(sandbox=refrain.Sandbox(base.path / ("long" * 40)))
        with player.daemon() as daemon:
            self.assertEqual(player.status()["pid"], daemon.pid)
            self.assertEqual(daemon.stop(), 0)
        self.assertFalse((player.sandbox.state / "refrain/engine.sock").exists())


class Hostile(WithOrigin):
    def test_bad_requests(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            for line in (b"", b"{", b"[]", b"null", b"{}", b"\xff\xfe", b"\0", b'{"do":1}',
                         b'{"id":"x","do":"status"}', b'{"id":1,"id":2,"do":"status"}',
                         b"[" * 5000, b'{"id":1e400,"do":"status"}'):
                control.write(line + b"\n")
                answer = control.read()
                self.assertIn("error", answer, line)
                self.assertNotIn("ok", answer)
            for verb, fields in (("fly", {}), ("play", {}), ("play", {"targets": []}),
                                 ("play", {"targets": [1]}), ("play", {"targets": ["no such thing"]}),
                                 ("play", {"targets": [self.ids[0], "g" * 32]}),
                                 ("play", {"targets": self.ids * 200}),
                                 ("play", {"targets": self.ids[:1], "position_ms": -1}),
                                 ("play", {"targets": self.ids[:1], "position_ms": 1 << 62}),
                                 ("seek", {}), ("seek", {"position_ms": "1"}), ("pause", {}),
                                 ("next", {}), ("resume", {}), ("seek", {"position_ms": 1})):
                self.assertRegex(control.ask(verb, **fields)["error"], r"^[^:]+: .+", verb)
            self.assertIsNone(control.do("status")["playing"])
            self.assertEqual(daemon.stop(), 0)

    def test_a_request_in_pieces(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            control.write(b'{"id":1,"do":')
            control.write(b'"status"}\n{"id":2,"do":"peers"}\n{"id"')
            self.assertEqual(control.read()["id"], 1)
            self.assertEqual(control.read()["id"], 2)
            control.write(b':3,"do":"status"}\n')
            self.assertEqual(control.read()["id"], 3)
            self.assertEqual(daemon.stop(), 0)

    def test_line_without_end(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as control:
            with self.assertRaises((ConnectionError, AssertionError)):
                control.write(b"x" * 200000)
                self.assertIsNotNone(control.read())
            player.status()
            self.assertEqual(daemon.stop(), 0)

    def test_a_client_that_does_not_read(self):
        player = self.player()
        with player.daemon() as daemon, player.control() as lazy:
            question = json.dumps({"id": 1, "do": "status"}).encode() + b"\n"
            with self.assertRaises(ConnectionError):
                for _ in range(10000):
                    lazy.write(question * 100)
            player.status()
            self.assertEqual(daemon.stop(), 0)

    def test_too_many_clients(self):
        player = self.player()
        with player.daemon() as daemon:
            clients = [player.control() for _ in range(16)]
            refused = player.run("status", origin=False)
            self.assertEqual(refused.code, refrain.EXIT_NETWORK)
            clients.pop().close()
            clients[0].do("status")  # behind the close in the engine's order
            player.status()
            for client in clients:
                client.close()
            self.assertEqual(daemon.stop(), 0)

    def test_the_socket_can_not_be_had(self):
        """What stands in its place is no reason not to play."""
        player = self.player()
        (player.sandbox.state / "refrain/engine.sock/x").mkdir(parents=True)
        played = player.play(self.ids[0])
        self.assertEqual(played.code, 0, played.describe())
        self.assertIn("control socket", played.stderr)


if __name__ == "__main__":
    unittest.main()
