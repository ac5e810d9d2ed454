"""screen.py: a program on a pseudo-terminal whose screen can be read (pyte).

Screen starts a program and keeps what a terminal would show; wait() reads until something stands
there; nothing sleeps. What was received stands in .received, for looking at the bytes themselves.
"""

import fcntl
import os
import pty
import re
import select
import struct
import termios
import time
import unittest

import refrain

try:
    import pyte
except ImportError:  # pragma: no cover
    pyte = None


class Screen:
    def __init__(self, arguments, environment, columns=100, rows=30):
        if pyte is None:
            raise unittest.SkipTest("python3-pyte is not installed")
        self.received = b""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self._set_size(0, columns, rows)
            os.execve(arguments[0], [str(part) for part in arguments], environment)

    @staticmethod
    def _set_size(fd, columns, rows):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    @property
    def text(self):
        return "\n".join(self.screen.display)

    def row(self, pattern):
        """The first row that matches; None: none does."""
        return next((line for line in self.screen.display if re.search(pattern, line)), None)

    def press(self, keys):
        os.write(self.fd, keys if isinstance(keys, bytes) else keys.encode())

    def click(self, column, row):
        """The left button at a cell, both from 0."""
        self.press(f"\x1b[<0;{column + 1};{row + 1}M\x1b[<0;{column + 1};{row + 1}m")

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self._set_size(self.fd, columns, rows)

    def _read(self, timeout_s):
        """False: the terminal has no other end any more."""
        if not select.select([self.fd], [], [], max(0, timeout_s))[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            data = b""
        self.received += data
        # Not known to pyte, and of no effect on what is seen: synchronised updates.
        self._stream.feed(data.replace(b"\x1b[?2026h", b"").replace(b"\x1b[?2026l", b""))
        return bool(data)

    def wait(self, what, timeout_s=10):
        """Until a pattern stands in a row, or a function is true; the match, or its value."""
        look = what if callable(what) else lambda: re.search(what, self.text, re.M)
        deadline = time.monotonic() + timeout_s * refrain.patience()
        while True:
            found = look()
            if found:
                return found
            rest = deadline - time.monotonic()
            if rest <= 0 or not self._read(rest):
                raise refrain.Ended(f"no {what!r} on the screen:\n{self.text}")

    def modes(self):
        """Whether the terminal gives whole lines, with echo: as a shell wants it."""
        flags = termios.tcgetattr(self.fd)[3]
        return bool(flags & termios.ICANON) and bool(flags & termios.ECHO)

    def finish(self, timeout_s=20):
        """To the end: the exit code, negative for a signal."""
        deadline = time.monotonic() + timeout_s * refrain.patience()
        while self._read(0.2):
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                while select.select([self.fd], [], [], 0)[0] and self._read(0):
                    pass
                return self.code
            if time.monotonic() > deadline:
                os.kill(self.pid, 9)
                raise refrain.Ended(f"still running:\n{self.text}")
        self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.code

    def close(self):
        if self.code is None:
            try:
                os.kill(self.pid, 9)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        try:
            os.close(self.fd)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
