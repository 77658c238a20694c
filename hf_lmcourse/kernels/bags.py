"""Texts of different lengths without padding, and sums of their word vectors as one small product.

A batch of texts is `words`, the ids of all of them one after the other, and `lengths`, how many of
them belong to each text.
"""

import torch
from torch import Tensor


def ragged(input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
    """The real tokens of a padded batch, whichever side the padding is on.

    Shape:
        input_ids, attention_mask: (texts, length); words: (real tokens,); lengths: (texts,).
    """
    real = attention_mask != 0
    return input_ids[real], real.sum(-1)


def padded(words: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of `ragged`: a padded batch, the padding on the right, and which ids are real.

    Shape:
        words: (words,); lengths: (texts,); ids: (texts, longest), 0 at padding;
        real: (texts, longest), boolean.
    """
    longest = int(lengths.max()) if len(lengths) else 0
    real = torch.arange(longest, device=lengths.device) < lengths.unsqueeze(-1)
    return words.new_zeros(real.shape).masked_scatter(real, words), real


def text_of_word(lengths: Tensor) -> Tensor:
    """Which text each word belongs to: 0 0 0 1 1 for lengths 3 and 2.

    Shape:
        lengths: (texts,); result: (words,).
    """
    return torch.arange(len(lengths), device=lengths.device).repeat_interleave(lengths)


def bag_counts(words: Tensor, text: Tensor, weights: Tensor, texts: int) -> tuple[Tensor, Tensor]:
    """The distinct words u of a batch, and how often each occurs in each text, as a small matrix.

    Sums of word vectors are then one matrix product over the distinct words only,

        sums = C E[u],     dE[u] = C^T dsums,

    and both touch each row of the embedding matrix E once however often the word occurs.

    Args:
        words: Ids of the words.
        text: Which text each belongs to.
        weights: What each word counts: 1, or 0 if it is dropped.
        texts: How many texts there are.

    Returns:
        u, rising, and C.

    Shape:
        words, text, weights: (words,); u: (distinct,); C: (texts, distinct).
    """
    distinct, place = torch.unique(words, return_inverse=True)
    counts = weights.new_zeros(texts * len(distinct))
    counts.index_add_(0, text * len(distinct) + place, weights)
    return distinct, counts.view(texts, len(distinct))
