"""A bigram model with interpolated Kneser-Ney smoothing.

With c(v w) = counts[v, w] how often w follows v, c(v) = sum_w c(v w), n(v) the number of distinct
words that follow v, and D the discount:

    P(w)     = number of distinct words before w / number of distinct bigrams
    P(w | v) = max(c(v w) - D, 0) / c(v) + D n(v) / c(v) P(w)
    P(w | v) = P(w)                                     if nothing follows v

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def kneser_ney_bigram(counts: Tensor, D: float) -> Tensor:
    """The probabilities P, whose row v is P(. | v).

    Shape:
        counts: (words, words), integers; P: (words, words).
    """
    raise NotImplementedError
