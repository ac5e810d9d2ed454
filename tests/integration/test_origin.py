"""refrain-origin serve on real files: every HTTP route, every link message, and what is malformed."""

import http.client
import json
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import link  # noqa: E402
import refrain  # noqa: E402

UNKNOWN_TRACK = bytes(range(16))


def setUpModule():
    """One origin folder of three tracks; each test serves it itself."""
    global SANDBOX, FOLDER, MEDIA
    SANDBOX = refrain.Sandbox()
    origin = refrain.Origin(SANDBOX)
    FOLDER = origin.folder
    music = [refrain.make_tone(SANDBOX.path / f"tone{i}.ogg", seconds, number=i + 1, hertz=220 * (i + 1))
             for i, seconds in enumerate((1.0, 12.0, 40.0))]
    origin.init()
    origin.add(*music)
    MEDIA = {path.name: path.read_bytes() for path in (FOLDER / "media").glob("??/*")}


def tearDownModule():
    SANDBOX.remove()


class Served(unittest.TestCase):
    http = True

    def setUp(self):
        self.origin = refrain.Origin(SANDBOX, FOLDER)
        self.origin.serve(http=self.http)
        self.addCleanup(self.end)
        self.identity = bytes.fromhex(self.get_json("/v1/origin")["identity"])

    def end(self):
        if self.origin.process:
            process = self.origin.process
            self.assertEqual(self.origin.stop(), refrain.EXIT_OK, process.describe())
            self.assertNotIn("Assertion", process.stderr)
            self.assertNotIn("Sanitizer", process.stderr)

    def connection(self):
        if self.http:
            return http.client.HTTPConnection("127.0.0.1", self.origin.port, timeout=30)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return http.client.HTTPSConnection("127.0.0.1", self.origin.port, context=context, timeout=30)

    def ask(self, path, method="GET", **headers):
        connection = self.connection()
        connection.request(method, path, headers={key.replace("_", "-"): value
                                                  for key, value in headers.items()})
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def get_json(self, path, status=200):
        answer = self.ask(path)
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.getheader("Content-Type"), "application/json")
        return json.loads(answer.body)

    def tracks(self):
        return self.get_json("/v1/tracks")["items"]

    def largest(self):
        """The track with the largest file: its object and its file's."""
        track = max(self.tracks(), key=lambda item: item["files"][0]["bytes"])
        return track, track["files"][0]

    def link(self, *args, **kwargs):
        opened = link.Link(self.origin.address, not self.http, *args, **kwargs)
        self.addCleanup(opened.close)
        return opened

    def greeted(self, first=b""):
        opened = self.link(first)
        opened.read_hello()
        return opened

    def manifest(self, track):
        return link.Manifest(self.ask(f"/v1/tracks/{track['id']}?manifest").body)


class Routes(Served):
    def test_health(self):
        health = self.get_json("/healthz")
        self.assertEqual((health["status"], health["tracks"]), ("ok", 3))
        self.assertGreaterEqual(health["files"], 3)

    def test_origin(self):
        about = self.get_json("/v1/origin")
        self.assertEqual(about["protocol"], 1)
        self.assertRegex(about["version"], r"^\d+\.\d+\.\d+$")
        self.assertEqual("tls" in about, not self.http)
        if not self.http:
            with socket.create_connection(("127.0.0.1", self.origin.port)) as plain:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                with context.wrap_socket(plain) as secured:
                    hashed = link.key_hash(secured.getpeercert(binary_form=True))
            self.assertEqual(about["tls"]["key_sha256"], hashed.hex())
            self.assertTrue(link.verify(self.identity, b"refrain origin tls 1\0" + hashed,
                                        bytes.fromhex(about["tls"]["signature"])))

    def test_lists(self):
        listed = [{key: value for key, value in track.items() if key != "event"}
                  for track in self.origin.tracks()]
        whole = self.get_json("/v1/tracks")
        self.assertEqual(whole["items"], listed)
        self.assertIsNone(whole["next"])
        self.assertEqual(list(whole["items"][0])[:10],
                         ["id", "title", "artist", "album", "album_artist", "disc", "track", "year",
                          "duration_ms", "files"])
        for limit in (1, 2, 3, 1000):
            items, after, pages = [], "", 0
            while after is not None:
                page = self.get_json(f"/v1/tracks?limit={limit}" + (after and f"&after={after}"))
                items += page["items"]
                after = page["next"]
                pages += 1
            self.assertEqual(items, listed)
            self.assertEqual(pages, -(-3 // limit))
        for track in listed:
            self.assertEqual(self.get_json("/v1/tracks/" + track["id"]), track)

    def test_manifests(self):
        for track in self.tracks():
            by_query = self.ask(f"/v1/tracks/{track['id']}?manifest")
            by_accept = self.ask("/v1/tracks/" + track["id"], Accept="application/octet-stream")
            self.assertEqual(by_query.body, by_accept.body)
            self.assertEqual(by_query.getheader("Content-Type"), "application/octet-stream")
            manifest = link.Manifest(by_query.body)
            self.assertTrue(manifest.is_signed())
            self.assertEqual(manifest.origin, self.identity)
            self.assertEqual(manifest.track.hex(), track["id"])
            self.assertEqual(manifest.root.hex(), track["files"][0]["id"])
            self.assertEqual(link.tree_root(MEDIA[manifest.root.hex()]), manifest.root)

    def test_whole_files(self):
        for track in self.tracks():
            file = track["files"][0]
            for address in (file["id"], f"{file['id']}-{file['bytes']}"):
                answer = self.ask("/v1/files/" + address)
                self.assertEqual(answer.status, 200)
                self.assertEqual(answer.body, MEDIA[file["id"]])
                self.assertEqual(answer.getheader("Content-Type"), "audio/ogg")
                self.assertIn("immutable", answer.getheader("Cache-Control"))
                self.assertEqual(answer.getheader("Accept-Ranges"), "bytes")
                head = self.ask("/v1/files/" + address, "HEAD")
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertEqual(int(head.getheader("Content-Length")), file["bytes"])
                etag = answer.getheader("ETag")
                self.assertEqual(self.ask("/v1/files/" + address, If_None_Match=etag).status, 304)
                self.assertEqual(self.ask("/v1/files/" + address, If_None_Match='"x"').status, 200)

    def test_ranges(self):
        _, file = self.largest()
        whole, size = MEDIA[file["id"]], file["bytes"]
        for value, first, last in (("0-0", 0, 0), ("0-", 0, size - 1), ("100-199", 100, 199),
                                   ("16383-16384", 16383, 16384), (f"{size - 1}-", size - 1, size - 1),
                                   ("-5", size - 5, size - 1), (f"7-{size + 100}", 7, size - 1),
                                   (f"-{size * 2}", 0, size - 1)):
            answer = self.ask("/v1/files/" + file["id"], Range="bytes=" + value)
            self.assertEqual(answer.status, 206, value)
            self.assertEqual(answer.body, whole[first:last + 1], value)
            self.assertEqual(answer.getheader("Content-Range"), f"bytes {first}-{last}/{size}")
        for value in (f"{size}-", f"{size + 5}-{size + 9}", "-0"):
            answer = self.ask("/v1/files/" + file["id"], Range="bytes=" + value)
            self.assertEqual(answer.status, 416, value)
            self.assertEqual(answer.getheader("Content-Range"), f"bytes */{size}")
        for value in ("bytes=0-1,5-6", "bytes=9-3", "lines=1-2", "bytes=x-"):
            answer = self.ask("/v1/files/" + file["id"], Range=value)
            self.assertEqual((answer.status, answer.body), (200, whole), value)

    def test_curl(self):
        _, file = self.largest()
        path = SANDBOX.path / "curl.ogg"
        subprocess.run(["curl", "-sSkf", "-r", "1000-50000", "-o", path,
                        f"{self.origin.url}/v1/files/{file['id']}"], check=True)
        self.assertEqual(path.read_bytes(), MEDIA[file["id"]][1000:50001])

    def test_what_is_not_here(self):
        track, file = self.largest()
        for path, status in (("/", 404), ("/v1/nothing", 404), ("/v1/tracks/" + "0" * 32, 404),
                             ("/v1/tracks/xyz", 400), ("/v1/tracks?limit=0", 400),
                             ("/v1/tracks?after=" + "0" * 32, 400), ("/v1/files/" + "0" * 64, 404),
                             ("/v1/files/" + file["id"][:-1], 400),
                             (f"/v1/files/{file['id']}-{file['bytes'] + 1}", 404),
                             (f"/v1/files/{file['id']}-64", 404),
                             ("/v1/files/..%2f..%2fidentity.key", 400), ("/v1/link", 426),
                             ("/media/" + file["id"], 404), ("/v1/tracks/" + track["id"] + "/x", 404)):
            answer = self.ask(path)
            self.assertEqual(answer.status, status, path)
            self.assertIn("error", json.loads(answer.body))
            self.assertNotIn(b"/", answer.body.replace(b'"/', b""))
        self.assertEqual(self.ask("/healthz", "DELETE").status, 405)
        self.assertEqual(self.ask("/v1/origin", "POST").status, 405)


class RoutesTls(Routes):
    http = False


class Catalogue(Served):
    """What copies of the catalogue live on: changes, and covers."""

    def setUp(self):
        sandbox = refrain.Sandbox()
        self.addCleanup(sandbox.remove)
        self.music = sandbox.path / "music"
        (self.music / "with").mkdir(parents=True)
        (self.music / "bare").mkdir()
        self.picture = (refrain.SAMPLE / "cover.png").read_bytes()
        (self.music / "with" / "cover.png").write_bytes(self.picture)
        self.origin = refrain.Origin(sandbox)
        self.origin.init()
        self.add("with", 1, album="Covered")
        self.origin.serve(http=True)
        self.addCleanup(self.end)

    def add(self, folder, number, **tags):
        self.origin.add(refrain.make_tone(self.music / folder / f"{folder}{number}.ogg", 0.3, number=number,
                                          hertz=100 * number, **tags))

    def test_changes(self):
        first = self.get_json("/v1/tracks?brief&since=0")
        self.assertEqual([item["title"] for item in first["items"]], ["with1"])
        self.assertEqual(first["items"][0].keys(),
                         {"id", "title", "artist", "album", "track", "duration_ms", "album_id"})
        self.assertEqual((first["removed"], first["more"]), ([], False))
        self.assertEqual(self.get_json("/v1/tracks")["revision"], first["revision"])
        nothing = f"/v1/tracks?since={first['revision']}"
        self.assertEqual(self.get_json(nothing)["items"], [])
        tag = self.ask(nothing).getheader("ETag")
        self.assertEqual(self.ask(nothing, If_None_Match=tag).status, 304)
        self.assertEqual(self.ask("/v1/tracks", If_None_Match=tag).status, 304)
        self.add("bare", 2, album="Bare")
        self.add("bare", 3, album="Bare")
        self.assertEqual(self.ask(nothing, If_None_Match=tag).status, 200)
        page = self.get_json(nothing + "&limit=1")
        self.assertEqual(([item["title"] for item in page["items"]], page["more"]), (["bare2"], True))
        self.assertIn("files", page["items"][0])
        page = self.get_json(f"/v1/tracks?limit=1&since={page['revision']}")
        self.assertEqual(([item["title"] for item in page["items"]], page["more"]), (["bare3"], False))
        self.assertEqual(page["revision"], self.get_json("/v1/tracks")["revision"])
        for never in ("9-00000000", "1-00000000"):
            self.assertIn("begin with 0", self.get_json(f"/v1/tracks?since={never}", 410)["error"])

    def test_covers(self):
        self.add("bare", 2, album="Covered")
        self.add("bare", 3, album="Bare")
        tracks = {track["title"]: track for track in self.tracks()}
        own = self.ask(f"/v1/covers/{tracks['with1']['id']}")
        self.assertEqual((own.status, own.body), (200, self.picture))
        self.assertEqual(own.getheader("Content-Type"), "image/png")
        self.assertIn("immutable", own.getheader("Cache-Control"))
        self.assertEqual(self.ask(f"/v1/covers/{tracks['with1']['id']}",
                                  If_None_Match=own.getheader("ETag")).status, 304)
        for name in (tracks["with1"]["album_id"], tracks["bare2"]["id"]):
            album = self.ask(f"/v1/covers/{name}")
            self.assertEqual((album.status, album.body), (200, self.picture))
            self.assertNotIn("immutable", album.getheader("Cache-Control"))
        for name in (tracks["bare3"]["id"], tracks["bare3"]["album_id"], "00" * 16):
            self.get_json(f"/v1/covers/{name}", 404)


class MalformedHttp(Served):
    """Raw bytes on a socket; what comes back starts with the status, and the origin goes on."""

    TABLE = (
        (b"\r\n\r\nnonsense\r\n\r\n", (400, None)),
        (b"GET /healthz\r\n\r\n", (400, 505, None)),
        (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", (400, 505)),
        (b"GET /healthz HTTP/1.1\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nBroken\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", (400, 413)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", (400,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         (400, 413)),
        (b"BREW /pot HTTP/1.1\r\nHost: x\r\n\r\n", (400, 405, 501)),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414,)),
        (b"GET /healthz?" + b"a" * 2000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 20000 + b"\r\n\r\n", (431,)),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", (431,)),
        (b"GET /healthz\0 HTTP/1.1\r\nHost: x\r\n\r\n", (400,)),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400, None)),
        (b"\xff" * 3000, (400, None)),
        (b"GET /v1/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
         (426, 400)),
    )

    def test_table(self):
        for sent, statuses in self.TABLE:
            with socket.create_connection(("127.0.0.1", self.origin.port), 30) as raw:
                raw.sendall(sent)
                raw.shutdown(socket.SHUT_WR)
                got = b""
                try:
                    while data := raw.recv(65536):
                        got += data
                except ConnectionResetError:
                    pass
            status = int(got.split()[1]) if got.startswith(b"HTTP/1.") else None
            self.assertIn(status, statuses, (sent[:80], got[:200]))
            self.assertEqual(self.ask("/healthz").status, 200)


class Links(Served):
    def test_open_in_the_first_flight(self):
        for number, track in enumerate(self.tracks()):
            opened = self.link(link.Link.open_frame(7, bytes.fromhex(track["id"])))
            hello = opened.read_hello()
            self.assertEqual(hello["identity"], self.identity)
            self.assertEqual(hello["form"], link.FORM_NONCE if self.http else link.FORM_TLS)
            self.assertEqual(hello["observed_port"], opened.socket.getsockname()[1])
            self.assertEqual(hello["family"], 4)
            manifest = opened.read_opened(7)
            self.assertTrue(manifest.is_signed())
            self.assertEqual(manifest.track.hex(), track["id"])
            whole = MEDIA[manifest.root.hex()]
            chunks = manifest.start_chunks()
            self.assertGreater(len(chunks), 0)
            data = opened.read_chunks(7, manifest.root, manifest.bytes, chunks)
            self.assertEqual(data, b"".join(whole[c * link.CHUNK:(c + 1) * link.CHUNK]
                                            for c in chunks), number)

    def test_whole_file(self):
        track, file = self.largest()
        manifest = self.manifest(track)
        opened = self.greeted()
        count, first, data = link.chunk_count(manifest.bytes), 0, b""
        for request in range(1, 1000):
            some = min(64, count - first)
            opened.send(link.Link.request_frame(request, manifest.file, first, some, request % 4))
            data += opened.read_chunks(request, manifest.root, manifest.bytes,
                                       range(first, first + some))
            first += some
            if first == count:
                break
        self.assertEqual(data, MEDIA[file["id"]])
        health = self.get_json("/healthz")
        self.assertEqual((health["links"], health["payload_bytes"]), (1, len(data)))

    def test_cold_files(self):
        """What is not in the page cache is read by a thread, to the same end."""
        track, file = self.largest()
        manifest = self.manifest(track)
        count = min(64, link.chunk_count(manifest.bytes))
        with open(FOLDER / "media" / file["id"][:2] / file["id"], "rb") as media:
            os.posix_fadvise(media.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        opened = self.greeted(link.Link.request_frame(1, manifest.file, 0, count))
        data = opened.read_chunks(1, manifest.root, manifest.bytes, range(count))
        self.assertEqual(data, MEDIA[file["id"]][:len(data)])

    def test_open_without_start_set(self):
        track, _ = self.largest()
        opened = self.greeted(link.Link.open_frame(1, bytes.fromhex(track["id"]), start=False))
        opened.read_opened(1)
        opened.send(link.Link.frame(link.PING, bytes(7) + b"\x09"))
        self.assertEqual(opened.read(), (link.PONG, bytes(7) + b"\x09"))

    def test_byte_by_byte(self):
        track, _ = self.largest()
        opened = self.link(hello=False)
        opened.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in opened.hello_frame() + opened.open_frame(1, bytes.fromhex(track["id"])):
            opened.send(bytes([byte]))
        opened.read_hello()
        manifest = opened.read_opened(1)
        opened.read_chunks(1, manifest.root, manifest.bytes, manifest.start_chunks())

    def test_rejects(self):
        track, _ = self.largest()
        manifest = self.manifest(track)
        count = link.chunk_count(manifest.bytes)
        two_top_hashes = manifest.root + struct.pack(">Q", 64)
        opened = self.greeted()
        cases = (
            (lambda n: link.Link.open_frame(n, UNKNOWN_TRACK), link.REJECT_UNKNOWN),
            (lambda n: link.Link.request_frame(n, bytes(32) + struct.pack(">Q", 5), 0, 1),
             link.REJECT_UNKNOWN),
            (lambda n: link.Link.request_frame(n, two_top_hashes, 0, 1), link.REJECT_UNKNOWN),
            (lambda n: link.Link.request_frame(n, manifest.file, count, 1), link.REJECT_RANGE),
            (lambda n: link.Link.request_frame(n, manifest.file, count - 1, 2), link.REJECT_RANGE),
            (lambda n: link.Link.request_frame(n, manifest.file, 262144 - 64, 64), link.REJECT_RANGE),
        )
        for number, (make, reason) in enumerate(cases, 1):
            opened.send(make(number))
            self.assertEqual(opened.read(), (link.REJECT, struct.pack(">IB", number, reason)))
        opened.send(link.Link.request_frame(99, manifest.file, 0, 1))
        opened.read_chunks(99, manifest.root, manifest.bytes, [0])

    def test_too_many_requests(self):
        track, _ = self.largest()
        opened = self.link()
        most = opened.read_hello()["request_max"]
        flood = b"".join(link.Link.open_frame(i + 1, bytes.fromhex(track["id"]))
                         for i in range(most * 8))
        opened.send(flood + link.Link.frame(link.PING, bytes(8)))
        kinds = {}
        while not kinds.get(link.PONG):
            kind, body = opened.read()
            kinds[kind] = kinds.get(kind, 0) + 1
            if kind == link.REJECT:
                self.assertEqual(body[4], link.REJECT_BUSY)
        self.assertGreater(kinds[link.REJECT], 0)

    def test_cancel(self):
        track, _ = self.largest()
        manifest = self.manifest(track)
        count = min(64, link.chunk_count(manifest.bytes))
        opened = self.greeted()
        for number in range(1, 40):
            opened.send(link.Link.request_frame(2 * number - 1, manifest.file, 0, count)
                        + link.Link.frame(link.CANCEL, struct.pack(">I", 2 * number - 1)))
        opened.send(link.Link.frame(link.CANCEL, struct.pack(">I", 12345))
                    + link.Link.request_frame(1000, manifest.file, 0, 1))
        while True:
            kind, body = opened.read()
            if kind == link.FRAGMENT and struct.unpack(">I", body[:4])[0] == 1000:
                break

    def test_unknown_types_are_skipped(self):
        opened = self.greeted()
        opened.send(link.Link.frame(40, b"of a later version") + link.Link.frame(200, bytes(65536))
                    + link.Link.frame(63) + link.Link.frame(link.PING, bytes(8)))
        self.assertEqual(opened.read()[0], link.PONG)

    def test_bye(self):
        opened = self.greeted()
        opened.send(link.Link.frame(link.BYE, b"\x01so long"))
        self.assertEqual([kind for kind, _ in opened.read_to_end()], [link.BYE])

    def test_stop_says_bye(self):
        opened = self.greeted()
        process = self.origin.process
        self.assertEqual(self.origin.stop(), refrain.EXIT_OK, process.describe())
        self.assertEqual(opened.read_to_end(), [(link.BYE, bytes([link.BYE_SHUTDOWN]))])


class LinksTls(Links):
    http = False

    def test_upgrade_over_tls(self):
        """Through a proxy that speaks HTTP only, or a client without ALPN."""
        track, _ = self.largest()
        for alpn in ("http/1.1", None):
            opened = self.link(link.Link.open_frame(1, bytes.fromhex(track["id"])), alpn=alpn)
            self.assertEqual(opened.read_hello()["form"], link.FORM_TLS)
            manifest = opened.read_opened(1)
            opened.read_chunks(1, manifest.root, manifest.bytes, manifest.start_chunks())

    def test_other_protocols_are_refused(self):
        with self.assertRaises((ssl.SSLError, ConnectionResetError)):
            self.link(alpn="h2")


class MalformedFrames(Served):
    """Each is answered with BYE and the end of the link; the origin goes on."""

    def table(self):
        frame = link.Link.frame
        ping, file = bytes(8), bytes(32) + struct.pack(">Q", 100000)
        request = struct.pack(">I40sIHBB", 1, file, 0, 1, 0, 0)
        yield "hello twice", link.Link.hello_frame(self.link()), True
        yield "opened", frame(link.OPENED, bytes(200)), True
        yield "fragment", frame(link.FRAGMENT, bytes(11)), True
        yield "proof", frame(link.PROOF, bytes(10)), True
        yield "reject", frame(link.REJECT, bytes(5)), True
        for kind, size in ((link.OPEN, 21), (link.REQUEST, 52), (link.CANCEL, 4), (link.PING, 8)):
            for wrong in (0, 1, size - 1, size + 1, 5000):
                yield f"type {kind} of {wrong} bytes", frame(kind, bytes(wrong)), True
        yield "request 0", frame(link.REQUEST, bytes(4) + request[4:]), True
        yield "no chunks", frame(link.REQUEST, request[:48] + b"\0\0\0\0"), True
        yield "65 chunks", frame(link.REQUEST, request[:48] + b"\0\x41\0\0"), True
        yield "open twice the same", link.Link.open_frame(5, UNKNOWN_TRACK) * 2, True
        yield "numbers go down", (link.Link.open_frame(5, UNKNOWN_TRACK)
                                  + link.Link.open_frame(4, UNKNOWN_TRACK)), True
        yield "ping before hello", frame(link.PING, ping), False
        yield "open before hello", link.Link.open_frame(1, UNKNOWN_TRACK), False
        yield "short hello", frame(link.HELLO, bytes(93)), False
        yield "empty hello", frame(link.HELLO), False
        yield "hello of version 0", link.Link.hello_frame(self.link(), version=0), False
        yield "bye before hello", frame(link.BYE, b"\1"), False

    def test_table(self):
        for name, sent, greets in self.table():
            with self.subTest(name):
                opened = self.link(sent, hello=greets)
                frames = opened.read_to_end()
                self.assertTrue(frames, "it ended without a word")
                self.assertEqual(frames[-1], (link.BYE, bytes([link.BYE_PROTOCOL])))
                self.assertTrue(all(kind in (link.HELLO, link.REJECT, link.BYE)
                                    for kind, _ in frames))
                self.assertEqual(self.ask("/healthz").status, 200)

    def test_frame_too_long(self):
        opened = self.greeted()
        opened.send(struct.pack(">I", link.PING << 24 | 65537) + bytes(1000))
        self.assertEqual(opened.read_to_end(), [(link.BYE, bytes([link.BYE_PROTOCOL]))])
        self.assertEqual(self.ask("/healthz").status, 200)

    def test_cut_anywhere(self):
        whole = link.Link.hello_frame(self.link()) + link.Link.open_frame(1, UNKNOWN_TRACK)
        for cut in range(0, len(whole), 7):
            self.link(whole[:cut], hello=False).close()
        self.assertEqual(self.ask("/healthz").status, 200)


class Damage(unittest.TestCase):
    """Files that rot under a serving origin."""

    def setUp(self):
        self.sandbox = refrain.Sandbox()
        self.addCleanup(self.sandbox.remove)
        self.folder = self.sandbox.path / "copy"
        subprocess.run(["cp", "-a", FOLDER, self.folder], check=True)
        self.origin = refrain.Origin(self.sandbox, self.folder)

    def asked(self, spoil, reason):
        """Serves with the largest file spoilt; what stderr says."""
        name = max(MEDIA, key=lambda root: len(MEDIA[root]))
        spoil(self.folder / "media" / name[:2] / name)
        self.origin.serve(http=True)
        process = self.origin.process
        file = bytes.fromhex(name) + struct.pack(">Q", len(MEDIA[name]))
        with link.Link(self.origin.address, False, link.Link.request_frame(1, file, 0, 1)) as opened:
            opened.read_hello()
            kind, body = opened.read()
            while kind == link.PROOF:
                kind, body = opened.read()
            self.assertEqual((kind, body), (link.REJECT, struct.pack(">IB", 1, reason)))
            other = min(MEDIA, key=lambda root: len(MEDIA[root]))
            good = bytes.fromhex(other) + struct.pack(">Q", len(MEDIA[other]))
            opened.send(link.Link.request_frame(2, good, 0, 1))
            opened.read_chunks(2, bytes.fromhex(other), len(MEDIA[other]), [0])
        self.assertEqual(self.origin.stop(), refrain.EXIT_OK)
        self.assertIn(name, process.stderr)
        return process.stderr

    def test_flipped_bit(self):
        def spoil(path):
            path.chmod(0o644)
            with open(path, "r+b") as file:
                file.seek(5000)
                byte = file.read(1)[0]
                file.seek(5000)
                file.write(bytes([byte ^ 4]))
        self.assertIn("rotted", self.asked(spoil, link.REJECT_DAMAGED))

    def test_cut_file(self):
        def spoil(path):
            path.chmod(0o644)
            os.truncate(path, 1000)
        self.asked(spoil, link.REJECT_DAMAGED)

    def test_lost_file(self):
        self.asked(pathlib.Path.unlink, link.REJECT_NOT_HELD)

    def test_health_sees_it(self):
        self.origin.serve(http=True)
        subprocess.run(["mv", self.folder / "media", self.folder / "gone"], check=True)
        connection = http.client.HTTPConnection("127.0.0.1", self.origin.port, timeout=30)
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        self.assertEqual(answer.status, 503)
        self.assertIn("media", json.loads(answer.read())["error"])
        connection.close()
        self.assertEqual(self.origin.stop(), refrain.EXIT_OK)


class Starting(unittest.TestCase):
    def test_not_an_origin(self):
        with refrain.Sandbox() as sandbox:
            for folder in (sandbox.path / "missing", sandbox.path / "cache"):
                process = refrain.Origin(sandbox, folder).command("serve", folder, "--listen",
                                                                  "127.0.0.1:0")
                self.assertEqual(process.code, refrain.EXIT_NOT_FOUND, process.describe())
                self.assertIn("refrain-origin init", process.stderr)

    def test_port_in_use(self):
        origin = refrain.Origin(SANDBOX, FOLDER)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            process = origin.command("serve", FOLDER, "--listen", address)
        self.assertEqual(process.code, refrain.EXIT_IN_USE, process.describe())
        self.assertIn("in use", process.stderr)

    def test_addresses_that_cannot_be(self):
        origin = refrain.Origin(SANDBOX, FOLDER)
        for address, codes in (("127.0.0.1:99999", [refrain.EXIT_USAGE]),
                               ("1.2.3.4:0", [refrain.EXIT_NETWORK])):
            process = origin.command("serve", FOLDER, "--listen", address)
            self.assertIn(process.code, codes, process.describe())
            self.assertNotEqual(process.stderr, "")

    def test_unreadable(self):
        if os.getuid() != 0:
            self.skipTest("only root can become somebody else")
        with refrain.Sandbox() as sandbox:
            sandbox.path.chmod(0o755)
            subprocess.run(["cp", "-a", FOLDER, sandbox.path / "copy"], check=True)
            process = refrain.run(["setpriv", "--reuid", "65534", "--regid", "65534",
                                   "--clear-groups", refrain.program("refrain-origin"), "serve",
                                   sandbox.path / "copy", "--listen", "127.0.0.1:0"],
                                  sandbox.environment(), 30)
            self.assertEqual(process.code, refrain.EXIT_STORAGE, process.describe())
            self.assertIn("not permitted", process.stderr)

    def test_for_people(self):
        origin = refrain.Origin(SANDBOX, FOLDER)
        command = [refrain.program("refrain-origin"), "serve", FOLDER, "--listen", "127.0.0.1:0",
                   "--http", "--verbose"]
        with refrain.Process(command, SANDBOX.environment()) as process:
            origin.url = process.wait_line("http://").split()[-1]
            process.wait_line("identity ")
            with link.Link(origin.address, False) as opened:
                opened.read_hello()
            connection = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=30)
            connection.request("GET", "/v1/origin")
            connection.getresponse().read()
            connection.close()
            self.assertEqual(process.stop(), refrain.EXIT_OK)
            self.assertIn("GET /v1/origin", process.stderr)
            self.assertRegex(process.stderr, r"link 1 127\.0\.0\.1:\d+ up: plain")


if __name__ == "__main__":
    unittest.main()
