"""Means of word vectors over texts of different lengths, without padding.

A batch of texts is `words`, the ids of all of them one after the other, and `lengths`, how many of
them belong to each text.
"""

import torch
from torch import Tensor
from torch.nn import functional

__all__ = [
    "NGRAM_MULTIPLIER",
    "bag_counts",
    "embedding_rows",
    "hashed_ngrams",
    "kept_words",
    "ragged",
    "text_of_word",
]

NGRAM_MULTIPLIER = 116_049_371
"""Spreads the ids of an n-gram over the buckets, as the hash of fastText does."""


def ragged(input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """The real tokens of a padded batch, whichever side the padding is on.

    Shape:
        input_ids, attention_mask: (texts, length); words: (real tokens,); lengths: (texts,).
    """
    real = attention_mask != 0
    return input_ids[real], real.sum(-1)


def text_of_word(lengths: Tensor) -> Tensor:
    """Which text each word belongs to: 0 0 0 1 1 for lengths 3 and 2.

    Shape:
        lengths: (texts,); result: (words,).
    """
    return torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)


def kept_words(text: Tensor, texts: int, word_dropout: float) -> Tensor:
    """Draw the words that word dropout keeps: each with probability 1 - p, and one at least.

    Where a text would lose all of its words the one with the greatest draw stays, so that there is
    always something to take the mean of.

    Args:
        text: which text each word belongs to.
        texts: how many texts there are.
        word_dropout: the probability p that a word is left out.

    Shape:
        text: (words,); result: (words,), boolean.

    Reference:
        Iyyer et al. 2015, Deep unordered composition rivals syntactic methods for text
        classification, section 3.1.
    """
    draws = torch.rand(len(text), device=text.device)
    greatest = draws.new_zeros(texts).scatter_reduce_(0, text, draws, "amax")
    return draws >= greatest.clamp(max=word_dropout)[text]


def hashed_ngrams(
    words: Tensor, lengths: Tensor, max_ngram: int, buckets: int
) -> list[tuple[Tensor, Tensor]]:
    """Sequences of 2 to `max_ngram` words as buckets of a hash table.

    Args:
        words: ids of the words.
        lengths: of the texts; no n-gram reaches from one into the next.
        max_ngram: length of the longest.
        buckets: size of the table.

    Returns:
        For n = 2, 3, ... the bucket of each n-gram, in the order of the words, and the text that it
        belongs to.

    Shape:
        words: (words,); lengths: (texts,); results: (n-grams,).

    Reference:
        Joulin et al. 2017, Bag of tricks for efficient text classification.
    """
    text = text_of_word(lengths)
    hashes, found = words + 1, []  # plus one, so that word 0 counts at the beginning too
    for n in range(2, max_ngram + 1):
        # the hash of n words is that of the first n - 1 and the n-th word
        hashes = hashes[:-1] * NGRAM_MULTIPLIER + words[n - 1 :]
        inside = text[n - 1 :] == text[: len(hashes)]
        found.append((hashes[inside] % buckets, text[n - 1 :][inside]))
    return found


def bag_counts(words: Tensor, text: Tensor, weights: Tensor, texts: int) -> tuple[Tensor, Tensor]:
    """The distinct words u of a batch, and how often each stands in each text, as a small matrix.

    Sums of word vectors are then one matrix product over the distinct words only,

        sums = C E[u],     dE[u] = C^T dsums,

    and both touch each row of the embedding matrix E once however often the word occurs.

    Args:
        words: ids of the words.
        text: which text each belongs to.
        weights: what each word counts: 1, or 0 where it is dropped.
        texts: how many texts there are.

    Returns:
        u, rising, and C.

    Shape:
        words, text, weights: (words,); u: (distinct,); C: (texts, distinct).
    """
    distinct, place = torch.unique(words, return_inverse=True)
    counts = weights.new_zeros(texts * len(distinct))
    counts.index_add_(0, text * len(distinct) + place, weights)
    return distinct, counts.view(texts, len(distinct))


def embedding_rows(weight: Tensor, ids: Tensor, *, sparse: bool, frozen: Tensor | None) -> Tensor:
    """Rows of an embedding matrix; those of frozen words get no gradient.

    Shape:
        weight: (vocabulary, size); ids: (ids,); frozen: (vocabulary,), boolean;
        result: (ids, size).
    """
    rows = functional.embedding(ids, weight, sparse=sparse)
    if frozen is None:
        return rows
    return torch.where(frozen[ids].unsqueeze(-1), rows.detach(), rows)
