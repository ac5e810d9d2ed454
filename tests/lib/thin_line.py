"""thin_line.py: a home behind a router with a thin line to the world, in three network namespaces (root).

The router's queue is a dumb one (tbf), as cheap routers have it, so who fills it is felt by all. There
is no delay beyond the kernel's and that queue's. Programs run behind `prefix(place)`; `inside(place,
call)` makes sockets there in this process.
"""

import ctypes
import os
import subprocess
import threading
import unittest

HOME, WORLD = "home", "world"
CLONE_NEWNET = 0x40000000


def _run(*arguments):
    done = subprocess.run(arguments, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True)
    if done.returncode != 0:
        raise OSError(f"{' '.join(arguments)}: {done.stderr}")


class ThinLine:
    """A context manager. Rates in kbit/s, the queue in milliseconds of the line's rate."""

    ADDRESSES = {HOME: "11.0.1.2", WORLD: "12.0.1.2"}

    def __init__(self, up, down, queue_ms):
        if os.geteuid() != 0:
            raise unittest.SkipTest("network namespaces need root")
        self.up, self.down, self.queue_ms = up, down, queue_ms
        self.names = {place: f"rfl{os.getpid()}{place[0]}" for place in (HOME, "router", WORLD)}

    def prefix(self, place):
        return ["ip", "netns", "exec", self.names[place]]

    def inside(self, place, call):
        """What call() gives, in a thread that lives in that place; its sockets stay there."""
        outcome = {}

        def work():
            with open(f"/run/netns/{self.names[place]}", "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            outcome["value"] = call()

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return outcome["value"]

    def _connect(self, place, rate):
        """A wire between the router and a place; `rate` is the router's towards it."""
        name, router, own = self.names[place], self.names["router"], self.ADDRESSES[place]
        gateway = own.rsplit(".", 1)[0] + ".1"
        _run("ip", "-n", router, "link", "add", place, "type", "veth", "peer", "line", "netns", name)
        _run("ip", "-n", router, "addr", "add", gateway + "/24", "dev", place)
        _run("ip", "-n", name, "addr", "add", own + "/24", "dev", "line")
        for where, device in ((router, place), (name, "line")):
            # As on a wire: no packet is larger than a frame, so the queue holds what it says.
            subprocess.run(["ip", "netns", "exec", where, "ethtool", "-K", device, "tso", "off", "gso",
                            "off", "gro", "off"], check=False, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
            _run("ip", "-n", where, "link", "set", device, "up", "gso_max_segs", "1")
        _run("ip", "-n", name, "route", "add", "default", "via", gateway)
        _run("tc", "-n", router, "qdisc", "add", "dev", place, "root", "tbf", "rate", f"{rate}kbit",
             "burst", "3000", "latency", f"{self.queue_ms}ms")

    def __enter__(self):
        try:
            for name in self.names.values():
                _run("ip", "netns", "add", name)
                _run("ip", "-n", name, "link", "set", "lo", "up")
            _run("ip", "netns", "exec", self.names["router"], "sysctl", "-qw", "net.ipv4.ip_forward=1")
            self._connect(HOME, self.down)
            self._connect(WORLD, self.up)
        except OSError as problem:
            self._remove()
            raise unittest.SkipTest(f"no network namespaces with a router: {problem}") from None
        return self

    def _remove(self):
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        self._remove()
