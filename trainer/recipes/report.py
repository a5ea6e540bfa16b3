"""What an experiment showed: table.md, results.json and plots."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainer.recipes.config import Recipe
from trainer.recipes.results import Scores, by_kind, difference, share
from whetstone.paths import atomic_write_bytes, atomic_write_text

TITLES = {"before": "before", "sft": "after SFT", "dpo": "after DPO", "control": "SFT control"}
_COMPARED = (("before", "sft"), ("before", "dpo"), ("sft", "dpo"), ("control", "dpo"))
_CURVES = (
    ("sft", "loss", "SFT: loss, nats per token"),
    ("control", "loss", "SFT control: loss, nats per token"),
    ("dpo", "loss", "DPO: loss, nats"),
    ("dpo", "rewards/margins", "DPO: reward margin, beta x nats"),
    ("dpo", "rewards/accuracies", "DPO: share of pairs preferred"),
    ("dpo", "kl", "DPO: KL to the reference, nats per token"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """Everything that the report says.

    Attributes:
        runs: by model, its scores for each seed; "before" has one.
        steps: what state.json holds.
        metrics: by seed, the steps of its trainings.
        facts: command, data, base.
    """

    recipe: Recipe
    runs: Mapping[str, Sequence[Scores]]
    steps: Mapping[str, Mapping[str, Any]]
    metrics: Mapping[int, Sequence[Mapping[str, Any]]]
    facts: Mapping[str, Any]

    @property
    def suites(self) -> list[str]:
        return list(self.runs["before"][0])


def write_report(experiment: Experiment, folder: Path) -> Path:
    """Write everything into `folder`; returns the table's path."""
    folder.mkdir(exist_ok=True)
    found = json.dumps(to_json(experiment), indent=1) + "\n"
    atomic_write_text(folder / "results.json", found, mode=0o644)
    _plot_curves(experiment, folder / "curves.png")
    _plot_suites(experiment, folder / "suites.png")
    _plot_kinds(experiment, folder / "kinds.png")
    path = folder / "table.md"
    atomic_write_text(path, table(experiment), mode=0o644)
    return path


def machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "trl"))
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {packages}"
    )


def to_json(experiment: Experiment) -> dict[str, Any]:
    return {
        "recipe": dataclasses.asdict(experiment.recipe),
        **experiment.facts,
        "machine": machine(),
        "steps": experiment.steps,
        "scores": experiment.runs,
        "differences": [
            {"suite": suite, "before": a, "after": b, **dataclasses.asdict(found)}
            for suite in experiment.suites
            for a, b in _compared(experiment)
            for found in (difference(experiment.runs[a], experiment.runs[b], suite),)
        ],
    }


def _compared(experiment: Experiment) -> list[tuple[str, str]]:
    return [(a, b) for a, b in _COMPARED if experiment.runs.get(a) and experiment.runs.get(b)]


def table(experiment: Experiment) -> str:
    """The whole page in Markdown."""
    recipe, facts = experiment.recipe, experiment.facts
    parts = [
        f"# Recipe {recipe.name}: {recipe.title}",
        f"    {facts['command']}\n\nBase: {facts['base']}. Seeds: "
        f"{', '.join(map(str, facts['seeds']))}. {machine()}. Written {facts['written']}.",
        "## Fixed\n\n" + _shares(experiment),
        "All seeds together; in brackets the 95 % interval that one seed's number of cases allows.",
        "## Differences\n\n" + _differences(experiment),
        "p: McNemar's exact test on the cases that only one of the two fixes, seeds pooled. p "
        "(cases): every case counted once, by the side on which most of its seeds lie. In brackets "
        "95 % of drawn sets of cases.",
        "## Training\n\n" + _training(experiment),
        "![curves](curves.png)\n\n![suites](suites.png)\n\n![kinds](kinds.png)",
    ]
    return "\n\n".join(parts) + "\n"


def _shares(experiment: Experiment) -> str:
    models = [name for name in TITLES if experiment.runs.get(name)]
    lines = [f"| suite | {' | '.join(TITLES[name] for name in models)} |"]
    lines.append("|---" * (len(models) + 1) + "|")
    for suite in experiment.suites:
        cells = []
        for name in models:
            found = share(experiment.runs[name], suite)
            low, high = found.interval
            cells.append(
                f"{found.fixed} of {found.total}, {found.share:.1%} ({low:.0%}–{high:.0%})"
            )
        lines.append(f"| {suite} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _differences(experiment: Experiment) -> str:
    lines = ["| suite | compared | difference | gained, lost | p | p (cases) |", "|---" * 6 + "|"]
    for suite in experiment.suites:
        for a, b in _compared(experiment):
            found = difference(experiment.runs[a], experiment.runs[b], suite)
            low, high = (100 * end for end in found.interval)
            lines.append(
                f"| {suite} | {TITLES[a]} → {TITLES[b]} | {100 * found.difference:+.1f} points "
                f"({low:+.1f} to {high:+.1f}) | {found.gained}, {found.lost} | {found.p:.2g} | "
                f"{found.p_cases:.2g} |"
            )
    return "\n".join(lines)


def _training(experiment: Experiment) -> str:
    lines = [
        "| seed | SFT | DPO | beta | KL, nats per token | reward margin | preferred | control |",
        "|---" * 8 + "|",
    ]
    for seed in experiment.facts["seeds"]:
        sft, dpo, control = (
            experiment.steps.get(f"seed {seed}: {name}") for name in ("sft", "dpo", "control")
        )
        cells = ["not yet", *[""] * 6]
        if sft:
            cells[0] = f"{sft['triplets']} answers, {sft['train_s']:.0f} s"
        if dpo:
            cells[1] = f"{dpo['pairs']} pairs, {dpo['train_s']:.0f} s"
            cells[2:4] = [str(dpo["beta"]), f"{dpo['kl']:.4f}"]
            cells[4:6] = [f"{dpo['margin']:.3f}", f"{dpo['preferred']:.1%}"]
        if control:
            cells[6] = f"{control['answers']} answers, {control['train_s']:.0f} s"
        lines.append(f"| {seed} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n\nKL, margin and preferred: means of the last tenth of the steps."


# -- plots ----------------------------------------------------------------------------------------


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    pyplot.close(figure)
    atomic_write_bytes(path, buffer.getvalue(), mode=0o644)


def _pyplot() -> Any:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def _plot_curves(experiment: Experiment, path: Path) -> None:
    figure, axes = _pyplot().subplots(2, 3, figsize=(12, 6), layout="constrained")
    for axis, (stage, key, title) in zip(axes.flat, _CURVES, strict=True):
        for seed, rows in experiment.metrics.items():
            points = [(r["step"], r[key]) for r in rows if r["stage"] == stage and key in r]
            axis.plot(*zip(*points, strict=True) if points else ((), ()), label=f"seed {seed}")
        axis.set(title=title, xlabel="step")
        axis.grid(alpha=0.3)
    axes.flat[0].legend()
    _save(figure, path)


def _plot_suites(experiment: Experiment, path: Path) -> None:
    models = [name for name in TITLES if experiment.runs.get(name)]
    figure, axis = _pyplot().subplots(figsize=(10, 4.5), layout="constrained")
    width = 0.8 / len(models)
    for number, name in enumerate(models):
        found = [share(experiment.runs[name], suite) for suite in experiment.suites]
        at = [place + number * width for place in range(len(found))]
        ends = [(f.share - f.interval[0], f.interval[1] - f.share) for f in found]
        errors = [[max(0.0, low) for low, _ in ends], [max(0.0, high) for _, high in ends]]
        axis.bar(at, [f.share for f in found], width, yerr=errors, capsize=2, label=TITLES[name])
    axis.set_xticks([n + 0.4 - width / 2 for n in range(len(experiment.suites))])
    axis.set_xticklabels(["\n".join(suite.split(", ")) for suite in experiment.suites])
    axis.set(ylabel="share fixed, 95 % intervals", ylim=(0, None))
    axis.legend()
    _save(figure, path)


def _plot_kinds(experiment: Experiment, path: Path) -> None:
    """Before and after the whole recipe, per kind, for the suites with programs and mutants."""
    suites = [suite for suite in experiment.suites if "any answer" not in suite][:3]
    figure, axes = _pyplot().subplots(
        1, len(suites), figsize=(5 * len(suites), 7), layout="constrained", squeeze=False
    )
    for axis, suite in zip(axes.flat, suites, strict=True):
        before = by_kind(experiment.runs["before"], suite)
        after = by_kind(experiment.runs.get("dpo") or experiment.runs["before"], suite)
        places = range(len(before))
        for shift, name, kinds in ((0.2, "before", before), (-0.2, "after DPO", after)):
            shares = [kinds[kind][0] / kinds[kind][1] for kind in before]
            axis.barh([place + shift for place in places], shares, 0.4, label=name)
        axis.set_yticks(list(places))
        axis.set_yticklabels([f"{kind} ({before[kind][1]})" for kind in before])
        axis.set(title=suite, xlabel="share fixed", xlim=(0, 1))
    axes.flat[0].legend()
    _save(figure, path)
