"""The gradients of softmax and cross-entropy."""

from collections.abc import Callable

import torch
from torch import Tensor

from ...theory.softmax import input_gradient, logit_gradient, weight_gradient
from ..task import Function, Sizes, Task, draw_normal, naive_softmax, scale_outputs, sizes_between

_OUTPUTS = ("d_theta", "d_W", "d_z")
_OfTwo = Callable[[Tensor, Tensor], Tensor]


def _reference(z: Tensor, W: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    theta = z @ W.t()
    gradients = logit_gradient(theta, y), weight_gradient(theta, y, z), input_gradient(theta, y, W)
    return tuple(gradient / len(z) for gradient in gradients)


def _altered(
    *,
    theta: _OfTwo = lambda z, W: z @ W.t(),
    d_theta: _OfTwo = logit_gradient,
    d_W: _OfTwo = lambda delta, z: delta.t() @ z,
    d_z: _OfTwo = lambda delta, W: delta @ W,
) -> Function:
    """Return the gradients with one part replaced; with none replaced they are the reference."""

    def gradients(z: Tensor, W: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        delta = d_theta(theta(z, W), y) / len(z)
        return delta, d_W(delta, z), d_z(delta, W)

    return gradients


def _summed(*outputs: str) -> Function:
    """Multiply the named gradients by the number of rows: they are not averaged."""
    return scale_outputs(_reference, _OUTPUTS, outputs, float)


def _sloped(theta: Tensor, y: Tensor) -> Tensor:
    p = torch.softmax(theta, -1)
    return (p - y) * p * (1 - p)


_VARIANTS: dict[str, Function] = {
    "the sign is reversed: y - yhat, not yhat - y": lambda z, W, y: tuple(
        -gradient for gradient in _reference(z, W, y)
    ),
    "the gradients are summed over the rows, not averaged": _summed(*_OUTPUTS),
    "d_theta is not divided by the number of rows": _summed("d_theta"),
    "d_W is not divided by the number of rows": _summed("d_W"),
    "d_z is not divided by the number of rows": _summed("d_z"),
    "d_theta and d_z are not divided by the number of rows": _summed("d_theta", "d_z"),
    "the mean is taken over rows and classes, not over rows alone": _altered(
        d_theta=lambda theta, y: (torch.softmax(theta, -1) - y) / y.shape[1]
    ),
    "d_W is transposed": _altered(d_W=lambda delta, z: z.t() @ delta),
    "W is transposed in d_z: d_theta W^T, not d_theta W": _altered(
        d_z=lambda delta, W: delta @ W.t()
    ),
    "W is transposed in the logits: z W, not z W^T": _altered(theta=torch.matmul),
    "W is transposed in the logits and in d_z": lambda z, W, y: _reference(z, W.t(), y),
    "the softmax runs over the rows, not over the classes": _altered(
        d_theta=lambda theta, y: torch.softmax(theta, 0) - y
    ),
    "y is left out: yhat, not yhat - y": lambda z, W, y: _reference(z, W, 0 * y),
    "the exponentials are not divided by their sum": _altered(
        d_theta=lambda theta, y: torch.exp(theta) - y
    ),
    "the gradient is multiplied by the slope of a sigmoid, yhat (1 - yhat)": _altered(
        d_theta=_sloped
    ),
    "the exponentials overflow: subtract the largest logit first": _altered(
        d_theta=lambda theta, y: naive_softmax(theta) - y
    ),
}


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
    outputs=_OUTPUTS,
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(2, 6, "rows", "size", "classes"),
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
