"""Sampled softmax: an unbiased normaliser, and the exact loss where everything is drawn."""

from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hf_lmcourse.kernels.logit_chunks import size_multiple
from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy
from hf_lmcourse.layers.sampled_softmax import (
    inclusion_probabilities,
    sample_vocabulary,
    sampled_cross_entropy,
)

from ..kernels.test_softmax_loss import draw, some_targets

VOCABULARY = 6


@given(vocabulary=st.integers(1, 5_000), share=st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_probabilities_fall_and_add_up_to_the_number_asked_for(
    vocabulary: int, share: float
) -> None:
    wanted = max(1, round(share * vocabulary))
    pi = inclusion_probabilities(vocabulary, wanted)
    assert pi.sum().item() == pytest.approx(wanted, rel=1e-6)
    assert bool((pi.diff() <= 0).all()) and 0 < pi[-1] <= pi[0] <= 1


@pytest.mark.parametrize("wanted", [0, 7, -1])
def test_a_number_that_does_not_fit_is_refused(wanted: int) -> None:
    with pytest.raises(ValueError, match="num_sampled must be from 1 to 6"):
        inclusion_probabilities(6, wanted)


@pytest.mark.parametrize("with_bias", [False, True])
def test_the_whole_vocabulary_gives_the_exact_loss_and_gradients(with_bias: bool) -> None:
    leaves = [draw(9, 4), draw(11, 4, seed=1)] + ([draw(11, seed=2)] if with_bias else [])
    hidden, weight, bias = (*leaves, None)[:3]
    assert hidden is not None and weight is not None
    targets = some_targets(9)
    sampled = sampled_cross_entropy(hidden, weight, bias, targets, 11)
    exact = linear_cross_entropy(hidden, weight, bias, targets)
    torch.testing.assert_close(sampled, exact, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        torch.autograd.grad(sampled, leaves),
        torch.autograd.grad(exact, leaves),
        rtol=1e-10,
        atol=1e-10,
    )


def with_draws(monkeypatch: pytest.MonkeyPatch, included: tuple[bool, ...]) -> None:
    """Make the next draw include just these words, whatever their probabilities below one."""
    draws = torch.tensor([0.0 if drawn else 1.0 for drawn in included], dtype=torch.float64)

    def rand(*_: Any, **__: Any) -> Tensor:
        return draws

    monkeypatch.setattr(torch, "rand", rand)


def test_the_normaliser_is_right_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over every possible sample, by its probability: sum of P(S) Z(S) = Z."""
    hidden, weight, bias = draw(1, 4), draw(VOCABULARY, 4, seed=1), draw(VOCABULARY, seed=2)
    target = torch.tensor([4])
    pi = inclusion_probabilities(VOCABULARY, 3)
    scores = hidden @ weight.T + bias
    expected = torch.zeros((), dtype=torch.float64)
    for included in product([False, True], repeat=VOCABULARY):
        drawn = torch.tensor(included)
        probability = torch.where(drawn, pi, 1 - pi).prod()
        if probability == 0:
            continue
        with_draws(monkeypatch, included)
        loss = sampled_cross_entropy(hidden, weight, bias, target, 3)
        expected += probability * (loss + scores[0, 4]).exp()
    torch.testing.assert_close(expected, scores.exp().sum())


def test_gradcheck_accepts_the_loss_of_one_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    with_draws(monkeypatch, (True, False, True, False, False, True))
    targets = torch.tensor([1, -100, 5])

    def loss(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return sampled_cross_entropy(hidden, weight, bias, targets, 3)

    assert torch.autograd.gradcheck(
        loss, (draw(3, 4), draw(VOCABULARY, 4, seed=1), draw(VOCABULARY, seed=2))
    )


def test_words_outside_the_sample_get_no_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    with_draws(monkeypatch, (True, False, True, False, False, False))
    weight = draw(VOCABULARY, 4, seed=1)
    loss = sampled_cross_entropy(draw(2, 4), weight, None, torch.tensor([3, 3]), 3)
    (gradient,) = torch.autograd.grad(loss, weight)
    assert gradient.abs().sum(-1).ne(0).tolist() == [True, False, True, True, False, False]


def test_nothing_to_predict_is_no_loss() -> None:
    loss = sampled_cross_entropy(draw(2, 4), draw(11, 4), None, torch.tensor([-100, -100]), 3)
    assert loss.item() == 0


def test_samples_differ_in_content_and_seldom_in_size() -> None:
    torch.manual_seed(0)
    weight, targets = torch.randn(5_000, 3), torch.randint(5_000, (40,))
    samples = [sample_vocabulary(weight, None, targets, 2_000) for _ in range(20)]
    sizes = {len(rows) for rows, _, _ in samples}
    taking_part = {int(shift.isfinite().sum()) for _, shift, _ in samples}
    assert len(taking_part) > 10
    assert len(sizes) <= 3
    assert all(size % size_multiple(2_000) == 0 for size in sizes)
