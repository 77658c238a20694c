"""Activation regularisation against loops over rows and steps."""

import torch

from hf_lmcourse.layers.activation_penalty import activation_penalty

from ..kernels.test_softmax_loss import draw


def test_the_penalty_is_that_of_the_equations() -> None:
    dropped, hidden = draw(2, 5, 3), draw(2, 5, 3, seed=1)
    predicted = torch.ones(2, 5, dtype=torch.bool)
    predicted[1, 3:] = predicted[0, 1] = False
    expected = torch.zeros((), dtype=torch.float64)
    for row in range(2):
        for t in range(5):
            if predicted[row, t]:
                expected = expected + 2.0 * (dropped[row, t] ** 2).sum() / 3
                if t > 0:
                    expected = (
                        expected + 0.5 * ((hidden[row, t] - hidden[row, t - 1]) ** 2).sum() / 3
                    )
    penalty = activation_penalty(dropped, hidden, 2.0, 0.5, predicted)
    torch.testing.assert_close(penalty, expected, rtol=1e-10, atol=1e-10)


def test_each_weight_is_of_its_own_part() -> None:
    still = torch.ones(1, 4, 2, dtype=torch.float64)
    predicted = torch.ones(1, 4, dtype=torch.bool)
    assert activation_penalty(still, still, 0.0, 1.0, predicted).item() == 0
    assert activation_penalty(still, still, 1.0, 0.0, predicted).item() == 4
