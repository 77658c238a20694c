"""Embedding with dropout of whole words.

With E[w] the vector of word w, and keep[w] 1 for a word that is kept and 0 for one that is dropped,
which happens with probability p:

    e_t = keep[w_t] E[w_t] / (1 - p)                    w_t the word at position t

A word that is dropped is missing wherever it occurs. keep is drawn for you.

Check it with `lmcourse check FILE`: values, and gradients through autograd. A file that imports
NumPy and not torch gets NumPy arrays, and only values are compared. Instead of the function there
may be a class WordDropout(words, embedding_size), an nn.Module or not, with an attribute E, which
the checker sets, and which is called with ids, keep and p.
"""

from torch import Tensor


def word_dropout(ids: Tensor, E: Tensor, keep: Tensor, p: float) -> Tensor:
    """The vectors e.

    Shape:
        ids: (texts, length), integers; E: (words, embedding_size); keep: (words,), integers;
        e: (texts, length, embedding_size).
    """
    raise NotImplementedError
