"""Surprisal by class of token."""

import math
from dataclasses import dataclass

from .encoded_text import CLASSES
from .score import TextScore


@dataclass(frozen=True)
class ClassCost:
    """Share of one class of tokens in the surprisal of a text.

    Attributes:
        tokens: Share of the predicted tokens.
        bits: Share of the bits.
        bits_per_token: Mean surprisal of a token.
        bits_per_character: Bits of the class divided by the characters of the whole text; the sum
            over all classes is the bits per character of the text.
    """

    tokens: float
    bits: float
    bits_per_token: float
    bits_per_character: float


def class_costs(score: TextScore) -> dict[str, ClassCost]:
    """Sum the surprisal of each class that occurs among the predicted tokens, by name."""
    total = score.total_nats / math.log(2)
    predicted = sum(part.tokens for part in score.sums.values())
    per_bit = score.metrics["bits_per_character"] / total if total else 0.0
    costs = {}
    for name in [name for name in CLASSES if name in score.sums]:
        part = score.sums[name]
        bits = part.nats / math.log(2)
        costs[name] = ClassCost(
            tokens=part.tokens / predicted,
            bits=bits / total if total else 0.0,
            bits_per_token=bits / part.tokens,
            bits_per_character=bits * per_bit,
        )
    return costs
