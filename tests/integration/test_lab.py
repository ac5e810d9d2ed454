# alone: twenty players on emulated lines; what else runs would be in their way
"""Real players on emulated lines: shares and correctness are asserted, waits are printed."""

import json
import os
import sys
import unittest

import refrain

SAMPLE = refrain.ROOT / "media" / "sample"
UNSUPPORTED = 10


def lab(*arguments):
    """The outcome of a run of the lab, as docs/LAB.md defines it."""
    process = refrain.run([refrain.program("refrain-measure"), "lab", "--music", SAMPLE, "--json",
                           *arguments], dict(os.environ), timeout_s=400)
    if process.code == UNSUPPORTED:
        raise unittest.SkipTest(process.stderr.strip())
    if process.code != 0:
        raise AssertionError(process.describe())
    outcome = process.events[-1]
    print(json.dumps(outcome), file=sys.stderr)
    return outcome


class Lab(unittest.TestCase):
    def check_sound(self, outcome):
        self.assertGreater(outcome["plays"], 0)
        self.assertEqual(outcome["failed"], 0)
        self.assertLessEqual(outcome["duplicate_bytes"],
                             0.02 * sum(outcome["bytes"].values()), outcome)

    def test_evening(self):
        """Twenty listeners with empty caches click, skip and listen on. The album is short: start sets
    are a sixth of it."""
        outcome = lab("--listeners", "20", "--minutes", "2")
        self.check_sound(outcome)
        heard = sum(outcome["bytes"].values())
        self.assertGreater(outcome["bytes"]["peers"], 0.5 * heard, outcome)
        self.assertLess(outcome["origin_per_mille"], 2500, outcome)

    def test_without_peers(self):
        outcome = lab("--listeners", "5", "--minutes", "1", "--no-peers")
        self.check_sound(outcome)
        self.assertEqual(outcome["bytes"]["peers"], 0)
        self.assertGreater(outcome["bytes"]["origin"], 0)

    def test_flash(self):
        """All start the same track within two seconds."""
        outcome = lab("--listeners", "20", "--minutes", "1", "--flash")
        self.check_sound(outcome)
        self.assertGreaterEqual(outcome["plays"], 20)
        self.assertGreater(outcome["bytes"]["peers"], outcome["bytes"]["origin"], outcome)


if __name__ == "__main__":
    unittest.main()
