"""Label smoothing in closed form against the sum over the whole vocabulary."""

import pytest
import torch
from torch.nn import functional

from hf_lmcourse.kernels.softmax_loss import linear_cross_entropy
from hf_lmcourse.layers.label_smoothing import label_margin

from ..kernels.test_softmax_loss import VOCABULARY, draw, some_targets


@pytest.mark.parametrize("with_bias", [True, False])
def test_loss_and_gradients_are_those_of_smoothed_labels(with_bias: bool) -> None:
    leaves = [draw(9, 5), draw(VOCABULARY, 5, seed=1)]
    leaves += [draw(VOCABULARY, seed=2)] if with_bias else []
    hidden, weight, bias = (*leaves, None)[:3]
    assert hidden is not None and weight is not None
    targets = some_targets(9)
    loss = linear_cross_entropy(hidden, weight, bias, targets)
    loss = loss + 0.2 * label_margin(hidden, weight, bias, targets)
    plain = functional.cross_entropy(
        functional.linear(hidden, weight, bias), targets, reduction="sum", label_smoothing=0.2
    )
    torch.testing.assert_close(loss, plain, rtol=1e-10, atol=1e-10)
    ours, theirs = torch.autograd.grad(loss, leaves), torch.autograd.grad(plain, leaves)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_nothing_to_predict_costs_nothing() -> None:
    targets = torch.full((4,), -100)
    assert label_margin(draw(4, 3), draw(7, 3), draw(7), targets).item() == 0
