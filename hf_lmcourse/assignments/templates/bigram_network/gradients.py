"""Gradients by hand: of the softmax, and of the bigram network.

Neither autograd nor a library's loss is needed: the derivatives are formulas.
"""

import torch
from torch import Tensor


def softmax_gradient(z: Tensor, W: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of J with respect to theta, W and z.

    With theta = z W^T and yhat = softmax(theta), row by row,

        J = 1/N sum over the N rows of - sum_k y_k log yhat_k

    Shape:
        z, d_z: (rows, size); W, d_W: (classes, size); y, d_theta: (rows, classes).
    """
    theta = z @ W.T
    # the logits may be 1,000: shift each row, which changes no probability
    # BEGIN SOLUTION
    powers = torch.exp(theta - theta.max(dim=1, keepdim=True).values)
    yhat = powers / powers.sum(dim=1, keepdim=True)
    # END SOLUTION
    # the mean over the rows belongs to the gradient
    d_theta = (yhat - y) / len(z)  # SOLUTION
    d_W = d_theta.T @ z  # SOLUTION
    d_z = d_theta @ W  # SOLUTION
    return d_theta, d_W, d_z


def forward_backward_prop(
    data: Tensor, labels: Tensor, params: Tensor, dimensions: list[int]
) -> tuple[Tensor, Tensor]:
    """Return the cost of the bigram network and its gradient, in the order of the parameters.

    With h = sigmoid(data W1 + b1) and yhat = softmax(h W2 + b2), the cost is the sum over the rows
    of - sum_k labels_k log yhat_k.

    Shape:
        data: (rows, Dx); labels: (rows, Dy), one-hot; params, gradient: W1 (Dx, H), b1 (H),
        W2 (H, Dy), b2 (Dy) one after the other, matrices row by row; cost: ().
    """
    Dx, H, Dy = dimensions
    W1, b1, W2, b2 = params.split([Dx * H, H, H * Dy, Dy])
    W1, W2 = W1.reshape(Dx, H), W2.reshape(H, Dy)

    # forward pass
    # BEGIN SOLUTION
    h = torch.sigmoid(data @ W1 + b1)
    log_yhat = torch.log_softmax(h @ W2 + b2, dim=1)
    cost = -(labels * log_yhat).sum()
    # END SOLUTION

    # backward pass, from the output to the input
    # BEGIN SOLUTION
    d_theta = log_yhat.exp() - labels
    d_W2, d_b2 = h.T @ d_theta, d_theta.sum(0)
    d_a = (d_theta @ W2.T) * h * (1 - h)
    d_W1, d_b1 = data.T @ d_a, d_a.sum(0)
    # END SOLUTION

    return cost, torch.cat([part.reshape(-1) for part in (d_W1, d_b1, d_W2, d_b2)])
