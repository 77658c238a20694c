"""Backpropagation through time: the gradient of a whole sequence, and a training step.

The simple recurrent network (see simple_rnn) reads x_1 .. x_T and predicts y_1 .. y_T:

    J = 1/T (J_1 + ... + J_T)

A hidden vector h_s affects its own prediction and all later ones, the latter only through
h_{s+1}. So, from the last step to the first,

    dJ/dh_s = 1/T dJ_s/dh_s  +  dJ/dh_{s+1} dh_{s+1}/dh_s
            = 1/T (yhat_s - y_s) U^T  +  gamma_{s+1} H^T          gamma_{T+1} = 0

    gamma_s = dJ/dh_s * h_s * (1 - h_s)

A parameter is used at every step, and its gradient is the sum of the parts |_s:

    dJ/dH = sum_s h_{s-1}^T gamma_s       dJ/dI = sum_s e_s^T gamma_s       dJ/db1 = sum_s gamma_s
    dJ/dU = 1/T sum_s h_s^T (yhat_s - y_s)            dJ/db2 = 1/T sum_s (yhat_s - y_s)
    dJ/dL_x = sum over the s with x_s = x of gamma_s I^T

One backward pass computes the gradients of all J_t together; separately they would take T passes.
If a text is split into chunks, h_T is passed to the next chunk as a constant: truncated
backpropagation.

Sources: Werbos 1990, Backpropagation through time: what it does and how to do it; clipping of the
norm: Pascanu, Mikolov and Bengio 2013.
"""

import torch
from torch import Tensor

from .simple_rnn import Network, hidden_gradients, hidden_step, output_gradients, predict


def new_network(
    vocabulary: int, embedding: int, hidden: int, generator: torch.Generator
) -> Network:
    """Initialise parameters in float64: normal, of variance one over the rows; biases zero.

    Then the entries of h H and e I have a variance of at most about one.
    """

    def normal(rows: int, columns: int, variance: float) -> Tensor:
        entries = torch.randn(rows, columns, generator=generator, dtype=torch.float64)
        return entries * variance**0.5

    return Network(
        L=normal(vocabulary, embedding, 1.0),
        H=normal(hidden, hidden, 1 / hidden),
        I=normal(embedding, hidden, 1 / embedding),
        b1=torch.zeros(hidden, dtype=torch.float64),
        U=normal(hidden, vocabulary, 1 / hidden),
        b2=torch.zeros(vocabulary, dtype=torch.float64),
    )


def loss_and_gradients(
    network: Network, tokens: Tensor, targets: Tensor, h: Tensor
) -> tuple[float, Network, Tensor, Tensor]:
    """Compute the mean loss of a batch of sequences, and its gradients by the equations above.

    Returns:
        J in nats per token, the gradient of each parameter, dJ/dh_0 and h_T.

    Shape:
        tokens x_1 .. x_T, targets y_1 .. y_T: (batch, length); h, that is h_0, dJ/dh_0 and h_T:
        (batch, hidden).
    """
    length = tokens.shape[1]
    hidden = [h]
    for t in range(length):
        hidden.append(hidden_step(network, hidden[-1], tokens[:, t]))
    yhat = predict(network, torch.stack(hidden[1:], dim=1))
    nll = -yhat.gather(-1, targets.unsqueeze(-1)).log()

    total = Network(*(torch.zeros_like(parameter) for parameter in network))
    dh = torch.zeros_like(h)
    for s in reversed(range(length)):
        out = output_gradients(network, hidden[s + 1], yhat[:, s], targets[:, s])
        inner = hidden_gradients(network, hidden[s], tokens[:, s], hidden[s + 1], dh + out.h)
        total.U.add_(out.U)
        total.b2.add_(out.b2)
        total.H.add_(inner.H)
        total.I.add_(inner.I)
        total.b1.add_(inner.b1)
        total.L.index_add_(0, tokens[:, s], inner.L_x)
        dh = inner.h_before
    count = targets.numel()
    mean = Network(*(gradient / count for gradient in total))
    return nll.mean().item(), mean, dh / count, hidden[-1]


def train_step(
    network: Network,
    tokens: Tensor,
    targets: Tensor,
    h: Tensor,
    learning_rate: float,
    max_norm: float,
) -> tuple[Network, float, Tensor]:
    """Take a step of stochastic gradient descent with gradient norm clipping.

        theta' = theta - learning_rate min(1, max_norm / ||g||) g       with g = dJ/dtheta

    The state h is zero at the start of a text, then h_T of the last call. Shapes are as in
    `loss_and_gradients`.

    Returns:
        theta', the loss before the step in nats per token, and h_T.
    """
    loss, gradients, _, last = loss_and_gradients(network, tokens, targets, h)
    norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
    step = learning_rate * min(1.0, max_norm / norm) if norm else 0.0
    moved = (theta - step * g for theta, g in zip(network, gradients, strict=True))
    return Network(*moved), loss, last
