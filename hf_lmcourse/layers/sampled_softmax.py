"""Sampled softmax: train an output layer of a large vocabulary on a part of it at each step."""

import math
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from ..kernels.logit_chunks import size_multiple
from ..kernels.softmax_loss import IGNORED, linear_cross_entropy


@lru_cache(maxsize=8)
def inclusion_probabilities(vocabulary: int, num_sampled: int) -> Tensor:
    """How likely each word is to be drawn: by Zipf's law, the frequent ones always.

        pi_j = min(1, c / (j + 1)),     c such that  sum_j pi_j = num_sampled

    It needs token ids sorted by falling frequency, which the word tokenizer gives.

    Args:
        vocabulary: Number of words.
        num_sampled: How many are drawn on average.

    Shape:
        result: (vocabulary,), float64.

    Raises:
        ValueError: `num_sampled` is not from 1 to `vocabulary`.
    """
    if not 1 <= num_sampled <= vocabulary:
        raise ValueError(f"num_sampled must be from 1 to {vocabulary}, not {num_sampled}")
    zipf = 1 / torch.arange(1, vocabulary + 1, dtype=torch.float64)
    low, high = 0.0, float(vocabulary)  # c lies between them: at c = vocabulary every pi is 1
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if (middle * zipf).clamp(max=1).sum() < num_sampled:
            low = middle
        else:
            high = middle
    return (high * zipf).clamp(max=1)


def sample_vocabulary(
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    num_sampled: int,
    *,
    sparse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """A sample of the rows of a linear output layer, over which any softmax loss can be taken.

    Y are the words that occur among the targets, and word 0, so that there is always one; of the
    others each word j is drawn by itself with probability pi_j (`inclusion_probabilities`), one
    sample S for all tokens. With scores o = W h + b the normaliser sum_j exp(o_j) is estimated
    without bias (Horvitz-Thompson) by

        Z = sum over j in Y of exp(o_j)  +  sum over j in S of exp(o_j - log pi_j)

    which is that of an ordinary softmax over Y and S with shifted biases.

    Args:
        weight: The matrix W.
        bias: b, or `None`.
        targets: Token ids; `-100` is not counted.
        num_sampled: How many words pi adds up to. Those of Y come on top if they are rarer.
        sparse: Whether the gradient of W has the rows of the sample alone.

    Returns:
        W, b and the targets of the sample; at its end some rows that take no part, with b at minus
        infinity, so that few samples differ in size.

    Shape:
        weight: (vocabulary, size); bias: (vocabulary,); targets: (tokens,);
        results: (words, size), (words,), (tokens,).

    Reference:
        Independent draws with a fixed probability each: Horvitz and Thompson 1952.
    """
    vocabulary = weight.shape[0]
    pi = inclusion_probabilities(vocabulary, num_sampled).to(weight.device)
    kept = targets != IGNORED
    drawn = torch.rand(vocabulary, dtype=pi.dtype, device=pi.device) < pi
    certain = torch.zeros_like(drawn)
    certain.scatter_(0, targets[kept], True)
    certain[0] = True

    words = (drawn | certain).nonzero().squeeze(-1)
    shift = -pi[words].log().masked_fill(certain[words], 0).to(weight.dtype)
    position = torch.empty_like(drawn, dtype=targets.dtype)
    position[words] = torch.arange(len(words), dtype=targets.dtype, device=targets.device)
    place = torch.where(kept, position[targets.masked_fill(~kept, 0)], IGNORED)
    missing = -len(words) % size_multiple(num_sampled)
    words = functional.pad(words, (0, missing))
    shift = functional.pad(shift, (0, missing), value=-math.inf)
    if bias is not None:
        shift = shift + bias.index_select(0, words)
    return functional.embedding(words, weight, sparse=sparse), shift, place


def sampled_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, num_sampled: int
) -> Tensor:
    """Summed cross-entropy of a linear output layer over a sample of the vocabulary.

    The loss of a target y is log Z - o_y, with Z the estimate of `sample_vocabulary`. By Jensen's
    inequality it is a little below the exact one on average, so it is for training only. With
    `num_sampled` equal to the vocabulary it is the exact one.

    Arguments, result and shapes are those of `linear_cross_entropy`; `num_sampled` words are drawn
    on average.

    Reference:
        Jean et al. 2015, On using very large target vocabulary for neural machine translation.
    """
    return linear_cross_entropy(hidden, *sample_vocabulary(weight, bias, targets, num_sampled))
