"""Softmax and cross-entropy: the gradient is the prediction minus the truth.

    yhat = softmax(theta)           yhat_k = exp(theta_k) / sum_j exp(theta_j)
    CE   = - sum_k y_k log yhat_k   y a distribution over the classes, often one-hot

With log yhat_k = theta_k - log sum_j exp(theta_j), and because the y_k sum to one,

    CE = log sum_j exp(theta_j) - sum_k y_k theta_k

The derivative of the first term with respect to theta_k is yhat_k, that of the second is y_k:

    d CE / d theta = yhat - y

By cases, for a one-hot y with y_c = 1: CE = log sum_j exp(theta_j) - theta_c, and theta_k is in the
second term only if k = c, so that

    d CE / d theta_k = yhat_k - 1   if k = c          d CE / d theta_k = yhat_k   if k != c

Through d yhat / d theta: by the quotient rule

    d yhat_k / d theta_k = yhat_k (1 - yhat_k)
    d yhat_k / d theta_j = - yhat_k yhat_j                 if k != j

and with d CE / d yhat_k = - y_k / yhat_k the chain rule gives the same again,

    d CE / d theta_j = - y_j (1 - yhat_j) + sum_{k != j} y_k yhat_j = yhat_j sum_k y_k - y_j

For theta_k = w_k . z, the output layer of a network, the chain rule gives

    d CE / d w_k = (yhat_k - y_k) z          d CE / d z = sum_k (yhat_k - y_k) w_k

Sources: Bridle 1990, Probabilistic interpretation of feedforward classification network outputs;
as an exercise in every course on language models.
"""

import torch
from torch import Tensor


def softmax(theta: Tensor) -> Tensor:
    """Return exp(theta_k) / sum_j exp(theta_j) along the last axis.

    A constant added to every theta_j changes nothing, so the largest is subtracted first: no
    exponential overflows.

    Shape:
        theta, result: (..., classes).
    """
    powers = torch.exp(theta - theta.max(dim=-1, keepdim=True).values)
    return powers / powers.sum(dim=-1, keepdim=True)


def softmax_jacobian(theta: Tensor) -> Tensor:
    """Return diag(yhat) - yhat yhat^T: d yhat_k / d theta_j = yhat_k (1[k = j] - yhat_j).

    It is symmetric; its rows sum to zero, since a constant added to theta changes nothing.

    Shape:
        theta: (..., classes); result: (..., classes, classes).
    """
    yhat = softmax(theta)
    return torch.diag_embed(yhat) - yhat.unsqueeze(-1) * yhat.unsqueeze(-2)


def cross_entropy(theta: Tensor, y: Tensor) -> Tensor:
    """Return CE = log sum_j exp(theta_j) - sum_k y_k theta_k, in nats.

    Shape:
        theta, y: (..., classes); result: (...).
    """
    largest = theta.max(dim=-1).values
    log_sum = largest + torch.exp(theta - largest.unsqueeze(-1)).sum(dim=-1).log()
    return log_sum - (y * theta).sum(dim=-1)


def logit_gradient(theta: Tensor, y: Tensor) -> Tensor:
    """Return d CE / d theta = yhat - y.

    Shape:
        theta, y, result: (..., classes).
    """
    return softmax(theta) - y


def logit_gradient_by_cases(theta: Tensor, c: Tensor) -> Tensor:
    """Return d CE / d theta for the class c: yhat_k - 1 if k = c, yhat_k if not.

    Shape:
        theta, result: (batch, classes); c: (batch,), class ids.
    """
    yhat = softmax(theta)
    classes = torch.arange(theta.shape[-1])
    return torch.where(classes == c.unsqueeze(-1), yhat - 1, yhat)


def logit_gradient_through_yhat(theta: Tensor, y: Tensor) -> Tensor:
    """Return d CE / d theta = sum_k (- y_k / yhat_k) d yhat_k / d theta, by the chain rule.

    Shape:
        theta, y, result: (batch, classes).
    """
    d_yhat = -y / softmax(theta)
    return (d_yhat.unsqueeze(-2) @ softmax_jacobian(theta)).squeeze(-2)


def weight_gradient(theta: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """Return d CE / d W for theta = W z: (yhat - y) z^T, summed over a batch.

    Shape:
        theta, y: (batch, classes); z: (batch, size); result: (classes, size).
    """
    return logit_gradient(theta, y).t() @ z


def input_gradient(theta: Tensor, y: Tensor, W: Tensor) -> Tensor:
    """Return d CE / d z for theta = W z: W^T (yhat - y), for each row of a batch.

    Shape:
        theta, y: (batch, classes); W: (classes, size); result: (batch, size).
    """
    return logit_gradient(theta, y) @ W
