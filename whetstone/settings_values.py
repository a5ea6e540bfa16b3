"""What a setting's value may be: each kind checks, explains and prints one sort of value.

`check` takes what TOML and JSON give, and `from_text` turns an environment variable into that.
A kind never guesses: the string "4" is not the number 4 except in the environment, where
everything is a string.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

_SHOWN = 80  # characters of a wrong value that a message repeats

# Nobody compares or prints a kind, and every method that `dataclass` makes costs the server's
# start: hence eq=False, repr=False.


class Kind(Protocol):
    @property
    def allowed(self) -> str:
        """What is allowed, to stand after "allowed is"."""
        ...

    def check(self, value: object) -> Any:
        """The value as Settings holds it. Raises ValueError when it is not allowed."""
        ...

    def from_text(self, text: str) -> object: ...

    def show(self, value: Any) -> str:
        """A valid value as a user would write it."""
        ...

    def quote(self, value: object) -> str:
        """A wrong value, shortened for a message."""
        ...


class _Base:
    def from_text(self, text: str) -> object:
        return text

    def show(self, value: Any) -> str:
        return "unset" if value is None else json.dumps(value, ensure_ascii=False)

    def quote(self, value: object) -> str:
        text = repr(value)
        return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Integer(_Base):
    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def check(self, value: object) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON writers of some editors turn 4 into 4.0
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(self.allowed)
        if not self.low <= value <= self.high:
            raise ValueError(self.allowed)
        return value

    def from_text(self, text: str) -> object:
        try:
            return int(text)
        except ValueError:
            return text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Number(_Base):
    low: float
    high: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def check(self, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(self.allowed)
        if not math.isfinite(value) or not self.low <= value <= self.high:
            raise ValueError(self.allowed)
        return float(value)

    def from_text(self, text: str) -> object:
        try:
            return float(text)
        except ValueError:
            return text


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class AutoOr(_Base):
    """A number, or the word that leaves the choice to us."""

    number: Number

    @property
    def allowed(self) -> str:
        return f'"auto" or {self.number.allowed}'

    def check(self, value: object) -> float | str:
        return value if value == "auto" and isinstance(value, str) else self.number.check(value)

    def from_text(self, text: str) -> object:
        return text if text == "auto" else self.number.from_text(text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Choice(_Base):
    options: tuple[str, ...]

    @property
    def allowed(self) -> str:
        return "one of " + ", ".join(self.options)

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(self.allowed)
        return value


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Flag(_Base):
    allowed: str = "true or false"

    def check(self, value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError(self.allowed)
        return value

    def from_text(self, text: str) -> object:
        words = {"true": True, "1": True, "yes": True, "on": True}
        words |= {"false": False, "0": False, "no": False, "off": False, "": False}
        return words.get(text.strip().lower(), text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Text(_Base):
    optional: bool = False

    @property
    def allowed(self) -> str:
        return "a string without control characters" + (", empty for unset" * self.optional)

    def check(self, value: object) -> str | None:
        if not isinstance(value, str) or any(ord(char) < 32 for char in value):
            raise ValueError(self.allowed)
        if not value.strip():
            if self.optional:
                return None
            raise ValueError(self.allowed)
        return value.strip()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class EnvironmentName(_Base):
    allowed: str = "the name of an environment variable, such as OPENAI_API_KEY, or empty"

    def check(self, value: object) -> str | None:
        if value == "":
            return None
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", value):
            raise ValueError(self.allowed)
        return value

    def quote(self, value: object) -> str:
        return "(not shown: it may be a key)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Url(_Base):
    allowed: str = "an http or https address without a user name, such as http://127.0.0.1:8080/v1"

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[!-~]{1,2000}", value):
            raise ValueError(self.allowed)
        parts = urlsplit(value)
        _ = parts.port  # raises ValueError when it is no number below 65536
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(self.allowed)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError(self.allowed)
        return value.rstrip("/")

    def quote(self, value: object) -> str:
        # A password may stand before the host's name.
        return re.sub(r"(?<=//)[^/'\"]*@", "…@", _Base.quote(self, value))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Words(_Base):
    allowed: str = "a list of strings"

    def check(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, (list, tuple)) or len(value) > 1000:
            raise ValueError(self.allowed)
        if not all(isinstance(word, str) and 0 < len(word) <= 500 for word in value):
            raise ValueError(self.allowed)
        return tuple(value)

    def from_text(self, text: str) -> object:
        return [word.strip() for word in text.split(",") if word.strip()]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Command(_Base):
    allowed: str = 'a command as a list of strings or one string, such as "pytest -q tests"'

    def check(self, value: object) -> tuple[str, ...] | None:
        if value == "" or value == []:
            return None
        words = shlex.split(value) if isinstance(value, str) else value
        if not isinstance(words, (list, tuple)) or not words or len(words) > 1000:
            raise ValueError(self.allowed)
        if not all(isinstance(word, str) and "\0" not in word for word in words) or not words[0]:
            raise ValueError(self.allowed)
        return tuple(words)
