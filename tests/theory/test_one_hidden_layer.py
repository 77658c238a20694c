"""The network with one hidden layer against autograd, for any sizes."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from hf_lmcourse.theory import one_hidden_layer

from .draws import assert_same, gradients, normal

sizes = st.integers(1, 6)


@settings(max_examples=25, deadline=None)
@given(batch=sizes, inputs=sizes, hidden=sizes, classes=sizes)
def test_all_gradients_are_those_of_autograd(
    batch: int, inputs: int, hidden: int, classes: int
) -> None:
    shapes = [(inputs, hidden), (hidden,), (hidden, classes), (classes,)]
    network = one_hidden_layer.Network(*(normal(*s, seed=i) for i, s in enumerate(shapes)))
    x = normal(batch, inputs, seed=5)
    y = torch.softmax(normal(batch, classes, seed=6), -1)

    def plain(x: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor) -> Tensor:
        logits = functional.linear(torch.sigmoid(functional.linear(x, W1.t(), b1)), W2.t(), b2)
        return functional.cross_entropy(logits, y, reduction="sum")

    assert_same(one_hidden_layer.loss(network, x, y), plain(x, *network))
    assert_same(tuple(one_hidden_layer.gradients(network, x, y)), gradients(plain, x, *network))


def test_the_prediction_is_a_distribution() -> None:
    network = one_hidden_layer.Network(normal(3, 4), normal(4), normal(4, 5), normal(5))
    yhat = one_hidden_layer.predict(network, normal(2, 3))
    assert bool((yhat > 0).all())
    assert_same(yhat.sum(-1), torch.ones(2, dtype=torch.float64))
