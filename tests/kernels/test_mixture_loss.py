"""Adversarial softmax: the closed form is the worst case, and its gradients are autograd's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.kernels import logit_chunks
from hf_lmcourse.kernels.mixture_loss import adversarial_cross_entropy
from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy

from .test_softmax_loss import draw, some_targets

EPSILON = 0.3


def plain(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, epsilon: float
) -> Tensor:
    """The definition by autograd: logits, the margin off the target's, cross-entropy."""
    logits = functional.linear(hidden, weight, bias)
    radius = epsilon * weight.detach()[targets.clamp(min=0)].norm(dim=-1)
    margin = (radius * hidden.norm(dim=-1)).unsqueeze(-1)
    lowered = logits.scatter_add(-1, targets.clamp(min=0).unsqueeze(-1), -margin)
    return functional.cross_entropy(lowered, targets, reduction="sum")


@settings(max_examples=25, deadline=None)
@given(
    tokens=st.integers(1, 9),
    size=st.integers(1, 5),
    vocabulary=st.integers(1, 12),
    with_bias=st.booleans(),
    epsilon=st.sampled_from([0.0, 0.02, 0.5, 3.0]),
    chunk=st.integers(1, 40),
)
def test_the_chunked_loss_equals_the_definition(
    tokens: int, size: int, vocabulary: int, with_bias: bool, epsilon: float, chunk: int
) -> None:
    leaves = [draw(tokens, size), draw(vocabulary, size, seed=1)]
    leaves += [draw(vocabulary, seed=2)] if with_bias else []
    hidden, weight, bias = (*leaves, None)[:3]
    assert hidden is not None and weight is not None
    targets = some_targets(tokens, vocabulary)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logit_chunks, "_CHUNK_ELEMENTS", chunk)
        patch.setattr(logit_chunks, "_LEAST_CHUNK", 1)
        loss, cross_entropy = adversarial_cross_entropy(hidden, weight, bias, targets, epsilon)
    expected = plain(hidden, weight, bias, targets, epsilon)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(
        cross_entropy, plain(hidden, weight, bias, targets, 0).detach(), rtol=1e-10, atol=1e-10
    )
    assert not cross_entropy.requires_grad
    torch.testing.assert_close(
        torch.autograd.grad(loss * 0.7, leaves),
        torch.autograd.grad(expected * 0.7, leaves),
        rtol=1e-10,
        atol=1e-10,
    )


def perturbed_loss(hidden: Tensor, weight: Tensor, target: int, delta: Tensor) -> Tensor:
    """The cross-entropy of one token where the row of its target is moved by delta."""
    moved = weight.clone()
    moved[target] += delta
    return linear_cross_entropy(hidden[None], moved, None, torch.tensor([target]))


def test_no_perturbation_of_that_length_is_worse_and_one_is_as_bad() -> None:
    hidden, weight = draw(4, 3).detach(), draw(7, 3, seed=1).detach()
    generator = torch.Generator().manual_seed(5)
    for row, target in enumerate([0, 6, 3, 3]):
        h, y = hidden[row], torch.tensor([target])
        loss, _ = adversarial_cross_entropy(h[None], weight, None, y, EPSILON)
        radius = EPSILON * weight[target].norm()
        worst = perturbed_loss(h, weight, target, -radius * h / h.norm())
        torch.testing.assert_close(worst, loss, rtol=1e-10, atol=1e-10)
        for _ in range(50):
            delta = torch.randn(3, generator=generator, dtype=torch.float64)
            length = torch.rand((), generator=generator, dtype=torch.float64)
            delta *= length * radius / delta.norm()
            assert perturbed_loss(h, weight, target, delta) <= loss + 1e-10


def test_a_hidden_vector_of_zeros_has_no_margin_and_a_finite_gradient() -> None:
    hidden = torch.zeros(2, 3, dtype=torch.float64, requires_grad=True)
    weight, targets = draw(5, 3).detach(), torch.tensor([1, 4])
    loss, cross_entropy = adversarial_cross_entropy(hidden, weight, None, targets, EPSILON)
    torch.testing.assert_close(loss, cross_entropy)
    (gradient,) = torch.autograd.grad(loss, hidden)
    assert gradient.isfinite().all()


def test_a_large_margin_stays_finite() -> None:
    hidden, weight = 1e3 * draw(4, 3).detach(), draw(7, 3, seed=1).detach()
    losses = adversarial_cross_entropy(hidden, weight, None, torch.tensor([0, 1, 2, 3]), 1.0)
    assert all(bool(loss.isfinite()) for loss in losses)
