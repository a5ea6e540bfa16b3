"""What the figures look like in a terminal and in the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.serving.peers import OURS


def table(model: str, found: dict[str, Any]) -> str:
    """One model's figures as text."""
    lines = [f"{model}: {found['requests']} requests, {found['threads']} threads"]
    columns = (22, 24, 24, 13, 9, 9)
    titles = ("", "one candidate", "four candidates", "CPU 1, 4", "memory", "answer")
    units = ("", *2 * ("p50 / p95 / p99 ms",), "ms", "MB", "tok/s")
    rows = [titles, units]
    for name, peer in found["peers"].items():
        rows.append(
            (
                name,
                _times(peer["one_candidate_s"]),
                _times(peer["four_candidates_s"]),
                _cpu(peer),
                f"{peer['memory_mb']:.0f}",
                f"{peer['answer_tokens_per_s']:.1f}  {peer['settings']}",
            )
        )
    for row in rows:
        cells = [f"{cell:>{width}}" for cell, width in zip(row, columns, strict=True)]
        cells[0] = f"{row[0]:<{columns[0]}}"
        cells[-1] = f"{row[-1].partition(' ')[0]:>{columns[-1]}}{row[-1].partition(' ')[2]}"
        lines.append("".join(cells).rstrip())
    lines += [f"{name:48}{value}" for name, value in _headlines(found)]
    return "\n".join(lines)


def _cpu(peer: dict[str, Any]) -> str:
    pair = (peer["one_candidate_cpu_s"], peer["four_candidates_cpu_s"])
    return ", ".join("-" if value is None else f"{1000 * value:,.0f}" for value in pair)


def _headlines(found: dict[str, Any]) -> list[tuple[str, str]]:
    best = found["best_peer"]
    bench = found.get("llama_bench") or {}
    rows = [
        (f"one candidate, against {best['one']}", _times_sooner(found, "one")),
        (f"four candidates, against {best['four']}", _times_sooner(found, "four")),
        ("second request: prompt computed again", _share(found["prompt_tokens_recomputed"])),
        ("near the last request: the same", _share(found["prompt_tokens_recomputed_near"])),
        ("single tokens, of a bare loop's rate", _share(found.get("fraction_of_bare_decode"))),
        ("prompt, of a bare loop's rate", _share(found.get("fraction_of_bare_prompt"))),
        (
            "whole short request, of its bare computation",
            _share(found.get("fraction_of_bare_request")),
        ),
    ]
    if "bare_decode_tokens_per_s" in found:
        rows.append(("bare loop", _rates(found, "bare_")))
        rows.append(("ours, one answer, without guessing", _rates(found, "our_")))
    if bench:
        rows.append(("llama-bench", _rates(bench, "")))
    rows += [
        (f"greedy answers equal to {name}'s", _share(share))
        for name, share in found["equal_at_temperature_0"].items()
    ]
    return rows


def _rates(found: dict[str, Any], prefix: str) -> str:
    prompt, decode = (found[f"{prefix}{name}_tokens_per_s"] for name in ("prompt", "decode"))
    return f"prompt {prompt:,.0f}, single {decode:,.1f} tokens/s"


def _times_sooner(found: dict[str, Any], which: str) -> str:
    what = f"{which}_candidate{'s' * (which == 'four')}"
    value, most = found[f"ratio_{what}_vs_best_peer"], found[f"most_times_sooner_{what}"]
    if value is None:
        return "not measured"
    text = f"{value:.2f} times as soon, of {most:.2f} that are possible"
    cpu = found.get(f"ratio_{what}_cpu")
    return text if cpu is None else f"{text}; its processor time is {cpu:.2f} times ours"


def _share(value: float | None) -> str:
    return "not measured" if value is None else f"{100 * value:.1f} %"


def _times(spread: dict[str, float]) -> str:
    return " / ".join(f"{1000 * value:,.0f}" for value in spread.values()) or "-"


def plot(models: dict[str, dict[str, Any]], out: Path) -> None:
    """Medians and 95th percentiles of the time to one and to four candidates, by peer."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(models), 2, figsize=(9, 0.6 + 1.9 * len(models)), squeeze=False, layout="constrained"
    )
    for row, (model, found) in zip(axes, models.items(), strict=True):
        for axis, (key, title) in zip(
            row, (("one_candidate_s", "one"), ("four_candidates_s", "four")), strict=True
        ):
            names = list(found["peers"])[::-1]
            spreads = [found["peers"][name][key] for name in names]
            medians = [1000 * spread["p50"] for spread in spreads]
            tails = [1000 * (spread["p95"] - spread["p50"]) for spread in spreads]
            colours = ["#2a6fb0" if name == OURS else "#b8bec6" for name in names]
            zeros = [0.0] * len(names)
            axis.barh(names, medians, xerr=[zeros, tails], color=colours, ecolor="#555", height=0.6)
            axis.set_title(f"{model}: {title} candidate{'s' * (title == 'four')}", fontsize=9)
            axis.set_xlabel("ms, median and 95 %", fontsize=8)
            axis.tick_params(labelsize=8)
            axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, dpi=150)
    pyplot.close(figure)
