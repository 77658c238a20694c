"""The softmax over the vocabulary dominates the cost of a feed-forward model.

Bengio's network reads n - 1 words of m numbers each and has h hidden units. A token costs, in
multiply-adds of the forward pass,

    hidden layer               (n - 1) m h
    output layer               V h          and V (n - 1) m more with direct connections

so that the output layer's share, V / (V + (n - 1) m) without them, tends to one as V grows. Three
output layers over hidden vectors of size D, in multiply-adds per token:

    full       D V
    adaptive   D (c_1 + K)  +  sum_i P_i (D D_i + D_i s_i)          D_i = D / r^i rounded down
    sampled    D W

Adaptive: c_1 frequent words and K clusters in the head; cluster i has s_i rare words and is
computed only for the share P_i of the tokens that are among them. Sampled, for a batch of B tokens:
the W words to be scored are those drawn, word j with probability pi_j, and the B targets. If the
targets are independent with probabilities p_j,

    E W = sum_j 1 - (1 - pi_j) (1 - p_j)^B

(our sampler always keeps word 0: pi_0 = 1). Real targets repeat within a batch, then W is smaller.
The implementation rounds W, and the tokens of a cluster, up to a multiple, see `size_multiple`.

Sources: Bengio et al. 2003, A neural probabilistic language model; Grave et al. 2017, Efficient
softmax approximation for GPUs; Jean et al. 2015, On using very large target vocabulary for neural
machine translation.
"""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor


def feed_forward_multiply_adds(
    vocabulary: int, context: int, embedding: int, hidden: int, direct: bool = False
) -> tuple[int, int]:
    """Return the cost of a token in the hidden and in the output layer of Bengio's network.

    The context is the n - 1 words read; `direct` connects embeddings to the output layer as well.
    """
    inputs = context * embedding
    return inputs * hidden, vocabulary * (hidden + (inputs if direct else 0))


def full_multiply_adds(hidden: int, words: float) -> float:
    """Return D V; with the number of words scored for V also the cost of sampled softmax."""
    return hidden * words


def _clusters(
    hidden: int, vocabulary: int, cutoffs: Sequence[int], div_value: float
) -> list[tuple[int, int]]:
    """Return D_i and s_i of each cluster."""
    borders = pairwise([*cutoffs, vocabulary])
    return [
        (int(hidden // div_value**i), end - start)
        for i, (start, end) in enumerate(borders, start=1)
    ]


def adaptive_multiply_adds(
    hidden: int,
    vocabulary: int,
    cutoffs: Sequence[int],
    shares: Sequence[float],
    div_value: float = 4.0,
) -> float:
    """Return D (c_1 + K) + sum_i P_i (D D_i + D_i s_i).

    The cutoffs are the first ids of the clusters, starting with c_1; the shares are the P_i, and
    `div_value` is r.
    """
    clusters = _clusters(hidden, vocabulary, cutoffs, div_value)
    tails = [width * (hidden + size) for width, size in clusters]
    head = hidden * (cutoffs[0] + len(clusters))
    return head + sum(share * tail for share, tail in zip(shares, tails, strict=True))


def adaptive_parameters(
    hidden: int, vocabulary: int, cutoffs: Sequence[int], div_value: float = 4.0
) -> int:
    """Return (D + 1) (c_1 + K) + sum_i (D D_i + D_i s_i): only the head has a bias."""
    clusters = _clusters(hidden, vocabulary, cutoffs, div_value)
    head = (hidden + 1) * (cutoffs[0] + len(clusters))
    return head + sum(width * (hidden + size) for width, size in clusters)


def expected_words(pi: Tensor, p: Tensor, batch: int) -> float:
    """Return E W = sum_j 1 - (1 - pi_j) (1 - p_j)^B for a batch of B tokens.

    Shape:
        pi, p: (V,).
    """
    return (1 - (1 - pi) * (1 - p) ** batch).sum().item()
