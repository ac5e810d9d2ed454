# alone: it measures rates and delays of a line
"""test_yielding.py: what a listener gives takes nothing from what else the listener's line carries.

A daemon behind a router with 2 Mbit/s up, 10 Mbit/s down and a queue that can hold 300 ms; out in the
world somebody takes from it without end. Beside that the listener downloads, or uploads, over TCP, and
a probe is sent to and fro. The figures are printed; what is asserted has room for a busy machine.
REFRAIN_YIELD_S is for how long a flow is counted (4); from 8 on Reno's are measured, too.
"""

import os
import pathlib
import socket
import ssl
import statistics
import struct
import tempfile
import threading
import time
import unittest

import hostile_peer
import refrain
import thin_line
import wire
from thin_line import HOME, WORLD

UP, DOWN, QUEUE_MS = 2000, 10000, 300
SECONDS = float(os.environ.get("REFRAIN_YIELD_S", "4"))
SETTLE_S = 1.5  # a flow's own beginning is not counted
PROBE_S = 0.02
CHUNKS = 16
REQUESTS = 3


class Taker:
    """Takes a file's chunks again and again, over TLS with a key of its own."""

    def __init__(self, line, port, track):
        self.file = track["files"][0]
        self.chunks = (self.file["bytes"] + 16383) // 16384
        self.bytes, self.left, self.ended = 0, {}, False
        with tempfile.TemporaryDirectory() as folder:
            files, self.peer_id = hostile_peer.make_key(pathlib.Path(folder))
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.load_cert_chain(*files)
        context.set_alpn_protocols(["refrain/1"])
        raw = line.inside(WORLD, lambda: socket.create_connection((line.ADDRESSES[HOME], port), 20))
        self.taker = hostile_peer.Taker(context.wrap_socket(raw))
        self.taker.send(wire.hello(features=hostile_peer.PEER_FEATURES, peer_id=self.peer_id))
        self.next = 1
        for _ in range(REQUESTS):
            self.ask()
        self.thread = threading.Thread(target=self._take, daemon=True)
        self.thread.start()

    def ask(self):
        first = self.next * CHUNKS % max(1, self.chunks - CHUNKS)
        self.left[self.next] = CHUNKS * 16384
        self.taker.send(wire.request_chunks(self.next, self.file["id"], self.file["bytes"], first,
                                            CHUNKS, 2, 0))
        self.next += 1

    def _take(self):
        while True:
            got = self.taker.read()
            if got is None or self.ended:
                return
            kind, body = got
            if kind == wire.PING:
                self.taker.send(wire.frame(wire.PONG, body))
            elif kind == wire.FRAGMENT:
                request = struct.unpack(">I", body[:4])[0]
                self.bytes += len(body) - 10
                self.left[request] -= len(body) - 10
                if self.left[request] == 0:
                    self.ask()
            elif kind == wire.REJECT:
                self.ask()

    def close(self):
        self.ended = True
        wire.hang_up(self.taker.sock)
        self.thread.join(10)
        self.taker.sock.close()


class Probe:
    """Round trips of a small datagram from home, in milliseconds."""

    def __init__(self, line):
        self.far = line.inside(WORLD, lambda: self._socket(line.ADDRESSES[WORLD]))
        self.near = line.inside(HOME, lambda: self._socket(line.ADDRESSES[HOME]))
        self.near.settimeout(1)
        self.trips, self.ended = [], threading.Event()
        self.threads = [threading.Thread(target=work, daemon=True)
                        for work in (self._echo, self._send, self._hear)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _socket(address):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address, 0))
        sock.settimeout(1)
        return sock

    def _echo(self):
        while not self.ended.is_set():
            try:
                data, sender = self.far.recvfrom(64)
                self.far.sendto(data, sender)
            except OSError:
                pass

    def _send(self):
        while not self.ended.wait(PROBE_S):
            self.near.sendto(struct.pack(">d", time.monotonic()), self.far.getsockname())

    def _hear(self):
        while not self.ended.is_set():
            try:
                data, _ = self.near.recvfrom(64)
                now = time.monotonic()
                self.trips.append((now, 1000 * (now - struct.unpack(">d", data)[0])))
            except OSError:
                pass

    def between(self, begin, end):
        return [trip for at, trip in self.trips if begin <= at <= end]

    def close(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        self.near.close()
        self.far.close()


def flow(line, source, target, kind, seconds):
    """kbit/s of a TCP flow of that congestion control, and when it was counted."""
    listener = line.inside(target, lambda: socket.create_server((line.ADDRESSES[target], 0)))

    def dial():
        sock = socket.socket()
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, kind.encode())
        except OSError:
            return None
        sock.connect(listener.getsockname())
        return sock

    sender = line.inside(source, dial)
    if sender is None:
        listener.close()
        raise unittest.SkipTest(f"the kernel lacks {kind}")
    taker, _ = listener.accept()

    def send():
        try:
            while True:
                sender.sendall(bytes(16384))
        except OSError:
            pass

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    begin = time.monotonic()
    count, counted_from, last = 0, None, begin
    while last - begin < SETTLE_S + seconds:
        got = len(taker.recv(65536))
        last = time.monotonic()
        if counted_from is None and last - begin >= SETTLE_S:
            counted_from = last
        elif counted_from is not None:
            count += got
    wire.hang_up(sender, taker)
    thread.join()
    for sock in (sender, taker, listener):
        sock.close()
    return 8 * count / 1000 / (last - counted_from), counted_from, last


class Yielding(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if refrain.build_kind() != "debug":
            raise unittest.SkipTest("a sanitizer's figures say nothing")
        cls.line = thin_line.ThinLine(UP, DOWN, QUEUE_MS).__enter__()
        cls.addClassCleanup(cls.line.__exit__)
        cls.sandbox = refrain.Sandbox()
        cls.addClassCleanup(cls.sandbox.remove)
        origin = refrain.Origin(cls.sandbox)
        origin.init()
        origin.add(refrain.make_tone(cls.sandbox.path / "one.flac", 20))
        origin.serve(listen=f"{cls.line.ADDRESSES[WORLD]}:0", prefix=cls.line.prefix(WORLD))
        cls.addClassCleanup(origin.kill)
        cls.track, = origin.tracks()
        player = refrain.Player(origin)
        fetched = player.fetch(cls.track["id"], cls.sandbox.path / "file", prefix=cls.line.prefix(HOME))
        if fetched.code != 0:
            raise AssertionError(fetched.describe())
        cls.daemon = player.daemon(prefix=cls.line.prefix(HOME))
        cls.addClassCleanup(cls.daemon.kill)
        cls.probe = Probe(cls.line)
        cls.addClassCleanup(cls.probe.close)

    @staticmethod
    def given(taker, seconds):
        """kbit/s that the taker gets."""
        before, begin = taker.bytes, time.monotonic()
        threading.Event().wait(seconds)
        return 8 * (taker.bytes - before) / 1000 / (time.monotonic() - begin)

    def wait_given(self, taker):
        """Until most of the line is used; how much is."""
        begin = time.monotonic()
        while (rate := self.given(taker, 1)) < 0.7 * UP:
            if time.monotonic() > begin + 30 * refrain.patience():
                raise AssertionError(f"only {rate:.0f} kbit/s are given")
        return rate

    def measure(self, source, target, kind):
        """(kbit/s, mean round trip, 99th percentile)."""
        rate, begin, end = flow(self.line, source, target, kind, SECONDS)
        trips = sorted(self.probe.between(begin, end))
        # A queue that was filled before the count began leaves faster than the line is.
        return (min(rate, DOWN if source == WORLD else UP), statistics.mean(trips),
                trips[len(trips) * 99 // 100])

    def check(self, *way):
        """A flow alone, then beside what is given. (95 % and 30 ms are the goals, on a quiet machine.)"""
        alone = self.measure(*way)
        taker = Taker(self.line, self.daemon.ready["port"], self.track)
        try:
            given = self.wait_given(taker)
            beside = self.measure(*way)
        finally:
            taker.close()
        print(f"{way[2]} {way[0]} to {way[1]}: {beside[0]:.0f} of {alone[0]:.0f} kbit/s "
              f"({100 * beside[0] / alone[0]:.1f} %); round trip {beside[1]:.1f} ms mean, {beside[2]:.1f} ms "
              f"99th, alone {alone[1]:.1f} and {alone[2]:.1f}; {given:.0f} kbit/s were given before", flush=True)
        self.assertGreater(beside[0], 0.8 * alone[0])
        self.assertLess(beside[1], alone[1] + 60)

    def test_download(self):
        self.check(WORLD, HOME, "bbr")

    def test_upload(self):
        self.check(HOME, WORLD, "bbr")

    @unittest.skipIf(SECONDS < 8, "by hand only (REFRAIN_YIELD_S=8)")
    def test_reno(self):
        self.check(WORLD, HOME, "reno")
        self.check(HOME, WORLD, "reno")


if __name__ == "__main__":
    unittest.main()
