"""`whetstone prefs browse` in Chromium: what is drawn; no text of a file becomes a page."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from workbench import Browser, playwright_version

from whetstone.candidate import Candidate, Proposal
from whetstone.evidence import Check, Evidence
from whetstone.preferences import Outcome, PreferenceStore, recording
from whetstone.problem import Diagnostic, Document, Problem, Region, Replacement, Span

pytest.importorskip("datasette", reason="pip install -e '.[browse]'")

EVIL = "'</pre><script>document.title='pwned'</script><img src=x onerror=document.title='pwned'>'"
STORY = (
    (Outcome.ACCEPTED, 5), (Outcome.AMENDED, 1), (Outcome.REVERTED, 1), (Outcome.REJECTED, 1),
    (Outcome.SUPERSEDED, 1), (Outcome.IGNORED, 2),
)  # fmt: skip
DAYS = 14


def proposal(number: int, text: str, code: str, model: str) -> Proposal:
    span = Span(start_line=1, end_line=2)
    found = Diagnostic(source="ruff", code=code, message=f"{code} in line {number}", span=span)
    made = Problem(
        name="orders.py",
        diagnostic=found,
        region=Region(start=1, stop=2),
        above=(f"def area_{number}(length, width):",),
        flagged=("    return lenght * width",),
    )
    candidate = Candidate(
        origin="model",
        replacement=Replacement(kind="replace", lines=(text,)),
        edits=(),
        new_text="",
        diff=f"@@ -2 +2 @@\n-    return lenght * width\n+{text}\n",
        evidence=Evidence(checks=(Check(name="parses", passed=True),)),
        title=f"put another line ({code})",
        logprob=-0.4,
        tokens=5,
    )
    return Proposal(
        problem=made,
        document=Document(text="", path=Path("/project/orders.py")),
        diagnostic=found,
        candidates=(candidate,),
        rejected=(),
        model_id=model,
        prompt_format="compact",
        latency_s=0.2,
        unparsable=0,
    )


def fill(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two weeks of choices, more of them taken by the end; one text that would like to run."""
    number = 0
    with PreferenceStore.open(path) as store:
        for day in range(DAYS):
            at = datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(days=day)
            monkeypatch.setattr(
                recording, "now", lambda at=at: at.isoformat(timespec="milliseconds")
            )
            for outcome, often in STORY:
                for _ in range(often + (day // 3 if outcome is Outcome.ACCEPTED else 0)):
                    number += 1
                    code = ("F821", "F401", "E711")[number % 3]
                    model = "starter-nano" if day < 7 else "mine-2"
                    text = "    return length * width" if number > 1 else f"    x = {EVIL}"
                    shown = proposal(number, text, code, model)
                    store.record_suggestion(shown, client="Neovim")
                    mine = outcome in (Outcome.AMENDED, Outcome.SUPERSEDED)
                    quiet = outcome in (Outcome.IGNORED, Outcome.SUPERSEDED)
                    store.settle(
                        shown.id,
                        outcome,
                        candidate_id=None if quiet else shown.candidates[0].id,
                        user_lines=("    return abs(length * width)",) if mine else None,
                    )


@pytest.fixture
def address(world: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    fill(world.data / "preferences.db", monkeypatch)
    process = subprocess.Popen(
        [sys.executable, "-m", "whetstone", "prefs", "browse", "--no-open"],
        stdout=subprocess.PIPE, text=True, env=world.environment,
    )  # fmt: skip
    assert process.stdout is not None
    found = re.search(r"(http://\S+?)/\?token=(\S+)", process.stdout.readline())
    assert found is not None
    yield f"{found[1]}{{path}}?token={found[2]}"
    process.terminate()
    assert process.wait(30) == 0


@pytest.fixture
def browser(editor: Callable[[str], str]) -> Iterator[Browser]:
    node = editor(f"playwright-{playwright_version()}")
    browser = Browser(node, editor("chromium"), size=(1180, 1180))
    yield browser
    browser.close()


def test_the_store_in_chromium(address: str, browser: Browser, screenshots: Path) -> None:
    def page(path: str) -> str:
        """Its HTML once everything was loaded; from the second page on, the cookie lets us in."""
        browser.ask("visit", url=address.split("{")[0] + path)
        return str(browser.ask("html"))

    browser.ask("open", url=address.format(path="/"))
    overview = page("/")
    assert overview.count('<rect class="taken"') >= DAYS and "<polyline" in overview
    assert "starter-nano" in overview and "F821" in overview
    browser.ask("screenshot", path=str(screenshots / "prefs-overview.png"))

    assert_harmless(page("/pairs"))
    assert re.search(r'class="row old".*?class="row new"', page("/pairs"), re.S)
    browser.ask("screenshot", path=str(screenshots / "prefs-pairs.png"))
    # Candidates have random keys, and datasette shows a hundred at a time in the order of the keys.
    assert_harmless(page("/preferences/candidates?diff__contains=onerror"))
    for name in ("prefs-overview", "prefs-pairs"):
        assert (screenshots / f"{name}.png").stat().st_size > 20_000


def assert_harmless(page: str) -> None:
    """The text that would like to run stands there, as text."""
    assert "onerror" in page and "<title>pwned" not in page
    assert not re.search(r"<(script|img)[^>]*(pwned|src=.?x)", page)
