"""test_address.py: the machine's address changes while music plays: the buffer plays on, links come back.

Home and world are namespaces with a router between them (tests/lib/thin_line.py); the listener is at
home, origin and another player are in the world. Needs root; skipped otherwise.
"""

import pathlib
import subprocess
import unittest

import refrain
import thin_line
from thin_line import HOME, WORLD

LEFT_MS = 10000  # of the first track
NEW_ADDRESS = "11.0.1.77/24"


class AddressChange(unittest.TestCase):
    def home_ip(self, line, *words):
        subprocess.run(["ip", "-n", line.names[HOME], *words], check=True)

    def change_address(self, line):
        """As another network would give it: the old one goes, and its routes."""
        self.home_ip(line, "addr", "del", line.ADDRESSES[HOME] + "/24", "dev", "line")
        self.home_ip(line, "addr", "add", NEW_ADDRESS, "dev", "line")
        self.home_ip(line, "route", "add", "default", "via", "11.0.1.1")

    @staticmethod
    def wait_until_here(control, events):
        """What plays is wholly here; positions come about once a second."""
        while any(run[0] == "missing" for run in control.do("chunks")["runs"]):
            if events.read() is None:
                raise AssertionError("the engine has gone")

    @staticmethod
    def received(control):
        return sum(control.do("status")["summary"]["payload"].values())

    def test_it_plays_on(self):
        with thin_line.ThinLine(4000, 10000, 100) as line, refrain.Sandbox() as sandbox:
            origin = refrain.Origin(sandbox)
            origin.init()
            for name in ("1-minuet.ogg", "2-gymnopedie.ogg"):
                origin.add(refrain.SAMPLE / name)
            origin.serve(listen=f"{line.ADDRESSES[WORLD]}:0", prefix=line.prefix(WORLD))
            self.addCleanup(origin.kill)
            tracks = sorted(origin.tracks(), key=lambda track: track["title"], reverse=True)
            ids = [track["id"] for track in tracks]
            giver, listener = refrain.Player(origin), refrain.Player(origin)
            fetched = giver.run("fetch", *ids, "-o", pathlib.Path(sandbox.path) / "files",
                                prefix=line.prefix(WORLD))
            self.assertEqual(fetched.code, 0, fetched.describe())
            with giver.daemon(prefix=line.prefix(WORLD)), \
                    listener.daemon(prefix=line.prefix(HOME)) as daemon, \
                    listener.control() as control, listener.control() as events:
                control.do("play", targets=ids, position_ms=tracks[0]["duration_ms"] - LEFT_MS)
                self.assertEqual(daemon.wait_event("started")["track"], ids[0])
                events.do("subscribe", events=["position"])
                self.wait_until_here(control, events)
                self.change_address(line)
                before = self.received(control)
                self.assertEqual(daemon.wait_event("play")["stutters"], 0)
                self.assertEqual(daemon.wait_event("started")["track"], ids[1])
                self.wait_until_here(control, events)  # over new links
                self.assertGreater(self.received(control), before)
                self.assertTrue(control.do("status")["origin"]["up"])
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(daemon.wait_event("play")["stutters"], 0)


if __name__ == "__main__":
    unittest.main()
