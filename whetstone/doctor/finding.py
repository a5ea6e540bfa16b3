"""One line of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "problem", "advice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`advice` says what to do: about a problem, or to make something faster that works."""

    section: str
    name: str
    value: str
    state: State = "ok"
    advice: str = ""
