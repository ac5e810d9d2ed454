"""slow_wire.py: two network namespaces with a wire of some delay between them (root only).

Each side is a TUN device in a namespace of its own; a thread takes packets from one and gives them to
the other when their time has come. The kernel's netem is not everywhere.
"""

import fcntl
import heapq
import os
import select
import struct
import subprocess
import threading
import time
import unittest

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class SlowWire:
    """A context manager; `prefix(side)` runs a program on side 0 or 1, `address(side)` is its address."""

    def __init__(self, delay_s):
        if os.geteuid() != 0 or not os.path.exists("/dev/net/tun"):
            raise unittest.SkipTest("network namespaces and TUN devices need root")
        self._delay_s = delay_s
        self._names = [f"rf{os.getpid()}{side}" for side in "ab"]
        self._files = []
        self._wake = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def address(self, side):
        return f"10.99.0.{side + 1}"

    def prefix(self, side):
        return ["ip", "netns", "exec", self._names[side]]

    def _open_side(self, side):
        name = self._names[side]
        file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self._files.append(file)
        fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        ip("netns", "add", name)
        ip("link", "set", name, "netns", name)
        ip("-n", name, "addr", "add", self.address(side), "peer", self.address(1 - side), "dev", name)
        ip("-n", name, "link", "set", name, "up")
        ip("-n", name, "link", "set", "lo", "up")

    def _carry(self):
        waiting, count = [], 0
        while True:
            timeout = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
            ready = select.select([*self._files, self._wake[0]], [], [], timeout)[0]
            if self._wake[0] in ready:
                return
            for side, file in enumerate(self._files):
                if file in ready:
                    count += 1
                    packet = os.read(file, 65536)
                    heapq.heappush(waiting, (time.monotonic() + self._delay_s, count, 1 - side, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, side, packet = heapq.heappop(waiting)
                os.write(self._files[side], packet)

    def __enter__(self):
        try:
            for side in range(2):
                self._open_side(side)
        except (OSError, subprocess.CalledProcessError) as problem:
            self._remove()
            raise unittest.SkipTest(f"no namespace with a TUN device: {problem}") from None
        self._thread.start()
        return self

    def _remove(self):
        for name in self._names:
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)
        for file in [*self._files, *self._wake]:
            os.close(file)

    def __exit__(self, *_):
        os.write(self._wake[1], b".")
        self._thread.join()
        self._remove()
