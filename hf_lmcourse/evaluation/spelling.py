"""Bits to spell the unknown words of a text.

A word-level model assigns one probability to all unknown words together, that of `<unk>`. Which
word it was is missing from its loss, so that its bits per character look too good compared with
those of a character-level model. With a model of the spelling, every word has a probability:

    p(word | context) = p(<unk> | context) q(word)          for an unknown word

and the bits of the text are those of its tokens plus, for each unknown word, -log2 q(word).

q is a trigram of characters, estimated on the vocabulary, each entry counted once: what is unknown
resembles rare words, and most entries are rare. With c the next character (or the end of the word),
h the two before it (or the beginning), h' the one before it, n(h) the count of h, and t(h) the
number of distinct characters seen after h:

    q(c | h) = (n(h c) + t(h) q(c | h')) / (n(h) + t(h))

down to q(c) = 1 / 1,114,112, the number of Unicode's code points, so that no word is impossible.

Sources: Witten and Bell 1991, The zero-frequency problem (method C, interpolated as in Chen and
Goodman 1998); Brown et al. 1992, An estimate of an upper bound for the entropy of English (words
that are not in the vocabulary spelled by a model of characters).
"""

import math
from collections import Counter
from collections.abc import Iterable

import numpy as np
from transformers import PreTrainedTokenizerBase

from ..data.encoding import plain_backend
from ..data.lookup import lookup_of
from ..tokenization.pieces import pieces_of, whole_lines, whole_words
from .surface_forms import drops_forms, restoring_bits

_CODE_POINTS = 0x110000
_BEGIN, _END = "\x02", "\x03"
"""Unicode's control characters for start and end of text, which no word contains."""


class Speller:
    """The trigram of characters of the module docstring.

    Args:
        words: Words to estimate it on, each counted once.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._pairs: Counter[tuple[str, str]] = Counter()
        for word in set(words):
            for history, character in _steps(word):
                for length in range(len(history) + 1):
                    self._pairs[history[length:], character] += 1
        self._seen: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        for (history, _), count in self._pairs.items():
            self._seen[history] += count
            self._kinds[history] += 1

    def probability(self, character: str, history: str) -> float:
        """q(c | h).

        Args:
            character: c.
            history: h, at most two characters.
        """
        shorter = self.probability(character, history[1:]) if history else 1 / _CODE_POINTS
        kinds = self._kinds[history]
        if not kinds:
            return shorter
        count = self._pairs[history, character]
        return (count + kinds * shorter) / (self._seen[history] + kinds)

    def bits(self, word: str) -> float:
        """-log2 q(word), its end included."""
        return -sum(math.log2(self.probability(c, h)) for h, c in _steps(word))


def _steps(word: str) -> list[tuple[str, str]]:
    """Pair each character and the end with the two characters before it."""
    padded = _BEGIN * 2 + word + _END
    return [(padded[i - 2 : i], padded[i]) for i in range(2, len(padded))]


def unknown_words(
    text: str | Iterable[str], tokenizer: PreTrainedTokenizerBase
) -> Counter[str] | None:
    """Count the words of a text that are unknown to a tokenizer.

    Args:
        text: The text, whole or in pieces that are cut anywhere.
        tokenizer: A fast tokenizer.

    Returns:
        `None` if spelling them does not restore the text: the tokenizer changes other words too
        (lower-casing, digits), or the unknown words are already replaced in the text.
    """
    backend, found = plain_backend(tokenizer), Counter[str]()
    line_end, unknown = tokenizer.eos_token, tokenizer.unk_token
    cut = whole_lines if lookup_of(backend, np.int32) is None else whole_words
    for piece in cut(pieces_of(text) if isinstance(text, str) else text):
        encoding = backend.encode(piece, add_special_tokens=False)
        for token, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
            word = piece[start:end]
            if token == unknown and word != unknown:
                found[word] += 1
            elif token not in (word, line_end) or token == unknown:
                return None
    return found


def spelling_bits(text: str | Iterable[str], tokenizer: PreTrainedTokenizerBase) -> float | None:
    """Compute the bits of the unknown words under the `Speller` of the tokenizer's vocabulary.

    For the tokenizer of the course assignment also those of the forms of all words, see
    `surface_forms`.

    Args:
        text: The text, whole or in pieces that are cut anywhere.
        tokenizer: A fast tokenizer.

    Returns:
        `None` if `unknown_words` is, or a special token is written in the text.
    """
    special = set(tokenizer.all_special_tokens)
    entries = {word for word in tokenizer.get_vocab() if word not in special}
    if drops_forms(tokenizer):
        pieces = pieces_of(text) if isinstance(text, str) else text
        return restoring_bits(pieces, entries, special, Speller(entries).bits)
    words = unknown_words(text, tokenizer)
    if words is None:
        return None
    speller = Speller(entries)
    return math.fsum(count * speller.bits(word) for word, count in words.items())


def with_unknown_spelled(
    bits_per_character: float,
    text: str | Iterable[str],
    characters: int,
    tokenizer: PreTrainedTokenizerBase,
    unknown: int,
) -> dict[str, float]:
    """Add the bits of `spelling_bits` to the bits per character of the tokens.

    Args:
        bits_per_character: Bits per character of the tokens.
        text: The text, whole or in pieces; it is read only if there are unknown tokens.
        characters: Its length.
        tokenizer: The tokenizer.
        unknown: Number of unknown tokens.

    Returns:
        `bits_per_character_spelled`; nothing if the words cannot be spelled.
    """
    if not unknown and not drops_forms(tokenizer):
        return {"bits_per_character_spelled": bits_per_character}
    bits = spelling_bits(text, tokenizer)
    if bits is None:
        return {}
    return {"bits_per_character_spelled": bits_per_character + bits / characters}
