"""From the steps' files to one JSON, a table and a plot."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from trainer.evaluation.statistics import mcnemar

_STRETCH = 25  # choices
BASE = "no training"
LOOP = "trainer retrain, gated"
AGAIN = "SFT, then DPO, each on the last model"
LABELS = {
    "sft-accepted": "SFT on the accepted",
    "sft-chosen": "SFT on the accepted and the user's own",
    "sft-dpo": "SFT, then DPO",
    "kto": "SFT, then KTO",
    "analogies": "by analogy, no training",
}


def gather(work: Path, tastes: Sequence[str], seeds: Sequence[int]) -> dict[str, Any]:
    """Every step that is done; figures over all parts only where each part has them."""
    parts = []
    for taste in tastes:
        for seed in seeds:
            files = sorted((work / f"{taste}-{seed}").glob("*.json"))
            steps = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in files}
            if steps:
                parts.append({"taste": taste, "seed": seed, "steps": steps})
    return {
        "parts": parts,
        "curves": _curves(parts),
        "comparisons": _comparisons(parts),
        "forgotten": _forgotten(parts),
        "live": _live(parts),
    }


def _curves(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Acceptance by method and number of choices: of each part; `mean` where all parts have it."""
    rows: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for part in parts:
        for label, choices, unseen in _measured(part):
            share = unseen["kept"] / unseen["problems"]
            rows[label, choices].append({
                "taste": part["taste"], "seed": part["seed"], "share": round(share, 4),
            })  # fmt: skip
    return [
        {"method": label, "choices": choices, "parts": found,
         "mean": round(_mean(r["share"] for r in found), 4) if len(found) == len(parts) else None}
        for (label, choices), found in sorted(rows.items())
    ]  # fmt: skip


def _measured(part: dict[str, Any]) -> Iterable[tuple[str, int, dict[str, Any]]]:
    for name, step in part["steps"].items():
        if name == "base":
            yield BASE, 0, step["unseen"]
        elif name in ("again", "loop"):
            for each in step["rounds"]:
                yield AGAIN if name == "again" else LOOP, each["choices"], each["unseen"]
        elif "method" in step:
            yield LABELS[step["method"]], step["choices"], step["unseen"]


def _comparisons(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """SFT then DPO against each other method, problem by problem, over all parts."""
    found = []
    points = sorted({c for part in parts for _, c, _ in _measured(part) if c})
    for point in points:
        for other in ("sft-accepted", "sft-chosen", "kto"):
            gained = lost = 0
            for part in parts:
                one, two = (part["steps"].get(f"{name}-{point}") for name in ("sft-dpo", other))
                if one and two:
                    mine, theirs = (set(step["unseen"]["kept_problems"]) for step in (one, two))
                    gained, lost = gained + len(mine - theirs), lost + len(theirs - mine)
            if gained or lost:
                found.append({
                    "choices": point, "against": LABELS[other], "gained": gained, "lost": lost,
                    "p": mcnemar(gained, lost),
                })  # fmt: skip
    return found


def _forgotten(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of what was kept after one retrain, how much was lost after one on the model of that."""
    found = []
    for part in parts:
        rounds = part["steps"].get("again", {}).get("rounds", [])
        for one, two in pairwise(rounds):
            before, after = (set(each["unseen"]["kept_problems"]) for each in (one, two))
            found.append({
                "taste": part["taste"], "seed": part["seed"], "choices": two["choices"],
                "kept_before": len(before), "lost": len(before - after),
                "won": len(after - before), "p": mcnemar(len(after - before), len(before - after)),
            })  # fmt: skip
    return found


def _live(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How often the first fix was taken, of each `_STRETCH` choices, without analogies and with."""
    found = []
    for name in ("choices", "live"):
        rows = [part["steps"][name]["rows"] for part in parts if name in part["steps"]]
        if not rows:
            continue
        taken = [[row["act"] == "takes the first" for row in each] for each in rows]
        stretches = range(0, min(map(len, taken)), _STRETCH)
        shares = [_mean(x for each in taken for x in each[n : n + _STRETCH]) for n in stretches]
        found.append({"analogies": name == "live", "parts": len(rows),
                      "shares": [round(share, 4) for share in shares]})  # fmt: skip
    return found


def _mean(numbers: Iterable[float]) -> float:
    values = list(numbers)
    return sum(values) / len(values)


def table(found: dict[str, Any]) -> str:
    """Acceptance of the first fix shown, in percent: all parts, and each of them."""
    parts = [(part["taste"], part["seed"]) for part in found["parts"]]
    head = "".join(f"{f'{taste} {seed}':>12}" for taste, seed in parts)
    lines = [f"{'method':<40}{'choices':>8}{'mean':>8}{head}"]
    for row in found["curves"]:
        share = {(part["taste"], part["seed"]): part["share"] for part in row["parts"]}
        each = "".join(f"{_percent(share.get(part)):>12}" for part in parts)
        mean = f"{_percent(row['mean']):>8}"
        lines.append(f"{row['method']:<40}{row['choices']:>8}{mean}{each}")
    for row in found["comparisons"]:
        lines.append(
            f"after {row['choices']} choices SFT then DPO keeps {row['gained']} that "
            f"{row['against']} does not, and loses {row['lost']} (McNemar p = {row['p']:.2g})"
        )
    for row in found["forgotten"]:
        lines.append(
            f"{row['taste']} {row['seed']}: of {row['kept_before']} kept before, the retrain after "
            f"{row['choices']} choices lost {row['lost']} and won {row['won']}"
        )
    for row in found["live"]:
        shares = " ".join(_percent(share) for share in row["shares"])
        kind = "with analogies" if row["analogies"] else "without"
        lines.append(f"first fix taken, of each {_STRETCH} choices, {kind}: {shares}")
    for part in found["parts"]:
        lines += [
            f"{part['taste']} {part['seed']}: {name}: static {step['static']['solved']} of "
            f"{step['static']['total']}"
            for name, step in part["steps"].items() if "static" in step
        ]  # fmt: skip
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f}"


def plot(found: dict[str, Any], out: Path) -> None:
    """Acceptance over choices, a panel for each taste and one for all, and one of the choices
    themselves as they were made."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    tastes = list(dict.fromkeys(part["taste"] for part in found["parts"]))
    panels = [*tastes, None] if len(tastes) > 1 else tastes
    count = len(panels) + bool(found["live"])
    figure, axes = pyplot.subplots(
        1, count, figsize=(3.2 * count, 3.6), sharey=True, squeeze=False, layout="constrained",
    )  # fmt: skip
    labels = [label for label in (*LABELS.values(), AGAIN, LOOP)
              if any(row["method"] == label for row in found["curves"])]  # fmt: skip
    for axis, taste in zip(axes[0], panels, strict=False):
        [start] = _points(found, BASE, taste)
        for label in labels:
            line = [start, *_points(found, label, taste)]
            axis.plot(
                [x for x, _ in line], [100 * y for _, y in line], marker="o", markersize=4,
                linestyle="--" if label == LOOP else "-", label=label,
            )  # fmt: skip
        axis.axhline(100 * start[1], color="gray", linewidth=0.8, linestyle=":")
        axis.set(title=taste or "all", xlabel="choices")
    axes[0][0].set_ylabel("first fix kept, on unseen problems, %")
    axes[0][len(panels) - 1].legend(fontsize=7, loc="lower right")
    for row in found["live"]:
        axes[0][-1].plot(
            [_STRETCH * (n + 1) for n in range(len(row["shares"]))],
            [100 * share for share in row["shares"]], marker="o", markersize=4,
            label="by analogy" if row["analogies"] else "without",
        )  # fmt: skip
        axes[0][-1].set(title="in the server", xlabel=f"choices, {_STRETCH} at a time")
        axes[0][-1].legend(fontsize=7, loc="lower right")
    for axis in axes[0]:
        axis.set_ylim(0, 100)
        axis.grid(alpha=0.3)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(out, dpi=150)
    pyplot.close(figure)


def _points(found: dict[str, Any], label: str, taste: str | None) -> list[tuple[int, float]]:
    """(choices, mean share over seeds) of one taste, or of all when it is None."""
    points = []
    for row in found["curves"]:
        shares = [part["share"] for part in row["parts"] if taste in (None, part["taste"])]
        if row["method"] == label and shares and (taste or row["mean"] is not None):
            points.append((row["choices"], _mean(shares)))
    return sorted(points)
