"""Surprisal by class of token."""

import math
from dataclasses import dataclass

from .score import TextScore

CLASSES = (
    "unknown tokens",
    "tokens with a digit",
    "tokens with a character beyond ASCII",
    "tokens with a capital letter",
    "line breaks",
    "tokens of lower-case letters, punctuation and spaces",
)
"""A token belongs to the first class that fits it."""


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
    sums: dict[str, list[float]] = {}
    first, encoded = score.first_scored, score.encoded
    columns = (encoded.spans[first:], encoded.unknown[first:], score.nats, score.predicted)
    for (start, end), unknown, nats, predicted in zip(*columns, strict=True):
        if not predicted:
            continue
        name = CLASSES[0] if unknown else _class_of(score.text.content[start:end])
        sums.setdefault(name, []).append(float(nats) / math.log(2))
    total = math.fsum(score.nats) / math.log(2)
    per_bit = score.metrics["bits_per_character"] / total if total else 0.0
    return {
        name: ClassCost(
            tokens=len(bits) / int(score.predicted.sum()),
            bits=math.fsum(bits) / total if total else 0.0,
            bits_per_token=math.fsum(bits) / len(bits),
            bits_per_character=math.fsum(bits) * per_bit,
        )
        for name, bits in sorted(sums.items(), key=lambda item: CLASSES.index(item[0]))
    }


def _class_of(text: str) -> str:
    if any(c.isdigit() for c in text):
        return CLASSES[1]
    if not text.isascii():
        return CLASSES[2]
    if any(c.isupper() for c in text):
        return CLASSES[3]
    return CLASSES[4] if "\n" in text else CLASSES[5]
