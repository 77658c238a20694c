"""A network with one hidden layer: backpropagation layer by layer.

With x a row vector,

    h = sigmoid(x W1 + b1)          yhat = softmax(h W2 + b2)          CE = - sum_k y_k log yhat_k

    delta2    = d CE / d (h W2 + b2) = yhat - y                     (see softmax)
    d CE / dh = delta2 W2^T
    delta1    = d CE / d (x W1 + b1) = delta2 W2^T * h * (1 - h)    (h (1 - h): the sigmoid's slope)

    d CE / dx  = delta1 W1^T
    d CE / dW2 = h^T delta2          d CE / db2 = delta2
    d CE / dW1 = x^T delta1          d CE / db1 = delta1

where * is the elementwise product. For a batch the gradients of the parameters are summed.

Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .softmax import cross_entropy, logit_gradient, softmax


class Network(NamedTuple):
    """The parameters.

    Shape:
        W1: (inputs, hidden); b1: (hidden,); W2: (hidden, classes); b2: (classes,).
    """

    W1: Tensor
    b1: Tensor
    W2: Tensor
    b2: Tensor


class Gradients(NamedTuple):
    """The gradient of the summed cross-entropy, in the shape of each argument."""

    x: Tensor
    W1: Tensor
    b1: Tensor
    W2: Tensor
    b2: Tensor


def _hidden_and_logits(network: Network, x: Tensor) -> tuple[Tensor, Tensor]:
    h = torch.sigmoid(x @ network.W1 + network.b1)
    return h, h @ network.W2 + network.b2


def predict(network: Network, x: Tensor) -> Tensor:
    """Return the distribution yhat of each row.

    Shape:
        x: (batch, inputs); result: (batch, classes).
    """
    return softmax(_hidden_and_logits(network, x)[1])


def loss(network: Network, x: Tensor, y: Tensor) -> Tensor:
    """Return the cross-entropy, summed over the rows, in nats.

    Shape:
        x: (batch, inputs); y: (batch, classes); result: ().
    """
    return cross_entropy(_hidden_and_logits(network, x)[1], y).sum()


def gradients(network: Network, x: Tensor, y: Tensor) -> Gradients:
    """Compute the gradients of `loss` by the equations above.

    Shape:
        x: (batch, inputs); y: (batch, classes).
    """
    h, theta = _hidden_and_logits(network, x)
    delta2 = logit_gradient(theta, y)
    delta1 = delta2 @ network.W2.t() * h * (1 - h)
    return Gradients(
        x=delta1 @ network.W1.t(),
        W1=x.t() @ delta1,
        b1=delta1.sum(0),
        W2=h.t() @ delta2,
        b2=delta2.sum(0),
    )
