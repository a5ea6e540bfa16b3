"""The arithmetic of the reports, each formula with its source."""

from __future__ import annotations

import math

_Z95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


def pass_at_k(*, n: int, c: int, k: int) -> float:
    """Chance that at least one of `k` answers is right, from `n` answers of which `c` are.

    Unbiased: 1 - C(n - c, k) / C(n, k). Chen et al. 2021, "Evaluating Large Language Models
    Trained on Code", equation 1.

    Raises:
        ValueError: not 0 <= c <= n or not 1 <= k <= n.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@k of {c} right answers in {n} with k = {k} means nothing")
    return 1.0 - math.comb(n - c, k) / math.comb(n, k)


def wilson(successes: int, total: int) -> tuple[float, float]:
    """95 % interval of a share; (0, 1) when nothing was counted.

    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".
    """
    if total == 0:
        return 0.0, 1.0
    share = successes / total
    scale = 1.0 + _Z95**2 / total
    center = share + _Z95**2 / (2 * total)
    half = _Z95 * math.sqrt(share * (1 - share) / total + _Z95**2 / (4 * total**2))
    return max(0.0, (center - half) / scale), min(1.0, (center + half) / scale)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact two-sided p-value that two models are equally good.

    Args:
        only_a: problems that the first solved and the second did not.
        only_b: the other way round. Problems that both or neither solved say nothing.

    Source: McNemar 1947; the exact form is the binomial test of `only_a` in the sum at 1/2.
    """
    total = only_a + only_b
    tail = sum(math.comb(total, i) for i in range(min(only_a, only_b) + 1))
    return min(1.0, tail / float(2 ** (total - 1))) if total else 1.0
