"""hostile_tracker.py: stands between players and a plain-HTTP origin and answers lookups itself.

Everything but LOOKUP passes as it is, so the origin's identity (its nonce form is bound to no line)
and all chunks are right; what a player hears of others is this module's invention. Kinds are functions
of (lookup number, keys) to the bytes of an answer.
"""

import itertools
import os
import socket
import struct
import threading

import wire

CONTACT_REACHABLE, CONTACT_GIVES = 1, 4
HOLDERS_ALL = 1
CONTACTS_MAX = 50


def contact(addresses, peer_id=None):
    """Ninety bytes of somebody who gives everything, at these (IPv4, port)."""
    packed = b"".join(bytes([4]) + socket.inet_aton(host) + bytes(12) + struct.pack(">H", port)
                      for host, port in addresses)
    return (peer_id or os.urandom(32)) + bytes([CONTACT_REACHABLE | CONTACT_GIVES]) + packed.ljust(57, b"\0")


def holders(lookup, keys, contacts, count=None):
    """A well-made HOLDERS: all contacts have all of the files."""
    listed = b"".join(bytes([i, HOLDERS_ALL]) for i in range(len(contacts)))
    count = len(contacts) if count is None else count
    return wire.frame(wire.HOLDERS, struct.pack(">IBB", lookup, len(contacts), len(keys)) +
                      b"".join(contacts) +
                      b"".join(key + struct.pack(">IB", count, len(contacts)) + listed for key in keys))


class DeadPeers:
    """A million holders, of whom each answer names fifty others; nobody is there."""

    def __init__(self):
        self.numbers = itertools.count()

    def __call__(self, lookup, keys):
        contacts = []
        for number in itertools.islice(self.numbers, CONTACTS_MAX):
            # Nobody listens at port 9 of these; documentation's networks (RFC 5737) swallow or refuse.
            contacts.append(contact([(f"127.{1 + number % 200}.{number // 200 % 250}.7", 9),
                                     (f"198.51.100.{1 + number % 250}", 7373)]))
        return holders(lookup, keys, contacts, 1_000_000)


def nonsense(lookup, keys):
    """Well-made, and about nothing that was asked: other files, addresses that nobody may dial, one
    contact many times, and a second answer to the same question."""
    addresses = [[("224.0.0.1", 7373)], [("0.0.0.0", 7373)], [("255.255.255.255", 7373)],
                 [("127.0.0.1", 0)], [("127.0.0.1", 1), ("127.0.0.1", 1), ("127.0.0.1", 1)]]
    same = bytes([7]) * 32
    contacts = [contact(each) for each in addresses] + [contact(addresses[-1], same)] * 20
    others = [os.urandom(8) for _ in keys]
    return holders(lookup, others, contacts) + holders(lookup, keys, contacts[:5])


def malformed(lookup, keys):
    """No HOLDERS at all: indexes that point at nobody."""
    return wire.frame(wire.HOLDERS, struct.pack(">IBB", lookup, 0, 1) + keys[0] +
                      struct.pack(">IB", 1, 1) + bytes([200, HOLDERS_ALL]))


def unasked(lookup, keys):
    """An answer to a question that nobody asked."""
    return holders(lookup + 1000, keys, [])


class HostileTracker:
    """Listens for players of the plain origin at `address`. A context manager; lookups: that it has
    answered, links: that players have begun."""

    def __init__(self, address, answer):
        self.target, self.answer = address, answer
        self.lookups, self.links = 0, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = set()
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()

    def _accept(self):
        while True:
            try:
                player, _ = self.listener.accept()
                origin = wire.connect(self.target)
            except OSError:
                return
            self.open |= {player, origin}
            lock = threading.Lock()  # of what goes to the player
            for work in (self._to_origin, self._to_player):
                thread = threading.Thread(target=self._carry, args=(work, player, origin, lock),
                                          daemon=True)
                self.threads.append(thread)
                thread.start()

    @staticmethod
    def _carry(work, player, origin, lock):
        try:
            work(player, origin, lock)
        except (OSError, ValueError):
            pass
        finally:
            wire.hang_up(player, origin)

    def _to_origin(self, player, origin, lock):
        buffer = b""
        while b"\r\n\r\n" not in buffer:
            part = player.recv(65536)
            if not part:
                return
            buffer += part
        head, buffer = buffer.split(b"\r\n\r\n", 1)
        self.links += b"/v1/link" in head  # the catalogue is asked for on connections of its own
        origin.sendall(head + b"\r\n\r\n")
        while True:
            while len(buffer) >= 4 and len(buffer) >= 4 + int.from_bytes(buffer[1:4], "big"):
                size = 4 + int.from_bytes(buffer[1:4], "big")
                message, buffer = buffer[:size], buffer[size:]
                if message[0] == wire.LOOKUP:
                    self._answer(player, lock, message[4:])
                else:
                    origin.sendall(message)
            part = player.recv(65536)
            if not part:
                return
            buffer += part

    def _answer(self, player, lock, body):
        lookup, _, count = struct.unpack(">IBB", body[:6])
        keys = [body[6 + 8 * i:14 + 8 * i] for i in range(count)]
        self.lookups += 1
        with lock:
            player.sendall(self.answer(lookup, keys))

    def _to_player(self, player, origin, lock):
        """Whole frames, so that an answer never stands inside of one."""
        buffer, is_link = b"", False
        while True:
            part = origin.recv(65536)
            if not part:
                return
            buffer += part
            if not is_link and b"\r\n\r\n" in buffer:
                head, buffer = buffer.split(b"\r\n\r\n", 1)
                with lock:
                    player.sendall(head + b"\r\n\r\n")
                is_link = True
            while is_link and len(buffer) >= 4 and \
                    len(buffer) >= 4 + int.from_bytes(buffer[1:4], "big"):
                size = 4 + int.from_bytes(buffer[1:4], "big")
                message, buffer = buffer[:size], buffer[size:]
                with lock:
                    player.sendall(message)

    def close(self):
        wire.hang_up(self.listener, *self.open)
        self.listener.close()
        for thread in self.threads:
            thread.join(10)
        for sock in self.open:
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
