"""Weights of words by tf-idf."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..task import Function, Sizes, Task, sizes_between

_ARGUMENTS = ("counts",)


def _reference(counts: Tensor) -> tuple[Tensor]:
    from sklearn.feature_extraction.text import TfidfTransformer  # slow to import

    weights = TfidfTransformer(sublinear_tf=True).fit_transform(counts.double().numpy())
    return (torch.from_numpy(weights.toarray()),)


def _sublinear(counts: Tensor) -> Tensor:
    return torch.where(counts > 0, 1 + counts.clamp(min=1).log(), 0)


def _smooth(texts: int, df: Tensor) -> Tensor:
    return ((1 + texts) / (1 + df)).log() + 1


def _altered(
    *,
    tf: Callable[[Tensor], Tensor] = _sublinear,
    df: Callable[[Tensor], Tensor] = lambda counts: (counts > 0).sum(0).double(),
    idf: Callable[[int, Tensor], Tensor] = _smooth,
    norm: Callable[[Tensor], Tensor] = lambda weights: weights.norm(dim=1, keepdim=True),
) -> Function:
    """Return the weights with one part replaced; with none replaced they are the reference."""

    def weights(counts: Tensor) -> tuple[Tensor]:
        found = tf(counts.double()) * idf(len(counts), df(counts))
        return (found / norm(found),)

    return weights


_VARIANTS: dict[str, Function] = {
    "tf is the count, not 1 + log of the count": _altered(tf=lambda counts: counts),
    "tf is log of the count, without the 1": _altered(
        tf=lambda counts: counts.clamp(min=1).log() + 1e-300
    ),
    "tf is log(1 + count)": _altered(tf=torch.log1p),
    "tf is 1 for every word that occurs": _altered(tf=lambda counts: (counts > 0).double()),
    "idf is without its + 1": _altered(idf=lambda n, df: ((1 + n) / (1 + df)).log() + 1e-300),
    "idf is without the 1 + of numerator and denominator": _altered(
        idf=lambda n, df: (n / df).log() + 1
    ),
    "idf has 1 + in the denominator only": _altered(idf=lambda n, df: (n / (1 + df)).log() + 1),
    "idf is the ratio, its logarithm is missing": _altered(idf=lambda n, df: (1 + n) / (1 + df)),
    "idf is left out": _altered(idf=lambda n, df: torch.ones_like(df)),
    "df counts how often a word occurs, not the texts that contain it": _altered(
        df=lambda counts: counts.sum(0).double()
    ),
    "the rows are not divided by their length": _altered(norm=torch.ones_like),
    "the rows are divided by their sum, not by their Euclidean length": _altered(
        norm=lambda weights: weights.sum(1, keepdim=True)
    ),
    "the columns are divided by their length, not the rows": _altered(
        norm=lambda weights: weights.norm(dim=0, keepdim=True)
    ),
}


def _draw(sizes: Sizes, generator: torch.Generator) -> dict[str, Tensor]:
    texts, words = sizes["texts"], sizes["words"]
    counts = torch.randint(-3, 4, (texts, words), generator=generator).clamp(min=0)
    counts[:, 0] = torch.arange(texts) + 1  # every text has a word
    places = torch.arange(words)
    counts[places % texts, places] += 2  # every word has a text
    return {"counts": counts}


TF_IDF = Task(
    name="tf_idf",
    arguments=_ARGUMENTS,
    outputs=("weights",),
    reference=_reference,
    draw=_draw,
    sizes=sizes_between(3, 8, "texts", "words"),
    special=({"texts": 4, "words": 4}, {"texts": 3, "words": 6}),
    variants=_VARIANTS,
    differentiable=False,
)
"""The weights of the baseline in `hf_lmcourse.evaluation.linear_baselines`, by scikit-learn."""
