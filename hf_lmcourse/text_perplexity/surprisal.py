"""Where a model is surprised: the cost of each piece of a passage."""

import math
from dataclasses import dataclass

from .score import PassageScore

__all__ = ["SurprisalUnit", "surprisal_units"]


@dataclass(frozen=True)
class SurprisalUnit:
    """A piece of a passage that one token stands for, or several that share a character.

    Attributes:
        text: the piece.
        bits: -log2 of its probability; `None` where it has none, being no token, such as the blanks
            that a word tokenizer drops, or the first token where that is not predicted.
        unknown: it is unknown to the model, whose probability is that of all unknown words.
    """

    text: str
    bits: float | None
    unknown: bool = False


def surprisal_units(score: PassageScore) -> list[SurprisalUnit]:
    """A passage in pieces that together are its text, each with what it cost.

    Tokens that overlap, such as the bytes of one character, are one piece, and their costs are
    added; a token without a place in the text is added to the piece before it.
    """
    text, encoded = score.passage.text, score.encoded
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
