"""test_faults_peers.py: what a player must ride out, unheard, between real programs.

Each case is a story of its own: tracks that nobody else plays, peers of tests/lib/hostile_peer.py,
and a listener that plays in real time while the test reads what leaves its device. All of them end
in the same: every sample is the reference's, and the sound never stood still. The stories run at the
same time, since nearly all of it is waiting. The simulator has each for a hundred seeds
(tests/integration/test_scenarios.py).

REFRAIN_SLEEP_S is how long the stopped player sleeps (8).
"""

import concurrent.futures
import os
import pathlib
import signal
import threading
import unittest

import hostile_peer
import hostile_tracker
import refrain
import sound
import wire

SECONDS = 9.0  # of a track
AT_A_TIME = 6
# Bytes a second of a peer that is honest but has a thin line: nearly twice the music's.
THIN = 100_000
BYE_PROTOCOL, BYE_BAD_DATA = 2, 7
SLEEP_S = float(os.environ.get("REFRAIN_SLEEP_S", "8"))
FAKETIME = pathlib.Path("/usr/lib") / (os.uname().machine + "-linux-gnu") / "faketime/libfaketimeMT.so.1"
# Longer than two looks of p2p/uv/network_watch.h.
NOTICED_S = 12
NO_PRELOAD = "nothing can be preloaded before a sanitizer"


class World:
    """One origin, with TLS and without, and the tracks of all stories."""

    def __init__(self, names):
        self.sandbox = refrain.Sandbox()
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()
        self.paths = sound.make_tracks(self.sandbox.path, names, SECONDS)
        self.origin.add(*self.paths.values())
        self.tracks = {track["title"]: track for track in self.origin.tracks()}
        self.origin.serve()
        self.plain = refrain.Origin(self.sandbox, self.origin.folder)
        self.plain.serve(http=True)

    def id(self, name):
        return self.tracks[name]["id"]

    def bytes(self, *names):
        return sum(self.tracks[name]["files"][0]["bytes"] for name in names)

    def content(self, name):
        """The file as the origin serves it."""
        file = self.tracks[name]["files"][0]["id"]
        path, = (self.origin.folder / "media").glob(f"*/{file}*")
        return hostile_peer.Content(path.read_bytes())

    def sound(self, *names):
        return b"".join(sound.reference(self.paths[name]) for name in names)

    def close(self):
        self.plain.kill()
        self.origin.kill()
        self.sandbox.remove()


def check(world, listener, *names):
    """All of it was heard, sample for sample, and it never stood still; the summary."""
    summary = listener.finish()
    heard, right = bytes(listener.ear.heard), world.sound(*names)
    if heard != right:
        same = next((i for i, (a, b) in enumerate(zip(heard, right)) if a != b), None)
        raise AssertionError(f"{len(heard)} bytes of sound, not {len(right)}; first other: {same}; "
                             f"{listener.process.describe()}")
    whole = world.bytes(*names)
    if summary["stutters"] != 0 or sum(summary["bytes"].values()) != whole or \
            summary["duplicate_bytes"] > whole // 20:
        raise AssertionError(listener.process.describe())
    return summary


# --- peers ---------------------------------------------------------------------------------------

KINDS = {
    "mute": hostile_peer.Mute, "silent": hostile_peer.Silent, "trickler": hostile_peer.Trickler,
    "liar": hostile_peer.Liar, "forger": hostile_peer.Forger,
    "counterfeiter": hostile_peer.Counterfeiter, "babbler": hostile_peer.Babbler,
    "nonsense": hostile_peer.Nonsense, "stranger": hostile_peer.Stranger,
    "resetter": hostile_peer.Resetter,
}


def hostile(world, name):
    """One peer of that kind and an honest one with a thin line; the origin is gone once there is
    sound, so that what the one spoils has nowhere else to come from."""
    content = world.content(name)
    with wire.Relay(world.origin.address) as relay, \
            KINDS[name](world.origin.url, content) as peer, \
            hostile_peer.Honest(world.origin.url, content, rate=THIN) as honest, \
            sound.Listener(f"https://{relay.address}") as listener:
        listener.start("play", world.id(name))
        listener.ear.wait(1.5)
        relay.close()
        summary = check(world, listener, name)
        return {"linked": peer.linked, "asked": peer.asked, "byes": peer.byes,
                "honest": honest.sent_bytes, **summary}


def all_gone(world, name):
    """Three peers that give, each with a thin line, and none a moment later."""
    content = world.content(name)
    peers = [hostile_peer.Honest(world.origin.url, content, rate=THIN // 2) for _ in range(3)]
    with sound.Listener(world.origin.url) as listener:
        listener.start("play", world.id(name))
        listener.ear.wait(1.5)
        for peer in peers:
            peer.leave()
        return {**check(world, listener, name), "given": [peer.sent_bytes for peer in peers]}


# --- the origin and its tracker ------------------------------------------------------------------

def origin_gone(world, *names):
    """15 s into a session. Two tracks are queued; a third is asked for afterwards, of which the
    listener knows nothing, and a daemon everything."""
    giver = refrain.Player(world.origin)
    filled = giver.run("fetch", *map(world.id, names), "-o", f"{giver.sandbox.path}/files/")
    if filled.code != 0:
        raise AssertionError(filled.describe())
    with giver.daemon(), wire.Relay(world.origin.address) as relay, \
            sound.Listener(f"https://{relay.address}") as listener:
        process = listener.start("daemon")
        process.wait_event("ready")
        with listener.player.control() as control:
            control.do("play", targets=[world.id(name) for name in names[:2]])
            listener.ear.wait(15, 30)
            relay.close()
            process.wait_event("play", where=lambda event: event["track"] == world.id(names[1]))
            control.do("play", targets=[world.id(names[2])])
            process.wait_event("play", SECONDS + 20)
            control.do("quit")
        return check(world, listener, *names)


ANSWERS = {"dead": hostile_tracker.DeadPeers(), "other": hostile_tracker.nonsense,
           "malformed": hostile_tracker.malformed, "unasked": hostile_tracker.unasked}


def tracker(world, name):
    """The tracker's answers are made up; everything else of the origin is as it should be."""
    with hostile_tracker.HostileTracker(world.plain.address, ANSWERS[name]) as origin, \
            sound.Listener(origin.url) as listener:
        listener.start("play", world.id(name))
        summary = check(world, listener, name)
        return {"lookups": origin.lookups, "links": origin.links, **summary}


# --- clocks --------------------------------------------------------------------------------------

def clock(world, name):
    """The time of day jumps an hour forth and a year back while it plays."""
    if not FAKETIME.exists():
        return {"skipped": "faketime is not installed"}
    if refrain.build_kind() != "debug":
        return {"skipped": NO_PRELOAD}
    content = world.content(name)
    with hostile_peer.Honest(world.origin.url, content, rate=THIN) as peer, \
            sound.Listener(world.origin.url) as listener:
        step = listener.sandbox.path / "clock"
        step.write_text("+0")
        listener.environment.update(LD_PRELOAD=FAKETIME, FAKETIME_TIMESTAMP_FILE=step, FAKETIME_NO_CACHE=1,
                                    FAKETIME_DONT_FAKE_MONOTONIC=1, DONT_FAKE_MONOTONIC=1)
        listener.start("play", world.id(name))
        listener.ear.wait(1.5)
        step.write_text("+1h")
        listener.ear.wait(4)
        step.write_text("-1y")
        return {**check(world, listener, name), "given": peer.sent_bytes}


def stopped(world, *names):
    """The player is stopped; meanwhile everybody else gives it up. It wakes, and plays on."""
    contents = [world.content(name) for name in names]
    with hostile_peer.Honest(world.origin.url, *contents, rate=THIN) as peer, \
            wire.Relay(world.origin.address) as relay, \
            sound.Listener(f"https://{relay.address}") as listener:
        process = listener.start("play", *map(world.id, names))
        listener.ear.wait(3)
        process.send_signal(signal.SIGSTOP)
        peer.hang_up()
        relay.cut()
        threading.Event().wait(SLEEP_S)  # nothing happens: that is the case
        process.send_signal(signal.SIGCONT)
        return {"given": peer.sent_bytes, **check(world, listener, *names)}


def suspended(world, *names):
    """The machine sleeps for an hour: the clock that counts it is ahead of the others. Who was linked
    is asked whether he is still there, and is."""
    if refrain.build_kind() != "debug":
        return {"skipped": NO_PRELOAD}
    library = pathlib.Path(refrain.program("refrain")).parents[1] / "tests" / "lib" / "boot_clock.so"
    contents = [world.content(name) for name in names]
    with hostile_peer.Honest(world.origin.url, *contents, rate=THIN) as peer, \
            sound.Listener(world.origin.url) as listener:
        slept = listener.sandbox.path / "slept"
        listener.environment.update(LD_PRELOAD=library, BOOT_CLOCK_FILE=slept)
        listener.start("play", *map(world.id, names))
        listener.ear.wait(3)
        pings = peer.pings
        slept.write_text("3600")
        if not peer.wait(lambda peer: peer.pings > pings, NOTICED_S * refrain.patience()):
            raise AssertionError("nobody noticed the sleep")
        return {**check(world, listener, *names), "linked": peer.linked}


# name: (story, how many tracks)
STORIES = {
    "origin": (origin_gone, 3), "stopped": (stopped, 2), "suspended": (suspended, 2),
    **{name: (hostile, 1) for name in KINDS}, **{name: (tracker, 1) for name in ANSWERS},
    "gone": (all_gone, 1), "clock": (clock, 1),
}


class Faults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        names = {name: [name] if count == 1 else [f"{name}{i}" for i in range(count)]
                 for name, (_, count) in STORIES.items()}
        cls.world = World([name for each in names.values() for name in each])
        cls.addClassCleanup(cls.world.close)
        cls.pool = concurrent.futures.ThreadPoolExecutor(AT_A_TIME)
        cls.addClassCleanup(cls.pool.shutdown)
        cls.outcomes = {name: cls.pool.submit(story, cls.world, *names[name])
                        for name, (story, _) in STORIES.items()}

    def outcome(self, name):
        """What the story tells; all have looked at the sound already."""
        outcome = self.outcomes[name].result()
        if "skipped" in outcome:
            self.skipTest(outcome["skipped"])
        print(name, outcome, flush=True)
        return outcome

    def check_asked(self, name):
        """It was asked, and what it did not give the honest one gave."""
        outcome = self.outcome(name)
        self.assertGreater(outcome["asked"], 0)
        self.assertGreater(outcome["bytes"]["peers"], 0)
        self.assertLessEqual(outcome["bytes"]["peers"], outcome["honest"])
        return outcome

    def check_dropped(self, name, reason):
        """Its first misdeed was its last."""
        outcome = self.check_asked(name)
        self.assertEqual((outcome["linked"], outcome["byes"]), (1, [reason]), outcome)

    def test_takes_connections_and_says_nothing(self):
        outcome = self.outcome("mute")
        self.assertGreater(outcome["linked"], 0)
        self.assertGreater(outcome["bytes"]["peers"], 0)

    def test_never_answers(self):
        self.check_asked("silent")

    def test_trickles(self):
        outcome = self.outcome("trickler")
        self.assertGreater(outcome["asked"], 0)
        self.assertGreater(outcome["honest"], outcome["bytes"]["peers"] // 2)

    def test_lies_of_what_it_has(self):
        outcome = self.check_asked("liar")
        self.assertLess(outcome["asked"], 2 * 31, "it goes on being asked")

    def test_sends_wrong_chunks(self):
        self.check_dropped("forger", BYE_BAD_DATA)

    def test_sends_wrong_proofs(self):
        self.check_dropped("counterfeiter", BYE_BAD_DATA)

    def test_sends_what_is_no_frame(self):
        self.check_dropped("babbler", BYE_PROTOCOL)

    def test_sends_a_malformed_message(self):
        self.check_dropped("nonsense", BYE_PROTOCOL)

    def test_answers_what_nobody_asked(self):
        self.check_dropped("stranger", BYE_PROTOCOL)

    def test_resets(self):
        self.check_asked("resetter")

    def test_all_peers_gone_at_once(self):
        outcome = self.outcome("gone")
        self.assertTrue(all(outcome["given"]), outcome)
        self.assertGreater(outcome["bytes"]["origin"], 0)

    def test_origin_gone(self):
        outcome = self.outcome("origin")
        self.assertGreater(outcome["bytes"]["peers"], self.world.bytes("origin2"))

    def test_a_million_dead_peers(self):
        self.assertGreater(self.outcome("dead")["lookups"], 0)

    def test_tracker_answers_something_else(self):
        self.assertGreater(self.outcome("other")["lookups"], 0)

    def test_tracker_answers_what_was_not_asked(self):
        self.assertGreater(self.outcome("unasked")["lookups"], 0)

    def test_tracker_answers_malformed(self):
        """The link ends and comes back; its tracker is not asked again."""
        outcome = self.outcome("malformed")
        self.assertEqual((outcome["lookups"], outcome["links"]), (1, 2), outcome)

    def test_clock_steps(self):
        self.assertGreater(self.outcome("clock")["given"], 0)

    def test_process_stopped(self):
        self.assertGreater(self.outcome("stopped")["given"], 0)

    def test_machine_slept(self):
        outcome = self.outcome("suspended")
        self.assertEqual(outcome["linked"], 1, "a link that answers stays")


if __name__ == "__main__":
    unittest.main()
