"""test_tracker.py: players of the test's own tell a real origin what they have, and ask it.

The frames are written from p2p/core/message.h by hand. Then many that mean no good, at the same time:
the origin's answers to the others stay right and it keeps nothing of who has gone.
"""

import json
import struct
import subprocess
import unittest

import refrain
import wire

GIVES, TRACKER, OVERLAY = 1, 2, 4
ASK, INVITE, GO, AWAY = range(4)
CONTACT = struct.Struct(">32sB57s")


def announce(whole=(), partial=(), lost=(), fresh=False):
    keys = [*whole, *partial, *lost]
    return wire.frame(wire.ANNOUNCE, struct.pack(f">BHHH{len(keys)}Q", fresh, len(whole), len(partial),
                                                 len(lost), *keys))


def lookup(number, keys, limit=20):
    return wire.frame(wire.LOOKUP, struct.pack(f">IBB{len(keys)}Q", number, limit, len(keys), *keys))


def rendezvous(role, peer_id):
    return wire.frame(wire.RENDEZVOUS, bytes([role]) + CONTACT.pack(peer_id, 0, bytes(57)))


def listen(port, flags=0, own=()):
    addresses = b"".join(struct.pack(">B16sH", 4, bytes(map(int, address.split("."))), port)
                         for address in own)
    return wire.frame(wire.LISTEN, struct.pack(">HBB", port, flags, len(own)) + addresses)


def read_contact(raw):
    """(peer id's first byte, flags, ["a.b.c.d:port"])."""
    peer_id, flags, rest = CONTACT.unpack(raw)
    addresses = []
    for family, address, port in struct.iter_unpack(">B16sH", rest):
        if family == 4:
            addresses.append(".".join(map(str, address[:4])) + f":{port}")
    return peer_id[0], flags, addresses


def read_holders(body):
    """(number, {key: (holders, {peer: kind})}, {peer: (flags, addresses)})."""
    number, contact_count, file_count = struct.unpack_from(">IBB", body)
    at, contacts, files = 6, [], {}
    for _ in range(contact_count):
        contacts.append(read_contact(body[at:at + 90]))
        at += 90
    for _ in range(file_count):
        key, holders, listed = struct.unpack_from(">QIB", body, at)
        at += 13
        pairs = struct.iter_unpack("BB", body[at:at + 2 * listed])
        files[key] = (holders, {contacts[index][0]: kind for index, kind in pairs})
        at += 2 * listed
    assert at == len(body)
    return number, files, {peer: (flags, addresses) for peer, flags, addresses in contacts}


class Player(wire.Link):
    """A link with a HELLO of the overlay; its peer id is one byte, 32 times."""

    def __init__(self, url, byte, port=7000, first=b""):
        super().__init__(url)
        self.peer_id = bytes([byte]) * 32
        self.send(wire.hello(features=GIVES | OVERLAY, port=port, peer_id=self.peer_id) + first)
        kind, self.hello = self.receive()
        assert kind == wire.HELLO, kind

    def settle(self):
        """Returns when the origin has taken all that was said."""
        self.send(wire.ping())
        while self.receive()[0] != wire.PONG:
            pass

    def ask(self, *keys, limit=20):
        self.send(lookup(9, keys, limit))
        number, files, contacts = read_holders(self.receive_until(wire.HOLDERS)[1])
        assert number == 9
        return files, contacts


class Tracker(unittest.TestCase):
    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.origin = refrain.Origin(self.sandbox)
        self.origin.init()

    def serve(self, http=False):
        self.origin.serve(http=http)
        self.addCleanup(self.stop)
        return self.origin.url

    def stop(self):
        if self.origin.process is not None:
            self.assertEqual(self.origin.stop(), 0)

    def health(self):
        out = subprocess.run(["curl", "-sk", f"{self.origin.url}/healthz"], check=True,
                             stdout=subprocess.PIPE).stdout
        return json.loads(out)["tracker"]

    def test_story(self):
        for http in (False, True):
            with self.subTest(http=http):
                self.story(self.serve(http))
                self.stop()

    def story(self, url):
        with Player(url, 1) as a, Player(url, 2, port=7001) as b, Player(url, 3) as c:
            self.assertEqual(struct.unpack_from(">I", a.hello, 2)[0], GIVES | TRACKER)
            a.send(listen(7005, own=["192.168.7.9"]) + announce(whole=[10, 11], fresh=True))
            b.send(announce(whole=[10], partial=[12], fresh=True))
            a.settle()
            b.settle()
            files, contacts = c.ask(10, 11, 12, 13)
            self.assertEqual(files, {10: (2, {1: 1, 2: 1}), 11: (1, {1: 1}), 12: (1, {2: 4}), 13: (0, {})})
            # One machine: the observed address first, its own behind it.
            self.assertEqual(contacts[1][1], ["127.0.0.1:7005", "192.168.7.9:7005"])
            self.assertEqual(contacts[2][1], ["127.0.0.1:7001"])
            self.assertEqual(self.health(), {"peers": 3, "files": 3, "pairs": 4})
            b.send(announce(whole=[12], lost=[10]))
            b.settle()
            self.assertEqual(c.ask(10, 12)[0], {10: (1, {1: 1}), 12: (1, {2: 1})})
            self.assertEqual(b.ask(12)[0], {12: (0, {})}, "never oneself")
            a.sock.close()
            self.wait_for(lambda: self.health()["peers"] == 2)
            self.assertEqual(c.ask(10, 11)[0], {10: (0, {}), 11: (0, {})})

    def wait_for(self, condition):
        """Each turn asks the origin something: it has time to go on."""
        for _ in range(2000):
            if condition():
                return
        self.fail("it does not happen")

    def test_first_flight(self):
        """A LOOKUP right behind HELLO, before the origin's has come."""
        url = self.serve()
        with Player(url, 1) as a, Player(url, 2, first=lookup(5, [10])) as b:
            number, files, _ = read_holders(b.receive_until(wire.HOLDERS)[1])
            self.assertEqual((number, files[10][0]), (5, 0))
            a.settle()

    def test_rendezvous(self):
        url = self.serve()
        with Player(url, 1, port=7001) as a, Player(url, 2, port=7002) as b:
            a.send(rendezvous(ASK, b.peer_id))
            role, contact = self.receive_meeting(b)
            self.assertEqual((role, contact[0], contact[2]), (INVITE, 1, ["127.0.0.1:7001"]))
            role, contact = self.receive_meeting(a)
            self.assertEqual((role, contact[0], contact[2]), (GO, 2, ["127.0.0.1:7002"]))
            a.send(rendezvous(ASK, bytes([9]) * 32))
            role, contact = self.receive_meeting(a)
            self.assertEqual((role, contact[0]), (AWAY, 9))
            a.send(rendezvous(GO, b.peer_id))
            self.assertEqual(a.receive_until(wire.BYE)[1][0], wire.BYE_PROTOCOL)

    @staticmethod
    def receive_meeting(player):
        body = player.receive_until(wire.RENDEZVOUS)[1]
        return body[0], read_contact(body[1:])

    def test_malformed(self):
        """What the codec refuses ends that link and no other."""
        url = self.serve()
        key = struct.pack(">Q", 1)
        rows = {
            "too few keys": wire.frame(wire.ANNOUNCE, struct.pack(">BHHH", 0, 2, 0, 0) + key),
            "too many keys": wire.frame(wire.ANNOUNCE, struct.pack(">BHHH", 0, 1001, 0, 0) + 1001 * key),
            "a lookup of nothing": wire.frame(wire.LOOKUP, struct.pack(">IBB", 1, 5, 0)),
            "a lookup of too much": lookup(1, range(33)),
            "no contacts wanted": lookup(1, [1], limit=0),
            "lookup 0": lookup(0, [1]),
            "an answer that nobody asked for": wire.frame(wire.HOLDERS, struct.pack(">IBB", 1, 0, 1) + key +
                                                          bytes(5)),
            "a rendezvous with nobody": rendezvous(ASK, bytes(32)),
            "an address of no family": wire.frame(wire.LISTEN, struct.pack(">HBB", 1, 0, 1) + bytes(19)),
        }
        with Player(url, 1) as honest:
            honest.send(announce(whole=[10]))
            for name, sent in rows.items():
                with self.subTest(name), Player(url, 2) as player:
                    player.send(sent)
                    self.assertEqual(player.receive_until(wire.BYE, wire.HOLDERS),
                                     (wire.BYE, bytes([wire.BYE_PROTOCOL])))
            with Player(url, 3) as other:
                self.assertEqual(other.ask(10)[0], {10: (1, {1: 1})})

    def test_crowd_without_manners(self):
        """Nonsense, floods, and links that come and go; honest players find each other meanwhile."""
        url = self.serve(http=True)
        with Player(url, 1) as honest, Player(url, 2) as asker:
            honest.send(announce(whole=range(1, 500), fresh=True))
            honest.settle()
            for turn in range(40):
                with Player(url, 3) as liar, Player(url, 4) as flooder:
                    first = turn + 1 << 32
                    for batch in range(20):
                        liar.send(announce(whole=range(first + batch * 1000, first + batch * 1000 + 1000)))
                    flooder.send(announce(whole=[1], fresh=True) * 200 + rendezvous(ASK, b"\1" * 32) * 200)
                    flooder.send(lookup(1, range(32)) * 30)
                    files, _ = asker.ask(1, 400)
                    self.assertIn(1, files[1][1])
                    self.assertEqual(files[400], (1, {1: 1}))
                    flooder.settle()
                    liar.settle()
            self.wait_for(lambda: self.health()["peers"] == 2)
            self.wait_for(lambda: self.health() == {"peers": 2, "files": 499, "pairs": 499})
            honest.settle()  # invited a few times, and still there


if __name__ == "__main__":
    unittest.main()
