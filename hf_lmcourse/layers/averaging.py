"""The deep averaging network: the mean of a text's word vectors, and layers on top of it.

With X the words of a text, v_w the vector of a word and r_w a fixed weight (1 unless said
otherwise):

    z_0 = 1/|X|^a sum over w in X of r_w v_w      a = 1, the mean, unless said otherwise
    z_i = g(W_i z_{i-1} + b_i)                g any activation

Word dropout takes each word out of X with probability p while training; X may also hold n-grams of
the text, hashed into a table of their own.

Reference:
    Iyyer et al. 2015, Deep unordered composition rivals syntactic methods for text classification.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..kernels.bags import text_of_word

_Map = Callable[[Tensor], Tensor]

NGRAM_MULTIPLIER = 116_049_371
"""Spreads the ids of an n-gram over the buckets, as the hash of fastText does."""


def mean_vectors(v: Tensor, r: Tensor, text: Tensor, texts: int, a: float = 1.0) -> Tensor:
    """Compute z_0 of each text, word by word: the reference.

    The models count the distinct words of a batch first (`kernels.bags.bag_counts`).

    Args:
        v: The vector of each word.
        r: Its weight.
        text: Which text it belongs to.
        texts: How many texts there are; one without words has z_0 = 0.
        a: Power of the number of words that divides the sum.

    Shape:
        v: (words, size); r, text: (words,); result: (texts, size).
    """
    total = v.new_zeros(texts, v.shape[1]).index_add(0, text, r.unsqueeze(-1) * v)  # (texts, size)
    number = v.new_zeros(texts).index_add(0, text, torch.ones_like(r))  # (texts,)
    return total / number.clamp(min=1).pow(a).unsqueeze(-1)


class AveragingLayers(nn.ModuleList):
    """The layers on top of the mean: z_i = g(W_i z_{i-1} + b_i), with dropout on each z.

    Args:
        sizes: The width of z_0, z_1, ...

    Shape:
        z_0: (texts, sizes[0]); results: (texts, size) for each size.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        pairs = zip(sizes, sizes[1:], strict=False)
        super().__init__(nn.Linear(before, after) for before, after in pairs)

    def forward(self, z: Tensor, g: _Map, dropout: _Map) -> tuple[Tensor, ...]:
        """Apply all layers; z_0, z_1, ..., each after dropout."""
        steps = [dropout(z)]  # (texts, embedding_size)
        for layer in self:
            steps.append(dropout(g(layer(steps[-1]))))  # (texts, hidden_size)
        return tuple(steps)


def kept_words(text: Tensor, texts: int, word_dropout: float) -> Tensor:
    """Draw the words that word dropout keeps: each with probability 1 - p, and one at least.

    Where a text would lose all of its words the one with the greatest draw stays, so that there is
    always something to take the mean of.

    Args:
        text: Which text each word belongs to.
        texts: How many texts there are.
        word_dropout: The probability p that a word is left out.

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
        words: Ids of the words.
        lengths: Of the texts; no n-gram reaches from one into the next.
        max_ngram: Length of the longest.
        buckets: Size of the table.

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


def padded_ngrams(
    words: Tensor, real: Tensor, max_ngram: int, buckets: int
) -> tuple[Tensor, Tensor]:
    """`hashed_ngrams` of a padded batch: no size depends on the values, as a graph needs it.

    Args:
        words: Ids of the words, all padding behind them.
        real: Whether a position has a word.
        max_ngram: Length of the longest.
        buckets: Size of the table.

    Returns:
        The bucket of each n-gram, and whether there is one. The first position never has one: a
        text of one word would have no positions, which onnxruntime cannot sum over.

    Shape:
        words, real: (texts, length); results: (texts, positions).
    """
    hashes, found = words + 1, [(words[:, :1] * 0, real[:, :1] & False)]
    for n in range(2, max_ngram + 1):
        hashes = hashes[:, :-1] * NGRAM_MULTIPLIER + words[:, n - 1 :]
        found.append((hashes % buckets, real[:, n - 1 :]))
    ids, there = (torch.cat(parts, dim=1) for parts in zip(*found, strict=True))
    return ids, there


def words_first(input_ids: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Move all padding behind the words, so that neighbouring words are adjacent.

    Shape:
        input_ids, real, results: (texts, length).
    """
    length = input_ids.shape[1]
    place = torch.arange(length, device=input_ids.device).expand_as(input_ids)
    order = torch.where(real, place, place + length).argsort(-1)
    return input_ids.gather(1, order), real.gather(1, order)


def shares_of_distinct(ids: Tensor, real: Tensor) -> Tensor:
    """1 over how often the id of a position occurs in its text, 0 at padding: once for each id.

    Shape:
        ids, real, result: (texts, length); `real` is a float tensor.
    """
    same = (ids.unsqueeze(2) == ids.unsqueeze(1)).to(real.dtype) * real.unsqueeze(1)
    return real / same.sum(-1).clamp(min=1)
