"""Check that perplexity does not depend on the base."""

import math
from decimal import Decimal, localcontext

import torch
from torch import Tensor

from ..bigram_factorisation import pair_probabilities
from ..check_result import CheckResult, Table, same
from ..perplexity import cross_entropy, perplexity
from .references import corpus_characters


def check() -> CheckResult:
    """Check the perplexity of a bigram model of characters in four bases and without one."""
    probabilities = _bigram_probabilities(2000)
    by_product = _inverse_geometric_mean(probabilities)
    bases = (("2", 2.0), ("e", math.e), ("10", 10.0), ("1/3", 1 / 3))
    rows = [
        same(f"perplexity in base {name}", perplexity(probabilities, base), by_product)
        for name, base in bases
    ]
    even = torch.full((100,), 1 / 50, dtype=torch.float64)
    rows.append(same("perplexity of a uniform distribution over 50", perplexity(even), 50))
    table = Table(
        "The same text in each base: only the cross-entropy has a unit",
        ("base", "cross-entropy", "perplexity"),
        [
            (name, *(f(probabilities, base).item() for f in (cross_entropy, perplexity)))
            for name, base in bases
        ],
    )
    return CheckResult(rows, [table])


def _bigram_probabilities(length: int) -> Tensor:
    """Return p(y|x) of the first characters of the validation text of cpython-docs."""
    train, held_out, vocabulary = corpus_characters()
    pairs = pair_probabilities(train, vocabulary, added=0.01)
    return (pairs / pairs.sum(1, keepdim=True))[held_out[:length], held_out[1 : length + 1]]


def _inverse_geometric_mean(probabilities: Tensor) -> float:
    """(p_1 ... p_M)^(-1/M) with 50 digits: the product underflows in float64."""
    with localcontext() as context:
        context.prec = 50
        product = math.prod((Decimal(p) for p in probabilities.tolist()), start=Decimal(1))
        return float(product ** (Decimal(-1) / len(probabilities)))
