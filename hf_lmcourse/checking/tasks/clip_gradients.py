"""Clipping of the gradient's norm."""

import random
from collections.abc import Callable

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, draw_normal

_ARGUMENTS = ("g_W", "g_b", "max_norm")


def _both(g_W: Tensor, g_b: Tensor) -> Tensor:
    return torch.cat([g_W.flatten(), g_b])


def _altered(
    *,
    norm: Callable[[Tensor], Tensor] = torch.Tensor.norm,
    factor: Callable[[Tensor], Tensor] = lambda ratio: ratio.clamp(max=1),
) -> Function:
    """Return the clipping with one part replaced; with none replaced it is the reference.

    `factor` is a function of max_norm divided by the norm.
    """

    def clip(g_W: Tensor, g_b: Tensor, max_norm: float) -> tuple[Tensor, ...]:
        by = factor(max_norm / norm(_both(g_W, g_b)))
        return g_W * by, g_b * by

    return clip


_reference = _altered()


def _each(g_W: Tensor, g_b: Tensor, max_norm: float) -> tuple[Tensor, ...]:
    parts = ((g, max_norm / g.norm()) for g in (g_W, g_b))
    return tuple(g * ratio.clamp(max=1) for g, ratio in parts)


def _each_row(g_W: Tensor, g_b: Tensor, max_norm: float) -> tuple[Tensor, ...]:
    rows = (max_norm / g_W.norm(dim=1, keepdim=True)).clamp(max=1)
    return g_W * rows, g_b * (max_norm / g_b.norm()).clamp(max=1)


_VARIANTS: dict[str, Function] = {
    "each gradient is clipped by its own norm, not by the norm of all together": _each,
    "each row is clipped by its own norm": _each_row,
    "the entries are clipped to [-max_norm, max_norm], not the norm": (
        lambda g_W, g_b, max_norm: (
            g_W.clamp(-max_norm, max_norm),
            g_b.clamp(-max_norm, max_norm),
        )
    ),
    "gradients with a norm below max_norm are enlarged": _altered(factor=lambda ratio: ratio),
    "gradients with a norm below max_norm are enlarged, and others are not clipped": _altered(
        factor=lambda ratio: ratio.clamp(min=1)
    ),
    "the square root of the norm is missing": _altered(norm=lambda g: g.square().sum()),
    "the norm is the sum of the absolute values": _altered(norm=lambda g: g.abs().sum()),
    "the norm is the largest absolute value": _altered(norm=lambda g: g.abs().max()),
    "the norm is divided by the square root of the number of entries": _altered(
        norm=lambda g: g.norm() / len(g) ** 0.5
    ),
    "the gradients are divided by the norm: max_norm is left out": (
        lambda g_W, g_b, max_norm: tuple(g / _both(g_W, g_b).norm() for g in (g_W, g_b))
    ),
    "nothing is clipped": lambda g_W, g_b, max_norm: (g_W, g_b),
}


def _sizes(rng: random.Random) -> Sizes:
    return {
        "rows": rng.randint(2, 5),
        "columns": rng.randint(2, 5),
        "max_norm": rng.choice([0.5, 2.0, 50.0]),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    rows, columns = sizes["rows"], sizes["columns"]
    return draw_normal(generator, g_W=(rows, columns), g_b=(columns,))


CLIP_GRADIENTS = Task(
    name="clip_gradients",
    arguments=_ARGUMENTS,
    outputs=("g_W'", "g_b'"),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"rows": 3, "columns": 3, "max_norm": 2.0},
        {"rows": 2, "columns": 4, "max_norm": 50.0},
        {"rows": 3, "columns": 2, "max_norm": 0.5},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The clipping of `torch.nn.utils.clip_grad_norm_`, without the small number in its divisor."""
