"""Perplexity of padded texts."""

import math
import random
from collections.abc import Callable

import torch
from torch import Tensor

from ...theory.perplexity import cross_entropy, perplexity
from ...theory.softmax import softmax
from ..task import Function, Sizes, Task, draw_normal, naive_softmax

PADDING = -100


def _chosen(
    logits: Tensor, targets: Tensor, softmax: Callable[[Tensor], Tensor] = softmax
) -> Tensor:
    """Return the probability of each target that is not padding.

    Shape:
        logits: (texts, length, vocabulary); targets: (texts, length); result: (words,).
    """
    real = targets != PADDING
    return softmax(logits[real]).gather(-1, targets[real].unsqueeze(-1)).squeeze(-1)


def _reference(logits: Tensor, targets: Tensor) -> tuple[Tensor]:
    return (perplexity(_chosen(logits, targets)),)


def _of_chosen(metric: Callable[[Tensor], Tensor]) -> Function:
    """Return another metric of the probabilities of the words."""
    return lambda logits, targets: (metric(_chosen(logits, targets)),)


def _of_nats(metric: Callable[[Tensor], Tensor]) -> Function:
    """Return another metric of the cross-entropy in nats."""
    return _of_chosen(lambda p: metric(cross_entropy(p)))


def _of_texts(metric: Callable[[Tensor], Tensor]) -> Function:
    """Return another metric of the texts' cross-entropies."""

    def of_texts(logits: Tensor, targets: Tensor) -> tuple[Tensor]:
        pairs = zip(logits, targets, strict=True)
        return (metric(torch.stack([cross_entropy(_chosen(*pair)) for pair in pairs])),)

    return of_texts


def _divided(count: Callable[[Tensor], float]) -> Function:
    """Divide the sum of the losses by another count."""
    return lambda logits, targets: (
        torch.exp(-_chosen(logits, targets).log().sum() / count(targets)),
    )


def _with_softmax(function: Callable[[Tensor], Tensor]) -> Function:
    """Return the perplexity with another function in place of the softmax."""
    return lambda logits, targets: (perplexity(_chosen(logits, targets, function)),)


_VARIANTS: dict[str, Function] = {
    "bases are mixed: 2 to the power of the cross-entropy in nats": _of_nats(lambda nats: 2**nats),
    "bases are mixed: e to the power of the cross-entropy in bits": _of_nats(
        lambda nats: torch.exp(nats / math.log(2))
    ),
    "bases are mixed: 10 to the power of the cross-entropy in nats": _of_nats(
        lambda nats: 10**nats
    ),
    "the exponential is missing: this is the cross-entropy in nats": _of_nats(lambda nats: nats),
    "the exponential is missing: this is the cross-entropy in bits": _of_nats(
        lambda nats: nats / math.log(2)
    ),
    "the sign is missing: this is one over the perplexity": _of_nats(lambda nats: torch.exp(-nats)),
    "this is the mean of the perplexities of the texts": _of_texts(
        lambda nats: torch.exp(nats).mean()
    ),
    "this is exp of the mean of the texts' mean losses: short texts count too much": _of_texts(
        lambda nats: torch.exp(nats.mean())
    ),
    "the sum is divided by the number of positions, padding included": _divided(
        lambda targets: targets.numel()
    ),
    "the sum is divided by the number of texts, not of words": _divided(len),
    "the sum is divided by one word too few": _divided(
        lambda targets: int((targets != PADDING).sum()) - 1
    ),
    "the sum is divided by one word too many": _divided(
        lambda targets: int((targets != PADDING).sum()) + 1
    ),
    "padding is scored as word 0": lambda logits, targets: _reference(logits, targets.clamp(min=0)),
    "the targets are shifted by one: logits at t belong to targets at t": lambda logits, targets: (
        _reference(logits[:, :-1], targets[:, 1:])
    ),
    "this is the mean of 1/p, not the geometric mean": _of_chosen(lambda p: (1 / p).mean()),
    "this is one over the mean of p: the logarithm is missing": _of_chosen(lambda p: 1 / p.mean()),
    "the softmax is missing: logits are not log-probabilities": _with_softmax(torch.exp),
    "the exponentials overflow: subtract the largest logit first": _with_softmax(naive_softmax),
}


def _sizes(rng: random.Random) -> Sizes:
    return {"texts": rng.randint(2, 5), "length": rng.randint(3, 8), "words": 6}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, length, vocabulary = sizes["texts"], sizes["length"], sizes["words"]
    logits = draw_normal(generator, logits=(texts, length, vocabulary))["logits"]
    targets = torch.randint(vocabulary, (texts, length), generator=generator)
    ends = torch.randint(2, length + 1, (texts,), generator=generator)
    ends[0] = length
    targets[torch.arange(length) >= ends.unsqueeze(1)] = PADDING
    return {"logits": 2 * logits + sizes.get("all_logits_near", 0), "targets": targets}


PERPLEXITY = Task(
    name="perplexity",
    arguments=("logits", "targets"),
    outputs=("perplexity",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"texts": 3, "length": 7, "words": 5},
        {"texts": 1, "length": 4, "words": 3},
        {"texts": 4, "length": 5, "words": 6, "all_logits_near": 1000},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The perplexity of `hf_lmcourse.theory.perplexity`, over all words of all texts."""
