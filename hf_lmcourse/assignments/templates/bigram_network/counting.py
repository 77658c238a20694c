"""Perplexity of a text, and the count model to compare a network with."""

import torch
from torch import Tensor


def corpus_perplexity(log_p: Tensor, lengths: Tensor, base: float) -> Tensor:
    """Return the perplexity of all texts together.

    The first lengths[i] entries of row i of log_p are the logarithms, to the base, of the
    probabilities of its words; what follows is padding, with any value.

    Shape:
        log_p: (texts, length); lengths: (texts,), integers; result: ().
    """
    # one mean over all words, not a mean of means
    # BEGIN SOLUTION
    real = torch.arange(log_p.shape[1]) < lengths.unsqueeze(1)
    mean = torch.where(real, log_p, 0).sum() / lengths.sum()
    # END SOLUTION
    return base ** (-mean)  # SOLUTION


def kneser_ney_bigram(counts: Tensor, D: float) -> Tensor:
    """Return the probabilities of an interpolated Kneser-Ney bigram model.

    With c(v, w) the count of word w after word v,

        P(w) = number of words that precede w / number of different bigrams
        P(w | v) = max(c(v, w) - D, 0) / c(v) + D n(v) / c(v) P(w)

    where c(v) is the sum of the counts after v, and n(v) the number of different words after it. A
    word that nothing follows has P(w | v) = P(w).

    Shape:
        counts, result: (words, words).
    """
    occurs = (counts > 0).to(counts.dtype)
    # how many different words precede each word
    # BEGIN SOLUTION
    lower = occurs.sum(0) / occurs.sum()
    # END SOLUTION
    c, n = counts.sum(1, keepdim=True), occurs.sum(1, keepdim=True)
    # BEGIN SOLUTION
    discounted = (counts - D).clamp(min=0) / c.clamp(min=1)
    P = discounted + D * n / c.clamp(min=1) * lower
    # END SOLUTION
    # the words that nothing follows
    # BEGIN SOLUTION
    P = torch.where(c > 0, P, lower)
    # END SOLUTION
    return P
