"""The simple recurrent network: gradients of a step's loss, at that step and the one before.

With x_t a word, L_x its row of the embedding matrix L, and row vectors throughout,

    e_t = L_{x_t}        h_t = sigmoid(h_{t-1} H + e_t I + b1)        yhat_t = softmax(h_t U + b2)

    J_t = - sum_k y_{t,k} log yhat_{t,k}

From the output down to the hidden vector (see softmax):

    delta_t  = yhat_t - y_t
    dJ_t/dU  = h_t^T delta_t       dJ_t/db2 = delta_t       dJ_t/dh_t = delta_t U^T

From a hidden vector h_s and its gradient dJ/dh_s to everything that h_s depends on:

    gamma_s     = dJ/dh_s * h_s * (1 - h_s)
    dJ/dL_{x_s} = gamma_s I^T      dJ/dI|_s = e_s^T gamma_s       dJ/db1|_s  = gamma_s
    dJ/dh_{s-1} = gamma_s H^T      dJ/dH|_s = h_{s-1}^T gamma_s

Here |_s means the gradient of the parameter as it is used at step s only. With s = t these are the
gradients of J_t at its own step. They include dJ_t/dh_{t-1}, with which the same equations at
s = t - 1 give the gradients at the previous step. Backpropagation through time repeats this.

Sources: Elman 1990, Finding structure in time; Mikolov et al. 2010, Recurrent neural network based
language model.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .softmax import softmax


class Network(NamedTuple):
    """The parameters, or one gradient for each.

    Shape:
        L: (vocabulary, embedding); H: (hidden, hidden); I: (embedding, hidden); b1: (hidden,);
        U: (hidden, vocabulary); b2: (vocabulary,).
    """

    L: Tensor
    H: Tensor
    I: Tensor  # noqa: E741 - the letter of the course
    b1: Tensor
    U: Tensor
    b2: Tensor


class OutputGradients(NamedTuple):
    """dJ/dU and dJ/db2, summed over the rows, and dJ/dh, row by row."""

    U: Tensor
    b2: Tensor
    h: Tensor


class HiddenGradients(NamedTuple):
    """dJ/dH, dJ/dI and dJ/db1 at one step, summed over the rows; dJ/dL_x and dJ/dh_{s-1} by row."""

    L_x: Tensor
    H: Tensor
    I: Tensor  # noqa: E741
    b1: Tensor
    h_before: Tensor


def hidden_step(network: Network, h: Tensor, x: Tensor) -> Tensor:
    """Return h_t = sigmoid(h_{t-1} H + L_{x_t} I + b1).

    Shape:
        h, result: (batch, hidden); x: (batch,).
    """
    return torch.sigmoid(h @ network.H + network.L[x] @ network.I + network.b1)


def predict(network: Network, h: Tensor) -> Tensor:
    """Return yhat_t = softmax(h_t U + b2).

    Shape:
        h: (..., hidden); result: (..., vocabulary).
    """
    return softmax(h @ network.U + network.b2)


def output_gradients(network: Network, h: Tensor, yhat: Tensor, y: Tensor) -> OutputGradients:
    """Compute the gradients from the loss of a step down to its hidden vector.

    Shape:
        h: (batch, hidden); yhat: (batch, vocabulary); y: (batch,), the ids of the target words.
    """
    delta = yhat.clone()
    delta[torch.arange(len(y)), y] -= 1
    return OutputGradients(U=h.t() @ delta, b2=delta.sum(0), h=delta @ network.U.t())


def hidden_gradients(
    network: Network, h_before: Tensor, x: Tensor, h: Tensor, dh: Tensor
) -> HiddenGradients:
    """Compute the gradients from a hidden vector to everything that it depends on.

    Shape:
        h_before (h_{s-1}), h (h_s), dh (dJ/dh_s): (batch, hidden); x: (batch,), word ids.
    """
    gamma = dh * h * (1 - h)
    return HiddenGradients(
        L_x=gamma @ network.I.t(),
        H=h_before.t() @ gamma,
        I=network.L[x].t() @ gamma,
        b1=gamma.sum(0),
        h_before=gamma @ network.H.t(),
    )
