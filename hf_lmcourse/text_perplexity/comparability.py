"""Which perplexities may be compared, and why others may not."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase

from .score import PassageScore

__all__ = ["RULE", "Comparison", "Key", "bits_key", "compare", "comparisons", "groups", "token_key"]

RULE = """\
Two rows with the same letter may be compared, others may not. Bits per character and per byte
compare where both models were scored on the same text and each gave every character of it a
probability: no token is unknown, and the tokens give back the text character for character; where
they do not, an asterisk marks what is said per character, byte or word. Perplexity per token, and
nats per token, compare where the text was also cut into the same tokens, the unknown ones among
them being unknown to the same vocabulary. In both cases the temperature is 1 and the first token is
predicted too."""

Key = tuple[str, ...] | None


@dataclass(frozen=True)
class Comparison:
    """Whether two rows may be compared.

    Attributes:
        bits_per_character: whether these and bits per byte may.
        perplexity: whether perplexity and nats per token may.
        reason: why, in words.
    """

    bits_per_character: bool
    perplexity: bool
    reason: str


def bits_key(score: PassageScore) -> Key:
    """Rows with the same key have bits per character that compare; `None` compares with nothing."""
    if not _is_of_the_model(score) or not score.encoded.lossless:
        return None
    return (_hash(score.passage.text),)


def token_key(score: PassageScore) -> Key:
    """Rows with the same key have perplexities that compare; `None` compares with nothing."""
    if not _is_of_the_model(score):
        return None
    encoded = score.encoded
    vocabulary = score.vocabulary_key if encoded.unknown.any() else ""
    # tokens that lose nothing are the same where they are cut alike, whatever they are called
    tokens = encoded.spans if encoded.lossless else encoded.pieces
    return _hash(score.passage.text), _hash(json.dumps(tokens)), vocabulary


def groups(scores: Sequence[PassageScore], key: Callable[[PassageScore], Key]) -> list[str]:
    """A letter for each row, the same for rows that compare; "-" for a row that stands alone."""
    keys = [key(score) for score in scores]
    shared = [k for k, number in Counter(keys).items() if k is not None and number > 1]
    return [_letters(shared.index(k)) if k in shared else "-" for k in keys]


def compare(first: PassageScore, second: PassageScore) -> Comparison:
    """Whether two rows may be compared, and why (not)."""
    if first.passage.text != second.passage.text:
        return Comparison(False, False, "they are figures of different texts")
    for score in (first, second):
        if score.temperature != 1:
            return Comparison(False, False, f"the temperature is {score.temperature:g}, not 1")
        if score.start is None:
            return Comparison(False, False, f"{score.model} does not predict the first token")
    bits, tokens = _same(bits_key, first, second), _same(token_key, first, second)
    if bits:
        cut = "the same" if tokens else "different"
        return Comparison(True, tokens, f"both give every character a probability, {cut} tokens")
    reasons = " and ".join(dict.fromkeys(filter(None, (_loss(first), _loss(second)))))
    cut = "the tokens are the same" if tokens else "the tokens differ"
    return Comparison(False, tokens, f"{reasons}; {cut}")


def comparisons(scores: Sequence[PassageScore]) -> list[tuple[int, int, Comparison]]:
    """`compare` for every two rows of one passage, with their numbers from 0."""
    return [
        (i, j, compare(scores[i], scores[j]))
        for i, j in combinations(range(len(scores)), 2)
        if scores[i].passage.name == scores[j].passage.name
    ]


def _is_of_the_model(score: PassageScore) -> bool:
    return score.temperature == 1 and score.start is not None


def _same(key: Callable[[PassageScore], Key], a: PassageScore, b: PassageScore) -> bool:
    return key(a) is not None and key(a) == key(b)


def _loss(score: PassageScore) -> str:
    share = score.metrics["unknown_share"]
    if share:
        return f"{share:.1%} of the tokens are unknown to {score.model}"
    return "" if score.encoded.lossless else f"the tokens of {score.model} lose some characters"


def _letters(number: int) -> str:
    more, place = divmod(number, len(ascii_uppercase))
    return (_letters(more - 1) if more else "") + ascii_uppercase[place]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
