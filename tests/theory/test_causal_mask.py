"""The head that copies the next token: with the future visible, and without."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hf_lmcourse.theory import causal_mask

lengths, extra = st.integers(2, 9), st.integers(0, 9)
numbers = st.floats(0, 20)


def softmax_loss(logits: torch.Tensor, target: int) -> float:
    return (torch.logsumexp(logits, 0) - logits[target]).item()


@settings(max_examples=50, deadline=None)
@given(length=lengths, beta=numbers)
def test_weights_are_the_softmax_of_the_scores(length: int, beta: float) -> None:
    weights = torch.softmax(causal_mask.copying_scores(length, beta), -1)
    w, u = causal_mask.copying_weights(length, beta)
    assert weights[0, 1].item() == pytest.approx(w, rel=1e-12)
    assert weights[0, 0].item() == pytest.approx(u, rel=1e-12)
    assert torch.allclose(weights[-1], torch.full((length,), 1 / length).double())


@settings(max_examples=50, deadline=None)
@given(length=lengths, unused=extra, beta=numbers, gamma=numbers)
def test_the_loss_with_the_future_visible(
    length: int, unused: int, beta: float, gamma: float
) -> None:
    w, u = causal_mask.copying_weights(length, beta)
    logits = torch.zeros(length + unused, dtype=torch.float64)
    logits[:length], logits[1] = gamma * u, gamma * w
    loss = causal_mask.copying_loss(length, length + unused, beta, gamma)
    assert loss == pytest.approx(softmax_loss(logits, 1), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(seen=st.integers(1, 9), unused=st.integers(1, 9), gamma=numbers)
def test_the_loss_of_the_past_alone_is_above_that_of_a_uniform_distribution(
    seen: int, unused: int, gamma: float
) -> None:
    logits = torch.zeros(seen + unused, dtype=torch.float64)
    logits[:seen] = gamma / seen
    loss = causal_mask.loss_without_a_future(seen, seen + unused, gamma)
    assert loss == pytest.approx(softmax_loss(logits, seen), abs=1e-12)
    assert loss >= math.log(seen + unused) - 1e-12


def test_copying_has_no_loss_with_the_future_and_a_growing_loss_without() -> None:
    first, second = (causal_mask.copying_loss(10, 50, beta, 20) for beta in (5, 10))
    assert first > second and second < 1e-6
    blind = [causal_mask.loss_without_a_future(5, 50, gamma) for gamma in (0, 10, 20)]
    assert blind == sorted(blind) and blind[0] == pytest.approx(math.log(50))
