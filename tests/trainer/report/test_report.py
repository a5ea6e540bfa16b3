"""The page about a run: what it shows, and that nothing in it can act."""

from __future__ import annotations

import dataclasses
import math
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from trainer.cli import main
from trainer.report.charts import bars, line_chart
from trainer.report.content import collect
from trainer.report.page import render
from trainer.run_folder import RunFolder
from whetstone.problem import Replacement

EVIL = "<script>alert(1)</script>\"'&\x1b[31m\u202e"


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.shown: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.shown.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.shown).split())


def make_run(root: Path, **state: Any) -> RunFolder:
    config = {
        "parent": "tiny@1", "train": 3, "held_out": 2, "replayed": 0, "data_hash": "abc",
        "sources": {"accepted": 2, "reverted": 1}, "noise": {"accepted": 0.05},
        "options": {"beta": 0.1}, "versions": {"trl": "1.16"},
    }  # fmt: skip
    run = RunFolder.create(root, config, {})
    for step in (1, 2, 3):
        run.log("sft", step, {"loss": 3.0 / step})
        run.log("dpo", step, {"loss": 0.6 / step, "rewards/margins": float(step), "kl": math.nan})
    run.finish("kept", **state)
    return run


VERDICT = {
    "answer": "undecided",
    "reason": "not enough data to tell",
    "pairs": [
        {"pair": 1, "before": -1.0, "after": 2.5},
        {"pair": 2, "before": 1.0, "after": 0.25},
        {"pair": 9, "before": 0.0, "after": 1.0},
    ],
    "cases": [
        {"case": "colon-one", "kind": "missing-colon", "before": True, "after": True},
        {"case": "colon-two", "kind": "missing-colon", "before": False, "after": True},
        {"case": "quote-one", "kind": "missing-quote", "before": True, "after": False},
    ],
}


def test_what_the_page_says(tmp_path: Path, pair: Any) -> None:
    run = make_run(tmp_path, verdict=VERDICT, learnt={"1": 4.0, "2": -0.5}, model="tiny-2")
    pairs = [dataclasses.replace(pair(n), source="accepted") for n in (1, 2)]
    page = Page(render(collect(run, pairs)))
    assert "Not enough data to tell. tiny-2 was kept." in page.text
    assert "Fixed now and not before: colon-two." in page.text
    assert "Fixed before and not now: quote-one." in page.text
    better, worse = page.text.index("margin -1.00 to 2.50"), page.text.index("margin 1.00 to 0.25")
    assert page.text.index("Got better") < better < page.text.index("Got worse") < worse
    assert "1 held-out pairs are no longer stored" in page.text
    assert "accepted 2 +1.75 5.0%" in " ".join(page.shown)  # mean of 4 and -0.5
    assert "return length_1" in page.text and "pass" in page.text
    assert page.tags.count("svg") == 5 + 3  # charts, and bars of two kinds and of all
    for chart in ("SFT: loss", "DPO: loss", "reward margin", "pairs preferred", "KL to the ref"):
        assert chart in page.text


def test_everything_shown_is_escaped(tmp_path: Path, pair: Any) -> None:
    one = pair(1)
    evil = dataclasses.replace(
        one,
        source=EVIL,
        chosen=Replacement(kind="replace", lines=(EVIL,)),
        problem=dataclasses.replace(one.problem, name=EVIL, flagged=(EVIL,)),
    )
    verdict = {
        **VERDICT, "reason": EVIL, "cases": [{**VERDICT["cases"][0], "case": EVIL, "kind": EVIL}]
    }  # fmt: skip
    run = make_run(tmp_path, verdict=verdict, learnt={"1": 1.0}, model=EVIL, attention=EVIL)
    page = render(collect(run, [evil]))
    parsed = Page(page)
    assert "script" not in parsed.tags and "img" not in parsed.tags
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert not [name for name, _ in parsed.attributes if name in ("src", "href")]
    assert "<script>alert(1)</script>" in parsed.text  # as text
    assert "\x1b" not in page and "\u202e" not in page
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in parsed.attributes


def test_a_run_that_was_never_measured_has_a_page(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    assert "Not measured; the last stage was kept." in Page(render(collect(run, []))).text


def test_charts_are_sound_whatever_is_drawn() -> None:
    for points in ([], [(1, 2.0)], [(1, math.nan), (2, 1.0)], [(1, 5.0), (2, 5.0)], [(1, -1e30)]):
        svg = ElementTree.fromstring(line_chart("a & b", "<nats>", points))
        assert "nan" not in ElementTree.tostring(svg).decode()
    two = ElementTree.fromstring(line_chart("loss", "nats", [(1, 4.0), (2, 2.0), (3, 3.0)]))
    line = next(e for e in two.iter() if e.tag == "polyline").get("points")
    assert line is not None
    heights = [float(place.split(",")[1]) for place in line.split()]
    assert heights[0] < heights[2] < heights[1]  # larger values stand higher
    ElementTree.fromstring(bars(0, 0, 0))


def test_the_command_writes_a_private_page_and_opens_it(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)) or True)
    none = CliRunner().invoke(main, ["report"])
    assert none.exit_code != 0 and "There is no training run yet" in none.stderr
    run = make_run(world.runs, verdict=VERDICT)
    done = CliRunner().invoke(main, ["report", run.name[:8]])
    path = run.path / "report.html"
    assert (done.exit_code, done.stdout) == (0, f"{path}\n")
    assert opened == [path.as_uri()]
    assert path.stat().st_mode & 0o077 == 0
    CliRunner().invoke(main, ["report", "--no-open"])
    assert len(opened) == 1
    unknown = CliRunner().invoke(main, ["report", "nothing"])
    assert "no such run" in unknown.stderr
