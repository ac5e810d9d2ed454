"""test_arranged.py: two peers that dial each other at the same moment over a wire with delay.

Both packets are on their way before either arrives, so the connections meet as one (simultaneous
open), which loopback never shows. Needs root; skipped otherwise.
"""

import pathlib
import subprocess
import unittest

import refrain
import slow_wire

DELAY_S = 0.05
PORT = 7399


def peer_tool():
    return pathlib.Path(refrain.program("refrain")).parents[1] / "tests" / "lib" / "peer_tool"


class Tool:
    """One side: tests/lib/peer_tool.c."""

    def __init__(self, wire, side, sandbox, own, other):
        command = [*wire.prefix(side), peer_tool(), sandbox.path, own, other,
                   wire.address(1 - side), PORT]
        self.popen = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        word, self.id = self.popen.stdout.readline().split()
        assert word == "ready"

    def go(self, what):
        self.popen.stdin.write(what + "\n")
        self.popen.stdin.flush()

    def finish(self):
        output, _ = self.popen.communicate(timeout=30)
        return self.popen.returncode, output.splitlines()


class Arranged(unittest.TestCase):
    def meet(self, own, other):
        with refrain.Sandbox() as sandbox, slow_wire.SlowWire(DELAY_S) as wire:
            tools = [Tool(wire, 0, sandbox, own, other), Tool(wire, 1, sandbox, other, own)]
            for tool in tools:
                tool.go("dial")
            return [tool.finish() for tool in tools]

    def test_both_dial_at_once(self):
        """In both orders of peer ids: each is once the side that begins TLS."""
        for own, other in ((1, 2), (2, 1)):
            with self.subTest(own=own):
                for code, lines in self.meet(own, other):
                    self.assertEqual(code, 0, lines)
                    self.assertIn("got hello", lines)
                    # Neither was accepted by a listener: the two connections met.
                    self.assertEqual(lines[0], "up dialled", lines)

    def test_one_dials_alone(self):
        """The other side's listener takes it, whoever has the lower peer id."""
        for own, other in ((1, 2), (2, 1)):
            with self.subTest(own=own), refrain.Sandbox() as sandbox, \
                    slow_wire.SlowWire(DELAY_S) as wire:
                dialler = Tool(wire, 0, sandbox, own, other)
                taker = Tool(wire, 1, sandbox, other, own)
                taker.go("listen")
                dialler.go("dial")
                for tool, how in ((dialler, "up dialled"), (taker, "up incoming")):
                    code, lines = tool.finish()
                    self.assertEqual(code, 0, lines)
                    self.assertEqual(lines[0], how)
                    self.assertIn("got hello", lines)


if __name__ == "__main__":
    unittest.main()
