"""Log-probabilities in chunks are those of the full logits, and so are their gradients."""

from __future__ import annotations

import math

import pytest
import torch

from trainer.dpo.scores import Head, likeliest_tokens, score_tokens


def test_log_probabilities_by_hand() -> None:
    # vocabulary of two: logits (log 3, 0) give 3/4 and 1/4
    head = Head(weight=torch.tensor([[math.log(3)], [0.0]]))
    scores = score_tokens(torch.ones(2, 1), head, torch.tensor([0, 1]), torch.tensor([[1], [0]]))
    assert scores.logprobs.tolist() == pytest.approx([math.log(3 / 4), math.log(1 / 4)])
    assert scores.likeliest.tolist() == [True, False]
    assert scores.kept is not None
    assert scores.kept.flatten().tolist() == pytest.approx([math.log(1 / 4), math.log(3 / 4)])


@pytest.mark.parametrize("chunk_elements", [1, 150, 1 << 20])
@pytest.mark.parametrize("biased", [False, True])
def test_chunks_equal_the_whole(chunk_elements: int, biased: bool) -> None:
    torch.manual_seed(0)
    states = torch.randn(13, 8, requires_grad=True)
    weight = torch.randn(50, 8)
    bias = torch.randn(50) if biased else None
    tokens, pull = torch.randint(50, (13,)), torch.randn(13)
    head = Head(weight=weight, bias=bias, chunk_elements=chunk_elements)
    got = score_tokens(states, head, tokens).logprobs
    (gradient,) = torch.autograd.grad((got * pull).sum(), states)
    logits = torch.nn.functional.linear(states, weight, bias)
    expected = logits.log_softmax(-1).gather(-1, tokens[:, None])[:, 0]
    (wanted,) = torch.autograd.grad((expected * pull).sum(), states)
    assert torch.allclose(got, expected, atol=1e-6)
    assert torch.allclose(gradient, wanted, atol=1e-6)


def test_no_more_logits_at_once_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The full logits of a large vocabulary never exist."""
    seen: list[int] = []
    whole = Head.logits
    monkeypatch.setattr(
        Head, "logits", lambda self, part: seen.append(len(part)) or whole(self, part)
    )
    head = Head(weight=torch.randn(151_936, 4), chunk_elements=1 << 20)  # 6 tokens of it
    states = torch.randn(20, 4, requires_grad=True)
    score_tokens(states, head, torch.arange(20)).logprobs.sum().backward()
    assert seen == [6, 6, 6, 2]  # and none in the backward pass
    assert states.grad is not None


def test_a_trainable_head_is_refused() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Head(weight=torch.randn(4, 2, requires_grad=True))


def test_the_likeliest_tokens_and_small_vocabularies() -> None:
    head = Head(weight=torch.tensor([[0.0], [math.log(3)]]), chunk_elements=2)
    ids, logprobs = likeliest_tokens(torch.ones(3, 1), head, 32)
    assert ids.tolist() == [[1, 0]] * 3
    assert logprobs.exp().flatten().tolist() == pytest.approx([3 / 4, 1 / 4] * 3)
