"""Count-based baselines: unigram, bigram and trigram models of the same tokens."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .ngram_counts import Ids, count_numbers, packed_trigrams

_FALLBACK_DISCOUNT = 0.5

Probabilities = NDArray[np.float64]


@dataclass(frozen=True)
class CountModelScore:
    """Score of a count model on a text.

    Attributes:
        nats: Summed negative log-likelihood.
        tokens: Number of predicted tokens.
    """

    nats: float
    tokens: int

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-likelihood of a token, in nats."""
        return self.nats / self.tokens

    @property
    def perplexity(self) -> float:
        """exp(nats / tokens)."""
        return math.exp(self.nats_per_token)


def unigram_nll(
    train: ArrayLike,
    evaluation: ArrayLike,
    vocab_size: int,
    first_context: int | None = None,
    context_only: int | None = None,
) -> CountModelScore:
    """Score a text by how often each token occurs in the training text, plus one.

        P(w) = (c(w) + 1) / (N + V)

    with c(w) the count of w among the N training tokens and V the size of the vocabulary.

    Arguments, result, errors and shapes are those of `trigram_nll`.

    Reference:
        Laplace's rule of succession; Jurafsky and Martin, Speech and Language Processing, ch. 3.
    """
    base = vocab_size + 1
    seen = packed_trigrams("train", train, vocab_size, first_context, context_only)
    parts = (np.bincount(packed % base, minlength=vocab_size) for packed in seen)
    counts = sum(parts, start=np.zeros(1, np.int64))
    p = (counts + 1) / (counts.sum() + vocab_size)
    queries = packed_trigrams("evaluation", evaluation, vocab_size, first_context, context_only)
    return _score(p[packed % base] for packed in queries)


def bigram_nll(
    train: ArrayLike,
    evaluation: ArrayLike,
    vocab_size: int,
    first_context: int | None = None,
    context_only: int | None = None,
) -> CountModelScore:
    """Score a text by the bigram model with interpolated Kneser-Ney smoothing.

    For a token w after the token v,

        P(w | v) = max(c(v w) - D, 0) / c(v .) + D n(v) / c(v .)  P(w)

    with n(v) the number of distinct tokens seen after v, and P(w) and D as in `trigram_nll`.

    Arguments, result, errors and shapes are those of `trigram_nll`.
    """
    return _kneser_ney(2, train, evaluation, vocab_size, first_context, context_only)


def trigram_nll(
    train: ArrayLike,
    evaluation: ArrayLike,
    vocab_size: int,
    first_context: int | None = None,
    context_only: int | None = None,
) -> CountModelScore:
    """Score a text by the trigram model with interpolated Kneser-Ney smoothing.

    For a token w after the tokens u v,

        P(w | u v) = max(c(u v w) - D, 0) / c(u v .) + D n(u v) / c(u v .)  P(w | v)

    with n(u v) the number of distinct tokens seen after u v. A context never seen passes all of the
    probability on: P(w | u v) = P(w | v). P(w | v) and P(w) have the same form, but there c counts
    the distinct tokens seen *before* v w (before w) instead of occurrences; below P(w) lies 1 / V.
    Each level has its own discount D = n1 / (n1 + 2 n2), n1 and n2 being the numbers of n-grams
    counted once and twice, or 1/2 where one of them is zero.

    Before the first context token there is a symbol outside the vocabulary, which is never
    predicted.

    Args:
        train: Token ids of the training text.
        evaluation: Token ids of the text to score.
        vocab_size: V; ids are below it.
        first_context: The token before the first one, usually the line end. Without it the first
            token of each text is only context and is not predicted.
        context_only: A token that is context and never predicted nor counted, such as BOS.

    Returns:
        Summed nats and the number of predicted tokens.

    Raises:
        LmcourseError: If a text is too short or an id is outside the vocabulary.

    Shape:
        train: (training tokens,); evaluation: (evaluation tokens,).

    Reference:
        Kneser and Ney 1995, Improved backing-off for m-gram language modeling; in the interpolated
        form of Chen and Goodman 1998, An empirical study of smoothing techniques.
    """
    return _kneser_ney(3, train, evaluation, vocab_size, first_context, context_only)


def _kneser_ney(
    order: int,
    train: ArrayLike,
    evaluation: ArrayLike,
    vocab_size: int,
    first_context: int | None,
    context_only: int | None,
) -> CountModelScore:
    """Score by the n-gram model of an order up to 3, from the unigram level up."""
    base = vocab_size + 1
    seen = packed_trigrams("train", train, vocab_size, first_context, context_only)
    levels = [count_numbers((packed % base**order for packed in seen), base**order)]
    for length in range(order - 1, 0, -1):
        levels.append(np.unique(levels[-1][0] % base**length, return_counts=True))
    levels.reverse()
    smoothed = [_Level(ngrams, counts, base) for ngrams, counts in levels]

    def probabilities(queries: Ids) -> Probabilities:
        p: Probabilities = np.full(len(queries), 1 / vocab_size)
        for length, level in enumerate(smoothed, start=1):
            p = level.interpolate(queries % base**length, p)
        return p

    chunks = packed_trigrams("evaluation", evaluation, vocab_size, first_context, context_only)
    return _score(map(probabilities, chunks))


class _Level:
    """The n-grams of one length, of which a discount goes to the level below.

    Shape:
        ngrams, counts: (distinct n-grams,), packed and sorted.
    """

    def __init__(self, ngrams: Ids, counts: Ids, base: int) -> None:
        self._ngrams, self._counts, self._base = ngrams, counts, base
        self._contexts, first = np.unique(ngrams // base, return_index=True)
        self._totals = np.add.reduceat(counts, first)
        self._followers = np.diff(np.append(first, len(ngrams)))
        once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
        self._discount = once / (once + 2 * twice) if once and twice else _FALLBACK_DISCOUNT

    def interpolate(self, queries: Ids, lower: Probabilities) -> Probabilities:
        """Return the probabilities of queries from those of the level below.

        Shape:
            queries, lower, result: (queries,).
        """
        contexts = queries // self._base
        count = _look_up(self._ngrams, self._counts, queries)
        total = _look_up(self._contexts, self._totals, contexts)
        follower = _look_up(self._contexts, self._followers, contexts)
        mass = np.maximum(count - self._discount, 0) + self._discount * follower * lower
        return np.where(total > 0, mass / np.maximum(total, 1), lower)


def _look_up(keys: Ids, values: Ids, queries: Ids) -> Ids:
    """Return the value of each query among the sorted keys, 0 if there is none."""
    position = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[position] == queries, values[position], 0)


def _score(chunks: Iterable[Probabilities]) -> CountModelScore:
    sums = [(float(-np.log(p).sum()), len(p)) for p in chunks]
    return CountModelScore(math.fsum(nats for nats, _ in sums), sum(count for _, count in sums))
