"""Softmax and cross-entropy against torch, for any sizes and any targets."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from hf_lmcourse.theory import softmax

from .draws import assert_same, gradients, normal

sizes = st.integers(1, 6)


@settings(max_examples=25, deadline=None)
@given(batch=sizes, classes=sizes, size=sizes, scale=st.sampled_from([1.0, 30.0]))
def test_all_gradients_are_those_of_autograd(
    batch: int, classes: int, size: int, scale: float
) -> None:
    W, z = scale * normal(classes, size), normal(batch, size, seed=1)
    y = torch.softmax(normal(batch, classes, seed=2), -1)
    theta = z @ W.t()
    reference = functional.cross_entropy(theta, y, reduction="none")
    assert_same(softmax.cross_entropy(theta, y), reference)
    (d_theta,) = gradients(lambda t: functional.cross_entropy(t, y, reduction="sum"), theta)
    d_W, d_z = gradients(lambda W, z: functional.cross_entropy(z @ W.t(), y, reduction="sum"), W, z)
    assert_same(softmax.logit_gradient(theta, y), d_theta)
    assert_same(softmax.weight_gradient(theta, y, z), d_W)
    assert_same(softmax.input_gradient(theta, y, W), d_z)


@settings(max_examples=25, deadline=None)
@given(batch=sizes, classes=sizes)
def test_the_other_derivations_give_the_same_gradient(batch: int, classes: int) -> None:
    theta, c = normal(batch, classes), torch.arange(batch) % classes
    y = functional.one_hot(c, classes).double()
    assert_same(softmax.logit_gradient_by_cases(theta, c), softmax.logit_gradient(theta, y))
    for targets in (y, torch.softmax(normal(batch, classes, seed=1), -1)):
        through = softmax.logit_gradient_through_yhat(theta, targets)
        (reference,) = gradients(
            lambda t: functional.cross_entropy(t, targets, reduction="sum"),  # noqa: B023
            theta,
        )
        assert_same(through, reference)


def test_no_exponential_overflows() -> None:
    theta = torch.tensor([1e5, 1e5, -1e5], dtype=torch.float64)
    assert_same(softmax.softmax(theta), torch.tensor([0.5, 0.5, 0.0], dtype=torch.float64))
    loss = softmax.cross_entropy(theta, torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64))
    assert_same(loss.item(), 2e5 + torch.tensor(2.0, dtype=torch.float64).log().item())


def test_a_constant_added_to_the_logits_changes_nothing() -> None:
    theta = normal(3, 5)
    assert_same(softmax.softmax(theta + 7), softmax.softmax(theta))
    assert_same(softmax.softmax_jacobian(theta).sum(-1), torch.zeros(3, 5, dtype=torch.float64))


def test_the_jacobian_of_a_batch_is_that_of_each_row() -> None:
    theta = normal(3, 5)
    for row, ours in zip(theta, softmax.softmax_jacobian(theta), strict=True):
        reference = torch.autograd.functional.jacobian(lambda t: torch.softmax(t, -1), row)
        assert_same(ours, reference)
