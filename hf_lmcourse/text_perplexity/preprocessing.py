"""Declared changes to a text before it is scored, and how much of it they change."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import LmcourseError
from ..tokenization.digit_pattern import canonical_words
from .own_step import own_function

_ASCII = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"),
    **dict.fromkeys("\u2014\u2015", "--"),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
    "\u2026": "...", "\u00df": "ss", "\u00e6": "ae", "\u00c6": "Ae", "\u0153": "oe",
    "\u0152": "Oe", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0111": "d",
    "\u0110": "D", "\u00f0": "d", "\u00d0": "D", "\u00fe": "th", "\u00de": "Th", "\u0131": "i",
    "\u00d7": "x", "\u20ac": "EUR", "\u00a3": "GBP",
}  # fmt: skip
"""Characters that Unicode normalisation does not decompose."""


@dataclass(frozen=True)
class Step:
    """One change to a text.

    Attributes:
        meaning: Description for users.
        apply: Function from text to text.
    """

    meaning: str
    apply: Callable[[str], str]


@dataclass(frozen=True)
class Preprocessing:
    """A chain of steps.

    Attributes:
        name: Name of the chain, or the names of its steps separated by commas.
        steps: The steps, in order.
    """

    name: str
    steps: tuple[Step, ...]

    @property
    def meaning(self) -> str:
        """Description for users."""
        return "; then ".join(step.meaning for step in self.steps)

    def apply(self, text: str) -> str:
        """Apply all steps."""
        for step in self.steps:
            text = step.apply(text)
        return text


def _printable(text: str) -> str:
    return "".join(c for c in text if c.isprintable() or c.isspace())


def _single_spaces(text: str) -> str:
    """Collapse whitespace other than line feeds into single spaces, none at the ends of lines."""
    return "\n".join(" ".join(line.split()) for line in text.split("\n"))


def _transliterate(text: str) -> str:
    whole = "".join(_ASCII.get(c, c) for c in unicodedata.normalize("NFC", text))
    parts = unicodedata.normalize("NFKD", whole)
    return "".join(c if c.isascii() else "?" for c in parts if not unicodedata.combining(c))


STEPS = {
    "lowercase": Step("lower case", str.lower),
    "printable": Step("unprintable characters dropped, whitespace kept", _printable),
    "blanks": Step("one space for each run of spaces, none at the ends of lines", _single_spaces),
    "ascii": Step(
        "letters without their accents, dashes and quotation marks as ASCII has them, ? for every "
        "other character that is not ASCII",
        _transliterate,
    ),
    "canonical": Step(
        "lower case, and DG for each digit of a word without letters, its commas dropped",
        lambda text: canonical_words().normalize_str(text),
    ),
}
"""The steps by name. A normalizer of `tokenizers` is a step through its `normalize_str`."""

CHAINS = {"course": ("lowercase", "printable", "blanks")}
"""Named chains: the one that the course declares for its texts."""


def preprocessing(name: str) -> Preprocessing:
    """Look up a chain by its name, or by its steps separated by commas.

    A step is one of `STEPS`, or FILE.py:FUNCTION for a function from text to text of one's own.

    Raises:
        LmcourseError: No such chain or step, or no such function.
    """
    steps = CHAINS.get(name, tuple(name.split(",")))
    return Preprocessing(name, tuple(map(_step, steps)))


def _step(name: str) -> Step:
    path, colon, function = name.rpartition(":")
    if colon and path.endswith(".py"):
        meaning = f"the function {function} of {Path(path).name}"
        return Step(meaning, own_function(Path(path), function))
    if name not in STEPS:
        raise LmcourseError(
            f"there is no preprocessing {name!r}: chains are {', '.join(CHAINS)}; steps, "
            f"separated by commas, are {', '.join(STEPS)} and FILE.py:FUNCTION"
        )
    return STEPS[name]


def changed_share(raw: str, changed: str) -> float:
    """Edit distance between a text and its changed version, divided by its length.

        d(raw, changed) / length of raw

    with d the least number of characters to replace, drop or add. If both have the same number of
    lines, d is summed line by line, which is much faster and an upper bound if text moves between
    lines.

    Reference:
        Levenshtein 1966, Binary codes capable of correcting deletions, insertions and reversals.
    """
    lines, new = raw.split("\n"), changed.split("\n")
    if len(lines) != len(new):
        lines, new = [raw], [changed]
    distance = sum(_edit_distance(a, b) for a, b in zip(lines, new, strict=True) if a != b)
    return distance / max(1, len(raw))


def _edit_distance(a: str, b: str) -> int:
    """Levenshtein's recurrence, a row at a time.

    D_ij = min(D_i-1,j + 1, D_i-1,j-1 + [a_i != b_j], D_i,j-1 + 1); the last term makes a row
    min over k <= j of (the other terms at k) + j - k, a running minimum.
    """
    codes, positions = _code_points(b), np.arange(len(b) + 1)
    row = positions.copy()
    for i, code in enumerate(_code_points(a), start=1):
        others = np.empty_like(row)
        others[0] = i
        others[1:] = np.minimum(row[1:] + 1, row[:-1] + (codes != code))
        row = np.minimum.accumulate(others - positions) + positions
    return int(row[-1])


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
