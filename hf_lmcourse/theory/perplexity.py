"""Perplexity is the same in every base.

A model gives the words of a text the probabilities p_1 .. p_M. In base b,

    PP = b^(-1/M sum_i log_b p_i)

Because log_b p = ln p / ln b and b = e^(ln b),

    PP = e^(ln b (-1/M) sum_i ln p_i / ln b) = e^(-1/M sum_i ln p_i) = (p_1 p_2 ... p_M)^(-1/M)

which does not depend on b: 2^(cross-entropy in bits) = e^(cross-entropy in nats) = the geometric
mean of the 1/p_i. A uniform distribution over V words has PP = V.

Source: Jelinek et al. 1977, Perplexity - a measure of the difficulty of speech recognition tasks.
"""

import math

import torch
from torch import Tensor


def cross_entropy(probabilities: Tensor, base: float = math.e) -> Tensor:
    """Return -1/M sum_i log_b p_i: in bits for b = 2, in nats for b = e.

    Shape:
        probabilities: (words,), all positive; result: ().
    """
    return -(torch.log(probabilities) / math.log(base)).mean()


def perplexity(probabilities: Tensor, base: float = math.e) -> Tensor:
    """Return base ** cross_entropy(probabilities, base)."""
    return base ** cross_entropy(probabilities, base)
