"""Layer normalisation."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from ..task import Function, Sizes, Task, change_arguments, draw_normal, zero

_ARGUMENTS = ("x", "gamma", "beta", "eps")


def _reference(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> tuple[Tensor]:
    return (functional.layer_norm(x, x.shape[-1:], gamma, beta, eps),)


def _altered(
    *,
    dim: int | tuple[int, ...] = -1,
    centred: bool = True,
    correction: int = 0,
    divisor: Callable[[Tensor, float], Tensor] = lambda variance, eps: torch.sqrt(variance + eps),
) -> Function:
    """Return the normalisation with one part replaced; with none it is the reference."""

    def norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float) -> tuple[Tensor]:
        mean = x.mean(dim, keepdim=True)
        variance = x.var(dim, correction=correction, keepdim=True)
        if not centred:
            mean, variance = torch.zeros_like(mean), x.square().mean(dim, keepdim=True)
        return ((x - mean) / divisor(variance, eps) * gamma + beta,)

    return norm


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the variance is divided by d - 1, not by d": _altered(correction=1),
    "eps is added to the standard deviation, not to the variance": _altered(
        divisor=lambda variance, eps: torch.sqrt(variance) + eps
    ),
    "eps is left out": _altered(divisor=lambda variance, eps: torch.sqrt(variance)),
    "x is divided by the variance, not by its square root": _altered(
        divisor=lambda variance, eps: variance + eps
    ),
    "the mean is not subtracted: this is RMS normalisation": _altered(centred=False),
    "the mean is subtracted, but nothing is divided": _altered(
        divisor=lambda variance, eps: torch.ones_like(variance)
    ),
    "mean and variance run over the rows, not over the features of a row": _altered(dim=0),
    "mean and variance run over all entries, not over the features of a row": _altered(dim=(0, 1)),
    "the scale gamma is omitted": _with(gamma=torch.ones_like),
    "the shift beta is omitted": _with(beta=zero),
    "gamma and beta are omitted": _with(gamma=torch.ones_like, beta=zero),
    "gamma and beta are swapped": lambda x, gamma, beta, eps: _reference(x, beta, gamma, eps),
    "gamma multiplies beta too: gamma (x + beta)": lambda x, gamma, beta, eps: _reference(
        x, gamma, gamma * beta, eps
    ),
}


def _sizes(rng: random.Random) -> Sizes:
    return {
        "rows": rng.randint(2, 6),
        "features": rng.randint(3, 6),
        "eps": rng.choice([0.01, 0.1]),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    features = sizes["features"]
    return draw_normal(generator, x=(sizes["rows"], features), gamma=(features,), beta=(features,))


LAYER_NORM = Task(
    name="layer_norm",
    arguments=_ARGUMENTS,
    outputs=("y",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"rows": 4, "features": 4, "eps": 0.1},
        {"rows": 2, "features": 5, "eps": 0.01},
        {"rows": 3, "features": 3, "eps": 0.1},
    ),
    variants=_VARIANTS,
    parameters=("gamma", "beta"),
    constructor=("features",),
)
"""The normalisation of torch, which the models of the package use."""
