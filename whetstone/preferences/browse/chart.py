"""Acceptance over time, as numbers for a drawing in SVG: nothing is loaded and no script runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from whetstone.preferences.records import Group, acceptance

WIDTH, HEIGHT = 860.0, 220.0  # of the drawing, in its own units
_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 44.0, 14.0, 26.0
_MOST_BARS = 45
_LABELS = 7
_LEAST_DECISIONS = 3  # fewer say nothing about a share


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day, week or month: `taken` stands on `left`; `title` is read on hovering."""

    x: float
    width: float
    left_y: float
    left_height: float
    taken_y: float
    taken_height: float
    title: str
    label: str = ""

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything that the drawing needs."""

    bars: tuple[Bar, ...]
    line: str  # points of the share that was taken
    dots: tuple[tuple[float, float], ...]
    ticks: tuple[tuple[float, str], ...]  # of the number of decisions, on the left
    shares: tuple[tuple[float, str], ...]  # on the right
    unit: str
    width: float = WIDTH
    height: float = HEIGHT
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    floor: float = HEIGHT - _BOTTOM


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    start: date
    taken: int
    left: int

    @property
    def share(self) -> float | None:
        return acceptance({"accepted": self.taken, "rejected": self.left})


def chart(by_day: Sequence[Group]) -> Chart | None:
    """The drawing for the suggestions of each day; None before anything was decided."""
    days = {each: counts for group in by_day if (each := _day(group.name)) for counts in [group]}
    spans, unit = _spans(days)
    if not any(span.taken + span.left for span in spans):
        return None
    most = _round_up(max(span.taken + span.left for span in spans))
    floor, height = HEIGHT - _BOTTOM, HEIGHT - _BOTTOM - _TOP
    step = (WIDTH - _LEFT - _RIGHT) / max(len(spans), 8)
    every = -(-len(spans) // _LABELS)
    bars, dots = [], []
    for number, span in enumerate(spans):
        low, high = (height * part / most for part in (span.left, span.taken))
        share = span.share
        percent = "" if share is None else f", {share:.0%} taken"
        bar = Bar(
            x=round(_LEFT + number * step + step * 0.15, 1),
            width=round(step * 0.7, 1),
            left_y=round(floor - low, 1),
            left_height=round(low, 1),
            taken_y=round(floor - low - high, 1),
            taken_height=round(high, 1),
            title=f"{unit} {span.start}: {span.taken} taken, {span.left} not{percent}",
            label=f"{span.start:%d %b}" if number % every == 0 else "",
        )
        bars.append(bar)
        if share is not None and span.taken + span.left >= _LEAST_DECISIONS:
            dots.append((round(bar.middle, 1), round(floor - height * share, 1)))
    return Chart(
        bars=tuple(bars),
        line=" ".join(f"{x},{y}" for x, y in dots),
        dots=tuple(dots),
        ticks=tuple((round(floor - height * part, 1), f"{most * part:g}") for part in (0, 0.5, 1)),
        shares=tuple((round(floor - height * part, 1), f"{part:.0%}") for part in (0, 0.5, 1)),
        unit=unit,
    )


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def _spans(days: dict[date, Group]) -> tuple[list[_Span], str]:
    """Days, weeks or months in a row, so that there are not too many."""
    if not days:
        return [], "day"
    first, last = min(days), max(days)
    if (last - first).days < _MOST_BARS:
        unit, starts = "day", [first + timedelta(days=n) for n in range((last - first).days + 1)]
    elif (last - first).days < _MOST_BARS * 7:
        monday = first - timedelta(days=first.weekday())
        unit, starts = "week", _every(monday, last, 7)
    else:
        months = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
        unit, starts = "month", [date(m // 12, m % 12 + 1, 1) for m in months][-_MOST_BARS:]
    ends = [*starts[1:], date.max]
    spans = []
    for start, end in zip(starts, ends, strict=True):
        inside = [group.outcomes for day, group in days.items() if start <= day < end]
        taken = sum(o.get("accepted", 0) + o.get("amended", 0) for o in inside)
        left = sum(o.get(n, 0) for o in inside for n in ("reverted", "rejected", "superseded"))
        spans.append(_Span(start=start, taken=taken, left=left))
    return spans, unit


def _every(start: date, last: date, days: int) -> list[date]:
    return [start + timedelta(days=n) for n in range(0, (last - start).days + 1, days)]


def _round_up(number: int) -> int:
    """An even number of one or two leading digits that is not smaller."""
    size = int(10 ** max(0, len(str(number)) - 2))
    return -(-number // (2 * size)) * 2 * size
