"""Inline SVG: lines over the steps, and bars of two models."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

_WIDTH, _HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 10, 26, 34

Point = tuple[float, float]


def line_chart(title: str, unit: str, points: Sequence[Point]) -> str:
    """One curve; points that are no numbers are left out. Says so when nothing is left."""
    found = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    head = (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">'
        f'<text x="{_LEFT}" y="16" class="title">{escape(title)}</text>'
    )
    if not found:
        return f'{head}<text x="{_LEFT}" y="{_HEIGHT / 2}">nothing was measured</text></svg>'
    low_x, high_x = _span([x for x, _ in found])
    low_y, high_y = _span([y for _, y in found])

    def at(point: Point) -> str:
        x = _LEFT + (point[0] - low_x) / (high_x - low_x) * (_WIDTH - _LEFT - _RIGHT)
        y = _HEIGHT - _BOTTOM - (point[1] - low_y) / (high_y - low_y) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{x:.1f},{y:.1f}"

    grid = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" class="grid"/>'
        f'<text x="{_LEFT - 6}" y="{y + 4}" class="end">{value:.3g}</text>'
        for value, y in ((low_y, _HEIGHT - _BOTTOM), (high_y, _TOP + 6))
    )
    steps = (
        f'<text x="{_LEFT}" y="{_HEIGHT - 18}">{found[0][0]:g}</text>'
        f'<text x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 18}" class="end">{found[-1][0]:g}</text>'
        f'<text x="{(_WIDTH + _LEFT) / 2}" y="{_HEIGHT - 4}" class="middle">step; {escape(unit)}'
        "</text>"
    )
    places = [at(point) for point in found]
    dots = "".join(
        '<circle cx="{}" cy="{}" r="1.6"/>'.format(*place.split(",")) for place in places
    )
    curve = f'<polyline points="{" ".join(places)}"/>'
    return f"{head}{grid}{steps}{curve}{dots}</svg>"


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    if high > low:
        return low, high
    room = max(0.5, abs(low) / 2)  # one value: the line runs through the middle
    return low - room, high + room


def bars(total: int, before: int, after: int) -> str:
    """Two thin bars, one above the other, of shares of `total`."""
    rows = "".join(
        f'<rect x="0" y="{y}" width="{120 * count / max(1, total):.1f}" height="6" class="{name}"/>'
        for y, count, name in ((1, before, "before"), (9, after, "after"))
    )
    return f'<svg viewBox="0 0 120 16" class="bars" aria-hidden="true">{rows}</svg>'
