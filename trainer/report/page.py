"""The page: one HTML file, without scripts, that loads nothing. Every text is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from trainer.report.charts import bars, line_chart
from trainer.report.content import Content, Example, SourceRow
from whetstone.problem import Replacement

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_CHARTS = (
    ("SFT: loss on the chosen answers", "sft", "loss", "nats per token"),
    ("DPO: loss", "dpo", "loss", "nats"),
    ("DPO: reward margin", "dpo", "rewards/margins", "beta x nats"),
    ("DPO: share of pairs preferred", "dpo", "rewards/accuracies", "of the batch's pairs"),
    ("DPO: KL to the reference", "dpo", "kl", "nats per token, lower bound"),
)
_WORDS = {"better": "Better", "worse": "No better", "undecided": "Not enough data to tell"}

_STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --paper: #fff; --dim: #6a7078; --line: #d9dde2;
  --before: #9aa5b1; --after: #2f6fde; --good: #1a7f43; --bad: #b3261e; --code: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --paper: #16181b; --dim: #9aa1aa;
  --line: #363b42; --before: #6f7b88; --after: #6ea0ff; --good: #5cc98a; --bad: #f2867f;
  --code: #202429; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2.2rem; }
.answer { border-left: 4px solid var(--dim); padding: .4rem 1rem; }
.answer.better { border-color: var(--good); } .answer.worse { border-color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 1rem; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--dim); }
svg .title { fill: var(--ink); font-size: 13px; } svg .end { text-anchor: end; }
svg .middle { text-anchor: middle; } svg .grid { stroke: var(--line); }
svg polyline { fill: none; stroke: var(--after); stroke-width: 1.8; }
svg circle { fill: var(--after); } svg.bars { width: 120px; }
.before { fill: var(--before); } .after { fill: var(--after); }
.was { color: var(--before); } .is { color: var(--after); }
table { border-collapse: collapse; margin: .6rem 0; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; }
pre { background: var(--code); padding: .5rem .8rem; margin: .2rem 0; overflow-x: auto;
  font-size: 13px; } .dim { color: var(--dim); } .good { color: var(--good); }
.bad { color: var(--bad); } figure { margin: 1rem 0 1.6rem; }
"""


def text(value: object) -> str:
    """Escaped, with control and direction characters made visible: it may be anybody's."""
    shown = _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", str(value))
    return html.escape(shown)


def render(content: Content) -> str:
    """The whole page."""
    sections = (
        _verdict(content),
        _charts(content),
        _kinds(content),
        _held_out(content),
        _learnt(content),
        _types(content),
        _record(content),
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width">'
        f"<title>Training run {text(content.run)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>Training run {text(content.run)}</h1>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _verdict(content: Content) -> str:
    verdict, state = content.verdict, content.state
    if not verdict:
        return f'<p class="answer">Not measured; the last stage was {text(state["stage"])}.</p>'
    answer = verdict.get("answer", "undecided")
    reason = state.get("reason") or verdict["reason"]
    model = state.get("model")
    ending = f"{text(model)} {'is served' if state['stage'] == 'promoted' else 'was kept'}. "
    return (
        f'<div class="answer {text(answer)}"><strong>{text(_WORDS[answer])}.</strong> '
        f"{ending if model else ''}{text(reason[:1].upper() + reason[1:])}.</div>"
    )


def _charts(content: Content) -> str:
    drawn = "".join(
        line_chart(
            title,
            unit,
            [(row["step"], row[key]) for row in content.metrics
             if row["stage"] == stage and key in row],
        )
        for title, stage, key, unit in _CHARTS
    )  # fmt: skip
    return f'<h2>Training</h2><div class="charts">{drawn}</div>'


def _kinds(content: Content) -> str:
    if not content.kinds:
        return ""
    rows: list[tuple[object, ...]] = [
        (text(row.kind), row.total, row.before, row.after, bars(row.total, row.before, row.after))
        for row in content.kinds
    ]
    counts = [(row.total, row.before, row.after) for row in content.kinds]
    total, before, after = (sum(column) for column in zip(*counts, strict=True))
    rows.append(("all", total, before, after, bars(total, before, after)))
    named = "".join(
        f'<p class="{tone}">{word}: {text(", ".join(names))}.</p>'
        for word, names, tone in (
            ("Fixed now and not before", content.gained, "good"),
            ("Fixed before and not now", content.lost, "bad"),
        )
        if names
    )
    key = '<span class="was">before</span> / <span class="is">after</span>'
    table = _table(("kind of bug", "#problems", "#before", "#after", key), rows)
    return f"<h2>Evaluation problems fixed, before and after</h2>{table}{named}"


def _held_out(content: Content) -> str:
    if not content.better and not content.worse:
        return ""
    gone = (
        f'<p class="dim">{content.missing} held-out pairs are no longer stored.</p>'
        if content.missing
        else ""
    )
    return (
        "<h2>Held-out choices: what the model was never shown</h2>"
        '<p class="dim">Margin: how much likelier it finds your choice than what you rejected, '
        "in nats (0.69 is twice as likely).</p>"
        f"{_examples('Got better', content.better, margin=True)}"
        f"{_examples('Got worse', content.worse, margin=True)}{gone}"
    )


def _learnt(content: Content) -> str:
    if not content.by_source:
        return ""
    return (
        "<h2>What was learnt from which choices</h2>"
        '<p class="dim">Learnt: by how much the margin grew in training, on average, in nats. '
        "Noise: the share that contradicts other choices, used as label smoothing.</p>"
        + _table(("source", "#choices", "#learnt", "#noise"), map(_source, content.by_source))
        + _table(("code", "#pairs", "#learnt"), (_source(row)[:3] for row in content.by_code))
        + _examples("Learnt most", content.most, margin=False)
        + _examples("Learnt least", content.least, margin=False)
    )


def _types(content: Content) -> str:
    rows = content.state.get("types") or ()
    if not rows:
        return ""
    written = (content.state.get("export") or {}).get("quantization")
    shown = (
        (
            f"<strong>{text(row['quantization'])}</strong> (written)"
            if row["quantization"] == written
            else text(row["quantization"]),
            f"{row['size'] / 1e6:,.1f}",
            f"{row['mean_kl']:.2g}",
            f"{row['top1_agreement']:.1%}",
            "" if row["margin_kept"] is None else f"{row['margin_kept']:.0%}",
        )
        for row in rows
    )
    return (
        "<h2>What each type of file costs and keeps</h2>"
        '<p class="dim">Beside F16: Kullback-Leibler divergence in nats, how often both find the '
        "same token likeliest, and how much of the learnt preference margin is left. Under 90 % "
        "the next larger type is written.</p>"
        + _table(("type", "#MB", "#KL", "#same top 1", "#margin kept"), shown)
    )


def _source(row: SourceRow) -> tuple[str, int, str, str]:
    learnt = "" if row.learnt is None else f"{row.learnt:+.2f}"
    return text(row.name), row.pairs, learnt, "" if row.noise is None else f"{row.noise:.1%}"


def _examples(title: str, examples: Sequence[Example], *, margin: bool) -> str:
    if not examples:
        return ""
    return f"<h3>{title}</h3>" + "".join(_example(example, margin) for example in examples)


def _example(example: Example, margin: bool) -> str:
    pair = example.pair
    change = (
        f"margin {example.before:.2f} to {example.after:.2f}" if margin else f"{example.after:+.2f}"
    )
    return (
        f"<figure><figcaption>{text(pair.problem.name)}: {text(pair.problem.diagnostic.headline)} "
        f'<span class="dim">({text(pair.source)}, {change})</span></figcaption>'
        f"{_code('was', pair.problem.flagged, 'dim')}{_side('chosen', pair.chosen, 'good')}"
        f"{_side('rejected', pair.rejected, 'bad')}</figure>"
    )


def _side(name: str, side: Replacement | None, tone: str) -> str:
    return "" if side is None else _code(name, side.lines or ("(nothing)",), tone)


def _code(name: str, lines: Iterable[str], tone: str) -> str:
    return f'<pre><span class="{tone}">{name}</span>\n{text(chr(10).join(lines))}</pre>'


def _record(content: Content) -> str:
    config, state = content.config, content.state
    facts = {
        "trained from": config.get("parent"),
        "base": config.get("training_base") or "the served file, read back",
        "data": f"{config.get('train')} trained on ({config.get('replayed')} from earlier runs), "
        f"{config.get('held_out')} held out, hash {config.get('data_hash')}",
        "attention": state.get("attention"),
        "options": ", ".join(f"{k} {v}" for k, v in config.get("options", {}).items()
                             if v is not None),
        "versions": ", ".join(f"{k} {v}" for k, v in config.get("versions", {}).items()),
        "finished": f"{state.get('stage')}, {state.get('at')}",
    }  # fmt: skip
    rows = [(name, text(value)) for name, value in facts.items() if value]
    return f"<h2>Record</h2>{_table(('', ''), rows)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells are HTML already. A head that begins with # stands over numbers."""
    number = [head.startswith("#") for head in heads]

    def line(cells: Sequence[object], tag: str) -> str:
        return "<tr>" + "".join(
            f"<{tag}{' class=n' if right else ''}>{cell}</{tag}>"
            for cell, right in zip(cells, number, strict=True)
        ) + "</tr>"  # fmt: skip

    head = line([head.lstrip("#") for head in heads], "th") if any(heads) else ""
    return f"<table>{head}{''.join(line(row, 'td') for row in rows)}</table>"
