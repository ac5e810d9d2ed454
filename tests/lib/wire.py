"""wire.py: the other side of a socket, for tests: the frames of p2p/core/message.h written by hand,
raw HTTP, and a relay that slows a connection down or cuts it.

Not for production and not a second implementation: it knows just enough to say what is wrong.
"""

import select
import socket
import ssl
import struct
import threading
import time

HELLO, OPEN, OPENED, REQUEST, CANCEL, FRAGMENT, PROOF, REJECT, PING, PONG, BYE = range(1, 12)
LISTEN, ANNOUNCE, LOOKUP, HOLDERS, RENDEZVOUS = 12, 15, 16, 17, 19
BYE_PROTOCOL, BYE_SHUTDOWN = 2, 3
REJECT_UNKNOWN, REJECT_RANGE = 1, 4


def frame(kind, body=b""):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def hello(version=1, request_max=64, tail=b"", features=0, port=0, peer_id=bytes(32)):
    return frame(HELLO, struct.pack(">HI", version, features) + bytes(32) +
                 struct.pack(">HHB", request_max, port, 0) + bytes(16) + bytes(2) + peer_id + bytes(1) + tail)


def open_track(request, track_id, flags=0, tail=b""):
    return frame(OPEN, struct.pack(">I", request) + bytes.fromhex(track_id) + bytes([flags]) + tail)


def request_chunks(request, file_id, file_bytes, first=0, count=1, priority=0, flags=1):
    return frame(REQUEST, struct.pack(">I", request) + bytes.fromhex(file_id) + struct.pack(
        ">QIHBB", file_bytes, first, count, priority, flags))


def ping(token=7):
    return frame(PING, struct.pack(">Q", token))


def connect(address, timeout_s=20):
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout_s)


def connect_tls(address, protocols=("refrain/1",), timeout_s=20):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context.wrap_socket(connect(address, timeout_s), server_hostname="localhost")


def read_all(sock):
    """Everything until the other side closes; a reset counts as an end."""
    received = b""
    try:
        while True:
            part = sock.recv(65536)
            if not part:
                return received
            received += part
    except (ConnectionError, ssl.SSLError):
        return received


class Link:
    """A link to an origin: TLS, or plain HTTP with Upgrade when the URL says so."""

    def __init__(self, url, timeout_s=20):
        scheme, address = url.rstrip("/").split("://")
        self.received = b""
        if scheme == "https":
            self.sock = connect_tls(address, timeout_s=timeout_s)
        else:
            self.sock = connect(address, timeout_s)
            self.send(b"GET /v1/link HTTP/1.1\r\nHost: " + address.encode() +
                      b"\r\nConnection: Upgrade\r\nUpgrade: refrain/1\r\n\r\n")
            while b"\r\n\r\n" not in self.received:
                part = self.sock.recv(65536)
                if not part:
                    raise ConnectionError("the upgrade was refused")
                self.received += part
            head, self.received = self.received.split(b"\r\n\r\n", 1)
            if b" 101 " not in head.split(b"\r\n", 1)[0]:
                raise ConnectionError(head.decode(errors="replace"))

    def send(self, data):
        self.sock.sendall(data)

    def receive(self):
        """The next frame as (type, body); None at the end."""
        while True:
            if len(self.received) >= 4:
                length = int.from_bytes(self.received[1:4], "big")
                if len(self.received) >= 4 + length:
                    kind, body = self.received[0], self.received[4:4 + length]
                    self.received = self.received[4 + length:]
                    return kind, body
            try:
                part = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                return None
            if not part:
                return None
            self.received += part

    def receive_until(self, *kinds):
        """Skips to the first frame of one of the types; None when the link ends before."""
        while True:
            got = self.receive()
            if got is None or got[0] in kinds:
                return got

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def hang_up(*socks):
    """Ends connections in both directions, whatever is on its way."""
    for sock in socks:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Relay:
    """Passes TCP connections on to an address, at most `rate` bytes/s to the client (0 = as fast
    as it goes). cut() closes all that are open; the relay goes on accepting."""

    def __init__(self, address, rate=0):
        self.target = address
        self.rate = rate
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.open = set()
        self.lock = threading.Lock()
        self.closed = threading.Event()
        self.passed = threading.Condition()
        self.passed_bytes = 0
        self.acceptor = threading.Thread(target=self._accept, daemon=True)
        self.acceptor.start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = connect(self.target)
            except OSError as error:
                print(f"relay: {self.target}: {error}", flush=True)
                client.close()
                continue
            with self.lock:
                self.open |= {client, server}
            threading.Thread(target=self._carry, args=(client, server), daemon=True).start()

    def _pass(self, source, target, rate):
        """One direction, as a line of that rate has it: small pieces, each on its way for its bytes'
        time. A piece that is late does not delay the next, but a line that stood idle has nothing saved
        up. An end is passed on as an end: closing at once would throw away what is on its way."""
        piece = max(1024, rate // 50) if rate else 65536
        free = time.monotonic()  # when the line has carried what it was given
        readable = select.poll()  # select() knows no descriptor from 1,024 on
        try:
            readable.register(source, select.POLLIN)
            while True:
                if not readable.poll(0):
                    readable.poll()
                    free = max(free, time.monotonic())
                data = source.recv(piece)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                if rate:
                    free += len(data) / rate
                    self.closed.wait(max(0.0, free - time.monotonic()))
                target.sendall(data)
                with self.passed:
                    self.passed_bytes += len(data)
                    self.passed.notify_all()
        except (OSError, ValueError):  # closed meanwhile, perhaps before it was looked at
            hang_up(source, target)

    def _carry(self, client, server):
        back = threading.Thread(target=self._pass, args=(client, server, 0), daemon=True)
        back.start()
        self._pass(server, client, self.rate)
        back.join()
        with self.lock:
            self.open -= {client, server}
        client.close()
        server.close()

    def wait_passed(self, count, timeout_s=20):
        """Waits until so many bytes have gone through; False when they did not in time."""
        with self.passed:
            return self.passed.wait_for(lambda: self.passed_bytes >= count, timeout_s)

    def cut(self):
        with self.lock:
            hang_up(*self.open)

    def close(self):
        """From here on nobody is there; a second time is harmless."""
        if self.closed.is_set():
            return
        self.closed.set()
        # A close alone would leave the thread waiting on a number that the next relay's socket gets.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.acceptor.join()
        self.listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
