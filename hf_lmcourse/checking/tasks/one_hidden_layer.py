"""Forward and backward pass of a network with one hidden layer."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...theory import one_hidden_layer as theory
from ..task import (
    Function,
    Sizes,
    Task,
    change_arguments,
    draw_normal,
    naive_softmax,
    scale_outputs,
    sizes_between,
    zero,
)

_ARGUMENTS = ("x", "y", "W1", "b1", "W2", "b2")
_OUTPUTS = ("loss", "d_x", "d_W1", "d_b1", "d_W2", "d_b2")


def _reference(
    x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
) -> tuple[Tensor, ...]:
    network = theory.Network(W1, b1, W2, b2)
    results = theory.loss(network, x, y), *theory.gradients(network, x, y)
    return tuple(result / len(x) for result in results)


def _identity(value: Tensor) -> Tensor:
    return value


def _altered(
    *,
    activation: Callable[[Tensor], Tensor] = torch.sigmoid,
    slope: Callable[[Tensor], Tensor] = lambda h: h * (1 - h),
    softmax: Callable[[Tensor], Tensor] = lambda theta: torch.softmax(theta, -1),
    backward: Callable[[Tensor], Tensor] = lambda W: W.t(),
) -> Function:
    """Return both passes with one part replaced; with none replaced they are the reference."""

    def passes(
        x: Tensor, y: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor
    ) -> tuple[Tensor, ...]:
        h = activation(x @ W1 + b1)
        yhat = softmax(h @ W2 + b2)
        delta2 = (yhat - y) / len(x)
        delta1 = delta2 @ backward(W2) * slope(h)
        loss = -torch.special.xlogy(y, yhat).sum() / len(x)
        gradients = x.t() @ delta1, delta1.sum(0), h.t() @ delta2, delta2.sum(0)
        return loss, delta1 @ backward(W1), *gradients

    return passes


def _scaled(factor: Callable[[int], float], *outputs: str) -> Function:
    """Multiply the named outputs by a factor that may depend on the number of rows."""
    return scale_outputs(_reference, _OUTPUTS, outputs, factor)


def _biases_by_row(*arguments: Tensor) -> tuple[Tensor, ...]:
    """Gradients of the biases as they are before the sum over the rows."""
    x, y, W1, b1, W2, b2 = arguments
    loss, d_x, d_W1, _, d_W2, _ = _reference(*arguments)
    h = torch.sigmoid(x @ W1 + b1)
    delta2 = (torch.softmax(h @ W2 + b2, -1) - y) / len(x)
    return loss, d_x, d_W1, delta2 @ W2.t() * h * (1 - h), d_W2, delta2


_with = partial(change_arguments, _reference, _ARGUMENTS)
_GRADIENTS = _OUTPUTS[1:]

_VARIANTS: dict[str, Function] = {
    "the sign of the gradients is reversed": _scaled(lambda rows: -1.0, *_GRADIENTS),
    "loss and gradients are summed over the rows, not averaged": _scaled(float, *_OUTPUTS),
    "the gradients are summed over the rows, and the loss is averaged": _scaled(float, *_GRADIENTS),
    "the gradients are averaged, and the loss is summed over the rows": _scaled(float, "loss"),
    "d_x is not divided by the number of rows": _scaled(float, "d_x"),
    "the loss is in bits, not in nats": _scaled(lambda rows: 1 / math.log(2), "loss"),
    "the slope of the sigmoid, h (1 - h), is left out": _altered(slope=torch.ones_like),
    "the slope of the sigmoid is taken at h, not at x W1 + b1": _altered(
        slope=lambda h: torch.sigmoid(h) * (1 - torch.sigmoid(h))
    ),
    "the slope is that of tanh, 1 - h^2, under a sigmoid": _altered(slope=lambda h: 1 - h**2),
    "the hidden layer is tanh, not the sigmoid": _altered(
        activation=torch.tanh, slope=lambda h: 1 - h**2
    ),
    "the hidden layer is ReLU, not the sigmoid": _altered(
        activation=torch.relu, slope=lambda h: (h > 0).to(h.dtype)
    ),
    "the hidden layer has no sigmoid": _altered(activation=_identity, slope=torch.ones_like),
    "the softmax runs over the rows, not over the classes": _altered(
        softmax=lambda theta: torch.softmax(theta, 0)
    ),
    "the exponentials overflow: subtract the largest logit first": _altered(softmax=naive_softmax),
    "the matrices are not transposed in the backward pass: delta W, not delta W^T": _altered(
        backward=_identity
    ),
    "W1 is transposed": _with(W1=torch.t),
    "W2 is transposed": _with(W2=torch.t),
    "the bias b1 is omitted": _with(b1=zero),
    "the bias b2 is omitted": _with(b2=zero),
    "the biases b1 and b2 are omitted": _with(b1=zero, b2=zero),
    "d_b1 and d_b2 are not summed over the rows": _biases_by_row,
}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    rows, size, hidden, classes = (
        sizes[name] for name in ("rows", "input_size", "hidden_size", "classes")
    )
    drawn = draw_normal(
        generator,
        x=(rows, size),
        y=(rows, classes),
        W1=(size, hidden),
        b1=(hidden,),
        W2=(hidden, classes),
        b2=(classes,),
    )
    drawn["y"] = torch.softmax(drawn["y"], -1)
    if sizes.get("one_hot"):
        drawn["y"] = torch.eye(classes, dtype=torch.float64)[drawn["y"].argmax(-1)]
    drawn["b2"] += sizes.get("all_logits_near", 0)
    return drawn


ONE_HIDDEN_LAYER = Task(
    name="one_hidden_layer",
    arguments=_ARGUMENTS,
    outputs=_OUTPUTS,
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(2, 6, "rows", "input_size", "hidden_size", "classes"),
    special=(
        {"rows": 3, "input_size": 3, "hidden_size": 3, "classes": 3},
        {"rows": 2, "input_size": 3, "hidden_size": 4, "classes": 5},
        {"rows": 5, "input_size": 2, "hidden_size": 4, "classes": 3, "one_hot": True},
        {"rows": 1, "input_size": 2, "hidden_size": 3, "classes": 4},
        {"rows": 3, "input_size": 4, "hidden_size": 2, "classes": 3, "all_logits_near": 1000},
    ),
    variants=_VARIANTS,
    parameters=("W1", "b1", "W2", "b2"),
    constructor=("input_size", "hidden_size", "classes"),
    differentiable=False,
)
"""The network of `hf_lmcourse.theory.one_hidden_layer`, loss and gradients of the mean."""
