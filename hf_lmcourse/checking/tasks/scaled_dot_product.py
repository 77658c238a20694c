"""Scaled dot-product attention with a mask."""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ...layers.attention import attend
from ..task import Function, Sizes, Task, change_arguments, draw_normal, sizes_between

_ARGUMENTS = ("Q", "K", "V", "mask")
_HIDDEN = torch.finfo(torch.float64).min


def _reference(Q: Tensor, K: Tensor, V: Tensor, mask: Tensor) -> tuple[Tensor]:
    return (attend(Q, K, V, mask.bool())[0],)


def _scaled(scale: Callable[[Tensor, Tensor], float]) -> Function:
    """Multiply the scores by another scale."""
    return lambda Q, K, V, mask: (attend(Q, K, V, mask.bool(), scale=scale(Q, K))[0],)


def _scores(Q: Tensor, K: Tensor) -> Tensor:
    return Q @ K.mT / math.sqrt(Q.shape[-1])


def _weighted(weights: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """Return attention with other weights, from the scores and the mask."""
    return lambda Q, K, V, mask: (weights(_scores(Q, K), mask) @ V,)


_altered = partial(
    _weighted, lambda scores, mask: torch.softmax(scores.masked_fill(mask == 0, _HIDDEN), -1)
)


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the scores are not divided by sqrt(d)": _scaled(lambda Q, K: 1.0),
    "the scores are divided by d, not by its square root": _scaled(lambda Q, K: 1 / Q.shape[-1]),
    "the scores are multiplied by sqrt(d), not divided": _scaled(lambda Q, K: Q.shape[-1] ** 0.5),
    "the scores are divided by the square root of the number of keys": _scaled(
        lambda Q, K: K.shape[-2] ** -0.5
    ),
    "the mask is ignored": _with(mask=torch.ones_like),
    "the mask is reversed: 1 is a key that may be attended to": _with(mask=lambda mask: 1 - mask),
    "the mask is transposed: its rows are queries": _with(mask=torch.t),
    "masked scores are set to zero, not to minus infinity": _weighted(
        lambda scores, mask: torch.softmax(scores * mask, -1)
    ),
    "the mask is applied after the softmax, so that the weights do not sum to one": _weighted(
        lambda scores, mask: torch.softmax(scores, -1) * mask
    ),
    "the mask is added to the scores as 0 and 1": _weighted(
        lambda scores, mask: torch.softmax(scores + mask, -1)
    ),
    "the softmax runs over the queries, not over the keys": _weighted(
        lambda scores, mask: torch.softmax(scores.masked_fill(mask == 0, _HIDDEN), -2)
    ),
    "the softmax is missing": _weighted(lambda scores, mask: scores * mask),
}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    batch, queries, keys, d, e = (
        sizes[name] for name in ("batch", "queries", "keys", "d", "value_size")
    )
    mask = torch.randint(2, (queries, keys), generator=generator)
    mask[torch.arange(queries), torch.arange(queries) % keys] = 1  # every query has a key
    drawn = draw_normal(generator, Q=(batch, queries, d), K=(batch, keys, d), V=(batch, keys, e))
    return drawn | {"mask": mask}


SCALED_DOT_PRODUCT = Task(
    name="scaled_dot_product",
    arguments=_ARGUMENTS,
    outputs=("Y",),
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(2, 6, "batch", "queries", "keys", "d", "value_size"),
    special=(
        {"batch": 3, "queries": 3, "keys": 3, "d": 3, "value_size": 3},
        {"batch": 2, "queries": 4, "keys": 4, "d": 2, "value_size": 3},
        {"batch": 1, "queries": 2, "keys": 5, "d": 4, "value_size": 3},
    ),
    variants=_VARIANTS,
)
"""The attention of `hf_lmcourse.layers.attention`."""
