"""test_kill.py: player and origin killed -9 at random moments.

What must hold after every kill: no wrong byte (what is played is what was added, sample for sample,
and the cache verifies), no file lost that `add` had reported, no chunk lost that had been in the
cache for over a second. REFRAIN_KILLS says how often each program is killed (20), REFRAIN_SEED
replays a run's moments.
"""

import contextlib
import hashlib
import os
import random
import subprocess
import time
import unittest

import refrain
import wire

KILLS = int(os.environ.get("REFRAIN_KILLS", "20"))
RATE = 2_000_000  # bytes/s that the relay lets through: the album takes some seconds


def kill_after(process, seconds):
    """Kills -9 that many seconds from now, if it has not ended before."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.popen.wait(seconds)
    process.kill()
    return process


class Kills(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.music = refrain.wesnoth(41)
        cls.random = random.Random(refrain.seed_from_environment())

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.remove()

    def make_origin(self, name, *paths):
        origin = refrain.Origin(self.sandbox, self.sandbox.path / name)
        origin.init()
        if paths:
            origin.add(*paths)
        return origin

    def smallest(self, count, bytes_min=0):
        """So many tracks of at least that size, the smallest that there are."""
        sizes = sorted((path.stat().st_size, path) for path in self.music)
        return [path for size, path in sizes if size >= bytes_min][:count]

    def pcm(self, player, *arguments):
        """The digest of the samples that a player writes for all tracks."""
        path = player.sandbox.path / "all.wav"
        played = player.play("all", *arguments, output=f"wav:{path}")
        self.assertEqual(played.code, 0, played.describe())
        digest = hashlib.sha256(refrain.Wav(path).data).hexdigest()
        path.unlink()
        return digest, played

    def test_player(self):
        with self.make_origin("for-players", *self.smallest(4, 1_500_000)) as origin:
            origin.serve()
            with wire.Relay(origin.address, RATE) as relay:
                self.kill_players(origin, relay)

    def kill_players(self, origin, relay):
        class Slow:
            url = f"https://{relay.address}"

        wanted, _ = self.pcm(refrain.Player(origin))
        player, kills = refrain.Player(Slow), 0
        kept = 0
        while kills < KILLS:
            moment = self.random.uniform(0.0, 3.0)
            running = player.start("play", "all", "--output", f"wav:{player.sandbox.path / 'killed.wav'}")
            before = self.chunks_within(player, running, moment)
            if running.popen.poll() is not None:
                # All was in the cache already, so that it was over before the moment came.
                self.assertEqual(running.finish(), 0, running.describe() + origin.process.describe())
                self.clear(player)
                kept = 0
                continue
            running.kill()
            kills += 1
            status = player.cache_status()
            print(f"player killed at {moment:.3f} s: {status['chunks']} chunks in the cache, {before} of "
                  f"them seen a second before, {kept} before the start")
            self.assertGreaterEqual(status["chunks"], max(kept, before), f"kill {kills} at {moment:.3f} s")
            kept = status["chunks"]
            verified = player.run("cache", "verify", origin=False)
            self.assertEqual(verified.code, 0, verified.describe())
            if self.random.random() < 0.2:
                self.clear(player)  # so that kills meet a cache that is empty, filling and full
                kept = 0
        digest, played = self.pcm(player)
        self.assertEqual(digest, wanted, "what is played after the kills is what was added")
        self.assertGreaterEqual(played.summary["bytes"]["cache"], 1 if kept > 0 else 0)
        digest, played = self.pcm(player, "--offline")
        self.assertEqual(digest, wanted)
        self.assertEqual(played.summary["bytes"]["origin"], 0)

    def chunks_within(self, player, running, moment):
        """Waits until `moment` (seconds after the start); the chunks that were in the cache at
        least a second before."""
        deadline = time.monotonic() + moment
        seen = []
        while time.monotonic() < deadline - 0.05 and running.popen.poll() is None:
            seen.append((time.monotonic(), player.cache_status()["chunks"]))
        with contextlib.suppress(subprocess.TimeoutExpired):
            running.popen.wait(max(0.0, deadline - time.monotonic()))
        now = time.monotonic()
        return max([chunks for at, chunks in seen if now - at > 1.0], default=0)

    def clear(self, player):
        cleared = player.run("cache", "clear", origin=False)
        self.assertEqual(cleared.code, 0, cleared.describe())

    def test_origin_while_it_serves(self):
        with self.make_origin("serving", *self.smallest(2, 600_000)) as origin:
            origin.serve()
            with wire.Relay(origin.address, RATE) as relay:
                self.kill_serving_origins(origin, relay)

    def kill_serving_origins(self, origin, relay):
        class Slow:
            url = f"https://{relay.address}"

        wanted, _ = self.pcm(refrain.Player(origin))
        kills = 0
        while kills < KILLS:
            player = refrain.Player(Slow)
            path = player.sandbox.path / "all.wav"
            running = player.start("play", "all", "--output", f"wav:{path}")
            running.wait_event("started")
            while kills < KILLS and running.popen.poll() is None:
                kill_after(origin.process, self.random.uniform(0.05, 0.6))
                origin.restart()
                kills += 1
            self.assertEqual(running.finish(120), 0, running.describe())
            self.assertEqual(hashlib.sha256(refrain.Wav(path).data).hexdigest(), wanted)
            print(f"played through {kills} kills of the origin so far")
            player.sandbox.remove()

    def test_origin_while_it_adds(self):
        origin = self.make_origin("adding")
        reported, kills = set(), 0
        while kills < KILLS:
            adding = refrain.Process([refrain.program("refrain-origin"), "add", origin.folder, "--json",
                                      *self.random.sample(self.music, 8)], self.sandbox.environment())
            # Until something was reported; then some time, which is a part of a track's or several.
            with contextlib.suppress(refrain.Ended):
                if kills % 4:
                    adding.wait_event("added")
            kill_after(adding, self.random.uniform(0.0, 0.3))
            kills += 1
            for thread in adding._threads:
                thread.join()
            reported |= {event["id"] for event in adding.events if event.get("event") == "added"}
            listed = {track["id"]: track for track in origin.tracks()}
            print(f"add killed: {len(reported)} reported so far, {len(listed)} listed")
            self.assertLessEqual(reported, set(listed), f"kill {kills}")
        self.assertGreater(len(reported), 0, "no add ever got so far: the moments are too early")
        self.check_files(origin)

    def check_files(self, origin):
        """Every file that the origin lists is served, whole and as it was added."""
        with origin:
            origin.serve()
            known = {path.stat().st_size: hashlib.sha256(path.read_bytes()).hexdigest()
                     for path in self.music}
            player = refrain.Player(origin)
            for track in origin.tracks():
                path = player.sandbox.path / "fetched"
                fetched = player.fetch(track["id"], path)
                self.assertEqual(fetched.code, 0, fetched.describe())
                self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest(),
                                 known[track["files"][0]["bytes"]])
                path.unlink()


if __name__ == "__main__":
    unittest.main()
