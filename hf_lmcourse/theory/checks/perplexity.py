"""Check that perplexity does not depend on the base."""

import math
from decimal import Decimal, localcontext

import torch
from torch import Tensor

from ..bigram_factorisation import pair_probabilities
from ..check_result import Outcome, Table, same
from ..perplexity import cross_entropy, perplexity
from .references import corpus_text

__all__ = ["check"]


def check() -> Outcome:
    """Perplexity of a bigram model of characters on real text, by four bases and by none."""
    probabilities = _bigram_probabilities(2000)
    by_product = _inverse_geometric_mean(probabilities)
    bases = (("2", 2.0), ("e", math.e), ("10", 10.0), ("1/3", 1 / 3))
    rows = [
        same(f"perplexity in base {name}", perplexity(probabilities, base), by_product)
        for name, base in bases
    ]
    even = torch.full((100,), 1 / 50, dtype=torch.float64)
    rows.append(same("perplexity of an even choice among 50", perplexity(even), 50))
    table = Table(
        "The same text, one number a base: only the cross-entropy has a unit",
        ("base", "cross-entropy", "perplexity"),
        [
            (
                name,
                cross_entropy(probabilities, base).item(),
                perplexity(probabilities, base).item(),
            )
            for name, base in bases
        ],
    )
    return Outcome(rows, [table])


def _bigram_probabilities(length: int) -> Tensor:
    """p(y|x) of the first characters of the validation text of cpython-docs."""
    train, passage = corpus_text("train"), corpus_text("validation")[: length + 1]
    ids = {character: index for index, character in enumerate(sorted(set(train + passage)))}
    tokens, targets = (torch.tensor([ids[c] for c in text]) for text in (train, passage))
    pairs = pair_probabilities(tokens, len(ids), added=0.01)
    return (pairs / pairs.sum(1, keepdim=True))[targets[:-1], targets[1:]]


def _inverse_geometric_mean(probabilities: Tensor) -> float:
    """(p_1 ... p_M)^(-1/M), multiplied out with 50 digits: floats would run out of exponents."""
    with localcontext() as context:
        context.prec = 50
        product = math.prod((Decimal(p) for p in probabilities.tolist()), start=Decimal(1))
        return float(product ** (Decimal(-1) / len(probabilities)))
