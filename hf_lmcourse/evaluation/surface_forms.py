"""Bits to restore a text from the words of the course assignment's tokenizer.

That tokenizer lower-cases words, writes `DG` for each digit of a word without letters, and drops
the commas of numbers. A model of its tokens gives probabilities to such canonical words only. With
a model of the form that a word has in the text, the text itself has a probability:

    p(word | context) = p(token | context) q(form) q(digits)          for a known canonical word

and for an unknown one also q(canonical word), by the `Speller`. The forms are

    plain       the canonical word itself
    capital     its first letter upper case; for a number, a comma before every three digits
    upper       all its letters upper case
    other       anything else, spelled letter by letter

Each digit is one of ten, q(digits) = 1/10 for each. The forms are counted as the text is read, for
words and numbers apart (Laplace's rule of succession, K = 4 forms):

    q(form) = (1 + count of the form so far) / (K + number of words so far)

A form is known from what is before it, so that the probabilities of all texts sum to at most one.

Source: Rissanen 1984, Universal coding, information, prediction, and estimation.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from itertools import chain

from transformers import PreTrainedTokenizerBase

from ..tokenization.digit_pattern import canonical_words, sentence_normalizer
from ..tokenization.pieces import split_words, whole_words

_PLAIN, _CAPITAL, _UPPER, _OTHER = range(4)
_FORMS = 4
_CACHED = 1 << 16
"""Words whose canonical form and bits are kept, most of all that recur."""

_DIGIT_BITS = math.log2(10)
_DIGIT = re.compile("[0-9]")
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(?![0-9,])")


def drops_forms(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether this is the tokenizer of the course assignment, also as loaded from a file."""
    normalizer = tokenizer.backend_tokenizer.normalizer
    return normalizer is not None and _state(normalizer) == _state(sentence_normalizer())


def _state(normalizer: object) -> object:
    return normalizer.__getstate__()


class _SpecialTokenWritten(Exception):
    """A text has a special token in it."""


def restoring_bits(
    pieces: Iterable[str],
    vocabulary: Collection[str],
    special: Collection[str],
    spell: Callable[[str], float],
) -> float | None:
    """Compute the bits that restore a text from its tokens.

    Args:
        pieces: The text, cut anywhere.
        vocabulary: The known canonical words.
        special: Tokens that are not words.
        spell: The bits of a word by the `Speller`.

    Returns:
        `None` if a special token is written in the text: then no word restores it.
    """
    try:
        return math.fsum(_bits(pieces, vocabulary, special, spell))
    except _SpecialTokenWritten:
        return None


def _bits(
    pieces: Iterable[str],
    vocabulary: Collection[str],
    special: Collection[str],
    spell: Callable[[str], float],
) -> Iterator[float]:
    cached = lru_cache(_CACHED)
    normalise, spelled = cached(canonical_words().normalize_str), cached(spell)
    counts = {True: Counter[int](), False: Counter[int]()}
    for word in chain.from_iterable(map(split_words, whole_words(pieces))):
        canonical = normalise(word)
        if word in special or canonical in special:
            raise _SpecialTokenWritten
        form, number = _form(word, canonical), "DG" in canonical
        seen = counts[number]
        yield -math.log2((1 + seen[form]) / (_FORMS + seen.total()))
        seen[form] += 1
        if canonical not in vocabulary:
            yield spelled(canonical)
        if form == _OTHER:
            yield spelled(word)
        elif number:
            yield len(_DIGIT.findall(word)) * _DIGIT_BITS


def _form(word: str, canonical: str) -> int:
    """Return the form from which, with the digits, the canonical word restores the word."""
    if "DG" in canonical:
        pattern = _DIGIT.sub("DG", word)
        if pattern == canonical:
            return _PLAIN
        grouped = _GROUPED.match(word) and pattern.replace(",", "") == canonical
        return _CAPITAL if grouped and word.count(",") == _commas(word) else _OTHER
    if word == canonical:
        return _PLAIN
    if word == canonical[:1].upper() + canonical[1:]:
        return _CAPITAL
    return _UPPER if word == canonical.upper() else _OTHER


def _commas(word: str) -> int:
    """Count the commas of the grouped digits that a number begins with."""
    match = _GROUPED.match(word)
    return match.group().count(",") if match else 0
