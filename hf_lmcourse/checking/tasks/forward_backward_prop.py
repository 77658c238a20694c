"""The bigram network with its parameters in one vector, as the course assignment has it."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor

from ...theory.one_hidden_layer import Network, gradients, loss
from ..task import Function, Sizes, Task, change_arguments, draw_normal, scale_outputs

_ARGUMENTS = ("data", "labels", "params", "dimensions")
_OUTPUTS = ("cost", "grad")


def _cut(params: Tensor, dimensions: Sequence[int]) -> list[Tensor]:
    """Cut the vector into W1, b1, W2 and b2."""
    Dx, H, Dy = dimensions
    shapes = ((Dx, H), (H,), (H, Dy), (Dy,))
    parts = params.split([Dx * H, H, H * Dy, Dy])
    return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def _reference(
    data: Tensor, labels: Tensor, params: Tensor, dimensions: Sequence[int]
) -> tuple[Tensor, Tensor]:
    network = Network(*_cut(params, dimensions))
    _, *parts = gradients(network, data, labels)
    return loss(network, data, labels), _joined(parts)


def _altered(
    *,
    slope: Callable[[Tensor], Tensor] = lambda h: h * (1 - h),
    softmax: Callable[[Tensor], Tensor] = lambda theta: torch.softmax(theta, -1),
    joined: Callable[[Sequence[Tensor]], Tensor] = _joined,
) -> Function:
    """Return cost and gradient with one part replaced; with none they are the reference."""

    def passes(
        data: Tensor, labels: Tensor, params: Tensor, dimensions: Sequence[int]
    ) -> tuple[Tensor, Tensor]:
        W1, b1, W2, b2 = _cut(params, dimensions)
        h = torch.sigmoid(data @ W1 + b1)
        yhat = softmax(h @ W2 + b2)
        delta2 = yhat - labels
        delta1 = delta2 @ W2.t() * slope(h)
        cost = -torch.special.xlogy(labels, yhat).sum()
        return cost, joined((data.t() @ delta1, delta1.sum(0), h.t() @ delta2, delta2.sum(0)))

    return passes


def _without(*places: int) -> Function:
    """Take the parts of the parameters at these places to be zero."""

    def function(data: Tensor, labels: Tensor, params: Tensor, dimensions: Any) -> tuple:
        parts = _cut(params, dimensions)
        kept = [part * (place not in places) for place, part in enumerate(parts)]
        return tuple(_reference(data, labels, _joined(kept), dimensions))

    return function


def _shifted_by_bias(parts: Sequence[Tensor]) -> Tensor:
    """Order the gradients W1, W2, b1, b2."""
    return _joined([parts[0], parts[2], parts[1], parts[3]])


_scaled = partial(scale_outputs, _reference, _OUTPUTS)
_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "cost and gradient are averaged over the rows, not summed": _scaled(
        _OUTPUTS, lambda rows: 1 / rows
    ),
    "the gradient is averaged over the rows, and the cost is summed": _scaled(
        ("grad",), lambda rows: 1 / rows
    ),
    "the cost is averaged over the rows, and the gradient is summed": _scaled(
        ("cost",), lambda rows: 1 / rows
    ),
    "the sign of the gradient is reversed: labels - yhat, not yhat - labels": _scaled(
        ("grad",), lambda rows: -1.0
    ),
    "the slope of the sigmoid, h (1 - h), is left out": _altered(slope=torch.ones_like),
    "the slope of the sigmoid is taken at h, not at data W1 + b1": _altered(
        slope=lambda h: torch.sigmoid(h) * (1 - torch.sigmoid(h))
    ),
    "the softmax runs over the rows, not over the words": _altered(
        softmax=lambda theta: torch.softmax(theta, 0)
    ),
    "the gradients are joined in the order W1, W2, b1, b2, not W1, b1, W2, b2": _altered(
        joined=_shifted_by_bias
    ),
    "the gradients of the matrices are joined column by column, not row by row": _altered(
        joined=lambda parts: _joined([part.t() if part.dim() == 2 else part for part in parts])
    ),
    "the bias b1 is omitted": _without(1),
    "the bias b2 is omitted": _without(3),
}


def _with_dimensions(rows: int, *dimensions: int) -> Sizes:
    return {"rows": rows, "dimensions": list(dimensions)}


def _sizes(rng: random.Random) -> Sizes:
    return _with_dimensions(*(rng.randint(2, 6) for _ in range(4)))


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    Dx, H, Dy = sizes["dimensions"]
    rows = sizes["rows"]
    *_, size = accumulate((Dx * H, H, H * Dy, Dy))
    drawn = draw_normal(generator, data=(rows, Dx), params=(size,))
    words = torch.randint(Dy, (rows,), generator=generator)
    return drawn | {"labels": torch.eye(Dy, dtype=torch.float64)[words]}


FORWARD_BACKWARD_PROP = Task(
    name="forward_backward_prop",
    arguments=_ARGUMENTS,
    outputs=_OUTPUTS,
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        _with_dimensions(3, 3, 3, 3),
        _with_dimensions(2, 3, 4, 5),
        _with_dimensions(1, 2, 3, 4),
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The network of `hf_lmcourse.layers.bigram`, cost and gradient of the sum."""
