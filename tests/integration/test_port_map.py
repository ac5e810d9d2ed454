"""test_port_map.py: a router forwards our port, asked by UPnP, NAT-PMP and PCP; a real miniupnpd.

The router is a network namespace. Needs root, nftables and Debian's miniupnpd; skipped otherwise.
"""

import pathlib
import select
import subprocess
import time
import unittest

import nat_lab
import refrain

PCP, NAT_PMP, UPNP = 1, 2, 4
PORT = 7373


class Tool:
    """tests/lib/port_map_tool.c on a home's host; a context manager."""

    def __init__(self, home, methods=0, lease_s=0, observed=None, port=PORT):
        path = pathlib.Path(refrain.program("refrain")).parents[1] / "tests" / "lib" / "port_map_tool"
        command = [*home.prefix, str(path), str(port), str(methods), str(lease_s),
                   observed or home.outer]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.PIPE, text=True)

    def line(self, timeout_s=20):
        ready = select.select([self.popen.stdout], [], [], timeout_s * refrain.patience())[0]
        return self.popen.stdout.readline().split() if ready else None

    def say(self, word):
        self.popen.stdin.write(word + "\n")
        self.popen.stdin.flush()

    def end(self):
        begun = time.monotonic()
        _, errors = self.popen.communicate("end\n", timeout=20 * refrain.patience())
        return self.popen.returncode, errors, time.monotonic() - begun

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.communicate()


def until(look, what, timeout_s=20):
    """Looks again and again at a state that nobody tells of."""
    deadline = time.monotonic() + timeout_s * refrain.patience()
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {timeout_s} s")
        select.select([], [], [], 0.05)


def forwards(router, port=PORT):
    return f"dport {port} " in router.rules()


class Router(unittest.TestCase):
    def setUp(self):
        self.lab = nat_lab.NatLab()
        self.lab.__enter__()
        self.addCleanup(self.lab.__exit__)

    def router(self, home, **options):
        router = nat_lab.Miniupnpd(home, **options)
        self.addCleanup(router.__exit__)
        router.wait_ready()
        return router

    def test_each_way_alone(self):
        """Granted, renewed before the lease is over, taken back at the end."""
        for method, name, upnp in ((PCP, "PCP", False), (NAT_PMP, "NAT-PMP", False),
                                   (UPNP, "UPnP", True)):
            with self.subTest(name):
                home = self.lab.home("port")
                router = self.router(home, upnp=upnp, natpmp=not upnp)
                with Tool(home, method, lease_s=4) as tool:
                    self.assertEqual(tool.line(), ["mapped", name, str(PORT), f"{home.outer}:0"])
                    self.assertTrue(forwards(router), router.rules())
                    asked = router.count_asked()
                    until(lambda: router.count_asked() > asked, "renewal", 10)
                    code, errors, took_s = tool.end()
                    self.assertEqual((code, errors), (0, ""))
                    self.assertLess(took_s, 2 * refrain.patience())
                    until(lambda: not forwards(router), "end of the mapping")

    def test_the_next_way_is_tried(self):
        home = self.lab.home("port")
        router = self.router(home, upnp=True, natpmp=False)
        with Tool(home) as tool:
            self.assertEqual(tool.line()[:3], ["mapped", "UPnP", str(PORT)])
            self.assertTrue(forwards(router))
            self.assertEqual(tool.end()[0], 0)

    def test_another_port_when_ours_is_taken(self):
        for method in (PCP, UPNP):
            with self.subTest(method):
                home = self.lab.home("port")
                router = self.router(home, allow=f"{home.inner}/24")
                other = home.neighbour()
                with Tool(other, method) as first:
                    self.assertEqual(first.line()[2], str(PORT))
                    with Tool(home, method) as second:
                        mapped = second.line()
                        self.assertNotEqual(mapped[2], str(PORT))
                        self.assertTrue(forwards(router, mapped[2]), router.rules())

    def test_a_router_behind_another(self):
        """Others see us elsewhere than the router is: its port is of no use, and given back."""
        home = self.lab.home("port")
        router = self.router(home, upnp=False)
        with Tool(home, PCP, observed="1.0.200.2") as tool:
            until(lambda: router.count_asked() >= 2, "request and its taking back")
            until(lambda: not forwards(router), "end of the mapping")
            self.assertEqual(tool.end()[0], 0)

    def test_no_router_answers(self):
        home = self.lab.home("port")
        with Tool(home) as tool:
            self.assertIsNone(tool.line(1))
            self.assertEqual(tool.end()[:2], (0, ""))

    def test_the_router_starts_later(self):
        """A network change is told: asked anew at once."""
        home = self.lab.home("port")
        with Tool(home, PCP) as tool:
            self.assertIsNone(tool.line(1))
            self.router(home, upnp=False)
            tool.say("refresh")
            self.assertEqual(tool.line()[:2], ["mapped", "PCP"])


class Daemon(unittest.TestCase):
    """The player itself asks, when the origin sees it at the router's address."""

    def setUp(self):
        self.lab = nat_lab.NatLab()
        self.lab.__enter__()
        self.addCleanup(self.lab.__exit__)
        self.origin = refrain.Origin()
        self.addCleanup(self.origin.sandbox.remove)
        self.origin.init()
        self.origin.serve(listen=f"{nat_lab.ORIGIN}:0", prefix=self.lab.origin_prefix)
        self.addCleanup(self.origin.kill)

    def daemon(self, home, *arguments):
        player = refrain.Player(self.origin)
        self.addCleanup(player.sandbox.remove)
        process = player.daemon(*arguments, prefix=home.prefix)
        self.addCleanup(process.kill)
        return player, process

    def test_asked_and_taken_back(self):
        home = self.lab.home("port")
        with nat_lab.Miniupnpd(home) as router:
            router.wait_ready()
            player, process = self.daemon(home)
            quiet, quiet_process = self.daemon(home, "--no-port-mapping")
            with player.control() as control:
                until(lambda: control.do("status")["peers"]["mapped_port"], "mapping")
                peers = control.do("status")["peers"]
            self.assertEqual(peers["mapped_port"], peers["port"])
            self.assertEqual(peers["mapped_by"], "PCP")
            self.assertTrue(forwards(router, peers["port"]), router.rules())
            self.assertEqual(quiet.status()["peers"]["mapped_port"], 0)
            self.assertEqual(router.rules().count("dport"), 1)
            self.assertEqual((process.stop(), quiet_process.stop()), (0, 0))
            until(lambda: not forwards(router, peers["port"]), "end of the mapping")

    def test_a_public_address_opens_nothing(self):
        """What the origin sees is our own address: two looks later nobody has been asked."""
        home = self.lab.home("open")
        player, process = self.daemon(home)
        with player.control() as control:
            until(lambda: control.do("status")["origin"]["up"], "link to the origin")
            begun = time.monotonic()
            until(lambda: time.monotonic() > begun + 6.5, "two looks")
            self.assertEqual(control.do("status")["peers"]["mapped_port"], 0)
        self.assertNotIn("libnatpmp", pathlib.Path(f"/proc/{process.pid}/maps").read_text())
        self.assertEqual(process.stop(), 0)


if __name__ == "__main__":
    unittest.main()
