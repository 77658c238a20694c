"""Count-based baselines: unigram, bigram and trigram models of the same tokens."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import LmcourseError

_LARGEST_VOCABULARY = 2**21 - 2  # (vocabulary + 1) ** 3 has to fit 64 bits
_FALLBACK_DISCOUNT = 0.5

Ids = NDArray[np.int64]
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
    _, seen = _contexts_and_targets("train", train, vocab_size, first_context)
    _, targets = _contexts_and_targets("evaluation", evaluation, vocab_size, first_context)
    seen, targets = (ids[ids != context_only] for ids in (seen, targets))
    counts = np.bincount(seen, minlength=vocab_size)
    return _score((counts[targets] + 1) / (len(seen) + vocab_size))


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
    texts = (("train", train), ("evaluation", evaluation))
    seen, queries = (
        _pack_trigrams(*_contexts_and_targets(name, text, vocab_size, first_context), base)
        for name, text in texts
    )
    seen, queries = (packed[packed % base != context_only] for packed in (seen, queries))
    levels = [np.unique(seen % base**order, return_counts=True)]
    for length in range(order - 1, 0, -1):
        levels.append(np.unique(levels[-1][0] % base**length, return_counts=True))

    p: Probabilities = np.full(len(queries), 1 / vocab_size)
    for length, (ngrams, counts) in enumerate(reversed(levels), start=1):
        p = _interpolate(ngrams, counts, queries % base**length, base, p)
    return _score(p)


def _contexts_and_targets(
    name: str, tokens: ArrayLike, vocab_size: int, first_context: int | None
) -> tuple[Ids, Ids]:
    """Return, for each predicted token, the token before it, and the token itself."""
    ids = np.asarray(tokens, dtype=np.int64)
    if first_context is not None:
        ids = np.concatenate([[first_context], ids])
    if ids.ndim != 1 or len(ids) < 2:
        raise LmcourseError(
            f"The {name} text for a count model has no token to predict; give one array of at least"
            " two token ids, or of one and a first_context."
        )
    if not 1 <= vocab_size <= _LARGEST_VOCABULARY or ids.min() < 0 or ids.max() >= vocab_size:
        raise LmcourseError(
            f"The {name} text for a count model has token ids from {ids.min()} to {ids.max()},"
            f" which do not fit vocab_size={vocab_size}; ids run from 0 to vocab_size - 1, and"
            f" vocab_size is at most {_LARGEST_VOCABULARY}."
        )
    return ids[:-1], ids[1:]


def _pack_trigrams(contexts: Ids, targets: Ids, base: int) -> Ids:
    """Write each trigram u v w as the number (u base + v) base + w; base - 1 is the start."""
    before_contexts = np.concatenate([[base - 1], contexts[:-1]])
    return (before_contexts * base + contexts) * base + targets


def _interpolate(
    ngrams: Ids, counts: Ids, queries: Ids, base: int, lower: Probabilities
) -> Probabilities:
    """Discount one level of n-grams and give the mass to the level below.

    Shape:
        ngrams, counts: (distinct n-grams,), packed and sorted; queries, lower, result: (queries,).
    """
    contexts, first = np.unique(ngrams // base, return_index=True)
    totals = np.add.reduceat(counts, first)
    followers = np.diff(np.append(first, len(ngrams)))
    once, twice = np.count_nonzero(counts == 1), np.count_nonzero(counts == 2)
    discount = once / (once + 2 * twice) if once and twice else _FALLBACK_DISCOUNT

    count = _look_up(ngrams, counts, queries)
    total = _look_up(contexts, totals, queries // base)
    follower = _look_up(contexts, followers, queries // base)
    mass = np.maximum(count - discount, 0) + discount * follower * lower
    return np.where(total > 0, mass / np.maximum(total, 1), lower)


def _look_up(keys: Ids, values: Ids, queries: Ids) -> Ids:
    """Return the value of each query among the sorted keys, 0 if there is none."""
    position = np.minimum(np.searchsorted(keys, queries), len(keys) - 1)
    return np.where(keys[position] == queries, values[position], 0)


def _score(probabilities: Probabilities) -> CountModelScore:
    return CountModelScore(float(-np.log(probabilities).sum()), len(probabilities))
