#!/usr/bin/env python3
"""Draws the album's cover: a repeat sign over water, the sound coming back in rings.

Plain Python: shapes as signed distances, edges smoothed over one pixel, PNG written with zlib.
usage: cover.py OUT.png
"""
import math
import struct
import sys
import zlib

SIZE = 512
NIGHT = (22, 28, 51)
RINGS = [(38, 52, 92), (46, 84, 122), (58, 124, 140), (122, 168, 142), (226, 182, 110), (238, 132, 88)]
SUN = (250, 226, 178)
WATER = (16, 22, 42)
CREAM = (252, 243, 222)
HORIZON = 330


def mix(below, above, amount):
    amount = max(0.0, min(1.0, amount))
    return tuple(b + (a - b) * amount for b, a in zip(below, above))


def box(x, y, cx, cy, half_w, half_h, round_by):
    dx = abs(x - cx) - half_w + round_by
    dy = abs(y - cy) - half_h + round_by
    outside = math.hypot(max(dx, 0), max(dy, 0))
    return outside + min(max(dx, dy), 0) - round_by


def sky(x, y):
    """Rings around the sun, which stands on the horizon."""
    colour = NIGHT
    distance = math.hypot(x - SIZE / 2, y - HORIZON)
    for i, ring in enumerate(RINGS):
        colour = mix(colour, ring, 300 - i * 44 - distance + 0.5)
    return mix(colour, SUN, 46 - distance + 0.5)


def water(x, y):
    """The sky's mirror image, broken by waves that grow towards us."""
    depth = y - HORIZON
    wave = math.sin(depth * 0.9 / (1 + depth * 0.018)) * (3 + depth * 0.22)
    wave += math.sin(x * 0.021 + depth * 0.16) * depth * 0.05
    mirrored = sky(x + wave, HORIZON - depth * 1.35)
    return mix(mirrored, WATER, 0.38 + depth / 420)


def sign(x, y):
    """Coverage of the repeat sign: two dots, a thin line, a thick one."""
    top, bottom = 92, 292
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    shapes = (
        math.hypot(x - 206, y - 160) - 15,
        math.hypot(x - 206, y - 224) - 15,
        box(x, y, 252, middle, 4.5, half, 3),
        box(x, y, 291, middle, 17, half, 4),
    )
    return 0.5 - min(shapes)


def pixel(x, y):
    colour = mix(sky(x, y), water(x, max(y, HORIZON)), y - HORIZON + 0.5)
    return mix(colour, CREAM, sign(x, y))


def chunk(kind, data):
    body = kind + data
    return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))


def main():
    rows = bytearray()
    for y in range(SIZE):
        row = bytearray()
        for x in range(SIZE):
            row += bytes(int(value + 0.5) for value in pixel(x + 0.5, y + 0.5))
        # Filter 1: each byte less the one three before it.
        rows.append(1)
        rows += bytes((row[i] - (row[i - 3] if i >= 3 else 0)) & 255 for i in range(len(row)))
    header = struct.pack('>IIBBBBB', SIZE, SIZE, 8, 2, 0, 0, 0)
    with open(sys.argv[1], 'wb') as out:
        out.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) +
                  chunk(b'IDAT', zlib.compress(bytes(rows), 9)) + chunk(b'IEND', b''))


if __name__ == '__main__':
    main()
