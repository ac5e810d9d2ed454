"""test_frames.py: malformed and impossible frames against a live origin, over TLS and over HTTP.

Each row is sent on a link of its own; the origin must answer as the row says, and serve an honest
link as before. What the codec refuses byte by byte is tests/fuzz's business; here the whole program
is behind the socket.
"""

import struct
import unittest

import refrain
import wire


class Frames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.origin = refrain.Origin(cls.sandbox)
        cls.origin.init()
        cls.origin.add(refrain.make_tone(cls.sandbox.path / "one.ogg", 2))
        cls.track = cls.origin.tracks()[0]
        cls.file = cls.track["files"][0]

    @classmethod
    def tearDownClass(cls):
        cls.sandbox.remove()

    def request(self, number=1, **fields):
        defaults = {"file_id": self.file["id"], "file_bytes": self.file["bytes"]}
        return wire.request_chunks(number, **{**defaults, **fields})

    def rows(self):
        """name: (bytes after the connection, with or without HELLO; what must come).

        "closes": BYE for breaking the protocol, and the end. "ends": the end, with a BYE or without:
        what is no frame ends the link below all messages. "lives": an answer to PING. "refuses":
        REJECT or BYE. A number: REJECT with that reason."""
        hello, frame = wire.hello(), wire.frame
        track = self.track["id"]
        closes, lives = "closes", "lives"
        return {
            "no HELLO first": (wire.ping(), closes),
            "HELLO cut short": (frame(wire.HELLO, bytes(20)), closes),
            "HELLO of no version": (wire.hello(version=0), closes),
            "HELLO of a later version with more fields": (wire.hello(version=2, tail=b"more"), lives),
            "HELLO twice": (hello + wire.hello(), closes),
            "a frame beyond the limit": (hello + bytes([200, 0xff, 0xff, 0xff]), "ends"),
            "an unknown type": (hello + frame(200, b"whatever") + wire.ping(), lives),
            "a type reserved for peers": (hello + frame(40, bytes(100)) + wire.ping(), lives),
            "OPEN cut short": (hello + frame(wire.OPEN, bytes(12)), closes),
            "OPEN with bytes behind": (hello + wire.open_track(1, track, tail=b"x"), closes),
            "OPEN of nothing": (hello + wire.open_track(1, "00" * 16), wire.REJECT_UNKNOWN),
            "REQUEST cut short": (hello + frame(wire.REQUEST, self.request()[4:-1]), closes),
            "REQUEST of no chunk": (hello + self.request(count=0), closes),
            "REQUEST of too many chunks": (hello + self.request(count=65), closes),
            "REQUEST beyond the end": (hello + self.request(first=2000), wire.REJECT_RANGE),
            "REQUEST beyond the end of any file": (hello + self.request(first=1 << 18), closes),
            "REQUEST that runs over the end": (hello + self.request(first=0, count=64), wire.REJECT_RANGE),
            "REQUEST of an unknown file": (hello + self.request(file_id="ab" * 32), wire.REJECT_UNKNOWN),
            "REQUEST of the right root with another length": (
                hello + self.request(file_bytes=64), wire.REJECT_UNKNOWN),
            "REQUEST of a file of no bytes": (hello + self.request(file_bytes=0), "refuses"),
            "REQUEST of a file beyond the limit": (hello + self.request(file_bytes=2 ** 63), "refuses"),
            "REQUEST of no priority": (hello + self.request(priority=255), "refuses"),
            "CANCEL of what was never asked": (hello + frame(wire.CANCEL, struct.pack(">I", 99)) + wire.ping(),
                                               lives),
            "CANCEL cut short": (hello + frame(wire.CANCEL, b"\0\0"), closes),
            "PING cut short": (hello + frame(wire.PING, bytes(7)), closes),
            "PING too long": (hello + frame(wire.PING, bytes(9)), closes),
            "BYE with too much text": (hello + frame(wire.BYE, bytes(1 + 300)), closes),
            "BYE in order": (hello + frame(wire.BYE, b"\x01"), "ends"),
            "an empty frame of each type": (hello + b"".join(frame(kind) for kind in range(1, 12)), closes),
            "no frame at all": (bytes(range(256)) * 64, "ends"),
        }

    def answers(self, url, sent):
        """The frames that come back until PONG or the end: [(type, body)]."""
        got = []
        with wire.Link(url) as link:
            try:
                link.send(sent)
            except OSError:
                pass  # closed while we were still sending
            while True:
                answer = link.receive()
                if answer is None:
                    return got + [(None, b"")]
                got.append(answer)
                if answer[0] in (wire.PONG, wire.REJECT):
                    return got

    def check(self, url, sent, wanted):
        if wanted == "lives" and not sent.endswith(wire.ping()):
            sent += wire.ping()
        got = self.answers(url, sent)
        kind, body = got[-1]
        told = [answer[1][0] for answer in got if answer[0] == wire.BYE]
        if wanted == "lives":
            self.assertEqual((kind, body), (wire.PONG, struct.pack(">Q", 7)), got)
        elif wanted == "closes":
            self.assertEqual(kind, None, got)
            self.assertEqual(told, [wire.BYE_PROTOCOL], got)
        elif wanted == "ends":
            self.assertEqual(kind, None, got)
        elif wanted == "refuses":
            self.assertTrue(kind == wire.REJECT or told == [wire.BYE_PROTOCOL], got)
        else:
            self.assertEqual((kind, body[4:5]), (wire.REJECT, bytes([wanted])), got)

    def check_honest(self, url):
        with wire.Link(url) as link:
            link.send(wire.hello() + wire.open_track(1, self.track["id"]) + self.request(2))
            self.assertEqual(link.receive_until(wire.OPENED)[1][:4], struct.pack(">I", 1))
            self.assertIsNotNone(link.receive_until(wire.FRAGMENT))

    def run_rows(self, http):
        with self.origin as origin:
            origin.serve(http=http)
            for name, (sent, wanted) in self.rows().items():
                with self.subTest(name, http=http):
                    self.check(origin.url, sent, wanted)
            self.check_honest(origin.url)
            self.assertIsNone(origin.process.popen.poll(), "it still runs")
            self.assertEqual(origin.stop(), 0)

    def test_over_tls(self):
        self.run_rows(http=False)

    def test_over_http(self):
        self.run_rows(http=True)

    def test_byte_by_byte(self):
        """A frame may come in pieces of any size."""
        with self.origin as origin:
            origin.serve(http=True)
            with wire.Link(origin.url) as link:
                for byte in wire.hello() + wire.ping():
                    link.send(bytes([byte]))
                self.assertEqual(link.receive_until(wire.PONG), (wire.PONG, struct.pack(">Q", 7)))

    def test_gone_in_the_middle(self):
        """Links that vanish after each byte of a conversation leave nothing behind."""
        talk = wire.hello() + wire.open_track(1, self.track["id"], flags=1) + self.request(2, count=2)
        with self.origin as origin:
            origin.serve(http=True)
            for cut in range(0, len(talk), 7):
                with wire.Link(origin.url) as link:
                    link.send(talk[:cut])
            self.check_honest(origin.url)
            self.assertEqual(origin.stop(), 0)


if __name__ == "__main__":
    unittest.main()
