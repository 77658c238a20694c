"""Surprisal of each piece of a text."""

import math
from dataclasses import dataclass

from .score import TextScore


@dataclass(frozen=True)
class SurprisalUnit:
    """A piece of a text: one token, or several that share a character.

    Attributes:
        text: The piece.
        bits: -log2 of its probability; `None` if it has none, such as whitespace that a word
            tokenizer drops, or a first token that is not predicted.
        unknown: It is unknown to the model; its probability is that of all unknown words together.
    """

    text: str
    bits: float | None
    unknown: bool = False


def surprisal_units(score: TextScore) -> list[SurprisalUnit]:
    """Split a text into pieces with their surprisal; joined, they are the text.

    Tokens that overlap, such as the bytes of one character, are one piece, and their bits are
    summed; a token with an empty span belongs to the piece before it.
    """
    text, encoded = score.text.content, score.encoded
    costs: list[float | None] = [None] * score.first_scored
    costs += [nats / math.log(2) for nats in score.nats.tolist()]
    pieces: list[list] = []  # start, end, bits, unknown
    for (start, end), bits, unknown in zip(encoded.spans, costs, encoded.unknown, strict=True):
        reached = pieces[-1][1] if pieces else 0
        if pieces and (start < reached or start == end):
            pieces[-1][1] = max(reached, end)
            pieces[-1][2] = (pieces[-1][2] or 0.0) + (bits or 0.0)
            pieces[-1][3] |= bool(unknown)
        else:
            pieces.append([start, end, bits, bool(unknown)])
    units, reached = [], 0
    for start, end, bits, unknown in pieces:
        if start > reached:
            units.append(SurprisalUnit(text[reached:start], None))
        units.append(SurprisalUnit(text[start:end], bits, unknown))
        reached = end
    if reached < len(text):
        units.append(SurprisalUnit(text[reached:], None))
    return units
