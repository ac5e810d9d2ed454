"""link.py: a player's side of a link, written from p2p/core/message.h alone.

Independent of the C code on purpose: what both misread alike would else not be seen. Also the tree
and the proofs of BEP 52 and the manifest's form. Signatures are checked by the openssl program.
"""

import hashlib
import os
import socket
import ssl
import struct
import subprocess
import tempfile

CHUNK, ROW = 16384, 8
HELLO, OPEN, OPENED, REQUEST, CANCEL, FRAGMENT, PROOF, REJECT, PING, PONG, BYE = range(1, 12)
BYE_DONE, BYE_PROTOCOL, BYE_SHUTDOWN, BYE_IDLE, BYE_FULL = 1, 2, 3, 4, 5
REJECT_UNKNOWN, REJECT_NOT_HELD, REJECT_BUSY, REJECT_RANGE, REJECT_DAMAGED = 1, 2, 3, 4, 5
FORM_TLS, FORM_NONCE = 1, 2
UPGRADE = (b"GET /v1/link HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\n"
           b"Upgrade: refrain/1\r\n\r\n")


def sha256(data):
    return hashlib.sha256(data).digest()


def verify(public_key, message, signature):
    """Is this the Ed25519 signature? (RFC 8410's form of the key, read by openssl.)"""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("key", "message", "signature")]
        key = bytes.fromhex("302a300506032b6570032100") + public_key
        for path, data in zip(paths, (key, message, signature)):
            with open(path, "wb") as file:
                file.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER",
                               "-inkey", paths[0], "-rawin", "-in", paths[1], "-sigfile", paths[2]],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0


def key_hash(certificate):
    """SHA-256 of the SubjectPublicKeyInfo of a DER certificate."""
    pem = subprocess.run(["openssl", "x509", "-inform", "DER", "-pubkey", "-noout"],
                         input=certificate, check=True, stdout=subprocess.PIPE).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem, check=True,
                         stdout=subprocess.PIPE).stdout
    return sha256(der)


def chunk_count(size):
    return (size + CHUNK - 1) // CHUNK


def tree_root(data):
    """BEP 52's pieces root."""
    level = [sha256(data[at:at + CHUNK]) for at in range(0, len(data), CHUNK)]
    while len(level) & (len(level) - 1):
        level.append(bytes(32))
    while len(level) > 1:
        level = [sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def check_proof(root, size, row, leaves, uncles):
    """Do these leaves of the row, with these uncles, lead to the root?"""
    width = 1
    while width < min(chunk_count(size), ROW):
        width *= 2
    level = leaves + [bytes(32)] * (width - len(leaves))
    while len(level) > 1:
        level = [sha256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    node, at = level[0], row
    for uncle in uncles:
        node = sha256(uncle + node if at & 1 else node + uncle)
        at //= 2
    return node == root and at == 0


class Manifest:
    """What a player needs of the signed bytes: keys, file 0 and its start set."""

    def __init__(self, raw):
        self.raw = raw
        if raw[:4] != b"RFM1":
            raise AssertionError("no manifest")
        self.origin, self.track = raw[4:36], raw[36:52]
        at = 68
        texts = []
        for _ in range(7):
            size = struct.unpack_from(">H", raw, at)[0]
            texts.append(raw[at + 2:at + 2 + size].decode())
            at += 2 + size
        self.title, self.artist = texts[:2]
        at += 8 + 1 + 40
        self.files = raw[at]
        at += 1
        self.root, self.bytes = raw[at:at + 32], struct.unpack_from(">Q", raw, at + 32)[0]
        at += 80 + 4 + 16 + 8
        runs = raw[at]
        self.runs = [struct.unpack_from(">IH", raw, at + 1 + 6 * i) for i in range(runs)]

    @property
    def file(self):
        return self.root + struct.pack(">Q", self.bytes)

    def is_signed(self):
        return verify(self.origin, b"refrain manifest 1\0" + self.raw[:-64], self.raw[-64:])

    def start_chunks(self):
        return [first + i for first, count in self.runs for i in range(count)]


class Ended(Exception):
    """The other side ended the link."""


class Link:
    """One link. Over TLS frames start at once when ALPN agrees on them; else, and on plain TCP,
    behind an Upgrade. HELLO and what `first` holds go in the first flight."""

    def __init__(self, address, tls, first=b"", hello=True, timeout_s=30, host=b"origin",
                 alpn="refrain/1"):
        name, port = address.rsplit(":", 1)
        self.nonce = os.urandom(32)
        self.certificate = None
        self.bye = None
        self.buffer = b""
        self.socket = socket.create_connection((name.strip("[]"), int(port)), timeout_s)
        flight = (self.hello_frame() if hello else b"") + first
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            if alpn:
                context.set_alpn_protocols([alpn])
            self.socket = context.wrap_socket(self.socket)
            self.certificate = self.socket.getpeercert(binary_form=True)
        if tls and alpn == "refrain/1":
            self.socket.sendall(flight)
        else:
            self.socket.sendall(UPGRADE % host + flight)
            while b"\r\n\r\n" not in self.buffer:
                self._fill()
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            if not head.startswith(b"HTTP/1.1 101 "):
                raise AssertionError(head)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- frames ---

    def hello_frame(self, version=1):
        return self.frame(HELLO, struct.pack(">HI32sHHB16sH32sB", version, 0, self.nonce, 64, 0,
                                             0, bytes(16), 0, bytes(32), 0))

    @staticmethod
    def frame(kind, body=b""):
        return struct.pack(">I", kind << 24 | len(body)) + body

    @classmethod
    def open_frame(cls, request, track, start=True):
        return cls.frame(OPEN, struct.pack(">I16sB", request, track, 1 if start else 0))

    @classmethod
    def request_frame(cls, request, file, first, count, priority=0, proofs=True):
        return cls.frame(REQUEST, struct.pack(">I40sIHBB", request, file, first, count, priority,
                                              1 if proofs else 0))

    def send(self, data):
        self.socket.sendall(data)

    def _fill(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            data = b""
        if not data:
            raise Ended()
        self.buffer += data

    def read(self):
        """The next frame: (type, body)."""
        while len(self.buffer) < 4:
            self._fill()
        head = struct.unpack(">I", self.buffer[:4])[0]
        kind, size = head >> 24, head & 0xffffff
        while len(self.buffer) < 4 + size:
            self._fill()
        body, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
        if kind == BYE:
            self.bye = body[0]
        return kind, body

    def read_to_end(self):
        """All frames until the other side ends the link."""
        frames = []
        try:
            while True:
                frames.append(self.read())
        except Ended:
            return frames

    # --- conversation ---

    def read_hello(self):
        """Their HELLO with its signature checked; {form, identity, request_max, observed_port}."""
        kind, body = self.read()
        if kind != HELLO:
            raise AssertionError(f"the first frame is of type {kind}")
        version, _, _, request_max, _, family, _, port, _, form = struct.unpack(
            ">HI32sHHB16sH32sB", body[:94])
        identity, signature = body[94:126], body[126:190]
        if form == FORM_TLS:
            message = b"refrain origin tls 1\0" + key_hash(self.certificate)
        else:
            message = b"refrain origin nonce 1\0" + self.nonce
        if not verify(identity, message, signature):
            raise AssertionError("the identity's signature is wrong")
        return {"version": version, "form": form, "identity": identity, "family": family,
                "request_max": request_max, "observed_port": port}

    def read_opened(self, request):
        kind, body = self.read()
        if kind != OPENED or struct.unpack(">I", body[:4])[0] != request:
            raise AssertionError((kind, body[:8]))
        return Manifest(body[4:])

    def read_chunks(self, request, root, size, chunks, proofs=True):
        """Fragments of these chunks in this order, each checked by its row's proof; the bytes."""
        leaves, result = {}, []
        for chunk in chunks:
            data = b""
            while len(data) < min(CHUNK, size - chunk * CHUNK):
                kind, body = self.read()
                if kind == PROOF:
                    number, row, leaf_count, uncle_count = struct.unpack(">IIBB", body[:10])
                    hashes = [body[10 + 32 * i:42 + 32 * i] for i in range(leaf_count + uncle_count)]
                    if not check_proof(root, size, row, hashes[:leaf_count], hashes[leaf_count:]):
                        raise AssertionError(f"the proof of row {row} is wrong")
                    leaves.update({row * ROW + i: hashes[i] for i in range(leaf_count)})
                elif kind == FRAGMENT:
                    number, which, offset = struct.unpack(">IIH", body[:10])
                    if (which, offset) != (chunk, len(data)):
                        raise AssertionError(f"chunk {which} at {offset}, not {chunk}")
                    data += body[10:]
                else:
                    raise AssertionError(f"a frame of type {kind}: {body[:16]}")
                if number != request:
                    raise AssertionError(f"request {number}")
            if proofs and sha256(data) != leaves[chunk]:
                raise AssertionError(f"chunk {chunk} is not what its proof says")
            result.append(data)
        return b"".join(result)
