"""Variance, entropy and gradient of attention with and without the division by sqrt d."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.theory import attention_scaling as scaling

from .draws import assert_same, gradients, normal

sizes = st.integers(1, 6)


@settings(max_examples=25, deadline=None)
@given(batch=sizes, keys=sizes, d=sizes, values=sizes, scale=st.floats(0.1, 3))
def test_the_query_gradient_is_that_of_torchs_attention(
    batch: int, keys: int, d: int, values: int, scale: float
) -> None:
    q, K = normal(batch, d), normal(batch, keys, d, seed=1)
    V, g = normal(batch, keys, values, seed=2), normal(batch, values, seed=3)

    def loss(q: Tensor) -> Tensor:
        c = functional.scaled_dot_product_attention(q.unsqueeze(1), K, V, scale=scale)
        return (c.squeeze(1) * g).sum()

    assert_same((scaling.query_gradient(q, K, V, g, scale),), gradients(loss, q))


@settings(max_examples=25, deadline=None)
@given(n=sizes, s=st.floats(0.1, 5))
def test_the_entropy_falls_by_its_formula(n: int, s: float) -> None:
    o = normal(n)
    scale = torch.tensor(s, dtype=torch.float64)
    (reference,) = gradients(
        lambda t: torch.distributions.Categorical(logits=t * o).entropy(), scale
    )
    assert_same(scaling.entropy_slope(o, s), reference)
    assert scaling.entropy_slope(o, s) <= 0


def test_a_certain_softmax_has_no_entropy() -> None:
    assert scaling.entropy(torch.tensor([1.0, 0.0])) == 0


def test_a_point_follows_its_definitions() -> None:
    drawn = scaling.draw_attention(9, 5, 7, torch.Generator().manual_seed(0))
    scaled = scaling.scaling_point(*drawn, 1 / 3)
    assert_same(scaled.logits, (drawn[1] @ drawn[0].unsqueeze(-1)).squeeze(-1) / 3)
    p = torch.softmax(scaled.logits, -1)
    assert_same(scaled.passed, 1 - p.square().sum(-1))
    assert_same(scaled.entropy, torch.distributions.Categorical(p).entropy())
    assert scaled.gradient.shape == (7,)


def test_without_the_division_the_softmax_saturates_and_the_typical_gradient_vanishes() -> None:
    def draw(d: int, scale: float) -> scaling.ScalingPoint:
        drawn = scaling.draw_attention(d, 16, 200, torch.Generator().manual_seed(0))
        return scaling.scaling_point(*drawn, scale)

    assert draw(900, 1.0).entropy.mean() < 0.2
    assert draw(900, 1.0).gradient.median() < 0.1 * draw(900, 1 / 30).gradient.median()
    small, large = draw(9, 1 / 3), draw(900, 1 / 30)
    assert large.entropy.mean().item() == pytest.approx(small.entropy.mean().item(), abs=0.1)


def test_the_variance_grows_with_the_size_unless_divided() -> None:
    assert scaling.logit_variance(64, 1.0) == 64
    assert scaling.logit_variance(64, 64**-0.5) == pytest.approx(1)
