"""How quick the language server is, measured from outside as an editor sees it, beside its limits.

    python -m benchmarks.lsp_latency                 the active model (or WHETSTONE_MODEL)
    python -m benchmarks.lsp_latency --json OUT.json --rounds 40 --seconds 60

Starts `whetstone-lsp` with a data folder of its own and talks to it on stdio: start to the answer
of `initialize`, in turn with a bare pygls server; resolving with the model still to load, right
after the start and at rest; menus and resolves of prepared fixes; changes in a 10,000-line file;
typing at 10 keys a second while fixes are prepared, comparing the server's text with the editor's
at the end; processor time while fixes are prepared and when nothing happens; memory. Exits with 1
when a limit is not held.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import editor
from benchmarks.editor import Server, actions, changed, command, opened, uri

BARE = "from pygls.lsp.server import LanguageServer; LanguageServer('bare', '1').start_io()"
OURS = [sys.executable, "-m", "lsp_server"]
FUNCTION = "def area{n}(length, width):\n    return lenght{n} * width\n\n\n"
PREPARED = 8  # problems of one document that the server prepares at most
LARGE = 10_000  # lines
CHANGE = "change in a 10,000-line file, and that"
KEY_S = 0.1  # seconds from one key to the next
PREPARES = {"WHETSTONE_PREPARE_ON_BATTERY": "true"}  # the rest as users have it
IDLE = {"WHETSTONE_PREPARE_ENABLED": "false"}


@dataclass(frozen=True)
class Limit:
    """A promise: what the value stands for, in which unit, and the most it may be."""

    what: str
    value: float
    most: float
    unit: str = "ms"

    @property
    def held(self) -> bool:
        return self.value <= self.most


@dataclass
class Story:
    """The measurements: lists of seconds under a name."""

    rounds: int
    seconds: float
    folder: Path
    times: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    idle_s: float = 0.0
    preparing: list[tuple[float, float]] = field(default_factory=list)  # processor, wall seconds
    lost: int = 0  # characters that differ between the server's text and the editor's
    keys: int = 0

    def timed(self, name: str, call: Callable[[], Any]) -> Any:
        begin = time.perf_counter()
        result = call()
        self.times.setdefault(name, []).append(time.perf_counter() - begin)
        return result

    def server(self, **environment: str) -> Server:
        return Server(OURS, self.folder / "data", environment)

    def millis(self, name: str, share: float) -> float:
        times = sorted(self.times[name])
        return times[min(len(times) - 1, round(share * (len(times) - 1)))] * 1000


def functions(first: int, count: int) -> str:
    return "".join(FUNCTION.format(n=first + n) for n in range(count))


def start(story: Story) -> None:
    """To the answer of `initialize`; then cold: the model is loaded by the first resolve.

    Beside the first document the server imports what a fix needs. A person is not so quick that it
    is still at it when they ask, a program is: both are measured.
    """
    for number in range(story.rounds // 4 + 1):
        bare = [sys.executable, "-c", BARE]
        _started(story, "start: bare pygls server", Server(bare, story.folder / "data")).stop()
        for name, rests in (("just started, model to load", False), ("model to load", True)):
            server = _started(story, "start: whetstone-lsp", story.server(**IDLE))
            server.notify("initialized", {})
            where = uri(story.folder, f"cold{number}.py")
            opened(server, where, functions(number, 1))
            editor.wait_for_diagnostics(server, where, 1)
            [action] = actions(server, where, 1)
            if rests:
                _rest(server)
                story.memory["without the model"] = server.memory_mb()
            story.timed(f"resolve: {name}", lambda s=server, a=action: _resolve(s, a))
            server.stop()


def _rest(server: Server) -> None:
    """Until the server has used no processor time for a while."""
    before = -1.0
    while (now := server.cpu_s()) != before:
        before = now
        time.sleep(0.3)


def _started(story: Story, name: str, server: Server) -> Server:
    story.timed(name, server.initialize)
    return server


def unprepared(story: Story) -> None:
    """Menus and resolves of what nobody has prepared, and cancelling."""
    server = _started(story, "start: whetstone-lsp", story.server(**IDLE))
    server.notify("initialized", {})
    where = uri(story.folder, "small.py")
    opened(server, where, functions(0, story.rounds + 1))
    editor.wait_for_diagnostics(server, where, 1)
    for number in range(story.rounds):
        line = number * 4 + 1
        action, *_ = story.timed("code action", lambda n=line: actions(server, where, n))
        story.timed("resolve: model loaded", lambda a=action: _resolve(server, a))
    for number in range(story.rounds):
        changed(server, where, number + 2, 0, "# typed\n")
        line = number + 2
        story.timed("code action: just after a change", lambda n=line: actions(server, where, n))
    for number in range(story.rounds // 2):
        changed(server, where, story.rounds + number + 2, 0, "# typed\n")
        _cancel(story, server, actions(server, where, story.rounds + number + 2)[0])
    server.stop()


def _resolve(server: Server, action: Any) -> Any:
    return server.request("codeAction/resolve", action)


def _cancel(story: Story, server: Server, action: Any) -> None:
    number = server.send("codeAction/resolve", action)
    time.sleep(0.02)
    begin = time.perf_counter()
    server.notify("$/cancelRequest", {"id": number})
    at, _ = server.answer(number)
    if at > begin:  # else it was done before
        story.times.setdefault("cancel: until answered", []).append(at - begin)


def prepared(story: Story) -> None:
    """What a user gets who looks after the fixes were prepared; then nothing for a while."""
    server = story.server(**PREPARES)
    server.initialize(editor.LISTENS)
    server.notify("initialized", {})
    for number in range(-(-story.rounds // PREPARED)):
        where = uri(story.folder, f"prepared{number}.py")
        opened(server, where, functions(number * PREPARED, PREPARED))
        editor.wait_for_preparing(server, where)
        begin, used = time.perf_counter(), server.cpu_s()
        fixes = editor.wait_for_fixes(server, where, PREPARED)
        story.preparing.append((server.cpu_s() - used, time.perf_counter() - begin))
        for fix in fixes:
            line = fix["range"]["start"]["line"]
            data = {"whetstone": fix["key"], "uri": where, "version": 1}
            action = {"title": fix["title"], "kind": "quickfix", "data": data}
            answer = story.timed("resolve: prepared", lambda a=action: _resolve(server, a))
            assert "edit" in answer
            listed = story.timed(
                "code action: prepared", lambda n=line, w=where: actions(server, w, n)
            )
            assert "edit" in listed[0]
    story.memory["with the model"] = server.memory_mb()
    time.sleep(1.0)
    before = server.cpu_s()
    time.sleep(5.0)
    story.idle_s = server.cpu_s() - before
    server.stop()


def changes(story: Story) -> None:
    """One change in a large file: until a command that does nothing is answered after it."""
    server = story.server(**IDLE)
    server.initialize()
    server.notify("initialized", {})
    where = uri(story.folder, "large.py")
    opened(server, where, "".join(f"value_{n} = {n}\n" for n in range(LARGE)))
    editor.wait_for_diagnostics(server, where, 1)
    for _ in range(story.rounds * 10):
        story.timed("an empty command", lambda: command(server, "whetstone.applied"))
    for number in range(story.rounds * 10):
        story.timed(CHANGE, lambda n=number: _key(server, where, n))
    server.stop()


def _key(server: Server, where: str, number: int) -> None:
    changed(server, where, number + 2, LARGE // 2, "x")
    command(server, "whetstone.applied")


def typing(story: Story) -> None:
    """Type in a large file while its fixes and those of another file are prepared."""
    server = story.server(**PREPARES)
    server.initialize(editor.LISTENS)
    server.notify("initialized", {})
    large, other = uri(story.folder, "typed.py"), uri(story.folder, "other.py")
    lines = [f"value_{n} = {n}\n" for n in range(LARGE)]
    text = "".join(lines[: LARGE // 2]) + "# \n" + "".join(lines[LARGE // 2 :]) + functions(0, 4)
    opened(server, other, functions(10, PREPARED))
    opened(server, large, text)
    typed = ""
    begin = time.perf_counter()
    for key in itertools.cycle("keys are typed "):
        if time.perf_counter() - begin >= story.seconds:
            break
        at = len(typed)
        story.timed(
            "typing: a key, until answered", lambda n=at, k=key: _typed(server, large, n, k)
        )
        typed += key
        if len(typed) % 5 == 0:
            story.timed("typing: code action", lambda: actions(server, large, LARGE + 2))
        if len(typed) % 20 == 0:
            changed(server, other, len(typed) // 20 + 1, 0, "#\n")
        time.sleep(max(0.0, begin + (len(typed) * KEY_S) - time.perf_counter()))
    story.keys = len(typed)
    story.lost = _difference(server, large, text.replace("# \n", f"# {typed}\n", 1))
    server.stop()


def _typed(server: Server, where: str, count: int, key: str) -> None:
    changed(server, where, count + 2, LARGE // 2, key, column=2 + count)
    command(server, "whetstone.applied")


def _difference(server: Server, where: str, text: str) -> int:
    """Characters by which the server's text differs from `text`: a fix tells it whole."""
    place = {"line": LARGE + 2, "character": 11}
    for _ in range(20):
        answer = command(server, "whetstone.candidates", {"uri": where, "position": place})
        if answer["candidates"]:
            first = answer["candidates"][0]
            before, after = ("\n".join(first[side]) for side in ("before", "after"))
            expected = text.replace(before, after, 1)
            theirs = first["newText"]
            return sum(a != b for a, b in itertools.zip_longest(expected, theirs))
        time.sleep(0.2)
    raise SystemExit(f"error: no fix to compare the texts with ({answer.get('reason')})")


def limits(story: Story) -> list[Limit]:
    """The promises of docs/language-server.md."""
    starts = [
        story.millis(f"start: {name}", 0.5) for name in ("whetstone-lsp", "bare pygls server")
    ]
    change = story.millis(CHANGE, 0.99) - story.millis("an empty command", 0.5)
    times = [
        ("code action, p95", "code action", 0.95, 30),
        ("code action with prepared fixes, p95", "code action: prepared", 0.95, 30),
        ("resolve of a prepared fix, p95", "resolve: prepared", 0.95, 30),
        ("resolve with the model to load, p50", "resolve: model to load", 0.5, 300),
        ("while typing: code action, p95", "typing: code action", 0.95, 30),
    ]
    cores = sum(used for used, _ in story.preparing) / sum(wall for _, wall in story.preparing)
    return [
        *(Limit(what, story.millis(name, share), most) for what, name, share, most in times),
        Limit("change in a 10,000-line file, p99", change, 2),
        Limit("while fixes are prepared: processor", cores, 1.0, "cores"),
        Limit("initialize above a bare server, p50", starts[0] - starts[1], 150),
        Limit("processor time of 5 idle seconds", story.idle_s * 1000, 10),
        Limit("memory without the model", story.memory["without the model"], 90, "MB"),
        Limit("while typing: characters that differ", story.lost, 0, ""),
    ]


def report(story: Story) -> list[dict[str, Any]]:
    return [
        {
            "what": name,
            "n": len(times),
            "p50_ms": statistics.median(times) * 1000,
            "p95_ms": story.millis(name, 0.95),
            "p99_ms": story.millis(name, 0.99),
        }
        for name, times in story.times.items()
    ]


def describe(rows: Sequence[dict[str, Any]], found: Sequence[Limit]) -> str:
    out = [f"{'':42}{'n':>5}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"]
    for row in rows:
        figures = "".join(f"{row[name]:9.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        out.append(f"{row['what']:42}{row['n']:5}{figures}")
    out.append("")
    for limit in found:
        value, most = f"{limit.value:.2f} {limit.unit}", f"at most {limit.most:g} {limit.unit}"
        out.append(f"{limit.what:42}{value:>14}   {most:18}{'held' if limit.held else 'NOT HELD'}")
    return "\n".join(out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=24, help="of each measurement, roughly")
    parser.add_argument("--seconds", type=float, default=60.0, help="of typing")
    parser.add_argument("--json", type=Path, help="write JSON there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="whetstone-lsp-latency-") as folder:
        story = Story(rounds=options.rounds, seconds=options.seconds, folder=Path(folder))
        for measure in (start, unprepared, prepared, changes, typing):
            measure(story)
    rows, found = report(story), limits(story)
    print(describe(rows, found))
    if options.json:
        data = {
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": editor.machine(),
            "load": editor.load(),
            "keys_typed": story.keys,
            "rows": rows,
            "memory_mb": story.memory,
            "limits": [
                {"what": each.what, "value": each.value, "most": each.most, "unit": each.unit,
                 "held": each.held}
                for each in found
            ],
        }  # fmt: skip
        options.json.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    return 0 if all(limit.held for limit in found) else 1


if __name__ == "__main__":
    sys.exit(main())
