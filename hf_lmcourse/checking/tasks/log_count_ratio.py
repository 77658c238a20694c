"""Log-count ratios of naive Bayes."""

import random
from collections.abc import Callable
from functools import partial

import torch
from scipy import sparse
from torch import Tensor

from ..task import Function, Sizes, Task, change_arguments

_ARGUMENTS = ("counts", "labels", "alpha")


def _reference(counts: Tensor, labels: Tensor, alpha: float) -> tuple[Tensor]:
    from ...evaluation.linear_baselines import LogCountRatio  # slow to import

    fitted = LogCountRatio(alpha).fit(sparse.csr_matrix(counts.numpy()), labels.tolist())
    return (torch.from_numpy(fitted.r_),)


def _altered(
    *,
    count: Callable[[Tensor], Tensor] = lambda rows: rows.sum(0).double(),
    share: Callable[[Tensor, float, int], Tensor] = lambda n, alpha, texts: (
        (n + alpha) / (n + alpha).sum()
    ),
    ratio: Callable[[Tensor, Tensor], Tensor] = lambda p, q: (p / q).log(),
) -> Function:
    """Return the ratios with one part replaced; with none replaced they are the reference."""

    def ratios(counts: Tensor, labels: Tensor, alpha: float) -> tuple[Tensor]:
        rows = [counts[labels == label] for label in (1, 0)]
        p, q = (share(count(part), alpha, len(part)) for part in rows)
        return (ratio(p, q),)

    return ratios


_with = partial(change_arguments, _reference, _ARGUMENTS)

_VARIANTS: dict[str, Function] = {
    "the sign is reversed: class 1 is in the numerator": _with(labels=lambda labels: 1 - labels),
    "the logarithm is missing": _altered(ratio=lambda p, q: p / q),
    "the logarithm is of base 2": _altered(ratio=lambda p, q: (p / q).log2()),
    "p and q are not divided by their sums": _altered(share=lambda n, alpha, texts: n + alpha),
    "p and q are divided by the number of texts, not by their sums": _altered(
        share=lambda n, alpha, texts: (n + alpha) / texts
    ),
    "p and q are divided by their Euclidean lengths, not by their sums": _altered(
        share=lambda n, alpha, texts: (n + alpha) / (n + alpha).norm()
    ),
    "alpha is added after the division": _altered(
        share=lambda n, alpha, texts: n / n.sum() + alpha
    ),
    "alpha is in the numerator, but not in the sum": _altered(
        share=lambda n, alpha, texts: (n + alpha) / n.sum()
    ),
    "alpha is taken to be 1": _with(alpha=lambda alpha: 1.0),
    "texts that contain the word are counted, not how often it occurs": _with(
        counts=lambda counts: counts.clamp(max=1)
    ),
}


def _sizes(rng: random.Random) -> Sizes:
    names = ("texts", "words")
    return {name: rng.randint(4, 8) for name in names} | {"alpha": rng.choice([0.5, 2.0])}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, words = sizes["texts"], sizes["words"]
    counts = torch.randint(-2, 4, (texts, words), generator=generator).clamp(min=0)
    labels = torch.randint(2, (texts,), generator=generator)
    labels[:3] = torch.tensor([0, 1, 1])
    counts[:2, 0] = torch.tensor([1, 3])
    return {"counts": counts, "labels": labels}


LOG_COUNT_RATIO = Task(
    name="log_count_ratio",
    arguments=_ARGUMENTS,
    outputs=("r",),
    reference=_reference,
    draw=_draw,
    sizes=_sizes,
    special=(
        {"texts": 5, "words": 5, "alpha": 0.5},
        {"texts": 4, "words": 7, "alpha": 2.0},
    ),
    variants=_VARIANTS,
    differentiable=False,
)
"""The ratios of NB-SVM in `hf_lmcourse.evaluation.linear_baselines`."""
