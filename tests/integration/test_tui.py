"""test_tui.py: the full screen of `refrain play`, on a pseudo-terminal that is read as a listener would.

What is drawn in which size and depth of colour is tested as pictures (tests/unit/test_view.c); here is
what needs the program: keys that reach the engine, the terminal's own modes, ends of all kinds.
"""

import os
import re
import signal
import unittest

import refrain
from screen import Screen

LEAVE = b"\x1b[?1049l"  # the shell's screen is back


def setUpModule():
    sandbox = refrain.Sandbox()
    origin = refrain.Origin(sandbox)
    origin.init()
    folder = sandbox.path
    origin.add(
        refrain.make_tone(folder / "one.ogg", 60, title="First Light", artist="Anna", number=1),
        refrain.make_tone(folder / "two.ogg", 20, title="\u97f3\u697d e\u0301te\u0301", artist="Bo",
                          number=2, seed=5),
        refrain.make_tone(folder / "three.ogg", 20, title="evil\x1b[2J\u202egpj\u200b\x9b31m",
                          artist="Zoe\x1b]0;pwned\x07", number=3, seed=6))
    origin.serve()
    unittest.addModuleCleanup(sandbox.remove)
    unittest.addModuleCleanup(origin.stop)
    WithMusic.origin = origin


class WithMusic(unittest.TestCase):
    origin = None

    def open(self, *arguments, columns=100, rows=30, keys="", **environment):
        player = refrain.Player(self.origin)
        (player.sandbox.config / "refrain").mkdir()
        (player.sandbox.config / "refrain" / "refrain.conf").write_text(keys)
        self.addCleanup(player.sandbox.remove)
        self.player = player
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", **environment}
        command = [refrain.program("refrain"), "play", "all", "--output", "null", "--origin",
                   self.origin.url, *arguments]
        screen = Screen(command, player.sandbox.environment(**settings), columns, rows)
        self.addCleanup(screen.close)
        return screen

    def assert_restored(self, screen):
        self.assertTrue(screen.modes())
        after = screen.received[screen.received.rindex(LEAVE):]
        self.assertNotIn(b"\x1b[?1049h", after)
        self.assertEqual(screen.received.count(b"\x1b[?1049h"), 1)


class Session(WithMusic):
    def test_play_seek_queue_resize_quit(self):
        with self.open() as screen:
            screen.wait("First Light .*playing")
            screen.wait(r"Queue 3 ")
            self.assertFalse(screen.modes())
            screen.wait("origin [1-9]")

            screen.press(" ")
            screen.wait("paused")
            screen.press("\x1b[C\x1b[C")
            screen.wait("^ *0:2[0-4] ")
            # The map is as wide as the row; the middle of it is the middle of the track.
            row = next(i for i, line in enumerate(screen.screen.display) if re.search("0:2. ", line))
            line = screen.screen.display[row]
            left, right = line.index("0:2") + 5, line.rindex("1:00") - 1
            screen.click((left + right) // 2, row)
            screen.wait("^ *0:(29|30|31) ")
            screen.press("  ")  # on, and paused again
            screen.press("n")
            screen.wait("\u97f3.*e\u0301te\u0301? .*(playing|paused)|^  \u97f3")
            screen.press("J")
            screen.press("s")
            screen.wait("shuffle tracks")
            screen.press("r")
            screen.wait("repeat all")
            screen.press("?")
            screen.wait("track before")
            screen.press("\x1b")
            screen.wait(lambda: "track before" not in screen.text)

            for columns, rows in ((60, 14), (40, 10), (20, 5), (4, 2), (120, 40)):
                screen.resize(columns, rows)
                if rows >= 10:
                    screen.wait(lambda: re.search(r"(playing|paused) *$", screen.text, re.M) and
                                re.search(r"Queue.*/", screen.text))
                elif rows == 5:
                    screen.wait(r"/ 0:20")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)
            self.assert_restored(screen)
            self.assertIn(b"played", screen.received[screen.received.rindex(LEAVE):])

    def test_search_library_and_keys_of_ones_own(self):
        with self.open(keys="[keys]\nquit = ctrl-q\nbogus = x\n") as screen:
            screen.wait("First Light .*playing")
            screen.wait("refrain.conf:3: bogus: no such action")
            screen.press("/l")
            screen.wait("^  / l")
            screen.press("ight")
            screen.wait("^  Tracks *\n.*First Light .*Anna")
            screen.press("\t")
            screen.press("a")
            screen.wait("queued: First Light")
            screen.wait("Queue 4")
            screen.press("l")
            screen.wait("liked: First Light")
            screen.press("2")
            screen.wait("Anna +1 album")
            screen.press("\r")
            screen.wait("Tones .*1 track")
            screen.press("\r")
            screen.wait(r"^  Anna .* Tones")
            screen.press("3\r")
            screen.wait("^  Likes *\n *\n.*First Light")
            screen.press("\x11")
            self.assertEqual(screen.finish(), 0)

    def test_hostile_names_reach_no_terminal(self):
        with self.open() as screen:
            screen.wait("First Light")
            screen.wait("Queue 3 ")
            screen.press("\xff\xfe\x80".encode("latin-1"))  # no UTF-8 on the way in, either
            screen.press("G\r")
            screen.wait(r"^  evil.*playing")
            screen.wait(r"pwned")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)
        self.assertNotIn(b"pwned\x07", screen.received)
        self.assertNotIn(b"\x1b]0;", screen.received)
        self.assertNotIn("\u202e".encode(), screen.received)
        self.assertNotIn("\u200b".encode(), screen.received)
        self.assertNotIn(b"\xc2\x9b", screen.received)

    def test_the_end_of_the_queue(self):
        """Nobody has touched it: it ends as the line does."""
        with self.open("--fast", "--start", "50") as screen:
            self.assertEqual(screen.finish(), 0)
            self.assertIn(b"3 tracks", screen.received)
            self.assert_restored(screen)


class Looks(WithMusic):
    def test_without_colours(self):
        with self.open(NO_COLOR="1") as screen:
            screen.wait("First Light .*playing")
            screen.wait("origin [1-9]")
            screen.press("q")
            screen.finish()
        for style in re.findall(rb"\x1b\[([0-9;]*)m", screen.received):
            self.assertRegex(style, rb"^(0?(;[1-9])*)?$")

    def test_sixteen_colours_and_ascii(self):
        with self.open(TERM="xterm", COLORTERM="", LC_ALL="C") as screen:
            screen.wait("First Light .*> playing")
            screen.wait("origin [1-9]")
            screen.press("q")
            screen.finish()
        self.assertNotIn(b";2;", screen.received)
        self.assertNotIn(b"38;5", screen.received)
        own = "\u97f3\u697d\u0301e".encode()  # the listener's names stay as they are
        self.assertEqual(set(screen.received) - set(own) - set(range(128)), set())

    def test_a_small_terminal(self):
        with self.open(columns=20, rows=5) as screen:
            screen.wait("First Light")
            screen.wait(r"0:0\d / 1:00")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)

    def test_a_dumb_terminal_gets_lines(self):
        with self.open(TERM="dumb") as screen:
            screen.wait("Anna - First Light")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)
        self.assertNotIn(b"\x1b[?1049h", screen.received)

    def test_plain_gets_lines(self):
        with self.open("--plain") as screen:
            screen.wait("Anna - First Light")
            screen.press("q")
            self.assertEqual(screen.finish(), 0)
        self.assertNotIn(b"\x1b[?1049h", screen.received)


class Ends(WithMusic):
    """Whatever ends it, the terminal is as it was."""

    def end_by(self, number):
        with self.open() as screen:
            screen.wait("First Light .*playing")
            self.assertFalse(screen.modes())
            os.kill(screen.pid, number)
            code = screen.finish()
            self.assert_restored(screen)
            return code

    def test_asked_to_end(self):
        self.assertEqual(self.end_by(signal.SIGTERM), refrain.EXIT_INTERRUPTED)

    def test_crashes(self):
        for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
            with self.subTest(number):
                self.assertEqual(self.end_by(number), -number)

    def test_hangup(self):
        with self.open() as screen:
            screen.wait("First Light .*playing")
            os.close(screen.fd)
            screen.fd = os.open(os.devnull, os.O_RDWR)
            _, status = os.waitpid(screen.pid, 0)
            screen.code = os.waitstatus_to_exitcode(status)
        self.assertEqual(screen.code, 0)

    def test_suspended_under_a_shell(self):
        player = refrain.Player(self.origin)
        self.addCleanup(player.sandbox.remove)
        environment = player.sandbox.environment(TERM="xterm-256color", PS1="prompt$ ")
        with Screen(["/bin/bash", "--norc", "-i"], environment) as shell:
            shell.press(f"{refrain.program('refrain')} play all --output null "
                        f"--origin {self.origin.url}; echo code=$?\n")
            shell.wait("First Light .*playing")
            shell.press("\x1a")
            shell.wait("code=148")
            shell.press("stty -a\n")
            shell.wait(r" icanon")
            shell.press("clear; fg\n")
            shell.wait("First Light .*playing")
            shell.press("q")
            shell.wait(r"track, 0:\d\d played")
            shell.press("stty -a; exit\n")
            shell.wait(r" icanon")
            shell.finish()


if __name__ == "__main__":
    unittest.main()
