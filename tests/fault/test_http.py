"""test_http.py: malformed and odd HTTP requests against a live origin.

Each row is sent raw on a connection of its own. The origin must answer with one of the row's status
codes (None: it may also just close), and serve an honest request as before.
"""

import re
import unittest

import refrain
import wire

REFUSED = {400, None}


def get(path, *headers, method="GET"):
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers, "Connection: close", "", ""]
    return "\r\n".join(lines).encode("latin-1")


class Http(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = refrain.Sandbox()
        cls.origin = refrain.Origin(cls.sandbox)
        cls.origin.init()
        cls.music = refrain.make_tone(cls.sandbox.path / "one.ogg", 2)
        cls.origin.add(cls.music)
        cls.track = cls.origin.tracks()[0]
        cls.file = cls.track["files"][0]["id"]
        cls.bytes = cls.track["files"][0]["bytes"]
        cls.origin.serve(http=True)

    @classmethod
    def tearDownClass(cls):
        cls.origin.stop()
        cls.sandbox.remove()

    def rows(self):
        file, tracks = f"/v1/files/{self.file}", "/v1/tracks"
        return {
            "nothing but zeros": (bytes(64), REFUSED),
            "no request": (b"\r\n\r\n\r\n\r\nnonsense\r\n\r\n", REFUSED),
            "no path": (b"GET\r\n\r\n", REFUSED | {501}),
            "no version": (b"GET /healthz\r\n\r\n", REFUSED | {505}),
            "a version from the future": (b"GET /healthz HTTP/9.9\r\n\r\n", REFUSED | {505}),
            "HTTP/2's first line": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", REFUSED | {505, 405}),
            "a TLS greeting": (bytes.fromhex("16030100c8010000c40303") + bytes(190), REFUSED),
            "a header without a colon": (get("/healthz", "broken header"), REFUSED),
            "a header without a name": (get("/healthz", ": x"), REFUSED),
            "a NUL in a header": (get("/healthz", "X: a\0b"), REFUSED),
            "a very long path": (get("/" + "a" * 200000), REFUSED | {404, 414, 431}),
            "a very long header": (get("/healthz", "X: " + "a" * 200000), REFUSED | {431}),
            "very many headers": (get("/healthz", *(f"X{i}: y" for i in range(5000))), REFUSED | {431}),
            "a negative length": (get("/healthz", "Content-Length: -1"), REFUSED),
            "a length beyond numbers": (get("/healthz", "Content-Length: 99999999999999999999999"), REFUSED),
            "two lengths": (get("/healthz", "Content-Length: 0", "Content-Length: 5"), REFUSED),
            "a length and chunks": (
                get("/healthz", "Content-Length: 5", "Transfer-Encoding: chunked"), REFUSED),
            "a folded header": (get("/healthz", "X: a\r\n b"), REFUSED | {200}),
            "a method that is not offered": (get(tracks, "Content-Length: 0", method="POST"), {405, 501}),
            "a method that nobody knows": (get(tracks, method="BREW"), REFUSED | {405, 501}),
            "an unknown path": (get("/v1/nothing"), {404}),
            "the root": (get("/"), {404, 200}),
            "a way out": (get("/v1/files/../../identity.key"), REFUSED | {404}),
            "a way out, hidden": (get("/v1/files/%2e%2e%2f%2e%2e%2fidentity.key"), REFUSED | {404}),
            "no id": (get("/v1/files/"), {404, 400}),
            "a short id": (get(file[:-1]), {404, 400}),
            "a long id": (get(file + "0"), {404, 400}),
            "an id that is no number": (get("/v1/files/" + "x" * 64), {404, 400}),
            "an unknown file": (get("/v1/files/" + "0" * 64), {404}),
            "an unknown track": (get("/v1/tracks/" + "0" * 32), {404}),
            "a page that is none": (get(tracks + "?after=nonsense&limit=-5"), {200, 400, 404}),
            "a path with NUL": (get("/v1/tracks%00"), REFUSED | {404}),
            "an upgrade to something else": (
                get("/v1/link", "Upgrade: websocket"), {400, 404, 426}),
            "a link without upgrade": (get("/v1/link"), {400, 404, 426}),
            "a range from behind the end": (get(file, f"Range: bytes={self.bytes}-"), {416}),
            "a range backwards": (get(file, "Range: bytes=5-2"), {200, 400, 416}),
            "a range of nothing": (get(file, "Range: bytes=-0"), {200, 400, 416}),
            "a range beyond numbers": (get(file, "Range: bytes=99999999999999999999-"), {200, 400, 416}),
            "a range of words": (get(file, "Range: bytes=a-b"), {200, 400, 416}),
            "many ranges": (get(file, "Range: bytes=0-1,3-4"), {200, 206, 400, 416}),
            "a range in another unit": (get(file, "Range: chunks=0-1"), {200, 400, 416}),
        }

    def send(self, raw):
        """All that comes back; the connection is half-closed behind the request."""
        with wire.connect(self.origin.address) as sock:
            try:
                sock.sendall(raw)
                sock.shutdown(1)
            except OSError:
                pass  # refused while we were still sending
            return wire.read_all(sock)

    def status(self, raw):
        """The status of the first answer; None when there was none."""
        answer = self.send(raw)
        match = re.match(rb"HTTP/1\.[01] (\d{3})[ \r]", answer)
        self.assertTrue(match or not answer, answer[:200])
        return int(match.group(1)) if match else None

    def test_rows(self):
        for name, (raw, wanted) in self.rows().items():
            with self.subTest(name):
                self.assertIn(self.status(raw), wanted)
                self.assertEqual(self.status(get("/healthz")), 200)

    def test_requests_in_pieces_and_in_a_row(self):
        with wire.connect(self.origin.address) as sock:
            for byte in b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n":
                sock.sendall(bytes([byte]))
            sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + get("/healthz"))
            self.assertEqual(wire.read_all(sock).count(b"HTTP/1.1 200"), 3)

    def test_gone_in_the_middle(self):
        raw = get(f"/v1/files/{self.file}")
        for cut in range(0, len(raw), 5):
            with wire.connect(self.origin.address) as sock:
                sock.sendall(raw[:cut])
        self.assertEqual(self.status(get("/healthz")), 200)

    def test_single_ranges_are_exact(self):
        music, path = self.music.read_bytes(), f"/v1/files/{self.file}"
        rows = {"bytes=0-0": music[:1], "bytes=100-299": music[100:300], "bytes=-7": music[-7:],
                f"bytes={self.bytes - 3}-": music[-3:], "bytes=16380-16390": music[16380:16391],
                f"bytes={self.bytes - 3}-{self.bytes + 100}": music[-3:], "bytes=0-": music}
        for header, wanted in rows.items():
            with self.subTest(header):
                head, _, body = self.send(get(path, "Range: " + header)).partition(b"\r\n\r\n")
                self.assertEqual(head[9:12], b"206")
                self.assertEqual(body, wanted)

    def test_a_client_that_does_not_read(self):
        """Many asked-for files that nobody reads hold up nobody else."""
        idle = [wire.connect(self.origin.address) for _ in range(20)]
        for sock in idle:
            sock.sendall(get(f"/v1/files/{self.file}") * 3)
        self.assertEqual(self.status(get("/healthz")), 200)
        for sock in idle:
            sock.close()
        self.assertEqual(self.status(get("/healthz")), 200)


if __name__ == "__main__":
    unittest.main()
