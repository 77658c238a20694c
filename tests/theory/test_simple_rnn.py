"""The gradients of a step: words that repeat, and parts that add up to the whole."""

import torch
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.theory import simple_rnn
from hf_lmcourse.theory.backpropagation_through_time import new_network

from .draws import assert_same, gradients, normal


def test_the_parts_of_two_steps_add_up_to_the_gradient_of_the_last_loss() -> None:
    network = new_network(7, 4, 5, torch.Generator().manual_seed(0))
    h0 = torch.sigmoid(normal(3, 5))
    x1, x2, y = torch.tensor([[0, 6, 2], [0, 6, 3], [5, 5, 1]])  # a word twice in a row

    h1 = simple_rnn.hidden_step(network, h0, x1)
    h2 = simple_rnn.hidden_step(network, h1, x2)
    out = simple_rnn.output_gradients(network, h2, simple_rnn.predict(network, h2), y)
    now = simple_rnn.hidden_gradients(network, h1, x2, h2, out.h)
    before = simple_rnn.hidden_gradients(network, h0, x1, h1, now.h_before)

    def last_loss(*parameters: Tensor) -> Tensor:
        L, H, I, b1, U, b2 = parameters  # noqa: E741
        h = torch.sigmoid(h0 @ H + L[x1] @ I + b1)
        h = torch.sigmoid(h @ H + L[x2] @ I + b1)
        return functional.cross_entropy(h @ U + b2, y, reduction="sum")

    d_L = torch.zeros_like(network.L).index_add(0, x1, before.L_x).index_add(0, x2, now.L_x)
    parts = (d_L, now.H + before.H, now.I + before.I, now.b1 + before.b1, out.U, out.b2)
    assert_same(parts, gradients(last_loss, *network))


def test_the_prediction_of_a_step_is_left_alone() -> None:
    network = new_network(7, 4, 5, torch.Generator().manual_seed(0))
    h = torch.sigmoid(normal(2, 5))
    yhat = simple_rnn.predict(network, h)
    kept = yhat.clone()
    simple_rnn.output_gradients(network, h, yhat, torch.tensor([1, 2]))
    assert torch.equal(yhat, kept)
