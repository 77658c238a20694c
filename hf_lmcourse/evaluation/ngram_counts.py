"""Counts of the n-grams of a text, in memory for the distinct ones alone."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import LmcourseError

_LARGEST_VOCABULARY = 2**21 - 2  # (vocabulary + 1) ** 3 has to fit 64 bits
_CHUNK = 1 << 20
"""Tokens that are read in one go."""

Ids = NDArray[np.int64]


def packed_trigrams(
    name: str,
    tokens: ArrayLike,
    vocab_size: int,
    first_context: int | None,
    context_only: int | None,
) -> Iterator[Ids]:
    """Yield the predicted tokens of a text, with the two before each, in chunks.

    A trigram u v w is the number (u base + v) base + w, with base = vocab_size + 1; base - 1 is
    the start.

    Args:
        name: Of the text, for the message.
        tokens: Token ids of the text.
        vocab_size: Ids are below it.
        first_context: The token before the first one, if any.
        context_only: A token that is not predicted.

    Raises:
        LmcourseError: The text is too short, or an id is outside the vocabulary.
    """
    text, base = np.asarray(tokens), vocab_size + 1
    before: Ids = np.array([base - 1] if first_context is None else [base - 1, first_context])
    if text.ndim != 1 or len(before) + len(text) < 3:
        raise LmcourseError(
            f"The {name} text for a count model has no token to predict; give one array of at least"
            " two token ids, or of one and a first_context."
        )
    for start in range(0, len(text), _CHUNK):
        ids = text[start : start + _CHUNK].astype(np.int64)
        if not 1 <= vocab_size <= _LARGEST_VOCABULARY or ids.min() < 0 or ids.max() >= vocab_size:
            raise LmcourseError(
                f"The {name} text for a count model has token ids from {ids.min()} to {ids.max()},"
                f" which do not fit vocab_size={vocab_size}; ids run from 0 to vocab_size - 1, and"
                f" vocab_size is at most {_LARGEST_VOCABULARY}."
            )
        ids = np.concatenate([before, ids])
        packed = (ids[:-2] * base + ids[1:-1]) * base + ids[2:]
        yield packed[ids[2:] != context_only] if context_only is not None else packed
        before = ids[-2:]


def count_numbers(chunks: Iterable[Ids], possible: int) -> tuple[Ids, Ids]:
    """Count how often numbers occur.

    Args:
        chunks: The numbers.
        possible: They are below it.

    Returns:
        The distinct numbers, sorted, and the count of each.
    """
    if possible <= _CHUNK:
        counts = np.zeros(possible, np.int64)
        for chunk in chunks:
            counts += np.bincount(chunk, minlength=possible)
        occur = np.flatnonzero(counts)
        return occur, counts[occur]
    numbers = counts = np.zeros(0, np.int64)
    pending: list[tuple[Ids, Ids]] = []
    for chunk in chunks:
        pending.append(np.unique(chunk, return_counts=True))
        if sum(len(part) for part, _ in pending) >= max(_CHUNK, len(numbers)):
            numbers, counts = _merged([(numbers, counts), *pending])
            pending.clear()
    return _merged([(numbers, counts), *pending])


def _merged(parts: list[tuple[Ids, Ids]]) -> tuple[Ids, Ids]:
    numbers, counts = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.argsort(numbers, kind="stable")
    numbers, counts = numbers[order], counts[order]
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    return numbers[first], np.add.reduceat(counts, first)
