"""test_nat.py: who reaches whom, among real players behind NAT devices of all kinds.

Two homes of each kind, one that gives and one that plays, an origin that arranges: all in network
namespaces with nftables. What is expected is the table of docs/OVERLAY.md, read from there. Needs
root; skipped otherwise. With REFRAIN_NAT=all the routers that answer unasked packets with a reset
are tried too; the table then is the least.
"""

import os
import re
import select
import time
import unittest

import nat_lab
import refrain

# As the columns of the table are called.
NAMES = {"open": "open", "cone": "full cone", "address": "address-restricted",
         "port": "port-restricted", "symmetric": "symmetric", "mapped": "mapped"}
FREE = ("open", "cone", "mapped")

# Whom the headline is weighted with: shares from what docs/OVERLAY.md cites. `free`:
# peers that let anybody in (Mol et al. 2008: 34 % in open communities, 55 % in closed ones), their
# mapped ports included. `punched`: of the others' NAT devices; the square is how many pairs of them
# meet (ProbeLab 2022: 70 % of attempts; Ford et al. 2005, for TCP: 64 % of the devices).
MIXES = {"open community, devices of 2022": (0.34, 0.7 ** 0.5),
         "closed community, devices of 2022": (0.55, 0.7 ** 0.5),
         "open community, devices of 2005": (0.34, 0.64),
         "closed community, devices of 2005": (0.55, 0.64)}
GOAL = 0.8


def table():
    """{(row, column): letter} of docs/OVERLAY.md."""
    text = (refrain.ROOT / "docs" / "OVERLAY.md").read_text(encoding="utf-8")
    lines = re.search(r"^## Who can reach whom$.*?^(\| \| open .*?)\n\n", text, re.M | re.S)[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines()]
    kinds = {name: kind for kind, name in NAMES.items()}
    columns = [kinds[name] for name in rows[0][1:]]
    return {(kinds[row[0]], column): letter
            for row in rows[2:] for column, letter in zip(columns, row[1:])}


def until(look, timeout_s):
    """Looks at running engines again and again; False when the time is over."""
    deadline = time.monotonic() + timeout_s * refrain.patience()
    while not look():
        if time.monotonic() > deadline:
            return False
        select.select([], [], [], 0.2)
    return True


def weighted(free, punched):
    """The share of all pairs that meet, by the table: who is punched is of the stricter kind
    (port-restricted), who is not counts as symmetric."""
    shares = {"open": free, "port": (1 - free) * punched, "symmetric": (1 - free) * (1 - punched)}
    reach = table()
    return sum(shares[a] * shares[b] for a in shares for b in shares if reach[a, b] != "-")


class Headline(unittest.TestCase):
    """What the table means out there; no root needed."""

    def test_weighted_rate(self):
        text = (refrain.ROOT / "docs" / "OVERLAY.md").read_text(encoding="utf-8")
        rates = {name: weighted(*mix) for name, mix in MIXES.items()}
        for name, rate in rates.items():
            print(f"{name}: {100 * rate:.1f} % of pairs meet")
            self.assertTrue(f"{100 * rate:.1f} %" in text, "docs/OVERLAY.md has another figure")
        self.assertGreaterEqual(rates["open community, devices of 2022"], GOAL)

    def test_the_table_is_symmetric(self):
        for (row, column), letter in table().items():
            self.assertEqual(letter == "-", table()[column, row] == "-", (row, column))


class WithOrigin(unittest.TestCase):
    """An origin of real music in the middle of the network."""

    def setUp(self):
        self.music = refrain.wesnoth()[:len(nat_lab.KINDS) + 1]
        self.lab = nat_lab.NatLab()
        self.lab.__enter__()
        self.addCleanup(self.lab.__exit__)
        self.origin = refrain.Origin()
        self.addCleanup(self.origin.sandbox.remove)
        self.origin.init()
        self.origin.add(*self.music)
        self.tracks = [track["id"] for track in self.origin.tracks()]
        self.origin.serve(listen=f"{nat_lab.ORIGIN}:0", prefix=self.lab.origin_prefix)
        self.addCleanup(self.origin.kill)

    def daemon(self, home, track=None):
        """A player on a host, with a track in its cache."""
        player = refrain.Player(self.origin)
        self.addCleanup(player.sandbox.remove)
        if track is not None:
            fetched = player.fetch(track, player.sandbox.path / "file", prefix=home.prefix)
            self.assertEqual(fetched.code, 0, fetched.describe())
        if home.kind == "mapped":
            router = nat_lab.Miniupnpd(home)
            self.addCleanup(router.__exit__)
            router.wait_ready()
        player.process = player.daemon(prefix=home.prefix)
        self.addCleanup(player.process.kill)
        player.socket = player.control()
        self.addCleanup(player.socket.close)
        player.id = player.process.ready["peer_id"]
        return player


class Matrix(WithOrigin):
    def meet(self, unasked):
        """{(who plays, who gives)} that are linked in the end, and how long the last one took."""
        givers = {kind: self.daemon(self.lab.home(kind, unasked), self.tracks[i + 1])
                  for i, kind in enumerate(nat_lab.KINDS)}
        takers = {kind: self.daemon(self.lab.home(kind, unasked)) for kind in nat_lab.KINDS}
        for players in (givers, takers):
            status = players["mapped"].socket
            self.assertTrue(until(lambda: status.do("status")["peers"]["mapped_port"] > 0, 20))
        begun = time.monotonic()
        for taker in takers.values():
            taker.socket.do("play", targets=self.tracks)
        linked = {}

        def look():
            for kind, taker in takers.items():
                ids = {peer["peer_id"]: peer for peer in taker.socket.do("peers")["peers"]}
                for other, giver in givers.items():
                    if giver.id in ids:
                        linked.setdefault((kind, other), time.monotonic() - begun)
            return expected <= set(linked)

        expected = {pair for pair, letter in table().items()
                    if letter == "d" or letter == "a" and (unasked == "drop" or set(pair) & set(FREE))}
        until(look, 30)
        if unasked == "drop":
            # Those that must not: their attempts have ended, too.
            until(lambda: not any(taker.socket.do("status")["peers"]["attempts"]
                                  for taker in takers.values()), 15)
            look()
        self.show(linked, unasked)
        return linked, expected

    @staticmethod
    def show(linked, unasked):
        width = max(map(len, nat_lab.KINDS))
        print(f"\nunasked packets: {unasked}; seconds until a link stood, rows play, columns give")
        for row in ("", *nat_lab.KINDS):
            cells = [column if row == "" else f"{linked[row, column]:.1f}"
                     if (row, column) in linked else "-" for column in nat_lab.KINDS]
            print(" ".join(cell.rjust(width) for cell in (row, *cells)))

    def test_silent_routers(self):
        linked, expected = self.meet("drop")
        self.assertEqual(set(linked), expected)

    def test_routers_that_reset(self):
        if os.environ.get("REFRAIN_NAT") != "all":
            raise unittest.SkipTest("a second run of the matrix: REFRAIN_NAT=all")
        linked, expected = self.meet("reset")
        self.assertLessEqual(expected, set(linked))


class Behind(WithOrigin):
    """Two players behind one NAT device, which turns no packet round and lets no multicast through."""

    def test_by_inner_addresses(self):
        home = self.lab.home("port")
        other = home.neighbour()
        home.mute_multicast()
        giver = self.daemon(home, self.tracks[0])
        taker = self.daemon(other)
        taker.socket.do("play", targets=self.tracks[:2])
        self.assertTrue(until(lambda: taker.socket.do("peers")["peers"], 20))
        peer, = taker.socket.do("peers")["peers"]
        self.assertEqual(peer["peer_id"], giver.id)
        self.assertTrue(peer["address"].startswith(home.inner + ":"), peer)
        self.assertTrue(peer["lan"])


class Seeding(WithOrigin):
    def test_who_only_gives_has_neighbours(self):
        """Two that hold the same track and wish for nothing find each other, and arrange the link."""
        one, two = (self.daemon(self.lab.home("port"), self.tracks[0]) for _ in range(2))
        self.assertTrue(until(lambda: two.socket.do("peers")["peers"], 30))
        self.assertEqual(two.socket.do("peers")["peers"][0]["peer_id"], one.id)


if __name__ == "__main__":
    unittest.main()
