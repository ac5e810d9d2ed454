"""hostile_peer.py: peers that do what no player does, for tests of players.

A peer here is real to everybody: it has an Ed25519 key, proves its peer id by TLS, has a link to the
origin and announces there what it claims to have, takes links and greets. What it does with requests
is its kind's: Honest answers (at a rate), the others are classes below. It has the files' true bytes,
so that whatever is wrong is wrong on purpose.

Written from docs/PROTOCOL.md alone, with wire.py and link.py; openssl makes keys and certificates.
"""

import os
import pathlib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading

import link
import wire

INTEREST, HAVE = 13, 14
HAVE_NONE, HAVE_ALL = 0, 1
GIVES, OVERLAY = 1, 4
REJECT_NOT_HELD = 2
PEER_FEATURES = GIVES | OVERLAY


class Content:
    """A file's bytes with its tree: id, key of the tracker, chunks and proofs."""

    def __init__(self, data):
        self.data = data
        self.chunks = link.chunk_count(len(data))
        leaves = [link.sha256(data[at:at + link.CHUNK]) for at in range(0, len(data), link.CHUNK)]
        while len(leaves) & (len(leaves) - 1):
            leaves.append(bytes(32))
        self.levels = [leaves]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append([link.sha256(below[i] + below[i + 1])
                                for i in range(0, len(below), 2)])
        self.root = self.levels[-1][0]
        self.id = self.root + struct.pack(">Q", len(data))
        self.key = bytes(a ^ b for a, b in zip(self.root[:8], struct.pack(">Q", len(data))))

    def chunk(self, number):
        return self.data[number * link.CHUNK:(number + 1) * link.CHUNK]

    def proof(self, row):
        """The row's leaves, and the uncles from the row's node to the root."""
        first = row * link.ROW
        leaves = self.levels[0][first:min(first + link.ROW, self.chunks)]
        height = min(link.ROW.bit_length() - 1, len(self.levels) - 1)
        uncles, at = [], row
        for level in self.levels[height:-1]:
            uncles.append(level[at ^ 1])
            at //= 2
        return leaves, uncles


def make_key(folder):
    """A key and a self-signed certificate in the folder: (path of both, peer id)."""
    key, certificate = folder / "peer.key", folder / "peer.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out",
                    certificate, "-days", "30", "-subj", "/CN=peer"], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return (certificate, key), link.key_hash(der)


class Taker:
    """A player's link as the peer sees it: frames in, frames out."""

    def __init__(self, sock):
        self.sock = sock
        self.received = b""
        self.cancelled = set()
        self.is_counted = False
        self.lock = threading.Lock()
        self.line = threading.Lock()  # whoever has it sends

    def send(self, data):
        with self.lock:
            self.sock.sendall(data)

    def read(self):
        """The next frame as (type, body); None at the end."""
        while len(self.received) < 4 or \
                len(self.received) < 4 + int.from_bytes(self.received[1:4], "big"):
            try:
                part = self.sock.recv(65536)
            except (OSError, ValueError):
                part = b""
            if not part:
                return None
            self.received += part
        size = 4 + int.from_bytes(self.received[1:4], "big")
        kind, body = self.received[0], self.received[4:size]
        self.received = self.received[size:]
        return kind, body

    def reset(self):
        """Ends it at once, without a word."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Honest:
    """Gives what it is asked for, at most `rate` bytes a second to each link (0: as fast as it goes).

    linked: links with players that look for what it has (others come as well, who know of it by
    others); asked: chunks that were asked of it; pings: that came; byes: the
    reasons with which players left it. hang_up() ends its links, leave() is its sudden death."""

    fragment_bytes = 4096

    def __init__(self, origin_url, *contents, rate=0, host="127.0.0.1"):
        self.contents = {content.id: content for content in contents}
        self.rate = rate
        self.linked, self.asked, self.pings, self.byes, self.sent_bytes = 0, 0, 0, [], 0
        self.changed = threading.Condition()
        self.ended = threading.Event()
        self.takers = set()
        with tempfile.TemporaryDirectory() as folder:
            files, self.peer_id = make_key(pathlib.Path(folder))
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_3
            self.context.load_cert_chain(*files)
        self.context.set_alpn_protocols(["refrain/1"])
        self.listener = socket.create_server((host, 0))
        self.port = self.listener.getsockname()[1]
        self.threads = []
        self._start(self._accept)
        self.origin = wire.Link(origin_url)
        self.announce()
        self.origin.sock.settimeout(None)
        self._start(self._keep_origin)

    def _start(self, work, *arguments):
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self.threads.append(thread)
        thread.start()

    def hello(self):
        return wire.hello(features=PEER_FEATURES, port=self.port, peer_id=self.peer_id)

    def announce(self):
        """Tells the tracker; returns when it has heard."""
        keys = [content.key for content in self.contents.values()]
        self.origin.send(self.hello() + wire.frame(wire.LISTEN, struct.pack(">HBB", self.port, 0, 0)) +
                         wire.frame(wire.ANNOUNCE, struct.pack(">BHHH", 1, len(keys), 0, 0) +
                                    b"".join(keys)) + wire.ping(1))
        if self.origin.receive_until(wire.PONG) is None:
            raise ConnectionError("the origin did not take the announcement")

    def _keep_origin(self):
        while True:
            got = self.origin.receive()
            if got is None:
                return
            if got[0] == wire.PING:
                try:
                    self.origin.send(wire.frame(wire.PONG, got[1]))
                except OSError:
                    return

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self._start(self._serve, sock)

    def _serve(self, sock):
        taker = None
        try:
            taker = Taker(self.shake_hands(sock))
            with self.changed:
                self.takers.add(taker)
            self.greet(taker)
            self.talk(taker)
        except (OSError, ValueError):  # it left, or leave() closed the socket
            pass
        finally:
            with self.changed:
                self.takers.discard(taker)
            (taker.sock if taker else sock).close()

    # --- what a kind may do otherwise ---

    def shake_hands(self, sock):
        return self.context.wrap_socket(sock, server_side=True)

    def greet(self, taker):
        taker.send(self.hello() + wire.frame(wire.LISTEN, struct.pack(">HBB", self.port, 0, 0)))

    def has(self, taker, content):
        taker.send(wire.frame(HAVE, content.id + struct.pack(">BH", HAVE_ALL, 0)))

    def answer(self, taker, request, content, first, count, with_proofs):
        """One REQUEST, in a thread of the link's own."""
        row = None
        for number in range(first, first + count):
            if with_proofs and row != number // link.ROW:
                row = number // link.ROW
                taker.send(self.proof(request, content, row))
            data = content.chunk(number)
            for at in range(0, len(data), self.fragment_bytes):
                if request in taker.cancelled or self.ended.is_set():
                    return
                with taker.line:
                    self.pace(min(self.fragment_bytes, len(data) - at))
                    self.fragment(taker, request, content, number, at)

    def proof(self, request, content, row):
        leaves, uncles = content.proof(row)
        return wire.frame(wire.PROOF, struct.pack(">IIBB", request, row, len(leaves), len(uncles)) +
                          b"".join(leaves + uncles))

    def fragment(self, taker, request, content, number, at):
        part = content.chunk(number)[at:at + self.fragment_bytes]
        taker.send(wire.frame(wire.FRAGMENT, struct.pack(">IIH", request, number, at) + part))
        self.sent_bytes += len(part)

    # --- the rest is as any player's ---

    def pace(self, count):
        if self.rate:
            self.ended.wait(count / self.rate)

    def talk(self, taker):
        while not self.ended.is_set():
            got = taker.read()
            if got is None:
                return
            kind, body = got
            if kind == wire.PING:
                with self.changed:
                    self.pings += 1
                    self.changed.notify_all()
                self.pong(taker, body)
            elif kind == INTEREST:
                self.hear_interest(taker, body)
            elif kind == wire.REQUEST:
                self.hear_request(taker, body)
            elif kind == wire.CANCEL:
                taker.cancelled.add(struct.unpack(">I", body)[0])
            elif kind == wire.OPEN:
                taker.send(wire.frame(wire.REJECT, body[:4] + bytes([wire.REJECT_UNKNOWN])))
            elif kind == wire.BYE:
                with self.changed:
                    self.byes += [body[0]] if taker.is_counted else []
                    self.changed.notify_all()
                return

    def pong(self, taker, body):
        taker.send(wire.frame(wire.PONG, body))

    def hear_interest(self, taker, body):
        for i in range(body[0]):
            file_id, wanted = body[1 + 41 * i:41 + 41 * i], body[41 + 41 * i]
            content = self.contents.get(file_id)
            if wanted and content is not None:
                self.count_link(taker)
                self.has(taker, content)
            elif wanted:
                taker.send(wire.frame(HAVE, file_id + struct.pack(">BH", HAVE_NONE, 0)))

    def count_link(self, taker):
        with self.changed:
            self.linked += not taker.is_counted
            taker.is_counted = True
            self.changed.notify_all()

    def hear_request(self, taker, body):
        request, file_id, first, count, _, flags = struct.unpack(">I40sIHBB", body)
        content = self.contents.get(file_id)
        with self.changed:
            self.asked += count
            self.changed.notify_all()
        if content is None:
            taker.send(wire.frame(wire.REJECT, struct.pack(">IB", request, wire.REJECT_UNKNOWN)))
        else:
            self._start(self._answer, taker, request, content, first, count, flags & 1)

    def _answer(self, *arguments):
        try:
            self.answer(*arguments)
        except (OSError, ValueError):
            pass

    # --- for tests ---

    def wait(self, condition, timeout_s=20):
        """Until condition(self) holds; False when it did not in time."""
        with self.changed:
            return self.changed.wait_for(lambda: condition(self), timeout_s)

    def hang_up(self):
        """Ends all its links with players; it goes on taking new ones."""
        with self.changed:
            wire.hang_up(*(taker.sock for taker in self.takers))

    def leave(self):
        """Gone: all links and the listener, without a BYE. A second time is harmless."""
        if self.ended.is_set():
            return
        self.ended.set()
        wire.hang_up(self.listener)
        self.listener.close()
        self.hang_up()
        wire.hang_up(self.origin.sock)
        for thread in self.threads:
            thread.join(10)
        self.origin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()


class Mute(Honest):
    """Takes connections and says nothing, not even a handshake."""

    def shake_hands(self, sock):
        with self.changed:
            self.linked += 1
        self.ended.wait()
        raise ConnectionError("nothing was ever said")


class Silent(Honest):
    """Greets, has everything, and never answers a request or a PING."""

    def answer(self, *_):
        pass

    def pong(self, *_):
        pass


class Trickler(Honest):
    """Gives what it is asked for, a few bytes at a time; for a chunk it needs ten seconds."""

    fragment_bytes = 160

    def __init__(self, *arguments):
        super().__init__(*arguments, rate=1600)


class Liar(Honest):
    """Says that it has everything, and refuses every chunk as not held."""

    def answer(self, taker, request, *_):
        taker.send(wire.frame(wire.REJECT, struct.pack(">IB", request, REJECT_NOT_HELD)))


class Forger(Honest):
    """Right proofs, wrong bytes."""

    def fragment(self, taker, request, content, number, at):
        part = bytes(byte ^ 0x55 for byte in content.chunk(number)[at:at + self.fragment_bytes])
        taker.send(wire.frame(wire.FRAGMENT, struct.pack(">IIH", request, number, at) + part))


class Counterfeiter(Forger):
    """Proofs that belong to the wrong bytes, and lead nowhere."""

    def proof(self, request, content, row):
        leaves, uncles = content.proof(row)
        return wire.frame(wire.PROOF, struct.pack(">IIBB", request, row, len(leaves), len(uncles)) +
                          b"".join(link.sha256(node) for node in leaves + uncles))


class Babbler(Honest):
    """Answers a request with bytes that are no frames."""

    def answer(self, taker, *_):
        taker.send(os.urandom(65536))


class Nonsense(Honest):
    """Answers a request with well-made frames that nobody asked for, then with a malformed one."""

    def answer(self, taker, request, content, first, count, with_proofs):
        taker.send(wire.frame(200, os.urandom(100)))  # a type that is not known is skipped
        taker.send(wire.frame(wire.PONG, bytes(8)))
        taker.send(wire.frame(HAVE, content.id + struct.pack(">BHII", 2, 1, content.chunks, 1)))


class Stranger(Honest):
    """Answers requests that nobody made."""

    def answer(self, taker, request, content, first, count, with_proofs):
        super().answer(taker, request + 1000, content, first, count, with_proofs)


class Resetter(Honest):
    """Resets the connection in the middle of the first chunk."""

    def answer(self, taker, request, content, first, count, with_proofs):
        if with_proofs:
            taker.send(self.proof(request, content, first // link.ROW))
        self.fragment(taker, request, content, first, 0)
        with self.changed:
            self.takers.discard(taker)
        taker.reset()
