"""Does the GGUF file say what the model says? Token ids, logits, and what was learnt.

What is compared and when it passes:

    token ids    of llama.cpp and of the Hugging Face tokenizer, equal on every text below
    logits       Kullback-Leibler divergence of the file to the model, averaged over positions,
                 under the limit of its type
    preference   on held-out pairs, how much likelier the chosen answer is than the rejected one:
                 90 % of what training added must be left after quantization

Texts are in Unicode's composed form (NFC): the Qwen2 tokenizer normalizes to it and llama.cpp does
not, so files with decomposed characters are numbered differently by design.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModelForCausalLM, AutoTokenizer

from export.llama_logits import LlamaLogits
from whetstone.engine.llama import LlamaEngine
from whetstone.engine.options import EngineOptions
from whetstone.errors import TrainingError
from whetstone.prompt import Prompt

# Mean KL(model || file) in nats, by type: twice what random weights of hidden size 256, the worst
# case measured, came to. Trained models stay a factor of ten below.
MAX_KL = {
    "f32": 1e-4,
    "f16": 1e-3,
    "bf16": 5e-3,
    "q8_0": 1e-2,
    "q6_k": 5e-2,
    "q5_k_m": 0.1,
    "q4_k_m": 0.3,
}
MARGIN_KEPT = 0.9
MARGIN_SLACK = 0.1  # nats: below this a margin is noise, and a share of it says nothing
CONTEXT = 512

TEXTS: tuple[str, ...] = (
    "def total(items):\n    return sum(item.price for item in items)\n",
    "x = 12345 + 0xFF_FF - 3.14159e-10 * 1_000_000\nport = 8080\n",
    "class A:\n\tdef f(self):\n\t\tif self.x:\n\t\t\treturn [1,  2,   3]\n\n\n        # eight\n",
    "    four\n        eight\n            twelve\n \t mixed \t\n",
    "line one\r\nline two\r\n\r\nline four\r",
    "naïve café — “quotes” … 日本語のコメント 한국어 עברית العربية हिन्दी ไทย",
    "print('🎉👩‍👩‍👧 🇩🇪 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ½ ² Ⅻ ٣٤٥')",
    "I'm we'll they've IT'S don't  ...  !!! ??? <<>> **kwargs -> None: @decorator\n",
    "F821 undefined name 'lenght'; did you mean `length`?\n" + " " * 37 + "^\n",
    "\n\n\n",
    " ",
    'raise ValueError(f"{name!r}: expected {len(items):>10,} got {value:.3f}%\\n")',
    "<| not special |> </s> <s> [INST] <|pre| > |end|>",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One held-out pair, rendered."""

    prompt: Prompt
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraFiles:
    """An adapter as PEFT saved it, and the GGUF that was made of it."""

    folder: Path
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Margins:
    """Mean of log p(chosen) - log p(rejected) over held-out pairs, in nats."""

    pairs: int
    before: float | None
    model: float
    file: float
    accuracy_model: float
    accuracy_file: float
    kept: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was compared. `problems` is empty when the file may be served.

    `swallowed` says that all is well but for what training added: a larger type would keep it.
    """

    quantization: str
    texts: int
    tokens: int
    max_abs: float
    mean_kl: float
    kl_limit: float
    top1_agreement: float
    margins: Margins | None
    problems: tuple[str, ...]
    swallowed: bool

    @property
    def passed(self) -> bool:
        return not self.problems

    @property
    def summary(self) -> str:
        facts = (
            f"{self.texts} texts, {self.tokens} tokens; logits within {self.max_abs:.2g}, "
            f"KL {self.mean_kl:.2g} (limit {self.kl_limit:g}), "
            f"top-1 agreement {self.top1_agreement:.1%}"
        )
        if self.margins:
            facts += (
                f"; preference margin: model {self.margins.model:.2f}, file {self.margins.file:.2f}"
            )
        verdict = "verified: " if self.passed else "NOT verified: "
        return verdict + "; ".join((*self.problems, facts))

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "passed": self.passed}

    def raise_for_failure(self) -> None:
        """Raises TrainingError when the file may not be served."""
        if self.problems:
            raise TrainingError(
                "The exported file failed verification: " + "; ".join(self.problems)
            )


def verify_export(
    folder: Path,
    path: Path,
    *,
    quantization: str,
    texts: Sequence[str] = TEXTS,
    pairs: Sequence[Comparison] = (),
    margin_before: float | None = None,
    lora: LoraFiles | None = None,
) -> Verification:
    """Compare the GGUF file at `path` with the Hugging Face model in `folder`.

    Args:
        lora: put over the two: then it is the adapter that is verified.
        pairs: held-out pairs; the margin is compared when there are any.
        margin_before: their mean margin before training, to tell what training added.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = load_hf(folder, lora.folder if lora else None)
    adapter = lora.path if lora else None
    texts = (*texts, _with_special(tokenizer))
    with LlamaLogits(path, context_tokens=CONTEXT, adapter=adapter) as file:
        problems, token_lists = _compare_tokens(tokenizer, file, texts)
        measured = [
            compare_logits(_hf_logits(model, tokens), file.logits(tokens))
            for tokens in token_lists
            if tokens
        ]
    worst = max(m[0] for m in measured)
    divergence = float(np.concatenate([m[1] for m in measured]).mean())
    agreement = float(np.concatenate([m[2] for m in measured]).mean())
    limit = MAX_KL[quantization]
    if not divergence <= limit:  # NaN fails, too
        problems.append(f"its logits diverge by {divergence:.3g} nats, the limit is {limit:g}")
    margins = None
    if pairs:
        margins = compare_margins(model, tokenizer, path, pairs, margin_before, adapter)
    lost = _margin_problems(margins) if margins else []
    return Verification(
        quantization=quantization,
        texts=len(texts),
        tokens=sum(map(len, token_lists)),
        max_abs=worst,
        mean_kl=divergence,
        kl_limit=limit,
        top1_agreement=agreement,
        margins=margins,
        problems=(*problems, *lost),
        swallowed=bool(lost) and not problems,
    )


def _with_special(tokenizer: Any) -> str:
    """Every special token of this very tokenizer between ordinary text."""
    special = sorted(tokenizer.get_added_vocab())
    return "".join(f"{token} x = {i}\n" for i, token in enumerate(special))


def _compare_tokens(
    tokenizer: Any, file: LlamaLogits, texts: Sequence[str]
) -> tuple[list[str], list[list[int]]]:
    problems: list[str] = []
    lists = []
    for text in texts:
        ours = tokenizer(text, add_special_tokens=False)["input_ids"]
        theirs = file.tokenize(text)
        if ours != theirs:
            at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), 0)
            problems.append(
                f"llama.cpp numbers {text[:30]!r} differently from token {at} on: "
                f"{theirs[at : at + 4]}, not {ours[at : at + 4]}"
            )
        lists.append(ours[:CONTEXT])
    return problems, lists


def _hf_logits(model: Any, tokens: list[int]) -> NDArray[np.float32]:
    with torch.no_grad():
        logits: NDArray[np.float32] = model(torch.tensor([tokens])).logits[0].float().numpy()
    return logits


def compare_logits(
    reference: NDArray[np.float32], other: NDArray[np.float32]
) -> tuple[float, NDArray[np.float64], NDArray[np.bool_]]:
    """Two (tokens, vocabulary) arrays of logits.

    Returns the largest difference, KL(reference || other) in nats per position, (tokens,), and
    whether both have the same favourite there, (tokens,).
    """
    ours, theirs = reference.astype(np.float64), other.astype(np.float64)
    logp, logq = _log_softmax(ours), _log_softmax(theirs)
    divergence = (np.exp(logp) * (logp - logq)).sum(axis=-1)
    same = ours.argmax(axis=-1) == theirs.argmax(axis=-1)
    return float(np.abs(ours - theirs).max()), divergence, same


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


def compare_margins(
    model: Any,
    tokenizer: Any,
    path: Path,
    pairs: Sequence[Comparison],
    before: float | None = None,
    adapter: Path | None = None,
) -> Margins:
    """Preference margins of the model and of the file, through the engine that will serve it."""
    ours = np.array([hf_margin(model, tokenizer, pair) for pair in pairs])
    theirs = _file_margins(path, pairs, adapter)
    learnt = None if before is None else float(ours.mean()) - before
    kept = None
    if before is not None and learnt is not None and learnt > MARGIN_SLACK:
        kept = (float(theirs.mean()) - before) / learnt
    return Margins(
        pairs=len(pairs),
        before=before,
        model=float(ours.mean()),
        file=float(theirs.mean()),
        accuracy_model=float((ours > 0).mean()),
        accuracy_file=float((theirs > 0).mean()),
        kept=kept,
    )


def _file_margins(
    path: Path, pairs: Sequence[Comparison], adapter: Path | None = None
) -> NDArray[np.float64]:
    engine = LlamaEngine(
        path, model_id="verification", options=EngineOptions(gpu_layers=0), adapter=adapter
    )
    try:
        return np.array([engine_margin(engine, pair) for pair in pairs])
    finally:
        engine.close()


def file_margin(path: Path, pairs: Sequence[Comparison]) -> float:
    """The mean preference margin of a GGUF file through the engine that serves it, in nats."""
    return float(_file_margins(path, pairs).mean())


def engine_margin(engine: Any, pair: Comparison) -> float:
    """log p(chosen) - log p(rejected) by a serving engine, in nats."""
    chosen = engine.score(pair.prompt, pair.chosen)
    rejected = engine.score(pair.prompt, pair.rejected)
    return float(chosen.logprob - rejected.logprob)


def load_hf(folder: Path, adapter: Path | None = None) -> Any:
    """The Hugging Face model in `folder`, with a PEFT adapter over it where one is given."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter))
    return model.eval()


def mean_hf_margin(folder: Path, pairs: Sequence[Comparison], adapter: Path | None = None) -> float:
    """The mean preference margin of the model that `load_hf` gives, in nats."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = load_hf(folder, adapter)
    return float(np.mean([hf_margin(model, tokenizer, pair) for pair in pairs]))


def hf_margin(model: Any, tokenizer: Any, pair: Comparison) -> float:
    """The same by transformers."""
    return _hf_score(model, tokenizer, pair.prompt, pair.chosen) - _hf_score(
        model, tokenizer, pair.prompt, pair.rejected
    )


def _hf_score(model: Any, tokenizer: Any, prompt: Prompt, answer: str) -> float:
    context = tokenizer(prompt.text, add_special_tokens=False)["input_ids"]
    target = tokenizer(answer + prompt.stop, add_special_tokens=False)["input_ids"]
    with torch.no_grad():
        # (1, answer + 1, vocabulary): the last row predicts what follows the answer
        logits = model(
            torch.tensor([context + target], device=model.device), logits_to_keep=len(target) + 1
        ).logits
    logprobs = torch.log_softmax(logits[0, :-1].float(), dim=-1)
    rows = torch.arange(len(target))
    return float(logprobs[rows, torch.tensor(target)].sum())


def _margin_problems(margins: Margins) -> list[str]:
    if margins.kept is not None:
        if margins.kept >= MARGIN_KEPT:
            return []
        return [
            f"quantization kept {margins.kept:.0%} of the margin learnt, {MARGIN_KEPT:.0%} is due"
        ]
    lost = margins.model - margins.file
    allowed = max(MARGIN_SLACK, (1 - MARGIN_KEPT) * abs(margins.model))
    if lost <= allowed:
        return []
    return [f"quantization lost {lost:.2f} nats of the preference margin of {margins.model:.2f}"]
