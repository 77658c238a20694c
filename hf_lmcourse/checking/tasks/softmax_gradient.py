"""The gradients of softmax and cross-entropy."""

import random
from functools import partial

import torch
from torch import Tensor

from ...theory.softmax import input_gradient, logit_gradient, weight_gradient
from ..task import Function, Sizes, Task, draw_normal

__all__ = ["SOFTMAX_GRADIENT"]

_Three = tuple[Tensor, Tensor, Tensor]


def _reference(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    theta, rows = z @ W.t(), len(z)
    gradients = logit_gradient(theta, y), weight_gradient(theta, y, z), input_gradient(theta, y, W)
    d_theta, d_W, d_z = (gradient / rows for gradient in gradients)
    return d_theta, d_W, d_z


def _onward(d_theta: Tensor, z: Tensor, W: Tensor) -> _Three:
    """From a wrong gradient of the logits to the two others by the right rules."""
    return d_theta, d_theta.t() @ z, d_theta @ W


def _softmax_of(z: Tensor, W: Tensor, y: Tensor, dim: int) -> _Three:
    return _onward((torch.softmax(z @ W.t(), dim) - y) / len(z), z, W)


def _overflowing(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    powers = torch.exp(z @ W.t())
    return _onward((powers / powers.sum(-1, keepdim=True) - y) / len(z), z, W)


def _not_normalised(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    return _onward((torch.exp(z @ W.t()) - y) / len(z), z, W)


def _sloped(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    p = torch.softmax(z @ W.t(), -1)
    return _onward((p - y) * p * (1 - p) / len(z), z, W)


def _scaled(z: Tensor, W: Tensor, y: Tensor, *, outputs: str) -> _Three:
    """The named gradients multiplied by the number of rows: not averaged."""
    names = ("d_theta", "d_W", "d_z")
    gradients = zip(names, _reference(z, W, y), strict=True)
    d_theta, d_W, d_z = (g * len(z) if name in outputs else g for name, g in gradients)
    return d_theta, d_W, d_z


def _per_class(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    return _onward((torch.softmax(z @ W.t(), -1) - y) / y.numel(), z, W)


def _transposed_weight(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    d_theta, d_W, d_z = _reference(z, W, y)
    return d_theta, d_W.t(), d_z


def _transposed_in_the_logits(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    return _onward(logit_gradient(z @ W, y) / len(z), z, W)


def _transposed_on_the_way_back(z: Tensor, W: Tensor, y: Tensor) -> _Three:
    d_theta, d_W, _ = _reference(z, W, y)
    return d_theta, d_W, d_theta @ W.t()


_VARIANTS: dict[str, Function] = {
    "the sign is reversed: y - yhat, not yhat - y": lambda z, W, y: tuple(
        -gradient for gradient in _reference(z, W, y)
    ),
    "the gradients are summed over the rows, not averaged": partial(
        _scaled, outputs="d_theta d_W d_z"
    ),
    "d_theta is not divided by the number of rows": partial(_scaled, outputs="d_theta"),
    "d_W is not divided by the number of rows": partial(_scaled, outputs="d_W"),
    "d_z is not divided by the number of rows": partial(_scaled, outputs="d_z"),
    "d_theta and d_z are not divided by the number of rows": partial(
        _scaled, outputs="d_theta d_z"
    ),
    "the mean is taken over rows and classes, not over rows alone": _per_class,
    "d_W is transposed": _transposed_weight,
    "W is transposed in d_z: d_theta W^T, not d_theta W": _transposed_on_the_way_back,
    "W is transposed in the logits: z W, not z W^T": _transposed_in_the_logits,
    "W is transposed in the logits and in d_z": lambda z, W, y: _reference(z, W.t(), y),
    "the softmax runs over the rows, not over the classes": partial(_softmax_of, dim=0),
    "y is left out: yhat, not yhat - y": lambda z, W, y: _reference(z, W, 0 * y),
    "the exponentials are not divided by their sum": _not_normalised,
    "the slope of a sigmoid, yhat (1 - yhat), is multiplied in": _sloped,
    "the exponentials overflow: take the largest logit off first": _overflowing,
}


def _sizes(chance: random.Random) -> Sizes:
    return {name: chance.randint(2, 6) for name in ("rows", "size", "classes")}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    rows, size, classes = sizes["rows"], sizes["size"], sizes["classes"]
    drawn = draw_normal(generator, z=(rows, size), W=(classes, size), y=(rows, classes))
    drawn["y"] = torch.softmax(drawn["y"], -1)
    if sizes.get("one_hot"):
        drawn["y"] = torch.eye(classes, dtype=torch.float64)[drawn["y"].argmax(-1)]
    if offset := sizes.get("all_logits_near"):
        drawn["z"][:, 0] = 1
        drawn["W"][:, 0] += offset
    return drawn


SOFTMAX_GRADIENT = Task(
    name="softmax_gradient",
    arguments=("z", "W", "y"),
    outputs=("d_theta", "d_W", "d_z"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"rows": 3, "size": 3, "classes": 3},
        {"rows": 2, "size": 3, "classes": 4},
        {"rows": 4, "size": 2, "classes": 3, "one_hot": True},
        {"rows": 1, "size": 3, "classes": 5},
        {"rows": 3, "size": 4, "classes": 2, "all_logits_near": 1000},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The gradients of `hf_lmcourse.theory.softmax`, of the mean over the rows."""
