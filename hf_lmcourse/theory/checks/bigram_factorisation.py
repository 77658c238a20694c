"""Check that a bigram model of a corpus gives the same probability in both directions."""

from collections import Counter

import torch
from torch import Tensor

from ..bigram_factorisation import left_to_right, pair_probabilities, right_to_left
from ..check_result import CheckResult, Row, Table, same
from .references import corpus_characters, corpus_text

_WORDS_KEPT = 1500


def check() -> CheckResult:
    """Check characters and words of cpython-docs on the validation text, unseen pairs included."""
    rows: list[Row] = []
    table = []
    for unit, units in (("characters", corpus_characters()), ("words", _words())):
        train, held_out, vocabulary = units
        pairs = pair_probabilities(train, vocabulary, added=0.01)
        rows.append(same(f"{unit}: p as the first, as the second", pairs.sum(1), pairs.sum(0)))
        for text in (held_out[:100], held_out):
            forward, backward = left_to_right(pairs, text), right_to_left(pairs, text)
            size = len(text)
            rows.append(same(f"{unit}: ln p of {size:,}, mean", forward / size, backward / size))
            gap = _gap_when_discounted(train, vocabulary, text)
            table.append((unit, size, forward.item(), backward.item(), gap))
    columns = ("unit", "tokens", "left to right", "right to left", "gap if smoothed")
    title = "ln p in nats; the gap is what the direction changes if each is discounted by itself"
    return CheckResult(rows, [Table(title, columns, table)])


def _words() -> tuple[Tensor, Tensor, int]:
    """Return the training and validation text as ids of frequent words; 0 is any other word."""
    train, held_out = (corpus_text(split).split() for split in ("train", "validation"))
    frequent = Counter(train).most_common(_WORDS_KEPT)
    ids = {word: index for index, (word, _) in enumerate(frequent, start=1)}
    first, second = (
        torch.tensor([ids.get(word, 0) for word in words]) for words in (train, held_out)
    )
    return first, second, len(ids) + 1


def _gap_when_discounted(train: Tensor, vocabulary: int, text: Tensor) -> float:
    """Return ln p right to left minus left to right under absolute discounting.

        p(y|x) = (max(c(x, y) - 1/2, 0) + 1/2 n(x) p(y)) / c(x)

    n(x) is the number of different words after x; from right to left, the roles are swapped.
    """
    counts = pair_probabilities(train, vocabulary) * len(train)
    found = []
    for c, tokens in ((counts, text), (counts.t(), text.flip(0))):
        total = c.sum(1)
        spread = 0.5 * (c > 0).sum(1, keepdim=True) * total / len(train)
        given = ((c - 0.5).clamp(min=0) + spread) / total.unsqueeze(1)
        start = (total[tokens[0]] / len(train)).log()
        found.append((start + given[tokens[:-1], tokens[1:]].log().sum()).item())
    return found[1] - found[0]
