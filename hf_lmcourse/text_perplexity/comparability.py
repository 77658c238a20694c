"""Which perplexities can be compared, and why others cannot."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from string import ascii_uppercase

from .score import TextScore

RULE = """\
Two rows with the same letter can be compared, others cannot. Bits per character and per byte
can be compared if both models were scored on the same text and each assigned a probability to every
character of it: no token is unknown, and decoding the tokens restores the text exactly; otherwise
the values per character, byte and word have an asterisk. Perplexity and nats per token can be
compared if the tokens are also the same, with unknown tokens of the same vocabulary. In both cases
the temperature is 1 and the first token is predicted too."""

Key = tuple[str, ...] | None


@dataclass(frozen=True)
class Comparison:
    """Whether two rows can be compared.

    Attributes:
        bits_per_character: Whether their bits per character and per byte can.
        perplexity: Whether their perplexity and nats per token can.
        reason: The reason, as a phrase.
    """

    bits_per_character: bool
    perplexity: bool
    reason: str


def bits_key(score: TextScore) -> Key:
    """Key of rows whose bits per character can be compared; `None` if with no other row."""
    if not _is_of_the_model(score) or not score.encoded.lossless:
        return None
    return (score.text.facts.sha256,)


def token_key(score: TextScore) -> Key:
    """Key of rows whose perplexities can be compared; `None` if with no other row."""
    if not _is_of_the_model(score):
        return None
    vocabulary = score.vocabulary_key if score.encoded.unknown_tokens else ""
    return score.text.facts.sha256, score.encoded.key, vocabulary


def groups(scores: Sequence[TextScore], key: Callable[[TextScore], Key]) -> list[str]:
    """A letter per row, equal for rows that can be compared; "-" if there is no such other row."""
    keys = [key(score) for score in scores]
    shared = [k for k, number in Counter(keys).items() if k is not None and number > 1]
    return [_letters(shared.index(k)) if k in shared else "-" for k in keys]


def compare(first: TextScore, second: TextScore) -> Comparison:
    """Say whether two rows can be compared, and why."""
    if first.text.facts.sha256 != second.text.facts.sha256:
        return Comparison(False, False, "they are scores of different texts")
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


def comparisons(scores: Sequence[TextScore]) -> list[tuple[int, int, Comparison]]:
    """Compare every two rows of one text; each result follows the indices of its rows."""
    return [
        (i, j, compare(scores[i], scores[j]))
        for i, j in combinations(range(len(scores)), 2)
        if scores[i].text.name == scores[j].text.name
    ]


def _is_of_the_model(score: TextScore) -> bool:
    return score.temperature == 1 and score.start is not None


def _same(key: Callable[[TextScore], Key], a: TextScore, b: TextScore) -> bool:
    return key(a) is not None and key(a) == key(b)


def _loss(score: TextScore) -> str:
    share = score.metrics["unknown_share"]
    if share:
        return f"{share:.1%} of the tokens are unknown to {score.model}"
    return "" if score.encoded.lossless else f"the tokens of {score.model} lose some characters"


def _letters(number: int) -> str:
    more, place = divmod(number, len(ascii_uppercase))
    return (_letters(more - 1) if more else "") + ascii_uppercase[place]
