"""The ways to compute a loss agree where they should."""

import math

import pytest
import torch

from benchmarks import softmax
from benchmarks.tokens import zipf_tokens

TINY = softmax.SoftmaxSetting(tokens=30, width=16, vocabularies=(20, 40), sampled=1)


def gradients(kind: softmax.Kind) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(0)
    head, loss = softmax.LOSSES[kind](TINY, 40)
    hidden = torch.randn(TINY.tokens, TINY.width, requires_grad=True)
    total = loss(hidden, torch.from_numpy(zipf_tokens(TINY.tokens, 40)).long())
    total.backward()
    assert hidden.grad is not None
    return total, hidden.grad, *(p.grad for p in head.parameters() if p.grad is not None)


@pytest.mark.parametrize("kind", ["full, chunked", "sampled"])
def test_loss_and_gradients_are_those_of_all_logits(kind: softmax.Kind) -> None:
    # "sampled" with a sample of the whole vocabulary
    for found, wanted in zip(gradients(kind), gradients("full, all logits"), strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", softmax.LOSSES)
def test_a_step_gives_the_loss_of_all_tokens_in_training_and_without(kind: softmax.Kind) -> None:
    losses = [softmax.softmax_step(TINY, kind, 40, training)() for training in (False, True)]
    torch.testing.assert_close(*losses)
    assert losses[0] / TINY.tokens == pytest.approx(math.log(40), rel=0.5)


def test_rows_for_every_vocabulary() -> None:
    rows = list(softmax.softmax(1, TINY, memory=False))
    assert [(row.name.split(", ")[1], row.size) for row in rows] == [
        ("forward", 20), ("forward", 40), ("training", 20), ("training", 40)
    ]  # fmt: skip
    assert all(list(row.medians) == list(softmax.LOSSES) for row in rows)
