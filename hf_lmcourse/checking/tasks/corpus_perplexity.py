"""Perplexity of a corpus from log-probabilities in any base."""

import random
from collections.abc import Callable

import torch
from torch import Tensor

from ...theory.perplexity import perplexity
from ..task import Function, Sizes, Task, draw_normal

_ARGUMENTS = ("log_p", "lengths", "base")


def _words(log_p: Tensor, lengths: Tensor) -> Tensor:
    """Return the log-probabilities that are not padding."""
    return log_p[torch.arange(log_p.shape[1]) < lengths.unsqueeze(1)]


def _reference(log_p: Tensor, lengths: Tensor, base: float) -> tuple[Tensor]:
    return (perplexity(base ** _words(log_p, lengths), base),)


def _of_mean(metric: Callable[[Tensor, float], Tensor]) -> Function:
    """Return another metric of the mean log-probability of a word."""
    return lambda log_p, lengths, base: (metric(_words(log_p, lengths).mean(), base),)


def _of_texts(metric: Callable[[Tensor, float], Tensor]) -> Function:
    """Return another metric of the texts' mean log-probabilities."""

    def of_texts(log_p: Tensor, lengths: Tensor, base: float) -> tuple[Tensor]:
        pairs = zip(log_p, lengths.tolist(), strict=True)
        return (metric(torch.stack([row[:length].mean() for row, length in pairs]), base),)

    return of_texts


def _divided(count: Callable[[Tensor, Tensor], float]) -> Function:
    """Divide the sum of the log-probabilities by another count."""
    return lambda log_p, lengths, base: (
        base ** (-_words(log_p, lengths).sum() / count(log_p, lengths)),
    )


_VARIANTS: dict[str, Function] = {
    "e is raised to the cross-entropy, whatever the base": _of_mean(
        lambda mean, base: torch.exp(-mean)
    ),
    "the sign is missing: this is one over the perplexity": _of_mean(lambda mean, base: base**mean),
    "the power is missing: this is the cross-entropy": _of_mean(lambda mean, base: -mean),
    "the cross-entropy is raised to the base, not the base to the cross-entropy": _of_mean(
        lambda mean, base: (-mean) ** base
    ),
    "this is the mean of the perplexities of the texts": _of_texts(
        lambda means, base: (base**-means).mean()
    ),
    "every text counts the same: short texts count too much": _of_texts(
        lambda means, base: base ** -means.mean()
    ),
    "the sum is divided by the number of texts, not of words": _divided(
        lambda log_p, lengths: len(lengths)
    ),
    "the sum is divided by the number of positions, padding included": _divided(
        lambda log_p, lengths: log_p.numel()
    ),
    "the sum is divided by one word too few": _divided(
        lambda log_p, lengths: int(lengths.sum()) - 1
    ),
    "padding is added to the sum, and the count is right": lambda log_p, lengths, base: (
        base ** (-log_p.sum() / lengths.sum()),
    ),
    "padding is taken for words": lambda log_p, lengths, base: (base ** -log_p.mean(),),
    "probabilities are averaged, not their logarithms": lambda log_p, lengths, base: (
        1 / (base ** _words(log_p, lengths)).mean(),
    ),
}


def _sizes(rng: random.Random) -> Sizes:
    return {
        "texts": rng.randint(2, 5),
        "length": rng.randint(3, 8),
        "base": rng.choice([2.0, 10.0, 3.0]),
    }


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, length = sizes["texts"], sizes["length"]
    log_p = -draw_normal(generator, log_p=(texts, length))["log_p"].abs() - 0.1
    lengths = torch.randint(1, length + 1, (texts,), generator=generator)
    lengths[0] = length
    return {"log_p": log_p, "lengths": lengths}


CORPUS_PERPLEXITY = Task(
    name="corpus_perplexity",
    arguments=_ARGUMENTS,
    outputs=("perplexity",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"texts": 3, "length": 7, "base": 2.0},
        {"texts": 1, "length": 4, "base": 10.0},
        {"texts": 4, "length": 5, "base": 3.0},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The perplexity of `hf_lmcourse.theory.perplexity`, in a base that is given."""
