"""Draw the extension's icon: `python scripts/editors/vscode_icon.py`, with the standard library.

A blade on a whetstone, and the spark between them.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

SIDE = 128  # pixels; the marketplace's own size
SAMPLES = 4  # per pixel and direction
ICON = Path(__file__).parents[2] / "editor-clients" / "vscode" / "media" / "icon.png"

Point = tuple[float, float]
Shape = Callable[[float, float], bool]
Colour = tuple[int, int, int, int]


def rounded(left: float, top: float, right: float, bottom: float, radius: float) -> Shape:
    def inside(x: float, y: float) -> bool:
        dx = max(left + radius - x, x - right + radius, 0)
        dy = max(top + radius - y, y - bottom + radius, 0)
        return dx * dx + dy * dy <= radius * radius

    return inside


def polygon(*corners: Point) -> Shape:
    """A convex polygon, corners clockwise on the screen."""
    sides = list(zip(corners, corners[1:] + corners[:1], strict=True))

    def inside(x: float, y: float) -> bool:
        return all((bx - ax) * (y - ay) >= (by - ay) * (x - ax) for (ax, ay), (bx, by) in sides)

    return inside


def turned(shape: Shape, degrees: float, centre: Point = (64, 64)) -> Shape:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    cx, cy = centre

    def inside(x: float, y: float) -> bool:
        dx, dy = x - cx, y - cy
        return shape(cx + dx * cos + dy * sin, cy - dx * sin + dy * cos)

    return inside


def spark(cx: float, cy: float, size: float) -> Shape:
    """A star of four points: |x|^p + |y|^p <= size^p with p below 1."""
    power = 0.55
    limit = size**power
    return lambda x, y: abs(x - cx) ** power + abs(y - cy) ** power <= limit


LAYERS: tuple[tuple[Shape, Colour], ...] = (
    (rounded(0, 0, 128, 128, 26), (30, 41, 59, 255)),
    (turned(rounded(18, 84, 110, 106, 6), -14), (120, 113, 108, 255)),
    (turned(rounded(18, 78, 110, 97, 6), -14), (196, 188, 176, 255)),
    (polygon((14, 62), (96, 26), (107, 48), (30, 76)), (226, 232, 240, 255)),
    (polygon((21, 68), (103, 40), (107, 48), (30, 76)), (148, 163, 184, 255)),
    (spark(48, 72, 30), (251, 191, 36, 255)),
    (spark(48, 72, 15), (255, 247, 214, 255)),
)


def pixel(x: int, y: int) -> Colour:
    """Red, green, blue and alpha of one pixel, averaged over its samples."""
    total = [0.0, 0.0, 0.0, 0.0]
    for number in range(SAMPLES * SAMPLES):
        sx = x + (number % SAMPLES + 0.5) / SAMPLES
        sy = y + (number // SAMPLES + 0.5) / SAMPLES
        colour = (0, 0, 0, 0)
        for shape, paint in LAYERS:
            if shape(sx, sy):
                colour = paint
        alpha = colour[3]
        for channel in range(3):
            total[channel] += colour[channel] * alpha
        total[3] += alpha
    weight = total[3] or 1
    red, green, blue = (round(value / weight) for value in total[:3])
    return red, green, blue, round(total[3] / SAMPLES**2)


def png(rows: list[list[Colour]]) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 6, 0, 0, 0)
    lines = b"".join(b"\0" + bytes(value for colour in row for value in colour) for row in rows)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def main() -> None:
    rows = [[pixel(x, y) for x in range(SIDE)] for y in range(SIDE)]
    ICON.write_bytes(png(rows))


if __name__ == "__main__":
    main()
