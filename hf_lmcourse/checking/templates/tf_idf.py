"""Weights of words by tf-idf.

With c(t, w) = counts[t, w] how often word w is in text t, N the number of texts and df(w) the
number of texts that contain w:

    tf(t, w) = 1 + ln c(t, w)   if the text contains the word, else 0
    idf(w)   = ln((1 + N) / (1 + df(w))) + 1

    weights[t] = row of tf(t, w) idf(w), divided by its Euclidean length

Check it with `lmcourse check FILE`. A file that imports NumPy and not torch gets NumPy arrays.
"""

from torch import Tensor


def tf_idf(counts: Tensor) -> Tensor:
    """The weights.

    Shape:
        counts: (texts, words), integers, no row or column of zeros; weights: (texts, words).
    """
    raise NotImplementedError
