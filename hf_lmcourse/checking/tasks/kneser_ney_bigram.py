"""A bigram model with interpolated Kneser-Ney smoothing."""

import random
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments

_ARGUMENTS = ("counts", "D")


def _continuations(counts: Tensor) -> Tensor:
    """Return the share of the distinct bigrams that each word ends."""
    ends = (counts > 0).sum(0).double()
    return ends / ends.sum()


def _followers(counts: Tensor) -> Tensor:
    return (counts > 0).sum(1, keepdim=True).double()


def _altered(
    *,
    lower: Callable[[Tensor], Tensor] = _continuations,
    followers: Callable[[Tensor], Tensor] = _followers,
    discounted: Callable[[Tensor, float], Tensor] = lambda c, D: (c - D).clamp(min=0),
    returned: Callable[[float], float] = lambda D: D,
    unseen: bool = True,
) -> Function:
    """Return the model with one part replaced; with none replaced it is the reference."""

    def model(counts: Tensor, D: float) -> tuple[Tensor]:
        total = counts.sum(1, keepdim=True)
        mass = discounted(counts.double(), D) + returned(D) * followers(counts) * lower(counts)
        other = lower(counts) if unseen else torch.zeros_like(lower(counts))
        return (torch.where(total > 0, mass / total.clamp(min=1), other),)

    return model


_reference = _altered()
_with = partial(change_arguments, _reference, _ARGUMENTS)


def _transposed(counts: Tensor, D: float) -> tuple[Tensor]:
    return (_reference(counts.t(), D)[0].t(),)


_VARIANTS: dict[str, Function] = {
    "the lower model counts how often a word occurs, not after how many different words": _altered(
        lower=lambda counts: counts.sum(0) / counts.sum()
    ),
    "the lower model is uniform": _altered(
        lower=lambda counts: torch.full((counts.shape[1],), 1 / counts.shape[1]).double()
    ),
    "the lower model counts the words after a word, not those before it": _altered(
        lower=lambda counts: _continuations(counts.t())
    ),
    "the mass that the discount frees is not given to the lower model": _altered(
        returned=lambda D: 0.0
    ),
    "the weight of the lower model is without D": _altered(returned=lambda D: 1.0),
    "nothing is discounted: the probabilities sum to more than one": _altered(
        discounted=lambda c, D: c
    ),
    "bigrams that do not occur are discounted too: the maximum with 0 is missing": _altered(
        discounted=lambda c, D: c - D
    ),
    "n(v) is the number of all words, not of the distinct words after v": _altered(
        followers=lambda counts: torch.full((len(counts), 1), counts.shape[1]).double()
    ),
    "n(v) is how often v occurs, not the number of distinct words after it": _altered(
        followers=lambda counts: counts.sum(1, keepdim=True).double()
    ),
    "a word that nothing follows gets zeros, not the lower model": _altered(unseen=False),
    "counts are transposed: row v has the words after v": _transposed,
}


def _sizes(rng: random.Random) -> Sizes:
    return {"words": rng.randint(4, 8), "D": rng.choice([0.5, 0.75])}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    words = sizes["words"]
    rates = torch.rand((words, words), generator=generator, dtype=torch.float64) * 3
    counts = (rates - 1).clamp(min=0).mul(3).ceil().long()  # one in three is zero
    counts[-1] = 0  # a word that nothing follows
    counts[0, :2] = torch.tensor([1, 2])
    return {"counts": counts}


KNESER_NEY_BIGRAM = Task(
    name="kneser_ney_bigram",
    arguments=_ARGUMENTS,
    outputs=("P",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=({"words": 5, "D": 0.75}, {"words": 3, "D": 0.5}),
    variants=_VARIANTS,
    differentiable=False,
)
"""The two upper levels of `bigram_nll` in `hf_lmcourse.evaluation.count_models`, with D given."""
