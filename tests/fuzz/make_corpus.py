#!/usr/bin/python3
"""make_corpus.py: writes the seeds of the fuzz targets `message` and `manifest`.

    tests/fuzz/make_corpus.py

The seeds are committed; run this after a change of the formats. They are made here by hand, from
the drawings in p2p/core/message.h and media/core/manifest.h, not by our encoders. What a fuzzer
finds is added beside them under another name and stays.
"""

import pathlib
import struct

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"


def file_id(first, length):
    return bytes([first]) * 32 + struct.pack(">Q", length)


def text(value):
    value = value.encode()
    return struct.pack(">H", len(value)) + value


def media_file(first, length, codec, container, bits, runs):
    packed = b"".join(struct.pack(">IH", *run) for run in runs)
    return (file_id(first, length) + file_id(first + 1, length)
            + struct.pack(">BBBBIIQhhIB", codec, 2, bits, container, 44100, 128000, 8290800, -1536,
                          -32768, 65000, len(runs)) + packed)


def manifest(title="A title", files=None, cover=bytes(40), seal=0):
    files = files or [media_file(1, 3000000, 1, 1, 0, [(182, 2), (0, 5)])]
    return (b"RFM1" + b"O" * 32 + b"T" * 16 + b"A" * 16 + text(title) + text("An artist") + text("")
            + text("An album") + text("Folk") + text("11111111-2222-3333-4444-555555555555") + text("")
            + struct.pack(">HHHHB", 3, 12, 1, 1999, seal) + cover + bytes([len(files)])
            + b"".join(files) + b"S" * 64)


def hello(form, more=b""):
    proof = b"I" * 32 + b"S" * 64 if form else b""
    return (struct.pack(">HI", 1, 0) + b"N" * 32 + struct.pack(">HHB", 300, 7373, 4)
            + bytes([192, 0, 2, 1]) + bytes(12) + struct.pack(">H", 40000)
            + b"P" * 32 + bytes([form]) + proof + more)


def proof(row, leaves, uncles):
    hashes = b"".join(bytes([number]) * 32 for number in range(leaves + uncles))
    return struct.pack(">IIBB", 7, row, leaves, uncles) + hashes


def address(family, *start, port=7373):
    return bytes([family, *start]) + bytes(16 - len(start)) + struct.pack(">H", port)


NO_ADDRESS = bytes(19)


def contact(first, flags=1, addresses=()):
    rest = (list(addresses) + [NO_ADDRESS] * 3)[:3]
    return bytes([first]) * 32 + bytes([flags]) + b"".join(rest)


PUBLIC = contact(0x50, addresses=[address(4, 192, 0, 2, 1)])
BOTH = contact(0x51, 3, [address(4, 10, 0, 0, 7), address(6, 0x20, 1, 0xd, 0xb8, port=9)])


def keys(count):
    return b"".join(struct.pack(">Q", number << 40) for number in range(count))


def have(kind, *runs, length=3000000):
    return (file_id(9, length) + struct.pack(">BH", kind, len(runs))
            + b"".join(struct.pack(">II", *run) for run in runs))


def holders(contacts, *files):
    packed = b"".join(struct.pack(">QIB", key, count, len(listed)) + bytes(sum(listed, ()))
                      for key, count, listed in files)
    return struct.pack(">IBB", 4, len(contacts), len(files)) + b"".join(contacts) + packed


MESSAGES = {
    "hello_player": (1, hello(0)),
    "hello_tls": (1, hello(1)),
    "hello_nonce": (1, hello(2)),
    "hello_later": (1, hello(1, b"fields of a later version")),
    "open": (2, struct.pack(">I", 1) + b"T" * 16 + b"\1"),
    "opened": (3, struct.pack(">I", 1) + manifest()),
    "request": (4, struct.pack(">I", 2) + file_id(9, 3000000) + struct.pack(">IHBB", 16, 8, 0, 1)),
    "cancel": (5, struct.pack(">I", 2)),
    "fragment": (6, struct.pack(">IIH", 2, 16, 2048) + b"music" * 20),
    "fragment_last": (6, struct.pack(">IIH", 2, 16, 16383) + b"m"),
    "proof_one": (7, proof(0, 1, 0)),
    "proof_row": (7, proof(22, 8, 6)),
    "proof_largest": (7, proof(32767, 8, 15)),
    "reject": (8, struct.pack(">IB", 2, 2)),
    "ping": (9, struct.pack(">Q", 12345)),
    "pong": (10, struct.pack(">Q", 12345)),
    "bye": (11, b"\3" + "fermé".encode()),
    "listen": (12, struct.pack(">HBB", 7373, 1, 2) + address(4, 10, 0, 0, 7)
               + address(6, 0xfd, 1, port=1)),
    "listen_none": (12, bytes(4)),
    "interest": (13, b"\2" + file_id(9, 3000000) + b"\1" + file_id(8, 1) + b"\0"),
    "have_none": (14, have(0)),
    "have_whole": (14, have(1)),
    "have_runs": (14, have(2, (0, 91), (92, 92))),
    "have_more": (14, have(3, (183, 1))),
    "have_most": (14, have(2, *[(n * 512, 511) for n in range(512)], length=1 << 32)),
    "announce_fresh": (15, struct.pack(">BHHH", 1, 2, 1, 0) + keys(3)),
    "announce_lost": (15, struct.pack(">BHHH", 0, 0, 0, 1) + keys(1)),
    "announce_empty": (15, struct.pack(">BHHH", 1, 0, 0, 0)),
    "lookup": (16, struct.pack(">IBB", 4, 10, 3) + keys(3)),
    "holders": (17, holders([PUBLIC, BOTH], (5, 70, [(1, 1), (0, 4)]), (6, 0, []))),
    "holders_none": (17, holders([], (5, 0, []))),
    "exchange": (18, b"\2" + PUBLIC + BOTH),
    "rendezvous_ask": (19, b"\0" + contact(0x52)),
    "rendezvous_invite": (19, b"\1" + BOTH),
    "search": (20, struct.pack(">QBQ", 77, 2, 5) + PUBLIC),
    "found": (21, struct.pack(">QQB", 77, 5, 4) + BOTH),
    "reserved": (22, b"of a later version"),
}

MANIFESTS = {
    "plain": manifest(),
    "no_text": manifest(title=""),
    "letters": manifest(title="Café 音楽 🎵"),
    "cover": manifest(cover=file_id(200, 50000)),
    "qualities": manifest(files=[
        media_file(1, 3000000, 1, 1, 0, [(182, 2), (0, 5)]), media_file(3, 2000000, 2, 1, 0, [(0, 3)]),
        media_file(5, 30000000, 3, 2, 16, [(0, 40)]), media_file(7, 4000000, 4, 3, 0, [(0, 8)]),
        media_file(9, 4000000, 5, 4, 0, [(243, 2), (0, 4), (8, 1)])]),
    "runs": manifest(files=[media_file(1, 1 << 32, 1, 1, 0, [(n * 3, 2) for n in range(32)])]),
    "sealed": manifest(seal=1),
    "later": b"RFM2" + manifest()[4:],
}

ID = b"01" + b"00" * 31
CONTACTS = {
    "none": b"refrain contacts 1\n",
    "one": b"refrain contacts 1\n" + ID + b" 5 17 1699999990 192.0.2.1:80\n",
    "two": b"refrain contacts 1\n" + ID + b" 5 17 1699999990 192.0.2.1:80 [2001:db8::1]:7373\n"
           + b"ff" * 32 + b" 0 0 1699000000 [fd00::7]:1 10.0.0.7:65535 192.0.2.9:9\n",
    "cut": b"refrain contacts 1\n" + ID + b" 5 17 16999",
    "later": b"refrain contacts 2\n" + ID + b" 5 17 1699999990 192.0.2.1:80\n",
}

LAN = {
    "new": b"RFRLAN1\0" + bytes(range(8)) + b"\1\0\x1c\xcd" + b"P" * 32 + b"O" * 32,
    "answer": b"RFRLAN1\0" + bytes(range(8)) + b"\0\0\0\1" + b"P" * 32 + bytes(32),
    "later": b"RFRLAN1\0" + bytes(range(8)) + b"\xff\xff\1\1" + b"P" * 64 + b"more",
    "no_port": b"RFRLAN1\0" + bytes(range(8)) + bytes(4) + b"P" * 64,
}


def main():
    for folder, seeds in (("message", {name: bytes([kind]) + body
                                       for name, (kind, body) in MESSAGES.items()}),
                          ("manifest", MANIFESTS), ("contacts", CONTACTS), ("lan", LAN)):
        (CORPUS / folder).mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            (CORPUS / folder / name).write_bytes(seed)
        print(f"{len(seeds)} seeds in {CORPUS / folder}")


if __name__ == "__main__":
    main()
